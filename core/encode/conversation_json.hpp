// A conversation as ConversationInput JSON: keys in the schema's order, only those that are known.
#pragma once

#include <span>
#include <string_view>

#include "crosswalk/conversation.hpp"
#include "encode/buffer.hpp"

namespace crosswalk {

/// Appends the object's fields up to, not including, metadata; no closing brace.
void add_conversation_fields(Buffer& out, const Conversation& conversation);

/// The same of a ConversationUpdate: external_id and the fields that an update may carry.
void add_update_fields(Buffer& out, const Conversation& conversation);

/// Builds the metadata object behind add_conversation_fields() or add_update_fields(): opened by the first entry, closed with the
/// record.
class MetadataWriter {
 public:
  explicit MetadataWriter(Buffer& out) : out_(out) {}
  /// `key` is JSON text with quotes and colon: `"Priority":`. The caller appends the value next.
  void key(std::string_view key) {
    out_.add(open_ ? std::string_view(",") : std::string_view(",\"metadata\":{"));
    out_.add(key);
    open_ = true;
  }
  /// The same for a key before which a comma stands in memory: one copy instead of two.
  void comma_key(std::string_view key) {
    if (open_) {
      out_.add({key.data() - 1, key.size() + 1});
    } else {
      this->key(key);
    }
  }
  /// Closes metadata, if any, the record, and the line.
  void close() { out_.add(open_ ? std::string_view("}}\n") : std::string_view("}\n")); }

 private:
  Buffer& out_;
  bool open_ = false;
};

/// `{"started_at":"repeated:earlier"}` and the zone data's version, for times that were not unique; writes nothing when
/// all were. The entry `crosswalk` of metadata.
void add_time_marks(MetadataWriter& metadata, Buffer& out, const Conversation& conversation, std::string_view zone_data_version);

}  // namespace crosswalk
