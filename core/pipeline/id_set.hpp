// Counts ids that come more than once, in bounded memory.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace crosswalk {

/// Told 64-bit hashes of ids. They are only gathered, by their highest bits, and compared when somebody asks or many are there:
/// a part of them at a time, in a cache, where one large table would cost a miss for each. Remembers up to kMost (48 MiB).
/// Beyond that it compares new ids with the remembered ones only, and says so.
class IdSet {
 public:
  static constexpr std::size_t kMost = std::size_t{6} << 20;

  void add(std::uint64_t hash) {
    Part& part = parts_[hash >> (64 - kPartBits)];
    if (part.count % kInChunk == 0) add_chunk(part);
    part.last->hashes[part.count++ % kInChunk] = hash;
    if (++gathered_ == limit_) compare();
  }

  struct Counts {
    std::uint64_t repeated = 0;  ///< times after the first
    std::uint64_t compared = 0;  ///< how many ids that rests on: fewer than there were, beyond kMost
  };
  [[nodiscard]] Counts counts() {
    compare();
    return {repeated_, remembered_ + repeated_};
  }

 private:
  static constexpr unsigned kPartBits = 8;
  static constexpr std::size_t kInChunk = 128;
  struct Chunk {
    std::array<std::uint64_t, kInChunk> hashes;
    Chunk* before;
  };
  struct Part {
    Chunk* last = nullptr;
    std::size_t count = 0;
    std::size_t remembered = 0;  ///< the first ones of them: no two are the same
  };

  void add_chunk(Part& part);
  void compare();
  void compare(Part& part);
  void take_out(Part& part);

  std::array<Part, std::size_t{1} << kPartBits> parts_;
  std::vector<std::unique_ptr<Chunk[]>> memory_;
  Chunk* free_ = nullptr;
  std::size_t gathered_ = 0;  // in all parts
  std::size_t limit_ = kMost;
  std::uint64_t repeated_ = 0, remembered_ = 0;
  std::vector<std::uint64_t> hashes_, table_;  // of the part that is compared
};

}  // namespace crosswalk
