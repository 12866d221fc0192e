// SHA-256 (FIPS 180-4), for fingerprints of secrets: the hashes used elsewhere can be turned back.
#pragma once

#include <string>
#include <string_view>

namespace crosswalk::delivery {

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace crosswalk::delivery
