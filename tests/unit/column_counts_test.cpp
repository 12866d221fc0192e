#include "normalize/column_counts.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <random>

using namespace crosswalk;

TEST_CASE("column counts: as often as each bit was set, however many words there were") {
  std::mt19937_64 random(1);
  ColumnCounts counts;
  for (const int words : {0, 1, 2, 254, 255, 256, 510, 511, 10'000}) {
    std::array<std::uint64_t, ColumnCounts::kColumns> wanted{};
    for (int i = 0; i < words; ++i) {
      const std::uint64_t bits = i % 5 == 0 ? ~std::uint64_t{} : random() & random();
      for (std::size_t column = 0; column < wanted.size(); ++column) wanted[column] += bits >> column & 1;
      counts.add(bits);
    }
    CHECK(counts.take() == wanted);
  }
}
