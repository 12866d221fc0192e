#include "merge/merger.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "job/why.hpp"
#include "merge/group.hpp"
#include "merging.hpp"

using namespace crosswalk;
using namespace std::string_literals;
using Json = nlohmann::ordered_json;

namespace {

/// A record of one source; each has a place of its own.
Said from(std::uint32_t source, std::string_view id) {
  static std::uint64_t place = 0;
  Said s = say(id, ++place);
  s.what.source = source;
  return s;
}

/// One that is a conversation by itself.
Said whole(std::uint32_t source, std::string_view id, std::int64_t started = 100) {
  Said s = from(source, id);
  s.what.conversation.channel = Channel::email;
  s.what.conversation.started_at = Instant{started, 0};
  return s;
}

std::vector<Json> lines(const std::string& text) {
  std::vector<Json> all;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    all.push_back(Json::parse(text.substr(at, end - at)));
    at = end + 1;
  }
  return all;
}

/// The external_ids of lines, each with a blank behind it.
std::string ids(const std::string& text) {
  std::string all;
  for (const Json& line : lines(text)) all += line.at("external_id").get<std::string>() + " ";
  return all;
}

/// The one conversation that came of it.
Json only(const Merged& merged) {
  CHECK(merged.error == "");
  const auto all = lines(merged.conversations);
  REQUIRE(all.size() == 1);
  return all.front();
}

/// source:offset → fate and what.
std::map<std::string, std::string> fates(const Merged& merged) {
  std::map<std::string, std::string> all;
  for (const Json& line : lines(merged.ledger)) {
    const char* const what = line.contains("external_id") ? "external_id" : line.contains("code") ? "code" : "rule";
    const auto put = all.emplace(line.at("source").get<std::string>() + ":" + std::to_string(line.at("offset").get<int>()),
                                 line.at("fate").get<std::string>() + " " + line.at(what).get<std::string>());
    CHECK_MESSAGE(put.second, put.first->first << " stands twice");
  }
  return all;
}

std::string fate(const Merged& merged, const Said& s, std::string_view source) {
  const auto all = fates(merged);
  const auto found = all.find(std::string(source) + ":" + std::to_string(s.what.origin.offset));
  return found == all.end() ? "none" : found->second;
}

void check_books(const Merged& merged, const std::vector<Said>& all) {
  std::map<std::string, std::uint64_t> counted;
  for (const auto& [place, what] : fates(merged)) ++counted[what.substr(0, what.find(' '))];
  std::uint64_t written = 0, updates = 0, merged_into = 0, rejected = 0;
  for (std::size_t i = 0; i < merged.sources.size(); ++i) {
    const Finished::Accounts& a = merged.sources[i];
    const auto records =
        static_cast<std::uint64_t>(std::count_if(all.begin(), all.end(), [&](const Said& s) { return s.what.source == i; }));
    CHECK(a.written + a.updates + a.merged + a.books.rejected_total == records);
    written += a.written;
    updates += a.updates;
    merged_into += a.merged;
    rejected += a.books.rejected_total;
  }
  CHECK(written == lines(merged.conversations).size());
  CHECK(updates == lines(merged.updates).size());
  CHECK(rejected == lines(merged.rejects).size());
  CHECK(counted["written"] == written);
  CHECK(counted["update"] == updates);
  CHECK(counted["merged"] == merged_into);
  CHECK(counted["rejected"] == rejected);
  CHECK(lines(merged.ledger).size() == all.size());
}

}  // namespace

TEST_CASE("merge: nothing gives nothing") {
  for (const bool by_start : {false, true}) {
    Merging merging({"a", "b"});
    merging.plan.by_start = by_start;
    merging.link(0, Target::subject, 1, Target::subject);
    const Merged merged = merging.run({});
    CHECK(merged.error == "");
    CHECK(merged.conversations + merged.updates + merged.rejects + merged.ledger == "");
  }
}

TEST_CASE("merge: conversations come in the order of their ids' bytes") {
  Merging merging({"a"});
  std::vector<Said> all;
  for (const char* id : {"b", "a", "ä", "B", "10", "9", "a b", "a"}) all.push_back(whole(0, id));
  const Merged merged = merging.run(all);
  CHECK(ids(merged.conversations) == "10 9 B a a b b ä ");
  CHECK(merged.sources[0].written == 7);
  CHECK(merged.sources[0].merged == 1);
  check_books(merged, all);
}

TEST_CASE("merge: or in the order of their starts, of equal starts by id") {
  Merging merging({"a"});
  merging.plan.by_start = true;
  std::vector<Said> all = {whole(0, "e", 5),   whole(0, "d", -5), whole(0, "c", INT64_C(253402300799)), whole(0, "b", 5),
                           whole(0, "a", 300), whole(0, "f", 5),  whole(0, "g", -62135596800)};
  all[0].what.conversation.started_at->nanos = 1;
  all.push_back(from(0, "no start"));
  const Merged merged = merging.run(all);
  CHECK(merged.error == "");
  CHECK(ids(merged.conversations) == "g d b f e a c ");
  CHECK(lines(merged.rejects).size() == 1);
  check_books(merged, all);
}

