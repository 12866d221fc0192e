// Numbers as people and machines write them → exact decimals.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "crosswalk/adapter.hpp"
#include "crosswalk/conversation.hpp"
#include "digits.hpp"

namespace crosswalk {

/// `12`, `-0.5`, `1.25e3`; blanks around are fine, anything else is not. Nothing when it needs more than 18 digits: a
/// number is never rounded in silence.
[[nodiscard]] std::optional<Decimal> parse_decimal(std::string_view text);

/// The same of digits alone, which nearly all numbers are; nothing of any other text.
[[nodiscard]] inline std::optional<Decimal> whole_number(std::string_view text) {
  constexpr std::size_t kMostDigits = 18;
  if (text.empty() || text.size() > kMostDigits) return std::nullopt;
  std::int64_t whole = 0;
  for (const char c : text) {
    if (!is_digit(c)) return std::nullopt;
    whole = whole * 10 + (c - '0');
  }
  return Decimal{whole, 0};
}

/// Which of the two marks stands before a fraction; the other one divides thousands.
enum class DecimalMark : std::uint8_t { unknown, point, comma, both };  ///< both: a column that contradicts itself

/// What a text with separators shows. `1.234` may be either.
struct NumberShape {
  bool is_number = false;
  bool is_ambiguous = false;
  DecimalMark proves = DecimalMark::unknown;
};
[[nodiscard]] NumberShape shape_of_number(std::string_view text);

/// The number as parse_decimal() reads it: without separators of thousands, with a point. Empty: it is none where `mark` stands
/// before fractions, or `mark` is not known and needed.
[[nodiscard]] std::string plain_number(std::string_view text, DecimalMark mark);

/// A duration in seconds: a decimal in the given unit, or (always in the unit they say) `1h 20m 5s`, `HH:MM:SS`.
[[nodiscard]] std::optional<Decimal> parse_duration(std::string_view text, How unit);

[[nodiscard]] bool less(Decimal a, Decimal b);
[[nodiscard]] std::optional<Decimal> add(Decimal a, Decimal b);

}  // namespace crosswalk
