// The accounts of a run: checked, as JSON, and as lines for a person.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include "crosswalk/translate.hpp"
#include "normalize/vocabulary.hpp"
#include "pipeline/books.hpp"
#include "pipeline/summary_json.hpp"
#include "sinks/output.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

/// Most names of fields or words shown by themselves.
constexpr std::size_t kListed = 500;

Json times_json(const Summary& s) {
  Json out = Json::object();
  for (const auto& [target, counts] : s.times) {
    Json& by = out[target];
    for (std::size_t i = 0; i < kKnownCount; ++i) {
      if (counts[i] != 0) by[std::string(name_of(static_cast<Known>(i)))] = counts[i];
    }
  }
  return out;
}

Json fields_json(const Summary& s) {
  Json out = Json::object();
  std::size_t listed = 0, left = 0;
  for (const auto& [name, use] : s.fields) {
    if (use.read == 0 && use.mapped == 0 && use.carried == 0 && use.empty == 0 && use.dropped.empty()) continue;
    if (++listed > kListed) {
      ++left;
      continue;
    }
    Json& field = out[shown(name, 200)];
    field = {{"read", use.read}};
    if (use.mapped != 0) field["mapped"] = use.mapped;
    if (use.carried != 0) field["carried"] = use.carried;
    if (use.empty != 0) field["empty"] = use.empty;
    if (use.with_record != 0) field["with_record"] = use.with_record;
    if (use.repeated != 0) field["repeated"] = use.repeated;
    for (const auto& [rule, count] : use.dropped) field["dropped"][rule] = count;
  }
  if (left != 0) out["…"] = fmt::format("{} more", left);
  return out;
}

Json words_json(const Summary& s) {
  Json out = Json::object();
  for (const auto& [target, words] : s.words) {
    Json& list = out[target];
    list = Json::array();
    std::size_t listed = 0;
    for (const auto& [word, use] : words) {
      if (++listed > kListed) break;
      Json entry;
      entry["word"] = shown(word, 200);
      entry["count"] = use.count;
      entry["became"] = use.meaning.empty() ? Json(nullptr) : Json(use.meaning);
      list.push_back(std::move(entry));
    }
  }
  return out;
}

Json bad_values_json(const Summary& s) {
  Json out = Json::object();
  for (const auto& [target, reasons] : s.bad_values) {
    Json& entry = out[target];
    entry["count"] = 0;
    entry["reasons"] = Json::array();
    std::uint64_t count = 0;
    for (const auto& [reason, bad] : reasons) {
      count += bad.count;
      Json one = {{"code", bad.code}, {"count", bad.count}, {"found", bad.found}, {"message", bad.message}, {"cure", bad.cure}};
      if (!bad.input.empty()) {
        one["file"] = bad.input;
        one["line"] = bad.line;
        one["offset"] = bad.offset;
      }
      entry["reasons"].push_back(std::move(one));
    }
    entry["count"] = count;
  }
  return out;
}

Json findings_json(const Summary& s) {
  Json out = Json::object();
  for (const auto& [code, finding] : s.findings) {
    Json& entry = out[code];
    entry = {{"count", finding.count}, {"message", finding.message}, {"cure", finding.cure}};
    if (finding.input.empty()) continue;
    entry["file"] = finding.input;
    if (finding.line == 0) continue;
    entry["line"] = finding.line;
    entry["offset"] = finding.offset;
  }
  return out;
}

std::string place_of(const Finding& finding) {
  if (finding.input.empty()) return {};
  return finding.line == 0 ? finding.input + ": " : fmt::format("{} line {}: ", finding.input, finding.line);
}

/// Times that a policy decided, and how.
struct Doubtful {
  std::uint64_t count = 0;
  std::string how;
};

Doubtful doubtful(const std::array<std::uint64_t, kKnownCount>& counts) {
  Doubtful all;
  for (std::size_t i = 2; i < kKnownCount; ++i) {
    if (counts[i] == 0) continue;
    all.how += fmt::format("{}{} {}", all.count == 0 ? "" : ", ", grouped(counts[i]), name_of(static_cast<Known>(i)));
    all.count += counts[i];
  }
  return all;
}

