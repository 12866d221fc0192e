// Values of the setting time_format that read a text at hand. Each is tried on the text before it is named.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crosswalk::times {

/// Whether the setting reads the text as a whole time.
[[nodiscard]] bool reads(std::string_view time_format, std::string_view text);

/// The pattern that reads the text; empty where there is none, or where more than one order of day, month and year could be.
[[nodiscard]] std::string pattern_for(std::string_view text);

/// The same for a text whose year has two digits and comes first.
[[nodiscard]] std::string pattern_for_year_first(std::string_view text);

/// One order of day, month and year: what comes first, and the setting that reads the text so.
struct OrderAdvice {
  std::string_view first;  ///< "year", "day", "month"
  std::string setting;
};
/// All orders in which a text can be read that does not show its own.
[[nodiscard]] std::vector<OrderAdvice> orders_of(std::string_view text);

/// Any pattern that reads the text; empty: none does.
[[nodiscard]] std::string any_pattern_for(std::string_view text);

/// `if the day comes first, --set time_format=day_first; if the month does, …`
[[nodiscard]] std::string in_words(const std::vector<OrderAdvice>& orders);

/// As it is given to a shell: `--set time_format=iso`, `--set 'time_format=%F %R'`.
[[nodiscard]] std::string set_time_format(std::string_view setting);

}  // namespace crosswalk::times
