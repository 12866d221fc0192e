// Is this UTF-8? For framing, where text from outside comes in.
#pragma once

#include <cstddef>
#include <string_view>

#include "crosswalk/record.hpp"  // is_valid_utf8()

namespace crosswalk {

/// The position of the first byte that begins no well-formed sequence; the text's size when there is none. Byte by
/// byte: for text that is known to be broken.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);

}  // namespace crosswalk
