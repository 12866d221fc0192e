// An explanation's fields: what the merge and the normalizer reported, put into words. Nothing is decided here.
#include <fmt/format.h>

#include <algorithm>

#include "encode/json_text.hpp"
#include "job/why_witness.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {
namespace {

std::size_t index(Target target) { return static_cast<std::size_t>(target); }

class FieldTeller : WitnessTeller {
 public:
  using WitnessTeller::WitnessTeller;

  void field(Target target) {
    WhyField out;
    out.name = name_of(target);
    if (merge_.combined != nullptr) out.value = json_of(merge_.combined->conversation, target);
    const Contest<std::size_t>& members = merge_.fields[index(target)];
    if (merge_.combined == nullptr && members.stands) return;  // of what is rejected, what it lacks is of interest
    bool decided = false;
    if (members.stands) {
      decided = add_member(target, members, *members.stands, out);
    } else if (!out.value.empty()) {
      add_default_channel(out);
    }
    for (std::size_t side = 0; side < members.sides.size(); ++side) {
      if (members.stands != side) add_member(target, members, side, out);
    }
    if (members.stands && !decided) say_unrivalled(out);
    for (std::size_t member = 0; member < merge_.members.size(); ++member) {
      const auto says = [&](const auto& side) { return side.who == member; };
      if (std::none_of(members.sides.begin(), members.sides.end(), says)) add_erased(target, merge_.members[member], out);
    }
    add_lost_fields(target, out);
    if (!out.value.empty() || !out.witnesses.empty()) why_.fields.push_back(std::move(out));
  }

  /// The records' own ids, each as it made an external_id.
  void id() {
    WhyField out;
    out.name = name_of(Target::external_id);
    out.value = quoted(why_.external_id);
    std::vector<Witness> linked;
    for (std::size_t state = 0; state < group_.states().size(); ++state) {
      for (const Contribution& c : group_.of(state)) {
        Witness w = witness(c, Target::external_id);
        if (!job_.external_id.empty()) add_rule(w, Rule::id_template, true, job_.external_id);
        const bool other = !c.linked_from.empty() && c.linked_from != why_.external_id;
        w.value = other ? quoted(c.linked_from) : out.value;
        if (other) add_rule(w, Rule::linked_id, false, why_.external_id);
        if (!other && !out.witnesses.empty()) add_rule(w, Rule::same_value, false);
        (other ? linked : out.witnesses).push_back(std::move(w));
      }
    }
    out.witnesses.insert(out.witnesses.end(), linked.begin(), linked.end());
    why_.fields.push_back(std::move(out));
  }

 private:
  static std::string quoted(std::string_view text) {
    Buffer out;
    add_json_string(out, text);
    return std::string(out.view());
  }

  /// What a source says, and then what within it does not stand. Whether a rule put what stands above another.
  bool add_member(Target target, const Contest<std::size_t>& members, std::size_t side, WhyField& out) const {
    const bool stands = members.stands == side;
    const std::size_t state = merge_.members[members.sides[side].who];
    const MergeReport::Field& field = merge_.states[state].fields[index(target)];
    const bool by_touchpoints = field.touchpoints && field.touchpoints->stands;
    const auto& records = field.records.sides;
    Witness w;
    if (by_touchpoints) {
      w = witness(state, target, *field.touchpoints);
    } else if (field.records.stands) {
      w = witness(*records[*field.records.stands].who, target);
      for (const Rule rule : field.records.won_by) {
        if (stands && w.number != 0) add_rule(w, rule, true, rule == Rule::column_lacking ? newest_of(state) : "");
      }
    }
    if (!stands) add_rule(w, members.sides[side].lost, false, name_of(target));
    for (const Rule rule : members.won_by) {
      if (stands) add_rule(w, rule, true, name_of(target));
    }
    const std::string value = w.value, how = w.how;
    out.witnesses.push_back(std::move(w));
    if (field.touchpoints && !by_touchpoints) {
      Witness lost = witness(state, target, *field.touchpoints);
      const Rule shared = stands ? Rule::same_value : members.sides[side].lost;
      add_rule(lost, lost.value == value ? shared : Rule::record_over_touchpoints, false, name_of(target));
      out.witnesses.push_back(std::move(lost));
    }
    for (std::size_t r = 0; r < records.size(); ++r) {
      if (!by_touchpoints && field.records.stands == r) continue;
      Witness lost = witness(*records[r].who, target);
      if (lost.number == 0) continue;  // what its source says of all is nothing that a record says
      // What says the same as its source shares its fate.
      const bool same = lost.value == value && lost.how == how;
      const Rule shared = stands ? Rule::same_value : members.sides[side].lost;
      if (same || by_touchpoints) {
        add_rule(lost, same ? shared : Rule::touchpoints_over_record, false, name_of(target));
      } else {
        add_lost(lost, *records[r].who, records[r].lost);
      }
      out.witnesses.push_back(std::move(lost));
    }
    if (by_touchpoints) add_lost_touchpoints(state, target, *field.touchpoints, out);
    return !members.won_by.empty() || (!by_touchpoints && !field.records.won_by.empty());
  }

