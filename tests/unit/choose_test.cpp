#include "pipeline/choose.hpp"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "crosswalk/translate.hpp"

using namespace crosswalk;

namespace {

AdapterInfo adapter(std::string id, std::vector<IdentifyRule> rules) {
  AdapterInfo info;
  info.id = std::move(id);
  info.framings = {Framing::csv, Framing::json};
  info.identify = std::move(rules);
  return info;
}

IdentifyRule csv(int score, std::vector<std::string> all, std::vector<std::string> any = {}, std::vector<std::string> none = {}) {
  return {Framing::csv, score, std::move(all), std::move(any), std::move(none)};
}

IdentifyRule json(int score, std::vector<std::string> all, std::vector<std::string> any = {},
                  std::vector<std::string> none = {}) {
  return {Framing::json, score, std::move(all), std::move(any), std::move(none)};
}

/// The id of the chosen one, or the error's text.
std::string choose(const std::vector<AdapterInfo>& adapters, std::string_view head) {
  std::vector<const AdapterInfo*> list;
  for (const AdapterInfo& a : adapters) list.push_back(&a);
  const auto chosen = choose_adapter(list, head, "in.dat");
  if (chosen) return (*chosen)->id;
  CHECK(chosen.error().code == Errc::usage);
  return chosen.error().text();
}

}  // namespace

TEST_CASE("choose: the framing is told by the first byte that is not blank") {
  CHECK(framing_of("") == Framing::csv);
  CHECK(framing_of(" \r\n\t") == Framing::csv);
  CHECK(framing_of("{") == Framing::json);
  CHECK(framing_of("\r\n \t[") == Framing::json);
  CHECK(framing_of("Id,\"{\"") == Framing::csv);
  CHECK(framing_of("\"{\"") == Framing::csv);
}

TEST_CASE("choose: the one whose names are there") {
  const std::vector<AdapterInfo> adapters = {adapter("tickets", {csv(50, {"Id", "Via"})}),
                                             adapter("chats", {csv(50, {"Id", "Room"})}),
                                             adapter("rooms", {json(50, {"id", "room"})})};
  CHECK(choose(adapters, "Id,Via\n1,mail\n") == "tickets");
  CHECK(choose(adapters, "Room,Id\n1,mail\n") == "chats");
  CHECK(choose(adapters, "  iD ;\" VIA \"\n1;2\n") == "tickets");  // case, blanks, quotes and delimiter make no difference
  CHECK(choose(adapters, "{\"id\":1,\"room\":2}\n") == "rooms");
  CHECK(choose(adapters, "[{\"ID\":1,\"Room\":2}]") == "rooms");
  CHECK(choose(adapters, "Id,Via") == "tickets");  // a header alone, without a line end
}

TEST_CASE("choose: all, any and none of a rule") {
  const std::vector<AdapterInfo> one = {adapter("one", {csv(10, {"a"}, {"b", "c"}, {"d", "e"})})};
  CHECK(choose(one, "a,b\n") == "one");
  CHECK(choose(one, "a,c\n") == "one");
  CHECK(choose(one, "a,b,c,z\n") == "one");
  for (const std::string_view head : {"a\n", "b,c\n", "a,b,d\n", "a,b,e\n", "a,z\n"}) {
    CAPTURE(head);
    CHECK(choose(one, head) != "one");
  }
  const std::vector<AdapterInfo> open = {adapter("open", {csv(10, {}, {}, {"d"})})};
  CHECK(choose(open, "x\n") == "open");
  CHECK(choose(open, "d\n") != "open");
}

TEST_CASE("choose: names of later records and of nested objects count too") {
  const std::vector<AdapterInfo> one = {adapter("one", {json(10, {"id", "customer.id", "late"})})};
  CHECK(choose(one, "{\"id\":1,\"customer\":{\"id\":2}}\n{\"late\":null}\n") == "one");
  // The head of a longer input ends where it ends.
  CHECK(choose(one, "{\"id\":1,\"customer\":{\"id\":2}}\n{\"late\":null}\n{\"id\":4,\"cust") == "one");
  CHECK(choose(one, "{\"conversations\":[{\"id\":1,\"customer\":{\"id\":2},\"late\":0},{\"id\":4,\"cu") == "one");
}

