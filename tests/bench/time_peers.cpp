// What Abseil does with the texts of time_peers.py: parse `YYYY-MM-DD HH:MM` and convert it in a zone with summer time. Its two
// ways differ in the hour that never was, and so do the checksums.
#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

namespace {

std::vector<std::string> texts() {
  std::vector<std::string> out;
  for (int i = 0; i < 2'000'000; ++i) {
    const int minute = i * 7 % (365 * 24 * 60);
    const absl::CivilMinute at = absl::CivilMinute(2025, 1, 1) + minute;
    char text[32];
    std::snprintf(text, sizeof text, "%04d-%02d-%02d %02d:%02d", static_cast<int>(at.year()), at.month(), at.day(), at.hour(),
                  at.minute());
    out.emplace_back(text);
  }
  return out;
}

template <class Work>
void report(const char* name, const std::vector<std::string>& input, Work&& work) {
  double best = 1e9;
  std::int64_t sum = 0;
  for (int round = 0; round < 3; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    sum = 0;
    for (const std::string& text : input) sum += work(text);
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::printf("%-40s %8.2f million/s   (checksum %lld)\n", name, static_cast<double>(input.size()) / best / 1e6,
              static_cast<long long>(sum));
}

}  // namespace

int main() {
  absl::TimeZone zone;
  if (!absl::LoadTimeZone("America/New_York", &zone)) return 1;
  const std::vector<std::string> input = texts();
  report("Abseil ParseTime", input, [&](const std::string& text) {
    absl::Time at;
    std::string error;
    return absl::ParseTime("%Y-%m-%d %H:%M", text, zone, &at, &error) ? absl::ToUnixSeconds(at) : 0;
  });
  report("Abseil ParseCivilTime + FromCivil", input, [&](const std::string& text) {
    absl::CivilMinute minute;
    return absl::ParseLenientCivilTime(text.substr(0, 10) + "T" + text.substr(11), &minute)
               ? absl::ToUnixSeconds(absl::FromCivil(absl::CivilSecond(minute), zone))
               : 0;
  });
}
