// How many requests may leave, and when.
//
// The promise is made at the server: in no window of time does it see more than burst + rate × window. A request arrives
// somewhere between the moment its token was taken and its answer. Of those that arrive in a window, at most `in_flight` took
// their token before it, so with a bucket that holds burst − in_flight the promise holds whatever the network does. A bucket
// starts empty: what an earlier run, killed or not, had in flight then counts to that run's bucket.
#pragma once

#include <chrono>
#include <mutex>

namespace crosswalk::delivery {

/// Shared by threads. The time is the caller's, from a clock that never jumps.
class TokenBucket {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Limits {
    double per_second = 5;
    unsigned burst = 20, in_flight = 6;
  };
  /// `in_flight` is lowered where the burst leaves no room for it: see in_flight().
  TokenBucket(Limits limits, Time now);

  /// How many requests may be on their way at once.
  [[nodiscard]] unsigned in_flight() const { return in_flight_; }
  /// True: a request may leave now.
  bool take(Time now);
  /// When take() would say yes.
  [[nodiscard]] Time ready_at(Time now);
  /// An answer came. With a burst of 1 the server's clock starts only now.
  void answered(Time now);
  /// No answer came, and the request may yet arrive: room is kept for it for a while.
  void lost(Time now);
  /// The server took a request.
  void went_well();
  /// The server said 429: half the rate, nothing before `until`.
  void slow_down(Time now, Time until);
  [[nodiscard]] double per_second() const;

 private:
  void refill(Time now);

  mutable std::mutex mutex_;
  double rate_, highest_;
  unsigned in_flight_;
  double capacity_;
  bool strict_ = false;
  double tokens_ = 0;
  Time at_, not_before_, slowed_;
  unsigned lost_ = 0;
  Time lost_until_;
};

}  // namespace crosswalk::delivery
