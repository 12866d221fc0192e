// From a conversation of the output back to the records it was made of, by recomputing.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <tuple>

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

/// One thing that is said of a field: by a record, or by the touchpoints of a state.
struct Claim {
  std::size_t state = 0;  ///< of the group
  std::uint32_t source = 0;
  const Contribution* record = nullptr;  ///< null: no single record says it
  bool derived = false;                  ///< from touchpoints
  std::string value;
  Version version;
  Known how = Known::offset;  ///< of a time
  bool evidence = false;
  bool of_state = false;  ///< it is what its source says after all
  RecordPart part;
};

/// Of a snapshot one record alone stands for a field; `version` is its version there.
bool stands_for(const Claim& claim, const Version& version) {
  return claim.part.role == RecordPart::Role::joins || claim.version == version;
}

void take_how(Claim& claim, const Conversation& c, Target target) {
  if (target == Target::started_at) claim.how = c.started_how, claim.evidence = c.started_by_evidence;
  if (target == Target::ended_at) claim.how = c.ended_how, claim.evidence = c.ended_by_evidence;
}

/// The touchpoint that says a field, of those of a state in their order; null: several do, or none.
const Touchpoint* deriving_touchpoint(const State& state, Target target) {
  const std::vector<Touchpoint>& all = state.touchpoints;
  if (all.empty()) return nullptr;
  const auto outside = [](const Touchpoint& t) {
    return t.kind != TouchKind::note && t.kind != TouchKind::other && t.direction != Direction::internal;
  };
  const auto first = [&](const auto& wanted) {
    const auto found = std::find_if(all.begin(), all.end(), wanted);
    return found == all.end() ? nullptr : &*found;
  };
  switch (target) {
    case Target::started_at: return &all.front();
    case Target::ended_at: return &all.back();
    case Target::channel: {
      const Touchpoint* t = first(outside);
      return t != nullptr ? t : first([](const Touchpoint& note) { return note.kind == TouchKind::note; });
    }
    case Target::subject:
      return first([&](const Touchpoint& t) { return outside(t) && t.kind == TouchKind::email && !t.subject.empty(); });
    case Target::assigned_agent_id: {
      const auto wanted = [&](const Touchpoint& t) {
        return outside(t) && t.direction == Direction::outbound && !t.user.empty();
      };
      const auto found = std::find_if(all.rbegin(), all.rend(), wanted);
      return found == all.rend() ? nullptr : &*found;
    }
    default: return nullptr;
  }
}

class Explainer {
 public:
  Explainer(const Job& job, AdapterCatalog& catalog, const JobHooks& hooks)
      : job_(job), catalog_(catalog), hooks_(hooks), wanted_(job.sources.size()) {}

