#include "normalize/decimal.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <random>
#include <string>

using namespace crosswalk;

namespace {

/// `12.5` as `125e-1`, so that a table shows digits and scale both; `none` where there is no number.
std::string shape(const std::optional<Decimal>& d) {
  if (!d) return "none";
  return std::to_string(d->digits) + "e-" + std::to_string(d->scale);
}

std::string read(std::string_view text) { return shape(parse_decimal(text)); }

struct Row {
  std::string_view text;
  std::string_view expected;
};

/// The value as plain digits: `-0.05`; for comparing durations whatever their scale is.
std::string plain(const std::optional<Decimal>& d) {
  if (!d) return "none";
  const bool negative = d->digits < 0;
  std::string digits = std::to_string(negative ? -d->digits : d->digits);
  if (d->scale > 0) {
    while (digits.size() <= d->scale) digits.insert(0, 1, '0');
    digits.insert(digits.size() - d->scale, 1, '.');
    while (digits.back() == '0') digits.pop_back();
    if (digits.back() == '.') digits.pop_back();
  }
  return (negative ? "-" : "") + digits;
}

std::string duration(std::string_view text, How unit) { return plain(parse_duration(text, unit)); }

/// What the library's less() must say, by the longer way: both texts padded to 18 decimals.
__extension__ using Wide = __int128;
Wide lifted(Decimal d) {
  Wide value = d.digits;
  for (int i = d.scale; i < 18; ++i) value *= 10;
  return value;
}

}  // namespace

TEST_CASE("decimal: plain numbers are exact") {
  for (const Row row : {
           Row{"0", "0e-0"},        Row{"-0", "0e-0"},         Row{"-0.0", "0e-0"},    Row{"+0", "0e-0"},
           Row{"0e400", "0e-0"},    Row{"0.000e-400", "0e-0"}, Row{"12", "12e-0"},     Row{"+12", "12e-0"},
           Row{"-12", "-12e-0"},    Row{"007", "7e-0"},        Row{"0.1", "1e-1"},     Row{"-0.5", "-5e-1"},
           Row{".5", "5e-1"},       Row{"5.", "5e-0"},         Row{"1.50", "15e-1"},   Row{"100", "100e-0"},
           Row{"100.00", "100e-0"}, Row{"0.30", "3e-1"},       Row{"  12\t", "12e-0"}, Row{"\t-3.25 ", "-325e-2"},
       }) {
    CAPTURE(row.text);
    CHECK(read(row.text) == row.expected);
  }
}

TEST_CASE("decimal: exponents") {
  for (const Row row : {
           Row{"1.25e3", "1250e-0"},
           Row{"1.25E+3", "1250e-0"},
           Row{"125e-2", "125e-2"},
           Row{"1e0", "1e-0"},
           Row{"1e-0", "1e-0"},
           Row{"10e-1", "1e-0"},
           Row{"1e17", "100000000000000000e-0"},
           Row{"1e-18", "1e-18"},
           Row{"1000e-21", "1e-18"},
           Row{"1e-19", "none"},
           Row{"1e400", "none"},
           Row{"1e-400", "none"},
           Row{"-1e400", "none"},
           Row{"1e99999999999999999999999999", "none"},
           Row{"1e-99999999999999999999999999", "none"},
       }) {
    CAPTURE(row.text);
    CHECK(read(row.text) == row.expected);
  }
}

TEST_CASE("decimal: eighteen digits are the limit, and nothing is rounded") {
  for (const Row row : {
           Row{"999999999999999999", "999999999999999999e-0"},
           Row{"-999999999999999999", "-999999999999999999e-0"},
           Row{"123456789012345678", "123456789012345678e-0"},
           Row{"1234567890123456789", "none"},
           Row{"9223372036854775807", "none"},
           Row{"9223372036854775808", "none"},
           Row{"18446744073709551616", "none"},
           Row{"0.123456789012345678", "123456789012345678e-18"},
           Row{"0.1234567890123456789", "none"},
           Row{"12345678901234567.8", "123456789012345678e-1"},
           Row{"123456789012345678.9", "none"},
           Row{"000000000000000000000000000012", "12e-0"},
           Row{"0.000000000000000001", "1e-18"},
           Row{"0.0000000000000000001", "none"},
       }) {
    CAPTURE(row.text);
    CHECK(read(row.text) == row.expected);
  }
}

