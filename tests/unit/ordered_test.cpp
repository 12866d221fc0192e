#include "pipeline/ordered.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

using namespace crosswalk;

namespace {

struct Item {
  int number = -1;
  int squared = -1;
  std::size_t bytes = 0;
  [[nodiscard]] std::size_t held() const { return bytes; }
};

struct Outcome {
  Result<void> result;
  std::vector<int> taken;
  int produced = 0;
};

/// `items` of them, of `bytes` each once they are worked; the producer fails instead of the end if `breaks`, the consumer
/// at item `fails_at`.
Outcome run(unsigned workers, int items, std::size_t bytes = 0, bool breaks = false, int fails_at = -1) {
  Outcome outcome;
  std::atomic<bool> wrong_worker = false;
  outcome.result = run_ordered<Item>(
      workers,
      [&](Item& item) -> Result<bool> {
        if (outcome.produced == items) return breaks ? Result<bool>(Error{Errc::io, "broke off", ""}) : Result<bool>(false);
        item.number = outcome.produced++;
        return true;
      },
      [&](unsigned worker, Item& item) {
        if (worker >= workers) wrong_worker = true;
        if (item.number % 7 == 0) std::this_thread::sleep_for(std::chrono::microseconds(200));  // later ones overtake it
        item.squared = item.number * item.number;
        item.bytes = bytes;
      },
      [&](Item& item) -> Result<void> {
        if (item.number == fails_at) return Error{Errc::closed, "nobody reads", ""};
        outcome.taken.push_back(item.squared);
        return {};
      });
  CHECK_FALSE(wrong_worker);
  return outcome;
}

std::vector<int> squares(int n) {
  std::vector<int> all;
  for (int i = 0; i < n; ++i) all.push_back(i * i);
  return all;
}

}  // namespace

TEST_CASE("ordered: all that is produced is taken, in order, by any number of workers") {
  for (const unsigned workers : {1U, 2U, 3U, 16U}) {
    for (const int items : {0, 1, 5, 500}) {
      CAPTURE(workers);
      CAPTURE(items);
      const Outcome outcome = run(workers, items);
      CHECK(outcome.result.ok());
      CHECK(outcome.taken == squares(items));
    }
  }
}

TEST_CASE("ordered: what was produced before it broke off is still taken, then the error is told") {
  for (const unsigned workers : {1U, 2U, 5U}) {
    for (const int items : {0, 1, 100}) {
      const Outcome outcome = run(workers, items, 0, true);
      REQUIRE_FALSE(outcome.result.ok());
      CHECK(outcome.result.error().message == "broke off");
      CHECK(outcome.taken == squares(items));
    }
  }
}

TEST_CASE("ordered: an error of the consumer ends it all, and is the one that is told") {
  for (const unsigned workers : {1U, 2U, 5U}) {
    for (const int fails_at : {0, 1, 60}) {
      const Outcome outcome = run(workers, 100'000, 0, true, fails_at);
      REQUIRE_FALSE(outcome.result.ok());
      CHECK(outcome.result.error().message == "nobody reads");
      CHECK(outcome.taken == squares(fails_at));
      CHECK(outcome.produced < 1000);
    }
  }
}

TEST_CASE("ordered: results larger than what may wait pass through, one after the other") {
  for (const unsigned workers : {1U, 2U, 5U}) {
    const Outcome outcome = run(workers, 200, kMostHeld + 1);
    CHECK(outcome.result.ok());
    CHECK(outcome.taken == squares(200));
  }
}

TEST_CASE("ordered: what is done leaves while the input is waited for") {
  for (const unsigned workers : {2U, 3U, 8U}) {
    CAPTURE(workers);
    constexpr int kItems = 20;
    int produced = 0;
    std::atomic<int> taken = 0;
    bool in_time = false;
    const Result<void> result = run_ordered<Item>(
        workers,
        [&](Item& item) -> Result<bool> {
          item.number = produced++;
          if (item.number < kItems) return true;
          for (int i = 0; i < 10'000 && taken != kItems; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
          in_time = taken == kItems;
          return false;
        },
        [](unsigned, Item& item) { item.squared = item.number * item.number; },
        [&, caller = std::this_thread::get_id()](Item&) -> Result<void> {
          CHECK(std::this_thread::get_id() == caller);
          ++taken;
          return {};
        });
    CHECK(result.ok());
    CHECK(in_time);
  }
}
