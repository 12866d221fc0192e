#include "normalize/decimal.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "text.hpp"

namespace crosswalk {
namespace {

constexpr int kMaxDigits = 18;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

std::optional<Decimal> times(Decimal value, std::int64_t factor) {
  Decimal product = value;
  if (__builtin_mul_overflow(value.digits, factor, &product.digits)) return std::nullopt;
  return product;
}

/// digits × 10^exponent as a Decimal, when that needs no more than 18 digits.
std::optional<Decimal> scaled(std::int64_t digits, long exponent) {
  if (digits == 0) return Decimal{};
  while (exponent < 0 && digits % 10 == 0) {
    digits /= 10;
    ++exponent;
  }
  if (exponent < -kMaxDigits || exponent >= kMaxDigits) return std::nullopt;
  if (exponent <= 0) return Decimal{digits, static_cast<std::uint8_t>(-exponent)};
  const auto whole = times({digits, 0}, power_of_ten(static_cast<int>(exponent)));
  const std::int64_t limit = power_of_ten(kMaxDigits);
  return whole && whole->digits < limit && whole->digits > -limit ? whole : std::nullopt;
}

std::optional<Decimal> parse_any_decimal(std::string_view text);

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  // Nearly all are whole numbers.
  if (!text.empty() && text.size() <= kMaxDigits) {
    std::int64_t whole = 0;
    std::size_t digits = 0;
    while (digits < text.size() && is_digit(text[digits])) whole = whole * 10 + (text[digits++] - '0');
    if (digits == text.size()) return Decimal{whole, 0};
  }
  return parse_any_decimal(trimmed(text));
}

namespace {

std::optional<Decimal> parse_any_decimal(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  // digits × 10^exponent, with the zeros at its end kept apart until another digit follows: they may mean nothing.
  std::int64_t digits = 0;
  int significant = 0;
  long zeros = 0;
  long exponent = 0;
  bool any = false, point = false, exact = true;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    exponent -= point;
    if (c == '0') {
      zeros += significant != 0;
      continue;
    }
    significant += static_cast<int>(std::min(zeros, 100L)) + 1;
    exact = exact && significant <= kMaxDigits;
    if (exact) digits = digits * power_of_ten(static_cast<int>(zeros) + 1) + (c - '0');
    zeros = 0;
  }
  exponent += zeros;
  if (!exact) return std::nullopt;
  if (!any) return std::nullopt;
  if (i < text.size()) {
    if (text[i] != 'e' && text[i] != 'E') return std::nullopt;
    ++i;
    bool down = false;
    if (i < text.size() && (text[i] == '-' || text[i] == '+')) down = text[i++] == '-';
    if (i == text.size()) return std::nullopt;
    long written = 0;
    for (; i < text.size(); ++i) {
      if (!is_digit(text[i])) return std::nullopt;
      if (written < 100'000) written = written * 10 + (text[i] - '0');
    }
    exponent += down ? -written : written;
  }
  return scaled(negative ? -digits : digits, exponent);
}

/// Of a unit's name, in any case; 0 when it is none.
std::int64_t seconds_of(std::string_view unit) {
  const std::string word = lower(unit);
  if (word == "d" || word == "day" || word == "days") return 86'400;
  if (word == "h" || word == "hr" || word == "hrs" || word == "hour" || word == "hours") return 3'600;
  if (word == "m" || word == "min" || word == "mins" || word == "minute" || word == "minutes") return 60;
  if (word == "s" || word == "sec" || word == "secs" || word == "second" || word == "seconds") return 1;
  return 0;
}

/// `2h 5m`, `1d 3h`, `45 min`: numbers each followed by a unit.
std::optional<Decimal> parse_units(std::string_view text) {
  Decimal total;
  std::size_t i = 0;
  bool any = false;
  while (i < text.size()) {
    while (i < text.size() && is_blank(text[i])) ++i;
    const std::size_t number = i;
    while (i < text.size() && (is_digit(text[i]) || text[i] == '.')) ++i;
    const auto amount = parse_decimal(text.substr(number, i - number));
    while (i < text.size() && is_blank(text[i])) ++i;
    const std::size_t unit = i;
    while (i < text.size() && ((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z')) ++i;
    if (!amount || i == unit) return std::nullopt;
    const std::int64_t seconds = seconds_of(text.substr(unit, i - unit));
    if (seconds == 0) return std::nullopt;
    const auto part = times(*amount, seconds);
    const auto sum = part ? add(total, *part) : std::nullopt;
    if (!sum) return std::nullopt;
    total = *sum;
    any = true;
  }
  return any ? std::optional(total) : std::nullopt;
}

/// `HH:MM:SS` with any number of hours; `MM:SS` is not taken, as it could mean hours and minutes.
std::optional<Decimal> parse_clock(std::string_view text) {
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (second == std::string_view::npos || second != first + 3 || text.size() < second + 3) return std::nullopt;
  const std::string_view parts[] = {text.substr(0, first), text.substr(first + 1, 2), text.substr(second + 1)};
  const std::size_t point = std::min(parts[2].find('.'), parts[2].size());
  if (point != 2 || parts[2].size() == 3) return std::nullopt;
  for (const std::string_view digits :
       {parts[0], parts[1], parts[2].substr(0, 2), parts[2].substr(std::min<std::size_t>(3, parts[2].size()))}) {
    if (!std::all_of(digits.begin(), digits.end(), is_digit)) return std::nullopt;
  }
  const auto hours = parse_decimal(parts[0]);
  const auto minutes = parse_decimal(parts[1]);
  const auto seconds = parse_decimal(parts[2]);
  if (!hours || !minutes || !seconds || minutes->digits > 59 || !less(*seconds, Decimal{60, 0})) return std::nullopt;
  const auto whole = times(*hours, 3'600);
  const auto with_minutes = whole ? add(*whole, {minutes->digits * 60, 0}) : std::nullopt;
  return with_minutes ? add(*with_minutes, *seconds) : std::nullopt;
}

}  // namespace

std::optional<Decimal> parse_duration(std::string_view text, How unit) {
  if (const auto number = parse_decimal(text)) {
    switch (unit) {
      case How::minutes: return times(*number, 60);
      case How::hours: return times(*number, 3'600);
      case How::milliseconds: return scaled(number->digits, -3L - number->scale);
      default: return number;
    }
  }
  text = trimmed(text);
  if (text.find(':') != std::string_view::npos) return parse_clock(text);
  return parse_units(text);
}

bool less(Decimal a, Decimal b) {
  __extension__ using Wide = __int128;
  const auto digits = [](Decimal d, int to) { return static_cast<Wide>(d.digits) * power_of_ten(to - d.scale); };
  const int scale = a.scale > b.scale ? a.scale : b.scale;
  return digits(a, scale) < digits(b, scale);
}

std::optional<Decimal> add(Decimal a, Decimal b) {
  if (a.scale < b.scale) std::swap(a, b);
  const auto lifted = times(b, power_of_ten(a.scale - b.scale));
  Decimal sum = a;
  if (!lifted || __builtin_add_overflow(a.digits, lifted->digits, &sum.digits)) return std::nullopt;
  return sum;
}

}  // namespace crosswalk
