// Finding where one JSON value ends, strings and brackets in mind and nothing else.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "framing/json_scan.hpp"
#include "framing/json_window.hpp"

namespace crosswalk::json {

[[nodiscard]] inline bool opens(char c) { return c == '{' || c == '['; }
[[nodiscard]] inline bool is_line_end(char c) { return c == '\n' || c == '\r'; }

/// How a scan ended. Positions are those of the window.
struct Scan {
  enum class Outcome : std::uint8_t {
    complete,   ///< the value ends before `end`
    broken,     ///< it cannot be a value; `end` is where that shows
    next_here,  ///< it cannot be a value, and another one starts at `end`
    too_large,  ///< it is longer than the limit; skip() finds its end
    truncated,  ///< the input ends inside it
    pause,      ///< see Fill
    failed,     ///< see Fill
  };
  Outcome outcome = Outcome::complete;
  std::size_t end = 0;
};

/// Scans the value at one position of a window. No recursion: nesting costs a bit per level, up to a fixed depth, and
/// deeper levels are only counted.
///
/// Brackets are matched by kind. A closing bracket without a partner of its kind above the innermost one closes what was
/// left open; one without any partner is stepped over. Either way problem() says so. Objects are watched for brackets
/// that open without a `:` before them: there a closing brace has been lost, and the scan can return to that place.
class ValueScanner {
 public:
  /// `indent` is the furthest that a line may be indented for a value on it to be a neighbour of this one, not a part.
  /// `no_return_before` is a place of the input: see Scan::Outcome::next_here, which is never given for places before.
  ValueScanner(Window& window, std::size_t start, std::size_t indent, std::uint64_t no_return_before = 0);

  /// Looks for the end among at most about `limit` bytes, all held.
  Scan scan(std::size_t limit);
  /// Goes on after too_large, or from the start, with fewer checks, and drops the bytes from position `keep` on.
  Scan skip(std::size_t keep);
  static constexpr std::size_t kHoldAll = static_cast<std::size_t>(-1);  ///< for skip(): drop nothing

  /// What is wrong with the value, first of all; empty when nothing is. A value that is complete can have a problem too.
  [[nodiscard]] const std::string& problem() const { return problem_; }
  /// What stands where the problem is, in short.
  [[nodiscard]] const std::string& found() const { return found_; }
  /// Where the last line inside the value began, if the value has a line end in it (not known after a skip).
  [[nodiscard]] std::optional<std::size_t> last_line() const { return last_line_; }
  /// Place of the input up to which the scan went before it gave up and returned to an earlier place.
  [[nodiscard]] std::uint64_t returned_from() const { return returned_from_; }

 private:
  static constexpr std::size_t kTracked = 1024;  // levels whose kind is known
  enum class Kind : std::uint8_t { brackets, string, bare };

  std::optional<Scan> advance();
  std::optional<Scan> advance_brackets(std::size_t available);
  std::optional<Scan> advance_string(std::size_t available);
  std::optional<Scan> advance_bare(std::size_t available);
  std::optional<Scan> bracket(std::size_t position);
  std::optional<Scan> open(std::size_t position, bool array);
  std::optional<Scan> close(std::size_t position, bool array);
  std::optional<Scan> at_end_of_input();
  std::optional<Scan> give_up(std::size_t position);
  bool opens_nowhere(std::size_t position, std::optional<std::size_t>& line) const;

  [[nodiscard]] bool innermost_is_array() const { return (kinds_[(depth_ - 1) / 64] >> ((depth_ - 1) % 64) & 1) != 0; }
  void push(bool array);
  void pop();
  void note(std::string_view what, std::string_view found, std::size_t position);

  Window& window_;
  std::size_t start_;
  std::size_t at_;  // everything before is behind us
  Kind kind_;
  bool skipping_ = false;
  bool escaped_ = false;  // strings: the next byte is literal
  std::size_t indent_;
  std::uint64_t no_return_before_;
  std::uint64_t returned_from_ = 0;
  std::optional<std::size_t> lost_;  // where a value opened inside an object without a key
  std::optional<std::size_t> last_line_;
  std::string problem_;
  std::string found_;

  StringTracker strings_;
  std::uint64_t depth_ = 0;
  std::array<std::uint64_t, kTracked / 64> kinds_{};  // a bit per level: an array
  std::array<std::size_t, 2> open_{};                 // tracked levels that are open: objects, arrays
};

}  // namespace crosswalk::json
