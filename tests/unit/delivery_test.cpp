#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <map>
#include <mutex>
#include <random>
#include <set>

#include "delivery/address.hpp"
#include "delivery/bucket.hpp"
#include "delivery/database.hpp"
#include "delivery/engine.hpp"
#include "delivery/journal.hpp"
#include "delivery/planner.hpp"
#include "delivery/retry.hpp"
#include "delivery/secret.hpp"
#include "delivery/state.hpp"
#include "delivery/transport.hpp"
#include "delivery/verdict.hpp"
#include "temporary_folder.hpp"

using namespace crosswalk;
using namespace crosswalk::delivery;
using namespace crosswalk::testing;
using namespace std::chrono_literals;

namespace {

void good(const Result<void>& result) {
  if (!result) FAIL(result.error().text());
}
template <class T>
T got(Result<T> result) {
  if (!result) FAIL(result.error().text());
  return std::move(*result);
}

std::unique_ptr<Journal> journal_at(const std::string& path, Journal::Use use = Journal::Use::run) {
  return got(Journal::open(path, use));
}
std::string refused(const std::string& path, Journal::Use use = Journal::Use::run) {
  const auto journal = Journal::open(path, use);
  return journal ? "no error" : journal.error().message;
}

std::string conversation(const std::string& id, const std::string& more = "") {
  return R"({"external_id":")" + id + R"(","channel":"email","subject":"s","started_at":"2025-01-01T00:00:00Z")" + more + "}";
}

PlanRules rules() {
  PlanRules out;
  out.batch_size = 3;
  out.settle_ms = 0;
  return out;
}

struct Said {
  std::string action, sent;
};

/// Plans lines (updates begin with a `+`) and has the server take all of it. What was decided of each.
std::vector<Said> run(Journal& journal, const std::vector<std::string>& lines, PlanRules with = rules()) {
  Planner planner(journal, with);
  good(planner.start("origin"));
  std::vector<Said> out;
  for (const std::string& line : lines) {
    const Decision d = got(line[0] == '+' ? planner.update(line.substr(1)) : planner.conversation(line));
    out.push_back({std::string(name_of(d.action)), d.sent});
  }
  good(planner.finish());
  const auto row = got(journal.last_run());
  std::int64_t at = 0;
  while (const auto chunk = got(journal.next_chunk(row->id, at))) {
    at = chunk->seq;
    Request request{0, row->id, chunk->seq, 0, chunk->sent.size(), {}};
    good(journal.begin());
    good(journal.add_request(request));
    good(journal.accept(request, *chunk, 202, wall_clock()));
    good(journal.commit());
  }
  good(journal.finish_run(row->id));
  return out;
}

}  // namespace

TEST_CASE("delivery: what a run sends follows from what the journal has") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  const std::string a = conversation("a"), full = conversation("f", R"(,"status":"open","metadata":{"k":"v","l":1})");
  auto said = run(*journal, {a, full, R"(+{"external_id":"nobody","status":"solved"})"});
  CHECK(said[0].action == "new");
  CHECK(said[0].sent == a);
  CHECK(said[2].action == "unpatchable");
  CHECK(said[2].sent.empty());
  said = run(*journal, {a + "\n", full});
  CHECK(said[0].action == "unchanged");
  CHECK(said[1].action == "unchanged");
  CHECK(said[0].sent.empty());
  // Only what an update can say; metadata whole.
  said = run(*journal,
             {conversation("a", R"(,"status":"open")"), conversation("f", R"(,"status":"open","metadata":{"k":"w","l":1})")});
  CHECK(said[0].action == "patchable");
  CHECK(said[0].sent == R"({"external_id":"a","status":"open"})");
  CHECK(said[1].sent == R"({"external_id":"f","metadata":{"k":"w","l":1}})");
  // A key of metadata, or a field, that went away; a field that no update has.
  said = run(*journal, {conversation("a"), conversation("f", R"(,"status":"open","metadata":{"k":"w"})")});
  CHECK(said[0].action == "changed");
  CHECK(said[0].sent == conversation("a"));
  CHECK(said[1].action == "changed");
  said = run(*journal, {conversation("a", R"(,"wait_time_seconds":3)")});
  CHECK(said[0].action == "changed");
  // Another order of the same is no change.
  CHECK(
      run(*journal,
          {R"({"channel":"email","external_id":"a","wait_time_seconds":3,"started_at":"2025-01-01T00:00:00Z","subject":"s"})"})[0]
          .action == "unchanged");
}

TEST_CASE("delivery: an overwrite keeps what an earlier enrichment set, and a newer word of the source wins") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  const auto with = [](const std::string& status, const std::string& subject) {
    return R"({"external_id":"a","channel":"email","subject":")" + subject + R"(","status":")" + status +
           R"(","started_at":"2025-01-01T00:00:00Z","metadata":{"k":1}})";
  };
  run(*journal, {with("open", "s")});
  auto said = run(*journal, {R"(+{"external_id":"a","status":"solved","csat_score":5,"metadata":{"m":2}})"});
  CHECK(said[0].action == "patchable");
  CHECK(said[0].sent == R"({"external_id":"a","status":"solved","csat_score":5,"metadata":{"k":1,"m":2}})");
  CHECK(run(*journal, {R"(+{"external_id":"a","status":"solved"})"})[0].action == "unchanged");
  CHECK(run(*journal, {with("open", "s")})[0].action == "unchanged");
  said = run(*journal, {with("open", "other")});
  CHECK(said[0].action == "changed");
  CHECK(said[0].sent ==
        R"({"external_id":"a","channel":"email","subject":"other","status":"solved","started_at":"2025-01-01T00:00:00Z",)"
        R"("csat_score":5,"metadata":{"k":1,"m":2}})");
  said = run(*journal, {with("pending", "other")});
  CHECK(said[0].sent == R"({"external_id":"a","status":"pending"})");
  // The source catches up with the enrichment, then goes back: its word counts.
  run(*journal, {R"(+{"external_id":"a","status":"solved"})"});
  CHECK(run(*journal, {with("solved", "other")})[0].action == "unchanged");
  CHECK(run(*journal, {with("pending", "other")})[0].sent == R"({"external_id":"a","status":"pending"})");
}

TEST_CASE("delivery: --full, an endpoint without updates, and writes that must wait") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  run(*journal, {conversation("a"), R"(+{"external_id":"a","csat_score":4})"});
  PlanRules full = rules();
  full.full = true;
  auto said = run(*journal, {conversation("a")}, full);
  CHECK(said[0].action == "changed");
  PlanRules posts = rules();
  posts.envelope.update_method.clear();
  said = run(*journal, {conversation("a", R"(,"resolved":true)")}, posts);
  CHECK(said[0].action == "changed");
  CHECK(said[0].sent == conversation("a", R"(,"resolved":true)"));
  PlanRules slow = rules();
  slow.settle_ms = 60'000;
  Planner planner(*journal, slow);
  good(planner.start(""));
  got(planner.conversation(conversation("a", R"(,"resolved":false)")));
  got(planner.conversation(conversation("b")));
  CHECK(planner.counts().waiting == 1);
  good(planner.finish());
  const auto run_row = got(journal->last_run());
  const auto first = got(journal->next_chunk(run_row->id, 0));
  CHECK(first->not_before == 0);
  const auto second = got(journal->next_chunk(run_row->id, first->seq));
  CHECK(second->not_before > wall_clock());
}

TEST_CASE("delivery: batches end at their number and at their bytes") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  PlanRules little = rules();
  little.byte_limit = 400;
  Planner planner(*journal, little);
  good(planner.start(""));
  for (int i = 0; i < 10; ++i) got(planner.conversation(conversation(std::to_string(i))));
  got(planner.conversation(conversation("long", R"(,"status":")" + std::string(1000, 'x') + "\"")));
  good(planner.finish());
  const auto row = got(journal->last_run());
  std::int64_t at = 0;
  std::vector<std::size_t> sizes;
  while (const auto chunk = got(journal->next_chunk(row->id, at))) {
    at = chunk->seq;
    sizes.push_back(chunk->sent.size());
    CHECK((chunk->sent.size() == 1 || row->envelope.body(*chunk, 0, chunk->sent.size()).size() <= 400));
  }
  CHECK(sizes == std::vector<std::size_t>{3, 3, 3, 1, 1});
  CHECK(planner.counts().requests == 5);
}

TEST_CASE("delivery: a plan that is only looked at changes nothing, and needs no journal") {
  const TemporaryFolder folder;
  {
    const auto look = journal_at(folder / "j.db", Journal::Use::look);
    CHECK(run(*look, {conversation("a")})[0].action == "new");
  }
  CHECK(folder.names().empty());
  run(*journal_at(folder / "j.db"), {conversation("a")});
  const std::string before = content(folder / "j.db");
  {
    const auto look = journal_at(folder / "j.db", Journal::Use::look);
    Planner planner(*look, rules());
    good(planner.start(""));
    CHECK(got(planner.conversation(conversation("a", R"(,"resolved":true)"))).action == Action::patch);
    good(planner.finish());
  }
  CHECK(content(folder / "j.db") == before);
}

