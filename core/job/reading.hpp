// A job's sources, made ready and read into the merge: what running a job and explaining it share.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "crosswalk/job.hpp"
#include "job/problems.hpp"
#include "merge/merger.hpp"
#include "pipeline/flow.hpp"

namespace crosswalk {

class JobReading {
 public:
  struct Wants {
    bool rejects = false, ledger = false;
  };
  JobReading(const Job& job, AdapterCatalog& catalog, const JobHooks& hooks, unsigned jobs, Wants wants)
      : job_(job), catalog_(catalog), hooks_(hooks), jobs_(jobs), wants_(wants) {}

  /// Opens the sources and checks what the job says of them. Reads no more than their heads.
  Result<void> prepare();
  /// After prepare().
  [[nodiscard]] std::unique_ptr<Merger> merger() const;
  /// What the id tables knew of what was read so far.
  [[nodiscard]] std::vector<IdAccounts> id_accounts() const;
  [[nodiscard]] const std::vector<std::unique_ptr<SourceConfig>>& configs() const { return configs_; }

  /// Reads source `i`. `rejects` gets reject lines. The summary is filled but for what the books say.
  Result<void> read(std::size_t i, Merger& merger, Books& books, Summary& summary,
                    const std::function<Result<void>(std::string_view)>& rejects);

 private:
  /// How many ids of one source the tables knew and did not know, by kind.
  struct IdCounts {
    std::array<std::uint64_t, kIdKinds> known{}, unknown{};
  };
  void count_ids(std::size_t source, const Batch& batch, IdCounts& counts);
  void find_missing_rows(std::size_t source, const IdCounts& counts, Summary& summary) const;
  void find_repeated_inputs();
  void check_links(std::vector<JobProblem>& problems) const;
  [[nodiscard]] bool cancelled() const { return hooks_.cancelled && hooks_.cancelled(); }

  const Job& job_;
  AdapterCatalog& catalog_;
  const JobHooks& hooks_;
  unsigned jobs_;
  Wants wants_;
  std::vector<PreparedSource> prepared_;
  std::vector<std::unique_ptr<SourceConfig>> configs_;
  std::vector<std::vector<std::string>> notes_;  ///< by source
  std::vector<std::uint32_t> leads_;             ///< by source, see lead_sources()
  std::array<IdUse, kIdKinds> tables_;
  std::shared_ptr<SharedTexts> texts_ = std::make_shared<SharedTexts>();
  std::shared_ptr<ColumnSets> column_sets_ = std::make_shared<ColumnSets>();
  std::array<IdCoverage, kIdKinds> coverage_;
};

/// A run that was told to stop.
[[nodiscard]] Error interrupted_run();

}  // namespace crosswalk
