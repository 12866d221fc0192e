// Work done by several threads, taken up in order: one produces, N work, one consumes, over a ring of items. Memory is
// bounded by the ring, order is the ring's.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// Finished work that may wait for its consumer before producing pauses, bytes: a block of tiny rejected rows becomes a
/// hundred times its size.
inline constexpr std::size_t kMostHeld = std::size_t{24} << 20;

/// `produce(Item&) → Result<bool>`, false at the end, called by one thread; `work(unsigned worker, Item&)`, called by one
/// thread per worker; `consume(Item&) → Result<void>`, called by the calling thread in the order of production. An item has
/// held(): the bytes its result takes. What was produced before an error is still worked and consumed; an error of
/// consume ends it all.
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

  enum class Stage : std::uint8_t { free, filled, working, done };
  struct Slot {
    Stage stage = Stage::free;
    Item item;
  };
  std::vector<Slot> slots(2 * std::size_t{workers} + 2);
  std::mutex mutex;
  std::condition_variable changed;
  std::size_t held = 0;
  std::uint64_t next_work = 0;
  std::uint64_t end = UINT64_MAX;  // number of the item that never came
  bool stop = false;
  std::optional<Error> produce_error;
  const auto at = [&](std::uint64_t number) -> Slot& { return slots[number % slots.size()]; };

  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    for (std::uint64_t number = 0;; ++number) {
      Slot& slot = at(number);
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return stop || (slot.stage == Stage::free && held < kMostHeld); });
        if (stop) return;
      }
      Result<bool> more = produce(slot.item);
      const std::lock_guard lock(mutex);
      if (!more || !*more) {
        if (!more) produce_error = more.error();
        end = number;
        changed.notify_all();
        return;
      }
      slot.stage = Stage::filled;
      changed.notify_all();
    }
  });
  for (unsigned worker = 0; worker < workers; ++worker) {
    threads.emplace_back([&, worker] {
      for (;;) {
        Slot* slot = nullptr;
        {
          std::unique_lock lock(mutex);
          changed.wait(lock, [&] { return stop || next_work >= end || at(next_work).stage == Stage::filled; });
          if (stop || next_work >= end) return;
          slot = &at(next_work++);
          slot->stage = Stage::working;
        }
        work(worker, slot->item);
        const std::lock_guard lock(mutex);
        slot->stage = Stage::done;
        held += slot->item.held();
        changed.notify_all();
      }
    });
  }

  Result<void> result;
  for (std::uint64_t number = 0; result.ok(); ++number) {
    Slot& slot = at(number);
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] { return number >= end || slot.stage == Stage::done; });
      if (number >= end) break;
    }
    const std::size_t size = slot.item.held();
    result = consume(slot.item);
    const std::lock_guard lock(mutex);
    held -= size;
    slot.stage = Stage::free;
    changed.notify_all();
  }
  {
    const std::lock_guard lock(mutex);
    stop = true;
    changed.notify_all();
  }
  threads.clear();  // joined before what they use is gone
  if (result.ok() && produce_error) return *produce_error;
  return result;
}

}  // namespace crosswalk
