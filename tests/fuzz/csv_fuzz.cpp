// Fuzz entry for CSV framing. The first two bytes choose block size, limit and settings; the rest is the input. Whatever the
// input is, framing must not break, must give the same for any block size and any kernel, and must account for every
// byte: what is no part of a record or a fault is a line end.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "../framing/csv_testing.hpp"
#include "framing/csv_kernels.hpp"

namespace {

using crosswalk::testing::CsvRun;
using crosswalk::testing::CsvSetup;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "csv_fuzz: %s\n", what);
  std::abort();
}

void require_all_accounted_for(std::string_view bytes, const CsvRun& run) {
  if (!run.error.empty() || run.events.empty()) return;
  std::uint64_t at = run.events.front().offset;
  for (const auto& event : run.events) {
    const bool of_next_row = event.kind == crosswalk::testing::CsvEvent::Kind::unusual && event.code != "byte_order_mark";
    if (of_next_row) continue;
    for (; at < event.offset; ++at) require(bytes[at] == '\n' || bytes[at] == '\r', "bytes were lost");
    require(at == event.offset, "records overlap");
    require(bytes.substr(at, event.text.size()) == event.text, "a record's place is wrong");
    at += event.size;
  }
  for (; at < bytes.size(); ++at)
    require(bytes[at] == '\n' || bytes[at] == '\r' || bytes[at] == '\x1A', "bytes were lost at the end");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  CsvSetup setup;
  if (data[1] < 200) setup.options.limits.max_record = data[1];
  if (data[1] >= 200 && data[1] < 215) setup.options.quotes = crosswalk::CsvQuotes::backslash;
  if (data[1] >= 215 && data[1] < 230) setup.options.quotes = crosswalk::CsvQuotes::none;
  setup.options.short_rows = data[1] % 8 == 7;
  setup.options.max_lines_in_field = data[1] % 16 == 5 ? 2 : 0;
  const CsvRun whole = crosswalk::testing::run_csv(bytes, setup);
  require_all_accounted_for(bytes, whole);

  setup.target = data[0] + std::size_t{1};
  setup.chunk = data[0] % 7;
  crosswalk::csv::use_kernel(&crosswalk::csv::kernels().front());
  const bool same = crosswalk::testing::run_csv(bytes, setup) == whole;
  crosswalk::csv::use_kernel(nullptr);
  require(same, "block size or kernel changed the result");
  return 0;
}