TEST_CASE("journal: a second run, another account, a newer version, other files") {
  const TemporaryFolder folder;
  const std::string path = folder / "j.db";
  {
    const auto journal = journal_at(path);
    good(journal->begin());
    good(journal->bind_account("https://a/x", "one"));
    good(journal->commit());
    good(journal->check_account("https://a/x", "one", false));
    CHECK(journal->check_account("https://a/x", "two", false).error().message ==
          path + ": the journal is of another key; its URL is the one of this job");
    good(journal->check_account("https://a/x", "two", true));
    for (const bool new_key : {false, true}) {  // the key is all that it is about
      CHECK(journal->check_account("https://b/x", "two", new_key).error().message ==
            path + ": the journal is of another URL, https://a/x; the job delivers to https://b/x");
    }
    const std::string said = refused(path);
    CHECK(said.starts_with(path + ": another run is using this journal: process " + std::to_string(::getpid()) + ", started 20"));
    CHECK(refused(path, Journal::Use::look) == said);
  }
  CHECK(refused(path) == "no error");
  put(folder / "empty.db", "");
  CHECK(refused(folder / "empty.db") == folder / "empty.db" + std::string(": the journal is damaged: the file is empty"));
  put(folder / "text.db", std::string(5000, 'x'));
  CHECK(refused(folder / "text.db").find("file is not a database") != std::string::npos);
  std::string bytes = content(path);
  bytes[63] = 9;  // user_version
  put(folder / "newer.db", bytes);
  CHECK(refused(folder / "newer.db").find("was written by a newer crosswalk (version 9, this one knows 4)") != std::string::npos);
}

TEST_CASE("journal: an older version is brought up step by step, whole or not at all") {
  constexpr const char* kSteps[] = {"CREATE TABLE t(id TEXT)", "ALTER TABLE t ADD COLUMN seen INTEGER NOT NULL DEFAULT 7",
                                    "UPDATE t SET id = id || '!'", "SELECT no_such_thing"};
  const TemporaryFolder folder;
  Database database;
  good(database.open(folder / "old.db", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "old.db"));
  good(bring_up(database, std::span(kSteps).first(1), 0));
  good(database.run("INSERT INTO t VALUES('a')"));
  good(database.run("BEGIN"));
  CHECK_FALSE(bring_up(database, kSteps, 1));
  good(database.run("ROLLBACK"));
  CHECK(got(database.number("SELECT count(*) FROM pragma_table_info('t')")) == 1);
  CHECK(got(database.number("PRAGMA user_version")) == 1);
  good(bring_up(database, std::span(kSteps).first(3), 1));
  CHECK(got(database.number("SELECT seen FROM t WHERE id = 'a!'")) == 7);
  CHECK(got(database.number("PRAGMA user_version")) == 3);
}

TEST_CASE("journal: one of version 1 is brought up, and keeps what it says") {
  const TemporaryFolder folder;
  const std::string path = folder / "j.db";
  {
    const auto journal = journal_at(path);
    run(*journal, {conversation("a")});
    run(*journal, {R"(+{"external_id":"a","csat_score":4})"});
    good(journal->begin());
    good(journal->set_meta("account", "one"));
    good(journal->commit());
  }
  {
    Database old;  // what version 1 had
    good(old.open(path, SQLITE_OPEN_READWRITE, path));
    good(old.run(
        "DROP TABLE early; DROP TABLE aside; DROP TABLE parts; DROP TABLE gone; ALTER TABLE conversations DROP COLUMN source;"
        "DELETE FROM meta WHERE key IN ('template', 'url'); PRAGMA user_version=1"));
  }
  const auto look = Journal::open(path, Journal::Use::look);
  REQUIRE_FALSE(look);
  CHECK(look.error().cure == "crosswalk run brings it up to date");
  const auto journal = journal_at(path);
  CHECK(got(journal->ever_accepted()));
  CHECK(journal->check_account("https://a", "two", false).error().message ==
        path + ": the journal is of another account: its URL or its key is another one");
  CHECK(run(*journal, {conversation("a")})[0].action == "unchanged");
  CHECK(run(*journal, {conversation("a", R"(,"wait_time_seconds":3)")})[0].sent ==
        conversation("a", R"(,"wait_time_seconds":3,"csat_score":4)"));
}

TEST_CASE("delivery: an enrichment that comes before its conversation waits for it") {
  const TemporaryFolder folder;
  const std::string path = folder / "j.db";
  auto said =
      run(*journal_at(path), {R"(+{"external_id":"a","csat_score":4,"status":"solved","metadata":{"m":1}})", conversation("b")});
  CHECK(said[0].action == "unpatchable");
  run(*journal_at(path), {R"(+{"external_id":"a","csat_score":5})"});
  const auto journal = journal_at(path);
  // What the source says itself is the newer word.
  said = run(*journal, {conversation("a", R"(,"status":"open","metadata":{"k":2})")});
  CHECK(said[0].action == "new");
  CHECK(said[0].sent ==
        R"({"external_id":"a","channel":"email","subject":"s","status":"open","started_at":"2025-01-01T00:00:00Z",)"
        R"("csat_score":5,"metadata":{"k":2,"m":1}})");
  CHECK(got(journal->early("a")).empty());
  CHECK(run(*journal, {conversation("a", R"(,"status":"open","metadata":{"k":2})")})[0].action == "unchanged");
  CHECK(run(*journal, {R"(+{"external_id":"a","csat_score":5})"})[0].action == "unchanged");
  CHECK(run(*journal, {conversation("a", R"(,"status":"open","wait_time_seconds":1,"metadata":{"k":2})")})[0].sent.find(
            R"("csat_score":5)") != std::string::npos);
}

TEST_CASE("delivery: what was delivered and is in a run no more, where the source spans it") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  const auto began = [](const std::string& id, const std::string& day) {
    return R"({"external_id":")" + id + R"(","channel":"email","started_at":"2025-01-)" + day + R"(T00:00:00Z"})";
  };
  using Lines = std::vector<std::pair<std::string, std::string>>;
  const auto absent = [&](const Lines& lines, const std::vector<std::string>& sources) {
    Planner planner(*journal, rules());
    good(planner.start(""));
    for (const auto& [source, line] : lines) got(planner.conversation(line, source));
    std::string out;
    good(planner.each_absent(sources, [&](const Planner::Absent& one) -> Result<void> {
      out += std::string(one.external_id) + (one.spanned ? "! " : " ");
      return {};
    }));
    good(planner.finish());
    const auto row = got(journal->last_run());
    std::int64_t at = 0;
    while (const auto chunk = got(journal->next_chunk(row->id, at))) {
      at = chunk->seq;
      Request request{0, row->id, chunk->seq, 0, chunk->sent.size(), {}};
      good(journal->begin());
      good(journal->add_request(request));
      good(journal->accept(request, *chunk, 202, wall_clock()));
      good(journal->commit());
    }
    return out;
  };
  const Lines all = {{"a", began("a1", "01")},
                     {"a", began("a2", "05")},
                     {"a", began("a3", "09")},
                     {"b", began("b1", "02")},
                     {"b", began("b2", "20")}};
  CHECK(absent(all, {"a", "b"}).empty());
  CHECK(absent(all, {"a", "b"}).empty());
  CHECK(absent({all[1], all[2], all[3], all[4]}, {"a", "b"}) == "a1 ");                           // the export rolls on
  CHECK(absent({all[0], all[2], all[3], all[4]}, {"a", "b"}) == "a2! ");                          // a hole
  CHECK(absent({all[0], all[1], all[2], all[4]}, {"a", "b"}) == "b1 ");                           // another source spans it
  CHECK(absent({all[3], all[4]}, {"a", "b"}) == "a1 a2 a3 ");                                     // nothing came of a
  CHECK(absent({all[3], all[4]}, {"b"}) == "a1! a2! a3! ");                                       // a was taken out
  CHECK(absent({{"new", all[0].second}, {"new", all[2].second}}, {"b", "new"}) == "a2! b1 b2 ");  // a has another name now
}

TEST_CASE("journal: a byte that changed is either noticed or of no consequence") {
  const TemporaryFolder folder;
  const std::string path = folder / "j.db";
  std::vector<std::string> lines;
  for (int i = 0; i < 60; ++i) lines.push_back(conversation("id" + std::to_string(i), R"(,"metadata":{"key":"value"})"));
  run(*journal_at(path), lines);
  const std::string bytes = content(path);
  std::mt19937 random(7);
  int noticed = 0;
  for (int i = 0; i < 400; ++i) {
    std::string broken = bytes;
    broken[random() % broken.size()] ^= static_cast<char>(1U << random() % 8);
    put(path, broken);
    const auto journal = Journal::open(path, Journal::Use::look);
    if (!journal) {
      ++noticed;
      CHECK_MESSAGE(!journal.error().cure.empty(), journal.error().message);
      continue;
    }
    Planner planner(**journal, rules());
    bool failed = !planner.start("").ok();
    for (const std::string& line : lines) {
      if (failed) break;
      const auto decision = planner.conversation(line);
      failed = !decision.ok();
      if (!failed) CHECK(decision->action == Action::unchanged);
    }
    noticed += failed;
  }
  CHECK(noticed > 20);
  for (std::size_t size = 0; size < bytes.size(); size += 4096) {
    put(path, bytes.substr(0, size));
    CHECK(refused(path) != "no error");
  }
}

