// The fold: contributions of many records → one conversation each.
//
// What is known of a conversation is a state; adding a contribution is a join. Per field the newest version that knows
// the field counts; not knowing never erases; started_at is the earliest; touchpoints are a set by id, of equal ids the
// newest. Versions are totally ordered, so any order of arrival gives the same state.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arena.hpp"
#include "merge/contribution.hpp"

namespace crosswalk {

/// A finished conversation. Text is borrowed from the fold.
struct Folded {
  Conversation conversation;
  std::string_view scope;
  std::vector<MetadataItem> metadata;
  std::array<std::uint64_t, kTouchKinds> touchpoints{};  ///< by TouchKind
  std::uint64_t records = 0;                             ///< how many made it
  Origin origin;                                         ///< of the first of them in the input
  std::size_t repeated_touchpoints = 0;
};

class Fold {
 public:
  /// The spans are the contribution's own; text is copied.
  void add(const Contribution& contribution, const MetadataItem* metadata, const Touchpoint* touchpoints);

  /// Calls `visit` for each conversation, by external_id and scope in byte order. False stops.
  void finish(const std::function<bool(Folded&)>& visit);

  [[nodiscard]] std::size_t size() const { return states_.size(); }

 private:
  struct Meta {
    std::string_view key, value;
    Version version;
  };
  struct State {
    std::string_view scope;
    Conversation conversation;
    std::array<Version, kTargetCount> versions;
    std::vector<Meta> metadata;
    std::vector<Touchpoint> touchpoints;
    std::uint64_t records = 0;
    Origin origin;
  };
  struct Hash {
    std::size_t operator()(std::string_view s) const { return hash64(s); }
  };

  void join(State& state, const Contribution& contribution);
  void join_text(State& state, Target target, std::string_view& to, std::string_view from, const Version& version);
  void join_metadata(State& state, const MetadataItem& item, const Version& version);
  static void derive(const State& state, Folded& folded);

  Arena arena_;
  std::deque<State> states_;
  std::unordered_map<std::string_view, State*, Hash> by_key_;
  std::string key_;
};

}  // namespace crosswalk
