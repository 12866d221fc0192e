// Unicode characters that show nothing: blanks of all kinds and format characters. Ids and words are compared without them.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace crosswalk {

/// The character at the start of a text that is not empty; a byte that is no UTF-8 stands for U+FFFD.
struct Character {
  std::uint32_t code = 0;
  std::size_t size = 0;  ///< bytes
};
[[nodiscard]] Character first_character(std::string_view text);
[[nodiscard]] Character last_character(std::string_view text);

/// Unicode's White_Space.
[[nodiscard]] bool is_unicode_blank(std::uint32_t code);
/// Characters that only say how others are shown (Unicode's Cf, but for the few that are seen): byte order marks, zero-width and
/// soft characters, marks of direction.
[[nodiscard]] bool is_format_character(std::uint32_t code);

[[nodiscard]] bool has_format_character(std::string_view text);

/// Whether all bytes are ASCII; eight at a time.
[[nodiscard]] inline bool is_ascii(std::string_view text) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  std::size_t at = 0;
  std::uint64_t seen = 0;
  for (; at + 8 <= text.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text.data() + at, sizeof word);
    seen |= word;
  }
  for (; at < text.size(); ++at) seen |= static_cast<unsigned char>(text[at]);
  return (seen & kHighBits) == 0;
}

/// Without blanks and format characters at both ends.
[[nodiscard]] std::string_view trimmed_of_invisible(std::string_view text);

/// The same, and without format characters inside, but for joiners between letters that need them (U+200C and U+200D behind a
/// character that is not ASCII).
[[nodiscard]] std::string without_invisible(std::string_view text);

/// For messages: what shows nothing (but for the plain blank) as an escape, `\u200b`.
[[nodiscard]] std::string revealed(std::string_view text);

/// A letter in lower case, where upper and lower are one character each: Latin, Greek, Cyrillic. Everything else as it is.
[[nodiscard]] std::uint32_t lower_letter(std::uint32_t code);

/// A name without what does not show: format characters go, each blank becomes a space, and none stands around it.
[[nodiscard]] std::string clean_name(std::string_view name);
/// How names of columns are compared: cleaned, in lower case.
[[nodiscard]] std::string folded_name(std::string_view name);

/// Appends a character as UTF-8.
void append_character(std::string& to, std::uint32_t code);

}  // namespace crosswalk
