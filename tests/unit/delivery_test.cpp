#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <map>
#include <random>

#include "delivery/bucket.hpp"
#include "delivery/database.hpp"
#include "delivery/engine.hpp"
#include "delivery/journal.hpp"
#include "delivery/planner.hpp"
#include "delivery/retry.hpp"
#include "delivery/secret.hpp"
#include "delivery/state.hpp"
#include "delivery/transport.hpp"
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
    good(journal->bind_account("one"));
    good(journal->commit());
    good(journal->check_account("one"));
    CHECK(journal->check_account("two").error().message.find("is of another account") != std::string::npos);
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
  CHECK(refused(folder / "newer.db").find("was written by a newer crosswalk (version 9, this one knows 1)") != std::string::npos);
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
      CHECK(!journal.error().cure.empty());
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
  CHECK(got(read_secret({"", folder / "key"}, "api_key")) == "sk_live_x");
  put(folder / "key", "two\nlines");
  const auto bad = read_secret({"", folder / "key"}, "api_key");
  CHECK(bad.error().message.find("two") == std::string::npos);
  CHECK(read_secret({"CROSSWALK_NO_SUCH_KEY", ""}, "api_key").error().message ==
        "api_key: the environment variable CROSSWALK_NO_SUCH_KEY is not set");
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
