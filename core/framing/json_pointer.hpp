// JSON Pointer (RFC 6901), as far as finding records needs it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk::json {

/// The names of a pointer, `~0` and `~1` decoded: `/result/items` is two. Empty text is the whole value: no names.
[[nodiscard]] Result<std::vector<std::string>> parse_pointer(std::string_view pointer);

}  // namespace crosswalk::json
