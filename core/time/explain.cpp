#include <string>

#include "crosswalk/time.hpp"
#include "time/advice.hpp"
#include "time/cursor.hpp"
#include "time/parse.hpp"
#include "time/text.hpp"

namespace crosswalk {
namespace {

constexpr std::string_view kGiveFormat = "check the setting time_format of this source";

bool is_wrong(const times::Fields& fields) { return times::check(fields) == TimeFault::impossible || fields.second == 60; }

/// Reads a text by any form that it has, to say what in it is impossible. Where both orders of day and month are, the one
/// with a month that exists is what was meant.
bool parse_impossible(std::string_view text, times::Fields& fields) {
  for (const auto parse : {times::parse_iso, times::parse_rfc2822}) {
    fields = {};
    if (parse(text, fields)) return true;
  }
  bool found = false;
  for (const bool day_first : {false, true}) {
    times::Fields reading;
    if (!times::parse_day_and_month(text, day_first, reading) || !is_wrong(reading)) continue;
    if (!found || fields.month > 12) fields = reading;
    found = true;
  }
  return found;
}

/// Whether the text would be a time with day and month the other way round.
bool has_one_possible_order(std::string_view text) {
  times::Fields month_first;
  times::Fields day_first;
  return times::parse_day_and_month(text, /*day_first=*/false, month_first) &&
         times::parse_day_and_month(text, /*day_first=*/true, day_first) && is_wrong(month_first) != is_wrong(day_first);
}

bool is_number(std::string_view text) {
  Instant ignored;
  return times::parse_epoch(text, 0, ignored) != TimeFault::malformed;
}

bool has_day_and_month(std::string_view text) {
  times::Fields fields;
  return times::parse_day_and_month(text, /*day_first=*/true, fields);
}

std::string in_zone(std::string_view zone_name) {
  return zone_name.empty() ? "in this source's time zone" : "in " + std::string(zone_name);
}

bool is_clock(std::string_view text) {
  times::Fields fields;
  times::Cursor cursor(times::trimmed(text));
  if (!cursor.take_clock(/*short_hour=*/true, fields)) return false;
  cursor.take_blanks();
  cursor.take_half(fields);
  return cursor.at_end();
}

/// `26:00.0`: minutes and seconds, which is what a spreadsheet shows of a time with fractions, and saves.
bool is_minutes_and_tenths(std::string_view text) {
  times::Cursor cursor(times::trimmed(text));
  unsigned ignored = 0;
  return cursor.take_digits(1, 2, ignored) && cursor.take(':') && cursor.take_digits(2, 2, ignored) && cursor.take('.') &&
         cursor.take_digits(1, 1, ignored) && cursor.at_end();
}

bool is_too_narrow(std::string_view text) {
  text = times::trimmed(text);
  return text.size() > 1 && text.find_first_not_of('#') == std::string_view::npos;
}

TimeComplaint explain_malformed(std::string_view text) {
  if (times::trimmed(text).empty()) return {"the text is empty where a time should be", "leave the field out, or give a time"};
  if (is_minutes_and_tenths(text)) {
    return {times::quoted(text) +
                " is minutes and seconds: a spreadsheet showed no more of this time, saved what it showed, and the "
                "date is lost",
            std::string(times::kSerialCure)};
  }
  if (is_too_narrow(text)) {
    return {
        times::quoted(text) + " is what a spreadsheet shows where a column is too narrow; it saved that, and the time is lost",
        std::string(times::kSerialCure)};
  }
  if (is_clock(text)) return {times::quoted(text) + " is a time of day without a date", "export the whole time, with its date"};
  times::Fields year_first;
  if (times::parse_two_digit_year_first(text, year_first) && times::check(year_first) == TimeFault::none) {
    if (const std::string pattern = times::pattern_for_year_first(text); !pattern.empty()) {
      return {times::quoted(text) + " is not written as the times of this source are",
              "if the year comes first, --set 'time_format=" + pattern +
                  "'; if the day does, --set time_format=day_first; if the month does, --set time_format=month_first"};
    }
  }
  if (has_day_and_month(text)) {
    return {times::quoted(text) + " is not written as the times of this source are",
            "if the day comes first, --set time_format=day_first; if the month does, --set time_format=month_first"};
  }
  if (times::is_spreadsheet_serial(text)) {
    return {times::quoted(text) + " is a spreadsheet's serial day number, not a time", std::string(times::kSerialCure)};
  }
  if (is_number(text)) {
    return {times::quoted(text) + " is not written as the times of this source are",
            "for a number since 1970, --set time_format=epoch_s, epoch_ms, epoch_us or epoch_ns"};
  }
  const std::string pattern = times::pattern_for(text);
  return {times::quoted(text) + " is not written as the times of this source are",
          pattern.empty() ? std::string(kGiveFormat) : "--set 'time_format=" + pattern + "' reads it"};
}

TimeComplaint explain_impossible(std::string_view text) {
  times::Fields fields;
  std::string why = "there is no such date or time";
  if (parse_impossible(text, fields)) why = times::impossibility(fields);
  TimeComplaint complaint{times::quoted(text) + " cannot be: " + why, "correct it in the source"};
  if (has_one_possible_order(text)) {
    complaint.cure += "; if day and month are the other way round here, --set time_format=day_first or month_first";
  }
  return complaint;
}

}  // namespace

TimeComplaint explain(TimeFault fault, std::string_view text, std::string_view zone_name) {
  switch (fault) {
    case TimeFault::none: return {};
    case TimeFault::malformed: return explain_malformed(text);
    case TimeFault::impossible: return explain_impossible(text);
    case TimeFault::out_of_range:
      return {times::quoted(text) + " lies outside the years 1 to 9999 in UTC",
              "correct it in the source; for numbers, check the unit (time_format=epoch_s, epoch_ms or epoch_us)"};
    case TimeFault::no_zone:
      return {times::quoted(text) + " has no offset from UTC, and no time zone is given",
              "say in which zone the source writes its times: --time-zone"};
    case TimeFault::repeated:
      return {times::quoted(text) + " came twice " + in_zone(zone_name) + ", when the clocks were set back",
              "--disambiguation compatible or earlier takes the first, later the second"};
    case TimeFault::skipped:
      return {times::quoted(text) + " never was " + in_zone(zone_name) + ": the clocks were set forward over it",
              "--disambiguation compatible or later reads it with the offset before the gap, earlier with the one after"};
    case TimeFault::contradiction:
      return {times::quoted(text) + " cannot be: the offset is not that of the zone behind it", "correct it in the source"};
    case TimeFault::unknown_zone:
      return {times::quoted(text) + " names a time zone that is not known",
              "correct it in the source; `crosswalk zones` lists the names"};
    case TimeFault::date_only:
      return {times::quoted(text) + " is a date without a clock, and this source does not say which moment of the day it means",
              "a time of day is needed, such as '2026-03-14 13:05'"};
  }
  return {};
}

bool append_time_answer(TimeReader& reader, const Zone* zone, std::string_view line, std::string& out) {
  const TimeReading reading = reader.read(line, zone);
  if (reading.fault != TimeFault::none) {
    out += "error\t";
    out += explain(reading.fault, line, zone == nullptr ? std::string_view{} : std::string_view(name_of(*zone))).message;
    return false;
  }
  char instant[kTimeTextMax];
  out.append(instant, write_time(reading.at, instant));
  out += '\t';
  out += name_of(reading.how);
  return true;
}

}  // namespace crosswalk
