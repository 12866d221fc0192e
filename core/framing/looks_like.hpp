// What a file is that is not what an adapter reads: for messages, never for a decision about records.
#pragma once

#include <string_view>

namespace crosswalk {

/// What the first bytes of a file look like.
struct LooksLike {
  enum class Kind : unsigned char { unknown, json, xml, html, spreadsheet, archive, compressed, other };
  Kind kind = Kind::unknown;
  std::string_view what;  ///< with its article, to stand behind "this is"; empty: nothing is recognised
  std::string_view cure;  ///< what to do to have it read; empty where there is nothing to say

  explicit operator bool() const { return kind != Kind::unknown; }
};

/// Told by the first bytes, a few hundred or more of them; a byte order mark and blanks may stand before a text. Plain text
/// and CSV are `unknown`: nothing marks them.
[[nodiscard]] LooksLike looks_like(std::string_view head);

}  // namespace crosswalk
