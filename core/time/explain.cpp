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

/// The setting by which the text would be a time with day and month the other way round; empty: by none, or by both.
std::string_view one_possible_order(std::string_view text) {
  times::Fields month_first;
  times::Fields day_first;
  if (!times::parse_day_and_month(text, /*day_first=*/false, month_first) ||
      !times::parse_day_and_month(text, /*day_first=*/true, day_first) || is_wrong(month_first) == is_wrong(day_first)) {
    return {};
  }
  return is_wrong(day_first) ? "month_first" : "day_first";
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

/// A date that exists, and no clock.
bool is_date_only(std::string_view text) {
  const auto is_date = [](bool parsed, const times::Fields& fields) {
    return parsed && !fields.has_clock && times::check(fields) == TimeFault::none;
  };
  for (const bool day_first : {false, true}) {
    times::Fields fields;
    if (is_date(times::parse_day_and_month(text, day_first, fields), fields)) return true;
  }
  times::Fields iso, named;
  return is_date(times::parse_iso(text, iso), iso) || is_date(times::parse_rfc2822(text, named), named);
}

TimeComplaint explain_date_only(std::string_view text) {
  return {times::quoted(text) + " is a date without a clock, and this source does not say which moment of the day it means",
          "a time of day is needed, such as '2026-03-14 13:05'", "no clock"};
}

/// `1.68E+09`
bool is_exponent_form(std::string_view text) {
  const std::size_t e = text.find_first_of("eE");
  if (e == 0 || e == std::string_view::npos) return false;
  std::string_view power = text.substr(e + 1), number = text.substr(0, e);
  if (power.starts_with('+') || power.starts_with('-')) power.remove_prefix(1);
  if (number.starts_with('-')) number.remove_prefix(1);
  const auto only = [](std::string_view part, std::string_view of) {
    return !part.empty() && part.find_first_not_of(of) == std::string_view::npos;
  };
  return only(power, "0123456789") && only(number, "0123456789.,") && is_digit(number.front());
}

/// `#VALUE!`, `#NAME?`, `#N/A`; `Err:502` of LibreOffice.
bool is_formula_error(std::string_view text) {
  if (text.starts_with("Err:")) return true;
  if (text == "#N/A") return true;
  if (text.size() < 3 || text.front() != '#' || (text.back() != '!' && text.back() != '?')) return false;
  return text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ0/_", 1) == text.size() - 1;
}

/// `2023-03-14 09:26 PST`: the abbreviation of a zone behind a time that says no offset. Empty: it is none.
std::string_view abbreviation_of(std::string_view text) {
  const std::size_t blank = text.rfind(' ');
  if (blank == std::string_view::npos) return {};
  const std::string_view name = text.substr(blank + 1);
  if (name.size() < 2 || name.size() > 5 || name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string_view::npos ||
      name == "AM" || name == "PM") {
    return {};
  }
  return times::any_pattern_for(text.substr(0, blank)).empty() ? std::string_view() : name;
}

TimeComplaint explain_abbreviation(std::string_view text, std::string_view seen, std::string_view name) {
  std::string cure = "export the offset or the zone's whole name instead";
  const std::string_view time = seen.substr(0, seen.size() - name.size());
  std::string pattern = times::pattern_for(time);
  if (pattern.empty()) {
    const auto orders = times::orders_of(time);
    if (orders.size() == 1) pattern = times::any_pattern_for(time);
  }
  if (!pattern.empty()) {
    pattern += ' ';
    pattern += name;
  }
  if (!pattern.empty() && times::reads(pattern, text)) {
    cure += "; where it is one zone all along, " + times::set_time_format(pattern) + " and that zone as --time-zone";
  }
  return {times::quoted(text) + " names its zone as " + std::string(name) + ", and such letters mean more than one zone",
          std::move(cure), "zone abbreviation"};
}

/// A number, and it is none of a spreadsheet's days.
std::string advice_for_number(std::string_view text) {
  std::string units;
  for (const std::string_view unit : {"epoch_s", "epoch_ms", "epoch_us", "epoch_ns"}) {
    if (!times::reads(unit, text)) continue;
    if (!units.empty()) units += unit == "epoch_ns" ? " or " : ", ";
    units += unit;
  }
  std::string cure = units.empty() ? std::string() : "for a number since 1970, --set time_format=" + units;
  if (const std::string pattern = times::pattern_for(text); !pattern.empty()) {
    cure += (cure.empty() ? "for a date without separators, " : "; for a date without separators, ") +
            times::set_time_format(pattern);
  }
  return cure.empty() ? std::string(kGiveFormat) : cure;
}

/// What destroyed the time, where that shows.
TimeComplaint explain_destroyed(std::string_view text, std::string_view seen) {
  const std::string found = times::quoted(text);
  const std::string again(times::kSerialCure);
  if (is_minutes_and_tenths(seen)) {
    return {
        found + " is minutes and seconds: a spreadsheet showed no more of this time, saved what it showed, and the date is lost",
        again, "minutes and seconds"};
  }
  if (is_too_narrow(seen)) {
    return {found + " is what a spreadsheet shows where a column is too narrow; it saved that, and the time is lost", again,
            "too narrow"};
  }
  if (is_formula_error(seen)) {
    return {found + " is the error of a spreadsheet's formula, not a time", "correct the formula, or export the values again",
            "formula error"};
  }
  if (seen.starts_with('=')) {
    return {found + " is a spreadsheet's formula, not a time", "export the values again, not the formulas", "formula"};
  }
  if (is_exponent_form(seen)) {
    return {found + " is a number in exponent form: a spreadsheet rounded it, and the time is lost",
            "export again and do not open the file in a spreadsheet, or format the column as a whole number there",
            "exponent form"};
  }
  if (is_clock(seen)) return {found + " is a time of day without a date", "export the whole time, with its date", "no date"};
  if (times::is_spreadsheet_serial(seen))
    return {found + " is a spreadsheet's serial day number, not a time", again, "serial day"};
  return {};
}

TimeComplaint explain_malformed(std::string_view text) {
  times::CleanRoom room;
  const std::string_view seen = times::cleaned(text, room);
  if (seen.empty()) return {"the text is empty where a time should be", "leave the field out, or give a time", "empty"};
  if (TimeComplaint destroyed = explain_destroyed(text, seen); !destroyed.message.empty()) return destroyed;
  const std::string other = times::quoted(text) + " is not written as the times of this source are";
  if (is_number(seen)) return {other, advice_for_number(seen), "number"};
  if (const std::string pattern = times::pattern_for(seen); !pattern.empty()) {
    return {other, times::set_time_format(pattern) + " reads it", "other form"};
  }
  const auto orders = times::orders_of(seen);
  if (orders.size() == 1) return {other, times::set_time_format(orders.front().setting) + " reads it", "other form"};
  if (!orders.empty()) return {other, times::in_words(orders), "other form"};
  if (const std::string_view name = abbreviation_of(seen); !name.empty()) return explain_abbreviation(text, seen, name);
  if (is_date_only(seen)) return explain_date_only(text);
  if (has_day_and_month(seen)) {
    return {times::quoted(text) + " is no time in any order of day, month and year", "correct it in the source", "impossible"};
  }
  return {other, std::string(kGiveFormat), "malformed"};
}

TimeComplaint explain_impossible(std::string_view text) {
  times::Fields fields;
  std::string why = "there is no such date or time";
  if (parse_impossible(text, fields)) why = times::impossibility(fields);
  TimeComplaint complaint{times::quoted(text) + " cannot be: " + why, "correct it in the source", "impossible"};
  if (const std::string_view order = one_possible_order(text); !order.empty()) {
    complaint.cure += "; if day and month are the other way round here, " + times::set_time_format(order);
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
              "correct it in the source; for numbers, check the unit (time_format=epoch_s, epoch_ms, epoch_us or epoch_ns)",
              "out of range"};
    case TimeFault::no_zone:
      return {times::quoted(text) + " has no offset from UTC, and no time zone is given",
              "say in which zone the source writes its times: --time-zone", "no zone"};
    case TimeFault::repeated:
      return {times::quoted(text) + " came twice " + in_zone(zone_name) + ", when the clocks were set back",
              "--disambiguation compatible or earlier takes the first, later the second", "repeated"};
    case TimeFault::skipped:
      return {times::quoted(text) + " never was " + in_zone(zone_name) + ": the clocks were set forward over it",
              "--disambiguation compatible or later reads it with the offset before the gap, earlier with the one after",
              "skipped"};
    case TimeFault::contradiction:
      return {times::quoted(text) + " cannot be: the offset is not that of the zone behind it", "correct it in the source",
              "contradiction"};
    case TimeFault::unknown_zone:
      return {times::quoted(text) + " names a time zone that is not known",
              "correct it in the source; `crosswalk zones` lists the names", "unknown zone"};
    case TimeFault::date_only: return explain_date_only(text);
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
