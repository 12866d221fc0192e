// Marks to records: the second stage of CSV, on the workers.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "characters.hpp"
#include "framing/csv.hpp"
#include "framing/csv_head.hpp"
#include "framing/csv_kernels.hpp"
#include "framing/csv_rule.hpp"
#include "framing/lines.hpp"
#include "framing/utf8.hpp"

namespace crosswalk {
namespace {

using csv::kWord;

constexpr std::size_t kFaultText = std::size_t{16} << 10;  ///< how much of a record its fault carries

constexpr char kEndMark = 0x1A;  ///< Ctrl-Z

constexpr std::size_t kBatch = 64;  ///< words whose ends are found at a time: 4 KiB of input

std::string count_of(std::size_t fields) { return fmt::format("{} field{}", fields, fields == 1 ? "" : "s"); }

}  // namespace

class CsvParser final : public BlockParser {
 public:
  CsvParser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids);

  void parse(const Block& block, RecordHandler& handler) override;

 private:
  /// What parsing one block needs besides the hot variables.
  struct Run {
    const Block& block;
    RecordHandler& handler;
    TextLines lines;
    bool all_utf8;
    CsvRow row;
    const csv::Kernel& kernel;
    std::size_t next_fault = 0;
  };

  std::size_t finish_record(Run& run, std::size_t begin, std::size_t end, std::size_t fields);
  bool pass_filler(Run& run, std::size_t& begin, std::size_t end);
  void finish_odd(Run& run, std::size_t begin, std::size_t end, std::size_t fields, const RecordHandler::Place& place);
  void finish_short(Run& run, std::size_t end, std::size_t fields, const RecordHandler::Place& place);
  [[nodiscard]] bool has_empty_fields(const CsvRow& row) const;
  std::size_t pass_faults(Run& run, std::size_t position);
  [[nodiscard]] bool repeats_header(const CsvRow& row) const;
  [[nodiscard]] FrameFault fault_at(Run& run, std::size_t begin, std::size_t end) const;
  [[nodiscard]] FrameFault ragged(Run& run, std::size_t begin, std::size_t end, std::size_t fields) const;
  [[nodiscard]] FrameFault bad_utf8(Run& run, std::size_t begin, std::size_t end, std::size_t bad) const;
  [[nodiscard]] std::size_t column_of(const Block& block, std::size_t begin, std::size_t position) const;

  char delimiter_;
  CsvQuotes quotes_;
  std::uint64_t header_line_;
  std::vector<std::string> header_;
  bool header_has_names_;
  std::size_t named_;    ///< columns of the header
  std::size_t columns_;  ///< fields of a row: those, and such as are always empty
  std::size_t nameless_names_;
  bool short_rows_;
  bool has_settings_;
  bool has_utf8_;
  std::array<bool, 256> may_be_filler_{};  ///< a row, by its first byte
  std::vector<std::uint64_t> filled_;      ///< bits of the row's cells
  std::vector<Field> fields_;              ///< ids are set once, text for those rows that are wanted whole
  std::vector<std::uint32_t> ends_;        ///< where the fields of the row at hand end, and those behind it in the batch
  std::array<std::uint32_t, kBatch * kWord + csv::kStride> records_;  ///< where records end
  Arena unquoted_;                                                    ///< text of one record
  std::string completed_;                                             ///< a short row, with what it lacks
  std::vector<std::uint32_t> completed_ends_;
};

CsvParser::CsvParser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids)
    : delimiter_(dialect.delimiter),
      quotes_(dialect.quotes),
      header_line_(dialect.header_line),
      header_(dialect.header),
      header_has_names_(std::any_of(header_.begin(), header_.end(), [](const auto& name) { return !name.empty(); })),
      named_(header_.size()),
      columns_(named_ + dialect.empty_fields),
      nameless_names_(dialect.nameless_names),
      short_rows_(dialect.short_rows),
      has_settings_(dialect.has_settings),
      has_utf8_(dialect.has_utf8),
      filled_((named_ + kWord - 1) / kWord),
      fields_(named_),
      ends_(columns_ + 2 + kBatch * kWord + csv::kStride),
      records_() {
  for (std::size_t i = 0; i < named_ && i < ids.size(); ++i) fields_[i].id = ids[i];
  // What is_blank_row() takes for filler, by its first byte: of wide characters, those that may be blanks or invisible.
  for (unsigned byte = 0; byte <= ' '; ++byte) may_be_filler_[byte] = true;
  for (const unsigned byte : {0x22U, 0xC2U, 0xCDU, 0xD8U, 0xE1U, 0xE2U, 0xE3U, 0xEFU, 0xF3U}) may_be_filler_[byte] = true;
  may_be_filler_[static_cast<unsigned char>(delimiter_)] = true;
}

