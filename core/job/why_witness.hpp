// Who says what of a field, in words: what both the fields and the metadata of an explanation are told with.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "job/why.hpp"

namespace crosswalk {

[[nodiscard]] std::string text_of(const Instant& at);
[[nodiscard]] std::string text_of(const Decimal& value);

class WitnessTeller {
 public:
  WitnessTeller(const WhySources& from, Why& to)
      : job_(from.job), plan_(from.merger.plan()), reports_(from.reports), group_(*from.group), merge_(*from.merge), why_(to) {}

 protected:
  static void add_rule(Witness& w, Rule rule, bool stands, std::string_view detail = {}, std::string_view second = {});
  static void add_settings(Witness& w, const std::vector<std::string>& settings);
  /// Whether a value is no record's own: its source's manifest or settings say it of all.
  static bool is_of_its_source(Rule rule);
  /// Where there was nothing to decide.
  static void say_unrivalled(WhyField& out);
  [[nodiscard]] const RecordReport* report_of(const Contribution& c) const;
  [[nodiscard]] std::size_t number_of(const Contribution& c) const;
  [[nodiscard]] Witness witness(const Contribution& c) const;
  /// What a record says of a field: which of its fields it was, and how that was understood.
  [[nodiscard]] Witness witness(const Contribution& c, Target target) const;
  /// What touchpoints say of it.
  [[nodiscard]] Witness witness(std::size_t state, Target target, const MergeReport::ByTouchpoints& by) const;
  static bool is_time(Target target) { return target == Target::started_at || target == Target::ended_at; }
  /// Why a record's value does not stand in its source.
  void add_lost(Witness& w, const Contribution& record, Rule rule) const;
  /// The number of a snapshot's newest record.
  [[nodiscard]] std::string newest_of(std::size_t state) const;

  const Job& job_;
  const MergePlan& plan_;
  const std::vector<RecordReports>& reports_;
  const GroupStates& group_;
  const MergeReport& merge_;
  Why& why_;

 private:
  [[nodiscard]] std::string how_of(const Conversation& c, Target target, std::uint32_t source, const std::string& zone) const;
  void add_type(Witness& w, const Contribution& teller, const Touchpoint& touchpoint) const;
  [[nodiscard]] std::string text_of_touchpoint(std::size_t state, const Touchpoint& t, bool duration) const;
};

/// Fills in the fields of metadata.
void tell_metadata(const WhySources& from, Why& to);

}  // namespace crosswalk
