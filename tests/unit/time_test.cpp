// core/time: the table of tests/zones/cases.tsv, the rules behind it, and properties on random times.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "crosswalk/time.hpp"
#include "time/posix_rule.hpp"
#include "time/tzif.hpp"
#include "time/zone.hpp"

namespace {

using crosswalk::Disambiguation;
using crosswalk::Instant;
using crosswalk::Known;
using crosswalk::Result;
using crosswalk::TimeColumn;
using crosswalk::TimeFault;
using crosswalk::TimeFormat;
using crosswalk::TimeReader;
using crosswalk::TimeReading;
using crosswalk::Zone;
using crosswalk::ZoneDatabase;
using crosswalk::times::PosixRule;
using crosswalk::times::ZoneRules;

const ZoneDatabase& database() {
  static const std::shared_ptr<const ZoneDatabase> opened = [] {
    auto result = ZoneDatabase::open();
    REQUIRE_MESSAGE(result.ok(), "the system has no zone data");
    return *result;
  }();
  return *opened;
}

const Zone* zone(std::string_view name) {
  if (name == "-") return nullptr;
  const auto found = database().find(name);
  REQUIRE_MESSAGE(found.ok(), std::string(name));
  return *found;
}

std::string error_of(std::string_view name) {
  const auto found = database().find(name);
  REQUIRE_MESSAGE(!found.ok(), std::string(name));
  return found.error().text();
}

std::string written(Instant at) {
  char text[crosswalk::kTimeTextMax];
  return {text, static_cast<std::size_t>(crosswalk::write_time(at, text) - text)};
}

std::string_view name_of_fault(TimeFault fault) {
  switch (fault) {
    case TimeFault::none: return "none";
    case TimeFault::malformed: return "malformed";
    case TimeFault::impossible: return "impossible";
    case TimeFault::out_of_range: return "out_of_range";
    case TimeFault::no_zone: return "no_zone";
    case TimeFault::repeated: return "repeated";
    case TimeFault::skipped: return "skipped";
    case TimeFault::date_only: return "date_only";
    case TimeFault::contradiction: return "contradiction";
    case TimeFault::unknown_zone: return "unknown_zone";
  }
  return "unknown";
}

/// "2023-03-12T10:30:00Z skipped:later", or "error impossible".
std::string shown(const TimeReading& reading) {
  if (reading.fault != TimeFault::none) return "error " + std::string(name_of_fault(reading.fault));
  std::string text = written(reading.at) + " ";
  text += crosswalk::name_of(reading.how);
  if (reading.leap_second) text += " leap";
  return text;
}

std::string read(std::string_view text, std::string_view zone_name, std::string_view policy = "compatible",
                 std::string_view format = "iso") {
  const auto form = TimeFormat::parse(format);
  REQUIRE(form.ok());
  const auto how = crosswalk::parse_disambiguation(policy);
  REQUIRE(how.ok());
  return shown(TimeReader(*form, zone(zone_name), *how, &database()).read(text));
}

std::filesystem::path source_root() {
  if (const char* root = std::getenv("CROSSWALK_SOURCE_ROOT")) return root;
#ifdef CROSSWALK_SOURCE_DIR
  return CROSSWALK_SOURCE_DIR;
#else
  return ".";
#endif
}

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream stream(line);
  for (std::string cell; std::getline(stream, cell, '\t');) cells.push_back(cell);
  return cells;
}

Zone zone_of_rule(const std::string& text) {
  ZoneRules rules;
  rules.footer = PosixRule::parse(text);
  REQUIRE_MESSAGE(rules.footer.has_value(), text);
  return Zone(text, rules);
}

/// A zone made by hand: an offset, then changes.
Zone made_zone(std::int32_t first, std::vector<PosixRule::Change> changes) {
  ZoneRules rules;
  rules.first_offset = first;
  rules.changes = std::move(changes);
  return Zone("made", rules);
}

std::int64_t seconds_of(std::string_view text) {
  return TimeReader(TimeFormat(), zone("UTC"), Disambiguation::reject).read(text).at.seconds;
}

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kFirst = -62135596800;
constexpr std::int64_t kLast = 253402300799;

std::vector<const Zone*> all_zones() {
  std::vector<const Zone*> zones;
  for (const auto& name : database().names()) {
    if (name.kind == "iana") zones.push_back(zone(name.name));
  }
  return zones;
}

}  // namespace

TEST_CASE("time: every line of the table of cases") {
  std::ifstream file(source_root() / "tests/zones/cases.tsv");
  REQUIRE_MESSAGE(file.is_open(), "tests/zones/cases.tsv: set CROSSWALK_SOURCE_ROOT to the source folder");
  int cases = 0;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> cells = split(line);
    REQUIRE_MESSAGE(cells.size() == 6, "line ", number);
    const std::string text = cells[0] == "(empty)" ? "" : cells[0];
    CAPTURE(number);
    CAPTURE(line);
    CHECK(read(text, cells[1], cells[2], cells[3]) == cells[4] + " " + cells[5]);
    ++cases;
  }
  CHECK(cases >= 300);
}

TEST_CASE("time: the database") {
  CHECK(std::filesystem::is_directory(database().directory()));
  CHECK(database().version() != "");
  CHECK(database().find("Europe/Berlin").ok());
  CHECK(*database().find("Europe/Berlin") == *database().find("Europe/Berlin"));

  SUBCASE("no data there") {
    const auto opened = ZoneDatabase::open("/nonexistent");
    REQUIRE(!opened.ok());
    CHECK(opened.error().text() ==
          "there is no time zone data in '/nonexistent'\n"
          "  give a folder of compiled zone files, such as /usr/share/zoneinfo");
  }
  SUBCASE("names of all kinds, sorted") {
    const auto names = database().names();
    std::map<std::string, int> count;
    for (const auto& name : names) ++count[name.kind];
    CHECK(count["iana"] > 400);
    CHECK(count["rails"] == 157);
    CHECK(count["windows"] == 139);
    CHECK(std::is_sorted(names.begin(), names.end(),
                         [](const auto& a, const auto& b) { return a.kind != b.kind ? a.kind < b.kind : a.name < b.name; }));
    for (const auto& name : names) {
      CAPTURE(name.name);
      CHECK(database().find(name.name).ok());
      CHECK(database().find(name.target).ok());
    }
  }
  SUBCASE("Rails and Windows names stand for their zones") {
    for (const auto& name : database().names()) {
      // Some names are IANA names too; all others are read as what they stand for.
      if (name.kind == "iana" || name.name == "UTC" || name.name == "Singapore") continue;
      if (name.name.rfind("UTC", 0) == 0) continue;
      CAPTURE(name.name);
      CHECK(crosswalk::name_of(*zone(name.name)) == name.target);
    }
  }
}

