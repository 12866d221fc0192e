#include "time/text.hpp"

#include <algorithm>

#include "characters.hpp"

namespace crosswalk::times {
namespace {

constexpr std::size_t kMostShown = 64;
constexpr std::uint32_t kReplacement = 0xFFFD;

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = "'";
  std::string_view rest = text;
  while (!rest.empty() && text.size() - rest.size() < kMostShown) {
    const Character c = first_character(rest);
    const bool broken = c.code == kReplacement && c.size == 1;
    if (broken || c.code < ' ' || (c.code >= 0x7F && c.code < 0xA0)) {
      for (const char part : rest.substr(0, c.size)) {
        const auto byte = static_cast<unsigned char>(part);
        out += "\\x";
        out += kHex[byte >> 4];
        out += kHex[byte & 15];
      }
    } else {
      out += revealed(rest.substr(0, c.size));
    }
    rest.remove_prefix(c.size);
  }
  if (!rest.empty()) out += "…";
  return out + "'";
}

std::string_view cleaned(std::string_view text, CleanRoom& room) {
  text = trimmed_of_invisible(text);
  if (text.size() > sizeof room.bytes || is_plain_ascii(text)) return text;
  char* end = room.bytes;
  for (std::string_view rest = text; !rest.empty();) {
    const Character c = first_character(rest);
    if (is_unicode_blank(c.code)) {
      *end++ = ' ';
    } else if (!is_format_character(c.code)) {
      end = std::copy_n(rest.begin(), c.size, end);
    }
    rest.remove_prefix(c.size);
  }
  return {room.bytes, static_cast<std::size_t>(end - room.bytes)};
}

}  // namespace crosswalk::times
