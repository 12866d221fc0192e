#include "normalize/decimal.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "characters.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr int kMaxDigits = 18;

std::int64_t power_of_ten(int exponent) {
  std::int64_t power = 1;
  while (exponent-- > 0) power *= 10;
  return power;
}

std::optional<Decimal> multiplied(Decimal value, std::int64_t factor) {
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
  const auto whole = multiplied({digits, 0}, power_of_ten(static_cast<int>(exponent)));
  const std::int64_t limit = power_of_ten(kMaxDigits);
  return whole && whole->digits < limit && whole->digits > -limit ? whole : std::nullopt;
}

std::optional<Decimal> parse_any_decimal(std::string_view text);

}  // namespace

std::optional<Decimal> parse_decimal(std::string_view text) {
  if (const auto whole = whole_number(text)) return whole;
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
    const auto part = multiplied(*amount, seconds);
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
  const auto whole = multiplied(*hours, 3'600);
  const auto with_minutes = whole ? add(*whole, {minutes->digits * 60, 0}) : std::nullopt;
  return with_minutes ? add(*with_minutes, *seconds) : std::nullopt;
}

}  // namespace

std::optional<Decimal> parse_duration(std::string_view text, How unit) {
  if (const auto number = parse_decimal(text)) {
    switch (unit) {
      case How::minutes: return multiplied(*number, 60);
      case How::hours: return multiplied(*number, 3'600);
      case How::milliseconds: return scaled(number->digits, -3L - number->scale);
      default: return number;
    }
  }
  text = trimmed(text);
  if (text.find(':') != std::string_view::npos) return parse_clock(text);
  return parse_units(text);
}

namespace {

/// Blanks and apostrophes between groups of digits: they never stand before a fraction.
bool is_other_separator(std::uint32_t code) { return is_unicode_blank(code) || code == '\'' || code == 0x2019; }

/// `1.234.567`, in India `12,34,567`: digits in groups, the text's marks being no others.
bool is_grouped(std::string_view digits, char mark) {
  std::size_t groups = 0, first = 0, last = 0;
  bool twos = true, threes = true;
  for (std::size_t at = 0; at <= digits.size(); ++groups) {
    const std::size_t end = std::min(digits.find(mark, at), digits.size());
    const std::size_t size = end - at;
    if (groups == 0) first = size;
    if (groups > 1) {  // the group before this one is neither the first nor the last
      twos = twos && last == 2;
      threes = threes && last == 3;
    }
    last = size;
    at = end + 1;
  }
  if (groups < 2 || first == 0 || first > 3 || last != 3) return false;
  return threes || (mark == ',' && twos && first <= 2);
}

}  // namespace

NumberShape shape_of_number(std::string_view text) {
  text = trimmed_of_invisible(text);
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) text.remove_prefix(1);
  std::string marks;  // digits, points and commas
  bool others = false, fits = true;
  std::size_t since = 4;  // digits since the last of the other separators
  while (!text.empty()) {
    const Character c = first_character(text);
    if (is_other_separator(c.code)) {
      fits = fits && !marks.empty() && is_digit(marks.back()) && (!others || since == 3);
      others = true;
      since = 0;
    } else if (c.code == '.' || c.code == ',' || (c.code >= '0' && c.code <= '9')) {
      if (c.code <= '.' && others) fits = fits && since == 3;
      marks += static_cast<char>(c.code);
      since += is_digit(marks.back());
    } else {
      return {};
    }
    text.remove_prefix(c.size);
  }
  const auto points = std::count(marks.begin(), marks.end(), '.'), commas = std::count(marks.begin(), marks.end(), ',');
  if (others && (points + commas > 1 || (points + commas == 0 && since != 3))) fits = false;
  if (!fits || marks.find_first_of("0123456789") == std::string::npos) return {};
  NumberShape shape{true};
  if (points + commas == 0) return shape;
  const auto proves = [&](char mark) { shape.proves = mark == '.' ? DecimalMark::point : DecimalMark::comma; };
  const std::size_t last = marks.find_last_of(".,");
  const char mark = marks[last], other = mark == '.' ? ',' : '.';
  if (points != 0 && commas != 0) {
    if (std::count(marks.begin(), marks.end(), mark) != 1 || !is_grouped(std::string_view(marks).substr(0, last), other))
      return {};
    proves(mark);
  } else if (points + commas > 1) {
    if (!is_grouped(marks, mark)) return {};
    proves(other);
  } else if (!others && marks.size() - last == 4 && last >= 1 && last <= 3 && marks.front() != '0') {
    shape.is_ambiguous = true;
  } else {
    proves(mark);
  }
  return shape;
}

std::string plain_number(std::string_view text, DecimalMark mark) {
  const NumberShape shape = shape_of_number(text);
  if (!shape.is_number) return {};
  const bool has_mark = shape.is_ambiguous || shape.proves != DecimalMark::unknown;
  if (mark == DecimalMark::unknown) mark = shape.proves;
  if (has_mark && (mark == DecimalMark::unknown || mark == DecimalMark::both)) return {};
  if (shape.proves != DecimalMark::unknown && shape.proves != mark) return {};
  std::string plain;
  for (const char c : trimmed_of_invisible(text)) {
    if (is_digit(c) || c == '-' || c == '+') plain += c;
    if (c == (mark == DecimalMark::comma ? ',' : '.')) plain += '.';
  }
  return plain;
}

bool less(Decimal a, Decimal b) {
  __extension__ using Wide = __int128;
  const auto digits = [](Decimal d, int to) { return static_cast<Wide>(d.digits) * power_of_ten(to - d.scale); };
  const int scale = a.scale > b.scale ? a.scale : b.scale;
  return digits(a, scale) < digits(b, scale);
}

std::optional<Decimal> add(Decimal a, Decimal b) {
  if (a.scale < b.scale) std::swap(a, b);
  const auto lifted = multiplied(b, power_of_ten(a.scale - b.scale));
  Decimal sum = a;
  if (!lifted || __builtin_add_overflow(a.digits, lifted->digits, &sum.digits)) return std::nullopt;
  return sum;
}

}  // namespace crosswalk
