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
//   - stray_quote: the record goes on over more lines, there are quotes in it where RFC 4180 has none (in the text of an
//     unquoted field, or before text that follows a closing quote), and its number of fields is not the header's;
//   - record_too_large: this line alone is longer than max_record bytes.
//   Lengths do not count the line end. A record of one line is never re-read: its number of fields decides (ragged_row).
//   Over several lines a record whose quotes are all in order is taken as it is; with a wrong number of fields it is a
//   ragged_row as a whole.
//
// The header
//   The first record, after a line `sep=;` if there is one. A header that would be refused by these rules is an error.
//
// None of this depends on how the input is cut into blocks.

#include "framing/csv.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

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
  CsvSplitter(const CsvDialect& dialect, std::size_t max_record, Intake intake)
      : header_(dialect.header),
        header_line_(dialect.header_line),
        max_record_(max_record),
        framer_(dialect.delimiter, dialect.header.size(), max_record),
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
  csv::Framer framer_;
  Intake intake_;
  std::vector<RefusedLine> refused_;
};

Result<bool> CsvSplitter::next(Block& block, std::size_t target) {
  target = std::clamp(target, std::size_t{1}, kLargest);
  block.offset = intake_.offset();
  block.line = intake_.line();
  block.spans.clear();
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
  return framer_.frame({intake_.data(), intake_.size(), intake_.at_end()}, target, block.ends, refused_);
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
  switch (line.why) {
    case RefusedLine::Why::open_at_end: fault.message = quote + " is not closed before the end of the input"; break;
    case RefusedLine::Why::open_past_limit:
      fault.message = fmt::format("{} makes the record longer than the {} bytes that a record may have", quote, max_record_);
      fault.cure += "; if records are meant to be that long, raise the setting max_record";
      break;
    case RefusedLine::Why::stray_quote:
      fault.code = "stray_quote";
      fault.found = fmt::format("{} over several lines", count_of(line.fields));
      fault.message = fmt::format("{} runs on into the next line; the row would have {}, the header (line {}) has {}", quote,
                                  count_of(line.fields), header_line_, header_.size());
      fault.cure = "double a quote that is part of the text, and put the whole field in quotes";
      break;
  }
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
  void find_delimiter();
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

  skip_blank_lines();
  find_delimiter();
  if (intake_.size() != 0) {
    if (Result<void> read = read_header(); !read.ok()) return read.error();
  }
  auto splitter = std::make_unique<CsvSplitter>(dialect_, max_record_, std::move(intake_));
  return CsvReader{std::move(dialect_), std::move(splitter)};
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

void Opener::find_delimiter() {
  const auto separator = csv::read_separator_line(intake_.view());
  if (separator) {
    intake_.drop(separator->size);
    skip_blank_lines();
  }
  if (options_.delimiter != 0)
    dialect_.delimiter = options_.delimiter;
  else if (separator)
    dialect_.delimiter = separator->delimiter;
  else
    dialect_.delimiter = csv::detect_delimiter(intake_.view().substr(0, csv::kHeadSize), intake_.at_end());
}

Result<void> Opener::read_header() {
  dialect_.header_line = intake_.line();
  RuleReader reader;
  reader.delimiter = dialect_.delimiter;
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
  if (reader.at > max_record_ || (ended && reader.state == RuleReader::State::quoted)) return open_quote_error(reader);
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
    return header_error(fmt::format("byte 0x{:02X} at offset {}, in column {}, is not valid UTF-8",
                                    static_cast<unsigned char>(text[bad]), offset, column + 1),
                        "save the file as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8");
  }
  std::string name(text);
  if (text.starts_with('"')) name.resize(csv::unquote(text.data(), text.size(), name.data()));
  return std::string(csv::trimmed(name));
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
