// What was delivered, what is on its way, and what is still to go: in SQLite, because the API can be written only.
//
// The rule: a request stands in the journal before its first byte leaves, and what became of it before the next write of any of
// its conversations. A rollback journal with synchronous=FULL and exclusive locking: the releases in use are in the range of
// the bug that could corrupt a WAL when it is reset.
//
// Every row that decides what is sent carries a checksum, and one sum stands for all conversations; both are checked when the
// journal is opened, since SQLite itself does not see a byte that changed inside a value.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"
#include "delivery/database.hpp"
#include "text.hpp"

namespace crosswalk::delivery {

/// What the server has of a conversation, as far as is known.
struct Stored {
  Hash128 hash;                 ///< of `base`
  std::string base, overlay;    ///< see state.hpp
  std::int64_t written_at = 0;  ///< Unix time in ms, of the last write that the server took, or may have taken
  bool doubt = false;           ///< a write failed after the server may have applied it: only a full overwrite settles it
  std::string source;           ///< of the job, that it first came from; empty: not known
};

/// What a plan sends, in this order.
enum class Phase : std::uint8_t {
  posts = 0,
  late_posts = 1,  ///< that wait for an earlier write
  patches = 2,
  late_patches = 3,
  put_aside = 4,  ///< in an earlier run, without a known end
  failed = 5,     ///< which the server failed on while it took others
  whole = 6,      ///< instead of an update of what the server does not have
};

/// Records that go together, in the order of the plan.
struct Chunk {
  std::int64_t seq = 0;
  bool update = false;
  std::int64_t not_before = 0;     ///< Unix time in ms
  std::vector<std::string> sent;   ///< JSON of each record
  std::vector<std::string> after;  ///< what the journal knows when it is accepted: see After
  [[nodiscard]] std::uint64_t bytes() const;
  [[nodiscard]] Phase phase() const;
};
inline constexpr std::string_view kBaseIsSent = "";  ///< for the base in `after`
inline constexpr std::string_view kSameBase = "=";   ///< the base stays

/// What the journal knows of a conversation once a record of it is accepted: base, overlay and, where it may be another one than
/// before, the source; with tabs between them.
struct After {
  std::string_view base, overlay;
  std::optional<std::string_view> source;
  static After of(std::string_view line);
  [[nodiscard]] std::string line() const;
};

struct Request {
  std::int64_t id = 0, run = 0, chunk = 0;
  std::size_t first = 0, count = 0;  ///< of the chunk's records
  Hash128 body;
};

/// How bodies are made. Kept with the run, so that a resumed request has the same bytes whatever the job says by then.
struct Envelope {
  std::string head = "{\"conversations\":[", tail = "]}";
  std::string method = "POST", update_method = "PATCH";  ///< update_method empty: there is none
  [[nodiscard]] std::string body(const Chunk& chunk, std::size_t first, std::size_t count) const;
};

struct RunRow {
  std::int64_t id = 0;
  std::string started_at;  ///< UTC
  std::string origin;      ///< what was planned from: the job file and its inputs
  Envelope envelope;
  bool planned = false, finished = false;
};

struct ServerRefusal {
  std::string external_id, sent, message;
  int status = 0;
  bool again = false;  ///< the server failed on it: the next run tries it again
};

/// What became of one record of a request.
struct Outcome {
  enum class Kind : std::uint8_t { taken, refused, again };
  Kind kind = Kind::taken;
  ServerRefusal refusal;  ///< of refused
};

class Journal {
 public:
  enum class Use : std::uint8_t {
    run,   ///< exclusive; made when it is not there
    look,  ///< for a plan: nothing in the file changes
  };
  static Result<std::unique_ptr<Journal>> open(const std::string& path, Use use);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// The account must be the one that the journal is of, if it is of any yet. `new_key`: its key may be another one.
  Result<void> check_account(const std::string& url, const std::string& fingerprint, bool new_key);
  /// From now on it is of this one.
  Result<void> bind_account(const std::string& url, const std::string& fingerprint);
  [[nodiscard]] bool has_conversations() const { return rows_ != 0; }
  /// Whether the server ever accepted anything under this journal.
  Result<bool> ever_accepted();
  Result<void> mark_accepted();
  Result<std::string> meta(std::string_view key);  ///< empty: there is none
  Result<void> set_meta(std::string_view key, std::string_view value);

  Result<void> begin();
  Result<void> commit();
  void rollback();

