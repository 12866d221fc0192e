#include "framing/csv_framer.hpp"

#include <algorithm>
#include <array>
#include <bit>

namespace crosswalk::csv {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{};
constexpr std::size_t kFirstBatch = 8;        ///< words classified at a time after a careful record; twice as many each time
constexpr std::size_t kBatch = 64;            ///< at most: 4 KiB of input, masks that stay in the first cache
constexpr std::size_t kMostRefused = 16'384;  ///< in one go: what is said of each takes memory

/// The bits below `count`, which is less than 64.
constexpr std::uint64_t low_bits(std::size_t count) { return (std::uint64_t{1} << count) - 1; }

constexpr WordMasks restricted(const WordMasks& masks, std::uint64_t valid) {
  const std::uint64_t quotes = masks.quotes & valid;
  return {quotes, prefix_xor(quotes), masks.delimiters & valid, masks.line_ends & valid};
}

/// Clears the bits [begin, end).
void clear_bits(std::vector<std::uint64_t>& bits, std::size_t begin, std::size_t end) {
  if (begin >= end) return;
  const std::size_t first = begin / kWord;
  const std::size_t last = (end - 1) / kWord;
  const std::uint64_t keep_below = low_bits(begin % kWord);
  const std::uint64_t keep_above = end % kWord == 0 ? 0 : kAll << end % kWord;
  if (first == last) {
    bits[first] &= keep_below | keep_above;
    return;
  }
  bits[first] &= keep_below;
  for (std::size_t word = first + 1; word < last; ++word) bits[word] = 0;
  bits[last] &= keep_above;
}

}  // namespace

Framer::Framer(char delimiter, std::size_t columns, std::size_t max_record)
    : delimiter_(delimiter), columns_(columns), max_record_(max_record) {
  start_at(0);
}

std::size_t Framer::frame(const Window& window, std::size_t target, Block::Ends& ends, std::vector<RefusedLine>& refused) {
  ends_ = &ends;
  refused_ = &refused;
  const std::size_t enough = std::min(window.size, target);
  Window reach = window;  // what is scanned: enough for a block, or all of it if that holds no whole record
  reach.size = enough;
  while (record_ < reach.size && refused.size() < kMostRefused) {
    reach.at_end = window.at_end && reach.size == window.size;
    if (careful_) {
      reach.size = enough;  // again, however far the scan had to look
      const Outcome outcome = read_carefully(window);
      line_too_long_ = outcome == Outcome::too_long;
      if (outcome != Outcome::framed) break;
    } else if (!scan(reach) || reach.size - record_ > max_record_ || (reach.at_end && open_)) {
      careful_ = true;
    } else if (reach.at_end) {
      record_ = window.size;  // the last line need not end in a line end
    } else if (record_ == 0 && reach.size < window.size) {
      reach.size = window.size;
    } else {
      break;
    }
  }
  return record_;
}

void Framer::move_on(std::size_t count) {
  if (tail_.begin == kNowhere || tail_.begin < count) {
    tail_ = {};
  } else {
    RuleReader& reader = tail_.reader;
    tail_.begin -= count;
    reader.at -= count;
    const bool behind = reader.irregular_at == kNowhere || reader.irregular_at < count;
    reader.irregular_at = behind ? kNowhere : reader.irregular_at - count;
  }
  line_too_long_ = false;
  start_at(0);
}

/// All before `record` is framed.
void Framer::start_at(std::size_t record) {
  record_ = record;
  careful_ = tail_.covers(record) || max_record_ < kWord;  // the scan checks the length of one record per word
  word_ = record / kWord;
  valid_ = kAll << record % kWord;
  carry_ = {0, std::uint64_t{1} << record % kWord, 0, record};
}

// ---------------------------------------------------------------------------------------------------------------------
// Clean records: 64 bytes at a time.

