#include "time/zone.hpp"

#include <algorithm>
#include <utility>

#include "crosswalk/time.hpp"
#include "time/calendar.hpp"

namespace crosswalk {
namespace {

// The ends of time. Not the numbers' limits, so that an offset can be added.
constexpr std::int64_t kBeginOfTime = std::numeric_limits<std::int64_t>::min() / 4;
constexpr std::int64_t kEndOfTime = std::numeric_limits<std::int64_t>::max() / 4;

constexpr std::int64_t kPeriod = calendar::kDaysPer400Years * calendar::kSecondsPerDay;

// A rule without a change before it begins here, so that year 1 is settled in every zone.
constexpr int kFirstYear = 0;
constexpr int kLastYear = 9999;

// The buckets' last year and some more: they must not need the 400 years' shift.
constexpr int kBucketsNeedYear = 2110;

/// How far a time must be moved back to lie within the table: 0 or whole periods.
std::int64_t shift_into_table(std::int64_t seconds, std::int64_t repeats_from) {
  if (seconds < repeats_from) return 0;
  return ((seconds - repeats_from) / kPeriod + 1) * kPeriod;
}

/// Index of the span in which an instant lies.
std::size_t span_at(const std::vector<Zone::Span>& spans, std::int64_t instant) {
  const auto begins_later = [](std::int64_t at, const Zone::Span& span) { return at < span.begin; };
  const auto next = std::upper_bound(spans.begin() + 1, spans.end(), instant, begins_later);
  return static_cast<std::size_t>(next - spans.begin()) - 1;
}

}  // namespace

Zone::Zone(std::string name, const times::ZoneRules& rules) : name_(std::move(name)) {
  spans_.push_back({kBeginOfTime, 0, 0, rules.first_offset});
  for (const times::PosixRule::Change& change : rules.changes) this->change(change.at, change.offset);

  if (rules.footer && rules.footer->has_summer) {
    continue_by(*rules.footer, rules.changes.empty() ? kBeginOfTime : rules.changes.back().at);
  } else if (rules.footer && rules.changes.empty()) {
    spans_.front().offset = rules.footer->standard_offset;
  }
  find_sure_times();
  fill_buckets();
}

/// Files list changes of name or daylight flag too; here only those of the offset count. A rule can end a span at the
/// moment it begins (summer time all year), then the span never was.
void Zone::change(std::int64_t at, std::int32_t offset) {
  if (at <= kBeginOfTime) {
    spans_.front().offset = offset;
    return;
  }
  while (spans_.size() > 1 && spans_.back().begin >= at) spans_.pop_back();
  if (spans_.back().offset != offset) spans_.push_back({at, 0, 0, offset});
}

void Zone::continue_by(const times::PosixRule& rule, std::int64_t last_explicit) {
  int first_year = kFirstYear;
  if (last_explicit > calendar::days_from(kFirstYear, 1, 1) * calendar::kSecondsPerDay) {
    if (last_explicit >= calendar::days_from(kLastYear, 1, 1) * calendar::kSecondsPerDay) return;
    first_year = calendar::year_of_second(last_explicit);
  }
  if (last_explicit == kBeginOfTime) {
    const bool summer_is_first = rule.changes_in(first_year)[0].offset == rule.summer_offset;
    spans_.front().offset = summer_is_first ? rule.standard_offset : rule.summer_offset;
  }

  // The period that is repeated must lie, with some days to spare, after the year of the last explicit change.
  const int repeat_year = std::max(first_year + 402, kBucketsNeedYear);
  for (int year = first_year; year <= repeat_year + 1; ++year) {
    for (const times::PosixRule::Change& next : rule.changes_in(year)) {
      if (next.at > last_explicit) change(next.at, next.offset);
    }
  }
  repeats_from_ = calendar::days_from(repeat_year, 1, 1) * calendar::kSecondsPerDay;
}

/// A change at `t` from offset a to b puts the local times from t + min(a, b) to t + max(a, b) in doubt: they never
/// were, or came twice. A span is sure from the end of all doubts before it to the beginning of all doubts after it.
void Zone::find_sure_times() {
  std::int64_t from = kBeginOfTime;
  for (std::size_t i = 0; i < spans_.size(); ++i) {
    if (i > 0) from = std::max(from, spans_[i].begin + std::max(spans_[i - 1].offset, spans_[i].offset));
    spans_[i].sure_from = from;
  }
  std::int64_t until = kEndOfTime;
  for (std::size_t i = spans_.size(); i-- > 0;) {
    spans_[i].sure_until = until;
    if (i > 0) until = std::min(until, spans_[i].begin + std::min(spans_[i - 1].offset, spans_[i].offset));
  }
  const auto [least, greatest] =
      std::minmax_element(spans_.begin(), spans_.end(), [](const Span& a, const Span& b) { return a.offset < b.offset; });
  least_offset_ = least->offset;
  greatest_offset_ = greatest->offset;
}

void Zone::fill_buckets() {
  bucket_span_.resize(kBucketCount);
  std::uint32_t span = 0;
  for (std::size_t bucket = 0; bucket < kBucketCount; ++bucket) {
    const std::int64_t begin = (static_cast<std::int64_t>(bucket) + kFirstBucket) * (std::int64_t{1} << kBucketBits);
    while (spans_[span].sure_until <= begin) ++span;
    bucket_span_[bucket] = span;
  }
}

std::int32_t Zone::offset_at(std::int64_t instant) const {
  instant -= shift_into_table(instant, repeats_from_);
  return spans_[span_at(spans_, instant)].offset;
}

Zone::Meaning Zone::meaning_of(std::int64_t local) const {
  const std::int64_t shift = shift_into_table(local, repeats_from_);
  const std::int64_t inner = local - shift;

  // Offsets of several changes may reach over each other: look at every span that could show this local time.
  const std::size_t first = span_at(spans_, inner - greatest_offset_);
  const std::size_t last = span_at(spans_, inner - least_offset_);
  Meaning meaning;
  int times = 0;
  std::size_t after_gap = 0;
  for (std::size_t i = first; i <= last; ++i) {
    const std::int64_t instant = inner - spans_[i].offset;
    const bool begun = i == 0 || instant >= spans_[i].begin;
    const bool ended = i + 1 < spans_.size() && instant >= spans_[i + 1].begin;
    if (begun && !ended) {
      if (times++ == 0) meaning.earlier = instant;
      meaning.later = instant;
    } else if (!begun && after_gap == 0) {
      after_gap = i;
    }
  }
  if (times == 0) {
    meaning.kind = Meaning::Kind::skipped;
    meaning.earlier = inner - spans_[after_gap].offset;
    meaning.later = inner - spans_[after_gap - 1].offset;
  } else if (times > 1) {
    meaning.kind = Meaning::Kind::repeated;
  }
  meaning.earlier += shift;
  meaning.later += shift;
  return meaning;
}

const std::string& name_of(const Zone& zone) { return zone.name(); }

std::int32_t offset_at(const Zone& zone, std::int64_t seconds) { return zone.offset_at(seconds); }

}  // namespace crosswalk
