// Text that lives as long as its batch: bump allocation, freed all at once.
#pragma once

#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace crosswalk {

class Arena {
 public:
  /// Readable bytes behind every text, so that vector code may read whole words.
  static constexpr std::size_t kSlack = 64;

  /// A copy of `text`, valid until clear(). Addresses never move.
  std::string_view keep(std::string_view text) {
    if (text.empty()) return {};
    char* const to = allocate(text.size());
    std::memcpy(to, text.data(), text.size());
    return {to, text.size()};
  }
  char* allocate(std::size_t size) {
    if (left_ < size) add_chunk(size);
    char* const at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }
  /// Forgets everything; the first chunk is kept for the next batch.
  void clear() {
    if (chunks_.empty()) return;
    chunks_.resize(1);
    next_ = chunks_.front().data.get();
    left_ = chunks_.front().size;
    held_ = left_;
  }
  [[nodiscard]] std::size_t held() const { return held_; }

 private:
  struct Chunk {
    std::unique_ptr<char[]> data;
    std::size_t size;
  };
  void add_chunk(std::size_t at_least) {
    constexpr std::size_t kChunk = std::size_t{64} << 10;
    const std::size_t size = at_least > kChunk ? at_least : kChunk;
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(size + kSlack), size});
    next_ = chunks_.back().data.get();
    left_ = size;
    held_ += size;
  }
  std::vector<Chunk> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t held_ = 0;
};

}  // namespace crosswalk
