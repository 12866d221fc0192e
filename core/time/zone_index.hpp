// The names in one zoneinfo folder, and the nearest names to one that is not there.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crosswalk/time.hpp"

namespace crosswalk::times {

/// Whether a name may be looked up as a file: letters, digits and `_+-.` between slashes, never out of the folder.
[[nodiscard]] bool is_safe_zone_name(std::string_view name);

class ZoneIndex {
 public:
  /// Looks at every file below the folder. Files that are not zone files, and the copies under posix/ and right/, are no
  /// names; links that its tzdata.zi has are.
  explicit ZoneIndex(const std::string& directory);

  [[nodiscard]] const std::vector<std::string>& iana_names() const { return iana_; }
  /// As the folder spells it; empty when it is not there in any case.
  [[nodiscard]] std::string spelling_of(std::string_view name) const;
  /// The zone's own name where tzdata.zi calls `name` a link; else `name`.
  [[nodiscard]] const std::string& target_of_link(const std::string& name) const;
  /// All kinds, sorted by kind ("iana", "rails", "windows") and name.
  [[nodiscard]] std::vector<ZoneDatabase::Name> all_names() const;
  /// Up to three names that a person may have meant, nearest first.
  [[nodiscard]] std::vector<std::string> nearest_to(std::string_view name) const;

 private:
  /// A name, and as people type it.
  struct Spelling {
    std::string name, typed;
  };
  std::vector<Spelling> spellings_;                             // of all kinds
  std::vector<std::string> iana_;                               // sorted
  std::unordered_map<std::string, std::string> by_lower_case_;  // lower case → spelling
  std::unordered_map<std::string, std::string> links_;          // old or second name → the zone's own name
};

}  // namespace crosswalk::times
