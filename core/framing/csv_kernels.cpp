#include "framing/csv_kernels.hpp"

#include <array>
#include <bit>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace crosswalk::csv {
namespace {

/// Line ends of one word from its CR and LF masks: every CR, and every LF that no CR precedes. `after_cr` is the carry.
inline std::uint64_t line_end_mask(std::uint64_t cr, std::uint64_t lf, std::uint64_t& after_cr) {
  const std::uint64_t second_half = cr << 1 | after_cr;
  after_cr = cr >> 63;
  return cr | (lf & ~second_half);
}

/// The same, byte by byte, for what is left after the last whole word.
std::size_t count_line_ends_bytewise(const char* bytes, std::size_t size, bool after_cr) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (bytes[i] == '\r' || (bytes[i] == '\n' && !after_cr)) ++count;
    after_cr = bytes[i] == '\r';
  }
  return count;
}

// Portable: eight bytes at a time in an ordinary register.
namespace portable {

constexpr std::uint64_t repeat(char byte) { return 0x0101010101010101u * static_cast<unsigned char>(byte); }

std::uint64_t load_eight(const char* bytes) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, bytes, sizeof eight);
  if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
  return eight;
}

/// Eight bits, set where a byte of `eight` equals the repeated byte.
std::uint64_t equal_eight(std::uint64_t eight, std::uint64_t repeated) {
  constexpr std::uint64_t low_seven = repeat(0x7F);
  const std::uint64_t difference = eight ^ repeated;
  // The top bit of each byte: clear exactly where the difference is 0. No carry leaves a byte.
  const std::uint64_t zero = ~(((difference & low_seven) + low_seven) | difference | low_seven);
  return (zero >> 7) * 0x0102040810204080u >> 56;  // gathers the eight top bits
}

using Word = const char*;
inline Word load(const char* bytes) { return bytes; }
inline std::uint64_t equal(Word word, char wanted) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < kWord; i += 8) mask |= equal_eight(load_eight(word + i), repeat(wanted)) << i;
  return mask;
}
inline std::uint64_t either(Word word, char one, char other) { return equal(word, one) | equal(word, other); }
inline std::uint64_t prefix(std::uint64_t bits) { return prefix_xor(bits); }
inline std::size_t count_ones(std::uint64_t bits) { return static_cast<std::size_t>(std::popcount(bits)); }
/// A bit for each of kEnds neighbours that differ by one.
constexpr std::size_t kEnds = 1;
inline std::uint64_t one_apart(const std::uint32_t* ends) { return ends[1] - ends[0] == 1 ? 1 : 0; }

#define CROSSWALK_TARGET
#include "framing/csv_kernel_loops.hpp"

}  // namespace portable

#if defined(__x86_64__)

// SSE2: part of every x86-64 processor.
namespace sse2 {

struct Word {
  __m128i quarter[4];
};
inline Word load(const char* bytes) {
  const auto* from = reinterpret_cast<const __m128i*>(bytes);
  return {{_mm_loadu_si128(from), _mm_loadu_si128(from + 1), _mm_loadu_si128(from + 2), _mm_loadu_si128(from + 3)}};
}
inline std::uint64_t equal(const Word& word, char wanted) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(word.quarter[i], _mm_set1_epi8(wanted)));
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits)) << (16 * i);
  }
  return mask;
}
inline std::uint64_t either(const Word& word, char one, char other) { return equal(word, one) | equal(word, other); }
using portable::count_ones;
using portable::prefix;
constexpr std::size_t kEnds = 4;
inline std::uint64_t one_apart(const std::uint32_t* ends) {
  const __m128i begins = _mm_loadu_si128(reinterpret_cast<const __m128i*>(ends));
  const __m128i behind = _mm_loadu_si128(reinterpret_cast<const __m128i*>(ends + 1));
  const __m128i equal = _mm_cmpeq_epi32(_mm_sub_epi32(behind, begins), _mm_set1_epi32(1));
  return static_cast<std::uint64_t>(_mm_movemask_ps(_mm_castsi128_ps(equal)));
}

#define CROSSWALK_TARGET
#include "framing/csv_kernel_loops.hpp"

}  // namespace sse2

// AVX2 with carry-less multiplication.
namespace avx2 {

#define CROSSWALK_AVX2 __attribute__((target("avx2,pclmul,popcnt,bmi")))

struct Word {
  __m256i low, high;
};
CROSSWALK_AVX2 inline Word load(const char* bytes) {
  const auto* from = reinterpret_cast<const __m256i*>(bytes);
  return {_mm256_loadu_si256(from), _mm256_loadu_si256(from + 1)};
}
CROSSWALK_AVX2 inline __m256i equal(__m256i half, char wanted) { return _mm256_cmpeq_epi8(half, _mm256_set1_epi8(wanted)); }
CROSSWALK_AVX2 inline std::uint64_t join(__m256i low, __m256i high) {
  const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
  const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(high));
  return low_bits | static_cast<std::uint64_t>(high_bits) << 32;
}
CROSSWALK_AVX2 inline std::uint64_t equal(const Word& word, char wanted) {
  return join(equal(word.low, wanted), equal(word.high, wanted));
}
CROSSWALK_AVX2 inline std::uint64_t either(const Word& word, char one, char other) {
  return join(_mm256_or_si256(equal(word.low, one), equal(word.low, other)),
              _mm256_or_si256(equal(word.high, one), equal(word.high, other)));
}
/// Multiplying by all ones without carries is a prefix xor.
CROSSWALK_AVX2 inline std::uint64_t prefix(std::uint64_t bits) {
  const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)), _mm_set1_epi8(-1), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}
