// Where reading goes on behind bytes that make no sense.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "framing/json_value.hpp"
#include "text.hpp"

namespace crosswalk::json {

/// Where reading can go on behind damage, besides at a line that starts with a bracket.
enum class Gap : std::uint8_t {
  line,   ///< nowhere: the damage is inside a record, so its strings and brackets cannot be trusted
  top,    ///< at any opening bracket: the damage is between records
  array,  ///< at any opening bracket, comma, or end of the array
};

/// Watches damaged bytes go by for a place where a record may start again: a line that starts with `{` or `[`, or with
/// `}, {`. A line that is indented deeper than the damaged record was is a part of it.
class Resumption {
 public:
  Resumption(Gap gap, std::size_t deepest) : gap_(gap), deepest_(deepest) {}

  /// Can reading go on at this byte? To be asked of one after the other.
  bool possible_at(char c) {
    if (is_line_end(c)) {
      line_ = Line::blank;
      indent_ = 0;
      return false;
    }
    if (is_blank(c)) {
      if (line_ == Line::blank) ++indent_;
      return false;
    }
    if (line_start() && opens(c) && line_ != Line::closed) return true;
    if (gap_ != Gap::line && (opens(c) || (gap_ == Gap::array && (c == ',' || c == ']')))) {
      line_ = Line::inside;
      return true;
    }
    line_ = line_start() ? behind(c) : Line::inside;
    return false;
  }

  /// Of the place that was found, if it is the first of its line: the blanks before it.
  [[nodiscard]] std::optional<std::size_t> indent() const { return line_ == Line::blank ? std::optional(indent_) : std::nullopt; }

 private:
  /// What of a line went by.
  enum class Line : std::uint8_t { inside, blank, closed, comma };  // anything, only blanks, `}`, `},`

  [[nodiscard]] bool line_start() const { return line_ != Line::inside && indent_ <= deepest_; }
  [[nodiscard]] Line behind(char c) const {
    if (line_ == Line::blank && c == '}') return Line::closed;
    return line_ == Line::closed && c == ',' ? Line::comma : Line::inside;
  }

  Gap gap_;
  std::size_t deepest_;
  std::size_t indent_ = 0;
  Line line_ = Line::inside;
};

}  // namespace crosswalk::json
