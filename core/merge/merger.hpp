// The merge of a run: contributions of any number of sources in, in any order; finished conversations out, in order.
//
// Contributions are sorted by external_id (in bounded memory), so that all that is said of one conversation comes together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/job.hpp"
#include "merge/combine.hpp"
#include "merge/ledger.hpp"
#include "merge/links.hpp"
#include "merge/sorter.hpp"
#include "merge/start_offsets.hpp"
#include "pipeline/books.hpp"
#include "pipeline/findings.hpp"

namespace crosswalk {

/// What a stretch of external_ids became.
struct Finished {
  Buffer conversations;  ///< lines; with MergePlan::by_start, entries that sort by it
  /// Of each conversation the source that its first record is of, by index; with MergePlan::by_start only of those handed on.
  std::vector<std::uint32_t> origins;
  Buffer updates;  ///< lines
  Buffer rejects;  ///< entries of rejects: for each_reject(), which has them then
  Buffer ledger;   ///< ledger entries
  /// What became of the records of one source.
  struct Accounts {
    Books books;  ///< `rejected`, `filtered`: of records that had been counted as translated
    std::uint64_t written = 0, updates = 0, merged = 0, superseded = 0, repeated_touchpoints = 0, deleted_touchpoints = 0;
    Findings findings;
    Enrichment enrichment;  ///< of a source that enriches
  };
  std::vector<Accounts> sources;
  StartOffsets offsets;
  std::string first_conversation;  ///< external_id

  void clear();
  [[nodiscard]] std::size_t held() const { return conversations.size() + updates.size() + rejects.size() + ledger.size(); }
};

class GroupStates;
class MergeObserver;

class Merger {
 public:
  struct Limits {
    std::size_t memory = std::size_t{256} << 20;  ///< bytes for what is held
    unsigned jobs = 1;
  };
  Merger(MergePlan plan, std::vector<LinkRule> links, Limits limits);
  ~Merger();

  /// Entries as add_entry() makes them. One thread.
  Result<void> add(std::string_view entries) { return contributions_.add(entries); }
  /// Ledger entries of records that are no contributions.
  Result<void> add_ledger(std::string_view entries) { return ledger_.add(entries); }

  /// All has come: finds the links. `stop` is asked now and then; true ends it.
  Result<void> link(const std::function<bool()>& stop);
  [[nodiscard]] const LinkReport* links() const { return links_ ? &links_->report() : nullptr; }

  /// Calls `take` with stretches of finished conversations, in order, on the calling thread.
  Result<void> finish(const std::function<bool()>& stop, const std::function<Result<void>(Finished&)>& take);
  /// After link(): finishes one conversation anew, with an observer, and calls `visit` with what it is made of. False: nothing
  /// goes by that external_id.
  Result<bool> explain(std::string_view external_id, MergeObserver& observer,
                       const std::function<void(const GroupStates&)>& visit) const;
  /// The external_id that a linked conversation goes by; empty: it is in no link.
  [[nodiscard]] std::string_view survivor(std::string_view external_id) const {
    return links_ ? links_->survivor(external_id) : std::string_view();
  }
  /// After link(): calls `take` with each external_id that goes by another one, and that one; in no order.
  template <class Take>
  void each_linked(Take&& take) const {
    if (!links_) return;
    for (const auto& [external_id, survivor] : links_->survivors()) {
      if (external_id != survivor) take(external_id, survivor);
    }
  }
  /// Before link(): linked() will be asked.
  void keep_linked() {
    if (links_) links_->keep_groups();
  }
  /// After link(): the group in which links put a conversation, by the id it had before; null: in none.
  [[nodiscard]] const LinkedGroup* linked(std::string_view external_id) const {
    return links_ ? links_->group_of(external_id) : nullptr;
  }
  /// After finish(): reject lines of records that it refused, in the order of sources, inputs and places, with the records'
  /// texts, which are read again.
  Result<void> each_reject(const std::function<Result<void>(std::string_view)>& take);
  /// After finish(): the ledger's lines, in the order of sources, inputs and places.
  Result<void> each_ledger_line(const std::function<Result<void>(std::string_view)>& take);

  [[nodiscard]] const MergePlan& plan() const { return plan_; }
  [[nodiscard]] bool spilled() const { return contributions_.spilled(); }

 private:
  Result<void> relink(const std::function<bool()>& stop);

  MergePlan plan_;
  std::vector<LinkRule> rules_;
  Limits limits_;
  SpillFile spill_;
  Sorter contributions_, ledger_, rejects_;
  std::unique_ptr<Links> links_;
  std::unique_ptr<Sorter> linked_;  ///< contributions that go by another external_id than their own
  bool sealed_ = false;
};

}  // namespace crosswalk