TEST_CASE("journal: a disk that is full, and a folder that may not be written to") {
  const TemporaryFolder folder;
  const std::string path = folder / "j.db";
  run(*journal_at(path), {conversation("a")});
  std::vector<std::string> many;
  for (int i = 0; i < 2000; ++i) many.push_back(conversation(std::to_string(i)));
  struct rlimit was {};
  REQUIRE(::getrlimit(RLIMIT_FSIZE, &was) == 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  {
    const auto journal = journal_at(path);
    struct rlimit little = was;
    little.rlim_cur = 128 << 10;
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &little) == 0);
    Planner planner(*journal, rules());
    Result<void> result = planner.start("");
    for (const std::string& line : many) {
      if (!result) break;
      auto decision = planner.conversation(line);
      if (!decision) result = decision.error();
    }
    if (result) result = planner.finish();
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &was) == 0);
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().message.starts_with(path + ": the journal cannot be "));
    CHECK(!result.error().cure.empty());
  }
  std::signal(SIGXFSZ, handler);
  CHECK(run(*journal_at(path), {conversation("a")})[0].action == "unchanged");
  const std::string inner = folder / "inner";
  REQUIRE(::mkdir(inner.c_str(), 0755) == 0);
  REQUIRE(::chmod(inner.c_str(), 0555) == 0);
  const uid_t user = ::geteuid();
  if (user == 0) {
    REQUIRE(::chmod((folder / "").c_str(), 0755) == 0);
    REQUIRE(::seteuid(65534) == 0);
  }
  const std::string text = refused(inner + "/j.db");
  if (user == 0) REQUIRE(::seteuid(0) == 0);
  CHECK(text == inner + "/j.db: the journal's folder cannot be written to: Permission denied");
  REQUIRE(::chmod(inner.c_str(), 0755) == 0);
}

TEST_CASE("bucket: no window at the server is over the limit, and the limit is used") {
  using Time = TokenBucket::Time;
  for (const unsigned burst : {1U, 2U, 5U, 20U, 100U}) {
    for (const unsigned seed : {1U, 2U, 3U}) {
      std::mt19937 random(seed);
      const auto between = [&](int least, int most) { return std::uniform_int_distribution<int>(least, most)(random); };
      const Time begin{};
      TokenBucket bucket({5.0, burst, 6}, begin);
      std::multimap<Time, int> arrivals;
      std::multimap<Time, int> answers;
      Time now = begin;
      const int latest = burst < 12 ? 150 : 900;  // with little in flight a slow server costs rate
      int sent = 0;
      while (sent < 3000) {
        while (!answers.empty() && answers.begin()->first <= now) {
          bucket.answered(answers.begin()->first);
          answers.erase(answers.begin());
        }
        if (answers.size() < bucket.in_flight() && bucket.take(now)) {
          const auto there = now + std::chrono::milliseconds(between(1, latest));
          arrivals.emplace(there, 0);
          answers.emplace(there + std::chrono::milliseconds(between(0, 50)), 0);
          ++sent;
          continue;
        }
        Time next = answers.size() < bucket.in_flight() ? bucket.ready_at(now) : answers.begin()->first;
        if (!answers.empty()) next = std::min(next, answers.begin()->first);
        now = std::max(next, now + 1us);
        if (between(0, 400) == 0) now += std::chrono::seconds(between(1, 30));  // the plan kept it waiting
      }
      double tokens = burst, least = burst;
      Time at = begin;
      for (const auto& [time, unused] : arrivals) {
        (void)unused;
        tokens = std::min<double>(burst, tokens + std::chrono::duration<double>(time - at).count() * 5.0) - 1;
        at = time;
        least = std::min(least, tokens);
      }
      CAPTURE(burst);
      CHECK(least > -1e-6);
    }
  }
  // Ten minutes with enough to send and answers after 50 to 400 ms.
  std::mt19937 random(5);
  const Time begin{};
  TokenBucket bucket({5.0, 20, 6}, begin);
  std::multimap<Time, int> answers;
  int sent = 0;
  for (Time now = begin; now < begin + 10min; now += 1ms) {
    while (!answers.empty() && answers.begin()->first <= now) answers.erase(answers.begin());
    while (answers.size() < bucket.in_flight() && bucket.take(now)) {
      answers.emplace(now + std::chrono::milliseconds(50 + random() % 350), 0);
      ++sent;
    }
  }
  CHECK(sent >= 0.98 * 3000);
  CHECK(sent <= 3000);
}

TEST_CASE("bucket: 429 halves the rate, which comes back slowly; a lost request keeps its room") {
  using Time = TokenBucket::Time;
  const Time begin{};
  TokenBucket bucket({100.0, 20, 6}, begin);
  CHECK_FALSE(bucket.take(begin));  // starts empty
  const double highest = bucket.per_second();
  bucket.slow_down(begin + 2s, begin + 12s);
  bucket.slow_down(begin + 2s, begin + 12s);
  CHECK(bucket.per_second() == doctest::Approx(highest / 2));
  CHECK_FALSE(bucket.take(begin + 11s));
  CHECK(bucket.ready_at(begin + 11s) == begin + 12s);
  CHECK(bucket.take(begin + 12s));
  for (int i = 0; i < 100; ++i) bucket.went_well();
  CHECK(bucket.per_second() == doctest::Approx(highest));
  for (int i = 0; i < 10; ++i) bucket.lost(begin + 13s);
  int taken = 0;
  while (bucket.take(begin + 20s)) ++taken;
  CHECK(taken == 4);  // 20 - 6 in flight - 10 lost
}

TEST_CASE("retry: Retry-After and the waits") {
  CHECK(retry_after("120", 0) == 120s);
  CHECK(retry_after(" 0 ", 0) == 0s);
  CHECK(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111700) == 77s);
  CHECK(retry_after("Sun, 06 Nov 1994 08:49:37 GMT", 784111800) == 0s);
  CHECK(retry_after("Sunday, 06-Nov-94 08:49:37 GMT", 784111700) == 77s);
  CHECK(retry_after("Sun Nov  6 08:49:37 1994", 784111700) == 77s);
  CHECK(retry_after("99999999999999999999999", 0) == 1'000'000'000s);
  for (const char* text : {"", "soon", "-1", "1.5", "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37"}) {
    CHECK_FALSE(retry_after(text, 0));
  }
  Backoff backoff(100ms, 1000ms, 1);
  std::vector<std::chrono::milliseconds> longest(8);
  for (int i = 0; i < 2000; ++i) {
    for (unsigned tries = 1; tries < 8; ++tries) longest[tries] = std::max(longest[tries], backoff.wait(tries));
  }
  CHECK(longest[1] <= 100ms);
  CHECK(longest[1] > 90ms);
  CHECK(longest[3] > 350ms);
  CHECK(longest[7] <= 1000ms);
  CHECK(longest[7] > 900ms);
}

TEST_CASE("address: this machine is an address, not the beginning of a name") {
  for (const char* host :
       {"127.0.0.1", "127.1.2.3", "localhost", "LOCALHOST", "[::1]", "[0:0:0:0:0:0:0:1]", "[::ffff:127.0.0.1]"}) {
    CAPTURE(host);
    CHECK(is_loopback(host));
    CHECK(is_loopback(host_of(std::string("http://") + host + ":8080/path")));
    CHECK(is_loopback(host_of(std::string("https://") + host)));
  }
  for (const char* host :
       {"127.0.0.1.example.com", "127.1", "2130706433", "0x7f.0.0.1", "127.0.0.1.", "localhost.", "::1", "[::2]",
        "localhost.example.com", "128.0.0.1", "127.0.0.01", "", "[", "[]", "[::1", "::ffff:127.0.0.1"}) {
    CAPTURE(host);
    CHECK_FALSE(is_loopback(host));
  }
  CHECK(host_of("http://[") == "[");
}

namespace {

/// A verdict as a line: `taken`, `items 1:422 3 rest`, `unknown`.
std::string verdict(const std::string& body, int status = 202, std::vector<std::string> ids = {"a", "b", "c", "d"},
                    std::vector<std::string> sent = {}, bool unknown_is_taken = false) {
  Answer answer;
  answer.end = Answer::End::answered;
  answer.status = status;
  answer.body = body;
  const Verdict v = judge(answer, status == 202, {ids, sent, "conversations", unknown_is_taken});
  if (v.kind == Verdict::Kind::taken) return "taken";
  if (v.kind == Verdict::Kind::unknown) return v.why.empty() ? "unknown without a word" : "unknown";
  if (v.kind == Verdict::Kind::unclear) return "unclear";
  std::string out = "items";
  for (const Verdict::Item& item : v.items) {
    out += " " + std::to_string(item.index);
    if (item.status != 0) out += ":" + std::to_string(item.status);
    if (item.again) out += "?";
  }
  return out + (v.others_taken ? "" : " rest again");
}

}  // namespace

