#include "sinks/output.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "folder.hpp"

using namespace crosswalk;
namespace fs = std::filesystem;

namespace {

std::unique_ptr<OutputFile> open_output(const std::string& path) {
  auto file = OutputFile::open(path);
  if (!file) FAIL(file.error().text());
  return std::move(*file);
}

std::string refused(const std::string& path) {
  const auto file = OutputFile::open(path);
  if (file) return "no error";
  CHECK(file.error().code == Errc::io);
  return file.error().text();
}

std::string lines(std::size_t from, std::size_t to) {
  std::string out;
  for (std::size_t i = from; i < to; ++i) out += "{\"n\":" + std::to_string(i) + "}\n";
  return out;
}

/// What a bulk file must be, line by line.
std::string bodies(std::size_t records) {
  std::string out;
  for (std::size_t i = 0; i < records; ++i) {
    out += i % 500 == 0 ? "{\"conversations\":[" : ",";
    out += "{\"n\":" + std::to_string(i) + "}";
    if (i % 500 == 499 || i + 1 == records) out += "]}\n";
  }
  return out;
}

/// Bulk output of records 0 … records - 1, handed over `step` at a time.
std::string bulk(std::size_t records, std::size_t step) {
  const Folder folder;
  auto file = open_output(folder / "out");
  RecordWriter writer(*file, OutputFormat::bulk);
  for (std::size_t at = 0; at < records; at += step) REQUIRE(writer.write(lines(at, std::min(at + step, records))).ok());
  REQUIRE(writer.finish().ok());
  REQUIRE(file->commit().ok());
  return content(folder / "out");
}

}  // namespace

TEST_CASE("output: nothing stands under the name before commit, everything after it") {
  const Folder folder;
  const std::string path = folder / "out.jsonl";
  auto file = open_output(path);
  REQUIRE(file->write("one\n").ok());
  REQUIRE(file->write("").ok());
  REQUIRE(file->write("two\n").ok());
  CHECK_FALSE(fs::exists(path));
  CHECK(folder.names() == "out.jsonl.partial-" + std::to_string(::getpid()));
  CHECK(file->bytes() == 8);
  REQUIRE(file->commit().ok());
  CHECK(folder.names() == "out.jsonl");
  CHECK(content(path) == "one\ntwo\n");
  file.reset();
  CHECK(content(path) == "one\ntwo\n");
}

TEST_CASE("output: what stood there before stays until commit, and stays without one") {
  const Folder folder;
  const std::string path = folder.file("out", "old");
  {
    auto file = open_output(path);
    REQUIRE(file->write("new").ok());
    CHECK(content(path) == "old");
  }
  CHECK(content(path) == "old");
  CHECK(folder.names() == "out");
  auto file = open_output(path);
  REQUIRE(file->write("new").ok());
  REQUIRE(file->commit().ok());
  CHECK(content(path) == "new");
  CHECK(folder.names() == "out");
}

TEST_CASE("output: an empty output is a file, too") {
  const Folder folder;
  REQUIRE(open_output(folder / "out")->commit().ok());
  CHECK(folder.names() == "out");
  CHECK(content(folder / "out").empty());
}

TEST_CASE("output: without commit nothing is left, not even when nothing was written") {
  const Folder folder;
  open_output(folder / "a");
  auto b = open_output(folder / "b");
  REQUIRE(b->write("x").ok());
  b.reset();
  CHECK(folder.names().empty());
}

TEST_CASE("output: what a killed process left behind does not stop one with the same number") {
  // Process numbers come again: in a container the program may well have the same one every time.
  const Folder folder;
  const std::string path = folder / "out";
  folder.file("out.partial-" + std::to_string(::getpid()), "left behind");
  auto file = OutputFile::open(path);
  REQUIRE(file.ok());
  REQUIRE((*file)->write("new").ok());
  REQUIRE((*file)->commit().ok());
  CHECK(content(path) == "new");
}

