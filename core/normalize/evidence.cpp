#include "normalize/evidence.hpp"

#include <algorithm>
#include <charconv>

namespace crosswalk {
namespace {

/// Repeated hours of one zone lie months apart, the records of one lie hours apart.
constexpr std::int64_t kApart = std::int64_t{12} * 3'600;

}  // namespace

std::optional<std::uint64_t> numeric_id(std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (failed != std::errc() || end != id.data() + id.size()) return std::nullopt;
  return number;
}

Evidence::Verdict Evidence::judge(std::string_view id, Instant earlier) const {
  const auto hour = std::find_if(decided_.begin(), decided_.end(),
                                 [&](const Hour& h) { return earlier.seconds >= h.first && earlier.seconds <= h.last; });
  const auto number = numeric_id(id);
  if (hour == decided_.end() || !number) return Verdict::undecided;
  return *number < hour->first_of_second_run ? Verdict::earlier : Verdict::later;
}

void EvidenceCollector::add(std::string_view id, std::string_view started_at) {
  const TimeReading reading = reader_.read(started_at);
  if (reading.fault != TimeFault::none || reading.how != Known::repeated_earlier) return;
  if (const auto number = numeric_id(id)) seen_.push_back({reading.at.seconds, *number});
}

Evidence EvidenceCollector::conclude() {
  Evidence evidence;
  std::sort(seen_.begin(), seen_.end(), [](const Sighting& a, const Sighting& b) { return a.at < b.at; });
  for (auto begin = seen_.begin(); begin != seen_.end();) {
    auto end = begin + 1;
    while (end != seen_.end() && end->at - (end - 1)->at < kApart) ++end;
    if (const auto hour = decide({begin, end})) evidence.decided_.push_back(*hour);
    begin = end;
  }
  return evidence;
}

/// One repeated hour: the place of its only fall, if it has exactly one.
std::optional<Evidence::Hour> EvidenceCollector::decide(std::vector<Sighting> hour) {
  Evidence::Hour found{hour.front().at, hour.back().at, 0};
  std::sort(hour.begin(), hour.end(), [](const Sighting& a, const Sighting& b) { return a.id < b.id; });
  std::int64_t latest = hour.front().at;  // of the current run
  int falls = 0;
  for (const Sighting& s : hour) {
    if (s.at < latest - kTolerance) {
      ++falls;
      found.first_of_second_run = s.id;
      latest = s.at;
    }
    latest = std::max(latest, s.at);
  }
  if (falls != 1) return std::nullopt;
  return found;
}

}  // namespace crosswalk
