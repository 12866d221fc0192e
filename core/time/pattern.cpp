#include "time/pattern.hpp"

#include <string>

#include "time/calendar.hpp"
#include "time/calendar_names.hpp"
#include "time/cursor.hpp"
#include "time/parse.hpp"

namespace crosswalk::times {
namespace {

/// `%T` and its like are short for other conversions; empty for those that stand for themselves.
constexpr std::string_view longhand(char conversion) {
  switch (conversion) {
    case 'T': return "%H:%M:%S";
    case 'R': return "%H:%M";
    case 'D': return "%m/%d/%y";
    case 'F': return "%Y-%m-%d";
    default: return {};
  }
}

constexpr std::string_view kConversions = "YymdejHIMSfpbBaAzZs";

/// Conversions that fill the same field, by the first of them: `%b` after `%m` would say the month twice.
constexpr char field_of(char conversion) {
  switch (conversion) {
    case 'y': return 'Y';
    case 'b':
    case 'B': return 'm';
    case 'e': return 'd';
    case 'I': return 'H';
    case 'A': return 'a';
    case 'Z': return 'z';
    default: return conversion;
  }
}

bool take_two(Cursor& cursor, unsigned& value) {
  // At most two digits, but more may follow: `%H%M` reads "0930".
  const std::string_view rest = cursor.rest();
  std::size_t count = 0;
  while (count < 2 && count < rest.size() && is_digit(rest[count])) ++count;
  Cursor digits(rest.substr(0, count));
  cursor = Cursor(rest.substr(count));
  return digits.take_digits(1, 2, value);
}

/// Exactly so many digits, though more may follow.
bool take_exactly(Cursor& cursor, std::size_t count, unsigned& value) {
  const std::string_view rest = cursor.rest();
  if (rest.size() < count) return false;
  Cursor digits(rest.substr(0, count));
  cursor = Cursor(rest.substr(count));
  return digits.take_digits(count, count, value);
}

bool take_four(Cursor& cursor, int& year) {
  unsigned value = 0;
  if (!take_exactly(cursor, 4, value)) return false;
  year = static_cast<int>(value);
  return true;
}

bool take_month_name(Cursor& cursor, Fields& fields) {
  int month = 0;
  if (!cursor.take_name(kMonthNames, month)) return false;
  fields.month = static_cast<unsigned>(month) + 1;
  return true;
}

bool take_utc_name(Cursor& cursor, Fields& fields) {
  fields.has_offset = true;
  fields.offset = 0;
  return cursor.take_word("UTC") || cursor.take_word("GMT") || cursor.take_word("Z");
}

bool take_fraction(Cursor& cursor, Fields& fields) {
  const std::string_view rest = cursor.rest();
  std::size_t count = 0;
  while (count < rest.size() && is_digit(rest[count])) ++count;
  return count <= 9 && cursor.take_fraction(fields.nanos);
}

bool take_epoch(Cursor& cursor, Fields& fields) {
  const std::string_view rest = cursor.rest();
  std::size_t count = !rest.empty() && (rest[0] == '-' || rest[0] == '+') ? 1 : 0;
  while (count < rest.size() && is_digit(rest[count])) ++count;
  fields.is_instant = true;
  cursor = Cursor(rest.substr(count));
  return parse_epoch(rest.substr(0, count), 0, fields.instant) != TimeFault::malformed;
}

bool take_conversion(Cursor& cursor, char conversion, Fields& fields) {
  unsigned number = 0;
  switch (conversion) {
    case 'Y': return take_four(cursor, fields.year);
    case 'y':
      if (!take_two(cursor, number)) return false;
      fields.year = year_of_two_digits(number);
      return true;
    case 'm': return take_two(cursor, fields.month);
    case 'e': cursor.take(' '); return take_two(cursor, fields.day);
    case 'd': return take_two(cursor, fields.day);
    case 'j': return take_exactly(cursor, 3, fields.day_of_year);
    case 'b':
    case 'B': return take_month_name(cursor, fields);
    case 'a':
    case 'A': return cursor.take_name(kWeekdayNames, fields.weekday);
    case 'H':
    case 'I': fields.has_clock = true; return take_two(cursor, fields.hour);
    case 'M': return take_two(cursor, fields.minute);
    case 'S': return take_two(cursor, fields.second);
    case 'f': return take_fraction(cursor, fields);
    case 'p': return cursor.take_half(fields);
    case 'z': return cursor.take_offset(fields);
    case 'Z': return take_utc_name(cursor, fields);
    case 's': return take_epoch(cursor, fields);
    default: return false;
  }
}

bool take_by_pattern(Cursor& cursor, std::string_view pattern, Fields& fields) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (is_blank(pattern[i])) {
      while (i + 1 < pattern.size() && is_blank(pattern[i + 1])) ++i;
      if (!cursor.take_blanks()) return false;
    } else if (pattern[i] != '%') {
      if (!cursor.take(pattern[i])) return false;
    } else {
      const char conversion = pattern[++i];
      if (const std::string_view parts = longhand(conversion); !parts.empty()) {
        if (!take_by_pattern(cursor, parts, fields)) return false;
      } else if (conversion == '%') {
        if (!cursor.take('%')) return false;
      } else if (!take_conversion(cursor, conversion, fields)) {
        return false;
      }
    }
  }
  return true;
}