TEST_CASE("time: zone names") {
  const auto found = [](std::string_view name) { return crosswalk::name_of(*zone(name)); };
  CHECK(found("America/New_York") == "America/New_York");
  CHECK(found("america/new_york") == "America/New_York");
  CHECK(found(" US/Eastern ") == "US/Eastern");
  CHECK(found("Pacific Time (US & Canada)") == "America/Los_Angeles");
  CHECK(found("pacific time (us & canada)") == "America/Los_Angeles");
  CHECK(found("Pacific Standard Time") == "America/Los_Angeles");
  CHECK(found("Kyiv") == "Europe/Kyiv");
  CHECK(found("Kiev") == "Europe/Kyiv");
  CHECK(found("Nuku'alofa") == "Pacific/Tongatapu");
  CHECK(found("UTC") == "UTC");
  CHECK(found("utc") == "UTC");
  CHECK(found("Z") == "UTC");
  CHECK(found("+00:00") == "UTC");
  CHECK(found("-00:00") == "UTC");
  CHECK(found("+05:30") == "+05:30");
  CHECK(found("+0530") == "+05:30");
  CHECK(found("utc+5") == "+05:00");
  CHECK(found("UTC-3") == "-03:00");
  CHECK(found("GMT+2") == "+02:00");
  CHECK(found("-00:44:30") == "-00:44:30");
  CHECK(found("+18:00") == "+18:00");
  CHECK(found("EST") == "EST");
  CHECK(found("UTC+12") == "+12:00");
  CHECK(crosswalk::offset_at(*zone("Etc/GMT+12"), 0) == -12 * 3600);
  CHECK(crosswalk::offset_at(*zone("GMT+12"), 0) == 12 * 3600);

  // As lists of zones show them: the name decides, not the offset in front.
  CHECK(found("(GMT-08:00) Pacific Time (US & Canada)") == "America/Los_Angeles");
  CHECK(found("(UTC-08:00) Pacific Time (US & Canada)") == "America/Los_Angeles");
  CHECK(found(" (utc-8)  Pacific Standard Time ") == "America/Los_Angeles");
  CHECK(found("(GMT+00:00) London") == "Europe/London");
  CHECK(found("(UTC) Europe/Berlin") == "Europe/Berlin");
  CHECK(found("(GMT+05:45)Kathmandu") == "Asia/Kathmandu");
  CHECK(found("(+05:30) Mumbai") == "Asia/Kolkata");
  CHECK(found("(UTC+01:00) New Delhi") == "Asia/Kolkata");
  CHECK(error_of("(GMT+05:30) Kolkatta") ==
        "'Kolkatta' is not a known time zone; the nearest names are 'Kolkata' and 'Asia/Kolkata'\n"
        "  'crosswalk zones' lists all names");
  for (const char* name :
       {"(GMT-08:00)", "(GMT-08:00) ", "()", "() London", "(", ")", "(GMT+19:00) London", "(GMT-08:75) London", "(8) London",
        "(GMT-08:00 London", "GMT-08:00) London", "(EST) London", "(GMT-08:00) (GMT-08:00) London", "(GMT-08:00) x"}) {
    CAPTURE(name);
    CHECK(!database().find(name).ok());
  }

  CHECK(error_of("Kolkatta") ==
        "'Kolkatta' is not a known time zone; the nearest names are 'Kolkata' and 'Asia/Kolkata'\n"
        "  'crosswalk zones' lists all names");
  CHECK(error_of("IST") ==
        "'IST' is not a known time zone: the abbreviation is ambiguous or has no rules of its own; it may mean "
        "Asia/Kolkata, Europe/Dublin or Asia/Jerusalem\n  give the zone's name; 'crosswalk zones' lists all names");
  CHECK(error_of("+18:01") ==
        "'+18:01' is not a known time zone\n"
        "  a fixed offset is written +05:30, -0300 or UTC-3, and is at most 18 hours");
  for (const char* name : {"",
                           "/",
                           "..",
                           "../../etc/passwd",
                           "/etc/passwd",
                           "America",
                           "America/",
                           "posix/UTC",
                           "right/UTC",
                           "localtime",
                           "posixrules",
                           "tzdata.zi",
                           "leapseconds",
                           "America/../UTC",
                           "Europe//Berlin",
                           "Europe/Berlin\n",
                           "+",
                           "+1:5",
                           "+5:300",
                           "UTC+",
                           "Europe/Berlin/x",
                           "CST"}) {
    CAPTURE(name);
    CHECK(!database().find(name).ok());
  }
  CHECK(!database().find(std::string(1 << 20, 'A')).ok());
  CHECK(!database().find(std::string("UTC\0", 4)).ok());
  CHECK(error_of("\x1b[31m") == "'\\x1B[31m' is not a known time zone\n  'crosswalk zones' lists all names");
}

TEST_CASE("time: a folder of another age or make") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("crosswalk-zones-" + std::to_string(std::random_device{}()));
  const auto copy = [&](const char* from, const char* to) {
    fs::create_directories((folder / to).parent_path());
    fs::copy_file(fs::path(database().directory()) / from, folder / to);
  };
  copy("Europe/Kyiv", "Europe/Kiev");
  copy("Asia/Kolkata", "Asia/Calcutta");
  std::ofstream(folder / "Broken") << "TZif2 and no more";
  std::ofstream(folder / "notes.txt") << "no zone";
  std::ofstream(folder / "+VERSION") << "2019c\n";

  const auto opened = ZoneDatabase::open(folder.string());
  REQUIRE(opened.ok());
  const ZoneDatabase& old = **opened;
  CHECK(old.version() == "2019c");
  const auto found = [&old](std::string_view name) {
    const auto result = old.find(name);
    return result ? crosswalk::name_of(**result) : result.error().message;
  };
  CHECK(found("Kyiv") == "Europe/Kiev");
  CHECK(found("Europe/Kyiv") == "Europe/Kiev");
  CHECK(found("FLE Standard Time") == "Europe/Kiev");
  CHECK(found("India Standard Time") == "Asia/Calcutta");
  CHECK(found("UTC") == "UTC");
  CHECK(found("Pacific Standard Time").find("is not a known time zone") != std::string::npos);
  CHECK(found("Broken") == "the zone file of 'Broken' is broken: it does not begin with a TZif header");
  CHECK(found("notes.txt").find("is not a known time zone") != std::string::npos);
  std::ofstream(folder / "tzdata.zi") << "# version 2031z\nL Europe/Kiev Europe/Uzhgorod\n";
  CHECK((*ZoneDatabase::open(folder.string()))->version() == "2031z");
  fs::remove_all(folder);
}

