#include "framing/json.hpp"
#include "framing/json_lists.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "framing/json_check.hpp"
#include "../framing/json_support.hpp"

using namespace crosswalk;
using namespace crosswalk::json_testing;
using namespace std::string_literals;

namespace {

using Lines = std::vector<std::string>;

const std::vector<std::size_t> kSizes = {1, 2, 3, 7, 64, 4095, 4096, 4097, std::size_t{1} << 20};

/// One text, so that a difference shows.
std::string joined(const Lines& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

/// A table row: what an input gives. Events are written `line@offset name=text …` (strings in single quotes), or
/// `line@offset FAULT code (bytes) message; found …; in field`.
void gives(const std::string& input, const Lines& expected, const JsonOptions& options = {}) {
  CAPTURE(input);
  CHECK(joined(shown_run(read_json(input, options))) == joined(expected));
}

JsonOptions at(std::string pointer) {
  JsonOptions options;
  options.records_at = std::move(pointer);
  return options;
}

JsonOptions of_size(std::size_t max_record) {
  JsonOptions options;
  options.limits.max_record = max_record;
  return options;
}

}  // namespace

// --- layouts ---------------------------------------------------------------------------------------------------------

TEST_CASE("json layouts: nothing") {
  gives("", {});
  gives(" \t\r\n\n", {});
  gives("[]", {});
  gives("\n [ ] \n", {});
  gives(R"({"items":[]})", {});
  CHECK(read_json(" \n ").blocks == 0);
}

TEST_CASE("json layouts: lines") {
  gives("{\"a\":1}\n{\"a\":2}\n", {"1@0 a=1", "2@8 a=2"});
  gives("{\"a\":1}\n{\"a\":2}", {"1@0 a=1", "2@8 a=2"});
  gives("{\"a\":1}\r\n\r\n  {\"a\":2}\t\r\n\n{\"a\":3}", {"1@0 a=1", "3@13 a=2", "5@24 a=3"});
  gives("\n\n{\"a\":1}", {"3@2 a=1"});
  gives(R"({"ticket":{"id":1}})"
        "\n"
        R"({"ticket":{"id":2}})",
        {"1@0 ticket.id=1", "2@20 ticket.id=2"});
}

TEST_CASE("json layouts: one object") {
  gives(R"({"a":1})", {"1@0 a=1"});
  gives("{\n  \"a\": 1,\n  \"b\": {\"c\": [\n1]}\n}\n", {"1@0 a=1 b.c=[\n1]"});
}

TEST_CASE("json layouts: arrays") {
  gives(R"([{"a":1},{"a":2}])", {"1@1 a=1", "1@9 a=2"});
  gives("[\n  {\"a\":1},\n  {\"a\":2}\n]\n", {"2@4 a=1", "3@15 a=2"});
  gives("[{\n\"a\":1\n}, {\r\"a\":2}]", {"1@1 a=1", "3@12 a=2"});
  gives("[{\"a\":1}]\n[{\"a\":2}]", {"1@1 a=1", "2@11 a=2"});
}

TEST_CASE("json layouts: concatenated and pretty-printed values") {
  gives(R"({"a":1}{"a":2} {"a":3})", {"1@0 a=1", "1@7 a=2", "1@15 a=3"});
  gives("{\n\"a\":1\n}\n{\n\"a\":2\n}", {"1@0 a=1", "4@10 a=2"});
  gives("{\"a\":1}\r{\"a\":2}\r", {"1@0 a=1", "2@8 a=2"});
}

TEST_CASE("json layouts: pages") {
  gives(R"({"conversations":[{"id":1},{"id":2}]})", {"1@18 id=1", "1@27 id=2"});
  gives(R"({"next":{"id":[{}]},"count":2,"items":[{"id":1},{"id":2}],"more":[{"x":1}]})", {"1@39 id=1", "1@48 id=2"});
  for (const std::string key : {"conversations", "items", "data", "tickets", "records", "results", "activities"}) {
    gives("{\"" + key + "\" : [ {\"id\":1}]}", {"1@" + std::to_string(key.size() + 8) + " id=1"});
  }
  SUBCASE("one after the other, and one per line") {
    gives(R"({"items":[{"id":1}]}{"items":[{"id":2}]})", {"1@10 id=1", "1@30 id=2"});
    gives("{\"conversations\":[{\"id\":1}]}\n{\"conversations\":[{\"id\":2}]}\n", {"1@18 id=1", "2@47 id=2"});
  }
  SUBCASE("two arrays of records in one page are both taken") {
    gives(R"({"conversations":[{"id":1}],"activities":[{"id":2}]})", {"1@18 id=1", "1@42 id=2"});
  }
  SUBCASE("a record that knows its own id is no page") {
    for (const std::string key : {"id", "externalId", "external_id", "conversation_id", "Id"}) {
      gives("{\"" + key + R"(":7,"items":[{"x":1}]})", {"1@0 " + key + "=7 items=[{\"x\":1}]"});
    }
  }
  SUBCASE("messages, and arrays of other things, make no page") {
    gives(R"({"messages":[{"x":1}]})", {R"(1@0 messages=[{"x":1}])"});
    gives(R"({"items":[1,2],"data":"x"})", {"1@0 items=[1,2] data='x'"});
    gives(R"({"a":{"items":[{"x":1}]}})", {R"(1@0 a.items=[{"x":1}])"});
  }
}

TEST_CASE("json layouts: behind a pointer") {
  gives(R"({"result":{"n":1,"items":[{"a":1},{"a":2}]},"x":0})", {"1@26 a=1", "1@34 a=2"}, at("/result/items"));
  gives(R"({"a/b":{"c~d":{"x":1}}}{"a/b":{"c~d":[{"x":2}]}})", {"1@14 x=1", "1@38 x=2"}, at("/a~1b/c~0d"));
  gives(R"({"\u0061":[{"x":1}]})", {"1@11 x=1"}, at("/a"));
  gives(R"([{"b":[{"x":1}]},{"b":[{"x":2}]}])", {"1@23 x=2"}, at("/1/b"));
  gives(R"({"a":5})", {"1@5 FAULT not_an_object (1) the record is a number, not an object; found 5"}, at("/a"));
  SUBCASE("that leads nowhere") {
    gives(R"({"result":{"itemz":[],"n":1}})",
          {"ERROR in.json: setting records_at: there is no \"items\"; the keys there are: itemz, n\n"
           "  name the path of keys to the records, each behind a slash: /result/items"},
          at("/result/items"));
    gives("1 2",
          {"ERROR in.json: this does not look like JSON: it starts with \"1 2\"\n"
           "  JSON records start with { or [; for another kind of file choose an adapter that reads it"},
          at("/a"));
    gives("[[]]",
          {"ERROR in.json: setting records_at: there is no \"a\"; no key at all was found where it was looked for\n"
           "  name the path of keys to the records, each behind a slash: /result/items"},
          at("/a"));
    gives("{}",
          {"ERROR in.json: setting records_at: there is no \"a\"; no key at all was found where it was looked for\n"
           "  name the path of keys to the records, each behind a slash: /result/items"},
          at("/a"));
    gives("", {}, at("/a"));
  }
  SUBCASE("that is none") {
    const std::string cure =
        "\n  write the path of keys to the records, each behind a slash: /result/items (in keys, ~ is ~0 and / is ~1)";
    gives("[]", {"ERROR setting records_at: \"items\" is not a JSON Pointer: it does not start with a slash" + cure},
          at("items"));
    gives("[]", {"ERROR setting records_at: \"/a~2\" is not a JSON Pointer: a ~ is followed by neither 0 nor 1" + cure},
          at("/a~2"));
  }
}

