#include "delivery/engine.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "delivery/state.hpp"

namespace crosswalk::delivery {
namespace {

constexpr std::chrono::milliseconds kLookUp{50};  ///< how often a wait asks whether to stop
constexpr std::chrono::seconds kGrace{3};         ///< for what is on its way when the run is stopped
constexpr std::uint64_t kHopeless = 1000;         ///< records refused while none was accepted
constexpr double kWonBack = 0.1;

}  // namespace

/// Threads that send; each with a connection of its own.
class Engine::Workers {
 public:
  Workers(unsigned count, const TransportFactory& make) {
    for (unsigned i = 0; i < count; ++i) {
      auto transport = make();
      if (!transport) {
        failure_ = transport.error();
        return;
      }
      threads_.emplace_back([this, t = std::shared_ptr<Transport>(std::move(*transport))] { serve(*t); });
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
    std::unique_lock hold(mutex_);
    came_.wait_until(hold, until, [this] { return !done_.empty(); });
    return std::exchange(done_, {});
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
      Answer answer = transport.send(item.chunk->update ? envelope.update_method : envelope.method, item.body);
      hold.lock();
      done_.push_back({std::move(item), std::move(answer)});
      came_.notify_one();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, came_;
  std::deque<Item> todo_;
  std::vector<Done> done_;
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
      backoff_(rules_.first_wait, rules_.longest_wait, rules_.seed),
      budget_(rules_.retries) {}

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
  plan_done_ = true;
  return work(nullptr);
}

Result<void> Engine::deliver(const RunRow& run) {
  plan_done_ = false;
  sending_updates_ = false;
  last_chunk_ = 0;
  return work(std::make_shared<const RunRow>(run));
}

Result<void> Engine::in_transaction() {
  if (transaction_) return {};
  transaction_ = true;
  return journal_.begin();
}

/// Until nothing is left, or a stop. What was answered, and what leaves now, goes into one transaction: intents are on the disk
/// before the first byte leaves.
Result<void> Engine::work(const std::shared_ptr<const RunRow>& run) {
  if (!workers_) {
    workers_ = std::make_unique<Workers>(bucket_.in_flight(), transports_);
    if (workers_->failure()) return *workers_->failure();
  }
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
        if (!leaving.empty() || !idle()) return {};
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

void Engine::stop_with(Error error) {
  if (!stopping_) stopping_ = std::move(error);
}

/// What the server wrote, as a part of a sentence.
std::string Engine::said(const Answer& answer) const {
  std::string text = redact_(std::string(trimmed(answer.body)));
  text = in_line(text, 300);
  return text.empty() ? fmt::format("{}", answer.status) : fmt::format("{}, \"{}\"", answer.status, text);
}

Result<void> Engine::settle(Done& done) {
  const auto now = Clock::now();
  Answer& answer = done.answer;
  done.item.tries += 1;
  bucket_.answered(now);
  if (answer.end == Answer::End::impossible) {
    stop_with({Errc::io, fmt::format("{}: {}", rules_.url, redact_(answer.error)),
               "check the sink's url, and the certificates of the system or the sink's ca_file; nothing was sent"});
    return {};
  }
  if (answer.end != Answer::End::answered) {
    if (answer.end == Answer::End::unclear) {
      done.item.doubt = true;
      bucket_.lost(now);
    }
    if (stopping_) return {};  // it stays open in the journal
    try_again(done, redact_(answer.error), std::nullopt);
    return {};
  }
  if (answer.status >= 200 && answer.status < 300) return accepted(done);
  return not_accepted(done);
}

Result<void> Engine::accepted(Done& done) {
  const Item& item = done.item;
  if (auto ok = in_transaction(); !ok) return ok;
  if (!bound_) {
    if (auto ok = journal_.bind_account(rules_.fingerprint); !ok) return ok;
    bound_ = true;
  }
  if (auto ok = journal_.accept(item.request, *item.chunk, done.answer.status, wall_clock()); !ok) return ok;
  bucket_.went_well();
  budget_ = std::min<double>(rules_.retries, budget_ + kWonBack);
  counts_.accepted += item.request.count;
  counts_.bytes += item.body.size();
  return {};
}

Result<void> Engine::not_accepted(Done& done) {
  const Answer& answer = done.answer;
  const int status = answer.status;
  const std::string words = said(answer);
  std::optional<std::chrono::milliseconds> asked;
  if (const auto after = retry_after(answer.retry_after, wall_clock() / 1000)) asked = *after;
  if (asked && *asked > rules_.longest_retry_after) {
    if (hooks_.note) {
      hooks_.note(fmt::format("the server asked to wait {} s; it was asked again after {} s", asked->count() / 1000,
                              rules_.longest_retry_after.count() / 1000));
    }
    asked = rules_.longest_retry_after;
  }
  if (status == 429) {
    ++counts_.limited;
    const auto now = Clock::now();
    bucket_.slow_down(now, now + asked.value_or(std::chrono::milliseconds(0)));
    try_again(done, words, asked.value_or(std::chrono::milliseconds(0)));
    return {};
  }
  if (!answer.recode && (status == 400 || status == 413 || status == 422)) return bisect(done, words);
  if (status == 401 || status == 403) {
    stop_with({Errc::usage, fmt::format("{}: the server refused the key ({})", rules_.url, words),
               "check api_key of the sink, and that the key may write conversations; then: crosswalk deliver JOB.toml --resume"});
    return {};
  }
  if (status == 404 || status == 405 || status == 501) {
    stop_with({Errc::usage, fmt::format("{}: there is no such endpoint ({})", rules_.url, words),
               "check the sink's url: for Assembled it is the base, https://api.assembledhq.com"});
    return {};
  }
  if (status >= 300 && status < 400) {
    stop_with({Errc::usage,
               fmt::format("{}: the server wants it sent elsewhere ({}, to {}); the key is not sent after a redirect", rules_.url,
                           status, in_line(redact_(answer.location), 200)),
               "if you trust that address, make it the sink's url"});
    return {};
  }
  const bool again = answer.recode || status == 408 || status == 409 || status == 425 || (status >= 500 && status != 505);
  if (!again) {
    stop_with({Errc::io, fmt::format("{}: the server answered {}", rules_.url, words),
               "nothing is lost: when that is settled, crosswalk deliver JOB.toml --resume"});
    return {};
  }
  if (status >= 500 || status == 408) done.item.doubt = true;
  try_again(done, fmt::format("the server answered {}", words), asked);
  return {};
}

/// The server refuses a whole request for one bad record. Halves find it.
Result<void> Engine::bisect(Done& done, const std::string& words) {
  Item& item = done.item;
  if (auto ok = in_transaction(); !ok) return ok;
  if (item.request.count > 1) {
    auto halves = journal_.split(item.request, *item.chunk, item.run->envelope, done.answer.status);
    if (!halves) return halves.error();
    for (const Request& half : {halves->second, halves->first}) {
      ready_.push_back({half, item.chunk, item.run, item.run->envelope.body(*item.chunk, half.first, half.count), 0, item.doubt});
    }
    return {};
  }
  FieldsReader reader;
  ServerRefusal refusal;
  refusal.sent = item.chunk->sent[item.request.first];
  refusal.external_id = reader.external_id(refusal.sent);
  refusal.status = done.answer.status;
  refusal.message = fmt::format("the server refused it: {}", words);
  if (auto ok = journal_.refuse(item.request, *item.chunk, refusal, item.doubt, wall_clock()); !ok) return ok;
  ++counts_.refused;
  if (hooks_.refused) {
    if (auto ok = hooks_.refused(refusal); !ok) return ok;
  }
  if (counts_.refused >= kHopeless && counts_.accepted == 0) {
    stop_with(
        {Errc::io,
         fmt::format("{}: the server refused the first {} records and accepted none; the last: {}", rules_.url, counts_.refused,
                     words),
         "when the cause is found: crosswalk replay REJECTS JOB.toml for these, crosswalk deliver JOB.toml --resume for the "
         "others"});
  }
  return {};
}

void Engine::try_again(Done& done, const std::string& why, std::optional<std::chrono::milliseconds> asked) {
  if (stopping_) return;
  ++counts_.retries;
  budget_ -= 1;
  if (budget_ < 0) {
    stop_with({Errc::io, fmt::format("{}: gave up after {} failed tries; the last: {}", rules_.url, counts_.retries, why),
               "nothing is lost: when the server can be reached, crosswalk deliver JOB.toml --resume"});
    return;
  }
  std::chrono::milliseconds wait = backoff_.wait(done.item.tries);
  if (asked) wait += *asked;
  waiting_.emplace(Clock::now() + wait, std::move(done.item));
}

}  // namespace crosswalk::delivery
