// An explanation's fields: what the merge and the normalizer reported, put into words. Nothing is decided here.
#include <fmt/format.h>

#include <algorithm>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "framing/json_text.hpp"
#include "job/why.hpp"
#include "pipeline/source.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

std::size_t index(Target target) { return static_cast<std::size_t>(target); }

std::string time_text(const Instant& at) {
  Buffer out;
  add_time(out, at);
  return std::string(out.view().substr(1, out.size() - 2));
}

std::string decimal_text(const Decimal& value) {
  Buffer out;
  add_decimal(out, value);
  return std::string(out.view());
}

class Teller {
 public:
  Teller(const WhySources& from, Why& to)
      : job_(from.job), plan_(from.merger.plan()), reports_(from.reports), group_(*from.group), merge_(*from.merge), why_(to) {}

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

  void entry(const MetadataItem& item, const std::string& key) {
    WhyField out;
    out.name = "metadata." + key;
    out.value = item.value;
    if (const auto kept = merge_.under_their_source.find(item.key); kept != merge_.under_their_source.end()) {
      Witness& w = out.witnesses.emplace_back();
      w.record.source = plan_.sources[kept->second].config->name;
      w.value = out.value;
      add_rule(w, Rule::under_its_source, true);
    } else if (const auto members = merge_.entries.find(item.key); members != merge_.entries.end()) {
      const Contest<std::size_t>& contest = members->second;
      const bool decided = contest.stands && add_entry(item.key, contest, *contest.stands, out);
      for (std::size_t side = 0; side < contest.sides.size(); ++side) {
        if (contest.stands != side) add_entry(item.key, contest, side, out);
      }
      if (!decided && !out.witnesses.empty()) say_unrivalled(out);
    }
    why_.fields.push_back(std::move(out));
  }

  void time_marks() {
    const SourceConfig& first = *plan_.sources[group_.sources()[merge_.members.front()]].config;
    Buffer out;
    MetadataWriter metadata(out);
    add_time_marks(metadata, out, merge_.combined->conversation, first.zones->version());
    if (out.empty()) return;
    WhyField marks;
    marks.name = "metadata.crosswalk";
    marks.value = out.view().substr(std::string_view(",\"metadata\":{\"crosswalk\":").size());
    Witness& made = marks.witnesses.emplace_back();
    made.value = marks.value;
    add_rule(made, Rule::time_marks, true);
    why_.fields.push_back(std::move(marks));
  }

 private:
  static void add_rule(Witness& w, Rule rule, bool stands, std::string_view detail = {}, std::string_view second = {}) {
    if (rule == Rule::none || rule == Rule::as_written) return;
    w.rules.emplace_back(text_of(rule).code);
    const std::string words = words_of(rule, stands, detail, second);
    if (!words.empty()) w.verdict += (w.verdict.empty() ? "" : "; ") + words;
  }

  /// Where there was nothing to decide.
  static void say_unrivalled(WhyField& out) {
    Witness& first = out.witnesses.front();
    if (first.number == 0 || !first.of.empty()) return;
    if (out.witnesses.size() == 1) return add_rule(first, Rule::only, true);
    const auto agrees = [&](const Witness& w) { return w.value == first.value; };
    if (std::all_of(out.witnesses.begin() + 1, out.witnesses.end(), agrees)) add_rule(first, Rule::undisputed, true);
  }

  [[nodiscard]] const RecordReport* report_of(const Contribution& c) const {
    const auto known = reports_[c.source].find({c.origin.file, c.origin.offset});
    return known == reports_[c.source].end() ? nullptr : &known->second;
  }

  [[nodiscard]] std::size_t number_of(const Contribution& c) const {
    const SourceConfig& config = *plan_.sources[c.source].config;
    const auto found = std::find_if(why_.records.begin(), why_.records.end(), [&](const WhyRecord& record) {
      return record.place.offset == c.origin.offset && record.place.source == config.name &&
             record.place.file == config.inputs[c.origin.file];
    });
    return found == why_.records.end() ? 0 : static_cast<std::size_t>(found - why_.records.begin()) + 1;
  }

