// JSON text, appended to a Buffer. Input text is valid UTF-8 (framing checked it).
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "crosswalk/conversation.hpp"
#include "encode/buffer.hpp"

namespace crosswalk {

/// A JSON string with quotes: `"`, `\` and control characters escaped, everything else as it is. Written at `to`, where
/// json_string_room() bytes can be; gives its end.
char* put_json_string(char* to, std::string_view text);
/// The same for a text behind which kTextSlack bytes can be read.
char* put_padded_json_string(char* to, std::string_view text);
inline constexpr std::size_t kTextSlack = 32;
/// Every byte may become six; 32 more let whole vectors be stored at the end.
constexpr std::size_t json_string_room(std::size_t text_size) { return text_size * 6 + 2 + 32; }
inline void add_json_string(Buffer& out, std::string_view text) {
  out.finish_at(put_json_string(out.room(json_string_room(text.size())), text));
}

/// A key, with what stands around it (`,"Priority":`), and a string behind it. kKeySlack bytes can be read behind the key, and
/// kTextSlack behind the text.
void add_padded_member(Buffer& out, std::string_view key, std::string_view text);
inline constexpr std::size_t kKeySlack = 64;

/// Text known when compiling, written at `to`; gives its end.
template <std::size_t N>
char* put_literal(char* to, const char (&text)[N]) {
  std::memcpy(to, text, N - 1);
  return to + N - 1;
}

/// A JSON value that is already text: white space between tokens is taken out, so that one record stays one line.
void add_json_compact(Buffer& out, std::string_view json);

/// Plain: `720`, `12.5`, never an exponent. Up to kDecimalTextMax bytes.
char* put_decimal(char* to, Decimal value);
inline constexpr std::size_t kDecimalTextMax = 24;
inline void add_decimal(Buffer& out, Decimal value) { out.finish_at(put_decimal(out.room(kDecimalTextMax), value)); }
void add_number(Buffer& out, std::uint64_t value);
void add_time(Buffer& out, Instant at);  ///< quoted RFC 3339

}  // namespace crosswalk
