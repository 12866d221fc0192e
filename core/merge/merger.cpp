#include "merge/merger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <tuple>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "merge/group.hpp"
#include "merge/late_reject.hpp"
#include "merge/observer.hpp"
#include "merge/order_findings.hpp"
#include "pipeline/ordered.hpp"
#include "pipeline/record_texts.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {
namespace {

constexpr std::uint64_t kStretch = std::uint64_t{512} << 10;  // bytes of entries finished at once, at most

/// Groups → lines. One per thread.
class Finisher {
 public:
  /// `observer` may be null.
  explicit Finisher(const MergePlan& plan, MergeObserver* observer = nullptr) : plan_(plan), observer_(observer), group_(plan) {}

  [[nodiscard]] const GroupStates& group() const { return group_; }

  void finish(const Group& group, Finished& to) {
    group_.load(group, observer_);
    members_.clear();
    for (std::size_t i = 0; i < group_.states().size(); ++i) {
      Finished::Accounts& accounts = to.sources[group_.sources()[i]];
      accounts.repeated_touchpoints += group_.states()[i]->repeated_touchpoints;
      accounts.deleted_touchpoints += group_.states()[i]->deleted_touchpoints;
      look_at_order(i, to);
    }
    for (std::size_t i = 0; i < group_.states().size(); ++i) {
      if (group_.is_deleted(i)) {
        each_standing(i, [&](const Contribution& c) { filter(c, to); });
      } else if (group_.standing(i) == i) {
        members_.push_back(i);
      } else {
        refuse_anothers_id(i, to);
      }
    }
    if (members_.empty()) return;
    if (is_deleted_but_for_enrichment()) {
      for (const std::size_t i : members_) {
        each_standing(i, [&](const Contribution& c) { filter(c, to); });
      }
    } else {
      finish_members(to);
    }
  }

 private:
  /// What only adds to a conversation goes with it.
  [[nodiscard]] bool is_deleted_but_for_enrichment() const {
    bool deleted = false;
    for (std::size_t i = 0; i < group_.states().size(); ++i) deleted |= group_.is_deleted(i) && !enriches(i);
    return deleted && std::all_of(members_.begin(), members_.end(), [this](std::size_t i) { return enriches(i); });
  }

  /// A record that its source has deleted, or that is of a conversation which is.
  void filter(const Contribution& c, Finished& to) {
    to.sources[c.source].books.filter(kDeletedRule);
    if (observer_ != nullptr) observer_->filtered(c, kDeletedRule);
    if (plan_.ledger) add_ledger_entry(to.ledger, c.source, c.origin, Fate::filtered, kDeletedRule);
  }

  struct Refusal {
    std::string_view code, field, message, cure;
  };
  static Refusal refusal(Lack lack) {
    if (lack == Lack::channel) {
      return {code_of(lack), "channel", "nothing that is known of the conversation says by which channel it came",
              "--set default_channel=<phone|email|chat|sms|social|back_office>"};
    }
    return {code_of(lack), "started_at", "nothing that is known of the conversation says when it began, and no time is made up",
            "add the export that holds its creation time or its touchpoints"};
  }

  void refuse_anothers_id(std::size_t i, Finished& to) {
    const State &state = *group_.states()[i], &other = *group_.states()[group_.standing(i)];
    if (const Lack lack = group_.lack(i); lack != Lack::nothing && group_.lack(group_.standing(i)) == Lack::nothing) {
      reject_state(i, refusal(lack), to);
    } else if (state.id == other.id) {
      const std::string message = fmt::format(
          "the id stands for another conversation too, in another scope than \"{}\"; both under one "
          "external_id would overwrite each other",
          shown(state.scope));
      reject_state(i,
                   {"same_id_in_two_scopes", "scope", message,
                    "translate the scopes (organisations) one by one, or use {scope} in a job's external_id"},
                   to);
    } else {
      const std::string message = fmt::format(
          "the job's external_id is the same for the ids \"{}\" and \"{}\" of this source; both under one "
          "would overwrite each other",
          shown(other.id), shown(state.id));
      reject_state(i,
                   {"same_external_id", "external_id", message,
                    "put text that no id has in it between the parts of the job's external_id, such as {scope}/{id}"},
                   to);
    }
  }