TEST_CASE("merge: an id and a scope are never taken for another id and another scope") {
  const std::string id = "a\0b"s, scope = "b\0c"s;
  Said a = whole(0, id), b = whole(0, "a");
  a.what.scope = "c";
  b.what.scope = scope;
  const Merged apart = Merging({"s"}).run({a, b});
  CHECK(lines(apart.conversations).size() == 2);

  // A template like {scope}{id} makes one external_id of two conversations: the second must not become the first.
  Said c = whole(0, "3"), d = whole(0, "23"), more = whole(0, "3");
  c.what.scope = more.what.scope = "12";
  d.what.scope = "1";
  for (Said* s : {&c, &d, &more}) s->what.conversation.external_id = "123";
  d.what.conversation.subject = "of 23";
  more.what.conversation.subject = "of 3";
  const Merged merged = Merging({"s"}).run({c, d, more});
  CHECK(only(merged).at("subject") == "of 23");
  CHECK(fate(merged, d, "s") == "written 123");
  CHECK(fate(merged, c, "s") == "rejected same_external_id");
  CHECK(fate(merged, more, "s") == "rejected same_external_id");
  const auto rejects = lines(merged.rejects);
  REQUIRE(rejects.size() == 2);
  CHECK(
      rejects[0].at("message") ==
      "the job's external_id is the same for the ids \"23\" and \"3\" of this source; both under one would overwrite each other "
      "(one of the 2 records that make it up); the record's text is not here, since its input cannot be read again");
  CHECK(rejects[0].at("cure") ==
        "put text that no id has in it between the parts of the job's external_id, such as {scope}/{id}");
  check_books(merged, {c, d, more});
}

TEST_CASE("merge: of one id in several scopes the first stands, all records of the others are rejected") {
  std::vector<Said> all;
  for (const char* scope : {"org b", "org a", "org b", "org c"}) {
    all.push_back(whole(0, "1"));
    all.back().what.scope = scope;
    all.back().what.conversation.subject = scope;
  }
  const Merged merged = Merging({"s"}).run(all);
  CHECK(only(merged).at("subject") == "org a");
  CHECK(merged.sources[0].books.rejected.at("same_id_in_two_scopes").count == 3);
  check_books(merged, all);
  // Two sources may have the same id in different scopes: that is what makes them one conversation.
  all[1].what.source = 1;
  const Merged two = Merging({"s", "t"}).run({all[0], all[1]});
  CHECK(only(two).at("subject") == "org b");
}

TEST_CASE("merge: of one id in several scopes, one that is complete stands before one that is not") {
  std::vector<Said> all = {from(0, "1"), whole(0, "1"), whole(0, "1"), from(1, "1")};
  for (std::size_t i = 0; i < 3; ++i) all[i].what.scope = std::string_view("abc").substr(i, 1);
  all[0].what.conversation.channel = Channel::sms;
  Merging merging({"s", "t"});
  const Merged merged = merging.run({all[0], all[1], all[2]});
  CHECK(only(merged).at("channel") == "email");
  CHECK(fate(merged, all[0], "s") == "rejected missing_started_at");
  CHECK(fate(merged, all[1], "s") == "written 1");
  CHECK(fate(merged, all[2], "s") == "rejected same_id_in_two_scopes");
  check_books(merged, {all[0], all[1], all[2]});
  // None is: the first stands, and another source may say the rest.
  all[1].what.conversation.channel = Channel::none;
  all[3].what.conversation.started_at = Instant{5, 0};
  const Merged completed = merging.run({all[0], all[1], all[3]});
  CHECK(only(completed).at("channel") == "sms");
  CHECK(fate(completed, all[1], "s") == "rejected same_id_in_two_scopes");
  // A default channel is enough.
  merging.config(0).default_channel = "chat";
  CHECK(only(merging.run({all[0], all[1]})).at("channel") == "chat");
  // What enriches needs neither.
  merging.plan.sources[0].enrich = true;
  const Merged enriched = merging.run({all[1], all[0]});
  CHECK(fate(enriched, all[0], "s") == "update 1");
  CHECK(fate(enriched, all[1], "s") == "rejected same_id_in_two_scopes");
  check_books(enriched, {all[1], all[0]});
}

TEST_CASE("merge: of each field the first source that knows it, in the order of the sources or the field's own") {
  Merging merging({"first", "second", "third"});
  Said a = whole(0, "1"), b = whole(1, "1"), c = whole(2, "1");
  a.what.conversation.subject = "of first";
  b.what.conversation.subject = "of second";
  for (Said* s : {&b, &c}) {
    const bool is_b = s == &b;
    Conversation& x = s->what.conversation;
    x.channel = is_b ? Channel::chat : Channel::phone;
    x.platform = is_b ? "p2" : "p3";
    x.queue_id = is_b ? "q2" : "q3";
    x.assigned_agent_id = is_b ? "a2" : "a3";
    x.customer_id = is_b ? "c2" : "c3";
    x.status = is_b ? "s2" : "s3";
    x.handle_time = Decimal{is_b ? 2 : 3, 0};
    x.wait_time = Decimal{is_b ? 4 : 5, 0};
    x.first_response_time = Decimal{is_b ? 6 : 7, 0};
    x.resolved = is_b;
    x.csat_score = Decimal{is_b ? 1 : 5, 0};
  }
  for (const auto& order : {std::vector<Said>{a, b, c}, {c, b, a}, {b, c, a}}) {
    const Json o = only(merging.run(order));
    CHECK(
        o.dump() ==
        R"({"external_id":"1","platform":"p2","channel":"email","queue_id":"q2","assigned_agent_id":"a2","customer_id":"c2",)"
        R"("subject":"of first","status":"s2","started_at":"1970-01-01T00:01:40Z","handle_time_seconds":2,"wait_time_seconds":4,)"
        R"("first_response_time_seconds":6,"resolved":true,"csat_score":1})");
  }
  merging.prefer(Target::subject, {2, 1, 0});  // third does not know it
  merging.prefer(Target::channel, {1, 0, 2});
  merging.prefer(Target::csat_score, {2, 0, 1});
  merging.prefer(Target::resolved, {0, 2, 1});
  const Json o = only(merging.run({a, b, c}));
  CHECK(o.at("subject") == "of second");
  CHECK(o.at("channel") == "chat");
  CHECK(o.at("csat_score") == 5);
  CHECK(o.at("resolved") == false);
  CHECK(o.at("queue_id") == "q2");
}

