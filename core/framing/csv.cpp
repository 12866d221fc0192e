// CSV framing: the rules, the header, and the splitter.
//
// What a record is
//   Python's csv module decides (not strict, quotes doubled, no escape character): see csv_rule.hpp. LF, CR and CRLF end
//   a line. Blank lines are no records.
//
// What is refused, and where reading goes on
//   A record that cannot be right is refused for its first line only, and the next line is read as the start of a record.
//   So a stray quote costs the line it stands in, and never what follows. "Line" is a line of the file here, whatever the
//   quotes say. A record's first line is refused when
//   - unclosed_quote: a quote is open at its end, and the input ends before the record does, inside quotes; or the
//     record is longer than max_record bytes;
//   - stray_quote: the record goes on over more lines, and there are quotes in it where RFC 4180 has none (in the text of
//     an unquoted field, or before text that follows a closing quote), whatever its number of fields; or its quotes are
//     all in order, but it has another number of fields than rows, and one of its lines is a row by itself: as many fields
//     as the header, and a number wherever the record has one before its open quote (ids), which text does not have;
//   - too_many_lines: a quoted field has more lines than the setting max_lines_in_field allows;
//   - record_too_large: this line alone is longer than max_record bytes.
//   Records behind a line that is refused for its quotes belong to the same reject while they are no rows (another number
//   of fields than rows have; a line that would be refused too counts the delimiters behind its open quote), up to 16 KiB
//   in all: they are the rest of a broken field.
//   Lengths do not count the line end. A record of one line is never re-read: its number of fields decides (ragged_row);
//   one that breaks RFC 4180 and has the right number is read, and counted. Over several lines a record whose quotes are
//   all in order is taken as it is; with a wrong number of fields, and no line that is a row, it is a ragged_row as a whole:
//   its lines are a text, and never rows. With the right number of fields, or as a short row that is accepted, it may still
//   hold rows in a field that nobody meant: nothing tells them from a text that quotes a table. They are found later
//   (csv_inside.hpp), and counted.
//
// What holds nothing
//   Rows of delimiters, quotes and blanks, and the end-of-file mark of old systems, are passed over and counted. A byte
//   order mark before a row is taken off it, and counted. Fields behind those of the header that every row in the head has,
//   and that are always empty (or hold blanks, or quotes around nothing), are none; nor are empty names at the end of the header
//   that no row has a field for.
//
// The header
//   The first record, after a line `sep=;` if there is one, or the one in the line that the setting header_row names. A
//   header that would be refused by these rules is an error.
//
// None of this depends on how the input is cut into blocks.

#include "framing/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "characters.hpp"
#include "framing/csv_framer.hpp"
#include "framing/csv_head.hpp"
#include "framing/csv_kernels.hpp"
#include "framing/csv_rule.hpp"
#include "framing/lines.hpp"
#include "framing/utf8.hpp"

namespace crosswalk {
namespace {

using csv::is_line_end;
using csv::kNowhere;
using csv::RefusedLine;
using csv::RuleReader;

constexpr std::size_t kFaultText = std::size_t{16} << 10;  ///< how much of a line that is too long is kept
constexpr std::size_t kLargest = std::size_t{1} << 30;     ///< of a record and of a target: positions fit 32 bits
constexpr std::size_t kSmall = std::size_t{64} << 10;      ///< what may be read again and again without a thought
constexpr std::size_t kKeptHead = std::size_t{16} << 10;   ///< of an input, for messages

/// An input, and what has been read of it and not yet used.
class Intake {
 public:
  explicit Intake(std::unique_ptr<ByteSource> bytes) : bytes_(std::move(bytes)) {}

  /// Reads until `want` bytes are there, or all there are. At least kSlack bytes can be read past them.
  void fill(std::size_t want);

  /// Passes over `count` bytes, which must not end between CR and LF.
  void drop(std::size_t count) {
    lines_.count(data(), count);
    offset_ += count;
    begin_ += count;
  }

