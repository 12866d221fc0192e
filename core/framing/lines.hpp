// Line numbers, for all framings alike: a line ends at LF, CRLF or a lone CR.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "framing/csv_kernels.hpp"

namespace crosswalk {

/// Lines that end in a text.
[[nodiscard]] inline std::uint64_t count_lines(std::string_view text) { return csv::count_line_ends(text.data(), text.size()); }

/// Counts the lines of a stream that comes in pieces; a CRLF may be divided between two of them.
class LineCounter {
 public:
  explicit LineCounter(std::uint64_t line = 1) : line_(line) {}

  void count(const char* data, std::size_t size) {
    if (size == 0) return;
    line_ = line_of_next(*data) + csv::count_line_ends(data, size);
    after_cr_ = data[size - 1] == '\r';
  }
  /// The same of a piece without any CR that begins with `first` and is known to have so many line ends.
  void count_known(char first, std::uint64_t line_ends) {
    line_ = line_of_next(first) + line_ends;
    after_cr_ = false;
  }
  /// The line of the byte `next` that follows what was counted.
  [[nodiscard]] std::uint64_t line_of_next(char next) const { return line_ - (after_cr_ && next == '\n' ? 1 : 0); }

 private:
  std::uint64_t line_;
  bool after_cr_ = false;  // the last byte was a CR: counted, but an LF after it belongs to the same line end
};

/// Line numbers of ascending positions in one piece of text, in one pass over it.
class TextLines {
 public:
  /// `line` is that of the first byte, which is not the second half of a CRLF.
  TextLines(std::string_view text, std::uint64_t line) : text_(text), counter_(line) {}

  /// The line of a byte; no position may be before the last one asked for.
  std::uint64_t at(std::size_t position) {
    counter_.count(text_.data() + position_, position - position_);
    position_ = position;
    return counter_.line_of_next(position < text_.size() ? text_[position] : '\0');
  }

 private:
  std::string_view text_;
  std::size_t position_ = 0;
  LineCounter counter_;
};

}  // namespace crosswalk