void CsvParser::parse(const Block& block, RecordHandler& handler) {
  const char* const data = block.data.data();
  Run run{block,
          handler,
          TextLines({data, block.size}, block.line),
          is_valid_utf8(data, block.size),
          CsvRow(data, fields_, filled_, unquoted_, quotes_),
          csv::kernel()};
  std::uint32_t* const ends = ends_.data();
  const std::size_t words = (block.size + kWord - 1) / kWord;

  std::size_t record = pass_faults(run, 0);
  // The row at hand, at the front of `ends`: what stands before its first byte, and its fields' ends behind that.
  ends[0] = static_cast<std::uint32_t>(record) - 1;
  std::size_t next = 1;   // behind the last one that was found
  std::size_t extra = 0;  // fields of the row that are not kept: it has too many
  for (std::size_t word = record / kWord; word < words; word += kBatch) {
    const std::size_t batch = std::min(kBatch, words - word);
    const auto base = static_cast<std::uint32_t>(word * kWord);
    next += run.kernel.find_ones(block.ends.fields.data() + word, batch, base, ends + next);
    const std::size_t records = run.kernel.find_ones(block.ends.records.data() + word, batch, base, records_.data());
    std::size_t row = 0;
    for (std::size_t i = 0; i < records; ++i) {
      const std::uint32_t end = records_[i];
      std::size_t last = row + columns_;
      if (last >= next || ends[last] != end) [[unlikely]] {
        last = static_cast<std::size_t>(std::lower_bound(ends + row + 1, ends + next, end) - ends);
      }
      run.row.ends_ = ends + row;
      record = finish_record(run, record, end, last - row + extra);
      row = last;
      extra = 0;
      ends[row] = static_cast<std::uint32_t>(record) - 1;
    }
    const std::size_t kept = std::min(next - row, columns_ + 2);  // enough to tell that there are too many
    extra += next - row - kept;
    std::memmove(ends, ends + row, kept * sizeof *ends);
    next = kept;
  }
  if (record >= block.size) return;
  // The input ends without a line end.
  const std::string_view last(data + record, block.size - record);
  std::size_t end = block.size;
  if (!csv::is_blank_row(last, delimiter_)) {
    while (data[end - 1] == kEndMark) --end;
    const bool marked = end != block.size;
    handler.on_unusual_row(marked ? RecordHandler::Unusual::end_mark : RecordHandler::Unusual::last_unended,
                           {block.offset + record, last.substr(0, end - record), 0});
  }
  ends[next] = static_cast<std::uint32_t>(end);
  run.row.ends_ = ends;
  finish_record(run, record, end, next + extra);
}

std::string_view CsvRow::unquoted(std::string_view raw) const {
  if (quotes_ == CsvQuotes::none) return raw;
  if (quotes_ == CsvQuotes::backslash) {
    char* const to = unquoted_->allocate(raw.size());
    return {to, csv::unquote_backslashes(raw, to)};
  }
  if (raw.size() >= 2 && raw.back() == '"') {
    const std::string_view inner = raw.substr(1, raw.size() - 2);
    if (inner.find('"') == std::string_view::npos) return inner;
  }
  char* const to = unquoted_->allocate(raw.size());
  return {to, csv::unquote(raw.data(), raw.size(), to)};
}

Record CsvRow::record() const {
  Field* to = fields_->data();
  for (std::size_t column = 0; column < count_; ++column, ++to) {
    const std::string_view text = cell(column);
    to->text = text.data();
    to->size = static_cast<std::uint32_t>(text.size());
  }
  return {fields_->data(), count_};
}

void RecordHandler::on_row(const CsvRow& row, const Place& place) { on_record(row.record(), place); }

