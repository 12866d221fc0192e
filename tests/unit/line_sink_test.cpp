#include "sinks/line_sink.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "temporary_folder.hpp"

using namespace crosswalk;
using namespace crosswalk::testing;
using Names = std::vector<std::string>;

namespace {

std::unique_ptr<Sink> open_sink(const std::string& path, OutputFormat format, const std::string& updates = "") {
  auto sink = open_line_sink(path, format, updates);
  if (!sink) FAIL(sink.error().text());
  return std::move(*sink);
}

std::string line(int i) { return "{\"external_id\":\"" + std::to_string(i) + "\"}\n"; }

void finish(Sink& sink) {
  REQUIRE(sink.finish("{}").ok());
  REQUIRE(sink.commit().ok());
}

}  // namespace

TEST_CASE("line sink: JSON Lines are the lines, and an updates file is there even when it is empty") {
  const TemporaryFolder folder;
  const auto sink = open_sink(folder / "out.jsonl", OutputFormat::jsonl, folder / "updates.jsonl");
  REQUIRE(sink->conversation(line(1)).ok());
  REQUIRE(sink->conversation(line(2)).ok());
  REQUIRE(sink->reject("{}\n").ok());
  finish(*sink);
  CHECK(folder.names() == Names{"out.jsonl", "updates.jsonl"});
  CHECK(content(folder / "out.jsonl") == line(1) + line(2));
  CHECK(content(folder / "updates.jsonl").empty());
  CHECK(sink->path() == folder / "out.jsonl");
  CHECK(sink->conversations() == 2);
  CHECK(sink->updates() == 0);
  CHECK(sink->bytes() == 2 * line(1).size());
}

TEST_CASE("line sink: bulk bodies hold 500, updates stay lines") {
  const TemporaryFolder folder;
  const auto sink = open_sink(folder / "out", OutputFormat::bulk, folder / "updates");
  std::string wanted;
  for (int i = 0; i < 501; ++i) {
    REQUIRE(sink->conversation(line(i)).ok());
    wanted += i == 0 || i == 500 ? "{\"conversations\":[" : ",";
    wanted += line(i).substr(0, line(i).size() - 1);
    if (i >= 499) wanted += "]}\n";
  }
  REQUIRE(sink->update(line(7)).ok());
  finish(*sink);
  CHECK(content(folder / "out") == wanted);
  CHECK(content(folder / "updates") == line(7));
  CHECK(sink->updates() == 1);
  CHECK(sink->bytes() == wanted.size() + line(7).size());
}

TEST_CASE("line sink: more than a block of lines comes out whole and in order") {
  const TemporaryFolder folder;
  const auto sink = open_sink(folder / "out", OutputFormat::jsonl, folder / "updates");
  std::string wanted;
  for (int i = 0; i < 40'000; ++i) {
    REQUIRE(sink->conversation(line(i)).ok());
    REQUIRE(sink->update(line(i)).ok());
    wanted += line(i);
  }
  finish(*sink);
  CHECK(content(folder / "out") == wanted);
  CHECK(content(folder / "updates") == wanted);
}

TEST_CASE("line sink: nothing is left of a run that does not end, and nothing stands before commit") {
  const TemporaryFolder folder;
  put(folder / "out", "old");
  {
    const auto sink = open_sink(folder / "out", OutputFormat::jsonl, folder / "updates");
    REQUIRE(sink->conversation(line(1)).ok());
    REQUIRE(sink->finish("{}").ok());
    CHECK(content(folder / "out") == "old");
  }
  CHECK(folder.names() == Names{"out"});
  CHECK(content(folder / "out") == "old");
}

TEST_CASE("line sink: an update without a place to go is not swallowed") {
  const TemporaryFolder folder;
  const auto sink = open_sink(folder / "out", OutputFormat::jsonl);
  const auto result = sink->update(line(1));
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Errc::usage);
  CHECK(result.error().text() == (folder / "out") +
                                     ": there is an update of a conversation that is not in this run, and no file for updates\n"
                                     "  name one in the sink: updates = \"updates.jsonl\"");
}

TEST_CASE("line sink: conversations and updates in one file would be neither") {
  const TemporaryFolder folder;
  const auto same = open_line_sink(folder / "out", OutputFormat::jsonl, folder / "./out");
  REQUIRE_FALSE(same.ok());
  CHECK(same.error().code == Errc::usage);
  CHECK(same.error().text() == (folder / "out") +
                                   ": conversations and updates cannot go to the same file\n"
                                   "  name another file for the updates");
  const auto streams = open_line_sink("-", OutputFormat::jsonl, "-");
  REQUIRE_FALSE(streams.ok());
  CHECK(streams.error().text() ==
        "standard output: conversations and updates cannot go to the same stream\n  name another file for the updates");
  CHECK(folder.names().empty());
}

TEST_CASE("line sink: a folder that is not there, for either file") {
  const TemporaryFolder folder;
  const std::string why = ": cannot open for writing: No such file or directory\n  make the folder " + (folder / "no") +
                          " first, or name another file with [[sink]] ";
  const auto first = open_line_sink(folder / "no/out", OutputFormat::jsonl, "");
  REQUIRE_FALSE(first.ok());
  CHECK(first.error().text() == (folder / "no/out") + why + "path");
  const auto second = open_line_sink(folder / "out", OutputFormat::jsonl, folder / "no/updates");
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().text() == (folder / "no/updates") + why + "updates");
  CHECK(folder.names().empty());
}
