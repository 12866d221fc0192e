// The rule by which bytes are CSV records: that of Python's csv module (not strict, quotes doubled), byte by byte, and its
// two variants (CsvQuotes). Private to framing. Slow and exact: for headers, heads, and records that are not clean.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <string_view>

#include "framing/csv.hpp"

namespace crosswalk::csv {

inline constexpr std::size_t kNowhere = std::numeric_limits<std::size_t>::max();

constexpr bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// For faults of records in which `\"` occurs.
inline constexpr std::string_view kBackslashHint = "; where \\\" is a quote that is part of the text, --set quotes=backslash";

/// What some programs put at the start of a text; in files that were glued together it stands at the start of a row.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// Reads one record, in as many steps as the bytes come in.
///
/// A quote opens a field only as its first byte. Inside, two quotes are one, and one quote closes. Whatever follows a
/// closing quote, other than a delimiter or a line end, belongs to the field, which goes on unquoted: quotes are text
/// there, and a delimiter or line end ends it. CsvQuotes::backslash: inside quotes a backslash makes a quote or a
/// backslash that follows it text. CsvQuotes::none: no quote opens a field.
struct RuleReader {
  enum class State : std::uint8_t {
    field_start,
    unquoted,
    quoted,
    after_quote,  ///< a quote inside quotes was read: the first half of two, or the closing one
    escaped,      ///< a backslash inside quotes was read
  };

  char delimiter = ',';
  CsvQuotes quotes = CsvQuotes::rfc4180;
  State state = State::field_start;
  std::size_t at = 0;                   ///< all bytes before it are read
  std::size_t delimiters = 0;           ///< met outside quotes
  std::size_t quote_field = 0;          ///< index of the field that was last opened by a quote
  std::size_t quote_at = 0;             ///< where that quote stands
  std::size_t irregular_at = kNowhere;  ///< the last byte that RFC 4180 does not allow where it stands

  /// Reads up to `end`; true when the record's line end was met, at which `at` then stands. `mark` is called with the
  /// position of each delimiter outside quotes.
  template <class Mark>
  bool read(const char* data, std::size_t end, Mark&& mark);

  /// A line end would belong to the field.
  [[nodiscard]] bool is_open() const { return state == State::quoted || state == State::escaped; }

 private:
  void skip_quoted(const char* data, std::size_t end);
  /// Where bytes of an unquoted field end that change nothing.
  [[nodiscard]] std::size_t end_of_plain(const char* data, std::size_t from, std::size_t end) const {
    const auto plain = [this](char c) { return static_cast<unsigned char>(c) > '\r' && c != '"' && c != delimiter; };
    while (from < end && plain(data[from])) ++from;
    return from;
  }
};

template <class Mark>
bool RuleReader::read(const char* data, std::size_t end, Mark&& mark) {
  while (at < end) {
    if (state == State::quoted) {
      skip_quoted(data, end);
      continue;
    }
    const char c = data[at];
    if (state == State::escaped) {
      state = State::quoted;
      if (c == '"' || c == '\\') ++at;
      continue;
    }
    const bool quote = c == '"' && quotes != CsvQuotes::none;
    if (c == delimiter) {
      mark(at);
      ++delimiters;
      state = State::field_start;
    } else if (is_line_end(c)) {
      return true;
    } else if (quote && state == State::field_start) {
      state = State::quoted;
      quote_field = delimiters;
      quote_at = at;
    } else if (quote && state == State::after_quote) {
      state = State::quoted;
    } else {
      if (quote || state == State::after_quote) irregular_at = at;
      state = State::unquoted;
      at = end_of_plain(data, at + 1, end);
      continue;
    }
    ++at;
  }
  return false;
}

inline void RuleReader::skip_quoted(const char* data, std::size_t end) {
  if (quotes == CsvQuotes::backslash) {
    while (at < end && data[at] != '"' && data[at] != '\\') ++at;
    if (at == end) return;
    state = data[at++] == '"' ? State::after_quote : State::escaped;
    return;
  }
  const void* quote = std::memchr(data + at, '"', end - at);
  if (quote == nullptr) {
    at = end;
    return;
  }
  at = static_cast<std::size_t>(static_cast<const char*>(quote) - data) + 1;
  state = State::after_quote;
}

/// Takes the quoting off a field whose first byte is a quote. Writes at most `size` bytes; returns how many.
inline std::size_t unquote(const char* text, std::size_t size, char* to) {
  char* out = to;
  const char* const end = text + size;
  const auto copy_to = [&](const char* from, const char* until) {
    std::memcpy(out, from, static_cast<std::size_t>(until - from));
    out += until - from;
  };
  for (const char* at = text + 1; at != end;) {
    const auto* quote = static_cast<const char*>(std::memchr(at, '"', static_cast<std::size_t>(end - at)));
    if (quote == nullptr) quote = end;
    copy_to(at, quote);
    if (quote == end) break;
    at = quote + 1;
    if (at != end && *at == '"') {
      *out++ = *at++;
      continue;
    }
    copy_to(at, end);  // after the closing quote all is text
    break;
  }
  return static_cast<std::size_t>(out - to);
}

/// The same where backslashes stand before quotes that are text.
inline std::size_t unquote_backslashes(std::string_view text, char* to) {
  char* out = to;
  bool inside = true;
  for (std::size_t at = 1; at < text.size(); ++at) {
    const char next = at + 1 < text.size() ? text[at + 1] : '\0';
    const bool escapes = text[at] == '\\' && (next == '"' || next == '\\');
    if (inside && text[at] == '"' && next != '"') {
      inside = false;  // after the closing quote all is text
      continue;
    }
    if (inside && (escapes || text[at] == '"')) ++at;
    *out++ = text[at];
  }
  return static_cast<std::size_t>(out - to);
}

}  // namespace crosswalk::csv
