// Counts ids that come more than once, in bounded memory.
#pragma once

#include <cstdint>
#include <vector>

#include "large_pages.hpp"

namespace crosswalk {

/// Remembers 64-bit hashes of ids, up to kMost of them (64 MiB of table). Beyond that it compares new ids with the
/// remembered ones only, and says so: compared() tells how many ids the count rests on.
class IdSet {
 public:
  static constexpr std::size_t kMost = std::size_t{6} << 20;

  void add(std::uint64_t hash) {
    if (hash == 0) hash = 1;  // 0 marks a free place
    if (kept_ * 4 >= table_.size() * 3 && kept_ < kMost) grow();
    std::size_t at = place(hash);
    while (table_[at] != 0) {
      if (table_[at] == hash) {
        ++repeated_;
        return;
      }
      at = (at + 1) & (table_.size() - 1);
    }
    if (kept_ >= kMost) return;
    table_[at] = hash;
    ++kept_;
  }
  void prefetch(std::uint64_t hash) const {
    if (!table_.empty()) __builtin_prefetch(&table_[place(hash)]);
  }
  [[nodiscard]] std::uint64_t repeated() const { return repeated_; }
  [[nodiscard]] std::uint64_t compared() const { return kept_ + repeated_; }

 private:
  using Table = std::vector<std::uint64_t, LargePages<std::uint64_t>>;
  [[nodiscard]] std::size_t place(std::uint64_t hash) const { return static_cast<std::size_t>(hash) & (table_.size() - 1); }
  void grow() {
    Table old(table_.empty() ? std::size_t{1} << 12 : table_.size() * 2, 0);
    old.swap(table_);
    for (const std::uint64_t hash : old) {
      if (hash == 0) continue;
      std::size_t at = place(hash);
      while (table_[at] != 0) at = (at + 1) & (table_.size() - 1);
      table_[at] = hash;
    }
  }
  Table table_;
  std::size_t kept_ = 0;
  std::uint64_t repeated_ = 0;
};

}  // namespace crosswalk
