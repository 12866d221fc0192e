// What no program that reads the same file can beat: its bytes in memory, looked at once by vector code.
//
//   bare csv FILE      marks every delimiter and line end outside quotes (our scan), keeps nothing
//   bare json FILE     simdjson parses every line into its document, which nobody reads
//
// Prints one line of JSON: version (the instructions used), and the wall and processor seconds of one pass on one thread.
#include <simdjson.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "framing/csv_framer.hpp"
#include "framing/csv_kernels.hpp"
#include "framing/framing.hpp"

namespace {

using namespace crosswalk;

constexpr std::size_t kTarget = std::size_t{256} << 10;  // what the program reads at once

/// The file's bytes with room behind them, as the scans want it.
std::string padded(const char* path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  bytes.append(kSlack + simdjson::SIMDJSON_PADDING, '\0');
  return bytes;
}

std::size_t tokenize(std::string_view bytes, std::size_t size, std::size_t columns) {
  Block::Ends ends;
  ends.make_room(kTarget / 64 + 2);
  std::vector<csv::RefusedLine> refused;
  csv::Framer framer(',', columns, std::size_t{16} << 20);
  std::size_t at = 0;
  while (at < size) {
    const std::size_t here = std::min(kTarget, size - at);
    const std::size_t framed = framer.frame({bytes.data() + at, here, at + here == size}, here, ends, refused);
    if (framed == 0) break;
    framer.move_on(framed);
    at += framed;
  }
  return at;
}

std::size_t parse(const std::string& bytes, std::size_t size) {
  simdjson::dom::parser parser;
  parser.threaded = false;
  simdjson::dom::document_stream stream;
  if (parser.parse_many(bytes.data(), size, std::size_t{1} << 20).get(stream) != simdjson::SUCCESS) return 0;
  std::size_t documents = 0;
  for (auto document : stream) {
    if (document.error() != simdjson::SUCCESS) return 0;
    ++documents;
  }
  return documents;
}

template <class Work>
int report(const std::string& version, Work&& work) {
  const auto begin = std::chrono::steady_clock::now();
  const std::clock_t processor = std::clock();
  if (!work()) return std::fputs("the file could not be read to its end\n", stderr), 1;
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::printf("{\"version\": \"%s\", \"wall\": %.9f, \"processor\": %.9f}\n", version.c_str(), seconds,
              static_cast<double>(std::clock() - processor) / CLOCKS_PER_SEC);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view kind = argc == 3 ? argv[1] : "";
  if (kind != "csv" && kind != "json") return std::fputs("usage: bare csv|json FILE\n", stderr), 2;
  const std::string bytes = padded(argv[2]);
  const std::size_t size = bytes.size() - kSlack - simdjson::SIMDJSON_PADDING;
  if (kind == "json") {
    return report(simdjson::get_active_implementation()->name(), [&] { return parse(bytes, size) != 0; });
  }
  const std::string_view header(bytes.data(), bytes.find('\n'));
  const auto columns = static_cast<std::size_t>(std::count(header.begin(), header.end(), ',')) + 1;
  return report(std::string(csv::kernel().name), [&] { return tokenize(bytes, size, columns) == size; });
}
