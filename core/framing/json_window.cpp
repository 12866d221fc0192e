#include "framing/json_window.hpp"

#include <algorithm>
#include <cstring>

namespace crosswalk::json {
namespace {

constexpr std::size_t kSmallestRead = 4096;
constexpr std::size_t kLargestRead = std::size_t{1} << 20;

}  // namespace

void Window::reserve(std::size_t size) {
  std::vector<char>& data = block_->data;
  if (data.size() < size + kSlack) data.resize(std::max(size + kSlack, data.size() + data.size() / 2));
}

void Window::begin(Block& block, std::size_t target) {
  block_ = &block;
  block.ends.fields.clear();
  block.ends.records.clear();
  block.spans.clear();
  block.faults.clear();
  block.knows_lines = false;
  block.size = 0;
  block.offset = rest_place_;
  dropped_ = 0;
  counted_ = 0;
  filled_ = rest_.size();
  reserve(std::max(filled_, target));
  if (filled_ != 0) std::memcpy(block.data.data(), rest_.data(), filled_);
  rest_.clear();
  find_line();
  while (filled_ < target && read(target - filled_) == Fill::more) {}
}

Fill Window::more() {
  if (!fresh()) return at_end_ ? Fill::end : Fill::pause;
  return read(std::clamp(filled_, kSmallestRead, kLargestRead));
}

Fill Window::read(std::size_t wanted) {
  if (at_end_) return Fill::end;
  if (error_) return Fill::failed;
  reserve(filled_ + wanted);
  Result<std::size_t> got = source_->read(block_->data.data() + filled_, wanted);
  if (!got) {
    error_ = got.error();
    return Fill::failed;
  }
  if (*got == 0) {
    at_end_ = true;
    return Fill::end;
  }
  const bool first = filled_ == 0;
  filled_ += *got;
  if (first) find_line();
  return Fill::more;
}

void Window::count_lines(std::size_t end) {
  if (end <= counted_) return;
  lines_.count(data() + counted_, end - counted_);
  counted_ = end;
}

std::uint64_t Window::line_at(std::size_t position) const {
  LineCounter lines = lines_;
  if (position > counted_) lines.count(data() + counted_, position - counted_);
  return lines.line_of_next(position < filled_ ? at(position) : '\0');
}

void Window::drop(std::size_t from, std::size_t to) {
  if (from == to) return;
  count_lines(to);
  std::memmove(block_->data.data() + from, data() + to, filled_ - to);
  filled_ -= to - from;
  counted_ = from;
  if (from != 0) {
    dropped_ += to - from;
    return;
  }
  block_->offset += to + dropped_;
  dropped_ = 0;
  find_line();
}

void Window::find_line() { block_->line = lines_.line_of_next(filled_ == 0 ? '\0' : block_->data[0]); }

void Window::cut(std::size_t end, std::uint64_t line_ends) {
  if (counted_ == 0 && end != 0) {
    lines_.count_known(*data(), line_ends);
    counted_ = end;
  }
  cut(end);
}

void Window::cut(std::size_t end) {
  count_lines(end);
  block_->size = end;
  rest_.assign(data() + end, data() + filled_);
  rest_place_ = place(end);
}

}  // namespace crosswalk::json
