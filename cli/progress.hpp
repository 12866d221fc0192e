// How far a long run is, for the person who waits: one line on a terminal, gone when the run is over.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "crosswalk/translate.hpp"

namespace crosswalk::cli {

/// `tickets: 1.2 M records, 812 MB of 2.1 GB (38 %), 402 MB/s, 3 s left`; no share and no time left where the total is not
/// known. At most `width` characters. `seconds` is how long it took to get there.
[[nodiscard]] std::string progress_text(std::string_view source, const Progress& progress, double seconds, std::size_t width);

/// The line on standard error. Silent for the first two seconds, and altogether where nobody would see it as a line: no
/// terminal, a dumb one, or one to which the output goes as well. Used by one thread.
class ProgressLine {
 public:
  /// `wanted`: unless the user asked for quiet. `data`: a descriptor to which data goes, or -1.
  ProgressLine(bool wanted, int data);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// Draws, at most ten times a second. Each source has its own times: a new name starts them anew.
  void update(std::string_view source, const Progress& progress);
  /// Takes the line away; before anything else is printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool shown_to_someone_;
  bool drawn_ = false;
  Clock::time_point begun_ = Clock::now();
  Clock::time_point last_ = begun_;
  std::optional<Clock::time_point> source_begun_;
  std::string source_;
};

}  // namespace crosswalk::cli
