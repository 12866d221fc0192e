// How many times a second core/time reads, converts and writes on one core. Prints a line per form; no test.
//
//   time_bench [VALUES]    (default 1,000,000 texts per form, read ten times)
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "crosswalk/time.hpp"

namespace {

using crosswalk::Disambiguation;
using crosswalk::Instant;
using crosswalk::TimeFormat;
using crosswalk::TimeReader;
using crosswalk::Zone;

constexpr int kRounds = 10;

/// Texts end to end, as in a buffer of records.
struct Texts {
  std::string bytes;
  std::vector<std::size_t> ends;
  void add(const std::string& text) {
    bytes += text;
    ends.push_back(bytes.size());
  }
};

double seconds_of(const std::chrono::steady_clock::duration& time) { return std::chrono::duration<double>(time).count(); }

void print(const char* what, std::size_t count, double seconds, std::int64_t check) {
  std::printf("%-58s %7.1f million/s  %6.2f ns  (check %016llx)\n", what, static_cast<double>(count) / seconds / 1e6,
              seconds / static_cast<double>(count) * 1e9, static_cast<unsigned long long>(check));
}

void read_all(const char* what, const Texts& texts, const TimeFormat& format, const Zone* zone) {
  TimeReader reader(format, zone, Disambiguation::compatible);
  double best = 1e9;
  std::int64_t check = 0;
  for (int round = 0; round < kRounds; ++round) {
    check = 0;
    const auto start = std::chrono::steady_clock::now();
    std::size_t begin = 0;
    for (const std::size_t end : texts.ends) {
      const auto reading = reader.read({texts.bytes.data() + begin, end - begin});
      check += reading.at.seconds + reading.at.nanos + static_cast<int>(reading.how) + static_cast<int>(reading.fault);
      begin = end;
    }
    best = std::min(best, seconds_of(std::chrono::steady_clock::now() - start));
  }
  print(what, texts.ends.size(), best, check);
}

void write_all(const char* what, const std::vector<Instant>& instants) {
  std::vector<char> out(instants.size() * crosswalk::kTimeTextMax);
  double best = 1e9;
  std::int64_t check = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    char* end = out.data();
    for (const Instant& at : instants) end = crosswalk::write_time(at, end);
    best = std::min(best, seconds_of(std::chrono::steady_clock::now() - start));
    check = end - out.data();
  }
  print(what, instants.size(), best, check);
}

std::string rfc3339(Instant at) {
  char text[crosswalk::kTimeTextMax];
  return {text, crosswalk::write_time(at, text)};
}

/// Local clocks of America/New_York over three years; in time's order with minutes between, or in none.
std::vector<Instant> instants_of(std::size_t count, bool in_order) {
  constexpr std::int64_t kFrom = 1672531200;
  constexpr std::int64_t kSpan = std::int64_t{3} * 365 * 86400;
  std::mt19937_64 random(7);
  std::vector<Instant> instants;
  for (std::size_t i = 0; i < count; ++i) {
    const auto position = in_order ? static_cast<std::int64_t>(i) * kSpan / static_cast<std::int64_t>(count)
                                   : static_cast<std::int64_t>(random() % kSpan);
    instants.push_back({kFrom + position, 0});
  }
  return instants;
}

template <class Make>
Texts texts_of(const std::vector<Instant>& instants, Make make) {
  Texts texts;
  for (const Instant& at : instants) texts.add(make(at));
  return texts;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  const auto database = crosswalk::ZoneDatabase::open();
  if (!database) return std::fprintf(stderr, "%s\n", database.error().text().c_str()), 1;
  const auto zone = (*database)->find("America/New_York");
  if (!zone) return std::fprintf(stderr, "%s\n", zone.error().text().c_str()), 1;

  const auto minute = [](Instant at) { return rfc3339(at).replace(10, 1, " ").substr(0, 16); };
  const auto second = [](Instant at) { return rfc3339(at).replace(10, 1, " ").substr(0, 19); };
  const auto zulu = [](Instant at) { return rfc3339(at); };
  const auto offset = [](Instant at) { return rfc3339(at).substr(0, 19) + "+00:00"; };
  const auto millis = [](Instant at) { return rfc3339(at).substr(0, 19) + ".957Z"; };
  const auto micros = [](Instant at) { return rfc3339(at).substr(0, 19) + ".957123+00:00"; };
  const auto us = [](Instant at) {
    const std::string text = rfc3339(at);
    return text.substr(5, 2) + "/" + text.substr(8, 2) + "/" + text.substr(0, 4) + " " + text.substr(11, 5);
  };
  const auto epoch = [](Instant at) { return std::to_string(at.seconds); };
  const auto epoch_ms = [](Instant at) { return std::to_string(at.seconds * 1000 + 957); };

  for (const bool in_order : {true, false}) {
    const std::vector<Instant> instants = instants_of(count, in_order);
    std::printf("%s\n", in_order ? "three years, in time's order" : "three years, in no order");
    const TimeFormat iso;
    read_all("  YYYY-MM-DD HH:MM, America/New_York", texts_of(instants, minute), iso, *zone);
    read_all("  YYYY-MM-DD HH:MM:SS, America/New_York", texts_of(instants, second), iso, *zone);
    read_all("  YYYY-MM-DDTHH:MM:SSZ", texts_of(instants, zulu), iso, nullptr);
    read_all("  YYYY-MM-DDTHH:MM:SS+00:00", texts_of(instants, offset), iso, nullptr);
    read_all("  YYYY-MM-DDTHH:MM:SS.mmmZ", texts_of(instants, millis), iso, nullptr);
    read_all("  YYYY-MM-DDTHH:MM:SS.uuuuuu+00:00", texts_of(instants, micros), iso, nullptr);
    read_all("  MM/DD/YYYY HH:MM (month_first), America/New_York", texts_of(instants, us),
             TimeFormat(TimeFormat::Form::month_first), *zone);
    read_all("  epoch_s", texts_of(instants, epoch), TimeFormat(TimeFormat::Form::epoch_s), nullptr);
    read_all("  epoch_ms", texts_of(instants, epoch_ms), TimeFormat(TimeFormat::Form::epoch_ms), nullptr);
    const auto pattern = TimeFormat::parse("%Y-%m-%d %H:%M");
    read_all("  pattern %Y-%m-%d %H:%M, America/New_York", texts_of(instants, minute), *pattern, *zone);
    write_all("  write_time", instants);
  }
  return 0;
}
