#include "merge/state.hpp"

#include <algorithm>
#include <tuple>

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

bool alike(std::string_view a, std::string_view b) { return same(a, b); }
bool alike(const std::optional<Decimal>& a, const std::optional<Decimal>& b) {
  return a->digits == b->digits && a->scale == b->scale;
}
template <class T>
bool alike(const T& a, const T& b) {
  return a == b;
}

template <class T>
void join_value(State& state, T& to, Version& to_version, const T& from, const Version& from_version) {
  if (!known(from)) return;
  if (known(to)) state.contested |= !alike(from, to);
  if (!stands_over(from, from_version, to, to_version)) return;
  to = from;
  to_version = from_version;
}

/// Where two are the same instant, the surer way of knowing it stands.
auto certainty(Known how, bool by_evidence) { return std::pair(how, by_evidence); }

void join_conversation(State& state, const Conversation& from, const auto& version_of) {
  Conversation& to = state.conversation;
  const auto join = [&](Target target, auto field) {
    join_value(state, to.*field, state.versions[index(target)], from.*field, version_of(target));
  };
  each_field(join);

  if (from.started_at && (!to.started_at || *from.started_at < *to.started_at ||
                          (*from.started_at == *to.started_at && certainty(from.started_how, from.started_by_evidence) <
                                                                     certainty(to.started_how, to.started_by_evidence)))) {
    take_started(to, from);
  }
  Version& ended = state.versions[index(Target::ended_at)];
  const bool surer = from.ended_at && to.ended_at && *from.ended_at == *to.ended_at && version_of(Target::ended_at) == ended &&
                     certainty(from.ended_how, from.ended_by_evidence) < certainty(to.ended_how, to.ended_by_evidence);
  if (from.ended_at && to.ended_at && *from.ended_at != *to.ended_at) state.contested = true;
  if (surer || stands_over(from.ended_at, version_of(Target::ended_at), to.ended_at, ended)) {
    take_ended(to, from);
    ended = version_of(Target::ended_at);
  }
}

/// The rest of a touchpoint, for two readings of one that versions do not tell apart.
auto content(const Touchpoint& t) {
  return std::tuple(t.at, t.kind, t.direction, t.how, t.has_duration, t.duration.digits, t.duration.scale, t.user, t.subject);
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
  records = repeated_touchpoints = 0;
  origin = {};
}

void State::join(const Contribution& c) {
  if (records == 0) {
    id = c.id;
    scope = c.scope;
    conversation.external_id = c.conversation.external_id;
    origin = c.origin;
  } else if (is_before(c.origin, origin)) {
    origin = c.origin;
  }
  ++records;
  if ((c.says & Contribution::kSaysMore) != 0) {
    join_conversation(*this, c.conversation, [&](Target) -> const Version& { return c.version; });
  } else {  // a touchpoint, mostly
    join_value(*this, conversation.platform, versions[index(Target::platform)], c.conversation.platform, c.version);
  }
  for (std::size_t i = 0; i < c.metadata.size(); ++i) {
    const auto& [key, value] = c.metadata[i];
    // Records of one kind have the same in the same place.
    if (i < metadata.size() && same(metadata[i].key, key) && same(metadata[i].value, value)) {
      metadata[i].version = std::max(metadata[i].version, c.version);
    } else {
      metadata.push_back({key, value, c.version});
    }
  }
  touchpoints.insert(touchpoints.end(), c.touchpoints.begin(), c.touchpoints.end());
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
  join_conversation(*this, other.conversation, [&](Target target) -> const Version& { return other.versions[index(target)]; });
  metadata.insert(metadata.end(), other.metadata.begin(), other.metadata.end());
  touchpoints.insert(touchpoints.end(), other.touchpoints.begin(), other.touchpoints.end());
}

void State::settle() {
  std::sort(metadata.begin(), metadata.end(), [](const Meta& a, const Meta& b) {
    if (a.key != b.key) return a.key < b.key;
    return a.version != b.version ? b.version < a.version : b.value < a.value;
  });
  const auto again = std::unique(metadata.begin(), metadata.end(), [](const Meta& a, const Meta& b) { return a.key == b.key; });
  contested |= again != metadata.end();
  metadata.erase(again, metadata.end());
  if (may_repeat(touchpoints)) {
    std::sort(touchpoints.begin(), touchpoints.end(), [](const Touchpoint& a, const Touchpoint& b) {
      if (a.id != b.id) return a.id < b.id;
      return a.version != b.version ? b.version < a.version : content(b) < content(a);
    });
    const auto repeated = std::unique(touchpoints.begin(), touchpoints.end(),
                                      [](const Touchpoint& a, const Touchpoint& b) { return a.id == b.id; });
    repeated_touchpoints += static_cast<std::uint64_t>(touchpoints.end() - repeated);
    touchpoints.erase(repeated, touchpoints.end());
  }
  std::sort(touchpoints.begin(), touchpoints.end(), is_earlier);
}

/// Notes and such are internal: they say when work on a conversation began and ended, but nothing of how the customer came
/// or was answered.
void derive_from_touchpoints(State& state) {
  const std::vector<Touchpoint>& all = state.touchpoints;
  if (all.empty()) return;
  const Touchpoint *with_customer = nullptr, *inbound = nullptr, *reply = nullptr, *last_agent = nullptr, *subject = nullptr;
  Decimal handled;
  bool has_handled = false;
  bool notes = false;
  for (const Touchpoint& t : all) {
    if (t.kind == TouchKind::note || t.kind == TouchKind::other || t.direction == Direction::internal) {
      notes |= t.kind == TouchKind::note;
      continue;
    }
    if (with_customer == nullptr) with_customer = &t;
    if (t.direction == Direction::inbound && inbound == nullptr) inbound = &t;
    if (t.direction == Direction::outbound && inbound != nullptr && reply == nullptr) reply = &t;
    if (t.direction == Direction::outbound && !t.user.empty()) last_agent = &t;
    if (t.kind == TouchKind::email && !t.subject.empty() && subject == nullptr) subject = &t;
    if (t.has_duration) {
      if (const auto sum = add(handled, t.duration)) handled = *sum;
      has_handled = true;
    }
  }
  Conversation& c = state.conversation;
  if (c.channel == Channel::none && with_customer != nullptr) c.channel = channel_of(with_customer->kind);
  if (c.channel == Channel::none && notes) c.channel = Channel::back_office;
  c.started_at = all.front().at;
  c.started_how = all.front().how;
  c.started_by_evidence = false;
  if (c.resolved.value_or(false) && !c.ended_at) {
    c.ended_at = all.back().at;
    c.ended_how = all.back().how;
  }
  if (!c.first_response_time && reply != nullptr) c.first_response_time = seconds_between(inbound->at, reply->at);
  if (!c.handle_time && has_handled) c.handle_time = handled;
  if (c.assigned_agent_id.empty() && last_agent != nullptr) c.assigned_agent_id = last_agent->user;
  if (c.subject.empty() && subject != nullptr) c.subject = subject->subject;
}

std::array<std::uint64_t, kTouchKinds> count_touchpoints(const State& state) {
  std::array<std::uint64_t, kTouchKinds> counts{};
  for (const Touchpoint& t : state.touchpoints) ++counts[static_cast<std::size_t>(t.kind)];
  return counts;
}

}  // namespace crosswalk