TEST_CASE("output: a file that only its owner may read stays so when it is written anew") {
  const Folder folder;
  const std::string path = folder.file("out", "old");
  REQUIRE(::chmod(path.c_str(), 0600) == 0);
  auto file = open_output(path);
  REQUIRE(file->write("new").ok());
  REQUIRE(file->commit().ok());
  CHECK(content(path) == "new");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("output: a folder that is not there, and a folder itself") {
  const Folder folder;
  CHECK(refused(folder / "no/such/out") ==
        (folder / "no/such/out") + ": cannot open for writing: No such file or directory\n  the folder must exist");
  CHECK(refused(folder / "") == (folder / "") + ": cannot write: Is a directory");
  put(folder / "file", "");
  CHECK(refused(folder / "file/out") == (folder / "file/out") + ": cannot open for writing: Not a directory");
}

TEST_CASE("output: a folder that may not be written to") {
  const Folder folder;
  const std::string inner = folder / "inner";
  REQUIRE(::mkdir(inner.c_str(), 0755) == 0);
  const uid_t was = ::geteuid();
  REQUIRE(::chmod(inner.c_str(), 0555) == 0);
  if (was == 0) {
    REQUIRE(::chmod((folder / "").c_str(), 0755) == 0);
    REQUIRE(::seteuid(65534) == 0);
  }
  const std::string text = refused(inner + "/out");
  if (was == 0) REQUIRE(::seteuid(0) == 0);
  CHECK(text == inner + "/out: cannot open for writing: Permission denied\n  choose a folder that you may write to");
  REQUIRE(::chmod(inner.c_str(), 0755) == 0);
}

TEST_CASE("output: a full disk is said with its cure") {
  auto file = open_output("/dev/full");
  const auto result = file->write("x");
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Errc::io);
  CHECK(result.error().text() ==
        "/dev/full: cannot write: No space left on device\n  free some space, or write elsewhere with --output");
  CHECK(file->bytes() == 0);
  CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("output: a device is written to directly and is still one afterwards") {
  auto file = open_output("/dev/null");
  REQUIRE(file->write("x").ok());
  REQUIRE(file->commit().ok());
  CHECK(fs::is_character_file("/dev/null"));
  CHECK_FALSE(fs::exists("/dev/null.partial-" + std::to_string(::getpid())));
}

TEST_CASE("output: a pipe is written to directly; when its reader goes the error says so") {
  const Folder folder;
  const std::string path = folder / "pipe";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  std::string got;
  std::thread reader([&] {
    const int fd = ::open(path.c_str(), O_RDONLY);
    char bytes[4];
    const ssize_t n = ::read(fd, bytes, sizeof bytes);
    if (n > 0) got.assign(bytes, static_cast<std::size_t>(n));
    ::close(fd);
  });
  auto file = open_output(path);
  REQUIRE(file->write("abcd").ok());
  reader.join();
  CHECK(got == "abcd");
  const auto was = std::signal(SIGPIPE, SIG_IGN);
  const auto result = file->write("more");
  std::signal(SIGPIPE, was);
  REQUIRE_FALSE(result.ok());
  CHECK(result.error().code == Errc::closed);
  CHECK(result.error().text() == path + ": the reader has closed it");
  CHECK(folder.names() == "pipe");
}

TEST_CASE("output: - is standard output, and is left open") {
  const Folder folder;
  ::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO);
  const int to = ::open((folder / "stdout").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(::dup2(to, STDOUT_FILENO) == STDOUT_FILENO);
  bool written = false;
  {
    auto file = OutputFile::open("-");
    written = file.ok() && (*file)->write("one\n").ok() && (*file)->commit().ok() && (*file)->write("two\n").ok();
  }
  const bool still_open = ::fcntl(STDOUT_FILENO, F_GETFD) != -1;
  ::dup2(kept, STDOUT_FILENO);
  ::close(kept);
  ::close(to);
  CHECK(written);
  CHECK(still_open);
  CHECK(content(folder / "stdout") == "one\ntwo\n");
}

TEST_CASE("output: standard output that cannot take more is called by that name") {
  ::fflush(stdout);
  const int kept = ::dup(STDOUT_FILENO);
  const int to = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
  REQUIRE(to >= 0);
  REQUIRE(::dup2(to, STDOUT_FILENO) == STDOUT_FILENO);
  std::string text;
  {
    auto file = OutputFile::open("-");
    const auto result = (*file)->write("one\n");
    if (!result) text = result.error().message;
  }
  ::dup2(kept, STDOUT_FILENO);
  ::close(kept);
  ::close(to);
  CHECK(text == "standard output: cannot write: No space left on device");
}

TEST_CASE("output: lines are written as they come") {
  const Folder folder;
  auto file = open_output(folder / "out");
  RecordWriter writer(*file, OutputFormat::jsonl);
  REQUIRE(writer.write(lines(0, 3)).ok());
  REQUIRE(writer.write(lines(3, 1200)).ok());
  REQUIRE(writer.finish().ok());
  REQUIRE(file->commit().ok());
  CHECK(content(folder / "out") == lines(0, 1200));
  CHECK(file->bytes() == lines(0, 1200).size());
}

TEST_CASE("output: bulk bodies of at most 500 records, a line each") {
  for (const std::size_t records : {0U, 1U, 2U, 499U, 500U, 501U, 999U, 1000U, 1001U, 2500U}) {
    for (const std::size_t step : {1U, 7U, 500U, 501U, 3000U}) {
      CAPTURE(records);
      CAPTURE(step);
      CHECK(bulk(records, step) == bodies(records));
    }
  }
  CHECK(bulk(0, 1).empty());
  CHECK(bulk(1, 1) == "{\"conversations\":[{\"n\":0}]}\n");
}

TEST_CASE("output: a bulk writer may be finished twice, and go on") {
  const Folder folder;
  auto file = open_output(folder / "out");
  RecordWriter writer(*file, OutputFormat::bulk);
  REQUIRE(writer.write(lines(0, 2)).ok());
  REQUIRE(writer.finish().ok());
  REQUIRE(writer.finish().ok());
  REQUIRE(writer.write(lines(2, 3)).ok());
  REQUIRE(writer.finish().ok());
  REQUIRE(file->commit().ok());
  CHECK(content(folder / "out") == "{\"conversations\":[{\"n\":0},{\"n\":1}]}\n{\"conversations\":[{\"n\":2}]}\n");
}
