#include "framing/json_object.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace crosswalk;

TEST_CASE("object reader: members, objects inside, escapes") {
  json::ObjectReader reader;
  json::Member m;
  REQUIRE(reader.start("{ \"a\" : \"x\\ty\" , \"o\":{\"k.1\":[1,{\"z\":\"}\"}],\"\\u00e9\":null} ,\"n\":-1.5e3 }\n"));
  REQUIRE(reader.next(m));
  CHECK(m.key == "a");
  CHECK(m.text == "x\ty");
  REQUIRE(reader.next(m));
  CHECK(m.kind == Kind::object);
  CHECK(m.text == "{\"k.1\":[1,{\"z\":\"}\"}],\"\\u00e9\":null}");
  reader.enter();
  REQUIRE(reader.next(m));
  CHECK(m.key == "k.1");
  CHECK(m.text == "[1,{\"z\":\"}\"}]");
  REQUIRE(reader.next(m));
  CHECK(m.key == "é");
  CHECK(m.kind == Kind::null);
  CHECK_FALSE(reader.next(m));
  REQUIRE(reader.next(m));
  CHECK(m.key == "n");
  CHECK(m.kind == Kind::number);
  CHECK(m.text == "-1.5e3");
  CHECK_FALSE(reader.next(m));
  CHECK_FALSE(reader.broken());
  CHECK_FALSE(reader.next(m));
}

TEST_CASE("object reader: what is no object is said to be broken") {
  for (const std::string text : {"",
                                 "\n",
                                 "[]",
                                 "1",
                                 "{",
                                 "}",
                                 "{\"a\"}",
                                 "{\"a\":}",
                                 "{\"a\":1",
                                 "{\"a\":1}}",
                                 "{\"a\":1}{}",
                                 "{\"a\":1,}",
                                 "{,\"a\":1}",
                                 "{\"a\":1 \"b\":2}",
                                 "{a:1}",
                                 "{\"a\":tru}",
                                 "{\"a\":01}",
                                 "{\"a\":[1}",
                                 "{\"a\":\"x}",
                                 "{\"a\":\"\\x\"}",
                                 "{\"a\" 1}",
                                 "{\"a\":{}",
                                 "{1:2}",
                                 "{\"a\":\"\xff\"}"}) {
    CAPTURE(text);
    json::ObjectReader reader;
    json::Member m;
    bool started = reader.start(text);
    while (started && reader.next(m)) {}
    CHECK(reader.broken());
  }
  json::ObjectReader reader;
  json::Member m;
  REQUIRE(reader.start("{}"));
  CHECK_FALSE(reader.next(m));
  CHECK_FALSE(reader.broken());
}
