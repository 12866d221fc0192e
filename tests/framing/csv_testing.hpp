// Runs CSV framing over bytes in memory and keeps what came out, for tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "framing/csv.hpp"
#include "framing/csv_inside.hpp"
#include "framing/csv_kernels.hpp"
#include "framing/lines.hpp"

namespace crosswalk::testing {

/// Bytes in memory, handed out in chunks of a given size (0: all at once), and after them the end or an error.
class ChunkSource final : public ByteSource {
 public:
  explicit ChunkSource(std::string_view bytes, std::size_t chunk = 0, bool fails = false)
      : bytes_(bytes), chunk_(chunk == 0 ? bytes.size() : chunk), fails_(fails) {}

  Result<std::size_t> read(char* to, std::size_t size) override {
    const std::size_t count = std::min({size, chunk_, bytes_.size()});
    if (count == 0 && fails_) return Error{Errc::io, "the disk is on fire", ""};
    std::memcpy(to, bytes_.data(), count);
    bytes_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view bytes_;
  std::size_t chunk_;
  bool fails_;
};

/// One call of a RecordHandler, with everything borrowed copied.
struct CsvEvent {
  enum class Kind : std::uint8_t { record, fault, repeated_header, blank_row, unusual };
  Kind kind = Kind::record;
  std::uint64_t offset = 0;
  std::uint64_t line = 0;
  std::uint64_t size = 0;
  std::string text;                               ///< the record's bytes; a fault's, as far as kept
  std::vector<std::string> fields;                ///< of a record
  std::string code, field, found, message, cure;  ///< of what is unusual: code alone

  bool operator==(const CsvEvent&) const = default;
};

struct CsvRun {
  std::string error;  ///< of opening or reading, with its cure
  CsvDialect dialect;
  std::vector<CsvEvent> events;
  std::uint32_t irregular = 0;             ///< rows that are not RFC 4180
  std::vector<std::uint64_t> inner_lines;  ///< offsets of line ends inside quotes, one of each row that has some
  std::uint64_t first_irregular = 0;       ///< offset of the first such row
  std::size_t rows_inside = 0;             ///< rows with a field that holds rows
  std::size_t largest_block = 0;           ///< bytes

  [[nodiscard]] std::vector<std::vector<std::string>> rows() const {
    std::vector<std::vector<std::string>> rows;
    for (const CsvEvent& event : events) {
      if (event.kind == CsvEvent::Kind::record) rows.push_back(event.fields);
    }
    return rows;
  }
  [[nodiscard]] std::vector<CsvEvent> faults() const {
    std::vector<CsvEvent> faults;
    for (const CsvEvent& event : events) {
      if (event.kind == CsvEvent::Kind::fault) faults.push_back(event);
    }
    return faults;
  }
  bool operator==(const CsvRun& other) const {
    return error == other.error && dialect.delimiter == other.dialect.delimiter && dialect.header == other.dialect.header &&
           dialect.header_line == other.dialect.header_line && events == other.events && irregular == other.irregular &&
           inner_lines == other.inner_lines && first_irregular == other.first_irregular;
  }
};

/// Records the events of one block.
class CsvRecorder final : public RecordHandler {
 public:
  CsvRecorder(CsvRun& run, const Block& block) : run_(run), block_(block), lines_({block.data.data(), block.size}, block.line) {}

  void on_record(const Record& record, const Place& place) override {
    CsvEvent event = at(CsvEvent::Kind::record, place);
    for (const Field& field : record) event.fields.emplace_back(field.view());
    run_.events.push_back(std::move(event));
  }
  void on_fault(const FrameFault& fault) override {
    run_.events.push_back({CsvEvent::Kind::fault,
                           fault.offset,
                           fault.line,
                           fault.size,
                           std::string(fault.text),
                           {},
                           fault.code,
                           fault.field,
                           fault.found,
                           fault.message,
                           fault.cure});
  }
  void on_repeated_header(const Place& place) override { run_.events.push_back(at(CsvEvent::Kind::repeated_header, place)); }
  void on_blank_row(const Place& place) override { run_.events.push_back(at(CsvEvent::Kind::blank_row, place)); }
  void on_unusual_row(Unusual what, const Place& place) override {
    static constexpr const char* kNames[] = {"byte_order_mark", "short_row", "last_unended", "end_mark", "end_mark_before"};
    CsvEvent event = at(CsvEvent::Kind::unusual, place);
    event.code = kNames[static_cast<std::size_t>(what)];
    run_.events.push_back(std::move(event));
  }

 private:
  [[nodiscard]] CsvEvent at(CsvEvent::Kind kind, const Place& place) {
    CsvEvent event;
    event.kind = kind;
    event.offset = place.offset;
    event.line = lines_.at(static_cast<std::size_t>(place.offset - block_.offset));
    event.size = place.raw.size();
    event.text = place.raw;
    return event;
  }

  CsvRun& run_;
  const Block& block_;
  TextLines lines_;
};

struct CsvSetup {
  std::size_t target = std::size_t{1} << 20;
  std::size_t chunk = 0;
  CsvOptions options;
  bool source_fails = false;  ///< at the end of the bytes
};

inline CsvRun run_csv(std::string_view bytes, const CsvSetup& setup = {}) {
  CsvRun run;
  auto source = std::make_unique<ChunkSource>(bytes, setup.chunk, setup.source_fails);
  Result<CsvReader> opened = open_csv("in.csv", std::move(source), setup.options);
  if (!opened.ok()) {
    run.error = opened.error().text();
    return run;
  }
  run.dialect = opened->dialect;
  std::vector<std::uint16_t> ids;
  for (std::size_t i = 0; i < run.dialect.header.size(); ++i) ids.push_back(static_cast<std::uint16_t>(i));
  const auto parser = make_csv_parser(run.dialect, ids, setup.options.limits);

  Block block;
  for (;;) {
    const Result<bool> more = opened->splitter->next(block, setup.target);
    if (!more.ok()) run.error = more.error().text();
    if (!more.ok() || !*more) return run;
    run.largest_block = std::max(run.largest_block, block.data.size());
    if (run.irregular == 0 && block.unusual.irregular != 0) run.first_irregular = block.offset + block.unusual.first_irregular;
    run.irregular += block.unusual.irregular;
    for (const std::uint32_t inner : block.unusual.inner_lines) {
      run.inner_lines.push_back(block.offset + inner);
      run.rows_inside += find_rows_inside(block, inner, run.dialect, std::nullopt) ? 1U : 0U;
    }
    CsvRecorder recorder(run, block);
    parser->parse(block, recorder);
  }
}

}  // namespace crosswalk::testing
