// The accounts of a job: checked, as JSON, and as lines for a person.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "crosswalk/job.hpp"
#include "io/spilled_text.hpp"
#include "pipeline/summary_json.hpp"
#include "sinks/output.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

/// Stands where DeliveryAccounts::list goes: it is JSON already, and too long to be held. A quote within other text is escaped.
constexpr std::string_view kListMark = "the list of conversations";

Json accounts_of(const DeliveryAccounts& d) {
  Json out = {{"plan",
               {{"new", d.created},
                {"changed", d.changed},
                {"unsettled", d.unsettled},
                {"patchable", d.patchable},
                {"unchanged", d.unchanged},
                {"unpatchable", d.unpatchable},
                {"refused_before", d.refused_before},
                {"left_out", d.left_out},
                {"waiting", d.waiting},
                {"joined_early", d.joined_early},
                {"requests", d.requests},
                {"requests_to_resend", d.resend},
                {"minutes", d.minutes}}},
              {"requests", d.sent},
              {"requests_resent", d.resent},
              {"retries", d.retries},
              {"rate_limited", d.limited},
              {"accepted", d.accepted},
              {"refused", d.refused},
              {"set_aside", d.set_aside},
              {"sent_whole", d.sent_whole},
              {"complete", d.delivered}};
  Json parts = Json::array(), no_longer = Json::array(), parted = Json::array();
  for (const auto& [id, whole] : d.parted) parted.push_back(Json{{"external_id", id}, {"was_part_of", whole}});
  for (const auto& [id, now] : d.parts.ids) parts.push_back(Json{{"external_id", id}, {"now", now}});
  for (const auto& [id, now] : d.no_longer.ids) no_longer.push_back(id);
  out["delivered_earlier"] = {
      {"part_of_another", d.parts.all},
      {"no_longer_produced", d.no_longer.all},
      {"new_since_last_run", {{"part_of_another", d.parts.news}, {"no_longer_produced", d.no_longer.news}}},
      {"no_longer_part", d.no_longer_part},
      {"parts", parts},
      {"parted", parted},
      {"no_longer", no_longer}};
  return out;
}

std::string text_of(const DeliveryAccounts& d) {
  std::string out = fmt::format("{} new, {} changed, {} patchable, {} unchanged", d.created, d.changed, d.patchable, d.unchanged);
  const auto more = [&out](std::uint64_t count, std::string_view what) {
    if (count != 0) out += fmt::format(", {} {}", count, what);
  };
  more(d.unsettled, "unsettled (sent whole)");
  more(d.unpatchable, "updates kept until their conversations come");
  more(d.joined_early, "with an update that had come before");
  more(d.refused_before, "refused before");
  more(d.left_out, "left out");
  out += fmt::format("; {} request{}", d.requests, d.requests == 1 ? "" : "s");
  if (d.resend != 0) out += fmt::format(" and {} to send again", d.resend);
  if (d.minutes >= 0.05) out += fmt::format(", {:.1f} minutes at the rate limit", d.minutes);
  if (d.waiting != 0) out += fmt::format("; {} wait until an earlier write is settled", d.waiting);
  return out;
}

