// What one source knows of one conversation. Of updates and events, a join of what its records say; of snapshots, see
// snapshot.hpp.
//
// Per field the newest version that knows the field counts; not knowing never erases; started_at is the earliest;
// touchpoints are a set by id, of equal ids the newest, be it that it was deleted; of equal versions the larger value stands. So
// joining is associative, commutative and idempotent: any order, split or repetition of the records gives the same state. (Only
// `records` counts repetitions.)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "merge/contribution.hpp"

namespace crosswalk {

class MergeObserver;

/// Texts are borrowed from the contributions.
struct State {
  struct Meta {
    std::string_view key, value;
    Version version;
  };
  std::string_view id, scope;
  Conversation conversation;
  std::array<Version, kTargetCount> versions;
  std::vector<Meta> metadata;           ///< by key, each once, when settled
  std::vector<Touchpoint> touchpoints;  ///< each id once, by time, when settled
  /// Of ids whose newest reading is that the source has deleted it; apart from `touchpoints` when settled.
  std::vector<Touchpoint> taken_back;
  std::uint64_t records = 0;
  std::uint64_t repeated_touchpoints = 0, deleted_touchpoints = 0;  ///< counted by settle(): readings that do not count
  /// Records may say different things of a field.
  bool contested = false;
  Origin origin;  ///< of the first record in the input

  /// Nothing known; memory is kept.
  void clear();
  void join(const Contribution& contribution, MergeObserver* observer = nullptr);
  void join(const State& other);
  /// Puts lists into order. To be called before they are read.
  void settle(MergeObserver* observer = nullptr);
};

/// Calls `visit(target, field)` for each field of a conversation but its times: `field` is a pointer to the member.
void each_field(const auto& visit) {
  visit(Target::platform, &Conversation::platform);
  visit(Target::channel, &Conversation::channel);
  visit(Target::queue_id, &Conversation::queue_id);
  visit(Target::assigned_agent_id, &Conversation::assigned_agent_id);
  visit(Target::customer_id, &Conversation::customer_id);
  visit(Target::subject, &Conversation::subject);
  visit(Target::status, &Conversation::status);
  visit(Target::handle_time, &Conversation::handle_time);
  visit(Target::wait_time, &Conversation::wait_time);
  visit(Target::first_response_time, &Conversation::first_response_time);
  visit(Target::resolved, &Conversation::resolved);
  visit(Target::csat_score, &Conversation::csat_score);
}
/// Whether a field is known.
[[nodiscard]] inline bool known(std::string_view text) { return !text.empty(); }
[[nodiscard]] inline bool known(Channel channel) { return channel != Channel::none; }
template <class T>
[[nodiscard]] bool known(const std::optional<T>& value) {
  return value.has_value();
}
void take_started(Conversation& to, const Conversation& from);
void take_ended(Conversation& to, const Conversation& from);

/// What touchpoints say where the records themselves do not (a settled state).
void derive_from_touchpoints(State& state, MergeObserver* observer = nullptr);

/// How many touchpoints of each kind a settled state has, by TouchKind.
[[nodiscard]] std::array<std::uint64_t, kTouchKinds> count_touchpoints(const State& state);

}  // namespace crosswalk
