// Is this UTF-8? For framing, where text from outside comes in.
#pragma once

#include <cstddef>
#include <string_view>

namespace crosswalk {

/// True when all of `size` bytes are well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF).
[[nodiscard]] bool is_valid_utf8(const char* text, std::size_t size);

/// The position of the first byte that begins no well-formed sequence; the text's size when there is none. Byte by
/// byte: for text that is known to be broken.
[[nodiscard]] std::size_t find_invalid_utf8(std::string_view text);

}  // namespace crosswalk