TEST_CASE("merge: it starts with the earliest start and ends with the latest end, unless the job orders them") {
  Merging merging({"first", "second", "third"});
  Said a = whole(0, "1", 200), b = whole(1, "1", 100), c = whole(2, "1", 300);
  b.what.conversation.started_how = Known::repeated_later;
  a.what.conversation.ended_at = Instant{500, 0};
  c.what.conversation.ended_at = Instant{900, 0};
  c.what.conversation.ended_how = Known::skipped_later;
  Json o = only(merging.run({a, b, c}));
  CHECK(o.at("started_at") == "1970-01-01T00:01:40Z");
  CHECK(o.at("ended_at") == "1970-01-01T00:15:00Z");
  CHECK(o.at("metadata").at("crosswalk").at("times") == Json{{"started_at", "repeated:later"}, {"ended_at", "skipped:later"}});
  merging.prefer(Target::started_at, {2, 1, 0});
  merging.prefer(Target::ended_at, {1, 0, 2});  // second does not know it
  o = only(merging.run({a, b, c}));
  CHECK(o.at("started_at") == "1970-01-01T00:05:00Z");
  CHECK(o.at("ended_at") == "1970-01-01T00:08:20Z");
  CHECK_FALSE(o.contains("metadata"));
}

TEST_CASE("merge: metadata is joined by key; what is overruled stands under its source's name") {
  Merging merging({"first", "second", "third"});
  Said a = whole(0, "1"), b = whole(1, "1"), c = whole(2, "1");
  a.metadata = {{"\"x\":", "1"}, {"\"only a\":", "true"}};
  b.metadata = {{"\"x\":", "2"}, {"\"y\":", "\"b\""}, {"\"z\":", "[1]"}};
  c.metadata = {{"\"z\":", "[2]"}, {"\"y\":", "\"c\""}, {"\"x\":", "1"}};
  for (const auto& order : {std::vector<Said>{a, b, c}, {c, b, a}}) {
    CHECK(only(merging.run(order)).at("metadata").dump() ==
          R"({"only a":true,"second":{"x":2},"third":{"y":"c","z":[2]},"x":1,"y":"b","z":[1]})");
  }
  CHECK(only(merging.run({a})).at("metadata").dump() == R"({"only a":true,"x":1})");
}

TEST_CASE("merge: a source's name that is a field's gives way to it") {
  Merging merging({"first", "x", "crosswalk"});
  Said a = whole(0, "1"), b = whole(1, "1"), c = whole(2, "1");
  a.metadata = {{"\"x\":", "1"}, {"\"x (source)\":", "true"}};
  b.metadata = {{"\"x\":", "2"}};
  c.metadata = {{"\"x\":", "3"}};
  a.what.conversation.started_how = Known::repeated_earlier;
  const Merged merged = merging.run({a, b, c});
  const Json metadata = only(merged).at("metadata");
  CHECK(metadata.at("x") == 1);
  CHECK(metadata.at("x (source)") == true);
  CHECK(metadata.at("x (source) (source)") == Json{{"x", 2}});
  CHECK(metadata.at("crosswalk (source)") == Json{{"x", 3}});
  CHECK(metadata.at("crosswalk").contains("times"));
  CHECK(merged.conversations.find("\"crosswalk\":") == merged.conversations.rfind("\"crosswalk\":"));  // once
}

TEST_CASE("merge: touchpoints are counted into metadata, unless the source does not carry them") {
  Said s = from(0, "1"), again = from(0, "1");
  s.touchpoints = {touch(1, 10, TouchKind::sms), touch(2, 20, TouchKind::call), touch(3, 30, TouchKind::sms)};
  again.touchpoints = {touch(3, 30, TouchKind::sms)};
  s.metadata = {{"\"a\":", "1"}, {"\"z\":", "2"}};
  Merging merging({"s"});
  const Merged merged = merging.run({s, again});
  CHECK(only(merged).dump() == R"({"external_id":"1","channel":"sms","started_at":"1970-01-01T00:00:10Z",)"
                               R"("metadata":{"a":1,"touchpoints":{"sms":2,"call":1},"z":2}})");
  CHECK(merged.sources[0].repeated_touchpoints == 1);
  merging.config(0).metadata = SourceConfig::Metadata::none;
  CHECK_FALSE(only(merging.run({s})).at("metadata").contains("touchpoints"));
  merging.config(0).metadata = SourceConfig::Metadata::all;
  s.metadata.push_back({"\"touchpoints\":", "\"mine\""});
  CHECK(only(merging.run({s})).at("metadata").at("touchpoints") == "mine");
}

TEST_CASE("merge: a source that enriches fills the fields of an update, and metadata, no others") {
  Merging merging({"survey", "crm"});
  merging.plan.sources[0].enrich = true;
  Said a = from(0, "1"), b = whole(1, "1", 200);
  Conversation& x = a.what.conversation;
  x.platform = x.queue_id = x.assigned_agent_id = x.customer_id = x.subject = x.status = "of survey";
  x.channel = Channel::sms;
  x.started_at = Instant{100, 0};
  x.ended_at = Instant{900, 0};
  x.handle_time = x.wait_time = x.first_response_time = Decimal{7, 0};
  x.resolved = true;
  x.csat_score = Decimal{4, 0};
  a.metadata = {{"\"comment\":", "\"good\""}};
  const Merged merged = merging.run({a, b});
  CHECK(only(merged).dump() ==
        R"({"external_id":"1","channel":"email","assigned_agent_id":"of survey","status":"of survey",)"
        R"("started_at":"1970-01-01T00:03:20Z","ended_at":"1970-01-01T00:15:00Z","handle_time_seconds":7,"resolved":true,)"
        R"("csat_score":4,"metadata":{"comment":"good"}})");
  CHECK(fate(merged, a, "survey") == "merged 1");
  CHECK(fate(merged, b, "crm") == "written 1");  // the first record that may begin a conversation
  check_books(merged, {a, b});

  // Alone, it is an update.
  const Merged alone = merging.run({a});
  CHECK(alone.conversations == "");
  CHECK(alone.updates ==
        R"({"external_id":"1","assigned_agent_id":"of survey","status":"of survey","ended_at":"1970-01-01T00:15:00Z",)"
        R"("handle_time_seconds":7,"resolved":true,"csat_score":4,"metadata":{"comment":"good"}})"
        "\n");
  CHECK(fate(alone, a, "survey") == "update 1");
  check_books(alone, {a});
  // Its default channel is not one for conversations.
  merging.config(0).default_channel = "chat";
  Said incomplete = from(1, "1");
  incomplete.what.conversation.started_at = Instant{5, 0};
  CHECK(merging.run({a, incomplete}).conversations == "");
}

