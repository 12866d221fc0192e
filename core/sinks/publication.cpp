#include "sinks/publication.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "encode/json_text.hpp"
#include "framing/json_object.hpp"
#include "sinks/partial.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kLongestList = std::size_t{1} << 20;
constexpr std::string_view kEnd = "{\"end\":true}\n";

std::string list_of(const std::string& first) { return first + ".publishing"; }

Error failure(const std::string& path, std::string_view what, int code, std::string cure = {}) {
  return {Errc::io, fmt::format("{}: {}: {}", path, what, std::strerror(code)), std::move(cure)};
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

/// The whole of a list; none: it is not ours, or was never whole.
bool read_list(const std::string& path, std::vector<PendingFile>& out) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return false;
  struct stat status {};
  const bool ours = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid() &&
                    (status.st_mode & (S_IWGRP | S_IWOTH)) == 0 && static_cast<std::size_t>(status.st_size) <= kLongestList;
  std::string text(ours ? static_cast<std::size_t>(status.st_size) : 0, '\0');
  const ssize_t got = ours ? ::pread(fd, text.data(), text.size(), 0) : -1;
  ::close(fd);
  if (got != static_cast<ssize_t>(text.size()) || !text.ends_with(kEnd)) return false;
  json::ObjectReader reader;
  for (std::string_view rest = text; rest != kEnd;) {
    const std::size_t end = rest.find('\n');
    PendingFile file;
    if (!reader.start(rest.substr(0, end))) return false;
    json::Member member;
    while (reader.next(member)) {
      if (member.key == "temporary") file.temporary = member.text;
      if (member.key == "target") file.target = member.text;
    }
    if (!is_partial_of(file.temporary, file.target)) return false;
    out.push_back(std::move(file));
    rest.remove_prefix(end + 1);
  }
  return true;
}

}  // namespace

Result<void> Publication::begin() {
  if (files_.size() < 2) return {};
  Buffer text;
  for (const PendingFile& file : files_) {
    text.add("{\"temporary\":");
    add_json_string(text, file.temporary);
    text.add(",\"target\":");
    add_json_string(text, file.target);
    text.add("}\n");
  }
  text.add(kEnd);
  const std::string path = list_of(files_.front().target);
  std::string name;
  const int fd = open_partial(path, O_WRONLY, name);
  if (fd < 0) return failure(path, "cannot open for writing", errno);
  const std::string_view bytes = text.view();
  const bool written = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()) && ::fsync(fd) == 0 &&
                       ::rename(name.c_str(), path.c_str()) == 0;
  const int code = errno;
  ::close(fd);
  if (!written) {
    ::unlink(name.c_str());
    return failure(path, "cannot write", code, "free some space, then run again");
  }
  for (const PendingFile& file : files_) sync_folder_of(file.target);  // the temporary names, too
  return {};
}

bool Publication::begun() const {
  return std::any_of(files_.begin(), files_.end(), [](const PendingFile& file) { return !exists(file.temporary); });
}

void Publication::end() {
  if (files_.size() < 2) return;
  const std::string path = list_of(files_.front().target);
  ::unlink(path.c_str());
  sync_folder_of(path);
}

Result<bool> Publication::settle(const std::string& first) {
  const std::string path = list_of(first);
  if (!exists(path)) return false;
  Publication left({});
  if (!read_list(path, left.files_)) {
    return Error{Errc::io, fmt::format("{}: this stands where a list of files to be published would, and is none of ours", path),
                 "see what it is, and move it away"};
  }
  for (const PendingFile& file : left.files_) {
    const int fd = ::open(file.temporary.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) continue;  // it stands already
    struct stat status {};
    const bool ours = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid();
    const bool in_use = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    ::close(fd);
    if (in_use) {
      return Error{Errc::unavailable, fmt::format("{}: another run is just publishing this", file.target),
                   "wait until it is done, then run again"};
    }
    if (ours && ::rename(file.temporary.c_str(), file.target.c_str()) != 0) {
      return failure(file.target, "cannot put in place what an earlier run left", errno, "then run again");
    }
    sync_folder_of(file.target);
  }
  left.end();
  return true;
}

}  // namespace crosswalk
