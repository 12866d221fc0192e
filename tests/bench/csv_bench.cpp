// How fast CSV framing is: both stages, every kernel, on files it makes itself.
//
// usage: csv_bench [MiB of data, 64] [rounds, 7]. Processor time, so that other work on the machine matters less; the best
// round counts. All on one thread; the bytes are in memory.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "../framing/csv_testing.hpp"
#include "framing/csv_framer.hpp"
#include "framing/csv_kernels.hpp"

namespace {

using namespace crosswalk;
using crosswalk::testing::ChunkSource;

constexpr std::size_t kTarget = std::size_t{1} << 20;

/// Calls `work` `rounds` times; GB/s of the best one.
template <class Work>
double rate(std::size_t bytes, int rounds, Work&& work) {
  double best = 0;
  for (int round = 0; round < rounds; ++round) {
    const std::clock_t begin = std::clock();
    work();
    const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
    best = std::max(best, static_cast<double>(bytes) / seconds / 1e9);
  }
  return best;
}

/// How a made file is written.
struct Style {
  std::string_view name;
  bool all_quoted = false;      ///< every field in quotes, a third of the subjects with quotes and line breaks inside
  std::size_t stray_every = 0;  ///< a stray quote in every n-th row
};

/// Something like a ticket export: 41 columns, about 350 bytes a row.
std::string make_tickets(std::size_t size, const Style& style) {
  std::string text;
  for (int i = 0; i < 41; ++i) text += fmt::format("{}Column number {}", i == 0 ? "" : ",", i);
  text += "\r\n";
  for (std::size_t row = 0; text.size() < size; ++row) {
    for (int i = 0; i < 41; ++i) {
      std::string cell;
      if (i == 1)
        cell = fmt::format("{}", 1000000 + row);
      else if (i == 10)
        cell = fmt::format("Order {} has not arrived, please help", row * 7919 % 100000);
      else if (i >= 16 && i < 23)
        cell = fmt::format("2023-04-{:02} {:02}:{:02}", row % 28 + 1, row % 24, row % 60);
      else if (i > 28)
        cell = fmt::format("{}", row * static_cast<std::size_t>(i) % 9000);
      else
        cell = i % 2 == 0 ? "Support" : "closed";
      if (i == 10 && style.all_quoted && row % 3 == 0) cell += " \"\"quoted\"\"\r\non two lines";
      if (i == 12 && style.stray_every != 0 && row % style.stray_every == 0) cell = "5\" pipe";
      if (i != 0) text += ',';
      const bool quoted = i == 10 || (style.all_quoted && cell.find("5\"") == std::string::npos);
      text += quoted ? '"' + cell + '"' : cell;
    }
    text += "\r\n";
  }
  return text;
}

/// Looks at every field's text as little as a consumer may.
class Counter final : public RecordHandler {
 public:
  void on_record(const Record& record, const Place&) override {
    ++records;
    fields += record.count;
    bytes += record.fields[record.count - 1].size;
  }
  void on_fault(const FrameFault&) override { ++faults; }
  void on_repeated_header(const Place&) override {}
  std::size_t records = 0, fields = 0, bytes = 0, faults = 0;
};

CsvReader open(const std::string& text) {
  CsvOptions options;
  options.delimiter = ',';
  return *open_csv("bench", std::make_unique<ChunkSource>(text), options);
}

void bench_kernels(const std::string& text, int rounds) {
  const std::size_t words = text.size() / csv::kWord;
  std::vector<csv::WordMasks> masks(64);
  Block::Ends ends;
  ends.make_room(kTarget / 64 + 2);
  std::vector<csv::RefusedLine> refused;
  const std::size_t columns = open(text).dialect.header.size();
  for (const csv::Kernel& kernel : csv::kernels()) {
    csv::use_kernel(&kernel);
    const double classify = rate(text.size(), rounds, [&] {
      for (std::size_t word = 0; word + 64 <= words; word += 64) {
        kernel.classify(text.data() + word * csv::kWord, 64, ',', masks.data());
      }
    });
    const double lines = rate(text.size(), rounds, [&] {
      volatile std::size_t count = kernel.count_line_ends(text.data(), text.size());
      static_cast<void>(count);
    });
    const double frame = rate(text.size(), rounds, [&] {
      csv::RowRules rules;
      rules.columns = rules.least = columns;
      rules.max_record = std::size_t{16} << 20;
      csv::Framer framer(rules);
      Block::Unusual unusual;
      for (std::size_t at = 0; at + kTarget + kSlack <= text.size();) {
        const std::size_t framed = framer.frame({text.data() + at, kTarget, false}, kTarget, ends, refused, unusual);
        framer.move_on(framed);
        at += framed;
      }
    });
    const double split = rate(text.size(), rounds, [&] {
      CsvReader reader = open(text);
      Block block;
      while (*reader.splitter->next(block, kTarget)) {}
    });
    fmt::print("  {:<9} classify {:6.2f}   count lines {:6.2f}   frame {:6.2f}   stage 1 {:6.2f}\n", kernel.name, classify, lines,
               frame, split);
  }
  csv::use_kernel(nullptr);
}

void bench_stages(const std::string& text, int rounds) {
  CsvReader reader = open(text);
  std::vector<Block> blocks;
  for (Block block; *reader.splitter->next(block, kTarget); block = Block{}) blocks.push_back(std::move(block));
  std::vector<std::uint16_t> ids(reader.dialect.header.size());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint16_t>(i);
  const auto parser = make_csv_parser(reader.dialect, ids, {});
  Counter counter;
  const double parse = rate(text.size(), rounds, [&] {
    counter = {};
    for (const Block& block : blocks) parser->parse(block, counter);
  });
  const double both = rate(text.size(), rounds, [&] {
    CsvReader again = open(text);
    Counter unused;
    Block block;
    while (*again.splitter->next(block, kTarget)) parser->parse(block, unused);
  });
  fmt::print("  stage 2 {:.2f}   both on one thread {:.2f}   ({} records, {} faults)\n", parse, both, counter.records,
             counter.faults);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t size = static_cast<std::size_t>(argc > 1 ? std::atoi(argv[1]) : 64) << 20;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  fmt::print("GB/s, {} MiB in memory, best of {} rounds, blocks of {} KiB\n", size >> 20, rounds, kTarget >> 10);
  for (const Style& style :
       {Style{"clean, 41 columns, one quoted", false, 0},
        Style{"all quoted, a third with quotes and line breaks inside", true, 0},
        Style{"a stray quote in every 100th row", false, 100}, Style{"a stray quote in every second row", false, 2}}) {
    const std::string text = make_tickets(size, style);
    fmt::print("{}\n", style.name);
    bench_kernels(text, rounds);
    bench_stages(text, rounds);
  }
  return 0;
}
