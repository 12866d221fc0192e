// What the merge is made of: sorting contributions in memory and on disk, joining what one source says of a conversation,
// combining what several say.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "arena.hpp"
#include "io/spill_file.hpp"
#include "merge/combine.hpp"
#include "merge/sorter.hpp"
#include "merge/state.hpp"
#include "pipeline/source.hpp"
#include "said.hpp"

namespace {

using namespace crosswalk;

constexpr std::size_t kMiB = std::size_t{1} << 20;

/// An id that says nothing of its neighbours, as UUIDs do.
std::string id_of(std::uint64_t number) {
  char text[40];
  const std::uint64_t mixed = number * 0x9e3779b97f4a7c15U;
  std::snprintf(text, sizeof text, "%08x-%04x-4aaa-abbb-%012llx", static_cast<unsigned>(mixed >> 32),
                static_cast<unsigned>(mixed >> 16 & 0xffff), static_cast<unsigned long long>(mixed & 0xffffffffffff));
  return text;
}

/// One activity of a conversation, with its texts' owner.
struct Activity {
  std::string id;
  Said said;
  Activity(std::uint64_t conversation, std::uint64_t place) : id(id_of(conversation)), said(say(id, place)) {
    Conversation& c = said.what.conversation;
    c.platform = "unified-inbox";
    said.what.scope = "021ca84f-6bcd-43b9-b92d-1cab975c425f";
    said.metadata = {{"\"org_id\":", "\"021ca84f-6bcd-43b9-b92d-1cab975c425f\""}};
    said.touchpoints = {touch(place, static_cast<std::int64_t>(1735718400 + place * 37 % 200000), TouchKind::sms,
                              place % 2 == 0 ? Direction::inbound : Direction::outbound)};
  }
};

/// `count` activities, ten a conversation and far apart, as entries in batches.
std::vector<Buffer> batches_of(std::uint64_t count) {
  std::vector<Buffer> batches;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (batches.empty() || batches.back().size() > 256 * 1024) batches.emplace_back();
    Activity(i % (count / 10), i).said.add_to(batches.back());
  }
  return batches;
}

/// range(0): entries; range(1): MiB of memory.
void sorter(benchmark::State& state) {
  const auto entries = static_cast<std::uint64_t>(state.range(0));
  const std::vector<Buffer> batches = batches_of(entries);
  std::size_t bytes = 0;
  for (const Buffer& batch : batches) bytes += batch.size();
  bool spilled = false;
  for (auto _ : state) {
    SpillFile spill;
    Sorter sorted(static_cast<std::size_t>(state.range(1)) * kMiB, spill);
    for (const Buffer& batch : batches) {
      if (!sorted.add(batch.view())) return state.SkipWithError("a batch was not added");
    }
    if (!sorted.seal()) return state.SkipWithError("sorting failed");
    auto cursor = SorterCursor::open(sorted);
    if (!cursor) return state.SkipWithError("nothing to read");
    std::uint64_t read = 0;
    for (auto more = (*cursor)->next(); more && *more; more = (*cursor)->next()) ++read;
    if (read != entries) return state.SkipWithError("entries were lost");
    spilled = sorted.spilled();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
  state.SetLabel(spilled ? "on disk" : "in memory");
}
BENCHMARK(sorter)->Args({100000, 256})->Args({1000000, 1024})->Args({1000000, 32})->UseRealTime()->Unit(benchmark::kMillisecond);

/// Decodes, joins and settles a conversation of range(0) records.
void state_join(benchmark::State& state) {
  Buffer entries;
  for (std::int64_t i = 0; i < state.range(0); ++i) Activity(1, static_cast<std::uint64_t>(i)).said.add_to(entries);
  Contributions contributions;
  State joined;
  for (auto _ : state) {
    contributions.clear();
    joined.clear();
    each_entry(entries.view(),
               [&](std::string_view key, std::string_view payload) { joined.join(contributions.decode(key, payload)); });
    joined.settle();
    derive_from_touchpoints(joined);
    benchmark::DoNotOptimize(joined.conversation);
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(state_join)->Arg(1)->Arg(10)->Arg(1000);

/// Three sources that agree on some metadata and differ in some; one of them only enriches.
void combine_sources(benchmark::State& state) {
  std::array<SourceConfig, 3> configs;
  MergePlan plan;
  for (std::size_t i = 0; i < configs.size(); ++i) {
    configs[i].name = std::string("source-") + static_cast<char>('a' + i);
    plan.sources.push_back({&configs[i], i == 2});
  }
  std::array<State, 3> states;
  for (std::size_t i = 0; i < states.size(); ++i) {
    State& s = states[i];
    s.records = 1;
    s.conversation.external_id = "400017";
    s.conversation.channel = Channel::email;
    s.conversation.subject = i == 0 ? "Order has not arrived" : "Re: Order has not arrived";
    s.conversation.started_at = Instant{1735718400 + static_cast<std::int64_t>(i), 0};
    s.metadata = {{"\"Organization\":", "\"Trailhead GmbH\"", {}},
                  {"\"Priority\":", i == 0 ? "\"Normal\"" : "\"High\"", {}},
                  {"\"Ticket type\":", "\"Incident\"", {}}};
    s.settle();
  }
  const std::array<const State*, 3> all{&states[0], &states[1], &states[2]};
  const std::array<std::uint32_t, 3> sources{0, 1, 2};
  Arena arena;
  Combined combined;
  for (auto _ : state) {
    arena.clear();
    combine(plan, all, sources, arena, combined);
    benchmark::DoNotOptimize(combined.conversation);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(combine_sources);

}  // namespace

BENCHMARK_MAIN();