TEST_CASE("merge: a conversation that stays incomplete is rejected record by record, what enriches it is kept as an update") {
  Merging merging({"crm", "survey", "phone"});
  merging.plan.sources[1].enrich = true;
  std::vector<Said> all = {from(0, "1"), from(0, "1"), from(1, "1"), from(2, "1"), from(1, "1"), from(0, "2"), whole(0, "3")};
  all[0].what.conversation.subject = "s";
  all[2].what.conversation.csat_score = Decimal{4, 0};
  all[4].what.conversation.csat_score = Decimal{5, 0};
  all[5].what.conversation.channel = Channel::sms;
  const Merged merged = merging.run(all);
  CHECK(merged.error == "");
  CHECK(ids(merged.conversations) == "3 ");
  CHECK(merged.updates == "{\"external_id\":\"1\",\"csat_score\":5}\n");
  for (const std::size_t i : {0U, 1U}) CHECK(fate(merged, all[i], "crm") == "rejected missing_channel");
  CHECK(fate(merged, all[3], "phone") == "rejected missing_channel");
  CHECK(fate(merged, all[2], "survey") == "update 1");
  CHECK(fate(merged, all[4], "survey") == "merged 1");
  CHECK(fate(merged, all[5], "crm") == "rejected missing_started_at");
  const auto rejects = lines(merged.rejects);
  REQUIRE(rejects.size() == 4);
  CHECK(rejects[0].at("source") == "crm");
  CHECK(rejects[0].at("file") == "crm-1.json");
  CHECK(rejects[0].at("line") == all[0].what.origin.line);
  CHECK(rejects[0].at("offset") == all[0].what.origin.offset);
  CHECK(rejects[0].at("field") == "channel");
  CHECK(rejects[0].at("found") == "");
  CHECK(rejects[0].at("message") ==
        "nothing that is known of the conversation says by which channel it came (one of the 2 records that make it up); "
        "conversation 1; the record's text is not here, since its input cannot be read again");
  CHECK(merged.sources[0].books.rejected.at("missing_channel").count == 2);
  CHECK(merged.sources[0].books.rejected.at("missing_started_at").count == 1);
  CHECK(merged.sources[2].books.rejected.at("missing_channel").count == 1);
  check_books(merged, all);

  // What one source lacks another may say, a default channel too.
  merging.config(2).default_channel = "phone";
  all[3].what.conversation.started_at = Instant{60, 0};
  const Merged complete = merging.run(all);
  CHECK(ids(complete.conversations) == "1 3 ");
  CHECK(lines(complete.conversations)[0].at("channel") == "phone");
  check_books(complete, all);
}

TEST_CASE("links: conversations that share a value become one, under the first source's external_id") {
  Merging merging({"chat", "crm"});
  merging.link(0, Target::external_id, 1, Target::subject);
  Said a = whole(0, "z-chat", 100), b = whole(1, "a-crm", 50), other = whole(1, "b-crm", 70), more = from(1, "a-crm");
  b.what.conversation.subject = "z-chat";
  other.what.conversation.subject = "another chat";
  more.what.conversation.status = "open";
  const std::vector<Said> all = {b, other, a, more};
  const Merged merged = merging.run(all);
  CHECK(merged.error == "");
  CHECK(ids(merged.conversations) == "b-crm z-chat ");
  const Json joined = lines(merged.conversations)[1];
  CHECK(joined.at("started_at") == "1970-01-01T00:00:50Z");
  CHECK(joined.at("subject") == "z-chat");
  CHECK(joined.at("status") == "open");
  CHECK(merged.links.groups == 1);
  CHECK(merged.links.conflicts == 0);
  REQUIRE(merged.links.rules.size() == 1);
  CHECK(merged.links.rules[0].left == 1);
  CHECK(merged.links.rules[0].right == 2);
  CHECK(merged.links.rules[0].joined == 1);
  CHECK(fate(merged, a, "chat") == "written z-chat");
  CHECK(fate(merged, b, "crm") == "merged z-chat");
  check_books(merged, all);

  merging.prefer(Target::external_id, {1, 0});
  CHECK(ids(merging.run(all).conversations) == "a-crm b-crm ");
  // A source that enriches does not give a conversation its id.
  merging.plan.sources[1].enrich = true;
  const Merged enriched = merging.run(all);
  CHECK(ids(enriched.conversations) == "z-chat ");
  CHECK(ids(enriched.updates) == "b-crm ");
  check_books(enriched, all);
}

TEST_CASE("links: metadata is compared as text, whatever kind of scalar it is") {
  Merging merging({"a", "b"});
  merging.links.push_back({{0, Target::none, "Chat \"ID\"", ""}, {1, Target::none, "chat", ""}});
  struct Pair {
    const char *left, *right;
    bool joined;
  };
  for (const auto& row : {Pair{"\"7\"", "7", true},
                          {"\"007\"", "7", false},
                          {"\"a\\\"b\\u00e4\"", "\"a\\\"ä\"", false},
                          {"\"\\u00e4\"", "\"ä\"", true},
                          {"true", "true", true},
                          {"null", "null", false},
                          {"\"\"", "\"\"", false},
                          {"[1]", "[1]", false},
                          {"{}", "{}", false}}) {
    const char *const left = row.left, *const right = row.right;
    const bool joined = row.joined;
    CAPTURE(left);
    Said l = whole(0, "l"), r = whole(1, "r"), without = whole(1, "without");
    l.metadata = {{"\"Chat \\\"ID\\\"\":", left}, {"\"chat\":", "\"no side\""}};
    r.metadata = {{"\"a\":", "1"}, {"\"chat\":", right}};
    const Merged merged = merging.run({l, r, without});
    CHECK(ids(merged.conversations) == (joined ? "l without " : "l r without "));
    CHECK(merged.links.groups == (joined ? 1 : 0));
    check_books(merged, {l, r, without});
  }
}

