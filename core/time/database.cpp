#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <utility>

#include "crosswalk/time.hpp"
#include "time/fixed_offset.hpp"
#include "time/names.hpp"
#include "time/text.hpp"
#include "time/tzif.hpp"
#include "time/zone.hpp"
#include "time/zone_index.hpp"

namespace crosswalk {
namespace {

constexpr std::string_view kSystemFolders[] = {"/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo",
                                               "/etc/zoneinfo"};

// The largest zone file is a few kilobytes. More is not read, whatever the folder holds.
constexpr std::size_t kMostFileSize = std::size_t{1} << 18;

/// Nothing when there is no such file; the zone files' reader judges the content.
bool read_file(const std::string& path, std::string& out) {
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Close> file(std::fopen(path.c_str(), "rbe"));
  if (!file) return false;
  out.resize(kMostFileSize);
  out.resize(std::fread(out.data(), 1, out.size(), file.get()));
  return std::ferror(file.get()) == 0;
}

/// IANA's own file says `# version 2026a`; other folders have a file `+VERSION`.
/// Where neither is there, the version is "unknown"; one that is there and cannot be read is an error, since the version stands
/// in the marks of times.
Result<std::string> read_version(const std::string& directory) {
  constexpr std::string_view kPrefix = "# version ";
  std::string line;
  const std::string path = directory + "/tzdata.zi";
  std::ifstream source(path);
  const bool read = static_cast<bool>(std::getline(source, line));
  if (read && line.rfind(kPrefix, 0) == 0) return std::string(times::trimmed(std::string_view(line).substr(kPrefix.size())));
  std::ifstream version(directory + "/+VERSION");
  std::string other;
  if (std::getline(version, other) && !times::trimmed(other).empty()) return std::string(times::trimmed(other));
  std::error_code failed;
  if (std::filesystem::symlink_status(path, failed).type() == std::filesystem::file_type::not_found)
    return std::string("unknown");
  return Error{Errc::io,
               path + (read ? " does not begin with `# version`" : " cannot be read") +
                   ", so it is not known which version of the time zone data this is",
               "install the package tzdata anew, or give another folder with --zone-data"};
}

bool holds_zones(const std::string& directory) {
  std::string data;
  for (const char* common : {"/UTC", "/Etc/UTC", "/Europe/London"}) {
    if (read_file(directory + common, data) && times::looks_like_tzif(data)) return true;
  }
  return !times::ZoneIndex(directory).iana_names().empty();
}

/// `+25`, `UTC-19:00`: meant as a fixed offset, though it is none.
bool is_offset_like(std::string_view name) {
  for (const std::string_view prefix : {"UTC", "GMT"}) {
    if (times::equal_ignoring_case(name.substr(0, prefix.size()), prefix)) name.remove_prefix(prefix.size());
  }
  return name.size() > 1 && (name[0] == '+' || name[0] == '-') && is_digit(name[1]);
}

Error unknown_name(std::string_view name, const std::vector<std::string>& nearest) {
  Error error{Errc::usage, times::quoted(name) + " is not a known time zone", "'crosswalk zones' lists all names"};
  if (const std::string_view meanings = times::meanings_of_abbreviation(name); !meanings.empty()) {
    error.message += ": the abbreviation is ambiguous or has no rules of its own; it may mean ";
    error.message += meanings;
    error.cure = "give the zone's name; " + error.cure;
  } else if (is_offset_like(name)) {
    error.cure = "a fixed offset is written +05:30, -0300 or UTC-3, and is at most 18 hours";
  } else if (!nearest.empty()) {
    error.message += "; the nearest names are ";
    for (std::size_t i = 0; i < nearest.size(); ++i) {
      if (i > 0) error.message += i + 1 == nearest.size() ? " and " : ", ";
      error.message += times::quoted(nearest[i]);
    }
  }
  return error;
}

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <class Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

class FolderDatabase final : public ZoneDatabase {
 public:
  FolderDatabase(std::string directory, std::string version) : directory_(std::move(directory)), version_(std::move(version)) {}

