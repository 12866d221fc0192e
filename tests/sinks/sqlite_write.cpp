// Writes lines into a SQLite database, for sqlite_judge.py and to measure:
//
//   sqlite_write CONVERSATIONS UPDATES REJECTS SUMMARY DATABASE
//
// The first four are files (or empty names), the last is what is written. Says on standard output how many conversations
// a second went in.
#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>

#include "sinks/sqlite_sink.hpp"

using namespace crosswalk;

namespace {

std::string content(const char* path) {
  if (*path == '\0') return {};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

Result<void> each_line(std::string_view text, const std::function<Result<void>(std::string_view)>& take) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
    if (auto ok = take(line); !ok) return ok;
    text.remove_prefix(line.size());
  }
  return {};
}

Result<void> write(char** files, Sink& sink, const std::string& conversations) {
  if (auto ok = each_line(conversations, [&](auto line) { return sink.conversation(line); }); !ok) return ok;
  if (auto ok = each_line(content(files[1]), [&](auto line) { return sink.update(line); }); !ok) return ok;
  if (auto ok = each_line(content(files[2]), [&](auto line) { return sink.reject(line); }); !ok) return ok;
  return sink.finish(content(files[3]));
}

int failed(const Error& error) {
  std::fprintf(stderr, "%s\n", error.text().c_str());
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  const std::string conversations = content(argv[1]);
  const auto begun = std::chrono::steady_clock::now();
  auto sink = open_sqlite_sink(argv[5]);
  if (!sink) return failed(sink.error());
  if (auto ok = write(argv + 1, **sink, conversations); !ok) return failed(ok.error());
  if (auto ok = (*sink)->commit(); !ok) return failed(ok.error());
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  std::printf("%.0f conversations a second\n", static_cast<double>((*sink)->conversations()) / seconds);
}