TEST_CASE("links: they reach further: what is linked to what is linked is one") {
  Merging merging({"a", "b", "c"});
  merging.link(0, Target::subject, 1, Target::subject);
  merging.link(1, Target::customer_id, 2, Target::customer_id);
  Said a = whole(0, "3"), b = whole(1, "2"), c = whole(2, "1"), c2 = whole(2, "0");
  a.what.conversation.subject = b.what.conversation.subject = "s";
  b.what.conversation.customer_id = c.what.conversation.customer_id = "k";
  c2.what.conversation.subject = "s";  // no rule looks at that
  const Merged merged = merging.run({c2, c, b, a});
  CHECK(ids(merged.conversations) == "0 3 ");
  CHECK(merged.links.groups == 1);
  CHECK(merged.links.rules[0].joined == 1);
  CHECK(merged.links.rules[1].joined == 1);
  check_books(merged, {c2, c, b, a});
}

TEST_CASE("links: the same value under two rules, or on one side only, joins nothing") {
  Merging merging({"a", "b"});
  merging.link(0, Target::subject, 1, Target::subject);
  merging.link(0, Target::customer_id, 1, Target::customer_id);
  Said a = whole(0, "1"), a2 = whole(0, "2"), b = whole(1, "3");
  a.what.conversation.subject = a2.what.conversation.subject = b.what.conversation.customer_id = "v";
  const Merged merged = merging.run({a, a2, b});
  CHECK(ids(merged.conversations) == "1 2 3 ");
  CHECK(merged.links.groups == 0);
  CHECK(merged.links.conflicts == 0);
  CHECK(merged.links.rules[0].left == 2);
  CHECK(merged.links.rules[0].right == 0);
  CHECK(merged.links.rules[1].right == 1);
}

TEST_CASE("links: a group that would hold two conversations of one source is left apart and named") {
  Merging merging({"chat", "crm"});
  merging.link(0, Target::subject, 1, Target::subject);
  Said a = whole(0, "a"), b = whole(1, "b"), c = whole(1, "c"), x = whole(0, "x"), y = whole(1, "y");
  for (Said* s : {&a, &b, &c}) s->what.conversation.subject = "shared";
  for (Said* s : {&x, &y}) s->what.conversation.subject = "fine";
  const std::vector<Said> all = {a, b, c, x, y};
  const Merged merged = merging.run(all);
  CHECK(ids(merged.conversations) == "a b c x ");
  CHECK(merged.links.groups == 1);
  CHECK(merged.links.conflicts == 1);
  REQUIRE(merged.links.examples.size() == 1);
  CHECK(merged.links.examples[0].source == "crm");
  CHECK(merged.links.examples[0].external_ids == std::vector<std::string>{"b", "c"});
  CHECK(merged.links.examples[0].size == 3);
  CHECK(merged.links.examples[0].rules == std::vector<std::size_t>{0});
  check_books(merged, all);

  merging.plan.several = {false, true};
  const Merged several = merging.run(all);
  CHECK(ids(several.conversations) == "a x ");
  CHECK(several.links.conflicts == 0);
  CHECK(several.links.groups == 2);
  check_books(several, all);
}

TEST_CASE("links: several conversations of one source in one: the first by external_id is asked first") {
  Merging merging({"chat", "crm"});
  merging.link(0, Target::customer_id, 1, Target::customer_id);
  merging.plan.several = {false, true};
  Said a = whole(0, "a"), b = whole(1, "b"), c = whole(1, "c");
  for (Said* s : {&a, &b, &c}) s->what.conversation.customer_id = "k";
  b.what.conversation.subject = "of b";
  c.what.conversation.subject = "of c";
  c.what.conversation.status = "of c";
  a.metadata = {{"\"x\":", "1"}};
  b.metadata = {{"\"x\":", "2"}};
  c.metadata = {{"\"x\":", "3"}, {"\"y\":", "4"}};
  for (const auto& order : {std::vector<Said>{a, b, c}, {c, b, a}}) {
    const Json o = only(merging.run(order));
    CHECK(o.at("subject") == "of b");
    CHECK(o.at("status") == "of c");
    CHECK(o.at("metadata").dump() == R"({"crm":{"x":2},"x":1,"y":4})");
  }
  // Also where they have one id of their own, in two scopes that the job's external_id tells apart.
  b.what.id = c.what.id = "7";
  b.what.scope = "2";
  c.what.scope = "1";
  const Merged merged = merging.run({a, b, c});
  CHECK(only(merged).at("subject") == "of b");
  CHECK(merged.rejects == "");
  check_books(merged, {a, b, c});
}

TEST_CASE("links: what will be rejected joins nothing") {
  Merging merging({"chat", "crm"});
  merging.link(0, Target::subject, 1, Target::subject);
  Said first = whole(0, "1"), second = whole(0, "1"), crm = whole(1, "9");
  first.what.scope = "a";
  second.what.scope = "b";
  second.what.conversation.subject = crm.what.conversation.subject = "s";
  const Merged merged = merging.run({first, second, crm});
  CHECK(ids(merged.conversations) == "1 9 ");
  CHECK(fate(merged, second, "chat") == "rejected same_id_in_two_scopes");
  CHECK(merged.links.groups == 0);
  check_books(merged, {first, second, crm});
}

