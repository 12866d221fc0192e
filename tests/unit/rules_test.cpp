// The rules that explanations name, and their list in the documentation.
#include "rules.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace crosswalk {
namespace {

TEST_CASE("rules: each has a code of its own and words, and stands in docs/reference.md as it is worded") {
  std::ifstream file(CROSSWALK_SOURCE_DIR "/docs/reference.md");
  const std::string page((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  REQUIRE(!page.empty());
  std::set<std::string_view> codes;
  for (const RuleText& rule : all_rules()) {
    if (rule.rule == Rule::none) continue;
    CAPTURE(rule.code);
    CHECK(codes.insert(rule.code).second);
    CHECK((rule.rule == Rule::as_written || !rule.stands.empty() || !rule.lost.empty()));
    CHECK(page.find(fmt::format("\n| `{}` | {} | {} |\n", rule.code, rule.stands, rule.lost)) != std::string::npos);
  }
}

}  // namespace
}  // namespace crosswalk