TEST_CASE("json layouts: what is no JSON is said at once") {
  const std::string cure = "\n  JSON records start with { or [; for another kind of file choose an adapter that reads it";
  gives("Id,Subject\n1,x\n", {"ERROR in.json: this does not look like JSON: it starts with \"Id,Subject\"" + cure});
  gives("\"Id\",\"Subject\"\n", {"ERROR in.json: this does not look like JSON: it starts with \"\"Id\",\"Subject\"\"" + cure});
  gives(
      "\x7f"
      "ELF\x02\x01\0"s,
      {"ERROR in.json: this is a program, not JSON"});
  gives("\x7f\x01\x02", {"ERROR in.json: this does not look like JSON: it starts with the bytes 7F 01 02" + cure});
  gives("\xff\xfe{", {"ERROR in.json: this does not look like JSON: it starts with the bytes FF FE 7B" + cure});
  gives("null\n{\"a\":1}", {"1@0 FAULT not_an_object (4) the record is null, not an object; found null", "2@5 a=1"});
}

// --- damage between and around records ---------------------------------------------------------------------------------

TEST_CASE("json damage: a malformed line is one reject and touches no other") {
  gives(
      "{\"a\":1}\n{\"a\":\"x\n{\"a\":2}}\n{\"a\":[}\n{\"a\":3}\n",
      {"1@0 a=1",
       "2@8 FAULT malformed_json (7) the record ends where the closing quote of a string was expected, at byte 7 of the "
       "record; found the end of the record; in a",
       "3@16 FAULT malformed_json (8) `}` follows the end of the value, at byte 7 of the record; found }",
       "4@25 FAULT malformed_json (7) a value was expected but `}` found, at byte 6 of the record; found }; in a[]", "5@33 a=3"});
  SUBCASE("the first line, too") {
    gives("{\"a\":1\n{\"a\":2}\n",
          {"1@0 FAULT malformed_json (6) the record ends where `,` or `}` was expected, at byte 6 of the record; found the end "
           "of the record; in a",
           "2@7 a=2"});
    gives("{\"a\":\"x\n{\"a\":2}\n",
          {"1@0 FAULT malformed_json (7) the record ends where the closing quote of a string was expected, at byte 7 of the "
           "record; found the end of the record; in a",
           "2@8 a=2"});
    gives("{\"a\":1}}\n{\"a\":2}\n",
          {"1@0 FAULT malformed_json (8) `}` follows the end of the value, at byte 7 of the record; found }", "2@9 a=2"});
  }
}

TEST_CASE("json damage: lines are read together, and each as if it were alone") {
  const std::vector<std::string> parts = {"{\"a\":1}",
                                          "{\"a\":",
                                          "1}",
                                          "{\"b\":{\"c\":2}}",
                                          "{\"d\":{",
                                          "\"e\":3}}",
                                          "{\"f\":\"x\\\"\"}",
                                          "{\"g\":\"",
                                          "\"}",
                                          "{\"h\":1}}",
                                          "{\"i\":1}\\",
                                          "{\"j\":[1,{}]}",
                                          "{\"k\":[",
                                          "]}",
                                          "{\"l\":nul",
                                          "{\"m\":\"\xff\"}",
                                          "{}",
                                          "[1]",
                                          "{\"n\":\"\\u0041\"}",
                                          "\\",
                                          "{\"o\":null}"};
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    CAPTURE(round);
    std::string text;
    for (int i = 0; i < 12; ++i) text += parts[random() % parts.size()] + (random() % 4 == 0 ? " \n\t\n" : "\n");
    text.insert(0, "{\"a\":1}\n{\"a\":1}\n");  // lines beyond doubt
    const auto together = read_json(text), alone = read_json(text, {}, 1);
    REQUIRE(alone.blocks > 5);
    REQUIRE(shown_run(together) == shown_run(alone));
    REQUIRE(together.names == alone.names);  // nobody looked into the next line
  }
}

TEST_CASE("json damage: in an array, reading goes on at the next record") {
  SUBCASE("a string without its end") {
    gives("[\n  {\"a\":1},\n  {\"a\":\"x},\n  {\"a\":3}\n]",
          {"2@4 a=1", "3@15 FAULT malformed_json (8) a line ends inside a string, at byte 9 of the record; found a line end",
           "4@27 a=3"});
    gives("[{\"a\":\"x},\n {\"a\":2}]",
          {"1@1 FAULT malformed_json (8) a line ends inside a string, at byte 9 of the record; found a line end", "2@12 a=2"});
    gives("[{\n  \"a\":\"x,\n  \"b\":[\n    {\"c\":1}]\n}, {\n  \"a\":2\n}]",
          {"1@1 FAULT malformed_json (34) a line ends inside a string, at byte 11 of the record; found a line end", "5@37 a=2"});
  }
  SUBCASE("brackets that do not match") {
    gives(R"([{"a":[1},{"a":2},{"a":3]},{"a":4}])",
          {"1@1 FAULT malformed_json (8) `}` stands where `]` was expected, at byte 7 of the record; found `}`", "1@10 a=2",
           "1@18 FAULT malformed_json (8) `]` stands where `}` was expected, at byte 6 of the record; found `]`", "1@27 a=4"});
  }
  SUBCASE("a record without its end") {
    gives(R"([{"a":{"b":1},{"a":2},{"a":3}])",
          {"1@1 FAULT malformed_json (12) a closing bracket is missing, at byte 13 of the record; found `{`", "1@14 a=2",
           "1@22 a=3"});
    gives("[\n{\"a\":{\"b\":1},\n{\"a\":2}\n]",
          {"2@2 FAULT malformed_json (12) a closing bracket is missing, at byte 14 of the record; found `{`", "3@16 a=2"});
    gives("{\n\"a\":{\"b\":1}\n{\"a\":2}\n",
          {"1@0 FAULT malformed_json (13) a closing bracket is missing, at byte 14 of the record; found `{`", "3@14 a=2"});
  }
  SUBCASE("a member without a key is a part of its record as long as brackets match") {
    gives(R"([{"a":1,{"x":2},"b":3},{"a":2}])",
          {"1@1 FAULT malformed_json (21) a key in quotes was expected but `{` found, at byte 7 of the record; found "
           "{\"x\":2},\"b\":3}",
           "1@23 a=2"});
  }
  SUBCASE("values that are no objects, too many commas, and rubbish") {
    gives(R"([17,"x",[1],null,{"a":1}])",
          {"1@1 FAULT not_an_object (2) the record is a number, not an object; found 17",
           "1@4 FAULT not_an_object (3) the record is a string, not an object; found \"x\"",
           "1@8 FAULT not_an_object (3) the record is an array, not an object; found [1]",
           "1@12 FAULT not_an_object (4) the record is null, not an object; found null", "1@17 a=1"});
    gives(R"([,{"a":1},,,{"a":2},])", {"1@1 FAULT malformed_json (1) a value is missing before `,`; found `,`", "1@2 a=1",
                                       "1@10 FAULT malformed_json (1) a value is missing before `,`; found `,`", "1@12 a=2",
                                       "1@20 FAULT malformed_json (1) a value is missing before `]`; found `]`"});
    gives(R"([{"a":1} {"a":2} {"a":3}, {"a":4}])",
          {"1@1 a=1", "1@9 FAULT malformed_json (0) a comma is missing between two elements of an array; found `{`", "1@9 a=2",
           "1@17 a=3", "1@26 a=4"});
    gives(R"([{"a":1}: x, {"a":2}}])",
          {"1@1 a=1", "1@8 FAULT malformed_json (3) `:` stands between the elements of an array; found `:`", "1@13 a=2",
           "1@20 FAULT malformed_json (1) `}` stands between the elements of an array; found `}`"});
  }
  SUBCASE("an array that lost its end, and what comes behind it") {
    gives("[{\"a\":1}\n[{\"a\":2}]",
          {"1@1 a=1", "2@9 FAULT malformed_json (0) a comma is missing between two elements of an array; found `[`", "2@10 a=2"});
    gives(
        "{\"items\":[{\"id\":\"1}]}\n{\"items\":[{\"id\":2}]}",
        {"1@10 FAULT malformed_json (11) a line ends inside a string, at byte 11 of the record; found a line end", "2@32 id=2"});
  }
}

