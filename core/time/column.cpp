#include <algorithm>
#include <initializer_list>
#include <string>

#include "crosswalk/time.hpp"
#include "time/advice.hpp"
#include "time/calendar.hpp"
#include "time/calendar_names.hpp"
#include "time/parse.hpp"
#include "time/text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kMostKept = 64;

std::string date_in_words(const times::Fields& fields) {
  return std::to_string(fields.day) + " " + std::string(times::kMonthNames[fields.month - 1]) + " " + std::to_string(fields.year);
}

/// Patterns are ours, and whole.
std::string shown_pattern(const std::string& pattern) { return "'" + pattern + "'"; }

bool exists(const times::Fields& fields) { return calendar::exists(fields.year, fields.month, fields.day); }

}  // namespace

TimeColumn::Sign TimeColumn::sign_of(std::string_view text) {
  times::Fields fields;
  if (times::parse_iso(text, fields)) return Sign::iso;
  fields = {};
  if (times::parse_day_and_month(text, /*day_first=*/false, fields)) {
    if (fields.month <= 12) return fields.day > 12 ? Sign::month_first : Sign::day_or_month;
    if (fields.day > 12) return Sign::other;
    times::Fields year_first;
    if (times::parse_two_digit_year_first(text, year_first) && exists(year_first)) return Sign::day_or_year;
    return Sign::day_first;
  }
  fields = {};
  if (times::parse_rfc2822(text, fields)) return Sign::rfc2822;
  if (times::is_spreadsheet_serial(text)) return Sign::serial;
  switch (times::digits_of_unit(text)) {
    case 0: return Sign::epoch_s;
    case 3: return Sign::epoch_ms;
    case 6: return Sign::epoch_us;
    case 9: return Sign::epoch_ns;
    default: break;
  }
  Instant ignored;
  return times::parse_epoch(text, 0, ignored) == TimeFault::malformed ? Sign::other : Sign::number;
}

namespace {

template <class Sign>
constexpr std::uint32_t bits(std::initializer_list<Sign> signs) {
  std::uint32_t all = 0;
  for (const Sign sign : signs) all |= 1U << static_cast<unsigned>(sign);
  return all;
}

}  // namespace

void TimeColumn::start(std::string_view file) {
  file_ = file;
  if (in_file_ != 0 && std::find(files_.begin(), files_.end(), in_file_) == files_.end()) files_.push_back(in_file_);
  in_file_ = 0;
}

void TimeColumn::observe(std::string_view text) {
  times::CleanRoom room;
  text = times::cleaned(text, room);
  if (text.empty() || times::is_zero(text)) return;  // zero is of every unit
  const auto sign = static_cast<std::size_t>(sign_of(text));
  in_file_ |= 1U << sign;
  Example& seen = examples_[sign];
  const std::string_view kept = text.substr(0, kMostKept);
  if (seen.first.empty()) {
    seen.first = kept;
    seen.file = file_;
  } else if (seen.second.empty() && seen.first != kept) {
    seen.second = kept;
  }
}

/// Whether there is a file with one of `all`, and none of `none`.
bool TimeColumn::some_file_has(std::uint32_t all, std::uint32_t none) const {
  const auto has = [&](std::uint32_t signs) { return (signs & all) != 0 && (signs & none) == 0; };
  return has(in_file_) || std::any_of(files_.begin(), files_.end(), has);
}

const TimeColumn::Example* TimeColumn::first_of(std::initializer_list<Sign> signs) const {
  for (const Sign sign : signs) {
    if (saw(sign)) return &example(sign);
  }
  return nullptr;
}

Error TimeColumn::undecided(const std::string& why, const Example& one, const Example* other) {
  std::string message = "how this column writes its times is not certain: " + why + ": ";
  const bool two_files = other != nullptr && other->file != one.file;
  const auto shown = [&](const Example& example) {
    return times::quoted(example.first) + (two_files ? " in " + example.file : std::string());
  };
  message += shown(one);
  if (other != nullptr) {
    message += " and " + shown(*other);
  } else if (!one.second.empty()) {
    message += " and " + times::quoted(one.second);
  }
  std::string cure =
      "say it with --set time_format=…: iso, month_first, day_first, rfc2822, epoch_s, epoch_ms, epoch_us, epoch_ns, ";
  const std::string pattern = times::any_pattern_for(one.first);
  cure += pattern.empty() ? "or a pattern" : "or a pattern such as " + shown_pattern(pattern);
  if (two_files) cure += "; files that differ are sources of their own";
  return {Errc::usage, std::move(message), std::move(cure)};
}

/// `23-03-12`: both readings, and what settles it.
Error TimeColumn::two_digit_years() const {
  const std::string& text = example(Sign::day_or_year).first;
  times::Fields day, year;
  const bool is_day = times::parse_day_and_month(text, /*day_first=*/true, day) && exists(day);
  (void)times::parse_two_digit_year_first(text, year);
  std::string message = "how this column writes its times is not certain: " + times::quoted(text) + " is the " +
                        date_in_words(year) + " where the year comes first";
  if (is_day) message += ", the " + date_in_words(day) + " where the day does";
  std::string cure = times::in_words(times::orders_of(text));
  if (cure.empty()) cure = "say it with --set time_format=…: day_first, month_first, or a pattern";
  return {Errc::usage, std::move(message), std::move(cure)};
}

