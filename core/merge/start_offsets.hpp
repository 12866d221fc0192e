// How far apart two sources say that the same conversations began: many pairs that differ by the same hours are no chance but
// a wrong time zone. Only sums are kept, so neither order nor threads have a say.
#pragma once

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "crosswalk/conversation.hpp"

namespace crosswalk {

class StartOffsets {
 public:
  /// Both sources know when one conversation began. `left` <= `right`; where they are one source, two of its files do.
  void add(std::uint32_t left, std::uint32_t right, const Instant& left_at, const Instant& right_at);
  void add(const StartOffsets& other);
  void clear() { pairs_.clear(); }

  /// Two sources most of whose pairs are the same hours apart, or two numbers of hours that lie one apart, as zones with
  /// and without daylight saving do.
  struct Shift {
    struct Part {
      double hours = 0;  ///< by which the right one is later
      std::uint64_t pairs = 0;
    };
    std::uint32_t left = 0, right = 0;
    std::uint64_t pairs = 0;  ///< all that have both times
    std::vector<Part> parts;  ///< one or two, the larger first
  };
  [[nodiscard]] std::vector<Shift> shifts() const;

 private:
  struct Counts {
    std::uint64_t pairs = 0;
    std::map<int, std::uint64_t> by_half_hours;  ///< of differences that are whole half hours, give or take a minute
  };
  std::map<std::pair<std::uint32_t, std::uint32_t>, Counts> pairs_;
};

}  // namespace crosswalk