TEST_CASE("verdict: what a success says of its records") {
  for (const char* body :
       {"", " \n", "queued", "4 records queued", "{}", "[]", R"({"status":"accepted"})", R"({"errors":[]})",
        R"({"errors":null,"error":"","failed":0,"success":true})", R"({"status":202,"message":"errors: none"})",
        R"({"results":[{"status":202},{"status":202},{"status":202},{"status":202}]})",
        R"({"data":{"id":"batch_1","state":"queued"}})", R"({"accepted":4,"error_count":0})"}) {
    CAPTURE(std::string(body));
    CHECK(verdict(body) == "taken");
  }
  // Another 2xx says nothing by itself.
  CHECK(verdict("", 200) == "unknown");
  CHECK(verdict("{}", 200) == "unknown");
  CHECK(verdict(R"({"errors":[]})", 207) == "unknown");
  CHECK(verdict(R"([{"status":200},{"status":201},{"status":202},{"status":200}])", 207) == "taken");
  CHECK(verdict(R"([{"status":200},{"status":201},{"status":422},{"status":200}])", 207) == "items 2:422");
  CHECK(verdict(R"({"errors":[{"external_id":"b","message":"no"}]})", 200) == "items 1 rest again");
  // Pages for browsers.
  for (const char* body : {"<html>sign in</html>", "  <!DOCTYPE html><p>", "\xEF\xBB\xBF<?xml version='1.0'?><fault/>"}) {
    CHECK(verdict(body) == "unknown");
  }
  // Errors that name no record.
  for (const char* body :
       {R"({"errors":["quota"]})", R"({"error":"down"})", R"({"error":{"code":7,"message":"x"}})", R"({"success":false})",
        R"({"ok":false,"errors":[]})", R"({"status":"error"})", R"({"status":500})", R"({"failed":2})", R"({"errors":true})",
        R"({"error_count":1})", R"({"errors":[{"external_id":"zzz"}]})", R"({"errors":[{"index":4}]})",
        R"({"errors":[{"row":2}]})", R"({"data":{"errors":["x"]}})", R"({"failed_count":3,"errors":[{"external_id":"a"}]})",
        R"({"accepted":3})", "{broken", R"({"errors":[{"external_id":"a"},"and more"]})", R"({"meta":{"code":503}})"}) {
    CAPTURE(std::string(body));
    CHECK(verdict(body) == "unknown");
  }
  // Ids and places, as APIs write them.
  CHECK(verdict(R"({"errors":[{"external_id":"b","message":"no"}]})") == "items 1");
  CHECK(verdict(R"({"errors":[{"externalId":"b"},{"ID":"d","status":422}]})") == "items 1 3:422");
  CHECK(verdict(R"({"errors":[{"index":0,"error":"x"},{"index":2,"error":"y"}]})") == "items 0 2");
  CHECK(verdict(R"({"errors":[{"source":{"pointer":"/conversations/3/channel"},"detail":"x"}]})") == "items 3");
  CHECK(verdict(R"({"errors":[{"field":"conversations[1].status"}]})") == "items 1");
  CHECK(verdict(R"({"errors":[{"loc":["body","conversations",2,"channel"],"msg":"x"}]})") == "items 2");
  CHECK(verdict(R"({"errors":[{"row":0},{"row":1}]})") == "items 0 1");
  CHECK(verdict(R"({"errors":[{"row":1},{"row":4}]})") == "items 0 3");
  CHECK(verdict(R"({"errors":{"b":["bad"],"c":"bad"}})") == "items 1 2");
  CHECK(verdict(R"({"errors":{"0":"bad"}})") == "items 0");
  CHECK(verdict(R"({"failed":["a","c"]})") == "items 0 2");
  CHECK(verdict(R"({"rejected":[{"record":{"external_id":"c"},"reason":"x"}],"rejected_count":1})") == "items 2");
  CHECK(verdict(R"({"data":{"failures":[{"key":"d"}]}})") == "items 3");
  CHECK(verdict("{\"external_id\":\"a\",\"status\":400}\n{\"external_id\":\"b\",\"status\":202}\n") == "items 0:400 rest again");
  CHECK(verdict(R"({"errors":[{"id":"err_1","index":2}]})") == "items 2");
  CHECK(verdict(R"({"errors":[{"external_id":"3","message":"x"}]})", 202, {"1", "2", "3"}) == "items 2");
  // Per-item statuses: by id, else by place; what may pass goes again.
  CHECK(verdict(R"({"errors":true,"items":[{"index":{"status":201}},{"index":{"status":400,"error":{"type":"x"}}},)"
                R"({"index":{"status":429}},{"index":{"status":201}}]})") == "items 1:400 2:429?");
  CHECK(verdict(R"({"results":[{"external_id":"d","status":"error","message":"x"},{"external_id":"a","status":"ok"}]})") ==
        "items 3 rest again");
  CHECK(verdict(R"({"results":[{"success":true},{"success":false,"error":"x"},{"success":true},{"success":true}]})") ==
        "items 1");
  CHECK(verdict(R"({"statuses":[202,202,503,202]})") == "items 2:503?");
  // A conversation has a status as well: what is said in another kind, or in a word that was not sent, is the server's.
  const std::vector<std::string> sent = {R"({"external_id":"a","status":"solved"})", R"({"external_id":"b","status":"failed"})"};
  const auto of_sent = [&](const char* body) { return verdict(body, 202, {"a", "b"}, sent); };
  CHECK(of_sent(R"({"errors":true,"items":[{"create":{"status":201}},{"create":{"status":422}}]})") == "items 1:422");
  CHECK(of_sent(R"({"results":[{"external_id":"a","status":"error"},{"external_id":"b","status":"ok"}]})") == "items 0");
  CHECK(of_sent(R"({"results":[{"external_id":"a","status":"solved"},{"external_id":"b","status":"failed"}]})") == "unknown");
  // It failed as a whole: what is not named may not have been taken either.
  CHECK(verdict(R"({"success":false,"errors":[{"external_id":"b"}]})") == "items 1 rest again");
  CHECK(verdict(R"({"status":"partial","errors":[{"external_id":"b"}]})") == "items 1");
  // What cannot be read whole.
  Answer cut;
  cut.status = 202;
  cut.whole = false;
  cut.body = R"({"errors":[{"ext)";
  CHECK(judge(cut, true, {}).kind == Verdict::Kind::unclear);
  cut.body = "queued, and so";
  CHECK(judge(cut, true, {}).kind == Verdict::Kind::unclear);
  cut.body = "";  // before its first byte
  CHECK(judge(cut, true, {}).kind == Verdict::Kind::unclear);
  CHECK(verdict("{" + std::string(kKeptSuccess, ' ')) == "unknown");
  CHECK(verdict(std::string(kKeptSuccess - 1, '[')) == "unknown");
  CHECK(verdict(R"({"a":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}") == "unknown");
  CHECK(verdict("[" + std::string(190'000, ',') + "]") == "unknown");
}

TEST_CASE("verdict: only what is known to be good is accepted") {
  // Whatever a plain 202 may carry.
  for (const char* body : {"OK",
                           "Accepted",
                           "\"accepted\"",
                           "true",
                           "null",
                           R"({"message":"Accepted"})",
                           R"({"message":"4 conversations queued"})",
                           R"({"status":"accepted","job_id":"abc","status_url":"https://x/jobs/failed-or-not"})",
                           R"({"request_id":"8f3a77","data":{}})",
                           R"({"accepted":4})",
                           R"({"received":4,"created":1,"updated":3})",
                           R"({"total":4,"upserted_count":4,"failed":0,"took":17})",
                           R"({"code":0,"msg":"success"})",
                           R"({"errcode":0,"errmsg":"ok"})",
                           R"({"error":{"code":0,"message":""}})",
                           R"({"accepted":["a","b","c","d"]})",
                           R"({"accepted_ids":["a","b","c","d"],"failed_ids":[]})",
                           R"({"a":"ok","b":"ok","c":"created","d":"updated"})",
                           R"({"results":{"a":202,"b":201,"c":202,"d":202}})",
                           R"([true,true,true,true])",
                           R"({"success":"true","timestamp":"2024-01-02T03:04:05Z"})",
                           R"({"warnings":["queue unknown"]})",
                           R"({"queued":true,"id":"b-17"})",
                           R"({"took":3,"errors":false,"items":[{"index":{"_id":"a","status":201,"_shards":{"failed":0}}},)"
                           R"({"index":{"status":201}},{"index":{"status":200}},{"index":{"status":201}}]})"}) {
    CAPTURE(std::string(body));
    CHECK(verdict(body) == "taken");
  }
  for (const char* body : {"Please log in <html>",
                           "error: 3 records failed",
                           "42 records",
                           "\"error: 3 records failed\"",
                           "false",
                           "9",
                           R"({"status":"unauthorized"})",
                           R"({"status":"completed_with_errors"})",
                           R"({"status":"on_hold"})",
                           R"({"success":"false"})",
                           R"({"success":"no"})",
                           R"({"success":0})",
                           R"({"errcode":40001,"errmsg":"invalid credential"})",
                           R"({"errno":5})",
                           R"({"code":1001,"msg":"invalid params"})",
                           R"({"detail":"Not authenticated"})",
                           R"({"message":"validation went wrong"})",
                           R"({"has_errors":true})",
                           R"({"hasFailures":true})",
                           R"({"error_count":"1"})",
                           R"({"accepted_count":3})",
                           R"({"upserted_count":3})",
                           R"({"processed":3,"total":4})",
                           R"({"received":4,"created":3})",
                           R"({"skipped":1})",
                           R"({"accepted":["a","b","c"]})",
                           R"({"accepted":[]})",
                           R"({"accepted_ids":["a","b"]})",
                           R"({"errors":["x"],"errors":[]})",
                           R"({"u":{"v":{"w":{"x":{"y":{"errors":["x"]}}}}}})",
                           R"({"results":[{"external_id":"a","status":"on_hold"}]})",
                           R"({"results":[{"external_id":"a"},{"external_id":"b"},{"external_id":"c"}]})",
                           R"({"a":"ok","b":"ok","c":"ok","d":"on_hold"})",
                           "\xFF\xFE{\0}\0",
                           "\x1F\x8B\x08garbled",
                           ")]}',\n{\"errors\":[1]}",
                           R"({"dry_run":true})",
                           R"({"lost":1})",
                           R"({"note":"quota"})",
                           R"({"warnings":["b was skipped"]})",
                           R"({"type":"error.list"})",
                           R"({"duplicates":["a"]})"}) {
    CAPTURE(std::string(body));
    CHECK(verdict(body) == "unknown");
  }
  // Which the sink may say to be good; errors are errors all the same.
  CHECK(verdict(R"({"status":"on_hold"})", 202, {"a"}, {}, true) == "taken");
  CHECK(verdict(R"({"dry_run":true,"depth":17})", 202, {"a"}, {}, true) == "taken");
  CHECK(verdict(R"({"status":"failed"})", 202, {"a"}, {}, true) == "unknown");
  CHECK(verdict("<html>", 202, {"a"}, {}, true) == "unknown");
  CHECK(verdict(R"({"status":"on_hold"})", 200, {"a"}, {}, true) == "unknown");
}

TEST_CASE("verdict: records that were not taken, in whatever words") {
  for (const char* word :
       {"failed_validation", "not_found", "unprocessable_entity", "skipped", "ignored", "rejected", "FAILED"}) {
    CAPTURE(word);
    const std::string bad = std::string(R"("status":")") + word + "\"}";
    const std::string ok = R"("status":"ok"})";
    CHECK(verdict(R"({"results":[{"external_id":"a",)" + ok + R"(,{"external_id":"b",)" + bad + R"(,{"external_id":"c",)" + ok +
                  R"(,{"external_id":"d",)" + ok + "]}") == "items 1");
  }
  CHECK(verdict(R"({"results":[{"external_id":"b","valid":false}]})") == "items 1");
  CHECK(verdict(R"({"a":"ok","b":"error","c":"ok","d":"ok"})") == "items 1");
  CHECK(verdict(R"({"results":{"a":"ok","b":{"status":"error"},"c":"ok","d":"ok"}})") == "items 1");
  CHECK(verdict("[true,false,true,true]") == "items 1");
  for (const char* key : {"failed_ids", "error_ids", "rejected_conversations", "conversation_errors", "skipped", "ignored"}) {
    CAPTURE(key);
    CHECK(verdict(std::string(R"({")") + key + R"(":["b"]})") == "items 1");
    CHECK(verdict(std::string(R"({")") + key + R"(":[{"external_id":"b","reason":"x"}]})") == "items 1");
  }
  CHECK(verdict(R"({"detail":[{"loc":["body","conversations",2,"channel"],"msg":"x"}]})") == "unknown");
  CHECK(verdict(R"({"errors":{"conversations[3].channel":["is invalid"]}})") == "items 3");
  CHECK(verdict(R"({"accepted":["a"],"rejected":["b"]})") == "items 1 rest again");
  CHECK(verdict(R"({"results":[{"external_id":"b","status":503}]})") == "items 1:503?");
}

TEST_CASE("verdict: a record said back is no report of it") {
  const std::vector<std::string> ids = {"a"};
  const std::vector<std::string> post = {R"({"external_id":"a","channel":"email","started_at":"x","status":"failed"})"};
  CHECK(verdict(R"({"conversations":[)" + post[0] + "]}", 202, ids, post) == "taken");
  CHECK(verdict(R"({"conversations":[{"external_id":"a","channel":"email","status":"rejected"}]})", 202, ids, post) == "unknown");
  const std::vector<std::string> open = {R"({"external_id":"a","status":"open"})"};
  CHECK(verdict(R"({"conversations":[{"external_id":"a","status":"open"}]})", 202, ids, open) == "taken");
  const std::vector<std::string> failed = {R"({"external_id":"a","status":"failed"})"};
  CHECK(verdict(R"({"conversations":[{"external_id":"a","status":"failed"}]})", 202, ids, failed) == "unknown");
}

TEST_CASE("verdict: numbers that could be ids or places name nobody") {
  std::vector<std::string> ids;
  for (int i = 5; i < 15; ++i) ids.push_back(std::to_string(i));
  const auto of = [&](const char* body) { return verdict(body, 202, ids); };
  for (const char* body : {R"({"failed":[3]})", R"({"failed":[7]})", R"({"errors":{"7":["bad"]}})",
                           R"({"errors":[{"id":7,"index":0,"message":"m"}]})", R"({"errors":[{"instance":"/requests/8"}]})",
                           R"({"errors":[{"field":"metadata.7","message":"m"}]})", R"({"errors":[{"field":"7"}]})"}) {
    CAPTURE(std::string(body));
    CHECK(of(body) == "unknown");
  }
  CHECK(of(R"({"failed":["7"]})") == "items 2");
  CHECK(of(R"({"failed":[14]})") == "items 9");
  CHECK(of(R"({"errors":[{"external_id":"7","message":"m"}]})") == "items 2");
  CHECK(of(R"({"errors":[{"path":"/conversations/3/metadata/7","message":"m"}]})") == "items 3");
  CHECK(of(R"({"errors":[{"path":"/0/channel","message":"m"}]})") == "items 0");
  CHECK(of(R"({"errors":[{"path":"/records/3/channel","message":"m"}]})") == "unknown");
  CHECK(array_key_of("{\"meta\":1,\"records\": [") == "records");
  CHECK(array_key_of("[") == "");
}

TEST_CASE("http: which Accept-Encoding of a server allows gzip") {
  for (const char* yes : {"gzip", "GZIP", "br, gzip", "gzip;q=1.0, identity; q=0.5", "deflate,x-gzip", "gzip ; q=0.01"}) {
    CHECK_MESSAGE(takes_gzip(yes), yes);
  }
  for (const char* no : {"", "identity", "*", "gzip;q=0", "gzip; q=0.000", "gzipped", "br;q=1, gzip;q=0", ",", ";"}) {
    CHECK_FALSE_MESSAGE(takes_gzip(no), no);
  }
}

TEST_CASE("secrets: kept out of texts, in every shape") {
  Redactor redact;
  redact.add("sk_live_a/b+c");
  CHECK(redact("key sk_live_a/b+c, c2tfbGl2ZV9hL2IrYzo=, c2tfbGl2ZV9hL2IrYw==, sk_live_a%2Fb%2Bc.") ==
        "key [secret], [secret]=, [secret]==, [secret].");
  CHECK(redact("sk_live_a%2fb%2bc c2tfbGl2ZV9hL2IrYzo and sk_live_a\\/b+c") == "[secret] [secret] and [secret]");
  CHECK(redact("cut off: sk_live_a/b+") == "cut off: [secret]");
  CHECK(redact("cut off: c2tfbGl2Z") == "cut off: [secret]");
  CHECK(redact("sk_li") == "sk_li");
  // SHA-256 of "crosswalk delivery account 1", NUL, "u", NUL, "a": a journal that exists must stay its account's.
  CHECK(got(fingerprint("u", {"a"})) == "de486ebce0620dee6b012c5647f9eba262028e22109e073c7e7553a72a86feb6");
  CHECK(got(fingerprint("u", {"a"})) != got(fingerprint("u", {"b"})));
  const TemporaryFolder folder;
  put(folder / "key", " sk_live_x\n");
  REQUIRE(::chmod((folder / "key").c_str(), 0600) == 0);
  CHECK(got(read_secret({"", folder / "key"}, "api_key")) == "sk_live_x");
  put(folder / "key", "two\nlines");
  const auto bad = read_secret({"", folder / "key"}, "api_key");
  CHECK(bad.error().message.find("two") == std::string::npos);
  CHECK(read_secret({"CROSSWALK_NO_SUCH_KEY", ""}, "api_key").error().message ==
        "api_key: the environment variable CROSSWALK_NO_SUCH_KEY is not set");
}

namespace {

/// A server in memory: `answer` gives what it says of a method and the ids of a request.
struct FakeServer {
  using Said = std::function<Answer(const std::string&, const std::vector<std::string>&)>;
  explicit FakeServer(Said said) : answer(std::move(said)) {}

  static Answer with(int status, std::string body = {}) {
    Answer out;
    out.end = Answer::End::answered;
    out.status = status;
    out.body = std::move(body);
    return out;
  }

  class Line final : public Transport {
   public:
    explicit Line(FakeServer& server) : server_(server) {}
    Answer send(const std::string& method, const std::string& body) override {
      const std::lock_guard hold(server_.mutex);
      std::vector<std::string> ids;
      for (std::size_t at = 0; (at = body.find(R"("external_id":")", at)) != std::string::npos;) {
        at += 15;
        ids.push_back(body.substr(at, body.find('"', at) - at));
      }
      server_.requests.push_back(method + " " + std::to_string(ids.size()));
      Answer out = server_.answer(method, ids);
      if (out.status == 202 && out.body.empty()) server_.taken.insert(ids.begin(), ids.end());
      return out;
    }

   private:
    FakeServer& server_;
  };

  Said answer;
  std::mutex mutex;
  std::vector<std::string> requests;
  std::set<std::string> taken;
};

/// What came of sending the plan in a journal.
struct Sent {
  Result<void> result;
  EngineCounts counts;
  std::vector<ServerRefusal> refusals;
  std::vector<std::string> waits;
};
Sent send(Journal& journal, FakeServer& server, const std::function<void(EngineRules&)>& change = {}, bool resume = false) {
  std::atomic<bool> stop = false;
  Sent out;
  EngineHooks hooks;
  hooks.refused = [&](const ServerRefusal& refusal) {
    out.refusals.push_back(refusal);
    return Result<void>();
  };
  hooks.waiting = [&](std::string text) { out.waits.push_back(std::move(text)); };
  EngineRules with;
  with.limits = {100'000, 1000, 2};
  with.url = "https://x";
  with.first_wait = with.longest_wait = std::chrono::milliseconds(1);
  with.retries = 100;
  if (change) change(with);
  Engine engine(
      journal, with,
      [&]() -> Result<std::unique_ptr<Transport>> { return std::unique_ptr<Transport>(new FakeServer::Line(server)); }, stop,
      Redactor(), hooks);
  out.result = engine.resume();
  if (out.result && !resume) out.result = engine.deliver(*got(journal.last_run()));
  out.counts = engine.counts();
  return out;
}

void plan(Journal& journal, const std::vector<std::string>& lines, std::size_t batch = 500) {
  PlanRules with = rules();
  with.batch_size = batch;
  Planner planner(journal, with);
  good(planner.start(""));
  for (const std::string& line : lines) {
    if (line[0] == '+') {
      got(planner.update(line.substr(1)));
    } else {
      got(planner.conversation(line));
    }
  }
  good(planner.finish());
}

std::vector<std::string> conversations(int count, const std::string& more = "") {
  std::vector<std::string> out;
  for (int i = 0; i < count; ++i) out.push_back(conversation("c" + std::to_string(1000 + i), more));
  return out;
}
bool has(const std::vector<std::string>& ids, const std::string& id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

}  // namespace

TEST_CASE("engine: a success that reports errors is none for the records that it names") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  plan(*journal, conversations(20));
  FakeServer server([](const std::string&, const std::vector<std::string>& ids) {
    return has(ids, "c1003")
               ? FakeServer::with(202, R"({"errors":[{"external_id":"c1003","message":"no such queue"},{"index":7}]})")
               : FakeServer::with(202);
  });
  const Sent sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.accepted == 18);
  REQUIRE(sent.refusals.size() == 2);
  CHECK(sent.refusals[0].external_id == "c1003");
  CHECK(sent.refusals[0].message == "the server refused it: no such queue");
  CHECK(sent.refusals[1].external_id == "c1007");
  CHECK(server.requests.size() == 1);
  CHECK(got(journal->open_requests()).empty());
  CHECK(got(journal->left_over()) == 0);
  Stored state;
  CHECK(got(journal->find("c1004", state)));
  CHECK_FALSE(got(journal->find("c1003", state)));
}

TEST_CASE("engine: a success that nobody can understand stops the run, and nothing counts as delivered") {
  for (const auto& [status, body, said] : {std::tuple(200, "", "200 is not a status that means \"accepted\" here"),
                                           std::tuple(202, "<html>sign in</html>", "a page for a browser"),
                                           std::tuple(202, R"({"errors":["quota"]})", "names no record of the request")}) {
    const TemporaryFolder folder;
    const auto journal = journal_at(folder / "j.db");
    plan(*journal, conversations(20));
    FakeServer server([s = status, b = std::string(body)](const std::string&, const std::vector<std::string>&) {
      return FakeServer::with(s, b);
    });
    const Sent sent = send(*journal, server);
    REQUIRE_FALSE(sent.result);
    CHECK(sent.result.error().code == Errc::io);
    CHECK(sent.result.error().message.find(said) != std::string::npos);
    CHECK(sent.counts.accepted == 0);
    CHECK(got(journal->open_requests()).size() == 1);
    Stored state;
    CHECK_FALSE(got(journal->find("c1003", state)));
  }
}

TEST_CASE("engine: an update of what the server does not have goes whole") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  FakeServer server([](const std::string& method, const std::vector<std::string>& ids) {
    return FakeServer::with(method == "PATCH" && (has(ids, "c1003") || has(ids, "c1011")) ? (has(ids, "c1003") ? 404 : 410)
                                                                                          : 202);
  });
  plan(*journal, conversations(20));
  good(send(*journal, server).result);
  plan(*journal, conversations(20, R"(,"resolved":true)"));
  server.requests.clear();
  Sent sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.accepted == 20);
  CHECK(sent.counts.sent_whole == 2);
  CHECK(sent.refusals.empty());
  CHECK(std::count(server.requests.begin(), server.requests.end(), "POST 1") == 2);
  CHECK(run(*journal, conversations(20, R"(,"resolved":true)"))[3].action == "unchanged");
  // Of a URL where nothing was ever accepted it means the URL.
  const auto fresh = journal_at(folder / "k.db");
  run(*fresh, conversations(3));
  plan(*fresh, conversations(3, R"(,"resolved":true)"));
  FakeServer none([](const std::string&, const std::vector<std::string>&) { return FakeServer::with(404); });
  sent = send(*fresh, none);
  REQUIRE_FALSE(sent.result);
  CHECK(sent.result.error().code == Errc::usage);
}

TEST_CASE("engine: a record that the server fails on is set aside when others are taken, and tried again") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  bool poisoned = true;
  FakeServer server([&](const std::string&, const std::vector<std::string>& ids) {
    return FakeServer::with(poisoned && has(ids, "c1013") ? 500 : 202);
  });
  plan(*journal, conversations(100), 20);
  Sent sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.accepted == 99);
  CHECK(sent.counts.set_aside == 1);
  REQUIRE(sent.refusals.size() == 1);
  CHECK(sent.refusals[0].external_id == "c1013");
  CHECK(sent.refusals[0].again);
  CHECK(server.requests.size() < 40);
  // Also when its source does not say it any more, and by a run that is gone on with.
  poisoned = false;
  server.requests.clear();
  plan(*journal, {conversation("new")});
  sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.accepted == 2);
  CHECK(server.taken.contains("c1013"));
  CHECK(run(*journal, conversations(100))[13].action == "unchanged");
}