Error unbalanced(const std::string& sum) {
  return {Errc::internal, "the books do not balance: " + sum, "this is a defect of the program; please report it with the input"};
}

}  // namespace

FieldUse& FieldUse::operator+=(const FieldUse& other) {
  mapped += other.mapped;
  carried += other.carried;
  empty += other.empty;
  read += other.read;
  repeated += other.repeated;
  with_record += other.with_record;
  for (const auto& [rule, count] : other.dropped) dropped[rule] += count;
  return *this;
}

std::uint64_t FieldUse::dropped_total() const {
  std::uint64_t all = 0;
  for (const auto& [rule, count] : dropped) all += count;
  return all;
}

Result<void> Summary::balance() const {
  if (read != translated + filtered_total + rejected_total) {
    return unbalanced(fmt::format("read {} is not translated {} + filtered {} + rejected {}", read, translated, filtered_total,
                                  rejected_total));
  }
  if (translated != written + merged + superseded + updates) {
    return unbalanced(fmt::format("translated {} is not written {} + merged {} + superseded {} + updates {}", translated, written,
                                  merged, superseded, updates));
  }
  for (const auto& [name, use] : fields) {
    if (use.balances()) continue;
    return unbalanced(fmt::format(
        "of the field \"{}\", read {} + repeated {} is not mapped {} + carried {} + empty {} + with its record {} + dropped {}",
        shown(name), use.read, use.repeated, use.mapped, use.carried, use.empty, use.with_record, use.dropped_total()));
  }
  return {};
}

void collapse_words(Summary& summary) {
  for (auto& [target, words] : summary.words) {
    if (words.size() <= Vocabulary::kDistinct && !summary.too_many_words.contains(target)) {
      if (const auto long_ones = words.find("…"); long_ones != words.end()) long_ones->second.meaning.clear();
      continue;
    }
    WordUse all;
    for (const auto& [word, use] : words) all.count += use.count;
    words.clear();
    words["…"] = all;
  }
}

void enter(const Books& books, Summary& summary) {
  summary.read += books.read;
  summary.translated += books.translated;
  summary.rejected_total += books.rejected_total;
  for (const auto& [rule, count] : books.filtered) {
    summary.filtered[rule] += count;
    summary.filtered_total += count;
  }
  for (const auto& [code, rejects] : books.rejected) {
    summary.rejected[code] += rejects.count;
    summary.reject_cures.try_emplace(code, rejects.example);
  }
}

Json accounts_of(const Summary& s) {
  Json source_json;
  source_json["name"] = s.source;
  source_json["adapter"] = s.adapter;
  if (!s.role.empty()) source_json["role"] = s.role;
  if (!s.role.empty()) source_json["instance"] = s.instance;
  source_json["inputs"] = s.inputs;
  source_json["time_zone"] = s.time_zone;
  source_json["disambiguation"] = s.disambiguation;
  source_json["read"] = s.read;
  source_json["translated"] = s.translated;
  source_json["touchpoints"] = s.touchpoints;
  source_json["repeated_touchpoints"] = s.repeated_touchpoints;
  source_json["deleted_touchpoints"] = s.deleted_touchpoints;
  if (!s.role.empty()) source_json["written"] = s.written;
  source_json["merged"] = s.merged;
  source_json["superseded"] = s.superseded;
  source_json["updates"] = s.updates;
  if (s.role == "enrich") {
    source_json["enrichment"] = {
        {"conversations", s.enrichment.conversations}, {"records", s.enrichment.records}, {"unmet", s.enrichment.unmet}};
  }
  source_json["unchanged"] = 0;
  source_json["filtered"] = s.filtered_total;
  source_json["rejected"] = s.rejected_total;
  source_json["balanced"] = s.balance().ok();
  source_json["filtered_by_rule"] = s.filtered;
  source_json["rejected_by_code"] = s.rejected;
  source_json["repeated_ids"] = s.repeated_ids;
  source_json["repeated_backwards"] = s.repeated_backwards;
  source_json["deleted_since"] = s.deleted_since;
  source_json["ids_compared"] = s.ids_compared;
  source_json["duplicate_keys"] = s.duplicate_keys;
  source_json["leap_seconds"] = s.leap_seconds;
  source_json["times"] = times_json(s);
  source_json["time_format"] = s.time_format;
  source_json["evidence"] = {{"decided", s.evidence_decided}, {"abstained", s.evidence_abstained}};
  source_json["bad_values"] = bad_values_json(s);
  source_json["findings"] = findings_json(s);
  source_json["words"] = words_json(s);
  source_json["fields"] = fields_json(s);
  source_json["notes"] = s.notes;
  source_json["bytes_read"] = s.bytes_read;
  return source_json;
}

