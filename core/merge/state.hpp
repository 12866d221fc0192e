// What one source knows of one conversation: a join of what its records say.
//
// Per field the newest version that knows the field counts; not knowing never erases; started_at is the earliest;
// touchpoints are a set by id, of equal ids the newest; of equal versions the larger value stands. So joining is
// associative, commutative and idempotent: any order, split or repetition of the records gives the same state. (Only
// `records` counts repetitions.)
#pragma once

#include <array>
#include <cstdint>
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
  std::uint64_t records = 0;
  std::uint64_t repeated_touchpoints = 0;  ///< counted by settle()
  Origin origin;                           ///< of the first record in the input

  /// Nothing known; memory is kept.
  void clear();
  void join(const Contribution& contribution);
  void join(const Contribution& contribution, MergeObserver& observer);
  void join(const State& other);
  /// Puts lists into order. To be called before they are read.
  void settle(MergeObserver* observer = nullptr);
};

/// What touchpoints say where the records themselves do not (a settled state).
void derive_from_touchpoints(State& state, MergeObserver* observer = nullptr);

/// How many touchpoints of each kind a settled state has, by TouchKind.
[[nodiscard]] std::array<std::uint64_t, kTouchKinds> count_touchpoints(const State& state);

}  // namespace crosswalk
