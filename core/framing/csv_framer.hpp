// Where CSV records end: marks one window of bytes, at vector speed where it is clean. Private to framing; the rules
// are stated in csv.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "framing/csv_kernels.hpp"
#include "framing/csv_rule.hpp"
#include "framing/framing.hpp"

namespace crosswalk::csv {

/// What has been read and not yet framed. It may grow at its end between two calls. At least 64 bytes can be read past
/// its end.
struct Window {
  const char* data = nullptr;
  std::size_t size = 0;
  bool at_end = false;  ///< nothing follows
};

/// A line that is refused: the first line of a record that cannot be right, with lines that follow and are no rows.
/// Framing went on with the next line.
struct RefusedLine {
  enum class Why : std::uint8_t {
    open_at_end,      ///< its quote is not closed before the end of the input
    open_past_limit,  ///< its quote makes the record longer than a record may be
    stray_quote,      ///< the record runs over several lines, and its quotes are not in order
    rows_inside,      ///< it runs over several lines, has another number of fields than rows, and holds rows
    too_many_lines,   ///< a quoted field of the record has more lines than a field may have
  };
  std::size_t begin = 0;
  std::size_t size = 0;  ///< without the line end
  Why why = Why::open_at_end;
  std::size_t column = 0;        ///< index of the field that the open quote begins
  std::size_t fields = 0;        ///< stray_quote, rows_inside: how many the record would have
  std::size_t joined = 0;        ///< records behind the line that are no rows and belong to it
  bool backslash_quote = false;  ///< `\"` occurs in the record
};

/// How the rows of an input are told from other text.
struct RowRules {
  char delimiter = ',';
  std::size_t columns = 1;     ///< fields of a full row
  std::size_t least = 1;       ///< fields that a row must have; less than `columns` where short rows are accepted
  std::size_t max_record = 0;  ///< bytes
  CsvQuotes quotes = CsvQuotes::rfc4180;
  std::size_t max_lines = 0;  ///< of a field; 0: any number
};

class Framer {
 public:
  explicit Framer(const RowRules& rules);

  /// Frames about `target` bytes and returns where the last whole record (or refused line) ends, its line end included;
  /// 0 when more must be read, at the end of the input only if nothing is left. Up to there `ends` is right; it must
  /// have room for the window. What is `unusual` is added, of records that end later too (inner lines only).
  std::size_t frame(const Window& window, std::size_t target, Block::Ends& ends, std::vector<RefusedLine>& refused,
                    Block::Unusual& unusual);

  /// Begins a new window `count` bytes further on, where a record starts.
  void move_on(std::size_t count);

  /// Framing stopped at a line that is longer than a record may be: at least max_record + 1 bytes of it are there.
  [[nodiscard]] bool line_too_long() const { return line_too_long_; }

 private:
  enum class Outcome : std::uint8_t { framed, need_more, too_long };

  /// What one word of a clean scan leaves to the next.
  struct Carry {
    std::uint64_t inside = 0;    ///< all ones when the word begins inside quotes
    std::uint64_t may_open = 1;  ///< bits of the word at which a quote may open a field, whatever precedes them in it
    std::uint64_t closed = 0;    ///< 1 when the byte before the word may have closed a field
    std::size_t record = 0;      ///< start of the record that reaches into the word
    bool many_lines = false;     ///< that record has a line end inside quotes before the word
  };

  /// A record from its second line on, read on the assumption that a quote is open where that line begins. Records that
  /// leave a quote open at the end of a line all go on alike, so one such reading serves every record that begins in
  /// the lines it has passed, and re-reading stays linear however many lines are refused.
  struct Tail {
    RuleReader reader;             ///< counts delimiters only from begin on
    std::size_t begin = kNowhere;  ///< start of the first line that a record may still go on with
    bool ended = false;

    [[nodiscard]] bool covers(std::size_t position) const { return begin <= position && position <= reader.at; }
  };

  /// A record as it was read carefully, or the line that it is refused for.
  struct Found {
    bool refused = false;
    std::size_t end = 0;     ///< of the record, or of the refused line, without the line end
    std::size_t fields = 0;  ///< of a refused line: as many as it has if the open quote is text
    bool irregular = false;
    bool many_lines = false;
    RefusedLine line;
  };

  void start_at(std::size_t record);
  [[nodiscard]] bool scan(const Window& window);
  [[nodiscard]] bool scan_whole_words(const Window& window);
  [[nodiscard]] bool scan_part_of_word(const Window& window);
  [[nodiscard]] bool scan_word(const WordMasks& masks, std::uint64_t valid, std::size_t word, Carry& carry);
  [[nodiscard]] std::size_t odd_record(std::size_t base, std::uint64_t inner, std::uint64_t ends, const Carry& carry) const;
  [[nodiscard]] bool is_odd(std::size_t begin, std::size_t delimiters_end) const;
  void note_inner_lines(std::size_t base, std::uint64_t inner, std::uint64_t ends, std::size_t record);
  void note_inner_line(std::size_t record, std::size_t position);

  Outcome read_carefully(const Window& window);
  Outcome read_record(const Window& window, std::size_t begin, Tail& tail, Found& found);
  Outcome judge_open_record(const Window& window, const RuleReader& first, Tail& tail, Found& found);
  [[nodiscard]] bool holds_row(const Window& window, const RuleReader& first, std::size_t begin, std::size_t next_line,
                               std::size_t end) const;
  Outcome count_lines(const Window& window, std::size_t begin, bool& too_many) const;
  Outcome join_fragments(const Window& window, RefusedLine& line);
  [[nodiscard]] bool is_row(const Found& found) const { return rules_.least <= found.fields && found.fields <= rules_.columns; }
  [[nodiscard]] RuleReader reader_at(std::size_t position, RuleReader::State state) const;
  [[nodiscard]] RuleReader reader_of_record(const Window& window, std::size_t begin) const;
  void read_marking(RuleReader& reader, const char* data, std::size_t end);
  void extend_tail(const Window& window, std::size_t limit, Tail& tail) const;
  void forget_tail_before(const Window& window, std::size_t line, Tail& tail) const;
  void refuse(const Window& window, const RefusedLine& line);
  void finish_record(const Window& window, std::size_t end);

  RowRules rules_;
  std::size_t max_record_;
  std::uint64_t careful_inside_;  ///< a bit each: line ends inside quotes that the scan leaves to the rule
  bool always_careful_;           ///< the scan knows RFC 4180 alone, and records of one line per word at most

  Block::Ends* ends_ = nullptr;                  ///< during frame()
  std::vector<RefusedLine>* refused_ = nullptr;  ///< during frame()
  Block::Unusual* unusual_ = nullptr;            ///< during frame()

  std::size_t record_ = 0;  ///< start of the first record that is not framed yet
  bool careful_ = false;    ///< that record is to be read carefully
  bool line_too_long_ = false;

  std::size_t word_ = 0;                    ///< the word that the scan reads next
  std::uint64_t valid_ = ~std::uint64_t{};  ///< bits of that word that belong to the scan
  Carry carry_;
  bool open_ = false;        ///< the scan stands inside quotes
  bool many_lines_ = false;  ///< in a record that has line ends inside quotes

  Tail tail_;
};

}  // namespace crosswalk::csv