TEST_CASE("json damage: between records that nothing surrounds") {
  gives("{\"a\":1}{\"a\":2} rubbish here\n{\"a\":3}",
        {"1@0 a=1", "1@7 a=2", "1@15 FAULT malformed_json (12) this is neither a record nor any other JSON value; found rubbish",
         "2@28 a=3"});
  gives("{\"a\":1}{\"a\":2}]}{\"a\":3}",
        {"1@0 a=1", "1@7 a=2", "1@14 FAULT malformed_json (2) `]` stands outside of any record; found `]`", "1@16 a=3"});
  gives(R"([{"a":1}],{"a":2},{"a":3})",
        {"1@1 a=1", "1@9 FAULT malformed_json (1) `,` stands outside of any array; found `,`", "1@10 a=2", "1@18 a=3"});
  gives("[{\"a\":1}] 17", {"1@1 a=1", "1@10 FAULT not_an_object (2) the record is a number, not an object; found 17"});
  gives("{\"items\":[{\"id\":1}],x\n{\"items\":[{\"id\":2}]}",
        {"1@10 id=1", "1@20 FAULT malformed_json (1) the object or array around the records is broken here", "2@32 id=2"});
}

TEST_CASE("json damage: inputs that were cut off") {
  const std::string inside = "the input ends inside this record, after ";
  gives("{\"a\":1}\n{\"a\":",
        {"1@0 a=1", "2@8 FAULT truncated_record (5) " + inside + "5 of its bytes; found the end of the input"});
  gives("{\"a\":1", {"1@0 FAULT truncated_record (6) " + inside + "6 of its bytes; found the end of the input"});
  gives("[{\"a\":1},{\"a\":\"",
        {"1@1 a=1", "1@9 FAULT truncated_record (6) " + inside + "6 of its bytes; found the end of the input"});
  const std::string array =
      " FAULT truncated_input (0) the input ends before the `]` of the array around the records; found the end of the input";
  gives("[{\"a\":1}", {"1@1 a=1", "1@8" + array});
  gives("[{\"a\":1},\n", {"1@1 a=1", "2@10" + array});
  gives("[", {"1@1" + array});
  const std::string object =
      " FAULT truncated_input (0) the input ends before the `}` of the object around the records; found the end of the input";
  gives("{\"items\":[{\"id\":1}]", {"1@10 id=1", "1@19" + object});
  gives("{\"items\":[{\"id\":1}],\"next\":[1,", {"1@10 id=1", "1@30" + object});
  gives("{\"items\":[{\"id\":1}],\"ne", {"1@10 id=1", "1@23" + object});
}

TEST_CASE("json damage: truncation at every byte of 4 KiB gives the records before it and one fault at most") {
  std::string record = R"({"id":1,"name":"ünï \"q\" \\","list":[1,{"x":"]}"},[[]]],"o":{"p":{"q":null}},"e":{}})";
  const auto many = [&](const std::string& first, const std::string& between, const std::string& last) {
    std::string text = first + record;
    while (text.size() < 4000) text += between + record;
    return text + last;
  };
  for (const std::string& text : {many("", "\n", "\n"), many("[", ",", "]"), many("[\n  ", ",\n  ", "\n]\n"), many("", "", ""),
                                  many("{\"next\":[{}],\"items\":[", " , ", "],\"n\":{\"a\":[1]}}")}) {
    const Run whole = read_json(text);
    REQUIRE(whole.events.size() > 40);
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      const Run run = read_json(text.substr(0, cut));
      std::size_t complete = 0;
      while (complete < whole.events.size() && whole.events[complete].offset + whole.events[complete].size <= cut) ++complete;
      CAPTURE(cut);
      REQUIRE(run.error.empty());
      REQUIRE(run.events.size() >= complete);
      REQUIRE(run.events.size() <= complete + 1);
      for (std::size_t i = 0; i < complete; ++i) REQUIRE(shown_event(run.events[i]) == shown_event(whole.events[i]));
      if (run.events.size() == complete) continue;
      const Seen& last = run.events.back();
      REQUIRE(last.fault);
      REQUIRE((last.code == "truncated_record" || last.code == "truncated_input"));
      REQUIRE(last.offset + last.size <= cut);
    }
  }
}

TEST_CASE("json damage: an input that fails ends there, and what came before stands") {
  class Failing final : public ByteSource {
   public:
    explicit Failing(std::string bytes) : inner_(std::move(bytes), 0) {}
    Result<std::size_t> read(char* to, std::size_t size) override {
      const auto got = inner_.read(to, size);
      if (*got == 0) return Error{Errc::io, "in.json: the disk is gone", "look for it"};
      return got;
    }

   private:
    PieceSource inner_;
  };
  const auto run = [](std::string bytes, std::size_t target) {
    return joined(shown_run(read_json(std::make_unique<Failing>(std::move(bytes)), {}, target)));
  };
  for (const std::size_t target : kSizes) {
    const std::string error = "ERROR in.json: the disk is gone\n  look for it";
    CHECK(run("", target) == joined({error}));
    CHECK(run("{\"a\":1}\n{\"a\":2}\n{\"a\":", target) == joined({"1@0 a=1", "2@8 a=2", error}));
    CHECK(run("[{\"a\":1},{\"a\":2},{\"a\":", target) == joined({"1@1 a=1", "1@9 a=2", error}));
    CHECK(run("{\"items\":[{\"a\":1},{\"a\":2}],\"x\":[", target) == joined({"1@10 a=1", "1@18 a=2", error}));
    CHECK(run("{\"a\":", target) == joined({error}));
  }
}

// --- size ------------------------------------------------------------------------------------------------------------

