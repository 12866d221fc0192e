// How often each bit of a word was set, over many words, without looking at bits one by one.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace crosswalk {

class ColumnCounts {
 public:
  static constexpr std::size_t kColumns = 64;

  /// Words are added as numbers of eight binary digits, one number for each bit: digit by digit, all 64 at once.
  void add(std::uint64_t bits) {
    for (std::uint64_t& digit : digits_) bits = std::exchange(digit, digit ^ bits) & bits;
    if (++added_ == kMost) empty_digits();
  }

  /// All counts since the last time.
  [[nodiscard]] std::array<std::uint64_t, kColumns> take() {
    empty_digits();
    return std::exchange(counts_, {});
  }

 private:
  static constexpr std::size_t kDigits = 8;
  static constexpr unsigned kMost = (1U << kDigits) - 1;

  void empty_digits() {
    for (std::size_t digit = 0; digit < kDigits; ++digit) {
      for (std::uint64_t rest = std::exchange(digits_[digit], 0); rest != 0; rest &= rest - 1) {
        counts_[static_cast<std::size_t>(std::countr_zero(rest))] += std::uint64_t{1} << digit;
      }
    }
    added_ = 0;
  }

  std::array<std::uint64_t, kDigits> digits_{};  // of all counts, the lowest digit first
  unsigned added_ = 0;
  std::array<std::uint64_t, kColumns> counts_{};
};

}  // namespace crosswalk
