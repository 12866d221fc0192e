// How fast what is understood becomes JSON text: a conversation a line, texts with and without what must be escaped.
#include <benchmark/benchmark.h>

#include <string>
#include <string_view>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"

namespace {

using namespace crosswalk;

/// Bytes of output per second, and things per second.
void count(benchmark::State& state, std::size_t bytes_each) {
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes_each));
}

/// Calls `write(out)` again and again into a buffer that is emptied when it has the size of a batch.
template <class Write>
void repeat(benchmark::State& state, Write&& write) {
  Buffer out;
  write(out);
  const std::size_t each = out.size();
  for (auto _ : state) {
    if (out.size() > (std::size_t{1} << 18)) out.clear();
    write(out);
    benchmark::DoNotOptimize(out.data());
  }
  count(state, each);
}

Conversation ticket() {
  Conversation c;
  c.external_id = "400017";
  c.platform = "zendesk";
  c.channel = Channel::email;
  c.queue_id = "Größe & Passform";
  c.assigned_agent_id = "Dolores Fuentes";
  c.customer_id = "10300560028519";
  c.subject = "Order has not arrived, order 0376737";
  c.status = "pending";
  c.started_at = Instant{1735718400, 0};
  c.ended_at = Instant{1735804860, 0};
  c.wait_time = Decimal{15660, 0};
  c.first_response_time = Decimal{5400, 0};
  c.resolved = true;
  c.csat_score = Decimal{5, 0};
  return c;
}

void conversation(benchmark::State& state) {
  const Conversation c = ticket();
  repeat(state, [&](Buffer& out) {
    add_conversation_fields(out, c);
    MetadataWriter(out).close();
  });
}
BENCHMARK(conversation);

void conversation_with_six_metadata(benchmark::State& state) {
  const Conversation c = ticket();
  repeat(state, [&](Buffer& out) {
    add_conversation_fields(out, c);
    MetadataWriter metadata(out);
    for (const std::string_view key :
         {"\"Priority\":", "\"Requester email\":", "\"Organization\":", "\"Ticket type\":", "\"Updated at\":", "\"Tags\":"}) {
      metadata.key(key);
      add_json_string(out, "user28519@webmail.example");
    }
    metadata.close();
  });
}
BENCHMARK(conversation_with_six_metadata);

void clean_text(benchmark::State& state) {
  const std::string text(static_cast<std::size_t>(state.range(0)), 'x');
  repeat(state, [&](Buffer& out) { add_json_string(out, text); });
}
BENCHMARK(clean_text)->Arg(5)->Arg(12)->Arg(36)->Arg(1000);

void text_with_escapes(benchmark::State& state) {
  std::string text;
  while (text.size() < static_cast<std::size_t>(state.range(0))) text += "she said \"no\"\nand went; ";
  repeat(state, [&](Buffer& out) { add_json_string(out, text); });
}
BENCHMARK(text_with_escapes)->Arg(36)->Arg(1000);

void time(benchmark::State& state) {
  repeat(state, [](Buffer& out) { add_time(out, {1735718400, 780235000}); });
}
BENCHMARK(time);

void decimal(benchmark::State& state) {
  repeat(state, [](Buffer& out) { add_decimal(out, {1566012, 2}); });
}
BENCHMARK(decimal);

}  // namespace

BENCHMARK_MAIN();
