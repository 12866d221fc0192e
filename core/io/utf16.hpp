// UTF-16 as a stream of UTF-8. Private to core/io.
#pragma once

#include <memory>

#include "io/input.hpp"

namespace crosswalk {

/// `raw` read as UTF-16 without its byte order mark. What is not text stays visible as invalid UTF-8, so that
/// validation refuses exactly the record it stands in: half a surrogate pair becomes the three bytes it would have as a
/// character of its own (WTF-8), an odd byte at the end becomes 0xFF.
[[nodiscard]] std::unique_ptr<ByteSource> utf16_source(std::unique_ptr<ByteSource> raw, bool big_endian);

}  // namespace crosswalk
