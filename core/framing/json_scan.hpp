// Sixty-four bytes at a time: where quotes, brackets and line ends stand, as one bit per byte.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace crosswalk::json {

inline constexpr std::size_t kStride = 64;

/// One bit per byte of a stride; bit 0 is the first byte.
using Mask = std::uint64_t;

#if defined(__SSE2__)

/// A stride in registers.
class Stride {
 public:
  explicit Stride(const char* p) : part_{load(p), load(p + 16), load(p + 32), load(p + 48)} {}
  [[nodiscard]] Mask equals(char c) const {
    const __m128i wanted = _mm_set1_epi8(c);
    return collect([&](__m128i bytes) { return _mm_cmpeq_epi8(bytes, wanted); });
  }
  [[nodiscard]] Mask line_ends() const {
    const __m128i lf = _mm_set1_epi8('\n');
    const __m128i cr = _mm_set1_epi8('\r');
    return collect([&](__m128i bytes) { return _mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)); });
  }
  /// `{ [ } ]`: setting bit 5 makes `[` a `{` and `]` a `}`, and nothing else either.
  [[nodiscard]] Mask brackets() const {
    const __m128i bit5 = _mm_set1_epi8(0x20);
    const __m128i open = _mm_set1_epi8('{');
    const __m128i close = _mm_set1_epi8('}');
    return collect([&](__m128i bytes) {
      const __m128i curly = _mm_or_si128(bytes, bit5);
      return _mm_or_si128(_mm_cmpeq_epi8(curly, open), _mm_cmpeq_epi8(curly, close));
    });
  }

 private:
  template <class Test>
  [[nodiscard]] Mask collect(Test test) const {
    const auto bits = [](__m128i bytes) { return Mask{static_cast<unsigned>(_mm_movemask_epi8(bytes))}; };
    return bits(test(part_[0])) | bits(test(part_[1])) << 16 | bits(test(part_[2])) << 32 | bits(test(part_[3])) << 48;
  }
  static __m128i load(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  __m128i part_[4];
};

#else

class Stride {
 public:
  explicit Stride(const char* p) { std::memcpy(bytes_, p, kStride); }
  [[nodiscard]] Mask equals(char c) const {
    return collect([c](char byte) { return byte == c; });
  }
  [[nodiscard]] Mask line_ends() const {
    return collect([](char byte) { return byte == '\n' || byte == '\r'; });
  }
  [[nodiscard]] Mask brackets() const {
    return collect([](char byte) { return (byte | 0x20) == '{' || (byte | 0x20) == '}'; });
  }

 private:
  template <class Test>
  [[nodiscard]] Mask collect(Test test) const {
    Mask mask = 0;
    for (std::size_t i = 0; i < kStride; ++i) mask |= Mask{test(bytes_[i])} << i;
    return mask;
  }
  char bytes_[kStride];
};

#endif

/// The lowest `count` bits.
[[nodiscard]] inline Mask first_bits(std::size_t count) { return count >= kStride ? ~Mask{0} : (Mask{1} << count) - 1; }

[[nodiscard]] inline std::size_t lowest(Mask mask) { return static_cast<std::size_t>(std::countr_zero(mask)); }

/// The place behind the highest bit.
[[nodiscard]] inline std::size_t behind(Mask mask) { return kStride - static_cast<std::size_t>(std::countl_zero(mask)); }

/// Tells the insides of strings from the outside, stride after stride.
class StringTracker {
 public:
  /// Bits of the bytes inside strings: the opening quote is inside, the closing one is not. A stride that is cut short
  /// (`valid` masks its bytes) must be the last one.
  Mask inside(const Stride& stride, Mask valid) {
    const Mask backslashes = stride.equals('\\') & valid;
    const Mask quotes = stride.equals('"') & valid & ~escaped(backslashes);
    const Mask inside = spread(quotes) ^ inside_;
    inside_ = Mask{0} - (inside >> 63);
    return inside;
  }

 private:
  // Bytes that a backslash before them makes literal. In a run of backslashes every second one is literal itself: adding
  // the run's start to the run carries to its end, and the parity of both places tells which.
  Mask escaped(Mask backslashes) {
    if (backslashes == 0) {
      const Mask escaped = next_is_escaped_;
      next_is_escaped_ = 0;
      return escaped;
    }
    constexpr Mask kEven = 0x5555555555555555;
    backslashes &= ~next_is_escaped_;
    const Mask follows = (backslashes << 1) | next_is_escaped_;
    const Mask odd_starts = backslashes & ~kEven & ~follows;
    Mask runs_from_even;
    next_is_escaped_ = __builtin_add_overflow(odd_starts, backslashes, &runs_from_even) ? 1 : 0;
    return (kEven ^ (runs_from_even << 1)) & follows;
  }

  // Each bit becomes the parity of the bits up to and with it: set from an opening quote to before its closing one.
  static Mask spread(Mask quotes) {
    quotes ^= quotes << 1;
    quotes ^= quotes << 2;
    quotes ^= quotes << 4;
    quotes ^= quotes << 8;
    quotes ^= quotes << 16;
    return quotes ^ (quotes << 32);
  }

  Mask inside_ = 0;           // all ones while a string is open
  Mask next_is_escaped_ = 0;  // 1 when the last byte was a backslash that escapes
};

}  // namespace crosswalk::json
