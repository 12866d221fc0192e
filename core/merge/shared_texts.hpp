// Texts that many contributions have (a scope, a platform, an agent), kept once: entries hold their numbers.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arena.hpp"
#include "text.hpp"

namespace crosswalk {

/// Bounded: beyond kMost texts, or kMostBytes of them, texts stay in their entries. Which texts have a number is chance
/// where threads race; what is read again is not.
class SharedTexts {
 public:
  static constexpr std::size_t kMost = std::size_t{1} << 16, kMostBytes = std::size_t{4} << 20, kLongest = 256;

  /// The number of a text, new or known; none when there is no room.
  std::optional<std::uint32_t> add(std::string_view text);
  /// Of a number that add() gave. Any thread that has seen it.
  [[nodiscard]] std::string_view operator[](std::uint32_t number) const { return texts_[number]; }

 private:
  std::mutex mutex_;
  Arena text_;
  std::unordered_multimap<std::uint64_t, std::uint32_t> numbers_;                                          // by hash
  std::unique_ptr<std::string_view[]> texts_ = std::make_unique_for_overwrite<std::string_view[]>(kMost);  // never moves
  std::uint32_t count_ = 0;
};

/// Finds texts that come again and again, and their numbers. One per thread.
class TextNumbers {
 public:
  explicit TextNumbers(SharedTexts& texts) : texts_(texts), places_(kPlaces) {}

  static constexpr std::uint32_t kNone = UINT32_MAX;

  /// An entry begins. Of entries of one kind the same text is often in the same place.
  void begin() { at_ = 0; }
  /// A text gets a number when it comes for the second time with few others between. kNone: it has none.
  std::uint32_t find(std::string_view text) {
    Last& last = last_[at_++ % kLast];
    if (text.size() < kShortest) return kNone;
    if (equal(last.text, text)) return last.number;
    if (last.unasked != 0) {
      --last.unasked;
      return kNone;
    }
    return look_up(text, last);
  }

 private:
  static constexpr std::size_t kPlaces = 4096, kShortest = 3;  // a number takes as much
  static constexpr std::size_t kLast = 64;
  static constexpr std::uint16_t kInVain = 32, kUnasked = 1000;  // so often in vain, and it is not asked for a while
  struct Place {
    std::uint64_t mix = 0;
    std::string_view text;  // a shared one
    std::uint32_t number = kNone;
  };
  struct Last {
    std::string_view text;  // a shared one
    std::uint32_t number = kNone;
    std::uint16_t in_vain = 0, unasked = 0;  // texts of this place that had no number; those not to look for
  };
  std::uint32_t look_up(std::string_view text, Last& last);
  SharedTexts& texts_;
  std::vector<Place> places_;
  std::array<Last, kLast> last_;  // by place in the entry
  std::size_t at_ = 0;
};

}  // namespace crosswalk
