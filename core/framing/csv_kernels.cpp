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

std::uint64_t equal_portable(const char* bytes, char wanted) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < kWord; i += 8) mask |= equal_eight(load_eight(bytes + i), repeat(wanted)) << i;
  return mask;
}

void classify_portable(const char* bytes, std::size_t words, char delimiter, WordMasks* masks) {
  for (std::size_t i = 0; i < words; ++i, bytes += kWord) {
    masks[i].quotes = equal_portable(bytes, '"');
    masks[i].inside = prefix_xor(masks[i].quotes);
    masks[i].delimiters = equal_portable(bytes, delimiter);
    masks[i].line_ends = equal_portable(bytes, '\r') | equal_portable(bytes, '\n');
  }
}

std::size_t count_line_ends_portable(const char* bytes, std::size_t size) {
  std::size_t count = 0;
  std::uint64_t after_cr = 0;
  for (; size >= kWord; bytes += kWord, size -= kWord) {
    const std::uint64_t ends = line_end_mask(equal_portable(bytes, '\r'), equal_portable(bytes, '\n'), after_cr);
    count += static_cast<std::size_t>(std::popcount(ends));
  }
  return count + count_line_ends_bytewise(bytes, size, after_cr != 0);
}

#if defined(__x86_64__)

// SSE2: part of every x86-64 processor.

struct Word128 {
  __m128i quarter[4];
};

inline Word128 load128(const char* bytes) {
  const auto* from = reinterpret_cast<const __m128i*>(bytes);
  return {{_mm_loadu_si128(from), _mm_loadu_si128(from + 1), _mm_loadu_si128(from + 2), _mm_loadu_si128(from + 3)}};
}

inline std::uint64_t equal128(const Word128& word, __m128i wanted) {
  std::uint64_t mask = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int bits = _mm_movemask_epi8(_mm_cmpeq_epi8(word.quarter[i], wanted));
    mask |= static_cast<std::uint64_t>(static_cast<std::uint32_t>(bits)) << (16 * i);
  }
  return mask;
}

void classify_sse2(const char* bytes, std::size_t words, char delimiter, WordMasks* masks) {
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i separator = _mm_set1_epi8(delimiter);
  const __m128i cr = _mm_set1_epi8('\r');
  const __m128i lf = _mm_set1_epi8('\n');
  for (std::size_t i = 0; i < words; ++i, bytes += kWord) {
    const Word128 word = load128(bytes);
    masks[i].quotes = equal128(word, quote);
    masks[i].inside = prefix_xor(masks[i].quotes);
    masks[i].delimiters = equal128(word, separator);
    masks[i].line_ends = equal128(word, cr) | equal128(word, lf);
  }
}

std::size_t count_line_ends_sse2(const char* bytes, std::size_t size) {
  const __m128i cr = _mm_set1_epi8('\r');
  const __m128i lf = _mm_set1_epi8('\n');
  std::size_t count = 0;
  std::uint64_t after_cr = 0;
  for (; size >= kWord; bytes += kWord, size -= kWord) {
    const Word128 word = load128(bytes);
    count += static_cast<std::size_t>(std::popcount(line_end_mask(equal128(word, cr), equal128(word, lf), after_cr)));
  }
  return count + count_line_ends_bytewise(bytes, size, after_cr != 0);
}

// AVX2 with carry-less multiplication.

#define CROSSWALK_AVX2 __attribute__((target("avx2,pclmul,popcnt")))

/// Multiplying by all ones without carries is a prefix xor.
CROSSWALK_AVX2 inline std::uint64_t prefix_xor_clmul(std::uint64_t bits) {
  const __m128i product = _mm_clmulepi64_si128(_mm_set_epi64x(0, static_cast<long long>(bits)), _mm_set1_epi8(-1), 0);
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(product));
}

CROSSWALK_AVX2 inline std::uint64_t join256(__m256i low, __m256i high) {
  const auto low_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
  const auto high_bits = static_cast<std::uint32_t>(_mm256_movemask_epi8(high));
  return low_bits | static_cast<std::uint64_t>(high_bits) << 32;
}

CROSSWALK_AVX2 inline std::uint64_t equal256(__m256i low, __m256i high, __m256i wanted) {
  return join256(_mm256_cmpeq_epi8(low, wanted), _mm256_cmpeq_epi8(high, wanted));
}

