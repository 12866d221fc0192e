#include "merge/combine.hpp"

#include <algorithm>
#include <string>

#include "encode/buffer.hpp"
#include "encode/json_text.hpp"
#include "merge/observer.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {
namespace {

struct Group {
  const MergePlan& plan;
  std::span<const State* const> states;
  std::span<const std::uint32_t> sources;

  [[nodiscard]] bool may_say(std::size_t i, Target target) const {
    return !plan.sources[sources[i]].enrich || is_update_field(target);
  }
  /// Calls `visit(i)` for the states, in the order in which they are asked for a field, until it returns true.
  void ask(Target target, const auto& visit) const {
    const auto& order = plan.order[static_cast<std::size_t>(target)];
    if (order.empty()) {
      for (std::size_t i = 0; i < states.size(); ++i) {
        if (visit(i)) return;
      }
      return;
    }
    for (const std::uint32_t source : order) {
      for (std::size_t i = 0; i < states.size(); ++i) {
        if (sources[i] == source && visit(i)) return;
      }
    }
  }
  /// The rule by which a state is asked before another.
  [[nodiscard]] Rule rule_between(Target target, std::size_t first, std::size_t later) const {
    if (sources[first] == sources[later]) return Rule::first_conversation;
    return ordered(target) ? Rule::merge_fields : Rule::first_source;
  }
  [[nodiscard]] bool ordered(Target target) const { return !plan.order[static_cast<std::size_t>(target)].empty(); }
};

/// The name under which a source's overruled metadata stands: its own, unless a field is called so or `crosswalk`, where
/// it is said how times are known.
std::string_view loser_key(std::string_view source, const std::vector<MetadataItem>& taken, Arena& arena) {
  Buffer key;
  std::string name(source);
  if (name == "crosswalk") name += " (source)";
  for (;;) {
    key.clear();
    add_json_string(key, name);
    key.add(':');
    const auto same = [&](const MetadataItem& item) { return item.key == key.view(); };
    if (std::none_of(taken.begin(), taken.end(), same)) return arena.keep(key.view());
    name += " (source)";
  }
}

template <class Report>
void combine_metadata(const Group& group, Arena& arena, std::vector<MetadataItem>& to, [[maybe_unused]] Report report) {
  struct Said {
    std::string_view key, value;
    std::uint32_t state;
  };
  thread_local std::vector<Said> all;
  all.clear();
  for (std::uint32_t i = 0; i < group.states.size(); ++i) {
    for (const State::Meta& m : group.states[i]->metadata) all.push_back({m.key, m.value, i});
  }
  std::stable_sort(all.begin(), all.end(), [](const Said& a, const Said& b) { return a.key < b.key; });
  thread_local std::vector<Said> lost;
  lost.clear();
  [[maybe_unused]] std::size_t stands = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i > 0 && !to.empty() && to.back().key == all[i].key) {
      const bool differs = to.back().value != all[i].value;
      if (differs) lost.push_back(all[i]);
      if constexpr (Report::kReports) {
        const Rule rule = differs ? group.rule_between(Target::none, stands, all[i].state) : Rule::same_value;
        report.to.member_says(all[i].key, all[i].state, rule, false);
      }
    } else {
      to.push_back({all[i].key, all[i].value});
      stands = all[i].state;
      if constexpr (Report::kReports) report.to.member_says(all[i].key, stands, Rule::only, true);
    }
  }
  if (lost.empty()) return;
  std::stable_sort(lost.begin(), lost.end(),
                   [&](const Said& a, const Said& b) { return group.sources[a.state] < group.sources[b.state]; });
  const std::size_t fields = to.size();
  for (std::size_t i = 0; i < lost.size();) {
    const std::uint32_t source = group.sources[lost[i].state];
    Buffer value;
    std::string_view last_key;
    for (; i < lost.size() && group.sources[lost[i].state] == source; ++i) {
      if (lost[i].key == last_key) continue;  // of several conversations of one source, the first one's
      value.add(value.empty() ? '{' : ',');
      value.add(lost[i].key);
      value.add(lost[i].value);
      last_key = lost[i].key;
    }
    value.add('}');
    to.push_back({loser_key(group.plan.sources[source].config->name, to, arena), arena.keep(value.view())});
    if constexpr (Report::kReports) report.to.kept_under(to.back().key, source);
  }
  if (to.size() != fields) {
    std::sort(to.begin(), to.end(), [](const MetadataItem& a, const MetadataItem& b) { return a.key < b.key; });
  }
}

/// Of those who know a field the first in line.
template <class T>
void take_first(const Group& group, Target target, T Conversation::*field, Conversation& to, Silent) {
  group.ask(target, [&](std::size_t i) {
    const T& value = group.states[i]->conversation.*field;
    if (!known(value) || !group.may_say(i, target)) return false;
    to.*field = value;
    return true;
  });
}

