// Framing: bytes → blocks of whole records (serial, fast) → records of named fields (parallel).
//
// A Splitter runs on the reading thread and cuts the input into Blocks that end between records. A BlockParser runs on a
// worker, one per worker and source, and turns a Block into Records. Both are exact: what a splitter decided, a parser
// never decides again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/record.hpp"
#include "crosswalk/result.hpp"
#include "io/input.hpp"

namespace crosswalk {

/// Readable bytes past the end of every block's data, and of all text that parsers hand on, so that vector code may read
/// whole words.
inline constexpr std::size_t kSlack = 64;

/// A record that cannot be understood as one, with everything its reject will say. Stable codes, see docs/reference.
struct FrameFault {
  std::uint64_t offset = 0;  ///< of the record's first byte, in the decompressed input
  std::uint64_t line = 0;    ///< of the record's first byte, from 1
  std::uint64_t size = 0;    ///< true length of the record; `text` may hold less of it
  std::string_view text;     ///< the record's first bytes (at most 16 KiB); borrowed during the call
  std::string code;          ///< e.g. "ragged_row"
  std::string field;         ///< the field's name where one is at fault, else empty
  std::string found;         ///< what was found (short)
  std::string message;       ///< why it is wrong
  std::string cure;          ///< how to cure it; may be empty
};

class CsvRow;

/// What a parser calls, record by record, in input order.
class RecordHandler {
 public:
  virtual ~RecordHandler() = default;
  /// Where the record stands; cheap to make.
  struct Place {
    std::uint64_t offset = 0;          ///< of the record's first byte, in the decompressed input
    std::string_view raw;              ///< the record's bytes as read, in the block
    std::uint32_t duplicate_keys = 0;  ///< JSON keys written more than once (the last value counted)
    std::uint64_t line = 0;            ///< of the record's first byte, where it is known; 0: count
  };
  /// One good record. Text is borrowed during the call. Ids index the table given to the parser.
  virtual void on_record(const Record& record, const Place& place) = 0;
  /// The same for CSV, where cells can be looked at one by one; if not overridden, all of them are handed to on_record().
  virtual void on_row(const CsvRow& row, const Place& place);
  /// One record that framing refuses.
  virtual void on_fault(const FrameFault& fault) = 0;
  /// A row that repeats the header (exports glued together); counted as filtered.
  virtual void on_repeated_header(const Place& place) = 0;
  /// A row of CSV that holds delimiters, blanks or an end-of-file mark, and nothing else; counted as filtered.
  virtual void on_blank_row(const Place& /*place*/) {}
  /// Of the row of CSV that comes next: it is read, but was decided by a rule.
  enum class Unusual : std::uint8_t {
    byte_order_mark,  ///< one stands before it
    short_row,        ///< it lacks its last fields
    last_unended,     ///< it ends with the input, without a line end
    end_mark,         ///< the end-of-file mark of old systems stands behind it
    end_mark_before,  ///< one stands before it
  };
  virtual void on_unusual_row(Unusual /*what*/, const Place& /*place*/) {}
};

/// Whole records, in one piece, with what the splitter found out on the way.
struct Block {
  std::vector<char> data;  ///< `size` bytes of records, then at least kSlack readable bytes
  std::size_t size = 0;
  std::uint64_t offset = 0;  ///< of data[0] in the decompressed input
  std::uint64_t line = 1;    ///< of data[0], from 1
  /// CSV: bits, one per byte of data, set at the byte behind a field (a delimiter or line end outside quotes), and at those
  /// of them behind a record.
  struct Ends {
    std::vector<std::uint64_t> fields, records;
    void make_room(std::size_t words) {
      if (fields.size() >= words) return;
      fields.resize(words);
      records.resize(words);
    }
    void set(std::size_t position, bool record) {
      const std::uint64_t bit = std::uint64_t{1} << position % 64;
      fields[position / 64] |= bit;
      if (record) records[position / 64] |= bit;
    }
    void clear(std::size_t begin, std::size_t end);
  };
  Ends ends;
  /// CSV: rows that are read, but were decided by a rule.
  struct Unusual {
    std::vector<std::uint32_t> inner_lines;            ///< a line end inside quotes, one of each row that has some
    std::uint32_t irregular = 0, first_irregular = 0;  ///< rows with quotes where RFC 4180 has none; the first of them
    void clear() {
      inner_lines.clear();
      irregular = first_irregular = 0;
    }
  };
  Unusual unusual;
  struct Span {
    std::uint32_t begin = 0;
    std::uint32_t size = 0;
    std::uint32_t line = 0;  ///< how many line ends are before it in the block, where knows_lines says so
  };
  std::vector<Span> spans;   ///< JSON: the records
  bool knows_lines = false;  ///< of the records, and of no more: nobody has to count
  struct Fault {
    Span span;               ///< what of it is in `data`; the parser steps over it
    std::uint64_t size = 0;  ///< true length
    std::string code, found, message, cure;
  };
  std::vector<Fault> faults;  ///< what the splitter refused, in order of position

  /// Line number of a byte of this block: counts line ends (LF, CRLF, CR), so it costs a scan. For rejects only.
  [[nodiscard]] std::uint64_t line_of(std::size_t position) const;
};

/// What a splitter saw that is no record and costs none, but should be known.
struct Remark {
  std::string code;          ///< stable, see docs/reference: e.g. "page_member"
  std::uint64_t offset = 0;  ///< of the first of its kind
  std::uint64_t line = 0;
  std::string message, cure;
  std::uint64_t count = 1;
};

/// What pages say of the pages around them.
struct Pages {
  std::uint64_t more = 0;  ///< so many say that others follow
  bool last = false;       ///< one says that none follows
  Remark first_with_more;
  std::uint64_t total = 0;     ///< the most records that a page says there are in all
  std::uint64_t elements = 0;  ///< that were there
  Remark total_said;           ///< where the total stands
};

/// Cuts one input into blocks. One per input file; used by one thread.
class Splitter {
 public:
  virtual ~Splitter() = default;
  /// Fills `block` (reusing its memory) with about `target` bytes of whole records, more only if one record is larger.
  /// False at the end of the input. An error ends the input: what was given before stands.
  virtual Result<bool> next(Block& block, std::size_t target) = 0;
  /// At the end: what was seen on the way.
  [[nodiscard]] virtual std::vector<Remark> remarks() const { return {}; }
  [[nodiscard]] virtual Pages pages() const { return {}; }
};

/// Turns blocks of one input into records. One per worker; used by one thread. Names go into the table given at
/// creation, which must outlive it.
class BlockParser {
 public:
  virtual ~BlockParser() = default;
  virtual void parse(const Block& block, RecordHandler& handler) = 0;
};

}  // namespace crosswalk