TEST_CASE("decimal: the way of writing a value does not decide whether it is one") {
  // 19 digits, written with an exponent: as many as in 1000000000000000000, which is none.
  CHECK(read("1000000000000000000") == "none");
  CHECK(read("1e18") == "none");
  CHECK(read("9e18") == "none");
  CHECK(read("12345678901234567e2") == "none");
  // Zeros at the end of a fraction are no digits that a value needs.
  CHECK(read("1.0000000000000000000") == "1e-0");
  CHECK(read("0.1000000000000000000000") == "1e-1");
}

TEST_CASE("decimal: what is not a number") {
  for (const std::string_view text :
       {"",    " ",    "-",   "+",   ".",        "-.",    "e5",    ".e5",  "1e",  "1e+",   "1e-",   "--1",
        "+-1", "- 1",  "1-",  "1 2", "1..2",     "1.2.3", "1e2.5", "1e5x", "1,5", "1_000", "1'000", "0x10",
        "inf", "-inf", "nan", "NaN", "Infinity", "12a",   "a12",   "½",    "١",   "1e 5",  "$5",    "5%"}) {
    CAPTURE(text);
    CHECK(read(text) == "none");
  }
  CHECK(read(std::string_view("1\0", 2)) == "none");
}

TEST_CASE("decimal: written and read again, a random decimal is the same") {
  std::mt19937_64 random(4711);
  for (int round = 0; round < 5000; ++round) {
    const auto size = random() % 18 + 1;
    std::string digits(1, static_cast<char>('1' + random() % 9));
    while (digits.size() < size) digits.push_back(static_cast<char>('0' + random() % 10));
    if (digits.back() == '0') digits.back() = '7';
    const std::size_t scale = random() % 19;
    const bool negative = random() % 2 == 0;
    std::string text = digits;
    while (text.size() <= scale) text.insert(0, 1, '0');
    text.insert(text.size() - scale, 1, '.');
    if (negative) text.insert(0, 1, '-');
    const std::string expected = (negative ? "-" : "") + digits + "e-" + std::to_string(scale);
    CAPTURE(text);
    CHECK(read(text) == expected);
    // The same value through an exponent.
    CHECK(read((negative ? "-" : "") + digits + "e-" + std::to_string(scale)) == expected);
  }
}

TEST_CASE("duration: a number takes the unit it is said to have") {
  CHECK(duration("90", How::as_configured) == "90");
  CHECK(duration("90", How::seconds) == "90");
  CHECK(duration("90", How::utc) == "90");
  CHECK(duration("90", How::minutes) == "5400");
  CHECK(duration("1.5", How::minutes) == "90");
  CHECK(duration("0.1", How::minutes) == "6");
  CHECK(duration("1.5", How::hours) == "5400");
  CHECK(duration("1500", How::milliseconds) == "1.5");
  CHECK(duration("1", How::milliseconds) == "0.001");
  CHECK(duration("0", How::milliseconds) == "0");
  CHECK(duration("12.5", How::milliseconds) == "0.0125");
  CHECK(duration("-3", How::minutes) == "-180");
  CHECK(duration("  42 ", How::seconds) == "42");
  CHECK(duration("1e3", How::seconds) == "1000");
  CHECK(duration("0.000000000000001", How::milliseconds) == "0.000000000000000001");
  CHECK(duration("0.0000000000000001", How::milliseconds) == "none");
  CHECK(duration("999999999999999999", How::hours) == "none");  // more than 64 bits
  CHECK(duration("999999999999999999", How::minutes) == "none");
  CHECK(duration("999999999999999999", How::seconds) == "999999999999999999");
  CHECK(duration("999999999999999999", How::milliseconds) == "999999999999999.999");
}