TEST_CASE("engine: an item that the server fails on, or puts off, is set aside and keeps nothing back") {
  for (const int status : {503, 409, 425, 429}) {
    CAPTURE(status);
    const TemporaryFolder folder;
    const auto journal = journal_at(folder / "j.db");
    FakeServer server([&](const std::string&, const std::vector<std::string>& ids) {
      if (!has(ids, "c1003")) return FakeServer::with(202);
      return FakeServer::with(202, R"({"errors":[{"external_id":"c1003","status":)" + std::to_string(status) + "}]}");
    });
    plan(*journal, conversations(10), 10);
    Sent sent = send(*journal, server);
    good(sent.result);
    CHECK(sent.counts.accepted == 9);
    CHECK(sent.counts.set_aside == 1);
    REQUIRE(sent.refusals.size() == 1);
    CHECK(sent.refusals[0].external_id == "c1003");
    CHECK(server.requests.size() < 15);
    // Alone it is tried a few times, and is no outage.
    server.requests.clear();
    plan(*journal, conversations(10), 10);
    sent = send(*journal, server);
    good(sent.result);
    CHECK(sent.counts.set_aside == 1);
    CHECK(server.requests.size() <= 3);
    // Beside new ones, and left open by a run that was killed.
    plan(*journal, {conversation("new")}, 10);
    good(send(*journal, server).result);
    CHECK(server.taken.contains("new"));
  }
}

