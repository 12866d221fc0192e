// All that is said under one external_id: its entries, side by side, and the states that they add up to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arena.hpp"
#include "merge/combine.hpp"
#include "merge/contribution.hpp"
#include "merge/links.hpp"
#include "merge/snapshot.hpp"
#include "merge/sorter.hpp"
#include "merge/state.hpp"
#include "text.hpp"

namespace crosswalk {

/// All contributions under one external_id, with their texts.
struct Group {
  std::string external_id;
  std::vector<std::string_view> payloads;

  void clear() {
    payloads.clear();
    text.clear();
  }
  Arena text;
};

/// The groups of one stretch, in the order of their keys.
class GroupReader {
 public:
  /// `links` may be null: conversations that go by another external_id are left out here, and come from `linked`.
  Result<void> open(const Sorter& contributions, const Links* links, const Sorter* linked, std::string_view from,
                    const std::optional<std::string>& until) {
    links_ = links;
    if (auto ok = open(own_, contributions, from, until); !ok) return ok;
    if (linked == nullptr) return {};
    return open(linked_, *linked, from, until);
  }
  /// False at the end.
  Result<bool> next(Group& group) {
    while (own_ && links_ != nullptr && !links_->survivor(own_->key()).empty()) {
      if (auto ok = step(own_); !ok) return ok.error();
    }
    if (!own_ && !linked_) return false;
    auto& cursor = !own_ || (linked_ && linked_->key() < own_->key()) ? linked_ : own_;
    group.clear();
    group.external_id = cursor->key();
    do {
      group.payloads.push_back(cursor->lasting() ? cursor->payload() : group.text.keep(cursor->payload()));
      if (auto ok = step(cursor); !ok) return ok.error();
    } while (cursor && equal(cursor->key(), group.external_id));
    return true;
  }

 private:
  static Result<void> open(std::unique_ptr<SorterCursor>& cursor, const Sorter& sorter, std::string_view from,
                           const std::optional<std::string>& until) {
    auto opened = SorterCursor::open(sorter, from, until);
    if (!opened) return opened.error();
    cursor = std::move(*opened);
    return step(cursor);
  }
  static Result<void> step(std::unique_ptr<SorterCursor>& cursor) {
    auto more = cursor->next();
    if (!more) return more.error();
    if (!*more) cursor.reset();
    return {};
  }

  const Links* links_ = nullptr;
  std::unique_ptr<SorterCursor> own_, linked_;
};

/// What a conversation must have and has not.
enum class Lack : std::uint8_t { nothing, channel, start };
[[nodiscard]] Lack lack_of(Channel channel, const std::optional<Instant>& started_at);
[[nodiscard]] std::string_view code_of(Lack lack);  ///< of the reject; of nothing: empty

/// States of one group, one per source and conversation of it. Used by one thread; memory is kept from group to group.
class GroupStates {
 public:
  explicit GroupStates(const MergePlan& plan)
      : plan_(plan), decoded_(plan.texts.get(), plan.first_inputs), snapshot_(plan.column_sets.get()) {}

  void load(const Group& group, MergeObserver* observer = nullptr);

  /// Settled, with what their touchpoints say; by source, external_id before a link, id and scope.
  [[nodiscard]] std::span<const State* const> states() const { return all_; }
  /// The leads: contributions of state `i` may be of other sources of the same account.
  [[nodiscard]] std::span<const std::uint32_t> sources() const { return sources_; }
  /// The contributions that made state `i`.
  [[nodiscard]] std::span<const Contribution> of(std::size_t i) const {
    return std::span(contributions_).subspan(first_[i], first_[i + 1] - first_[i]);
  }
  /// What each of them has to do with it. Of a snapshot, how the newest replaced the others.
  [[nodiscard]] std::span<const RecordPart> parts(std::size_t i) const {
    return std::span(parts_).subspan(first_[i], first_[i + 1] - first_[i]);
  }
  /// Of several conversations of a source that have one external_id, not because a link joined them but because it does
  /// not tell them apart, one stands: of those that are not deleted the first that lacks nothing by itself, else the first. `i`
  /// itself when it does.
  [[nodiscard]] std::size_t standing(std::size_t i) const { return standing_[i]; }
  /// The source whose default channel is that of state `i`: of those that its records are from, the first that has one.
  [[nodiscard]] std::uint32_t defaulting(std::size_t i) const;
  /// Whether state `i` is left out, since its source has deleted the conversation, or all that it is made of.
  [[nodiscard]] bool is_deleted(std::size_t i) const { return deleted_[i]; }
  /// What the state lacks by itself, whatever other sources say.
  [[nodiscard]] Lack lack(std::size_t i) const;
  [[nodiscard]] Arena& arena() { return arena_; }

 private:
  void fill(State& state, std::size_t begin, std::size_t end, MergeObserver* observer);
  void find_lost_by_place(const State& state, std::size_t begin, std::size_t end);
  void add_touchpoint_counts(State& state, const SourceConfig& source, MergeObserver* observer);
  [[nodiscard]] bool find_deleted(std::size_t i) const;
  void choose_standing();

  const MergePlan& plan_;
  Contributions decoded_;
  Snapshot snapshot_;
  std::vector<Contribution> contributions_;
  std::vector<RecordPart> parts_;  // of the contributions
  std::vector<std::unique_ptr<State>> states_;
  std::size_t count_ = 0;
  std::vector<std::uint32_t> sources_;
  std::vector<std::size_t> first_, standing_;
  std::vector<const State*> all_;
  std::vector<bool> deleted_;
  Arena arena_;
  Buffer scratch_;
};

}  // namespace crosswalk
