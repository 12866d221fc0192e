// Accountable time: source text + zone + disambiguation → instant + how it is known.
//
// The one place in Crosswalk that understands times. `TZ` and the process locale are never read. Zone data comes from
// the operating system's zoneinfo folder or a pinned one; the POSIX rule in a zone file's footer is honoured, so "fat"
// and "slim" files give the same answers from year 1 to 9999.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// A point in time: seconds since 1970-01-01T00:00:00Z, and nanoseconds (0…999,999,999) after that second.
struct Instant {
  std::int64_t seconds = 0;
  std::uint32_t nanos = 0;
  friend constexpr auto operator<=>(const Instant&, const Instant&) = default;
};

/// What to do with a local time that came twice or never. The names are those of Temporal's `disambiguation`.
enum class Disambiguation : std::uint8_t {
  compatible,  ///< the earlier of a repeated hour, after the gap for a skipped one (Temporal, RFC 5545)
  earlier,     ///< repeated: the earlier; skipped: with the offset after the gap (an earlier instant)
  later,       ///< repeated: the later; skipped: with the offset before the gap (a later instant)
  reject,      ///< neither is accepted
};

/// How an instant is known. Everything but the first two is counted in a run's summary.
enum class Known : std::uint8_t {
  offset,            ///< the text said its offset
  unique,            ///< a zone was needed and gave exactly one answer
  repeated_earlier,  ///< the hour came twice; the policy took the first
  repeated_later,    ///< the hour came twice; the policy took the second
  skipped_later,     ///< the hour never was; offset before the gap
  skipped_earlier,   ///< the hour never was; offset after the gap
};
inline constexpr std::size_t kKnownCount = 6;

/// "offset", "unique", "repeated:earlier", … as in the `time` verb and the summary.
[[nodiscard]] std::string_view name_of(Known known);

/// "compatible" → Disambiguation::compatible, …; an error lists the names.
[[nodiscard]] Result<Disambiguation> parse_disambiguation(std::string_view name);
[[nodiscard]] std::string_view name_of(Disambiguation policy);

/// Why a text is not a time.
enum class TimeFault : std::uint8_t {
  none,
  malformed,      ///< not of the format that this source writes
  impossible,     ///< of the format, but no such date or clock (month 13, 30 February, 24:00)
  out_of_range,   ///< before year 1 or after year 9999
  no_zone,        ///< no offset in the text and no zone given
  repeated,       ///< came twice, and the policy is reject
  skipped,        ///< never was, and the policy is reject
  date_only,      ///< a date without a clock, where the source does not say what that means
  contradiction,  ///< an offset that the zone behind it did not have then: `+05:00[Europe/Berlin]`, `+0100 UTC`
  unknown_zone,   ///< a zone in brackets that is none
};

struct TimeReading {
  Instant at;
  Known how = Known::offset;
  TimeFault fault = TimeFault::none;
  bool leap_second = false;  ///< `:60` was written; `at` is the following second
};

/// The sentence for a fault (why, with the text found) and its cure, for rejects and the `time` verb.
struct TimeComplaint {
  std::string message;
  std::string cure;
  std::string_view reason = {};  ///< the kind of what is wrong, by which such texts are counted; a literal
};
[[nodiscard]] TimeComplaint explain(TimeFault fault, std::string_view text, std::string_view zone_name);

/// One zone's rules. Immutable, shared by threads; obtained from a ZoneDatabase and valid as long as that is.
class Zone;

/// The zones of one zoneinfo folder, loaded when first asked for. Thread-safe.
class ZoneDatabase {
 public:
  /// An empty directory means the operating system's. Fails when there is no zone data there.
  static Result<std::shared_ptr<const ZoneDatabase>> open(const std::string& directory = {});
  virtual ~ZoneDatabase() = default;

  /// A zone by any name understood, whatever its case: IANA (links and old names too), Rails/Zendesk friendly names,
  /// Windows names, these also as lists show them (`(GMT-08:00) Pacific Time (US & Canada)`: the name decides, not the
  /// offset), fixed offsets up to 18 hours (`+05:30`, `UTC-3`), `UTC`, `Z`. The error of an unknown name lists the nearest
  /// names. Costs a microsecond or two, for an unknown name some hundred: keep the answer, do not ask again for each
  /// record.
  [[nodiscard]] virtual Result<const Zone*> find(std::string_view name) const = 0;