TEST_CASE("engine: many records that the server fails on keep nothing new back") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  FakeServer server([&](const std::string&, const std::vector<std::string>& ids) {
    const bool bad = std::any_of(ids.begin(), ids.end(), [](const std::string& id) { return id[0] == 'c' && id.back() == '7'; });
    return FakeServer::with(bad ? 500 : 202);
  });
  plan(*journal, conversations(600), 100);
  Sent sent = send(*journal, server);
  for (int more = 0; more < 5 && !sent.result; ++more) {
    plan(*journal, conversations(600), 100);
    sent = send(*journal, server);
  }
  good(sent.result);
  CHECK(server.taken.size() == 540);
  // A quiet night: no outage, and soon over.
  server.requests.clear();
  plan(*journal, conversations(600), 100);
  sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.set_aside == 60);
  CHECK(sent.refusals.size() == 60);
  CHECK(server.requests.size() <= 40);
  // With new ones, which go first.
  std::vector<std::string> lines = conversations(600);
  for (int i = 0; i < 5; ++i) lines.push_back(conversation("new" + std::to_string(i)));
  plan(*journal, lines, 100);
  sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.accepted == 5);
  CHECK(sent.counts.set_aside == 60);
  // Cured.
  server.answer = [](const std::string&, const std::vector<std::string>&) { return FakeServer::with(202); };
  plan(*journal, conversations(600), 100);
  good(send(*journal, server).result);
  CHECK(server.taken.size() == 605);
  CHECK(run(*journal, conversations(600))[7].action == "unchanged");
}

