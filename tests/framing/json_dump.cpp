// Writes down what JSON framing makes of standard input, for json_judge.py.
//
//   json_dump [TARGET [CHUNK [POINTER]]]
//
// A record is a line `R`, its place, its length, its duplicate keys, and for every field its name, kind and text; a fault
// is a line `F`, its place, its length and its code; an error is a line `E` and its text. Tabs between, names and texts
// in hexadecimal.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "json_support.hpp"

namespace {

using namespace crosswalk;
using namespace crosswalk::json_testing;

std::string read_all(std::FILE* from) {
  std::string bytes;
  char buffer[1 << 16];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, from)) != 0;) bytes.append(buffer, got);
  return bytes;
}

std::string hex(std::string_view text) {
  std::string out;
  for (const char c : text) {
    constexpr const char* kDigits = "0123456789abcdef";
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[c & 15];
  }
  return out;
}

void write(const Seen& seen) {
  const auto number = [](std::uint64_t n) { return std::to_string(n); };
  std::string line = seen.fault ? "F\t" : "R\t";
  line += number(seen.line) + '\t' + number(seen.offset) + '\t' + number(seen.size);
  line += '\t' + (seen.fault ? seen.code : number(seen.duplicate_keys));
  for (const SeenField& field : seen.fields) {
    line += '\t' + hex(field.name) + '\t' + name_of_kind(field.kind) + '\t' + hex(field.text);
  }
  std::puts(line.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const auto size_argument = [&](int i, std::size_t otherwise) {
    return argc > i ? static_cast<std::size_t>(std::strtoull(argv[i], nullptr, 10)) : otherwise;
  };
  JsonOptions options;
  if (argc > 3) options.records_at = argv[3];
  const Run run = read_json(read_all(stdin), options, size_argument(1, std::size_t{256} << 10), size_argument(2, 0));
  for (const Seen& seen : run.events) write(seen);
  if (!run.error.empty()) std::printf("E\t%s\n", run.error.c_str());
}
