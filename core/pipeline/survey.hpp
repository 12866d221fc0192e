// The look before the translation: how a source writes its times and numbers, and which run of a repeated hour its records are
// of.
#pragma once

#include <string_view>

#include "io/input.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

/// Of the first input at least so much is looked at, if it is so long.
inline constexpr std::size_t kFirstHead = std::size_t{256} << 10;

/// Completes `source`: its time format and its decimal mark where no setting gives them, and its evidence where that is asked
/// for. `head` is the beginning of the first input (kFirstHead bytes); those of other files are looked at, too. Files are read
/// once more only when their heads do not settle it, or for evidence. Of a pipe nothing but its head can be looked at: what
/// follows and contradicts that is a bad value. When `cancelled` says so it breaks off, and the times are not known.
[[nodiscard]] Result<void> survey_values(SourceConfig& source, std::string_view head, bool evidence, const Cancelled& cancelled);

/// "iso", "epoch_s", …, or the pattern: as in the setting time_format.
[[nodiscard]] std::string name_of(const TimeFormat& format);

}  // namespace crosswalk