TEST_CASE("links: many conflicts are counted, twenty are named, by external_id") {
  Merging merging({"a", "b"});
  merging.link(0, Target::subject, 1, Target::subject);
  std::vector<std::string> texts;
  for (int i = 0; i < 900; ++i) texts.push_back(std::to_string(1000 + i));
  std::vector<Said> all;
  for (std::size_t i = 0; i < 30; ++i) {
    for (std::size_t n = 0; n < 8; ++n) {
      all.push_back(whole(n == 0 ? 0 : 1, texts[i * 8 + n]));
      all.back().what.conversation.subject = texts[i];
    }
  }
  std::reverse(all.begin(), all.end());
  const Merged merged = merging.run(all);
  CHECK(merged.links.conflicts == 30);
  REQUIRE(merged.links.examples.size() == 20);
  CHECK(merged.links.examples[0].external_ids == std::vector<std::string>{"1001", "1002", "1003", "1004", "1005"});
  CHECK(merged.links.examples[19].external_ids.front() == "1153");
  CHECK(merged.links.examples[0].size == 8);
  CHECK(lines(merged.conversations).size() == 240);
}

TEST_CASE("links: more linked conversations than there is memory for is an error; a common value alone is not") {
  Merging merging({"a", "b"});
  merging.limits.memory = std::size_t{1} << 20;
  merging.plan.several = {true, true};
  merging.link(0, Target::subject, 1, Target::subject);
  std::vector<std::string> texts;
  for (int i = 0; i < 4000; ++i) texts.push_back("conversation " + std::to_string(i));
  std::vector<Said> all;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    all.push_back(whole(1, texts[i]));
    all.back().what.conversation.subject = "unknown";
  }
  CHECK(merging.run(all).error == "");
  all.push_back(whole(0, "chat"));
  all.back().what.conversation.subject = "unknown";
  const std::string error = merging.run(all).error;
  CHECK(error.ends_with(" linked conversations need more memory than there is for them (0.1 MiB)\n  raise memory_limit"));
}

TEST_CASE("merge: a conversation is looked up by its external_id, its own or the one it goes by") {
  Merging merging({"chat", "crm"});
  merging.link(0, Target::subject, 1, Target::subject);
  Merger merger(merging.plan, merging.links, merging.limits);
  Buffer entries;
  Said a = whole(0, "b"), b = whole(1, "a"), c = whole(1, "c");
  a.what.conversation.subject = b.what.conversation.subject = "s";
  for (const Said* s : {&a, &b, &c}) s->add_to(entries);
  REQUIRE(merger.add(entries.view()).ok());
  REQUIRE(merger.link([] { return false; }).ok());
  const auto states = [&](std::string_view id) {
    std::size_t count = 0;
    MergeReport report;
    const auto found = merger.explain(id, report, [&](const GroupStates& group) { count = group.states().size(); });
    REQUIRE(found.ok());
    CHECK(*found == (count != 0));
    return count;
  };
  CHECK(states("b") == 2);
  CHECK(states("a") == 0);
  CHECK(merger.survivor("a") == "b");
  CHECK(merger.survivor("c").empty());
  CHECK(states("c") == 1);
  CHECK(states("c ") == 0);
  CHECK(states("") == 0);
}

TEST_CASE("links: a group that was left apart is told with its rules, and whose conversations it would have held") {
  Merging merging({"chat", "crm", "inbox"});
  merging.link(0, Target::subject, 1, Target::subject);
  merging.link(0, Target::customer_id, 2, Target::customer_id);
  merging.link(1, Target::status, 2, Target::status);
  Said a = whole(0, "a"), b = whole(1, "b"), c = whole(1, "c"), i = whole(2, "i"), x = whole(0, "x"), y = whole(1, "y");
  for (Said* s : {&a, &b, &c}) s->what.conversation.subject = "shared";
  for (Said* s : {&x, &y}) s->what.conversation.subject = "fine";
  for (Said* s : {&a, &i}) s->what.conversation.customer_id = "k";
  for (const auto& order : {std::vector<Said>{a, b, c, i, x, y}, {y, x, i, c, b, a}}) {
    Merger merger(merging.plan, merging.links, merging.limits);
    merger.keep_linked();
    Buffer entries;
    for (const Said& s : order) s.add_to(entries);
    REQUIRE(merger.add(entries.view()).ok());
    REQUIRE(merger.link([] { return false; }).ok());
    const LinkedGroup* apart = merger.linked("a");
    REQUIRE(apart != nullptr);
    CHECK(apart == merger.linked("i"));
    CHECK(apart->members == std::vector<std::string_view>{"a", "b", "c", "i"});
    CHECK(apart->rules == std::vector<std::size_t>{0, 1});
    CHECK(apart->survivor == "");
    CHECK(apart->conflict == 1);
    REQUIRE(merger.linked("x") != nullptr);
    CHECK(merger.linked("x")->rules == std::vector<std::size_t>{0});
    CHECK(merger.linked("x")->survivor == "x");
    CHECK(merger.linked("nobody") == nullptr);
    CHECK(merger.links()->examples.at(0).rules == std::vector<std::size_t>{0, 1});
  }
}

