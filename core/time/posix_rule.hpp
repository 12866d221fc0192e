// The rule in a zone file's footer: a POSIX TZ string such as `PST8PDT,M3.2.0,M11.1.0` or `<+01>-1<+00>,J1/-2,J90/23`,
// with RFC 9636's longer hours (-167 to 167).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace crosswalk::times {

struct PosixRule {
  /// A moment of every year, in the local time that is in force before it.
  struct Turn {
    enum class Kind : std::uint8_t {
      julian,   ///< Jn: day 1 to 365, 29 February is never counted
      ordinal,  ///< n: day 0 to 365, 29 February is counted
      weekday,  ///< Mm.w.d
    };
    Kind kind = Kind::weekday;
    int day = 0;  ///< of the year, or the weekday with 0 for Sunday
    unsigned month = 0;
    unsigned week = 0;
    std::int32_t time = 2 * 3600;  ///< seconds after local midnight; may lie days before or after it
  };

  struct Change {
    std::int64_t at = 0;  ///< instant
    std::int32_t offset = 0;
  };

  std::int32_t standard_offset = 0;  ///< seconds east of UTC
  std::int32_t summer_offset = 0;
  bool has_summer = false;
  Turn summer_begins;
  Turn summer_ends;

  /// Nothing when the text is no such rule.
  [[nodiscard]] static std::optional<PosixRule> parse(std::string_view text);

  /// The two changes that a year's summer time makes, in time's order. Only for rules with summer time.
  [[nodiscard]] std::array<Change, 2> changes_in(int year) const;
};

}  // namespace crosswalk::times
