#include "characters.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <iterator>

#include "text.hpp"

namespace crosswalk {
namespace {

struct Range {
  std::uint32_t first, last;
};

constexpr Range kBlanks[] = {{0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
                             {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};

// Cf of Unicode 15 without the number signs of Arabic, Syriac and Kaithi, which are seen; and the variation selectors and the
// Hangul fillers, which are not.
constexpr Range kFormats[] = {{0xAD, 0xAD},       {0x34F, 0x34F},     {0x61C, 0x61C},     {0x115F, 0x1160},  {0x180B, 0x180F},
                              {0x200B, 0x200F},   {0x202A, 0x202E},   {0x2060, 0x2064},   {0x2066, 0x206F},  {0x3164, 0x3164},
                              {0xFE00, 0xFE0F},   {0xFEFF, 0xFEFF},   {0xFFA0, 0xFFA0},   {0xFFF9, 0xFFFB},  {0x13430, 0x1343F},
                              {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0001, 0xE0001}, {0xE0020, 0xE007F}};

template <std::size_t kCount>
bool is_in(const Range (&ranges)[kCount], std::uint32_t code) {
  const auto* const found = std::lower_bound(std::begin(ranges), std::end(ranges), code,
                                             [](const Range& range, std::uint32_t c) { return range.last < c; });
  return found != std::end(ranges) && found->first <= code;
}

bool shows_nothing(std::uint32_t code) {
  return is_unicode_blank(code) || is_format_character(code) || is_control_character(code);
}

template <class Is>
bool has_any(std::string_view text, Is&& is) {
  while (!text.empty()) {
    const Character c = first_character(text);
    if (is(c.code)) return true;
    text.remove_prefix(c.size);
  }
  return false;
}

constexpr bool is_joiner(std::uint32_t code) { return code == 0x200C || code == 0x200D; }
constexpr bool is_variation(std::uint32_t code) { return code >= 0xFE00 && code <= 0xFE0F; }

}  // namespace

bool may_hide_beyond_ascii(std::string_view text) {
  constexpr std::uint64_t kHiding = [] {
    std::uint64_t bits = 0;
    for (const char c : kHidingBytes) bits |= std::uint64_t{1} << (static_cast<unsigned char>(c) & 63);
    return bits;
  }();
  return !all_words(text, [](std::uint64_t word) {
    const std::uint64_t deleted = word ^ kEachByte * 0x7F;
    const std::uint64_t controls = ((word - kEachByte * ' ') & ~word) | ((deleted - kEachByte) & ~deleted);
    if ((controls & kHighBits) != 0) return false;
    for (std::uint64_t firsts = word & word << 1 & kHighBits; firsts != 0; firsts &= firsts - 1) {
      if ((kHiding >> (word >> (std::countr_zero(firsts) - 7) & 63) & 1) != 0) return false;
    }
    return true;
  });
}

Character first_character(std::string_view text) {
  constexpr Character kNone{0xFFFD, 1};
  const auto byte = [text](std::size_t at) { return static_cast<std::uint32_t>(static_cast<unsigned char>(text[at])); };
  const std::uint32_t first = byte(0);
  if (first < 0x80) return {first, 1};
  if (first < 0xC2 || first > 0xF4) return kNone;
  const std::size_t size = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size > text.size()) return kNone;
  std::uint32_t code = first & (0x7FU >> size);
  for (std::size_t at = 1; at < size; ++at) {
    if ((byte(at) & 0xC0) != 0x80) return kNone;
    code = code << 6 | (byte(at) & 0x3F);
  }
  return {code, size};
}

Character last_character(std::string_view text) {
  std::size_t at = text.size() - 1;
  while (at > 0 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return first_character(text.substr(at));
}

bool is_unicode_blank(std::uint32_t code) { return is_in(kBlanks, code); }
bool is_format_character(std::uint32_t code) { return code > 0x7F && is_in(kFormats, code); }

bool is_control_character(std::uint32_t code) {
  return (code < 0x20 || (code >= 0x7F && code <= 0x9F)) && !is_unicode_blank(code);
}

bool has_format_character(std::string_view text) { return has_any(text, is_format_character); }
bool has_control_character(std::string_view text) { return has_any(text, is_control_character); }

std::string_view trimmed_of_invisible(std::string_view text) {
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!shows_nothing(c.code)) break;
    text.remove_prefix(c.size);
  }
  while (!text.empty()) {
    const Character c = last_character(text);
    if (!shows_nothing(c.code)) break;
    text.remove_suffix(c.size);
  }
  return text;
}

std::string without_invisible(std::string_view text) {
  text = trimmed_of_invisible(text);
  std::string out;
  out.reserve(text.size());
  bool after_ascii = true;
  while (!text.empty()) {
    const Character c = first_character(text);
    const bool needed = !after_ascii && (is_joiner(c.code) || is_variation(c.code));
    if (!is_format_character(c.code) || needed) {
      out += text.substr(0, c.size);
      after_ascii = c.code < 0x80;
    }
    text.remove_prefix(c.size);
  }
  return out;
}

std::string revealed(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const Character c = first_character(text);
    if (c.code != ' ' && shows_nothing(c.code)) {
      out += fmt::format("\\u{:04x}", c.code);
    } else {
      out += text.substr(0, c.size);
    }
    text.remove_prefix(c.size);
  }
  return out;
}

std::string clean_name(std::string_view name) {
  std::string clean;
  while (!name.empty()) {
    const Character c = first_character(name);
    if (is_unicode_blank(c.code)) {
      clean += ' ';
    } else if (!is_format_character(c.code) && !is_control_character(c.code)) {
      clean += name.substr(0, c.size);
    }
    name.remove_prefix(c.size);
  }
  const std::size_t begin = std::min(clean.find_first_not_of(' '), clean.size());
  return clean.substr(begin, clean.find_last_not_of(' ') + 1 - begin);
}

std::string folded_name(std::string_view name) { return lower(clean_name(name)); }

std::uint32_t lower_letter(std::uint32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 0x20 : c;
  if (c >= 0xC0 && c <= 0xDE) return c == 0xD7 ? c : c + 0x20;
  if ((c >= 0x100 && c <= 0x12F) || (c >= 0x132 && c <= 0x137) || (c >= 0x14A && c <= 0x177)) return c | 1;
  if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c + (c & 1);
  if (c == 0x178) return 0xFF;
  if (c >= 0x391 && c <= 0x3A9 && c != 0x3A2) return c + 0x20;
  if (c >= 0x410 && c <= 0x42F) return c + 0x20;
  if (c >= 0x400 && c <= 0x40F) return c + 0x50;
  return c;
}

void append_character(std::string& to, std::uint32_t c) {
  const auto tail = [&](unsigned shift) { to += static_cast<char>(0x80 | (c >> shift & 0x3F)); };
  if (c < 0x80) {
    to += static_cast<char>(c);
  } else if (c < 0x800) {
    to += static_cast<char>(0xC0 | c >> 6);
    tail(0);
  } else if (c < 0x10000) {
    to += static_cast<char>(0xE0 | c >> 12);
    tail(6);
    tail(0);
  } else {
    to += static_cast<char>(0xF0 | c >> 18);
    tail(12);
    tail(6);
    tail(0);
  }
}

}  // namespace crosswalk
