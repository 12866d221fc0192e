// English names of months and weekdays, for reading and for messages.
#pragma once

#include <string_view>

namespace crosswalk::times {

inline constexpr std::string_view kWeekdayNames[] = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                     "Thursday", "Friday", "Saturday"};
inline constexpr std::string_view kMonthNames[] = {"January", "February", "March",     "April",   "May",      "June",
                                                   "July",    "August",   "September", "October", "November", "December"};

}  // namespace crosswalk::times
