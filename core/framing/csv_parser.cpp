// Marks to records: the second stage of CSV, on the workers.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

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
  std::size_t pass_faults(Run& run, std::size_t position);
  [[nodiscard]] bool repeats_header(const CsvRow& row) const;
  [[nodiscard]] FrameFault fault_at(Run& run, std::size_t begin, std::size_t end) const;
  [[nodiscard]] FrameFault ragged(Run& run, std::size_t begin, std::size_t end, std::size_t fields) const;
  [[nodiscard]] FrameFault bad_utf8(Run& run, std::size_t begin, std::size_t end, std::size_t bad) const;
  [[nodiscard]] std::size_t column_of(const Block& block, std::size_t begin, std::size_t position) const;

  char delimiter_;
  std::uint64_t header_line_;
  std::vector<std::string> header_;
  bool header_has_names_;
  std::size_t columns_;
  std::vector<std::uint64_t> filled_;  ///< bits of the row's cells
  std::vector<Field> fields_;          ///< ids are set once, text for those rows that are wanted whole
  std::vector<std::uint32_t> ends_;    ///< where the fields of the row at hand end, and those behind it in the batch
  std::array<std::uint32_t, kBatch * kWord + csv::kStride> records_;  ///< where records end
  Arena unquoted_;                                                    ///< text of one record
};

CsvParser::CsvParser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids)
    : delimiter_(dialect.delimiter),
      header_line_(dialect.header_line),
      header_(dialect.header),
      header_has_names_(std::any_of(header_.begin(), header_.end(), [](const auto& name) { return !name.empty(); })),
      columns_(header_.size()),
      filled_((columns_ + kWord - 1) / kWord),
      fields_(columns_),
      ends_(columns_ + 2 + kBatch * kWord + csv::kStride),
      records_() {
  for (std::size_t i = 0; i < columns_ && i < ids.size(); ++i) fields_[i].id = ids[i];
}

void CsvParser::parse(const Block& block, RecordHandler& handler) {
  const char* const data = block.data.data();
  Run run{block,
          handler,
          TextLines({data, block.size}, block.line),
          is_valid_utf8(data, block.size),
          CsvRow(data, fields_, filled_, unquoted_),
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
  ends[next] = static_cast<std::uint32_t>(block.size);
  run.row.ends_ = ends;
  finish_record(run, record, block.size, next + extra);
}

std::string_view CsvRow::unquoted(std::string_view raw) const {
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
  const std::string_view raw(run.block.data.data() + begin, end - begin);
  const RecordHandler::Place place{run.block.offset + begin, raw, 0};
  if (!run.all_utf8 && !is_valid_utf8(raw.data(), raw.size())) {
    run.handler.on_fault(bad_utf8(run, begin, end, begin + find_invalid_utf8(raw)));
  } else if (fields != columns_) {
    run.handler.on_fault(ragged(run, begin, end, fields));
  } else if (repeats_header(run.row)) {
    run.handler.on_repeated_header(place);
  } else {
    run.kernel.find_filled(run.row.ends_, columns_, filled_.data());
    run.handler.on_row(run.row, place);
  }
  return pass_faults(run, next);
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
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const auto same = [&](std::size_t column, std::string_view text) { return csv::trimmed(text) == header_[column]; };
  std::string_view first = row.cell(0);
  if (first.starts_with(kByteOrderMark)) first.remove_prefix(kByteOrderMark.size());
  if (!same(0, first) || !header_has_names_) return false;
  for (std::size_t column = 1; column < columns_; ++column) {
    if (!same(column, row.cell(column))) return false;
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
  fault.message = fmt::format("the row has {}, the header (line {}) has {}", count_of(fields), header_line_, header_.size());
  fault.cure = fmt::format(
      "put quotes around a field that contains the delimiter ({}) or a line break, or complete the "
      "row",
      csv::delimiter_name(delimiter_));
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
  fault.cure = "save the file as UTF-8, or convert it: iconv -f WINDOWS-1252 -t UTF-8";
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
