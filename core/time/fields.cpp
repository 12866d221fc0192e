#include "time/fields.hpp"

#include <string>

#include "time/calendar.hpp"
#include "time/calendar_names.hpp"

namespace crosswalk::times {
namespace {

constexpr std::int32_t kMostOffset = 24 * 3600 - 1;

bool hour_exists(const Fields& fields) {
  if (fields.half == Fields::Half::none) return fields.hour <= 23;
  return fields.hour >= 1 && fields.hour <= 12;
}

bool offset_exists(const Fields& fields) { return fields.offset >= -kMostOffset && fields.offset <= kMostOffset; }

unsigned hour_of_day(const Fields& fields) {
  switch (fields.half) {
    case Fields::Half::am: return fields.hour % 12;
    case Fields::Half::pm: return fields.hour % 12 + 12;
    case Fields::Half::none: break;
  }
  return fields.hour;
}

unsigned weekday_of(const Fields& fields) {
  return calendar::weekday_of(calendar::days_from(fields.year, fields.month, fields.day));
}

}  // namespace

TimeFault check(const Fields& fields) {
  if (fields.year < 1 || fields.year > 9999) return TimeFault::out_of_range;
  if (!calendar::exists(fields.year, fields.month, fields.day)) return TimeFault::impossible;
  if (fields.has_clock) {
    // `:60` is a leap second; whether one can be there is known only with the offset.
    if (!hour_exists(fields) || fields.minute > 59 || fields.second > 60) return TimeFault::impossible;
  }
  if (!offset_exists(fields)) return TimeFault::impossible;
  if (fields.weekday >= 0 && weekday_of(fields) != static_cast<unsigned>(fields.weekday)) return TimeFault::impossible;
  return fields.contradicts ? TimeFault::contradiction : TimeFault::none;
}

std::int64_t local_seconds(const Fields& fields) {
  const std::int64_t days = calendar::days_from(fields.year, fields.month, fields.day);
  return days * calendar::kSecondsPerDay + seconds_of_clock(hour_of_day(fields), fields.minute) + fields.second;
}

std::string impossibility(const Fields& fields) {
  const auto number = [](auto value) { return std::to_string(value); };
  if (fields.month < 1 || fields.month > 12) return "there is no month " + number(fields.month);
  if (!calendar::exists(fields.year, fields.month, fields.day)) {
    const std::string month(kMonthNames[fields.month - 1]);
    if (fields.month == 2 && fields.day == 29) return number(fields.year) + " has no 29 February";
    return month + " has no day " + number(fields.day);
  }
  if (fields.has_clock && !hour_exists(fields)) {
    const bool half = fields.half != Fields::Half::none;
    if (fields.hour == 24) return "the day ends at 23:59; midnight is 00:00 of the next day";
    return "there is no hour " + number(fields.hour) + (half ? " with AM or PM" : "");
  }
  if (fields.has_clock && fields.minute > 59) return "there is no minute " + number(fields.minute);
  if (fields.has_clock && fields.second > 60) return "there is no second " + number(fields.second);
  if (!offset_exists(fields)) return "there is no such offset from UTC";
  if (fields.weekday >= 0 && weekday_of(fields) != static_cast<unsigned>(fields.weekday)) {
    return "that day is a " + std::string(kWeekdayNames[weekday_of(fields)]);
  }
  return "a leap second ':60' comes only at the end of an hour";
}

}  // namespace crosswalk::times