  /// What older records of a snapshot say, and the newest has blank.
  void add_erased(Target target, std::size_t state, WhyField& out) const {
    for (const auto& side : merge_.states[state].fields[index(target)].records.sides) {
      Witness lost = witness(*side.who, target);
      add_lost(lost, *side.who, side.lost);
      out.witnesses.push_back(std::move(lost));
    }
  }

  /// Readings of touchpoints that another record told again or took back, where that made a difference.
  void add_lost_touchpoints(std::size_t state, Target target, const MergeReport::ByTouchpoints& by, WhyField& out) const {
    for (const MergeReport::LostTouchpoint& one : merge_.states[state].touchpoints) {
      const Touchpoint &lost = one.lost, &stands = one.stands;
      const bool used = std::any_of(by.of.begin(), by.of.end(), [&](const Touchpoint& t) { return t.id == lost.id; });
      const bool outside = target == Target::started_at ? lost.at < *by.said.started_at
                                                        : target == Target::ended_at && *by.said.ended_at < lost.at;
      const bool gone = stands.deleted;
      const bool time = is_time(target) && (gone ? outside : lost.at != stands.at && (used || outside));
      const bool duration =
          target == Target::handle_time && lost.has_duration && (gone || (used && lost.duration != stands.duration));
      if (!time && !duration) continue;
      Witness w;
      if (const Contribution* const teller = teller_of(group_, state, lost)) w = witness(*teller);
      w.value = duration ? text_of(lost.duration) : fmt::format("\"{}\"", text_of(lost.at));
      const Contribution* const again = teller_of(group_, state, stands);
      add_rule(w, gone ? Rule::deleted_touchpoint : Rule::repeated_touchpoint, false,
               fmt::format("[{}]", again == nullptr ? 0 : number_of(*again)), words_of(one.rule, gone));
      out.witnesses.push_back(std::move(w));
    }
  }

  /// Fields of the records that wanted to be this one.
  void add_lost_fields(Target target, WhyField& out) const {
    for (std::size_t state = 0; state < group_.states().size(); ++state) {
      for (const Contribution& c : group_.of(state)) {
        const RecordReport* const report = report_of(c);
        if (report == nullptr) continue;
        for (const RecordReport::Use& use : report->lost) {
          if (use.target != target) continue;
          Witness w = witness(c);
          w.field = use.field;
          w.found = use.found;
          add_rule(w, use.rule, false, use.detail);
          const auto told_here = [&](const Touchpoint& t) { return teller_of(group_, state, t) == &c; };
          const std::vector<Touchpoint>& lacking = merge_.states[state].lacking;
          if (target == Target::handle_time && use.field.empty() && std::any_of(lacking.begin(), lacking.end(), told_here)) {
            add_rule(w, Rule::sum_lacks_part, false);
          }
          out.witnesses.push_back(std::move(w));
        }
      }
    }
  }

  void add_default_channel(WhyField& out) const {
    Witness& w = out.witnesses.emplace_back();
    w.value = out.value;
    if (!merge_.default_from) return;
    const SourceConfig& config = *plan_.sources[*merge_.default_from].config;
    w.record.source = config.name;
    add_rule(w, config.default_channel_is_set ? Rule::default_channel_setting : Rule::default_channel_adapter, true,
             config.default_channel);
  }
};

}  // namespace

void tell_fields(const WhySources& from, Why& to) {
  FieldTeller teller(from, to);
  if (from.asks_id) teller.id();
  const MergeReport& merge = *from.merge;
  if (merge.fate == Fate::filtered) return;
  const bool update = merge.combined != nullptr && merge.fate == Fate::update;
  for (const Target target : fields_to_explain()) {
    if (update && !is_update_field(target)) continue;
    teller.field(target);
  }
  if (merge.combined != nullptr) tell_metadata(from, to);
}

}  // namespace crosswalk
