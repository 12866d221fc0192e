#include "merge/fold.hpp"

#include <algorithm>
#include <tuple>

#include "normalize/decimal.hpp"

namespace crosswalk {
namespace {

std::size_t index(Target target) { return static_cast<std::size_t>(target); }

/// A field that is either known or not: the newer version that knows it counts.
template <class T>
void join_known(std::array<Version, kTargetCount>& versions, Target target, std::optional<T>& to, const std::optional<T>& from,
                const Version& version) {
  if (!from || (to && version < versions[index(target)])) return;
  to = from;
  versions[index(target)] = version;
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

/// Tells two readings of one touchpoint apart that nothing else does, so that their order of arrival has no say.
auto content(const Touchpoint& t) {
  return std::tuple(t.at, t.kind, t.direction, t.how, t.has_duration, t.duration.digits, t.duration.scale, t.user, t.subject);
}

bool is_earlier(const Touchpoint& a, const Touchpoint& b) {
  if (a.at != b.at) return a.at < b.at;
  if (a.direction != b.direction) return a.direction < b.direction;  // what came in is answered, not the other way round
  return a.id < b.id;
}

Decimal seconds_between(Instant from, Instant to) {
  const std::int64_t nanos = static_cast<std::int64_t>(to.nanos) - static_cast<std::int64_t>(from.nanos);
  const auto seconds = add({to.seconds - from.seconds, 0}, {nanos, 9});
  return seconds.value_or(Decimal{to.seconds - from.seconds, 0});
}

}  // namespace

void Fold::add(const Contribution& c, const MetadataItem* metadata, const Touchpoint* touchpoints) {
  // The length in front keeps id and scope apart, whatever bytes they hold.
  key_ = std::to_string(c.conversation.external_id.size());
  key_.push_back(':');
  const std::size_t id_at = key_.size();
  key_.append(c.conversation.external_id);
  key_.append(c.scope);
  auto found = by_key_.find(key_);
  if (found == by_key_.end()) {
    State& fresh = states_.emplace_back();
    const std::string_view key = arena_.keep(key_);
    fresh.conversation.external_id = key.substr(id_at, c.conversation.external_id.size());
    fresh.scope = key.substr(id_at + c.conversation.external_id.size());
    fresh.origin = c.origin;
    found = by_key_.emplace(key, &fresh).first;
  }
  State& state = *found->second;
  join(state, c);
  for (std::uint32_t i = 0; i < c.metadata_count; ++i) join_metadata(state, metadata[i], c.version);
  for (std::uint32_t i = 0; i < c.touchpoint_count; ++i) {
    Touchpoint& t = state.touchpoints.emplace_back(touchpoints[i]);
    t.user = arena_.keep(t.user);
    t.subject = arena_.keep(t.subject);
  }
}

void Fold::join(State& state, const Contribution& c) {
  Conversation& to = state.conversation;
  const Conversation& from = c.conversation;
  ++state.records;
  if (std::pair(c.origin.file, c.origin.offset) < std::pair(state.origin.file, state.origin.offset)) state.origin = c.origin;
  join_text(state, Target::platform, to.platform, from.platform, c.version);
  join_text(state, Target::queue_id, to.queue_id, from.queue_id, c.version);
  join_text(state, Target::assigned_agent_id, to.assigned_agent_id, from.assigned_agent_id, c.version);
  join_text(state, Target::customer_id, to.customer_id, from.customer_id, c.version);
  join_text(state, Target::subject, to.subject, from.subject, c.version);
  join_text(state, Target::status, to.status, from.status, c.version);
  if (from.channel != Channel::none && (to.channel == Channel::none || !(c.version < state.versions[index(Target::channel)]))) {
    to.channel = from.channel;
    state.versions[index(Target::channel)] = c.version;
  }
  const auto certainty = [](const Conversation& x) { return std::pair(x.started_how, x.started_by_evidence); };
  if (from.started_at && (!to.started_at || *from.started_at < *to.started_at ||
                          (*from.started_at == *to.started_at && certainty(from) < certainty(to)))) {
    to.started_at = from.started_at;
    to.started_how = from.started_how;
    to.started_by_evidence = from.started_by_evidence;
  }
  if (from.ended_at && (!to.ended_at || !(c.version < state.versions[index(Target::ended_at)]))) {
    to.ended_how = from.ended_how;
    to.ended_by_evidence = from.ended_by_evidence;
  }
  join_known(state.versions, Target::ended_at, to.ended_at, from.ended_at, c.version);
  join_known(state.versions, Target::handle_time, to.handle_time, from.handle_time, c.version);
  join_known(state.versions, Target::wait_time, to.wait_time, from.wait_time, c.version);
  join_known(state.versions, Target::first_response_time, to.first_response_time, from.first_response_time, c.version);
  join_known(state.versions, Target::resolved, to.resolved, from.resolved, c.version);
  join_known(state.versions, Target::csat_score, to.csat_score, from.csat_score, c.version);
}

void Fold::join_text(State& state, Target target, std::string_view& to, std::string_view from, const Version& version) {
  if (from.empty() || (!to.empty() && version < state.versions[index(target)])) return;
  state.versions[index(target)] = version;
  if (to != from) to = arena_.keep(from);
}

void Fold::join_metadata(State& state, const MetadataItem& item, const Version& version) {
  const auto known = std::find_if(state.metadata.begin(), state.metadata.end(), [&](const Meta& m) { return m.key == item.key; });
  if (known == state.metadata.end()) {
    state.metadata.push_back({arena_.keep(item.key), arena_.keep(item.value), version});
  } else if (!(version < known->version)) {
    if (known->value != item.value) known->value = arena_.keep(item.value);
    known->version = version;
  }
}

/// What touchpoints say where the records themselves do not. Notes and such are internal: they say when work on a
/// conversation began and ended, but nothing of how the customer came or was answered.
void Fold::derive(const State& state, Folded& folded) {
  std::vector<Touchpoint> all = state.touchpoints;
  std::sort(all.begin(), all.end(), [](const Touchpoint& a, const Touchpoint& b) {
    if (a.id != b.id) return a.id < b.id;
    if (a.version != b.version) return b.version < a.version;  // of one touchpoint read again, the newest first
    return content(a) < content(b);
  });
  const auto repeated =
      std::unique(all.begin(), all.end(), [](const Touchpoint& a, const Touchpoint& b) { return a.id == b.id; });
  folded.repeated_touchpoints = static_cast<std::size_t>(all.end() - repeated);
  all.erase(repeated, all.end());
  std::sort(all.begin(), all.end(), is_earlier);

  const Touchpoint *with_customer = nullptr, *inbound = nullptr, *reply = nullptr, *last_agent = nullptr, *subject = nullptr;
  Decimal handled;
  bool has_handled = false;
  bool notes = false;
  for (const Touchpoint& t : all) {
    ++folded.touchpoints[static_cast<std::size_t>(t.kind)];
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
      if (const auto sum = crosswalk::add(handled, t.duration)) handled = *sum;
      has_handled = true;
    }
  }
  Conversation& c = folded.conversation;
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

void Fold::finish(const std::function<bool(Folded&)>& visit) {
  std::vector<const State*> order;
  order.reserve(states_.size());
  for (const State& state : states_) order.push_back(&state);
  std::sort(order.begin(), order.end(), [](const State* a, const State* b) {
    return std::pair(a->conversation.external_id, a->scope) < std::pair(b->conversation.external_id, b->scope);
  });
  for (const State* state : order) {
    Folded folded;
    folded.conversation = state->conversation;
    folded.scope = state->scope;
    folded.records = state->records;
    folded.origin = state->origin;
    for (const Meta& m : state->metadata) folded.metadata.push_back({m.key, m.value});
    // Which record named a key first depends on the order of arrival; their sorted order does not.
    std::sort(folded.metadata.begin(), folded.metadata.end(),
              [](const MetadataItem& a, const MetadataItem& b) { return a.key < b.key; });
    if (!state->touchpoints.empty()) derive(*state, folded);
    if (!visit(folded)) return;
  }
}

}  // namespace crosswalk
