#include "crosswalk/record.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace crosswalk;

namespace {

std::string numbered(std::string name, std::size_t i) { return name.append(std::to_string(i)); }

}  // namespace

TEST_CASE("names: an id belongs to its name for good") {
  NameTable names;
  const int id = names.intern("agent.externalId");
  const int other = names.intern("");
  CHECK(id == 0);
  CHECK(other == 1);
  for (std::size_t i = 0; i < 1000; ++i) REQUIRE(names.intern(numbered("key", i)) == static_cast<int>(i + 2));
  names.forget_transient();
  CHECK(names.intern("agent.externalId") == id);
  CHECK(names.intern("") == other);
  CHECK(names.name(0) == "agent.externalId");
  CHECK(names.name(1) == "");
  CHECK(names.name(1001) == "key999");
  CHECK(names.stable_count() == 1002);
  CHECK(names.transient_count() == 0);
}

TEST_CASE("names: any bytes make a name, and names of like form differ") {
  NameTable names;
  const std::string with_nul("a\0b", 3);
  const int id = names.intern(with_nul);
  CHECK(names.intern("a") != id);
  CHECK(names.intern(with_nul) == id);
  CHECK(names.name(static_cast<std::uint16_t>(id)) == with_nul);
  CHECK(names.intern(std::string(16, 'x')) != names.intern(std::string(17, 'x')));
  CHECK(names.intern(std::string(15, 'x') + '\0') != names.intern(std::string(15, 'x')));
}

TEST_CASE("names: beyond the stable ones they last for one record") {
  NameTable names;
  for (std::size_t i = 0; i < NameTable::kStable; ++i) REQUIRE(names.intern(numbered("s", i)) == static_cast<int>(i));
  for (std::size_t i = 0; i < NameTable::kTransient; ++i) {
    REQUIRE(names.intern(numbered("t", i)) == static_cast<int>(NameTable::kStable + i));
  }
  CHECK(names.name(0xFFFF) == "t16383");
  CHECK(names.intern("t5") == static_cast<int>(NameTable::kStable + 5));
  CHECK(names.intern("one more") == -1);
  CHECK(names.intern("s7") == 7);
  names.forget_transient();
  CHECK(names.transient_count() == 0);
  CHECK(names.intern("one more") == static_cast<int>(NameTable::kStable));
  CHECK(names.intern("t5") == static_cast<int>(NameTable::kStable + 1));
  CHECK(names.intern("s7") == 7);
}

TEST_CASE("names: their text is bounded too") {
  NameTable names;
  const std::size_t long_ones = NameTable::kStableBytes / 4096;
  const auto long_name = [](std::size_t i) {
    return std::to_string(i) + std::string(4096, '.').substr(std::to_string(i).size());
  };
  for (std::size_t i = 0; i < long_ones; ++i) REQUIRE(names.intern(long_name(i)) == static_cast<int>(i));
  for (std::size_t i = 0; i < long_ones; ++i) {
    REQUIRE(names.intern(long_name(long_ones + i)) == static_cast<int>(NameTable::kStable + i));
  }
  CHECK(names.intern("x") == -1);
  CHECK(names.intern("") == static_cast<int>(long_ones));  // takes no text, so it is stable even now
  names.forget_transient();
  CHECK(names.intern("x") == static_cast<int>(NameTable::kStable));
}
