// From a conversation of the output back to the records it was made of, by recomputing.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "framing/json_text.hpp"
#include "job/reading.hpp"
#include "merge/group.hpp"
#include "normalize/explanation.hpp"
#include "pipeline/summary_json.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

/// The fields that can be asked for, in the schema's order.
constexpr Target kFields[] = {Target::platform,    Target::channel,     Target::queue_id,  Target::assigned_agent_id,
                              Target::customer_id, Target::subject,     Target::status,    Target::started_at,
                              Target::ended_at,    Target::handle_time, Target::wait_time, Target::first_response_time,
                              Target::resolved,    Target::csat_score};

/// A field of a conversation as JSON; empty when it is not known.
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
    case Target::channel:
      if (c.channel != Channel::none) add_json_string(out, name_of(c.channel));
      break;
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

/// Where no record says a field, the touchpoints may.
std::string_view derivation_of(Target target) {
  switch (target) {
    case Target::channel: return "the first touchpoint with the customer; without one, the source's default";
    case Target::started_at: return "the first touchpoint";
    case Target::ended_at: return "the last touchpoint, since the conversation is resolved";
    case Target::first_response_time: return "from the first inbound touchpoint to the first outbound one after it";
    case Target::handle_time: return "the sum of the touchpoints' durations";
    case Target::assigned_agent_id: return "the user of the last outbound touchpoint";
    case Target::subject: return "the subject of the first e-mail";
    default: return "";
  }
}

std::string time_text(std::int64_t seconds, std::uint32_t nanos) {
  Buffer out;
  add_time(out, {seconds, nanos});
  return std::string(out.view().substr(1, out.size() - 2));
}

/// One thing a record says of the asked field.
struct Claim {
  std::size_t state = 0;  // of the group
  const Contribution* record = nullptr;
  std::string value;
  Version version;
};

class Explainer {
 public:
  Explainer(const Job& job, AdapterCatalog& catalog, const JobHooks& hooks) : job_(job), catalog_(catalog), hooks_(hooks) {}

  Result<Why> explain(const std::string& what) {
    // First: which records made it.
    JobReading first(job_, catalog_, hooks_, job_count(0), {});
    if (auto ok = first.prepare(); !ok) return ok.error();
    const std::unique_ptr<Merger> merger = first.merger();
    if (auto ok = read_all(first, *merger); !ok) return ok.error();
    if (auto ok = merger->link([this] { return hooks_.cancelled && hooks_.cancelled(); }); !ok) return ok.error();
    std::optional<Error> wrong;
    bool found = false;
    for (const auto& reading : readings_of(what)) {
      const std::string &id = reading.first, &field = reading.second;
      const std::string_view survivor = merger->survivor(id);
      const std::string external_id(survivor.empty() ? std::string_view(id) : survivor);
      auto there = merger->look_up(external_id, [&](GroupStates& group) {
        wanted_.resize(job_.sources.size());
        why_.external_id = external_id;
        why_.rule = id_rule(id, external_id, group);
        for (std::size_t i = 0; i < group.states().size(); ++i) {
          for (const Contribution& c : group.of(i)) want(c);
        }
      });
      if (!there) return there.error();
      if (!*there) continue;
      // Then: what those records hold.
      JobReading second(job_, catalog_, hooks_, 1, {});
      if (auto ok = second.prepare(); !ok) return ok.error();
      for (std::size_t s = 0; s < job_.sources.size(); ++s) second.configs()[s]->explanations = &wanted_[s];
      const std::unique_ptr<Merger> unused = second.merger();
      if (auto ok = read_all(second, *unused); !ok) return ok.error();
      auto again = merger->look_up(external_id, [&](GroupStates& group) { describe(merger->plan(), group, field); });
      if (!again) return again.error();
      found = true;
      if (!field.empty() && why_.fields.empty()) {
        return Error{Errc::usage, fmt::format("conversation {} has no field {}", external_id, field),
                     "ask for the conversation alone to see all it has"};
      }
      break;
    }
    if (!found) {
      return Error{Errc::usage, fmt::format("no conversation of this job has the external_id {}", shown(what)),
                   job_.external_id.empty() ? "an id as it stands in the output, with a field behind a dot if wanted"
                                            : fmt::format("ids are made by the template {}; a record that was rejected or "
                                                          "filtered is in none",
                                                          job_.external_id)};
    }
    return std::move(why_);
  }

