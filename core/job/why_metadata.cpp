// An explanation's metadata: as the fields, by key.
#include <fmt/format.h>

#include <algorithm>

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
};

}  // namespace

void tell_metadata(const WhySources& from, Why& to) {
  MetadataTeller teller(from, to);
  for (const MetadataItem& item : from.merge->combined->metadata) {
    const std::string key = json::unescaped(item.key.substr(1, item.key.size() - 3));
    teller.entry(item, key);
  }
  if (from.merge->fate != Fate::update) teller.time_marks();
}

}  // namespace crosswalk
