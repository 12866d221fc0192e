// What it means: from the texts of targets to times, durations, words, scores and ids.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "framing/json_lists.hpp"
#include "merge/sorter.hpp"
#include "normalize/normalizer.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// In upper or lower case; eight bytes at a time.
bool has_letter_e(std::string_view text) {
  const auto has_e = [](const char* eight) {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, eight, sizeof bytes);
    bytes = (bytes | kOnes * 0x20) ^ kOnes * 'e';  // a byte is 0 where an e stands
    return ((bytes - kOnes) & ~bytes & kOnes * 0x80) != 0;
  };
  if (text.size() < 8) return std::any_of(text.begin(), text.end(), [](char c) { return (c | 0x20) == 'e'; });
  for (std::size_t at = 0; at + 8 < text.size(); at += 8) {
    if (has_e(text.data() + at)) return true;
  }
  return has_e(text.data() + text.size() - 8);
}

/// `1.03006E+13`: a number that a spreadsheet or a double has rounded.
bool is_exponent_number(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) > '9' || !has_letter_e(text)) return false;  // nearly all ids
  text = trimmed(text);
  std::size_t e = !text.empty() && text.front() == '-' ? 1 : 0;
  while (e < text.size() && (is_digit(text[e]) || text[e] == '.' || text[e] == ',')) ++e;
  if (e == 0 || e + 1 >= text.size() || (text[e] != 'e' && text[e] != 'E')) return false;
  const auto number = [](std::string_view digits) {
    return !digits.empty() &&
           std::all_of(digits.begin(), digits.end(), [](char c) { return is_digit(c) || c == '.' || c == ','; });
  };
  std::string_view exponent = text.substr(e + 1);
  if (exponent.front() == '+' || exponent.front() == '-') exponent.remove_prefix(1);
  std::string_view mantissa = text.substr(0, e);
  if (mantissa.front() == '-') mantissa.remove_prefix(1);
  // Without a point it may well be an id such as `12e4` made of hexadecimal digits: only a sign or a point proves it.
  const bool proof = mantissa.find_first_of(".,") != std::string_view::npos || text[e + 1] == '+';
  return proof && number(mantissa) && number(exponent) && exponent.find_first_of(".,") == std::string_view::npos;
}

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
}  // namespace

std::string Normalizer::field_name(const Field& field) const {
  return (field.flags & Field::kMade) != 0 ? std::string() : std::string(names_.name(field.id));
}

/// An optional value that does not fit: dropped, counted and said; its text is kept in metadata under its own name.
void Normalizer::bad_value(Target target, std::string_view code, std::string message, const std::string& cure) {
  const Field& value = slot(target).value;
  if (source_.reject_bad_values) {
    reject(code, field_name(value), value.view(), message, cure);
    return;
  }
  count_bad(name_of(target), value.view(), std::move(message), cure);
  filled_ &= ~(1U << static_cast<unsigned>(target));  // so that place_gathered() finds it unused
}

void Normalizer::count_bad(std::string_view what, std::string_view found, std::string message, const std::string& cure) {
  const auto known = bad_.find(what);
  BadUse& use = known == bad_.end() ? bad_.emplace(std::string(what), BadUse()).first->second : known->second;
  if (use.count++ != 0 && std::pair<std::uint64_t, std::uint64_t>(file_, place_.offset) >= std::pair(use.file, use.offset))
    return;
  use.file = file_;
  use.offset = place_.offset;
  use.found = shown(found);
  use.message = std::move(message);
  use.cure = source_.cure(cure);
}

/// A page that holds its records where nobody looks for them comes as one record without an id.
void Normalizer::reject_without_id() {
  const std::string_view raw = place_.raw;
  if (walker_ && raw.find('[') != std::string_view::npos) {
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
  reject("missing_external_id", "", "", "the record has no id, so it could neither be found again nor updated",
         "correct it in the source, or leave the record out");
}

void Normalizer::understand() {
  conversation_.platform = source_.platform;
  if (has(Target::time_zone) && !find_zone()) return;
  if (!has(Target::external_id)) { return reject_without_id(); }
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
    if (!source_.enrich) understand_time(Target::started_at, kStarted, conversation_.started_at, conversation_.started_how);
    understand_time(Target::ended_at, kEnded, conversation_.ended_at, conversation_.ended_how);
    if (source_.evidence) weigh_evidence();
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
    reject("missing_started_at", "", "", "the record has no start time, and none is made up",
           "export the field that holds the creation time");
  }
}

