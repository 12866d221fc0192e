// What it means: from the texts of targets to times, durations, words, scores and ids.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iterator>
#include <utility>

#include "characters.hpp"
#include "digits.hpp"
#include "framing/json_lists.hpp"
#include "merge/sorter.hpp"
#include "normalize/normalizer.hpp"
#include "normalize/placeholders.hpp"
#include "text.hpp"
#include "time/parse.hpp"

namespace crosswalk {
namespace {

/// A cure is meant to be copied: nothing of the data may mean anything to a shell.
std::string shell_word(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

/// The setting that says what a word means.
std::string word_setting(Target target, std::string_view word) {
  return fmt::format("{}.{}", name_of(target), lower_word(shown(word)));
}

}  // namespace

std::string Normalizer::field_name(const Field& field) const {
  return (field.flags & Field::kMade) != 0 ? std::string() : std::string(names_.name(field.id));
}

/// The field that should have said what a record lacks: the column that is the first in line for it, or what the manifest names;
/// else what it should have said. Which names of JSON were met so far must have no say.
std::string Normalizer::expected_field(Target target) const {
  const Mapping* first = nullptr;
  std::string_view name;
  for (std::size_t column = 0; column < csv_header_.size(); ++column) {
    for (const Mapping& m : plans_.fields[column]->mappings) {
      if (m.target != target || (first != nullptr && m.rank >= first->rank)) continue;
      first = &m;
      name = names_.name(static_cast<std::uint16_t>(column));
    }
  }
  if (first != nullptr) return std::string(name);
  for (const auto& [made, asked_for] : source_.info.columns) {
    if (made != name_of(target)) continue;
    const auto is_it = [&, asked = std::string_view(asked_for)](const FieldAlias& alias) { return alias.name == asked; };
    const auto alias = std::find_if(source_.fields.begin(), source_.fields.end(), is_it);
    return alias == source_.fields.end() ? asked_for : alias->column;
  }
  return std::string(name_of(target));
}

/// An optional value that does not fit: dropped, counted by reason and said; its text is kept in metadata under its own name. No
/// reason: the code says it all.
void Normalizer::bad_value(Target target, std::string_view code, std::string message, const std::string& cure,
                           std::string_view reason) {
  const Field& value = slot(target).value;
  if (source_.reject_bad_values) {
    reject(code, field_name(value), value.view(), message, cure);
    return;
  }
  report_lost(target, value, Rule::bad_value, message);
  count_bad(target, code, reason.empty() ? code : reason, value.view(), std::move(message), cure);
  filled_ &= ~(1U << static_cast<unsigned>(target));  // so that place_gathered() finds it unused
}

void Normalizer::count_bad(Target target, std::string_view code, std::string_view reason, std::string_view found,
                           std::string message, const std::string& cure) {
  auto& reasons = bad_[static_cast<std::size_t>(target)];
  const auto known = reasons.find(reason);
  BadValue& bad = known == reasons.end() ? reasons.emplace(std::string(reason), BadValue()).first->second : known->second;
  if (bad.count++ != 0 && std::pair<std::uint64_t, std::uint64_t>(file_, place_.offset) >= std::pair(bad.file, bad.offset))
    return;
  bad.code = code;
  bad.file = file_;
  bad.line = line();
  bad.offset = place_.offset;
  bad.found = shown(found);
  bad.message = std::move(message);
  bad.cure = source_.cure(cure);
}

/// A page that holds its records where nobody looks for them comes as one record without an id.
void Normalizer::reject_without_id() {
  const std::string_view raw = place_.raw;
  if (absent_id_.size == 0 && walker_ && raw.find('[') != std::string_view::npos) {
    const json::HeadLook look = json::look_at_head(raw);
    if (!look.lists.empty()) {
      const json::HeadLook::List& list = look.lists.front();
      reject("missing_external_id", "", "",
             fmt::format("the record has no id, but a list of {} at {}; perhaps it is a page, and those are the records",
                         counted(list.count, "object"), list.pointer),
             fmt::format("if so: --set records_at={}", list.pointer));
      return;
    }
  }
  reject("missing_external_id", absent_id_.size != 0 ? field_name(absent_id_) : expected_field(Target::external_id),
         absent_id_.view(), "the record has no id, so it could neither be found again nor updated",
         "correct it in the source, or leave the record out");
}

void Normalizer::understand() {
  conversation_.platform = source_.platform;
  if (has(Target::time_zone) && !find_zone()) return;
  if (!has(Target::external_id)) return reject_without_id();
  understand_id(Target::external_id, conversation_.external_id);
  if (outcome_ != Outcome::going) return;
  understand_channel();
  const bool more = (filled_ & ~kFewKnow) != 0;
  if (more) {
    understand_text(Target::platform, conversation_.platform);
    understand_id(Target::queue_id, conversation_.queue_id);
    understand_id(Target::assigned_agent_id, conversation_.assigned_agent_id);
    understand_id(Target::customer_id, conversation_.customer_id);
    understand_text(Target::subject, conversation_.subject);
    understand_status();
    if (filters_deleted_ && conversation_.status == kDeletedStatus) {
      if (source_.marks_lines) mark_deletion();
      filter(kDeletedRule);
      return;
    }
    if (!source_.enrich) understand_time(Target::started_at, kStarted, conversation_.started_at, conversation_.started_how);
    understand_time(Target::ended_at, kEnded, conversation_.ended_at, conversation_.ended_how);
    if (source_.evidence) weigh_evidence();
    const Conversation& c = conversation_;
    if (c.started_at && c.ended_at && *c.ended_at < *c.started_at) [[unlikely]]
      check_order();
    understand_duration(Target::handle_time, conversation_.handle_time);
    understand_duration(Target::wait_time, conversation_.wait_time);
    understand_duration(Target::first_response_time, conversation_.first_response_time);
  }
  understand_version();
  if (more) {
    understand_resolved();
    understand_csat();
  }
  if (outcome_ != Outcome::going) return;
  if (!conversation_.started_at && source_.info.role != RecordRole::event && !source_.enrich) {
    reject("missing_started_at", expected_field(Target::started_at), "", "the record has no start time, and none is made up",
           "export the field that holds the creation time");
  }
}

inline void Normalizer::understand_id(Target target, std::string_view& to) {
  if (!has(target)) return;
  const Field& value = slot(target).value;
  const std::string_view text = value.view();
  const bool usual = value.kind <= Kind::string ? is_usual_id(text) : value.kind == Kind::number && all_digits(text);
  if (usual) {
    to = text;
  } else {
    understand_unusual_id(target, to);
  }
}

void Normalizer::understand_unusual_id(Target target, std::string_view& to) {
  if (outcome_ != Outcome::going) return;
  const Field value = slot(target).value;
  if (value.kind > Kind::number) {
    constexpr std::string_view kWhy = "an id is text or a number";
    if (target == Target::external_id) {
      reject("bad_id", field_name(value), value.view(), kWhy, "correct it in the source");
    } else {
      bad_value(target, "bad_id", std::string(kWhy), "correct it in the source");
    }
    return;
  }
  understand_id_text(target, value, to);
}

/// False: the text is no id, and that is said.
bool Normalizer::understand_id_text(Target target, const Field& value, std::string_view& to) {
  const IdText id = look_at_id(value.view(), source_.decimal_ids, id_room_);
  const bool phone = target == Target::customer_id && id.damage == IdDamage::grouped && !source_.customers_are_numbers;
  if (id.damage != IdDamage::none && !phone) {
    refuse_id(target, value, id);
    return false;
  }
  find_cleaned(id, value);
  if (id.trimmed || id.unguarded || id.whole) report_made(target, Rule::cleaned_id);
  if (id.whole) report_setting(target, "decimal_ids");
  Vocabulary& absent = vocabulary(target);
  if (id.text.empty() || (id.unguarded && absent.has_absent() && absent.is_absent(id.text))) {
    if (target == Target::external_id) {
      reject("missing_external_id", field_name(value), value.view(),
             "the record has no id, so it could neither be found again nor updated",
             "correct it in the source, or leave the record out");
    } else {
      report_lost(target, value, Rule::placeholder);
      filled_ &= ~(1U << static_cast<unsigned>(target));
    }
    return false;
  }
  to = id.text.data() == value.text ? id.text : scratch_text_.keep(id.text);
  return true;
}

/// What was done to an id before it was one.
void Normalizer::find_cleaned(const IdText& id, const Field& value) {
  const auto message = [&](std::string_view what) {
    return fmt::format("\"{}\" in {} is taken for \"{}\": {}", revealed(shown(value.view())), field_name(value), shown(id.text),
                       what);
  };
  if (id.trimmed) {
    find(
        "trimmed", [&] { return message("blanks and characters that show nothing are no part of an id"); }, "");
  }
  if (id.unguarded) {
    find(
        "text_guard", [&] { return message("the rest keeps a spreadsheet from taking it for a number"); }, "");
  }
  if (id.whole) {
    find(
        "decimal_id", [&] { return message("the setting decimal_ids says so"); }, "");
  }
}

void Normalizer::refuse_id(Target target, const Field& value, const IdText& id) {
  std::string_view code = "bad_id", message, cure, reason;
  const bool cell = value.kind == Kind::cell;
  switch (id.damage) {
    case IdDamage::lost_digits:
      code = "id_lost_digits";
      reason = id.whole ? "id_lost_digits behind the point" : code;
      message = id.whole ? "a number of so many digits has lost the last of them where it was kept with a fraction"
                         : "a number in exponent form has lost its last digits: which record it was can no longer be told";
      cure = cell ? "export again and do not open the file in a spreadsheet, or format the column as text"
                  : "export again with the ids as texts, or as whole numbers with all their digits";
      break;
    case IdDamage::decimal:
      code = "id_is_decimal";
      message = "a number with a fraction is no id: a program took the id for an amount";
      cure = "export again with the ids as texts; where the fractions are zero, --set decimal_ids=whole takes the whole numbers";
      break;
    case IdDamage::formatted:
    case IdDamage::grouped:
      code = "id_is_formatted";
      message = "a number with separators between its digits is no id: a program took the id for an amount";
      cure = "export again with the ids as texts, or format the column as text";
      break;
    case IdDamage::control:
      reason = "control character";
      message = "a control character stands within the id: the text is damaged";
      cure = "export again, or correct it in the source";
      break;
    case IdDamage::formula:
    case IdDamage::none:
      reason = "formula";
      message = "a spreadsheet's formula stands where an id should be";
      cure = "export the values again, not the formulas";
      break;
  }
  if (target == Target::external_id) {
    reject(code, field_name(value), value.view(), message, cure);
  } else {
    bad_value(target, code, std::string(message), std::string(cure), reason);
  }
}

void Normalizer::found_trimmed_word(const Field& value) {
  find(
      "trimmed",
      [&] {
        return fmt::format("\"{}\" in {}: characters that show nothing are no part of a word", revealed(shown(value.view())),
                           field_name(value));
      },
      "");
}

void Normalizer::understand_text(Target target, std::string_view& to) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Field& value = slot(target).value;
  if (value.kind == Kind::array || value.kind == Kind::object) {
    refuse_value(target, "bad_text", "a list or an object stands where text is expected", "correct it in the source");
    return;
  }
  to = value.view();
}

void Normalizer::take_default_channel() {
  if (default_channel_ == Channel::none) return;
  conversation_.channel = default_channel_;
  report_made(Target::channel, source_.default_channel_is_set ? Rule::default_channel_setting : Rule::default_channel_adapter,
              source_.default_channel);
}

void Normalizer::understand_channel() {
  if (source_.enrich) return;  // no field of what it may fill
  const bool whole = !source_.fold;
  if (!has(Target::channel)) {
    if (whole) take_default_channel();
    if (whole && default_channel_ == Channel::none) {
      reject("missing_channel", expected_field(Target::channel), "", "the record does not say by which channel it came",
             "--set default_channel=<phone|email|chat|sms|social|back_office>");
    }
    return;
  }
  const Field& value = slot(Target::channel).value;
  const Vocabulary::Entry& entry = vocabulary(Target::channel).look_up(value.view());
  conversation_.channel = entry.channel;
  if (entry.trimmed) found_trimmed_word(value);
  if (entry.channel != Channel::none) return report_word(Target::channel, entry);
  refuse_channel(value);
}

[[gnu::noinline]] void Normalizer::refuse_channel(const Field& value) {
  reject("unknown_channel", field_name(value), value.view(),
         fmt::format("no rule says which channel \"{}\" is", shown(value.view())), channel_cure(value.view()));
}

std::string Normalizer::channel_cure(std::string_view word) {
  return fmt::format("--set {}=<phone|email|chat|sms|social|back_office>, or --set 'channel.*=<channel>' for all such words",
                     shell_word(word_setting(Target::channel, word)));
}

void Normalizer::understand_status() {
  status_text_ = has(Target::status) ? slot(Target::status).value.text : nullptr;
  if (!has(Target::status) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::status).value;
  Vocabulary& statuses = vocabulary(Target::status);
  if (value.kind == Kind::array || value.kind == Kind::object) return understand_text(Target::status, conversation_.status);
  const std::string_view text = value.view();
  if (statuses.empty()) {
    conversation_.status = trimmed(text);
    if (is_plain_ascii(text)) return;
    if (const std::string seen = without_invisible(text); seen != conversation_.status) {
      conversation_.status = scratch_text_.keep(seen);
      report_made(Target::status, Rule::cleaned_word);
      found_trimmed_word(value);
    }
    return;
  }
  const Vocabulary::Entry& entry = statuses.look_up(text);
  if (entry.trimmed) found_trimmed_word(value);
  if (!entry.meaning.empty()) {
    conversation_.status = scratch_text_.keep(entry.meaning);
    report_word(Target::status, entry);
    if (!entry.known) found_unknown_status(value);
  } else if (statuses_as_given_) {
    conversation_.status = scratch_text_.keep(without_invisible(text));
  } else if (!entry.known) {
    refuse_status(value);
  }
}

[[gnu::noinline]] void Normalizer::refuse_status(const Field& value) {
  bad_value(Target::status, "unknown_status", "no rule says what this status means",
            fmt::format("--set {}=<status>, or --set 'status.*=<status>' for all such words",
                        shell_word(word_setting(Target::status, value.view()))));
}

/// A status that no rule covers is kept, in lower case.
void Normalizer::found_unknown_status(const Field& value) {
  find(
      "unknown_status",
      [&] { return fmt::format("no rule says what the status \"{}\" means; it is kept in lower case", shown(value.view())); },
      [&] {
        return fmt::format("--set {}=<status>, or --set 'status.*=<status>' for all such words",
                           shell_word(word_setting(Target::status, value.view())));
      });
}

bool Normalizer::find_zone() {
  const Field& value = slot(Target::time_zone).value;
  const std::string_view name = trimmed(value.view());
  auto known = zones_met_.find(name);
  if (known == zones_met_.end()) {
    if (zones_met_.size() == kZonesKept || name.size() > kLongestKept) zones_met_.clear();  // so of long ones there is one
    known = zones_met_.emplace(std::string(name), source_.zones->find(name)).first;
  }
  const Result<const Zone*>& zone = known->second;
  if (!zone) {
    reject("unknown_time_zone", field_name(value), name, zone.error().message, zone.error().cure);
    return false;
  }
  record_zone_ = *zone;
  return true;
}

/// Why a time was not understood. Where its zone was to come from a field, that is what is missing.
TimeComplaint Normalizer::complaint(TimeFault fault, std::string_view text) const {
  if (fault != TimeFault::no_zone || source_.time_zone_column.empty()) return explain(fault, text, source_.zone_name);
  return {fmt::format("'{}' has no offset from UTC, and the record has nothing in \"{}\" (setting time_zone_column)", shown(text),
                      source_.time_zone_column),
          "fill in the field or correct the setting; --time-zone is for the records without it", "no zone"};
}

TimeReading Normalizer::read_time(TimeReader& reader, std::string_view text, Kind kind, How how) {
  if (!source_.takes_as_time(kind)) {
    TimeReading reading;
    reading.fault = TimeFault::malformed;
    return reading;
  }
  switch (zone_of(how)) {
    case ZoneOf::record: return reader.read(text, record_zone_);
    case ZoneOf::documents: return reader.read(text, source_.utc);
    case ZoneOf::source: break;
  }
  return reader.read(text);
}

void Normalizer::understand_time(Target target, std::size_t reader, std::optional<Instant>& to, Known& how) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Slot& s = slot(target);
  const TimeReading reading = read_time(readers_[reader], s.value.view(), s.value.kind, s.how);
  if (reading.fault == TimeFault::none) {
    if (is_unlikely(reading.at) && !accept_unlikely(target, reading.at)) return;
    to = reading.at;
    how = reading.how;
    ++times_[static_cast<std::size_t>(target)][static_cast<std::size_t>(reading.how)];
    leap_seconds_ += reading.leap_second;
    return;
  }
  refuse_time(target, reading.fault);
}

