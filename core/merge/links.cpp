#include "merge/links.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "encode/json_text.hpp"
#include "framing/json_text.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kExamples = 20;
constexpr std::size_t kExampleIds = 5;

std::string_view text_of(const Conversation& c, Target target) {
  switch (target) {
    case Target::platform: return c.platform;
    case Target::queue_id: return c.queue_id;
    case Target::assigned_agent_id: return c.assigned_agent_id;
    case Target::customer_id: return c.customer_id;
    case Target::subject: return c.subject;
    case Target::status: return c.status;
    default: return {};
  }
}

/// The value of a field as text that compares across sources: a JSON string without its quotes (`"007"` is `007`), another
/// scalar as it is written. Empty: no value to link by.
std::string_view link_value(const State& state, const LinkField& field, std::string_view json_key, std::string& decoded) {
  if (field.target == Target::external_id) return state.id;
  if (field.target != Target::none) return text_of(state.conversation, field.target);
  const auto found = std::lower_bound(state.metadata.begin(), state.metadata.end(), json_key,
                                      [](const State::Meta& m, std::string_view key) { return m.key < key; });
  if (found == state.metadata.end() || found->key != json_key) return {};
  const std::string_view value = found->value;
  if (value.empty() || value.front() == '[' || value.front() == '{' || value == "null") return {};
  if (value.front() != '"') return value;
  const std::string_view inside = value.substr(1, value.size() - 2);
  if (inside.find('\\') == std::string_view::npos) return inside;
  decoded = json::unescaped(inside);
  return decoded;
}

}  // namespace

Links::Links(const std::vector<LinkRule>& rules, const MergePlan& plan, std::size_t budget, SpillFile& spill)
    : rules_(rules), plan_(plan), budget_(budget) {
  values_.emplace(budget / 2, spill);
  report_.rules.resize(rules.size());
  for (const LinkRule& rule : rules) {
    for (const LinkField* field : {&rule.left, &rule.right}) {
      Buffer key;
      add_json_string(key, field->metadata_key);
      key.add(':');
      json_keys_.emplace_back(key.view());
    }
  }
}

// An entry's key: rule (2 bytes), value; its payload: side, how many sources (4 bytes each), external_id.
void Links::collect(Buffer& out, std::string_view external_id, std::span<const State* const> states,
                    std::span<const std::uint32_t> sources) const {
  std::string key, payload, decoded;
  for (std::size_t r = 0; r < rules_.size(); ++r) {
    for (const bool left : {true, false}) {
      const LinkField& field = left ? rules_[r].left : rules_[r].right;
      for (std::size_t i = 0; i < states.size(); ++i) {
        if (sources[i] != plan_.lead(static_cast<std::uint32_t>(field.source))) continue;
        const std::string_view value = link_value(*states[i], field, json_keys_[2 * r + (left ? 0 : 1)], decoded);
        if (value.empty()) continue;
        key.assign({static_cast<char>(r >> 8), static_cast<char>(r)});
        key.append(value);
        payload.assign(1, left ? 'l' : 'r');
        const auto count = static_cast<std::uint32_t>(sources.size());
        payload.append(reinterpret_cast<const char*>(&count), sizeof count);
        payload.append(reinterpret_cast<const char*>(sources.data()), sources.size_bytes());
        payload.append(external_id);
        entry::add(out, key, payload);
      }
    }
  }
}

Result<std::uint32_t> Links::node(std::string_view external_id, std::string_view sources) {
  if (const auto known = by_id_.find(external_id); known != by_id_.end()) return known->second;
  const auto number = static_cast<std::uint32_t>(nodes_.size());
  Node& fresh = nodes_.emplace_back();
  fresh.external_id = arena_.keep(external_id);
  fresh.sources.resize(sources.size() / sizeof(std::uint32_t));
  std::memcpy(fresh.sources.data(), sources.data(), sources.size());
  std::sort(fresh.sources.begin(), fresh.sources.end());
  fresh.sources.erase(std::unique(fresh.sources.begin(), fresh.sources.end()), fresh.sources.end());
  fresh.parent = number;
  by_id_.emplace(fresh.external_id, number);
  if (auto ok = hold(external_id.size() + sizeof(Node) + sources.size() + 2 * (sizeof(std::string_view) + 32)); !ok) {
    return ok.error();
  }
  return number;
}

