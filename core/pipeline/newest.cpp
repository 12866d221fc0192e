#include "pipeline/newest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>

#include "crosswalk/time.hpp"
#include "framing/json_text.hpp"
#include "merge/contribution.hpp"
#include "merge/order_findings.hpp"
#include "merge/sorter.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;            // bytes of marks put away at once
constexpr std::uint64_t kLinesAtOnce = std::uint64_t{6} << 20;  // whose hashes are compared at a time
constexpr std::size_t kSorterMemory = std::size_t{32} << 20;
constexpr std::size_t kWindow = std::size_t{1} << 20;  // bytes of the output read at once
constexpr std::size_t kLongest = 255;                  // no time, and no zone, takes as much
constexpr unsigned kDatedBit = 0, kZoneBit = 1, kKindBit = 2, kHowBit = 5;

/// Of the lines of one id: one that another supersedes for its place in the input. `id` is empty where the line cannot be read
/// again, nor compared. `line` counts what was translated, from 0.
void find_lost_by_place(std::string_view id, std::uint64_t line, Newer newer, Findings& findings) {
  findings.add(code_of(newer), {}, [&] {
    Finding finding = lost_by_place(newer, json::unescaped(id));
    finding.message += fmt::format(" (record {} of those translated)", grouped(line + 1));
    return finding;
  });
}

/// Reads a file from its beginning to its end, in whatever steps.
class Window {
 public:
  explicit Window(const OutputFile& file) : file_(file) {}
  /// Bytes that stand no earlier than those read before. Valid until the next call.
  Result<std::string_view> read(std::uint64_t at, std::size_t size) {
    if (at + size > from_ + bytes_.size()) {
      bytes_.resize(std::max(size, kWindow));
      auto got = file_.read_at(at, bytes_.data(), bytes_.size());
      if (!got) return got.error();
      bytes_.resize(*got);
      from_ = at;
    }
    if (at + size > from_ + bytes_.size()) return Error{Errc::io, "the output ends before its last line", ""};
    return std::string_view(bytes_).substr(static_cast<std::size_t>(at - from_), size);
  }

 private:
  const OutputFile& file_;
  std::string bytes_;
  std::uint64_t from_ = 0;
};

/// Where lines stand in an output.
class Places {
 public:
  explicit Places(OutputFormat format) : bulk_(format == OutputFormat::bulk) {}
  struct Place {
    std::uint64_t at = 0;
    std::size_t size = 0;  // without a line end
  };
  /// Of the next line, whose size counts its end.
  Place next(std::uint32_t size) {
    if (bulk_) at_ += in_body_ == 0 ? RecordWriter::kBodyHead.size() : 1;
    const Place place{at_, size - 1};
    at_ += bulk_ ? size - 1 : size;
    if (bulk_ && ++in_body_ == kBulkSize) {
      at_ += RecordWriter::kBodyTail.size();
      in_body_ = 0;
    }
    return place;
  }

 private:
  bool bulk_;
  std::uint64_t at_ = 0;
  std::size_t in_body_ = 0;
};

/// A line's id as JSON, without its quotes. Lines begin with it.
std::string_view id_of(std::string_view line) {
  constexpr std::string_view kHead = "{\"external_id\":\"";
  std::size_t end = kHead.size();
  while (end < line.size() && line[end] != '"') end += line[end] == '\\' ? std::size_t{2} : 1;
  return line.substr(kHead.size(), end - kHead.size());
}

/// What is compared of the lines of one id.
struct Candidate {
  Version version;  // offset: the number of the line
  std::uint32_t columns = ColumnSets::kNone;
  Hash128 content;  // of the line as a whole, where it can be read
  bool deleted = false;
};

Candidate candidate_at(std::string_view payload) {
  Candidate c;
  std::memcpy(&c, payload.data(), sizeof c);
  return c;
}

/// Newest records that have no column for what older ones of their ids say: those are left out as a whole.
class LackedColumns {
 public:
  explicit LackedColumns(const ColumnSets* sets) : sets_(sets) {}

