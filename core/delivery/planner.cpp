#include "delivery/planner.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace crosswalk::delivery {
namespace {

Error defect(std::string_view line) {
  return {Errc::internal, fmt::format("delivery: a record is not the JSON that was written, in {}", in_line(line)),
          "this is a defect of the program; please report it with the input"};
}

}  // namespace

std::string_view name_of(Action action) {
  switch (action) {
    case Action::create: return "new";
    case Action::overwrite: return "changed";
    case Action::settle: return "unsettled";
    case Action::patch: return "patchable";
    case Action::unchanged: return "unchanged";
    case Action::refused: return "refused";
    case Action::unknown: return "unpatchable";
  }
  return "";
}

Result<void> Planner::start(const std::string& origin) {
  now_ = wall_clock();
  if (auto ok = journal_.begin(); !ok) return ok;
  if (auto ok = load_aside(); !ok) return ok;
  return journal_.start_run(origin, rules_.envelope);
}

Result<void> Planner::load_aside() {
  return journal_.each_aside(
      [this](std::string_view external_id, std::string_view, std::string_view after, bool failed) -> Result<void> {
        aside_.emplace(external_id, Aside{std::string(after), failed ? Phase::failed : Phase::put_aside});
        return {};
      });
}

Result<Decision> Planner::conversation(std::string_view line, std::string_view source) {
  if (!source.empty()) {
    auto span = spans_.find(source);
    if (span == spans_.end()) span = spans_.emplace(std::string(source), Span()).first;
    std::string started = reader_.started_at(line);
    if (span->second.first.empty() || started < span->second.first) span->second.first = started;
    if (started > span->second.last) span->second.last = std::move(started);
  }
  return decide(line, false, source);
}

Result<Decision> Planner::decide(std::string_view line, bool update, std::string_view source) {
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  Decision out;
  out.external_id = reader_.external_id(line);
  if (out.external_id.empty()) return defect(line);
  Stored known;
  auto found = journal_.find(out.external_id, known);
  if (!found) return found.error();
  // What an earlier run said of it and did not get through, an enrichment perhaps, is said again with this.
  Phase phase = Phase::posts;
  if (const auto aside = aside_.find(out.external_id); *found && aside != aside_.end()) {
    phase = aside->second.phase;
    const After would_be = After::of(aside->second.after);
    if (would_be.base != kSameBase) known.base = would_be.base;
    known.overlay = would_be.overlay;
  }
  if (*found && !update) {
    // The user was told to remove it at the server, and may have done so.
    auto told = journal_.was_told_gone(out.external_id);
    if (!told) return told.error();
    known.doubt |= *told;
  }
  std::string after;
  Result<void> ok;
  if (*found) {
    if (!rules_.part) ok = journal_.see(out.external_id);
    if (ok) ok = decide_known(line, update, source, known, out, after);
  } else if (update) {
    out.action = Action::unknown;
  } else {
    ok = decide_new(line, source, out, after);
  }
  if (ok && out.action == Action::unknown) ok = keep_early(out.external_id, line);
  if (!ok) return ok.error();
  if (!out.sent.empty() && !rules_.again) {
    ServerRefusal refusal;
    auto refused = journal_.refused_before(out.external_id, out.sent, out.whole, refusal);
    if (!refused) return refused.error();
    if (*refused) {
      out.action = Action::refused;
      out.refusal = refusal.message;
      out.status = refusal.status;
    }
  }
  ++(update ? counts_.updates : counts_.conversations)[static_cast<std::size_t>(out.action)];
  if (!out.sent.empty() && out.action != Action::refused) {
    if (auto sent = send(out, std::move(after), known.written_at, phase); !sent) return sent.error();
    if (!aside_.empty()) aside_.erase(out.external_id);
  }
  return out;
}

