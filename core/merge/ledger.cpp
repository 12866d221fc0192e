#include "merge/ledger.hpp"

#include <algorithm>
#include <charconv>

#include "encode/json_text.hpp"
#include "merge/place_key.hpp"
#include "merge/sorter.hpp"

namespace crosswalk {
namespace {

void add_big_endian(char*& to, std::uint64_t value, unsigned bytes) {
  for (unsigned i = bytes; i-- > 0;) *to++ = static_cast<char>(value >> (8 * i));
}

std::uint64_t take_big_endian(const char*& from, unsigned bytes) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(*from++);
  return value;
}

}  // namespace

std::string_view name_of(Fate fate) {
  switch (fate) {
    case Fate::written: return "written";
    case Fate::merged: return "merged";
    case Fate::update: return "update";
    case Fate::filtered: return "filtered";
    case Fate::rejected: return "rejected";
    case Fate::superseded: return "superseded";
  }
  return "";
}

void add_ledger_entry(Buffer& out, std::uint32_t source, const Origin& origin, Fate fate, std::string_view what) {
  const PlaceKey key(source, origin);
  char payload[9];
  char* to = payload;
  add_big_endian(to, origin.line, 8);
  *to = static_cast<char>(fate);
  const std::size_t begun = entry::begin(out, key.view());
  out.add({payload, sizeof payload});
  out.add(what);
  entry::end(out, begun);
}

LedgerLine read_ledger_entry(std::string_view key, std::string_view payload) {
  LedgerLine line;
  PlaceKey::read(key, line.source, line.origin);
  const char* from = payload.data();
  line.origin.line = take_big_endian(from, 8);
  line.fate = static_cast<Fate>(*from);
  line.what = payload.substr(9);
  return line;
}

std::string ledger_head(std::string_view source, std::string_view file) {
  Buffer head;
  head.add("{\"source\":");
  add_json_string(head, source);
  head.add(",\"file\":");
  add_json_string(head, file);
  head.add(",\"line\":");
  return std::string(head.view());
}

void add_ledger_line(Buffer& out, std::string_view head, const LedgerLine& line) {
  constexpr std::size_t kFixedRoom = 128;  // of keys, two numbers and the fate
  const std::string_view fate = name_of(line.fate);
  char* to = out.room(head.size() + kFixedRoom + json_string_room(line.what.size()));
  to = std::copy(head.begin(), head.end(), to);
  to = std::to_chars(to, to + 20, line.origin.line).ptr;
  to = put_literal(to, ",\"offset\":");
  to = std::to_chars(to, to + 20, line.origin.offset).ptr;
  to = put_literal(to, ",\"fate\":\"");
  to = std::copy(fate.begin(), fate.end(), to);
  switch (line.fate) {
    case Fate::filtered: to = put_literal(to, "\",\"rule\":"); break;
    case Fate::rejected: to = put_literal(to, "\",\"code\":"); break;
    default: to = put_literal(to, "\",\"external_id\":"); break;
  }
  out.finish_at(put_literal(put_json_string(to, line.what), "}\n"));
}

}  // namespace crosswalk