 private:
  Result<void> read_all(JobReading& reading, Merger& merger) {
    for (std::size_t i = 0; i < job_.sources.size(); ++i) {
      Books books;
      Summary summary;
      if (auto ok = reading.read(i, merger, books, summary, [](std::string_view) { return Result<void>(); }); !ok) return ok;
    }
    return {};
  }

  /// An external_id may hold dots: the whole first, then what stands before the name of a field.
  static std::vector<std::pair<std::string, std::string>> readings_of(const std::string& what) {
    std::vector<std::pair<std::string, std::string>> readings = {{what, ""}};
    for (std::size_t at = what.rfind('.'); at != std::string::npos && at > 0; at = what.rfind('.', at - 1)) {
      const std::string field = what.substr(at + 1);
      const bool known = field.starts_with("metadata.") || field == "external_id" ||
                         std::any_of(std::begin(kFields), std::end(kFields), [&](Target t) { return name_of(t) == field; });
      if (known) readings.emplace_back(what.substr(0, at), field);
    }
    return readings;
  }

  void want(const Contribution& c) { wanted_[c.source].records[{c.origin.file, c.origin.offset}]; }

  std::string id_rule(const std::string& asked, const std::string& external_id, GroupStates& group) const {
    std::string rule = job_.external_id.empty() ? "the record's own id" : fmt::format("by the template {}", job_.external_id);
    std::vector<std::string> ids;
    for (const State* state : group.states()) {
      const std::string id(state->id);
      if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
    }
    if (ids.size() > 1) {
      rule += fmt::format("; linked with {}: the first source in order that has it names the whole", fmt::join(ids, ", "));
    }
    if (asked != external_id) rule += fmt::format("; {} goes by {}", asked, external_id);
    return rule;
  }

  Witness witness(const MergePlan& plan, const Contribution& c, Target target) const {
    const SourceConfig& config = *plan.sources[c.source].config;
    Witness w;
    w.source = config.name;
    w.file = config.inputs[c.origin.file];
    w.line = c.origin.line;
    w.offset = c.origin.offset;
    if (c.version.seconds != INT64_MIN) w.version = time_text(c.version.seconds, c.version.nanos);
    const auto known = wanted_[c.source].records.find({c.origin.file, c.origin.offset});
    if (known == wanted_[c.source].records.end()) return w;
    w.size = known->second.size;
    for (const RecordExplanation::Field& field : known->second.fields) {
      if (field.target != target || target == Target::none) continue;
      w.field = field.name;
      w.found = field.found;
      if (!field.zone.empty()) w.how = fmt::format("in {}", field.zone);
    }
    return w;
  }

