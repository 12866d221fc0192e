// To the observer: what became of a record and its fields. Nothing here decides anything.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

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
  if (!reports_) return;
  made_by_.fill({});
  if (!without_opened_) open_without();
}

/// What the adapter says with one of its settings left out, and what is known of placeholders.
void Normalizer::open_without() {
  without_opened_ = true;
  const auto leave_out = [this](const Option& option) {
    const auto given = source_.given.find(option.name);
    if (given == source_.given.end() || given->second == option.fallback) return;
    auto one = std::make_unique<Without>(Without{as_given(option.name), source_, nullptr});
    one->source.settings[option.name] = option.fallback;
    one->source.observer = nullptr;
    if (option.name == "placeholders") one->source.placeholders = true;
    one->normalizer = std::make_unique<Normalizer>(one->source);
    if (one->normalizer->open()) without_.push_back(std::move(one));
  };
  for (const Option& option : source_.info.options) leave_out(option);
  for (const Option& option : common_settings()) {
    if (option.name == "placeholders" || option.name == "deleted") leave_out(option);
  }
}

/// The same names under the same ids.
void Normalizer::bind_as(const Normalizer& other) {
  if (!other.csv_header_.empty()) {
    if (csv_header_ != other.csv_header_) (void)start_csv(other.csv_);  // where it fails, nothing is bound
    return;
  }
  (void)start_json();
  for (std::size_t id = names_.stable_count(); id < other.names_.stable_count(); ++id) {
    names_.intern(other.names_.name(static_cast<std::uint16_t>(id)));
  }
  (void)bind_new_names();
}

/// Whether another adapter's answers make the same of the field: the target, how it is read, what the word means.
bool Normalizer::says_the_same(Normalizer& other, const RecordReport::Use& use) {
  const Field& value = slot(use.target).value;
  Vocabulary &ours = vocabulary(use.target), &theirs = other.vocabulary(use.target);
  if (theirs.is_absent(use.found) || ours.meaning_of(use.found) != theirs.meaning_of(use.found)) return false;
  const auto& at = use.target == Target::started_at ? conversation_.started_at : conversation_.ended_at;
  const bool is_time = use.target == Target::started_at || use.target == Target::ended_at;
  if (is_time && at && other.is_placeholder(*at)) return false;
  if ((value.flags & Field::kMade) != 0 || value.id >= std::min(plans_.fields.size(), other.plans_.fields.size())) return true;
  const auto mapping = [&](const Normalizer& of) {
    const std::vector<Mapping>& all = of.plans_.fields[value.id]->mappings;
    const auto found = std::find_if(all.begin(), all.end(), [&](const Mapping& m) { return m.target == use.target; });
    return found == all.end() ? std::optional<std::pair<How, std::uint32_t>>() : std::pair(found->how, found->rank);
  };
  return mapping(*this) == mapping(other);
}

std::string Normalizer::as_given(std::string_view name) const {
  const auto given = source_.given.find(name);
  return fmt::format("{} = {}", name, given == source_.given.end() ? std::string_view() : std::string_view(given->second));
}

/// The settings that had a say in what stands.
void Normalizer::find_settings(RecordReport::Use& use) {
  const Slot& from = slot(use.target);
  const bool is_time = use.target == Target::started_at || use.target == Target::ended_at || use.target == Target::version;
  if ((from.value.flags & Field::kMade) == 0) {
    if (const FieldAlias* const alias = plan(from.value.id).alias) {
      use.settings.push_back(fmt::format("field.{} = {}", alias->name, alias->column));
    }
  }
  if (is_time && zone_of(from.how) == ZoneOf::record && source_.given.contains("time_zone_column")) {
    use.settings.push_back(as_given("time_zone_column"));
  }
  if (is_time && source_.given.contains("time_format")) use.settings.push_back(as_given("time_format"));
  if (use.target == Target::status && conversation_.status == kDeletedStatus && !source_.filter_deleted) {
    use.settings.push_back(as_given("deleted"));
  }
  for (const auto& one : without_) {
    one->normalizer->bind_as(*this);
    const bool named = std::find(use.settings.begin(), use.settings.end(), one->setting) != use.settings.end();
    if (!named && !says_the_same(*one->normalizer, use)) use.settings.push_back(one->setting);
  }
}

void Normalizer::add_made(Target target, Rule rule, std::string_view detail) {
  MadeBy& made = made_by_[static_cast<std::size_t>(target)];
  made.rule = rule;
  made.detail = detail;
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

/// The setting that made a word what it is, as it is written there.
std::string Normalizer::detail_of(Target target, std::string_view word, const Vocabulary::Entry& entry) const {
  if (entry.by == Rule::rest_setting) return fmt::format("{}.* = {}", name_of(target), entry.meaning);
  if (entry.by != Rule::value_map_setting) return {};
  const std::string folded = folded_word(word);
  for (const SourceConfig::Word& given : source_.words) {
    if (given.target == target && folded_word(given.word) == folded) {
      return fmt::format("{}.{} = {}", name_of(target), given.word, given.meaning);
    }
  }
  return {};
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
  RecordReport::Use use{target, "", "", made.rule, made.detail, "", made.settings};
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
        case ZoneOf::source:
          if (!source_.zone_name.empty()) use.how = fmt::format("{}, by the setting time_zone", source_.zone_name);
          break;
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
  find_settings(use);
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
        use.detail = source_.platform;
      }
      const bool stands = use.rule != Rule::none && use.rule != Rule::not_in_id_table_dropped;
      if (stands) report_.made.push_back(std::move(use));
    }
    for (const Item& item : items_) {
      RecordReport::Carried& one = report_.carried.emplace_back(std::string(item.name()), field_name(item.value));
      const bool made = (item.value.flags & Field::kMade) != 0;
      if (!made && plan(item.value.id).body && source_.include_bodies) one.settings.push_back(as_given("include_bodies"));
    }
  }
  source_.observer->take(std::move(report_));
}

}  // namespace crosswalk