void Normalizer::refuse_time(Target target, TimeFault fault) {
  const Field& value = slot(target).value;
  if (is_placeholder_text(value.view())) return refuse_placeholder(target);
  TimeComplaint why = complaint(fault, value.view());
  if (target == Target::started_at) {
    reject("bad_time", field_name(value), value.view(), why.message, why.cure);
  } else {
    bad_value(target, "bad_time", std::move(why.message), why.cure, why.reason);
  }
}

namespace {

/// The finest part of a time that its text says, in seconds.
std::int64_t unit_of(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return text.find_first_not_of("0123456789.- ") == std::string_view::npos ? 1 : 60;
  return text.size() > colon + 3 && text[colon + 3] == ':' ? 1 : 60;
}

}  // namespace

bool Normalizer::is_placeholder(Instant at) const {
  if (!source_.placeholders) return false;
  const Zone* const zone = has(Target::time_zone) ? record_zone_ : source_.zone;
  return is_placeholder_date(at.seconds) || (zone != nullptr && is_placeholder_date(at.seconds + offset_at(*zone, at.seconds)));
}

/// Of texts that are no time in the source's form, those that stand for none.
bool Normalizer::is_placeholder_text(std::string_view text) {
  text = trimmed(text);
  if (!source_.placeholders) return false;
  // Of the words those for ids, but not errors of formulas: of these there is more to say.
  const bool formula = text.starts_with('#') && (text.ends_with('!') || text.ends_with('?'));
  if (times::is_zero(text) || (!formula && vocabulary(Target::external_id).is_placeholder(text))) return true;
  return text == "-62135596800" || text == "-62135596800000" || text.starts_with("0000-00-00") ||
         text.starts_with("0000/00/00") || text.starts_with("00/00/0000") || text.starts_with("00.00.0000") ||
         text.starts_with("9999-12-31") || text.starts_with("0001-01-01");
}

