// To the observer: what became of a record and its fields. Nothing here decides anything.
#include <fmt/format.h>

#include "framing/lines.hpp"
#include "normalize/normalizer.hpp"
#include "text.hpp"

namespace crosswalk {

std::uint64_t last_line_of(std::uint64_t first, std::string_view record) {
  while (!record.empty() && (record.back() == '\n' || record.back() == '\r')) record.remove_suffix(1);
  return first + count_lines(record);
}

void Normalizer::begin_report() {
  report_ = {};
  reports_ = source_.observer->wants(file_, line(), place_.offset, place_.raw);
  if (reports_) made_by_.fill({});
}

void Normalizer::add_lost(Target target, const Field& value, Rule rule, std::string_view detail) {
  report_.lost.push_back({target, field_name(value), std::string(value.view()), rule, std::string(detail), ""});
}

void Normalizer::report_entry(Target target, const Vocabulary::Entry& entry) {
  if (entry.by == Rule::none) return;
  MadeBy& made = made_by_[static_cast<std::size_t>(target)];
  made.rule = entry.by;
  made.detail = detail_of(target, slot(target).value.view(), entry);
}

/// The setting that made a word what it is.
std::string Normalizer::detail_of(Target target, std::string_view word, const Vocabulary::Entry& entry) {
  if (entry.by == Rule::rest_setting) return fmt::format("{}.* = {}", name_of(target), entry.meaning);
  if (entry.by != Rule::value_map_setting) return {};
  return fmt::format("{}.{} = {}", name_of(target), folded_word(word), entry.meaning);
}

void Normalizer::report_reject(std::string_view code, std::string_view field, std::string_view found, std::string_view message,
                               std::string_view cure) {
  report_.code = code;
  report_.field = field;
  report_.found = shown(found, 200);
  report_.message = message;
  report_.cure = cure;
}

/// Of a record that framing refuses, no field is known.
void Normalizer::report_fault(const FrameFault& fault, std::string_view cure) {
  RecordReport report;
  report.file = file_;
  report.line = fault.line;
  report.offset = fault.offset;
  report.size = fault.size;
  report.last_line = fault.text.size() < fault.size ? UINT64_MAX : last_line_of(fault.line, fault.text);
  report.fate = RecordReport::Fate::rejected;
  report.code = fault.code;
  report.field = fault.field;
  report.found = shown(fault.found, 200);
  report.message = fault.message;
  report.cure = cure;
  source_.observer->take(std::move(report));
}

/// What stands for a target: its field, and how that was read.
RecordReport::Use Normalizer::use_of(Target target) {
  const MadeBy& made = made_by_[static_cast<std::size_t>(target)];
  RecordReport::Use use{target, "", "", made.rule, made.detail, ""};
  if (!has(target)) return use;
  const Slot& from = slot(target);
  use.field = field_name(from.value);
  use.found = from.value.view();
  if (use.rule == Rule::none) use.rule = (from.value.flags & Field::kMade) != 0 ? Rule::made_by_adapter : Rule::as_written;
  switch (target) {
    case Target::started_at:
    case Target::ended_at:
    case Target::version:
      switch (zone_of(from.how)) {
        case ZoneOf::record:
          use.how = fmt::format("{}, by \"{}\"", slot(Target::time_zone).value.view(), field_name(slot(Target::time_zone).value));
          break;
        case ZoneOf::documents: use.how = "UTC, by the source's documents"; break;
        case ZoneOf::source: use.how = source_.zone_name; break;
      }
      break;
    case Target::handle_time:
    case Target::wait_time:
    case Target::first_response_time:
      if (from.how == How::minutes) use.how = "in minutes";
      if (from.how == How::hours) use.how = "in hours";
      if (from.how == How::milliseconds) use.how = "in milliseconds";
      break;
    default: break;
  }
  return use;
}

void Normalizer::end_report() {
  if (!reports_ && outcome_ == Outcome::going) return;
  report_.file = file_;
  report_.line = line();
  report_.offset = place_.offset;
  report_.size = place_.raw.size();
  report_.last_line = last_line_of(report_.line, place_.raw);
  report_.fate = outcome_ == Outcome::going      ? RecordReport::Fate::translated
                 : outcome_ == Outcome::filtered ? RecordReport::Fate::filtered
                                                 : RecordReport::Fate::rejected;
  if (has(Target::external_id)) {
    // Of one that was refused before its id was understood, the id as it is written: it may be asked for by that.
    if (conversation_.external_id.empty()) conversation_.external_id = slot(Target::external_id).value.view();
    report_.id = conversation_.external_id;
    report_.external_id = external_id();
  }
  if (reports_) {
    for (std::size_t t = 1; t < kTargetCount; ++t) {
      const auto target = static_cast<Target>(t);
      RecordReport::Use use = use_of(target);
      if (target == Target::platform && use.rule == Rule::none) {
        use.rule = source_.platform_is_set ? Rule::platform_setting : Rule::platform_adapter;
      }
      const bool stands = use.rule != Rule::none && use.rule != Rule::not_in_id_table_dropped;
      if (stands) report_.made.push_back(std::move(use));
    }
    for (const Item& item : items_) report_.carried.push_back({std::string(item.name()), field_name(item.value)});
  }
  source_.observer->take(std::move(report_));
}

}  // namespace crosswalk
