// Work done by several threads, taken up in order, over a ring of items. Memory is bounded by the ring, order is the ring's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "crosswalk/result.hpp"
#include "guarded.hpp"
#include "threads.hpp"

namespace crosswalk {

/// Finished work that may wait for its consumer before producing pauses, bytes: a block of tiny rejected rows becomes a
/// hundred times its size.
inline constexpr std::size_t kMostHeld = std::size_t{24} << 20;

/// `produce(Item&) → Result<bool>`, false at the end, called by one thread at a time; `work(unsigned worker, Item&)`;
/// `consume(Item&) → Result<void>`, called by the calling thread, in the order of production. There are no threads but the
/// workers, of which the calling thread is the first: each does what there is to do. The first one does not produce, so that
/// what is done leaves also while produce() waits for its input. An item has held(): the bytes its result takes. What was
/// produced before an error is still worked and consumed; an error of consume ends it all, and so does what is thrown. Where
/// fewer threads than workers can be started, there are fewer.
template <class Item, class Produce, class Work, class Consume>
Result<void> run_ordered(unsigned workers, const Produce& produce, const Work& work, const Consume& consume) {
  if (workers == 1) {  // no hand-over, no locks
    Item item;
    for (;;) {
      Result<bool> more = produce(item);
      if (!more) return more.error();
      if (!*more) return {};
      work(0U, item);
      if (Result<void> ok = consume(item); !ok) return ok;
    }
  }

  enum class Stage : std::uint8_t { free, filled, done };
  enum class Next : std::uint8_t { nothing, consuming, working, producing, leaving };
  struct Slot {
    Stage stage = Stage::free;
    Item item;
  };
  std::vector<Slot> slots(2 * std::size_t{workers} + 2);
  std::mutex mutex;  // of all that follows, and of stages; an item is its worker's
  std::condition_variable changed;
  unsigned waiting = 0;
  std::size_t held = 0;
  std::uint64_t next_produced = 0, next_worked = 0, next_consumed = 0;  // numbers of items
  std::uint64_t end = UINT64_MAX;                                       // of the item that never came
  bool producing = false, stop = false, alone = false;
  std::optional<Error> produce_error;
  Result<void> result;
  const auto at = [&](std::uint64_t number) -> Slot& { return slots[number % slots.size()]; };

  // What there is to do, the most urgent first: results leave, everybody has something to work on, and little more than that
  // is read ahead, so that it is still in a cache when it is worked on.
  constexpr std::uint64_t kAhead = 2;
  const auto next_step = [&](bool first) {
    if (stop || next_consumed == end) return Next::leaving;
    if (first && at(next_consumed).stage == Stage::done) return Next::consuming;
    const bool may_produce =
        (!first || alone) && !producing && end == UINT64_MAX && at(next_produced).stage == Stage::free && held < kMostHeld;
    if (may_produce && next_produced - next_worked < workers + kAhead) return Next::producing;
    return next_worked < next_produced ? Next::working : Next::nothing;
  };
  const auto run = [&](std::size_t worker) {
    std::unique_lock lock(mutex);
    const bool first = worker == 0;
    // When something has changed, or is taken on: whoever waits looks whether there is something for it.
    const auto tell = [&] {
      if (waiting != 0) changed.notify_all();
    };
    for (;;) {
      switch (next_step(first)) {
        case Next::leaving: tell(); return;
        case Next::nothing: {
          ++waiting;
          changed.wait(lock);
          --waiting;
          break;
        }
        case Next::consuming: {
          Slot& slot = at(next_consumed);
          lock.unlock();
          const std::size_t size = slot.item.held();
          Result<void> ok = guarded([&] { return consume(slot.item); });
          lock.lock();
          held -= size;
          slot.stage = Stage::free;
          ++next_consumed;
          tell();
          if (!ok) {
            result = std::move(ok);
            stop = true;
          }
          break;
        }
        case Next::working: {
          Slot& slot = at(next_worked++);
          lock.unlock();
          Result<void> ok = guarded([&]() -> Result<void> {
            work(static_cast<unsigned>(worker), slot.item);
            return {};
          });
          lock.lock();
          if (!ok) {
            result = std::move(ok);
            stop = true;
          }
          slot.stage = Stage::done;
          held += slot.item.held();
          tell();
          break;
        }
        case Next::producing: {
          Slot& slot = at(next_produced);
          producing = true;
          lock.unlock();
          Result<bool> more = guarded([&] { return produce(slot.item); });
          lock.lock();
          producing = false;
          if (more && *more) {
            slot.stage = Stage::filled;
            ++next_produced;
          } else {
            if (!more) produce_error = more.error();
            end = next_produced;
          }
          tell();
          break;
        }
      }
    }
  };
  {
    std::unique_lock lock(mutex);
    const auto others = start_threads(workers - 1, run);
    alone = others.empty();
    lock.unlock();
    run(0);
  }
  if (result.ok() && produce_error) return *produce_error;
  return result;
}

}  // namespace crosswalk