  [[nodiscard]] Result<const Zone*> find(std::string_view asked) const override {
    const std::string_view name = times::without_shown_offset(times::trimmed(asked));
    if (const Zone* zone = known(name)) return zone;
    if (times::equal_ignoring_case(name, "UTC") || times::equal_ignoring_case(name, "Z")) return fixed_zone(0);
    if (const auto offset = times::parse_fixed_offset(name)) return fixed_zone(*offset);
    if (Result<const Zone*> zone = zone_from_file(std::string(name)); !zone || *zone) return zone;
    if (const auto target = times::alias_target(name); !target.empty()) return zone_of_alias(name, target);
    if (const std::string spelling = index().spelling_of(name); !spelling.empty()) {
      if (Result<const Zone*> zone = zone_from_file(spelling); !zone || *zone) return zone;
      return zone_from_file(spelling, index().target_of_link(spelling));  // a link that the folder has no file for
    }
    if (const auto older = times::older_name(name); !older.empty()) return zone_of_alias(name, older);
    return unknown_name(name, index().nearest_to(name));
  }

  [[nodiscard]] const std::string& version() const override { return version_; }
  [[nodiscard]] const std::string& directory() const override { return directory_; }
  [[nodiscard]] std::vector<Name> names() const override { return index().all_names(); }

 private:
  /// A zone by another name's target, or by what the target was called when the folder was made.
  [[nodiscard]] Result<const Zone*> zone_of_alias(std::string_view name, std::string_view target) const {
    for (; !target.empty(); target = times::older_name(target)) {
      Result<const Zone*> zone = zone_from_file(std::string(target));
      if (!zone || *zone) return zone;
    }
    return unknown_name(name, index().nearest_to(name));
  }

  [[nodiscard]] Result<const Zone*> zone_from_file(const std::string& name) const { return zone_from_file(name, name); }

  /// Null when the folder has no such file.
  [[nodiscard]] Result<const Zone*> zone_from_file(const std::string& name, const std::string& file) const {
    if (const Zone* zone = known(name)) return zone;
    std::string data;
    if (!times::is_safe_zone_name(file) || !read_file(directory_ + "/" + file, data) || !times::looks_like_tzif(data)) {
      return static_cast<const Zone*>(nullptr);
    }
    const Result<times::ZoneRules> rules = times::parse_tzif(data, name);
    if (!rules) return rules.error();
    return keep(std::make_unique<const Zone>(name, *rules));
  }

  [[nodiscard]] const Zone* fixed_zone(std::int32_t offset) const {
    const std::string name = times::fixed_offset_name(offset);
    if (const Zone* zone = known(name)) return zone;
    times::ZoneRules rules;
    rules.first_offset = offset;
    return keep(std::make_unique<const Zone>(name, rules));
  }

  [[nodiscard]] const Zone* known(std::string_view name) const {
    const std::shared_lock lock(mutex_);
    const auto found = zones_.find(name);
    return found == zones_.end() ? nullptr : found->second.get();
  }

  /// Two threads may have read the same file; the first to come here is kept.
  const Zone* keep(std::unique_ptr<const Zone> zone) const {
    const std::unique_lock lock(mutex_);
    std::string name = zone->name();
    return zones_.try_emplace(std::move(name), std::move(zone)).first->second.get();
  }

  const times::ZoneIndex& index() const {
    std::call_once(index_once_, [this] { index_ = std::make_unique<const times::ZoneIndex>(directory_); });
    return *index_;
  }

  std::string directory_;
  std::string version_;
  mutable std::shared_mutex mutex_;
  mutable TextMap<std::unique_ptr<const Zone>> zones_;  // by their own names; a zone never leaves
  mutable std::once_flag index_once_;
  mutable std::unique_ptr<const times::ZoneIndex> index_;
};

}  // namespace

Result<std::shared_ptr<const ZoneDatabase>> ZoneDatabase::open(const std::string& directory) {
  const auto open_folder = [](std::string folder) -> Result<std::shared_ptr<const ZoneDatabase>> {
    auto version = read_version(folder);
    if (!version) return version.error();
    return std::shared_ptr<const ZoneDatabase>(std::make_shared<const FolderDatabase>(std::move(folder), std::move(*version)));
  };
  if (!directory.empty()) {
    if (holds_zones(directory)) return open_folder(directory);
    return Error{Errc::usage, "there is no time zone data in " + times::quoted(directory),
                 "give a folder of compiled zone files, such as /usr/share/zoneinfo"};
  }
  for (const std::string_view folder : kSystemFolders) {
    if (holds_zones(std::string(folder))) return open_folder(std::string(folder));
  }
  return Error{Errc::io, "this system has no time zone data (looked in /usr/share/zoneinfo and its usual other places)",
               "install the package tzdata, or give a folder with --zone-data"};
}

}  // namespace crosswalk