TEST_CASE("merge: exports of one account that overlap are of the same conversations") {
  Merging merging({"january", "chat", "february"});
  merging.plan.sources[2].lead = 0;
  merging.plan.first_inputs = {0, 2, 4};
  Said old = whole(0, "1", 100), late = whole(2, "1", 100), chat = whole(1, "1", 200);
  old.what.version.seconds = 10;
  late.what.version.seconds = 20;
  old.what.conversation.status = "open";
  late.what.conversation.status = "closed";
  chat.what.conversation.status = "new";
  chat.what.conversation.subject = "of the chat";
  late.what.conversation.subject = "of february";
  for (const auto& order : {std::vector<Said>{old, chat, late}, {late, chat, old}}) {
    const Merged merged = merging.run(order);
    // The newest of the account, and the account before the chat.
    CHECK(only(merged).at("status") == "closed");
    CHECK(only(merged).at("subject") == "of february");
    CHECK(merged.rejects == "");
    CHECK(fate(merged, old, "january") == "written 1");
    CHECK(fate(merged, late, "february") == "merged 1");
    CHECK(merged.sources[2].merged == 1);
    check_books(merged, order);
  }
  // Without update times the place decides: a later source is later input.
  old.what.version = {INT64_MIN, 0, 0, 9};
  old.what.origin = {1, 3, 9};
  late.what.version = {INT64_MIN, 0, 0, 5};
  late.what.origin = {0, 2, 5};
  for (const auto& order : {std::vector<Said>{old, late}, {late, old}}) CHECK(only(merging.run(order)).at("status") == "closed");
  // One that cannot be: each record is rejected under its own source.
  old = from(0, "2");
  late = from(2, "2");
  const Merged none = merging.run({old, late});
  CHECK(fate(none, old, "january") == "rejected missing_channel");
  CHECK(fate(none, late, "february") == "rejected missing_channel");
  CHECK(none.sources[2].books.rejected_total == 1);
  check_books(none, {old, late});
}

TEST_CASE("merge: of exports of one account, the default channel is that of the first one with a record and a default") {
  Merging merging({"january", "february", "march"});
  for (const std::size_t s : {std::size_t{1}, std::size_t{2}}) merging.plan.sources[s].lead = 0;
  merging.plan.first_inputs = {0, 2, 4};
  merging.config(1).default_channel = "email";
  merging.config(2).default_channel = "sms";
  Said a = from(0, "1"), b = from(1, "1"), c = from(2, "1");
  for (Said* s : {&a, &b, &c}) s->what.conversation.started_at = Instant{100, 0};
  CHECK(only(merging.run({c, a, b})).at("channel") == "email");
  CHECK(only(merging.run({a, c})).at("channel") == "sms");
  CHECK(fate(merging.run({a}), a, "january") == "rejected missing_channel");
}

TEST_CASE("links: two conversations of one account contradict each other, whichever of its exports they are from") {
  Merging merging({"january", "chat", "february"});
  merging.plan.sources[2].lead = 0;
  merging.plan.first_inputs = {0, 2, 4};
  merging.link(1, Target::subject, 2, Target::subject);  // of the account, though it names one export
  Said one = whole(0, "1"), two = whole(2, "2"), three = whole(0, "3"), chat = whole(1, "c"), fine = whole(1, "d");
  for (Said* s : {&one, &two, &chat}) s->what.conversation.subject = "s";
  for (Said* s : {&three, &fine}) s->what.conversation.subject = "t";
  const Merged merged = merging.run({one, two, three, chat, fine});
  CHECK(ids(merged.conversations) == "1 2 3 c ");
  CHECK(merged.links.conflicts == 1);
  CHECK(merged.links.groups == 1);
}

TEST_CASE("merge: enrichment is counted by the conversations that it meets, and begins none") {
  Merging merging({"survey", "crm"});
  merging.plan.sources[0].enrich = true;
  std::vector<Said> all = {from(0, "1"), from(0, "1"), from(0, "2"), from(0, "9"), from(0, "9"), whole(1, "1"), whole(1, "2")};
  const Merged merged = merging.run(all);
  CHECK(merged.sources[0].enrichment.conversations == 2);
  CHECK(merged.sources[0].enrichment.records == 3);
  CHECK(merged.sources[0].enrichment.unmet == 1);
  CHECK(merged.sources[0].enrichment.unmet_example == "9");
  CHECK(merged.first_conversation == "1");
  CHECK(merged.sources[0].written == 0);
  CHECK(merged.sources[0].updates == 1);
  CHECK(merged.sources[1].written == 2);
  CHECK(fate(merged, all[0], "survey") == "merged 1");
  CHECK(fate(merged, all[5], "crm") == "written 1");
  check_books(merged, all);
}

TEST_CASE("merge: sources whose conversations begin the same hours apart") {
  constexpr std::int64_t kHour = 3600;
  const auto shifts = [](const std::vector<std::int64_t>& differences) {
    StartOffsets offsets, half;
    bool even = false;
    for (const std::int64_t d : differences) ((even = !even) ? offsets : half).add(0, 1, {1'000'000, 0}, {1'000'000 + d, 5});
    offsets.add(half);
    std::string text;
    for (const auto& shift : offsets.shifts()) {
      for (const auto& part : shift.parts) {
        text += std::to_string(part.pairs) + " of " + std::to_string(shift.pairs) + " by " +
                std::to_string(static_cast<int>(part.hours * 2)) + " half hours; ";
      }
    }
    return text;
  };
  CHECK(shifts({}) == "");
  CHECK(shifts({8 * kHour, 8 * kHour + 60, 8 * kHour - 60}) == "3 of 3 by 16 half hours; ");
  CHECK(shifts({-8 * kHour, -8 * kHour, -8 * kHour, 5, 77}) == "3 of 5 by -16 half hours; ");
  CHECK(shifts({8 * kHour, 8 * kHour}) == "");                      // too few to tell
  CHECK(shifts({8 * kHour, 8 * kHour, 8 * kHour, 0, 1, 2}) == "");  // half is not most
  CHECK(shifts({0, 10, 20, 30, 3600}) == "");                       // no difference
  CHECK(shifts({8 * kHour, 8 * kHour, 7 * kHour, 7 * kHour, 0}) == "2 of 5 by 14 half hours; 2 of 5 by 16 half hours; ");
  CHECK(shifts({11 * kHour / 2, 11 * kHour / 2, 11 * kHour / 2}) == "3 of 3 by 11 half hours; ");
  CHECK(shifts({kHour / 2, kHour / 2, kHour / 2}) == "");                    // no zone
  CHECK(shifts({8 * kHour + 300, 8 * kHour - 300, 8 * kHour + 200}) == "");  // no whole hours
  CHECK(shifts({50 * kHour, 50 * kHour, 50 * kHour, INT64_MAX / 4}) == "");  // further than zones go

  Merging merging({"crm", "chat", "survey"});
  merging.link(0, Target::subject, 1, Target::subject);
  std::vector<std::string> texts;
  for (int i = 0; i < 10; ++i) texts.push_back(std::to_string(i));
  std::vector<Said> all;
  for (std::size_t i = 0; i < 5; ++i) {
    const auto start = static_cast<std::int64_t>(1000 * i);
    all.push_back(whole(0, texts[i], start));
    all.push_back(whole(1, texts[5 + i], start + 8 * kHour));
    all[all.size() - 2].what.conversation.subject = all.back().what.conversation.subject = texts[i];
  }
  const Merged merged = merging.run(all);
  const auto found = merged.offsets.shifts();
  REQUIRE(found.size() == 1);
  CHECK(found[0].left == 0);
  CHECK(found[0].right == 1);
  CHECK(found[0].pairs == 5);
  CHECK(found[0].parts[0].hours == 8);
}

