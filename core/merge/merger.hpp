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
#include "pipeline/books.hpp"
#include "pipeline/findings.hpp"

namespace crosswalk {

/// What a stretch of external_ids became.
struct Finished {
  Buffer conversations;  ///< lines; with MergePlan::by_start, entries that sort by it
  Buffer updates;        ///< lines
  Buffer rejects;        ///< entries of rejects: for each_reject(), which has them then
  Buffer ledger;         ///< ledger entries
  /// What became of the records of one source.
  struct Accounts {
    Books books;  ///< `rejected`: of records that had been counted as translated
    std::uint64_t written = 0, updates = 0, merged = 0, superseded = 0, repeated_touchpoints = 0;
    Findings findings;
  };
  std::vector<Accounts> sources;

  void clear();
  [[nodiscard]] std::size_t held() const { return conversations.size() + updates.size() + rejects.size() + ledger.size(); }
};

class GroupStates;

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
  /// After link(): one conversation's states. False: nothing goes by that external_id.
  Result<bool> look_up(std::string_view external_id, const std::function<void(GroupStates&)>& visit) const;
  /// The external_id that a linked conversation goes by; empty: it is in no link.
  [[nodiscard]] std::string_view survivor(std::string_view external_id) const {
    return links_ ? links_->survivor(external_id) : std::string_view();
  }
  /// After link(): the link rules that hold between states of one conversation, by index.
  [[nodiscard]] std::vector<std::size_t> joining_rules(const GroupStates& group) const;
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
