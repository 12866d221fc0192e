// How fast JSON framing is, next to bare simdjson: records of about 400 bytes, one per line and in one long array.
//
// usage: json_bench [MEGABYTES [ROUNDS]]    best of the rounds is printed
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "framing/json.hpp"

namespace {

using namespace crosswalk;

constexpr std::size_t kTarget = std::size_t{256} << 10;

/// Bytes of someone else.
class ViewSource final : public ByteSource {
 public:
  explicit ViewSource(std::string_view bytes) : bytes_(bytes) {}
  Result<std::size_t> read(char* to, std::size_t size) override {
    const std::size_t give = std::min(size, bytes_.size());
    if (give != 0) std::memcpy(to, bytes_.data(), give);
    bytes_.remove_prefix(give);
    return give;
  }

 private:
  std::string_view bytes_;
};

std::string record(std::size_t i) {
  const std::string n = std::to_string(i);
  std::string text = R"({"externalId":"conv-)" + n + R"(","timestamp":"2024-03-)" + std::to_string(10 + i % 20) +
                     R"(T12:13:14.555Z","customer":{"externalId":"cust-)" + std::to_string(i * 7919 % 100000) +
                     R"(","name":"Ana María Gómez"},"agent":{"externalId":"agent-)" + std::to_string(i % 300) +
                     R"(","name":"Smith, Anne"},)";
  if (i % 3 != 0) text += R"("asapp_id":"01BX5ZZKBKACTAV9WEVGEMMVRZ",)";
  text += R"("metadata":{"organizationalGroup":"some-group","subdivision":"billing","queue":"acme-wireless-english",)";
  text += R"("platform":"web","handle_time":)" + std::to_string(i % 900) + R"(,"csat":4.5,"tags":["vip","late",)" + n +
          R"(],"note":"said \"thanks\" twice"}})";
  return text;
}

std::string records(std::size_t bytes, std::string_view first, std::string_view between, std::string_view last) {
  std::string text(first);
  for (std::size_t i = 0; text.size() < bytes; ++i) {
    if (i != 0) text += between;
    text += record(i);
  }
  text += last;
  return text;
}

double best_rate(std::size_t bytes, int rounds, const std::function<void()>& run) {
  double best = 0;
  for (int i = 0; i < rounds; ++i) {
    const auto start = std::chrono::steady_clock::now();
    run();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(bytes) / time.count() / 1e6);
  }
  return best;
}

std::size_t split(std::string_view text) {
  const auto splitter = open_json("bench", std::make_unique<ViewSource>(text), {});
  Block block;
  std::size_t count = 0;
  while (*(*splitter)->next(block, kTarget)) count += block.spans.size();
  return count;
}

std::vector<Block> blocks_of(std::string_view text) {
  const auto splitter = open_json("bench", std::make_unique<ViewSource>(text), {});
  std::vector<Block> blocks(1);
  while (*(*splitter)->next(blocks.back(), kTarget)) blocks.emplace_back();
  blocks.pop_back();
  return blocks;
}

class Counter final : public RecordHandler {
 public:
  void on_record(const Record& record, const Place&) override { fields += record.count; }
  void on_fault(const FrameFault&) override { ++faults; }
  void on_repeated_header(const Place&) override {}
  std::size_t fields = 0, faults = 0;
};

void report(const char* what, double rate, const std::size_t& count) {
  std::printf("%-44s %8.0f MB/s   (%zu)\n", what, rate, count);
}

void measure(const char* layout, std::string_view text, int rounds) {
  std::printf("%s, %.0f MB\n", layout, static_cast<double>(text.size()) / 1e6);
  std::size_t count = 0;
  const std::size_t nothing = 0;
  std::vector<char> to(kTarget);
  report("  read only",
         best_rate(text.size(), rounds,
                   [&] {
                     ViewSource source(text);
                     while (*source.read(to.data(), to.size()) != 0) {}
                   }),
         nothing);
  report("  splitter, reading included", best_rate(text.size(), rounds, [&] { count = split(text); }), count);
  const std::vector<Block> blocks = blocks_of(text);
  NameTable names;
  Counter counter;
  const auto parser = make_json_parser(names, {});
  report("  parser",
         best_rate(text.size(), rounds,
                   [&] {
                     counter.fields = 0;
                     for (const Block& block : blocks) parser->parse(block, counter);
                   }),
         counter.fields);
  simdjson::dom::parser dom;
  report("  simdjson DOM parse of every record",
         best_rate(text.size(), rounds,
                   [&] {
                     count = 0;
                     for (const Block& block : blocks) {
                       for (const Block::Span& span : block.spans) {
                         const simdjson::dom::element element =
                             dom.parse(block.data.data() + span.begin, span.size, /*realloc_if_needed=*/false);
                         count += element.is_object();
                       }
                     }
                   }),
         count);
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t bytes = static_cast<std::size_t>(argc > 1 ? std::atoi(argv[1]) : 64) * 1'000'000;
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 7;
  std::printf("simdjson kernel: %s, one record: %zu bytes\n", simdjson::get_active_implementation()->name().c_str(),
              record(123456).size());
  measure("lines", records(bytes, "", "\n", "\n"), rounds);
  measure("one array on one line", records(bytes, "[", ",", "]"), rounds);
  measure("array, a record per line", records(bytes, "[\n  ", ",\n  ", "\n]\n"), rounds);
}