TEST_CASE("ledger: each record once, in the order of sources, inputs and places, those that are no contributions too") {
  Merging merging({"a", "b"});
  Merger merger(merging.plan, {}, merging.limits);
  Buffer entries, ledger;
  std::vector<Said> all = {whole(1, "1"), whole(0, "1"), from(0, "2")};
  all[0].what.origin = {0, 3, 300};
  all[1].what.origin = {1, 1, 0};
  all[2].what.origin = {0, 9, std::uint64_t{1} << 40};
  for (const Said& s : all) s.add_to(entries);
  add_ledger_entry(ledger, 1, {1, 4, 5}, Fate::filtered, "repeated_header");
  add_ledger_entry(ledger, 0, {0, 2, 255}, Fate::rejected, "bad \"time\"");
  REQUIRE(merger.add(entries.view()).ok());
  REQUIRE(merger.add_ledger(ledger.view()).ok());
  REQUIRE(merger.finish([] { return false; }, [](Finished&) { return Result<void>(); }).ok());
  std::string text;
  const auto take = [&](std::string_view lines) -> Result<void> {
    text += lines;
    return {};
  };
  REQUIRE(merger.each_ledger_line(take).ok());
  CHECK(text ==
        R"({"source":"a","file":"a-1.json","line":2,"offset":255,"fate":"rejected","code":"bad \"time\""}
{"source":"a","file":"a-1.json","line":9,"offset":1099511627776,"fate":"rejected","code":"missing_channel"}
{"source":"a","file":"a-2.json","line":1,"offset":0,"fate":"written","external_id":"1"}
{"source":"b","file":"b-1.json","line":3,"offset":300,"fate":"merged","external_id":"1"}
{"source":"b","file":"b-2.json","line":4,"offset":5,"fate":"filtered","rule":"repeated_header"}
)");
}

TEST_CASE("ledger: none is kept where none is wanted") {
  Merging merging({"a"});
  merging.plan.ledger = false;
  const Merged merged = merging.run({whole(0, "1"), from(0, "2")});
  CHECK(merged.error == "");
  CHECK(merged.ledger == "");
  CHECK(merged.sources[0].written == 1);
  CHECK(merged.sources[0].books.rejected_total == 1);
}

namespace {

/// Enough to be spilled with little memory: 3,000 conversations of three records, half of them linked.
struct Many {
  std::vector<std::string> ids, subjects;
  std::vector<Said> all;
  Many() {
    for (int i = 0; i < 3000; ++i) {
      ids.push_back("conversation " + std::to_string(i * 7919 % 3000));
      subjects.push_back(ids.back() + std::string(300, 'x'));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      for (const std::uint32_t source : {0U, 1U, 1U}) {
        all.push_back(whole(source, ids[source == 0 ? i : ids.size() - 1 - i], static_cast<std::int64_t>(i % 50)));
        if (i % 2 == 0) all.back().what.conversation.subject = subjects[i];
      }
    }
  }
};

}  // namespace

TEST_CASE("merge: any number of threads, any memory, any order of arrival: the same") {
  const Many many;
  std::vector<Said> backwards(many.all.rbegin(), many.all.rend());
  for (const bool by_start : {false, true}) {
    Merging merging({"a", "b"});
    merging.plan.by_start = by_start;
    merging.plan.several = {true, true};
    merging.link(0, Target::subject, 1, Target::subject);
    const Merged expected = merging.run(many.all);
    CHECK(expected.error == "");
    CHECK_FALSE(expected.spilled);
    CHECK(expected.links.groups > 100);
    check_books(expected, many.all);
    for (const unsigned jobs : {1U, 3U}) {
      merging.limits = {std::size_t{4} << 20, jobs};
      const Merged got = merging.run(backwards);
      CHECK(got.error == "");
      CHECK(got.spilled);
      CHECK((got.conversations == expected.conversations));
      CHECK((got.ledger == expected.ledger));
    }
  }
}

TEST_CASE("merge: an error of whoever takes the lines, or a stop, ends it") {
  const Many many;
  for (const unsigned jobs : {1U, 4U}) {
    for (const bool by_start : {false, true}) {
      Merging merging({"a", "b"});
      merging.plan.by_start = by_start;
      merging.limits.jobs = jobs;
      Buffer entries;
      for (const Said& s : many.all) s.add_to(entries);
      {
        Merger merger(merging.plan, {}, merging.limits);
        REQUIRE(merger.add(entries.view()).ok());
        const auto result = merger.finish([] { return false; },
                                          [](Finished&) {
                                            return Result<void>(Error{Errc::closed, "gone", ""});
                                          });
        REQUIRE_FALSE(result.ok());
        CHECK(result.error().message == "gone");
      }
      merging.link(0, Target::subject, 1, Target::subject);
      Merger merger(merging.plan, merging.links, merging.limits);
      REQUIRE(merger.add(entries.view()).ok());
      const auto result = merger.link([] { return true; });
      REQUIRE_FALSE(result.ok());
      CHECK(result.error().message.starts_with("interrupted"));
    }
  }
}
