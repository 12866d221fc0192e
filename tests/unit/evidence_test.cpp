#include "normalize/evidence.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "crosswalk/time.hpp"

using namespace crosswalk;

namespace {

// New York, 2024-11-03: 05:00Z to 06:00Z is the first run of 01:00 to 02:00, 06:00Z to 07:00Z the second.
constexpr std::int64_t kFirstRun = 1'730'610'000;
constexpr std::int64_t kSecondRun = kFirstRun + 3'600;
constexpr std::int64_t kYear = 366LL * 86'400;
constexpr std::int64_t kYearBegins = 1'704'067'200;  // 2024-01-01T00:00:00Z

const Zone* new_york() {
  static const auto zones = ZoneDatabase::open();
  REQUIRE(zones.ok());
  const auto zone = (*zones)->find("America/New_York");
  REQUIRE(zone.ok());
  return *zone;
}

/// What an export in local time writes for an instant of 2024-11-03: minutes, no offset.
std::string local_minute(std::int64_t at) {
  const std::int64_t offset = at < kSecondRun ? -4 * 3'600 : -5 * 3'600;
  const std::int64_t minute = (at + offset) / 60 % (24 * 60);
  return fmt::format("2024-11-03 {:02}:{:02}", minute / 60, minute % 60);
}

struct Ticket {
  std::int64_t at;
  std::uint64_t id;
};

/// A year of tickets at random times, ids in order of creation but for up to five seconds. Only those of the two runs
/// are kept: the others are never in doubt.
std::vector<Ticket> simulated(std::size_t tickets, std::mt19937_64& random) {
  std::vector<std::pair<double, std::int64_t>> queue;  // (when the id is given, when the clock is read)
  std::uniform_int_distribution<std::int64_t> any(kYearBegins, kYearBegins + kYear - 1);
  std::uniform_real_distribution<double> jitter(0, 5);
  for (std::size_t i = 0; i < tickets; ++i) {
    const std::int64_t at = any(random);
    queue.emplace_back(static_cast<double>(at) + jitter(random), at);
  }
  std::sort(queue.begin(), queue.end());
  std::vector<Ticket> doubtful;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    const std::int64_t at = queue[i].second;
    if (at >= kFirstRun && at < kSecondRun + 3'600) doubtful.push_back({at, 1'000'000 + i});
  }
  return doubtful;
}

struct Tally {
  std::size_t tickets = 0, decided = 0, wrong = 0;
};

Tally judged(std::size_t tickets_a_year, int years, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Tally tally;
  TimeReader reader(TimeFormat(), new_york(), Disambiguation::compatible);
  for (int year = 0; year < years; ++year) {
    std::vector<Ticket> tickets = simulated(tickets_a_year, random);
    std::shuffle(tickets.begin(), tickets.end(), random);  // rows of an export follow no order
    EvidenceCollector collector(TimeFormat(), new_york());
    for (const Ticket& t : tickets) collector.add(std::to_string(t.id), local_minute(t.at));
    const Evidence evidence = collector.conclude();
    for (const Ticket& t : tickets) {
      const TimeReading reading = reader.read(local_minute(t.at));
      REQUIRE(reading.how == Known::repeated_earlier);
      const auto verdict = evidence.judge(std::to_string(t.id), reading.at);
      const auto truth = t.at < kSecondRun ? Evidence::Verdict::earlier : Evidence::Verdict::later;
      ++tally.tickets;
      tally.decided += verdict != Evidence::Verdict::undecided;
      tally.wrong += verdict != Evidence::Verdict::undecided && verdict != truth;
    }
  }
  return tally;
}

}  // namespace

TEST_CASE("a year of 100,000 tickets: nearly all of the repeated hour is decided, none of it wrong") {
  const Tally tally = judged(100'000, 20, 1);
  CHECK(tally.tickets > 300);
  CHECK(tally.wrong == 0);
  CHECK(static_cast<double>(tally.decided) >= 0.99 * static_cast<double>(tally.tickets));
}

TEST_CASE("a year of 10,000 tickets: abstains rather than errs") {
  const Tally tally = judged(10'000, 300, 2);
  CHECK(tally.tickets > 400);
  CHECK(tally.wrong == 0);
  CHECK(tally.decided < tally.tickets);
}

TEST_CASE("one fall decides; none or two do not") {
  struct Case {
    const char* what;
    std::vector<std::pair<const char*, const char*>> tickets;  // id, local time
    std::vector<Evidence::Verdict> verdicts;
  };
  using enum Evidence::Verdict;
  const Case cases[] = {
      {"one fall", {{"1", "01:10"}, {"2", "01:50"}, {"3", "01:05"}, {"4", "01:40"}}, {earlier, earlier, later, later}},
      {"no fall", {{"1", "01:10"}, {"2", "01:50"}}, {undecided, undecided}},
      {"two falls",
       {{"1", "01:50"}, {"2", "01:10"}, {"3", "01:50"}, {"4", "01:10"}},
       {undecided, undecided, undecided, undecided}},
      {"a fall within the tolerance", {{"1", "01:30"}, {"2", "01:25"}}, {undecided, undecided}},
      {"just beyond it", {{"1", "01:30"}, {"2", "01:24"}}, {earlier, later}},
      {"an id that is no number", {{"1", "01:50"}, {"2", "01:10"}, {"x-3", "01:20"}}, {earlier, later, undecided}},
      {"alone", {{"1", "01:30"}}, {undecided}},
  };
  TimeReader reader(TimeFormat(), new_york(), Disambiguation::compatible);
  for (const Case& c : cases) {
    CAPTURE(c.what);
    EvidenceCollector collector(TimeFormat(), new_york());
    for (const auto& [id, time] : c.tickets) collector.add(id, std::string("2024-11-03 ") + time);
    collector.add("0", "2024-11-03 12:00");  // not in doubt, so not a witness
    const Evidence evidence = collector.conclude();
    for (std::size_t i = 0; i < c.tickets.size(); ++i) {
      CAPTURE(i);
      const TimeReading reading = reader.read(std::string("2024-11-03 ") + c.tickets[i].second);
      CHECK(evidence.judge(c.tickets[i].first, reading.at) == c.verdicts[i]);
    }
  }
}

TEST_CASE("two years of one file are told apart") {
  EvidenceCollector collector(TimeFormat(), new_york());
  collector.add("10", "2023-11-05 01:50");
  collector.add("11", "2023-11-05 01:10");
  collector.add("20", "2024-11-03 01:10");
  collector.add("21", "2024-11-03 01:50");
  const Evidence evidence = collector.conclude();
  TimeReader reader(TimeFormat(), new_york(), Disambiguation::compatible);
  CHECK(evidence.judge("11", reader.read("2023-11-05 01:10").at) == Evidence::Verdict::later);
  CHECK(evidence.judge("20", reader.read("2024-11-03 01:10").at) == Evidence::Verdict::undecided);
}
