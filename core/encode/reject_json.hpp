// A rejected record as one line of JSON: the dead letter.
#pragma once

#include <cstdint>
#include <string_view>

#include "encode/buffer.hpp"

namespace crosswalk {

/// Longest original text kept in a reject, bytes. A longer record is cut and its true length said.
inline constexpr std::size_t kRejectText = std::size_t{16} << 10;

struct Reject {
  std::string_view source, file;
  std::uint64_t line = 0, offset = 0;
  std::string_view code, field, found, message, cure;
  std::string_view record;        ///< original bytes, maybe cut; where it is not UTF-8 its bytes follow as record_base64
  std::uint64_t record_size = 0;  ///< true length
};

void add_reject(Buffer& out, const Reject& reject);

}  // namespace crosswalk
