// Of streamed snapshots, which lines are superseded by a newer record of the same id: found out once all is written.
//
// Streaming keeps the hash of each id, as it always did; beside it a mark for each line goes to a temporary file: its size and
// its record's update time, as text. Only where an id came again is any of it read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/record.hpp"
#include "encode/buffer.hpp"
#include "io/spill_file.hpp"
#include "merge/column_sets.hpp"
#include "pipeline/findings.hpp"
#include "pipeline/source.hpp"
#include "sinks/output.hpp"

namespace crosswalk {

/// What is kept of a line that was written, or of a record that has none since it says that its conversation is deleted: that
/// may be the newest of its id.
struct LineMark {
  std::uint32_t size = 0;  ///< of the line; 0: there is none
  std::string_view id;     ///< of a record without a line, as it would stand there
  bool dated = false;      ///< the record has an update time
  Kind kind = Kind::cell;  ///< of that
  How how = How::as_configured;
  std::uint32_t columns = ColumnSets::kNone;  ///< number of the record's column set, where the source keeps them
  std::string_view updated, zone;             ///< texts; zone: of the record's own, may be empty
};
void add_mark(Buffer& out, const LineMark& mark);
/// The first of some marks, which is taken from them.
[[nodiscard]] LineMark take_mark(std::string_view& marks);

class NewestLines {
 public:
  explicit NewestLines(const SourceConfig& source) : source_(source) {}

  /// Records of a batch: the hashes of their ids, and a mark for each.
  Result<void> add(const std::vector<std::uint64_t>& hashes, std::string_view marks);

  struct Counts {
    std::uint64_t superseded = 0;  ///< lines that are not the newest of their id
    std::uint64_t backwards = 0;   ///< of these, those that stand behind the newest
    std::uint64_t by_place = 0;    ///< of these, those that are not older by an update time: their place decided
    std::uint64_t deleted = 0;     ///< of these, those whose newest record says that the conversation is deleted
  };
  /// Finds them out. `output`: where the lines are, to compare ids as a whole; null: they cannot be read again, and equal hashes
  /// are equal ids.
  Result<Counts> find(const OutputFile* output, OutputFormat format, Findings& findings);
  /// How many were added, with or without a line.
  [[nodiscard]] std::uint64_t records() const { return lines_; }
  /// After find(): writes the lines that are left.
  Result<void> rewrite(const OutputFile& output, OutputFormat format, RecordWriter& to) const;

 private:
  struct Piece {
    SpillFile::Piece where;
    std::uint64_t lines = 0;
  };
  struct Line {
    std::uint64_t number = 0, hash = 0;
    LineMark mark;
  };
  class Candidates;
  Result<void> put_away();
  Result<void> each_line(const std::function<Result<void>(const Line&)>& visit) const;
  Result<void> gather(std::uint64_t part, std::uint64_t parts, Candidates& to) const;

  const SourceConfig& source_;
  SpillFile spill_;
  std::vector<Piece> pieces_;
  std::vector<std::uint64_t> hashes_;  // of what is not put away yet
  std::string marks_;
  std::uint64_t lines_ = 0;
  std::vector<bool> superseded_;  // by number of the record
};

}  // namespace crosswalk