/// Hands over the record [begin, end), which has so many fields. Returns where the next one begins.
std::size_t CsvParser::finish_record(Run& run, std::size_t begin, std::size_t end, std::size_t fields) {
  const std::size_t next = end + 1;
  if (begin == end) return pass_faults(run, next);  // a blank line, or the LF of a CRLF

  if (unquoted_.held() != 0) unquoted_.clear();
  if (may_be_filler_[static_cast<unsigned char>(run.block.data[begin])] && pass_filler(run, begin, end)) {
    return pass_faults(run, next);
  }
  const std::string_view raw(run.block.data.data() + begin, end - begin);
  const RecordHandler::Place place{run.block.offset + begin, raw, 0};
  if (!run.all_utf8 && !is_valid_utf8(raw.data(), raw.size())) {
    run.handler.on_fault(bad_utf8(run, begin, end, begin + find_invalid_utf8(raw)));
  } else if (fields != columns_ || (columns_ != named_ && !has_empty_fields(run.row))) {
    finish_odd(run, begin, end, fields, place);
  } else if (repeats_header(run.row)) {
    run.handler.on_repeated_header(place);
  } else {
    run.kernel.find_filled(run.row.ends_, named_, filled_.data());
    run.handler.on_row(run.row, place);
  }
  return pass_faults(run, next);
}

/// True of a row that holds nothing. Of another, `begin` is behind the marks of files that were put together then.
bool CsvParser::pass_filler(Run& run, std::size_t& begin, std::size_t end) {
  const std::string_view row(run.block.data.data() + begin, end - begin);
  RecordHandler::Place place{run.block.offset + begin, row, 0};
  const bool one_quoted_field = columns_ == 1 && row.find('"') != std::string_view::npos;  // an empty one is one
  if (!one_quoted_field && csv::is_blank_row(row, delimiter_)) {
    run.handler.on_blank_row(place);
    return true;
  }
  std::string_view rest = row;
  bool end_mark = false, byte_order_mark = false;
  for (;;) {
    const bool old = rest.front() == kEndMark;
    if (!old && !rest.starts_with(csv::kByteOrderMark)) break;
    (old ? end_mark : byte_order_mark) = true;
    rest.remove_prefix(old ? 1 : csv::kByteOrderMark.size());
  }
  if (rest.size() == row.size()) return false;
  place.raw = row.substr(0, row.size() - rest.size());
  if (end_mark) run.handler.on_unusual_row(RecordHandler::Unusual::end_mark_before, place);
  if (byte_order_mark) run.handler.on_unusual_row(RecordHandler::Unusual::byte_order_mark, place);
  begin = end - rest.size();
  // The ends of the row at hand are ours.
  ends_[static_cast<std::size_t>(run.row.ends_ - ends_.data())] = static_cast<std::uint32_t>(begin) - 1;
  return false;
}

bool CsvParser::has_empty_fields(const CsvRow& row) const {
  for (std::size_t column = named_; column < columns_; ++column) {
    if (!csv::is_empty_field(row.raw(column), quotes_)) return false;
  }
  return true;
}

/// A row with another number of fields than rows have: a header again, a row that lacks its last fields, or a reject.
void CsvParser::finish_odd(Run& run, std::size_t begin, std::size_t end, std::size_t fields, const RecordHandler::Place& place) {
  const bool as_header = fields == named_ || (fields == named_ + nameless_names_);
  if (as_header && repeats_header(run.row)) {
    run.handler.on_repeated_header(place);
  } else if (short_rows_ && fields < columns_) {
    finish_short(run, end, fields, place);
  } else {
    run.handler.on_fault(ragged(run, begin, end, fields));
  }
}

/// Copies the row with a delimiter for each field that it lacks: what reads cells looks at the byte behind them.
void CsvParser::finish_short(Run& run, std::size_t end, std::size_t fields, const RecordHandler::Place& place) {
  const std::uint32_t begin = run.row.ends_[0] + 1;
  completed_.assign(run.block.data.data() + begin, end - begin);
  completed_ends_.clear();
  for (std::size_t i = 0; i <= fields; ++i) completed_ends_.push_back(run.row.ends_[i] - begin);
  while (completed_ends_.size() <= columns_) {
    completed_ += delimiter_;
    completed_ends_.push_back(static_cast<std::uint32_t>(completed_.size()));
  }
  completed_ends_.resize(completed_ends_.size() + csv::kStride);
  completed_ += '\n';
  completed_.resize(completed_.size() + kSlack);
  CsvRow row(completed_.data(), fields_, filled_, unquoted_, quotes_);
  row.ends_ = completed_ends_.data();
  run.kernel.find_filled(row.ends_, named_, filled_.data());
  run.handler.on_unusual_row(RecordHandler::Unusual::short_row, place);
  run.handler.on_row(row, place);
}

