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
  return journal_.start_run(origin, rules_.envelope);
}

Result<Decision> Planner::decide(std::string_view line, bool update) {
  while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
  Decision out;
  out.external_id = reader_.external_id(line);
  if (out.external_id.empty()) return defect(line);
  Stored known;
  auto found = journal_.find(out.external_id, known);
  if (!found) return found.error();
  std::string after;
  if (!*found && update) {
    out.action = Action::unknown;
  } else if (!*found) {
    out.action = Action::create;
    out.sent = line;
    after = std::string(kBaseIsSent) + "\t";
  } else if (auto ok = decide_known(line, update, known, out, after); !ok) {
    return ok.error();
  }
  if (!out.sent.empty() && !rules_.again) {
    ServerRefusal refusal;
    auto refused = journal_.refused_before(out.external_id, out.sent, refusal);
    if (!refused) return refused.error();
    if (*refused) {
      out.action = Action::refused;
      out.refusal = refusal.message;
      out.status = refusal.status;
    }
  }
  ++(update ? counts_.updates : counts_.conversations)[static_cast<std::size_t>(out.action)];
  if (!out.sent.empty() && out.action != Action::refused) {
    if (auto ok = send(out, update, std::move(after), known.written_at); !ok) return ok.error();
  }
  return out;
}

Result<void> Planner::decide_known(std::string_view line, bool update, const Stored& known, Decision& out, std::string& after) {
  if (!update && !rules_.full && !known.doubt && hash128(line) == known.hash) return {};  // the usual case
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
  const Fields before = composed(base, overlay);
  Fields new_overlay = update ? composed(overlay, said) : still_standing(overlay, base, said);
  const Fields now = composed(update ? base : said, new_overlay);
  const bool overlaid =
      std::any_of(new_overlay.top.begin(), new_overlay.top.end(), [](const Field& f) { return f.key != "external_id"; }) ||
      !new_overlay.metadata.empty();
  Difference difference = delivery::difference(before, now);
  after = fmt::format("{}\t{}", update ? kSameBase : line, overlaid ? new_overlay.json() : "");
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
      same.overlay = overlaid ? new_overlay.json() : "";
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
  } else {
    out.action = Action::overwrite;
    out.sent = overlaid || update ? now.json() : std::string(line);
  }
  out.changed = std::move(difference.changed);
  return {};
}

Result<void> Planner::send(const Decision& decision, bool update, std::string after, std::int64_t written_at) {
  (void)update;
  const bool patch = decision.action == Action::patch;
  // A clock that was set back must not make anything wait for long.
  const std::int64_t ready = written_at == 0 ? 0 : std::min(written_at, now_) + rules_.settle_ms;
  const bool waits = ready > now_;
  const int phase = (patch ? 2 : 0) + (waits ? 1 : 0);
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

Result<void> Planner::close(int phase) {
  Filling& filling = filling_[static_cast<std::size_t>(phase)];
  if (filling.chunk.sent.empty()) return {};
  ++counts_.requests;
  Result<void> ok = journal_.add_chunk(phase, filling.chunk);
  filling = {};
  return ok;
}

Result<void> Planner::finish() {
  for (int phase = 0; phase < 4; ++phase) {
    if (auto ok = close(phase); !ok) return ok;
  }
  if (auto ok = journal_.end_plan(); !ok) return ok;
  return journal_.commit();
}

}  // namespace crosswalk::delivery
