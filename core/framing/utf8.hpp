// Is this UTF-8? For framing, where text from outside comes in.
#pragma once

#include <cstddef>
#include <string_view>

#include "crosswalk/record.hpp"  // is_valid_utf8()

namespace crosswalk {

/// The position of the first byte that begins no well-formed sequence; the text's size when there is none. Byte by
/// byte: for text that is known to be broken.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);

/// What to do about text of an encoding that its bytes do not prove: many fit the same bytes.
inline constexpr std::string_view kConvertCure =
    "export the file again as UTF-8, or convert it from the encoding that the program which wrote it used; its bytes do not "
    "prove which one that is";

}  // namespace crosswalk