Result<void> Links::hold(std::size_t bytes) {
  held_ += bytes;
  if (held_ > budget_) {
    return Error{Errc::io,
                 fmt::format("{} linked conversations need more memory than there is for them ({:.1f} MiB)", nodes_.size(),
                             static_cast<double>(budget_) / (1 << 20)),
                 "raise memory_limit"};
  }
  return {};
}

/// That two conversations have a value in common.
Result<void> Links::join(std::uint32_t one, std::uint32_t other, std::size_t rule) {
  if (one == other) return {};
  nodes_[root(one)].parent = root(other);
  edges_.push_back({one, static_cast<std::uint32_t>(rule)});
  return hold(sizeof(Edge));
}

std::uint32_t Links::root(std::uint32_t node) {
  while (nodes_[node].parent != node) {
    nodes_[node].parent = nodes_[nodes_[node].parent].parent;
    node = nodes_[node].parent;
  }
  return node;
}

namespace {

/// What collect() wrote of one conversation.
struct Side {
  explicit Side(std::string_view payload) {
    std::uint32_t count = 0;
    std::memcpy(&count, payload.data() + 1, sizeof count);
    const std::size_t size = count * sizeof(std::uint32_t);
    left = payload.front() == 'l';
    sources = payload.substr(5, size);
    external_id = payload.substr(5 + size);
  }
  bool left;
  std::string_view sources, external_id;
};

std::size_t rule_of(std::string_view key) {
  return std::size_t{static_cast<unsigned char>(key[0])} << 8 | static_cast<unsigned char>(key[1]);
}

}  // namespace

/// Conversations that have a value of both sides become neighbours.
Result<void> Links::join_values() {
  // Two cursors: one counts the sides of a value, the other joins them where both have it. So a value that a million
  // conversations of one side have takes no memory.
  auto opened_ahead = SorterCursor::open(*values_), opened_behind = SorterCursor::open(*values_);
  if (!opened_ahead) return opened_ahead.error();
  if (!opened_behind) return opened_behind.error();
  SorterCursor &ahead = **opened_ahead, &behind = **opened_behind;
  std::string key;
  for (auto more = ahead.next();;) {
    if (!more) return more.error();
    if (!*more) break;
    key = ahead.key();
    std::uint64_t lefts = 0, all = 0;
    while (more && *more && ahead.key() == key) {
      lefts += Side(ahead.payload()).left ? 1U : 0U;
      ++all;
      more = ahead.next();
    }
    LinkReport::Rule& report = report_.rules[rule_of(key)];
    report.left += lefts;
    report.right += all - lefts;
    const bool joined = lefts != 0 && lefts != all;
    report.joined += joined ? 1U : 0U;
    std::uint32_t first = 0;
    for (std::uint64_t i = 0; i < all; ++i) {
      if (auto stepped = behind.next(); !stepped) return stepped.error();
      if (!joined) continue;
      const Side side(behind.payload());
      auto number = node(side.external_id, side.sources);
      if (!number) return number.error();
      if (i == 0) first = *number;
      if (auto ok = join(*number, first, rule_of(key)); !ok) return ok;
    }
  }
  return {};
}

Result<void> Links::resolve() {
  if (auto ok = values_->seal(); !ok) return ok;
  if (auto ok = join_values(); !ok) return ok;
  values_.reset();

  // Members of a group side by side, groups in the order of their smallest external_id.
  std::vector<std::uint32_t> order(nodes_.size());
  for (std::uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(),
            [&](std::uint32_t a, std::uint32_t b) { return nodes_[a].external_id < nodes_[b].external_id; });
  std::vector<std::vector<std::uint32_t>> groups;
  std::unordered_map<std::uint32_t, std::size_t> group_of;
  for (const std::uint32_t n : order) {
    const auto [at, fresh] = group_of.emplace(root(n), groups.size());
    if (fresh) groups.emplace_back();
    groups[at->second].push_back(n);
  }
  for (std::vector<std::uint32_t>& members : groups) decide(members);
  tell_rules();
  nodes_ = {};
  by_id_ = {};
  edges_ = {};
  rules_of_ = {};
  return {};
}

