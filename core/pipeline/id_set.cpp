#include "pipeline/id_set.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace crosswalk {

void IdSet::add_chunk(Part& part) {
  if (free_ == nullptr) {
    constexpr std::size_t kAtOnce = 256;
    Chunk* const chunks = memory_.emplace_back(std::make_unique_for_overwrite<Chunk[]>(kAtOnce)).get();
    for (std::size_t i = 0; i < kAtOnce; ++i) chunks[i].before = std::exchange(free_, &chunks[i]);
  }
  Chunk* const chunk = std::exchange(free_, free_->before);
  chunk->before = std::exchange(part.last, chunk);
}

void IdSet::compare() {
  for (Part& part : parts_) compare(part);
  constexpr std::size_t kMore = std::size_t{1} << 20;  // when all that may be remembered is: what is compared with it at a time
  limit_ = std::max(kMost, gathered_ + kMore);
}

/// Afterwards the part holds what is remembered of it, and nothing else.
void IdSet::compare(Part& part) {
  if (part.count == part.remembered) return;
  const std::size_t known = part.remembered;
  take_out(part);
  const std::size_t places = std::bit_ceil(2 * hashes_.size());
  table_.assign(places, 0);  // 0 marks a free place
  for (std::size_t i = 0; i < hashes_.size(); ++i) {
    const std::uint64_t hash = std::max<std::uint64_t>(hashes_[i], 1);
    std::size_t at = hash & (places - 1);
    while (table_[at] != 0 && table_[at] != hash) at = (at + 1) & (places - 1);
    if (table_[at] == hash) {
      ++repeated_;
    } else if (i < known || remembered_ < kMost) {
      table_[at] = hash;
      remembered_ += i >= known;
      if (part.count % kInChunk == 0) add_chunk(part);
      part.last->hashes[part.count++ % kInChunk] = hash;
    }
  }
  part.remembered = part.count;
  gathered_ += part.count;
}

/// All hashes of a part, in the order in which they came.
void IdSet::take_out(Part& part) {
  hashes_.resize(part.count);
  gathered_ -= part.count;
  while (part.last != nullptr) {
    const std::size_t in_last = (part.count - 1) % kInChunk + 1;
    part.count -= in_last;
    std::copy_n(part.last->hashes.begin(), in_last, hashes_.begin() + static_cast<std::ptrdiff_t>(part.count));
    Chunk* const before = part.last->before;
    part.last->before = std::exchange(free_, part.last);
    part.last = before;
  }
}

}  // namespace crosswalk
