#include <initializer_list>
#include <string>

#include "crosswalk/time.hpp"
#include "time/parse.hpp"
#include "time/text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kMostKept = 64;

/// Digits before the decimal point.
std::size_t whole_digits(std::string_view number) {
  std::size_t digits = 0;
  for (const char c : number) {
    if (c == '.') break;
    if (times::is_digit(c)) ++digits;
  }
  return digits;
}

Error undecided(const std::string& why, const std::string& one, const std::string& other) {
  std::string message = "how this column writes its times is not certain: " + why + ": " + times::quoted(one);
  if (!other.empty()) message += " and " + times::quoted(other);
  return {Errc::usage, std::move(message),
          "say it with --set time_format=…: iso, month_first, day_first, rfc2822, epoch_s, epoch_ms, epoch_us, "
          "or a pattern such as '%d.%m.%Y %H:%M'"};
}

}  // namespace

TimeColumn::Sign TimeColumn::sign_of(std::string_view text) {
  times::Fields fields;
  if (times::parse_iso(text, fields)) return Sign::iso;
  fields = {};
  if (times::parse_day_and_month(text, /*day_first=*/false, fields)) {
    if (fields.month > 12 && fields.day > 12) return Sign::other;
    if (fields.month > 12) return Sign::day_first;
    if (fields.day > 12) return Sign::month_first;
    return Sign::day_or_month;
  }
  fields = {};
  if (times::parse_rfc2822(text, fields)) return Sign::rfc2822;
  if (times::is_spreadsheet_serial(text)) return Sign::serial;
  Instant ignored;
  if (times::parse_epoch(text, 0, ignored) == TimeFault::malformed) return Sign::other;
  // Eleven digits may be seconds of the year 2286 on or milliseconds of 1970; fourteen are also how some write a date.
  switch (whole_digits(text)) {
    case 9:
    case 10: return Sign::epoch_s;
    case 12:
    case 13: return Sign::epoch_ms;
    case 15:
    case 16: return Sign::epoch_us;
    default: return Sign::number;
  }
}

void TimeColumn::observe(std::string_view text) {
  text = times::trimmed(text);
  if (text.empty()) return;
  const auto sign = static_cast<std::size_t>(sign_of(text));
  const std::string_view kept = text.substr(0, kMostKept);
  if (first_[sign].empty()) {
    first_[sign] = kept;
  } else if (second_[sign].empty() && first_[sign] != kept) {
    second_[sign] = kept;
  }
}

Result<TimeFormat> TimeColumn::conclude_order() const {
  if (saw(Sign::day_first) && saw(Sign::month_first)) {
    return undecided("one value has the day first, another the month", example(Sign::day_first), example(Sign::month_first));
  }
  if (saw(Sign::day_first)) return TimeFormat(TimeFormat::Form::day_first);
  if (saw(Sign::month_first)) return TimeFormat(TimeFormat::Form::month_first);
  return undecided("no value shows whether the day or the month comes first", example(Sign::day_or_month),
                   second_[static_cast<std::size_t>(Sign::day_or_month)]);
}

Result<TimeFormat> TimeColumn::conclude_unit() const {
  struct Unit {
    Sign sign;
    TimeFormat::Form form;
  };
  constexpr Unit kUnits[] = {{Sign::epoch_s, TimeFormat::Form::epoch_s},
                             {Sign::epoch_ms, TimeFormat::Form::epoch_ms},
                             {Sign::epoch_us, TimeFormat::Form::epoch_us}};
  const Unit* found = nullptr;
  for (const Unit& unit : kUnits) {
    if (!saw(unit.sign)) continue;
    if (found != nullptr) {
      return undecided("these numbers since 1970 cannot be of one unit", example(found->sign), example(unit.sign));
    }
    found = &unit;
  }
  if (found != nullptr) return TimeFormat(found->form);
  return undecided("no number shows whether it counts seconds, milliseconds or microseconds", example(Sign::number),
                   second_[static_cast<std::size_t>(Sign::number)]);
}

Error TimeColumn::serial_numbers() const {
  std::string values = times::quoted(example(Sign::serial));
  if (const std::string& another = second_[static_cast<std::size_t>(Sign::serial)]; !another.empty()) {
    values += " and " + times::quoted(another);
  }
  return {Errc::usage, "this column has a spreadsheet's serial day numbers where times should be: " + values,
          std::string(times::kSerialCure)};
}

bool TimeColumn::tells_nothing() const {
  for (std::size_t sign = 0; sign < static_cast<std::size_t>(Sign::other); ++sign) {
    if (!first_[sign].empty()) return false;
  }
  return true;
}

Result<TimeFormat> TimeColumn::conclude() const {
  const auto first_of = [this](std::initializer_list<Sign> signs) -> const std::string* {
    for (const Sign sign : signs) {
      if (saw(sign)) return &example(sign);
    }
    return nullptr;
  };
  const std::string* const iso = first_of({Sign::iso});
  const std::string* const mail = first_of({Sign::rfc2822});
  const std::string* const dated = first_of({Sign::day_first, Sign::month_first, Sign::day_or_month});
  const std::string* const counted = first_of({Sign::epoch_s, Sign::epoch_ms, Sign::epoch_us, Sign::number});

  // ISO proves itself, and no other form looks like it: what is not ISO in such a column is rejected, value by value.
  if (iso != nullptr) return TimeFormat(TimeFormat::Form::iso);
  const std::string* const serial = first_of({Sign::serial});
  const std::string* only = nullptr;
  for (const std::string* const kind : {mail, dated, counted, serial}) {
    if (kind == nullptr) continue;
    if (only != nullptr) return undecided("its values are of different kinds", *only, *kind);
    only = kind;
  }
  if (only == nullptr) {
    if (!saw(Sign::other)) return Error{Errc::usage, "this column has no value to tell a time format from", {}};
    return undecided("no value is a time in a form that can be told", example(Sign::other),
                     second_[static_cast<std::size_t>(Sign::other)]);
  }
  if (only == serial) return serial_numbers();
  if (only == dated) return conclude_order();
  if (only == counted) return conclude_unit();
  return TimeFormat(only == iso ? TimeFormat::Form::iso : TimeFormat::Form::rfc2822);
}

}  // namespace crosswalk