  [[nodiscard]] const char* data() const { return buffer_.data() + begin_; }
  [[nodiscard]] std::size_t size() const { return end_ - begin_; }
  [[nodiscard]] std::string_view view() const { return {data(), size()}; }
  [[nodiscard]] std::uint64_t offset() const { return offset_; }               ///< of data()[0], in the input
  [[nodiscard]] std::uint64_t line() const { return lines_.line_of_next(0); }  ///< of data()[0], from 1

  /// All of the input was read. Stays false when reading failed: what comes next is not known then.
  [[nodiscard]] bool at_end() const { return at_end_; }
  [[nodiscard]] bool finished() const { return at_end_ || error_.has_value(); }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

 private:
  void make_room(std::size_t want);

  std::unique_ptr<ByteSource> bytes_;
  std::vector<char> buffer_ = std::vector<char>(kSlack);
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::uint64_t offset_ = 0;
  LineCounter lines_;
  bool at_end_ = false;
  std::optional<Error> error_;
};

void Intake::fill(std::size_t want) {
  if (want <= size() || finished()) return;
  make_room(want);
  const std::size_t full = begin_ + want;
  while (end_ < full && !finished()) {
    Result<std::size_t> got = bytes_->read(buffer_.data() + end_, full - end_);
    if (!got.ok())
      error_ = got.error();
    else if (*got == 0)
      at_end_ = true;
    else
      end_ += *got;
  }
}

void Intake::make_room(std::size_t want) {
  if (begin_ + want + kSlack <= buffer_.size()) return;
  if (begin_ != 0) std::memmove(buffer_.data(), data(), size());
  end_ -= begin_;
  begin_ = 0;
  if (want + kSlack <= buffer_.size()) return;
  buffer_.reserve(want + kSlack);  // exactly: growing by doubling would take twice the memory
  buffer_.resize(want + kSlack);
}

std::string column_name(std::size_t column, const std::vector<std::string>& header) {
  if (column >= header.size() || header[column].empty()) return fmt::format("column {}", column + 1);
  return fmt::format("column {} ({})", column + 1, header[column]);
}

std::string count_of(std::size_t fields) { return fmt::format("{} field{}", fields, fields == 1 ? "" : "s"); }

// ---------------------------------------------------------------------------------------------------------------------

class CsvSplitter final : public Splitter {
 public:
  CsvSplitter(const CsvDialect& dialect, const csv::RowRules& rules, Intake intake)
      : header_(dialect.header),
        header_line_(dialect.header_line),
        max_record_(rules.max_record),
        max_lines_(rules.max_lines),
        columns_(rules.columns),
        has_settings_(dialect.has_settings),
        framer_(rules),
        intake_(std::move(intake)) {}

  Result<bool> next(Block& block, std::size_t target) override;

 private:
  std::size_t frame(Block& block, std::size_t target);
  void complete_line_end(Block& block);
  void take(Block& block, std::size_t extra);
  void refuse_long_line(Block& block);
  std::uint64_t skip_line();
  void add_faults(Block& block) const;
  [[nodiscard]] Block::Fault fault_of(const RefusedLine& line, std::uint64_t number) const;

