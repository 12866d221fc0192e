#include "merge/state.hpp"

#include <algorithm>
#include <array>
#include <tuple>

#include "merge/observer.hpp"
#include "normalize/decimal.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

std::size_t index(Target target) { return static_cast<std::size_t>(target); }

bool larger(std::string_view a, std::string_view b) { return a.data() != b.data() && a > b; }
bool larger(Channel a, Channel b) { return a > b; }
bool larger(const std::optional<bool>& a, const std::optional<bool>& b) { return *a && !*b; }
bool larger(const std::optional<Instant>& a, const std::optional<Instant>& b) { return *b < *a; }
bool larger(const std::optional<Decimal>& a, const std::optional<Decimal>& b) {
  if (less(*b, *a) || less(*a, *b)) return less(*b, *a);
  return a->scale > b->scale;  // 5.0 and 5: one of them, always the same
}

/// Whether what `from` says stands over what is known.
template <class T>
bool stands_over(const T& from, const Version& from_version, const T& to, const Version& to_version) {
  if (!known(from)) return false;
  if (!known(to)) return true;
  return from_version != to_version ? to_version < from_version : larger(from, to);
}

/// The rule by which it does, or does not; `from` is known.
template <class T>
Rule rule_of(const T& from, const Version& from_version, const T& to, const Version& to_version) {
  if (!known(to)) return Rule::only;
  if (from_version == to_version) return larger(from, to) || larger(to, from) ? Rule::larger_value : Rule::same_value;
  return to_version < from_version ? rule_between(from_version, to_version) : rule_between(to_version, from_version);
}

bool alike(std::string_view a, std::string_view b) { return same(a, b); }
bool alike(const std::optional<Decimal>& a, const std::optional<Decimal>& b) {
  return a->digits == b->digits && a->scale == b->scale;
}
template <class T>
bool alike(const T& a, const T& b) {
  return a == b;
}

/// Where nobody listens.
struct NoReport {
  static constexpr bool kReports = false;
  void operator()(Target, Rule, bool) const {}
};

/// Tells the observer what a record says.
struct ToObserver {
  static constexpr bool kReports = true;
  MergeObserver& observer;
  const Contribution& record;
  void operator()(Target target, Rule rule, bool takes) const { observer.record_says(target, record, rule, takes); }
};

template <class T, class Report>
void join_value(State& state, Target target, T& to, Version& to_version, const T& from, const Version& from_version,
                const Report& report) {
  if (!known(from)) return;
  if (known(to)) state.contested |= !alike(from, to);
  const bool takes = stands_over(from, from_version, to, to_version);
  if constexpr (Report::kReports) report(target, rule_of(from, from_version, to, to_version), takes);
  if (!takes) return;
  to = from;
  to_version = from_version;
}

/// Where two are the same instant, the surer way of knowing it stands.
auto certainty(Known how, bool by_evidence) { return std::pair(how, by_evidence); }

auto started_certainty(const Conversation& c) { return certainty(c.started_how, c.started_by_evidence); }
auto ended_certainty(const Conversation& c) { return certainty(c.ended_how, c.ended_by_evidence); }

/// The earliest.
template <class Report>
void join_started(Conversation& to, const Conversation& from, const Report& report) {
  if (!from.started_at) return;
  const bool takes = !to.started_at || *from.started_at < *to.started_at ||
                     (*from.started_at == *to.started_at && started_certainty(from) < started_certainty(to));
  if constexpr (Report::kReports) {
    report(Target::started_at,
           !to.started_at                                     ? Rule::only
           : *from.started_at != *to.started_at               ? Rule::earliest
           : started_certainty(from) == started_certainty(to) ? Rule::same_value
                                                              : Rule::surer_time,
           takes);
  }
  if (takes) take_started(to, from);
}

template <class Report>
void join_ended(State& state, const Conversation& from, const Version& from_version, const Report& report) {
  Conversation& to = state.conversation;
  Version& version = state.versions[index(Target::ended_at)];
  const bool both_known = from.ended_at && to.ended_at;
  const bool one_reading = both_known && *from.ended_at == *to.ended_at && from_version == version;
  const bool surer = one_reading && ended_certainty(from) < ended_certainty(to);
  if (both_known && *from.ended_at != *to.ended_at) state.contested = true;
  const bool takes = surer || stands_over(from.ended_at, from_version, to.ended_at, version);
  if constexpr (Report::kReports) {
    const bool by_certainty = one_reading && ended_certainty(from) != ended_certainty(to);
    if (from.ended_at) {
      report(Target::ended_at, by_certainty ? Rule::surer_time : rule_of(from.ended_at, from_version, to.ended_at, version),
             takes);
    }
  }
  if (!takes) return;
  take_ended(to, from);
  version = from_version;
}

