#include "delivery/bucket.hpp"

#include <algorithm>

namespace crosswalk::delivery {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kMargin = 0.995;  ///< the server's clock may be slower than ours
constexpr double kLeast = 0.02;    ///< of the rate, however often the server says 429
constexpr double kRecovery = 0.02;
constexpr std::chrono::seconds kLingering{120};

}  // namespace

TokenBucket::TokenBucket(Limits limits, Time now)
    : rate_(limits.per_second * kMargin),
      highest_(rate_),
      at_(now),
      not_before_(now),
      slowed_(now - std::chrono::hours(1)),
      lost_until_(now) {
  const unsigned burst = std::max(limits.burst, 1U);
  in_flight_ = std::clamp(limits.in_flight, 1U, std::max(1U, burst / 2));
  capacity_ = std::max(1.0, static_cast<double>(burst - in_flight_));
  strict_ = burst == 1;
}

void TokenBucket::refill(Time now) {
  if (lost_ != 0 && now >= lost_until_) lost_ = 0;
  const double room = std::max(1.0, capacity_ - lost_);
  if (now > at_) {
    tokens_ = std::min(room, tokens_ + Seconds(now - at_).count() * rate_);
    at_ = now;
  }
}

bool TokenBucket::take(Time now) {
  const std::lock_guard hold(mutex_);
  refill(now);
  if (now < not_before_ || tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

TokenBucket::Time TokenBucket::ready_at(Time now) {
  const std::lock_guard hold(mutex_);
  refill(now);
  Time at = now;
  if (tokens_ < 1) at += std::chrono::ceil<Time::duration>(Seconds((1 - tokens_) / rate_));
  return std::max(at, not_before_);
}

void TokenBucket::answered(Time now) {
  if (!strict_) return;
  const std::lock_guard hold(mutex_);
  refill(now);
  tokens_ = std::min(tokens_, 0.0);
}

void TokenBucket::lost(Time now) {
  const std::lock_guard hold(mutex_);
  refill(now);
  ++lost_;
  lost_until_ = now + kLingering;
  tokens_ = std::min(tokens_, std::max(1.0, capacity_ - lost_));
}

void TokenBucket::went_well() {
  const std::lock_guard hold(mutex_);
  rate_ = std::min(highest_, rate_ + kRecovery * highest_);
}

void TokenBucket::slow_down(Time now, Time until) {
  const std::lock_guard hold(mutex_);
  refill(now);
  tokens_ = 0;
  not_before_ = std::max(not_before_, until);
  if (now - slowed_ < std::chrono::seconds(1)) return;  // several in flight met the same limit
  slowed_ = now;
  rate_ = std::max(rate_ / 2, highest_ * kLeast);
}

double TokenBucket::per_second() const {
  const std::lock_guard hold(mutex_);
  return rate_;
}

}  // namespace crosswalk::delivery