  /// Enters the records that were replaced, those that only take back, and those of which another stands for its place in the
  /// input.
  void look_at_order(std::size_t i, Finished& to) {
    const std::span<const Contribution> records = group_.of(i);
    const std::span<const RecordPart> parts = group_.parts(i);
    for (std::size_t r = 0; r < records.size(); ++r) {
      const Contribution& c = records[r];
      if (parts[r].role == RecordPart::Role::takes_back) filter(c, to);
      if (records.size() == 1) return;
      Finished::Accounts& accounts = to.sources[c.source];
      if (parts[r].role == RecordPart::Role::supplies) find_supplying(c, accounts.findings);
      if (parts[r].lost_by_place) find_lost(c, parts[r].newer, accounts.findings);
      if (parts[r].role != RecordPart::Role::superseded) continue;
      ++accounts.superseded;
      if (plan_.ledger) add_ledger_entry(to.ledger, c.source, c.origin, Fate::superseded, c.conversation.external_id);
    }
  }

  static void find_supplying(const Contribution& c, Findings& findings) {
    findings.add("supplied_by_older_record", {c.origin.file, c.origin.offset}, [&] {
      Finding first;
      first.message = fmt::format("the newest record of conversation {} lacks columns that this older one has: it supplies them",
                                  shown(c.conversation.external_id));
      first.line = c.origin.line;
      return first;
    });
  }

  static void find_lost(const Contribution& c, Newer newer, Findings& findings) {
    findings.add(code_of(newer), {c.origin.file, c.origin.offset}, [&] {
      Finding first = lost_by_place(newer, c.conversation.external_id);
      first.line = c.origin.line;
      return first;
    });
  }

  /// Calls `visit` for each record of a state of which something is left.
  void each_standing(std::size_t i, const auto& visit) const {
    const std::span<const Contribution> records = group_.of(i);
    for (std::size_t r = 0; r < records.size(); ++r) {
      if (group_.parts(i)[r].role < RecordPart::Role::superseded) visit(records[r]);
    }
  }

  void finish_members(Finished& to) {
    states_.clear();
    sources_.clear();
    for (const std::size_t i : members_) {
      states_.push_back(group_.states()[i]);
      sources_.push_back(group_.sources()[i]);
    }
    if (observer_ != nullptr) observer_->members_are(members_);
    combine(plan_, states_, sources_, group_.arena(), combined_, observer_);
    if (combined_.enrichment_only) {
      write_update(to);
      return;
    }
    if (combined_.conversation.channel == Channel::none) {
      for (std::size_t m = 0; m < members_.size(); ++m) sources_[m] = group_.defaulting(members_[m]);
      take_default_channel(plan_, sources_, combined_.conversation, observer_);
    }
    const Lack lack = lack_of(combined_.conversation.channel, combined_.conversation.started_at);
    if (lack == Lack::nothing) {
      if (plan_.sources.size() > 1 || group_.of(members_.front()).size() > 1) compare_starts(to);
      write_conversation(to);
    } else {
      refuse(refusal(lack), to);
    }
  }

  /// The conversation cannot be; what only adds to one is kept as an update.
  void refuse(const Refusal& why, Finished& to) {
    std::vector<std::size_t> enriching;
    for (const std::size_t i : members_) {
      if (enriches(i)) {
        enriching.push_back(i);
      } else {
        reject_state(i, why, to);
      }
    }
    members_ = enriching;
    if (!members_.empty()) finish_members(to);
  }