inline void Normalizer::understand_id(Target target, std::string_view& to) {
  if (!has(target)) return;
  const Field& value = slot(target).value;
  const std::string_view text = value.view();
  const bool usual = value.kind == Kind::cell ? !is_exponent_number(text) : value.kind == Kind::string;
  if (usual) {
    to = text;
  } else {
    understand_unusual_id(target, to);
  }
}

void Normalizer::understand_unusual_id(Target target, std::string_view& to) {
  const Field& value = slot(target).value;
  // A JSON number that is an id has an exponent only where a double has written it.
  const bool number = value.kind == Kind::number && value.view().find_first_of("eE") != std::string_view::npos;
  const bool lost = number || value.kind == Kind::cell;
  if (value.kind == Kind::number && !lost) {
    to = value.view();
    return;
  }
  std::string message = lost ? "a number in exponent form has lost its last digits: which record it was can no longer be told"
                             : "an id is text or a number";
  std::string cure = number ? "export again with the ids as texts, or as whole numbers with all their digits"
                     : lost ? "export again and do not open the file in a spreadsheet, or format the column as text"
                            : "correct it in the source";
  const std::string_view code = lost ? "id_lost_digits" : "bad_id";
  if (target == Target::external_id) {
    reject(code, field_name(value), value.view(), message, cure);
  } else if (outcome_ == Outcome::going) {
    bad_value(target, code, std::move(message), cure);
  }
}

void Normalizer::understand_text(Target target, std::string_view& to) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Field& value = slot(target).value;
  if (value.kind == Kind::array || value.kind == Kind::object) {
    bad_value(target, "bad_text", "a list or an object stands where text is expected", "correct it in the source");
    return;
  }
  to = value.view();
}

void Normalizer::understand_channel() {
  if (source_.enrich) return;  // no field of what it may fill
  const bool whole = !source_.fold;
  if (!has(Target::channel)) {
    if (whole) conversation_.channel = default_channel_;
    if (whole && default_channel_ == Channel::none) {
      reject("missing_channel", "", "", "the record does not say by which channel it came",
             "--set default_channel=<phone|email|chat|sms|social|back_office>");
    }
    return;
  }
  const Field& value = slot(Target::channel).value;
  const Vocabulary::Entry& entry = vocabularies_[static_cast<std::size_t>(Target::channel)].look_up(value.view());
  conversation_.channel = entry.channel;
  if (entry.channel != Channel::none) return;
  if (default_channel_ != Channel::none) {
    if (whole) conversation_.channel = default_channel_;
    return;
  }
  reject("unknown_channel", field_name(value), value.view(),
         fmt::format("no rule says which channel \"{}\" is", shown(value.view())),
         fmt::format("--set {}=<phone|email|chat|sms|social|back_office>, or --set default_channel=<channel> for all such words",
                     shell_word("channel." + lower(trimmed(shown(value.view()))))));
}

void Normalizer::understand_status() {
  if (!has(Target::status) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::status).value;
  Vocabulary& vocabulary = vocabularies_[static_cast<std::size_t>(Target::status)];
  if (vocabulary.empty() || value.kind == Kind::array || value.kind == Kind::object) {
    understand_text(Target::status, conversation_.status);
    return;
  }
  const Vocabulary::Entry& entry = vocabulary.look_up(value.view());
  if (!entry.meaning.empty()) {
    conversation_.status = scratch_text_.keep(entry.meaning);
  } else if (!entry.known) {
    bad_value(Target::status, "unknown_status", "no rule says what this status means", "correct it in the source");
  }
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
          "fill in the field or correct the setting; --time-zone is for the records without it"};
}

TimeReading Normalizer::read_time(std::size_t reader, std::string_view text, Kind kind, How how) {
  const TimeFormat::Form form = source_.time_format.form();
  const bool epoch =
      form == TimeFormat::Form::epoch_s || form == TimeFormat::Form::epoch_ms || form == TimeFormat::Form::epoch_us;
  if (kind != Kind::cell && kind != Kind::string && !(kind == Kind::number && epoch)) {
    TimeReading reading;
    reading.fault = TimeFault::malformed;
    return reading;
  }
  if (has(Target::time_zone)) return readers_[reader].read(text, record_zone_);
  if (source_.zone == nullptr && (how == How::utc || source_.info.utc_by_document))
    return readers_[reader].read(text, source_.utc);
  return readers_[reader].read(text);
}