TEST_CASE("time: an old name that only tzdata.zi has") {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("crosswalk-links-" + std::to_string(::getpid()));
  fs::create_directories(folder / "America");
  fs::copy_file(database().directory() + "/America/New_York", folder / "America/New_York");
  std::ofstream(folder / "tzdata.zi") << "# version 2031z\nL America/New_York US/Eastern\nL America/Nowhere US/Nowhere\n"
                                         "L America/New_York ../Eastern\n";
  const auto opened = ZoneDatabase::open(folder.string());
  REQUIRE(opened.ok());
  const ZoneDatabase& zones = **opened;
  for (const char* name : {"US/Eastern", "us/eastern", "US/Eastern"}) {
    const auto found = zones.find(name);
    REQUIRE_MESSAGE(found.ok(), std::string(name));
    CHECK(crosswalk::name_of(**found) == "US/Eastern");
    CHECK(crosswalk::offset_at(**found, 1'735'689'600) == -5 * 3600);
  }
  CHECK(!zones.find("US/Nowhere").ok());
  CHECK(!zones.find("../Eastern").ok());
  CHECK(zones.find("US/Eastn").error().message == "'US/Eastn' is not a known time zone; the nearest names are 'US/Eastern'");
  const auto names = zones.names();
  CHECK(std::any_of(names.begin(), names.end(),
                    [](const auto& name) { return name.name == "US/Eastern" && name.target == "America/New_York"; }));
  fs::remove_all(folder);
}

TEST_CASE("time: a broken zone file is an error, whatever is wrong") {
  std::ifstream file(database().directory() + "/America/New_York", std::ios::binary);
  const std::string good((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  REQUIRE(crosswalk::times::parse_tzif(good, "x").ok());
  for (std::size_t size = 0; size < good.size(); ++size) {
    CHECK(!crosswalk::times::parse_tzif(std::string_view(good).substr(0, size), "x").ok());
  }
  // Any byte changed in any way: an answer or an error, and nothing worse. What can be read makes a zone.
  std::mt19937_64 random(11);
  for (int i = 0; i < 20000; ++i) {
    std::string bad = good;
    for (int changes = 1 + static_cast<int>(random() % 3); changes > 0; --changes) {
      bad[random() % (i % 2 == 0 ? bad.size() : 120)] = static_cast<char>(random());
    }
    const auto rules = crosswalk::times::parse_tzif(bad, "x");
    if (!rules.ok()) continue;
    const Zone made("x", *rules);
    const auto meaning = made.meaning_of(static_cast<std::int64_t>(random() % kLast));
    CHECK(meaning.earlier <= meaning.later);
  }
}

TEST_CASE("time: POSIX rules") {
  CHECK(PosixRule::parse("UTC0")->standard_offset == 0);
  CHECK(PosixRule::parse("<-03>3")->standard_offset == -3 * 3600);
  CHECK(PosixRule::parse("<+0530>-5:30")->standard_offset == 5 * 3600 + 1800);
  CHECK(PosixRule::parse("LMT-0:01:15")->standard_offset == 75);
  CHECK(PosixRule::parse("EST5EDT,M3.2.0,M11.1.0")->summer_offset == -4 * 3600);
  CHECK(PosixRule::parse("IST-1GMT0,M10.5.0,M3.5.0/1")->summer_offset == 0);
  CHECK(PosixRule::parse("<-02>2<-01>,M3.5.0/-1,M10.5.0/0")->summer_begins.time == -3600);
  CHECK(PosixRule::parse("X3Y,M3.5.0/1") == std::nullopt);
  for (const char* bad : {"",
                          "E5",
                          "EST",
                          "EST5EDT",
                          "EST25",
                          "EST5EDT,M3.2.0",
                          "EST5EDT,M13.2.0,M11.1.0",
                          "EST5EDT,M3.6.0,M11.1.0",
                          "EST5EDT,M3.0.0,M11.1.0",
                          "EST5EDT,M3.2.7,M11.1.0",
                          "EST5EDT,J0,J365",
                          "EST5EDT,J366,J365",
                          "EST5EDT,366,1",
                          "EST5EDT,M3.2.0/168,M11.1.0",
                          "EST5EDT,M3.2.0,M11.1.0,",
                          "EST5EDT,M3.2.0,M11.1.0x",
                          "<EST5",
                          "<>5",
                          "EST5:60",
                          "EST+-5"}) {
    CAPTURE(bad);
    CHECK(PosixRule::parse(bad) == std::nullopt);
  }
  CHECK(PosixRule::parse("EST5EDT,M3.2.0/-167,M11.1.0/167:59:59").has_value());

  const auto offset = [](const char* rule, std::string_view at) {
    return crosswalk::offset_at(zone_of_rule(rule), seconds_of(at));
  };
  SUBCASE("day 60 by Jn is 1 March in every year, by n in leap years 29 February's morrow") {
    CHECK(offset("AAA0BBB,J60/0,J300/0", "2023-03-01 00:00") == 3600);
    CHECK(offset("AAA0BBB,J60/0,J300/0", "2024-02-29 23:59") == 0);
    CHECK(offset("AAA0BBB,J60/0,J300/0", "2024-03-01 00:00") == 3600);
    CHECK(offset("AAA0BBB,59/0,300/0", "2023-03-01 00:00") == 3600);
    CHECK(offset("AAA0BBB,59/0,300/0", "2024-02-28 23:59") == 0);
    CHECK(offset("AAA0BBB,59/0,300/0", "2024-02-29 00:00") == 3600);
  }
  SUBCASE("summer time all year has no gap at New Year") {
    const Zone all_year = zone_of_rule("XXX3EDT4,0/0,J365/23");
    for (const char* year : {"0002", "1970", "2023", "2024", "2025", "2400", "9999"}) {
      const std::int64_t new_year = seconds_of(std::string(year) + "-01-01 00:00");
      for (std::int64_t local = new_year - 7200; local <= new_year + 7200; local += 600) {
        CHECK(all_year.meaning_of(local).kind == Zone::Meaning::Kind::unique);
        CHECK(all_year.meaning_of(local).earlier == local + 4 * 3600);
      }
    }
  }
  SUBCASE("without a change before it, the rule holds in every year") {
    const Zone rule = zone_of_rule("EST5EDT,M3.2.0,M11.1.0");
    for (const char* year : {"0001", "1500", "1969", "2024", "2400", "2401", "9999"}) {
      CAPTURE(year);
      CHECK(crosswalk::offset_at(rule, seconds_of(std::string(year) + "-01-15 12:00")) == -5 * 3600);
      CHECK(crosswalk::offset_at(rule, seconds_of(std::string(year) + "-07-15 12:00")) == -4 * 3600);
    }
  }
  SUBCASE("hours beyond a day") {
    // Saturday before the last Sunday in March at 22:00, which is Sunday 0:00 less two hours.
    CHECK(offset("AAA0BBB,M3.5.0/-2,M10.5.0/-2", "2025-03-29 21:59:59") == 0);
    CHECK(offset("AAA0BBB,M3.5.0/-2,M10.5.0/-2", "2025-03-29 22:00:00") == 3600);
    // Jerusalem: Friday before the last Sunday in March, as the fourth Thursday and 26 hours.
    CHECK(offset("IST-2IDT,M3.4.4/26,M10.5.0", "2025-03-27 23:59:59") == 7200);
    CHECK(offset("IST-2IDT,M3.4.4/26,M10.5.0", "2025-03-28 00:00:00") == 10800);
  }
}

TEST_CASE("time: changes so near each other that their doubts meet") {
  // +1 h at 0, back at 600 s: 01:00 to 01:10 on the clocks of the second span lies in the gap's shadow.
  const Zone blink = made_zone(0, {{0, 3600}, {600, 0}});
  const auto meaning = [](const Zone& made, std::int64_t local) {
    const auto answer = made.meaning_of(local);
    return std::tuple(answer.kind, answer.earlier, answer.later);
  };
  using Kind = Zone::Meaning::Kind;
  CHECK(meaning(blink, -1) == std::tuple(Kind::unique, -1, -1));
  CHECK(meaning(blink, 0) == std::tuple(Kind::skipped, -3600, 0));
  CHECK(meaning(blink, 599) == std::tuple(Kind::skipped, -3001, 599));
  CHECK(meaning(blink, 600) == std::tuple(Kind::unique, 600, 600));
  CHECK(meaning(blink, 3599) == std::tuple(Kind::unique, 3599, 3599));
  CHECK(meaning(blink, 3600) == std::tuple(Kind::repeated, 0, 3600));
  CHECK(meaning(blink, 4199) == std::tuple(Kind::repeated, 599, 4199));
  CHECK(meaning(blink, 4200) == std::tuple(Kind::unique, 4200, 4200));

  // Two steps back within an hour: a time can come three times; the first and the last are the answers.
  const Zone back = made_zone(7200, {{0, 3600}, {1800, 0}});
  CHECK(meaning(back, 4000) == std::tuple(Kind::repeated, -3200, 4000));
  CHECK(back.meaning_of(3600 + 900).earlier == -2700);
  CHECK(back.meaning_of(3600 + 900).later == 4500);

  // A day taken out and put back.
  const Zone day = made_zone(-11 * 3600, {{0, 13 * 3600}, {10 * kDay, -11 * 3600}});
  CHECK(meaning(day, 0) == std::tuple(Kind::skipped, -13 * 3600, 11 * 3600));
  CHECK(meaning(day, 10 * kDay) == std::tuple(Kind::repeated, 10 * kDay - 13 * 3600, 10 * kDay + 11 * 3600));

  // The quick look must never say more than the long one.
  std::mt19937_64 random(3);
  for (int round = 0; round < 60; ++round) {
    std::vector<PosixRule::Change> changes;
    std::int64_t at = 0;
    for (int i = 0; i < 12; ++i) {
      at += 1 + static_cast<std::int64_t>(random() % 7200);
      changes.push_back({at, static_cast<std::int32_t>(random() % 10000) - 5000});
    }
    const Zone wild = made_zone(0, changes);
    for (int i = 0; i < 60; ++i) {
      const auto local = static_cast<std::int64_t>(random() % 100000) - 10000;
      const auto answer = wild.meaning_of(local);
      std::vector<std::int64_t> instants;
      for (std::int64_t offset = -5000; offset < 5000; ++offset) {
        if (wild.offset_at(local - offset) == offset) instants.push_back(local - offset);
      }
      REQUIRE((answer.kind == Kind::skipped) == instants.empty());
      REQUIRE((answer.kind == Kind::repeated) == (instants.size() > 1));
      if (!instants.empty()) {
        REQUIRE(answer.earlier == *std::min_element(instants.begin(), instants.end()));
        REQUIRE(answer.later == *std::max_element(instants.begin(), instants.end()));
      }
      if (const Zone::Span* span = wild.sure_span(local)) {
        REQUIRE(answer.kind == Kind::unique);
        REQUIRE(answer.earlier == local - span->offset);
      }
    }
  }
}

TEST_CASE("time: from instant to local to instant, in every zone") {
  std::mt19937_64 random(1);
  for (const Zone* in : all_zones()) {
    CAPTURE(crosswalk::name_of(*in));
    for (int i = 0; i < 400; ++i) {
      // Half of them anywhere, half of them near a change.
      std::int64_t instant = kFirst + kDay + static_cast<std::int64_t>(random() % (kLast - kFirst - 2 * kDay));
      if (i % 2 == 0) {
        const auto& spans = in->spans();
        const std::int64_t near = spans[random() % spans.size()].begin;
        if (near > kFirst + kDay) instant = near + static_cast<std::int64_t>(random() % 14400) - 7200;
      }
      const std::int64_t local = instant + crosswalk::offset_at(*in, instant);
      const auto meaning = in->meaning_of(local);
      REQUIRE(meaning.kind != Zone::Meaning::Kind::skipped);
      REQUIRE((meaning.earlier == instant || meaning.later == instant));
      if (const Zone::Span* span = in->sure_span(local)) {
        REQUIRE(meaning.kind == Zone::Meaning::Kind::unique);
        REQUIRE(local - span->offset == instant);
      }
      std::string text = written({local, 0});
      text.pop_back();
      TimeReader earlier(TimeFormat(), in, Disambiguation::earlier);
      TimeReader later(TimeFormat(), in, Disambiguation::later);
      REQUIRE(earlier.read(text).at.seconds == meaning.earlier);
      REQUIRE(later.read(text).at.seconds == meaning.later);
    }
  }
}

TEST_CASE("time: outside of overlaps time goes forward") {
  for (const char* name : {"America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Antarctica/Troll",
                           "Europe/Dublin", "Europe/Amsterdam"}) {
    CAPTURE(name);
    const Zone* in = zone(name);
    const std::int64_t until = seconds_of("2060-01-01 00:00");
    std::int64_t before = kFirst;
    int steps_back = 0;
    for (std::int64_t local = seconds_of("1880-01-01 00:00"); local < until; local += 847) {
      const auto meaning = in->meaning_of(local);
      if (meaning.kind != Zone::Meaning::Kind::unique) continue;
      if (meaning.earlier <= before) ++steps_back;
      before = meaning.earlier;
    }
    CHECK(steps_back == 0);
  }
}

TEST_CASE("time: neither TZ nor locale nor threads matter") {
  const auto answers = [] {
    std::string all;
    for (const char* name : {"America/New_York", "Pacific Time (US & Canada)", "Europe/Dublin", "+05:30"}) {
      for (const char* text : {"2023-03-12 02:30", "2023-11-05 01:30:00.125", "1883-11-18 12:00", "2050-07-01 12:00"}) {
        all += read(text, name) + "\n";
      }
    }
    all += read("Sat, 14 Mar 2026 13:05:00 +0100", "-", "compatible", "rfc2822");
    all += read("3/14/2026 1:05 PM", "UTC", "compatible", "month_first");
    return all;
  };
  const std::string expected = answers();

  const char* old_zone = std::getenv("TZ");
  const std::string kept = old_zone == nullptr ? "" : old_zone;
  for (const std::string& hostile : {std::string("../../etc/passwd"), std::string("Asia/Tokyo"), std::string(4096, 'x')}) {
    setenv("TZ", hostile.c_str(), 1);
    for (const char* locale : {"tr_TR.UTF-8", "de_DE.UTF-8", "C"}) {
      std::setlocale(LC_ALL, locale);  // where it is not installed nothing changes, and nothing may
      CHECK(answers() == expected);
    }
  }
  std::setlocale(LC_ALL, "C");
  if (old_zone == nullptr) {
    unsetenv("TZ");
  } else {
    setenv("TZ", kept.c_str(), 1);
  }

  // A fresh database, asked by all threads at once.
  const auto fresh = ZoneDatabase::open();
  REQUIRE(fresh.ok());
  std::vector<std::string> results(8);
  std::vector<std::thread> threads;
  for (std::string& result : results) {
    threads.emplace_back([&result, &database = **fresh] {
      for (const auto& name : {"Europe/Berlin", "paris", "Europe/Paris", "mumbai", "nowhere", "UTC+3", "Eastern"}) {
        const auto found = database.find(name);
        result += found ? shown(TimeReader(TimeFormat(), *found, Disambiguation::later).read("2023-10-29 02:30"))
                        : found.error().message;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& result : results) CHECK(result == results.front());
}

TEST_CASE("time: the quick reader and the thorough one agree on every text") {
  // A blank in front sends a text to the thorough one; trimming it must not change the answer.
  std::mt19937_64 random(5);
  const std::string_view alphabet = "0123456789::--TtZz+., ";
  const std::string seeds[] = {"2023-03-12T02:30",           "2023-11-05 01:30:00",           "2023-11-05T01:30:00Z",
                               "2023-11-05T01:30:00.957Z",   "2023-11-05T01:30:00+05:30",     "2023-11-05T01:30:00.957123-07:00",
                               "2023-12-31 23:59:59,123456", "2024-02-29T00:00:00.123456789Z"};
  TimeReader reader(TimeFormat(), zone("America/New_York"), Disambiguation::later);
  int good = 0;
  for (int i = 0; i < 200000; ++i) {
    std::string text = seeds[random() % std::size(seeds)];
    for (int changes = static_cast<int>(random() % 3); changes > 0; --changes) {
      const std::size_t at = random() % text.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0: text.erase(at, 1); break;
        case 1: text.insert(at, 1, c); break;
        default: text[at] = c; break;
      }
    }
    const TimeReading quick = reader.read(text);
    const TimeReading thorough = reader.read(" " + text);
    CAPTURE(text);
    REQUIRE(shown(quick) == shown(thorough));
    if (quick.fault == TimeFault::none) ++good;
  }
  CHECK(good > 50000);
}

TEST_CASE("time: any bytes are an answer or a fault") {
  std::mt19937_64 random(6);
  std::vector<TimeReader> readers;
  for (const char* format : {"iso", "epoch_s", "epoch_ms", "epoch_us", "month_first", "day_first", "rfc2822", "%d.%m.%Y %H:%M",
                             "%s", "%A %B %e %I:%M:%S.%f %p %y %z"}) {
    readers.emplace_back(*TimeFormat::parse(format), zone("Europe/London"), Disambiguation::compatible);
  }
  const std::string_view likely = "0123456789-/:. TZ+,PMAGSatDec\xE2\x88\x92\0";
  for (int i = 0; i < 50000; ++i) {
    std::string text(random() % 40, '\0');
    for (char& c : text) c = i % 4 == 0 ? static_cast<char>(random()) : likely[random() % likely.size()];
    for (TimeReader& reader : readers) {
      const TimeReading reading = reader.read(text);
      if (reading.fault != TimeFault::none) {
        CHECK(!crosswalk::explain(reading.fault, text, "Europe/London").message.empty());
        continue;
      }
      CHECK(reading.at.seconds >= kFirst);
      CHECK(reading.at.seconds <= kLast);
      CHECK(reading.at.nanos < 1'000'000'000);
    }
  }
}

TEST_CASE("time: writing") {
  CHECK(written({0, 0}) == "1970-01-01T00:00:00Z");
  CHECK(written({-1, 999'999'999}) == "1969-12-31T23:59:59.999999999Z");
  CHECK(written({kFirst, 0}) == "0001-01-01T00:00:00Z");
  CHECK(written({kLast, 999'999'999}) == "9999-12-31T23:59:59.999999999Z");
  CHECK(written({kLast, 999'999'999}).size() == crosswalk::kTimeTextMax);
  CHECK(written({1700000000, 120'000'000}) == "2023-11-14T22:13:20.12Z");
  CHECK(written({1700000000, 1}) == "2023-11-14T22:13:20.000000001Z");
  for (std::uint32_t nanos = 1; nanos < 1'000'000'000; nanos = nanos * 3 + 7'000) {  // and each with zeros at its end
    for (std::uint32_t power = 1; power <= nanos; power *= 10) {
      const std::uint32_t part = nanos / power * power;
      std::string digits = fmt::format("{:09}", part);
      digits.erase(digits.find_last_not_of('0') + 1);
      CHECK(written({1700000000, part}) == fmt::format("2023-11-14T22:13:20.{}Z", digits));
    }
  }

  std::mt19937_64 random(2);
  TimeReader reader(TimeFormat(), nullptr, Disambiguation::reject);
  for (int i = 0; i < 100000; ++i) {
    constexpr std::uint32_t kUnits[] = {1'000'000'000, 100'000'000, 1'000'000, 1'000, 1};
    const std::uint32_t unit = kUnits[random() % 5];
    const Instant at{kFirst + static_cast<std::int64_t>(random() % (kLast - kFirst + 1)),
                     static_cast<std::uint32_t>(random() % (1'000'000'000 / unit) * unit)};
    const TimeReading back = reader.read(written(at));
    REQUIRE(back.fault == TimeFault::none);
    REQUIRE(back.at == at);
  }
}

TEST_CASE("time: names of policies and formats") {
  CHECK(*crosswalk::parse_disambiguation("compatible") == Disambiguation::compatible);
  CHECK(*crosswalk::parse_disambiguation("reject") == Disambiguation::reject);
  CHECK(crosswalk::parse_disambiguation("latest").error().text() ==
        "'latest' is no way to decide a repeated or skipped local time\n  one of: compatible, earlier, later, reject");
  CHECK(TimeFormat::parse("day_first")->form() == TimeFormat::Form::day_first);
  CHECK(TimeFormat::parse("%d.%m.%Y %H")->pattern() == "%d.%m.%Y %H");
  CHECK(
      TimeFormat::parse("isoo").error().text() ==
      "'isoo' is not a time format\n  one of: iso, epoch_s, epoch_ms, epoch_us, epoch_ns, month_first, day_first, rfc2822, or a "
      "pattern such as '%d.%m.%Y %H:%M'");

  const auto why = [](std::string_view pattern) {
    const auto format = TimeFormat::parse(pattern);
    return format ? std::string() : format.error().message;
  };
  CHECK(why("%Y-%m-%d %H:%M") == "");
  CHECK(why("%s") == "");
  CHECK(why("%Q") == "the time format '%Q' cannot be used: there is no conversion '%Q'");
  CHECK(why("%Y-%m-%d %") == "the time format '%Y-%m-%d %' cannot be used: it ends in a single '%'");
  CHECK(why("%Y-%m-%d") == "the time format '%Y-%m-%d' cannot be used: it gives no hour, and a date alone is no time");
  CHECK(why("%H:%M") == "the time format '%H:%M' cannot be used: it gives no year");
  CHECK(why("%Y %H:%M") == "the time format '%Y %H:%M' cannot be used: it gives no month");
  CHECK(why("%Y %b %H:%M") == "the time format '%Y %b %H:%M' cannot be used: it gives no day");
  CHECK(why("%F %I:%M") == "the time format '%F %I:%M' cannot be used: '%I' needs '%p' to tell morning from afternoon");
  CHECK(why("%F %R %p") == "the time format '%F %R %p' cannot be used: '%p' goes with '%I', not with '%H'");
  CHECK(why("%F %y %R") == "the time format '%F %y %R' cannot be used: '%Y' and '%y' say the same thing");
  CHECK(why("%s %z") == "the time format '%s %z' cannot be used: '%s' is a whole time and allows no other part");
  CHECK(why("%F %H.%f") == "the time format '%F %H.%f' cannot be used: '%f' needs '%S'");
  CHECK(why("%Y-%j %R") == "");
  CHECK(why("%y%j%H") == "");
  CHECK(why("%j %R") == "the time format '%j %R' cannot be used: it gives no year");
  CHECK(why("%j %j %Y %R") == "the time format '%j %j %Y %R' cannot be used: '%j' and '%j' say the same thing");
  for (const std::string other : {"%m", "%b", "%B", "%d", "%e", "%m-%d"}) {
    const std::string pattern = "%Y-%j " + other + " %R";
    CHECK(why(pattern) ==
          "the time format '" + pattern + "' cannot be used: '%j' says month and day at once and allows neither beside it");
  }
  CHECK(why("%j %F %R") ==
        "the time format '%j %F %R' cannot be used: '%j' says month and day at once and allows neither beside it");
}

TEST_CASE("time: the day of the year, of every day of a leap year and of others") {
  TimeReader reader(*TimeFormat::parse("%Y-%j %H:%M"), zone("UTC"), Disambiguation::reject);
  TimeReader iso(TimeFormat(), zone("UTC"), Disambiguation::reject);
  for (const int year : {1, 1600, 1900, 2000, 2023, 2024, 9999}) {
    constexpr int kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int day_of_year = 0;
    for (int month = 1; month <= 12; ++month) {
      for (int day = 1; day <= kDays[month - 1] + (month == 2 && leap ? 1 : 0); ++day) {
        char by_day[32];
        char by_month[32];
        std::snprintf(by_day, sizeof by_day, "%04d-%03d 13:05", year, ++day_of_year);
        std::snprintf(by_month, sizeof by_month, "%04d-%02d-%02d 13:05", year, month, day);
        CAPTURE(by_day);
        const auto one = reader.read(by_day);
        CHECK(one.fault == TimeFault::none);
        CHECK(one.at == iso.read(by_month).at);
      }
    }
    for (const int none : {0, day_of_year + 1, 367, 999}) {
      char text[32];
      std::snprintf(text, sizeof text, "%04d-%03d 13:05", year, none);
      CAPTURE(text);
      CHECK(reader.read(text).fault == TimeFault::impossible);
    }
  }
  for (const char* text : {"2024-60 13:05", "2024-6 13:05", "2024-0060 13:05", "2024- 60 13:05", "2024-06a 13:05"}) {
    CAPTURE(text);
    CHECK(reader.read(text).fault == TimeFault::malformed);
  }
  TimeReader packed(*TimeFormat::parse("%j%y%H%M%z"), nullptr, Disambiguation::reject);
  CHECK(packed.read("06024130500+0100").fault == TimeFault::malformed);
  CHECK(packed.read("060241305+0100").at == iso.read("2024-02-29 12:05").at);
  TimeReader named(*TimeFormat::parse("%a %Y/%j %H"), zone("UTC"), Disambiguation::reject);
  CHECK(named.read("Thu 2024/060 00").fault == TimeFault::none);
  CHECK(named.read("Fri 2024/060 00").fault == TimeFault::impossible);
}

TEST_CASE("time: what a fault says and its cure") {
  const auto said = [](TimeFault fault, std::string_view text, std::string_view in = "") {
    const auto complaint = crosswalk::explain(fault, text, in);
    return complaint.message + " | " + complaint.cure;
  };
  CHECK(said(TimeFault::impossible, "2019-13-01 00:00") ==
        "'2019-13-01 00:00' cannot be: there is no month 13 | correct it in the source");
  CHECK(said(TimeFault::impossible, "2019-02-30 00:00") ==
        "'2019-02-30 00:00' cannot be: February has no day 30 | correct it in the source");
  CHECK(said(TimeFault::impossible, "1900-02-29 00:00") ==
        "'1900-02-29 00:00' cannot be: 1900 has no 29 February | correct it in the source");
  CHECK(said(TimeFault::impossible, "2019-02-03 24:00") ==
        "'2019-02-03 24:00' cannot be: the day ends at 23:59; midnight is 00:00 of the next day | correct it in the "
        "source");
  CHECK(said(TimeFault::impossible, "2019-02-03T12:00:61Z") ==
        "'2019-02-03T12:00:61Z' cannot be: there is no second 61 | correct it in the source");
  CHECK(said(TimeFault::impossible, "2019-02-03T12:00:60Z") ==
        "'2019-02-03T12:00:60Z' cannot be: a leap second ':60' comes only at the end of an hour | correct it in the "
        "source");
  CHECK(said(TimeFault::impossible, "Fri, 14 Mar 2026 13:05:00 +0100") ==
        "'Fri, 14 Mar 2026 13:05:00 +0100' cannot be: that day is a Saturday | correct it in the source");
  CHECK(said(TimeFault::no_zone, "2019-01-01 00:00") ==
        "'2019-01-01 00:00' has no offset from UTC, and no time zone is given | "
        "say in which zone the source writes its times: --time-zone");
  CHECK(said(TimeFault::repeated, "2023-11-05 01:30", "America/New_York") ==
        "'2023-11-05 01:30' came twice in America/New_York, when the clocks were set back | "
        "--disambiguation compatible or earlier takes the first, later the second");
  CHECK(said(TimeFault::skipped, "2023-03-12 02:30", "America/New_York") ==
        "'2023-03-12 02:30' never was in America/New_York: the clocks were set forward over it | "
        "--disambiguation compatible or later reads it with the offset before the gap, earlier with the one after");
  CHECK(said(TimeFault::malformed, "3/4/2026 10:00") ==
        "'3/4/2026 10:00' is not written as the times of this source are | "
        "if the day comes first, --set time_format=day_first; if the month does, --set time_format=month_first");
  CHECK(said(TimeFault::malformed, "soon\x1b[0m") ==
        "'soon\\x1B[0m' is not written as the times of this source are | check the setting time_format of this source");
  CHECK(said(TimeFault::malformed, "1700000000") ==
        "'1700000000' is not written as the times of this source are | "
        "for a number since 1970, --set time_format=epoch_s, epoch_ms, epoch_us or epoch_ns");
  for (const std::string serial : {"45672.39583", "45672", "45672.395833333336", "45672,39583"}) {
    CHECK(said(TimeFault::malformed, serial) ==
          "'" + serial +
              "' is a spreadsheet's serial day number, not a time | export again and do not open the file in a "
              "spreadsheet, or format the column as yyyy-mm-dd hh:mm:ss there");
  }
  for (const std::string number : {"19999.5", "80000", "456720", "4567", "-45672"}) {
    CHECK(said(TimeFault::malformed, number).find("for a number since 1970") != std::string::npos);
  }
  CHECK(said(TimeFault::malformed, "") == "the text is empty where a time should be | leave the field out, or give a time");
  CHECK(said(TimeFault::date_only, "2026-03-14") ==
        "'2026-03-14' is a date without a clock, and this source does not say which moment of the day it means | "
        "a time of day is needed, such as '2026-03-14 13:05'");
  CHECK(said(TimeFault::none, "x") == " | ");
}

TEST_CASE("time: a day and month the wrong way round") {
  const auto said = [](std::string_view text) {
    const auto complaint = crosswalk::explain(TimeFault::impossible, text, "");
    return complaint.message + " | " + complaint.cure;
  };
  const std::string other_way = "correct it in the source; if day and month are the other way round here, --set time_format=";
  CHECK(said("3/14/2026 13:05") == "'3/14/2026 13:05' cannot be: there is no month 14 | " + other_way + "month_first");
  CHECK(said("14/3/2026 13:05") == "'14/3/2026 13:05' cannot be: there is no month 14 | " + other_way + "day_first");
  CHECK(said("31/4/2026 13:05") == "'31/4/2026 13:05' cannot be: April has no day 31 | correct it in the source");
  CHECK(said("4/31/2026 13:05") == "'4/31/2026 13:05' cannot be: April has no day 31 | correct it in the source");
  CHECK(said("3/4/2026 13:05 PM") ==
        "'3/4/2026 13:05 PM' cannot be: there is no hour 13 with AM or PM | correct it in the source");
}

TEST_CASE("time: the answer to a line of the verb") {
  const Zone* in = zone("America/New_York");
  TimeReader reader(TimeFormat(), in, Disambiguation::compatible);
  std::string out;
  CHECK(crosswalk::append_time_answer(reader, in, "2024-11-03 01:30", out));
  CHECK(out == "2024-11-03T05:30:00Z\trepeated:earlier");
  out.clear();
  CHECK(!crosswalk::append_time_answer(reader, in, "2024-13-03 01:30", out));
  CHECK(out == "error\t'2024-13-03 01:30' cannot be: there is no month 13");
}

TEST_CASE("time: the form is settled for each file, the order of day and month for all of them") {
  TimeColumn column;
  column.start("a.csv");
  column.observe("2023-03-14 09:26");
  column.start("b.csv");
  column.observe("3/5/2023 9:26");
  CHECK_FALSE(column.conclude().ok());  // b.csv has nothing else
  column.observe("3/15/2023 9:26");
  auto format = column.conclude();
  REQUIRE(format.ok());
  CHECK(format->form() == TimeFormat::Form::iso);
  CHECK(format->order() == TimeFormat::Form::month_first);
  format->read_other_forms();
  TimeReader reader(*format, zone("UTC"), Disambiguation::compatible, &database());
  CHECK(shown(reader.read("2023-03-14 09:26")) == "2023-03-14T09:26:00Z unique");
  CHECK(shown(reader.read("3/5/2023 9:26")) == "2023-03-05T09:26:00Z unique");
  CHECK(shown(reader.read("14-Mar-23 9:26 PM")) == "2023-03-14T21:26:00Z unique");
  CHECK(shown(reader.read("1678785960000")) == "2023-03-14T09:26:00Z offset");
  CHECK(shown(reader.read("15/3/2023 9:26")) == "error impossible");
  CHECK(shown(reader.read("16787859600")) == "error malformed");  // of no unit for certain

  column.start("c.csv");
  column.observe("15/3/2023 9:26");
  CHECK(column.conclude().error().message ==
        "how this column writes its times is not certain: one value has the day first, another the month: '15/3/2023 9:26' in "
        "c.csv "
        "and '3/15/2023 9:26' in b.csv");
}

TEST_CASE("time: advice holds a pattern that reads the value") {
  const auto cure = [](std::string_view text) { return crosswalk::explain(TimeFault::malformed, text, "").cure; };
  for (const auto& [text, pattern] :
       std::initializer_list<std::pair<std::string_view, std::string>>{{"2026-03-14 09h26", "%Y-%m-%d %Hh%M"},
                                                                       {"2026-03-14_09-26-05", "%Y-%m-%d_%H-%M-%S"},
                                                                       {"2026-073 09:26", "%Y-%j %H:%M"},
                                                                       {"20260314 0926", "%Y%m%d %H%M"},
                                                                       {"14.03.2026, 09:26 Uhr", "%d.%m.%Y, %H:%M Uhr"},
                                                                       {"2026年3月14日 09:26", "%Y年%m月%d日 %H:%M"},
                                                                       {"2026年3月14日 9時26分", "%Y年%m月%d日 %H時%M分"},
                                                                       {"14-03-2026T09:26", "%d-%m-%YT%H:%M"},
                                                                       {"20260314092605", "%Y%m%d%H%M%S"}}) {
    CAPTURE(text);
    if (text != "20260314092605") CHECK(cure(text) == "--set 'time_format=" + pattern + "' reads it");
    CHECK(shown(TimeReader(*TimeFormat::parse(pattern), zone("UTC"), Disambiguation::compatible).read(text))
              .starts_with("2026-03-14T09:26"));
  }
  CHECK(cure("23-03-12 03:00") ==
        "if the year comes first, --set 'time_format=%y-%m-%d %H:%M'; if the day does, --set time_format=day_first");
  CHECK(cure("20260314092605").ends_with("for a date without separators, --set 'time_format=%Y%m%d%H%M%S'"));
  CHECK(cure("03.04.2026, 09:26 Uhr") ==
        "if the day comes first, --set 'time_format=%d.%m.%Y, %H:%M Uhr'; if the month does, --set 'time_format=%m.%d.%Y, %H:%M "
        "Uhr'");
  CHECK(cure("13/4/2026 10:00") == "--set time_format=day_first reads it");
  CHECK(cure("2026-03-14 09:26 PST") ==
        "export the offset or the zone's whole name instead; where it is one zone all along, --set 'time_format=%Y-%m-%d %H:%M "
        "PST' and that zone as --time-zone");
  CHECK(cure("soon") == "check the setting time_format of this source");
  CHECK(cure("soon PST") == "check the setting time_format of this source");
  const auto message = [](std::string_view text) { return crosswalk::explain(TimeFault::malformed, text, "").message; };
  CHECK(message("26:00.0") ==
        "'26:00.0' is minutes and seconds: a spreadsheet showed no more of this time, saved what it showed, and "
        "the date is lost");
  CHECK(message("########") ==
        "'########' is what a spreadsheet shows where a column is too narrow; it saved that, and the time is lost");
  CHECK(message("9:26 AM") == "'9:26 AM' is a time of day without a date");
  CHECK(message("1.68E+09") == "'1.68E+09' is a number in exponent form: a spreadsheet rounded it, and the time is lost");
  CHECK(message("#VALUE!") == "'#VALUE!' is the error of a spreadsheet's formula, not a time");
  CHECK(message("Err:502") == "'Err:502' is the error of a spreadsheet's formula, not a time");
  CHECK(message("=NOW()") == "'=NOW()' is a spreadsheet's formula, not a time");
  CHECK(message("2026-03-14 09:26 PST") ==
        "'2026-03-14 09:26 PST' names its zone as PST, and such letters mean more than one zone");
  CHECK(message("23-13-12 03:00") == "'23-13-12 03:00' is no time in any order of day, month and year");
  CHECK(message("3/4/2026").starts_with("'3/4/2026' is a date without a clock"));
}

TEST_CASE("time: what is not seen is no part of a time") {
  const auto read = [](std::string_view text, std::string_view format = "iso") {
    return shown(TimeReader(*TimeFormat::parse(format), zone("UTC"), Disambiguation::compatible).read(text));
  };
  const std::string expected = "2026-03-14T09:26:00Z unique";
  for (const std::string text : {"2026-03-14\u00a009:26", "2026-03-14\u300009:26", "\u200e2026-03-14 09:26",
                                 "\ufeff2026-03-14 09:26\u00a0", "2026\u200b-03-14 09:26", "2026-03-14 09:26\x1a"}) {
    CAPTURE(text);
    CHECK(read(text) == expected);
    TimeColumn column;
    column.observe(text);
    REQUIRE(column.conclude().ok());
    CHECK(column.conclude()->form() == TimeFormat::Form::iso);
  }
  CHECK(read("\u200e14/03/2026\u00a009:26", "day_first") == expected);
  CHECK(read("14.03.2026\u202f09:26", "%d.%m.%Y %H:%M") == expected);
  CHECK(read("2026-03-14\x1a"
             "09:26") == "error malformed");
  CHECK(read(std::string(200, ' ') + "2026-03-14\u00a009:26") == expected);
  CHECK(read("2026-03-14\u00a009:26" + std::string(200, 'x')) == "error malformed");
}

TEST_CASE("time: zero is of every unit and shows none") {
  TimeColumn column;
  for (const char* const text : {"0", "0.0", "0.000000", "-1"}) column.observe(text);
  CHECK(column.tells_nothing());
  column.observe("1700000000123");
  CHECK(column.conclude()->form() == TimeFormat::Form::epoch_ms);
}

TEST_CASE("time: the format of a column that does not say it") {
  const auto conclude = [](std::initializer_list<const char*> values) -> std::string {
    TimeColumn column;
    for (const char* value : values) column.observe(value);
    const auto format = column.conclude();
    if (!format) return format.error().message;
    for (const char* name : {"iso", "epoch_s", "epoch_ms", "epoch_us", "month_first", "day_first", "rfc2822", "epoch_ns"}) {
      if (TimeFormat::parse(name)->form() == format->form()) return name;
    }
    return "pattern";
  };
  CHECK(conclude({"", "2023-03-12 02:30", "-", "2023-03-12T02:30:00Z"}) == "iso");
  CHECK(conclude({"2023-03-12"}) == "iso");
  CHECK(conclude({"3/4/2026 10:00", "13/4/2026 10:00"}) == "day_first");
  CHECK(conclude({"3-4-26 10:00", "3-14-26 10:00"}) == "month_first");
  CHECK(conclude({"1700000000", "0", ""}) == "epoch_s");
  CHECK(conclude({"1700000000123"}) == "epoch_ms");
  CHECK(conclude({"1700000000123456"}) == "epoch_us");
  CHECK(conclude({"1453770984.123"}) == "epoch_s");
  CHECK(conclude({"Sat, 14 Mar 2026 13:05:00 +0100"}) == "rfc2822");

  const std::string uncertain = "how this column writes its times is not certain: ";
  CHECK(conclude({"3/4/2026 10:00", "5/6/2026 11:00", "7/8/2026 12:00"}) ==
        uncertain + "no value shows whether the day or the month comes first: '3/4/2026 10:00' and '5/6/2026 11:00'");
  CHECK(conclude({"13/4/2026 10:00", "4/13/2026 10:00"}) ==
        uncertain + "one value has the day first, another the month: '13/4/2026 10:00' and '4/13/2026 10:00'");
  CHECK(conclude({"1700000000", "1700000000123"}) ==
        uncertain + "these numbers since 1970 cannot be of one unit: '1700000000' and '1700000000123'");
  CHECK(conclude({"12", "17000000000"}) ==
        uncertain +
            "no number shows whether it counts seconds, milliseconds, microseconds or nanoseconds: '12' and '17000000000'");
  CHECK(conclude({"2023-03-12 02:30", "1700000000"}) == "iso");  // nothing else looks like it
  CHECK(conclude({"Sun, 12 Mar 2023 02:30:00 +0000", "1700000000"}) ==
        uncertain + "its values are of different kinds: 'Sun, 12 Mar 2023 02:30:00 +0000' and '1700000000'");
  CHECK(conclude({"45672.39583", "45673.5", "1"}) == uncertain + "its values are of different kinds: '1' and '45672.39583'");
  CHECK(conclude({"1700000000", "45672.39583"}) ==
        uncertain + "its values are of different kinds: '1700000000' and '45672.39583'");
  CHECK(conclude({"45672.39583", "45672.39583"}) ==
        "this column has a spreadsheet's serial day numbers where times should be: '45672.39583'");
  CHECK(conclude({"45672.395833333336", "45673"}) ==
        "this column has a spreadsheet's serial day numbers where times should be: '45672.395833333336' and '45673'");
  CHECK(conclude({"2023-03-12 02:30", "45672.39583"}) == "iso");
  CHECK(conclude({"soon", "later"}) == uncertain + "no value is a time in a form that can be told: 'soon' and 'later'");
  CHECK(conclude({"", " "}) == "this column has no value to tell a time format from");

  CHECK(conclude({"14-Mar-26 9:26"}) == "rfc2822");
  CHECK(conclude({"1700000000123456789"}) == "epoch_ns");

  // A year of two digits may stand first: then a first number above 12 proves nothing.
  const std::string two_digits = "the 12 March 2023 where the year comes first, the 23 March 2012 where the day does";
  CHECK(conclude({"23-03-12 03:00", "23-03-13 12:30"}) == uncertain + "'23-03-12 03:00' is " + two_digits);
  CHECK(conclude({"23-03-12 03:00", "1-2-23 12:30"}) == uncertain + "'23-03-12 03:00' is " + two_digits);
  CHECK(conclude({"23-03-12 03:00", "23-03-99 12:30"}) == "day_first");  // the 99th of March is none
  CHECK(conclude({"23-03-12 03:00", "23-03-2012 12:30"}) == "day_first");
  CHECK(conclude({"23-03-12 03:00", "3-13-23 12:30"}) ==
        uncertain +
            "one value has the month first, another the day or a year of two digits: '3-13-23 12:30' and '23-03-12 03:00'");
  CHECK(conclude({"99-03-12 03:00"}) == uncertain + "'99-03-12 03:00' is the 12 March 1999 where the year comes first");

  TimeColumn column;
  column.observe("3/4/2026 10:00");
  CHECK(column.conclude().error().cure.find("--set time_format=") != std::string::npos);
  TimeColumn serial;
  serial.observe("45672.39583");
  CHECK_FALSE(serial.tells_nothing());
  CHECK(serial.conclude().error().cure ==
        "export again and do not open the file in a spreadsheet, or format the column as yyyy-mm-dd hh:mm:ss there");
}
