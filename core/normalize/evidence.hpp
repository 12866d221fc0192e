// Evidence: which run of a repeated hour a record belongs to, decided by the records themselves.
//
// Ids are given in order of creation. Sorted by id, the local times of a repeated hour rise through its first run, fall
// back once, and rise through its second. Where exactly one such fall is seen, every record before it is of the first run
// and every one behind it of the second. Where none is seen, or more than one, nothing is decided: evidence abstains.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "crosswalk/time.hpp"

namespace crosswalk {

/// What was concluded. Immutable, shared by the workers.
class Evidence {
 public:
  enum class Verdict : std::uint8_t { undecided, earlier, later };

  /// `earlier` is the instant that the first run would give.
  [[nodiscard]] Verdict judge(std::string_view id, Instant earlier) const;

 private:
  friend class EvidenceCollector;
  struct Hour {
    std::int64_t first = 0, last = 0;  // earliest and latest of the earlier readings seen, seconds
    std::uint64_t first_of_second_run = 0;
  };
  std::vector<Hour> decided_;  // by time
};

/// Gathers the doubtful records of a source, then concludes. Memory: 16 bytes a record in a repeated hour.
class EvidenceCollector {
 public:
  EvidenceCollector(const TimeFormat& format, const Zone* zone) : reader_(format, zone, Disambiguation::compatible) {}

  void add(std::string_view id, std::string_view started_at);
  [[nodiscard]] Evidence conclude();

  /// Times that fall back by no more than this prove nothing: clocks are written to the minute, and ids are handed out
  /// within seconds of creation, not in the same instant.
  static constexpr std::int64_t kTolerance = std::int64_t{5} * 60;

 private:
  struct Sighting {
    std::int64_t at;  // earlier reading, seconds
    std::uint64_t id;
  };
  static std::optional<Evidence::Hour> decide(std::vector<Sighting> hour);

  TimeReader reader_;
  std::vector<Sighting> seen_;
};

/// An id as a number; nothing when it is none.
[[nodiscard]] std::optional<std::uint64_t> numeric_id(std::string_view id);

}  // namespace crosswalk
