#include "pipeline/id_set.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <set>

using namespace crosswalk;

namespace {

/// Spreads numbers over 64 bits, none to the same (the finalizer of a well-known hash; it can be undone, so it is one to one).
std::uint64_t spread(std::uint64_t x) {
  x ^= x >> 33;
  x *= 0xFF51AFD7ED558CCD;
  x ^= x >> 33;
  x *= 0xC4CEB9FE1A85EC53;
  return x ^ x >> 33;
}

}  // namespace

TEST_CASE("id set: nothing yet") {
  IdSet ids;
  CHECK(ids.counts().repeated == 0);
  CHECK(ids.counts().compared == 0);
}

TEST_CASE("id set: each time after the first is counted") {
  IdSet ids;
  for (const std::uint64_t hash : {5U, 6U, 5U, 5U, 7U, 6U}) ids.add(hash);
  CHECK(ids.counts().repeated == 3);
  CHECK(ids.counts().compared == 6);
}

TEST_CASE("id set: zero, which marks a free place, and the largest hash are ids like others") {
  IdSet ids;
  ids.add(0);
  ids.add(UINT64_MAX);
  CHECK(ids.counts().repeated == 0);
  ids.add(0);
  ids.add(UINT64_MAX);
  CHECK(ids.counts().repeated == 2);
}

TEST_CASE("id set: hashes that fall on one place do not hide each other") {
  IdSet ids;
  std::set<std::uint64_t> model;
  std::uint64_t repeated = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const std::uint64_t hash = (i % 700) << 32 | 0xFFF;  // the last place of a small table: they wrap around
    ids.add(hash);
    if (!model.insert(hash).second) ++repeated;
  }
  CHECK(repeated == 300);
  CHECK(ids.counts().repeated == repeated);
}

TEST_CASE("id set: agrees with std::set through every growth") {
  std::mt19937_64 random(1);
  IdSet ids;
  std::set<std::uint64_t> model;
  std::uint64_t repeated = 0;
  for (std::uint64_t i = 0; i < 200'000; ++i) {
    const std::uint64_t hash = spread(random() % 150'000);
    ids.add(hash);
    if (!model.insert(hash).second) ++repeated;
    if (i % 997 == 0 || i < 10'000) REQUIRE(ids.counts().repeated == repeated);
    if (i % 997 == 0 || i < 10'000) REQUIRE(ids.counts().compared == i + 1);
  }
  CHECK(ids.counts().repeated == repeated);
  CHECK(ids.counts().compared == 200'000);
}

TEST_CASE("id set: beyond its bound it compares with what it has and says on how many ids that rests") {
  IdSet ids;
  const std::uint64_t beyond = 100'000;
  for (std::uint64_t i = 1; i <= IdSet::kMost + beyond; ++i) ids.add(spread(i));
  CHECK(ids.counts().repeated == 0);
  CHECK(ids.counts().compared == IdSet::kMost);
  for (std::uint64_t i = 1; i <= 1000; ++i) ids.add(spread(i));  // remembered
  CHECK(ids.counts().repeated == 1000);
  CHECK(ids.counts().compared == IdSet::kMost + 1000);
  for (std::uint64_t i = 1; i <= 1000; ++i) ids.add(spread(IdSet::kMost + i));  // not remembered
  CHECK(ids.counts().repeated == 1000);
  CHECK(ids.counts().compared == IdSet::kMost + 1000);
}
