// The look before the translation: how a source writes its times, and which run of a repeated hour its records are of.
#pragma once

#include <string_view>

#include "io/input.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

/// Completes `source`: its time format where no setting gives it, and its evidence where that is asked for. `head` is the
/// beginning of the first input. Files are read once more for it only when the head does not settle the format as ISO,
/// or for evidence. When `cancelled` says so it breaks off, and the times are not known.
[[nodiscard]] Result<void> survey_times(SourceConfig& source, std::string_view head, bool evidence, const Cancelled& cancelled);

/// "iso", "epoch_s", …, or the pattern: as in the setting time_format.
[[nodiscard]] std::string name_of(const TimeFormat& format);

}  // namespace crosswalk
