#include "normalize/decimal.hpp"

#include <utility>

namespace crosswalk {
namespace {

constexpr int kMaxDigits = 18;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

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
  if (exponent < -kMaxDigits || exponent > kMaxDigits) return std::nullopt;
  if (exponent <= 0) return Decimal{digits, static_cast<std::uint8_t>(-exponent)};
  return times({digits, 0}, power_of_ten(static_cast<int>(exponent)));
}

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  text = trimmed(text);
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  std::int64_t digits = 0;
  int significant = 0;
  long exponent = 0;
  bool any = false, point = false;
  std::size_t i = 0;
  for (; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '.' && !point) {
      point = true;
      continue;
    }
    if (!is_digit(c)) break;
    any = true;
    if (digits == 0 && c == '0') {
      exponent -= point;
      continue;
    }
    if (++significant > kMaxDigits) return std::nullopt;
    digits = digits * 10 + (c - '0');
    exponent -= point;
  }
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

namespace {

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
    const std::string_view word = text.substr(unit, i - unit);
    std::int64_t seconds = 0;
    if (word == "d" || word == "day" || word == "days" || word == "Days" || word == "Day") seconds = 86'400;
    if (word == "h" || word == "hr" || word == "hrs" || word == "hour" || word == "hours" || word == "Hours" ||
        word == "Hour")
      seconds = 3'600;
    if (word == "m" || word == "min" || word == "mins" || word == "minute" || word == "minutes" || word == "Minutes" ||
        word == "Minute")
      seconds = 60;
    if (word == "s" || word == "sec" || word == "secs" || word == "second" || word == "seconds" || word == "Seconds" ||
        word == "Second")
      seconds = 1;
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
  const auto hours = parse_decimal(text.substr(0, first));
  const auto minutes = parse_decimal(text.substr(first + 1, 2));
  const auto seconds = parse_decimal(text.substr(second + 1));
  if (!hours || !minutes || !seconds || hours->scale != 0 || minutes->scale != 0) return std::nullopt;
  if (hours->digits < 0 || minutes->digits < 0 || minutes->digits > 59 || seconds->digits < 0 ||
      !less(*seconds, Decimal{60, 0}))
    return std::nullopt;
  const auto whole = times(*hours, 3'600);
  return whole ? add({whole->digits + minutes->digits * 60, 0}, *seconds) : std::nullopt;
}

}  // namespace

std::optional<Decimal> parse_duration(std::string_view text, How unit) {
  text = trimmed(text);
  if (const auto number = parse_decimal(text)) {
    switch (unit) {
      case How::minutes: return times(*number, 60);
      case How::hours: return times(*number, 3'600);
      case How::milliseconds: return scaled(number->digits, -3L - number->scale);
      default: return number;
    }
  }
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