  void reject_state(std::size_t i, const Refusal& why, Finished& to) {
    std::string message(why.message);
    std::size_t records = 0;
    each_standing(i, [&](const Contribution&) { ++records; });
    if (records > 1) message += fmt::format(" (one of the {} records that make it up)", records);
    if (observer_ != nullptr) {
      observer_->rejected(i, why.code, message, plan_.sources[group_.sources()[i]].config->cure(why.cure));
    }
    each_standing(i, [&](const Contribution& c) {
      const SourceConfig& config = *plan_.sources[c.source].config;
      const std::string cure = config.cure(why.cure);
      to.sources[c.source].books.reject(why.code, fmt::format("{}; {}", message, cure));
      if (config.want_rejects) {
        const bool of_id = why.field == "external_id";
        const std::string_view found = of_id ? c.conversation.external_id : why.field == "scope" ? c.scope : std::string_view();
        const std::string said = of_id ? message : fmt::format("{}; conversation {}", message, shown(c.conversation.external_id));
        add_late_reject(to.rejects, c.source, c.origin, {why.code, why.field, found, said, cure});
      }
      if (plan_.ledger) add_ledger_entry(to.ledger, c.source, c.origin, Fate::rejected, why.code);
    });
  }

  [[nodiscard]] bool enriches(std::size_t i) const { return plan_.sources[group_.sources()[i]].enrich; }

  /// Counts the records of what was written, and enters them into the ledger: the first one is it, the others are merged.
  void account(Fate first_fate, const Contribution& first_one, Finished& to) {
    const bool update = first_fate == Fate::update;
    const Contribution* const first = &first_one;
    for (const std::size_t i : members_) {
      each_standing(i, [&](const Contribution& c) { ++to.sources[c.source].merged; });
      if (enriches(i)) account_enrichment(i, update, to);
    }
    Finished::Accounts& accounts = to.sources[first->source];
    --accounts.merged;
    if (observer_ != nullptr) observer_->made(combined_, first_fate);
    ++(update ? accounts.updates : accounts.written);
    if (!update && to.first_conversation.empty()) to.first_conversation = combined_.conversation.external_id;
    if (!plan_.ledger && observer_ == nullptr) return;
    for (const std::size_t i : members_) {
      each_standing(i, [&](const Contribution& c) {
        const Fate fate = &c == first ? first_fate : Fate::merged;
        if (observer_ != nullptr) observer_->became(c, fate);
        if (plan_.ledger) add_ledger_entry(to.ledger, c.source, c.origin, fate, combined_.conversation.external_id);
      });
    }
  }

  void account_enrichment(std::size_t i, bool update, Finished& to) {
    Enrichment& enrichment = to.sources[group_.sources()[i]].enrichment;
    if (update) {
      if (enrichment.unmet++ == 0) enrichment.unmet_example = combined_.conversation.external_id;
    } else {
      ++enrichment.conversations;
      each_standing(i, [&](const Contribution&) { ++enrichment.records; });
    }
  }

  /// When do those who know of it say that it began?
  void compare_starts(Finished& to) const {
    for (std::size_t m = 0; m < members_.size(); ++m) {
      const std::size_t i = members_[m];
      if (enriches(i)) continue;
      compare_files(i, to);
      const auto& left = group_.states()[i]->conversation.started_at;
      for (std::size_t n = m + 1; left && n < members_.size(); ++n) {
        const std::size_t j = members_[n];
        const auto& right = group_.states()[j]->conversation.started_at;
        if (right && !enriches(j) && group_.sources()[i] != group_.sources()[j]) {
          to.offsets.add(group_.sources()[i], group_.sources()[j], *left, *right);
        }
      }
    }
  }