/// False: it stands for no time, and that is said.
bool Normalizer::accept_unlikely(Target target, Instant at) {
  if (is_placeholder(at)) {
    refuse_placeholder(target);
    return false;
  }
  if (at.seconds > source_.latest_likely) find_future(slot(target).value);
  return true;
}

void Normalizer::find_future(const Field& value) {
  find(
      "time_in_future", [&] { return fmt::format("\"{}\" in {} is still to come", shown(value.view()), field_name(value)); },
      "check the time zone and, for numbers and dates, their form (--set time_format)");
}

void Normalizer::refuse_placeholder(Target target) {
  const Field& value = slot(target).value;
  std::string message = fmt::format("\"{}\" is what programs write where there is no time", shown(value.view()));
  constexpr std::string_view kCure = "correct it in the source; if it is meant, --set placeholders=none";
  const bool needed = target == Target::started_at && source_.info.role != RecordRole::event && !source_.enrich;
  if (needed) {
    reject("missing_started_at", field_name(value), value.view(), message + ": the record has no start time, and none is made up",
           kCure);
  } else {
    bad_value(target, "placeholder_time", std::move(message), std::string(kCure));
  }
}

/// What ended before it began has one wrong time, or two. Texts say minutes or seconds: what is not beyond the coarser unit is no
/// contradiction. Where an hour came twice or never, the other reading of a time may put them in order.
void Normalizer::check_order() {
  const std::string_view started = slot(Target::started_at).value.view(), ended = slot(Target::ended_at).value.view();
  const std::int64_t unit = std::max(unit_of(started), unit_of(ended));
  if (conversation_.started_at->seconds - conversation_.ended_at->seconds < unit || settle_by_order(unit)) return;
  --times_[static_cast<std::size_t>(Target::ended_at)][static_cast<std::size_t>(conversation_.ended_how)];
  bad_value(Target::ended_at, "ended_before_started", fmt::format("it lies before the start, \"{}\"", shown(started)),
            "correct it in the source; check the zones and the form of both times");
  refused_end_ = true;
  conversation_.ended_at.reset();
  conversation_.ended_how = Known::offset;
  conversation_.ended_by_evidence = false;
}

