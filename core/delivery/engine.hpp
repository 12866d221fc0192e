// Sends what the journal says is to be sent, and writes down what became of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crosswalk/result.hpp"
#include "crosswalk/translate.hpp"
#include "delivery/bucket.hpp"
#include "delivery/journal.hpp"
#include "delivery/retry.hpp"
#include "delivery/secret.hpp"
#include "delivery/transport.hpp"
#include "delivery/verdict.hpp"

namespace crosswalk::delivery {

struct EngineRules {
  TokenBucket::Limits limits;
  unsigned retries = 100;  ///< tries that may fail since something was accepted, then it gives up
  std::chrono::milliseconds first_wait{500}, longest_wait{30'000};
  std::chrono::milliseconds longest_retry_after{900'000};
  std::chrono::milliseconds first_contact{60'000};  ///< a server that never accepted anything and is not reached for so long
  std::vector<int> accept = {202};                  ///< statuses that mean "accepted"
  bool accept_unknown = false;                      ///< also with a body that nobody knows
  RejectLimit max_refused;                          ///< a share is one of the plan
  std::string url;                                  ///< for messages
  std::string fingerprint;                          ///< of the account
  std::uint64_t seed = 0;                           ///< of the jitter
};

struct EngineCounts {
  std::uint64_t requests = 0, resent = 0, retries = 0, limited = 0;
  std::uint64_t accepted = 0, refused = 0;  ///< records
  std::uint64_t set_aside = 0;              ///< of those refused: the server failed on them, and the next run tries again
  std::uint64_t sent_whole = 0;             ///< updates of what the server did not have
  std::uint64_t bytes = 0;                  ///< of bodies that were accepted
};

struct EngineHooks {
  std::function<bool()> cancelled;
  std::function<void(const EngineCounts&)> progress;
  std::function<Result<void>(const ServerRefusal&)> refused;
  std::function<void(std::string)> note;
  std::function<void(std::string)> waiting;  ///< said at once, then now and then: what it waits for, and until when
};

class Engine {
 public:
  Engine(Journal& journal, EngineRules rules, TransportFactory transports, std::atomic<bool>& stop, Redactor redact,
         EngineHooks hooks);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// Sends again what an earlier run sent without learning what became of it, byte for byte.
  Result<void> resume();
  /// Sends the plan of a run: POSTs, then PATCHes.
  /// `refused_before`: records of the run that earlier runs had refused.
  Result<void> deliver(const RunRow& run, std::uint64_t refused_before = 0);
  [[nodiscard]] const EngineCounts& counts() const { return counts_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Item {
    Request request;
    std::shared_ptr<const Chunk> chunk;
    std::shared_ptr<const RunRow> run;
    std::string body;
    unsigned tries = 0;
    bool doubt = false;  ///< some try of it may have been taken
    bool half = false;   ///< a part of a request that did not get through
    /// Tries that the server failed on: of it and of what it is a part of, and of it alone; what was accepted when they began.
    unsigned failures = 0, own_failures = 0;
    std::optional<std::uint64_t> accepted_before;
  };
  struct Done {
    Item item;
    Answer answer;
  };
  class Workers;
  using Wait = std::optional<std::chrono::milliseconds>;

  Result<void> work(const std::shared_ptr<const RunRow>& run);
  Result<void> work_until_done(const std::shared_ptr<const RunRow>& run);
  Result<void> dispatch(const std::shared_ptr<const RunRow>& run, std::vector<Item>& leaving);
  // What is done with an answer: engine_answers.cpp.
  Result<void> settle(Done& done);
  Result<void> accepted(Done& done);
  Result<void> success(Done& done);
  Result<void> settle_each(Done& done, std::vector<Verdict::Item> not_taken, bool others_taken);
  Result<void> not_accepted(Done& done);
  Result<void> bisect(Done& done, const std::string& said);
  Result<void> halve(Done& done, Wait wait);
  Result<void> failed(Done& done, const std::string& why, Wait asked);
  Result<void> failed_again(Done& done, const std::string& why, Wait asked);
  Result<void> suspect(Done& done, const std::string& words, Wait asked);
  Result<void> set_aside(Done& done, const std::string& why);
  void begin_failing(Item& item) const;
  [[nodiscard]] bool others_went_well(const Item& item) const;
  [[nodiscard]] static bool tried_enough(const Item& item);
  void stop_for(int status, const std::string& words);
  Result<void> refuse_alone(Done& done, const std::string& said);
  Result<void> send_whole(Done& done, const std::string& said);
  Result<void> report(const ServerRefusal& refusal);
  Result<void> tell_refusals();
  Result<void> recall_limit(std::int64_t run);
  void look_at_limit(const std::string& last);
  [[nodiscard]] ServerRefusal refusal_of(const Item& item, std::size_t i, int status, std::string said);
  void look_for_one_cause(const ServerRefusal& refusal, int status, const std::string& said);
  /// False: that was one too many, and the run stops.
  bool count_failure(const std::string& why);
  void try_again(Done& done, const std::string& why, Wait asked);
  void put_back(Item item, const std::string& why, Wait asked);
  Result<void> note_accepted();
  void stop_with(Error error);
  void say_what_it_waits_for(Clock::time_point now);
  void say(std::string text, Clock::time_point now);
  [[nodiscard]] std::string until_when(Clock::time_point now) const;
  [[nodiscard]] std::string said(const Answer& answer) const;
  [[nodiscard]] bool idle() const { return busy_ == 0 && ready_.empty() && waiting_.empty(); }
  [[nodiscard]] bool only_failing() const;
  Result<void> in_transaction();

  Journal& journal_;
  EngineRules rules_;
  TransportFactory transports_;
  std::atomic<bool>& stop_;
  Redactor redact_;
  EngineHooks hooks_;
  TokenBucket bucket_;
  Backoff backoff_;
  EngineCounts counts_;
  std::unique_ptr<Workers> workers_;

  std::deque<Item> ready_;  ///< from the back
  std::multimap<Clock::time_point, Item> waiting_;
  std::shared_ptr<const Chunk> held_;  ///< of the plan, not yet begun
  bool plan_done_ = false;
  bool resuming_ = false;
  bool sending_updates_ = false;
  std::int64_t last_chunk_ = 0;
  std::size_t busy_ = 0;
  bool bound_ = false;
  bool transaction_ = false;
  std::optional<Error> stopping_;

  unsigned failures_ = 0;                     ///< since something was accepted
  unsigned probes_ = 0;                       ///< requests that were halved since then
  bool ever_accepted_ = false;                ///< under this journal
  unsigned suspects_ = 0, failed_again_ = 0;  ///< answers of these kinds since then
  std::uint64_t planned_ = 0;                 ///< records
  std::uint64_t refused_before_ = 0;          ///< of them, by earlier runs
  std::int64_t counted_run_ = 0;              ///< the run that these are of
  std::vector<ServerRefusal> untold_;         ///< while nothing was accepted yet: it may not be the records
  bool all_alike_ = false;
  std::uint64_t at_stake_ = 0;                  ///< records of requests that were refused before anything was accepted
  std::map<std::string, unsigned> causes_;      ///< answers to records that were refused alone, without what is a record's own
  std::optional<Clock::time_point> unreached_;  ///< since when nobody answers

  struct Waiting {
    std::string cause;
    std::optional<Clock::time_point> since, said;  ///< said: the last time, ever
    std::chrono::seconds pause{0};                 ///< to the next time
    bool spoken = false;                           ///< of this wait
  };
  Waiting wait_;
  Clock::time_point last_answer_{};
};

}  // namespace crosswalk::delivery