  // --- planning
  /// In a transaction: forgets what an earlier plan left, starts a run.
  Result<void> start_run(const std::string& origin, const Envelope& envelope);
  Result<std::uint64_t> left_over();  ///< records that an earlier plan had and that were not sent
  Result<bool> find(std::string_view external_id, Stored& out);
  /// The refusal that still holds: the server refused exactly these bytes, or the conversation as a whole.
  Result<bool> refused_before(std::string_view external_id, std::string_view sent, std::string_view whole, ServerRefusal& out);
  [[nodiscard]] bool any_refused() const { return any_refused_; }
  Result<void> put(std::string_view external_id, const Stored& state);
  /// Enrichment of a conversation that was never delivered: waits for it. Empty: none.
  Result<std::string> early(std::string_view external_id);
  Result<void> put_early(std::string_view external_id, std::string_view fields);
  /// Records that the server failed on, or that nobody knows the end of: to be sent whole by the next plan. `take` gets
  /// external_id, record, what is known after it, and whether the server failed on it while it took others.
  using AsideTaker = std::function<Result<void>(std::string_view, std::string_view, std::string_view, bool)>;
  Result<void> each_aside(const AsideTaker& take);
  /// The conversation that one of this id was a part of when it was planned last; empty: of none.
  Result<std::string> whole_of(std::string_view external_id);
  Result<void> put_part(std::string_view external_id, std::string_view whole);
  /// That a conversation is in this run, delivered earlier or not.
  Result<void> see(std::string_view external_id);
  /// Conversations that were delivered and that this run has not, by external_id.
  using UnseenTaker = std::function<Result<void>(std::string_view external_id, const Stored& state)>;
  Result<void> each_unseen(const UnseenTaker& take);
  /// That the user is told of a conversation which is no longer there, and may remove it at the server. False: a run that came
  /// to its end told it before.
  Result<bool> tell_gone(std::string_view external_id);
  [[nodiscard]] Result<bool> was_told_gone(std::string_view external_id);
  Result<void> add_chunk(Phase phase, Chunk& chunk);
  Result<void> end_plan();

  // --- delivering
  Result<std::optional<RunRow>> last_run();
  Result<std::vector<Request>> open_requests();
  /// The first chunk behind `after` that no request was made for.
  Result<std::optional<Chunk>> next_chunk(std::int64_t run, std::int64_t after);
  Result<Chunk> chunk(std::int64_t seq);
  struct Left {
    std::uint64_t requests = 0, records = 0;
  };
  Result<Left> left(std::int64_t run);
  /// These write inside a transaction of the caller's.
  Result<void> add_request(Request& request);
  Result<void> accept(const Request& request, const Chunk& chunk, int status, std::int64_t now);
  Result<std::pair<Request, Request>> split(const Request& request, const Chunk& chunk, const Envelope& envelope, int status);
  Result<void> refuse(const Request& request, const Chunk& chunk, const ServerRefusal& refusal, bool doubt, std::int64_t now);
  /// Each record by itself. Gives the requests that are to be made for those that must go again.
  Result<std::vector<Request>> settle_each(const Request& request, const Chunk& chunk, const Envelope& envelope,
                                           const std::vector<Outcome>& outcomes, int status, bool doubt, std::int64_t now);
  /// Puts the records of a request aside: for the next plan, whole. `failed`: the server failed on them and took others.
  Result<void> put_aside(const Request& request, const Chunk& chunk, int status, std::string_view message, bool failed,
                         std::int64_t now);
  /// Instead of an update: the conversation as a whole, in a chunk and a request of its own. None: it is not known.
  Result<std::optional<std::pair<Chunk, Request>>> send_whole(const Request& request, const Chunk& chunk, const RunRow& run,
                                                              int status);
  /// Forgets what was refused, so that it is sent again.
  Result<void> forget_refusals() { return db_.run("DELETE FROM refused; DELETE FROM meta WHERE key = 'refused_in_run'"); }
  /// Adds a chunk to a plan that stands, behind those of its phase.
  Result<void> add_late_chunk(std::int64_t run, Phase phase, Chunk& chunk);
  Result<void> finish_run(std::int64_t run);
  Result<RunRow> run_of(std::int64_t run);

  /// Says of conversations that they will be written as the open requests say: for a plan that is only looked at.
  Result<void> assume_accepted();
  [[nodiscard]] const std::string& path() const { return shown_; }

 private:
  Journal() = default;
  Result<void> lock(const std::string& path, Use use);
  Result<void> create(const std::string& path);
  Result<void> settle(Use use);
  Result<void> check_whole();
  Result<void> prepare();

  Result<void> accept_record(const Chunk& chunk, std::size_t i, std::int64_t now);
  Result<void> refuse_record(std::string_view sent, const ServerRefusal& refusal, bool doubt, std::int64_t now);
  /// The record as it is when it is sent whole; empty: what it changes is not known.
  Result<std::string> whole_record(const Chunk& chunk, std::size_t i, std::string& after);
  Result<void> settle_record(const Chunk& chunk, std::size_t i, std::int64_t now);
  Result<void> put_doubt(std::string_view external_id, std::int64_t now);
  Result<void> close_request(const Request& request, int state, int status, std::string_view message, std::int64_t now);
  Result<Chunk> read_chunk(Statement& row);
  [[nodiscard]] Error damaged(std::string_view what) const;

  std::string shown_;
  int lock_ = -1;
  bool looking_ = false;
  Database db_;
  struct Statements;
  std::unique_ptr<Statements> s_;
  std::uint64_t sum_ = 0;
  std::int64_t rows_ = 0;
  bool sum_changed_ = false;
  std::int64_t run_ = 0, next_in_phase_ = 0;
  bool any_early_ = false, any_aside_ = false, any_refused_ = false, any_gone_ = false;  ///< mostly not
  bool tells_gone_ = false;                                                              ///< this run, of some
};

/// Unix time in ms.
[[nodiscard]] std::int64_t wall_clock();

}  // namespace crosswalk::delivery
