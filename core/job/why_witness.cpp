#include "job/why_witness.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

std::string text_of(const Instant& at) {
  Buffer out;
  add_time(out, at);
  return std::string(out.view().substr(1, out.size() - 2));
}

std::string text_of(const Decimal& value) {
  Buffer out;
  add_decimal(out, value);
  return std::string(out.view());
}

void WitnessTeller::add_rule(Witness& w, Rule rule, bool stands, std::string_view detail, std::string_view second) {
  if (rule == Rule::none || rule == Rule::as_written) return;
  w.rules.emplace_back(text_of(rule).code);
  const std::string words = words_of(rule, stands, detail, second);
  if (!words.empty()) w.verdict += (w.verdict.empty() ? "" : "; ") + words;
}

void WitnessTeller::add_settings(Witness& w, const std::vector<std::string>& settings) {
  w.settings.insert(w.settings.end(), settings.begin(), settings.end());
  if (!settings.empty()) w.verdict += (w.verdict.empty() ? "" : "; ") + words_of(settings);
}

bool WitnessTeller::is_of_its_source(Rule rule) {
  return rule == Rule::platform_adapter || rule == Rule::platform_setting || rule == Rule::default_channel_adapter ||
         rule == Rule::default_channel_setting;
}

void WitnessTeller::say_unrivalled(WhyField& out) {
  Witness& first = out.witnesses.front();
  if (first.number == 0 || !first.of.empty()) return;
  if (out.witnesses.size() == 1) return add_rule(first, Rule::only, true);
  const auto agrees = [&](const Witness& w) { return w.value == first.value; };
  if (std::all_of(out.witnesses.begin() + 1, out.witnesses.end(), agrees)) add_rule(first, Rule::undisputed, true);
}

const RecordReport* WitnessTeller::report_of(const Contribution& c) const {
  const auto known = reports_[c.source].find({c.origin.file, c.origin.offset});
  return known == reports_[c.source].end() ? nullptr : &known->second;
}

std::size_t WitnessTeller::number_of(const Contribution& c) const {
  const SourceConfig& config = *plan_.sources[c.source].config;
  const auto found = std::find_if(why_.records.begin(), why_.records.end(), [&](const WhyRecord& record) {
    return record.place.offset == c.origin.offset && record.place.source == config.name &&
           record.place.file == config.inputs[c.origin.file];
  });
  return found == why_.records.end() ? 0 : static_cast<std::size_t>(found - why_.records.begin()) + 1;
}

Witness WitnessTeller::witness(const Contribution& c) const {
  Witness w;
  w.number = number_of(c);
  if (w.number != 0) w.record = why_.records[w.number - 1].place;
  return w;
}

Witness WitnessTeller::witness(const Contribution& c, Target target) const {
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
      add_settings(w, use->settings);
      if (is_of_its_source(use->rule)) {
        w.number = 0;
        w.record = {};
        w.record.source = plan_.sources[c.source].config->name;
      }
    }
  }
  if (is_time(target)) w.how = how_of(c.conversation, target, c.source, zone);
  return w;
}

std::string WitnessTeller::how_of(const Conversation& c, Target target, std::uint32_t source, const std::string& zone) const {
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
std::string WitnessTeller::text_of_touchpoint(std::size_t state, const Touchpoint& t, bool duration) const {
  const Contribution* const teller = teller_of(group_, state, t);
  const std::string what = duration ? text_of(t.duration) : "at " + text_of(t.at);
  return teller == nullptr ? what : fmt::format("[{}] {}", number_of(*teller), what);
}

Witness WitnessTeller::witness(std::size_t state, Target target, const MergeReport::ByTouchpoints& by) const {
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
    operand.value = durations ? text_of(t.duration) : fmt::format("\"{}\"", text_of(t.at));
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
  if (target == Target::channel && first != nullptr) add_type(w, *first, by.of.front());
  return w;
}

/// The word that a setting made a touchpoint's kind of.
void WitnessTeller::add_type(Witness& w, const Contribution& teller, const Touchpoint& t) const {
  const RecordReport* const report = report_of(teller);
  if (report == nullptr) return;
  for (const RecordReport::Typed& typed : report->touchpoints) {
    if (typed.id != t.id) continue;
    w.found = typed.word;
    return add_rule(w, typed.rule, true, typed.detail);
  }
}

void WitnessTeller::add_lost(Witness& w, const Contribution& record, Rule rule) const {
  const auto replaced = merge_.replacements.find(&record);
  if (replaced == merge_.replacements.end()) return add_rule(w, rule, false);
  add_rule(w, Rule::replaced, false, fmt::format("[{}]", number_of(*replaced->second.newest)), words_of(rule, true));
  w.rules.emplace_back(text_of(rule).code);
}

std::string WitnessTeller::newest_of(std::size_t state) const {
  for (const Contribution& c : group_.of(state)) {
    const auto replaced = merge_.replacements.find(&c);
    if (replaced != merge_.replacements.end()) return fmt::format("[{}]", number_of(*replaced->second.newest));
  }
  return "the newest record";
}

}  // namespace crosswalk
