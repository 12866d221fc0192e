#include "encode/json_text.hpp"

#include <array>
#include <bit>
#include <charconv>
#include <cstring>

#include "crosswalk/time.hpp"
#include "digits.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace crosswalk {
namespace {

constexpr std::array<char, 256> kEscape = [] {
  std::array<char, 256> table{};
  for (unsigned c = 0; c < 0x20; ++c) table[c] = 'u';
  table['\b'] = 'b';
  table['\f'] = 'f';
  table['\n'] = 'n';
  table['\r'] = 'r';
  table['\t'] = 't';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

char* write_escape(unsigned char c, char* to) {
  const char code = kEscape[c];
  *to++ = '\\';
  *to++ = code;
  if (code == 'u') {
    constexpr char kHex[] = "0123456789abcdef";
    *to++ = '0';
    *to++ = '0';
    *to++ = kHex[c >> 4];
    *to++ = kHex[c & 15];
  }
  return to;
}

template <class T>
T load(const char* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

#if defined(__SSE2__)

using Block = __m128i;  // sixteen bytes

Block load_block(const char* from) { return _mm_loadu_si128(reinterpret_cast<const Block*>(from)); }
Block join(std::uint64_t low, std::uint64_t high) {
  return _mm_set_epi64x(static_cast<long long>(high), static_cast<long long>(low));
}
void store(char* to, Block block) { _mm_storeu_si128(reinterpret_cast<Block*>(to), block); }

/// A bit for each byte that needs an escape: below 0x20, a quote, a backslash.
unsigned escapes(Block block) {
  const Block bad =
      _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')), _mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))),
                   _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1F)), block));
  return static_cast<unsigned>(_mm_movemask_epi8(bad));
}

#else

struct Block {
  std::uint64_t low, high;
};

Block load_block(const char* from) { return {load<std::uint64_t>(from), load<std::uint64_t>(from + 8)}; }
Block join(std::uint64_t low, std::uint64_t high) { return {low, high}; }
void store(char* to, Block block) { std::memcpy(to, &block, sizeof block); }

/// Not 0 when a byte of the block needs an escape: below 0x20, a quote, a backslash.
std::uint64_t escapes(std::uint64_t bytes) {
  constexpr std::uint64_t kOnes = 0x0101010101010101U, kHigh = 0x8080808080808080U;
  const std::uint64_t quote = bytes ^ (kOnes * '"'), backslash = bytes ^ (kOnes * '\\');
  return (((bytes - kOnes * 0x20) & ~bytes) | ((quote - kOnes) & ~quote) | ((backslash - kOnes) & ~backslash)) & kHigh;
}
std::uint64_t escapes(Block block) { return escapes(block.low) | escapes(block.high); }

#endif

/// Texts of up to 32 bytes, most of what there is, as two parts that overlap. False: one of them needs an escape.
inline bool put_clean(char* to, const char* from, std::size_t size) {
  if (size >= 16) {
    const Block first = load_block(from), last = load_block(from + size - 16);
    store(to, first);
    store(to + size - 16, last);
    return (escapes(first) | escapes(last)) == 0;
  }
  if (size >= 4) {
    std::uint64_t first = 0, last = 0;
    if (size >= 8) {
      first = load<std::uint64_t>(from), last = load<std::uint64_t>(from + size - 8);
      std::memcpy(to, &first, 8);
      std::memcpy(to + size - 8, &last, 8);
      return escapes(join(first, last)) == 0;
    }
    const auto head = load<std::uint32_t>(from), tail = load<std::uint32_t>(from + size - 4);
    std::memcpy(to, &head, 4);
    std::memcpy(to + size - 4, &tail, 4);
    first = last = head | std::uint64_t{tail} << 32;
    return escapes(join(first, last)) == 0;
  }
  bool clean = true;
  for (std::size_t i = 0; i < size; ++i) {
    to[i] = from[i];
    clean &= kEscape[static_cast<unsigned char>(from[i])] == 0;
  }
  return clean;
}

/// Copies text[at…] up to the first byte that needs an escape.
std::size_t copy_clean(const char* text, std::size_t at, std::size_t size, char*& to) {
#if defined(__SSE2__)
  const std::size_t begun = at;
  while (at < size) {
    if (size - at < 16) {
      // The last sixteen bytes, some of them once more: they were clean, and their copies stand where they would go.
      const std::size_t back = 16 - (size - at);
      if (at - begun < back) break;
      at -= back;
      to -= back;
    }
    const Block block = load_block(text + at);
    store(to, block);
    if (const unsigned bad = escapes(block); bad != 0) {
      const auto clean = static_cast<std::size_t>(std::countr_zero(bad));
      to += clean;
      return at + clean;
    }
    to += 16;
    at += 16;
  }
#endif
  while (at < size && kEscape[static_cast<unsigned char>(text[at])] == 0) *to++ = text[at++];
  return at;
}