void Normalizer::understand_time(Target target, std::size_t reader, std::optional<Instant>& to, Known& how) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Slot& s = slot(target);
  const TimeReading reading = read_time(reader, s.value.view(), s.value.kind, s.how);
  if (reading.fault == TimeFault::none) {
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
  TimeComplaint why = complaint(fault, value.view());
  if (target == Target::started_at) {
    reject("bad_time", field_name(value), value.view(), why.message, why.cure);
  } else {
    bad_value(target, "bad_time", std::move(why.message), why.cure);
  }
}

void Normalizer::look_at_times() {
  for (const Target target : {Target::started_at, Target::ended_at, Target::version}) {
    if (!has(target)) continue;
    const Field& value = slot(target).value;
    if (value.kind == Kind::cell || value.kind == Kind::string || value.kind == Kind::number)
      survey_->column.observe(value.view());
  }
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
    const TimeReading reading = read_time(kVersion, updated.value.view(), updated.value.kind, updated.how);
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

void Normalizer::understand_duration(Target target, std::optional<Decimal>& to) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Slot& s = slot(target);
  const bool scalar = s.value.kind == Kind::cell || s.value.kind == Kind::string || s.value.kind == Kind::number;
  const auto value = scalar ? parse_duration(s.value.view(), s.how) : std::nullopt;
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
  const TimeReading reading = read_time(kVersion, s.value.view(), s.value.kind, s.how);
  if (reading.fault == TimeFault::none) {
    version_ = {reading.at.seconds, reading.at.nanos, 0, 0};
    return;
  }
  TimeComplaint why = complaint(reading.fault, s.value.view());
  bad_value(Target::version, "bad_time", std::move(why.message), why.cure);
}

void Normalizer::understand_resolved() {
  if (!has(Target::resolved) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::resolved).value;
  std::string_view meaning = value.view();
  if (value.kind != Kind::boolean) {
    Vocabulary& vocabulary = vocabularies_[static_cast<std::size_t>(Target::resolved)];
    const Vocabulary::Entry& entry = vocabulary.look_up(value.view());
    if (!entry.meaning.empty()) meaning = entry.meaning;
  }
  if (meaning == "true") {
    conversation_.resolved = true;
  } else if (meaning == "false") {
    conversation_.resolved = false;
  } else {
    bad_value(Target::resolved, "bad_boolean", "this is neither true nor false", "correct it in the source");
  }
}

void Normalizer::understand_csat() {
  if (!has(Target::csat_score) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::csat_score).value;
  std::optional<Decimal> score = value.kind == Kind::number ? parse_decimal(value.view()) : std::nullopt;
  if (value.kind == Kind::cell || value.kind == Kind::string) {
    const Vocabulary::Entry& entry = vocabularies_[static_cast<std::size_t>(Target::csat_score)].look_up(value.view());
    score = parse_decimal(entry.meaning.empty() ? value.view() : std::string_view(entry.meaning));
  }
  if (!score) {
    bad_value(Target::csat_score, "bad_score", "this is not a satisfaction score",
              "see the adapter's settings for the words and scales it takes");
  } else if (!is_score(*score)) {
    bad_value(Target::csat_score, "out_of_range", "a satisfaction score is between 1 and 5",
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
    if (!translate_id(IdKind::agent, Target::assigned_agent_id, touch.user)) return;
  }
}

/// False: the record is rejected.
bool Normalizer::translate_id(IdKind kind, Target target, std::string_view& id) {
  const IdUse& use = source_.ids[static_cast<std::size_t>(kind)];
  if (!use.table || id.empty()) return true;
  if (const auto known = use.table->find(conversation_.platform, id)) {
    ++batch_->known_ids[static_cast<std::size_t>(kind)];
    id = *known;
    return true;
  }
  key_.assign(1, static_cast<char>(kind));
  key_.append(conversation_.platform);
  entry::add(batch_->unknown_ids, key_, id);
  switch (use.unknown) {
    case IdRule::Unknown::keep: return true;
    case IdRule::Unknown::drop: id = {}; return true;
    case IdRule::Unknown::reject: break;
  }
  reject(fmt::format("unknown_{}", name_of(kind)), has(target) ? field_name(slot(target).value) : std::string(), id,
         fmt::format("the table {} has no {} \"{}\" of platform {}", use.table->path(), name_of(kind), shown(id),
                     conversation_.platform),
         fmt::format("add the row {},{},<target id>, or set unknown = \"keep\" or \"drop\"", shown(conversation_.platform),
                     shown(id)));
  return false;
}

}  // namespace crosswalk