CROSSWALK_AVX2 inline std::size_t count_ones(std::uint64_t bits) { return static_cast<std::size_t>(_mm_popcnt_u64(bits)); }
constexpr std::size_t kEnds = 8;
CROSSWALK_AVX2 inline std::uint64_t one_apart(const std::uint32_t* ends) {
  const __m256i begins = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ends));
  const __m256i behind = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(ends + 1));
  const __m256i equal = _mm256_cmpeq_epi32(_mm256_sub_epi32(behind, begins), _mm256_set1_epi32(1));
  return static_cast<std::uint64_t>(_mm256_movemask_ps(_mm256_castsi256_ps(equal)));
}

#define CROSSWALK_TARGET CROSSWALK_AVX2
#include "framing/csv_kernel_loops.hpp"

}  // namespace avx2

// AVX-512: a whole word in one register, compared straight into masks.
namespace avx512 {

#define CROSSWALK_AVX512 __attribute__((target("avx512f,avx512bw,avx2,pclmul,popcnt,bmi")))

using Word = __m512i;
CROSSWALK_AVX512 inline Word load(const char* bytes) { return _mm512_loadu_si512(bytes); }
CROSSWALK_AVX512 inline std::uint64_t equal(const Word& word, char wanted) {
  return _mm512_cmpeq_epi8_mask(word, _mm512_set1_epi8(wanted));
}
CROSSWALK_AVX512 inline std::uint64_t either(const Word& word, char one, char other) {
  return equal(word, one) | equal(word, other);
}
using avx2::count_ones;
using avx2::prefix;
constexpr std::size_t kEnds = 16;
CROSSWALK_AVX512 inline std::uint64_t one_apart(const std::uint32_t* ends) {
  const __m512i begins = _mm512_loadu_si512(ends), behind = _mm512_loadu_si512(ends + 1);
  return _mm512_cmpeq_epi32_mask(_mm512_sub_epi32(behind, begins), _mm512_set1_epi32(1));
}

#define CROSSWALK_TARGET CROSSWALK_AVX512
#include "framing/csv_kernel_loops.hpp"

#define CROSSWALK_PACKING __attribute__((target("avx512f,avx512bw,avx512vbmi2,avx2,pclmul,popcnt,bmi")))

/// With the instruction that packs the bytes which a mask chooses: here, the numbers of its bits.
CROSSWALK_PACKING std::size_t find_ones_packing(const std::uint64_t* bits, std::size_t words, std::uint32_t base,
                                                std::uint32_t* to) {
  constexpr std::array<std::uint8_t, kWord> kNumbers = [] {
    std::array<std::uint8_t, kWord> numbers{};
    for (std::size_t i = 0; i < kWord; ++i) numbers[i] = static_cast<std::uint8_t>(i);
    return numbers;
  }();
  const __m512i numbers = _mm512_loadu_si512(kNumbers.data());
  const std::uint32_t* const begin = to;
  for (std::size_t i = 0; i < words; ++i, base += kWord) {
    const std::size_t count = count_ones(bits[i]);
    const __m512i packed = _mm512_maskz_compress_epi8(bits[i], numbers);
    const __m512i bases = _mm512_set1_epi32(static_cast<int>(base));
    // The masked forms, of everything: of the others GCC 12 warns, wrongly.
    const auto put = [bases](std::uint32_t* at, __m128i sixteen) CROSSWALK_PACKING {
      _mm512_storeu_si512(at, _mm512_add_epi32(bases, _mm512_maskz_cvtepu8_epi32(0xFFFF, sixteen)));
    };
    put(to, _mm512_maskz_extracti32x4_epi32(0xF, packed, 0));
    if (count > 16) {
      put(to + 16, _mm512_maskz_extracti32x4_epi32(0xF, packed, 1));
      if (count > 32) {
        put(to + 32, _mm512_maskz_extracti32x4_epi32(0xF, packed, 2));
        put(to + 48, _mm512_maskz_extracti32x4_epi32(0xF, packed, 3));
      }
    }
    to += count;
  }
  return static_cast<std::size_t>(to - begin);
}

}  // namespace avx512

#endif

/// The kernels of this processor, found out once.
struct Available {
  std::array<Kernel, 5> list{};
  std::size_t count = 0;

  Available() {
    add({"portable", portable::classify, portable::count_line_ends, portable::find_ones, portable::find_filled});
#if defined(__x86_64__)
    add({"sse2", sse2::classify, sse2::count_line_ends, sse2::find_ones, sse2::find_filled});
    const bool small_ones =
        __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("popcnt") != 0 && __builtin_cpu_supports("bmi") != 0;
    if (!small_ones || !__builtin_cpu_supports("avx2")) return;
    add({"avx2", avx2::classify, avx2::count_line_ends, avx2::find_ones, avx2::find_filled});
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw")) return;
    add({"avx512", avx512::classify, avx512::count_line_ends, avx512::find_ones, avx512::find_filled});
    if (!__builtin_cpu_supports("avx512vbmi2")) return;
    add({"avx512vbmi2", avx512::classify, avx512::count_line_ends, avx512::find_ones_packing, avx512::find_filled});
#endif
  }

  void add(const Kernel& kernel) { list[count++] = kernel; }
};

const Available& available() {
  static const Available found;
  return found;
}

const Kernel* chosen_kernel = nullptr;

}  // namespace

std::span<const Kernel> kernels() { return {available().list.data(), available().count}; }

const Kernel& kernel() { return chosen_kernel != nullptr ? *chosen_kernel : kernels().back(); }

void use_kernel(const Kernel* chosen) { chosen_kernel = chosen; }

}  // namespace crosswalk::csv
