#include "crosswalk/record.hpp"

#include <cstring>
#include <random>

namespace crosswalk {
namespace {

// Names come from the input, and whoever writes the input must not be able to choose names that collide. So each
// process hashes with a seed of its own; no result depends on it, since ids are given out in order of appearance.
std::uint64_t process_seed() {
  static const std::uint64_t seed = [] {
    try {
      std::random_device device;
      return (std::uint64_t{device()} << 32) | device();
    } catch (...) {
      return std::uint64_t{0x9E3779B97F4A7C15};  // no entropy: collisions cost time, nothing else
    }
  }();
  return seed;
}

std::uint64_t load64(const char* p) {
  std::uint64_t value;
  std::memcpy(&value, p, sizeof value);
  return value;
}

// Folds 64 × 64 bits into 64: every bit of the product depends on every bit of both.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  __extension__ using Product = unsigned __int128;
  const Product product = static_cast<Product>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

std::size_t NameTable::Hash::operator()(std::string_view s) const {
  constexpr std::uint64_t kOdd1 = 0xA0761D6478BD642F;
  constexpr std::uint64_t kOdd2 = 0xE7037ED1A0B428DB;
  std::uint64_t hash = process_seed() ^ s.size();
  const char* p = s.data();
  std::size_t left = s.size();
  for (; left >= 16; p += 16, left -= 16) hash = fold(load64(p) ^ kOdd1, load64(p + 8) ^ hash);
  char tail[16] = {};
  if (left != 0) std::memcpy(tail, p, left);
  hash = fold(load64(tail) ^ kOdd1, load64(tail + 8) ^ hash);
  return static_cast<std::size_t>(fold(hash, kOdd2));
}

int NameTable::intern(std::string_view name) {
  if (const auto known = ids_.find(name); known != ids_.end()) return known->second;
  const bool stable = stable_.size() < kStable && name.size() <= kStableBytes - stable_bytes_;
  if (stable) {
    const auto id = static_cast<std::uint16_t>(stable_.size());
    stable_.emplace_back(name);
    stable_bytes_ += name.size();
    ids_.emplace(name, id);
    return id;
  }
  if (transient_.size() == kTransient || name.size() > kStableBytes - transient_bytes_) return -1;
  const auto id = static_cast<std::uint16_t>(kStable + transient_.size());
  transient_.emplace_back(name);
  transient_bytes_ += name.size();
  ids_.emplace(name, id);
  return id;
}

void NameTable::drop_transient() {
  for (const std::string& name : transient_) ids_.erase(name);
  transient_.clear();
  transient_bytes_ = 0;
}

}  // namespace crosswalk
