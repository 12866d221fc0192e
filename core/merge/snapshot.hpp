// What a snapshot, a source whose records are whole conversations, knows of one conversation: its newest record as it stands.
//
// A blank column erases. A column that the newest record lacks (another file, another shape) says nothing: the newest record
// that has it supplies the field. So of the records of one column set only the newest has a say, and any order, split or
// repetition of them gives the same.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "merge/column_sets.hpp"
#include "merge/state.hpp"

namespace crosswalk {

/// What one record has to do with the state of its conversation.
struct RecordPart {
  enum class Role : std::uint8_t {
    joins,     ///< of updates and events: adds to the state, field by field
    stands,    ///< of a snapshot: the newest
    supplies,  ///< what the newest lacks a column for, be it that there is nothing
    // Nothing is left of these.
    superseded,
    takes_back,  ///< of events: says of touchpoints that they are deleted, and nothing else
  };
  Role role = Role::joins;
  /// It says something else than what stands, and is not the newer one for another reason than its update time.
  bool lost_by_place = false;
  Newer newer = Newer::update_time;  ///< by which what stands over it is newer
};

class Snapshot {
 public:
  /// `sets` may be null: all records have all columns.
  explicit Snapshot(const ColumnSets* sets) : sets_(sets) {}

  /// Puts into `state`, which knows nothing, what the records say, and into `parts` what became of each.
  void evaluate(std::span<const Contribution> records, State& state, std::span<RecordPart> parts,
                MergeObserver* observer = nullptr);

 private:
  [[nodiscard]] const ColumnSet* set_of(const Contribution& record);
  [[nodiscard]] bool take_touchpoints(const Contribution& record, State& state) const;
  [[nodiscard]] bool supply(const Contribution& record, const ColumnSet& set, State& state, std::span<RecordPart> parts,
                            MergeObserver* observer) const;
  template <class What>
  [[nodiscard]] bool covered(What what, const ColumnSet& set, std::span<RecordPart> parts) const;

  const ColumnSets* sets_;
  std::vector<std::uint32_t> order_;  // of records, the newest first
  struct Seen {
    const ColumnSet* set;
    std::uint32_t record;
  };
  std::vector<Seen> newer_;                            // of records that have been looked at, each set once
  std::vector<std::unique_ptr<const ColumnSet>> own_;  // sets that have no number
};

/// Of a settled state of updates or events, whose touchpoints were not asked yet: the version of a value that stands over what
/// the record says, where it does so for its place in the input. Null: there is none.
[[nodiscard]] const Version* stands_over_by_place(const Contribution& record, const State& state);

}  // namespace crosswalk