/// With what enriched it before it came.
Result<void> Planner::decide_new(std::string_view line, std::string_view source, Decision& out, std::string& after) {
  out.action = Action::create;
  auto whole = journal_.whole_of(out.external_id);
  if (!whole) return whole.error();
  out.was_part_of = std::move(*whole);
  auto early = journal_.early(out.external_id);
  if (!early) return early.error();
  if (early->empty()) {
    out.sent = line;
    after = After{kBaseIsSent, "", source}.line();
    return {};
  }
  Fields said, overlay;
  if (!reader_.read(line, said) || !reader_.read(*early, overlay)) return defect(line);
  ++counts_.joined_early;
  overlay = still_standing(overlay, {}, said);  // what the source says itself is the newer word
  out.sent = composed(said, overlay).json();
  after = After{line, says_something(overlay) ? overlay.json() : "", source}.line();
  return {};
}

/// What a later enrichment says counts.
Result<void> Planner::keep_early(const std::string& external_id, std::string_view line) {
  auto early = journal_.early(external_id);
  if (!early) return early.error();
  if (early->empty()) return journal_.put_early(external_id, line);
  Fields before, said;
  if (!reader_.read(*early, before) || !reader_.read(line, said)) return defect(line);
  return journal_.put_early(external_id, composed(before, said).json());
}

Result<void> Planner::decide_known(std::string_view line, bool update, std::string_view source, const Stored& known,
                                   Decision& out, std::string& after) {
  const bool elsewhere = !update && !source.empty() && known.source != source;
  if (elsewhere && !known.source.empty()) renamed_.emplace(known.source, source);
  if (!update && !rules_.full && !known.doubt && hash128(line) == known.hash) {  // the usual case
    if (!elsewhere) return {};
    Stored same = known;
    same.source = source;
    return journal_.put(out.external_id, same);
  }
  Fields said, base, overlay;
  const bool has_base = !known.base.empty();  // none: nothing was ever taken for certain
  if (!reader_.read(line, said) || (has_base && !reader_.read(known.base, base)) ||
      (!known.overlay.empty() && !reader_.read(known.overlay, overlay))) {
    return defect(line);
  }
  if (!has_base && update) {
    out.action = Action::unknown;
    return {};
  }
  if (!has_base) {
    auto early = journal_.early(out.external_id);
    if (!early) return early.error();
    Fields enriched;
    if (!early->empty() && !reader_.read(*early, enriched)) return defect(line);
    if (!early->empty()) ++counts_.joined_early;
    overlay = composed(overlay, enriched);
  }
  const Fields before = composed(base, overlay);
  Fields new_overlay = update ? composed(overlay, said) : still_standing(overlay, base, said);
  const Fields now = composed(update ? base : said, new_overlay);
  const std::string overlaid = says_something(new_overlay) ? new_overlay.json() : "";
  Difference difference = delivery::difference(before, now);
  // In doubt, the base may be one that only a record put aside says.
  const std::string_view known_base = known.doubt ? std::string_view(known.base) : kSameBase;
  after = After{update ? known_base : line, overlaid, update ? std::nullopt : std::optional(source)}.line();
  const bool can_patch = !rules_.envelope.update_method.empty();
  if (known.doubt) {
    out.action = Action::settle;
    out.sent = now.json();
  } else if (difference.none() && !rules_.full) {
    // The server has it so already, but from now on it is this source's word.
    if (!update) {
      Stored same = known;
      same.base = line;
      same.hash = hash128(line);
      same.overlay = overlaid;
      if (elsewhere) same.source = source;
      return journal_.put(out.external_id, same);
    }
    return {};
  } else if (can_patch && difference.patchable() && (update || !rules_.full)) {
    out.action = Action::patch;
    if (difference.none()) {  // --full: the enrichment once more
      for (const Field& field : said.top) {
        if (field.key != "external_id") difference.changed.push_back(field.key);
      }
      if (!said.metadata.empty()) difference.changed.emplace_back("metadata");
    }
    out.sent = update_of(now, difference.changed);
    if (journal_.any_refused()) out.whole = now.json();  // as it goes where the server does not have it
  } else {
    out.action = Action::overwrite;
    out.sent = !overlaid.empty() || update ? now.json() : std::string(line);
  }
  out.changed = std::move(difference.changed);
  return {};
}

