#include "pipeline/findings.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace crosswalk;

namespace {

Finding at_line(std::uint64_t line) {
  Finding finding;
  finding.message = "line " + std::to_string(line);
  finding.line = line;
  return finding;
}

}  // namespace

TEST_CASE("findings: the first in the input is the example, whoever met it first") {
  Findings one, two, both, other_way;
  one.add("odd", {1, 50}, [] { return at_line(7); });
  one.add(
      "odd", {0, 90}, [] { return at_line(9); }, 3);
  two.add("odd", {0, 40}, [] { return at_line(4); });
  two.add("even", {0, 10}, [] { return at_line(2); });
  both.add(one);
  both.add(two);
  other_way.add(two);
  other_way.add(one);
  for (const Findings* sum : {&both, &other_way}) {
    Summary summary;
    sum->enter({"a.csv", "b.csv"}, summary);
    REQUIRE(summary.findings.size() == 2);
    CHECK(summary.findings["odd"].count == 5);
    CHECK(summary.findings["odd"].line == 4);
    CHECK(summary.findings["odd"].message == "line 4");
    CHECK(summary.findings["odd"].input == "a.csv");
    CHECK(summary.findings["even"].count == 1);
  }
}

TEST_CASE("findings: an example is made for the first one only") {
  Findings findings;
  int made = 0;
  for (std::uint64_t offset = 10; offset < 20; ++offset) {
    findings.add("odd", {0, offset}, [&] {
      ++made;
      return at_line(offset);
    });
  }
  CHECK(made == 1);
}

TEST_CASE("findings: entering adds to what the summary has, and names inputs") {
  Findings findings;
  findings.add("odd", {1, 5}, [] { return at_line(3); });
  Summary summary;
  findings.enter({"a.csv", "b.csv"}, summary);
  findings.enter({"a.csv", "b.csv"}, summary);
  CHECK(summary.findings["odd"].count == 2);
  CHECK(summary.findings["odd"].input == "b.csv");
  CHECK(summary.text().find("found      2 × odd, for example: b.csv line 3: line 3") != std::string::npos);
}
