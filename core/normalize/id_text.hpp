// What a text is as an id: as it stands, cleaned of what does not belong to it, or damaged by a program that took it for a
// number.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "characters.hpp"
#include "digits.hpp"

namespace crosswalk {

enum class IdDamage : std::uint8_t {
  none,
  lost_digits,  ///< `1.03006E+13`, `2e3`: a number that a spreadsheet or a double has rounded
  decimal,      ///< `123.0`
  formatted,    ///< `1,234`: separators between groups of digits
  grouped,      ///< `12 345`: the same by blanks or points, as phone numbers are written, too
  formula,      ///< `=HYPERLINK(…)`
  control,      ///< a control character inside
};

struct IdText {
  std::string_view text;  ///< the id; of the text looked at, or of `room`
  IdDamage damage = IdDamage::none;
  bool trimmed = false;    ///< blanks or characters that show nothing are taken off
  bool unguarded = false;  ///< a spreadsheet's text guard is taken off: `="101"`, `'101`
  bool whole = false;      ///< `123.0` is taken for 123
};

/// All that an id may be. `whole_decimals`: a number whose fraction is zero is the number before the point. `room` keeps a text
/// that had to be made.
[[nodiscard]] IdText look_at_id(std::string_view text, bool whole_decimals, std::string& room);

[[nodiscard]] inline bool all_digits(std::string_view text) {
  return !text.empty() && all_words(text, [](std::uint64_t bytes) {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    // A byte is 0x30…0x39: its upper half is 3, also with 6 added.
    return (((bytes & kOnes * 0xF0) | ((bytes + kOnes * 6) & kOnes * 0xF0) >> 4) == kOnes * 0x33);
  });
}

/// Whether a text is surely an id as it stands; nearly all are. Placeholders are not looked for.
[[nodiscard]] inline bool is_usual_id(std::string_view text) {
  const auto is_letter = [](char c) { return (c | 0x20) >= 'a' && (c | 0x20) <= 'z'; };
  const auto shows = [](char c) { return static_cast<unsigned char>(c) > ' '; };
  const auto is_high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  if (text.empty() || !shows(text.back())) return false;
  if (!is_digit(text.front())) return (is_letter(text.front()) || is_high(text.front())) && !may_hide(text);
  if (all_digits(text)) return true;
  std::size_t at = 0;
  while (is_digit(text[at])) ++at;  // one of them is none
  const char next = text[at];
  constexpr std::size_t kLongestExponent = 5;  // `e+123`
  const bool may_be_exponent = (next | 0x20) == 'e' && text.size() - at <= kLongestExponent;
  if (next != '-' && next != '_' && (!is_letter(next) || may_be_exponent)) return false;
  return !may_hide(text);
}

}  // namespace crosswalk