Result<TimeFormat> TimeColumn::conclude_order() const {
  const Example* const day = first_of({Sign::day_first});
  const Example* const month = first_of({Sign::month_first});
  if (day != nullptr && month != nullptr) return undecided("one value has the day first, another the month", *day, month);
  if (day != nullptr) return TimeFormat(TimeFormat::Form::day_first);
  if (const Example* const either = first_of({Sign::day_or_year})) {
    if (month != nullptr)
      return undecided("one value has the month first, another the day or a year of two digits", *month, either);
    return two_digit_years();
  }
  if (month != nullptr) return TimeFormat(TimeFormat::Form::month_first);
  return undecided("no value shows whether the day or the month comes first", example(Sign::day_or_month), nullptr);
}

Result<TimeFormat> TimeColumn::conclude_unit() const {
  struct Unit {
    Sign sign;
    TimeFormat::Form form;
  };
  constexpr Unit kUnits[] = {{Sign::epoch_s, TimeFormat::Form::epoch_s},
                             {Sign::epoch_ms, TimeFormat::Form::epoch_ms},
                             {Sign::epoch_us, TimeFormat::Form::epoch_us},
                             {Sign::epoch_ns, TimeFormat::Form::epoch_ns}};
  const Unit* found = nullptr;
  for (const Unit& unit : kUnits) {
    if (!saw(unit.sign)) continue;
    if (found != nullptr)
      return undecided("these numbers since 1970 cannot be of one unit", example(found->sign), &example(unit.sign));
    found = &unit;
  }
  if (found != nullptr) return TimeFormat(found->form);
  return undecided("no number shows whether it counts seconds, milliseconds, microseconds or nanoseconds", example(Sign::number),
                   nullptr);
}

Error TimeColumn::serial_numbers() const {
  const Example& serial = example(Sign::serial);
  std::string values = times::quoted(serial.first);
  if (!serial.second.empty()) values += " and " + times::quoted(serial.second);
  return {Errc::usage, "this column has a spreadsheet's serial day numbers where times should be: " + values,
          std::string(times::kSerialCure)};
}

bool TimeColumn::tells_nothing() const {
  for (std::size_t sign = 0; sign < static_cast<std::size_t>(Sign::other); ++sign) {
    if (!examples_[sign].first.empty()) return false;
  }
  return true;
}

bool TimeColumn::is_certain() const {
  return !tells_nothing() &&
         first_of({Sign::day_first, Sign::month_first, Sign::day_or_month, Sign::day_or_year, Sign::number, Sign::serial}) ==
             nullptr &&
         conclude().ok();
}

Result<TimeFormat> TimeColumn::conclude() const {
  static constexpr std::initializer_list<Sign> kDated = {Sign::day_first, Sign::month_first, Sign::day_or_month,
                                                         Sign::day_or_year};
  static constexpr std::initializer_list<Sign> kCounted = {Sign::epoch_s, Sign::epoch_ms, Sign::epoch_us, Sign::epoch_ns,
                                                           Sign::number};
  const Example* const mail = first_of({Sign::rfc2822});
  const Example* const dated = first_of(kDated);
  const Example* const counted = first_of(kCounted);
  const Example* const serial = first_of({Sign::serial});

  // Two kinds in one file: which of them its times are is not certain. ISO proves itself, and no other form looks like it: what
  // is neither ISO nor proves itself in such a file is rejected, value by value.
  struct Kind {
    const Example* example;
    std::uint32_t signs;
  };
  const Kind kinds[] = {
      {mail, bits({Sign::rfc2822})}, {dated, bits(kDated)}, {counted, bits(kCounted)}, {serial, bits({Sign::serial})}};
  const std::uint32_t iso = bits({Sign::iso});
  const auto mixed = [&](std::uint32_t signs) {
    return (signs & iso) == 0 &&
           std::count_if(std::begin(kinds), std::end(kinds), [&](const Kind& kind) { return (signs & kind.signs) != 0; }) > 1;
  };
  if (mixed(in_file_) || std::any_of(files_.begin(), files_.end(), mixed)) {
    const Example* two[2] = {};
    std::size_t n = 0;
    for (const Kind& kind : kinds) {
      if (kind.example != nullptr && n < 2) two[n++] = kind.example;
    }
    return undecided("its values are of different kinds", *two[0], two[1]);
  }

  TimeFormat format;
  bool found = saw(Sign::iso);
  if (!found && mail != nullptr) {
    format = TimeFormat(TimeFormat::Form::rfc2822);
    found = true;
  }
  if (counted != nullptr) {
    const Result<TimeFormat> unit = conclude_unit();
    if (!unit && some_file_has(bits(kCounted), iso)) return unit;
    if (unit && !found) format = *unit;
    found = found || unit.ok();
  }
  if (dated != nullptr) {
    const Result<TimeFormat> order = conclude_order();
    if (!order && some_file_has(bits(kDated), iso)) return order;
    if (order && !found) format = *order;
    if (order) format.know_order(order->form());
    found = found || order.ok();
  }
  if (serial != nullptr && some_file_has(bits({Sign::serial}), iso)) return serial_numbers();
  if (found) return format;
  if (!saw(Sign::other)) return Error{Errc::usage, "this column has no value to tell a time format from", {}};
  return undecided("no value is a time in a form that can be told", example(Sign::other), nullptr);
}

}  // namespace crosswalk
