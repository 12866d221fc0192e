// Unicode characters that show nothing: blanks of all kinds, control and format characters. Ids and words are compared without
// them.
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

/// C0 and C1 but for the blanks among them; NUL, backspace and Ctrl-Z are some.
[[nodiscard]] bool is_control_character(std::uint32_t code);

[[nodiscard]] bool has_format_character(std::string_view text);
[[nodiscard]] bool has_control_character(std::string_view text);

/// Whether all words that a text's bytes make pass a test. Where they do not come out even, some bytes are in two words, or
/// in one more than once.
template <class Test>
[[nodiscard]] inline bool all_words(std::string_view text, Test&& test) {
  const auto load = [](const char* from, auto word) {
    std::memcpy(&word, from, sizeof word);
    return std::uint64_t{word};
  };
  const char* const data = text.data();
  const std::size_t size = text.size();
  if (size >= 8) {
    for (std::size_t at = 0; at + 8 < size; at += 8) {
      if (!test(load(data + at, std::uint64_t{}))) return false;
    }
    return test(load(data + size - 8, std::uint64_t{}));
  }
  if (size >= 4) return test(load(data, std::uint32_t{}) | load(data + size - 4, std::uint32_t{}) << 32);
  if (size == 0) return true;
  constexpr std::uint64_t kThreefold = 1 | std::uint64_t{1} << 24 | std::uint64_t{1} << 48;
  const auto one = [data](std::size_t at) { return std::uint64_t{static_cast<unsigned char>(data[at])}; };
  return test((one(0) | one(size / 2) << 8 | one(size - 1) << 16) * kThreefold);
}

inline constexpr std::uint64_t kHighBits = 0x8080808080808080U, kEachByte = 0x0101010101010101U;

[[nodiscard]] inline bool is_ascii(std::string_view text) {
  return all_words(text, [](std::uint64_t word) { return (word & kHighBits) == 0; });
}

/// The first bytes, in UTF-8, of all blanks and format characters beyond ASCII.
inline constexpr std::string_view kHidingBytes = "\xC2\xCD\xD8\xE1\xE2\xE3\xEF\xF0\xF3";

/// Whether all bytes are ASCII that shows, or plain blanks.
[[nodiscard]] inline bool is_plain_ascii(std::string_view text) {
  // The lowest byte that is none sets its high bit: it has it, or one more carries into it, or it borrows.
  return all_words(text,
                   [](std::uint64_t word) { return ((word | (word + kEachByte) | (word - kEachByte * ' ')) & kHighBits) == 0; });
}

/// False: a text surely has none of them, nor control characters. Most letters beyond ASCII show at a glance that they are none.
[[nodiscard]] bool may_hide_beyond_ascii(std::string_view text);
[[nodiscard]] inline bool may_hide(std::string_view text) { return !is_plain_ascii(text) && may_hide_beyond_ascii(text); }

/// Without blanks, control and format characters at both ends.
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
