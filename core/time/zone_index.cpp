#include "time/zone_index.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "crosswalk/folder.hpp"
#include "time/names.hpp"
#include "time/tzif.hpp"

namespace crosswalk::times {
namespace {

namespace fs = std::filesystem;

std::string in_lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), to_lower);
  return lower;
}

bool is_zone_file(const fs::path& path) {
  std::array<char, kTzifMagicSize> head{};
  std::ifstream file(path, std::ios::binary);
  file.read(head.data(), head.size());
  return file && looks_like_tzif({head.data(), head.size()});
}

/// Links of the machine's own setting are files in some folders, but no zone's names.
bool is_local_setting(std::string_view name) { return name == "localtime" || name == "posixrules"; }

bool is_copy_folder(std::string_view name) { return name == "posix" || name == "right"; }

constexpr int kDeepest = 8;  // folders in folders; America/Argentina is one

/// Those in a folder of it whose name ends with a slash, or in itself: "". Links to folders are not followed.
void add_zone_files(const std::string& directory, const std::string& folder, int depth, std::vector<std::string>& names) {
  for (const std::string& inside : names_in(directory + "/" + folder)) {
    std::string name = folder + inside;
    const fs::path path = directory + "/" + name;
    std::error_code ignored;
    if (fs::is_directory(path, ignored)) {
      const bool walked = depth < kDeepest && !fs::is_symlink(path, ignored) && (depth != 0 || !is_copy_folder(inside));
      if (walked) add_zone_files(directory, name + "/", depth + 1, names);
    } else if (is_safe_zone_name(name) && !is_local_setting(name) && is_zone_file(path)) {
      names.push_back(std::move(name));
    }
  }
}

std::vector<std::string> list_zone_files(const std::string& directory) {
  std::vector<std::string> names;
  add_zone_files(directory, "", 0, names);
  std::sort(names.begin(), names.end());
  return names;
}

/// tzdata.zi has a line `L target name` for each link.
std::unordered_map<std::string, std::string> read_links(const std::string& directory) {
  std::unordered_map<std::string, std::string> links;
  std::ifstream file(directory + "/tzdata.zi");
  std::string line;
  while (std::getline(file, line)) {
    if (line.rfind("L ", 0) != 0) continue;
    const std::size_t blank = line.find(' ', 2);
    if (blank != std::string::npos) links.emplace(line.substr(blank + 1), line.substr(2, blank - 2));
  }
  return links;
}

/// What was asked, ready to be compared with many names.
class Asked {
 public:
  static constexpr std::size_t kMost = 64;

  explicit Asked(const std::string& typed) : typed_(typed) {
    for (std::size_t i = 0; i < typed.size(); ++i) places_[static_cast<unsigned char>(typed[i])] |= std::uint64_t{1} << i;
  }
  [[nodiscard]] const std::string& typed() const { return typed_; }

  /// Number of letters to insert, drop, replace or swap with their neighbour, by Hyyrö's bit-parallel method: a bit for each
  /// row of the table, and a column in a dozen operations.
  [[nodiscard]] std::size_t edits_to(std::string_view name) const {
    const std::uint64_t last = std::uint64_t{1} << (typed_.size() - 1);
    std::uint64_t rises = ~std::uint64_t{0};  // where a row's distance is one more than that above, and one less
    std::uint64_t falls = 0;
    std::uint64_t free_steps = 0;  // where the diagonal costs nothing
    std::uint64_t equal_before = 0;
    std::size_t distance = typed_.size();
    for (const char c : name) {
      const std::uint64_t equal = places_[static_cast<unsigned char>(c)];
      const std::uint64_t swapped = ((~free_steps & equal) << 1) & equal_before;
      free_steps = (((equal & rises) + rises) ^ rises) | equal | falls | swapped;
      std::uint64_t more = falls | ~(free_steps | rises);  // against the column before
      std::uint64_t less = free_steps & rises;
      if ((more & last) != 0) ++distance;
      if ((less & last) != 0) --distance;
      more = more << 1 | 1;
      less <<= 1;
      rises = less | ~(free_steps | more);
      falls = more & free_steps;
      equal_before = equal;
    }
    return distance;
  }

 private:
  const std::string& typed_;
  std::array<std::uint64_t, 256> places_{};  // of each letter, a bit for each
};

/// Lower case, and words as people write them: "America/New_York" → "america/new york".
std::string as_typed(std::string_view name) {
  std::string typed = in_lower_case(name);
  std::replace(typed.begin(), typed.end(), '_', ' ');
  return typed;
}

