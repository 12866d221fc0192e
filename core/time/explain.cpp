#include <string>

#include "crosswalk/time.hpp"
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

TimeComplaint explain_malformed(std::string_view text) {
  if (times::trimmed(text).empty()) return {"the text is empty where a time should be", "leave the field out, or give a time"};
  if (has_day_and_month(text)) {
    return {times::quoted(text) + " is not written as the times of this source are",
            "if the day comes first, --set time_format=day_first; if the month does, --set time_format=month_first"};
  }
  if (times::is_spreadsheet_serial(text)) {
    return {times::quoted(text) + " is a spreadsheet's serial day number, not a time", std::string(times::kSerialCure)};
  }
  if (is_number(text)) {
    return {times::quoted(text) + " is not written as the times of this source are",
            "for a number since 1970, --set time_format=epoch_s, epoch_ms or epoch_us"};
  }
  return {times::quoted(text) + " is not written as the times of this source are", std::string(kGiveFormat)};
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
