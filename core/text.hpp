// Small text helpers that core shares. The process locale has no say.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace crosswalk {

[[nodiscard]] inline bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

[[nodiscard]] inline bool all_blank(std::string_view text) {
  for (const char c : text) {
    if (!is_blank(c)) return false;
  }
  return true;
}

[[nodiscard]] inline std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

/// Whether two texts are equal: without a call, for such as are short and mostly equal.
[[nodiscard]] inline bool equal(std::string_view a, std::string_view b) {
  const auto differ = [](const char* p, const char* q, auto word) {
    auto other = word;
    std::memcpy(&word, p, sizeof word);
    std::memcpy(&other, q, sizeof other);
    return word != other;
  };
  const std::size_t n = a.size();
  if (n != b.size()) return false;
  const char *const p = a.data(), *const q = b.data();
  if (n > 8) {
    for (std::size_t i = 0; i < n - 8; i += 8) {
      if (differ(p + i, q + i, std::uint64_t{})) return false;
    }
    return !differ(p + n - 8, q + n - 8, std::uint64_t{});
  }
  if (n >= 4) return !differ(p, q, std::uint32_t{}) && !differ(p + n - 4, q + n - 4, std::uint32_t{});
  for (std::size_t i = 0; i < n; ++i) {
    if (p[i] != q[i]) return false;
  }
  return true;
}

/// The same, for such as mostly are one.
[[nodiscard]] inline bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && (a.data() == b.data() || equal(a, b));
}

[[nodiscard]] std::string lower(std::string_view text);

/// How words of a vocabulary are compared: trimmed, lower case, `_`, `-` and runs of blanks are one blank; without characters
/// that show nothing.
[[nodiscard]] std::string folded_word(std::string_view word);
/// A word as it is kept: trimmed, without characters that show nothing, in lower case.
[[nodiscard]] std::string lower_word(std::string_view word);

/// The first `limit` bytes of a text, cut between characters, invalid UTF-8 replaced by U+FFFD: for messages.
[[nodiscard]] std::string shown(std::string_view text, std::size_t limit = 80);

/// The same on one line: line feeds become `\n`.
[[nodiscard]] std::string in_line(std::string_view text, std::size_t limit = 80);

/// The first bytes of a text, at most `limit` of them and cut between characters, as valid UTF-8: what is none becomes
/// U+FFFD. `whole` says whether all of it is there.
[[nodiscard]] std::string valid_text(std::string_view text, std::size_t limit, bool& whole);

/// A number for people, 12,345, and with what is counted: "1 record", "12,345 records".
[[nodiscard]] std::string grouped(std::uint64_t n);
[[nodiscard]] std::string counted(std::uint64_t n, std::string_view thing);

/// 64-bit hash, stable across runs and machines.
[[nodiscard]] std::uint64_t hash64(std::string_view text);

struct Hash128 {
  std::uint64_t low = 0, high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
  friend auto operator<=>(const Hash128&, const Hash128&) = default;
};
[[nodiscard]] Hash128 hash128(std::string_view text);

}  // namespace crosswalk
