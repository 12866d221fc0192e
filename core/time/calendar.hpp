// The proleptic Gregorian calendar as plain numbers, on Howard Hinnant's date library.
//
// Private to core/time, and the only place that includes the library: its names clash with std::chrono's in C++20, so
// none of them leaves this file.
#pragma once

#include <date/date.h>

#include <cstdint>

namespace crosswalk::calendar {

inline constexpr std::int64_t kSecondsPerDay = 86400;

/// After 400 years the calendar, weekdays included, repeats itself: 146,097 days are 20,871 weeks.
inline constexpr std::int64_t kDaysPer400Years = 146097;

struct Civil {
  int year;
  unsigned month;
  unsigned day;
};

[[nodiscard]] inline bool exists(int year, unsigned month, unsigned day) {
  return date::year_month_day{date::year{year}, date::month{month}, date::day{day}}.ok();
}

[[nodiscard]] inline unsigned days_in_month(int year, unsigned month) {
  return static_cast<unsigned>(date::year_month_day_last{date::year{year}, date::month_day_last{date::month{month}}}.day());
}

/// Days since 1970-01-01 of a date that exists.
[[nodiscard]] inline std::int64_t days_from(int year, unsigned month, unsigned day) {
  const date::sys_days days = date::year_month_day{date::year{year}, date::month{month}, date::day{day}};
  return days.time_since_epoch().count();
}

[[nodiscard]] inline Civil civil_from(std::int64_t days) {
  const date::year_month_day ymd{date::sys_days{date::days{days}}};
  return {static_cast<int>(ymd.year()), static_cast<unsigned>(ymd.month()), static_cast<unsigned>(ymd.day())};
}

/// 0 is Sunday.
[[nodiscard]] inline unsigned weekday_of(std::int64_t days) {
  return date::weekday{date::sys_days{date::days{days}}}.c_encoding();
}

[[nodiscard]] inline bool is_leap(int year) { return date::year{year}.is_leap(); }

/// The day of a rule such as "the second Sunday in March"; week 5 means the last.
[[nodiscard]] inline std::int64_t nth_weekday(int year, unsigned month, unsigned week, unsigned weekday) {
  const date::year_month when = date::year{year} / date::month{month};
  const date::weekday day{weekday};
  const date::sys_days days = week == 5 ? date::sys_days{when / day[date::last]} : date::sys_days{when / day[week]};
  return days.time_since_epoch().count();
}

[[nodiscard]] inline int year_of_second(std::int64_t seconds) {
  std::int64_t days = seconds / kSecondsPerDay;
  if (seconds % kSecondsPerDay < 0) --days;
  return civil_from(days).year;
}

}  // namespace crosswalk::calendar
