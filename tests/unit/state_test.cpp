#include "merge/state.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "said.hpp"

using namespace crosswalk;

namespace {

/// Entries written, read again, joined by id and scope: what the merge does, without its sorting.
class Fold {
 public:
  void add(const Said& s) { s.add_to(entries_); }

  /// Calls `visit(state)` with each finished state.
  void finish(const auto& visit) {
    each_entry(entries_.view(), [&](std::string_view key, std::string_view payload) {
      const Contribution c = contributions_.decode(key, payload);
      states_[{c.id, c.scope}].join(c);
    });
    for (auto& [identity, state] : states_) {
      state.settle();
      derive_from_touchpoints(state);
      visit(state);
    }
  }

 private:
  Buffer entries_;
  Contributions contributions_;
  std::map<std::pair<std::string_view, std::string_view>, State> states_;
};

/// Everything of a finished conversation but how many records made it, as one line.
std::string line(const State& state) {
  const Conversation& c = state.conversation;
  Buffer out;
  add_conversation_fields(out, c);
  out.add(" scope=");
  out.add(state.scope);
  for (const State::Meta& m : state.metadata) {
    out.add(' ');
    out.add(m.key);
    out.add(m.value);
  }
  out.add(" touch=");
  for (const std::uint64_t n : count_touchpoints(state)) {
    add_number(out, n);
    out.add(',');
  }
  out.add(" how=");
  out.add(c.started_at ? name_of(c.started_how) : "-");
  out.add(c.started_at && c.started_by_evidence ? "!" : "");
  out.add("/");
  out.add(c.ended_at ? name_of(c.ended_how) : "-");
  out.add(c.ended_at && c.ended_by_evidence ? "!" : "");
  out.add(" from=");
  add_number(out, state.origin.file);
  out.add(':');
  add_number(out, state.origin.offset);
  out.add(':');
  add_number(out, state.origin.line);
  out.add('\n');
  return std::string(out.view());
}

std::string folded(const std::vector<Said>& all) {
  Fold fold;
  for (const Said& s : all) fold.add(s);
  std::string out;
  fold.finish([&](const State& state) { out += line(state); });
  return out;
}

/// The one conversation of a fold.
struct One {
  Conversation c;
  std::vector<std::string> metadata;
  std::array<std::uint64_t, kTouchKinds> touchpoints{};
  std::uint64_t records = 0;
  std::uint64_t repeated = 0;
  Origin origin;
  std::string scope, agent, subject, status, queue, customer, platform;  // kept: the fold is gone
};

One one(const std::vector<Said>& all) {
  Fold fold;
  for (const Said& s : all) fold.add(s);
  One out;
  int count = 0;
  fold.finish([&](const State& state) {
    ++count;
    out.c = state.conversation;
    for (const State::Meta& m : state.metadata) out.metadata.push_back(std::string(m.key) + std::string(m.value));
    out.touchpoints = count_touchpoints(state);
    out.records = state.records;
    out.repeated = state.repeated_touchpoints;
    out.origin = state.origin;
    out.scope = state.scope;
    out.agent = state.conversation.assigned_agent_id;
    out.subject = state.conversation.subject;
    out.status = state.conversation.status;
    out.queue = state.conversation.queue_id;
    out.customer = state.conversation.customer_id;
    out.platform = state.conversation.platform;
  });
  REQUIRE(count == 1);
  return out;
}

/// A record that says nothing but touchpoints.
Said touched(std::uint64_t place, std::vector<Touchpoint> touchpoints) {
  Said s = say("1", place);
  s.touchpoints = std::move(touchpoints);
  return s;
}

Instant at(std::int64_t seconds, std::uint32_t nanos = 0) { return {seconds, nanos}; }

constexpr std::string_view kNoTouch = " touch=0,0,0,0,0,0,0,0,";

}  // namespace

