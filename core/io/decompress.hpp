// Decompression as a stream over a stream. Private to core/io.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "io/input.hpp"

namespace crosswalk {

/// How many bytes from the start sniff_compression() wants to see.
inline constexpr std::size_t kSniffSize = 16;

/// "none", "gzip" or "zstd", told by the first bytes. A container that we do not read (zip, bzip2, xz, …) is an error
/// that says how to unpack it: its bytes would only come out as thousands of rejected records.
[[nodiscard]] Result<std::string> sniff_compression(const std::string& name, std::string_view head);

/// The decompressed bytes of `raw`. `compression` is "gzip" or "zstd".
[[nodiscard]] Result<std::unique_ptr<ByteSource>> decompress(const std::string& name, const std::string& compression,
                                                             std::unique_ptr<ByteSource> raw, GzipLibrary library);

}  // namespace crosswalk
