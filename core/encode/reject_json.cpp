#include "encode/reject_json.hpp"

#include <string>

#include "encode/json_text.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

std::string base64(std::string_view bytes) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k)
      three = three << 8 | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k) out += i + k > bytes.size() ? '=' : kDigits[three >> (18 - 6 * k) & 63];
  }
  return out;
}

}  // namespace

void add_reject(Buffer& out, const Reject& r) {
  const auto text = [&](std::string_view key, std::string_view value) {
    out.add(key);
    add_json_string(out, value);
  };
  text("{\"source\":", r.source);
  text(",\"file\":", r.file);
  out.add(",\"line\":");
  add_number(out, r.line);
  out.add(",\"offset\":");
  add_number(out, r.offset);
  text(",\"code\":", r.code);
  text(",\"field\":", r.field);
  text(",\"found\":", shown(r.found, 200));
  text(",\"message\":", r.message);
  text(",\"cure\":", r.cure);
  bool whole = false;
  const std::string kept = valid_text(r.record, kRejectText, whole);
  text(",\"record\":", kept);
  if (r.record.substr(0, kept.size()) != kept) text(",\"record_base64\":", base64(r.record.substr(0, kRejectText)));
  if (!whole || r.record_size > r.record.size()) {
    out.add(",\"record_size\":");
    add_number(out, r.record_size);
  }
  out.add("}\n");
}

}  // namespace crosswalk