TEST_CASE("contribution: what an entry is given comes back, to the last bit") {
  const std::string bytes("nul \0 and \xff", 11), giant(100'000, 'x');
  Said s = say("own id", UINT64_MAX, INT64_MAX);
  s.what.source = UINT32_MAX;
  s.what.origin = {UINT32_MAX, UINT64_MAX - 1, UINT64_MAX};
  s.what.version.nanos = 999'999'999;
  s.what.version.file = s.what.origin.file;
  s.what.version.offset = s.what.origin.offset;
  s.what.scope = bytes;
  Conversation& c = s.what.conversation;
  c.external_id = "another id";
  c.platform = "p";
  c.queue_id = giant;
  c.assigned_agent_id = bytes;
  c.customer_id = "c";
  c.subject = "s";
  c.status = "t";
  c.channel = Channel::back_office;
  c.started_at = at(INT64_MIN, 1);
  c.started_how = Known::skipped_earlier;
  c.started_by_evidence = true;
  c.ended_at = at(-1, 999'999'999);
  c.ended_how = Known::repeated_later;
  c.handle_time = Decimal{INT64_MIN, 18};
  c.wait_time = Decimal{INT64_MAX, 0};
  c.first_response_time = Decimal{-1, 1};
  c.resolved = false;
  c.csat_score = Decimal{0, 0};
  s.metadata = {{"\"k\":", giant}, {"\"empty\":", ""}};
  Touchpoint all = touch(1, -5, TouchKind::other, Direction::internal), none = touch(2, 5, TouchKind::sms);
  all.id.high = UINT64_MAX;
  all.how = Known::skipped_later;
  all.has_duration = true;
  all.duration = {-7, 3};
  all.user = bytes;
  all.subject = giant;
  none.deleted = true;
  s.touchpoints = {all, none};
  s.what.refused_end = true;

  Buffer entries;
  s.add_to(entries);
  say("plain", 7).add_to(entries);
  Contributions contributions;
  std::vector<Contribution> read;
  each_entry(entries.view(),
             [&](std::string_view key, std::string_view payload) { read.push_back(contributions.decode(key, payload)); });
  REQUIRE(read.size() == 2);
  const Contribution& r = read.front();
  CHECK(r.source == s.what.source);
  CHECK(r.id == s.what.id);
  CHECK(r.scope == bytes);
  CHECK(r.origin == s.what.origin);
  CHECK(r.version == s.what.version);
  const Conversation& d = r.conversation;
  CHECK(d.external_id == c.external_id);
  CHECK(d.platform == c.platform);
  CHECK(d.queue_id == c.queue_id);
  CHECK(d.assigned_agent_id == c.assigned_agent_id);
  CHECK(d.customer_id == c.customer_id);
  CHECK(d.subject == c.subject);
  CHECK(d.status == c.status);
  CHECK(d.channel == c.channel);
  CHECK(d.started_at == c.started_at);
  CHECK(d.started_how == c.started_how);
  CHECK(d.started_by_evidence);
  CHECK(d.ended_at == c.ended_at);
  CHECK(d.ended_how == c.ended_how);
  CHECK_FALSE(d.ended_by_evidence);
  CHECK(d.handle_time == c.handle_time);
  CHECK(d.wait_time == c.wait_time);
  CHECK(d.first_response_time == c.first_response_time);
  CHECK(d.resolved == c.resolved);
  CHECK(d.csat_score == c.csat_score);
  REQUIRE(r.metadata.size() == 2);
  CHECK(r.metadata[0].key == "\"k\":");
  CHECK(r.metadata[0].value == giant);
  CHECK(r.metadata[1].value.empty());
  REQUIRE(r.touchpoints.size() == 2);
  const Touchpoint& t = r.touchpoints[0];
  CHECK(t.id == all.id);
  CHECK(t.at == all.at);
  CHECK(t.how == all.how);
  CHECK(t.kind == all.kind);
  CHECK(t.direction == all.direction);
  CHECK(t.has_duration);
  CHECK(t.duration == all.duration);
  CHECK(t.user == all.user);
  CHECK(t.subject == all.subject);
  CHECK(t.version == s.what.version);
  CHECK_FALSE(t.deleted);
  CHECK_FALSE(r.touchpoints[1].has_duration);
  CHECK(r.touchpoints[1].deleted);
  CHECK(r.refused_end);

  CHECK_FALSE(read[1].refused_end);
  CHECK(read[1].id == "plain");
  CHECK(read[1].version == say("plain", 7).what.version);
  CHECK_FALSE(read[1].conversation.handle_time.has_value());
  CHECK(read[1].touchpoints.empty());
}

TEST_CASE("contribution: lists stay where they are while others are read, and their memory is used again") {
  Buffer entries;
  constexpr std::uint64_t kMany = 2000;
  std::vector<std::string> values;
  for (std::uint64_t i = 0; i < kMany; ++i) values.push_back(std::to_string(i));
  const auto size_of = [](std::uint64_t i) { return i % 100 == 0 ? 700 : i % 7; };  // now and then more than a piece
  for (std::uint64_t i = 0; i < kMany; ++i) {
    Said s = say("1", i);
    for (std::uint64_t n = 0; n < size_of(i); ++n) s.metadata.push_back({"\"k\":", values[i]});
    s.add_to(entries);
  }
  Contributions contributions;
  for (int again = 0; again < 3; ++again) {
    contributions.clear();
    std::vector<Contribution> read;
    each_entry(entries.view(),
               [&](std::string_view key, std::string_view payload) { read.push_back(contributions.decode(key, payload)); });
    std::uint64_t wrong = 0;
    for (std::uint64_t i = 0; i < kMany; ++i) {
      wrong += read[i].metadata.size() != size_of(i);
      for (const MetadataItem& item : read[i].metadata) wrong += item.value != values[i];
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("state: one record is its conversation") {
  Said s = say("77", 5);
  s.what.conversation.channel = Channel::chat;
  s.what.conversation.queue_id = "q";
  s.what.conversation.started_at = at(0);
  s.what.conversation.csat_score = Decimal{45, 1};
  s.what.conversation.resolved = true;
  s.metadata = {{"\"b\":", "2"}, {"\"a\":", "1"}};
  CHECK(folded({s}) ==
        "{\"external_id\":\"77\",\"channel\":\"chat\",\"queue_id\":\"q\",\"started_at\":\"1970-01-01T00:00:00Z\","
        "\"resolved\":true,\"csat_score\":4.5 scope= \"a\":1 \"b\":2" +
            std::string(kNoTouch) + " how=offset/- from=0:5:6\n");
}

TEST_CASE("state: of what several records know the newest counts") {
  Said old = say("1", 900, 100), young = say("1", 1, 200);  // the update time counts before the place
  for (Said* s : {&old, &young}) {
    const bool newer = s == &young;
    Conversation& c = s->what.conversation;
    c.platform = newer ? "p2" : "p1";
    c.queue_id = newer ? "q2" : "q1";
    c.assigned_agent_id = newer ? "a2" : "a1";
    c.customer_id = newer ? "c2" : "c1";
    c.subject = newer ? "s2" : "s1";
    c.status = newer ? "open" : "solved";
    c.channel = newer ? Channel::sms : Channel::email;
    c.ended_at = at(newer ? 50 : 60);
    c.ended_how = newer ? Known::repeated_later : Known::unique;
    c.handle_time = Decimal{newer ? 2 : 1, 0};
    c.wait_time = Decimal{newer ? 4 : 3, 0};
    c.first_response_time = Decimal{newer ? 6 : 5, 0};
    c.resolved = !newer;
    c.csat_score = Decimal{newer ? 1 : 5, 0};
  }
  for (const auto& order : {std::vector<Said>{old, young}, {young, old}}) {
    const One o = one(order);
    CHECK(o.platform == "p2");
    CHECK(o.queue == "q2");
    CHECK(o.agent == "a2");
    CHECK(o.customer == "c2");
    CHECK(o.subject == "s2");
    CHECK(o.status == "open");
    CHECK(o.c.channel == Channel::sms);
    CHECK(o.c.ended_at == at(50));
    CHECK(o.c.ended_how == Known::repeated_later);
    CHECK(o.c.handle_time == Decimal{2, 0});
    CHECK(o.c.wait_time == Decimal{4, 0});
    CHECK(o.c.first_response_time == Decimal{6, 0});
    CHECK(o.c.resolved == false);
    CHECK(o.c.csat_score == Decimal{1, 0});
    CHECK(o.records == 2);
    CHECK(o.origin.offset == 1);
    CHECK(o.origin.line == 2);
  }
}

TEST_CASE("state: what a newer record does not know stays known") {
  Said old = say("1", 1), young = say("1", 2);
  Conversation& c = old.what.conversation;
  c.queue_id = "q";
  c.subject = "s";
  c.status = "open";
  c.channel = Channel::email;
  c.started_at = at(10);
  c.ended_at = at(20);
  c.handle_time = Decimal{1, 0};
  c.resolved = true;
  c.csat_score = Decimal{5, 0};
  old.metadata = {{"\"k\":", "1"}};
  young.what.conversation.status = "closed";
  for (const auto& order : {std::vector<Said>{old, young}, {young, old}}) {
    const One o = one(order);
    CHECK(o.queue == "q");
    CHECK(o.subject == "s");
    CHECK(o.status == "closed");
    CHECK(o.c.channel == Channel::email);
    CHECK(o.c.started_at == at(10));
    CHECK(o.c.ended_at == at(20));
    CHECK(o.c.handle_time == Decimal{1, 0});
    CHECK(o.c.resolved == true);
    CHECK(o.c.csat_score == Decimal{5, 0});
    CHECK(o.metadata == std::vector<std::string>{"\"k\":1"});
  }
}

TEST_CASE("state: versions are ordered by update time, its nanoseconds, then place; none is oldest") {
  struct When {
    std::int64_t seconds;
    std::uint32_t nanos, file;
    std::uint64_t offset;
  };
  const auto winner = [](When a, When b) {
    const auto record = [](std::string_view status, When when) {
      Said s = say("1", when.offset, when.seconds);
      s.what.origin.file = when.file;
      s.what.version.nanos = when.nanos;
      s.what.conversation.status = status;
      return s;
    };
    const Said first = record("first", a), second = record("second", b);
    const std::string one_way = one({first, second}).status, other_way = one({second, first}).status;
    CHECK(one_way == other_way);
    return one_way;
  };
  CHECK(winner({10, 0, 0, 1}, {9, 999, 0, 2}) == "first");
  CHECK(winner({10, 5, 0, 1}, {10, 4, 0, 2}) == "first");
  CHECK(winner({INT64_MIN, 0, 0, 9}, {-1'000'000'000'000, 0, 0, 2}) == "second");
  CHECK(winner({INT64_MIN, 0, 1, 0}, {INT64_MIN, 0, 0, 999}) == "first");  // a later file
  CHECK(winner({INT64_MIN, 0, 0, 5}, {INT64_MIN, 0, 0, 4}) == "first");
}

TEST_CASE("state: of equal update times the later in the input stands, whatever the values") {
  for (const bool larger : {true, false}) {
    Said low = say("1", larger ? 1 : 900, 100), high = say("1", larger ? 900 : 1, 100);
    for (Said* s : {&low, &high}) {
      const bool is_high = s == &high;
      Conversation& c = s->what.conversation;
      c.platform = c.queue_id = c.assigned_agent_id = c.customer_id = c.subject = c.status = is_high ? "b" : "a";
      c.channel = is_high ? Channel::chat : Channel::phone;
      c.ended_at = at(is_high ? 60 : 50);
      c.ended_how = is_high ? Known::repeated_later : Known::unique;
      c.handle_time = c.wait_time = c.first_response_time = Decimal{is_high ? 2 : 15, static_cast<std::uint8_t>(is_high ? 0 : 1)};
      c.resolved = is_high;
      c.csat_score = Decimal{is_high ? 5 : 1, 0};
      s->metadata = {{"\"k\":", is_high ? "\"b\"" : "\"a\""}};
    }
    for (const auto& order : {std::vector<Said>{low, high}, {high, low}, {low, high, low}}) {
      const One o = one(order);
      for (const std::string* text : {&o.platform, &o.queue, &o.agent, &o.customer, &o.subject, &o.status}) {
        CHECK(*text == (larger ? "b" : "a"));
      }
      CHECK(o.c.resolved == larger);
      if (!larger) continue;
      CHECK(o.c.channel == Channel::chat);
      CHECK(o.c.ended_at == at(60));
      CHECK(o.c.ended_how == Known::repeated_later);
      CHECK(o.c.handle_time == Decimal{2, 0});  // 2 is more than 1.5
      CHECK(o.c.wait_time == Decimal{2, 0});
      CHECK(o.c.first_response_time == Decimal{2, 0});
      CHECK(o.c.resolved == true);
      CHECK(o.c.csat_score == Decimal{5, 0});
      CHECK(o.metadata == std::vector<std::string>{"\"k\":\"b\""});
    }
  }
}

TEST_CASE("state: one number written in two ways, one end known in two ways: the same stands in any order") {
  Said a = say("1", 1, 100), b = say("1", 2, 100);
  a.what.conversation.csat_score = Decimal{50, 1};
  b.what.conversation.csat_score = Decimal{5, 0};
  for (Said* s : {&a, &b}) s->what.conversation.ended_at = at(10);
  a.what.conversation.ended_how = Known::repeated_earlier;
  b.what.conversation.ended_how = Known::unique;
  CHECK(folded({a, b}) == folded({b, a}));
  CHECK(one({a, b}).c.ended_how == Known::unique);  // the surer way
}

TEST_CASE("state: started_at is the earliest, whatever the version") {
  Said a = say("1", 1, 500), b = say("1", 2, 400), c = say("1", 3, 300);
  a.what.conversation.started_at = at(30);
  b.what.conversation.started_at = at(10, 5);
  b.what.conversation.started_how = Known::skipped_later;
  b.what.conversation.started_by_evidence = true;
  c.what.conversation.started_at = at(10, 6);
  for (const auto& order : {std::vector<Said>{a, b, c}, {c, b, a}, {b, c, a}, {c, a, b}}) {
    const One o = one(order);
    CHECK(o.c.started_at == at(10, 5));
    CHECK(o.c.started_how == Known::skipped_later);
    CHECK(o.c.started_by_evidence);
  }
}

TEST_CASE("state: one start known in two ways is marked the same in any order") {
  Said sure = say("1", 1), doubtful = say("1", 2);
  for (Said* s : {&sure, &doubtful}) s->what.conversation.started_at = at(10);
  doubtful.what.conversation.started_how = Known::repeated_earlier;
  CHECK(folded({sure, doubtful}) == folded({doubtful, sure}));
}

TEST_CASE("state: metadata merges by key, of one key the newest value") {
  Said a = say("1", 1), b = say("1", 2), c = say("1", 3);
  a.metadata = {{"\"x\":", "1"}, {"\"only a\":", "true"}};
  b.metadata = {{"\"x\":", "2"}, {"\"y\":", "\"b\""}};
  c.metadata = {{"\"y\":", "\"c\""}};
  for (const auto& order : {std::vector<Said>{a, b, c}, {c, b, a}, {b, a, c}}) {
    CHECK(one(order).metadata == std::vector<std::string>{"\"only a\":true", "\"x\":2", "\"y\":\"c\""});
  }
}

TEST_CASE("state: an entry holds all its texts") {
  Fold fold;
  {
    std::string id = "an id that is too long for a short string", queue = "a queue that is too long for a short string";
    std::string key = "\"a key that is too long for a short string\":", value = "\"a value that is too long\"";
    std::string user = "an agent that is too long for a short string";
    Said s = say(id, 1);
    s.what.scope = queue;
    s.what.conversation.queue_id = queue;
    s.what.conversation.channel = Channel::chat;
    s.metadata = {{key, value}};
    s.touchpoints = {touch(1, 5, TouchKind::email, Direction::outbound)};
    s.touchpoints[0].user = user;
    s.touchpoints[0].subject = queue;
    fold.add(s);
    for (std::string* text : {&id, &queue, &key, &value, &user}) std::fill(text->begin(), text->end(), '#');
  }
  std::string out;
  fold.finish([&](const State& state) { out += line(state); });
  CHECK(out.find("too long for a short string") != std::string::npos);
  CHECK(out.find('#') == std::string::npos);
}

TEST_CASE("touchpoints: a set by id; of one id the newest") {
  Touchpoint a = touch(7, 100, TouchKind::email), b = touch(7, 200, TouchKind::sms);
  const Said first = touched(1, {a, touch(8, 300, TouchKind::chat)}), second = touched(2, {b});
  for (const auto& order : {std::vector<Said>{first, second}, {second, first}, {second, first, second, first}}) {
    const One o = one(order);
    CHECK(o.touchpoints[static_cast<std::size_t>(TouchKind::email)] == 0);
    CHECK(o.touchpoints[static_cast<std::size_t>(TouchKind::sms)] == 1);
    CHECK(o.touchpoints[static_cast<std::size_t>(TouchKind::chat)] == 1);
    CHECK(o.c.started_at == at(200));
    CHECK(o.c.channel == Channel::sms);
  }
  CHECK(one({first, second}).repeated == 1);
  CHECK(one({first, second, second}).repeated == 2);
}

TEST_CASE("touchpoints: one id twice in one record is one touchpoint, the same in any order of records") {
  // What the record says twice, it says at one version: which of the two counts must not depend on the others.
  std::vector<Touchpoint> twice;
  for (std::uint64_t i = 0; i < 20; ++i) {
    twice.push_back(touch(i, static_cast<std::int64_t>(1000 - i), TouchKind::email));
    twice.push_back(touch(i, static_cast<std::int64_t>(2000 + i), TouchKind::sms));
  }
  std::vector<Said> all = {touched(1, twice)};
  for (std::uint64_t i = 0; i < 20; ++i)
    all.push_back(touched(2 + i, {touch(100 + i, static_cast<std::int64_t>(3000 + i), TouchKind::chat)}));
  const std::string expected = folded(all);
  std::mt19937 random(17);
  int different = 0;
  for (int round = 0; round < 50; ++round) {
    std::shuffle(all.begin(), all.end(), random);
    different += folded(all) != expected;
  }
  CHECK(different == 0);
}

TEST_CASE("derived: the channel of the first customer touchpoint, where no record says one") {
  using K = TouchKind;
  const auto channel = [](std::vector<Touchpoint> t) { return one({touched(1, std::move(t))}).c.channel; };
  CHECK(channel({touch(1, 5, K::sms)}) == Channel::sms);
  CHECK(channel({touch(1, 5, K::email)}) == Channel::email);
  CHECK(channel({touch(1, 5, K::call)}) == Channel::phone);
  CHECK(channel({touch(1, 5, K::chat)}) == Channel::chat);
  CHECK(channel({touch(1, 5, K::social)}) == Channel::social);
  CHECK(channel({touch(1, 5, K::note)}) == Channel::back_office);
  CHECK(channel({touch(1, 5, K::other)}) == Channel::none);
  CHECK(channel({touch(1, 9, K::sms), touch(2, 8, K::call)}) == Channel::phone);  // the earliest, not the first told
  CHECK(channel({touch(1, 1, K::note, Direction::internal), touch(2, 8, K::call)}) == Channel::phone);
  CHECK(channel({touch(1, 1, K::email, Direction::internal), touch(2, 8, K::call)}) == Channel::phone);
  CHECK(channel({touch(1, 1, K::other), touch(2, 8, K::call)}) == Channel::phone);
  Said known = touched(1, {touch(1, 5, K::sms)});
  known.what.conversation.channel = Channel::chat;
  CHECK(one({known}).c.channel == Channel::chat);
}

TEST_CASE("derived: notes alone are back office, also beside kinds that say nothing") {
  using K = TouchKind;
  CHECK(one({touched(1, {touch(1, 5, K::note), touch(2, 6, K::other)})}).c.channel == Channel::back_office);
  CHECK(one({touched(1, {touch(1, 5, K::other), touch(2, 6, K::note)})}).c.channel == Channel::back_office);
}

TEST_CASE("derived: started_at is the first touchpoint's, even where a record says another") {
  Said s = touched(1, {touch(1, 500, TouchKind::email), touch(2, 300, TouchKind::sms), touch(3, 400, TouchKind::note)});
  s.touchpoints[1].how = Known::repeated_later;
  CHECK(one({s}).c.started_at == at(300));
  CHECK(one({s}).c.started_how == Known::repeated_later);
  s.what.conversation.started_at = at(200);
  s.what.conversation.started_how = Known::skipped_later;
  s.what.conversation.started_by_evidence = true;
  CHECK(one({s}).c.started_at == at(300));
  CHECK(one({s}).c.started_how == Known::repeated_later);
  CHECK_FALSE(one({s}).c.started_by_evidence);
  CHECK(one({touched(1, {touch(3, 100, TouchKind::note), touch(4, 90, TouchKind::note)})}).c.started_at == at(90));
}

TEST_CASE("derived: a note is a touchpoint, too") {
  Said s = touched(1, {touch(3, 100, TouchKind::note), touch(1, 500, TouchKind::email)});
  s.what.conversation.started_at = at(200);
  CHECK(one({s}).c.started_at == at(100));
  CHECK(one({s}).c.channel == Channel::email);
}

TEST_CASE("derived: ended_at is the last touchpoint's, only when resolved and not said") {
  Said s = touched(1, {touch(1, 500, TouchKind::email), touch(2, 300, TouchKind::sms), touch(3, 200, TouchKind::note)});
  s.touchpoints[0].how = Known::skipped_later;
  CHECK_FALSE(one({s}).c.ended_at.has_value());
  s.what.conversation.resolved = false;
  CHECK_FALSE(one({s}).c.ended_at.has_value());
  s.what.conversation.resolved = true;
  CHECK(one({s}).c.ended_at == at(500));
  CHECK(one({s}).c.ended_how == Known::skipped_later);
  s.what.conversation.ended_at = at(7);
  s.what.conversation.ended_how = Known::unique;
  CHECK(one({s}).c.ended_at == at(7));
  CHECK(one({s}).c.ended_how == Known::unique);
  s.what.conversation.resolved = false;
  CHECK(one({s}).c.ended_at == at(7));
  Said note = touched(1, {touch(3, 900, TouchKind::note)});
  note.what.conversation.resolved = true;
  CHECK(one({note}).c.ended_at == at(900));
}

TEST_CASE("derived: the first response is the first outbound after the first inbound") {
  using K = TouchKind;
  using D = Direction;
  const auto response = [](std::vector<Touchpoint> t) { return one({touched(1, std::move(t))}).c.first_response_time; };
  CHECK(response({touch(1, 100, K::email, D::inbound), touch(2, 160, K::email, D::outbound)}) == Decimal{60'000'000'000, 9});
  CHECK(response({touch(1, 50, K::email, D::outbound), touch(2, 100, K::sms, D::inbound), touch(3, 107, K::call, D::outbound),
                  touch(4, 108, K::call, D::outbound)}) == Decimal{7'000'000'000, 9});
  CHECK(response({touch(1, 100, K::email, D::inbound), touch(2, 150, K::email, D::inbound),
                  touch(3, 160, K::email, D::outbound)}) == Decimal{60'000'000'000, 9});
  CHECK_FALSE(response({touch(1, 100, K::email, D::outbound), touch(2, 160, K::email, D::inbound)}).has_value());
  CHECK_FALSE(response({touch(1, 100, K::email, D::inbound), touch(2, 160, K::email, D::unknown)}).has_value());
  CHECK_FALSE(response({touch(1, 100, K::email, D::inbound), touch(2, 160, K::note, D::outbound)}).has_value());
  CHECK_FALSE(response({touch(1, 100, K::email, D::inbound), touch(2, 160, K::email, D::internal)}).has_value());

  // In one instant what came in is before what answers it, whatever their ids.
  for (const std::uint64_t id : {1U, 3U}) {
    CHECK(response({touch(2, 100, K::chat, D::inbound), touch(id, 100, K::chat, D::outbound)}) == Decimal{0, 9});
  }

  Touchpoint in = touch(1, 100, K::chat, D::inbound), out = touch(2, 101, K::chat, D::outbound);
  in.at.nanos = 750'000'000;
  out.at.nanos = 250'000'000;
  CHECK(response({in, out}) == Decimal{500'000'000, 9});
  Said known = touched(1, {in, out});
  known.what.conversation.first_response_time = Decimal{3, 0};
  CHECK(one({known}).c.first_response_time == Decimal{3, 0});
  // Farther apart than nanoseconds can count.
  CHECK(response({touch(1, -60'000'000'000, K::chat, D::inbound), touch(2, 200'000'000'000, K::chat, D::outbound)}) ==
        Decimal{260'000'000'000, 0});
}

TEST_CASE("derived: handle time is the sum of the durations, notes left out") {
  using K = TouchKind;
  const auto with = [](Touchpoint t, Decimal duration) {
    t.has_duration = true;
    t.duration = duration;
    return t;
  };
  CHECK_FALSE(one({touched(1, {touch(1, 1, K::call)})}).c.handle_time.has_value());
  CHECK(one({touched(1, {with(touch(1, 1, K::call), {0, 0})})}).c.handle_time == Decimal{0, 0});
  CHECK(one({touched(1, {with(touch(1, 1, K::call), {15, 1}), with(touch(2, 1, K::call), {2, 0}),
                         with(touch(3, 1, K::note), {100, 0})})})
            .c.handle_time == Decimal{35, 1});
  Said known = touched(1, {with(touch(1, 1, K::call), {15, 1})});
  known.what.conversation.handle_time = Decimal{7, 0};
  CHECK(one({known}).c.handle_time == Decimal{7, 0});
  CHECK(one({known, known}).c.handle_time == Decimal{7, 0});
  // The same call read twice is one call.
  const Said call = touched(1, {with(touch(1, 1, K::call), {15, 1})});
  CHECK(one({call, call}).c.handle_time == Decimal{15, 1});
}

TEST_CASE("derived: the last outbound agent and the first e-mail's subject, where no record says them") {
  using K = TouchKind;
  using D = Direction;
  const auto by = [](Touchpoint t, std::string_view user, std::string_view subject = {}) {
    t.user = user;
    t.subject = subject;
    return t;
  };
  Said s = touched(1, {by(touch(1, 10, K::email, D::outbound), "anna", "second"),
                       by(touch(2, 30, K::sms, D::outbound), "ben", "no e-mail"), by(touch(3, 20, K::email, D::outbound), "cleo"),
                       by(touch(4, 40, K::email, D::inbound), "dora", "last"), by(touch(5, 50, K::email, D::outbound), ""),
                       by(touch(6, 60, K::note, D::outbound), "emil", "note"), by(touch(7, 5, K::email, D::inbound), "", "")});
  CHECK(one({s}).agent == "ben");
  CHECK(one({s}).subject == "second");
  s.what.conversation.assigned_agent_id = "zoe";
  s.what.conversation.subject = "said";
  CHECK(one({s}).agent == "zoe");
  CHECK(one({s}).subject == "said");
}

TEST_CASE("derived: touchpoints are counted by kind") {
  using K = TouchKind;
  std::vector<Touchpoint> t;
  std::uint64_t id = 0;
  for (const K kind : {K::sms, K::email, K::email, K::call, K::chat, K::social, K::note, K::note, K::note, K::other})
    t.push_back(touch(++id, 1, kind));
  CHECK(one({touched(1, t)}).touchpoints == std::array<std::uint64_t, kTouchKinds>{0, 1, 2, 1, 1, 1, 3, 1});
}

namespace {

double as_double(Decimal d) { return static_cast<double>(d.digits) / (d.scale == 0 ? 1 : d.scale == 1 ? 10 : 100); }

/// Random records of a few conversations, with places as in an input and update times that often are the same.
class Records {
 public:
  explicit Records(std::uint32_t seed) : random_(seed) {}

  std::vector<Said> make() {
    std::vector<Said> all;
    const auto records = 1 + random_() % 9;
    for (std::uint64_t place = 0; place < records; ++place) all.push_back(record(place));
    return all;
  }

  template <class T>
  void shuffle(std::vector<T>& all) {
    std::shuffle(all.begin(), all.end(), random_);
  }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  bool often() { return random_() % 2 == 0; }
  std::string_view word() {
    static constexpr std::string_view kWords[] = {"", "", "a", "b", "anna", "a longer text that is not short"};
    return kWords[random_() % std::size(kWords)];
  }
  Instant instant() {
    return {static_cast<std::int64_t>(random_() % 6), static_cast<std::uint32_t>(random_() % 2 * 500'000'000)};
  }
  Decimal decimal() { return {static_cast<std::int64_t>(random_() % 50), static_cast<std::uint8_t>(random_() % 3)}; }

  Said record(std::uint64_t place) {
    static constexpr std::string_view kIds[] = {"1", "2", "10"};
    // Few update times, so that places decide often.
    Said s = say(kIds[random_() % 3], place, random_() % 3 == 0 ? static_cast<std::int64_t>(random_() % 3) : INT64_MIN);
    s.what.scope = random_() % 3 == 0 ? "org" : "";
    Conversation& c = s.what.conversation;
    c.platform = word();
    c.queue_id = word();
    c.assigned_agent_id = word();
    c.customer_id = word();
    c.subject = word();
    c.status = word();
    if (often()) c.channel = static_cast<Channel>(random_() % 7);
    if (often()) {
      c.started_at = instant();
      c.started_how = how_of(*c.started_at);
    }
    if (often()) {
      c.ended_at = instant();
      c.ended_how = static_cast<Known>(random_() % kKnownCount);
      c.ended_by_evidence = often();
    }
    if (often()) c.handle_time = decimal();
    if (often()) c.wait_time = decimal();
    if (often()) c.first_response_time = decimal();
    if (often()) c.resolved = often();
    if (often()) c.csat_score = decimal();
    static constexpr std::string_view kKeys[] = {"\"a\":", "\"b\":", "\"c\":", "\"d\":"};
    static constexpr std::string_view kValues[] = {"1", "\"x\"", "[1,2]", "\"a longer value that is not short\""};
    for (const std::string_view key : kKeys) {
      if (random_() % 3 == 0) s.metadata.push_back({key, kValues[random_() % 4]});
    }
    std::shuffle(s.metadata.begin(), s.metadata.end(), random_);
    std::vector<std::uint64_t> ids = {1, 2, 3, 4, 5, 6};
    std::shuffle(ids.begin(), ids.end(), random_);
    for (auto n = often() ? random_() % 5 : 0; n > 0; --n) {
      Touchpoint t = touch(ids[n], 0, static_cast<TouchKind>(1 + random_() % 7), static_cast<Direction>(random_() % 4));
      t.at = instant();
      t.how = static_cast<Known>(random_() % kKnownCount);
      t.user = word();
      t.subject = word();
      t.has_duration = often();
      if (t.has_duration) t.duration = decimal();
      s.touchpoints.push_back(t);
    }
    return s;
  }

  /// How an instant is known, the same for the same instant: ways that differ have a test of their own.
  static Known how_of(Instant i) { return static_cast<Known>((i.seconds * 2 + (i.nanos != 0)) % static_cast<int>(kKnownCount)); }

  std::mt19937 random_;
};

}  // namespace

TEST_CASE("property: any order of the records gives the same conversations") {
  Records records(20260314);
  for (int round = 0; round < 2500; ++round) {
    std::vector<Said> all = records.make();
    const std::string expected = folded(all);
    CAPTURE(round);
    for (int again = 0; again < 3; ++again) {
      records.shuffle(all);
      REQUIRE(folded(all) == expected);
    }
  }
}

TEST_CASE("property: a record that comes again changes nothing but the count of records") {
  Records records(4711);
  for (int round = 0; round < 2500; ++round) {
    std::vector<Said> all = records.make();
    const std::string expected = folded(all);
    CAPTURE(round);
    for (std::size_t more = 1 + records.below(all.size()); more > 0; --more) all.push_back(all[records.below(all.size())]);
    records.shuffle(all);
    REQUIRE(folded(all) == expected);
  }
}

TEST_CASE("property: against a model that looks at all records at once") {
  Records records(99);
  for (int round = 0; round < 2500; ++round) {
    std::vector<Said> all = records.make();
    Fold fold;
    for (const Said& s : all) fold.add(s);
    CAPTURE(round);
    std::uint64_t seen = 0;
    fold.finish([&](const State& state) {
      std::vector<const Said*> mine;
      for (const Said& s : all) {
        if (s.what.id == state.id && s.what.scope == state.scope) mine.push_back(&s);
      }
      seen += mine.size();
      CHECK(state.records == mine.size());
      // Of those that know the field, the newest; of equally new ones, the larger.
      const auto newest = [&](auto&& known, auto&& of, auto&& less) {
        const Said* best = nullptr;
        for (const Said* s : mine) {
          if (!known(of(*s))) continue;
          if (best == nullptr || best->what.version < s->what.version ||
              (best->what.version == s->what.version && less(of(*best), of(*s)))) {
            best = s;
          }
        }
        return best == nullptr ? decltype(of(*best)){} : of(*best);
      };
      const auto text = [](std::string_view t) { return !t.empty(); };
      const auto there = [](const auto& o) { return o.has_value(); };
      const auto plain = [](const auto& a, const auto& b) { return a < b; };
      const auto decimal = [](const auto& a, const auto& b) {
        const double x = as_double(*a), y = as_double(*b);
        return x != y ? x < y : a->scale < b->scale;
      };
      const Conversation& c = state.conversation;
      CHECK(c.queue_id == newest(
                              text, [](const Said& s) { return s.what.conversation.queue_id; }, plain));
      CHECK(c.customer_id == newest(
                                 text, [](const Said& s) { return s.what.conversation.customer_id; }, plain));
      CHECK(c.platform == newest(
                              text, [](const Said& s) { return s.what.conversation.platform; }, plain));
      CHECK(c.status == newest(
                            text, [](const Said& s) { return s.what.conversation.status; }, plain));
      CHECK(c.wait_time == newest(
                               there, [](const Said& s) { return s.what.conversation.wait_time; }, decimal));
      CHECK(c.csat_score == newest(
                                there, [](const Said& s) { return s.what.conversation.csat_score; }, decimal));
      CHECK(c.resolved == newest(
                              there, [](const Said& s) { return s.what.conversation.resolved; }, plain));
      for (const State::Meta& m : state.metadata) {
        const auto value = [&](const Said& s) {
          for (const MetadataItem& item : s.metadata) {
            if (item.key == m.key) return item.value;
          }
          return std::string_view();
        };
        CHECK(m.value == newest(text, value, plain));
      }
      CHECK(std::is_sorted(state.metadata.begin(), state.metadata.end(),
                           [](const auto& a, const auto& b) { return a.key < b.key; }));
    });
    CHECK(seen == all.size());
  }
}
