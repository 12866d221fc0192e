// Output bytes, grown by doubling, kept between batches.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

namespace crosswalk {

class Buffer {
 public:
  [[nodiscard]] const char* data() const { return data_.get(); }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::string_view view() const { return {data_.get(), size_}; }
  /// Empty again. Its memory is kept for the next batch, unless an unusual one has blown it up.
  void clear() {
    size_ = 0;
    if (capacity_ <= kKept) return;
    data_.reset();
    capacity_ = 0;
  }
  /// Forgets everything after `size`: a half-built record is rolled back.
  void truncate(std::size_t size) { size_ = size; }

  /// Bytes for which there is room already.
  [[nodiscard]] std::size_t left() const { return capacity_ - size_; }
  /// Room for `n` more bytes; write there, then advance().
  char* room(std::size_t n) {
    if (capacity_ - size_ < n) grow(n);
    return data_.get() + size_;
  }
  void advance(std::size_t n) { size_ += n; }
  void finish_at(const char* end) { size_ = static_cast<std::size_t>(end - data_.get()); }

  void add(char c) {
    *room(1) = c;
    ++size_;
  }
  void add(std::string_view text) {
    if (text.empty()) return;
    std::memcpy(room(text.size()), text.data(), text.size());
    size_ += text.size();
  }

 private:
  void grow(std::size_t n) {
    std::size_t capacity = capacity_ == 0 ? std::size_t{4096} : capacity_ * 2;
    while (capacity - size_ < n) capacity *= 2;
    auto bigger = std::make_unique_for_overwrite<char[]>(capacity);
    if (size_ != 0) std::memcpy(bigger.get(), data_.get(), size_);
    data_ = std::move(bigger);
    capacity_ = capacity;
  }

  static constexpr std::size_t kKept = std::size_t{4} << 20;

  std::unique_ptr<char[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace crosswalk
