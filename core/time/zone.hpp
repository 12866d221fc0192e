// One zone as a table of spans, each with one offset, from before the first change to 400 years after the last explicit
// one. Later times are moved back by whole periods of 400 years, after which rule and calendar repeat exactly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "time/tzif.hpp"

namespace crosswalk {

class Zone {
 public:
  struct Span {
    std::int64_t begin;       ///< instant
    std::int64_t sure_from;   ///< local seconds from here …
    std::int64_t sure_until;  ///< … to here belong to this span and to no other
    std::int32_t offset;      ///< seconds east of UTC
  };

  /// What a local time means, as instants.
  struct Meaning {
    enum class Kind : std::uint8_t { unique, repeated, skipped };
    Kind kind = Kind::unique;
    std::int64_t earlier = 0;
    std::int64_t later = 0;
  };

  Zone(std::string name, const times::ZoneRules& rules);

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::int32_t offset_at(std::int64_t instant) const;
  [[nodiscard]] Meaning meaning_of(std::int64_t local) const;

  /// The span of a local time that came exactly once, in a few instructions. Null where that takes a longer look:
  /// near a change, or far from our days.
  [[nodiscard]] const Span* sure_span(std::int64_t local) const {
    const std::int64_t bucket = (local >> kBucketBits) - kFirstBucket;
    if (static_cast<std::uint64_t>(bucket) >= kBucketCount) return nullptr;
    const Span* span = &spans_[bucket_span_[static_cast<std::size_t>(bucket)]];
    while (local >= span->sure_until) ++span;
    return local >= span->sure_from ? span : nullptr;
  }

  /// For tests: every change is a span's begin, but for the first span's.
  [[nodiscard]] const std::vector<Span>& spans() const { return spans_; }
  /// Instants and local seconds from here on are looked up 400 years (or a multiple) earlier.
  [[nodiscard]] std::int64_t repeats_from() const { return repeats_from_; }

 private:
  // Buckets of 24 days from 1899 to 2106 say where to start looking.
  static constexpr int kBucketBits = 21;
  static constexpr std::int64_t kFirstBucket = -1054;
  static constexpr std::size_t kBucketCount = 1054 + 2048;

  void change(std::int64_t at, std::int32_t offset);
  void continue_by(const times::PosixRule& rule, std::int64_t last_explicit);
  void find_sure_times();
  void fill_buckets();

  std::string name_;
  std::vector<Span> spans_;
  std::vector<std::uint32_t> bucket_span_;
  std::int64_t repeats_from_ = std::numeric_limits<std::int64_t>::max();
  std::int32_t least_offset_ = 0;
  std::int32_t greatest_offset_ = 0;
};

}  // namespace crosswalk