/// Month and day of a day of the year. Where the year has no such day they stay 0, which check() refuses.
void set_date_from_day_of_year(Fields& fields) {
  const unsigned days = calendar::is_leap(fields.year) ? 366 : 365;
  if (fields.day_of_year > days) return;
  const calendar::Civil date = calendar::civil_from(calendar::days_from(fields.year, 1, 1) + fields.day_of_year - 1);
  fields.month = date.month;
  fields.day = date.day;
}

Error bad_pattern(std::string_view pattern, const std::string& why) {
  return {Errc::usage, "the time format " + quoted(pattern) + " cannot be used: " + why,
          "a pattern needs the date (%Y-%m-%d, %F or %Y-%j) and the hour (%H, or %I with %p), or %s alone; "
          "%M %S %f %b %a %z and %% are known too"};
}

/// Collects the fields that a pattern fills.
Result<void> collect(std::string_view whole, std::string_view pattern, std::string& conversions) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    if (++i == pattern.size()) return bad_pattern(whole, "it ends in a single '%'");
    const char conversion = pattern[i];
    if (conversion == '%') continue;
    if (const std::string_view parts = longhand(conversion); !parts.empty()) {
      if (Result<void> ok = collect(whole, parts, conversions); !ok) return ok;
      continue;
    }
    if (kConversions.find(conversion) == std::string_view::npos) {
      return bad_pattern(whole, "there is no conversion " + quoted(pattern.substr(i - 1, 2)));
    }
    for (const char earlier : conversions) {
      if (field_of(earlier) != field_of(conversion)) continue;
      return bad_pattern(whole, "'%" + std::string(1, earlier) + "' and '%" + conversion + "' say the same thing");
    }
    conversions += conversion;
  }
  return {};
}

}  // namespace

Result<void> check_pattern(std::string_view pattern) {
  std::string conversions;
  if (Result<void> ok = collect(pattern, pattern, conversions); !ok) return ok;
  const auto has = [&](std::string_view any) { return conversions.find_first_of(any) != std::string::npos; };
  if (has("s")) {
    if (conversions.size() > 1) return bad_pattern(pattern, "'%s' is a whole time and allows no other part");
    return {};
  }
  if (!has("Yy")) return bad_pattern(pattern, "it gives no year");
  if (has("j")) {
    if (has("mbBde")) return bad_pattern(pattern, "'%j' says month and day at once and allows neither beside it");
  } else {
    if (!has("mbB")) return bad_pattern(pattern, "it gives no month");
    if (!has("de")) return bad_pattern(pattern, "it gives no day");
  }
  if (!has("HI")) return bad_pattern(pattern, "it gives no hour, and a date alone is no time");
  if (has("I") && !has("p")) return bad_pattern(pattern, "'%I' needs '%p' to tell morning from afternoon");
  if (has("p") && !has("I")) return bad_pattern(pattern, "'%p' goes with '%I', not with '%H'");
  if (has("f") && !has("S")) return bad_pattern(pattern, "'%f' needs '%S'");
  if (has("S") && !has("M")) return bad_pattern(pattern, "'%S' needs '%M'");
  return {};
}

bool take_pattern(std::string_view& text, std::string_view pattern, Fields& fields) {
  Cursor cursor(text);
  if (!take_by_pattern(cursor, pattern, fields)) return false;
  if (fields.day_of_year != 0 && fields.month == 0) set_date_from_day_of_year(fields);
  text = cursor.rest();
  return true;
}

bool parse_by_pattern(std::string_view text, std::string_view pattern, Fields& fields) {
  Cursor cursor(trimmed(text));
  if (!take_by_pattern(cursor, trimmed(pattern), fields) || !cursor.at_end()) return false;
  if (fields.day_of_year != 0) set_date_from_day_of_year(fields);
  return true;
}

}  // namespace crosswalk::times
