#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "crosswalk/json.hpp"

using crosswalk::Json;

TEST_CASE("JSON for reports: written as nlohmann/json writes it") {
  for (const char* text : {"null", "true", "-7", "18446744073709551615", "1.5", "1e300", "0.0", "\"\"", "\"a\\\"\\n\\u0001ä\"",
                           "[]", "{}", R"({"b":1,"a":[1,[2,{"x":null}],{}],"c":{"d":[]},"ä":false})"}) {
    CAPTURE(std::string(text));
    const auto parsed = Json::parse(text);
    REQUIRE(parsed.has_value());
    CHECK(parsed->dump() == nlohmann::ordered_json::parse(text).dump(2));
  }
}

TEST_CASE("JSON for reports: put together") {
  Json out;
  out["name"] = "x";
  out["count"] = std::size_t{3};
  out["share"] = 0.5;
  out["none"] = nullptr;
  out["whole"] = true;
  out["inner"]["more"] = {{"a", 1}, {"b", "two"}};
  out["list"].push_back({{"only", 1}});
  out["texts"] = std::vector<std::string>{"a", "b"};
  out["one"] = {{"a", 1}};
  out["name"] = "y";
  const std::string same = R"({"name":"y","count":3,"share":0.5,"none":null,"whole":true,"inner":{"more":{"a":1,"b":"two"}},)"
                           R"("list":[{"only":1}],"texts":["a","b"],"one":{"a":1}})";
  CHECK(out.dump() == nlohmann::ordered_json::parse(same).dump(2));
  CHECK(out.contains("list"));
  CHECK_FALSE(out.contains("lists"));
}

TEST_CASE("JSON for reports: what is not UTF-8 is replaced, what is no JSON is not read") {
  CHECK(Json("a\xFF").dump() == "\"a\xEF\xBF\xBD\"");
  for (const std::string& text :
       {std::string(), std::string("{"), std::string("{} {}"), std::string("\"\xFF\""), std::string("nul")}) {
    CHECK_FALSE(Json::parse(text).has_value());
  }
  CHECK(Json::parse(std::string(900, '[') + std::string(900, ']')).has_value());
  CHECK_FALSE(Json::parse(std::string(100'000, '[') + std::string(100'000, ']')).has_value());
}
