#include "merge/start_offsets.hpp"

#include <cstdlib>
#include <optional>

namespace crosswalk {
namespace {

constexpr std::int64_t kHalfHour = 1800, kTolerance = 90;
constexpr int kFurthest = 2 * 26;      // half hours: from UTC+14 to UTC-12
constexpr int kHour = 2;               // half hours
constexpr int kLeastWithHalf = 2 * 3;  // no zone is half an hour, or one and a half, from UTC
constexpr std::uint64_t kLeastPairs = 3;

bool could_be_zones(int half_hours) {
  const int size = std::abs(half_hours);
  return size % kHour == 0 ? size != 0 : size >= kLeastWithHalf;
}

}  // namespace

void StartOffsets::add(std::uint32_t left, std::uint32_t right, const Instant& left_at, const Instant& right_at) {
  Counts& counts = pairs_[{left, right}];
  ++counts.pairs;
  const std::int64_t difference = right_at.seconds - left_at.seconds;
  if (std::abs(difference) > kFurthest * kHalfHour + kTolerance) return;
  const std::int64_t nearest = (difference + (difference < 0 ? -kHalfHour : kHalfHour) / 2) / kHalfHour;
  if (std::abs(difference - nearest * kHalfHour) <= kTolerance) ++counts.by_half_hours[static_cast<int>(nearest)];
}

void StartOffsets::add(const StartOffsets& other) {
  for (const auto& [sources, counts] : other.pairs_) {
    Counts& sum = pairs_[sources];
    sum.pairs += counts.pairs;
    for (const auto& [half_hours, pairs] : counts.by_half_hours) sum.by_half_hours[half_hours] += pairs;
  }
}

std::vector<StartOffsets::Shift> StartOffsets::shifts() const {
  std::vector<Shift> all;
  for (const auto& [sources, counts] : pairs_) {
    std::map<int, std::uint64_t>::const_iterator most = counts.by_half_hours.end();
    for (auto at = counts.by_half_hours.begin(); at != counts.by_half_hours.end(); ++at) {
      if (could_be_zones(at->first) && (most == counts.by_half_hours.end() || at->second > most->second)) most = at;
    }
    if (most == counts.by_half_hours.end()) continue;
    Shift shift{sources.first, sources.second, counts.pairs, {{most->first / 2.0, most->second}}};
    std::uint64_t agree = most->second;
    if (agree * 2 <= counts.pairs) {
      std::map<int, std::uint64_t>::const_iterator beside = counts.by_half_hours.end();
      for (const int other : {most->first - kHour, most->first + kHour}) {
        const auto at = counts.by_half_hours.find(other);
        if (at == counts.by_half_hours.end() || !could_be_zones(other)) continue;
        if (beside == counts.by_half_hours.end() || at->second > beside->second) beside = at;
      }
      if (beside == counts.by_half_hours.end()) continue;
      agree += beside->second;
      shift.parts.push_back({beside->first / 2.0, beside->second});
    }
    if (agree * 2 > counts.pairs && agree >= kLeastPairs) all.push_back(std::move(shift));
  }
  return all;
}

}  // namespace crosswalk