  /// Version of the zone data ("2026a"), or "unknown" where the folder does not say.
  [[nodiscard]] virtual const std::string& version() const = 0;
  [[nodiscard]] virtual const std::string& directory() const = 0;

  struct Name {
    std::string name;    ///< as it may be written
    std::string kind;    ///< "iana", "rails", "windows"
    std::string target;  ///< the IANA zone it stands for
  };
  /// All names understood, sorted by name within kind; fixed offsets, being endless, are left out.
  [[nodiscard]] virtual std::vector<Name> names() const = 0;
};

/// The IANA name (or the fixed offset) of a zone.
[[nodiscard]] const std::string& name_of(const Zone& zone);

/// Seconds east of UTC that a zone's clocks show at an instant (seconds since 1970).
[[nodiscard]] std::int32_t offset_at(const Zone& zone, std::int64_t seconds);

namespace times {
struct Fields;
}

/// How a source writes its times. A plain value, cheap to copy.
class TimeFormat {
 public:
  enum class Form : std::uint8_t {
    iso,          ///< ISO 8601 / RFC 3339, `T` or blank, seconds optional, 0 to 9 fraction digits, offset optional; also
                  ///< 2026/03/14 9:26, 2026-3-14 1:05 PM, 20260314T1305Z, with ` UTC`, `[Europe/Berlin]` behind it
    epoch_s,      ///< seconds since 1970, fraction allowed
    epoch_ms,     ///< milliseconds
    epoch_us,     ///< microseconds
    epoch_ns,     ///< nanoseconds
    month_first,  ///< 3/14/2026 1:05 PM, 03/14/26 13:05, also - and . between; two-digit years are 1969 to 2068
    day_first,    ///< 14/3/2026 13:05, 14-03-2026 13:05:00
    rfc2822,      ///< Sat, 14 Mar 2026 13:05:00 +0100; also 14-Mar-26 1:05 PM, Mar 14, 2026 13:05, Sat Mar 14 2026 13:05
    pattern,      ///< strptime-like, by setting
  };
  TimeFormat() = default;
  explicit TimeFormat(Form form) : form_(form) {}

  /// From a setting: `iso`, `epoch_s`, `epoch_ms`, `epoch_us`, `epoch_ns`, `month_first`, `day_first`, `rfc2822`, or a pattern
  /// with `%`: %Y %y %m %b %B %d %e %j %H %I %p %M %S %f %a %A %z %Z %s %T %R %D %F %%. A blank in it stands for one or
  /// more blanks, everything else for itself. A pattern is checked here, so that reading cannot meet a broken one.
  static Result<TimeFormat> parse(std::string_view setting);

  [[nodiscard]] Form form() const { return form_; }
  [[nodiscard]] const std::string& pattern() const { return pattern_; }

  /// A text that is not of the form is read by another one that proves itself: ISO, a month's name, the length of a number since
  /// 1970; and by the order of day and month where that is known. For sources whose form no user has said.
  void read_other_forms(bool yes = true) { others_ = yes; }
  [[nodiscard]] bool reads_other_forms() const { return others_; }
  /// month_first or day_first, where the source's times prove it beside another form.
  void know_order(Form order) { order_ = order; }
  [[nodiscard]] Form order() const { return order_; }  ///< iso: not known

 private:
  Form form_ = Form::iso, order_ = Form::iso;
  bool others_ = false;
  std::string pattern_;
};

/// Turns texts into instants. One per thread and column: it remembers the last date, so that a run of neighbouring
/// times costs little more than reading their clocks. Not thread-safe.
class TimeReader {
 public:
  /// `zone` may be null: then only texts with an offset of their own can be read. Epoch forms need no zone. `zones` knows
  /// the zones that texts name in brackets; without it such texts are not understood.
  TimeReader(TimeFormat format, const Zone* zone, Disambiguation policy, const ZoneDatabase* zones = nullptr);

  /// Never throws, never allocates. Blanks around the text and characters that show nothing do not
  /// matter, nor which of Unicode's blanks one is.
  [[nodiscard]] TimeReading read(std::string_view text);
  /// The same with another zone for this one value (a zone from a column).
  [[nodiscard]] TimeReading read(std::string_view text, const Zone* zone);

