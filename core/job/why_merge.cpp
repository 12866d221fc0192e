// What the merge reports of one conversation, kept as it comes.
#include "job/why.hpp"

namespace crosswalk {

void MergeReport::state(std::size_t number) {
  state_ = number;
  if (states.size() <= number) states.resize(number + 1);
}

void MergeReport::record_says(Target target, const Contribution& record, Rule rule, bool stands) {
  states[state_].fields[static_cast<std::size_t>(target)].records.add(&record, rule, stands);
}

void MergeReport::entry_stands(std::string_view key, std::string_view value, const Version& version) {
  auto& said = states[state_].entries[key];
  said.insert(said.begin(), {value, version, Rule::none});
}

void MergeReport::entry_lost(std::string_view key, std::string_view value, const Version& version, Rule rule) {
  states[state_].entries[key].push_back({value, version, rule});
}

void MergeReport::replaced(const Contribution& newest, const Contribution& record, Rule rule, bool supplies) {
  replacements[&record] = {&newest, rule, supplies};
  if (!supplies) fates[&record] = Fate::superseded;
}

void MergeReport::touchpoint_lost(const Touchpoint& stands, const Touchpoint& lost, Rule rule) {
  states[state_].touchpoints.push_back({stands, lost, rule});
}

void MergeReport::touchpoints_say(Target target, const Conversation& said, std::span<const Touchpoint* const> of, Rule rule,
                                  bool stands) {
  ByTouchpoints& by = states[state_].fields[static_cast<std::size_t>(target)].touchpoints.emplace();
  by.said = said;
  for (const Touchpoint* touchpoint : of) by.of.push_back(*touchpoint);
  by.rule = rule;
  by.stands = stands;
}

void MergeReport::sum_lacks(const Touchpoint& part) { states[state_].lacking.push_back(part); }
void MergeReport::entry_made(std::string_view key, Rule rule) { states[state_].made[key] = rule; }

void MergeReport::members_are(std::span<const std::size_t> which) {
  members.assign(which.begin(), which.end());
  fields = {};
  entries.clear();
  under_their_source.clear();
  default_from.reset();
}

void MergeReport::member_says(Target target, std::size_t member, Rule rule, bool stands) {
  fields[static_cast<std::size_t>(target)].add(member, rule, stands);
}

void MergeReport::member_says(std::string_view key, std::size_t member, Rule rule, bool stands) {
  entries[key].add(member, rule, stands);
}

void MergeReport::kept_under(std::string_view key, std::uint32_t source) { under_their_source[key] = source; }
void MergeReport::default_channel(std::uint32_t source) { default_from = source; }

void MergeReport::rejected(std::size_t number, std::string_view code, std::string_view message, std::string_view cure) {
  fate = Fate::rejected;
  rejects[number] = {std::string(code), std::string(message), std::string(cure)};
}

void MergeReport::became(const Contribution& record, Fate what) { fates[&record] = what; }

void MergeReport::filtered(const Contribution& record, std::string_view rule) {
  fates[&record] = Fate::filtered;
  filters[&record] = rule;
}

void MergeReport::made(const Combined& conversation, Fate what) {
  combined = &conversation;
  fate = what;
}

}  // namespace crosswalk
