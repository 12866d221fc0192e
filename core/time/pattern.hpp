// Patterns in the manner of strptime, for sources whose times have no name of their own.
#pragma once

#include <string_view>

#include "crosswalk/result.hpp"

namespace crosswalk::times {

/// Whether a pattern can be read with and gives a whole time: a date and an hour, or `%s`.
[[nodiscard]] Result<void> check_pattern(std::string_view pattern);

}  // namespace crosswalk::times
