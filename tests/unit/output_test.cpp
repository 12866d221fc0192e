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

TEST_CASE("output: what killed runs left is removed, and what a living one writes is not") {
  const Folder folder;
  const std::string path = folder / "out";
  auto living = open_output(path);
  REQUIRE(living->write("living").ok());
  folder.file("out.partial-1", "left");
  folder.file("out.partial-77-2", "left");
  folder.file("out.partial-x", "somebody's");
  folder.file("other.partial-1", "another's");
  fs::create_symlink("out.partial-x", folder / "out.partial-2");
  auto second = open_output(path);
  CHECK_FALSE(fs::exists(folder / "out.partial-1"));
  CHECK_FALSE(fs::exists(folder / "out.partial-77-2"));
  CHECK(fs::is_symlink(folder / "out.partial-2"));
  CHECK(content(folder / "out.partial-x") == "somebody's");
  CHECK(content(folder / "other.partial-1") == "another's");
  REQUIRE(living->finish().ok());
  open_output(path);  // also between finish and commit it is in use
  REQUIRE(living->commit().ok());
  CHECK(content(path) == "living");
}

TEST_CASE("publication: what a kill between two renames left is completed, whichever they are") {
  for (int done = 0; done <= 4; ++done) {
    const Folder folder;
    const std::vector<std::string> paths = {folder / "a", folder / "b", folder / "c"};
    for (const std::string& path : paths) folder.file(fs::path(path).filename().string(), "old");
    const pid_t child = ::fork();
    if (child == 0) {
      std::vector<std::unique_ptr<OutputFile>> files;
      std::vector<PendingFile> pending;
      for (const std::string& path : paths) {
        files.push_back(std::move(*OutputFile::open(path)));
        (void)files.back()->write("new");
        (void)files.back()->finish();
        files.back()->pending(pending);
      }
      Publication publication(pending);
      if (done != 4) (void)publication.begin();
      for (int i = 0; i < done && i < 3; ++i) (void)files[static_cast<std::size_t>(i)]->commit();
      if (done == 4) publication.end();  // and it is killed
      _exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    const auto settled = Publication::settle(paths[0]);
    REQUIRE(settled.ok());
    CHECK(*settled == (done != 4));
    for (const std::string& path : paths) CHECK(content(path) == "new");
    CHECK_FALSE(*Publication::settle(paths[0]));
    CHECK(folder.names() == "a b c");
  }
}

TEST_CASE("publication: a list that is none of ours, or that others could write, is refused") {
  const Folder folder;
  const std::string path = folder / "a";
  const std::string victim = folder.file("victim", "mine");
  const auto settle = [&](const std::string& list) {
    folder.file("a.publishing", list);
    const auto settled = Publication::settle(path);
    CHECK(content(victim) == "mine");
    return settled.ok();
  };
  const std::string end = "{\"end\":true}\n", other = folder.file("other", "theirs");
  CHECK_FALSE(settle(""));
  CHECK_FALSE(settle("text"));
  CHECK_FALSE(settle("{\"temporary\":\"" + other + "\",\"target\":\"" + victim + "\"}\n" + end));
  CHECK_FALSE(settle("{\"temporary\":\"" + victim + ".partial-1\",\"target\":\"" + victim + "\"}\n"));
  CHECK(settle("{\"temporary\":\"" + victim + ".partial-1\",\"target\":\"" + victim + "\"}\n" + end));
  REQUIRE(::chmod(folder.file("a.publishing", end).c_str(), 0666) == 0);
  CHECK_FALSE(Publication::settle(path).ok());
  fs::remove(folder / "a.publishing");
  // While another run is at it.
  auto living = open_output(path);
  auto second = open_output(folder / "b");
  std::vector<PendingFile> pending;
  for (const auto& file : {living.get(), second.get()}) {
    REQUIRE(file->finish().ok());
    file->pending(pending);
  }
  Publication publication(pending);
  REQUIRE(publication.begin().ok());
  const auto settled = Publication::settle(path);
  REQUIRE_FALSE(settled.ok());
  CHECK(settled.error().code == Errc::unavailable);
}

TEST_CASE("output: a partial file is for its owner alone, a new one follows the umask, rejects do not") {
  const Folder folder;
  const auto mode = [](const std::string& path) {
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777;
  };
  const mode_t was = ::umask(0022);
  for (const bool personal : {false, true}) {
    const std::string path = folder / (personal ? "rejects" : "out");
    auto file = OutputFile::open(path, "--output", personal);
    REQUIRE(file.ok());
    CHECK(mode(path + ".partial-" + std::to_string(::getpid())) == 0600);
    REQUIRE((*file)->commit().ok());
    CHECK(mode(path) == (personal ? 0600 : 0644));
  }
  ::umask(was);
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
  CHECK(refused(folder / "no/such/out") == (folder / "no/such/out") + ": cannot open for writing: No such file or directory\n" +
                                               "  make the folder " + (folder / "no/such") +
                                               " first, or name another file with --output");
  CHECK(refused(folder / "") == (folder / "") + ": cannot write: Is a directory\n  name a file in it with --output");
  folder.file("file", "");
  CHECK(refused(folder / "file/out") == (folder / "file/out") + ": cannot open for writing: Not a directory\n  " +
                                            (folder / "file") + " is not a folder: name another file with --output");
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
  CHECK(text == inner + "/out: cannot open for writing: Permission denied\n  have somebody let you write to the folder " + inner +
                    ", or name another file with --output");
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

TEST_CASE("output: through a link, also one to a file that is not there yet, the file is written and the link stays") {
  const Folder folder;
  fs::create_directory(folder / "there");
  const std::string target = folder.file("there/out", "old");
  REQUIRE(::chmod(target.c_str(), 0640) == 0);
  fs::create_symlink("there/out", folder / "link");
  fs::create_symlink(folder / "link", folder / "link to it");
  fs::create_symlink("there/new", folder / "dangling");
  for (const auto& pair : {std::pair<std::string, std::string>{"link to it", "there/out"}, {"dangling", "there/new"}}) {
    const std::string &link = pair.first, &file = pair.second;
    CAPTURE(link);
    auto output = open_output(folder / link);
    REQUIRE(output->write("new").ok());
    CHECK(output->awaits_commit());
    CHECK(fs::exists(folder / (file + ".partial-" + std::to_string(::getpid()))));
    REQUIRE(output->commit().ok());
    CHECK(fs::is_symlink(folder / link));
    CHECK(content(folder / file) == "new");
  }
  CHECK(folder.names() == "dangling link link to it there");
  struct stat status {};
  REQUIRE(::stat(target.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0640);
}

TEST_CASE("output: a link that leads to itself, nowhere, to a folder, to a device") {
  const Folder folder;
  fs::create_symlink("circle", folder / "circle");
  fs::create_symlink("no/out", folder / "nowhere");
  fs::create_symlink(".", folder / "folder");
  fs::create_symlink("/dev/full", folder / "device");
  CHECK(refused(folder / "circle") == (folder / "circle") +
                                          ": cannot open for writing: Too many levels of symbolic links\n"
                                          "  the links lead in a circle: name another file with --output");
  CHECK(refused(folder / "nowhere") == (folder / "nowhere") + ": cannot open for writing: No such file or directory\n" +
                                           "  make the folder " + (folder / "no") + " first, or name another file with --output");
  CHECK(refused(folder / "folder") == (folder / "folder") + ": cannot write: Is a directory\n  name a file in it with --output");
  CHECK_FALSE(open_output(folder / "device")->write("x").ok());
  CHECK(fs::is_character_file("/dev/full"));
}

TEST_CASE("output: the name of an open descriptor is that descriptor, which stays where it is") {
  // Opened anew, `--output /dev/stdout >>log` would write over the log's beginning, or put a file in the place of the link.
  const Folder folder;
  const std::string log = folder.file("log", "before\n");
  const int fd = ::open(log.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  for (const char* format : {"/dev/fd/", "/proc/self/fd/"}) {
    const std::string path = format + std::to_string(fd);
    CHECK(output_target(path).descriptor == fd);
    auto file = open_output(path);
    CHECK_FALSE(file->awaits_commit());
    REQUIRE(file->write("after\n").ok());
    REQUIRE(file->commit().ok());
  }
  CHECK(::fcntl(fd, F_GETFD) != -1);
  ::close(fd);
  CHECK(content(log) == "before\nafter\nafter\n");
  CHECK(folder.names() == "log");
  CHECK(output_target("/dev/stdout").descriptor == STDOUT_FILENO);
  CHECK(output_target("-").descriptor == STDOUT_FILENO);
}

TEST_CASE("output: two ways to one file are one target") {
  const Folder folder;
  fs::create_directory(folder / "in");
  fs::create_symlink("in", folder / "alias");
  fs::create_symlink("in/out", folder / "link");
  const std::string path = output_target(folder / "in/out").path;
  for (const char* other : {"alias/out", "in/../in/out", "./in//out", "link"}) CHECK(output_target(folder / other).path == path);
  CHECK(output_target(folder / "in/out").replaced);
  CHECK_FALSE(output_target("/dev/null").replaced);
}

TEST_CASE("output: the owner and the group of a file that is written anew stay, as far as they can") {
  if (::geteuid() != 0) return;  // only root can give files away
  const Folder folder;
  const std::string path = folder.file("out", "old");
  REQUIRE(::chown(path.c_str(), 65534, 65534) == 0);
  REQUIRE(::chmod(path.c_str(), 0640) == 0);
  REQUIRE(open_output(path)->commit().ok());
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(status.st_uid == 65534);
  CHECK(status.st_gid == 65534);
  CHECK((status.st_mode & 07777) == 0640);

  // Somebody else may not give it the old group, so that group's rights are not the new group's.
  REQUIRE(::chown(path.c_str(), 0, 0) == 0);
  REQUIRE(::chmod(path.c_str(), 0664) == 0);
  REQUIRE(::chmod(folder.path().c_str(), 0777) == 0);
  REQUIRE(::setegid(65534) == 0);
  REQUIRE(::seteuid(65534) == 0);
  const bool written = open_output(path)->commit().ok();
  REQUIRE(::seteuid(0) == 0);
  REQUIRE(::setegid(0) == 0);
  REQUIRE(written);
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(status.st_uid == 65534);
  CHECK((status.st_mode & 07777) == 0644);
}

TEST_CASE("output: cures speak of the option that named the path") {
  const Folder folder;
  const auto text = [&](const char* option) { return OutputFile::open(folder / "no/out", option).error().cure; };
  CHECK(text("--rejects") == "make the folder " + (folder / "no") + " first, or name another file with --rejects");
  CHECK(text("--summary") == "make the folder " + (folder / "no") + " first, or name another file with --summary");
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
