// JSON strings: from what stands between the quotes to the text it means.
#pragma once

#include <string>
#include <string_view>

namespace crosswalk::json {

/// Writes the meaning of `raw` to `to`, which has room for raw.size() bytes, and returns the end of it. Null when an
/// escape is wrong or half a surrogate pair. Does not look at anything but the escapes.
char* unescape(std::string_view raw, char* to);

/// The meaning of `raw`; `raw` itself when an escape is wrong.
[[nodiscard]] std::string unescaped(std::string_view raw);

/// Adds a key to a path of keys, with a `\` before each `.`, `[` and `\` in it: so no two paths have one name.
inline void add_key(std::string& path, std::string_view key) {
  for (const char c : key) {
    if (c == '.' || c == '[' || c == '\\') path += '\\';
    path += c;
  }
}

}  // namespace crosswalk::json