 private:
  TimeFormat format_;
  const Zone* zone_;
  Disambiguation policy_;
  // The last date read, as its ten bytes and what they mean: most columns write the same few dates over and over.
  std::uint64_t date_head_;
  std::uint16_t date_day_;
  std::int64_t date_seconds_;

  struct UsualTime {
    std::int64_t seconds = 0;  // of the local clock; an instant when the text has an offset
    std::uint32_t nanos = 0;
    bool has_offset = false;
  };
  bool read_usual_iso(std::string_view text, UsualTime& time);
  bool remember_date(const char* text);
  TimeReading read_any(std::string_view text, const Zone* zone);
  TimeReading read_form(std::string_view text, const Zone* zone);
  TimeReading read_fields(const times::Fields& fields, const Zone* zone);
  TimeReading read_other_form(std::string_view text, const Zone* zone);
  const Zone* named_zone(std::string_view name);

  const ZoneDatabase* zones_;
  std::string zone_name_;  // the last one in brackets, and what it is
  const Zone* named_zone_ = nullptr;
};

/// What the `time` verb answers to a line, without a line end: the instant, a tab and how it is known; or `error`, a
/// tab and the reason. Appends to `out` and says whether the line was a time. `zone` may be null, and is the one of
/// `reader`.
bool append_time_answer(TimeReader& reader, const Zone* zone, std::string_view line, std::string& out);

/// Finds the format of a source's times where it does not say it: the values are looked at as a whole and none is guessed. What
/// proves itself (ISO, a month's name, a number since 1970 whose length leaves one sensible unit) may stand beside anything
/// in another file. Day-first against month-first is decided for the source, only by values that prove it (a first or second
/// part above 12; where a two-digit year may stand first, that proves nothing). Memory does not grow with the column. Not
/// thread-safe.
class TimeColumn {  // NOLINT(bugprone-reserved-identifier): the compiler's own, for copying an array
 public:
  /// What follows is of another file. Its name is for messages.
  void start(std::string_view file);

  /// Empty texts, and texts that are no time in any form, decide nothing.
  void observe(std::string_view text);

  /// No value was observed that is a time in any form.
  [[nodiscard]] bool tells_nothing() const;
  /// All that was observed proves itself.
  [[nodiscard]] bool is_certain() const;

  /// The format; or an error that shows two of the values and names the setting `time_format`, which settles it.
  [[nodiscard]] Result<TimeFormat> conclude() const;

 private:
  /// What one value can show.
  enum class Sign : std::uint8_t {
    iso,
    rfc2822,
    epoch_s,
    epoch_ms,
    epoch_us,
    epoch_ns,
    number,  ///< a number of a length that proves no unit
    serial,  ///< 45672.39583: days as a spreadsheet counts them
    month_first,
    day_first,
    day_or_month,  ///< 3/4/2026
    day_or_year,   ///< 23-03-12: the 23rd, or of 2023
    other,
  };
  static constexpr std::size_t kSignCount = 13;
  struct Example {
    std::string first, second;  // bounded; the second differs
    std::string file;           // of the first
  };

  [[nodiscard]] static Sign sign_of(std::string_view text);
  [[nodiscard]] const Example& example(Sign sign) const { return examples_[static_cast<std::size_t>(sign)]; }
  [[nodiscard]] bool saw(Sign sign) const { return !example(sign).first.empty(); }
  [[nodiscard]] const Example* first_of(std::initializer_list<Sign> signs) const;
  [[nodiscard]] bool some_file_has(std::uint32_t all, std::uint32_t none) const;
  [[nodiscard]] Result<TimeFormat> conclude_order() const;
  [[nodiscard]] Result<TimeFormat> conclude_unit() const;
  [[nodiscard]] Error two_digit_years() const;
  [[nodiscard]] Error serial_numbers() const;
  static Error undecided(const std::string& why, const Example& one, const Example* other);

  Example examples_[kSignCount];
  std::string file_;
  std::uint32_t in_file_ = 0;         // signs seen in the file at hand, a bit each
  std::vector<std::uint32_t> files_;  // the same of files before it, each set once
};

/// Longest text write_time() makes: `9999-12-31T23:59:59.999999999Z`.
inline constexpr std::size_t kTimeTextMax = 30;

/// Writes RFC 3339 in UTC with `Z`; a fraction only when it is not zero, without trailing zeros. Returns the end.
char* write_time(Instant at, char* out);

}  // namespace crosswalk