  Result<Why> explain(const std::string& what) {
    // First: which records made it.
    JobReading first(job_, catalog_, hooks_, job_count(0), {});
    if (auto ok = first.prepare(); !ok) return ok.error();
    const std::unique_ptr<Merger> merger = first.merger();
    if (auto ok = read_all(first, *merger); !ok) return ok.error();
    if (auto ok = merger->link([this] { return hooks_.cancelled && hooks_.cancelled(); }); !ok) return ok.error();
    for (const auto& reading : readings_of(what)) {
      const std::string &id = reading.first, &field = reading.second;
      const std::string_view survivor = merger->survivor(id);
      const std::string external_id(survivor.empty() ? std::string_view(id) : survivor);
      auto there = merger->look_up(external_id, [&](GroupStates& group) {
        why_.external_id = external_id;
        why_.rule = id_rule(id, external_id, *merger, group);
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
      if (!refused_.empty()) {
        return Error{
            Errc::usage,
            fmt::format("conversation {} is not in the output: its records are rejected ({})", shown(external_id), refused_),
            "the job's rejects say why, record by record"};
      }
      if (!field.empty() && field != "external_id" && why_.fields.empty()) return no_such_field(*merger, external_id, field);
      return std::move(why_);
    }
    // An id may be right and the field behind its dot misspelt.
    for (std::size_t at = what.rfind('.'); at != std::string::npos && at > 0; at = what.rfind('.', at - 1)) {
      const std::string id = what.substr(0, at);
      const std::string_view survivor = merger->survivor(id);
      const std::string external_id(survivor.empty() ? std::string_view(id) : survivor);
      auto there = merger->look_up(external_id, [](GroupStates&) {});
      if (!there) return there.error();
      if (*there) return no_such_field(*merger, external_id, what.substr(at + 1));
    }
    return Error{Errc::usage, fmt::format("no conversation of this job has the external_id \"{}\"", shown(what)),
                 job_.external_id.empty()
                     ? "give an id as it stands in the output, with a field behind a dot if wanted"
                     : fmt::format("ids are made by the template {}; a record that was rejected or filtered is "
                                   "in none",
                                   job_.external_id)};
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

  Error no_such_field(const Merger& merger, const std::string& external_id, const std::string& field) {
    std::vector<std::string> names;
    (void)merger.look_up(external_id, [&](GroupStates& group) {
      why_.fields.clear();
      describe(merger.plan(), group, "");
      for (const WhyField& one : why_.fields) names.push_back(one.name);
    });
    const std::string_view near = nearest(field, names);
    return {Errc::usage, fmt::format("conversation {} has no field \"{}\"", shown(external_id), shown(field)),
            near.empty() ? std::string("ask for the conversation alone to see all it has")
                         : fmt::format("did you mean \"{}\"?", shown(near))};
  }

  /// How the conversation came by its id, and why these records are one conversation.
  std::string id_rule(const std::string& asked, const std::string& external_id, const Merger& merger, GroupStates& group) const {
    const MergePlan& plan = merger.plan();
    std::string rule = job_.external_id.empty() ? "the record's own id" : fmt::format("by the template {}", job_.external_id);
    std::vector<std::string> members;  // as they would be called without links
    bool update = true;
    for (std::size_t i = 0; i < group.states().size(); ++i) {
      update &= plan.sources[group.sources()[i]].enrich;
      const std::string_view from = group.of(i).front().linked_from;
      std::string own(from.empty() ? std::string_view(external_id) : from);
      if (std::find(members.begin(), members.end(), own) == members.end()) members.push_back(std::move(own));
    }
    std::vector<std::string> rules;
    for (const std::size_t r : merger.joining_rules(group)) {
      rules.push_back(fmt::format("{} = {}", job_.links[r].left.text, job_.links[r].right.text));
    }
    if (members.size() > 1 && !rules.empty()) {
      const bool ordered = !plan.order[static_cast<std::size_t>(Target::external_id)].empty();
      rule +=
          fmt::format("; {} are linked, by {}; the first of them in the order of {} names the whole", fmt::join(members, ", "),
                      fmt::join(rules, " and "), ordered ? "[merge.fields] external_id" : "the sources");
    }
    if (asked != external_id) rule += fmt::format("; {} is a part of it", asked);
    if (update) rule += "; no source but those with role = \"enrich\" knows it, so it is an update";
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
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < group.states().size(); ++i) {
      if (group.standing(i) == i) members.push_back(i);
    }
    Combined combined;
    join(plan, group, members, combined);
    const Lack lack = lack_of(combined.conversation.channel, combined.conversation.started_at);
    if (!combined.enrichment_only && lack != Lack::nothing) {
      // What cannot be a conversation is rejected; what only adds to one stays, as an update.
      refused_ = code_of(lack);
      std::erase_if(members, [&](std::size_t i) { return !plan.sources[group.sources()[i]].enrich; });
      if (members.empty()) return;
      refused_.clear();
      join(plan, group, members, combined);
    }
    why_.records.clear();
    for (const std::size_t i : members) {
      for (std::size_t r = 0; r < group.of(i).size(); ++r) {
        const Contribution& c = group.of(i)[r];
        Witness w = witness(plan, c, Target::none);
        w.verdict = plan.sources[c.source].enrich ? "adds to the conversation" : "";
        add_part(w.verdict, group, i, r, why_.records.size());
        why_.records.push_back(std::move(w));
      }
    }
    for (const Target target : kFields) {
      if (combined.enrichment_only && !is_update_field(target)) continue;
      if (field.empty() || field == name_of(target)) explain_field(plan, group, members, combined, target);
    }
    for (const MetadataItem& item : combined.metadata) {
      const std::string key = json::unescaped(item.key.substr(1, item.key.size() - 3));
      if (field.empty() || field == "metadata." + key) explain_metadata(plan, group, members, item, key);
    }
    if (!combined.enrichment_only && (field.empty() || field == "metadata.crosswalk")) {
      explain_marks(combined.conversation, plan.sources[group.sources()[members.front()]].config->zones->version());
    }
  }

  /// Of a snapshot: which record replaced it. `first_of_state`: how many records were told before it, plus its own number.
  static void add_part(std::string& verdict, const GroupStates& group, std::size_t i, std::size_t r, std::size_t told) {
    const std::span<const RecordPart> parts = group.parts(i);
    if (parts.size() < 2 || parts[r].role == RecordPart::Role::joins) return;
    const auto newest =
        std::find_if(parts.begin(), parts.end(), [](const RecordPart& p) { return p.role == RecordPart::Role::stands; });
    const std::size_t number = told - r + static_cast<std::size_t>(newest - parts.begin()) + 1;
    if (!verdict.empty()) verdict += "; ";
    switch (parts[r].role) {
      case RecordPart::Role::stands: verdict += "the newest record, which stands as a whole"; break;
      case RecordPart::Role::supplies:
        verdict += fmt::format("superseded by [{}] but for what that lacks a column for: {}", number, reason(parts[r].newer));
        break;
      default: verdict += fmt::format("superseded by [{}]: {}", number, reason(parts[r].newer)); break;
    }
  }

  /// Why another record is newer.
  static std::string_view reason(Newer newer) {
    switch (newer) {
      case Newer::update_time: return "newer update time";
      case Newer::equal_times: return "the same update time, later in the input";
      case Newer::only_dated: return "it has an update time, this one has none";
      case Newer::both_undated: return "later in the input; it has no update time";
    }
    return "";
  }

  static void join(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members, Combined& combined) {
    std::vector<const State*> states;
    std::vector<std::uint32_t> sources;
    for (const std::size_t i : members) {
      states.push_back(group.states()[i]);
      sources.push_back(group.sources()[i]);
    }
    combine(plan, states, sources, group.arena(), combined);
    take_default_channel(plan, sources, combined.conversation);
  }

  void explain_marks(const Conversation& conversation, const std::string& zone_data) {
    Buffer out;
    MetadataWriter metadata(out);
    add_time_marks(metadata, out, conversation, zone_data);
    if (out.empty()) return;
    WhyField marks;
    marks.name = "metadata.crosswalk";
    marks.value = out.view().substr(std::string_view(",\"metadata\":{\"crosswalk\":").size());
    marks.witnesses.emplace_back();
    marks.witnesses.back().verdict = "how times are known that were not unique; the program adds it";
    why_.fields.push_back(std::move(marks));
  }

  /// All that is said of a field: by who is asked first; of one source, by what its touchpoints say, then the newest record.
  std::vector<Claim> claims_of(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members,
                               Target target) const {
    std::vector<Claim> claims;
    for (const std::size_t i : members) {
      const State& state = *group.states()[i];
      const std::string stands = json_of(state.conversation, target);
      bool said = false;
      for (std::size_t r = 0; r < group.of(i).size(); ++r) {
        const Contribution& c = group.of(i)[r];
        Claim claim{i, c.source, &c, false, json_of(c.conversation, target), c.version};
        if (claim.value.empty()) continue;
        take_how(claim, c.conversation, target);
        claim.part = group.parts(i)[r];
        claim.of_state = claim.value == stands && stands_for(claim, state.versions[static_cast<std::size_t>(target)]);
        said |= claim.of_state;
        claims.push_back(std::move(claim));
      }
      if (stands.empty() || said) continue;
      Claim derived{i, group.sources()[i], nullptr, true, stands, {}};
      take_how(derived, state.conversation, target);
      derived.of_state = true;
      if (const Touchpoint* t = deriving_touchpoint(state, target); t != nullptr) {
        for (const Contribution& c : group.of(i)) {
          for (const Touchpoint& one : c.touchpoints) {
            if (one.id == t->id && one.at == t->at) derived.record = &c;
          }
        }
      }
      claims.push_back(std::move(derived));
    }
    const auto& order = plan.order[static_cast<std::size_t>(target)];
    const auto rank = [&](std::uint32_t source) {
      if (order.empty()) return static_cast<std::ptrdiff_t>(source);
      return std::find(order.begin(), order.end(), source) - order.begin();
    };
    std::stable_sort(claims.begin(), claims.end(), [&](const Claim& a, const Claim& b) {
      const auto first = std::tuple(rank(a.source), a.state, !a.derived),
                 second = std::tuple(rank(b.source), b.state, !b.derived);
      return first != second ? first < second : b.version < a.version;
    });
    return claims;
  }

  void explain_field(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members, const Combined& combined,
                     Target target) {
    WhyField out;
    out.name = name_of(target);
    out.value = json_of(combined.conversation, target);
    std::vector<Claim> claims = claims_of(plan, group, members, target);
    if (out.value.empty() && claims.empty()) return;
    Claim wanted{0, 0, nullptr, false, out.value, {}};
    take_how(wanted, combined.conversation, target);
    const auto stands = std::find_if(claims.begin(), claims.end(), [&](const Claim& c) {
      return c.of_state && c.value == wanted.value && c.how == wanted.how && c.evidence == wanted.evidence &&
             (!plan.sources[c.source].enrich || is_update_field(target));
    });
    const bool said = stands != claims.end();
    if (said) {
      std::rotate(claims.begin(), stands, stands + 1);
    } else if (!out.value.empty()) {
      out.witnesses.push_back(default_channel(plan, group, members));
      out.witnesses.back().value = out.value;
    }
    for (std::size_t i = 0; i < claims.size(); ++i) {
      const Claim& claim = claims[i];
      Witness w = claim.record != nullptr ? witness(plan, *claim.record, claim.derived ? Target::none : target) : Witness();
      w.source = plan.sources[claim.source].config->name;
      w.value = claim.value;
      add_how(w, claim, target);
      if (!claim.derived) add_table(w, target, claim);
      w.verdict = i == 0 && said ? standing(plan, claims, target) : losing(plan, claims, claim, target);
      out.witnesses.push_back(std::move(w));
    }
    why_.fields.push_back(std::move(out));
  }

  static Witness default_channel(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members) {
    Witness w;
    for (const std::size_t i : members) {
      const MergeSource& source = plan.sources[group.sources()[i]];
      if (source.enrich || source.config->default_channel.empty()) continue;
      w.source = source.config->name;
      break;
    }
    w.verdict = "no record says it: the setting default_channel";
    return w;
  }

  void add_how(Witness& w, const Claim& claim, Target target) const {
    if (target != Target::started_at && target != Target::ended_at) return;
    const std::string zone = claim.how == Known::offset ? "" : w.how;
    const bool doubtful = claim.how != Known::offset && claim.how != Known::unique;
    const JobSource& source = job_.sources[claim.source];
    const std::string by = !doubtful        ? ""
                           : claim.evidence ? " by evidence"
                                            : fmt::format(" by policy {}", name_of(source.disambiguation));
    w.how = fmt::format("{}{}{}{}", zone, zone.empty() ? "" : ": ", name_of(claim.how), by);
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

  /// By which rule the first claim stands.
  static std::string standing(const MergePlan& plan, const std::vector<Claim>& claims, Target target) {
    const Claim& first = claims.front();
    std::string rule = first.derived ? std::string(derivation_of(target)) : std::string();
    const auto add = [&rule](std::string_view more) {
      if (!rule.empty()) rule += "; ";
      rule += more;
    };
    const bool ordered = !plan.order[static_cast<std::size_t>(target)].empty();
    const auto any = [&](const auto& wanted) { return std::any_of(claims.begin() + 1, claims.end(), wanted); };
    const bool elsewhere = any([&](const Claim& c) { return c.state != first.state; });
    const bool beside = any([&](const Claim& c) { return c.state == first.state; });
    const bool supplied = first.part.role == RecordPart::Role::supplies;
    if (claims.size() == 1 && !first.derived && !supplied) return "the only record that says it";
    if (target == Target::started_at && !ordered && !first.derived) return "the earliest";
    if (elsewhere && !ordered && target == Target::started_at) {
      add("the earliest");
    } else if (elsewhere && !ordered && target == Target::ended_at) {
      add("the latest of the sources");
    } else if (elsewhere && ordered) {
      add(fmt::format("its source is the first in [merge.fields] {} that knows it", name_of(target)));
    } else if (elsewhere) {
      add("its source is the first in the job that knows it");
    }
    if ((!beside && !supplied) || first.derived) return rule;
    switch (first.part.role) {
      case RecordPart::Role::stands: add("the newest record of its source, which stands as a whole"); return rule;
      case RecordPart::Role::supplies: add("the newest record of its source that has a column for it"); return rule;
      default: break;
    }
    const auto by = [&](Newer newer) {
      return any([&](const Claim& c) {
        return c.state == first.state && !c.derived && c.value != first.value && newer_by(first.version, c.version) == newer;
      });
    };
    if (target == Target::started_at) {
      add("the earliest of its source");
    } else if (by(Newer::equal_times)) {
      add("of its source's records that were updated last, the later in the input");
    } else if (by(Newer::both_undated)) {
      add("of its source's records, which have no update time, the last in the input that says it");
    } else {
      add("the newest record of its source that says it");
    }
    return rule;
  }

  /// By which rule another claim does not stand.
  static std::string losing(const MergePlan& plan, const std::vector<Claim>& claims, const Claim& claim, Target target) {
    const Claim& winner = claims.front();
    if (plan.sources[claim.source].enrich && !is_update_field(target) && target != Target::none) {
      return "a source with role = \"enrich\" may not say it";
    }
    if (claim.value == winner.value && winner.of_state) return "says the same";
    if (claim.part.role == RecordPart::Role::superseded || claim.part.role == RecordPart::Role::supplies) {
      return fmt::format("superseded as a whole: {}", reason(claim.part.newer));
    }
    const bool ordered = !plan.order[static_cast<std::size_t>(target)].empty();
    if (claim.state == winner.state || !claim.of_state) {
      const bool touched =
          std::any_of(claims.begin(), claims.end(), [&](const Claim& c) { return c.state == claim.state && c.derived; });
      if (touched) return "its source's touchpoints stand over it";
      if (target == Target::started_at) return "later";
      if (claim.state != winner.state) return "not the newest record of its source, which is asked later";
      switch (newer_by(winner.version, claim.version)) {
        case Newer::update_time: return "older";
        case Newer::equal_times: return "updated at the same time; the one that stands is later in the input";
        case Newer::only_dated: return "it has no update time, the one that stands has one";
        case Newer::both_undated: return "the one that stands is later in the input; it has no update time";
      }
    }
    if (!ordered && target == Target::started_at) return "later";
    if (!ordered && target == Target::ended_at) return "earlier";
    return claim.source == winner.source ? "another conversation of its source, whose id comes first, stands"
                                         : "its source is asked later";
  }

  void explain_metadata(const MergePlan& plan, GroupStates& group, const std::vector<std::size_t>& members,
                        const MetadataItem& item, const std::string& key) {
    WhyField out;
    out.name = "metadata." + key;
    out.value = item.value;
    std::vector<Claim> claims;
    Witness made;  // where no record says it
    for (const std::size_t i : members) {
      const State& state = *group.states()[i];
      const auto known =
          std::find_if(state.metadata.begin(), state.metadata.end(), [&](const State::Meta& m) { return m.key == item.key; });
      const std::string& source = plan.sources[group.sources()[i]].config->name;
      if (known != state.metadata.end() && known->value == item.value && made.source.empty()) {
        made.source = source;
        made.verdict = "how many touchpoints of each kind there are";
      } else if (known == state.metadata.end() && key.starts_with(source) && made.source.empty()) {
        made.source = source;
        made.verdict = "what this source says where another source's value stands";
      }
      for (std::size_t r = 0; r < group.of(i).size(); ++r) {
        const Contribution& c = group.of(i)[r];
        for (const MetadataItem& said : c.metadata) {
          if (said.key != item.key) continue;
          Claim claim{i, c.source, &c, false, std::string(said.value), c.version};
          claim.part = group.parts(i)[r];
          claim.of_state = known != state.metadata.end() && claim.value == known->value && stands_for(claim, known->version);
          claims.push_back(std::move(claim));
        }
      }
    }
    std::stable_sort(claims.begin(), claims.end(), [](const Claim& a, const Claim& b) {
      return a.state != b.state ? a.state < b.state : b.version < a.version;
    });
    const auto stands =
        std::find_if(claims.begin(), claims.end(), [&](const Claim& c) { return c.of_state && c.value == out.value; });
    if (stands == claims.end()) {
      made.value = out.value;
      out.witnesses.push_back(std::move(made));
      why_.fields.push_back(std::move(out));
      return;
    }
    std::rotate(claims.begin(), stands, stands + 1);
    for (std::size_t i = 0; i < claims.size(); ++i) {
      Witness w = witness(plan, *claims[i].record, Target::none);
      w.field = key;
      w.value = claims[i].value;
      w.verdict = i == 0 ? standing(plan, claims, Target::none) : losing(plan, claims, claims[i], Target::none);
      out.witnesses.push_back(std::move(w));
    }
    why_.fields.push_back(std::move(out));
  }

  const Job& job_;
  AdapterCatalog& catalog_;
  const JobHooks& hooks_;
  std::vector<Explanations> wanted_;  // by source
  std::string refused_;               // the code, when the conversation is none
  Why why_;
};

std::string place_of(const Witness& w) {
  const std::uint64_t last = w.offset + std::max<std::uint64_t>(w.size, 1) - 1;
  return fmt::format("{}: {}, line {}, bytes {} to {}", w.source, w.file, w.line, w.offset, last);
}

Json json_of(const Witness& w) {
  Json out;
  if (!w.source.empty()) out["source"] = w.source;
  if (!w.file.empty()) {
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
    return w.source;
  };
  for (const WhyField& field : fields) {
    out += fmt::format("{} = {}\n", field.name, field.value.empty() ? "(not known)" : field.value);
    for (std::size_t i = 0; i < field.witnesses.size(); ++i) {
      const Witness& w = field.witnesses[i];
      const bool stands = i == 0 && !field.value.empty();
      out += stands ? "  from " : "  not  ";
      std::string line = number(w);
      if (!w.field.empty()) line += fmt::format(" \"{}\"", in_line(w.field));
      if (!w.found.empty()) line += fmt::format(" = \"{}\"", in_line(w.found));
      if (!stands) line += fmt::format(": {}", w.value);
      for (const std::string& more : {w.how, w.verdict}) {
        if (!more.empty()) line += (line.empty() ? "" : "; ") + more;
      }
      out += line;
      out += '\n';
    }
  }
  return printable(out);
}

}  // namespace crosswalk
