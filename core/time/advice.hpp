// Patterns for the setting time_format that read a text at hand.
#pragma once

#include <string>
#include <string_view>

namespace crosswalk::times {

/// The pattern that reads the text; empty where there is none, or where more than one order of day, month and year could be.
[[nodiscard]] std::string pattern_for(std::string_view text);

/// The same for a text whose year has two digits and comes first.
[[nodiscard]] std::string pattern_for_year_first(std::string_view text);

}  // namespace crosswalk::times
