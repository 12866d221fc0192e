// What the merge decides of one conversation, reported by the code that decides. A run has no observer: the code that
// reports is then not compiled in (Silent), or is passed by with a branch per conversation.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string_view>

#include "crosswalk/conversation.hpp"
#include "merge/contribution.hpp"
#include "merge/ledger.hpp"
#include "rules.hpp"

namespace crosswalk {

class GroupStates;
struct Combined;

class MergeObserver {
 public:
  virtual ~MergeObserver() = default;

  // --- within one source's state; states are numbered as in GroupStates ---
  virtual void state(std::size_t number) = 0;
  /// A record says a field. `stands`: from now on it is what the state says; else what stood before still is. The rule is
  /// the one between the two; `only` where nothing stood before.
  virtual void record_says(Target target, const Contribution& record, Rule rule, bool stands) = 0;
  /// Of two values under a key of metadata one is left out, by a rule. Versions tell which records they are of.
  virtual void entry_lost(std::string_view key, std::string_view value, const Version& version, Rule rule) = 0;
  virtual void entry_stands(std::string_view key, std::string_view value, const Version& version) = 0;
  /// Of a snapshot: a newer record replaced this one as a whole; or, where it `supplies`, but for columns that newer ones lack.
  virtual void replaced(const Contribution& newest, const Contribution& record, Rule rule, bool supplies) = 0;
  /// Two readings of one touchpoint.
  virtual void touchpoint_lost(const Touchpoint& stands, const Touchpoint& lost, Rule rule) = 0;
  /// What touchpoints say of a field: the value in `said`, and those it was made of. Where it stands, it is what the state
  /// says, whatever its records say.
  virtual void touchpoints_say(Target target, const Conversation& said, std::span<const Touchpoint* const> of, Rule rule,
                               bool stands) = 0;
  /// A touchpoint whose duration is none: a sum of durations would lack it, so there is none.
  virtual void sum_lacks(const Touchpoint& part) = 0;
  /// An entry of metadata that the merge made.
  virtual void entry_made(std::string_view key, Rule rule) = 0;

  // --- between the states that make the conversation ---
  /// These do; called again where the conversation could not be, for those that only add to one.
  virtual void members_are(std::span<const std::size_t> states) = 0;
  /// As record_says(), of a member's state: `member` is an index into members_are().
  virtual void member_says(Target target, std::size_t member, Rule rule, bool stands) = 0;
  virtual void member_says(std::string_view key, std::size_t member, Rule rule, bool stands) = 0;
  /// Values of a source's metadata that do not stand are kept under this key.
  virtual void kept_under(std::string_view key, std::uint32_t source) = 0;
  virtual void default_channel(std::uint32_t source) = 0;

  // --- at the end ---
  /// All records of a state.
  virtual void rejected(std::size_t state, std::string_view code, std::string_view message, std::string_view cure) = 0;
  /// A record that is left out by a rule.
  virtual void filtered(const Contribution& record, std::string_view rule) = 0;
  virtual void made(const Combined& conversation, Fate fate) = 0;
  virtual void became(const Contribution& record, Fate fate) = 0;
};

/// For code that reports only where it is asked to.
struct Silent {
  static constexpr bool kReports = false;
};
struct Reporting {
  static constexpr bool kReports = true;
  MergeObserver& to;
};

/// The rule by which the first of two different versions is the newer one.
[[nodiscard]] inline Rule rule_between(const Version& newer, const Version& older) {
  switch (newer_by(newer, older)) {
    case Newer::update_time: return Rule::newest;
    case Newer::equal_times: return Rule::equal_times;
    case Newer::only_dated: return Rule::has_update_time;
    case Newer::both_undated: return Rule::later_in_input;
  }
  return Rule::none;
}

}  // namespace crosswalk