TEST_CASE("json size: a record that is too large is refused with its true size, and held for no more than 16 KiB") {
  const std::string big = "{\"a\":\"" + std::string(100'000, 'x') + "\\\"}\",\"b\":[[{}]]}";
  const std::string fault = " FAULT record_too_large (" + std::to_string(big.size()) + ") the record has " +
                            std::to_string(big.size()) + " bytes, more than the 50000 that are allowed; found " +
                            std::to_string(big.size()) + " bytes";
  const auto n = [&](std::size_t more) { return std::to_string(big.size() + more); };
  const JsonOptions options = of_size(50'000);
  for (const std::size_t target : {std::size_t{1}, std::size_t{4096}, std::size_t{1} << 20}) {
    const auto run = [&](const std::string& text) { return joined(shown_run(read_json(text, options, target, 1000))); };
    CHECK(run("{\"a\":1}\n" + big + "\n\n{\"a\":2}") == joined({"1@0 a=1", "2@8" + fault, "4@" + n(10) + " a=2"}));
    CHECK(run("[{\"a\":1},\n" + big + ",\n{\"a\":2}]") == joined({"1@1 a=1", "2@10" + fault, "3@" + n(12) + " a=2"}));
    CHECK(run(big + "{\"a\":2}") == joined({"1@0" + fault, "1@" + n(0) + " a=2"}));
    CHECK(run("{\"a\":1}\n" + big) == joined({"1@0 a=1", "2@8" + fault}));
    CHECK(run("[" + big) == joined({"1@1" + fault, "1@" + n(1) +
                                                       " FAULT truncated_input (0) the input ends before the `]` of the array "
                                                       "around the records; found the end of the input"}));
    const Run blocks = read_json("[" + big + "]", options, target, 1000);
    CHECK(blocks.events[0].raw == big.substr(0, 16 << 10));
    CHECK(blocks.largest_block < target + 200'000);
  }
}

TEST_CASE("json size: exactly the largest record, and one byte more") {
  const std::string fits = "{\"a\":\"" + std::string(92, 'x') + "\"}";
  const std::string large = "{\"a\":\"" + std::string(93, 'x') + "\"}";
  REQUIRE(fits.size() == 100);
  for (const std::string& text :
       {fits + "\n" + large + "\n" + fits, "[" + fits + "," + large + "," + fits + "]", fits + large + fits,
        fits + "  \n" + std::string(500, ' ') + large + std::string(500, ' ') + "\n\n" + fits + std::string(500, ' ')}) {
    const Run run = read_json(text, of_size(100), 10, 3);
    REQUIRE(run.events.size() == 3);
    CHECK(!run.events[0].fault);
    CHECK(run.events[1].message == "the record has 101 bytes, more than the 100 that are allowed");
    CHECK(run.events[1].raw == large);
    CHECK(!run.events[2].fault);
  }
}

namespace {

/// An array of records on one line, made as it is read.
class EndlessArray final : public ByteSource {
 public:
  explicit EndlessArray(std::uint64_t records) : records_(records) {}
  Result<std::size_t> read(char* to, std::size_t size) override {
    std::size_t given = 0;
    while (given < size) {
      if (at_ == piece_.size() && !next_piece()) break;
      const std::size_t count = std::min(size - given, piece_.size() - at_);
      std::memcpy(to + given, piece_.data() + at_, count);
      at_ += count;
      given += count;
    }
    return given;
  }

 private:
  bool next_piece() {
    if (made_ > records_) return false;
    at_ = 0;
    piece_ = made_ == records_ ? "]"s
                               : (made_ == 0 ? "[" : ",") + "{\"id\":"s + std::to_string(made_) + ",\"text\":\"" +
                                     std::string(180, '}') + "\"}";
    ++made_;
    return true;
  }
  std::uint64_t records_;
  std::uint64_t made_ = 0;
  std::string piece_;
  std::size_t at_ = 0;
};

class CountingHandler final : public RecordHandler {
 public:
  void on_record(const Record& record, const Place&) override {
    good += record.count == 2 && record.fields[0].view() == std::to_string(good);
  }
  void on_fault(const FrameFault&) override { ++faults; }
  void on_repeated_header(const Place&) override {}
  std::uint64_t good = 0, faults = 0;
};

}  // namespace

TEST_CASE("json size: an array of 300 MB on one line passes through small blocks") {
  constexpr std::uint64_t kRecords = 1'500'000;
  auto splitter = open_json("in.json", std::make_unique<EndlessArray>(kRecords), {});
  REQUIRE(splitter);
  NameTable names;
  const auto parser = make_json_parser(names, {});
  CountingHandler handler;
  Block block;
  std::size_t largest = 0;
  std::uint64_t end = 0;
  for (;;) {
    const auto more = (*splitter)->next(block, std::size_t{64} << 10);
    REQUIRE(more);
    if (!*more) break;
    largest = std::max(largest, block.data.size());
    end = block.offset + block.size;
    parser->parse(block, handler);
  }
  CHECK(handler.good == kRecords);
  CHECK(handler.faults == 0);
  CHECK(end > 300'000'000);
  CHECK(largest < 100'000);
}

// --- records ---------------------------------------------------------------------------------------------------------

TEST_CASE("json records: objects become paths, arrays slices, and empty objects stay") {
  gives(R"({"a":{"b":{"c":1,"d":"x"},"e":[1, {"f":2}]},"g":{},"h":[],"i":null,"j":true,"k":false,"l":"","":{"":1}, "m" : { } })",
        {R"(1@0 a.b.c=1 a.b.d='x' a.e=[1, {"f":2}] g={} h=[] i=null j=true k=false l='' .=1 m={})"});
  gives("{}", {"1@0 (no fields)"});
  const Run run = read_json(R"({"s":"x","n":1,"b":true,"z":null,"a":[],"o":{}})");
  std::string kinds;
  for (const SeenField& field : run.events.at(0).fields) kinds += field.name + ":"s + name_of_kind(field.kind) + " ";
  CHECK(kinds == "s:string n:number b:boolean z:null a:array o:object ");
}

TEST_CASE("json records: numbers stay as they were written") {
  for (const std::string number :
       {"9007199254740991", "9007199254740993", "9223372036854775807", "9223372036854775808", "9223372036854775809",
        "18446744073709551615", "18446744073709551617", "123456789012345678901234567890", "1e400", "-1E-400", "-0", "0", "0.1",
        "1E+2", "0e0", "-0.0e-0", "1.10"}) {
    gives("{\"n\":" + number + "}", {"1@0 n=" + number});
    gives("{\"n\":[" + number + " ]}", {"1@0 n=[" + number + " ]"});
  }
  for (const std::string number :
       {"01", "-01", "1.", "1.e5", "-", "1e", "1e+", "0x1", "1_0", "1,2", "-Infinity", "00", "0.1.2", "1-2"}) {
    CAPTURE(number);
    const Run run = read_json("{\"n\":" + number + "}");
    REQUIRE(run.events.size() == 1);
    CHECK(run.events[0].code == "malformed_json");
  }
  gives("{\"n\":+1}",
        {"1@0 FAULT malformed_json (8) a value was expected but `+` found, at byte 5 of the record; found +1}; in n"});
  gives("{\"n\":.5}",
        {"1@0 FAULT malformed_json (8) a value was expected but `.` found, at byte 5 of the record; found .5}; in n"});
  gives("{\"n\":NaN}",
        {"1@0 FAULT malformed_json (9) a value was expected but `N` found, at byte 5 of the record; found NaN}; in n"});
  gives("{\"n\":01}", {"1@0 FAULT malformed_json (8) `01` is not a JSON number, at byte 5 of the record; found 01; in n"});
}

TEST_CASE("json records: strings lose their escapes and nothing else") {
  gives(R"({"s":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00 é😀"})", {"1@0 s='\"\\/\b\f\n\r\t\u00e9\U0001F600 é😀'"});
  gives(R"({"s":"a\u0000b"})", {"1@0 s='a\0b'"s});
  gives(R"({"s":"\uFFFF\uffff\u007F\u0080\u07ff\u0800\ud7ff\ue000\uDBFF\uDFFF"})",
        {"1@0 s='\uFFFF\uffff\x7f\u0080\u07ff\u0800\ud7ff\ue000\U0010FFFF'"});
  gives(R"({"a":"\n","b":"plain","c":"\t","d":["\n","plain"],"\u0065":"\r"})",
        {"1@0 a='\n' b='plain' c='\t' d=[\"\\n\",\"plain\"] e='\r'"});
}

TEST_CASE("json records: strings that are none") {
  const auto refuses = [](const std::string& string, const std::string& fault) {
    gives("{\"s\":\"" + string + "\"}", {"1@0 FAULT " + fault + "; in s"});
    const Run in_array = read_json("{\"k\":[\"" + string + "\"]}");  // skipped as a value, and checked all the same
    REQUIRE(in_array.events.size() == 1);
    CHECK(in_array.events[0].code == fault.substr(0, fault.find(' ')));
    CHECK(in_array.events[0].field == "k[]");
  };
  refuses("\\x", "malformed_json (10) `\\` before `x` is not an escape, at byte 6 of the record; found \\x\"}");
  refuses("\\u12g4", "malformed_json (14) `\\u` without four hexadecimal digits, at byte 6 of the record; found \\u12g4\"}");
  refuses("\\ud800",
          "lone_surrogate (14) \\ud800 is half of a surrogate pair, at byte 6 of the record: no character; found \\ud800");
  refuses("\\uDC00",
          "lone_surrogate (14) \\uDC00 is half of a surrogate pair, at byte 6 of the record: no character; found \\uDC00");
  refuses("\\ud800\\u0041",
          "lone_surrogate (20) \\ud800 is half of a surrogate pair, at byte 6 of the record: no character; found \\ud800");
  refuses("a\tb", "malformed_json (11) byte 0x09 stands bare in a string, at byte 7 of the record; found \tb\"}");
  refuses("a\0b"s, "malformed_json (11) byte 0x00 stands bare in a string, at byte 7 of the record; found \0b\"}"s);
  refuses("\xff", "invalid_utf8 (9) byte 0xFF is not UTF-8, at byte 6 of the record; found byte 0xFF");
  refuses("\xc0\x80", "invalid_utf8 (10) byte 0xC0 is not UTF-8, at byte 6 of the record; found byte 0xC0");
  refuses("a\xed\xa0\x80", "invalid_utf8 (12) byte 0xED is not UTF-8, at byte 7 of the record; found byte 0xED");
  refuses("\xe2\x82", "invalid_utf8 (10) byte 0xE2 is not UTF-8, at byte 6 of the record; found byte 0xE2");
}

TEST_CASE("json records: everything in a record is checked") {
  const auto refuses = [](const std::string& record, const std::string& message, const std::string& field = "") {
    CAPTURE(record);
    const Run run = read_json("{\"first\":1}\n" + record + "\n{\"last\":1}");
    REQUIRE(run.events.size() == 3);
    CHECK(run.events[1].code == "malformed_json");
    CHECK(run.events[1].message == message + " of the record");
    CHECK(run.events[1].field == field);
    CHECK(run.events[1].line == 2);
    CHECK(run.events[1].offset == 12);
    CHECK(run.events[1].raw == record);
  };
  refuses("{\"a\":tru}", "a value was expected but `t` found, at byte 5", "a");
  refuses("{\"a\":nulll}", "`,` or `}` was expected but `l` found, at byte 9", "a");
  refuses("{\"a\":1}x", "`x` follows the end of the value, at byte 7");
  refuses("{\"a\":1}\0"s, "byte 0x00 follows the end of the value, at byte 7");
  refuses("\0{\"a\":1}"s, "a value was expected but byte 0x00 found, at byte 0");
  refuses("{\"a\":1,}", "a key in quotes was expected but `}` found, at byte 7");
  refuses("{\"a\":1,,\"b\":2}", "a key in quotes was expected but `,` found, at byte 7");
  refuses("{,\"a\":1}", "a key in quotes was expected but `,` found, at byte 1");
  refuses("{\"a\"}", "`:` was expected but `}` found, at byte 4", "a");
  refuses("{\"a\" 1}", "`:` was expected but `1` found, at byte 5", "a");
  refuses("{\"a\"::1}", "a value was expected but `:` found, at byte 5", "a");
  refuses("{\"a\":}", "a value was expected but `}` found, at byte 5", "a");
  refuses("{a:1}", "a key in quotes was expected but `a` found, at byte 1");
  refuses("{'a':1}", "a key in quotes was expected but `'` found, at byte 1");
  refuses("{\"a\":'x'}", "a value was expected but `'` found, at byte 5", "a");
  refuses("{\"a\":1 \"b\":2}", "`,` or `}` was expected but `\"` found, at byte 7", "a");
  refuses("{\"a\":\"x\"y}", "`,` or `}` was expected but `y` found, at byte 8", "a");
  refuses("{\"a\":1\"x\"}", "`,` or `}` was expected but `\"` found, at byte 6", "a");
  refuses("{\"a\":[1,]}", "a value was expected but `]` found, at byte 8", "a[]");
  refuses("{\"a\":[1 2]}", "`,` or `]` was expected but `2` found, at byte 8", "a[]");
  refuses("{\"a\":[1}", "`,` or `]` was expected but `}` found, at byte 7", "a[]");
  refuses("{\"a\":{\"b\":[{\"c\":01}]}}", "`01` is not a JSON number, at byte 16", "a.b[].c");
  refuses("{\"a\":[{\"b\" 1}]}", "`:` was expected but `1` found, at byte 11", "a[].b");
  refuses("{\"a\":[\"\\q\"]}", "`\\` before `q` is not an escape, at byte 7", "a[]");
  refuses("{\"a\":1}{\"b\":2}", "`{` follows the end of the value, at byte 7");
  refuses(
      "{\"a\":\x0c"
      "1}",
      "a value was expected but byte 0x0C found, at byte 5", "a");
  refuses("{\"a\":1\x1a}", "`,` or `}` was expected but byte 0x1A found, at byte 6", "a");
  refuses(
      "{\"a\":\xc2\xa0"
      "1}",
      "a value was expected but byte 0xC2 found, at byte 5", "a");
  refuses("{", "the record ends where a key in quotes was expected, at byte 1");
  refuses("]", "a value was expected but `]` found, at byte 0");
  refuses("/* no */ {\"a\":1}", "a value was expected but `/` found, at byte 0");
  SUBCASE("bad UTF-8 outside of strings") {
    gives("{\"a\":1}\n{\"a\":\xe9}",
          {"1@0 a=1", "2@8 FAULT invalid_utf8 (7) byte 0xE9 is not UTF-8, at byte 5 of the record; found byte 0xE9; in a"});
  }
}

TEST_CASE("json pages: an array of pages") {
  gives(R"([{"data":[{"a":1},{"a":2}],"next":null},{"data":[]},{"data":[{"a":3}]}])", {"1@10 a=1", "1@18 a=2", "1@61 a=3"});
  gives("[\n{\"data\":[{\"a\":1}]}\n,\n{\"a\":2},{\"data\":[{\"a\":3}]}]", {"2@11 a=1", "4@23 a=2", "4@40 a=3"});
  SUBCASE("records that have lists are records") {
    gives(R"([{"items":[{"sku":1}],"id":7}])", {R"(1@1 items=[{"sku":1}] id=7)"});
    gives(R"([{"a":1},{"data":[{"a":2}]}])", {"1@1 a=1", R"(1@9 data=[{"a":2}])"});
  }
  SUBCASE("damage costs what it hits") {
    const Run run = read_json("[\n{\"data\":[\n{\"a\":1},\n{\"a\":!},\n{\"a\":2}\n]},\n{\"data\":[\n{\"a\":3}\n]}\n]\n");
    std::size_t good = 0;
    for (const auto& event : run.events) good += event.fault ? 0 : 1;
    CHECK(good == 3);
    CHECK(run.events.size() == 4);
  }
}

TEST_CASE("json pages: a pointer goes into each element of an array") {
  JsonOptions options;
  options.records_at = "/list";
  gives(R"([{"list":[{"a":1}]},{"list":[{"a":2}]}])", {"1@10 a=1", "1@29 a=2"}, options);
  options.records_at = "/pages/list/item";
  gives(R"({"pages":[{"list":[{"item":{"a":1}},{"item":{"a":2}}]},{"list":[]}]})", {"1@27 a=1", "1@44 a=2"}, options);
  options.records_at = "/pages/1";
  gives(R"({"pages":[{"a":1},{"a":2}]})", {"1@18 a=2"}, options);
}

namespace {

/// What a splitter says around the records, as text.
std::string remarks_on(const std::string& text, const std::string& pointer = "") {
  JsonOptions options;
  options.records_at = pointer;
  std::string all;
  for (const std::size_t chunk : {std::size_t{0}, std::size_t{1}}) {
    auto splitter = open_json("in.json", memory_source(text, chunk), options);
    REQUIRE(splitter);
    Block block;
    for (;;) {
      const auto more = (*splitter)->next(block, chunk == 0 ? 4096 : 1);
      REQUIRE(more);
      if (!*more) break;
    }
    std::string said;
    std::vector<Remark> remarks = (*splitter)->remarks();
    const Pages pages = (*splitter)->pages();
    if (pages.more != 0 && !pages.last) remarks.push_back(pages.first_with_more);
    for (const Remark& r : remarks) {
      said += std::to_string(r.count) + " " + r.code + " " + std::to_string(r.line) + "@" + std::to_string(r.offset) + " " +
              r.message + "; " + r.cure + "\n";
    }
    if (chunk != 0) CHECK(said == all);  // however it is cut
    all = said;
  }
  return all;
}

}  // namespace

TEST_CASE("json pages: what stands beside the records is said") {
  CHECK(remarks_on(R"({"tickets":[{"a":1}],"count":1,"ids":[]})") == "");
  CHECK(remarks_on("{\"tickets\":[{\"a\":1}],\n\"users\":[{\"b\":1},{\"b\":2}],\"tags\":[1]}") ==
        "2 list_not_read 2@22 the list \"users\" (2 elements) stands beside the records and is not read; if these are the "
        "records: --set records_at=/users\n");
  CHECK(remarks_on(R"({"a":{"users":[7],"b":[{"c":1}]}})", "/a/b") ==
        "1 list_not_read 1@6 the list \"users\" (1 element) stands beside the records and is not read; if these are the "
        "records: --set records_at=/a/users\n");
  CHECK(remarks_on(R"({"data":[{"a":1}],"items":[{"a":2}]})") ==
        "1 several_lists 1@18 the page has records under \"data\" and under \"items\"; both were read; to read one of them: "
        "--set records_at=/data\n");
  const std::string twice =
      "1 several_lists 1@18 the page has \"data\" twice; the records of both were read; look whether one is "
      "meant to replace the other\n";
  CHECK(remarks_on(R"({"data":[{"a":1}],"data":[{"a":2}]})") == twice);
  CHECK(remarks_on(R"({"data":[{"a":1}],"data":[{"a":2}]})", "/data") == twice);
  CHECK(remarks_on(R"({"data":null,"total":0})") ==
        "1 page_without_records 1@23 the page has null under \"data\", where records are looked for; look whether the export is "
        "whole\n");
  CHECK(remarks_on(R"({"data":null})", "/data") ==
        "1 page_without_records 1@1 the page has null under \"data\", where records are looked for; look whether the export is "
        "whole\n");
  CHECK(remarks_on(R"({"data":null,"items":[{"a":1}]})") == "");
}

TEST_CASE("json pages: whether others follow") {
  const auto more = [](const std::string& member) { return remarks_on("{\"data\":[{\"a\":1}]," + member + "}") != ""; };
  for (const char* member : {R"("next":"x")", R"("next_page":2)", R"("has_more":true)", R"("meta":{"has_more":true,"next":null})",
                             R"("links":{"next":"http://x/2"})", R"("pages":{"type":"pages","next":{"page":2}})",
                             R"("end_of_stream":false)", R"("paging":{"next":{"after":"7"}})", R"("nextPageToken": "t")"}) {
    CAPTURE(member);
    CHECK(more(member));
  }
  for (const char* member : {R"("next":null)", R"("next":"")", R"("next":{})", R"("has_more":false,"next":"x")",
                             R"("next":"x","meta":{"has_more":false})", R"("end_of_stream":true,"next_page":"http://x")",
                             R"("links":{"next":null})", R"("total":9)", R"("previous":"x")"}) {
    CAPTURE(member);
    CHECK_FALSE(more(member));
  }
  const std::string first = R"({"data":[{"a":1}],"next":"x"})", last = R"({"data":[{"a":2}],"next":null})";
  CHECK(remarks_on(first + "\n" + last) == "");
  CHECK(remarks_on(last + "\n" + first) == "");  // in any order
  CHECK(remarks_on("[" + first + "," + last + "]") == "");
  CHECK(remarks_on("\n" + first) ==
        "1 more_pages 2@19 the page's \"next\" says that another one follows, and no page says that it is the last; give the "
        "others too, or export again\n");
}

TEST_CASE("json lists: what is seen in a head that may be cut") {
  const auto seen = [](std::string_view head) {
    std::string text;
    const json::HeadLook look = json::look_at_head(head);
    for (const std::string& name : look.names) text += name + " ";
    for (const json::HeadLook::List& list : look.lists) {
      text += "| " + list.pointer + " " + std::to_string(list.count) + (list.whole ? "" : "+") + ":";
      for (const std::string& name : list.names) text += " " + name;
    }
    return text;
  };
  CHECK(seen(R"({"a":{"b":[{"c":1,"d":{"e":[{}]}},{"c":2}]},"f":[1]})") == "a.b f | /a/b 2: c d.e");
  CHECK(seen(R"([{"x/y":[{"c":1}]},{"z":[{}]}])") == "x/y | /x~1y 1: c");
  CHECK(seen(R"({"list":[{"c":1},{"c":)") == "list | /list 2+: c");
  CHECK(seen(R"({"list":[{"c":1,"d":"un)") == "list | /list 1+: c d");
  CHECK(seen("not JSON") == "");
  CHECK(seen("[") == "");
  CHECK(seen(std::string(1000, '{') + "") == "");
  CHECK(json::pointer_below("/x", R"(a\.b.c/d.)") == "/x/a.b/c~1d");
}

TEST_CASE("json records: of a key that stands twice the last value stands whole") {
  SUBCASE("values: in the first one's place") {
    gives(R"({"a":1,"b":2,"a":3})", {"1@0 a=3 b=2 +1 duplicates"});
    gives(R"({"a":1,"b":2,"\u0061":3,"a":[4]})", {"1@0 a=[4] b=2 +2 duplicates"});
    gives(R"({"a":1,"a":null})", {"1@0 a=null +1 duplicates"});
  }
  SUBCASE("objects: nothing of the earlier one is left") {
    gives(R"({"a":{"b":1,"c":2},"a":{"c":3}})", {"1@0 a.c=3 +1 duplicates"});
    gives(R"({"a":{"b":1},"x":0,"a":{"c":3},"y":1})", {"1@0 x=0 a.c=3 y=1 +1 duplicates"});
    gives(R"({"a":{"b":{"c":1,"d":{"e":2}}},"a":{"b":{"f":3}}})", {"1@0 a.b.f=3 +1 duplicates"});
    gives(R"({"a":{"b":{"c":1},"b":{"d":2}}})", {"1@0 a.b.d=2 +1 duplicates"});
    gives(R"({"a":{"b":{"c":1}},"a":{"b":{"c":2},"b":{"d":3}},"a":{"b":{"c":4}}})", {"1@0 a.b.c=4 +3 duplicates"});
  }
  SUBCASE("of other kinds") {
    for (const std::string other : {"null", "\"t\"", "7", "true", "[1]", "{}"}) {
      CAPTURE(other);
      const std::string shown = other == "\"t\"" ? "'t'" : other;
      gives("{\"a\":{\"b\":1,\"c\":2},\"a\":" + other + ",\"z\":9}", {"1@0 a=" + shown + " z=9 +1 duplicates"});
      gives("{\"a\":" + other + ",\"a\":{\"b\":1,\"c\":2},\"z\":9}", {"1@0 a.b=1 a.c=2 z=9 +1 duplicates"});
      gives("{\"a\":{\"b\":1},\"a\":" + other + ",\"a\":{\"c\":2}}", {"1@0 a.c=2 +2 duplicates"});
      gives("{\"a\":{\"a\":{\"b\":1},\"a\":" + other + "}}", {"1@0 a.a=" + shown + " +1 duplicates"});
    }
  }
  SUBCASE("however they are spelled") {
    gives(R"({"a":{"b":1},"\u0061":{"c":2}})", {"1@0 a.c=2 +1 duplicates"});
    gives(R"({"\u0061":{"b":1},"a":2})", {"1@0 a=2 +1 duplicates"});
    gives(R"({"\u0061":1,"a":{"b":2}})", {"1@0 a.b=2 +1 duplicates"});
    gives(R"({"a":{"\u0062":1,"b":2}})", {"1@0 a.b=2 +1 duplicates"});
  }
  SUBCASE("in every record, and in none that has no such key") {
    const std::string clean = R"({"a":{"b":"1"},"c":{"d":"2"}})";
    const std::string twice = R"({"a":{"b":"1"},"a":{"d":"2"}})";
    const std::string kinds = R"({"a":{"b":"1"},"a":"2"})";
    const std::string alone = R"({"a":"2","b":null})";
    const std::vector<std::pair<std::string, std::string>> all = {
        {clean, "a.b='1' c.d='2'"}, {twice, "a.d='2' +1 duplicates"}, {kinds, "a='2' +1 duplicates"}, {alone, "a='2' b=null"}};
    std::string text;
    std::vector<std::string> expected;
    for (std::size_t i = 0; i < 64; ++i) {
      const auto& [record, shown] = all[i * i / 3 % all.size()];
      expected.push_back(std::to_string(i + 1) + "@" + std::to_string(text.size()) + " " + shown);
      text += record + "\n";
    }
    const Run run = read_json(text);
    REQUIRE(run.events.size() == expected.size());
    gives(text, expected);
  }
  SUBCASE("what was replaced does not count against the limit") {
    JsonOptions options;
    options.limits.max_fields = 3;
    gives(R"({"a":{"b":1,"c":2,"d":3},"a":{"e":1,"f":2,"g":3}})", {"1@0 a.e=1 a.f=2 a.g=3 +1 duplicates"}, options);
    const Run run = read_json(R"({"a":{"b":1,"c":2,"d":3},"a":{"e":1,"f":2,"g":3,"h":4}})"
                              "\n"
                              R"({"a":1,"b":2,"c":3,"d":4})",
                              options);
    REQUIRE(run.events.size() == 2);
    CHECK(run.events[0].code == "too_many_fields");
    CHECK(run.events[1].code == "too_many_fields");
  }
  SUBCASE("many of them, in time that only grows with the record") {
    std::string text = "{";
    for (int i = 0; i < 10'000; ++i) text += "\"k" + std::to_string(i) + "\":0,";
    for (int i = 0; i < 200'000; ++i) text += R"("a":{"b":1},)";
    text += R"("a":{"c":2}})";
    const Run run = read_json(text);
    REQUIRE(run.events.size() == 1);
    CHECK(run.events[0].fields.size() == 10'001);
    CHECK(run.events[0].fields.back().name == "a.c");
    CHECK(run.events[0].duplicate_keys == 200'000);
  }
}

TEST_CASE("json records: names say which keys they are made of") {
  gives(R"({"a.b":1,"a":{"b":2}})", {R"(1@0 a\.b=1 a.b=2)"});
  gives(R"({"a":{"b":2},"a.b":{"c":1},"a":{"b.c":1}})", {R"(1@0 a\.b.c=1 a.b\.c=1 +1 duplicates)"});
  gives(R"({"a[]":1,"b\\":2,"c\\.d":3,"e]":4})", {R"(1@0 a\[]=1 b\\=2 c\\\.d=3 e]=4)"});
  gives(R"({"":{"a":1},".a":2,"a":3})", {R"(1@0 .a=1 \.a=2 a=3)"});
}

TEST_CASE("json records: nesting") {
  JsonOptions options;
  options.limits.max_depth = 3;
  gives(R"({"a":{"b":[1]}})", {"1@0 a.b=[1]"}, options);
  gives(R"({"a":{"b":{}}})", {"1@0 a.b={}"}, options);
  const std::string too_deep = "objects and arrays are nested deeper than 3 levels, at byte ";
  const std::string more = " of the record; found more than 3 levels; in ";
  gives(R"({"a":{"b":{"c":{}}}})", {"1@0 FAULT too_deep (20) " + too_deep + "15" + more + "a.b.c"}, options);
  gives(R"({"a":{"b":{"c":{"d":1}}}})", {"1@0 FAULT too_deep (25) " + too_deep + "15" + more + "a.b.c"}, options);
  gives(R"({"a":[[[]]]})", {"1@0 FAULT too_deep (12) " + too_deep + "7" + more + "a[][]"}, options);
  gives(R"({"a":[{"b":{}}]})", {"1@0 FAULT too_deep (16) " + too_deep + "11" + more + "a[].b"}, options);
  for (const std::string& deep : {"{\"a\":" + std::string(100'000, '[') + std::string(100'000, ']') + "}", [] {
                                    std::string text;
                                    for (int i = 0; i < 100'000; ++i) text += "{\"a\":";
                                    return text + "1" + std::string(100'000, '}');
                                  }()}) {
    for (const std::string& text : {"{\"x\":1}\n" + deep + "\n{\"x\":2}", "[{\"x\":1}," + deep + ",{\"x\":2}]"}) {
      const Run run = read_json(text);
      REQUIRE(run.events.size() == 3);
      CHECK(run.events[1].code == "too_deep");
      CHECK(run.events[1].size == deep.size());
      CHECK(!run.events[2].fault);
    }
    CHECK(read_json(deep.substr(0, deep.size() / 2)).events.at(0).code == "truncated_record");
  }
}

TEST_CASE("json records: too many fields, too long names") {
  JsonOptions options;
  options.limits.max_fields = 3;
  gives(R"({"a":1,"b":{"c":2,"d":3}})", {"1@0 a=1 b.c=2 b.d=3"}, options);
  gives(R"({"a":1,"b":2,"c":3,"a":4})", {"1@0 a=4 b=2 c=3 +1 duplicates"}, options);
  gives(R"({"a":1,"b":2,"c":3,"d":4})",
        {"1@0 FAULT too_many_fields (25) the record has more than 3 fields, or more new names than there is room for; found more "
         "than 3 fields"},
        options);
  const std::string longest(4094, 'k');
  CHECK(read_json("{\"a\":{\"" + longest + "\":1}}").events.at(0).fields.at(0).name == "a." + longest);
  gives("{\"ab\":{\"" + longest + "\":1}}", {"1@0 FAULT name_too_long (4107) a field's name, with those of the objects around "
                                             "it, is longer than 4096 bytes; found more "
                                             "than 4096 bytes"});
}

TEST_CASE("json records: keys in any order, without end, and by any spelling get the right names") {
  std::mt19937 random(7);
  std::string text;
  Lines expected;
  std::vector<std::string> keys;
  for (int i = 0; i < 40; ++i) keys.push_back("k" + std::string(static_cast<std::size_t>(i), 'y'));
  for (int i = 0; i < 3000; ++i) {
    std::string record = "{";
    std::string fields;
    if (i % 3 == 0) std::shuffle(keys.begin(), keys.end(), random);
    for (const std::string& key : keys) {
      if (random() % 4 == 0) continue;
      const std::string value = std::to_string(random() % 100);
      const bool inner = random() % 3 == 0;
      record += (record.size() > 1 ? ",\"" : "\"") + (random() % 5 == 0 ? "\\u006b" + key.substr(1) : key) +
                "\":" + (inner ? "{\"" + key + "\":" + value + "}" : value);
      fields += (fields.empty() ? "" : " ") + key + (inner ? "." + key : "") + "=" + value;
    }
    record += ",\"id" + std::to_string(i) + "\":0}";
    if (record.starts_with("{,")) record.erase(1, 1);
    expected.push_back(std::to_string(i + 1) + "@" + std::to_string(text.size()) + " " + fields + (fields.empty() ? "" : " ") +
                       "id" + std::to_string(i) + "=0");
    text += record + "\n";
  }
  CHECK(shown_run(read_json(text)) == expected);
}

TEST_CASE("json records: a key that is nearly the expected one, at any byte, is another") {
  for (std::size_t size = 1; size <= 50; ++size) {
    std::string text;
    Lines expected;
    const auto add = [&](const std::string& key) {
      expected.push_back(std::to_string(expected.size() + 1) + "@" + std::to_string(text.size()) + " " + key + "='v' b='w'");
      text += "{\"" + key + "\":\"v\",\"b\":\"w\"}\n";
    };
    const std::string key(size, 'a');
    add(key);
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = key;
      other[at] = 'c';
      add(other);
      add(key);
    }
    add(key + "a");
    add(key);
    add(key + "aa");
    CHECK(shown_run(read_json(text)) == expected);
  }
}

TEST_CASE("json records: a source whose keys are data is read in bounded memory") {
  NameTable names;
  const auto parser = make_json_parser(names, {});
  Recorder recorder(names);
  for (int round = 0; round < 40; ++round) {
    std::string text;
    for (int i = 0; i < 2500; ++i) text += "{\"id\":1,\"key" + std::to_string(round * 2500 + i) + "\":{\"x\":2}}\n";
    auto splitter = open_json("in.json", std::make_unique<PieceSource>(text, 0), {});
    Block block;
    recorder.block = &block;
    while (*(*splitter)->next(block, text.size())) parser->parse(block, recorder);
    REQUIRE(recorder.events.size() == 2500);
    REQUIRE(shown_event(recorder.events.back()).ends_with("id=1 key" + std::to_string(round * 2500 + 2499) + ".x=2"));
    recorder.events.clear();
  }
  CHECK(names.stable_count() == NameTable::kStable);
  CHECK(names.transient_count() <= 1);
}

// --- the same whatever the pieces ----------------------------------------------------------------------------------------

namespace {

/// Random inputs of all layouts, whole and damaged.
class Maker {
 public:
  explicit Maker(std::uint64_t seed) : random_(seed) {}

  std::string input() {
    std::string text = whole();
    for (std::size_t damage = below(4); damage != 0 && !text.empty(); --damage) {
      const std::size_t at = below(text.size());
      const char other = "{}[],:\"\\\n\r 1ax\0\xff\xe9"[below(17)];
      switch (below(4)) {
        case 0: text.erase(at, 1); break;
        case 1: text.insert(at, 1, other); break;
        case 2: text[at] = other; break;
        default: text.resize(at); break;
      }
    }
    return text;
  }

  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  template <std::size_t n>
  std::string one_of(const char* const (&of)[n]) {
    return of[below(n)];
  }
  std::string blank() { return below(3) == 0 ? one_of({" ", "\n", "  ", "\r\n", "\t", "\r", "\n    "}) : ""; }
  std::string value(int depth) {
    switch (below(depth > 0 ? 6 : 4)) {
      case 0: return one_of({"1", "-0", "1e400", "null", "true", "12345678901234567890123"});
      case 1:
      case 2:
        return one_of(
            {"\"\"", "\"a\"", "\"x\\\"y\"", "\"\\\\\"", "\"{[\"", "\"]}\"", "\"é\\u00e9\"", "\"\\ud83d\\ude00\"", "\"id\""});
      case 3: return '"' + std::string(below(200), ".,:xyz{}"[below(8)]) + '"';
      case 4: return object(depth);
      default: return array(depth, ",");
    }
  }
  std::string object(int depth) {
    std::string text = "{";
    for (std::size_t i = below(4); i != 0; --i) {
      text += one_of({"\"id\"", "\"items\"", "\"a\"", "\"b\"", "\"data\"", "\"x.y\"", "\"\\u0061\"", "\"conversations\""});
      text += blank() + ":" + blank() + value(depth - 1) + blank() + (i == 1 ? "" : "," + blank());
    }
    return text + "}";
  }
  std::string array(int depth, const std::string& between) {
    std::string text = "[";
    for (std::size_t i = below(5); i != 0; --i) {
      text += blank() + (below(2) == 0 ? object(depth - 1) : value(depth - 1)) + blank() + (i == 1 ? "" : between);
    }
    return text + "]";
  }
  std::string whole() {
    std::string text;
    switch (below(5)) {
      case 0:
        for (std::size_t i = below(12); i != 0; --i) text += object(3) + one_of({"\n", "\r\n", "\n\n"});
        return text;
      case 1: return array(4, ",\n  ");
      case 2:
        return "{\"next\":" + value(2) + ",\"conversations\":" + array(3, ",") + ",\"n\":" + value(2) + "}" + blank() + whole();
      case 3:
        for (std::size_t i = below(6); i != 0; --i) text += object(3) + blank();
        return text;
      default: return blank() + value(4) + blank();
    }
  }
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("json pieces: however the input comes and however it is cut, the same comes out") {
  for (std::uint64_t seed = 0; seed < 3000; ++seed) {
    Maker maker(seed);
    const std::string input = maker.input();
    JsonOptions options;
    if (maker.below(4) == 0) options.limits.max_record = 8 + maker.below(100);
    if (maker.below(6) == 0) options.records_at = maker.below(2) == 0 ? "/data/items" : "/items/0";
    const Lines expected = shown_run(read_json(input, options));
    for (int i = 0; i < 6; ++i) {
      const std::size_t target = kSizes[maker.below(kSizes.size())];
      const std::size_t chunk = kSizes[maker.below(kSizes.size())];
      CAPTURE(seed);
      CAPTURE(target);
      CAPTURE(chunk);
      REQUIRE(shown_run(read_json(input, options, target, chunk)) == expected);
    }
  }
}

TEST_CASE("json pieces: at all stated sizes") {
  std::string text = "[\r\n";
  for (int i = 0; i < 300; ++i) {
    text += (i == 0 ? "" : ",\r\n") + "  {\"id\":"s + std::to_string(i) + ",\"t\":\"" +
            std::string(static_cast<std::size_t>(i), '\\') + (i % 2 == 0 ? "" : "\\") + "\"}";
    if (i % 50 == 7) text += ",\n  {\"a\":[}";
    if (i % 50 == 9) text += ",\n  {\"a\":\"\n";
  }
  text += "]\r\n";
  const Lines expected = shown_run(read_json(text, {}, 1 << 24));
  REQUIRE(expected.size() > 300);
  for (const std::size_t target : kSizes) {
    for (const std::size_t chunk : kSizes) CHECK(shown_run(read_json(text, {}, target, chunk)) == expected);
  }
}

TEST_CASE("json pieces: blocks are about as large as asked for") {
  std::string text;
  for (int i = 0; i < 10'000; ++i) text += "{\"id\":" + std::to_string(i) + ",\"text\":\"some more text\"}\n";
  for (const std::string& input : {text, "[" + [&] {
                                     std::string array = text;
                                     for (char& c : array) c = c == '\n' ? ',' : c;
                                     array.back() = ']';
                                     return array;
                                   }()}) {
    auto splitter = open_json("in.json", std::make_unique<PieceSource>(input, 0), {});
    Block block;
    std::uint64_t end = 0;
    while (*(*splitter)->next(block, 10'000)) {
      REQUIRE(block.offset == end);
      REQUIRE(block.size <= 10'100);
      REQUIRE(block.data.size() >= block.size + kSlack);
      end = block.offset + block.size;
    }
    CHECK(end + 1 >= input.size());
  }
}

// --- arrays inside records ---------------------------------------------------------------------------------------------

TEST_CASE("json arrays: elements are flattened under a prefix") {
  NameTable names;
  const auto walker = make_array_walker(names, {});
  Lines seen;
  const auto walk = [&](std::string_view array, std::string_view prefix) {
    seen.clear();
    return walker->walk(array, prefix, [&](const Record& record) {
      std::string text;
      for (const Field& field : record)
        text += std::string(names.name(field.id)) + ":" + name_of_kind(field.kind) + "=" + std::string(field.view()) + " ";
      seen.push_back(text);
      return seen.size() < 5;
    });
  };
  CHECK(walk(R"([{"type":"sms","by":{"id":1}},{},"x\n",2, null ,[1,{"a":2}]])", "messages[]"));
  CHECK(seen == Lines{"messages[].type:string=sms messages[].by.id:number=1 ", "", "messages[]:string=x\n ",
                      "messages[]:number=2 ", "messages[]:null=null "});
  CHECK(walk(R"([[1,{"a":2}],true])", "p"));
  CHECK(seen == Lines{"p:array=[1,{\"a\":2}] ", "p:boolean=true "});
  CHECK(walk("[]", "p"));
  CHECK(seen.empty());
  CHECK(walk(" [ ] ", "p"));
  for (const std::string_view bad :
       {"", "{}", "1", "[", "[1", "[1,", "[1,]", "[{\"a\":}]", "[\"\\q\"]", "[1}", "\"[]\"", "[nul]"}) {
    CAPTURE(bad);
    CHECK(!walk(bad, "p"));
  }
}

TEST_CASE("json arrays: walkers nest, and the names of the record around them stay") {
  NameTable names;
  const auto outer = make_array_walker(names, {});
  const auto inner = make_array_walker(names, {});
  std::string seen;
  const int id = names.intern("outside");
  const bool good = outer->walk(R"([{"parts":[{"n":1},{"n":2}]},{"parts":[{"n":3}]}])", "m[]", [&](const Record& record) {
    return inner->walk(record.fields[0].view(), "m[].parts[]", [&](const Record& part) {
      seen += std::string(names.name(part.fields[0].id)) + "=" + std::string(part.fields[0].view()) + " ";
      return true;
    });
  });
  CHECK(good);
  CHECK(seen == "m[].parts[].n=1 m[].parts[].n=2 m[].parts[].n=3 ");
  CHECK(names.name(static_cast<std::uint16_t>(id)) == "outside");
}

// --- the exact reading -------------------------------------------------------------------------------------------------

TEST_CASE("json check: finds no flaw in what is JSON") {
  for (const std::string_view text : {"1", " \"x\" ", "[]", "[[],{}]", "{\"a\":[1,{\"b\":null}]}", "\ttrue\r\n", "-0.5e+10"}) {
    CAPTURE(text);
    CHECK(!json::find_flaw(text, 4));
  }
  CHECK(json::find_flaw("", 4).message == "the record ends where a value was expected, at byte 0 of the record");
  CHECK(json::find_flaw("[[[[[]]]]]", 4).code == "too_deep");
}