TEST_CASE("duration: units in the text count more than the unit of the field") {
  for (const How unit : {How::seconds, How::minutes, How::hours, How::milliseconds}) {
    CAPTURE(static_cast<int>(unit));
    CHECK(duration("1h 20m", unit) == "4800");
    CHECK(duration("1h20m5s", unit) == "4805");
    CHECK(duration("01:02:03", unit) == "3723");
  }
  for (const Row row : {
           Row{"2h 5m", "7500"},
           Row{"1d 3h", "97200"},
           Row{"45 min", "2700"},
           Row{"45min", "2700"},
           Row{"1 hour 1 minute 1 second", "3661"},
           Row{"2 hours 2 minutes 2 seconds", "7322"},
           Row{"2 hrs 2 mins 2 secs", "7322"},
           Row{"1 hr 1 min 1 sec", "3661"},
           Row{"2 days", "172800"},
           Row{"1 day", "86400"},
           Row{"1 Day 2 Hours 3 Minutes 4 Seconds", "93784"},
           Row{"1.5h", "5400"},
           Row{"0.5s", "0.5"},
           Row{"0s", "0"},
           Row{"5m 1h", "3900"},
           Row{"  7s  ", "7"},
           Row{"7\ts", "7"},
       }) {
    CAPTURE(row.text);
    CHECK(duration(row.text, How::minutes) == row.expected);
  }
}

TEST_CASE("duration: a unit is read whatever its case") {
  CHECK(duration("2H", How::seconds) == "7200");
  CHECK(duration("5 Min", How::seconds) == "300");
  CHECK(duration("5 MINUTES", How::seconds) == "300");
  CHECK(duration("3 Hrs", How::seconds) == "10800");
  CHECK(duration("1D", How::seconds) == "86400");
}

TEST_CASE("duration: HH:MM:SS") {
  for (const Row row : {
           Row{"00:00:00", "0"},
           Row{"0:00:01", "1"},
           Row{"00:59:59", "3599"},
           Row{"1:00:00", "3600"},
           Row{"100:00:00", "360000"},
           Row{"01:02:03.5", "3723.5"},
           Row{" 01:02:03 ", "3723"},
           Row{"00:00:59.999", "59.999"},
       }) {
    CAPTURE(row.text);
    CHECK(duration(row.text, How::hours) == row.expected);
  }
  for (const std::string_view text :
       {"10:30", "1:60:00", "1:00:60", "1:0:00", "1:00:0", "1:000:00", ":00:00", "1::00", "1:00:", "1:00:00:00", "a:00:00",
        "1:b0:00", "1:00:c0", "-1:00:00", "1:-5:00", "1:00:-5", "1.5:00:00"}) {
    CAPTURE(text);
    CHECK(duration(text, How::seconds) == "none");
  }
}

TEST_CASE("duration: a clock is made of digits alone, and its sign is not lost") {
  for (const std::string_view text : {"-0:30:00", "-00:00:05", "1:+5:00", "1: 5:00", "1:5 :00", "1:00:+5", "1:00: 5", "1:00:3e1",
                                      "1e1:00:00", "1.:00:00", "1:00:5.", "1:5.:00"}) {
    CAPTURE(text);
    CHECK(duration(text, How::seconds) == "none");
  }
}

TEST_CASE("duration: more than 64 bits hold is none, not something else") {
  CHECK(duration("2562047788015215:30:07", How::seconds) == "9223372036854775807");
  CHECK(duration("2562047788015215:30:08", How::seconds) == "none");
  CHECK(duration("2562047788015215:59:59", How::seconds) == "none");
  CHECK(duration("2562047788015216:00:00", How::seconds) == "none");
  CHECK(duration("2562047788015215h 59m", How::seconds) == "none");
  CHECK(duration("999999999999999999d", How::seconds) == "none");
}

TEST_CASE("duration: what is none") {
  for (const std::string_view text :
       {"",     " ",   "-",   "h",     "1h 2",  "1h2", "2 fortnights", "1h -5m", "-1h",  "1h,5m", "1.2.3h",
        "1h m", "abc", "N/A", "1 h/m", "12 ms", "1w",  "PT5M",         "5m\nx",  "1e3s", "½h",    "5 m i n"}) {
    CAPTURE(text);
    CHECK(duration(text, How::seconds) == "none");
  }
}