/// True: exactly one choice among the readings of the times in doubt puts the end behind the start, and it is taken.
bool Normalizer::settle_by_order(std::int64_t unit) {
  const TimeReading started = other_reading(Target::started_at, conversation_.started_how, conversation_.started_by_evidence);
  const TimeReading ended = other_reading(Target::ended_at, conversation_.ended_how, conversation_.ended_by_evidence);
  const bool has_started = started.fault == TimeFault::none, has_ended = ended.fault == TimeFault::none;
  const auto in_order = [unit](Instant from, Instant to) { return from.seconds - to.seconds < unit; };
  const bool by_start = has_started && in_order(started.at, *conversation_.ended_at);
  const bool by_end = has_ended && in_order(*conversation_.started_at, ended.at);
  const bool by_both = has_started && has_ended && in_order(started.at, ended.at);
  if (int{by_start} + int{by_end} + int{by_both} != 1) return false;
  const auto take = [this](Target target, const TimeReading& reading, std::optional<Instant>& at, Known& how, bool& by_evidence) {
    auto& counts = times_[static_cast<std::size_t>(target)];
    --counts[static_cast<std::size_t>(how)];
    ++counts[static_cast<std::size_t>(reading.how)];
    at = reading.at;
    how = reading.how;
    by_evidence = true;
    report_made(target, Rule::order_of_times);
    const Field& value = slot(target).value;
    find(
        "reading_by_order",
        [&] {
          return fmt::format(
              "\"{}\" in {} is of an hour that came twice or never; it is read as {}, the only reading that puts the end "
              "behind the start",
              shown(value.view()), field_name(value), name_of(reading.how));
        },
        "");
  };
  if (!by_end)
    take(Target::started_at, started, conversation_.started_at, conversation_.started_how, conversation_.started_by_evidence);
  if (!by_start) take(Target::ended_at, ended, conversation_.ended_at, conversation_.ended_how, conversation_.ended_by_evidence);
  return true;
}

