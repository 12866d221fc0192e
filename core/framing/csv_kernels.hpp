// The bytes that matter to CSV, found 64 at a time with the widest vectors the processor has. Private to framing.
//
// Only this part knows instruction sets. What is made of the masks is plain 64-bit arithmetic, the same for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace crosswalk::csv {

inline constexpr std::size_t kWord = 64;  ///< bytes of input that one mask stands for

inline constexpr std::size_t kStride = 32;  ///< ones found at a time, at most

/// One bit per byte of a word, the first byte lowest.
struct WordMasks {
  std::uint64_t quotes = 0;
  std::uint64_t inside = 0;  ///< prefix xor of `quotes`: set from an opening quote to the byte before the closing one
  std::uint64_t delimiters = 0;
  std::uint64_t line_ends = 0;  ///< CR and LF
};

/// Prefix xor by shifting: bit i of the result is the xor of bits 0…i.
constexpr std::uint64_t prefix_xor(std::uint64_t bits) {
  for (int shift = 1; shift < 64; shift *= 2) bits ^= bits << shift;
  return bits;
}

/// One way to do the work. All give the same results.
struct Kernel {
  const char* name;
  /// Fills masks[0…words), reading exactly 64 × words bytes.
  void (*classify)(const char* bytes, std::size_t words, char delimiter, WordMasks* masks);
  /// Lines that end in these bytes: at LF, CRLF and CR. A CR that is the last byte ends a line.
  std::size_t (*count_line_ends)(const char* bytes, std::size_t size);
  /// Writes where bits are set in bits[0…words), plus `base`, in ascending order; returns how many there are. Up to
  /// kStride more are written, which mean nothing.
  std::size_t (*find_ones)(const std::uint64_t* bits, std::size_t words, std::uint32_t base, std::uint32_t* to);
  /// Sets a bit of to[0…count / 64 rounded up) for each cell that has bytes, the first cell lowest: that is, where ends[i + 1] is
  /// more than one behind ends[i]. Up to kStride ends more are read.
  void (*find_filled)(const std::uint32_t* ends, std::size_t count, std::uint64_t* to);
};

/// The kernels that this processor can run, the plainest first, the best last.
[[nodiscard]] std::span<const Kernel> kernels();

/// The kernel in use: the best one, unless a test chose another.
[[nodiscard]] const Kernel& kernel();

/// For tests, while nothing is being framed; null goes back to the best.
void use_kernel(const Kernel* chosen);

/// Lines that end in these bytes, by the kernel in use.
[[nodiscard]] inline std::size_t count_line_ends(const char* bytes, std::size_t size) {
  return kernel().count_line_ends(bytes, size);
}

}  // namespace crosswalk::csv
