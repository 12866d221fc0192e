// Decimal digits: as characters, and as bytes of a word.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace crosswalk {

[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The eight digits of a number below 100,000,000, a byte each (0 to 9), the first in the lowest byte. A lane for each, divided
/// all at once: how many of them a number needs cannot be foreseen.
constexpr std::uint64_t eight_digits(std::uint32_t number) {
  std::uint64_t digits = number / 10'000 | std::uint64_t{number % 10'000} << 32;
  const std::uint64_t hundreds = (digits * 5'243 >> 19) & 0x0000'007F'0000'007F;  // by 100, right below 10,000
  digits = hundreds | (digits - hundreds * 100) << 16;
  const std::uint64_t tens = (digits * 103 >> 10) & 0x000F'000F'000F'000F;  // by 10, right below 100
  return tens | (digits - tens * 10) << 8;
}
inline constexpr std::uint64_t kEightZeros = 0x3030'3030'3030'3030;  ///< as text

/// The lowest byte first.
inline void put_eight_bytes(char* to, std::uint64_t bytes) {
  if constexpr (std::endian::native == std::endian::big) bytes = __builtin_bswap64(bytes);
  std::memcpy(to, &bytes, sizeof bytes);
}

}  // namespace crosswalk