/// Reports the splitter's faults that begin at `position`; returns where parsing goes on.
std::size_t CsvParser::pass_faults(Run& run, std::size_t position) {
  while (run.next_fault < run.block.faults.size()) {
    const Block::Fault& found = run.block.faults[run.next_fault];
    if (found.span.begin != position) break;
    ++run.next_fault;
    FrameFault fault = fault_at(run, position, position + found.span.size);
    fault.size = found.size;
    fault.code = found.code;
    fault.found = found.found;
    fault.message = found.message;
    fault.cure = found.cure;
    run.handler.on_fault(fault);
    position += found.span.size;
  }
  return position;
}

/// Files that were glued together bring their header along, and some a byte order mark before it.
bool CsvParser::repeats_header(const CsvRow& row) const {
  if (row.raw(0).size() < header_.front().size()) return false;  // mostly
  // The first cell is looked at in every row: mostly its first letter tells.
  const std::string_view first = row.cell(0), name = header_.front();
  const bool plain = !first.empty() && first.front() > ' ';
  if (plain && (name.empty() || first.front() != name.front())) return false;
  if (!header_has_names_) return false;
  const auto same = [&](std::size_t column) {
    const std::string_view text = row.cell(column);
    return text == header_[column] || clean_name(text) == header_[column];
  };
  for (std::size_t column = 0; column < named_; ++column) {
    if (!same(column)) return false;
  }
  return true;
}

FrameFault CsvParser::fault_at(Run& run, std::size_t begin, std::size_t end) const {
  FrameFault fault;
  fault.offset = run.block.offset + begin;
  fault.line = run.lines.at(begin);
  fault.size = end - begin;
  fault.text = std::string_view(run.block.data.data() + begin, std::min(end - begin, kFaultText));
  return fault;
}

FrameFault CsvParser::ragged(Run& run, std::size_t begin, std::size_t end, std::size_t fields) const {
  FrameFault fault = fault_at(run, begin, end);
  fault.code = "ragged_row";
  fault.found = count_of(fields);
  fault.message = fmt::format("the row has {}, the header (line {}) has {}", count_of(fields), header_line_, named_);
  if (columns_ != named_) {
    fault.message += fmt::format("; behind those every other row has {}, empty", count_of(columns_ - named_));
  }
  fault.cure = fmt::format(
      "put quotes around a field that contains the delimiter ({}) or a line break, or complete the "
      "row",
      csv::delimiter_name(delimiter_));
  if (!has_settings_) return fault;
  const bool backslash = quotes_ == CsvQuotes::rfc4180 && fault.text.find("\\\"") != std::string_view::npos;
  if (backslash) fault.cure += csv::kBackslashHint;
  const std::string_view row(run.block.data.data() + begin, end - begin);
  const bool one_line = row.find_first_of("\r\n") == std::string_view::npos;  // else more than the last fields may be amiss
  if (!backslash && one_line && fields > 1 && fields < columns_) {
    fault.cure += "; where rows lack their empty last fields, --set short_rows=accept";
  }
  return fault;
}

FrameFault CsvParser::bad_utf8(Run& run, std::size_t begin, std::size_t end, std::size_t bad) const {
  const std::size_t column = column_of(run.block, begin, bad);
  const auto byte = static_cast<unsigned char>(run.block.data[bad]);
  FrameFault fault = fault_at(run, begin, end);
  fault.code = "invalid_utf8";
  if (column < header_.size()) fault.field = header_[column];
  fault.found = fmt::format("byte 0x{:02X}", byte);
  fault.message = fmt::format("byte 0x{:02X} at offset {} of the input, in column {}, is not valid UTF-8", byte,
                              run.block.offset + bad, column + 1);
  const bool ends_input = end >= run.block.size;  // every other block ends with a line end
  csv::EncodingFault encoding = csv::judge_encoding({run.block.data.data() + begin, end - begin}, has_utf8_, ends_input);
  if (!encoding.what.empty()) fault.message += "; " + encoding.what;
  fault.cure = std::move(encoding.cure);
  return fault;
}

/// Index of the field of the record at `begin` that holds `position`: as many marks stand in between.
std::size_t CsvParser::column_of(const Block& block, std::size_t begin, std::size_t position) const {
  std::size_t column = 0;
  for (std::size_t i = begin; i < position; ++i) column += block.ends.fields[i / kWord] >> i % kWord & 1;
  return column;
}

std::unique_ptr<BlockParser> make_csv_parser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids,
                                             const Limits& /*limits*/) {
  return std::make_unique<CsvParser>(dialect, ids);
}

}  // namespace crosswalk