  void describe(const MergePlan& plan, GroupStates& group, const std::string& field) {
    std::vector<const State*> states;
    std::vector<std::uint32_t> sources;
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < group.states().size(); ++i) {
      if (group.standing(i) != i) continue;
      states.push_back(group.states()[i]);
      sources.push_back(group.sources()[i]);
      members.push_back(i);
    }
    Combined combined;
    combine(plan, states, sources, group.arena(), combined);
    for (const std::size_t i : members) {
      for (const Contribution& c : group.of(i)) {
        Witness w = witness(plan, c, Target::none);
        w.verdict = plan.sources[c.source].enrich ? "adds to the conversation" : "";
        why_.records.push_back(std::move(w));
      }
    }
    for (const Target target : kFields) {
      if (field.empty() || field == name_of(target)) explain_field(plan, group, members, combined, target);
    }
    for (const MetadataItem& item : combined.metadata) {
      const std::string key = json::unescaped(item.key.substr(1, item.key.size() - 3));
      if (field.empty() || field == "metadata." + key) explain_metadata(plan, group, members, item, key);
    }
  }

  void explain_field(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members, const Combined& combined,
                     Target target) {
    WhyField out;
    out.name = name_of(target);
    out.value = json_of(combined.conversation, target);
    std::vector<Claim> claims;
    for (const std::size_t i : members) {
      for (const Contribution& c : group.of(i)) {
        std::string value = json_of(c.conversation, target);
        if (!value.empty()) claims.push_back({i, &c, std::move(value), c.version});
      }
    }
    if (out.value.empty() && claims.empty()) return;
    const auto rank = [&](std::uint32_t source) {
      const auto& order = plan.order[static_cast<std::size_t>(target)];
      if (order.empty()) return static_cast<std::ptrdiff_t>(source);
      return std::find(order.begin(), order.end(), source) - order.begin();
    };
    // The sources in the order they are asked; of one source, the newest record first.
    std::stable_sort(claims.begin(), claims.end(), [&](const Claim& a, const Claim& b) {
      const auto ra = rank(a.record->source), rb = rank(b.record->source);
      return ra != rb ? ra < rb : b.version < a.version;
    });
    const auto stands = std::find_if(claims.begin(), claims.end(), [&](const Claim& c) {
      return c.value == out.value && (!plan.sources[c.record->source].enrich || is_update_field(target));
    });
    const bool derived = stands == claims.end();
    if (derived) {
      Witness w = deriving_record(plan, group, members, target);
      w.value = out.value;
      w.verdict = derivation_of(target);
      if (target == Target::channel && w.source.empty()) w.verdict = "the setting default_channel";
      out.witnesses.push_back(std::move(w));
    } else {
      std::rotate(claims.begin(), stands, stands + 1);
    }
    for (std::size_t i = 0; i < claims.size(); ++i) {
      const Claim& claim = claims[i];
      Witness w = witness(plan, *claim.record, target);
      w.value = claim.value;
      add_how(w, *claim.record, target);
      add_table(w, target, claim);
      w.verdict = !derived && i == 0 ? standing(plan, claims, target) : losing(plan, claims.front(), claim, derived, target);
      out.witnesses.push_back(std::move(w));
    }
    why_.fields.push_back(std::move(out));
  }

  void add_how(Witness& w, const Contribution& record, Target target) const {
    const Conversation& c = record.conversation;
    if (target != Target::started_at && target != Target::ended_at) return;
    const Known how = target == Target::started_at ? c.started_how : c.ended_how;
    const bool evidence = target == Target::started_at ? c.started_by_evidence : c.ended_by_evidence;
    const std::string zone = how == Known::offset ? "" : w.how;
    const bool doubtful = how != Known::offset && how != Known::unique;
    const JobSource& source = job_.sources[record.source];
    const std::string by = !doubtful  ? ""
                           : evidence ? " by evidence"
                                      : fmt::format(" by policy {}", name_of(source.disambiguation));
    w.how = fmt::format("{}{}{}{}", zone, zone.empty() ? "" : ": ", name_of(how), by);
  }

  void add_table(Witness& w, Target target, const Claim& claim) const {
    const IdRule& rule = target == Target::assigned_agent_id ? job_.agents
                         : target == Target::queue_id        ? job_.queues
                                                             : job_.customers;
    const bool id = target == Target::assigned_agent_id || target == Target::queue_id || target == Target::customer_id;
    if (!id || rule.file.empty()) return;
    Buffer found;
    add_json_string(found, w.found);
    if (!w.found.empty() && found.view() != claim.value) w.how = fmt::format("by the table {}", rule.file);
  }

  std::string standing(const MergePlan& plan, const std::vector<Claim>& claims, Target target) const {
    const Claim& first = claims.front();
    if (claims.size() == 1) return "the only record that says it";
    const bool ordered = !plan.order[static_cast<std::size_t>(target)].empty();
    if (target == Target::started_at && !ordered) return "the earliest";
    const bool other_source = std::any_of(claims.begin(), claims.end(), [&](const Claim& c) { return c.state != first.state; });
    const bool same_source =
        std::any_of(claims.begin() + 1, claims.end(), [&](const Claim& c) { return c.state == first.state; });
    std::string rule;
    if (other_source) {
      rule = target == Target::ended_at && !ordered ? "the latest of the sources"
             : ordered ? fmt::format("its source is asked first that knows it, by [merge.fields] {}", name_of(target))
                       : "its source is the first in the job that knows it";
    }
    if (same_source) rule += rule.empty() ? "the newest record of its source" : "; the newest record of its source";
    return rule;
  }

  std::string losing(const MergePlan& plan, const Claim& winner, const Claim& claim, bool derived, Target target) const {
    if (derived) return target == Target::started_at ? "the touchpoints say when it began" : "the touchpoints stand over it";
    if (plan.sources[claim.record->source].enrich && !is_update_field(target))
      return "a source with role = \"enrich\" may not say it";
    const bool ordered = !plan.order[static_cast<std::size_t>(target)].empty();
    if (claim.value == winner.value) return "says the same";
    if (target == Target::started_at && !ordered) return "later";
    if (claim.state != winner.state) return target == Target::ended_at && !ordered ? "earlier" : "its source is asked later";
    return claim.version == winner.version ? "as new as the one that stands; of the two values the larger stands" : "older";
  }

  /// The record whose touchpoint a derived value begins with.
  Witness deriving_record(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members,
                          Target target) const {
    for (const std::size_t i : members) {
      const State& state = *group.states()[i];
      if (state.touchpoints.empty()) continue;
      const Touchpoint& t = target == Target::ended_at || target == Target::assigned_agent_id ? state.touchpoints.back()
                                                                                              : state.touchpoints.front();
      for (const Contribution& c : group.of(i)) {
        for (const Touchpoint& said : c.touchpoints) {
          if (said.id == t.id && said.at == t.at) return witness(plan, c, Target::none);
        }
      }
    }
    return {};
  }

  void explain_metadata(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members,
                        const MetadataItem& item, const std::string& key) {
    WhyField out;
    out.name = "metadata." + key;
    out.value = item.value;
    std::vector<Claim> claims;
    for (const std::size_t i : members) {
      for (const Contribution& c : group.of(i)) {
        for (const MetadataItem& said : c.metadata) {
          if (said.key == item.key) claims.push_back({i, &c, std::string(said.value), c.version});
        }
      }
    }
    std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
      return a.state != b.state ? a.state < b.state : b.version < a.version;
    });
    const auto stands = std::find_if(claims.begin(), claims.end(), [&](const Claim& c) { return c.value == out.value; });
    if (stands == claims.end()) {
      Witness w;
      w.value = out.value;
      w.verdict = key == "touchpoints" ? "how many touchpoints of each kind there are"
                                       : "what its source says where another source's value stands";
      out.witnesses.push_back(std::move(w));
      why_.fields.push_back(std::move(out));
      return;
    }
    std::rotate(claims.begin(), stands, stands + 1);
    for (std::size_t i = 0; i < claims.size(); ++i) {
      Witness w = witness(plan, *claims[i].record, Target::none);
      w.field = key;
      w.value = claims[i].value;
      w.verdict = i == 0 ? standing(plan, claims, Target::none) : losing(plan, claims.front(), claims[i], false, Target::none);
      out.witnesses.push_back(std::move(w));
    }
    why_.fields.push_back(std::move(out));
  }

  const Job& job_;
  AdapterCatalog& catalog_;
  const JobHooks& hooks_;
  std::vector<Explanations> wanted_;  // by source
  Why why_;
};