  std::vector<std::string> header_;
  std::uint64_t header_line_;
  std::size_t max_record_;
  std::size_t max_lines_;
  std::size_t columns_;
  bool has_settings_;
  csv::Framer framer_;
  Intake intake_;
  std::vector<RefusedLine> refused_;
};

Result<bool> CsvSplitter::next(Block& block, std::size_t target) {
  target = std::clamp(target, std::size_t{1}, kLargest);
  block.offset = intake_.offset();
  block.line = intake_.line();
  block.spans.clear();
  block.unusual.clear();
  block.faults.clear();
  refused_.clear();

  intake_.fill(target);
  block.size = frame(block, target);
  while (block.size == 0 && !framer_.line_too_long() && !intake_.finished()) {
    // A large record is read in growing steps, so that reading its parts again costs no more than a few times its length.
    const std::size_t step = intake_.size() > kSmall ? std::max(target, intake_.size() / 2) : target;
    intake_.fill(intake_.size() + step);
    block.size = frame(block, target);
  }

  if (framer_.line_too_long()) {
    refuse_long_line(block);
    return true;
  }
  if (block.size != 0) {
    complete_line_end(block);
    take(block, 0);
    return true;
  }
  if (intake_.error()) return *intake_.error();
  return false;
}

/// How many of the bytes that were read are whole records, enough for a block.
std::size_t CsvSplitter::frame(Block& block, std::size_t target) {
  const std::size_t words = intake_.size() / csv::kWord + 1;
  block.ends.make_room(words);
  return framer_.frame({intake_.data(), intake_.size(), intake_.at_end()}, target, block.ends, refused_, block.unusual);
}

/// A block must not end between CR and LF, or the line would be counted twice.
void CsvSplitter::complete_line_end(Block& block) {
  if (intake_.data()[block.size - 1] != '\r') return;
  intake_.fill(block.size + 1);
  if (block.size == intake_.size() || intake_.data()[block.size] != '\n') return;
  block.ends.make_room(block.size / csv::kWord + 1);
  block.ends.set(block.size, true);
  ++block.size;
}

/// Moves block.size bytes of records from the intake into the block, and copies `extra` bytes that follow them.
void CsvSplitter::take(Block& block, std::size_t extra) {
  add_faults(block);
  std::vector<std::uint32_t>& inner = block.unusual.inner_lines;
  while (!inner.empty() && inner.back() >= block.size) inner.pop_back();  // of a record that the next block has
  const std::size_t size = block.size + extra;
  if (block.data.size() < size + kSlack) block.data.resize(size + kSlack);
  std::memcpy(block.data.data(), intake_.data(), size);
  const std::size_t word_end = (size + csv::kWord - 1) / csv::kWord * csv::kWord;
  block.ends.clear(block.size, word_end);
  intake_.drop(block.size);
  framer_.move_on(block.size);
}

/// The next record is one line that is too long. Its first bytes end the block; the rest of it is passed over.
void CsvSplitter::refuse_long_line(Block& block) {
  const std::size_t kept = std::min(max_record_, kFaultText);  // more than max_record bytes of it were read
  take(block, kept);
  const std::uint64_t length = skip_line();
  block.faults.push_back({{static_cast<std::uint32_t>(block.size), static_cast<std::uint32_t>(kept)},
                          length,
                          "record_too_large",
                          fmt::format("{} bytes", length),
                          fmt::format("the record is longer than the {} bytes that a record may have", max_record_),
                          "if records are meant to be that long, raise the setting max_record"});
  block.size += kept;
}

/// Passes over the line that comes next, however long it is, without its line end. Returns its length.
std::uint64_t CsvSplitter::skip_line() {
  std::uint64_t length = 0;
  for (;;) {
    const std::size_t line_end = intake_.view().find_first_of("\r\n");
    const std::size_t skipped = std::min(line_end, intake_.size());
    intake_.drop(skipped);
    framer_.move_on(skipped);
    length += skipped;
    if (line_end != std::string_view::npos) return length;
    intake_.fill(kSmall);
    if (intake_.size() == 0) return length;
  }
}

void CsvSplitter::add_faults(Block& block) const {
  TextLines lines(intake_.view(), block.line);
  for (const RefusedLine& line : refused_) block.faults.push_back(fault_of(line, lines.at(line.begin)));
}

Block::Fault CsvSplitter::fault_of(const RefusedLine& line, std::uint64_t number) const {
  const std::string quote = fmt::format("the quote opened in line {}, {},", number, column_name(line.column, header_));
  Block::Fault fault;
  fault.span = {static_cast<std::uint32_t>(line.begin), static_cast<std::uint32_t>(line.size)};
  fault.size = line.size;
  fault.code = "unclosed_quote";
  fault.found = "a quote that is not closed";
  fault.cure = "close the quote; double a quote that is part of the text";
  const std::string_view hint = line.backslash_quote && has_settings_ ? csv::kBackslashHint : std::string_view();
  switch (line.why) {
    case RefusedLine::Why::open_at_end: fault.message = quote + " is not closed before the end of the input"; break;
    case RefusedLine::Why::open_past_limit:
      fault.message = fmt::format("{} makes the record longer than the {} bytes that a record may have", quote, max_record_);
      fault.cure += "; if records are meant to be that long, raise the setting max_record";
      break;
    case RefusedLine::Why::stray_quote:
      fault.code = "stray_quote";
      fault.found = fmt::format("{} over several lines", count_of(line.fields));
      fault.message = fmt::format("{} runs on into the next line, and a quote stands in the middle of text", quote);
      if (line.fields != columns_) {
        fault.message += fmt::format("; the row would have {}, the header (line {}) has {}", count_of(line.fields), header_line_,
                                     header_.size());
      }
      fault.cure = "double a quote that is part of the text, and put the whole field in quotes";
      break;
    case RefusedLine::Why::rows_inside:
      fault.code = "stray_quote";
      fault.found = fmt::format("{} over several lines", count_of(line.fields));
      fault.message = fmt::format(
          "{} runs on into lines that are rows by themselves; with them the row would have {}, the header (line {}) has {}",
          quote, count_of(line.fields), header_line_, header_.size());
      fault.cure = "double a quote that is part of the text, and put the whole field in quotes";
      break;
    case RefusedLine::Why::too_many_lines:
      fault.code = "too_many_lines";
      fault.found = fmt::format("a field of more than {} lines", max_lines_);
      fault.message = fmt::format("{} makes the field longer than the {} lines that a field may have", quote, max_lines_);
      fault.cure += "; if fields are meant to be that long, raise the setting max_lines_in_field";
      break;
  }
  fault.cure += hint;
  if (line.joined != 0) { fault.message += fmt::format("; what follows is no row and belongs to it ({} more)", line.joined); }
  return fault;
}

// ---------------------------------------------------------------------------------------------------------------------

/// Reads the head and the header of one input.
class Opener {
 public:
  Opener(std::string name, std::unique_ptr<ByteSource> bytes, const CsvOptions& options)
      : name_(std::move(name)),
        options_(options),
        max_record_(std::min(options.limits.max_record, kLargest)),
        intake_(std::move(bytes)) {}

