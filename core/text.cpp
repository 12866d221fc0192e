#include "text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "characters.hpp"
#include "crosswalk/translate.hpp"

namespace crosswalk {
namespace {

/// Length of the valid UTF-8 character at the start of `text`, 0 when there is none.
std::size_t character_size(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto follows = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0) == 0x80; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF && follows(1)) return 2;
  if (first >= 0xE0 && first <= 0xEF && follows(1) && follows(2)) {
    if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F)) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4 && follows(1) && follows(2) && follows(3)) {
    if ((first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string grouped(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, 1, ',');
  return digits;
}

std::string counted(std::uint64_t n, std::string_view thing) {
  std::string text = grouped(n);
  text += ' ';
  text += thing;
  if (n != 1) text += 's';
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string folded_word(std::string_view word) {
  word = is_plain_ascii(word) ? trimmed(word) : trimmed_of_invisible(word);
  std::string out;
  out.reserve(word.size());
  while (!word.empty()) {
    char c = word.front();
    std::size_t size = 1;
    if (static_cast<unsigned char>(c) >= 0x80) {
      const Character character = first_character(word);
      size = character.size;
      if (is_format_character(character.code)) {
        word.remove_prefix(size);
        continue;
      }
      if (!is_unicode_blank(character.code)) {
        append_character(out, lower_letter(character.code));
        word.remove_prefix(size);
        continue;
      }
      c = ' ';
    }
    word.remove_prefix(size);
    if (c == '_' || c == '-' || is_blank(c)) c = ' ';
    if (c == ' ' && !out.empty() && out.back() == ' ') continue;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

std::string lower_word(std::string_view word) {
  const std::string seen = without_invisible(word);
  if (is_ascii(seen)) return lower(seen);
  std::string out;
  for (std::string_view rest = seen; !rest.empty();) {
    const Character c = first_character(rest);
    append_character(out, lower_letter(c.code));
    rest.remove_prefix(c.size);
  }
  return out;
}

std::string valid_text(std::string_view text, std::size_t limit, bool& whole) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t size = character_size(text.substr(at));
    const std::string_view shown_as = size == 0 ? kReplacement : text.substr(at, size);
    if (out.size() + shown_as.size() > limit) break;
    out += shown_as;
    at += size == 0 ? 1 : size;
  }
  whole = at == text.size();
  return out;
}

std::string shown(std::string_view text, std::size_t limit) {
  bool whole = false;
  std::string out = valid_text(text, limit, whole);
  if (!whole) out += "…";
  return out;
}

std::string in_line(std::string_view text, std::size_t limit) {
  std::string line;
  for (const char c : shown(text, limit)) {
    if (c == '\n') {
      line += "\\n";
    } else {
      line += c;
    }
  }
  return line;
}

namespace {

/// Characters that a terminal obeys instead of showing, by code point.
bool is_command(std::uint32_t c) {
  return (c < 0x20 && c != '\n') || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

std::uint32_t code_point(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(character[i])); };
  switch (character.size()) {
    case 1: return byte(0);
    case 2: return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
    case 3: return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
    default: return (byte(0) & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F);
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    const std::string_view character = text.substr(0, size == 0 ? 1 : size);
    if (size == 0) {
      out += "\xEF\xBF\xBD";
    } else if (const std::uint32_t c = code_point(character); is_command(c)) {
      char escape[8];
      out.append(escape, static_cast<std::size_t>(std::snprintf(escape, sizeof escape, "\\u%04x", c)));
    } else {
      out += character;
    }
    text.remove_prefix(character.size());
  }
  return out;
}

std::uint64_t hash64(std::string_view text) { return XXH3_64bits(text.data(), text.size()); }

Hash128 hash128(std::string_view text) {
  const XXH128_hash_t h = XXH3_128bits(text.data(), text.size());
  return {h.low64, h.high64};
}

std::string_view nearest(std::string_view typed, const std::vector<std::string>& names) {
  std::string_view best;
  std::size_t best_distance = std::max<std::size_t>(typed.size() / 3, 1) + 1;
  const std::string wanted = lower(typed);
  for (const std::string& name : names) {
    const std::size_t distance = edit_distance(wanted, lower(name));
    if (distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  return best;
}

std::string choices(std::string_view typed, const std::vector<std::string>& names) {
  const std::string_view near = nearest(typed, names);
  return fmt::format("{}one of: {}", near.empty() ? std::string() : fmt::format("did you mean \"{}\"? ", near),
                     fmt::join(names, ", "));
}

}  // namespace crosswalk
