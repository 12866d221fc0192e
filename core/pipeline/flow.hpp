// A source on its way: made ready, then read, framed and understood by any number of threads, taken up in order.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "crosswalk/translate.hpp"
#include "io/input.hpp"
#include "normalize/normalizer.hpp"
#include "pipeline/reader.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

/// A source whose first input is open and whose adapter is chosen.
struct PreparedSource {
  std::unique_ptr<SourceConfig> config;
  Input first;
  std::unique_ptr<PeekSource> first_bytes;
  std::uint64_t total_bytes = 0;   ///< 0: unknown
  std::vector<std::string> notes;  ///< what was seen on the way
  /// Set when nobody wants the bytes any more: a wait for a silent pipe ends then, whatever thread it is in.
  std::shared_ptr<std::atomic<bool>> unwanted = std::make_shared<std::atomic<bool>>(false);
};
/// Opens the first input, chooses and loads the adapter, checks the settings. Reads no more than a head.
[[nodiscard]] Result<PreparedSource> prepare_source(const TranslateOptions& options, AdapterCatalog& catalog,
                                                    const Cancelled& cancelled);

/// Everything that keeps a source from being prepared, and can be told without reading it; perhaps nothing.
[[nodiscard]] std::vector<Error> problems_of(const TranslateOptions& options, AdapterCatalog& catalog);

/// What the adapter has against its settings and, where the first input is a file of CSV, against its header.
[[nodiscard]] Result<void> check_start(PreparedSource& source);

/// What is known of the source beforehand.
void describe(const SourceConfig& source, bool evidence, Summary& summary);

class SourceFlow {
 public:
  ~SourceFlow();
  /// Looks at the times, where that is needed, and opens a translator for each of `jobs` threads. The config is the
  /// caller's, and must outlive the flow; `source` has none any more.
  static Result<std::unique_ptr<SourceFlow>> open(SourceConfig& config, PreparedSource source, bool evidence, unsigned jobs,
                                                  const Cancelled& cancelled);

  /// Reads it all. `take` gets the batches in input order, on the calling thread; its error ends the flow. An input that
  /// breaks off is an error too, after everything before it was taken.
  Result<void> run(const std::function<Result<void>(Batch&)>& take);

  /// The workers' counts, once everything that was read was also taken.
  void account(Summary& summary) const;
  /// What was found about the inputs as such, as far as they were read.
  void enter_notes(Summary& summary) const;
  [[nodiscard]] std::uint64_t total_bytes() const { return total_bytes_; }

 private:
  class Worker;
  SourceFlow();

  const SourceConfig* config_ = nullptr;
  std::shared_ptr<std::atomic<bool>> unwanted_;
  std::unique_ptr<BlockReader> reader_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::string> notes_;
  std::uint64_t total_bytes_ = 0;
};

/// Threads for `asked` of them; 0: one per processor.
[[nodiscard]] unsigned job_count(unsigned asked);
/// Peak resident memory of the process, bytes.
[[nodiscard]] std::uint64_t peak_memory();

}  // namespace crosswalk
