// What the first bytes of a CSV input say of the rest. Private to framing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"
#include "framing/csv.hpp"

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
[[nodiscard]] char detect_delimiter(std::string_view head, bool whole, CsvQuotes quotes);

/// The names that a line would have as a header.
[[nodiscard]] std::vector<std::string> names_of(std::string_view line, char delimiter);

/// Whether a row holds delimiters, quotes, blanks, invisible and control characters (an end-of-file mark is one), and nothing
/// else.
[[nodiscard]] bool is_blank_row(std::string_view row, char delimiter);

/// Whether a field holds nothing but blanks, in quotes or not.
[[nodiscard]] bool is_empty_field(std::string_view raw, CsvQuotes quotes);

/// What the rows of the head have in common.
struct RowShape {
  std::size_t fields = 0;        ///< of each; 0: there is no row, or they differ
  std::size_t empty_fields = 0;  ///< at least so many at the end of each are empty
};
/// Rows that are blank, or `header` again, do not count.
[[nodiscard]] RowShape row_shape(std::string_view head, bool whole, char delimiter, CsvQuotes quotes, std::string_view header);

/// "comma", "semicolon", "tab", "vertical bar", or the character in quotes.
[[nodiscard]] std::string delimiter_name(char delimiter);

/// What bytes that are no UTF-8 seem to be, and what to do about it. A conversion is advised only where no other reading is
/// likely. `text` is a row or a header; `rest_is_utf8`: elsewhere the input holds characters of UTF-8;
/// `ends_input`: nothing follows, not even a line end.
struct EncodingFault {
  std::string what;  ///< to stand behind "is not valid UTF-8"; may be empty
  std::string cure;
};
[[nodiscard]] EncodingFault judge_encoding(std::string_view text, bool rest_is_utf8, bool ends_input);

/// Whether a text holds UTF-8 beyond ASCII, whatever else it holds.
[[nodiscard]] bool has_wide_character(std::string_view text);

}  // namespace crosswalk::csv
