#include "merge/late_reject.hpp"

#include <cstring>
#include <string>

#include "encode/reject_json.hpp"
#include "merge/place_key.hpp"
#include "merge/sorter.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

void add_late_reject(Buffer& out, std::uint32_t source, const Origin& origin, const LateReject& reject) {
  const PlaceKey key(source, origin);
  const std::size_t begun = entry::begin(out, key.view());
  out.add({reinterpret_cast<const char*>(&origin.line), sizeof origin.line});
  for (const std::string_view text : {reject.code, reject.field, reject.found, reject.message, reject.cure}) {
    const auto size = static_cast<std::uint32_t>(text.size());
    out.add({reinterpret_cast<const char*>(&size), sizeof size});
    out.add(text);
  }
  entry::end(out, begun);
}

LateReject read_late_reject(std::string_view key, std::string_view payload) {
  LateReject reject;
  PlaceKey::read(key, reject.source, reject.origin);
  std::memcpy(&reject.origin.line, payload.data(), sizeof reject.origin.line);
  payload.remove_prefix(sizeof reject.origin.line);
  for (std::string_view* text : {&reject.code, &reject.field, &reject.found, &reject.message, &reject.cure}) {
    std::uint32_t size = 0;
    std::memcpy(&size, payload.data(), sizeof size);
    *text = payload.substr(sizeof size, size);
    payload.remove_prefix(sizeof size + size);
  }
  return reject;
}

void add_reject_line(Buffer& out, const LateReject& r, const SourceConfig& source, std::optional<std::string_view> record) {
  std::string message(r.message);
  if (!record) message += "; the record's text is not here, since its input cannot be read again";
  const std::string_view text = record.value_or(std::string_view());
  add_reject(out, {source.name, source.inputs[r.origin.file], r.origin.line, r.origin.offset, r.code, r.field, r.found, message,
                   r.cure, text, text.size()});
}

}  // namespace crosswalk