/// A time in an hour that came twice or never, by the other offset. A fault: it has no other reading, or evidence has decided.
TimeReading Normalizer::other_reading(Target target, Known how, bool decided) {
  TimeReading none;
  none.fault = TimeFault::malformed;
  if (how <= Known::unique || decided) return none;
  const bool is_earlier = how == Known::repeated_earlier || how == Known::skipped_earlier;
  const Slot& s = slot(target);
  return read_time(is_earlier ? later_reader_ : earlier_reader_, s.value.view(), s.value.kind, s.how);
}

void Normalizer::look_at_values() {
  for (const Target target : {Target::started_at, Target::ended_at, Target::version}) {
    if (!has(target)) continue;
    const Field& value = slot(target).value;
    if (value.kind == Kind::cell || value.kind == Kind::string || value.kind == Kind::number)
      survey_->column.observe(value.view());
  }
  for (const Target target : {Target::handle_time, Target::wait_time, Target::first_response_time, Target::csat_score}) {
    if (has(target)) look_at_number(slot(target).value);
  }
  if (has(Target::customer_id)) survey_->customers_are_numbers |= all_digits(slot(Target::customer_id).value.view());
  if (survey_->evidence != nullptr && has(Target::external_id) && has(Target::started_at)) {
    survey_->evidence->add(slot(Target::external_id).value.view(), slot(Target::started_at).value.view());
  }
}