TEST_CASE("choose: the highest bid, of each adapter its best one, wherever it stands in the list") {
  const AdapterInfo low = adapter("low", {csv(10, {"a"}), csv(20, {"a"}), csv(15, {"a"})});
  const AdapterInfo high = adapter("high", {csv(1, {"a"}), csv(90, {"a", "b"})});
  const AdapterInfo other = adapter("other", {csv(20, {"b"})});
  CHECK(choose({low, high}, "a,c\n") == "low");
  CHECK(choose({low, high}, "a,b\n") == "high");
  CHECK(choose({high, low}, "a,b\n") == "high");
  CHECK(choose({low, other, high}, "a,b\n") == "high");  // a tie below the best is none
  CHECK(choose({high, low, other}, "a,b\n") == "high");
  CHECK(choose({low, high, other}, "a,b\n") == "high");
}

TEST_CASE("choose: a rule for the other framing makes no bid") {
  const std::vector<AdapterInfo> one = {adapter("one", {json(10, {"a"})})};
  CHECK(choose(one, "a,b\n") ==
        "in.dat: no adapter recognises this CSV input; it has the fields a, b\n"
        "  crosswalk adapters lists what is read; docs/write-an-adapter.md says how to add a source");
}

TEST_CASE("choose: a tie is an error that names both") {
  const AdapterInfo a = adapter("aa", {csv(50, {"x"})}), b = adapter("bb", {csv(50, {"x"})}), c = adapter("cc", {csv(40, {"x"})});
  CHECK(choose({a, b}, "x\n") ==
        "in.dat: the adapters aa and bb recognise this input equally well\n  say which one with --adapter aa or --adapter bb");
  CHECK(choose({a, c, b}, "x\n") ==
        "in.dat: the adapters aa and bb recognise this input equally well\n  say which one with --adapter aa or --adapter bb");
}

TEST_CASE("choose: records deeper in a page are named") {
  const std::vector<AdapterInfo> chats = {adapter("chats", {json(50, {"key", "user.name"})})};
  const auto said = [](const std::string& where) {
    return "in.dat: no adapter recognises this JSON input; the records seem to be at " + where;
  };
  const auto said_of_one = [](const std::string& what) {
    return "in.dat: no adapter recognises this JSON input; the record seems to be " + what;
  };
  CHECK(choose(chats, R"({"list":[{"key":1,"user":{"name":"n"}},{}],"n":2})") ==
        said("/list (2 objects there), which chats reads\n  --set records_at=/list"));
  CHECK(choose(chats, R"({"id":7,"users":[{"x":1}],"a":{"b/c":[{"key":1,"user":{"name":"n"}},{"key":)") ==
        said("/a/b~1c (at least 2 objects there), which chats reads\n  --set records_at=/a/b~1c"));
  CHECK(choose(chats, R"({"data":[{"chat":{"key":1,"user":{"name":"n"}}}]})") ==
        said("/data/chat (1 object there), which chats reads\n  --set records_at=/data/chat"));
  CHECK(choose(chats, R"({"event":"new","payload":{"chat":{"key":1,"user":{"name":"n"}}}})") ==
        said_of_one("the object at /payload/chat, which chats reads\n  --set records_at=/payload/chat"));
  CHECK(choose(chats, R"([{"list":[{"key":1,"user":{"name":"n"}}]},{"list":[]}])") ==
        said("/list (1 object there), which chats reads\n  --set records_at=/list"));
}

TEST_CASE("choose: what is no export at all") {
  const std::vector<AdapterInfo> one = {adapter("one", {csv(50, {"a", "b"})})};
  CHECK(choose(one, "<!DOCTYPE html><html>") ==
        "in.dat: this is an HTML page, which no adapter reads\n  a page for browsers often stands where an export should be: "
        "when a "
        "login had ended, for example; export again");
  CHECK(choose(one, "%PDF-1.4\n") == "in.dat: this is a PDF, which no adapter reads\n  export it as CSV or JSON");
  CHECK(choose(one, "a,c\n") ==
        "in.dat: no adapter recognises this CSV input; it has the fields a, c\n  one comes nearest; it looks for b as well");
}

