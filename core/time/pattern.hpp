// Patterns in the manner of strptime, for sources whose times have no name of their own.
#pragma once

#include <string_view>

#include "crosswalk/result.hpp"
#include "time/fields.hpp"

namespace crosswalk::times {

/// Whether a pattern can be read with and gives a whole time: a date and an hour, or `%s`.
[[nodiscard]] Result<void> check_pattern(std::string_view pattern);

/// Takes what a pattern that check_pattern() accepted, or a part of one, reads off the front of a text. False: it does not fit.
[[nodiscard]] bool take_pattern(std::string_view& text, std::string_view pattern, Fields& fields);

}  // namespace crosswalk::times
