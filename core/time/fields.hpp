// What a text says about a time, before it is known whether such a time exists.
#pragma once

#include <cstdint>
#include <string_view>

#include "crosswalk/time.hpp"

namespace crosswalk::times {

struct Fields {
  enum class Half : std::uint8_t { none, am, pm };

  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned day_of_year = 0;  ///< when a pattern gives it; month and day follow from it
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  std::uint32_t nanos = 0;
  std::int32_t offset = 0;  ///< seconds east of UTC
  int weekday = -1;         ///< 0 for Sunday; -1 when the text names none
  Half half = Half::none;
  bool has_clock = false;
  bool has_offset = false;
  bool is_zulu = false;      ///< the offset is `Z`, which says nothing of the local clock
  bool contradicts = false;  ///< the offset is not that of the zone behind it
  std::string_view zone;     ///< in brackets behind it
  bool is_instant = false;   ///< the text was an instant (epoch): `instant` holds it and nothing else is set
  Instant instant;
};

/// An offset that check() refuses, for texts such as `+05:75`.
inline constexpr std::int32_t kImpossibleOffset = 1 << 30;

/// Instants of years 1 to 9999.
inline constexpr std::int64_t kFirstSecond = -62135596800;
inline constexpr std::int64_t kLastSecond = 253402300799;
[[nodiscard]] constexpr bool is_in_range(std::int64_t seconds) { return seconds >= kFirstSecond && seconds <= kLastSecond; }

[[nodiscard]] constexpr std::int64_t seconds_of_clock(unsigned hour, unsigned minute) {
  return std::int64_t{hour} * 3600 + std::int64_t{minute} * 60;
}

/// Whether there are such a date, clock and offset: none, `impossible` or `out_of_range`.
[[nodiscard]] TimeFault check(const Fields& fields);

/// Seconds from 1970-01-01 00:00 on the local clock, for fields that passed check().
[[nodiscard]] std::int64_t local_seconds(const Fields& fields);

/// What check() found impossible, as a clause: "there is no month 13".
[[nodiscard]] std::string impossibility(const Fields& fields);

}  // namespace crosswalk::times
