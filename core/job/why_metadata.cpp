// An explanation's metadata: as the fields, by key.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "encode/conversation_json.hpp"
#include "framing/json_text.hpp"
#include "job/why_witness.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {
namespace {

class MetadataTeller : WitnessTeller {
 public:
  using WitnessTeller::WitnessTeller;

  void entry(const MetadataItem& item, const std::string& key) {
    WhyField out;
    out.name = "metadata." + key;
    out.value = item.value;
    if (const auto kept = merge_.under_their_source.find(item.key); kept != merge_.under_their_source.end()) {
      Witness& w = out.witnesses.emplace_back();
      w.record.source = plan_.sources[kept->second].config->name;
      w.value = out.value;
      const std::string said = overruled(kept->second, w.of);
      add_rule(w, Rule::under_its_source, true, said);
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

  /// What records said that were replaced, under keys that the newest has nothing for.
  void erased() {
    const auto& standing = merge_.combined->metadata;
    std::map<std::string_view, WhyField> fields;
    for (const std::size_t state : merge_.members) {
      for (const auto& [key, said] : merge_.states[state].entries) {
        const auto is_it = [key = key](const MetadataItem& item) { return item.key == key; };
        if (std::any_of(standing.begin(), standing.end(), is_it)) continue;
        WhyField& out = fields[key];
        out.name = "metadata." + json::unescaped(key.substr(1, key.size() - 3));
        for (const Contribution& c : group_.of(state)) {
          const auto item = std::find_if(c.metadata.begin(), c.metadata.end(), is_it);
          if (item == c.metadata.end()) continue;
          Witness w = said_by(c, *item);
          add_lost(w, c, rule_of(said, item->value, c.version));
          out.witnesses.push_back(std::move(w));
        }
      }
    }
    for (auto& [key, field] : fields) why_.fields.push_back(std::move(field));
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
      add_rule(w, made->second, true, made->second == Rule::touchpoint_counts ? counted(state, w.of) : std::string());
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
      Witness w = said_by(c, *item);
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

  /// What a source says under keys whose values are of other sources, by the records that say it.
  std::string overruled(std::uint32_t source, std::vector<WhyOperand>& of) const {
    std::string all;
    for (const auto& [key, contest] : merge_.entries) {
      for (const auto& side : contest.sides) {
        const std::size_t state = merge_.members[side.who];
        if (group_.sources()[state] != source || side.lost == Rule::none || side.lost == Rule::same_value) continue;
        const auto is_it = [key = key](const auto& item) { return item.key == key; };
        const auto& standing = group_.states()[state]->metadata;
        const auto value = std::find_if(standing.begin(), standing.end(), is_it);
        for (const Contribution& c : group_.of(state)) {
          const auto item = std::find_if(c.metadata.begin(), c.metadata.end(), is_it);
          if (value == standing.end() || item == c.metadata.end() || item->value != value->value) continue;
          of.push_back({witness(c).record, number_of(c), std::string(item->value)});
          all += fmt::format("{}\"{}\" [{}]", all.empty() ? "" : ", ", field_of(c, key), of.back().number);
          break;
        }
        break;  // of several conversations of one source, the first one's
      }
    }
    return all;
  }

  /// The touchpoints of each kind, by the records that tell them.
  std::string counted(std::size_t state, std::vector<WhyOperand>& of) const {
    std::map<TouchKind, std::string> kinds;
    for (const Touchpoint& t : group_.states()[state]->touchpoints) {
      WhyOperand& operand = of.emplace_back();
      operand.value = fmt::format("\"{}\"", text_of(t.at));
      std::string& told = kinds[t.kind];
      const Contribution* const teller = teller_of(group_, state, t);
      if (teller == nullptr) continue;
      operand.record = witness(*teller).record;
      operand.number = number_of(*teller);
      told += fmt::format("{}[{}]", told.empty() ? "" : " ", operand.number);
    }
    std::string all;
    for (const auto& [kind, told] : kinds) all += fmt::format("{}{} {}", all.empty() ? "" : ", ", name_of(kind), told);
    return all;
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

  /// What a record says under a key, and of which field.
  [[nodiscard]] Witness said_by(const Contribution& c, const MetadataItem& item) const {
    Witness w = witness(c);
    w.field = field_of(c, item.key);
    add_settings(w, settings_of(c, item.key));
    w.value = item.value;
    return w;
  }
  [[nodiscard]] const RecordReport::Carried* carried(const Contribution& c, std::string_view key) const {
    const RecordReport* const report = report_of(c);
    if (report == nullptr) return nullptr;
    const auto found =
        std::find_if(report->carried.begin(), report->carried.end(), [&](const auto& one) { return one.key == key; });
    return found == report->carried.end() ? nullptr : &*found;
  }
  /// The source's field that is carried under a key.
  [[nodiscard]] std::string field_of(const Contribution& c, std::string_view key) const {
    const RecordReport::Carried* const one = carried(c, key);
    return one != nullptr ? one->field : json::unescaped(key.substr(1, key.size() - 3));
  }
  [[nodiscard]] std::vector<std::string> settings_of(const Contribution& c, std::string_view key) const {
    const RecordReport::Carried* const one = carried(c, key);
    return one != nullptr ? one->settings : std::vector<std::string>();
  }
};

}  // namespace

void tell_metadata(const WhySources& from, Why& to) {
  MetadataTeller teller(from, to);
  for (const MetadataItem& item : from.merge->combined->metadata) {
    const std::string key = json::unescaped(item.key.substr(1, item.key.size() - 3));
    teller.entry(item, key);
  }
  teller.erased();
  if (from.merge->fate != Fate::update) teller.time_marks();
}

}  // namespace crosswalk
