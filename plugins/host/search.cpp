// Where adapters are looked for, and which places are safe to load code from.
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <new>

#include "crosswalk/host.hpp"
#include "host_paths.hpp"

namespace crosswalk {
namespace {

namespace fs = std::filesystem;

constexpr const char* kIsolate = "crosswalk-isolate";

/// A user's own private group (Debian's and Ubuntu's default): writing for the group is then writing for the user.
bool is_private_group(gid_t group) {
  if (group == 0) return true;
  const passwd* user = ::getpwuid(::geteuid());
  if (user == nullptr || user->pw_gid != group) return false;
  const std::string name = user->pw_name;
  const struct group* entry = ::getgrgid(group);
  if (entry == nullptr || name != entry->gr_name) return false;
  for (char** member = entry->gr_mem; *member != nullptr; ++member) {
    if (name != *member) return false;
  }
  return true;
}

/// Empty when nobody but root and the current user can change what stands at `path`.
std::string danger(const fs::path& path, bool is_ancestor) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return fmt::format("{}: {}", path.string(), std::strerror(errno));
  if (status.st_uid != 0 && status.st_uid != ::geteuid()) {
    return fmt::format("{} belongs to another user, who could replace it", path.string());
  }
  // In a sticky folder such as /tmp others can add names but not touch ours; that is safe above, not beside, a library.
  if (is_ancestor && (status.st_mode & S_ISVTX) != 0) return {};
  if ((status.st_mode & S_IWOTH) != 0)
    return fmt::format("{} is writable by everybody, so anyone could replace it", path.string());
  if ((status.st_mode & S_IWGRP) != 0 && !is_private_group(status.st_gid)) {
    return fmt::format("{} is writable by its group, so others could replace it", path.string());
  }
  return {};
}

void add_paths(std::vector<std::string>& to, std::string_view list) {
  while (!list.empty()) {
    const std::size_t colon = list.find(':');
    const std::string_view path = list.substr(0, colon);
    if (path.starts_with('/')) to.emplace_back(path);  // what it means must not depend on where the program is started
    list = colon == std::string_view::npos ? std::string_view() : list.substr(colon + 1);
  }
}

}  // namespace

Result<std::string> checked_path(const std::string& path) {
  std::error_code failed;
  const fs::path canonical = fs::canonical(path, failed);
  if (failed == std::errc::not_enough_memory) throw std::bad_alloc();
  if (failed) return Error{Errc::adapter, fmt::format("{}: {}", path, failed.message()), ""};
  if (!fs::is_regular_file(canonical, failed)) return Error{Errc::adapter, "it is not a regular file", ""};
  const std::string cure = "take the rights of others away (chmod go-w), or pass --allow-unsafe-adapter";
  if (std::string why = danger(canonical, false); !why.empty()) return Error{Errc::adapter, why, cure};
  fs::path folder = canonical.parent_path();
  for (bool beside = true; !folder.empty(); beside = false) {
    if (std::string why = danger(folder, !beside); !why.empty()) return Error{Errc::adapter, why, cure};
    if (folder == folder.root_path()) break;
    folder = folder.parent_path();
  }
  return canonical.string();
}

Result<std::string> isolating_program(const std::string& program, bool allow_unsafe) {
  const fs::path home = fs::path(program).parent_path();
  for (const fs::path& place : {home / "plugins" / "isolate" / kIsolate, (home / kAdaptersFromBindir).parent_path() / kIsolate}) {
    std::error_code failed;
    const fs::path canonical = fs::canonical(place, failed);
    if (failed) continue;
    if (allow_unsafe) return canonical.string();
    auto checked = checked_path(canonical.string());
    if (!checked) return Error{Errc::adapter, fmt::format("--isolate: {}", checked.error().message), checked.error().cure};
    return checked;
  }
  return Error{Errc::adapter, fmt::format("--isolate: {} is not installed beside {}", kIsolate, program),
               "install Crosswalk whole, or run without --isolate"};
}

std::vector<std::string> adapter_folders(const std::string& program, const std::vector<std::string>& extra) {
  std::vector<std::string> folders;
  const fs::path home = fs::path(program).parent_path();
  folders.push_back((home / "adapters").string());
  folders.push_back((home / kAdaptersFromBindir).lexically_normal().string());
  if (const char* listed = std::getenv("CROSSWALK_ADAPTER_PATH"); listed != nullptr && ::getauxval(AT_SECURE) == 0) {
    add_paths(folders, listed);
  }
  folders.insert(folders.end(), extra.begin(), extra.end());
  return folders;
}

}  // namespace crosswalk