  Result<CsvReader> open();

 private:
  void skip_blank_lines();
  [[nodiscard]] Result<void> skip_to_header_row();
  [[nodiscard]] Result<void> find_delimiter();
  void settle_extra_fields();
  [[nodiscard]] csv::RowRules rules() const;
  [[nodiscard]] Result<void> read_header();
  [[nodiscard]] std::optional<Error> read_header_record(RuleReader& reader, std::vector<std::size_t>& delimiters);
  [[nodiscard]] Result<std::string> decode_name(std::string_view text, std::size_t column) const;
  [[nodiscard]] Error header_error(std::string_view what, std::string cure) const;
  [[nodiscard]] Error open_quote_error(const RuleReader& reader) const;

  std::string name_;
  CsvOptions options_;
  std::size_t max_record_;
  Intake intake_;
  CsvDialect dialect_;
  std::string header_text_;  ///< as it stands in the input
};

Result<CsvReader> Opener::open() {
  const char given = options_.delimiter;
  if (given == '"' || is_line_end(given) || static_cast<unsigned char>(given) >= 0x80) {
    return Error{Errc::usage, "a CSV delimiter is one ASCII character, and neither a quote nor a line end",
                 "give one of , ; | or a tab"};
  }
  intake_.fill(csv::kHeadSize);
  if (intake_.size() == 0 && intake_.error()) return *intake_.error();
  if (auto refused = csv::refuse_binary(name_, intake_.view())) return *refused;

  dialect_.quotes = options_.quotes;
  dialect_.short_rows = options_.short_rows;
  dialect_.has_settings = options_.has_settings;
  if (options_.header_row < 2) skip_blank_lines();
  if (Result<void> found = find_delimiter(); !found.ok()) return found.error();
  if (intake_.size() != 0) {
    dialect_.head = intake_.view().substr(0, std::min(intake_.size(), kKeptHead));
    if (Result<void> read = read_header(); !read.ok()) return read.error();
    settle_extra_fields();
  }
  auto splitter = std::make_unique<CsvSplitter>(dialect_, rules(), std::move(intake_));
  return CsvReader{std::move(dialect_), std::move(splitter)};
}

csv::RowRules Opener::rules() const {
  csv::RowRules rules;
  rules.delimiter = dialect_.delimiter;
  rules.columns = dialect_.header.size() + dialect_.empty_fields;
  rules.least = dialect_.short_rows ? std::min(rules.columns, std::size_t{2}) : rules.columns;
  rules.max_record = max_record_;
  rules.quotes = dialect_.quotes;
  rules.max_lines = options_.max_lines_in_field;
  return rules;
}

/// Drops the lines above the header, where the header's is given.
Result<void> Opener::skip_to_header_row() {
  while (intake_.size() != 0 && intake_.line() < options_.header_row) {
    const std::size_t line_end = intake_.view().find_first_of("\r\n");
    const bool crlf_may_be_cut = line_end != std::string_view::npos && line_end + 1 == intake_.size() &&
                                 intake_.view()[line_end] == '\r' && !intake_.finished();
    if (line_end == std::string_view::npos || crlf_may_be_cut) {
      intake_.drop(crlf_may_be_cut ? line_end : intake_.size());
    } else {
      const bool crlf = intake_.view().substr(line_end).starts_with("\r\n");
      intake_.drop(line_end + (crlf ? 2 : 1));
    }
    intake_.fill(csv::kHeadSize);
  }
  if (intake_.size() == 0 && intake_.error()) return *intake_.error();
  if (intake_.size() != 0) return {};
  return Error{Errc::data, fmt::format("{}: setting header_row: the file has no line {}", name_, options_.header_row),
               "give the line of the file that holds the names of the columns"};
}

/// Fields that every row in the head has behind those of the header, all empty, are none; nor are names at the end of the
/// header, all empty, for which no row has a field.
void Opener::settle_extra_fields() {
  const std::string_view head = intake_.view().substr(0, csv::kHeadSize);
  dialect_.has_utf8 = csv::has_wide_character(dialect_.head) || csv::has_wide_character(head);
  const std::size_t names = dialect_.header.size();
  const bool whole = intake_.at_end() && intake_.size() <= csv::kHeadSize;
  const csv::RowShape rows = csv::row_shape(head, whole, dialect_.delimiter, dialect_.quotes, header_text_);
  if (rows.fields == 0 || rows.fields == names) return;
  const std::size_t differ = rows.fields > names ? rows.fields - names : names - rows.fields;
  const std::string fields = fmt::format("{} empty field{}", differ, differ == 1 ? "" : "s");
  if (rows.fields > names && rows.empty_fields >= differ) {
    dialect_.empty_fields = differ;
    dialect_.notes.push_back(
        fmt::format("{}: every row has {} behind the columns of the header, which are no columns", name_, fields));
    return;
  }
  const auto is_nameless = [](const std::string& name) { return name.empty(); };
  const auto last = dialect_.header.end();
  if (rows.fields < names && std::all_of(last - static_cast<std::ptrdiff_t>(differ), last, is_nameless)) {
    dialect_.nameless_names = differ;
    dialect_.header.resize(rows.fields);
    dialect_.notes.push_back(fmt::format("{}: the header ends with {} that no row has, which are no columns", name_, fields));
  }
}

/// Drops blank lines, however many; the head is full again, or is all that is left.
void Opener::skip_blank_lines() {
  for (;;) {
    const std::size_t text = std::min(intake_.view().find_first_not_of("\r\n"), intake_.size());
    const bool may_split_crlf = text == intake_.size() && text != 0 && intake_.data()[text - 1] == '\r' && !intake_.finished();
    intake_.drop(may_split_crlf ? text - 1 : text);
    intake_.fill(csv::kHeadSize);
    if (intake_.size() == 0 || !is_line_end(intake_.data()[0])) return;
  }
}

Result<void> Opener::find_delimiter() {
  const auto separator = csv::read_separator_line(intake_.view());
  if (separator) intake_.drop(separator->size);
  if (options_.header_row >= 2) {
    if (Result<void> skipped = skip_to_header_row(); !skipped.ok()) return skipped;
  }
  skip_blank_lines();
  if (options_.delimiter != 0)
    dialect_.delimiter = options_.delimiter;
  else if (separator)
    dialect_.delimiter = separator->delimiter;
  else
    dialect_.delimiter = csv::detect_delimiter(intake_.view().substr(0, csv::kHeadSize), intake_.at_end(), dialect_.quotes);
  return {};
}

Result<void> Opener::read_header() {
  while (intake_.view().starts_with(csv::kByteOrderMark)) intake_.drop(csv::kByteOrderMark.size());
  dialect_.header_line = intake_.line();
  RuleReader reader;
  reader.delimiter = dialect_.delimiter;
  reader.quotes = dialect_.quotes;
  std::vector<std::size_t> delimiters;
  if (auto error = read_header_record(reader, delimiters)) return *error;

  delimiters.push_back(reader.at);
  std::size_t begin = 0;
  for (const std::size_t end : delimiters) {
    Result<std::string> name = decode_name(intake_.view().substr(begin, end - begin), dialect_.header.size());
    if (!name.ok()) return name.error();
    dialect_.header.push_back(*std::move(name));
    begin = end + 1;
  }
  header_text_ = intake_.view().substr(0, reader.at);
  intake_.drop(reader.at);
  return {};
}

/// Finds the end of the header and the delimiters in it.
std::optional<Error> Opener::read_header_record(RuleReader& reader, std::vector<std::size_t>& delimiters) {
  const std::size_t max_fields = options_.limits.max_fields;
  const auto note = [&](std::size_t position) {
    if (delimiters.size() < max_fields) delimiters.push_back(position);
  };
  while (!reader.read(intake_.data(), intake_.size(), note) && intake_.size() <= max_record_ && !intake_.finished()) {
    intake_.fill(std::min(2 * intake_.size(), max_record_ + 1));
  }
  const bool ended = reader.at < intake_.size() || intake_.at_end();
  const bool one_line = intake_.view().substr(0, reader.at).find_first_of("\r\n") == std::string_view::npos;
  if (reader.at > max_record_ && one_line) {
    return header_error(fmt::format("it is longer than the {} bytes that a record may have", max_record_),
                        "if records are meant to be that long, raise the setting max_record");
  }
  if (reader.at > max_record_ || (ended && reader.is_open())) return open_quote_error(reader);
  if (!ended) return intake_.error();
  if (!one_line && reader.irregular_at != kNowhere) return open_quote_error(reader);
  if (reader.delimiters + 1 > max_fields) {
    return header_error(fmt::format("it has {} fields; {} are allowed", reader.delimiters + 1, max_fields),
                        "if records are meant to be that wide, raise the setting max_fields");
  }
  return std::nullopt;
}

Result<std::string> Opener::decode_name(std::string_view text, std::size_t column) const {
  if (const std::size_t bad = find_invalid_utf8(text); bad < text.size()) {
    const auto offset = intake_.offset() + static_cast<std::uint64_t>(text.data() - intake_.data()) + bad;
    csv::EncodingFault encoding = csv::judge_encoding(text, csv::has_wide_character(dialect_.head), false);
    return header_error(
        fmt::format("byte 0x{:02X} at offset {}, in column {}, is not valid UTF-8{}{}", static_cast<unsigned char>(text[bad]),
                    offset, column + 1, encoding.what.empty() ? "" : "; ", encoding.what),
        std::move(encoding.cure));
  }
  std::string name(text);
  if (text.starts_with('"') && dialect_.quotes == CsvQuotes::rfc4180) {
    name.resize(csv::unquote(text.data(), text.size(), name.data()));
  } else if (text.starts_with('"') && dialect_.quotes == CsvQuotes::backslash) {
    name.resize(csv::unquote_backslashes(text, name.data()));
  }
  return clean_name(name);
}

Error Opener::header_error(std::string_view what, std::string cure) const {
  return {Errc::data, fmt::format("{}: the header (line {}) cannot be read: {}", name_, dialect_.header_line, what),
          std::move(cure)};
}

Error Opener::open_quote_error(const RuleReader& reader) const {
  return header_error(fmt::format("the quote opened in column {} is not closed where the field ends", reader.quote_field + 1),
                      "close the quote; double a quote that is part of a name");
}

}  // namespace

Result<CsvReader> open_csv(std::string name, std::unique_ptr<ByteSource> bytes, const CsvOptions& options) {
  return Opener(std::move(name), std::move(bytes), options).open();
}

}  // namespace crosswalk
