// Names of zones that are not in the zoneinfo folder: those of Rails (and Zendesk) and of Windows, and IANA's renamings.
#pragma once

#include <span>
#include <string_view>

namespace crosswalk::times {

struct ZoneAlias {
  std::string_view name;
  std::string_view target;
};

struct AbbreviationMeanings {
  std::string_view name;
  std::string_view zones;  ///< as a phrase: "A, B or C"
};

[[nodiscard]] std::span<const ZoneAlias> rails_names();
[[nodiscard]] std::span<const ZoneAlias> old_rails_names();
[[nodiscard]] std::span<const ZoneAlias> windows_names();

/// The IANA name that a Rails or Windows name stands for, whatever its case; empty when there is none.
[[nodiscard]] std::string_view alias_target(std::string_view name);

/// What a zone was called before IANA renamed it; empty when it was not.
[[nodiscard]] std::string_view older_name(std::string_view iana_name);

/// "A, B or C" for abbreviations such as IST; empty for other names.
[[nodiscard]] std::string_view meanings_of_abbreviation(std::string_view name);

constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace crosswalk::times
