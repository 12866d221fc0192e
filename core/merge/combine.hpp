// Several sources' states of one conversation → one conversation, by the job's rules.
//
// Per field the first source, in the field's order, that knows it. started_at is the earliest and ended_at the latest of
// what the sources say, unless the job orders them. Metadata is joined by key; where values differ, the first source's
// stands, and the others' are kept in an object under their source's name.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "arena.hpp"
#include "merge/shared_texts.hpp"
#include "merge/state.hpp"

namespace crosswalk {

struct SourceConfig;

struct MergeSource {
  static constexpr std::uint32_t kItself = UINT32_MAX;
  const SourceConfig* config = nullptr;
  bool enrich = false;    ///< fills only the fields of ConversationUpdate
  bool snapshot = false;  ///< records are whole conversations: the newest replaces the others
  /// The first source whose records are of the same conversations in the same form (exports of one account that overlap):
  /// what all of them say of a conversation is one state.
  std::uint32_t lead = kItself;
};

struct MergePlan {
  std::vector<MergeSource> sources;
  /// By source, the number of its first input among those of all; empty: no source has another one as its lead.
  std::vector<std::uint32_t> first_inputs;
  /// By target: all leads, who is asked first in front. Empty: the order of `sources`.
  std::array<std::vector<std::uint32_t>, kTargetCount> order;
  /// Leads of which one group may hold several conversations; may be empty: none.
  std::vector<bool> several;
  bool by_start = false;                    ///< the output is ordered by started_at, then external_id; else by external_id
  bool ledger = false;                      ///< a line per record is wanted
  std::shared_ptr<SharedTexts> texts;       ///< of the contributions; may be null
  std::shared_ptr<ColumnSets> column_sets;  ///< of the snapshots' contributions; may be null

  [[nodiscard]] std::uint32_t lead(std::uint32_t source) const {
    return sources[source].lead == MergeSource::kItself ? source : sources[source].lead;
  }
};

/// Whether ConversationUpdate has it.
[[nodiscard]] bool is_update_field(Target target);

struct Combined {
  Conversation conversation;
  std::vector<MetadataItem> metadata;  ///< by key
  bool enrichment_only = false;        ///< no source that may make a conversation has a part in it
};

/// What a conversation without any channel word gets: the default of the first source that has one.
void take_default_channel(const MergePlan& plan, std::span<const std::uint32_t> sources, Conversation& conversation,
                          MergeObserver* observer = nullptr);

/// `states` are settled, their touchpoints derived, at least one, in the order of their sources and, within one source, of
/// the external_ids they had before a link joined them. Texts made here live in `arena`.
void combine(const MergePlan& plan, std::span<const State* const> states, std::span<const std::uint32_t> sources, Arena& arena,
             Combined& to, MergeObserver* observer = nullptr);

}  // namespace crosswalk