/// What the user has to do at the server, which takes nothing away. What an earlier run told is counted, and no more.
std::string absent_text(const DeliveryAccounts& d) {
  std::string out;
  const auto add = [&out](std::string text) { out += (out.empty() ? "" : "; ") + text; };
  if (const std::uint64_t count = d.parts.news; count != 0) {
    add(fmt::format("{} delivered earlier {} now part of another, for example {} of {}: merge or remove {} at the server",
                    counted(count, "conversation"), count == 1 ? "is" : "are", d.parts.ids.front().first,
                    d.parts.ids.front().second, count == 1 ? "it" : "them"));
  }
  if (d.no_longer_part != 0) {
    add(
        fmt::format("{} delivered earlier as part of another {} by {} now, for example {}, once in {}: correct that one at "
                    "the server if it keeps what is no longer its own",
                    counted(d.no_longer_part, "conversation"), d.no_longer_part == 1 ? "stands" : "stand",
                    d.no_longer_part == 1 ? "itself" : "themselves", d.parted.front().first, d.parted.front().second));
  }
  if (const std::uint64_t count = d.no_longer.news; count != 0) {
    add(
        fmt::format("{} delivered earlier {} no longer produced, for example {}: if the exports are complete, remove {} at "
                    "the server{}",
                    counted(count, "conversation"), count == 1 ? "is" : "are", d.no_longer.ids.front().first,
                    count == 1 ? "it" : "them", d.some_rejected ? " (unless they are among this run's rejects)" : ""));
  }
  if (const std::uint64_t told = d.parts.all + d.no_longer.all - d.parts.news - d.no_longer.news; told != 0) {
    add(
        fmt::format("{} delivered earlier {} no longer produced or part of another, as an earlier run said (plan --json "
                    "lists {})",
                    counted(told, out.empty() ? "conversation" : "further conversation"), told == 1 ? "is" : "are",
                    told == 1 ? "it" : "them"));
  }
  return out;
}

std::string sent_text(const DeliveryAccounts& d) {
  std::string out = fmt::format("{} accepted, {} refused, in {} requests", d.accepted, d.refused, d.sent);
  if (d.resent != 0) out += fmt::format(", {} of them sent again for an earlier run", d.resent);
  if (d.set_aside != 0) out += fmt::format(", {} of the refused for the next run to try again", d.set_aside);
  if (d.sent_whole != 0) out += fmt::format(", {} sent whole because the server did not have them", d.sent_whole);
  if (d.retries != 0) out += fmt::format(", {} further tries", d.retries);
  if (d.limited != 0) out += fmt::format(", {} times told to slow down", d.limited);
  return out;
}

}  // namespace

std::uint64_t JobSummary::rejected() const {
  std::uint64_t sum = 0;
  for (const Summary& s : sources) sum += s.rejected_total;
  for (const SinkAccounts& s : sinks) sum += s.delivery.refused + s.delivery.refused_before;
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
    if (sources.empty()) break;  // a delivery that was gone on with
    if (sink.conversations == conversations && sink.updates == updates) continue;
    return Error{Errc::internal,
                 fmt::format("the books do not balance: {} took {} conversations and {} updates of {} and {}", sink.path,
                             sink.conversations, sink.updates, conversations, updates),
                 std::string(kCure)};
  }
  return {};
}

std::string JobSummary::json() const { return json_with(""); }

std::string JobSummary::json_with(std::string_view list_mark) const {
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
      for (const char* outcome : {"written", "merged", "superseded", "updates", "enrichment", "unchanged", "balanced"}) {
        if (source.contains(outcome)) source[outcome] = nullptr;
      }
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
    conflicts.push_back(Json{{"source", c.source}, {"external_ids", c.external_ids}, {"group_size", c.size}, {"rules", c.rules}});
  }
  merge["links"] = {{"rules", rules}, {"groups", links.groups}, {"conflicts", links.conflicts}, {"conflict_examples", conflicts}};
  out["merge"] = complete ? merge : Json(nullptr);
  out["ids"] = Json::object();
  for (const IdAccounts& table : ids) {
    Json unknown = Json::array();
    for (const IdAccounts::Unknown& u : table.most_frequent) {
      Json one{{"platform", u.platform}, {"id", u.id}, {"count", u.count}};
      if (!u.instance.empty()) one["instance"] = u.instance;
      unknown.push_back(std::move(one));
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
    if (s.delivers) sink["delivery"] = accounts_of(s.delivery);
    if (s.delivery.list && !list_mark.empty()) sink["each"] = list_mark;
    out["sinks"].push_back(std::move(sink));
  }
  out["identity"] =
      "per source: read = translated + filtered + rejected; translated = written + merged + superseded + updates; "
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
  return out.dump() + "\n";
}