CROSSWALK_AVX2 inline std::uint64_t equal256(__m256i low, __m256i high, __m256i one, __m256i other) {
  return join256(_mm256_or_si256(_mm256_cmpeq_epi8(low, one), _mm256_cmpeq_epi8(low, other)),
                 _mm256_or_si256(_mm256_cmpeq_epi8(high, one), _mm256_cmpeq_epi8(high, other)));
}

CROSSWALK_AVX2 inline __m256i load256(const char* bytes) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(bytes)); }

CROSSWALK_AVX2 void classify_avx2(const char* bytes, std::size_t words, char delimiter, WordMasks* masks) {
  const __m256i quote = _mm256_set1_epi8('"');
  const __m256i separator = _mm256_set1_epi8(delimiter);
  const __m256i cr = _mm256_set1_epi8('\r');
  const __m256i lf = _mm256_set1_epi8('\n');
  for (std::size_t i = 0; i < words; ++i, bytes += kWord) {
    const __m256i low = load256(bytes);
    const __m256i high = load256(bytes + 32);
    masks[i].quotes = equal256(low, high, quote);
    masks[i].inside = prefix_xor_clmul(masks[i].quotes);
    masks[i].delimiters = equal256(low, high, separator);
    masks[i].line_ends = equal256(low, high, cr, lf);
  }
}

CROSSWALK_AVX2 std::size_t count_line_ends_avx2(const char* bytes, std::size_t size) {
  const __m256i cr = _mm256_set1_epi8('\r');
  const __m256i lf = _mm256_set1_epi8('\n');
  std::size_t count = 0;
  std::uint64_t after_cr = 0;
  for (; size >= kWord; bytes += kWord, size -= kWord) {
    const __m256i low = load256(bytes);
    const __m256i high = load256(bytes + 32);
    const std::uint64_t ends = line_end_mask(equal256(low, high, cr), equal256(low, high, lf), after_cr);
    count += static_cast<std::size_t>(_mm_popcnt_u64(ends));
  }
  return count + count_line_ends_bytewise(bytes, size, after_cr != 0);
}

// AVX-512: a whole word in one register, compared straight into masks.

#define CROSSWALK_AVX512 __attribute__((target("avx512f,avx512bw,avx2,pclmul,popcnt")))

CROSSWALK_AVX512 void classify_avx512(const char* bytes, std::size_t words, char delimiter, WordMasks* masks) {
  const __m512i quote = _mm512_set1_epi8('"');
  const __m512i separator = _mm512_set1_epi8(delimiter);
  const __m512i cr = _mm512_set1_epi8('\r');
  const __m512i lf = _mm512_set1_epi8('\n');
  for (std::size_t i = 0; i < words; ++i, bytes += kWord) {
    const __m512i word = _mm512_loadu_si512(bytes);
    masks[i].quotes = _mm512_cmpeq_epi8_mask(word, quote);
    masks[i].inside = prefix_xor_clmul(masks[i].quotes);
    masks[i].delimiters = _mm512_cmpeq_epi8_mask(word, separator);
    masks[i].line_ends = _mm512_cmpeq_epi8_mask(word, cr) | _mm512_cmpeq_epi8_mask(word, lf);
  }
}

CROSSWALK_AVX512 std::size_t count_line_ends_avx512(const char* bytes, std::size_t size) {
  const __m512i cr = _mm512_set1_epi8('\r');
  const __m512i lf = _mm512_set1_epi8('\n');
  std::size_t count = 0;
  std::uint64_t after_cr = 0;
  for (; size >= kWord; bytes += kWord, size -= kWord) {
    const __m512i word = _mm512_loadu_si512(bytes);
    const std::uint64_t ends = line_end_mask(_mm512_cmpeq_epi8_mask(word, cr), _mm512_cmpeq_epi8_mask(word, lf), after_cr);
    count += static_cast<std::size_t>(_mm_popcnt_u64(ends));
  }
  return count + count_line_ends_bytewise(bytes, size, after_cr != 0);
}

#endif

/// The kernels of this processor, found out once.
struct Available {
  std::array<Kernel, 4> list{};
  std::size_t count = 0;

  Available() {
    add({"portable", classify_portable, count_line_ends_portable});
#if defined(__x86_64__)
    add({"sse2", classify_sse2, count_line_ends_sse2});
    const bool clmul = __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("popcnt") != 0;
    if (!clmul || !__builtin_cpu_supports("avx2")) return;
    add({"avx2", classify_avx2, count_line_ends_avx2});
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw")) return;
    add({"avx512", classify_avx512, count_line_ends_avx512});
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
