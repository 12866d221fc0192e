// From a text to an instant. The spellings of ISO 8601 that nearly all exports use are read eight bytes at a time; what
// they do not fit, right or wrong, goes through the parsers of parse.hpp, which also know what is wrong.
#include <bit>
#include <cstring>
#include <utility>

#include "characters.hpp"
#include "crosswalk/time.hpp"
#include "time/calendar.hpp"
#include "time/parse.hpp"
#include "time/text.hpp"
#include "time/zone.hpp"

namespace crosswalk {
namespace {

/// Eight bytes of text, the first one lowest.
std::uint64_t load8(const char* text) {
  std::uint64_t word = 0;
  std::memcpy(&word, text, sizeof word);
  if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
  return word;
}

/// A layout of eight bytes in which `0` is any digit, `?` anything, and everything else itself.
struct Layout {
  std::uint64_t zero = 0;   ///< what to take off: '0' of a digit, all of a fixed byte
  std::uint64_t mask = 0;   ///< drops the bytes that may be anything
  std::uint64_t limit = 0;  ///< what to add so that a byte's high bit shows when it is out of bounds

  constexpr explicit Layout(const char (&layout)[9]) {
    for (unsigned i = 0; i < 8; ++i) {
      const unsigned shift = 8 * i;
      const bool digit = layout[i] == '0';
      const bool any = layout[i] == '?';
      if (!any) zero |= std::uint64_t{static_cast<unsigned char>(layout[i])} << shift;
      if (!any) mask |= std::uint64_t{0xFF} << shift;
      limit |= std::uint64_t{digit ? 0x80U - 10U : 0x80U - 1U} << shift;
    }
  }
};

constexpr Layout kClockLayout("00?00:00");
constexpr Layout kDateLayout("0000-00-");

/// Digits as numbers, neighbours joined: byte i of the result is digit i times ten plus digit i + 1. False when the word is
/// not of the layout.
bool join_digits(std::uint64_t word, const Layout& layout, std::uint64_t& joined) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080;
  const std::uint64_t digits = (word ^ layout.zero) & layout.mask;
  joined = digits * 10 + (digits >> 8);
  return (((digits + layout.limit) | digits) & kHighBits) == 0;
}

constexpr unsigned byte_at(std::uint64_t word, unsigned index) { return (word >> (8 * index)) & 0xFF; }

/// "14T13:05": a number, a letter, hours and minutes.
struct Clock {
  unsigned before;
  unsigned hour;
  unsigned minute;
};

bool read_clock(std::uint64_t word, Clock& clock) {
  std::uint64_t joined = 0;
  if (!join_digits(word, kClockLayout, joined)) return false;
  clock = {byte_at(joined, 0), byte_at(joined, 3), byte_at(joined, 6)};
  return clock.hour <= 23 && clock.minute <= 59;
}

/// ":59"
bool read_seconds(const char* text, unsigned& seconds) {
  const auto tens = static_cast<unsigned>(text[1] - '0');
  const auto ones = static_cast<unsigned>(text[2] - '0');
  seconds = tens * 10 + ones;
  return text[0] == ':' && tens <= 5 && ones <= 9;
}

/// ".957" up to `end`, one to nine digits.
[[gnu::noinline]] bool read_fraction(const char* text, const char* end, std::uint32_t& nanos) {
  constexpr std::uint32_t kUnits[] = {0, 100'000'000, 10'000'000, 1'000'000, 100'000, 10'000, 1'000, 100, 10, 1};
  const std::ptrdiff_t count = end - text - 1;
  if ((text[0] != '.' && text[0] != ',') || count < 1 || count > 9) return false;
  if (count <= 8) {  // all at once; what stands before them becomes zeros
    constexpr std::uint64_t kHighBits = 0x8080808080808080, kPairs = 0x000000FF000000FF;
    const auto others = static_cast<unsigned>(8 * (8 - count));
    std::uint64_t digits = (load8(end - 8) ^ 0x3030303030303030) >> others << others;
    if ((((digits + 0x7676767676767676) | digits) & kHighBits) != 0) return false;
    digits = digits * 10 + (digits >> 8);
    digits = (digits & kPairs) * (100 + (std::uint64_t{1'000'000} << 32)) +
             (digits >> 16 & kPairs) * (1 + (std::uint64_t{10'000} << 32));
    nanos = static_cast<std::uint32_t>(digits >> 32) * kUnits[count];
    return true;
  }
  std::uint32_t value = 0;
  for (const char* p = text + 1; p < end; ++p) {
    const auto digit = static_cast<std::uint32_t>(*p - '0');
    if (digit > 9) return false;
    value = value * 10 + digit;
  }
  nanos = value * kUnits[count];
  return true;
}

// Readings are built where they are returned to: copying one just written costs more than reading a clock.

TimeReading failed(TimeFault fault) { return {Instant{}, Known::offset, fault, false}; }

TimeReading known_at(std::int64_t seconds, std::uint32_t nanos, Known how) {
  if (!times::is_in_range(seconds)) return failed(TimeFault::out_of_range);
  return {Instant{seconds, nanos}, how, TimeFault::none, false};
}

/// By the names of Temporal: a repeated time is `compatible` with the first, a skipped one with the later instant, which
/// the offset before the gap gives.
TimeReading resolve_doubt(const Zone::Meaning& meaning, std::uint32_t nanos, Disambiguation policy) {
  const bool repeated = meaning.kind == Zone::Meaning::Kind::repeated;
  if (policy == Disambiguation::reject) return failed(repeated ? TimeFault::repeated : TimeFault::skipped);
  if (repeated) {
    if (policy == Disambiguation::later) return known_at(meaning.later, nanos, Known::repeated_later);
    return known_at(meaning.earlier, nanos, Known::repeated_earlier);
  }
  if (policy == Disambiguation::earlier) return known_at(meaning.earlier, nanos, Known::skipped_earlier);
  return known_at(meaning.later, nanos, Known::skipped_later);
}

TimeReading resolve(std::int64_t local, std::uint32_t nanos, const Zone* zone, Disambiguation policy) {
  if (zone == nullptr) return failed(TimeFault::no_zone);
  if (const Zone::Span* span = zone->sure_span(local)) return known_at(local - span->offset, nanos, Known::unique);
  const Zone::Meaning meaning = zone->meaning_of(local);
  if (meaning.kind == Zone::Meaning::Kind::unique) return known_at(meaning.earlier, nanos, Known::unique);
  return resolve_doubt(meaning, nanos, policy);
}

/// An instant for fields that passed check().
TimeReading resolve(const times::Fields& fields, const Zone* zone, Disambiguation policy) {
  const bool leap_second = fields.second == 60;
  // A leap second is the one after :59, which is not always the next one on a local clock.
  const std::int64_t local = times::local_seconds(fields) - (leap_second ? 1 : 0);
  TimeReading reading = fields.has_offset ? known_at(local - fields.offset, fields.nanos, Known::offset)
                                          : resolve(local, fields.nanos, zone, policy);
  if (!leap_second || reading.fault != TimeFault::none) return reading;

  // In zones that are half hours off it is not :59 on the clock, but it is in UTC.
  const std::int64_t next = reading.at.seconds + 1;
  if (fields.minute != 59 && next % 3600 != 0) return failed(TimeFault::impossible);
  reading = known_at(next, fields.nanos, reading.how);
  reading.leap_second = reading.fault == TimeFault::none;
  return reading;
}

bool parse_fields(const TimeFormat& format, std::string_view text, times::Fields& fields) {
  switch (format.form()) {
    case TimeFormat::Form::iso: return times::parse_iso(text, fields);
    case TimeFormat::Form::month_first: return times::parse_day_and_month(text, /*day_first=*/false, fields);
    case TimeFormat::Form::day_first: return times::parse_day_and_month(text, /*day_first=*/true, fields);
    case TimeFormat::Form::rfc2822: return times::parse_rfc2822(text, fields);
    case TimeFormat::Form::pattern: return times::parse_by_pattern(text, format.pattern(), fields);
    case TimeFormat::Form::epoch_s:
    case TimeFormat::Form::epoch_ms:
    case TimeFormat::Form::epoch_us:
    case TimeFormat::Form::epoch_ns: break;
  }
  return false;
}

TimeReading read_epoch(std::string_view text, unsigned digits) {
  Instant at;
  const TimeFault fault = times::parse_epoch(text, digits, at);
  return fault == TimeFault::none ? known_at(at.seconds, at.nanos, Known::offset) : failed(fault);
}

constexpr char kFirstDate[] = "1970-01-01";

}  // namespace

TimeReader::TimeReader(TimeFormat format, const Zone* zone, Disambiguation policy, const ZoneDatabase* zones)
    : format_(std::move(format)),
      zone_(zone),
      policy_(policy),
      date_head_(load8(kFirstDate)),
      date_day_(0),
      date_seconds_(0),
      zones_(zones) {
  std::memcpy(&date_day_, kFirstDate + 8, sizeof date_day_);
}

TimeReading TimeReader::read(std::string_view text) { return read(text, zone_); }

TimeReading TimeReader::read(std::string_view text, const Zone* zone) {
  UsualTime time;
  if (format_.form() != TimeFormat::Form::iso || !read_usual_iso(text, time)) return read_any(text, zone);
  if (time.has_offset) return known_at(time.seconds, time.nanos, Known::offset);
  return resolve(time.seconds, time.nanos, zone, policy_);
}

/// `2019-11-08T14:00`, its seconds, `.957000` behind them, `Z` or `+00:00` behind that. True only when all of it is right;
/// leap seconds are not usual.
[[gnu::always_inline]] inline bool TimeReader::read_usual_iso(std::string_view text, UsualTime& time) {
  constexpr std::size_t kToMinute = 16;
  constexpr std::size_t kToSecond = 19;
  if (text.size() < kToMinute) return false;
  const char* const begin = text.data();
  Clock clock{};
  if (!read_clock(load8(begin + 8), clock)) return false;
  if (begin[10] != ' ' && begin[10] != 'T' && begin[10] != 't') return false;

  std::uint16_t day = 0;
  std::memcpy(&day, begin + 8, sizeof day);
  const bool same_date = load8(begin) == date_head_ && day == date_day_;
  if (!same_date && !remember_date(begin)) return false;
  time.seconds = date_seconds_ + times::seconds_of_clock(clock.hour, clock.minute);
  if (text.size() == kToMinute) return true;

  unsigned seconds = 0;
  if (text.size() < kToSecond || !read_seconds(begin + kToMinute, seconds)) return false;
  time.seconds += seconds;
  const char* end = begin + text.size();
  if (end[-1] == 'Z' || end[-1] == 'z') {
    time.has_offset = true;
    end -= 1;
  } else if (text.size() >= kToSecond + 6 && (end[-6] == '+' || end[-6] == '-')) {
    // The two digits before the sign, of the second or its fraction, are read once more and left out.
    Clock offset{};
    if (!read_clock(load8(end - 8), offset)) return false;
    const std::int64_t size = times::seconds_of_clock(offset.hour, offset.minute);
    time.seconds -= end[-6] == '-' ? -size : size;
    time.has_offset = true;
    end -= 6;
  }
  const char* const after_seconds = begin + kToSecond;
  return end == after_seconds || read_fraction(after_seconds, end, time.nanos);
}

/// Keeps what a date's ten bytes mean, when they are a date from year 1 on.
bool TimeReader::remember_date(const char* text) {
  const std::uint64_t head = load8(text);
  std::uint64_t joined = 0;
  if (!join_digits(head, kDateLayout, joined)) return false;
  const auto year = static_cast<int>(byte_at(joined, 0) * 100 + byte_at(joined, 2));
  const unsigned month = byte_at(joined, 5);
  const auto day = static_cast<unsigned>((text[8] - '0') * 10 + (text[9] - '0'));
  if (year < 1 || !calendar::exists(year, month, day)) return false;
  date_head_ = head;
  std::memcpy(&date_day_, text + 8, sizeof date_day_);
  date_seconds_ = calendar::days_from(year, month, day) * calendar::kSecondsPerDay;
  return true;
}

/// What a person would not see is no part of a time.
TimeReading TimeReader::read_any(std::string_view text, const Zone* zone) {
  const TimeReading reading = read_form(text, zone);
  if (reading.fault != TimeFault::malformed || is_plain_ascii(text)) return reading;
  times::CleanRoom room;
  const std::string_view clean = times::cleaned(text, room);
  return clean == text ? reading : read(clean, zone);
}

TimeReading TimeReader::read_form(std::string_view text, const Zone* zone) {
  TimeReading epoch = failed(TimeFault::malformed);
  switch (format_.form()) {
    case TimeFormat::Form::epoch_s: epoch = read_epoch(text, 0); break;
    case TimeFormat::Form::epoch_ms: epoch = read_epoch(text, 3); break;
    case TimeFormat::Form::epoch_us: epoch = read_epoch(text, 6); break;
    case TimeFormat::Form::epoch_ns: epoch = read_epoch(text, 9); break;
    default: {
      times::Fields fields;
      if (parse_fields(format_, text, fields)) return read_fields(fields, zone);
    }
  }
  if (epoch.fault != TimeFault::malformed || !format_.reads_other_forms()) return epoch;
  return read_other_form(text, zone);
}

/// An instant for what a text says.
TimeReading TimeReader::read_fields(const times::Fields& fields, const Zone* zone) {
  if (fields.is_instant) return known_at(fields.instant.seconds, fields.instant.nanos, Known::offset);
  if (const TimeFault fault = times::check(fields); fault != TimeFault::none) return failed(fault);
  if (!fields.has_clock) return failed(TimeFault::date_only);
  if (fields.zone.empty()) return resolve(fields, zone, policy_);
  const Zone* const named = named_zone(fields.zone);
  if (named == nullptr) return failed(TimeFault::unknown_zone);
  TimeReading reading = resolve(fields, named, policy_);
  // `Z` says only that the instant is meant (RFC 9557); any other offset is one of the zone.
  const bool says_offset = fields.has_offset && !fields.is_zulu;
  if (says_offset && reading.fault == TimeFault::none && offset_at(*named, reading.at.seconds) != fields.offset)
    return failed(TimeFault::contradiction);
  return reading;
}

const Zone* TimeReader::named_zone(std::string_view name) {
  constexpr std::size_t kLongest = 255;
  if (zones_ == nullptr || name.size() > kLongest) return nullptr;
  if (zone_name_ != name) {
    const auto found = zones_->find(name);
    named_zone_ = found.ok() ? *found : nullptr;
    zone_name_ = name;
  }
  return named_zone_;
}

/// A text that is not of the format's form, by forms that prove themselves.
TimeReading TimeReader::read_other_form(std::string_view text, const Zone* zone) {
  for (const TimeFormat::Form form : {TimeFormat::Form::iso, TimeFormat::Form::rfc2822, format_.order()}) {
    times::Fields fields;
    if (parse_fields(TimeFormat(form), text, fields)) return read_fields(fields, zone);
  }
  const int digits = times::digits_of_unit(text);
  return digits < 0 ? failed(TimeFault::malformed) : read_epoch(text, static_cast<unsigned>(digits));
}

}  // namespace crosswalk