  /// Of a conversation that stands whole in several files, the first file's record against the others.
  void compare_files(std::size_t i, Finished& to) const {
    const std::span<const Contribution> records = group_.of(i);
    if (records.size() == 1 || plan_.sources[group_.sources()[i]].config->info.role != RecordRole::conversation) return;
    const auto place = [](const Contribution& c) { return std::tie(c.source, c.origin.file, c.origin.offset); };
    const Contribution* first = &records.front();
    for (const Contribution& c : records) {
      if (place(c) < place(*first)) first = &c;
    }
    if (!first->conversation.started_at) return;
    for (const Contribution& c : records) {
      const bool elsewhere = c.source != first->source || c.origin.file != first->origin.file;
      if (elsewhere && c.conversation.started_at) {
        to.offsets.add(first->source, c.source, *first->conversation.started_at, *c.conversation.started_at);
      }
    }
  }
  /// The first of them, in the order of sources, inputs and places. A conversation is never begun by a record that only adds to
  /// it.
  [[nodiscard]] const Contribution& first_record(Fate fate) const {
    const Contribution* first = nullptr;
    for (const std::size_t i : members_) {
      if (fate != Fate::update && enriches(i)) continue;
      each_standing(i, [&](const Contribution& c) {
        if (first == nullptr || std::tie(c.source, c.origin.file, c.origin.offset) <
                                    std::tie(first->source, first->origin.file, first->origin.offset)) {
          first = &c;
        }
      });
    }
    return *first;
  }

  /// Start and end may be of different records, each right by itself. Nothing says which of the two errs, so both stay; where
  /// they are of one record, or it said so of its own end, that was judged there.
  void look_at_end(const Contribution& first, Finished& to) const {
    const Conversation& c = combined_.conversation;
    if (!c.ended_at || !(*c.ended_at < *c.started_at)) return;
    const auto is_whole_minute = [](const Instant& at) { return at.nanos == 0 && at.seconds % 60 == 0; };
    const std::int64_t early = c.started_at->seconds - c.ended_at->seconds;
    const std::int64_t unit = is_whole_minute(*c.started_at) || is_whole_minute(*c.ended_at) ? 60 : 1;
    const bool doubtful = c.started_how > Known::unique || c.ended_how > Known::unique;
    if (early < unit || (doubtful && early <= kMostRepeated)) return;
    const Contribution* says_end = nullptr;
    bool judged = false;
    for (const std::size_t i : members_) {
      each_standing(i, [&](const Contribution& record) {
        const Conversation& said = record.conversation;
        const bool end = said.ended_at == c.ended_at;
        judged |= record.refused_end || (end && said.started_at == c.started_at);
        if (end && says_end == nullptr) says_end = &record;
      });
    }
    if (judged) return;
    const Contribution& at = says_end == nullptr ? first : *says_end;
    to.sources[at.source].findings.add("ended_before_started", {at.origin.file, at.origin.offset}, [&] {
      Buffer times;
      add_time(times, *c.ended_at);
      times.add(", which lies before its start, ");
      add_time(times, *c.started_at);
      Finding finding;
      finding.message = fmt::format("conversation {} ends {}; other records say when it began, and both are kept",
                                    shown(c.external_id), times.view());
      finding.cure = "correct it in the source; check the zones and the form of both times";
      finding.line = at.origin.line;
      return finding;
    });
  }

  void write_conversation(Finished& to) {
    Buffer& out = to.conversations;
    const Conversation& c = combined_.conversation;
    const Contribution& first = first_record(Fate::written);
    look_at_end(first, to);
    std::size_t begun = 0;
    if (plan_.by_start) {
      // Seconds and nanoseconds in an order of bytes, then the id.
      key_.clear();
      const std::uint64_t seconds = static_cast<std::uint64_t>(c.started_at->seconds) ^ (std::uint64_t{1} << 63);
      for (int shift = 56; shift >= 0; shift -= 8) key_.push_back(static_cast<char>(seconds >> shift));
      for (int shift = 24; shift >= 0; shift -= 8) key_.push_back(static_cast<char>(c.started_at->nanos >> shift));
      key_.append(c.external_id);
      begun = entry::begin(out, key_);
      out.add(std::string_view(reinterpret_cast<const char*>(&first.source), sizeof first.source));
    } else {
      to.origins.push_back(first.source);
    }
    add_conversation_fields(out, c);
    MetadataWriter metadata(out);
    for (const MetadataItem& item : combined_.metadata) {
      metadata.key(item.key);
      out.add(item.value);
    }
    add_time_marks(metadata, out, c, plan_.sources[sources_.front()].config->zones->version());
    metadata.close();
    if (plan_.by_start) entry::end(out, begun);
    account(Fate::written, first, to);
  }

