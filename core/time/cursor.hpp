// Takes the parts of a time off the front of a text. Every step says whether its part was there; a step that fails may
// leave the cursor anywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "time/fields.hpp"
#include "time/text.hpp"

namespace crosswalk::times {

class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char next() const { return rest_.empty() ? '\0' : rest_.front(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  bool take(char expected) {
    if (next() != expected || rest_.empty()) return false;
    rest_.remove_prefix(1);
    return true;
  }
  /// One or more blanks.
  bool take_blanks() {
    const std::size_t before = rest_.size();
    while (is_blank(next())) rest_.remove_prefix(1);
    return rest_.size() < before;
  }
  /// Letters in any case.
  bool take_word(std::string_view word);
  /// One of the words, or its first three letters; gives its index.
  bool take_name(std::span<const std::string_view> names, int& index);

  /// Between `least` and `most` digits, and no digit after them.
  bool take_digits(std::size_t least, std::size_t most, unsigned& value) {
    std::size_t count = 0;
    value = 0;
    while (count < most && count < rest_.size() && is_digit(rest_[count])) {
      value = value * 10 + static_cast<unsigned>(rest_[count] - '0');
      ++count;
    }
    rest_.remove_prefix(count);
    return count >= least && !is_digit(next());
  }
  /// Digits after the decimal sign as nanoseconds. More than nine only when the rest are zeros.
  bool take_fraction(std::uint32_t& nanos);

  /// `HH:MM[:SS[.fraction]]`; an hour of one digit when `short_hour`.
  bool take_clock(bool short_hour, Fields& fields);
  /// `Z`, `+HH`, `+HHMM`, `+HH:MM`, `+HH:MM:SS`.
  bool take_offset(Fields& fields);
  /// `AM`, `pm`, `a.m.`.
  bool take_half(Fields& fields);

 private:
  std::string_view rest_;
};

}  // namespace crosswalk::times