/// Scans to the end of the window; record_ is then the start of the last, unfinished record, and open_ says whether
/// that has an open quote. False when a record was met that needs careful reading; record_ is then its start.
bool Framer::scan(const Window& window) {
  if (valid_ != kAll && word_ * kWord + kWord <= window.size) {
    if (!scan_part_of_word(window)) return false;
    ++word_;
    valid_ = kAll;
  }
  if (!scan_whole_words(window)) return false;
  const Carry before = carry_;
  const bool part = word_ * kWord < window.size;
  if (part && !scan_part_of_word(window)) return false;
  record_ = carry_.record;
  open_ = carry_.inside != 0;
  if (part) carry_ = before;  // the word is scanned again when it is whole
  return true;
}

bool Framer::scan_whole_words(const Window& window) {
  std::array<WordMasks, kBatch> masks;
  const std::size_t whole = window.size / kWord;
  for (std::size_t batch = kFirstBatch; word_ < whole; batch = std::min(2 * batch, kBatch)) {
    const std::size_t words = std::min(batch, whole - word_);
    kernel().classify(window.data + word_ * kWord, words, delimiter_, masks.data());
    for (std::size_t i = 0; i < words; ++i, ++word_) {
      if (!scan_word(masks[i], kAll)) return false;
    }
  }
  return true;
}

/// A word of which only valid_, and only what lies in the window, belongs to the scan.
bool Framer::scan_part_of_word(const Window& window) {
  const std::size_t base = word_ * kWord;
  const std::uint64_t within = window.size - base < kWord ? low_bits(window.size - base) : kAll;
  WordMasks masks;
  kernel().classify(window.data + base, 1, delimiter_, &masks);
  return scan_word(restricted(masks, valid_ & within), valid_ & within);
}

/// RFC 4180 as bit arithmetic. Quote parity alone tells inside from outside as long as every quote that opens stands at
/// the start of a field (or is the second of two), and every quote that closes stands at its end.
inline bool Framer::scan_word(const WordMasks& masks, std::uint64_t valid) {
  const std::size_t base = word_ * kWord;
  const std::uint64_t inside = masks.inside ^ carry_.inside;
  const std::uint64_t opening = masks.quotes & inside;
  const std::uint64_t closing = masks.quotes & ~inside;
  const std::uint64_t breaks = masks.delimiters | masks.line_ends | masks.quotes;
  const std::uint64_t opens_in_text = opening & ~(breaks << 1 | carry_.may_open);
  const std::uint64_t text_after_close = (closing << 1 | carry_.closed) & ~breaks & valid;
  const std::uint64_t trouble = opens_in_text | text_after_close;
  const std::uint64_t ends = masks.line_ends & ~inside;

  std::uint64_t& of_fields = ends_->fields[word_];
  std::uint64_t& of_records = ends_->records[word_];
  of_fields = (of_fields & ~valid) | ends | (masks.delimiters & ~inside);
  of_records = (of_records & ~valid) | ends;

  if (ends != 0) {
    const std::size_t first_end = base + static_cast<std::size_t>(std::countr_zero(ends));
    if (first_end - carry_.record > max_record_) {
      record_ = carry_.record;
      return false;
    }
  }
  if (trouble != 0) {
    const std::uint64_t ends_before = ends & ((trouble & (0 - trouble)) - 1);
    record_ = ends_before == 0 ? carry_.record : base + static_cast<std::size_t>(std::bit_width(ends_before));
    return false;
  }
  if (ends != 0) carry_.record = base + static_cast<std::size_t>(std::bit_width(ends));
  carry_.inside = 0 - (inside >> 63);
  carry_.may_open = breaks >> 63;
  carry_.closed = closing >> 63;
  return true;
}

// ---------------------------------------------------------------------------------------------------------------------
// All other records: the rule itself, and what is refused.

Framer::Outcome Framer::read_carefully(const Window& window) {
  const std::size_t limit = std::min(window.size, record_ + max_record_ + 1);
  std::size_t line_end = record_;
  while (line_end < limit && !is_line_end(window.data[line_end])) ++line_end;
  if (line_end - record_ > max_record_) return Outcome::too_long;
  if (line_end == window.size && !window.at_end) return Outcome::need_more;

  forget_tail_before(window, line_end + 1);
  RuleReader first = reader_at(record_, RuleReader::State::field_start);
  read_marking(first, window.data, line_end);
  if (first.state == RuleReader::State::quoted) return judge_open_record(window, first, line_end);
  finish_record(window, line_end);
  return Outcome::framed;
}

