// Snapshots: the newest record stands as a whole. Held against a slow model that is told in one sentence: of each field, the
// newest record that has a column for it says what it is, be it nothing.
#include "merge/snapshot.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "merging.hpp"

using namespace crosswalk;
using Json = nlohmann::ordered_json;

namespace {

std::uint32_t bit(Target target) { return 1U << static_cast<unsigned>(target); }

/// A set as a source would tell it: names of columns, and the field that each fills.
std::string columns(const std::vector<std::pair<std::string, Target>>& all, bool paths = false) {
  ColumnSetText text;
  text.begin(paths);
  std::vector<std::string> keys;
  keys.reserve(all.size());
  for (const auto& [name, target] : all) {
    keys.push_back('"' + name + "\":");
    text.add(name, keys.back(), target == Target::none ? 0 : bit(target));
  }
  return std::string(text.finish());
}

std::string_view kept(std::string text) {
  static std::set<std::string> all;
  return *all.insert(std::move(text)).first;
}

/// A whole record of a snapshot with the columns of `set`.
Said row(std::uint64_t place, std::int64_t updated, const std::string& set) {
  Said s = say("1", place, updated);
  s.what.own_column_set = kept(set);
  s.what.conversation.channel = Channel::email;
  s.what.conversation.started_at = Instant{100, 0};
  return s;
}

Merging snapshot() {
  Merging merging({"s"});
  merging.plan.sources[0].snapshot = true;
  return merging;
}

Json only(const Merged& merged) {
  CHECK(merged.error == "");
  REQUIRE(std::count(merged.conversations.begin(), merged.conversations.end(), '\n') == 1);
  return Json::parse(merged.conversations);
}

/// The fates of the records, by their places.
std::string fates(const Merged& merged) {
  std::string all;
  std::istringstream lines(merged.ledger);
  for (std::string line; std::getline(lines, line);) all += Json::parse(line).at("fate").get<std::string>() + " ";
  return all;
}

std::uint64_t found(const Merged& merged, std::string_view code) {
  Summary summary;
  merged.sources[0].findings.enter({"s"}, summary);
  const auto there = summary.findings.find(code);
  return there == summary.findings.end() ? 0 : there->second.count;
}

const std::string kAll = columns({{"Status", Target::status}, {"Solved", Target::ended_at}, {"Score", Target::csat_score}});

}  // namespace

TEST_CASE("snapshot: a reopened ticket is open, without the old end and score") {
  Said solved = row(1, 10, kAll), open = row(2, 20, kAll);
  solved.what.conversation.status = "solved";
  solved.what.conversation.ended_at = Instant{200, 0};
  solved.what.conversation.csat_score = Decimal{5, 0};
  solved.what.conversation.resolved = true;
  solved.what.conversation.assigned_agent_id = "ann";
  solved.metadata = {{"\"Score\":", "\"Good\""}};
  open.what.conversation.status = "open";
  open.what.conversation.resolved = false;
  for (const auto& order : {std::vector<Said>{solved, open}, {open, solved}}) {
    const Merged merged = snapshot().run(order);
    const Json c = only(merged);
    CHECK(c.at("status") == "open");
    CHECK(c.at("resolved") == false);
    for (const char* gone : {"ended_at", "csat_score", "assigned_agent_id", "metadata"}) CHECK_FALSE(c.contains(gone));
    CHECK(fates(merged) == "superseded written ");
    CHECK(merged.sources[0].superseded == 1);
    CHECK(merged.sources[0].merged == 0);
    CHECK(found(merged, "equal_update_times") + found(merged, "no_update_time") == 0);
  }
}

TEST_CASE("snapshot: of equal update times the later in the input stands as a whole, and is counted") {
  for (const bool solved_last : {true, false}) {
    Said solved = row(solved_last ? 9 : 1, 10, kAll), open = row(5, 10, kAll);
    solved.what.conversation.status = "solved";
    solved.what.conversation.ended_at = Instant{200, 0};
    open.what.conversation.status = "open";
    const Merged merged = snapshot().run({open, solved});
    CHECK(only(merged).at("status") == (solved_last ? "solved" : "open"));
    CHECK(only(merged).contains("ended_at") == solved_last);
    CHECK(found(merged, "equal_update_times") == 1);
    CHECK(found(merged, "no_update_time") == 0);
  }
}

TEST_CASE("snapshot: equal records are no tie") {
  Said a = row(1, 10, kAll), b = row(2, 10, kAll), c = row(3, INT64_MIN, kAll);
  for (Said* s : {&a, &b, &c}) {
    s->what.conversation.status = "open";
    s->metadata = {{"\"Score\":", "1"}};
  }
  const Merged merged = snapshot().run({a, b, c});
  CHECK(fates(merged) == "superseded written superseded ");
  CHECK(found(merged, "equal_update_times") + found(merged, "no_update_time") == 0);
  CHECK(found(merged, "supplied_by_older_record") == 0);
}

