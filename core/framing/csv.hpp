// CSV framing: RFC 4180 at vector speed where a file is clean, Python's csv rule, exactly, where it is not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "arena.hpp"
#include "framing/framing.hpp"

namespace crosswalk {

/// What a quote means.
enum class CsvQuotes : std::uint8_t {
  rfc4180,    ///< it encloses a field; one that is text is doubled
  backslash,  ///< likewise, and inside a quoted field `\"` and `\\` are a quote and a backslash
  none,       ///< text like any other character
};

/// How an input writes rows.
struct CsvDialect {
  char delimiter = ',';
  CsvQuotes quotes = CsvQuotes::rfc4180;
  /// The header, decoded: without invisible characters, each blank of Unicode as a space, trimmed. As many as columns.
  std::vector<std::string> header;
  std::uint64_t header_line = 1;
  std::size_t empty_fields = 0;    ///< fields behind those of the header that every row has, always empty
  std::size_t nameless_names = 0;  ///< names that the header has behind those of the rows, all empty; not in `header`
  bool short_rows = false;         ///< a row may lack its last fields, which are empty then
  bool has_settings = true;        ///< hints may name settings
  bool has_utf8 = false;           ///< the head of the input holds characters of UTF-8 beyond ASCII
  std::string head;                ///< the first bytes from the header on, for messages
  std::vector<std::string> notes;  ///< what a person should know of the input
};

struct CsvOptions {
  char delimiter = 0;  ///< 0: found out from the head (`,` `;` tab `|`)
  Limits limits;
  CsvQuotes quotes = CsvQuotes::rfc4180;
  std::uint64_t header_row = 0;        ///< line of the header; 0: the first that is not blank
  bool short_rows = false;             ///< accept rows without their last fields
  std::size_t max_lines_in_field = 0;  ///< 0: any number
  bool has_settings = true;            ///< who reads it can be given settings of a source
};

/// A splitter that has read the header. `dialect` is complete when this returns. An input without a byte, or with only
/// blank lines, gives an empty header. `name` is for errors.
struct CsvReader {
  CsvDialect dialect;
  std::unique_ptr<Splitter> splitter;
};
[[nodiscard]] Result<CsvReader> open_csv(std::string name, std::unique_ptr<ByteSource> bytes, const CsvOptions& options);

/// A good row whose cells are found and nothing else: who needs a few of them pays for those. Borrowed during the call.
class CsvRow {
 public:
  /// A cell's text, unquoted. It stays until the next row.
  [[nodiscard]] std::string_view cell(std::size_t column) const {
    const std::string_view text = raw(column);
    return *text.data() == '"' && !text.empty() ? unquoted(text) : text;
  }
  /// The bytes of a cell as they stand in the input, quotes included.
  [[nodiscard]] std::string_view raw(std::size_t column) const {
    const std::uint32_t begin = ends_[column] + 1;
    return {data_ + begin, ends_[column + 1] - begin};
  }
  /// A bit for each of the cells 64 × word and on that has bytes.
  [[nodiscard]] std::uint64_t filled(std::size_t word) const { return (*filled_)[word]; }
  /// All cells, with the ids that the parser was given.
  [[nodiscard]] Record record() const;

 private:
  friend class CsvParser;
  CsvRow(const char* data, std::vector<Field>& fields, const std::vector<std::uint64_t>& filled, Arena& unquoted,
         CsvQuotes quotes)
      : data_(data), count_(fields.size()), fields_(&fields), filled_(&filled), unquoted_(&unquoted), quotes_(quotes) {}
  [[nodiscard]] std::string_view unquoted(std::string_view raw) const;

  const char* data_;
  const std::uint32_t* ends_ = nullptr;  ///< of its cells; the first stands for the byte before the row
  std::size_t count_;
  std::vector<Field>* fields_;  ///< with ids
  const std::vector<std::uint64_t>* filled_;
  Arena* unquoted_;
  CsvQuotes quotes_;
};

/// Field ids are given by the caller: ids[i] is column i's id.
[[nodiscard]] std::unique_ptr<BlockParser> make_csv_parser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids,
                                                           const Limits& limits);

}  // namespace crosswalk