  [[nodiscard]] Witness witness(const Contribution& c) const {
    Witness w;
    w.number = number_of(c);
    if (w.number != 0) w.record = why_.records[w.number - 1].place;
    return w;
  }

  /// What a record says of a field: which of its fields it was, and how that was understood.
  [[nodiscard]] Witness witness(const Contribution& c, Target target) const {
    Witness w = witness(c);
    w.value = json_of(c.conversation, target);
    std::string zone;
    if (const RecordReport* report = report_of(c)) {
      const auto use = std::find_if(report->made.begin(), report->made.end(),
                                    [&](const RecordReport::Use& one) { return one.target == target; });
      if (use != report->made.end()) {
        w.field = use->field;
        w.found = use->found;
        (is_time(target) ? zone : w.how) = use->how;
        add_rule(w, use->rule, true, use->detail);
      }
    }
    if (is_time(target)) w.how = how_of(c.conversation, target, c.source, zone);
    return w;
  }

  static bool is_time(Target target) { return target == Target::started_at || target == Target::ended_at; }

  [[nodiscard]] std::string how_of(const Conversation& c, Target target, std::uint32_t source, const std::string& zone) const {
    const bool started = target == Target::started_at;
    const Known how = started ? c.started_how : c.ended_how;
    const bool evidence = started ? c.started_by_evidence : c.ended_by_evidence;
    const bool doubtful = how != Known::offset && how != Known::unique;
    const std::string by = !doubtful  ? ""
                           : evidence ? " by evidence"
                                      : fmt::format(" by policy {}", name_of(job_.sources[source].disambiguation));
    const bool in_zone = how != Known::offset && !zone.empty();
    return fmt::format("{}{}{}", in_zone ? fmt::format("in {}: ", zone) : "", name_of(how), by);
  }

  /// `[6] at 2025-03-10T09:04:51Z`, or how long it took.
  [[nodiscard]] std::string text_of_touchpoint(std::size_t state, const Touchpoint& t, bool duration) const {
    const Contribution* const teller = teller_of(group_, state, t);
    const std::string what = duration ? decimal_text(t.duration) : "at " + time_text(t.at);
    return teller == nullptr ? what : fmt::format("[{}] {}", number_of(*teller), what);
  }

