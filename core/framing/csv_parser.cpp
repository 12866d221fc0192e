// Marks to records: the second stage of CSV, on the workers.

#include <fmt/format.h>

#include <algorithm>
#include <bit>
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

std::string count_of(std::size_t fields) { return fmt::format("{} field{}", fields, fields == 1 ? "" : "s"); }

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
    std::size_t next_fault = 0;
  };

  void set_field(Field& field, const char* begin, const char* end);
  void unquote(Field& field);
  std::size_t finish_record(Run& run, std::size_t begin, std::size_t end, std::size_t fields);
  std::size_t pass_faults(Run& run, std::size_t position);
  [[nodiscard]] bool repeats_header() const;
  [[nodiscard]] FrameFault fault_at(Run& run, std::size_t begin, std::size_t end) const;
  [[nodiscard]] FrameFault ragged(Run& run, std::size_t begin, std::size_t end, std::size_t fields) const;
  [[nodiscard]] FrameFault bad_utf8(Run& run, std::size_t begin, std::size_t end, std::size_t bad) const;
  [[nodiscard]] std::size_t column_of(const Block& block, std::size_t begin, std::size_t position) const;

  char delimiter_;
  std::uint64_t header_line_;
  std::vector<std::string> header_;
  bool header_has_names_;
  std::size_t columns_;
  std::vector<Field> fields_;  ///< ids are set once, text for each record; behind the columns' one that takes what is too many
  std::vector<char> arena_;    ///< unquoted text of one record; at least as large as the block, so it never moves
  std::size_t arena_used_ = 0;
  std::size_t arena_needed_ = 0;
};

CsvParser::CsvParser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids)
    : delimiter_(dialect.delimiter),
      header_line_(dialect.header_line),
      header_(dialect.header),
      header_has_names_(std::any_of(header_.begin(), header_.end(), [](const auto& name) { return !name.empty(); })),
      columns_(header_.size()),
      fields_(columns_ + 1) {
  for (std::size_t i = 0; i < columns_ && i < ids.size(); ++i) fields_[i].id = ids[i];
}

void CsvParser::parse(const Block& block, RecordHandler& handler) {
  Run run{block, handler, TextLines({block.data.data(), block.size}, block.line), is_valid_utf8(block.data.data(), block.size)};
  arena_needed_ = block.size;
  const char* const data = block.data.data();
  Field* const first = fields_.data();
  Field* const beyond = first + columns_;
  const char delimiter = delimiter_;

  std::size_t record = pass_faults(run, 0);
  const char* begin = data + record;
  Field* field = first;
  std::size_t extra = 0;  // fields beyond the header's
  for (std::size_t word = record / kWord; word * kWord < block.size; ++word) {
    const char* const base = data + word * kWord;
    for (std::uint64_t marks = block.marks[word]; marks != 0; marks &= marks - 1) {  // none beyond the block
      const char* const end = base + std::countr_zero(marks);
      set_field(*field, begin, end);
      begin = end + 1;
      if (field != beyond) [[likely]] {
        ++field;
      } else {
        ++extra;
      }
      if (*end == delimiter) continue;
      const auto count = static_cast<std::size_t>(field - first) + extra;
      record = finish_record(run, record, static_cast<std::size_t>(end - data), count);
      begin = data + record;
      field = first;
      extra = 0;
    }
  }
  if (record >= block.size) return;
  // The input ends without a line end.
  set_field(*field, begin, data + block.size);
  finish_record(run, record, block.size, static_cast<std::size_t>(field - first) + extra + 1);
}

inline void CsvParser::set_field(Field& field, const char* begin, const char* end) {
  field.text = begin;
  field.size = static_cast<std::uint32_t>(end - begin);
  if (*begin == '"' && begin != end) unquote(field);
}

void CsvParser::unquote(Field& field) {
  const std::size_t inner = field.size < 2 ? 0 : field.size - 2;
  const bool plain = field.size >= 2 && field.text[field.size - 1] == '"' && std::memchr(field.text + 1, '"', inner) == nullptr;
  if (plain) {
    ++field.text;
    field.size -= 2;
    return;
  }
  if (arena_.size() < arena_needed_) arena_.resize(arena_needed_);
  char* const to = arena_.data() + arena_used_;
  const std::size_t size = csv::unquote(field.text, field.size, to);
  field.text = to;
  field.size = static_cast<std::uint32_t>(size);
  arena_used_ += size;
}

/// Hands over the record [begin, end), whose first fields stand in fields_. Returns where the next one begins.
std::size_t CsvParser::finish_record(Run& run, std::size_t begin, std::size_t end, std::size_t fields) {
  const std::size_t next = end + 1;
  arena_used_ = 0;
  if (begin == end) return pass_faults(run, next);  // a blank line, or the LF of a CRLF

  const std::string_view raw(run.block.data.data() + begin, end - begin);
  const RecordHandler::Place place{run.block.offset + begin, raw, 0};
  if (!run.all_utf8 && !is_valid_utf8(raw.data(), raw.size())) {
    run.handler.on_fault(bad_utf8(run, begin, end, begin + find_invalid_utf8(raw)));
  } else if (fields != columns_) {
    run.handler.on_fault(ragged(run, begin, end, fields));
  } else if (repeats_header()) {
    run.handler.on_repeated_header(place);
  } else {
    run.handler.on_record({fields_.data(), columns_}, place);
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
bool CsvParser::repeats_header() const {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  const auto same = [&](std::size_t column, std::string_view text) { return csv::trimmed(text) == header_[column]; };
  std::string_view first = fields_[0].view();
  if (first.starts_with(kByteOrderMark)) first.remove_prefix(kByteOrderMark.size());
  if (!same(0, first) || !header_has_names_) return false;
  for (std::size_t column = 1; column < header_.size(); ++column) {
    if (!same(column, fields_[column].view())) return false;
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
  for (std::size_t i = begin; i < position; ++i) column += block.marks[i / kWord] >> i % kWord & 1;
  return column;
}

}  // namespace

std::unique_ptr<BlockParser> make_csv_parser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids,
                                             const Limits& /*limits*/) {
  return std::make_unique<CsvParser>(dialect, ids);
}

}  // namespace crosswalk
