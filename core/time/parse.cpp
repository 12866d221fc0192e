#include "time/parse.hpp"

#include "time/calendar_names.hpp"
#include "time/cursor.hpp"

namespace crosswalk::times {
namespace {

bool take_iso_date(Cursor& cursor, Fields& fields) {
  unsigned year = 0;
  if (!cursor.take_digits(4, 4, year) || !cursor.take('-')) return false;
  if (!cursor.take_digits(2, 2, fields.month) || !cursor.take('-')) return false;
  fields.year = static_cast<int>(year);
  return cursor.take_digits(2, 2, fields.day);
}

/// An offset to the text's end, after blanks or not; or nothing.
bool take_offset_at_end(Cursor& cursor, Fields& fields) {
  if (cursor.at_end()) return true;
  return cursor.take_offset(fields) && cursor.at_end();
}

bool take_year(Cursor& cursor, Fields& fields) {
  const std::string_view before = cursor.rest();
  unsigned year = 0;
  if (!cursor.take_digits(2, 4, year)) return false;
  const std::size_t digits = before.size() - cursor.rest().size();
  fields.year = digits == 2 ? year_of_two_digits(year) : static_cast<int>(year);
  return digits != 3;
}

/// `3/14/2026`: one separator for both places.
bool take_day_and_month(Cursor& cursor, bool day_first, Fields& fields) {
  unsigned& first = day_first ? fields.day : fields.month;
  unsigned& second = day_first ? fields.month : fields.day;
  if (!cursor.take_digits(1, 2, first)) return false;
  const char separator = cursor.next();
  if (separator != '/' && separator != '-' && separator != '.') return false;
  cursor.take(separator);
  return cursor.take_digits(1, 2, second) && cursor.take(separator) && take_year(cursor, fields);
}

/// Browsers of recent years write a narrow or plain no-break space before AM and PM.
void skip_blanks_before_half(Cursor& cursor) {
  cursor.take_blanks();
  while (cursor.take_word("\u202F") || cursor.take_word("\u00A0")) cursor.take_blanks();
}

struct ZoneWord {
  std::string_view name;
  std::int32_t hours;
};

// RFC 2822 section 4.3. Its single letters but Z were used wrongly for so long that they mean nothing.
constexpr ZoneWord kZoneWords[] = {{"GMT", 0},  {"UTC", 0},  {"UT", 0},   {"EST", -5}, {"EDT", -4}, {"CST", -6},
                                   {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};

bool take_rfc2822_zone(Cursor& cursor, Fields& fields) {
  for (const ZoneWord& word : kZoneWords) {
    if (!cursor.take_word(word.name)) continue;
    fields.has_offset = true;
    fields.offset = word.hours * 3600;
    return true;
  }
  return cursor.take_offset(fields);
}

/// `(CET)`, as mail programs add behind the offset.
bool take_comment(Cursor& cursor) {
  if (!cursor.take('(')) return false;
  const std::string_view rest = cursor.rest();
  const std::size_t close = rest.find(')');
  if (close == std::string_view::npos) return false;
  cursor = Cursor(rest.substr(close + 1));
  return true;
}

bool take_rfc2822_year(Cursor& cursor, Fields& fields) {
  const std::string_view before = cursor.rest();
  unsigned year = 0;
  if (!cursor.take_digits(2, 4, year)) return false;
  const std::size_t digits = before.size() - cursor.rest().size();
  if (digits == 2) {
    year += year < 50 ? 2000 : 1900;
  } else if (digits == 3) {
    year += 1900;
  }
  fields.year = static_cast<int>(year);
  return true;
}

}  // namespace

bool parse_iso(std::string_view text, Fields& fields) {
  Cursor cursor(trimmed(text));
  if (!take_iso_date(cursor, fields)) return false;
  if (cursor.at_end()) return true;
  if (!cursor.take('T') && !cursor.take('t') && !cursor.take(' ')) return false;
  if (!cursor.take_clock(/*short_hour=*/false, fields)) return false;
  cursor.take(' ');
  return take_offset_at_end(cursor, fields);
}

bool parse_day_and_month(std::string_view text, bool day_first, Fields& fields) {
  Cursor cursor(trimmed(text));
  if (!take_day_and_month(cursor, day_first, fields)) return false;
  if (cursor.at_end()) return true;
  cursor.take(',');
  if (!cursor.take_blanks() || !cursor.take_clock(/*short_hour=*/true, fields)) return false;
  skip_blanks_before_half(cursor);
  if (cursor.take_half(fields)) cursor.take_blanks();
  return take_offset_at_end(cursor, fields);
}

bool parse_rfc2822(std::string_view text, Fields& fields) {
  Cursor cursor(trimmed(text));
  if (cursor.take_name(kWeekdayNames, fields.weekday)) {
    if (!cursor.take(',')) return false;
    cursor.take_blanks();
  }
  int month = 0;
  if (!cursor.take_digits(1, 2, fields.day) || !cursor.take_blanks()) return false;
  if (!cursor.take_name(kMonthNames, month) || !cursor.take_blanks()) return false;
  fields.month = static_cast<unsigned>(month) + 1;
  if (!take_rfc2822_year(cursor, fields)) return false;
  if (cursor.at_end()) return true;
  if (!cursor.take_blanks() || !cursor.take_clock(/*short_hour=*/false, fields)) return false;
  if (cursor.at_end()) return true;
  if (!cursor.take_blanks() || !take_rfc2822_zone(cursor, fields)) return false;
  if (cursor.take_blanks() && !take_comment(cursor)) return false;
  return cursor.at_end();
}

TimeFault parse_epoch(std::string_view text, unsigned digits, Instant& out) {
  constexpr std::uint64_t kTooLarge = 1'000'000'000'000'000'000;  // beyond year 9999 in every unit
  constexpr std::uint64_t kPowers[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000};

  Cursor cursor(trimmed(text));
  const bool negative = cursor.take('-');
  if (!negative) cursor.take('+');
  if (!is_digit(cursor.next())) return TimeFault::malformed;
  std::uint64_t number = 0;
  std::string_view rest = cursor.rest();
  while (!rest.empty() && is_digit(rest.front())) {
    if (number < kTooLarge) number = number * 10 + static_cast<std::uint64_t>(rest.front() - '0');
    rest.remove_prefix(1);
  }
  cursor = Cursor(rest);
  // The fraction of a unit, first as billionths of that unit.
  std::uint32_t billionths = 0;
  if (cursor.take('.') && !cursor.take_fraction(billionths)) return TimeFault::malformed;
  if (!cursor.at_end()) return TimeFault::malformed;
  const std::uint64_t unit = kPowers[digits];
  if (billionths % unit != 0) return TimeFault::malformed;  // finer than a nanosecond
  if (number >= kTooLarge) {
    out.seconds = kLastSecond + 1;
    return TimeFault::out_of_range;
  }

  out.seconds = static_cast<std::int64_t>(number / unit);
  out.nanos = static_cast<std::uint32_t>(number % unit * (1'000'000'000 / unit) + billionths / unit);
  if (negative) {
    out.seconds = -out.seconds;
    if (out.nanos != 0) {
      out.seconds -= 1;
      out.nanos = 1'000'000'000 - out.nanos;
    }
  }
  return is_in_range(out.seconds) ? TimeFault::none : TimeFault::out_of_range;
}

bool is_spreadsheet_serial(std::string_view text) {
  constexpr unsigned kFirst = 20'000;
  constexpr unsigned kLast = 79'999;
  Cursor cursor(trimmed(text));
  unsigned days = 0;
  if (!cursor.take_digits(5, 5, days) || days < kFirst || days > kLast) return false;
  if (cursor.at_end()) return true;
  if (!cursor.take('.') && !cursor.take(',')) return false;
  return !cursor.at_end() && cursor.rest().find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace crosswalk::times
