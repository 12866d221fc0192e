// The parts of an explanation: what the merge reported of a conversation, and its telling.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crosswalk/job.hpp"
#include "merge/group.hpp"
#include "merge/merger.hpp"
#include "merge/observer.hpp"
#include "normalize/observer.hpp"

namespace crosswalk {

/// Reports of records by input and byte offset; one for each source.
using RecordReports = std::map<std::pair<std::uint32_t, std::uint64_t>, RecordReport>;

/// Those who say something of one field, and who of them stands.
template <class Who>
struct Contest {
  struct Side {
    Who who;
    Rule lost = Rule::none;  ///< by which it does not stand
  };
  std::vector<Side> sides;
  std::optional<std::size_t> stands;
  std::vector<Rule> won_by;  ///< rules by which it stands over others

  void add(Who who, Rule rule, bool takes) {
    if (!takes) {
      sides.push_back({std::move(who), rule});
      if (rule != Rule::same_value && rule != Rule::enrich_may_not) win(rule);
      return;
    }
    won_by.clear();
    if (stands) {
      // What was as new as the one that stood is now as old as it.
      for (Side& side : sides) {
        if (side.lost == Rule::larger_value || side.lost == Rule::same_value) side.lost = rule;
      }
      sides[*stands].lost = rule;
      win(rule);
    }
    if (!stands && rule != Rule::only) win(rule);
    stands = sides.size();
    sides.push_back({std::move(who), Rule::none});
  }

 private:
  void win(Rule rule) {
    for (const Rule known : won_by) {
      if (known == rule) return;
    }
    won_by.push_back(rule);
  }
};

/// All that the merge reports of one conversation. Texts are borrowed from its states.
class MergeReport final : public MergeObserver {
 public:
  struct ByTouchpoints {
    Conversation said;
    std::vector<Touchpoint> of;
    Rule rule = Rule::none;
    bool stands = false;
  };
  struct Field {
    Contest<const Contribution*> records;
    std::optional<ByTouchpoints> touchpoints;
  };
  struct EntrySaid {
    std::string_view value;
    Version version;
    Rule lost = Rule::none;
  };
  struct LostTouchpoint {
    Touchpoint stands, lost;
    Rule rule = Rule::none;
  };
  struct State {
    std::array<Field, kTargetCount> fields;
    std::map<std::string_view, std::vector<EntrySaid>> entries;  ///< by key; the first one stands, unless it lost
    std::map<std::string_view, Rule> made;
    std::vector<LostTouchpoint> touchpoints;
    std::vector<Touchpoint> lacking;  ///< a sum of durations
  };
  struct Rejected {
    std::string code, message, cure;
  };

  std::vector<State> states;
  std::vector<std::size_t> members;
  std::array<Contest<std::size_t>, kTargetCount> fields;         ///< of members
  std::map<std::string_view, Contest<std::size_t>> entries;      ///< by key
  std::map<std::string_view, std::uint32_t> under_their_source;  ///< by key
  std::optional<std::uint32_t> default_from;                     ///< the source whose default channel stands
  std::map<std::size_t, Rejected> rejects;                       ///< by state
  std::map<const Contribution*, Fate> fates;
  std::map<const Contribution*, std::string_view> filters;  ///< rules, of those that are left out
  struct Replaced {
    const Contribution* newest = nullptr;
    Rule rule = Rule::none;
    bool supplies = false;
  };
  std::map<const Contribution*, Replaced> replacements;
  const Combined* combined = nullptr;  ///< null: no conversation came of it
  Fate fate = Fate::filtered;          ///< of the conversation; where there is none, why

 private:
  void state(std::size_t number) override;
  void record_says(Target target, const Contribution& record, Rule rule, bool stands) override;
  void entry_lost(std::string_view key, std::string_view value, const Version& version, Rule rule) override;
  void entry_stands(std::string_view key, std::string_view value, const Version& version) override;
  void replaced(const Contribution& newest, const Contribution& record, Rule rule, bool supplies) override;
  void touchpoint_lost(const Touchpoint& stands, const Touchpoint& lost, Rule rule) override;
  void touchpoints_say(Target target, const Conversation& said, std::span<const Touchpoint* const> of, Rule rule,
                       bool stands) override;
  void sum_lacks(const Touchpoint& part) override;
  void entry_made(std::string_view key, Rule rule) override;
  void members_are(std::span<const std::size_t> states) override;
  void member_says(Target target, std::size_t member, Rule rule, bool stands) override;
  void member_says(std::string_view key, std::size_t member, Rule rule, bool stands) override;
  void kept_under(std::string_view key, std::uint32_t source) override;
  void default_channel(std::uint32_t source) override;
  void rejected(std::size_t state, std::string_view code, std::string_view message, std::string_view cure) override;
  void became(const Contribution& record, Fate fate) override;
  void filtered(const Contribution& record, std::string_view rule) override;
  void made(const Combined& conversation, Fate fate) override;

  std::size_t state_ = 0;
};

/// What an explanation is told from.
struct WhySources {
  const Job& job;
  const Merger& merger;
  const std::vector<RecordReports>& reports;  ///< by source
  const GroupStates* group = nullptr;         ///< null: the merge knows nothing of it
  const MergeReport* merge = nullptr;
  bool asks_id = false;  ///< for external_id as a field
};

/// The record that told a touchpoint of a state; null: none of them.
[[nodiscard]] const Contribution* teller_of(const GroupStates& group, std::size_t state, const Touchpoint& touchpoint);
/// A field of the output as JSON; empty when it is not known.
[[nodiscard]] std::string json_of(const Conversation& conversation, Target target);
/// The fields that can be asked for, in the schema's order.
[[nodiscard]] std::span<const Target> fields_to_explain();

/// Fills in the records, with `asked` marked (of one source; may be null).
void tell_records(const WhySources& from, const std::string& external_id, const RecordReport* asked, std::uint32_t asked_source,
                  Why& to);
/// How it came by its id, and why its records are one conversation. `asked` is the id that was asked for.
[[nodiscard]] std::string tell_id(const WhySources& from, const std::string& asked, const Why& why);
/// Fills in the fields.
void tell_fields(const WhySources& from, Why& to);
/// What became of a record's fields.
[[nodiscard]] std::vector<WhyUse> tell_uses(const RecordReport& report);

/// `by the setting decimal = comma`; empty: there is none.
[[nodiscard]] std::string words_of(const std::vector<std::string>& settings);
/// A rule in words, with its details.
[[nodiscard]] std::string words_of(Rule rule, bool stands, std::string_view detail = {}, std::string_view second = {});

}  // namespace crosswalk