  void write_update(Finished& to) {
    Buffer& out = to.updates;
    add_update_fields(out, combined_.conversation);
    MetadataWriter metadata(out);
    for (const MetadataItem& item : combined_.metadata) {
      metadata.key(item.key);
      out.add(item.value);
    }
    metadata.close();
    account(Fate::update, first_record(Fate::update), to);
  }

  const MergePlan& plan_;
  MergeObserver* observer_;
  GroupStates group_;
  std::vector<std::size_t> members_;
  std::vector<const State*> states_;
  std::vector<std::uint32_t> sources_;
  Combined combined_;
  std::string key_;
};

/// Stretches of a sorter's keys, handed out in order.
class Stretches {
 public:
  static Result<Stretches> of(const Sorter& sorter, std::size_t memory) {
    auto cuts = sorter.cuts(std::clamp<std::uint64_t>(memory / 64, std::uint64_t{128} << 10, kStretch));
    if (!cuts) return cuts.error();
    Stretches made;
    made.cuts_ = std::move(*cuts);
    return made;
  }
  bool next(std::string& from, std::optional<std::string>& until) {
    if (at_ > cuts_.size()) return false;
    from = at_ == 0 ? std::string() : cuts_[at_ - 1];
    until = at_ == cuts_.size() ? std::nullopt : std::optional(cuts_[at_]);
    ++at_;
    return true;
  }

 private:
  std::vector<std::string> cuts_;
  std::size_t at_ = 0;
};

Error interrupted() { return {Errc::io, "interrupted while conversations were put together; nothing is written", ""}; }

/// A stretch and what became of it.
template <class Product>
struct Stretch {
  std::string from;
  std::optional<std::string> until;
  Product product;
  std::optional<Error> error;
  [[nodiscard]] std::size_t held() const { return product.held(); }
};

struct LinkValues {
  Buffer entries;
  [[nodiscard]] std::size_t held() const { return entries.size(); }
};

std::size_t part(std::size_t whole, unsigned percent) { return whole / 100 * percent; }

// Who gets how much of the memory, percent. Together no more than a hundred; the stretches that are finished come on top.
constexpr unsigned kLedgerPart = 15, kLinksPart = 15, kLinkedPart = 15, kByStartPart = 15, kMostForContributions = 65;

unsigned contributions_part(const MergePlan& plan, bool links) {
  const unsigned others =
      (plan.ledger ? kLedgerPart : 1) + (links ? kLinksPart + kLinkedPart : 0) + (plan.by_start ? kByStartPart : 0);
  return std::min(kMostForContributions, 100 - others);
}

}  // namespace

void Finished::clear() {
  conversations.clear();
  origins.clear();
  updates.clear();
  rejects.clear();
  ledger.clear();
  offsets.clear();
  first_conversation.clear();
  std::fill(sources.begin(), sources.end(), Accounts());
}

Merger::Merger(MergePlan plan, std::vector<LinkRule> links, Limits limits)
    : plan_(std::move(plan)),
      rules_(std::move(links)),
      limits_(limits),
      contributions_(part(limits.memory, contributions_part(plan_, !rules_.empty())), spill_, limits.jobs),
      ledger_(part(limits.memory, plan_.ledger ? kLedgerPart : 1), spill_),
      rejects_(part(limits.memory, 1), spill_) {
  if (!rules_.empty()) links_ = std::make_unique<Links>(rules_, plan_, part(limits.memory, kLinksPart), spill_);
}

Merger::~Merger() = default;

