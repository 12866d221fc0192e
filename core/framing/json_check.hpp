// What is wrong with a JSON text, said exactly: a plain byte-by-byte reading of RFC 8259.
//
// Nothing fast stands here. The vector path only says yes or no; this says where and why, and only for what was refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace crosswalk::json {

struct Flaw {
  std::size_t at = 0;  ///< the byte at fault, from 0
  std::string code;    ///< empty: there is no flaw
  std::string field;   ///< dotted path of the value it stands in
  std::string found;
  std::string message;
  std::string cure;

  explicit operator bool() const { return !code.empty(); }
};

/// The first flaw of a text that should be exactly one JSON value. Codes: malformed_json, invalid_utf8, lone_surrogate,
/// too_deep (deeper than `max_depth`; the value itself is depth 1).
[[nodiscard]] Flaw find_flaw(std::string_view text, std::size_t max_depth);

/// True for a number of RFC 8259, nothing before or after it.
[[nodiscard]] bool is_number(std::string_view text);

/// A byte as a person can read it: `}` or byte 0x00.
[[nodiscard]] std::string shown_byte(char c);

/// Bytes of the UTF-8 character that a text starts with; 0 when it starts with none.
[[nodiscard]] std::size_t utf8_length(std::string_view text);

/// Decodes the four digits of `\uXXXX`; -1 when they are not four hexadecimal digits.
[[nodiscard]] int hex4(const char* digits);

/// Writes a code point as UTF-8 and returns the end.
char* put_utf8(char* to, std::uint32_t code_point);

}  // namespace crosswalk::json
