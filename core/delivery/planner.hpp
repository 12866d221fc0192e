// What a run would send, decided one conversation after the other against the journal, and written into it.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"
#include "delivery/journal.hpp"
#include "delivery/state.hpp"

namespace crosswalk::delivery {

enum class Action : std::uint8_t {
  create,     ///< never delivered: POST
  overwrite,  ///< changed, and an update cannot say it: POST
  settle,     ///< nobody knows what the server has, since a write of it ended without an answer: POST
  patch,      ///< only fields of ConversationUpdate changed, none went away: PATCH
  unchanged,  ///< not sent
  refused,    ///< the server refused exactly this before: not sent
  unknown,    ///< an update of a conversation that was never delivered: kept until that comes
};
inline constexpr std::size_t kActions = 7;
[[nodiscard]] std::string_view name_of(Action action);

struct PlanRules {
  Envelope envelope;
  std::size_t batch_size = 500;
  std::size_t byte_limit = std::size_t{4} << 20;  ///< of a body
  std::int64_t settle_ms = 30'000;  ///< a taken write may be applied late: no other write of that conversation for so long
  bool full = false;                ///< send everything, unchanged or not
  bool again = false;               ///< send also what the server refused before
  bool part = false;                ///< not all that the job says is planned: nothing is said of what is left out
};

struct PlanCounts {
  std::array<std::uint64_t, kActions> conversations{}, updates{};
  std::uint64_t requests = 0, bytes = 0;
  std::uint64_t waiting = 0;       ///< records that must wait until an earlier write of them is settled
  std::uint64_t joined_early = 0;  ///< conversations into which an enrichment went that had come before them
  [[nodiscard]] std::uint64_t of(Action action) const {
    const auto i = static_cast<std::size_t>(action);
    return conversations[i] + updates[i];
  }
};

/// What was decided, for those who list it.
struct Decision {
  Action action = Action::unchanged;
  std::string external_id;
  std::vector<std::string> changed;  ///< of a patch and an overwrite
  std::string sent;                  ///< the record; empty: not sent
  std::string whole;                 ///< of a patch, where something was refused before: the conversation as a whole
  std::string refusal;               ///< what the server said
  std::string was_part_of;           ///< of a new one: the conversation that it was delivered as a part of
  int status = 0;
};

class Planner {
 public:
  Planner(Journal& journal, PlanRules rules) : journal_(journal), rules_(std::move(rules)) {}

  /// Begins the run's transaction.
  Result<void> start(const std::string& origin);
  /// Lines as a Sink gets them. `source`: the one of the job that the conversation first came from.
  Result<Decision> conversation(std::string_view line, std::string_view source = {});
  Result<Decision> update(std::string_view line) { return decide(line, true, {}); }
  /// The plan stands in the journal, whole; when it is only looked at, nothing does.
  Result<void> finish();
  /// Adds what was put aside to a plan that stands.
  Result<void> add_aside(std::int64_t run);
  [[nodiscard]] const PlanCounts& counts() const { return counts_; }

  /// A conversation that was delivered earlier and that this plan has not.
  struct Absent {
    std::string_view external_id, source;
    bool spanned = false;  ///< this run's conversations of that source began before it and after it
  };
  /// Before finish(), and unless only a part was planned.
  Result<void> each_absent(const std::vector<std::string>& sources, const std::function<Result<void>(const Absent&)>& take);

 private:
  Result<Decision> decide(std::string_view line, bool update, std::string_view source);
  Result<void> decide_new(std::string_view line, std::string_view source, Decision& out, std::string& after);
  Result<void> decide_known(std::string_view line, bool update, std::string_view source, const Stored& known, Decision& out,
                            std::string& after);
  Result<void> keep_early(const std::string& external_id, std::string_view line);
  Result<void> load_aside();
  Result<void> plan_aside();
  Result<void> send(const Decision& decision, std::string after, std::int64_t written_at, Phase phase);
  Result<void> close(Phase phase);
  Result<void> close_all();

  Journal& journal_;
  PlanRules rules_;
  PlanCounts counts_;
  FieldsReader reader_;
  std::int64_t now_ = 0;
  /// When the conversations of a source began, as they are written: in UTC, so texts compare as times do.
  struct Span {
    std::string first, last;
  };
  std::map<std::string, Span, std::less<>> spans_;
  std::map<std::string, std::string, std::less<>> renamed_;  ///< sources: what came from one and now comes from another
  /// What was put aside and is not planned yet, by external_id: what would be known after it, and where it goes.
  struct Aside {
    std::string after;
    Phase phase;
  };
  std::map<std::string, Aside, std::less<>> aside_;
  struct Filling {
    Chunk chunk;
    std::size_t bytes = 0;
  };
  std::array<Filling, 6> filling_;  ///< by phase
  std::int64_t late_ = 0;           ///< the run whose plan stands and is added to
};

}  // namespace crosswalk::delivery