TEST_CASE("decimal: less() orders by value, not by digits") {
  CHECK(less({1, 1}, {1, 0}));
  CHECK_FALSE(less({1, 0}, {10, 1}));
  CHECK_FALSE(less({10, 1}, {1, 0}));
  CHECK(less({-1, 0}, {0, 0}));
  CHECK(less({-2, 0}, {-1, 0}));
  CHECK(less({-1, 18}, {0, 18}));
  CHECK_FALSE(less({0, 0}, {0, 18}));
  CHECK(less({999'999'999'999'999'999, 18}, {1, 0}));
  CHECK(less({1, 18}, {INT64_MAX, 0}));
  CHECK(less({INT64_MIN, 0}, {INT64_MIN, 18}));
  CHECK_FALSE(less({INT64_MIN, 18}, {INT64_MIN, 0}));
  std::mt19937_64 random(99);
  for (int round = 0; round < 5000; ++round) {
    const auto any = [&] {
      const auto digits = static_cast<std::int64_t>(random()) >> (random() % 60);
      return Decimal{digits, static_cast<std::uint8_t>(random() % 19)};
    };
    const Decimal a = any(), b = any();
    CHECK(less(a, b) == (lifted(a) < lifted(b)));
    CHECK_FALSE(less(a, a));
  }
}

TEST_CASE("decimal: add() is exact or none") {
  CHECK(plain(add({1, 1}, {2, 1})) == "0.3");
  CHECK(plain(add({5, 0}, {25, 2})) == "5.25");
  CHECK(plain(add({25, 2}, {5, 0})) == "5.25");
  CHECK(plain(add({-5, 1}, {5, 1})) == "0");
  CHECK(plain(add({INT64_MAX, 0}, {0, 0})) == "9223372036854775807");
  CHECK(plain(add({INT64_MAX, 0}, {1, 0})) == "none");
  CHECK(plain(add({INT64_MIN, 0}, {-1, 0})) == "none");
  CHECK(plain(add({100, 0}, {1, 18})) == "none");  // 100.000000000000000001 has 21 digits
  CHECK(plain(add({9, 0}, {1, 18})) == "9.000000000000000001");
  std::mt19937_64 random(7);
  for (int round = 0; round < 5000; ++round) {
    const auto any = [&] {
      return Decimal{static_cast<std::int64_t>(random()) >> (random() % 62 + 1), static_cast<std::uint8_t>(random() % 10)};
    };
    const Decimal a = any(), b = any();
    const auto ab = add(a, b), ba = add(b, a);
    CHECK(ab.has_value() == ba.has_value());
    if (!ab) {
      // None only when the sum, at the finer of the two scales, is beyond 64 bits.
      Wide sum = lifted(a) + lifted(b);
      for (int i = std::max(a.scale, b.scale); i < 18; ++i) sum /= 10;
      const Wide coarse = a.scale < b.scale ? lifted(a) : lifted(b);
      Wide shifted = coarse;
      for (int i = std::max(a.scale, b.scale); i < 18; ++i) shifted /= 10;
      const bool beyond = sum > INT64_MAX || sum < INT64_MIN || shifted > INT64_MAX || shifted < INT64_MIN;
      CHECK(beyond);
      continue;
    }
    CHECK(*ab == *ba);
    CHECK(lifted(*ab) == lifted(a) + lifted(b));
  }
}

TEST_CASE("decimal: a text of digits alone is the number that it is to parse_decimal()") {
  for (const char* text : {"0", "7", "90", "00012", "123456789012345678"}) {
    CAPTURE(text);
    CHECK(whole_number(text) == parse_decimal(text));
    CHECK(whole_number(text).has_value());
  }
  for (const char* text : {"", "1234567890123456789", " 1", "1 ", "-1", "+1", "1.0", "1e3", "1,000", "a", "1a"}) {
    CAPTURE(text);
    CHECK_FALSE(whole_number(text).has_value());
  }
}
