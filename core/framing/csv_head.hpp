// What the first bytes of a CSV input say of the rest. Private to framing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crosswalk/result.hpp"

namespace crosswalk::csv {

/// Bytes of the head that the functions below are given.
inline constexpr std::size_t kHeadSize = std::size_t{64} << 10;

/// An error when the head is no text at all: a zip, a picture, a program, UTF-16 that does not say so.
[[nodiscard]] std::optional<Error> refuse_binary(std::string_view name, std::string_view head);

/// `sep=;` on a line of its own, which spreadsheets write and read: its delimiter and its length without the line end.
struct SeparatorLine {
  char delimiter = ',';
  std::size_t size = 0;
};
[[nodiscard]] std::optional<SeparatorLine> read_separator_line(std::string_view head);

/// The one of `,` `;` tab `|` that cuts the head's rows into the steadiest number of fields, more than one. Comma when
/// none does. `whole`: the head is the whole input, so its last row counts even without a line end.
[[nodiscard]] char detect_delimiter(std::string_view head, bool whole);

/// Without the blanks (no-break spaces too) around it.
[[nodiscard]] std::string_view trimmed(std::string_view name);

/// "comma", "semicolon", "tab", "vertical bar", or the character in quotes.
[[nodiscard]] std::string delimiter_name(char delimiter);

}  // namespace crosswalk::csv
