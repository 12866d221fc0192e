// Fuzz entry for JSON framing. The first byte chooses sizes and limits; the rest is the input. Whatever the input is,
// framing must neither crash nor hang, what it accepts must be JSON by the plain reading too, every record and fault must
// show the bytes of its place, and nothing may depend on how the bytes come in.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "../framing/json_support.hpp"
#include "framing/json_check.hpp"

namespace {

using namespace crosswalk;
using namespace crosswalk::json_testing;

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

/// What a record says of itself must be true, and a fault must have a reason.
void check(const Seen& seen, std::string_view input, const Limits& limits) {
  require(seen.offset + seen.size <= input.size(), "places lie within the input");
  if (seen.fault) {
    require(!seen.code.empty() && !seen.message.empty(), "a fault has a code and a message");
    require(seen.raw == input.substr(seen.offset, std::min<std::size_t>(seen.size, 16 << 10)), "a fault shows its bytes");
    return;
  }
  require(seen.raw == input.substr(seen.offset, seen.size), "a record shows its bytes");
  require(!json::find_flaw(seen.raw, limits.max_depth), "the exact reading accepts what was accepted");
  require(seen.fields.size() <= limits.max_fields, "no more fields than are allowed");
  for (const SeenField& field : seen.fields) {
    if (field.kind == Kind::array) require(!json::find_flaw(field.text, limits.max_depth), "arrays are JSON");
    if (field.kind == Kind::number) require(json::is_number(field.text), "numbers are numbers");
  }
}

void walk_arrays(const Run& run, const Limits& limits) {
  NameTable names;
  const auto walker = make_array_walker(names, limits);
  for (const Seen& seen : run.events) {
    for (const SeenField& field : seen.fields) {
      if (field.kind != Kind::array) continue;
      names.forget_transient();
      require(walker->walk(field.text, field.name + "[]", [](const Record&) { return true; }), "arrays can be walked");
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  if (size == 0) return 0;
  const unsigned choice = data[0];
  const std::string input(reinterpret_cast<const char*>(data) + 1, size - 1);
  JsonOptions options;
  options.limits.max_depth = choice % 2 == 0 ? 128 : 4;
  options.limits.max_record = choice % 3 == 0 ? 64 : std::size_t{1} << 20;
  if (choice % 5 == 0) options.records_at = choice % 10 == 0 ? "/a/items" : "/0";
  const Run whole = read_json(input, options);
  for (const Seen& seen : whole.events) check(seen, input, options.limits);
  walk_arrays(whole, options.limits);
  const std::size_t target = std::size_t{1} << (choice % 8);
  const Run pieces = read_json(input, options, target, choice % 7 + 1);
  require(shown_run(whole) == shown_run(pieces), "pieces make no difference");
  return 0;
}
