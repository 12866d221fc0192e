// What programs write where there is nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace crosswalk {

/// As an id or a status. Compared as words are: in any case, and `--` is `-`.
[[nodiscard]] std::span<const std::string_view> placeholder_words();

/// Where there is no time: is it one of these dates? `seconds` since the epoch, of the calendar of UTC or of the source's zone.
[[nodiscard]] bool is_placeholder_date(std::int64_t seconds);

/// Both for adapters, a line each; dates as `1970-01-01`.
[[nodiscard]] const std::string& placeholder_texts();

}  // namespace crosswalk
