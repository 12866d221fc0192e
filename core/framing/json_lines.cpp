// JSON Lines: records end where lines end, so nothing inside them is looked at.
#include <algorithm>
#include <optional>

#include "framing/json_layout.hpp"
#include "framing/json_value.hpp"
#include "text.hpp"

namespace crosswalk::json {
namespace {

class LineSplitter final : public Splitter {
 public:
  LineSplitter(std::unique_ptr<Window> window, const Limits& limits)
      : window_(std::move(window)), max_record_(limits.max_record) {}

  Result<bool> next(Block& block, std::size_t target) override {
    window_->begin(block, target);
    line_feeds_ = 0;
    counts_ = true;
    std::size_t line = 0;      // where the line that is being read begins
    std::size_t searched = 0;  // no line feed from there up to here
    for (;;) {
      line = take_lines(line, searched, target);
      if (!window_->fresh()) return give(line);
      drop_blanks(line);
      line = 0;
      searched = window_->size();
      const bool is_long = searched > max_record_;
      const Fill fill = is_long ? take_long_line(line) : window_->more();
      if (is_long && fill == Fill::more) return give(line);
      if (fill == Fill::failed) return window_->error();
      if (fill == Fill::end && window_->fresh()) take_last_line();
      if (fill == Fill::end) return give(window_->size());
    }
  }

 private:
  Result<bool> give(std::size_t end) {
    if (counts_) {
      window_->block().knows_lines = true;
      window_->cut(end, line_feeds_);
    } else {
      window_->cut(end);
    }
    return !window_->fresh();
  }

  // Takes the lines that end at or behind `searched`, until the block has its `target`. Returns where the next begins.
  std::size_t take_lines(std::size_t line, std::size_t searched, std::size_t target) {
    // A CR belongs to a line feed, or not: lines are not counted here then.
    counts_ = counts_ && window_->text(searched, window_->size()).find('\r') == std::string_view::npos;
    for (;;) {
      const std::string_view rest = window_->text(searched, window_->size());
      const std::size_t found = rest.find('\n');
      if (found == std::string_view::npos) return line;
      take_line(line, searched + found);
      ++line_feeds_;
      line = searched += found + 1;
      if (line >= target && !window_->fresh()) return line;
    }
  }

  void take_line(std::size_t begin, std::size_t end) {
    while (begin != end && is_blank(window_->at(begin))) ++begin;
    while (begin != end && is_blank(window_->at(end - 1))) --end;
    if (begin != end) add_record(begin, end - begin);
  }

  void add_record(std::size_t begin, std::uint64_t size) {
    Block& block = window_->block();
    if (size > max_record_) return add_fault(block, begin, size, record_too_large(size, max_record_));
    block.spans.push_back({static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(size), line_feeds_});
  }

  // Blanks in front of the first record: a file may have any number of them.
  void drop_blanks(std::size_t from) {
    line_feeds_ = 0;  // all of them are dropped
    while (from != window_->size() && is_blank(window_->at(from))) ++from;
    window_->drop(0, from);
  }

  // The line at 0 is longer than a record may be, if it is not the blanks behind a record that make it long. Reads to its
  // end without holding it. Leaves in `next` where the next line begins.
  Fill take_long_line(std::size_t& next) {
    counts_ = false;
    std::uint64_t record_size = 0;  // up to the last byte that is not blank
    std::size_t at = 0;
    const std::uint64_t start = window_->block().offset;
    for (;;) {
      const std::string_view rest = window_->text(at, window_->size());
      const std::size_t line_feed = rest.find('\n');
      std::size_t end = at + std::min(line_feed, rest.size());
      next = end + 1;
      while (end != at && is_blank(window_->at(end - 1))) --end;
      if (end != at) record_size = window_->place(end) - start;
      if (line_feed != std::string_view::npos) {
        add_record(0, record_size);
        return Fill::more;
      }
      at = window_->size();
      const std::size_t keep = record_size > max_record_ ? kKept : std::max(max_record_, kKept);
      if (at > keep) {
        window_->drop(keep, at);
        at = keep;
      }
      const Fill fill = window_->more();
      if (fill == Fill::end && record_size > max_record_) add_record(0, record_size);
      if (fill != Fill::more) return fill;
    }
  }

  // What follows the last line feed: a record like any other, unless the input was cut off inside it.
  void take_last_line() {
    std::size_t end = window_->size();
    while (end != 0 && is_blank(window_->at(end - 1))) --end;
    if (end == 0) return;
    if (ValueScanner(*window_, 0, 0).scan(window_->size()).outcome == Scan::Outcome::truncated) {
      return add_fault(window_->block(), 0, end, truncated_record(end));
    }
    add_record(0, end);
  }

  std::unique_ptr<Window> window_;
  std::size_t max_record_;
  std::uint32_t line_feeds_ = 0;  // before the line that is being read
  bool counts_ = true;            // there is no other line end in the block
};

}  // namespace

std::unique_ptr<Splitter> split_lines(std::unique_ptr<Window> window, const Limits& limits) {
  return std::make_unique<LineSplitter>(std::move(window), limits);
}

}  // namespace crosswalk::json