TEST_CASE("engine: an answer to one record alone that could mean the key or the URL stops nothing") {
  for (const int status : {402, 403, 404, 405, 409, 410, 423, 425, 451, 501, 505}) {
    CAPTURE(status);
    const TemporaryFolder folder;
    const auto journal = journal_at(folder / "j.db");
    FakeServer server([&](const std::string&, const std::vector<std::string>& ids) {
      return FakeServer::with(has(ids, "bad") ? status : 202);
    });
    plan(*journal, conversations(20), 10);
    good(send(*journal, server).result);
    std::vector<std::string> lines = conversations(20);
    lines.push_back(conversation("bad"));
    lines.push_back(conversation("new1"));
    plan(*journal, lines, 10);
    Sent sent = send(*journal, server);
    good(sent.result);
    CHECK(sent.counts.accepted == 1);
    REQUIRE(sent.refusals.size() == 1);
    CHECK(sent.refusals[0].external_id == "bad");
    lines.push_back(conversation("new2"));
    plan(*journal, lines, 10);
    good(send(*journal, server).result);
    CHECK(server.taken.contains("new2"));
    // To everything it means what it says.
    server.answer = [&](const std::string&, const std::vector<std::string>&) { return FakeServer::with(status); };
    server.requests.clear();
    plan(*journal, conversations(500, R"(,"wait_time_seconds":2)"), 500);
    sent = send(*journal, server);
    CHECK_FALSE(sent.result);
    CHECK(std::all_of(sent.refusals.begin(), sent.refusals.end(),
                      [](const ServerRefusal& one) { return one.external_id == "bad"; }));
    CHECK(server.requests.size() < 130);
  }
}

TEST_CASE("engine: what the server has neither for an update nor whole is a reject, once") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  bool buried = false;
  FakeServer server([&](const std::string&, const std::vector<std::string>& ids) {
    return FakeServer::with(buried && has(ids, "c1003") ? 410 : 202);
  });
  plan(*journal, conversations(20));
  good(send(*journal, server).result);
  buried = true;
  std::vector<std::string> lines = conversations(20, R"(,"resolved":true)");
  plan(*journal, lines);
  Sent sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.accepted == 19);
  REQUIRE(sent.refusals.size() == 1);
  CHECK(sent.refusals[0].external_id == "c1003");
  // It is not sent again in every run, and new ones go.
  CHECK(run(*journal, lines)[3].action == "refused");
  lines.push_back(conversation("new"));
  plan(*journal, lines);
  server.requests.clear();
  good(send(*journal, server).result);
  CHECK(server.requests == std::vector<std::string>{"POST 1"});
  // By its items' words as well.
  const auto other = journal_at(folder / "k.db");
  server.answer = [](const std::string& method, const std::vector<std::string>& ids) {
    if (method != "PATCH" || !has(ids, "c1003")) return FakeServer::with(202);
    return FakeServer::with(202, R"({"errors":[{"external_id":"c1003","code":"not_found"}]})");
  };
  plan(*other, conversations(20));
  good(send(*other, server).result);
  plan(*other, conversations(20, R"(,"resolved":true)"));
  sent = send(*other, server);
  good(sent.result);
  CHECK(sent.counts.sent_whole == 1);
  CHECK(sent.refusals.empty());
}

TEST_CASE("planner: what the user was told to remove is sent whole when it comes back") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  run(*journal, conversations(3));
  good(journal->begin());
  CHECK(got(journal->tell_gone("c1001")));
  good(journal->commit());
  const auto decisions = run(*journal, conversations(3));
  CHECK(decisions[0].action == "unchanged");
  CHECK(decisions[1].action == "unsettled");
  CHECK(decisions[1].sent == conversation("c1001"));
  CHECK(run(*journal, conversations(3))[1].action == "unchanged");
}

TEST_CASE("journal: what a run told that did not come to its end is news to the next") {
  const TemporaryFolder folder;
  const std::string path = folder / "j.db";
  run(*journal_at(path), conversations(3));
  const auto tell = [&](bool ends) {
    const auto journal = journal_at(path);
    good(journal->begin());
    const bool news = got(journal->tell_gone("c1001"));
    good(journal->commit());
    if (ends) good(journal->finish_run(1));
    return news;
  };
  CHECK(tell(false));
  CHECK(tell(true));
  CHECK_FALSE(tell(false));
  // A plan that is gone on with tells nothing of its own.
  {
    const auto journal = journal_at(path);
    good(journal->begin());
    CHECK(got(journal->tell_gone("c1002")));
    good(journal->commit());
  }
  good(journal_at(path)->finish_run(1));
  CHECK(got(journal_at(path)->tell_gone("c1002")));
}

TEST_CASE("engine: an enrichment that was set aside goes with what its conversation says next") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  bool poisoned = true;
  FakeServer server([&](const std::string&, const std::vector<std::string>& ids) {
    return FakeServer::with(poisoned && has(ids, "c1001") ? 500 : 202);
  });
  plan(*journal, conversations(40), 10);
  poisoned = false;
  good(send(*journal, server).result);
  poisoned = true;
  std::vector<std::string> lines = conversations(40, R"(,"resolved":true)");  // others that go by PATCH as well
  lines[1] = R"(+{"external_id":"c1001","csat_score":5})";
  plan(*journal, lines, 10);
  CHECK(send(*journal, server).counts.set_aside == 1);
  auto said = run(*journal, {conversation("c1001", R"(,"status":"open")")});
  CHECK(said[0].action == "unsettled");
  CHECK(said[0].sent.find(R"("csat_score":5)") != std::string::npos);
  CHECK(said[0].sent.find(R"("status":"open")") != std::string::npos);
  CHECK(run(*journal, {R"(+{"external_id":"c1001","csat_score":5})"})[0].action == "unchanged");
  CHECK(run(*journal, {conversation("c1001", R"(,"status":"open")")})[0].action == "unchanged");
  // One that was never taken, and that only an update speaks of next.
  server.answer = [](const std::string&, const std::vector<std::string>& ids) {
    return FakeServer::with(has(ids, "never") ? 500 : 202);
  };
  lines = conversations(40, R"(,"wait_time_seconds":3)");
  lines.insert(lines.begin(), conversation("never"));
  plan(*journal, lines, 10);
  CHECK(send(*journal, server).counts.set_aside == 1);
  said = run(*journal, {R"(+{"external_id":"never","csat_score":5})"});
  CHECK(said[0].action == "unsettled");
  CHECK(said[0].sent == conversation("never", R"(,"csat_score":5)"));
  CHECK(run(*journal, {conversation("never")})[0].action == "unchanged");
}

TEST_CASE("engine: an outage is waited for, makes no rejects and ends as one") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  int left = 60;
  FakeServer server(
      [&](const std::string&, const std::vector<std::string>&) { return FakeServer::with(left-- > 0 ? 503 : 202); });
  plan(*journal, conversations(100), 20);
  Sent sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.counts.accepted == 100);
  CHECK(sent.refusals.empty());
  REQUIRE(!sent.waits.empty());
  CHECK(sent.waits[0].starts_with("waiting for https://x: the server answered 503; "));
  left = 1000;
  plan(*journal, conversations(100, R"(,"wait_time_seconds":2)"), 20);
  sent = send(*journal, server);
  REQUIRE_FALSE(sent.result);
  CHECK(sent.result.error().code == Errc::unavailable);
  CHECK(sent.result.error().message == "https://x: gave up after 101 failed tries; the last: the server answered 503");
  CHECK(sent.refusals.empty());
  // What it left open must not keep the next run's records back.
  const std::size_t open = got(journal->open_requests()).size();
  CHECK(open > 1);
  server.answer = [](const std::string&, const std::vector<std::string>& ids) {
    return FakeServer::with(has(ids, "c1001") ? 500 : 202);
  };
  good(send(*journal, server, {}, true).result);
  CHECK(got(journal->open_requests()).empty());
  plan(*journal, {conversation("new")});
  sent = send(*journal, server);
  good(sent.result);
  CHECK(server.taken.contains("new"));
  CHECK(sent.counts.set_aside == 1);
}