/// What the server failed on in an earlier run, and this one does not say: it goes as it was to go then.
Result<void> Planner::plan_aside() {
  if (aside_.empty() || rules_.part) return {};
  return journal_.each_aside(
      [this](std::string_view external_id, std::string_view sent, std::string_view after, bool failed) -> Result<void> {
        if (!aside_.contains(external_id)) return {};
        Stored known;
        if (auto found = journal_.find(external_id, known); !found) return found.error();
        if (auto ok = journal_.see(external_id); !ok) return ok;
        Decision decision;
        decision.action = Action::settle;
        decision.sent = sent;
        ++counts_.conversations[static_cast<std::size_t>(Action::settle)];
        return send(decision, std::string(after), known.written_at, failed ? Phase::failed : Phase::put_aside);
      });
}

Result<void> Planner::add_aside(std::int64_t run) {
  now_ = wall_clock();
  if (auto ok = journal_.begin(); !ok) return ok;
  if (auto ok = load_aside(); !ok) return ok;
  if (auto ok = plan_aside(); !ok) return ok;
  late_ = run;
  if (auto ok = close_all(); !ok) return ok;
  late_ = 0;
  return journal_.commit();
}

Result<void> Planner::each_absent(const std::vector<std::string>& sources,
                                  const std::function<Result<void>(const Absent&)>& take) {
  const auto in_job = [&](std::string_view name) { return std::find(sources.begin(), sources.end(), name) != sources.end(); };
  return journal_.each_unseen([&](std::string_view external_id, const Stored& state) -> Result<void> {
    std::string_view source = state.source;
    if (const auto now = renamed_.find(source); !in_job(source) && now != renamed_.end()) source = now->second;
    const auto span = spans_.find(source);
    const std::string started = reader_.started_at(state.base);
    Absent absent{external_id, state.source};
    if (span != spans_.end()) {
      absent.spanned = started >= span->second.first && started <= span->second.last;
    } else {
      absent.spanned = !source.empty() && !in_job(source);  // the source was taken out of the job
    }
    return take(absent);
  });
}

/// What was put aside goes by itself and last, so that it keeps nothing new back.
Result<void> Planner::send(const Decision& decision, std::string after, std::int64_t written_at, Phase phase) {
  const bool patch = decision.action == Action::patch;
  // A clock that was set back must not make anything wait for long.
  const std::int64_t ready = written_at == 0 ? 0 : std::min(written_at, now_) + rules_.settle_ms;
  const bool waits = ready > now_;
  if (phase == Phase::posts && patch) phase = waits ? Phase::late_patches : Phase::patches;
  if (phase == Phase::posts && waits) phase = Phase::late_posts;
  Filling& filling = filling_[static_cast<std::size_t>(phase)];
  const std::size_t frame = rules_.envelope.head.size() + rules_.envelope.tail.size();
  const bool full = filling.chunk.sent.size() >= rules_.batch_size ||
                    (!filling.chunk.sent.empty() && frame + filling.bytes + decision.sent.size() > rules_.byte_limit);
  if (full) {
    if (auto ok = close(phase); !ok) return ok;
  }
  filling.chunk.update = patch;
  if (waits) {
    ++counts_.waiting;
    filling.chunk.not_before = std::max(filling.chunk.not_before, ready);
  }
  filling.bytes += decision.sent.size() + 1;
  counts_.bytes += decision.sent.size() + 1;
  filling.chunk.sent.push_back(decision.sent);
  filling.chunk.after.push_back(std::move(after));
  return {};
}

Result<void> Planner::close_all() {
  for (std::size_t phase = 0; phase < filling_.size(); ++phase) {
    if (auto ok = close(static_cast<Phase>(phase)); !ok) return ok;
  }
  return {};
}

Result<void> Planner::close(Phase phase) {
  Filling& filling = filling_[static_cast<std::size_t>(phase)];
  if (filling.chunk.sent.empty()) return {};
  ++counts_.requests;
  Result<void> ok = late_ != 0 ? journal_.add_late_chunk(late_, phase, filling.chunk) : journal_.add_chunk(phase, filling.chunk);
  filling = {};
  return ok;
}

Result<void> Planner::finish() {
  if (auto ok = plan_aside(); !ok) return ok;
  if (auto ok = close_all(); !ok) return ok;
  if (auto ok = journal_.end_plan(); !ok) return ok;
  return journal_.commit();
}

}  // namespace crosswalk::delivery