  void look(std::string_view id, std::uint32_t newest, std::uint32_t older, Findings& findings) {
    if (sets_ == nullptr || newest == older || newest == ColumnSets::kNone || older == ColumnSets::kNone || id == last_) return;
    auto known = lacked_.find({newest, older});
    if (known == lacked_.end()) known = lacked_.emplace(std::pair(newest, older), (*sets_)[newest].lacks((*sets_)[older])).first;
    if (!known->second) return;
    last_ = id;  // once for each id
    findings.add("missing_columns", {}, [&] {
      Finding finding;
      finding.message = fmt::format(
          "conversation {}: its newest record has no column {}, which an older one has; the output has the newest alone",
          shown(json::unescaped(id)), shown(*known->second));
      finding.cure = "--set fold=true takes from older records what the newest has no column for";
      return finding;
    });
  }

 private:
  const ColumnSets* sets_;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::optional<std::string_view>> lacked_;
  std::string last_;
};

/// Update times of marks, understood as those of records that go to the merge.
class UpdateTimes {
 public:
  explicit UpdateTimes(const SourceConfig& source)
      : source_(source), reader_(source.time_format, source.zone, source.disambiguation) {}
  Version read(const LineMark& mark, std::uint64_t line) {
    Version version;
    version.offset = line;
    if (!mark.dated) return version;
    const TimeReading reading = reading_of(mark);
    if (reading.fault != TimeFault::none) return version;
    version.seconds = reading.at.seconds;
    version.nanos = reading.at.nanos;
    return version;
  }

 private:
  TimeReading reading_of(const LineMark& mark) {
    TimeReading none;
    none.fault = TimeFault::malformed;
    if (!source_.takes_as_time(mark.kind)) return none;
    if (!mark.zone.empty()) {
      const Zone* const zone = find_zone(mark.zone);
      return zone == nullptr ? none : reader_.read(mark.updated, zone);
    }
    if (source_.zone == nullptr && (mark.how == How::utc || source_.info.utc_by_document))
      return reader_.read(mark.updated, source_.utc);
    return reader_.read(mark.updated);
  }
  const Zone* find_zone(std::string_view name) {
    auto known = zones_.find(name);
    if (known == zones_.end()) {
      const auto zone = source_.zones->find(name);
      known = zones_.emplace(std::string(name), zone ? *zone : nullptr).first;
    }
    return known->second;
  }

  const SourceConfig& source_;
  TimeReader reader_;
  std::map<std::string, const Zone*, std::less<>> zones_;
};

}  // namespace

void add_mark(Buffer& out, const LineMark& mark) {
  const bool dated = mark.dated && mark.updated.size() <= kLongest && mark.zone.size() <= kLongest;
  const bool zone = dated && !mark.zone.empty();
  char* to = out.room(2 * sizeof mark.size + mark.id.size() + sizeof(std::uint16_t) + 3 + 2 * kLongest);
  std::memcpy(to, &mark.size, sizeof mark.size);
  to += sizeof mark.size;
  static_assert(ColumnSets::kMost < UINT16_MAX);
  const auto columns = static_cast<std::uint16_t>(mark.columns);  // none: all bits, here as there
  std::memcpy(to, &columns, sizeof columns);
  to += sizeof columns;
  *to++ = static_cast<char>(unsigned{dated} << kDatedBit | unsigned{zone} << kZoneBit |
                            static_cast<unsigned>(mark.kind) << kKindBit | static_cast<unsigned>(mark.how) << kHowBit);
  const auto put = [&to](std::string_view text) {
    *to++ = static_cast<char>(text.size());
    to = std::copy(text.begin(), text.end(), to);
  };
  if (dated) put(mark.updated);
  if (zone) put(mark.zone);
  if (mark.size == 0) {
    const auto size = static_cast<std::uint32_t>(mark.id.size());
    std::memcpy(to, &size, sizeof size);
    to = std::copy(mark.id.begin(), mark.id.end(), to + sizeof size);
  }
  out.finish_at(to);
}

