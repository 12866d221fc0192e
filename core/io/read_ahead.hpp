// Reading ahead in a thread of its own. Private to core.
#pragma once

#include <memory>

#include "io/input.hpp"

namespace crosswalk {

/// The same bytes, read by a thread that keeps up to 2 MiB ready: what is behind `inner`, a decompressor for instance, works
/// while its bytes are looked at. An error comes after all bytes that came before it. Its end waits for a read that is
/// under way, so a source that may be silent needs a Cancelled that says when nobody wants it any more.
[[nodiscard]] std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> inner);

}  // namespace crosswalk
