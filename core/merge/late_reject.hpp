// Rejects of records that the merge refuses: kept as entries until the records' texts are read again, in their order.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "encode/buffer.hpp"
#include "merge/contribution.hpp"

namespace crosswalk {

struct SourceConfig;

struct LateReject {
  std::string_view code, field, found, message, cure;
  std::uint32_t source = 0;
  Origin origin;
};

/// Appends an entry for a Sorter, whose key is the place. The texts of `reject` are copied.
void add_late_reject(Buffer& out, std::uint32_t source, const Origin& origin, const LateReject& reject);
/// Texts are borrowed from the payload.
[[nodiscard]] LateReject read_late_reject(std::string_view key, std::string_view payload);
/// The line of a reject. `record`: its text; nothing where it cannot be read again, which is said.
void add_reject_line(Buffer& out, const LateReject& reject, const SourceConfig& source, std::optional<std::string_view> record);

}  // namespace crosswalk
