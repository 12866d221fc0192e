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

/// Builds the metadata object behind add_conversation_fields() or add_update_fields(): opened by the first entry, closed with the
/// record.
class MetadataWriter {
 public:
  /// Open already: what is written are entries for entries().
  enum class Open : bool { no, yes };
  explicit MetadataWriter(Buffer& out, Open open = Open::no) : out_(out), open_(open == Open::yes) {}
  /// `key` is JSON text with quotes and colon: `"Priority":`. The caller appends the value next.
  void key(std::string_view key) {
    out_.add(open_ ? std::string_view(",") : std::string_view(",\"metadata\":{"));
    out_.add(key);
    open_ = true;
  }
  /// A key and its text. In memory, a comma stands before the key, and kKeySlack bytes behind it can be read, as kTextSlack
  /// behind the text.
  void padded_string(std::string_view key, std::string_view text) {
    char* const to = out_.room(key.size() + 2 * kKeySlack + json_string_room(text.size()));
    out_.finish_at(put_padded_json_string(put_padded(to, key), text));
  }
  void padded_key(std::string_view key) { out_.finish_at(put_padded(out_.room(key.size() + 2 * kKeySlack), key)); }
  static constexpr std::size_t kKeySlack = 32;
  /// Entries that were put together before, each with a comma before it.
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
  char* put_padded(char* to, std::string_view key) {
    const char* from = key.data() - 1;
    std::size_t size = key.size() + 1;
    if (!open_) {
      open_ = true;
      to = put_literal(to, ",\"metadata\":{");
      ++from;
      --size;
    }
    std::memcpy(to, from, kKeySlack);  // nearly all of them, without asking how many
    if (size > kKeySlack) std::memcpy(to + kKeySlack, from + kKeySlack, size - kKeySlack);
    return to + size;
  }

  Buffer& out_;
  bool open_;
};

/// `{"started_at":"repeated:earlier"}` and the zone data's version, for times that were not unique; writes nothing when
/// all were. The entry `crosswalk` of metadata.
void add_time_marks(MetadataWriter& metadata, Buffer& out, const Conversation& conversation, std::string_view zone_data_version);

}  // namespace crosswalk
