// Findings about which of several records of a conversation is the newest.
#pragma once

#include <fmt/format.h>

#include <string_view>

#include "crosswalk/translate.hpp"
#include "merge/contribution.hpp"
#include "text.hpp"

namespace crosswalk {

/// The code of the finding that `newer`, which is not by an update time, decided between two records that differ.
[[nodiscard]] inline std::string_view code_of(Newer newer) {
  return newer == Newer::equal_times ? "equal_update_times" : "no_update_time";
}

/// Of the record that does not stand. Its place is the caller's to fill in. Without an id it is not known whether they differ.
[[nodiscard]] inline Finding lost_by_place(Newer newer, std::string_view external_id) {
  const std::string_view why = newer == Newer::equal_times  ? "was updated at the same time, and is later in the input"
                               : newer == Newer::only_dated ? "has an update time, which this one has not"
                                                            : "is later in the input; it has no update time";
  Finding finding;
  finding.message = external_id.empty()
                        ? fmt::format("a record with the same id stands instead: it {}", why)
                        : fmt::format("conversation {}: another record, which differs, stands: it {}", shown(external_id), why);
  if (newer != Newer::equal_times) finding.cure = "export update times where the source has them";
  return finding;
}

}  // namespace crosswalk
