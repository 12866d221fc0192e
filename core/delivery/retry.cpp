#include "delivery/retry.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

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

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that servers send.
std::optional<std::int64_t> http_date(std::string_view text) {
  if (text.size() != 29 || text.substr(3, 2) != ", " || !text.ends_with(" GMT")) return std::nullopt;
  const auto day = number(text.substr(5, 2)), year = number(text.substr(12, 4));
  const auto hour = number(text.substr(17, 2)), minute = number(text.substr(20, 2)), second = number(text.substr(23, 2));
  const auto month = std::find(kMonths.begin(), kMonths.end(), lower(text.substr(8, 3)));
  if (!day || !year || !hour || !minute || !second || month == kMonths.end()) return std::nullopt;
  std::tm parts{};
  parts.tm_year = *year - 1900;
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
  const auto at = http_date(header);
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