/// The same; whoever comes after it is asked too.
template <class T>
void take_first(const Group& group, Target target, T Conversation::*field, Conversation& to, Reporting report) {
  std::size_t first = 0;
  group.ask(target, [&](std::size_t i) {
    const T& value = group.states[i]->conversation.*field;
    if (!known(value)) return false;
    if (!group.may_say(i, target)) {
      report.to.member_says(target, i, Rule::enrich_may_not, false);
    } else if (known(to.*field)) {
      report.to.member_says(target, i, value == to.*field ? Rule::same_value : group.rule_between(target, first, i), false);
    } else {
      to.*field = value;
      first = i;
      report.to.member_says(target, i, Rule::only, true);
    }
    return false;
  });
}

/// The earliest or the latest, unless the job orders them.
template <class Report>
void take_outermost(const Group& group, Target target, std::optional<Instant> Conversation::*field, Rule rule, Conversation& to,
                    const auto& is_further, const auto& take, [[maybe_unused]] Report report) {
  const bool ordered = group.ordered(target);
  [[maybe_unused]] std::size_t first = 0;
  group.ask(target, [&](std::size_t i) {
    const Conversation& said = group.states[i]->conversation;
    if (!(said.*field)) return false;
    if (!group.may_say(i, target)) {
      if constexpr (Report::kReports) report.to.member_says(target, i, Rule::enrich_may_not, false);
      return false;
    }
    const bool is_first = !(to.*field);
    const bool stands = is_first || (!ordered && is_further(*(said.*field), *(to.*field)));
    if constexpr (Report::kReports) {
      const Rule by = is_first                         ? Rule::only
                      : *(said.*field) == *(to.*field) ? Rule::same_value
                      : ordered                        ? group.rule_between(target, first, i)
                                                       : rule;
      report.to.member_says(target, i, by, stands);
      if (is_first) first = i;
    }
    if (stands) take(to, said);
    return ordered && !Report::kReports;
  });
}

template <class Report>
void combine_states(const Group& group, Arena& arena, Combined& to, [[maybe_unused]] Report report) {
  const MergePlan& plan = group.plan;
  const std::span<const State* const> states = group.states;
  Conversation& c = to.conversation;
  c = {};
  to.metadata.clear();
  to.enrichment_only =
      std::all_of(group.sources.begin(), group.sources.end(), [&](std::uint32_t s) { return plan.sources[s].enrich; });
  const auto first_known = [&](Target target, auto field) { take_first(group, target, field, c, report); };
  c.external_id = states.front()->conversation.external_id;
  first_known(Target::platform, &Conversation::platform);
  first_known(Target::channel, &Conversation::channel);
  first_known(Target::queue_id, &Conversation::queue_id);
  first_known(Target::assigned_agent_id, &Conversation::assigned_agent_id);
  first_known(Target::customer_id, &Conversation::customer_id);
  first_known(Target::subject, &Conversation::subject);
  first_known(Target::status, &Conversation::status);
  first_known(Target::handle_time, &Conversation::handle_time);
  first_known(Target::wait_time, &Conversation::wait_time);
  first_known(Target::first_response_time, &Conversation::first_response_time);
  first_known(Target::resolved, &Conversation::resolved);
  first_known(Target::csat_score, &Conversation::csat_score);
  const auto earlier = [](const Instant& a, const Instant& b) { return a < b; };
  const auto later = [](const Instant& a, const Instant& b) { return b < a; };
  take_outermost(group, Target::started_at, &Conversation::started_at, Rule::earliest_of_sources, c, earlier, take_started,
                 report);
  take_outermost(group, Target::ended_at, &Conversation::ended_at, Rule::latest_of_sources, c, later, take_ended, report);
  if (states.size() == 1) {
    for (const State::Meta& m : states.front()->metadata) {
      to.metadata.push_back({m.key, m.value});
      if constexpr (Report::kReports) report.to.member_says(m.key, 0, Rule::only, true);
    }
  } else {
    combine_metadata(group, arena, to.metadata, report);
  }
}

}  // namespace

bool is_update_field(Target target) {
  switch (target) {  // ConversationUpdate of the Conversations API
    case Target::assigned_agent_id:
    case Target::status:
    case Target::ended_at:
    case Target::handle_time:
    case Target::resolved:
    case Target::csat_score: return true;
    default: return false;
  }
}

void take_default_channel(const MergePlan& plan, std::span<const std::uint32_t> sources, Conversation& c,
                          MergeObserver* observer) {
  for (std::size_t i = 0; c.channel == Channel::none && i < sources.size(); ++i) {
    if (plan.sources[sources[i]].enrich) continue;
    c.channel = channel_of(plan.sources[sources[i]].config->default_channel);
    if (observer != nullptr && c.channel != Channel::none) observer->default_channel(sources[i]);
  }
}

void combine(const MergePlan& plan, std::span<const State* const> states, std::span<const std::uint32_t> sources, Arena& arena,
             Combined& to, MergeObserver* observer) {
  const Group group{plan, states, sources};
  if (observer == nullptr) {
    combine_states(group, arena, to, Silent());
  } else {
    combine_states(group, arena, to, Reporting{*observer});
  }
}

}  // namespace crosswalk
