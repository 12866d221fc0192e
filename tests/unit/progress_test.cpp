#include "../../cli/progress.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace crosswalk;

namespace {

std::string text(const Progress& progress, double seconds, std::size_t width = 200, std::string_view source = "tickets") {
  return cli::progress_text(source, progress, seconds, width);
}

}  // namespace

TEST_CASE("progress: records, bytes, rate and the time left") {
  CHECK(text({1'234'567, 812'000'000, 2'100'000'000}, 2) ==
        "tickets: 1.2 M records, 812 MB of 2.1 GB (38 %), 406 MB/s, 3 s left");
  CHECK(text({999, 1'000'000, 91'000'000}, 1) == "tickets: 999 records, 1.0 MB of 91 MB (1 %), 1.0 MB/s, 1:30 min left");
  CHECK(text({1000, 1000, 7'384'000}, 1) == "tickets: 1.0 k records, 1.0 kB of 7.4 MB (0 %), 1.0 kB/s, 2:03 h left");
  CHECK(text({1, 999'600, 1'000'000}, 1) == "tickets: 1 records, 1.0 MB of 1.0 MB (99 %), 1.0 MB/s, 0 s left");
  CHECK(text({20'000, 50'000, 50'000}, 1) == "tickets: 20 k records, 50 kB of 50 kB (100 %), 50 kB/s, 0 s left");
}

TEST_CASE("progress: no share and no time left where the total is not known") {
  CHECK(text({5, 700, 0}, 2) == "tickets: 5 records, 700 B, 350 B/s");
  // More was read than the file had when it was opened: it grows.
  CHECK(text({5, 700, 600}, 2) == "tickets: 5 records, 700 B, 350 B/s");
}

TEST_CASE("progress: at the very beginning there is no rate") {
  CHECK(text({0, 0, 0}, 0) == "tickets: 0 records, 0 B");
  CHECK(text({0, 0, 100}, 1) == "tickets: 0 records, 0 B of 100 B (0 %)");
  CHECK(text({0, 0, 0}, 0, 200, "") == "0 records, 0 B");
}

TEST_CASE("progress: numbers at the ends of their range") {
  constexpr auto kMost = UINT64_MAX;
  CHECK(text({kMost, kMost, kMost}, 1) ==
        "tickets: 18446744 T records, 18446744 TB of 18446744 TB (100 %), 18446744 TB/s, 0 s left");
  CHECK(text({1, 1, kMost}, 1e9).ends_with("0 B/s, 277777:46 h left"));
}

TEST_CASE("progress: a narrow terminal gets as much as fits, cut between characters") {
  CHECK(text({5, 700, 0}, 2, 12) == "tickets: 5 r");
  CHECK(text({5, 700, 0}, 2, 3, "Größe") == "Grö");
  CHECK(text({5, 700, 0}, 2, 0).empty());
}

TEST_CASE("progress: a name cannot do anything to the terminal") {
  CHECK(text({5, 700, 0}, 2, 30, "a\x1b[2J\nb") == "a\\u001b[2J b: 5 records, 700 B");
}