/// Times in a repeated hour, read as its first run so far: what the other records and created ≤ solved, created ≤ updated
/// say of them. Where nothing decides, the policy's answer stands and the abstention is counted.
void Normalizer::weigh_evidence() {
  const bool started_in_doubt = conversation_.started_at && conversation_.started_how == Known::repeated_earlier;
  const bool ended_in_doubt = conversation_.ended_at && conversation_.ended_how == Known::repeated_earlier;
  const auto second_run = [this](Target target, std::optional<Instant>& at, Known& how) {
    const TimeReading reading = later_reader_.read(slot(target).value.view());
    --times_[static_cast<std::size_t>(target)][static_cast<std::size_t>(how)];
    at = reading.at;
    how = reading.how;
    ++times_[static_cast<std::size_t>(target)][static_cast<std::size_t>(how)];
  };
  // Before the runs are told apart: of two doubtful times of one record, the one that must not be the earlier but seems
  // to be is of the second run, and so the other is of the first.
  bool runs_told_apart = started_in_doubt && ended_in_doubt && *conversation_.ended_at < *conversation_.started_at;
  if (started_in_doubt && !runs_told_apart && has(Target::version)) {
    const Slot& updated = slot(Target::version);
    const TimeReading reading = read_time(readers_[kVersion], updated.value.view(), updated.value.kind, updated.how);
    runs_told_apart =
        reading.fault == TimeFault::none && reading.how == Known::repeated_earlier && reading.at < *conversation_.started_at;
  }
  if (started_in_doubt) {
    const Evidence::Verdict verdict = runs_told_apart
                                          ? Evidence::Verdict::earlier
                                          : source_.evidence->judge(conversation_.external_id, *conversation_.started_at);
    if (verdict == Evidence::Verdict::later) second_run(Target::started_at, conversation_.started_at, conversation_.started_how);
    conversation_.started_by_evidence = verdict != Evidence::Verdict::undecided;
    ++(conversation_.started_by_evidence ? evidence_decided_ : evidence_abstained_);
  }
  if (ended_in_doubt) {
    conversation_.ended_by_evidence = conversation_.started_at && *conversation_.ended_at < *conversation_.started_at;
    if (conversation_.ended_by_evidence) second_run(Target::ended_at, conversation_.ended_at, conversation_.ended_how);
    ++(conversation_.ended_by_evidence ? evidence_decided_ : evidence_abstained_);
  }
}

/// By which mark a field's numbers have their fractions.
DecimalMark Normalizer::decimal_mark(const Field& value) const {
  if (source_.decimal_given || (value.flags & Field::kMade) != 0) return source_.decimal;
  const auto known = source_.decimal_of.find(names_.name(value.id));
  return known == source_.decimal_of.end() ? source_.decimal : known->second;
}

/// The text of a target that may be a number, as a number is read. Nothing: it is one that cannot be read, and that is said.
std::optional<std::string_view> Normalizer::number_text(Target target, std::string_view code) {
  const Field& value = slot(target).value;
  const std::string_view text = value.view();
  if (value.kind > Kind::string || all_digits(text)) return text;
  const NumberShape shape = shape_of_number(text);
  if (!shape.is_number) return text;
  const DecimalMark mark = decimal_mark(value);
  number_room_ = plain_number(text, mark);
  if (!number_room_.empty()) {
    if (source_.decimal_given) report_setting(target, "decimal");
    return number_room_;
  }
  constexpr std::string_view kCure = "--set decimal=point or --set decimal=comma says which mark stands before fractions";
  std::string why = "the field's other numbers have their fractions behind the other mark";
  std::string_view reason = "other decimal mark";
  if (source_.decimal_given) {
    why = "the setting decimal says that the other mark stands before fractions";
  } else if (mark == DecimalMark::both) {
    why = "the field has numbers with their fractions behind either mark";
  } else if (shape.is_ambiguous) {
    why = fmt::format("this is a number with a fraction, or one with a separator of thousands: {} shows which",
                      source_.numbers_are_known ? "no other number of the field" : "no number at the start of the inputs");
    reason = "unknown decimal mark";
  }
  bad_value(target, code, std::move(why), std::string(kCure), reason);
  return std::nullopt;
}

