// Zones that are nothing but an offset: `+05:30`, `-0300`, `UTC-3`, `GMT+2`.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace crosswalk::times {

/// Seconds east of UTC, at most 18 hours; nothing when the name is no fixed offset. Here `GMT+2` is two hours *ahead* as
/// people write it; the IANA name `Etc/GMT+2`, with its inverted sign, is a file and never comes here.
[[nodiscard]] std::optional<std::int32_t> parse_fixed_offset(std::string_view name);

/// "+05:30", "-00:44:30"; "UTC" for none.
[[nodiscard]] std::string fixed_offset_name(std::int32_t offset);

/// `(GMT-08:00) Pacific Time (US & Canada)`, `(UTC) London`: lists of zones show today's offset in front of the name, which
/// alone decides. The name; or the whole text, where what stands in front is no such offset or nothing follows it.
[[nodiscard]] std::string_view without_shown_offset(std::string_view name);

}  // namespace crosswalk::times