TEST_CASE("snapshot: a record without an update time is older than one with, and both cases are counted") {
  Said dated = row(1, 10, kAll), one = row(2, INT64_MIN, kAll), two = row(3, INT64_MIN, kAll);
  dated.what.conversation.status = "open";
  one.what.conversation.status = "pending";
  two.what.conversation.status = "solved";
  CHECK(only(snapshot().run({two, one, dated})).at("status") == "open");
  CHECK(found(snapshot().run({two, one, dated}), "no_update_time") == 2);
  const Merged undated = snapshot().run({two, one});
  CHECK(only(undated).at("status") == "solved");
  CHECK(found(undated, "no_update_time") == 1);
}

TEST_CASE("snapshot: a column that the newest record lacks is supplied by the newest that has it, blank or not") {
  const std::string narrow = columns({{"Status", Target::status}});
  Said oldest = row(1, 10, kAll), older = row(2, 20, kAll), newest = row(3, 30, narrow);
  for (Said* s : {&oldest, &older, &newest}) s->what.conversation.status = "open";
  oldest.what.conversation.csat_score = Decimal{1, 0};
  oldest.what.conversation.ended_at = Instant{200, 0};
  oldest.metadata = {{"\"Score\":", "\"Bad\""}, {"\"Solved\":", "1"}};
  older.what.conversation.csat_score = Decimal{5, 0};
  older.metadata = {{"\"Score\":", "\"Good\""}};
  const Merged merged = snapshot().run({newest, oldest, older});
  const Json c = only(merged);
  CHECK(c.at("csat_score") == 5);
  CHECK_FALSE(c.contains("ended_at"));  // the newest that has the column has it blank
  CHECK(c.at("metadata") == Json::parse(R"({"Score":"Good"})"));
  CHECK(fates(merged) == "superseded written merged ");
  CHECK(found(merged, "supplied_by_older_record") == 1);
}

TEST_CASE("snapshot: a default is not what a record says") {
  // The newer file has no column for the channel: the default that its record got does not replace what the older one says.
  const std::string with = columns({{"Via", Target::channel}}), without = columns({{"Status", Target::status}});
  Said older = row(1, 10, with), newer = row(2, 20, without);
  older.what.conversation.channel = Channel::phone;
  CHECK(only(snapshot().run({older, newer})).at("channel") == "phone");
  older.what.own_column_set = without;
  CHECK(only(snapshot().run({older, newer})).at("channel") == "email");
}

TEST_CASE("snapshot: of JSON, null erases all that was below it, and a missing member says nothing") {
  const auto set = [](std::vector<std::pair<std::string, Target>> all) { return columns(all, true); };
  const std::string full = set({{"id", Target::none}, {"customer.id", Target::customer_id}, {"customer.mail", Target::none}});
  Said older = row(1, 10, full);
  older.what.conversation.customer_id = "c";
  older.metadata = {{"\"customer.mail\":", "\"m\""}};
  const auto after = [&](const std::string& newer) { return only(snapshot().run({older, row(2, 20, newer)})); };
  const Json missing = after(set({{"id", Target::none}}));
  CHECK(missing.at("customer_id") == "c");
  CHECK(missing.at("metadata").at("customer.mail") == "m");
  const Json null = after(set({{"id", Target::none}, {"customer", Target::none}}));
  CHECK_FALSE(null.contains("customer_id"));
  CHECK_FALSE(null.contains("metadata"));
  const Json part = after(set({{"customer.id", Target::customer_id}}));  // it was there, and blank
  CHECK_FALSE(part.contains("customer_id"));
  CHECK(part.at("metadata").at("customer.mail") == "m");
  // Names of CSV are no paths, and one name may begin like another.
  older.what.own_column_set = kept(columns({{"customer.mail", Target::none}}));
  CHECK(after(columns({{"customer", Target::none}})).contains("metadata"));
  older.what.own_column_set = full;
  CHECK(after(set({{"customer.ma", Target::none}, {"custom", Target::none}})).contains("metadata"));
}

TEST_CASE("snapshot: records of a conversation that is rejected are rejected, those they superseded are not") {
  Said old = row(1, 10, kAll), newest = row(2, 20, kAll);
  newest.what.conversation.started_at.reset();
  const Merged merged = snapshot().run({old, newest});
  CHECK(merged.conversations == "");
  CHECK(fates(merged) == "superseded rejected ");
  CHECK(merged.sources[0].superseded == 1);
  CHECK(merged.sources[0].books.rejected_total == 1);
}