std::string place_of(const Witness& w) {
  if (w.source.empty()) return "(no record)";
  return fmt::format("{}: {}, line {}, bytes {} to {}", w.source, w.file, w.line, w.offset, w.offset + w.size);
}

Json json_of(const Witness& w) {
  Json out;
  if (!w.source.empty()) {
    out["source"] = w.source;
    out["file"] = w.file;
    out["line"] = w.line;
    out["offset"] = w.offset;
    out["size"] = w.size;
  }
  if (!w.field.empty()) out["field"] = w.field;
  if (!w.found.empty()) out["found"] = w.found;
  if (!w.value.empty()) out["value"] = Json::parse(w.value, nullptr, false);
  if (!w.how.empty()) out["how"] = w.how;
  if (!w.version.empty()) out["version"] = w.version;
  if (!w.verdict.empty()) out["verdict"] = w.verdict;
  return out;
}

}  // namespace

Result<Why> explain_job(const Job& job, AdapterCatalog& catalog, const std::string& what, const JobHooks& hooks) {
  for (const JobSource& source : job.sources) {
    if (std::find(source.inputs.begin(), source.inputs.end(), "-") == source.inputs.end()) continue;
    return Error{Errc::usage, fmt::format("source \"{}\" reads standard input, which cannot be read again", source.name),
                 "name files in the job"};
  }
  return Explainer(job, catalog, hooks).explain(what);
}

