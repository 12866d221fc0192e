// Reads a compiled zone file (TZif, RFC 9636, versions 1 to 4).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"
#include "time/posix_rule.hpp"

namespace crosswalk::times {

/// What a zone file says about offsets; names and the daylight flag are not needed here.
struct ZoneRules {
  std::int32_t first_offset = 0;           ///< before the first change
  std::vector<PosixRule::Change> changes;  ///< in time's order
  std::optional<PosixRule> footer;         ///< what follows the last change
};

/// Enough of a file to tell whether it is a zone file: its first bytes.
inline constexpr std::size_t kTzifMagicSize = 4;
[[nodiscard]] bool looks_like_tzif(std::string_view head);

/// `name` is for messages. Every count in the data is checked against its size.
[[nodiscard]] Result<ZoneRules> parse_tzif(std::string_view data, const std::string& name);

}  // namespace crosswalk::times
