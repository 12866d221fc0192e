#include "delivery/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <string>
#include <vector>

#include "text.hpp"

namespace crosswalk::delivery {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A date of HTTP (RFC 9110, 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, or, as asctime has it,
/// `Sun Nov  6 08:49:37 1994`.
std::optional<std::int64_t> http_date(std::string_view text, std::int64_t now) {
  std::vector<std::string> words;
  for (const char c : text) {
    const bool letter = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (words.empty() || (!letter && !words.back().empty())) words.emplace_back();
    if (letter) words.back() += c;
  }
  const bool asctime = words.size() == 7 && words[6].size() == 4;
  if (words.size() != (asctime ? 7U : 8U) || (!asctime && words[7] != "GMT")) return std::nullopt;
  // The weekday, then day, month, year, hour, minute, second; or month, day, hour, minute, second, year.
  const std::array<std::size_t, 6> at =
      asctime ? std::array<std::size_t, 6>{2, 1, 6, 3, 4, 5} : std::array<std::size_t, 6>{1, 2, 3, 4, 5, 6};
  const auto day = number(words[at[0]]), year = number(words[at[2]]);
  const auto hour = number(words[at[3]]), minute = number(words[at[4]]), second = number(words[at[5]]);
  const auto month = std::find(kMonths.begin(), kMonths.end(), lower(words[at[1]]));
  if (!day || !year || !hour || !minute || !second || month == kMonths.end()) return std::nullopt;
  std::tm parts{};
  parts.tm_year = *year - 1900;
  if (words[at[2]].size() == 2) {  // of the century in which it is not more than fifty years ahead
    std::tm today{};
    const std::time_t seconds = now;
    gmtime_r(&seconds, &today);
    parts.tm_year = today.tm_year / 100 * 100 + *year;
    if (parts.tm_year > today.tm_year + 50) parts.tm_year -= 100;
  }
  parts.tm_mon = static_cast<int>(month - kMonths.begin());
  parts.tm_mday = *day;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = *second;
  return timegm(&parts);
}

}  // namespace

std::optional<std::chrono::seconds> retry_after(std::string_view header, std::int64_t now) {
  constexpr std::int64_t kMost = 1'000'000'000;
  header = trimmed(header);
  if (!header.empty() && header.find_first_not_of("0123456789") == std::string_view::npos) {
    std::int64_t seconds = 0;
    const auto [end, failed] = std::from_chars(header.data(), header.data() + header.size(), seconds);
    (void)end;
    return std::chrono::seconds(failed == std::errc() ? std::min(seconds, kMost) : kMost);
  }
  const auto at = http_date(header, now);
  if (!at) return std::nullopt;
  return std::chrono::seconds(std::clamp<std::int64_t>(*at - now, 0, kMost));
}

std::chrono::milliseconds Backoff::wait(unsigned tries) {
  auto bound = first_.count();
  for (unsigned i = 1; i < tries && bound < ceiling_.count(); ++i) bound *= 2;
  std::uniform_int_distribution<std::int64_t> any(0, std::min<std::int64_t>(bound, ceiling_.count()));
  return std::chrono::milliseconds(any(random_));
}

}  // namespace crosswalk::delivery
