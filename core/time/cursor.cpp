#include "time/cursor.hpp"

#include "time/names.hpp"

namespace crosswalk::times {
namespace {

constexpr std::string_view kMinusSign = "\xE2\x88\x92";  // U+2212, which ISO 8601 prefers to the hyphen

}  // namespace

bool Cursor::take_word(std::string_view word) {
  if (rest_.size() < word.size() || !equal_ignoring_case(rest_.substr(0, word.size()), word)) return false;
  rest_.remove_prefix(word.size());
  return true;
}

bool Cursor::take_name(std::span<const std::string_view> names, int& index) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (take_word(names[i]) || take_word(names[i].substr(0, 3))) {
      index = static_cast<int>(i);
      return true;
    }
  }
  return false;
}

bool Cursor::take_fraction(std::uint32_t& nanos) {
  std::uint32_t unit = 1'000'000'000;
  nanos = 0;
  if (!is_digit(next())) return false;
  while (is_digit(next())) {
    const auto digit = static_cast<std::uint32_t>(rest_.front() - '0');
    unit /= 10;
    if (unit == 0 && digit != 0) return false;
    nanos += digit * unit;
    rest_.remove_prefix(1);
  }
  return true;
}

bool Cursor::take_clock(bool short_hour, Fields& fields) {
  fields.has_clock = true;
  if (!take_digits(short_hour ? 1 : 2, 2, fields.hour) || !take(':')) return false;
  if (!take_digits(2, 2, fields.minute)) return false;
  if (!take(':')) return true;
  if (!take_digits(2, 2, fields.second)) return false;
  if (take('.') || take(',')) return take_fraction(fields.nanos);
  return true;
}

bool Cursor::take_offset(Fields& fields) {
  fields.has_offset = true;
  fields.offset = 0;
  if (take('Z') || take('z')) {
    fields.is_zulu = true;
    return true;
  }

  const bool negative = take('-') || take_word(kMinusSign);
  if (!negative && !take('+')) return false;
  unsigned hours = 0;
  unsigned minutes = 0;
  unsigned seconds = 0;
  const std::string_view digits = rest_.substr(0, 4);
  const bool compact = digits.size() == 4 && is_digit(digits[2]);
  if (compact) {
    unsigned both = 0;
    if (!take_digits(4, 4, both)) return false;
    hours = both / 100;
    minutes = both % 100;
  } else {
    if (!take_digits(2, 2, hours)) return false;
    if (take(':')) {
      if (!take_digits(2, 2, minutes)) return false;
      if (take(':') && !take_digits(2, 2, seconds)) return false;
    }
  }
  if (minutes > 59 || seconds > 59) {
    fields.offset = kImpossibleOffset;
    return true;
  }
  fields.offset = static_cast<std::int32_t>(hours * 3600 + minutes * 60 + seconds);
  if (negative) fields.offset = -fields.offset;
  return true;
}

bool Cursor::take_half(Fields& fields) {
  if (take_word("am") || take_word("a.m.")) {
    fields.half = Fields::Half::am;
    return true;
  }
  if (take_word("pm") || take_word("p.m.")) {
    fields.half = Fields::Half::pm;
    return true;
  }
  return false;
}

}  // namespace crosswalk::times
