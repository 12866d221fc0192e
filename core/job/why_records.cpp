// An explanation's records: what became of each, and why they are one conversation.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "framing/json_text.hpp"
#include "job/why.hpp"
#include "pipeline/source.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::array kFields = {Target::platform,    Target::channel,     Target::queue_id,  Target::assigned_agent_id,
                                Target::customer_id, Target::subject,     Target::status,    Target::started_at,
                                Target::ended_at,    Target::handle_time, Target::wait_time, Target::first_response_time,
                                Target::resolved,    Target::csat_score};

std::string time_text(std::int64_t seconds, std::uint32_t nanos) {
  Buffer out;
  add_time(out, {seconds, nanos});
  return std::string(out.view().substr(1, out.size() - 2));
}

std::string_view name_of(RecordReport::Fate fate) {
  switch (fate) {
    case RecordReport::Fate::translated: return "translated";
    case RecordReport::Fate::filtered: return "filtered";
    case RecordReport::Fate::rejected: return "rejected";
  }
  return "";
}

void put_place(const SourceConfig& config, std::uint32_t file, std::uint64_t line, std::uint64_t offset, RecordPlace& to) {
  to.source = config.name;
  to.file = config.inputs[file];
  to.line = line;
  to.offset = offset;
}

/// A record that the merge never saw.
WhyRecord left_out(const SourceConfig& config, const RecordReport& report) {
  WhyRecord record;
  put_place(config, report.file, report.line, report.offset, record.place);
  record.place.size = report.size;
  record.id = report.id;
  record.fate = name_of(report.fate);
  record.code = report.code;
  record.message = report.message;
  record.cure = report.cure;
  record.field = report.field;
  record.found = report.found;
  record.uses = tell_uses(report);
  return record;
}

/// Which record of a snapshot replaced which, and touchpoints that another record tells again or takes back.
void add_remarks(const WhySources& from, Why& to) {
  std::map<const Contribution*, std::size_t> numbers;
  for (std::size_t i = 0; i < from.group->states().size(); ++i) {
    for (const Contribution& c : from.group->of(i)) numbers.emplace(&c, numbers.size() + 1);
  }
  for (const auto& [record, how] : from.merge->replacements) {
    to.records[numbers[record] - 1].remarks.push_back(
        fmt::format("{} by [{}]{}: {}", how.supplies ? "replaced" : "replaced as a whole", numbers[how.newest],
                    how.supplies ? " but for columns that its file lacks" : "", words_of(how.rule, true)));
  }
  for (std::size_t i = 0; i < from.group->states().size(); ++i) {
    for (const MergeReport::LostTouchpoint& one : from.merge->states[i].touchpoints) {
      const Contribution *const lost = teller_of(*from.group, i, one.lost), *const again = teller_of(*from.group, i, one.stands);
      if (lost == nullptr || again == nullptr) continue;
      const std::string again_by = fmt::format("[{}]", numbers[again]);
      const std::string at = time_text(one.lost.at.seconds, one.lost.at.nanos);
      to.records[numbers[lost] - 1].remarks.push_back(
          one.stands.deleted ? fmt::format("its touchpoint at {} does not count: {} says that it is deleted; {}", at, again_by,
                                           words_of(one.rule, true))
          : one.rule == Rule::same_value
              ? fmt::format("its touchpoint at {} is told by {} too (equal ids), and counts once", at, again_by)
              : fmt::format("its touchpoint at {} does not count: {} tells it as well (equal ids); {}", at, again_by,
                            words_of(one.rule, true)));
    }
  }
}

}  // namespace

const Contribution* teller_of(const GroupStates& group, std::size_t state, const Touchpoint& touchpoint) {
  const auto is_it = [&](const Touchpoint& t) {
    return t.id == touchpoint.id && t.at == touchpoint.at && t.version == touchpoint.version && t.kind == touchpoint.kind &&
           t.user == touchpoint.user;
  };
  for (const Contribution& c : group.of(state)) {
    if (std::any_of(c.touchpoints.begin(), c.touchpoints.end(), is_it)) return &c;
  }
  return nullptr;
}

std::span<const Target> fields_to_explain() { return kFields; }

std::string json_of(const Conversation& c, Target target) {
  Buffer out;
  const auto text = [&out](std::string_view value) {
    if (!value.empty()) add_json_string(out, value);
  };
  const auto decimal = [&out](const std::optional<Decimal>& value) {
    if (value) add_decimal(out, *value);
  };
  const auto time = [&out](const std::optional<Instant>& value) {
    if (value) add_time(out, *value);
  };
  switch (target) {
    case Target::platform: text(c.platform); break;
    case Target::channel: text(name_of(c.channel)); break;
    case Target::queue_id: text(c.queue_id); break;
    case Target::assigned_agent_id: text(c.assigned_agent_id); break;
    case Target::customer_id: text(c.customer_id); break;
    case Target::subject: text(c.subject); break;
    case Target::status: text(c.status); break;
    case Target::started_at: time(c.started_at); break;
    case Target::ended_at: time(c.ended_at); break;
    case Target::handle_time: decimal(c.handle_time); break;
    case Target::wait_time: decimal(c.wait_time); break;
    case Target::first_response_time: decimal(c.first_response_time); break;
    case Target::resolved:
      if (c.resolved) out.add(*c.resolved ? std::string_view("true") : std::string_view("false"));
      break;
    case Target::csat_score: decimal(c.csat_score); break;
    default: break;
  }
  return std::string(out.view());
}

std::string words_of(Rule rule, bool stands, std::string_view detail, std::string_view second) {
  std::string words(stands ? text_of(rule).stands : text_of(rule).lost);
  std::size_t at = 0;
  for (const std::string_view part : {detail, second}) {
    at = words.find("{}", at);
    if (at == std::string::npos) break;
    words.replace(at, 2, part);
    at += part.size();
  }
  return words;
}

