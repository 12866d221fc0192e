#include "encode/reject_json.hpp"

#include "encode/json_text.hpp"
#include "text.hpp"

namespace crosswalk {

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
  if (!whole || r.record_size > r.record.size()) {
    out.add(",\"record_size\":");
    add_number(out, r.record_size);
  }
  out.add("}\n");
}

}  // namespace crosswalk
