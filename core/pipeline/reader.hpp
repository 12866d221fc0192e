// The reading end: input files, one after the other, as numbered blocks of whole records.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "framing/csv.hpp"
#include "framing/framing.hpp"
#include "pipeline/findings.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

/// One block on its way, and which input it came from.
struct Task {
  Block block;
  std::uint32_t file = 0;
  Framing framing = Framing::json;
  std::shared_ptr<const CsvDialect> dialect;  ///< of a CSV input
};

/// Used by one thread.
class BlockReader {
 public:
  /// `first` is the first input, already open; its head has been looked at.
  BlockReader(const SourceConfig& source, Input first, std::unique_ptr<PeekSource> first_bytes, Cancelled cancelled)
      : source_(source), first_(std::move(first)), first_bytes_(std::move(first_bytes)), cancelled_(std::move(cancelled)) {}

  /// The next block of any input; false at the end of the last. An error is final; what came before it stands.
  Result<bool> next(Task& task);

  [[nodiscard]] const std::vector<std::string>& notes() const { return notes_; }
  /// What was found about the inputs that were read to their end.
  [[nodiscard]] const Findings& findings() const { return findings_; }

 private:
  Result<void> open_next();
  Result<void> start(const Input& input, std::unique_ptr<PeekSource> bytes);
  void end_input();
  bool end();
  [[nodiscard]] Finding finding(const Remark& remark) const;

  const SourceConfig& source_;
  Input first_;
  std::unique_ptr<PeekSource> first_bytes_;
  Cancelled cancelled_;
  std::uint32_t next_file_ = 0;
  std::unique_ptr<Splitter> splitter_;
  Framing framing_ = Framing::json;
  std::shared_ptr<const CsvDialect> dialect_;
  bool header_given_ = false;  ///< a block of the CSV input at hand went out, and with it its header
  std::vector<std::string> notes_;
  Findings findings_;
  bool last_page_ = false;      // of all inputs: one was there
  std::uint64_t elements_ = 0;  // of the pages' lists of records
  std::uint64_t total_ = 0;     // records that a page says there are
  std::optional<std::pair<std::uint32_t, Remark>> total_said_;
  std::optional<std::pair<std::uint32_t, Remark>> more_pages_;  // the first page that says so, and its input
  std::uint64_t pages_with_more_ = 0;
};

}  // namespace crosswalk
