#include "delivery/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <sstream>
#include <thread>

#include "delivery/state.hpp"

namespace crosswalk::delivery {
namespace {

constexpr std::chrono::milliseconds kLookUp{50};   ///< how often a wait asks whether to stop
constexpr std::chrono::seconds kGrace{3};          ///< for what is on its way when the run is stopped
constexpr std::chrono::seconds kBetweenWaits{10};  ///< a new wait is said at once, but for one right after another
constexpr std::chrono::seconds kFirstPause{15}, kLongestPause{300};
constexpr std::chrono::seconds kSilence{10};
constexpr unsigned kSuspect = 4;  ///< tries that the server failed on

}  // namespace

/// Threads that send; each with a connection of its own.
class Engine::Workers {
 public:
  Workers(unsigned count, const TransportFactory& make) {
    threads_.reserve(count);
    most_ = count;
    done_.reserve(most_);
    for (unsigned i = 0; i < count; ++i) {
      auto transport = make();
      if (!transport) {
        failure_ = transport.error();
        return;
      }
      try {
        threads_.emplace_back([this, t = std::shared_ptr<Transport>(std::move(*transport))] { serve(*t); });
      } catch (const std::exception&) {  // then there are fewer
        if (threads_.empty())
          failure_ = Error{Errc::memory, "no thread that sends can be started", "raise the limit on processes"};
        return;
      }
    }
  }
  ~Workers() {
    {
      const std::lock_guard hold(mutex_);
      closed_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
  void give(Item item) {
    {
      const std::lock_guard hold(mutex_);
      todo_.push_back(std::move(item));
    }
    wake_.notify_one();
  }
  /// What is done; waits for the first until `until`.
  std::vector<Done> take(Clock::time_point until) {
    std::vector<Done> empty;
    empty.reserve(most_);  // a thread that adds to it could tell nobody that there is no memory
    std::unique_lock hold(mutex_);
    came_.wait_until(hold, until, [this] { return !done_.empty(); });
    return std::exchange(done_, std::move(empty));
  }

 private:
  void serve(Transport& transport) {
    std::unique_lock hold(mutex_);
    for (;;) {
      wake_.wait(hold, [this] { return closed_ || !todo_.empty(); });
      if (todo_.empty()) return;
      Item item = std::move(todo_.front());
      todo_.pop_front();
      hold.unlock();
      const Envelope& envelope = item.run->envelope;
      Answer answer;
      try {
        answer = transport.send(item.chunk->update ? envelope.update_method : envelope.method, item.body);
      } catch (const std::exception&) { answer.error.assign("no memory"); }  // short enough to need none; its end is unclear
      hold.lock();
      done_.push_back({std::move(item), std::move(answer)});
      came_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, came_;
  std::deque<Item> todo_;
  std::vector<Done> done_;
  std::size_t most_ = 0;  ///< on their way at once
  bool closed_ = false;
  std::optional<Error> failure_;
  std::vector<std::thread> threads_;
};

Engine::Engine(Journal& journal, EngineRules rules, TransportFactory transports, std::atomic<bool>& stop, Redactor redact,
               EngineHooks hooks)
    : journal_(journal),
      rules_(std::move(rules)),
      transports_(std::move(transports)),
      stop_(stop),
      redact_(std::move(redact)),
      hooks_(std::move(hooks)),
      bucket_(rules_.limits, Clock::now()),
      backoff_(rules_.first_wait, rules_.longest_wait, rules_.seed) {}

Engine::~Engine() {
  stop_ = true;  // nobody would write down what comes now
  workers_.reset();
}

Result<void> Engine::resume() {
  auto requests = journal_.open_requests();
  if (!requests) return requests.error();
  if (requests->empty()) return {};
  std::map<std::int64_t, std::shared_ptr<const Chunk>> chunks;
  std::shared_ptr<const RunRow> run;
  for (const Request& request : *requests) {
    if (!run || run->id != request.run) {
      auto row = journal_.run_of(request.run);
      if (!row) return row.error();
      run = std::make_shared<const RunRow>(std::move(*row));
    }
    auto& chunk = chunks[request.chunk];
    if (!chunk) {
      auto held = journal_.chunk(request.chunk);
      if (!held) return held.error();
      chunk = std::make_shared<const Chunk>(std::move(*held));
    }
    if (request.count == 0 || request.first + request.count > chunk->sent.size()) {
      return Error{Errc::io,
                   fmt::format("{}: the journal is damaged: a request is of records that are not there", journal_.path()),
                   "put a copy of the journal back"};
    }
    Item item{request, chunk, run, run->envelope.body(*chunk, request.first, request.count)};
    if (hash128(item.body) != request.body) {
      return Error{Errc::io,
                   fmt::format("{}: the journal is damaged: a request can no longer be sent as it was sent", journal_.path()),
                   "put a copy of the journal back"};
    }
    item.doubt = true;
    ready_.push_back(std::move(item));
  }
  counts_.resent += ready_.size();
  if (hooks_.note) {
    hooks_.note(fmt::format("{} request{} of a run that was cut off {} sent again, byte for byte", ready_.size(),
                            ready_.size() == 1 ? "" : "s", ready_.size() == 1 ? "was" : "were"));
  }
  std::reverse(ready_.begin(), ready_.end());
  plan_done_ = resuming_ = true;
  if (auto ok = recall_limit(run->id); !ok) return ok;
  auto done = work(nullptr);
  resuming_ = false;
  return done;
}

Result<void> Engine::deliver(const RunRow& run, std::uint64_t refused_before) {
  auto left = journal_.left(run.id);
  if (!left) return left.error();
  if (auto ok = recall_limit(run.id); !ok) return ok;
  if (counted_run_ != run.id) {
    counted_run_ = run.id;
    refused_before_ = refused_before;
    planned_ = counts_.refused + refused_before + left->records;
  }
  look_at_limit("in an earlier run");
  if (stopping_) return *stopping_;
  failures_ = probes_ = suspects_ = failed_again_ = 0;  // the requests of the earlier run are no measure for this one's
  plan_done_ = false;
  sending_updates_ = false;
  last_chunk_ = 0;
  return work(std::make_shared<const RunRow>(run));
}

/// How many of a run's records were refused, when it was worked on before.
Result<void> Engine::recall_limit(std::int64_t run) {
  const bool limited = rules_.max_refused.count || rules_.max_refused.percent;
  if (!limited || counted_run_ == run) return {};
  auto kept = journal_.meta("refused_in_run");
  if (!kept) return kept.error();
  std::istringstream words(*kept);
  std::int64_t of = 0;
  std::uint64_t refused = 0, planned = 0;
  if (words >> of >> refused >> planned && of == run) {
    counted_run_ = run;
    refused_before_ = refused - std::min(refused, counts_.refused);
    planned_ = planned;
  }
  return {};
}

Result<void> Engine::in_transaction() {
  if (transaction_) return {};
  transaction_ = true;
  return journal_.begin();
}

Result<void> Engine::work(const std::shared_ptr<const RunRow>& run) {
  auto done = work_until_done(run);
  auto told = tell_refusals();
  return done ? told : done;
}

/// Until nothing is left, or a stop. What was answered, and what leaves now, goes into one transaction: intents are on the disk
/// before the first byte leaves.
Result<void> Engine::work_until_done(const std::shared_ptr<const RunRow>& run) {
  if (!workers_) {
    workers_ = std::make_unique<Workers>(bucket_.in_flight(), transports_);
    if (workers_->failure()) return *workers_->failure();
  }
  auto ever = journal_.ever_accepted();
  if (!ever) return ever.error();
  ever_accepted_ = *ever;
  last_answer_ = Clock::now();
  std::optional<Clock::time_point> stopped_at;
  std::vector<Done> done;
  for (;;) {
    for (Done& one : done) {
      --busy_;
      if (auto ok = settle(one); !ok) return ok;
    }
    done.clear();
    if (!stopping_ && hooks_.cancelled && hooks_.cancelled()) stop_with({Errc::closed, "", ""});
    std::vector<Item> leaving;
    if (!stopping_) {
      if (auto ok = dispatch(run, leaving); !ok) return ok;
    }
    if (transaction_) {
      transaction_ = false;
      if (auto ok = journal_.commit(); !ok) return ok;
    }
    for (Item& item : leaving) {
      ++busy_;
      ++counts_.requests;
      workers_->give(std::move(item));
    }
    if (hooks_.progress) hooks_.progress(counts_);
    const auto now = Clock::now();
    if (busy_ == leaving.size() && !leaving.empty()) last_answer_ = now;  // nobody was asked before
    if (!stopping_) say_what_it_waits_for(now);
    if (stopping_) {
      if (busy_ == 0) return *stopping_;
      if (!stopped_at) stopped_at = now;
      if (now - *stopped_at > kGrace) stop_ = true;
    } else if (plan_done_ && idle()) {
      return {};
    }
    auto until = now + kLookUp;
    if (busy_ < bucket_.in_flight() && !stopping_ && (!ready_.empty() || held_)) {
      until = std::clamp(bucket_.ready_at(now), now, until);
    }
    if (!waiting_.empty()) until = std::min(until, std::max(now, waiting_.begin()->first));
    // A token that is ready while a chunk must wait would spin.
    until = std::max(until, now + std::chrono::milliseconds(leaving.empty() ? 1 : 0));
    done = workers_->take(until);
  }
}

Result<void> Engine::dispatch(const std::shared_ptr<const RunRow>& run, std::vector<Item>& leaving) {
  for (auto at = waiting_.begin(); at != waiting_.end() && at->first <= Clock::now(); at = waiting_.erase(at)) {
    ready_.push_back(std::move(at->second));
  }
  while (busy_ + leaving.size() < bucket_.in_flight()) {
    if (ready_.empty() && !held_ && !plan_done_) {
      auto chunk = journal_.next_chunk(run->id, last_chunk_);
      if (!chunk) return chunk.error();
      plan_done_ = !*chunk;
      if (*chunk) {
        last_chunk_ = (*chunk)->seq;
        held_ = std::make_shared<const Chunk>(std::move(**chunk));
      }
    }
    if (ready_.empty()) {
      if (!held_) return {};
      // PATCHes leave when all POSTs are settled, and nothing leaves before an earlier write of it is.
      if (held_->update && !sending_updates_) {
        if (!leaving.empty() || !(idle() || only_failing())) return {};
        sending_updates_ = true;
      }
      if (held_->not_before > wall_clock()) return {};
    }
    if (!bucket_.take(Clock::now())) return {};
    if (!ready_.empty()) {
      leaving.push_back(std::move(ready_.back()));
      ready_.pop_back();
      continue;
    }
    Item item{{0, run->id, held_->seq, 0, held_->sent.size(), {}}, held_, run, run->envelope.body(*held_, 0, held_->sent.size())};
    item.request.body = hash128(item.body);
    held_.reset();
    if (auto ok = in_transaction(); !ok) return ok;
    if (auto ok = journal_.add_request(item.request); !ok) return ok;
    leaving.push_back(std::move(item));
  }
  return {};
}

/// What is left of the POSTs fails again and again. Whether that is the server or these is told by sending others.
bool Engine::only_failing() const {
  return busy_ == 0 && ready_.empty() && !waiting_.empty() &&
         std::all_of(waiting_.begin(), waiting_.end(), [](const auto& one) { return one.second.failures >= kSuspect; });
}

void Engine::stop_with(Error error) {
  if (!stopping_) stopping_ = std::move(error);
}

// --- what it waits for, said ------------------------------------------------------------------------------------------

void Engine::say(std::string text, Clock::time_point now) {
  wait_.said = now;
  wait_.spoken = true;
  if (hooks_.waiting) hooks_.waiting(std::move(text));
}

std::string Engine::until_when(Clock::time_point now) const {
  const auto seconds = [](Clock::duration d) { return std::max(0.0, std::chrono::duration<double>(d).count()); };
  std::string out;
  if (!waiting_.empty()) out = fmt::format("; the next try in {:.1f} s", seconds(waiting_.begin()->first - now));
  if (unreached_ && !ever_accepted_) {
    return out + fmt::format("; gives up in {:.0f} s when nobody answers", seconds(*unreached_ + rules_.first_contact - now));
  }
  const unsigned left = rules_.retries - std::min(rules_.retries, failures_);
  return out + fmt::format("; gives up after {} more that fail", left + 1);
}

/// At once, and then at growing pauses.
void Engine::say_what_it_waits_for(Clock::time_point now) {
  const bool due = !wait_.said || now - *wait_.said >= (wait_.spoken ? wait_.pause : kBetweenWaits);
  if (!due) return;
  std::string text;
  if (!wait_.cause.empty()) {
    text = fmt::format("waiting for {}: {}{}", rules_.url, wait_.cause, until_when(now));
  } else if (busy_ != 0 && now - last_answer_ >= kSilence) {
    text =
        fmt::format("waiting for {}: no answer for {} s to {} request{}; each is given up after the sink's timeout", rules_.url,
                    std::chrono::duration_cast<std::chrono::seconds>(now - last_answer_).count(), busy_, busy_ == 1 ? "" : "s");
  } else if (busy_ == 0 && idle() && held_ && held_->not_before > wall_clock()) {
    const double seconds = static_cast<double>(held_->not_before - wall_clock()) / 1000;
    if (seconds < 1) return;
    text = fmt::format("waiting {:.0f} s for earlier writes of the same conversations to be applied (settle)", seconds);
  } else {
    return;
  }
  wait_.pause = std::clamp(wait_.pause * 2, kFirstPause, kLongestPause);
  if (!wait_.since) wait_.since = now;
  say(std::move(text), now);
}

}  // namespace crosswalk::delivery