/// One group, its members by external_id: it is joined under one of them, or left apart.
void Links::decide(std::vector<std::uint32_t>& members) {
  if (members.size() < 2) return;
  std::vector<std::vector<std::uint32_t>> of_source(plan_.sources.size());
  for (const std::uint32_t m : members) {
    for (const std::uint32_t source : nodes_[m].sources) of_source[source].push_back(m);
  }
  for (std::uint32_t source = 0; source < of_source.size(); ++source) {
    const bool several = !plan_.several.empty() && plan_.several[source];
    if (of_source[source].size() < 2 || several) continue;
    leave_apart(members, source, of_source[source]);
    return;
  }
  ++report_.groups;
  std::vector<std::uint32_t> order = plan_.order[static_cast<std::size_t>(Target::external_id)];
  if (order.empty()) {
    for (std::uint32_t s = 0; s < plan_.sources.size(); ++s) order.push_back(s);
  }
  std::string_view survivor = nodes_[members.front()].external_id;
  for (const std::uint32_t source : order) {
    if (plan_.sources[source].enrich || of_source[source].empty()) continue;
    survivor = nodes_[of_source[source].front()].external_id;
    break;
  }
  for (const std::uint32_t m : members) survivors_.emplace(nodes_[m].external_id, survivor);
  keep_group(members, survivor, 0);
}

void Links::keep_group(const std::vector<std::uint32_t>& members, std::string_view survivor, std::uint32_t conflict) {
  if (!keeps_groups_) return;
  LinkedGroup& group = groups_.emplace_back();
  group.survivor = survivor;
  group.conflict = conflict;
  for (const std::uint32_t m : members) {
    group.members.push_back(nodes_[m].external_id);
    group_of_.emplace(nodes_[m].external_id, groups_.size() - 1);
  }
  rules_of_.try_emplace(root(members.front()));
}

void Links::leave_apart(const std::vector<std::uint32_t>& members, std::uint32_t source,
                        const std::vector<std::uint32_t>& of_source) {
  ++report_.conflicts;
  keep_group(members, "", source);
  if (report_.examples.size() == kExamples) return;
  LinkReport::Conflict& example = report_.examples.emplace_back();
  example.source = plan_.sources[source].config->name;
  example.size = members.size();
  for (const std::uint32_t m : of_source) {
    if (example.external_ids.size() < kExampleIds) example.external_ids.emplace_back(nodes_[m].external_id);
  }
  rules_of_.try_emplace(root(members.front()));
}

/// By which rules the groups that are told of are linked.
void Links::tell_rules() {
  if (rules_of_.empty()) return;
  for (const Edge& edge : edges_) {
    const auto wanted = rules_of_.find(root(edge.node));
    if (wanted != rules_of_.end()) wanted->second.insert(edge.rule);
  }
  const auto tell = [this](std::string_view member, std::vector<std::size_t>& rules) {
    const std::set<std::size_t>& all = rules_of_[root(by_id_[member])];
    rules.assign(all.begin(), all.end());
  };
  for (LinkReport::Conflict& example : report_.examples) tell(example.external_ids.front(), example.rules);
  for (LinkedGroup& group : groups_) tell(group.members.front(), group.rules);
}

const LinkedGroup* Links::group_of(std::string_view external_id) const {
  const auto found = group_of_.find(external_id);
  return found == group_of_.end() ? nullptr : &groups_[found->second];
}

std::string_view Links::survivor(std::string_view external_id) const {
  const auto found = survivors_.find(external_id);
  return found == survivors_.end() ? std::string_view() : found->second;
}

}  // namespace crosswalk
