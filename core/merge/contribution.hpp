// What one record says of one conversation, ready to be combined with what others say.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "crosswalk/conversation.hpp"
#include "text.hpp"

namespace crosswalk {

/// Orders what is said of a conversation: the record's own update time where it has one, else its place in the input.
/// Larger is newer. Never equal for two records of a source, so combining never depends on the order of arrival.
struct Version {
  std::int64_t seconds = INT64_MIN;  ///< of the update time; INT64_MIN: none
  std::uint32_t nanos = 0;
  std::uint64_t place = 0;  ///< file number and byte offset
  friend auto operator<=>(const Version&, const Version&) = default;
};

/// A metadata entry. `key` is JSON text with quotes and colon, `value` JSON text; both borrowed.
struct MetadataItem {
  std::string_view key;
  std::string_view value;
};

/// A touchpoint, understood.
struct Touchpoint {
  Hash128 id;
  Instant at;
  Known how = Known::offset;
  TouchKind kind = TouchKind::other;
  Direction direction = Direction::unknown;
  Decimal duration;
  bool has_duration = false;
  std::string_view user;
  std::string_view subject;
  Version version;
};

/// Where a record stands, for what must be said of it later.
struct Origin {
  std::uint32_t file = 0;  ///< index into the run's inputs
  std::uint64_t line = 0;
  std::uint64_t offset = 0;
};

/// Text is borrowed from the batch's arena. A text that is not known is empty, a time or number that is not known absent.
struct Contribution {
  std::string_view scope;
  Conversation conversation;
  Version version;
  Origin origin;
  std::uint32_t first_metadata = 0, metadata_count = 0;  ///< into the batch's list
  std::uint32_t first_touchpoint = 0, touchpoint_count = 0;
};

}  // namespace crosswalk
