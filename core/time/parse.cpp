#include "time/parse.hpp"

#include "time/calendar_names.hpp"
#include "time/cursor.hpp"

namespace crosswalk::times {
namespace {

/// `2026-03-14`, `2026/3/14`, `2026.03.14`: a year of four digits in front leaves one order.
bool take_iso_date(Cursor& cursor, Fields& fields) {
  unsigned year = 0;
  if (!cursor.take_digits(4, 4, year)) return false;
  const char separator = cursor.next();
  if (separator != '-' && separator != '/' && separator != '.') return false;
  cursor.take(separator);
  if (!cursor.take_digits(1, 2, fields.month) || !cursor.take(separator)) return false;
  fields.year = static_cast<int>(year);
  return cursor.take_digits(1, 2, fields.day);
}

/// `20260314T130500`: ISO's basic form. Without the T it may be any number.
bool take_basic_iso(Cursor& cursor, Fields& fields) {
  unsigned date = 0, clock = 0;
  if (!cursor.take_digits(8, 8, date) || !(cursor.take('T') || cursor.take('t'))) return false;
  const std::string_view before = cursor.rest();
  if (!cursor.take_digits(4, 6, clock)) return false;
  const std::size_t digits = before.size() - cursor.rest().size();
  if (digits == 5) return false;
  if (digits == 4) clock *= 100;
  fields.year = static_cast<int>(date / 10'000);
  fields.month = date / 100 % 100;
  fields.day = date % 100;
  fields.hour = clock / 10'000;
  fields.minute = clock / 100 % 100;
  fields.second = clock % 100;
  fields.has_clock = true;
  if (digits == 6 && (cursor.take('.') || cursor.take(','))) return cursor.take_fraction(fields.nanos);
  return true;
}

/// `[Europe/Berlin]`, and tags that are none (`[u-ca=gregory]`), as RFC 9557 and Java write them.
bool take_brackets(Cursor& cursor, Fields& fields) {
  while (cursor.take('[')) {
    cursor.take('!');
    const std::string_view rest = cursor.rest();
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos || end == 0) return false;
    const std::string_view tag = rest.substr(0, end);
    if (tag.find('=') == std::string_view::npos) {
      if (!fields.zone.empty()) return false;
      fields.zone = tag;
    }
    cursor = Cursor(rest.substr(end + 1));
  }
  return true;
}

/// `(CET)`, as mail programs and browsers add behind the offset.
bool take_comment(Cursor& cursor) {
  if (!cursor.take('(')) return false;
  const std::string_view rest = cursor.rest();
  const std::size_t close = rest.find(')');
  if (close == std::string_view::npos) return false;
  cursor = Cursor(rest.substr(close + 1));
  return true;
}

/// `UTC`, `GMT`, and `UTC+2`, `GMT-0500`, which no program means the other way round.
bool take_utc_and_offset(Cursor& cursor, Fields& fields) {
  if (!cursor.take_word("UTC") && !cursor.take_word("GMT")) return false;
  fields.has_offset = true;
  if (cursor.next() != '+' && cursor.next() != '-') return true;
  const std::string_view rest = cursor.rest();
  if (rest.size() == 2 || (rest.size() > 2 && !is_digit(rest[2]))) {  // one digit
    unsigned hours = 0;
    cursor = Cursor(rest.substr(1));
    if (!cursor.take_digits(1, 1, hours)) return false;
    fields.offset = static_cast<std::int32_t>(hours) * (rest[0] == '-' ? -3600 : 3600);
    return true;
  }
  return cursor.take_offset(fields);
}

/// The abbreviation behind an offset, which says it once more: `+0000 UTC`, `+0100 CET`.
bool take_abbreviation(Cursor& cursor, Fields& fields) {
  const std::string_view rest = cursor.rest();
  std::size_t letters = 0;
  while (letters < rest.size() && rest[letters] >= 'A' && rest[letters] <= 'Z') ++letters;
  if (letters < 2 || letters > 5) return false;
  const std::string_view name = rest.substr(0, letters);
  if ((name == "UTC" || name == "GMT") && fields.offset != 0) fields.contradicts = true;
  cursor = Cursor(rest.substr(letters));
  return true;
}

/// What says the offset, to the text's end, after blanks or not; or nothing.
bool take_offset_at_end(Cursor& cursor, Fields& fields) {
  cursor.take_blanks();
  if (cursor.at_end()) return true;
  if (cursor.next() != '[') {
    if (!take_utc_and_offset(cursor, fields) && !cursor.take_offset(fields)) return false;
    if (cursor.at_end()) return true;
    if (cursor.take_blanks() && !take_comment(cursor) && !take_abbreviation(cursor, fields)) return false;
  }
  return take_brackets(cursor, fields) && cursor.at_end();
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
  if (take_basic_iso(cursor, fields)) return take_offset_at_end(cursor, fields);
  cursor = Cursor(trimmed(text));
  if (!take_iso_date(cursor, fields)) return false;
  if (cursor.at_end()) return true;
  cursor.take(',');
  if (!cursor.take('T') && !cursor.take('t') && !cursor.take_blanks()) return false;
  if (!cursor.take_clock(/*short_hour=*/true, fields)) return false;
  skip_blanks_before_half(cursor);
  cursor.take_half(fields);
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

bool parse_two_digit_year_first(std::string_view text, Fields& fields) {
  Cursor cursor(trimmed(text));
  unsigned year = 0;
  const std::string_view before = cursor.rest();
  if (!cursor.take_digits(2, 2, year)) return false;
  const char separator = before[2 < before.size() ? 2 : 0];
  fields.year = year_of_two_digits(year);
  if (!cursor.take(separator) || !cursor.take_digits(1, 2, fields.month) || !cursor.take(separator)) return false;
  const std::string_view day = cursor.rest();
  return cursor.take_digits(2, 2, fields.day) && !day.empty();
}

namespace {

bool take_month(Cursor& cursor, Fields& fields) {
  int month = 0;
  if (!cursor.take_name(kMonthNames, month)) return false;
  fields.month = static_cast<unsigned>(month) + 1;
  return true;
}

/// `14-Mar-26`, `14 March 2026`, `14/Mar/2026`; `Mar 14, 2026`. Where only a clock and a zone stand before the year (`Mar 14
/// 13:05:00 UTC 2026`) that is taken by take_unix_date().
bool take_named_date(Cursor& cursor, Fields& fields) {
  if (take_month(cursor, fields)) {
    cursor.take('.');
    if (!cursor.take_blanks() || !cursor.take_digits(1, 2, fields.day)) return false;
    const bool comma = cursor.take(',');
    return (cursor.take_blanks() || comma) && take_rfc2822_year(cursor, fields);
  }
  if (!cursor.take_digits(1, 2, fields.day)) return false;
  cursor.take('.');
  const char separator = cursor.next();
  if (separator == '-' || separator == '/') {
    return cursor.take(separator) && take_month(cursor, fields) && cursor.take(separator) && take_rfc2822_year(cursor, fields);
  }
  if (!cursor.take_blanks() || !take_month(cursor, fields)) return false;
  const bool point = cursor.take('.') || cursor.take(',');
  return (cursor.take_blanks() || point) && take_rfc2822_year(cursor, fields);
}

/// `Mar 14 13:05:00 UTC 2026`, as `date` and C's asctime() write it.
bool take_unix_date(Cursor& cursor, Fields& fields) {
  if (!take_month(cursor, fields) || !cursor.take_blanks() || !cursor.take_digits(1, 2, fields.day)) return false;
  if (!cursor.take_blanks() || !cursor.take_clock(/*short_hour=*/true, fields) || !cursor.take_blanks()) return false;
  if (take_utc_and_offset(cursor, fields) && !cursor.take_blanks()) return false;
  unsigned year = 0;
  fields.year = cursor.take_digits(4, 4, year) ? static_cast<int>(year) : 0;
  return fields.year != 0 && cursor.at_end();
}

bool take_named_time(Cursor& cursor, Fields& fields) {
  if (!take_named_date(cursor, fields)) return false;
  if (cursor.at_end()) return true;
  const bool divided = cursor.take(',') || cursor.take('T') || cursor.take(':');  // the last: 14/Mar/2026:13:05:00
  const bool blank = cursor.take_blanks();
  if (!divided && !blank) return false;
  if (cursor.take_word("at ")) cursor.take_blanks();
  if (!cursor.take_clock(/*short_hour=*/true, fields)) return false;
  skip_blanks_before_half(cursor);
  cursor.take_half(fields);
  return take_offset_at_end(cursor, fields);
}

/// Times whose month is a name, in the orders that people and programs write.
bool parse_named(std::string_view text, Fields& fields) {
  Cursor cursor(trimmed(text));
  if (cursor.take_name(kWeekdayNames, fields.weekday)) {
    cursor.take(',');
    cursor.take_blanks();
  }
  const Cursor date = cursor;
  const Fields weekday = fields;
  if (take_named_time(cursor, fields)) return true;
  cursor = date;
  fields = weekday;
  return take_unix_date(cursor, fields);
}

bool parse_mail_date(std::string_view text, Fields& fields) {
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

}  // namespace

bool parse_rfc2822(std::string_view text, Fields& fields) {
  if (parse_mail_date(text, fields)) return true;
  fields = {};
  return parse_named(text, fields);
}

TimeFault parse_epoch(std::string_view text, unsigned digits, Instant& out) {
  constexpr std::uint64_t kTooLarge = 1'800'000'000'000'000'000;  // ten times that is beyond 64 bits
  constexpr std::uint64_t kPowers[] = {1, 10, 100, 1'000, 10'000, 100'000, 1'000'000, 10'000'000, 100'000'000, 1'000'000'000};

  Cursor cursor(trimmed(text));
  const bool negative = cursor.take('-');
  if (!negative) cursor.take('+');
  if (!is_digit(cursor.next())) return TimeFault::malformed;
  std::uint64_t number = 0;
  bool too_large = false;
  std::string_view rest = cursor.rest();
  while (!rest.empty() && is_digit(rest.front())) {
    too_large = too_large || number >= kTooLarge;
    if (!too_large) number = number * 10 + static_cast<std::uint64_t>(rest.front() - '0');
    rest.remove_prefix(1);
  }
  cursor = Cursor(rest);
  // The fraction of a unit, first as billionths of that unit.
  std::uint32_t billionths = 0;
  if (cursor.take('.') && !cursor.take_fraction(billionths)) return TimeFault::malformed;
  if (!cursor.at_end()) return TimeFault::malformed;
  const std::uint64_t unit = kPowers[digits];
  if (billionths % unit != 0) return TimeFault::malformed;  // finer than a nanosecond
  if (too_large || number / unit > static_cast<std::uint64_t>(kLastSecond)) {
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

int digits_of_unit(std::string_view text) {
  Instant ignored;
  if (parse_epoch(text, 0, ignored) == TimeFault::malformed) return -1;
  std::size_t digits = 0;
  for (const char c : trimmed(text)) {
    if (c == '.') break;
    digits += is_digit(c);
  }
  switch (digits) {
    case 9:
    case 10: return 0;
    case 12:
    case 13: return 3;
    case 15:
    case 16: return 6;
    case 18:
    case 19: return 9;
    default: return -1;
  }
}

bool is_zero(std::string_view text) {
  text = trimmed(text);
  Instant at;
  return text == "-1" || (parse_epoch(text, 0, at) == TimeFault::none && at == Instant());
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
