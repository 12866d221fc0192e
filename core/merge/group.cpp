#include "merge/group.hpp"

#include <algorithm>
#include <tuple>

#include "encode/json_text.hpp"
#include "merge/observer.hpp"
#include "pipeline/source.hpp"
#include "text.hpp"

namespace crosswalk {

void GroupStates::load(const Group& group, MergeObserver* observer) {
  decoded_.clear();
  contributions_.clear();
  arena_.clear();
  for (const std::string_view payload : group.payloads) {
    decoded_.decode(group.external_id, payload, contributions_.emplace_back());
  }
  const auto identity = [this](const Contribution& c) {
    return std::tuple<std::uint32_t, std::string_view, std::string_view, std::string_view>(plan_.lead(c.source), c.linked_from,
                                                                                           c.id, c.scope);
  };
  const auto differs = [this](const Contribution& a, const Contribution& b) {
    return (a.source != b.source && plan_.lead(a.source) != plan_.lead(b.source)) || !same(a.linked_from, b.linked_from) ||
           !same(a.id, b.id) || !same(a.scope, b.scope);
  };
  const auto comes_first = [&](const Contribution& a, const Contribution& b) { return identity(a) < identity(b); };
  // Mostly all are of one state.
  if (std::adjacent_find(contributions_.begin(), contributions_.end(), differs) != contributions_.end()) {
    std::stable_sort(contributions_.begin(), contributions_.end(), comes_first);
  }
  count_ = 0;
  sources_.clear();
  first_.clear();
  for (std::size_t i = 0; i < contributions_.size(); ++i) {
    const Contribution& c = contributions_[i];
    if (i == 0 || differs(c, contributions_[i - 1])) {
      if (count_ == states_.size()) states_.push_back(std::make_unique<State>());
      states_[count_++]->clear();
      sources_.push_back(plan_.lead(c.source));
      first_.push_back(i);
    }
  }
  first_.push_back(contributions_.size());
  parts_.assign(contributions_.size(), {});
  all_.clear();
  deleted_.clear();
  for (std::size_t i = 0; i < count_; ++i) {
    State& state = *states_[i];
    if (observer != nullptr) observer->state(i);
    fill(state, first_[i], first_[i + 1], observer);
    derive_from_touchpoints(state, observer);
    add_touchpoint_counts(state, *plan_.sources[sources_[i]].config, observer);
    all_.push_back(&state);
    deleted_.push_back(find_deleted(i));
  }
  choose_standing();
}

/// The source's last word is that the conversation is deleted, or it has deleted every message, and nothing but these was known.
bool GroupStates::find_deleted(std::size_t i) const {
  const State& state = *all_[i];
  const MergeSource& source = plan_.sources[sources_[i]];
  if (!source.enrich && source.config->filter_deleted && state.conversation.status == kDeletedStatus) return true;
  if (state.taken_back.empty() || !state.touchpoints.empty() || state.conversation.started_at) return false;
  const auto of_messages = [](const Contribution& c) { return !c.touchpoints.empty(); };
  return std::all_of(of(i).begin(), of(i).end(), of_messages);
}

/// The state of some contributions, settled.
void GroupStates::fill(State& state, std::size_t begin, std::size_t end, MergeObserver* observer) {
  const std::span<const Contribution> records = std::span(contributions_).subspan(begin, end - begin);
  const bool snapshot = plan_.sources[plan_.lead(records.front().source)].snapshot;
  if (snapshot && records.size() > 1) {
    snapshot_.evaluate(records, state, std::span(parts_).subspan(begin, end - begin), observer);
    state.settle(observer);
    return;
  }
  for (std::size_t i = 0; i < records.size(); ++i) {
    state.join(records[i], observer);
    if (records[i].only_takes_back()) parts_[begin + i].role = RecordPart::Role::takes_back;
  }
  state.settle(observer);
  if (snapshot) {
    parts_[begin].role = RecordPart::Role::stands;
    state.versions[static_cast<std::size_t>(Target::started_at)] = records.front().version;
  } else if (state.contested) {
    find_lost_by_place(state, begin, end);
  }
}

/// Whether their places have no say. Of many it is not looked up.
static bool told_apart_by_update_times(std::span<const Contribution> records) {
  constexpr std::size_t kFew = 16;
  if (records.size() > kFew) return false;
  for (std::size_t i = 0; i < records.size(); ++i) {
    if (!records[i].version.dated()) return false;
    for (std::size_t j = 0; j < i; ++j) {
      if (newer_by(records[i].version, records[j].version) == Newer::equal_times) return false;
    }
  }
  return true;
}

/// Of updates and events: records of which another value stands, and not for its update time.
void GroupStates::find_lost_by_place(const State& state, std::size_t begin, std::size_t end) {
  const std::span<const Contribution> records = std::span(contributions_).subspan(begin, end - begin);
  if (told_apart_by_update_times(records)) return;
  const auto is_older = [](const Contribution& a, const Contribution& b) { return a.version < b.version; };
  const Version& newest = std::max_element(records.begin(), records.end(), is_older)->version;
  for (std::size_t i = begin; i < end; ++i) {
    const Contribution& c = contributions_[i];
    if (!(c.version < newest)) continue;  // nothing stands over it
    if ((c.says & Contribution::kSaysMore) == 0 && c.metadata.empty()) continue;
    const Version* const over = stands_over_by_place(c, state);
    if (over == nullptr) continue;
    parts_[i].lost_by_place = true;
    parts_[i].newer = newer_by(*over, c.version);
  }
}

Lack lack_of(Channel channel, const std::optional<Instant>& started_at) {
  if (channel == Channel::none) return Lack::channel;
  return started_at ? Lack::nothing : Lack::start;
}

std::string_view code_of(Lack lack) {
  switch (lack) {
    case Lack::nothing: return "";
    case Lack::channel: return "missing_channel";
    case Lack::start: return "missing_started_at";
  }
  return "";
}

std::uint32_t GroupStates::defaulting(std::size_t i) const {
  if (plan_.first_inputs.empty()) return sources_[i];
  std::uint32_t found = MergeSource::kItself;
  for (const Contribution& c : of(i)) {
    if (c.source < found && !plan_.sources[c.source].config->default_channel.empty()) found = c.source;
  }
  return found == MergeSource::kItself ? sources_[i] : found;
}

Lack GroupStates::lack(std::size_t i) const {
  if (plan_.sources[sources_[i]].enrich) return Lack::nothing;
  const Conversation& c = all_[i]->conversation;
  return lack_of(c.channel != Channel::none ? c.channel : channel_of(plan_.sources[defaulting(i)].config->default_channel),
                 c.started_at);
}

void GroupStates::choose_standing() {
  standing_.resize(count_);
  for (std::size_t begin = 0, end = 0; begin < count_; begin = end) {
    const auto same = [&](std::size_t i) {
      return sources_[i] == sources_[begin] && of(i).front().linked_from == of(begin).front().linked_from;
    };
    for (end = begin + 1; end < count_ && same(end);) ++end;
    std::size_t stands = begin;
    const auto is_whole = [&](std::size_t i) { return !deleted_[i] && lack(i) == Lack::nothing; };
    while (end - begin > 1 && stands < end && !is_whole(stands)) ++stands;
    if (stands == end) {
      for (stands = begin; stands + 1 < end && deleted_[stands];) ++stands;
    }
    std::fill(standing_.begin() + static_cast<std::ptrdiff_t>(begin), standing_.begin() + static_cast<std::ptrdiff_t>(end),
              stands);
  }
}

/// How many touchpoints of each kind, as a metadata entry like the source's own.
void GroupStates::add_touchpoint_counts(State& state, const SourceConfig& source, MergeObserver* observer) {
  if (state.touchpoints.empty() || !source.carries("touchpoints")) return;
  constexpr std::string_view kKey = "\"touchpoints\":";
  const auto at = std::lower_bound(state.metadata.begin(), state.metadata.end(), kKey,
                                   [](const State::Meta& m, std::string_view key) { return m.key < key; });
  if (at != state.metadata.end() && at->key == kKey) return;
  const auto counts = count_touchpoints(state);
  scratch_.clear();
  for (std::size_t kind = 0; kind < kTouchKinds; ++kind) {
    if (counts[kind] == 0) continue;
    scratch_.add(scratch_.empty() ? '{' : ',');
    add_json_string(scratch_, name_of(static_cast<TouchKind>(kind)));
    scratch_.add(':');
    add_number(scratch_, counts[kind]);
  }
  scratch_.add('}');
  state.metadata.insert(at, {kKey, arena_.keep(scratch_.view()), {}});
  if (observer != nullptr) observer->entry_made(kKey, Rule::touchpoint_counts);
}

}  // namespace crosswalk