/// The record's first line ends inside quotes: reads on, then takes the whole record or refuses that line.
Framer::Outcome Framer::judge_open_record(const Window& window, const RuleReader& first, std::size_t line_end) {
  using Why = RefusedLine::Why;
  RefusedLine line{record_, line_end - record_, Why::open_at_end, first.quote_field, 0};
  const std::size_t next_line = line_end + 1;
  if (next_line > window.size) {
    refuse(window, line);
    return Outcome::framed;
  }

  if (!tail_.covers(next_line)) tail_ = {reader_at(next_line, RuleReader::State::quoted), next_line, false};
  extend_tail(window, record_ + max_record_ + 1);
  const RuleReader& rest = tail_.reader;
  if (rest.at - record_ > max_record_) {
    line.why = Why::open_past_limit;
    refuse(window, line);
  } else if (tail_.ended) {
    const bool rest_irregular = rest.irregular_at != kNowhere && rest.irregular_at >= next_line;
    line.why = Why::stray_quote;
    line.fields = first.delimiters + rest.delimiters + 1;
    if ((first.irregular_at != kNowhere || rest_irregular) && line.fields != columns_) {
      refuse(window, line);
    } else {
      RuleReader again = reader_at(line_end, RuleReader::State::quoted);
      read_marking(again, window.data, rest.at);
      finish_record(window, rest.at);
    }
  } else if (window.at_end) {
    refuse(window, line);
  } else {
    return Outcome::need_more;
  }
  return Outcome::framed;
}

RuleReader Framer::reader_at(std::size_t position, RuleReader::State state) const {
  RuleReader reader;
  reader.delimiter = delimiter_;
  reader.state = state;
  reader.at = position;
  return reader;
}

/// Reads up to `end` and marks what is read: the delimiters outside quotes, and nothing else.
void Framer::read_marking(RuleReader& reader, const char* data, std::size_t end) {
  std::size_t written = reader.at;
  reader.read(data, end, [&](std::size_t position) {
    ends_->clear(written, position + 1);
    ends_->set(position, false);
    written = position + 1;
  });
  ends_->clear(written, end);
}

void Framer::extend_tail(const Window& window, std::size_t limit) {
  RuleReader& reader = tail_.reader;
  if (tail_.ended || reader.at >= limit) return;
  tail_.ended = reader.read(window.data, std::min(window.size, limit), [](std::size_t) {});
  const bool input_read = window.at_end && reader.at == window.size;
  if (input_read && reader.state != RuleReader::State::quoted) tail_.ended = true;
}

/// No record will go on with a line before `line` any more.
void Framer::forget_tail_before(const Window& window, std::size_t line) {
  if (tail_.begin >= line) return;
  if (!tail_.covers(line)) {
    tail_ = {};
    return;
  }
  RuleReader passed = reader_at(tail_.begin, RuleReader::State::quoted);
  passed.read(window.data, line, [](std::size_t) {});
  tail_.reader.delimiters -= passed.delimiters;
  tail_.begin = line;
}

void Framer::refuse(const Window& window, const RefusedLine& line) {
  const std::size_t end = line.begin + line.size;
  ends_->clear(line.begin, end);
  refused_->push_back(line);
  finish_record(window, end);
}

/// What stands before `end` is framed; `end` is a line end, or the end of the input.
void Framer::finish_record(const Window& window, std::size_t end) {
  if (end < window.size) ends_->set(end, true);
  start_at(std::min(end + 1, window.size));
}

}  // namespace crosswalk::csv

namespace crosswalk {

void Block::Ends::clear(std::size_t begin, std::size_t end) {
  csv::clear_bits(fields, begin, end);
  csv::clear_bits(records, begin, end);
}

}  // namespace crosswalk