[[gnu::noinline]] char* put_escaped(char* to, std::string_view text) {
  for (std::size_t at = 0;;) {
    at = copy_clean(text.data(), at, text.size(), to);
    if (at == text.size()) break;
    to = write_escape(static_cast<unsigned char>(text[at]), to);
    ++at;
  }
  *to = '"';
  return to + 1;
}

/// Writes eight bytes, of which only those of the number count.
char* put_up_to_eight_digits(char* to, std::uint32_t number) {
  const std::uint64_t digits = eight_digits(number);
  // The first digit is the lowest byte; of zero, one digit is written.
  const auto zeros = static_cast<unsigned>(std::countr_zero(digits | std::uint64_t{1} << 56)) / 8;
  put_eight_bytes(to, (digits | kEightZeros) >> 8 * zeros);
  return to + 8 - zeros;
}

[[gnu::noinline]] void add_member(Buffer& out, std::string_view key, std::string_view text) {
  out.add(key);
  add_json_string(out, text);
}

#if defined(__SSE2__)
constexpr std::size_t kBlock = sizeof(Block), kShort = 2 * kBlock;
static_assert(kKeySlack >= 2 * kShort && kTextSlack >= kShort);

Block copy_block(char* to, const char* from, std::size_t at) {
  const Block block = load_block(from + at);
  store(to + at, block);
  return block;
}

/// Of a padded text of up to kShort bytes. Whatever stands behind the text is copied with it, and then the quote over that:
/// nearly one way for all, since how long the next one is cannot be foreseen. Null: it needs an escape.
inline char* put_short(char* to, std::string_view text) {
  *to++ = '"';
  std::uint64_t bad = escapes(copy_block(to, text.data(), 0));
  if (text.size() > kBlock) bad |= std::uint64_t{escapes(copy_block(to, text.data(), kBlock))} << kBlock;
  if ((bad & ((std::uint64_t{1} << text.size()) - 1)) != 0) return nullptr;
  to += text.size();
  *to = '"';
  return to + 1;
}
#endif

}  // namespace

char* put_json_string(char* to, std::string_view text) {
  *to++ = '"';
  if (text.size() > 32 || !put_clean(to, text.data(), text.size())) return put_escaped(to, text);
  to += text.size();
  *to = '"';
  return to + 1;
}

char* put_padded_json_string(char* to, std::string_view text) {
#if defined(__SSE2__)
  if (text.size() <= kShort) {
    if (char* const end = put_short(to, text)) return end;
  }
#endif
  return put_json_string(to, text);
}

void add_padded_member(Buffer& out, std::string_view key, std::string_view text) {
#if defined(__SSE2__)
  if (key.size() <= 2 * kShort && text.size() <= kShort && out.left() >= 3 * kShort + 2) {  // nearly all of them
    char* const to = out.room(0);
    for (std::size_t at = 0; at < kShort; at += kBlock) copy_block(to, key.data(), at);
    if (key.size() > kShort) {
      for (std::size_t at = kShort; at < 2 * kShort; at += kBlock) copy_block(to, key.data(), at);
    }
    if (char* const end = put_short(to + key.size(), text)) return out.finish_at(end);
  }
#endif
  add_member(out, key, text);
}

void add_json_compact(Buffer& out, std::string_view json) {
  char* to = out.room(json.size());
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (quoted) {
      *to++ = c;
      if (c == '\\' && i + 1 < json.size()) {
        *to++ = json[++i];
      } else if (c == '"') {
        quoted = false;
      }
    } else if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
      *to++ = c;
      quoted = c == '"';
    }
  }
  out.finish_at(to);
}

void add_number(Buffer& out, std::uint64_t value) {
  char* const to = out.room(20);
  out.finish_at(std::to_chars(to, to + 20, value).ptr);
}

char* put_decimal(char* to, Decimal value) {
  if (value.scale == 0 && static_cast<std::uint64_t>(value.digits) < 100'000'000) {
    return put_up_to_eight_digits(to, static_cast<std::uint32_t>(value.digits));
  }
  if (value.scale == 0) return std::to_chars(to, to + kDecimalTextMax, value.digits).ptr;
  std::uint64_t digits =
      value.digits < 0 ? ~static_cast<std::uint64_t>(value.digits) + 1 : static_cast<std::uint64_t>(value.digits);
  unsigned scale = value.scale;
  while (scale > 0 && digits % 10 == 0) {
    digits /= 10;
    --scale;
  }
  if (value.digits < 0) *to++ = '-';
  std::uint64_t power = 1;
  for (unsigned i = 0; i < scale; ++i) power *= 10;
  to = std::to_chars(to, to + 20, digits / power).ptr;
  if (scale > 0) {
    *to++ = '.';
    std::uint64_t rest = digits % power;
    for (std::uint64_t p = power / 10; p > 0; p /= 10) {
      *to++ = static_cast<char>('0' + rest / p);
      rest %= p;
    }
  }
  return to;
}

void add_time(Buffer& out, Instant at) {
  char* const start = out.room(kTimeTextMax + 2);
  *start = '"';
  char* end = write_time(at, start + 1);
  *end++ = '"';
  out.finish_at(end);
}

}  // namespace crosswalk