TEST_CASE("choose: whether the adapter that somebody chose fits") {
  const AdapterInfo chats = adapter("chats", {json(50, {"key", "user.name"})});
  const auto doubt = [&](std::string_view head, const std::map<std::string, std::string, std::less<>>& settings = {}) {
    const auto said = doubt_about(chats, head, "in.dat", settings);
    return said ? *said : said.error().text();
  };
  CHECK(doubt(R"({"key":1,"user":{"name":"n"}})") == "");
  CHECK(doubt("") == "");
  CHECK(doubt("[]") == "");
  CHECK(doubt("a,b\n1,2\n") == "");  // its framing says enough
  CHECK(doubt(R"({"Key":1,"Other":2})") == "in.dat: this does not look like chats; it has the fields Key, Other");
  CHECK(doubt(R"({"list":[{"key":1,"user":{"name":"n"}}]})") ==
        "in.dat: this does not look like chats; the records seem to be at /list (1 object there)\n  --set records_at=/list");
  CHECK(doubt(R"({"list":[{"key":1,"user":{"name":"n"}}]})", {{"records_at", "/list"}}) == "");
  AdapterInfo silent = chats;
  silent.identify.clear();
  CHECK(doubt_about(silent, R"({"x":1})", "in.dat", {})->empty());
}

TEST_CASE("choose: nothing fits") {
  const std::vector<AdapterInfo> two = {adapter("one", {csv(10, {"q"})}), adapter("two", {})};
  CHECK(choose(two, "{\"b\":1,\"a\":{\"c\":2}}\n") ==
        "in.dat: no adapter recognises this JSON input; it has the fields b, a.c\n"
        "  crosswalk adapters lists what is read; docs/write-an-adapter.md says how to add a source");
  CHECK(choose(two, "[]") ==
        "in.dat: no adapter recognises this JSON input; it has the fields (none)\n"
        "  crosswalk adapters lists what is read; docs/write-an-adapter.md says how to add a source");
  // Many names, and bytes that are no text.
  CHECK(choose(two, "a,b,c,d,e,f,g,h,i,j,k,l,m\n") ==
        "in.dat: no adapter recognises this CSV input; it has the fields a, b, c, d, e, f, g, h, i, j, k, l, m\n"
        "  crosswalk adapters lists what is read; docs/write-an-adapter.md says how to add a source");
  CHECK(choose(two, "a,b,c,d,e,f,g,h,i,j,k,l\n").find("j, k, l\n") != std::string::npos);
  CHECK(choose(two, "{\"broken\": ").find("no adapter recognises this JSON input") != std::string::npos);
}

TEST_CASE("choose: the head is read with the settings that the run will have") {
  const AdapterInfo a = adapter("one", {csv(10, {"a", "b"}), json(10, {"a"})});
  const auto chosen = [&](std::string_view head, std::map<std::string, std::string, std::less<>> settings) {
    const auto result = choose_adapter({&a}, head, "in.dat", settings);
    return result ? (*result)->id : "none";
  };
  CHECK(chosen("a^b\n1^2\n", {}) == "none");
  CHECK(chosen("a^b\n1^2\n", {{"delimiter", "^"}}) == "one");
  CHECK(chosen("a,x\tb\n", {{"delimiter", "tab"}}) == "none");
  CHECK(chosen("a\tb,c\n1\t2\n", {{"delimiter", "\\t"}}) == "none");
  CHECK(chosen("a\tb\n1\t2\n", {{"delimiter", "\\t"}}) == "one");
  CHECK(chosen("{\"x\":{\"y\":[{\"a\":1}]}}", {}) == "none");
  CHECK(chosen("{\"x\":{\"y\":[{\"a\":1}]}}", {{"records_at", "/x/y"}}) == "one");
}

TEST_CASE("choose: an empty input is said to be one") {
  const std::vector<AdapterInfo> one = {adapter("one", {csv(10, {})})};
  for (const std::string_view head : {"", "\n", " \t\r\n\r\n"}) {
    CHECK(choose(one, head) == "in.dat: the input is empty, so no adapter can recognise it\n  say which one with --adapter ID");
  }
}