/// How far a name, as typed, is from what was asked; its last part ("new york"), a name that begins with it and one that holds
/// it are near too. Beyond `tolerance` any number does.
std::size_t remoteness(const Asked& asked, std::string_view typed, std::size_t tolerance) {
  const std::size_t size = asked.typed().size();
  const std::size_t place = size >= 4 ? typed.find(asked.typed()) : std::string_view::npos;
  if (place == 0) return 0;
  std::size_t distance = place == std::string_view::npos ? tolerance + 1 : 2;
  const auto compare = [&](std::string_view with) {
    const std::size_t more_letters = std::max(with.size(), size) - std::min(with.size(), size);
    if (more_letters <= tolerance) distance = std::min(distance, asked.edits_to(with));
  };
  compare(typed);
  if (const std::size_t slash = typed.rfind('/'); slash != std::string_view::npos) compare(typed.substr(slash + 1));
  return distance;
}

constexpr std::size_t kMostSuggestions = 3;
constexpr std::size_t kLongestName = 255;

}  // namespace

bool is_safe_zone_name(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || name.back() == '/') return false;
  char previous = '/';
  for (const char c : name) {
    const bool letter_or_digit = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (!letter_or_digit && std::string_view("_+-./").find(c) == std::string_view::npos) return false;
    // A part that begins with a dot could leave the folder, one with '+' or '-' is no zone.
    if (previous == '/' && !letter_or_digit && c != '_') return false;
    previous = c;
  }
  return name.rfind("posix/", 0) != 0 && name.rfind("right/", 0) != 0 && !is_local_setting(name);
}

ZoneIndex::ZoneIndex(const std::string& directory) : iana_(list_zone_files(directory)), links_(read_links(directory)) {
  // Debian 13 and Ubuntu 24.04 have the files of old names (US/Eastern) in a package of their own, which few install; what they
  // are links to stands in tzdata.zi all the same.
  const std::vector<std::string> files = iana_;
  const auto is_file = [&](const std::string& name) { return std::binary_search(files.begin(), files.end(), name); };
  for (const auto& [name, target] : links_) {
    if (is_safe_zone_name(name) && is_file(target) && !is_file(name)) iana_.push_back(name);
  }
  std::sort(iana_.begin(), iana_.end());
  for (const std::string& name : iana_) by_lower_case_.emplace(in_lower_case(name), name);
  for (ZoneDatabase::Name& name : all_names()) {
    std::string typed = as_typed(name.name);
    spellings_.push_back({std::move(name.name), std::move(typed)});
  }
}

std::string ZoneIndex::spelling_of(std::string_view name) const {
  const auto found = by_lower_case_.find(in_lower_case(name));
  return found == by_lower_case_.end() ? std::string{} : found->second;
}

const std::string& ZoneIndex::target_of_link(const std::string& name) const {
  const auto link = links_.find(name);
  return link == links_.end() ? name : link->second;
}

std::vector<ZoneDatabase::Name> ZoneIndex::all_names() const {
  std::vector<ZoneDatabase::Name> names;
  for (const std::string& name : iana_) names.push_back({name, "iana", target_of_link(name)});
  const auto add = [&](std::span<const ZoneAlias> aliases, const char* kind) {
    for (const ZoneAlias& alias : aliases) names.push_back({std::string(alias.name), kind, std::string(alias.target)});
  };
  add(rails_names(), "rails");
  add(old_rails_names(), "rails");
  add(windows_names(), "windows");
  std::sort(names.begin(), names.end(), [](const ZoneDatabase::Name& a, const ZoneDatabase::Name& b) {
    return a.kind != b.kind ? a.kind < b.kind : a.name < b.name;
  });
  return names;
}

std::vector<std::string> ZoneIndex::nearest_to(std::string_view name) const {
  // A very long "name" is no name with a slip in it.
  if (name.empty() || name.size() > Asked::kMost) return {};
  const std::string typed = as_typed(name);
  const Asked asked(typed);
  const std::size_t tolerance = std::max<std::size_t>(2, typed.size() / 3);

  struct Candidate {
    std::size_t remoteness;
    std::string name;
    bool operator<(const Candidate& other) const {
      if (remoteness != other.remoteness) return remoteness < other.remoteness;
      if (name.size() != other.name.size()) return name.size() < other.name.size();
      return name < other.name;
    }
    bool operator==(const Candidate& other) const { return name == other.name; }
  };
  std::vector<Candidate> candidates;
  for (const Spelling& known : spellings_) {
    const std::size_t distance = remoteness(asked, known.typed, tolerance);
    if (distance <= tolerance && distance < typed.size()) candidates.push_back({distance, known.name});
  }
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());

  std::vector<std::string> nearest;
  for (std::size_t i = 0; i < std::min(candidates.size(), kMostSuggestions); ++i) nearest.push_back(candidates[i].name);
  return nearest;
}

}  // namespace crosswalk::times
