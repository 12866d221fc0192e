#include <bit>
#include <cstring>
#include <string_view>

#include "crosswalk/time.hpp"
#include "digits.hpp"
#include "time/calendar.hpp"

namespace crosswalk {
namespace {

// "00" to "99", so that two digits are one copy.
struct DigitPairs {
  char text[200];
  constexpr DigitPairs() : text() {
    for (std::size_t i = 0; i < 100; ++i) {
      text[2 * i] = static_cast<char>('0' + i / 10);
      text[2 * i + 1] = static_cast<char>('0' + i % 10);
    }
  }
};
constexpr DigitPairs kPairs;

constexpr std::string_view kShape = "YYYY-MM-DDTHH:MM:SS";

void put_pair(char* out, unsigned value) { std::memcpy(out, kPairs.text + std::size_t{2} * value, 2); }

/// Nine digits, less trailing zeros: there is a digit that is none. Returns the end.
char* put_fraction(std::uint32_t nanos, char* out) {
  const std::uint64_t last_eight = eight_digits(nanos % 100'000'000);
  const auto zeros = static_cast<unsigned>(std::countl_zero(last_eight)) / 8;
  out[0] = '.';
  out[1] = static_cast<char>('0' + nanos / 100'000'000);
  put_eight_bytes(out + 2, last_eight | kEightZeros);
  return out + 10 - zeros;
}

}  // namespace

char* write_time(Instant at, char* out) {
  // From year 1 on everything is positive: no floor division needed below.
  constexpr std::int64_t kDaysBefore1970 = 719468;  // from 0000-03-01
  const auto seconds = static_cast<std::uint64_t>(at.seconds + kDaysBefore1970 * calendar::kSecondsPerDay);
  const auto days = static_cast<std::int64_t>(seconds / calendar::kSecondsPerDay) - kDaysBefore1970;
  const auto clock = static_cast<unsigned>(seconds % calendar::kSecondsPerDay);
  const calendar::Civil date = calendar::civil_from(days);
  const auto year = static_cast<unsigned>(date.year);

  std::memcpy(out, kShape.data(), kShape.size());
  put_pair(out, year / 100);
  put_pair(out + 2, year % 100);
  put_pair(out + 5, date.month);
  put_pair(out + 8, date.day);
  put_pair(out + 11, clock / 3600);
  put_pair(out + 14, clock / 60 % 60);
  put_pair(out + 17, clock % 60);
  out += kShape.size();
  if (at.nanos != 0) out = put_fraction(at.nanos, out);
  *out++ = 'Z';
  return out;
}

}  // namespace crosswalk
