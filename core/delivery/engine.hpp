// Sends what the journal says is to be sent, and writes down what became of it.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crosswalk/result.hpp"
#include "delivery/bucket.hpp"
#include "delivery/journal.hpp"
#include "delivery/retry.hpp"
#include "delivery/secret.hpp"
#include "delivery/transport.hpp"

namespace crosswalk::delivery {

struct EngineRules {
  TokenBucket::Limits limits;
  unsigned retries = 100;  ///< tries that may fail in a run before it gives up; ten that went well win one back
  std::chrono::milliseconds first_wait{500}, longest_wait{30'000};
  std::chrono::milliseconds longest_retry_after{900'000};
  std::string url;          ///< for messages
  std::string fingerprint;  ///< of the account
  std::uint64_t seed = 0;   ///< of the jitter
};

struct EngineCounts {
  std::uint64_t requests = 0, resent = 0, retries = 0, limited = 0;
  std::uint64_t accepted = 0, refused = 0;  ///< records
  std::uint64_t bytes = 0;                  ///< of bodies that were accepted
};

struct EngineHooks {
  std::function<bool()> cancelled;
  std::function<void(const EngineCounts&)> progress;
  std::function<Result<void>(const ServerRefusal&)> refused;
  std::function<void(std::string)> note;
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
  Result<void> deliver(const RunRow& run);
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
  };
  struct Done {
    Item item;
    Answer answer;
  };
  class Workers;

  Result<void> work(const std::shared_ptr<const RunRow>& run);
  Result<void> dispatch(const std::shared_ptr<const RunRow>& run, std::vector<Item>& leaving);
  Result<bool> next(const std::shared_ptr<const RunRow>& run, Item& out);
  Result<void> settle(Done& done);
  Result<void> accepted(Done& done);
  Result<void> not_accepted(Done& done);
  Result<void> bisect(Done& done, const std::string& said);
  void try_again(Done& done, const std::string& why, std::optional<std::chrono::milliseconds> asked);
  void stop_with(Error error);
  [[nodiscard]] std::string said(const Answer& answer) const;
  [[nodiscard]] bool idle() const { return busy_ == 0 && ready_.empty() && waiting_.empty(); }
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

  std::vector<Item> ready_;  ///< from the back
  std::multimap<Clock::time_point, Item> waiting_;
  std::shared_ptr<const Chunk> held_;  ///< of the plan, not yet begun
  bool plan_done_ = false;
  bool sending_updates_ = false;
  std::int64_t last_chunk_ = 0;
  std::size_t busy_ = 0;
  double budget_;
  bool bound_ = false;
  bool transaction_ = false;
  std::optional<Error> stopping_;
};

}  // namespace crosswalk::delivery