Result<void> Merger::link(const std::function<bool()>& stop) {
  if (auto ok = contributions_.seal(); !ok) return ok;
  sealed_ = true;
  if (!links_) return {};
  auto stretches = Stretches::of(contributions_, limits_.memory);
  if (!stretches) return stretches.error();
  using Item = Stretch<LinkValues>;
  struct Worker {
    GroupStates group;
    std::vector<const State*> states;
    std::vector<std::uint32_t> sources;
  };
  std::vector<Worker> workers;
  for (unsigned i = 0; i < limits_.jobs; ++i) workers.push_back({GroupStates(plan_), {}, {}});
  Result<void> result = run_ordered<Item>(
      limits_.jobs, [&](Item& item) -> Result<bool> { return stretches->next(item.from, item.until); },
      [&](unsigned worker, Item& item) {
        item.product.entries.clear();
        item.error.reset();
        GroupReader groups;
        Group group;
        auto ok = groups.open(contributions_, nullptr, nullptr, item.from, item.until);
        while (ok) {
          auto more = groups.next(group);
          if (!more) ok = more.error();
          if (!more || !*more) break;
          auto& [states, standing, sources] = workers[worker];
          states.load(group);
          standing.clear();
          sources.clear();
          for (std::size_t i = 0; i < states.states().size(); ++i) {
            if (states.standing(i) != i || states.is_deleted(i)) continue;  // it will not be there, and must not join others
            standing.push_back(states.states()[i]);
            sources.push_back(states.sources()[i]);
          }
          links_->collect(item.product.entries, group.external_id, standing, sources);
        }
        if (!ok) item.error = ok.error();
      },
      [&](Item& item) -> Result<void> {
        if (item.error) return *item.error;
        if (stop()) return interrupted();
        return links_->add(item.product.entries.view());
      });
  if (result) result = links_->resolve();
  if (result && links_->any()) result = relink(stop);
  return result;
}

/// Contributions of linked conversations, under the external_id they go on by.
Result<void> Merger::relink(const std::function<bool()>& stop) {
  linked_ = std::make_unique<Sorter>(part(limits_.memory, kLinkedPart), spill_);
  auto cursor = SorterCursor::open(contributions_);
  if (!cursor) return cursor.error();
  Contributions decoded(plan_.texts.get());
  std::optional<TextNumbers> numbers;
  if (plan_.texts) numbers.emplace(*plan_.texts);
  Buffer out;
  std::string key, survivor;
  for (std::uint64_t n = 0;; ++n) {
    auto more = (*cursor)->next();
    if (!more) return more.error();
    if (!*more) break;
    if (n % 65536 == 0 && stop()) return interrupted();
    if (n == 0 || (*cursor)->key() != key) {
      key = (*cursor)->key();
      survivor = links_->survivor(key);
    }
    if (survivor.empty()) continue;
    out.clear();
    decoded.clear();
    Contribution c = decoded.decode((*cursor)->key(), (*cursor)->payload());
    c.linked_from = key;
    c.conversation.external_id = survivor;
    add_entry(out, c, numbers ? &*numbers : nullptr);
    if (auto ok = linked_->add(out.view()); !ok) return ok;
  }
  return linked_->seal();
}

Result<void> Merger::finish(const std::function<bool()>& stop, const std::function<Result<void>(Finished&)>& take) {
  if (!sealed_) {
    if (auto ok = contributions_.seal(); !ok) return ok;
    sealed_ = true;
  }
  auto stretches = Stretches::of(contributions_, limits_.memory);
  if (!stretches) return stretches.error();
  std::unique_ptr<Sorter> by_start;
  if (plan_.by_start) by_start = std::make_unique<Sorter>(part(limits_.memory, kByStartPart), spill_);
  using Item = Stretch<Finished>;
  std::vector<std::unique_ptr<Finisher>> finishers;
  for (unsigned i = 0; i < limits_.jobs; ++i) finishers.push_back(std::make_unique<Finisher>(plan_));
  Result<void> result = run_ordered<Item>(
      limits_.jobs, [&](Item& item) -> Result<bool> { return stretches->next(item.from, item.until); },
      [&](unsigned worker, Item& item) {
        item.product.sources.resize(plan_.sources.size());
        item.product.clear();
        item.error.reset();
        GroupReader groups;
        Group group;
        auto ok = groups.open(contributions_, links_.get(), linked_.get(), item.from, item.until);
        while (ok) {
          auto more = groups.next(group);
          if (!more) ok = more.error();
          if (!more || !*more) break;
          finishers[worker]->finish(group, item.product);
        }
        if (!ok) item.error = ok.error();
      },
      [&](Item& item) -> Result<void> {
        if (item.error) return *item.error;
        if (stop()) return interrupted();
        if (auto ok = ledger_.add(item.product.ledger.view()); !ok) return ok;
        if (auto ok = rejects_.add(item.product.rejects.view()); !ok) return ok;
        if (by_start) {
          if (auto ok = by_start->add(item.product.conversations.view()); !ok) return ok;
          item.product.conversations.clear();
        }
        return take(item.product);
      });
  if (!result || !by_start) return result;
  if (auto ok = by_start->seal(); !ok) return ok;
  auto cursor = SorterCursor::open(*by_start);
  if (!cursor) return cursor.error();
  Finished lines;
  lines.sources.resize(plan_.sources.size());
  for (;;) {
    auto more = (*cursor)->next();
    if (!more) return more.error();
    if (*more) {
      const std::string_view payload = (*cursor)->payload();
      std::uint32_t source = 0;
      std::memcpy(&source, payload.data(), sizeof source);
      lines.origins.push_back(source);
      lines.conversations.add(payload.substr(sizeof source));
    }
    if (lines.conversations.size() < kStretch && *more) continue;
    if (stop()) return interrupted();
    if (auto ok = take(lines); !ok) return ok;
    lines.clear();
    if (!*more) return {};
  }
}