std::string Summary::json() const {
  Json out;
  out["complete"] = complete;
  out["sources"] = Json::array({accounts_of(*this)});
  out["sinks"] = Json::array({Json{{"written", written}, {"bytes", bytes_written}}});
  out["identity"] = "read = translated + filtered + rejected; translated = written + merged + superseded";
  out["seconds"] = seconds;
  out["records_per_second"] = seconds > 0 ? static_cast<double>(read) / seconds : 0.0;
  out["peak_memory_bytes"] = peak_memory;
  out["jobs"] = jobs;
  Json& versions = out["versions"];
  versions = {{"crosswalk", version}, {"zone_data", zone_data_version}};
  if (!adapter.empty()) versions[adapter] = adapter_version;
  return out.dump() + "\n";
}

Result<void> Summary::write(const std::string& path) const {
  auto file = OutputFile::open(path, "--summary");
  if (!file) return file.error();
  if (auto ok = (*file)->write(json()); !ok) return ok;
  return (*file)->commit();
}

std::string Summary::text() const {
  std::string out;
  const auto line = [&out](std::string_view label, const std::string& text) { out += fmt::format("  {:<11}{}\n", label, text); };
  out += fmt::format("{}: {} read = {} translated + {} filtered + {} rejected\n", source, grouped(read), grouped(translated),
                     grouped(filtered_total), grouped(rejected_total));
  const std::string touched =
      touchpoints == 0
          ? std::string()
          : fmt::format(
                "{} ({} of them repeated{})", counted(touchpoints, "touchpoint"), grouped(repeated_touchpoints),
                deleted_touchpoints == 0 ? std::string() : fmt::format(", {} deleted since", grouped(deleted_touchpoints)));
  if (!role.empty()) {
    std::vector<std::string> did;
    if (written != 0) did.push_back("began " + counted(written, "conversation"));
    const std::uint64_t added = role == "enrich" ? enrichment.records : merged;
    if (added != 0) did.push_back(fmt::format("added {} to conversations", counted(added, "record")));
    if (superseded != 0) did.push_back(fmt::format("had {} superseded by newer ones", counted(superseded, "record")));
    if (updates != 0) did.push_back(fmt::format("made {} of conversations that are not in this run", counted(updates, "update")));
    if (!touched.empty() && !did.empty()) did.push_back(touched);
    if (!did.empty()) line(role, fmt::format("{}", fmt::join(did, ", ")));
  } else if (merged != 0 || touchpoints != 0) {
    line("folded", fmt::format("{} into {}{}{}", counted(translated, "record"), counted(written, "conversation"),
                               touched.empty() ? "" : ", ", touched));
  }
  for (const auto& [rule, count] : filtered) line("filtered", fmt::format("{} × {}", grouped(count), rule));
  for (const auto& [code, count] : rejected) {
    const auto cure = reject_cures.find(code);
    line("rejected", fmt::format("{} × {}{}: {}", grouped(count), code, count == 1 ? "" : ", for example",
                                 cure == reject_cures.end() ? "" : cure->second));
  }
  if (const auto channels = words.find("channel"); channels != words.end()) {
    for (const auto& [word, use] : channels->second) {
      if (use.meaning.empty()) line("no rule", fmt::format("channel \"{}\" × {}", shown(word), grouped(use.count)));
    }
  }
  for (const auto& [target, reasons] : bad_values) {
    for (const auto& [reason, bad] : reasons) {
      line("dropped", fmt::format("{} × {} (such as \"{}\"{}): {}{}{}", grouped(bad.count), target, bad.found,
                                  bad.input.empty() ? "" : fmt::format(" in {} line {}", bad.input, bad.line), bad.message,
                                  bad.cure.empty() ? "" : "; ", bad.cure));
    }
  }
  for (const auto& [code, finding] : findings) {
    line("found", fmt::format("{} × {}{}: {}{}{}{}", grouped(finding.count), code,
                              finding.count == 1 || finding.input.empty() ? "" : ", for example", place_of(finding),
                              finding.message, finding.cure.empty() ? "" : "; ", finding.cure));
  }
  for (const auto& [target, counts] : times) {
    const Doubtful doubt = doubtful(counts);
    if (doubt.count == 0) continue;
    line("times",
         fmt::format("{} of {} in {} by policy \"{}\": {}", grouped(doubt.count), target, time_zone, disambiguation, doubt.how));
  }
  if (evidence_decided + evidence_abstained != 0) {
    line("evidence",
         fmt::format("{} of {} times in repeated hours decided by the records themselves, the others by policy \"compatible\"",
                     grouped(evidence_decided), grouped(evidence_decided + evidence_abstained)));
  }
  const std::string since = deleted_since == 0 ? std::string() : fmt::format(" ({} deleted since)", grouped(deleted_since));
  const std::string_view other = ordered_by_place ? "a newer or a later one" : "a newer one";
  if (role.empty() && superseded != 0) {
    line("superseded", fmt::format("{} by {} with the same id{}", counted(superseded, "record"), other, since));
  }
  if (repeated_ids != 0 && repeats_settle) {
    line("repeated",
         fmt::format("{} {} superseded by {} with the same id{}{}; --output FILE leaves only {}, --set fold=true "
                     "merges them from the start",
                     counted(repeated_ids, "record"), repeated_ids == 1 ? "is" : "are", other, since,
                     repeated_backwards == 0 ? std::string()
                                             : fmt::format(", and update times fall backwards: {} of them behind the newer one",
                                                           grouped(repeated_backwards)),
                     ordered_by_place ? "the newest, or where that is not known the last" : "the newest"));
  } else if (repeated_ids != 0) {
    line("repeated", fmt::format("{} came again; each was written as it came, the last one counts at the receiver",
                                 counted(repeated_ids, "id")));
  }
  if (duplicate_keys != 0)
    line("duplicate", fmt::format("{} stood twice in a record; the last one counted", counted(duplicate_keys, "JSON key")));
  if (leap_seconds != 0) line("times", fmt::format("{} taken as the following second", counted(leap_seconds, "leap second")));
  for (const std::string& note : notes) line("note", note);
  if (rejected_total != 0 && !rejects_kept) line("rejects", "to keep them, with place and text: --rejects FILE");
  return printable(out);
}

Result<RejectLimit> parse_reject_limit(std::string_view text) {
  RejectLimit limit;
  const bool percent = text.ends_with('%');
  const std::string_view number = percent ? text.substr(0, text.size() - 1) : text;
  double value = -1;
  const auto [end, failed] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool whole = failed == std::errc() && end == number.data() + number.size() && std::isfinite(value) && value >= 0;
  if (!whole || (percent ? value > 100 : (value > 1e18 || value != std::floor(value)))) {
    return Error{Errc::usage, fmt::format("--max-rejects: \"{}\" is neither a number of records nor a percentage", text),
                 "for example 100 or 0.5%"};
  }
  if (percent) {
    limit.percent = value;
  } else {
    limit.count = static_cast<std::uint64_t>(value);
  }
  return limit;
}

}  // namespace crosswalk
