// The accounts of a job: checked, as JSON, and as lines for a person.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosswalk/job.hpp"
#include "pipeline/summary_json.hpp"
#include "sinks/output.hpp"
#include "text.hpp"

namespace crosswalk {

std::uint64_t JobSummary::rejected() const {
  std::uint64_t sum = 0;
  for (const Summary& s : sources) sum += s.rejected_total;
  return sum;
}

Result<void> JobSummary::balance() const {
  constexpr std::string_view kCure = "this is a defect of the program; please report it with the job";
  std::uint64_t written = 0, updated = 0;
  for (const Summary& s : sources) {
    if (auto ok = s.balance(); !ok) {
      return Error{Errc::internal, fmt::format("source \"{}\": {}", s.source, ok.error().message), std::string(kCure)};
    }
    written += s.written;
    updated += s.updates;
  }
  if (written != conversations || updated != updates) {
    return Error{
        Errc::internal,
        fmt::format("the books do not balance: {} conversations and {} updates came of the sources, {} and {} were written",
                    written, updated, conversations, updates),
        std::string(kCure)};
  }
  for (const SinkAccounts& sink : sinks) {
    if (sink.conversations == conversations && sink.updates == updates) continue;
    return Error{Errc::internal,
                 fmt::format("the books do not balance: {} took {} conversations and {} updates of {} and {}", sink.path,
                             sink.conversations, sink.updates, conversations, updates),
                 std::string(kCure)};
  }
  return {};
}

std::string JobSummary::json() const {
  Json out;
  out["job"] = job;
  out["dry_run"] = dry_run;
  out["complete"] = complete;
  out["sources"] = Json::array();
  std::uint64_t read = 0;
  for (const Summary& s : sources) {
    if (s.source.empty()) continue;  // the run broke off before it
    Json source = accounts_of(s);
    if (!complete) {
      for (const char* outcome : {"written", "merged", "updates", "unchanged", "balanced"}) source[outcome] = nullptr;
    }
    out["sources"].push_back(std::move(source));
    read += s.read;
  }
  Json merge;
  merge["conversations"] = conversations;
  merge["updates"] = updates;
  merge["spilled"] = spilled;
  Json rules = Json::array(), conflicts = Json::array();
  for (const LinkAccounts::Rule& r : links.rules) {
    rules.push_back(Json{{"left", r.left},
                         {"right", r.right},
                         {"left_values", r.left_values},
                         {"right_values", r.right_values},
                         {"joined", r.joined}});
  }
  for (const LinkAccounts::Conflict& c : links.examples) {
    conflicts.push_back(Json{{"source", c.source}, {"external_ids", c.external_ids}, {"group_size", c.size}});
  }
  merge["links"] = {{"rules", rules}, {"groups", links.groups}, {"conflicts", links.conflicts}, {"conflict_examples", conflicts}};
  out["merge"] = complete ? merge : Json(nullptr);
  out["ids"] = Json::object();
  for (const IdAccounts& table : ids) {
    Json unknown = Json::array();
    for (const IdAccounts::Unknown& u : table.most_frequent) {
      unknown.push_back(Json{{"platform", u.platform}, {"id", u.id}, {"count", u.count}});
    }
    out["ids"][table.kind] = {{"file", table.file},
                              {"known", table.known},
                              {"unknown", table.unknown},
                              {"distinct_unknown", table.distinct_unknown},
                              {"distinct_is_exact", table.complete},
                              {"most_frequent_unknown", unknown}};
  }
  out["sinks"] = Json::array();
  for (const SinkAccounts& s : sinks) {
    if (!complete) break;  // they hold nothing
    Json sink{{"type", s.type}, {"path", s.path}, {"conversations", s.conversations}, {"updates", s.updates}};
    if (s.bytes) sink["bytes"] = *s.bytes;
    out["sinks"].push_back(std::move(sink));
  }
  out["identity"] =
      "per source: read = translated + filtered + rejected; translated = written + merged + updates; "
      "over all sources: written = conversations, updates = updates";
  out["balanced"] = complete ? Json(balance().ok()) : Json(nullptr);
  out["notes"] = notes;
  out["seconds"] = seconds;
  out["records_per_second"] = seconds > 0 ? static_cast<double>(read) / seconds : 0.0;
  out["peak_memory_bytes"] = peak_memory;
  out["jobs"] = jobs;
  Json versions = {{"crosswalk", version}, {"zone_data", zone_data_version}};
  for (const Summary& s : sources) {
    if (!s.adapter.empty()) versions[s.adapter] = s.adapter_version;
  }
  out["versions"] = versions;
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<void> JobSummary::write(const std::string& path) const {
  auto file = OutputFile::open(path, "--summary");
  if (!file) return file.error();
  if (auto ok = (*file)->write(json()); !ok) return ok;
  return (*file)->commit();
}

std::string JobSummary::text() const {
  std::string out;
  for (const Summary& s : sources) {
    if (!s.source.empty()) out += s.text();
  }
  const auto line = [&out](std::string_view label, const std::string& text) { out += fmt::format("  {:<11}{}\n", label, text); };
  if (!complete) {
    out += fmt::format("{}: the run broke off, and no conversation is written\n", job);
    return printable(out);
  }
  out += fmt::format("{}: {}, {}{}\n", job, counted(conversations, "conversation"), counted(updates, "update"),
                     dry_run ? "; nothing is written (dry run)" : "");
  for (const LinkAccounts::Rule& r : links.rules) {
    line("link", fmt::format("{} ({}) = {} ({}): {} in both", r.left, counted(r.left_values, "value"), r.right,
                             counted(r.right_values, "value"), grouped(r.joined)));
  }
  if (links.groups != 0) {
    line("linked", fmt::format("{} became one conversation{}", counted(links.groups, "group"), links.groups == 1 ? "" : " each"));
  }
  if (links.conflicts != 0) {
    const LinkAccounts::Conflict& c = links.examples.front();
    line("conflict", fmt::format("{} left apart, since {} would hold several conversations of one source, for example {} of "
                                 "\"{}\"; if that is meant: [merge] several = [\"{}\"]",
                                 counted(links.conflicts, "group"), links.conflicts == 1 ? "it" : "each",
                                 fmt::join(c.external_ids, " and "), c.source, c.source));
  }
  for (const IdAccounts& table : ids) {
    std::string unknown;
    for (std::size_t i = 0; i < table.most_frequent.size() && i < 3; ++i) {
      const IdAccounts::Unknown& u = table.most_frequent[i];
      unknown +=
          fmt::format("{}{} {} ({})", i == 0 ? "; most often unknown: " : ", ", shown(u.platform), shown(u.id), grouped(u.count));
    }
    line("ids", fmt::format("{}: {} known, {} unknown{}", table.kind, grouped(table.known), grouped(table.unknown), unknown));
  }
  for (const SinkAccounts& s : sinks) {
    line(s.type, fmt::format("{}{} to {}", counted(s.conversations, "conversation"),
                             s.updates == 0 ? std::string() : ", " + counted(s.updates, "update"),
                             s.path == "-" ? "standard output" : s.path));
  }
  for (const std::string& note : notes) line("note", note);
  return printable(out);
}

}  // namespace crosswalk
