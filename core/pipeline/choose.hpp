#pragma once

#include <string_view>

#include "crosswalk/adapter.hpp"

namespace crosswalk {

/// JSON when the first byte that is not blank is `{` or `[`.
[[nodiscard]] Framing framing_of(std::string_view head);

}  // namespace crosswalk