LineMark take_mark(std::string_view& marks) {
  LineMark mark;
  std::memcpy(&mark.size, marks.data(), sizeof mark.size);
  marks.remove_prefix(sizeof mark.size);
  std::uint16_t columns = 0;
  std::memcpy(&columns, marks.data(), sizeof columns);
  if (columns != UINT16_MAX) mark.columns = columns;
  const auto bits = static_cast<unsigned char>(marks[sizeof columns]);
  marks.remove_prefix(sizeof columns + 1);
  const auto take = [&marks] {
    const std::size_t size = static_cast<unsigned char>(marks.front());
    const std::string_view text = marks.substr(1, size);
    marks.remove_prefix(1 + size);
    return text;
  };
  mark.dated = (bits >> kDatedBit & 1) != 0;
  mark.kind = static_cast<Kind>(bits >> kKindBit & 7);
  mark.how = static_cast<How>(bits >> kHowBit & 7);
  if (mark.dated) mark.updated = take();
  if ((bits >> kZoneBit & 1) != 0) mark.zone = take();
  if (mark.size == 0) {
    std::uint32_t size = 0;
    std::memcpy(&size, marks.data(), sizeof size);
    mark.id = marks.substr(sizeof size, size);
    marks.remove_prefix(sizeof size + size);
  }
  return mark;
}

/// Lines of ids that came again, sorted by id.
class NewestLines::Candidates {
 public:
  Candidates(const SourceConfig& source, const OutputFile* output, OutputFormat format, SpillFile& spill)
      : sorter(kSorterMemory, spill), output_(output), format_(format), times_(source) {}

  /// All lines are told, from the first one on.
  void begin() {
    places_.emplace(format_);
    if (output_ != nullptr) text_.emplace(*output_);
  }
  Result<void> look_at(const Line& line, bool wanted) {
    Candidate c;
    c.columns = line.mark.columns;
    c.deleted = line.mark.size == 0;
    const Places::Place place = c.deleted ? Places::Place() : places_->next(line.mark.size);
    if (!wanted) return {};
    c.version = times_.read(line.mark, line.number);
    std::string_view id(reinterpret_cast<const char*>(&line.hash), sizeof line.hash);
    if (text_ && c.deleted) {
      id = line.mark.id;
    } else if (text_) {
      auto text = text_->read(place.at, place.size);
      if (!text) return text.error();
      c.content = hash128(*text);
      id = id_of(*text);
    }
    entry_.clear();
    entry::add(entry_, id, {reinterpret_cast<const char*>(&c), sizeof c});
    return sorter.add(entry_.view());
  }

  Sorter sorter;

 private:
  const OutputFile* output_;
  OutputFormat format_;
  UpdateTimes times_;
  std::optional<Places> places_;
  std::optional<Window> text_;
  Buffer entry_;
};

Result<void> NewestLines::add(const std::vector<std::uint64_t>& hashes, std::string_view marks) {
  hashes_.insert(hashes_.end(), hashes.begin(), hashes.end());
  marks_ += marks;
  lines_ += hashes.size();
  return marks_.size() < kPiece ? Result<void>() : put_away();
}

Result<void> NewestLines::put_away() {
  std::string bytes(reinterpret_cast<const char*>(hashes_.data()), hashes_.size() * sizeof(std::uint64_t));
  bytes += marks_;
  auto where = spill_.write(bytes, SpillFile::Form::as_it_is);
  if (!where) return where.error();
  pieces_.push_back({*where, hashes_.size()});
  hashes_.clear();
  marks_.clear();
  return {};
}

/// In their order.
Result<void> NewestLines::each_line(const std::function<Result<void>(const Line&)>& visit) const {
  Line line;
  const auto visit_all = [&](const char* hashes, std::uint64_t lines, std::string_view marks) -> Result<void> {
    for (; lines != 0; --lines, hashes += sizeof line.hash, ++line.number) {
      std::memcpy(&line.hash, hashes, sizeof line.hash);
      line.mark = take_mark(marks);
      if (auto ok = visit(line); !ok) return ok;
    }
    return {};
  };
  std::vector<char> bytes;
  for (const Piece& piece : pieces_) {
    if (auto ok = spill_.read(piece.where, bytes); !ok) return ok;
    const std::size_t hashes = piece.lines * sizeof line.hash;
    if (auto ok = visit_all(bytes.data(), piece.lines, {bytes.data() + hashes, bytes.size() - hashes}); !ok) return ok;
  }
  return visit_all(reinterpret_cast<const char*>(hashes_.data()), hashes_.size(), marks_);
}

