// The few properties of Unicode that core needs, as tables: no library, no locale.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace crosswalk {

/// A character that shows as a blank: spaces of any width, tabs, line and paragraph ends.
[[nodiscard]] constexpr bool is_unicode_blank(char32_t c) {
  return (c >= 0x09 && c <= 0x0D) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
         c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/// A character that shows as nothing: format characters (byte order marks, zero-width characters, marks that turn the
/// direction of writing, soft hyphens), and fillers and selectors that are invisible by themselves.
[[nodiscard]] constexpr bool is_invisible(char32_t c) {
  return c == 0xAD || c == 0x34F || c == 0x61C || c == 0x115F || c == 0x1160 || c == 0x180E || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x202A && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0x3164 || (c >= 0xFE00 && c <= 0xFE0F) ||
         c == 0xFEFF || c == 0xFFA0 || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

/// The character at the front of a text that has one, and how many bytes it takes. A byte that is no UTF-8 stands for U+FFFD.
struct Character {
  char32_t value = 0;
  std::size_t size = 1;
};
[[nodiscard]] constexpr Character first_character(std::string_view text) {
  constexpr Character kNone{0xFFFD, 1};
  const auto byte = [text](std::size_t at) { return static_cast<char32_t>(static_cast<unsigned char>(text[at])); };
  const char32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xC2 || first > 0xF4) return kNone;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size > text.size()) return kNone;
  char32_t value = first & (0x7FU >> size);
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return kNone;
    value = value << 6 | (byte(at) & 0x3F);
  }
  return {value, size};
}

/// A name without what does not show: invisible characters go, each blank of Unicode becomes a space, and none stands around it.
[[nodiscard]] std::string clean_name(std::string_view name);

/// How names of columns are compared: cleaned, in lower case.
[[nodiscard]] std::string folded_name(std::string_view name);

}  // namespace crosswalk
