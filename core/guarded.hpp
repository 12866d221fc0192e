// Where exceptions end. Core's public functions and the bodies of its threads run through guarded(): what the standard library
// throws when memory or threads are refused becomes an error like any other.
#pragma once

#include <exception>
#include <new>
#include <type_traits>
#include <utility>

#include "crosswalk/result.hpp"

namespace crosswalk {

namespace detail {
inline Error out_of_memory() noexcept {
  try {
    return {Errc::memory, "out of memory; what was being written is not complete, and is not put in its place",
            "raise the limit on memory (ulimit -v, the container's), or take less at once: fewer --jobs, a smaller memory_limit"};
  } catch (...) { return {Errc::memory, "out of memory", {}}; }  // short enough to need none
}
inline Error unexpected(const char* what) noexcept {
  try {
    return {Errc::internal, std::string("something went wrong that should not: ") + what,
            "this is a defect of the program; please report it"};
  } catch (...) { return {Errc::internal, "internal error", {}}; }
}
}  // namespace detail

/// What `work` returns, a Result; its error when something was thrown.
template <class Work>
std::invoke_result_t<Work&> guarded(Work&& work) noexcept {
  try {
    return work();
  } catch (const std::bad_alloc&) { return detail::out_of_memory(); } catch (const std::exception& thrown) {
    return detail::unexpected(thrown.what());
  } catch (...) { return detail::unexpected("an exception of no known type"); }
}

}  // namespace crosswalk
