// The loops of a kernel, over what one instruction set makes of a word. Included once for each of them, inside a namespace
// that has CROSSWALK_TARGET, Word, load(), equal(), either(), prefix(), count_ones(), kEnds and one_apart(): a template cannot
// stand for it, since a function is compiled for the instruction set of its definition. So there is no #pragma once.

CROSSWALK_TARGET void classify(const char* bytes, std::size_t words, char delimiter, WordMasks* masks) {
  for (std::size_t i = 0; i < words; ++i, bytes += kWord) {
    const Word word = load(bytes);
    masks[i].quotes = equal(word, '"');
    masks[i].inside = prefix(masks[i].quotes);
    masks[i].delimiters = equal(word, delimiter);
    masks[i].line_ends = either(word, '\r', '\n');
  }
}

CROSSWALK_TARGET std::size_t count_line_ends(const char* bytes, std::size_t size) {
  std::size_t count = 0;
  std::uint64_t after_cr = 0;
  const bool any_word = size >= kWord;
  for (; size >= kWord; bytes += kWord, size -= kWord) {
    const Word word = load(bytes);
    count += count_ones(line_end_mask(equal(word, '\r'), equal(word, '\n'), after_cr));
  }
  if (!any_word || size == 0) return count + count_line_ends_bytewise(bytes, size, after_cr != 0);
  // The rest is the end of a word that begins before it.
  const Word word = load(bytes + size - kWord);
  const std::size_t counted = kWord - size;
  return count + count_ones(line_end_mask(equal(word, '\r') >> counted, equal(word, '\n') >> counted, after_cr));
}

CROSSWALK_TARGET std::size_t find_ones(const std::uint64_t* bits, std::size_t words, std::uint32_t base, std::uint32_t* to) {
  const std::uint32_t* const begin = to;
  for (std::size_t i = 0; i < words; ++i, base += kWord) {
    std::uint64_t rest = bits[i];
    std::uint32_t* const end = to + count_ones(rest);
    for (constexpr std::size_t kStep = 8; rest != 0; to += kStep) {  // rather than asking after each
      for (std::size_t n = 0; n < kStep; ++n, rest &= rest - 1) {
        to[n] = base + static_cast<std::uint32_t>(std::countr_zero(rest));
      }
    }
    to = end;
  }
  return static_cast<std::size_t>(to - begin);
}

CROSSWALK_TARGET void find_filled(const std::uint32_t* ends, std::size_t count, std::uint64_t* to) {
  for (; count != 0; ++to) {
    const std::size_t cells = count < kWord ? count : kWord;
    std::uint64_t empty = 0;
    for (std::size_t i = 0; i < cells; i += kEnds) empty |= one_apart(ends + i) << i;
    *to = ~empty & (~std::uint64_t{} >> (kWord - cells));
    ends += cells;
    count -= cells;
  }
}

#undef CROSSWALK_TARGET
