#include "framing/utf8.hpp"

#include <simdjson.h>

#include <algorithm>

namespace crosswalk {
namespace {

/// What may follow a lead byte: how many bytes, and the bounds of the first of them (Unicode, table 3-7).
struct Sequence {
  std::size_t following = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xBF;
};

/// False when no sequence begins with `lead`.
bool sequence_of(unsigned char lead, Sequence& sequence) {
  if (lead < 0x80)
    sequence = {0, 0, 0};
  else if (lead < 0xC2)
    return false;  // a following byte, or an overlong form
  else if (lead < 0xE0)
    sequence = {1, 0x80, 0xBF};
  else if (lead == 0xE0)
    sequence = {2, 0xA0, 0xBF};  // below A0: overlong
  else if (lead == 0xED)
    sequence = {2, 0x80, 0x9F};  // above 9F: surrogates
  else if (lead < 0xF0)
    sequence = {2, 0x80, 0xBF};
  else if (lead == 0xF0)
    sequence = {3, 0x90, 0xBF};  // below 90: overlong
  else if (lead < 0xF4)
    sequence = {3, 0x80, 0xBF};
  else if (lead == 0xF4)
    sequence = {3, 0x80, 0x8F};  // above 8F: past U+10FFFF
  else
    return false;
  return true;
}

/// Length of the well-formed sequence at the start of `text`, 0 when there is none.
std::size_t sequence_length(std::string_view text) {
  Sequence sequence;
  if (!sequence_of(static_cast<unsigned char>(text[0]), sequence)) return 0;
  if (text.size() <= sequence.following) return 0;
  for (std::size_t i = 1; i <= sequence.following; ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < sequence.low || byte > sequence.high) return 0;
    sequence.low = 0x80;
    sequence.high = 0xBF;
  }
  return sequence.following + 1;
}

}  // namespace

namespace {
/// The code for this processor, chosen before main(): the library's own choice, at its first use, asks for memory in functions
/// that end the process where there is none.
[[maybe_unused]] const bool chosen = [] {
  for (const simdjson::implementation* const one : simdjson::get_available_implementations()) {
    if (!one->supported_by_runtime_system()) continue;
    simdjson::get_active_implementation() = one;
    return true;
  }
  return false;
}();
}  // namespace

bool is_valid_utf8(const char* text, std::size_t size) { return simdjson::validate_utf8(text, size); }

std::size_t find_invalid_utf8(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t length = sequence_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return at;
}

}  // namespace crosswalk