void Normalizer::look_at_number(const Field& value) {
  if (value.kind > Kind::string || all_digits(value.view()) || (value.flags & Field::kMade) != 0) return;
  const NumberShape shape = shape_of_number(value.view());
  if (!shape.is_ambiguous && shape.proves == DecimalMark::unknown) return;
  const std::string_view name = names_.name(value.id);
  const auto known = survey_->numbers.find(name);
  Survey::Numbers& seen = known == survey_->numbers.end() ? survey_->numbers[std::string(name)] : known->second;
  seen.point |= shape.proves == DecimalMark::point;
  seen.comma |= shape.proves == DecimalMark::comma;
  seen.ambiguous |= shape.is_ambiguous;
}

void Normalizer::understand_duration(Target target, std::optional<Decimal>& to) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Slot& s = slot(target);
  const std::int64_t unit = s.how == How::hours ? 3'600 : s.how == How::minutes ? 60 : 1;
  const auto whole = s.how == How::milliseconds ? std::nullopt : whole_number(s.value.view());
  std::int64_t seconds = 0;
  if (!whole || __builtin_mul_overflow(whole->digits, unit, &seconds)) return understand_unusual_duration(target, to);
  to = Decimal{seconds, 0};
}

[[gnu::noinline]] void Normalizer::understand_unusual_duration(Target target, std::optional<Decimal>& to) {
  const Slot& s = slot(target);
  const auto text = number_text(target, "bad_duration");
  if (!text) return;
  const bool scalar = s.value.kind == Kind::cell || s.value.kind == Kind::string || s.value.kind == Kind::number;
  const auto value = scalar ? parse_duration(*text, s.how) : std::nullopt;
  if (!value) {
    bad_value(target, "bad_duration", "this is not a duration", "correct it in the source");
  } else if (value->digits < 0) {
    bad_value(target, "out_of_range", "a duration cannot be negative", "correct it in the source");
  } else {
    to = value;
  }
}

/// The update time orders what records of one conversation say. A streamed source has no use for it.
void Normalizer::understand_version() {
  version_ = Version();
  version_.file = file_;
  version_.offset = place_.offset;
  if (!source_.contributes || !has(Target::version) || outcome_ != Outcome::going) return;
  const Slot& s = slot(Target::version);
  const TimeReading reading = read_time(readers_[kVersion], s.value.view(), s.value.kind, s.how);
  if (reading.fault == TimeFault::none) {
    if (is_unlikely(reading.at) && !accept_unlikely(Target::version, reading.at)) return;
    version_.seconds = reading.at.seconds;
    version_.nanos = reading.at.nanos;
    return;
  }
  if (is_placeholder_text(s.value.view())) return refuse_placeholder(Target::version);
  TimeComplaint why = complaint(reading.fault, s.value.view());
  bad_value(Target::version, "bad_time", std::move(why.message), why.cure, why.reason);
}

/// Words by the value map, whatever their JSON kind. `true` and `false` need no rule where the adapter has none for words, and
/// none as a JSON boolean in a field that is not the status as well.
void Normalizer::understand_resolved() {
  if (!has(Target::resolved) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::resolved).value;
  if (value.kind == Kind::array || value.kind == Kind::object) {
    refuse_value(Target::resolved, "bad_boolean", "a list or an object stands where a word is expected",
                 "correct it in the source");
    return;
  }
  Vocabulary& words = vocabulary(Target::resolved);
  const Vocabulary::Entry& entry = words.look_up(value.view());
  std::string_view meaning = entry.remaining ? std::string_view() : std::string_view(entry.meaning);
  const bool listed = !meaning.empty();
  if (!listed) meaning = resolved_by_status(value);
  if (!listed && !meaning.empty()) {
    report_made(Target::resolved, Rule::by_status);
  } else {
    report_word(Target::resolved, entry);
  }
  if (meaning.empty()) meaning = entry.meaning;
  const bool boolean = value.kind == Kind::boolean && value.text != status_text_;
  if (meaning.empty() && (resolved_as_given_ || boolean)) meaning = value.view();
  if (meaning == "true") {
    conversation_.resolved = true;
  } else if (meaning == "false") {
    conversation_.resolved = false;
  } else if (!words.empty()) {
    found_unknown_resolved(value);
    report_lost(Target::resolved, value, Rule::uncovered_word);
    filled_ &= ~(1U << static_cast<unsigned>(Target::resolved));  // of a field that is nothing else, so that it is carried
  } else {
    refuse_value(Target::resolved, "bad_boolean", "this is neither true nor false", "correct it in the source");
  }
}