template <class Report>
void join_conversation(State& state, const Conversation& from, const auto& version_of, const Report& report) {
  Conversation& to = state.conversation;
  each_field([&](Target target, auto field) {
    join_value(state, target, to.*field, state.versions[index(target)], from.*field, version_of(target), report);
  });
  join_started(to, from, report);
  join_ended(state, from, version_of(Target::ended_at), report);
}

/// The rest of a touchpoint, for two readings of one that versions do not tell apart.
auto content(const Touchpoint& t) {
  return std::tuple(t.deleted, t.at, t.kind, t.direction, t.how, t.has_duration, t.lost_duration, t.duration.digits,
                    t.duration.scale, t.user, t.subject);
}

bool is_earlier(const Touchpoint& a, const Touchpoint& b) {
  if (a.at != b.at) return a.at < b.at;
  if (a.direction != b.direction) return a.direction < b.direction;  // what came in is answered, not the other way round
  return a.id < b.id;
}

/// Whether two may have one id; of few it is looked up.
bool may_repeat(const std::vector<Touchpoint>& all) {
  constexpr std::size_t kFew = 24;
  if (all.size() > kFew) return true;
  for (std::size_t i = 1; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (all[i].id.low == all[j].id.low) return true;
    }
  }
  return false;
}

Channel channel_of(TouchKind kind) {
  switch (kind) {
    case TouchKind::sms: return Channel::sms;
    case TouchKind::email: return Channel::email;
    case TouchKind::call: return Channel::phone;
    case TouchKind::chat: return Channel::chat;
    case TouchKind::social: return Channel::social;
    case TouchKind::note: return Channel::back_office;
    case TouchKind::other: return Channel::none;
  }
  return Channel::none;
}

Decimal seconds_between(Instant from, Instant to) {
  const std::int64_t nanos = static_cast<std::int64_t>(to.nanos) - static_cast<std::int64_t>(from.nanos);
  const auto seconds = add({to.seconds - from.seconds, 0}, {nanos, 9});
  return seconds.value_or(Decimal{to.seconds - from.seconds, 0});
}

bool is_before(const Origin& a, const Origin& b) { return std::pair(a.file, a.offset) < std::pair(b.file, b.offset); }

}  // namespace

void take_started(Conversation& to, const Conversation& from) {
  to.started_at = from.started_at;
  to.started_how = from.started_how;
  to.started_by_evidence = from.started_by_evidence;
}

void take_ended(Conversation& to, const Conversation& from) {
  to.ended_at = from.ended_at;
  to.ended_how = from.ended_how;
  to.ended_by_evidence = from.ended_by_evidence;
}

void State::clear() {
  id = scope = {};
  contested = false;
  conversation = {};
  versions.fill({});
  metadata.clear();
  touchpoints.clear();
  taken_back.clear();
  records = repeated_touchpoints = deleted_touchpoints = 0;
  origin = {};
}

namespace {

void join_contribution(State& state, const Contribution& c, const auto& report) {
  if (state.records == 0) {
    state.id = c.id;
    state.scope = c.scope;
    state.conversation.external_id = c.conversation.external_id;
    state.origin = c.origin;
  } else if (is_before(c.origin, state.origin)) {
    state.origin = c.origin;
  }
  ++state.records;
  if ((c.says & Contribution::kSaysMore) != 0) {
    join_conversation(
        state, c.conversation, [&](Target) -> const Version& { return c.version; }, report);
  } else if (!c.only_takes_back()) {  // a touchpoint, mostly
    join_value(state, Target::platform, state.conversation.platform, state.versions[index(Target::platform)],
               c.conversation.platform, c.version, report);
  }
  for (std::size_t i = 0; i < c.metadata.size(); ++i) {
    const auto& [key, value] = c.metadata[i];
    std::vector<State::Meta>& all = state.metadata;
    // Records of one kind have the same in the same place.
    if (i < all.size() && same(all[i].key, key) && same(all[i].value, value)) {
      all[i].version = std::max(all[i].version, c.version);
    } else {
      all.push_back({key, value, c.version});
    }
  }
  state.touchpoints.insert(state.touchpoints.end(), c.touchpoints.begin(), c.touchpoints.end());
}

}  // namespace

