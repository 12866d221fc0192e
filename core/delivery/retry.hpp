// When to try again.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>
#include <string_view>

namespace crosswalk::delivery {

/// What a Retry-After header asks for, in seconds or as an HTTP date, against `now` in Unix seconds. Never negative; none
/// when it is neither.
[[nodiscard]] std::optional<std::chrono::seconds> retry_after(std::string_view header, std::int64_t now);

/// Waits between tries: anything up to a bound that doubles with each, up to a ceiling (full jitter).
class Backoff {
 public:
  Backoff(std::chrono::milliseconds first, std::chrono::milliseconds ceiling, std::uint64_t seed)
      : first_(first), ceiling_(ceiling), random_(seed) {}
  /// `tries` that failed so far, from 1.
  std::chrono::milliseconds wait(unsigned tries);

 private:
  std::chrono::milliseconds first_, ceiling_;
  std::mt19937_64 random_;
};

}  // namespace crosswalk::delivery