/// Of a status that a setting has made another: what that one means.
std::string_view Normalizer::resolved_by_status(const Field& value) {
  if (source_.words.empty() || conversation_.status.empty() || status_text_ != value.text) return {};
  return vocabulary(Target::resolved).meaning_of(conversation_.status);
}

void Normalizer::found_unknown_resolved(const Field& value) {
  find(
      "unknown_resolved",
      [&] {
        return fmt::format("no rule says whether \"{}\" in {} means resolved; resolved is left out", shown(value.view()),
                           field_name(value));
      },
      [&] {
        return fmt::format("--set {}=<true|false>, or --set 'resolved.*=<true|false>' for all such words",
                           shell_word(word_setting(Target::resolved, value.view())));
      });
}

/// A word's score, or the number. `1.0` is the word `1` of a value map.
std::optional<Decimal> Normalizer::score_of(const Field& value) {
  Vocabulary& words = vocabulary(Target::csat_score);
  if (!words.empty()) {
    const Vocabulary::Entry& entry = words.look_up(value.view());
    report_word(Target::csat_score, entry);
    if (!entry.meaning.empty()) return parse_decimal(entry.meaning);
  }
  const auto text = number_text(Target::csat_score, "bad_score");
  if (!text) return std::nullopt;
  const std::optional<Decimal> number = parse_decimal(*text);
  if (!number || number->scale != 0 || words.empty()) return number;
  if (is_digit(text->front()) && text->size() == 1) return number;  // as it was looked up
  const std::string_view meaning = words.meaning_of(fmt::format("{}", number->digits));
  if (!meaning.empty()) report_made(Target::csat_score, Rule::value_map);
  return meaning.empty() ? number : parse_decimal(meaning);
}

void Normalizer::understand_csat() {
  if (!has(Target::csat_score) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::csat_score).value;
  std::optional<Decimal> score;
  if (value.kind <= Kind::boolean) { score = score_of(value); }
  if (!score) {
    refuse_value(Target::csat_score, "bad_score", "this is not a satisfaction score",
                 "see the adapter's settings for the words and scales it takes");
  } else if (!is_score(*score)) {
    refuse_value(Target::csat_score, "out_of_range", "a satisfaction score is between 1 and 5",
                 "see the adapter's settings for the words and scales it takes");
  } else {
    conversation_.csat_score = score;
  }
}

/// Ids of people and queues, by the job's tables.
void Normalizer::translate_ids() {
  if (!translate_id(IdKind::agent, Target::assigned_agent_id, conversation_.assigned_agent_id) ||
      !translate_id(IdKind::queue, Target::queue_id, conversation_.queue_id) ||
      !translate_id(IdKind::customer, Target::customer_id, conversation_.customer_id)) {
    return;
  }
  for (Touchpoint& touch : touches_) {
    if (!translate_id(IdKind::agent, Target::none, touch.user)) return;
  }
}

/// False: the record is rejected.
bool Normalizer::translate_id(IdKind kind, Target target, std::string_view& id) {
  const IdUse& use = source_.ids[static_cast<std::size_t>(kind)];
  if (!use.table || id.empty()) return true;
  if (const auto row = use.table->find(conversation_.platform, id, source_.instance)) {
    ++batch_->known_ids[static_cast<std::size_t>(kind)];
    if (reports_) report_made(target, Rule::id_table, fmt::format("{}, line {}", use.table->path(), row->line));
    id = row->target;
    return true;
  }
  key_.assign(1, static_cast<char>(kind));
  key_.append(conversation_.platform);
  entry::add(batch_->unknown_ids, key_, id);
  switch (use.unknown) {
    case IdRule::Unknown::keep: report_made(target, Rule::not_in_id_table, use.table->path()); return true;
    case IdRule::Unknown::drop:
      id = {};
      if (has(target)) report_lost(target, slot(target).value, Rule::not_in_id_table_dropped, use.table->path());
      report_made(target, Rule::not_in_id_table_dropped);
      return true;
    case IdRule::Unknown::reject: break;
  }
  reject(fmt::format("unknown_{}", name_of(kind)), has(target) ? field_name(slot(target).value) : std::string(), id,
         fmt::format("the table {} has no {} \"{}\" of platform {}{}{}", use.table->path(), name_of(kind), shown(id),
                     conversation_.platform, source_.instance.empty() ? "" : ", instance ", source_.instance),
         fmt::format("add the row {},{},<target id>, or set unknown = \"keep\" or \"drop\"", shown(conversation_.platform),
                     shown(id)));
  return false;
}

}  // namespace crosswalk
