// What is known of a delivered conversation, and what of it must be said again.
//
// Two layers: `base` is what a job said of it last, `overlay` what updates of later runs put over it. The server has the two
// composed. A field that the job says anew wins over the overlay; one that the job says as before, or no longer, leaves the
// overlay alone. So an overwrite never erases what an earlier enrichment set, and never keeps what the source has overtaken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "framing/json_object.hpp"

namespace crosswalk::delivery {

/// A field and its value as JSON.
struct Field {
  std::string key, json;
  friend bool operator==(const Field&, const Field&) = default;
};

/// A conversation or an update, taken apart.
struct Fields {
  std::vector<Field> top;  ///< without metadata
  std::vector<Field> metadata;

  [[nodiscard]] const std::string* find(std::string_view key) const;
  [[nodiscard]] std::string json() const;  ///< on one line, without a line feed; fields in the schema's order
};

/// Reads lines that this program wrote. Kept, so that it allocates only to grow.
class FieldsReader {
 public:
  /// False: it is not an object.
  [[nodiscard]] bool read(std::string_view line, Fields& out);
  /// The external_id alone. Empty: there is none.
  [[nodiscard]] std::string external_id(std::string_view line);
  /// The time as it is written. Empty: there is none.
  [[nodiscard]] std::string started_at(std::string_view line) { return text_of(line, "started_at"); }

 private:
  std::string text_of(std::string_view line, std::string_view key);
  json::ObjectReader reader_;
};

/// Whether there is anything in it but the external_id.
[[nodiscard]] bool says_something(const Fields& fields);
[[nodiscard]] Fields composed(const Fields& base, const Fields& overlay);
/// The overlay without what `now` says otherwise than `before` did.
[[nodiscard]] Fields still_standing(const Fields& overlay, const Fields& before, const Fields& now);

struct Difference {
  std::vector<std::string> changed;  ///< fields that are new or other; "metadata" as one
  bool removed = false;              ///< some field, or some key of metadata, went away
  [[nodiscard]] bool none() const { return changed.empty() && !removed; }
  /// Whether a ConversationUpdate can say it.
  [[nodiscard]] bool patchable() const;
};
[[nodiscard]] Difference difference(const Fields& before, const Fields& now);

/// The update that says `changed` of `now`. Metadata stands in it whole: whether the server merges or replaces it is not
/// documented, and so both come to the same.
[[nodiscard]] std::string update_of(const Fields& now, const std::vector<std::string>& changed);

}  // namespace crosswalk::delivery