Result<void> JobSummary::write_json(const std::function<Result<void>(std::string_view)>& out) const {
  const std::string text = json_with(kListMark);
  const std::string mark = fmt::format("\"each\": \"{}\"", kListMark);
  std::string_view rest = text;
  for (const SinkAccounts& s : sinks) {
    const std::size_t at = s.delivery.list ? rest.find(mark) : std::string_view::npos;
    if (at == std::string_view::npos) continue;
    if (auto ok = out(rest.substr(0, at)); !ok) return ok;
    if (auto ok = out("\"each\": ["); !ok) return ok;
    if (auto ok = s.delivery.list->read(out); !ok) return ok;
    if (auto ok = out("]"); !ok) return ok;
    rest.remove_prefix(at + mark.size());
  }
  return out(rest);
}

Result<void> JobSummary::write(const std::string& path) const {
  auto file = OutputFile::open(path, "--summary");
  if (!file) return file.error();
  if (auto ok = write_json([&](std::string_view text) { return (*file)->write(text); }); !ok) return ok;
  return (*file)->commit();
}

namespace {
constexpr std::string_view kKeepRejects = "to keep them, with place and text: --rejects FILE, or rejects = \"FILE\" under [job]";
}  // namespace

std::string JobSummary::text() const {
  std::string out;
  for (const Summary& s : sources) {
    if (!s.source.empty()) out += s.text();
  }
  const auto line = [&out](std::string_view label, const std::string& text) { out += fmt::format("  {:<11}{}\n", label, text); };
  if (sources.empty()) {
    out += fmt::format("{}: delivery, gone on with\n", job);
  } else if (!complete) {
    out += fmt::format("{}: the run broke off, and no conversation is written\n", job);
    if (rejected() != 0 && !rejects_kept) line("rejects", std::string(kKeepRejects));
    return printable(out);
  } else {
    out += fmt::format("{}: {}, {}{}\n", job, counted(conversations, "conversation"), counted(updates, "update"),
                       dry_run ? "; nothing is written (dry run)" : "");
  }
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
                                 "\"{}\", by {}; if that is meant: [merge] several = [\"{}\"]",
                                 counted(links.conflicts, "group"), links.conflicts == 1 ? "it" : "each",
                                 fmt::join(c.external_ids, " and "), c.source, fmt::join(c.rules, " and "), c.source));
  }
  for (const IdAccounts& table : ids) {
    std::string unknown;
    for (std::size_t i = 0; i < table.most_frequent.size() && i < 3; ++i) {
      const IdAccounts::Unknown& u = table.most_frequent[i];
      unknown += fmt::format("{}{}{}{} {} ({})", i == 0 ? "; most often unknown: " : ", ", shown(u.platform),
                             u.instance.empty() ? "" : " ", u.instance, shown(u.id), grouped(u.count));
    }
    line("ids", fmt::format("{}: {} known, {} unknown{}", table.kind, grouped(table.known), grouped(table.unknown), unknown));
  }
  for (const SinkAccounts& s : sinks) {
    if (s.delivers) {
      if (!sources.empty()) line(s.type, text_of(s.delivery));
      if (const std::string absent = absent_text(s.delivery); !absent.empty()) line("", absent);
      if (!dry_run) line(sources.empty() ? s.type : "", sent_text(s.delivery));
      continue;
    }
    line(s.type, fmt::format("{}{} to {}", counted(s.conversations, "conversation"),
                             s.updates == 0 ? std::string() : ", " + counted(s.updates, "update"),
                             s.path == "-" ? "standard output" : s.path));
  }
  for (const std::string& note : notes) line("note", note);
  if (rejected() != 0 && !rejects_kept) line("rejects", std::string(kKeepRejects));
  return printable(out);
}

}  // namespace crosswalk
