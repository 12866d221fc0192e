#include "framing/csv_framer.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "digits.hpp"
#include "text.hpp"

namespace crosswalk::csv {
namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{};
constexpr std::size_t kFirstBatch = 8;        ///< words classified at a time after a careful record; twice as many each time
constexpr std::size_t kBatch = 64;            ///< at most: 4 KiB of input, masks that stay in the first cache
constexpr std::size_t kMostRefused = 16'384;  ///< in one go: what is said of each takes memory
constexpr std::size_t kMostJoined = std::size_t{16} << 10;  ///< bytes of a refused line with what joins it: all of it is kept

/// The bits below `count`, which is less than 64.
constexpr std::uint64_t low_bits(std::size_t count) { return (std::uint64_t{1} << count) - 1; }

constexpr WordMasks restricted(const WordMasks& masks, std::uint64_t valid) {
  const std::uint64_t quotes = masks.quotes & valid;
  return {quotes, prefix_xor(quotes), masks.delimiters & valid, masks.line_ends & valid};
}

/// Where the line that `begin` stands in ends, or `limit`.
std::size_t find_line_end(const Window& window, std::size_t begin, std::size_t limit) {
  while (begin < limit && !is_line_end(window.data[begin])) ++begin;
  return begin;
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

/// How many of the bits [begin, end) are set; begin < end.
std::size_t count_bits(const std::vector<std::uint64_t>& bits, std::size_t begin, std::size_t end) {
  const std::size_t first = begin / kWord;
  const std::size_t last = end / kWord;
  std::size_t count = 0;
  for (std::size_t word = first; word <= last; ++word) {
    std::uint64_t of_word = bits[word];
    if (word == first) of_word &= kAll << begin % kWord;
    if (word == last) of_word &= low_bits(end % kWord);
    count += static_cast<std::size_t>(std::popcount(of_word));
  }
  return count;
}

/// What a row says of its first fields, to tell other rows from text: which of them are numbers.
class Numbers {
 public:
  void note(std::size_t column, std::string_view field) {
    if (column < kWord && is_number(field)) columns_ |= std::uint64_t{1} << column;
  }
  /// Whether a field of another row may stand in that column: the first must be a number where it is one.
  [[nodiscard]] bool allow(std::size_t column, std::string_view field) const {
    if (column >= kWord || (columns_ >> column & 1) == 0) return true;
    return is_number(field) || (column != 0 && field.empty());
  }
  [[nodiscard]] bool any() const { return columns_ != 0; }

 private:
  static bool is_number(std::string_view field) {
    field = trimmed(field);
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') field = trimmed(field.substr(1, field.size() - 2));
    const auto plain = [](char c) { return is_digit(c) || std::string_view("+-.,:/ ").find(c) != std::string_view::npos; };
    return std::any_of(field.begin(), field.end(), is_digit) && std::all_of(field.begin(), field.end(), plain);
  }
  std::uint64_t columns_ = 0;  ///< bits, of the first 64
};

}  // namespace

Framer::Framer(const RowRules& rules)
    : rules_(rules),
      max_record_(rules.max_record),
      careful_inside_(rules.max_lines != 0 ? kAll : 0),
      // The scan checks the length of one record per word.
      always_careful_(rules.quotes != CsvQuotes::rfc4180 || rules.max_record < kWord) {
  start_at(0);
}

std::size_t Framer::frame(const Window& window, std::size_t target, Block::Ends& ends, std::vector<RefusedLine>& refused,
                          Block::Unusual& unusual) {
  ends_ = &ends;
  refused_ = &refused;
  unusual_ = &unusual;
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
    } else if (!scan(reach) || reach.size - record_ > max_record_ ||
               (reach.at_end && (open_ || (many_lines_ && is_odd(record_, reach.size))))) {
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
  careful_ = tail_.covers(record) || always_careful_;
  word_ = record / kWord;
  valid_ = kAll << record % kWord;
  carry_ = {0, std::uint64_t{1} << record % kWord, 0, record, false};
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
  many_lines_ = carry_.many_lines;
  if (part) carry_ = before;  // the word is scanned again when it is whole
  return true;
}

bool Framer::scan_whole_words(const Window& window) {
  std::array<WordMasks, kBatch> masks;
  const std::size_t whole = window.size / kWord;
  std::size_t word = word_;  // in registers: members would be read again after each word that is written
  Carry carry = carry_;
  bool clean = true;
  for (std::size_t batch = kFirstBatch; clean && word < whole; batch = std::min(2 * batch, kBatch)) {
    const std::size_t words = std::min(batch, whole - word);
    kernel().classify(window.data + word * kWord, words, rules_.delimiter, masks.data());
    for (std::size_t i = 0; i < words; ++i, ++word) {
      clean = scan_word(masks[i], kAll, word, carry);
      if (!clean) break;
    }
  }
  word_ = word;
  carry_ = carry;
  return clean;
}

/// A word of which only valid_, and only what lies in the window, belongs to the scan.
bool Framer::scan_part_of_word(const Window& window) {
  const std::size_t base = word_ * kWord;
  const std::uint64_t within = window.size - base < kWord ? low_bits(window.size - base) : kAll;
  WordMasks masks;
  kernel().classify(window.data + base, 1, rules_.delimiter, &masks);
  return scan_word(restricted(masks, valid_ & within), valid_ & within, word_, carry_);
}

/// RFC 4180 as bit arithmetic. Quote parity alone tells inside from outside as long as every quote that opens stands at
/// the start of a field (or is the second of two), and every quote that closes stands at its end.
inline bool Framer::scan_word(const WordMasks& masks, std::uint64_t valid, std::size_t word, Carry& carry) {
  const std::size_t base = word * kWord;
  const std::uint64_t inside = masks.inside ^ carry.inside;
  const std::uint64_t opening = masks.quotes & inside;
  const std::uint64_t closing = masks.quotes & ~inside;
  const std::uint64_t breaks = masks.delimiters | masks.line_ends | masks.quotes;
  const std::uint64_t opens_in_text = opening & ~(breaks << 1 | carry.may_open);
  const std::uint64_t text_after_close = (closing << 1 | carry.closed) & ~breaks & valid;
  const std::uint64_t ends = masks.line_ends & ~inside;
  const std::uint64_t inner = masks.line_ends & inside;
  const std::uint64_t trouble = opens_in_text | text_after_close | (inner & careful_inside_);

  std::uint64_t& of_fields = ends_->fields[word];
  std::uint64_t& of_records = ends_->records[word];
  of_fields = (of_fields & ~valid) | ends | (masks.delimiters & ~inside);
  of_records = (of_records & ~valid) | ends;

  if (inner != 0) [[unlikely]]
    note_inner_lines(base, inner, ends, carry.record);
  if (ends != 0) {
    const std::size_t first_end = base + static_cast<std::size_t>(std::countr_zero(ends));
    if (first_end - carry.record > max_record_) {
      record_ = carry.record;
      return false;
    }
  }
  const std::uint64_t ends_before = trouble == 0 ? ends : ends & ((trouble & (0 - trouble)) - 1);
  if (carry.many_lines || inner != 0) [[unlikely]] {
    record_ = odd_record(base, inner, ends_before, carry);
    if (record_ != kNowhere) return false;
    const std::uint64_t last_begun = ends == 0 ? kAll : ~(kAll >> std::countl_zero(ends));
    carry.many_lines = (ends == 0 && carry.many_lines) || (inner & last_begun) != 0;
  }
  if (trouble != 0) {
    record_ = ends_before == 0 ? carry.record : base + static_cast<std::size_t>(std::bit_width(ends_before));
    return false;
  }
  if (ends != 0) carry.record = base + static_cast<std::size_t>(std::bit_width(ends));
  carry.inside = 0 - (inside >> 63);
  carry.may_open = breaks >> 63;
  carry.closed = closing >> 63;
  return true;
}

/// Start of the first record of several lines that ends in a word and has another number of fields than rows; or nowhere.
std::size_t Framer::odd_record(std::size_t base, std::uint64_t inner, std::uint64_t ends, const Carry& carry) const {
  std::size_t begin = carry.record;
  bool many_lines = carry.many_lines;
  for (; ends != 0; ends &= ends - 1) {
    const auto bit = static_cast<std::size_t>(std::countr_zero(ends));
    const std::uint64_t inner_before = inner & low_bits(bit);
    if ((many_lines || inner_before != 0) && is_odd(begin, base + bit)) return begin;
    inner &= ~inner_before;
    many_lines = false;
    begin = base + bit + 1;
  }
  return kNowhere;
}

/// Whether a record whose fields are marked has another number of them than rows. `end` is its line end.
bool Framer::is_odd(std::size_t begin, std::size_t end) const {
  return begin < end && count_bits(ends_->fields, begin, end) + 1 != rules_.columns;
}

/// Notes one line end inside quotes of each record that has some in a word.
[[gnu::noinline]] void Framer::note_inner_lines(std::size_t base, std::uint64_t inner, std::uint64_t ends, std::size_t record) {
  for (;;) {
    const auto bit = static_cast<std::size_t>(std::countr_zero(inner));
    const std::uint64_t ends_before = ends & low_bits(bit);
    note_inner_line(ends_before == 0 ? record : base + static_cast<std::size_t>(std::bit_width(ends_before)), base + bit);
    const std::uint64_t ends_behind = ends & ~low_bits(bit);
    if (ends_behind == 0) return;
    inner &= kAll << std::countr_zero(ends_behind);
    if (inner == 0) return;
  }
}

void Framer::note_inner_line(std::size_t record, std::size_t position) {
  std::vector<std::uint32_t>& noted = unusual_->inner_lines;
  if (noted.empty() || noted.back() < record) noted.push_back(static_cast<std::uint32_t>(position));
}

// ---------------------------------------------------------------------------------------------------------------------
// All other records: the rule itself, and what is refused.

Framer::Outcome Framer::read_carefully(const Window& window) {
  Found found;
  Outcome outcome = read_record(window, record_, tail_, found);
  if (outcome != Outcome::framed) return outcome;
  std::vector<std::uint32_t>& inner = unusual_->inner_lines;  // what the scan took for such, before it met trouble
  while (!inner.empty() && inner.back() >= record_) inner.pop_back();
  if (found.refused) {
    outcome = join_fragments(window, found.line);
    if (outcome == Outcome::framed) refuse(window, found.line);
    return outcome;
  }
  if (found.irregular && is_row(found)) {
    if (unusual_->irregular++ == 0) unusual_->first_irregular = static_cast<std::uint32_t>(record_);
  }
  if (found.many_lines) note_inner_line(record_, find_line_end(window, record_, found.end));
  finish_record(window, found.end);
  return Outcome::framed;
}

/// Reads the record at `begin` and marks its fields.
Framer::Outcome Framer::read_record(const Window& window, std::size_t begin, Tail& tail, Found& found) {
  const std::size_t limit = std::min(window.size, begin + max_record_ + 1);
  const std::size_t line_end = find_line_end(window, begin, limit);
  if (line_end - begin > max_record_) return Outcome::too_long;
  if (line_end == window.size && !window.at_end) return Outcome::need_more;

  forget_tail_before(window, line_end + 1, tail);
  RuleReader first = reader_of_record(window, begin);
  ends_->clear(begin, first.at);
  read_marking(first, window.data, line_end);
  found = {};
  found.end = line_end;
  if (first.is_open()) {
    found.line.begin = begin;
    return judge_open_record(window, first, tail, found);
  }
  found.fields = first.delimiters + 1;
  found.irregular = first.irregular_at != kNowhere;
  return Outcome::framed;
}

/// The record's first line ends inside quotes: reads on, then takes the whole record or refuses that line.
Framer::Outcome Framer::judge_open_record(const Window& window, const RuleReader& first, Tail& tail, Found& found) {
  using Why = RefusedLine::Why;
  const std::size_t begin = found.line.begin;
  const std::size_t line_end = found.end;
  const std::size_t next_line = line_end + 1;
  const auto refuse_for = [&](Why why, std::size_t record_end) {
    const std::string_view record(window.data + begin, std::min(record_end - begin, kMostJoined));
    found.refused = true;
    found.line = {begin, line_end - begin, why, first.quote_field};
    found.line.backslash_quote = rules_.quotes == CsvQuotes::rfc4180 && record.find("\\\"") != std::string_view::npos;
    const auto* const open = window.data + first.quote_at;
    found.fields = first.delimiters + 1 + static_cast<std::size_t>(std::count(open, window.data + line_end, rules_.delimiter));
    return Outcome::framed;
  };
  if (next_line > window.size) return refuse_for(Why::open_at_end, line_end);

  if (rules_.max_lines != 0) {
    bool too_many = false;
    if (const Outcome counted = count_lines(window, begin, too_many); counted != Outcome::framed) return counted;
    if (too_many) return refuse_for(Why::too_many_lines, line_end);
  }
  if (!tail.covers(next_line)) tail = {reader_at(next_line, RuleReader::State::quoted), next_line, false};
  extend_tail(window, begin + max_record_ + 1, tail);
  const RuleReader& rest = tail.reader;
  if (rest.at - begin > max_record_) return refuse_for(Why::open_past_limit, rest.at);
  if (!tail.ended) return window.at_end ? refuse_for(Why::open_at_end, window.size) : Outcome::need_more;

  const std::size_t fields = first.delimiters + rest.delimiters + 1;
  if (first.irregular_at != kNowhere || (rest.irregular_at != kNowhere && rest.irregular_at >= next_line)) {
    refuse_for(Why::stray_quote, rest.at);
    found.line.fields = fields;
    return Outcome::framed;
  }
  if (fields != rules_.columns && holds_row(window, first, begin, next_line, rest.at)) {
    refuse_for(Why::rows_inside, rest.at);
    found.line.fields = fields;
    return Outcome::framed;
  }
  RuleReader again = reader_at(line_end, RuleReader::State::quoted);
  read_marking(again, window.data, rest.at);
  found.end = rest.at;
  found.fields = fields;
  found.many_lines = true;
  return Outcome::framed;
}

/// Whether a line from `next_line` on, of the record [begin, end) that has another number of fields than rows, is a row: by
/// itself it has as many fields, and a number wherever the record has one in front of its open quote, so that a text with
/// commas is none. A last line that opens a quote is one by those numbers alone: what it goes on with is not read yet.
bool Framer::holds_row(const Window& window, const RuleReader& first, std::size_t begin, std::size_t next_line,
                       std::size_t end) const {
  if (rules_.columns == 1) return false;  // any line would be a row
  Numbers numbers;
  RuleReader own = reader_of_record(window, begin);
  std::size_t field = own.at;
  std::size_t column = 0;
  own.read(window.data, first.quote_at, [&](std::size_t position) {
    numbers.note(column++, {window.data + field, position - field});
    field = position + 1;
  });
  for (std::size_t line = next_line; line < end;) {
    const std::size_t line_end = find_line_end(window, line, end);
    RuleReader reader = reader_of_record(window, line);
    bool alike = line != line_end;
    column = 0;
    field = reader.at;
    const auto compare = [&](std::size_t position) {
      alike = alike && numbers.allow(column++, {window.data + field, position - field});
      field = position + 1;
    };
    reader.read(window.data, line_end, compare);
    const std::size_t fields = reader.delimiters + 1;
    if (reader.is_open()) {
      alike = alike && numbers.any() && first.quote_field < fields && fields <= rules_.columns;
    } else {
      compare(line_end);
      alike = alike && fields == rules_.columns;
    }
    if (alike) return true;
    line = line_end + 1;
  }
  return false;
}

/// Whether a quoted field of the record at `begin` has more lines than a field may have. Reads no further than that takes.
Framer::Outcome Framer::count_lines(const Window& window, std::size_t begin, bool& too_many) const {
  RuleReader reader = reader_of_record(window, begin);
  std::size_t lines = 1;
  std::size_t field = kNowhere;
  const std::size_t limit = std::min(window.size, begin + max_record_ + 1);
  while (reader.at < limit) {
    const std::size_t line_end = find_line_end(window, reader.at, limit);
    reader.read(window.data, line_end, [](std::size_t) {});
    if (!reader.is_open() && line_end < window.size) return Outcome::framed;
    if (line_end == limit) break;
    lines = reader.quote_at == field ? lines + 1 : 2;
    field = reader.quote_at;
    if (lines > rules_.max_lines) {
      too_many = true;
      return Outcome::framed;
    }
    const bool crlf = window.data[line_end] == '\r' && line_end + 1 < limit && window.data[line_end + 1] == '\n';
    reader.read(window.data, line_end + (crlf ? 2 : 1), [](std::size_t) {});
  }
  return window.at_end || limit < window.size ? Outcome::framed : Outcome::need_more;
}

/// Records behind a refused line that are no rows are what a broken field holds: they belong to the line, and are no rejects
/// of their own. They are kept whole, so there is an end to it.
Framer::Outcome Framer::join_fragments(const Window& window, RefusedLine& line) {
  Tail tail = tail_;
  for (std::size_t next = line.begin + line.size;;) {
    while (next < window.size && is_line_end(window.data[next]) && next - line.begin <= kMostJoined) ++next;
    if (next - line.begin > kMostJoined) return Outcome::framed;
    if (next == window.size) return window.at_end ? Outcome::framed : Outcome::need_more;
    Found found;
    const Outcome outcome = read_record(window, next, tail, found);
    if (outcome == Outcome::need_more) return outcome;
    if (outcome == Outcome::too_long || is_row(found) || found.end - line.begin > kMostJoined) return Outcome::framed;
    line.size = found.end - line.begin;
    line.backslash_quote |= found.line.backslash_quote;
    ++line.joined;
    next = found.end;
  }
}

RuleReader Framer::reader_at(std::size_t position, RuleReader::State state) const {
  RuleReader reader;
  reader.delimiter = rules_.delimiter;
  reader.quotes = rules_.quotes;
  reader.state = state;
  reader.at = position;
  return reader;
}

/// A byte order mark before a quoted field is no part of it.
RuleReader Framer::reader_of_record(const Window& window, std::size_t begin) const {
  const std::string_view rest(window.data + begin, window.size - begin);
  const bool marked = rest.starts_with(kByteOrderMark) && rest.substr(kByteOrderMark.size()).starts_with('"');
  return reader_at(begin + (marked ? kByteOrderMark.size() : 0), RuleReader::State::field_start);
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

void Framer::extend_tail(const Window& window, std::size_t limit, Tail& tail) const {
  RuleReader& reader = tail.reader;
  if (tail.ended || reader.at >= limit) return;
  tail.ended = reader.read(window.data, std::min(window.size, limit), [](std::size_t) {});
  const bool input_read = window.at_end && reader.at == window.size;
  if (input_read && !reader.is_open()) tail.ended = true;
}

/// No record will go on with a line before `line` any more.
void Framer::forget_tail_before(const Window& window, std::size_t line, Tail& tail) const {
  if (tail.begin >= line) return;
  if (!tail.covers(line)) {
    tail = {};
    return;
  }
  RuleReader passed = reader_at(tail.begin, RuleReader::State::quoted);
  passed.read(window.data, line, [](std::size_t) {});
  tail.reader.delimiters -= passed.delimiters;
  tail.begin = line;
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