/// Of the ids whose hashes fall into a part: those that came again, with their lines.
Result<void> NewestLines::gather(std::uint64_t part, std::uint64_t parts, Candidates& to) const {
  std::vector<std::uint64_t> hashes;
  auto ok = each_line([&](const Line& line) -> Result<void> {
    if (line.hash % parts == part) hashes.push_back(line.hash);
    return {};
  });
  if (!ok) return ok;
  std::sort(hashes.begin(), hashes.end());
  std::size_t kept = 0;
  for (std::size_t i = 1; i < hashes.size(); ++i) {
    if (hashes[i] == hashes[i - 1] && (kept == 0 || hashes[kept - 1] != hashes[i])) hashes[kept++] = hashes[i];
  }
  hashes.resize(kept);
  if (hashes.empty()) return {};
  to.begin();
  return each_line([&](const Line& line) {
    return to.look_at(line, line.hash % parts == part && std::binary_search(hashes.begin(), hashes.end(), line.hash));
  });
}

Result<NewestLines::Counts> NewestLines::find(const OutputFile* output, OutputFormat format, Findings& findings) {
  Candidates candidates(source_, output, format, spill_);
  const std::uint64_t parts = lines_ / kLinesAtOnce + 1;
  for (std::uint64_t part = 0; part < parts; ++part) {
    if (auto ok = gather(part, parts, candidates); !ok) return ok.error();
  }
  if (auto ok = candidates.sorter.seal(); !ok) return ok.error();
  // One cursor finds the newest line of an id, the other one behind it judges the lines by that.
  auto ahead = SorterCursor::open(candidates.sorter), behind = SorterCursor::open(candidates.sorter);
  if (!ahead) return ahead.error();
  if (!behind) return behind.error();
  superseded_.assign(output == nullptr ? 0 : lines_, false);
  Counts counts;
  LackedColumns lacked(output == nullptr ? nullptr : source_.column_sets.get());
  auto more = (*ahead)->next();
  while (more && *more) {
    const std::string id((*ahead)->key());
    Candidate newest = candidate_at((*ahead)->payload());
    std::uint64_t lines = 1;
    while ((more = (*ahead)->next()) && *more && (*ahead)->key() == id) {
      const Candidate other = candidate_at((*ahead)->payload());
      if (newest.version < other.version) newest = other;
      ++lines;
    }
    for (; lines != 0; --lines) {
      auto there = (*behind)->next();
      if (!there) return there.error();
      const Candidate line = candidate_at((*behind)->payload());
      if (line.deleted || line.version == newest.version) continue;
      ++counts.superseded;
      counts.deleted += newest.deleted;
      counts.backwards += line.version.offset > newest.version.offset;
      const Newer newer = newer_by(newest.version, line.version);
      const bool by_place = newer != Newer::update_time;
      counts.by_place += by_place;
      if (output == nullptr) {
        if (by_place) find_lost_by_place({}, line.version.offset, newer, findings);
        continue;
      }
      superseded_[line.version.offset] = true;
      lacked.look(id, newest.columns, line.columns, findings);
      if (by_place && line.content != newest.content) find_lost_by_place(id, line.version.offset, newer, findings);
    }
  }
  if (!more) return more.error();
  return counts;
}

Result<void> NewestLines::rewrite(const OutputFile& output, OutputFormat format, RecordWriter& to) const {
  Window text(output);
  Places places(format);
  std::string kept;
  auto ok = each_line([&](const Line& line) -> Result<void> {
    if (line.mark.size == 0) return {};
    const Places::Place place = places.next(line.mark.size);
    if (superseded_[line.number]) return {};
    auto bytes = text.read(place.at, place.size);
    if (!bytes) return bytes.error();
    kept += *bytes;
    kept += '\n';
    if (kept.size() < kWindow) return {};
    auto written = to.write(kept);
    kept.clear();
    return written;
  });
  if (ok) ok = to.write(kept);
  return ok ? to.finish() : ok;
}

}  // namespace crosswalk
