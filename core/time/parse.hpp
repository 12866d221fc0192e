// The built-in forms. Each parser says whether a text is of its form, not whether there is such a time: that is check()'s
// question. None allocates or throws.
#pragma once

#include <string_view>

#include "time/fields.hpp"

namespace crosswalk::times {

/// ISO 8601 / RFC 3339 in the spellings that exports use, and what else begins with a year of four digits; a date alone is of the
/// form too.
[[nodiscard]] bool parse_iso(std::string_view text, Fields& fields);

/// `3/14/2026 1:05 PM` or, with `day_first`, `14/3/2026 13:05`; also with `-` and `.`, and a date alone. Years of two digits
/// mean 1969 to 2068, as in POSIX strptime.
[[nodiscard]] bool parse_day_and_month(std::string_view text, bool day_first, Fields& fields);

/// `26-03-14 13:05` as the 14th of March 2026: read only where a pattern says so, known here for what else could be meant.
[[nodiscard]] bool parse_two_digit_year_first(std::string_view text, Fields& fields);

/// `Sat, 14 Mar 2026 13:05:00 +0100`, with the zone names and short years that RFC 2822 calls obsolete; and the other spellings
/// whose month is a name: `14-Mar-26 1:05 PM`, `March 14, 2026 13:05`, `Sat Mar 14 2026 13:05:00 GMT+0100 (CET)`.
[[nodiscard]] bool parse_rfc2822(std::string_view text, Fields& fields);

/// A number since 1970: `digits` is 0 for seconds, 3 for milliseconds, 6 for microseconds, 9 for nanoseconds. Not in exponent
/// form.
[[nodiscard]] TimeFault parse_epoch(std::string_view text, unsigned digits, Instant& out);

/// Of a number since 1970 whose length leaves one sensible unit, that unit as `digits` of parse_epoch(); else -1. Eleven digits
/// may be seconds of the year 2286 on or milliseconds of 1970; fourteen are also how some write a date.
[[nodiscard]] int digits_of_unit(std::string_view text);

/// `0`, `0.000`, which are none in every unit, and `-1`.
[[nodiscard]] bool is_zero(std::string_view text);

/// `45672.39583`: a date as a spreadsheet keeps it, in days since 1900; 20000 to 79999 are 1954 to 2119. As seconds since 1970
/// they would all be the first of January.
[[nodiscard]] bool is_spreadsheet_serial(std::string_view text);
inline constexpr std::string_view kSerialCure =
    "export again and do not open the file in a spreadsheet, or format the column as yyyy-mm-dd hh:mm:ss there";

/// A text by a pattern that check_pattern() accepted.
[[nodiscard]] bool parse_by_pattern(std::string_view text, std::string_view pattern, Fields& fields);

/// 69…99 → 1969…1999, 0…68 → 2000…2068.
[[nodiscard]] constexpr int year_of_two_digits(unsigned year) { return static_cast<int>(year < 69 ? 2000 + year : 1900 + year); }

}  // namespace crosswalk::times
