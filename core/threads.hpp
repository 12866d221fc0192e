// Threads as far as they can be had: a limit on processes, or on memory, makes a run slower and never ends it.
#pragma once

#include <cstddef>
#include <exception>
#include <thread>
#include <vector>

namespace crosswalk {

/// Starts work(1) … work(count), each in a thread of its own, in this order, until one cannot be started. Threads are joined
/// with the list; `work` must outlive it and throw nothing.
template <class Work>
[[nodiscard]] std::vector<std::jthread> start_threads(std::size_t count, const Work& work) {
  std::vector<std::jthread> threads;
  threads.reserve(count);  // so that nothing is thrown once there is one
  try {
    for (std::size_t i = 1; i <= count; ++i) threads.emplace_back([&work, i] { work(i); });
  } catch (const std::exception&) {  // then there are fewer
  }
  return threads;
}

/// work(0) … work(parts - 1), at the same time where threads can be had. What one of them throws is thrown here, once all are
/// through.
template <class Work>
void on_threads(std::size_t parts, const Work& work) {
  if (parts == 1) return work(std::size_t{0});
  std::vector<std::exception_ptr> thrown(parts);
  const auto one = [&](std::size_t part) noexcept {
    try {
      work(part);
    } catch (...) { thrown[part] = std::current_exception(); }
  };
  {
    const auto others = start_threads(parts - 1, one);
    one(0);
    for (std::size_t part = others.size() + 1; part < parts; ++part) one(part);
  }
  for (const std::exception_ptr& exception : thrown) {
    if (exception) std::rethrow_exception(exception);
  }
}

}  // namespace crosswalk
