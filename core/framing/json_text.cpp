#include "framing/json_text.hpp"

#include <cstring>

#include "framing/json_check.hpp"

namespace crosswalk::json {
namespace {

/// Decodes one `\u…` at `from` (a pair of them for a character beyond U+FFFF). False when it is not one.
bool take_unicode(const char*& from, const char* end, char*& to) {
  if (end - from < 6) return false;
  const int high = hex4(from + 2);
  if (high < 0 || (high >= 0xDC00 && high <= 0xDFFF)) return false;
  from += 6;
  auto code_point = static_cast<std::uint32_t>(high);
  if (high >= 0xD800 && high <= 0xDBFF) {
    if (end - from < 6 || from[0] != '\\' || from[1] != 'u') return false;
    const int low = hex4(from + 2);
    if (low < 0xDC00 || low > 0xDFFF) return false;
    from += 6;
    code_point = 0x10000 + ((code_point - 0xD800) << 10) + (static_cast<std::uint32_t>(low) - 0xDC00);
  }
  to = put_utf8(to, code_point);
  return true;
}

/// What `\c` means; 0 when it means nothing.
char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/': return c;
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return 0;
  }
}

}  // namespace

char* unescape(std::string_view raw, char* to) {
  const char* from = raw.data();
  const char* const end = from + raw.size();
  while (from != end) {
    const auto* const backslash = static_cast<const char*>(std::memchr(from, '\\', static_cast<std::size_t>(end - from)));
    const char* const plain_end = backslash == nullptr ? end : backslash;
    const auto plain = static_cast<std::size_t>(plain_end - from);
    std::memmove(to, from, plain);
    to += plain;
    from = plain_end;
    if (from == end) break;
    if (end - from < 2) return nullptr;
    if (from[1] == 'u') {
      if (!take_unicode(from, end, to)) return nullptr;
      continue;
    }
    const char meaning = simple_escape(from[1]);
    if (meaning == 0) return nullptr;
    *to++ = meaning;
    from += 2;
  }
  return to;
}

std::string unescaped(std::string_view raw) {
  std::string text(raw);
  const char* const end = unescape(raw, text.data());
  if (end == nullptr) return std::string(raw);
  text.resize(static_cast<std::size_t>(end - text.data()));
  return text;
}

}  // namespace crosswalk::json