std::string Why::json() const {
  Json out;
  out["external_id"] = external_id;
  out["rule"] = rule;
  out["records"] = Json::array();
  for (const Witness& w : records) out["records"].push_back(json_of(w));
  out["fields"] = Json::array();
  for (const WhyField& field : fields) {
    Json entry;
    entry["field"] = field.name;
    entry["value"] = field.value.empty() ? Json(nullptr) : Json::parse(field.value, nullptr, false);
    if (field.value.empty()) {
      entry["lost"] = Json::array();
      for (const Witness& w : field.witnesses) entry["lost"].push_back(json_of(w));
    } else {
      entry["from"] = json_of(field.witnesses.front());
      entry["lost"] = Json::array();
      for (std::size_t i = 1; i < field.witnesses.size(); ++i) entry["lost"].push_back(json_of(field.witnesses[i]));
    }
    out["fields"].push_back(std::move(entry));
  }
  return out.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Why::text() const {
  std::string out = fmt::format("{}\n  {}\n", external_id, rule);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const Witness& w = records[i];
    out += fmt::format("  [{}] {}{}{}{}\n", i + 1, place_of(w), w.version.empty() ? "" : ", updated ", w.version,
                       w.verdict.empty() ? "" : "; " + w.verdict);
  }
  const auto number = [this](const Witness& w) {
    for (std::size_t i = 0; i < records.size(); ++i) {
      const Witness& r = records[i];
      if (r.source == w.source && r.file == w.file && r.offset == w.offset) return fmt::format("[{}]", i + 1);
    }
    return std::string("(no record)");
  };
  for (const WhyField& field : fields) {
    out += fmt::format("{} = {}\n", field.name, field.value.empty() ? "(not known)" : field.value);
    for (std::size_t i = 0; i < field.witnesses.size(); ++i) {
      const Witness& w = field.witnesses[i];
      const bool stands = i == 0 && !field.value.empty();
      out += stands ? "  from " : "  not  ";
      out += number(w);
      if (!w.field.empty()) out += fmt::format(" \"{}\"", shown(w.field));
      if (!w.found.empty()) out += fmt::format(" = \"{}\"", shown(w.found));
      if (!stands) out += fmt::format(": {}", w.value);
      if (!w.how.empty()) out += fmt::format("; {}", w.how);
      if (!w.verdict.empty()) out += fmt::format("; {}", w.verdict);
      out += '\n';
    }
  }
  return printable(out);
}

}  // namespace crosswalk