void State::join(const Contribution& c, MergeObserver* observer) {
  if (observer == nullptr) return join_contribution(*this, c, NoReport());
  join_contribution(*this, c, ToObserver{*observer, c});
}

void State::join(const State& other) {
  if (other.records == 0) return;
  if (records == 0) {
    *this = other;
    return;
  }
  if (is_before(other.origin, origin)) origin = other.origin;
  records += other.records;
  contested |= other.contested;
  join_conversation(
      *this, other.conversation, [&](Target target) -> const Version& { return other.versions[index(target)]; }, NoReport());
  metadata.insert(metadata.end(), other.metadata.begin(), other.metadata.end());
  touchpoints.insert(touchpoints.end(), other.touchpoints.begin(), other.touchpoints.end());
  taken_back.insert(taken_back.end(), other.taken_back.begin(), other.taken_back.end());
}

namespace {

void report_entries(const std::vector<State::Meta>& sorted, MergeObserver& observer) {
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i == 0 || sorted[i].key != sorted[i - 1].key) {
      observer.entry_stands(sorted[i].key, sorted[i].value, sorted[i].version);
      continue;
    }
    const State::Meta &lost = sorted[i], &next = sorted[i - 1];  // which stands, or is nearer to it
    observer.entry_lost(lost.key, lost.value, lost.version,
                        lost.version == next.version ? Rule::larger_value : rule_between(next.version, lost.version));
  }
}

void report_touchpoints(const std::vector<Touchpoint>& sorted, MergeObserver& observer) {
  const Touchpoint* stands = nullptr;
  for (const Touchpoint& t : sorted) {
    if (stands == nullptr || stands->id != t.id) {
      stands = &t;
      continue;
    }
    if (t.deleted) continue;
    observer.touchpoint_lost(*stands, t,
                             content(*stands) == content(t) ? Rule::same_value
                             : stands->version == t.version ? Rule::larger_value
                                                            : rule_between(stands->version, t.version));
  }
}

/// Of each id the first, which is the newest; the others are counted by what that is.
void leave_newest(State& state) {
  std::vector<Touchpoint>& all = state.touchpoints;
  std::size_t kept = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (kept == 0 || all[kept - 1].id != all[i].id) {
      all[kept++] = all[i];
    } else if (!all[i].deleted) {
      ++(all[kept - 1].deleted ? state.deleted_touchpoints : state.repeated_touchpoints);
    }
  }
  all.erase(all.begin() + static_cast<std::ptrdiff_t>(kept), all.end());
}

}  // namespace

void State::settle(MergeObserver* observer) {
  std::sort(metadata.begin(), metadata.end(), [](const Meta& a, const Meta& b) {
    if (a.key != b.key) return a.key < b.key;
    return a.version != b.version ? b.version < a.version : b.value < a.value;
  });
  if (observer != nullptr) report_entries(metadata, *observer);
  const auto again = std::unique(metadata.begin(), metadata.end(), [](const Meta& a, const Meta& b) { return a.key == b.key; });
  contested |= again != metadata.end();
  metadata.erase(again, metadata.end());
  touchpoints.insert(touchpoints.end(), taken_back.begin(), taken_back.end());
  taken_back.clear();
  if (may_repeat(touchpoints)) {
    std::sort(touchpoints.begin(), touchpoints.end(), [](const Touchpoint& a, const Touchpoint& b) {
      if (a.id != b.id) return a.id < b.id;
      return a.version != b.version ? b.version < a.version : content(b) < content(a);
    });
    if (observer != nullptr) report_touchpoints(touchpoints, *observer);
    leave_newest(*this);
  }
  const auto deleted = std::partition(touchpoints.begin(), touchpoints.end(), [](const Touchpoint& t) { return !t.deleted; });
  taken_back.assign(deleted, touchpoints.end());
  std::sort(taken_back.begin(), taken_back.end(), [](const Touchpoint& a, const Touchpoint& b) { return a.id < b.id; });
  touchpoints.erase(deleted, touchpoints.end());
  std::sort(touchpoints.begin(), touchpoints.end(), is_earlier);
}