TEST_CASE("snapshot: a column set has one number, however its columns are told; beyond the room, it has none") {
  ColumnSets sets;
  const std::uint32_t one = sets.add(columns({{"a", Target::status}, {"b", Target::none}}));
  CHECK(sets.add(columns({{"b", Target::none}, {"a", Target::status}})) == one);
  CHECK(sets.add(columns({{"a", Target::status}})) != one);
  const std::string large = columns({{std::string(ColumnSets::kMostBytes, 'x'), Target::none}});
  CHECK(sets.add(large) == ColumnSets::kNone);
  CHECK(sets[one].covers(Target::status, sets[one]));
  CHECK_FALSE(sets[one].covers(Target::subject, sets[one]));
}

TEST_CASE("snapshot: as the slow model says, in any order, memory and number of threads") {
  std::mt19937 random(20261130);
  const auto below = [&](std::uint32_t n) { return static_cast<std::uint32_t>(random() % n); };
  const std::vector<std::pair<std::string, Target>> known = {
      {"a", Target::subject}, {"b", Target::status}, {"c", Target::csat_score}, {"d", Target::none}, {"e", Target::none}};
  for (int turn = 0; turn < 400; ++turn) {
    std::vector<Said> all;
    struct Row {
      std::uint32_t has = 0;
      std::map<std::string, std::string> values;
    };
    std::map<std::string, std::map<std::pair<std::int64_t, std::uint64_t>, Row>> model;  // by id, then by what makes it new
    const std::uint32_t records = 1 + below(12);
    for (std::uint32_t i = 0; i < records; ++i) {
      Row r;
      r.has = below(3) == 0 ? below(32) : 31;
      std::vector<std::pair<std::string, Target>> mine;
      for (std::size_t k = 0; k < known.size(); ++k) {
        if ((r.has >> k & 1) != 0) mine.push_back(known[k]);
      }
      Said s = row(i + 1, below(3) == 0 ? INT64_MIN : below(3), columns(mine));
      s.what.id = s.what.conversation.external_id = below(2) == 0 ? "1" : "2";
      for (std::size_t k = 0; k < known.size(); ++k) {
        if ((r.has >> k & 1) == 0 || below(3) == 0) continue;
        const std::string value = std::to_string(1 + below(3));
        r.values[known[k].first] = value;
        if (k == 0) s.what.conversation.subject = kept(value);
        if (k == 1) s.what.conversation.status = kept(value);
        if (k == 2) s.what.conversation.csat_score = Decimal{std::stoi(value), 0};
        if (k >= 3) s.metadata.push_back({kept('"' + known[k].first + "\":"), kept('"' + value + '"')});
      }
      model[std::string(s.what.id)][{s.what.version.seconds, i + 1}] = r;
      all.push_back(std::move(s));
    }
    std::string expected;
    for (const auto& [id, rows] : model) {
      expected += id + ":";
      for (std::size_t k = 0; k < known.size(); ++k) {
        for (auto newest = rows.rbegin(); newest != rows.rend(); ++newest) {
          if ((newest->second.has >> k & 1) == 0) continue;
          if (newest->second.values.contains(known[k].first))
            expected += " " + known[k].first + newest->second.values.at(known[k].first);
          break;
        }
      }
      expected += "\n";
    }
    Merging merging = snapshot();
    merging.limits.jobs = 1 + below(4);
    std::shuffle(all.begin(), all.end(), random);
    const bool twice = below(2) == 0;
    if (twice) all.push_back(all[below(static_cast<std::uint32_t>(all.size()))]);  // told twice
    const Merged merged = merging.run(all, 1 + below(5));
    REQUIRE(merged.error == "");
    std::string got;
    std::istringstream lines(merged.conversations);
    for (std::string line; std::getline(lines, line);) {
      const Json c = Json::parse(line);
      got += c.at("external_id").get<std::string>() + ":";
      if (c.contains("subject")) got += " a" + c.at("subject").get<std::string>();
      if (c.contains("status")) got += " b" + c.at("status").get<std::string>();
      if (c.contains("csat_score")) got += " c" + std::to_string(c.at("csat_score").get<int>());
      for (const char* key : {"d", "e"}) {
        if (c.contains("metadata") && c.at("metadata").contains(key))
          got += " " + (key + c.at("metadata").at(key).get<std::string>());
      }
      got += "\n";
    }
    REQUIRE(got == expected);
    const Finished::Accounts& a = merged.sources[0];
    REQUIRE(a.written + a.merged + a.superseded == all.size());
    if (twice) continue;
    // What is superseded may be left out, and nothing changes.
    std::set<std::uint64_t> gone;
    std::istringstream ledger(merged.ledger);
    for (std::string line; std::getline(ledger, line);) {
      const Json entry = Json::parse(line);
      if (entry.at("fate") == "superseded") gone.insert(entry.at("offset").get<std::uint64_t>());
    }
    std::vector<Said> rest;
    for (const Said& s : all) {
      if (!gone.contains(s.what.origin.offset)) rest.push_back(s);
    }
    REQUIRE(snapshot().run(rest).conversations == merged.conversations);
  }
}
