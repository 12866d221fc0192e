// A conversation as ConversationInput JSON: keys in the schema's order, only those that are known.
#pragma once

#include <span>
#include <string_view>

#include "crosswalk/conversation.hpp"
#include "encode/buffer.hpp"
#include "encode/json_text.hpp"

namespace crosswalk {

/// Whether kTextSlack bytes can be read behind each text of a conversation but its platform.
enum class Texts : bool { any, padded };

/// Appends the object's fields up to, not including, metadata; no closing brace.
void add_conversation_fields(Buffer& out, const Conversation& conversation, Texts texts = Texts::any);

/// The same of a ConversationUpdate: external_id and the fields that an update may carry.
void add_update_fields(Buffer& out, const Conversation& conversation);

/// A key of metadata with the comma that stands before it in memory.
inline std::string_view with_comma(std::string_view key) { return {key.data() - 1, key.size() + 1}; }

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
  /// A key and its text. In memory, a comma stands before the key, and kKeySlack bytes behind it can be read, as kTextSlack
  /// behind the text.
  void padded_string(std::string_view key, std::string_view text) {
    if (open_) return add_padded_member(out_, with_comma(key), text);
    out_.add(std::string_view(",\"metadata\":{"));
    open_ = true;
    add_padded_member(out_, key, text);
  }
  /// Entries that were put together before (add_padded_member()), each with a comma before it.
  void entries(std::string_view text) {
    if (text.empty()) return;
    if (!open_) {
      out_.add(std::string_view(",\"metadata\":{"));
      text.remove_prefix(1);
    }
    open_ = true;
    out_.add(text);
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