namespace {

/// Notes and such are internal: they say when work on a conversation began and ended, but nothing of how the customer came
/// or was answered.
template <class Report>
void derive(State& state, [[maybe_unused]] Report report) {
  const std::vector<Touchpoint>& all = state.touchpoints;
  if (all.empty()) return;
  const Touchpoint *with_customer = nullptr, *inbound = nullptr, *reply = nullptr, *last_agent = nullptr, *subject = nullptr,
                   *note = nullptr;
  [[maybe_unused]] std::vector<const Touchpoint*> timed;  // of what reports
  Decimal handled;
  bool has_handled = false, lost_part = false;
  for (const Touchpoint& t : all) {
    if (t.kind == TouchKind::note || t.kind == TouchKind::other || t.direction == Direction::internal) {
      if (t.kind == TouchKind::note && note == nullptr) note = &t;
      continue;
    }
    if (with_customer == nullptr) with_customer = &t;
    if (t.direction == Direction::inbound && inbound == nullptr) inbound = &t;
    if (t.direction == Direction::outbound && inbound != nullptr && reply == nullptr) reply = &t;
    if (t.direction == Direction::outbound && !t.user.empty()) last_agent = &t;
    if (t.kind == TouchKind::email && !t.subject.empty() && subject == nullptr) subject = &t;
    lost_part |= t.lost_duration;
    if constexpr (Report::kReports) {
      if (t.lost_duration) report.to.sum_lacks(t);
    }
    if (t.has_duration) {
      if (const auto sum = add(handled, t.duration)) handled = *sum;
      has_handled = true;
      if constexpr (Report::kReports) timed.push_back(&t);
    }
  }
  Conversation& c = state.conversation;
  // `take(to)` puts what they say into a conversation.
  const auto say = [&](Target target, bool stands, [[maybe_unused]] Rule rule, [[maybe_unused]] const auto& of,
                       const auto& take) {
    if constexpr (Report::kReports) {
      Conversation said;
      take(said);
      report.to.touchpoints_say(target, said, of, rule, stands);
    }
    if (stands) take(c);
  };
  using One = std::array<const Touchpoint*, 1>;
  if (with_customer != nullptr) {
    say(Target::channel, c.channel == Channel::none, Rule::channel_of_touchpoint, One{with_customer},
        [&](Conversation& to) { to.channel = channel_of(with_customer->kind); });
  } else if (note != nullptr) {
    say(Target::channel, c.channel == Channel::none, Rule::channel_of_notes, One{note},
        [&](Conversation& to) { to.channel = Channel::back_office; });
  }
  say(Target::started_at, true, Rule::first_touchpoint, One{&all.front()}, [&](Conversation& to) {
    to.started_at = all.front().at;
    to.started_how = all.front().how;
    to.started_by_evidence = false;
  });
  if (c.resolved.value_or(false)) {
    say(Target::ended_at, !c.ended_at, Rule::last_touchpoint, One{&all.back()}, [&](Conversation& to) {
      to.ended_at = all.back().at;
      to.ended_how = all.back().how;
    });
  }
  if (reply != nullptr) {
    say(Target::first_response_time, !c.first_response_time, Rule::first_response, std::array{inbound, reply},
        [&](Conversation& to) { to.first_response_time = seconds_between(inbound->at, reply->at); });
  }
  if (has_handled && !lost_part) {  // a sum that lacks a part is none
    say(Target::handle_time, !c.handle_time, Rule::sum_of_durations, timed, [&](Conversation& to) { to.handle_time = handled; });
  }
  if (last_agent != nullptr) {
    say(Target::assigned_agent_id, c.assigned_agent_id.empty(), Rule::last_agent, One{last_agent},
        [&](Conversation& to) { to.assigned_agent_id = last_agent->user; });
  }
  if (subject != nullptr) {
    say(Target::subject, c.subject.empty(), Rule::first_email_subject, One{subject},
        [&](Conversation& to) { to.subject = subject->subject; });
  }
}

}  // namespace

void derive_from_touchpoints(State& state, MergeObserver* observer) {
  if (observer == nullptr) {
    derive(state, Silent());
  } else {
    derive(state, Reporting{*observer});
  }
}

std::array<std::uint64_t, kTouchKinds> count_touchpoints(const State& state) {
  std::array<std::uint64_t, kTouchKinds> counts{};
  for (const Touchpoint& t : state.touchpoints) ++counts[static_cast<std::size_t>(t.kind)];
  return counts;
}

}  // namespace crosswalk
