// Looking ahead: what comes behind a place, before anything is decided about it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "framing/json_value.hpp"
#include "framing/json_window.hpp"
#include "text.hpp"

namespace crosswalk::json {

/// A look ahead from one position of a window, without stepping there.
class Look {
 public:
  enum class At : std::uint8_t { byte, end, pause, failed, too_far };

  Look(Window& window, std::size_t start, std::size_t limit) : window_(window), at_(start), limit_(start + limit) {
    if (limit_ < start) limit_ = std::numeric_limits<std::size_t>::max();
  }

  [[nodiscard]] std::size_t at() const { return at_; }
  [[nodiscard]] char byte() const { return window_.at(at_); }
  void step() { ++at_; }

  /// Goes to the next byte that is not blank.
  At to_byte() {
    for (;; ++at_) {
      while (at_ == window_.size()) {
        switch (window_.more()) {
          case Fill::more: continue;
          case Fill::end: return At::end;
          case Fill::pause: return At::pause;
          case Fill::failed: return At::failed;
        }
      }
      if (at_ > limit_) return At::too_far;
      if (!is_blank(window_.at(at_))) return At::byte;
    }
  }

  /// Steps over `c`, blanks before it allowed.
  At take(char c) {
    const At at = to_byte();
    if (at != At::byte) return at;
    if (byte() != c) return At::too_far;
    ++at_;
    return At::byte;
  }

  /// Steps over the value that starts here.
  At value() {
    ValueScanner scanner(window_, at_, 0);
    const Scan scan = scanner.scan(limit_ - std::min(at_, limit_));
    at_ = scan.end;
    switch (scan.outcome) {
      case Scan::Outcome::complete: return At::byte;
      case Scan::Outcome::truncated: return At::end;
      case Scan::Outcome::pause: return At::pause;
      case Scan::Outcome::failed: return At::failed;
      default: return At::too_far;
    }
  }

  /// Steps over `"key" :` and leaves where the key stands, without its quotes.
  At key(std::size_t& begin, std::size_t& end) {
    begin = at_ + 1;
    if (const At at = value(); at != At::byte) return at;
    end = at_ - 1;
    if (const At at = take(':'); at != At::byte) return at;
    return to_byte();
  }

 private:
  Window& window_;
  std::size_t at_;
  std::size_t limit_;
};

}  // namespace crosswalk::json