Result<bool> Merger::explain(std::string_view external_id, MergeObserver& observer,
                             const std::function<void(const GroupStates&)>& visit) const {
  GroupReader groups;
  Group group;
  if (auto ok = groups.open(contributions_, links_.get(), linked_.get(), external_id, std::string(external_id) + '\0'); !ok) {
    return ok.error();
  }
  auto found = groups.next(group);
  if (!found || !*found) return found;
  Finisher finisher(plan_, &observer);
  Finished to;
  to.sources.resize(plan_.sources.size());
  finisher.finish(group, to);
  visit(finisher.group());
  return true;
}

Result<void> Merger::each_reject(const std::function<Result<void>(std::string_view)>& take) {
  if (auto ok = rejects_.seal(); !ok) return ok;
  auto cursor = SorterCursor::open(rejects_);
  if (!cursor) return cursor.error();
  Buffer lines;
  std::optional<RecordTexts> texts;
  const SourceConfig* of = nullptr;
  for (;;) {
    auto more = (*cursor)->next();
    if (!more) return more.error();
    if (*more) {
      const LateReject reject = read_late_reject((*cursor)->key(), (*cursor)->payload());
      const SourceConfig& source = *plan_.sources[reject.source].config;
      if (of != &source) {
        of = &source;
        texts.emplace(source);
      }
      add_reject_line(lines, reject, source, texts->at(reject.origin.file, reject.origin.offset));
    }
    if (lines.size() < kStretch && *more) continue;
    if (auto ok = take(lines.view()); !ok) return ok;
    lines.clear();
    if (!*more) return {};
  }
}

Result<void> Merger::each_ledger_line(const std::function<Result<void>(std::string_view)>& take) {
  if (auto ok = ledger_.seal(); !ok) return ok;
  auto cursor = SorterCursor::open(ledger_);
  if (!cursor) return cursor.error();
  Buffer lines;
  std::string head;
  std::pair<std::uint32_t, std::uint32_t> head_of;  // source and file
  for (;;) {
    auto more = (*cursor)->next();
    if (!more) return more.error();
    if (*more) {
      const LedgerLine line = read_ledger_entry((*cursor)->key(), (*cursor)->payload());
      if (head.empty() || line.source != head_of.first || line.origin.file != head_of.second) {
        const SourceConfig& source = *plan_.sources[line.source].config;
        head = ledger_head(source.name, source.inputs[line.origin.file]);
        head_of = {line.source, line.origin.file};
      }
      add_ledger_line(lines, head, line);
    }
    if (lines.size() < kStretch && *more) continue;
    if (auto ok = take(lines.view()); !ok) return ok;
    lines.clear();
    if (!*more) return {};
  }
}

}  // namespace crosswalk