  [[nodiscard]] Witness touchpoint_witness(std::size_t state, Target target, const MergeReport::ByTouchpoints& by) const {
    const bool durations = by.rule == Rule::sum_of_durations;
    Witness w;
    const Contribution* const first = teller_of(group_, state, by.of.front());
    if (by.of.size() == 1 && first != nullptr) w = witness(*first);
    w.record.source = plan_.sources[group_.sources()[state]].config->name;
    w.value = json_of(by.said, target);
    if (is_time(target)) w.how = how_of(by.said, target, group_.sources()[state], "");
    for (const Touchpoint& t : by.of) {
      WhyOperand& operand = w.of.emplace_back();
      if (const Contribution* const teller = teller_of(group_, state, t)) {
        const Witness said_by = witness(*teller);
        operand.record = said_by.record;
        operand.number = said_by.number;
      }
      operand.value = durations ? decimal_text(t.duration) : fmt::format("\"{}\"", time_text(t.at));
    }
    std::string all;
    for (const Touchpoint& t : by.of) {
      if (durations) all += (all.empty() ? "" : " + ") + text_of_touchpoint(state, t, true);
    }
    if (durations) {
      add_rule(w, by.rule, true, all);
    } else {
      add_rule(w, by.rule, true, text_of_touchpoint(state, by.of.front(), false), text_of_touchpoint(state, by.of.back(), false));
    }
    return w;
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
      w = touchpoint_witness(state, target, *field.touchpoints);
    } else if (field.records.stands) {
      w = witness(*records[*field.records.stands].who, target);
      for (const Rule rule : field.records.won_by) {
        if (stands) add_rule(w, rule, true, rule == Rule::column_lacking ? newest_of(state) : "");
      }
    }
    if (!stands) add_rule(w, members.sides[side].lost, false, name_of(target));
    for (const Rule rule : members.won_by) {
      if (stands) add_rule(w, rule, true, name_of(target));
    }
    const std::string value = w.value, how = w.how;
    out.witnesses.push_back(std::move(w));
    if (field.touchpoints && !by_touchpoints) {
      Witness lost = touchpoint_witness(state, target, *field.touchpoints);
      const Rule shared = stands ? Rule::same_value : members.sides[side].lost;
      add_rule(lost, lost.value == value ? shared : Rule::record_over_touchpoints, false, name_of(target));
      out.witnesses.push_back(std::move(lost));
    }
    for (std::size_t r = 0; r < records.size(); ++r) {
      if (!by_touchpoints && field.records.stands == r) continue;
      Witness lost = witness(*records[r].who, target);
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

  /// Why a record's value does not stand in its source.
  void add_lost(Witness& w, const Contribution& record, Rule rule) const {
    const auto replaced = merge_.replacements.find(&record);
    if (replaced == merge_.replacements.end()) return add_rule(w, rule, false);
    add_rule(w, Rule::replaced, false, fmt::format("[{}]", number_of(*replaced->second.newest)), words_of(rule, true));
    w.rules.emplace_back(text_of(rule).code);
  }

  /// What older records of a snapshot say, and the newest has blank.
  void add_erased(Target target, std::size_t state, WhyField& out) const {
    for (const auto& side : merge_.states[state].fields[index(target)].records.sides) {
      Witness lost = witness(*side.who, target);
      add_lost(lost, *side.who, side.lost);
      out.witnesses.push_back(std::move(lost));
    }
  }

  /// The number of a snapshot's newest record.
  [[nodiscard]] std::string newest_of(std::size_t state) const {
    for (const Contribution& c : group_.of(state)) {
      const auto replaced = merge_.replacements.find(&c);
      if (replaced != merge_.replacements.end()) return fmt::format("[{}]", number_of(*replaced->second.newest));
    }
    return "the newest record";
  }

  /// Readings of touchpoints that another record told again, where that made a difference.
  void add_lost_touchpoints(std::size_t state, Target target, const MergeReport::ByTouchpoints& by, WhyField& out) const {
    for (const MergeReport::LostTouchpoint& one : merge_.states[state].touchpoints) {
      const Touchpoint &lost = one.lost, &stands = one.stands;
      const bool used = std::any_of(by.of.begin(), by.of.end(), [&](const Touchpoint& t) { return t.id == lost.id; });
      const bool outside = target == Target::started_at ? lost.at < *by.said.started_at
                                                        : target == Target::ended_at && *by.said.ended_at < lost.at;
      const bool time = is_time(target) && lost.at != stands.at && (used || outside);
      const bool duration = target == Target::handle_time && used && lost.has_duration && lost.duration != stands.duration;
      if (!time && !duration) continue;
      Witness w;
      if (const Contribution* const teller = teller_of(group_, state, lost)) w = witness(*teller);
      w.value = duration ? decimal_text(lost.duration) : fmt::format("\"{}\"", time_text(lost.at));
      const Contribution* const again = teller_of(group_, state, stands);
      add_rule(w, Rule::repeated_touchpoint, false, fmt::format("[{}]", again == nullptr ? 0 : number_of(*again)),
               words_of(one.rule, false));
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
    add_rule(w, config.default_channel_is_set ? Rule::default_channel_setting : Rule::default_channel_adapter, true);
  }

  /// What a source says under a key of metadata; as add_member().
  bool add_entry(std::string_view key, const Contest<std::size_t>& members, std::size_t side, WhyField& out) const {
    const bool stands = members.stands == side;
    const std::size_t state = merge_.members[members.sides[side].who];
    const MergeReport::State& reported = merge_.states[state];
    const auto finish = [&](Witness w) {
      if (!stands) add_rule(w, members.sides[side].lost, false, "");
      for (const Rule rule : members.won_by) {
        if (stands) add_rule(w, rule, true, "");
      }
      out.witnesses.push_back(std::move(w));
      return !members.won_by.empty();
    };
    if (const auto made = reported.made.find(key); made != reported.made.end()) {
      Witness w;
      w.record.source = plan_.sources[group_.sources()[state]].config->name;
      for (const State::Meta& m : group_.states()[state]->metadata) {
        if (m.key == key) w.value = m.value;
      }
      add_rule(w, made->second, true);
      return finish(std::move(w));
    }
    const auto said = reported.entries.find(key);
    if (said == reported.entries.end()) return false;
    const MergeReport::EntrySaid& standing = said->second.front();
    std::vector<Witness> lost;
    std::vector<Rule> won_by;
    std::optional<Witness> first;
    const bool any_stands = standing.lost == Rule::none;
    bool supplied = false;
    for (const Contribution& c : group_.of(state)) {
      const auto item = std::find_if(c.metadata.begin(), c.metadata.end(), [&](const MetadataItem& m) { return m.key == key; });
      if (item == c.metadata.end()) continue;
      Witness w = witness(c);
      w.field = field_of(c, key);
      w.value = item->value;
      if (any_stands && !first && item->value == standing.value && c.version == standing.version) {
        if (stands && merge_.replacements.contains(&c)) {
          add_rule(w, Rule::column_lacking, true, newest_of(state));
          supplied = true;
        }
        first = std::move(w);
        continue;
      }
      const Rule shared = stands ? Rule::same_value : members.sides[side].lost;
      const bool same = any_stands && item->value == standing.value;
      const Rule rule = same ? shared : rule_of(said->second, item->value, c.version);
      if (same) {
        add_rule(w, rule, false);
      } else {
        if (std::find(won_by.begin(), won_by.end(), rule) == won_by.end()) won_by.push_back(rule);
        add_lost(w, c, rule);
      }
      lost.push_back(std::move(w));
    }
    if (!first) return false;
    for (const Rule rule : won_by) {
      if (stands) add_rule(*first, rule, true);
    }
    const bool decided = finish(std::move(*first));
    out.witnesses.insert(out.witnesses.end(), lost.begin(), lost.end());
    return decided || supplied || !won_by.empty();
  }

  /// Why an entry is left out. Of equal ones side by side only the newest was reported.
  static Rule rule_of(const std::vector<MergeReport::EntrySaid>& said, std::string_view value, const Version& version) {
    Rule rule = Rule::none;
    for (const MergeReport::EntrySaid& one : said) {
      if (one.value != value) continue;
      rule = one.lost;
      if (one.version == version) break;
    }
    return rule;
  }

  /// The source's field that is carried under a key.
  [[nodiscard]] std::string field_of(const Contribution& c, std::string_view key) const {
    if (const RecordReport* report = report_of(c)) {
      for (const RecordReport::Carried& one : report->carried) {
        if (one.key == key) return one.field;
      }
    }
    return json::unescaped(key.substr(1, key.size() - 3));
  }

  const Job& job_;
  const MergePlan& plan_;
  const std::vector<RecordReports>& reports_;
  const GroupStates& group_;
  const MergeReport& merge_;
  Why& why_;
};

}  // namespace

void tell_fields(const WhySources& from, Why& to) {
  Teller teller(from, to);
  const MergeReport& merge = *from.merge;
  const bool update = merge.combined != nullptr && merge.fate == Fate::update;
  for (const Target target : fields_to_explain()) {
    if (update && !is_update_field(target)) continue;
    teller.field(target);
  }
  if (merge.combined == nullptr) return;
  for (const MetadataItem& item : merge.combined->metadata) {
    const std::string key = json::unescaped(item.key.substr(1, item.key.size() - 3));
    teller.entry(item, key);
  }
  if (!update) teller.time_marks();
}

}  // namespace crosswalk