TEST_CASE("engine: retries count what fails since something was accepted") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  int n = 0;
  FakeServer server(
      [&](const std::string&, const std::vector<std::string>&) { return FakeServer::with(++n % 2 != 0 ? 503 : 202); });
  plan(*journal, conversations(60), 1);
  const Sent sent = send(*journal, server, [](EngineRules& with) {
    with.retries = 1;
    with.limits = {100'000, 1000, 1};
  });
  good(sent.result);
  CHECK(sent.counts.accepted + sent.counts.set_aside == 60);
  CHECK(sent.counts.retries > 50);
}

TEST_CASE("engine: everything refused alike stops, and is sent again by the next run") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  bool refusing = true;
  FakeServer server([&](const std::string&, const std::vector<std::string>& ids) {
    return refusing ? FakeServer::with(422, R"({"message":"unknown platform of )" + ids[0] + R"(","request":"8f3a-77"})")
                    : FakeServer::with(202);
  });
  plan(*journal, conversations(2000));
  Sent sent = send(*journal, server);
  REQUIRE_FALSE(sent.result);
  CHECK(sent.result.error().message.find("refuses everything alike, 8 records one by one") != std::string::npos);
  CHECK(sent.result.error().message.find("unknown platform") != std::string::npos);
  CHECK(sent.refusals.empty());
  const std::uint64_t alike_refused = sent.counts.refused;
  CHECK(server.requests.size() < 200);
  refusing = false;
  good(send(*journal, server, {}, true).result);
  plan(*journal, conversations(2000));
  good(send(*journal, server).result);
  CHECK(server.taken.size() == 2000);
  // None of them counts as refused.
  CHECK(alike_refused == 0);
  // The answer may say the record back.
  const auto echoed = journal_at(folder / "echo.db");
  std::vector<std::string> lines;
  for (int i = 0; i < 2000; ++i) {
    const std::string word{static_cast<char>('a' + i % 26), static_cast<char>('a' + i / 26 % 26),
                           static_cast<char>('a' + i / 676)};
    lines.push_back(conversation("c" + std::to_string(i), R"(,"subject":"about )" + word + "\""));
  }
  plan(*echoed, lines);
  FakeServer echoing([&](const std::string&, const std::vector<std::string>& ids) {
    return FakeServer::with(422, R"({"error":"invalid","record":)" + lines[std::stoul(ids[0].substr(1))] + "}");
  });
  sent = send(*echoed, echoing);
  REQUIRE_FALSE(sent.result);
  CHECK(sent.result.error().message.find("refuses everything alike") != std::string::npos);
  CHECK(sent.refusals.empty());
  CHECK(sent.counts.refused == 0);
  CHECK(echoing.requests.size() < 200);
  // Fewer than twenty, or a journal under which something was accepted: they may well be the records.
  refusing = true;
  const auto few = journal_at(folder / "few.db");
  plan(*few, conversations(19));
  good(send(*few, server).result);
  plan(*journal, conversations(40, R"(,"wait_time_seconds":2)"));
  sent = send(*journal, server);
  good(sent.result);
  CHECK(sent.refusals.size() == 40);
}

TEST_CASE("engine: max_refused stops at a number, and at a share of the plan") {
  for (const bool share : {false, true}) {
    const TemporaryFolder folder;
    const auto journal = journal_at(folder / "j.db");
    FakeServer server([](const std::string&, const std::vector<std::string>& ids) {
      const bool bad = std::any_of(ids.begin(), ids.end(), [](const std::string& id) { return id.back() == '7'; });
      return FakeServer::with(bad ? 422 : 202);
    });
    plan(*journal, conversations(100), 10);
    const auto at = [&](double most) {
      return [=](EngineRules& with) {
        if (share) {
          with.max_refused.percent = most;
        } else {
          with.max_refused.count = static_cast<std::uint64_t>(most);
        }
      };
    };
    const Sent sent = send(*journal, server, at(4));
    REQUIRE_FALSE(sent.result);
    CHECK(sent.result.error().code == Errc::data);
    CHECK(sent.result.error().message.find(share ? "more than max_refused allows (4 % of 100)"
                                                 : "more than max_refused allows (4)") != std::string::npos);
    CHECK(sent.refusals.size() >= 5);
    CHECK(sent.refusals.size() <= 10);  // with those that were on their way
    // Gone on with, it is still too many.
    const Sent more = send(*journal, server, at(4));
    REQUIRE_FALSE(more.result);
    CHECK(more.result.error().message.find("more than max_refused allows") != std::string::npos);
    CHECK(more.refusals.size() < 4);
    good(send(*journal, server, at(50)).result);
  }
}

TEST_CASE("engine: a server that was never reached is given up soon") {
  const TemporaryFolder folder;
  const auto journal = journal_at(folder / "j.db");
  FakeServer server([](const std::string&, const std::vector<std::string>&) {
    Answer none;
    none.end = Answer::End::not_sent;
    none.error = "Could not resolve host: nowhere";
    return none;
  });
  plan(*journal, conversations(3));
  const auto begun = std::chrono::steady_clock::now();
  const auto soon = [](EngineRules& with) {
    with.retries = 1'000'000;
    with.first_contact = std::chrono::milliseconds(300);
    with.first_wait = std::chrono::milliseconds(20);
    with.longest_wait = std::chrono::milliseconds(10'000);
  };
  const Sent sent = send(*journal, server, soon);
  const auto took = std::chrono::steady_clock::now() - begun;
  REQUIRE_FALSE(sent.result);
  CHECK(sent.result.error().code == Errc::unavailable);
  CHECK(sent.result.error().message.find("nobody answers there") != std::string::npos);
  CHECK(took >= std::chrono::milliseconds(300));
  CHECK(took < std::chrono::milliseconds(3000));
  REQUIRE(!sent.waits.empty());
  CHECK(sent.waits[0].find("; gives up in 0 s when nobody answers") != std::string::npos);
}

TEST_CASE("engine: a batch with bad records is delivered but for them, in few requests") {
  // Answers at once: bad ones by their id.
  class Fake final : public Transport {
   public:
    Fake(std::atomic<int>& requests, bool all_bad) : requests_(requests), all_bad_(all_bad) {}
    Answer send(const std::string&, const std::string& body) override {
      ++requests_;
      Answer answer;
      answer.end = Answer::End::answered;
      answer.status = all_bad_ || body.find("bad") != std::string::npos ? 422 : 202;
      if (answer.status == 422) answer.body = "no, key123456";
      return answer;
    }

   private:
    std::atomic<int>& requests_;
    bool all_bad_;
  };
  for (const int bad : {0, 1, 2, 5, 50, 499, 500}) {
    const TemporaryFolder folder;
    const auto journal = journal_at(folder / "j.db");
    good(journal->begin());
    good(journal->mark_accepted());  // else so many that are refused alike would be taken for a fault of the account
    good(journal->commit());
    PlanRules with = rules();
    with.batch_size = 500;
    Planner planner(*journal, with);
    good(planner.start(""));
    for (int i = 0; i < 500; ++i) {
      const bool is_bad = bad != 0 && i * bad / 500 != (i + 1) * bad / 500;
      got(planner.conversation(conversation((is_bad ? "bad" : "ok") + std::to_string(i))));
    }
    good(planner.finish());
    std::atomic<int> requests = 0;
    std::atomic<bool> stop = false;
    Redactor redact;
    redact.add("key123456");
    EngineHooks hooks;
    std::vector<ServerRefusal> refusals;
    hooks.refused = [&](const ServerRefusal& refusal) {
      refusals.push_back(refusal);
      return Result<void>();
    };
    EngineRules engine_rules;
    engine_rules.limits = {100'000, 1000, 4};
    engine_rules.url = "https://x";
    Engine engine(
        *journal, engine_rules,
        [&]() -> Result<std::unique_ptr<Transport>> { return std::unique_ptr<Transport>(new Fake(requests, false)); }, stop,
        redact, hooks);
    good(engine.deliver(*got(journal->last_run())));
    CHECK(engine.counts().accepted == static_cast<std::uint64_t>(500 - bad));
    CHECK(static_cast<int>(refusals.size()) == bad);
    for (const auto& refusal : refusals) {
      CHECK(refusal.external_id.starts_with("bad"));
      CHECK(refusal.message == "the server refused it: 422, \"no, [secret]\"");
    }
    CHECK(requests <= 2 * bad * 9 + 1);
    CHECK(requests <= 999);
    CHECK(got(journal->open_requests()).empty());
    CHECK(got(journal->left_over()) == 0);
  }
}