std::string words_of(const std::vector<std::string>& settings) {
  if (settings.empty()) return {};
  return fmt::format("by the setting{} {}", settings.size() == 1 ? "" : "s", fmt::join(settings, " and "));
}

std::vector<WhyUse> tell_uses(const RecordReport& report) {
  std::vector<WhyUse> uses;
  const auto add = [&uses](const RecordReport::Use& use, bool stands) {
    std::string verdict = words_of(use.rule, stands, use.detail);
    if (!verdict.empty() && !use.settings.empty()) verdict += "; ";
    verdict += words_of(use.settings);
    uses.push_back(
        {std::string(crosswalk::name_of(use.target)), use.field, use.found, use.how, std::move(verdict), use.settings, stands});
  };
  // Of a record that is left out nothing stands, and not all of its fields were looked at.
  const bool stands = report.fate == RecordReport::Fate::translated;
  for (const RecordReport::Use& use : report.made) add(use, true);
  for (const RecordReport::Use& use : report.lost) add(use, false);
  for (const RecordReport::Carried& one : report.carried) {
    uses.push_back({"metadata." + json::unescaped(one.key.substr(1, one.key.size() - 3)), one.field, "", "",
                    words_of(one.settings), one.settings, true});
  }
  for (WhyUse& use : uses) use.stands = use.stands && stands;
  return uses;
}

void tell_records(const WhySources& from, const std::string& external_id, const RecordReport* asked, std::uint32_t asked_source,
                  Why& to) {
  const MergePlan& plan = from.merger.plan();
  std::vector<RecordReports> rest = from.reports;
  const auto is_asked = [&](std::uint32_t source, std::uint32_t file, std::uint64_t offset) {
    return asked != nullptr && asked_source == source && asked->file == file && asked->offset == offset;
  };
  for (std::size_t i = 0; from.group != nullptr && i < from.group->states().size(); ++i) {
    for (const Contribution& c : from.group->of(i)) {
      const MergeSource& source = plan.sources[c.source];
      WhyRecord& record = to.records.emplace_back();
      put_place(*source.config, c.origin.file, c.origin.line, c.origin.offset, record.place);
      record.id = c.id;
      if (c.version.seconds != INT64_MIN) record.version = time_text(c.version.seconds, c.version.nanos);
      record.enriches = source.enrich;
      record.asked = is_asked(c.source, c.origin.file, c.origin.offset);
      if (const auto fate = from.merge->fates.find(&c); fate != from.merge->fates.end()) {
        record.fate = crosswalk::name_of(fate->second);
        if (const auto rule = from.merge->filters.find(&c); rule != from.merge->filters.end()) record.code = rule->second;
      } else if (const auto why = from.merge->rejects.find(i); why != from.merge->rejects.end()) {
        record.fate = crosswalk::name_of(Fate::rejected);
        record.code = why->second.code;
        record.message = why->second.message;
        record.cure = why->second.cure;
      }
      const auto known = rest[c.source].find({c.origin.file, c.origin.offset});
      if (known == rest[c.source].end()) continue;
      record.place.size = known->second.size;
      if (record.asked) {
        RecordReport report = known->second;
        if (record.fate == crosswalk::name_of(Fate::filtered)) report.fate = RecordReport::Fate::filtered;
        record.uses = tell_uses(report);
      }
      rest[c.source].erase(known);
    }
  }
  if (from.group != nullptr) add_remarks(from, to);
  for (std::uint32_t s = 0; s < rest.size(); ++s) {
    for (const auto& [place, report] : rest[s]) {
      const bool wanted = is_asked(s, report.file, report.offset);
      if (!wanted && (external_id.empty() || report.external_id != external_id)) continue;
      to.records.push_back(left_out(*plan.sources[s].config, report));
      to.records.back().asked = wanted;
    }
  }
}

std::string tell_id(const WhySources& from, const std::string& asked, const Why& why) {
  const Job& job = from.job;
  std::string rule = job.external_id.empty() ? "the record's own id" : fmt::format("by the template {}", job.external_id);
  const LinkedGroup* const linked = from.merger.linked(why.external_id);
  if (linked != nullptr) {
    std::vector<std::string> rules;
    for (const std::size_t r : linked->rules) {
      rules.push_back(fmt::format("{} = {}", job.links[r].left.text, job.links[r].right.text));
    }
    std::vector<std::string_view> members = linked->members;
    const auto first = std::find(members.begin(), members.end(), linked->survivor);
    if (first != members.end()) std::rotate(members.begin(), first, first + 1);
    const bool ordered = job.priorities.contains(Target::external_id);
    if (linked->survivor.empty()) {
      rule += fmt::format("; left apart: {} are linked, by {}, but would be several conversations of source \"{}\" in one",
                          fmt::join(linked->members, ", "), fmt::join(rules, " and "), job.sources[linked->conflict].name);
    } else {
      rule +=
          fmt::format("; {} are linked, by {}; the first of them in the order of {} names the whole", fmt::join(members, ", "),
                      fmt::join(rules, " and "), ordered ? "[merge.fields] external_id" : "the sources");
    }
  }
  if (!asked.empty() && asked != why.external_id) rule += fmt::format("; {} is a part of it", asked);
  if (why.fate == name_of(Fate::update)) {
    rule += from.merge->rejects.empty() ? "; no source but those with role = \"enrich\" knows it, so it is an update"
                                        : "; what the other sources say of it is rejected, so it is an update";
  }
  return rule;
}

}  // namespace crosswalk
