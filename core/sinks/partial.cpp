#include "sinks/partial.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string_view>

namespace crosswalk {
namespace {

constexpr std::string_view kMark = ".partial-";
constexpr int kMostNames = 100;

std::string folder_of(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

void remove_left_behind(const std::string& target) {
  const std::string folder = folder_of(target), own = std::filesystem::path(target).filename().string();
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  while (const dirent* const entry = open ? ::readdir(open.get()) : nullptr) {
    if (!is_partial_of(entry->d_name, own)) continue;
    const int fd = ::openat(::dirfd(open.get()), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) continue;
    struct stat status {};
    const bool ours = ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_uid == ::geteuid();
    if (ours && ::flock(fd, LOCK_EX | LOCK_NB) == 0) ::unlinkat(::dirfd(open.get()), entry->d_name, 0);
    ::close(fd);
  }
}

}  // namespace

bool is_partial_of(std::string_view name, std::string_view target) {
  if (!name.starts_with(target) || !name.substr(target.size()).starts_with(kMark)) return false;
  const std::string_view rest = name.substr(target.size() + kMark.size());
  return !rest.empty() && rest.find_first_not_of("0123456789-") == std::string_view::npos;
}

int open_partial(const std::string& target, int access, std::string& name) {
  remove_left_behind(target);
  for (int n = 0; n < kMostNames; ++n) {
    name = fmt::format("{}{}{}{}", target, kMark, ::getpid(), n == 0 ? "" : fmt::format("-{}", n));
    const int fd = ::open(name.c_str(), access | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 && errno == EEXIST) continue;
    if (fd < 0) break;
    // Between the two calls another run may have taken it for left behind.
    struct stat status {};
    const bool taken = ::flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    if (!taken && ::fstat(fd, &status) == 0 && status.st_nlink != 0) return fd;
    ::close(fd);
  }
  const int code = errno;
  name.clear();
  errno = code;
  return -1;
}

std::optional<mode_t> usual_mode() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (!line.starts_with("Umask:")) continue;
    return 0666 & ~static_cast<mode_t>(std::strtoul(line.c_str() + 6, nullptr, 8));
  }
  return std::nullopt;
}

void sync_folder_of(const std::string& path) {
  const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return;
  ::fsync(folder);
  ::close(folder);
}

}  // namespace crosswalk
