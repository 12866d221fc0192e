#include "merge/ledger.hpp"

#include "encode/json_text.hpp"
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
  }
  return "";
}

void add_ledger_entry(Buffer& out, std::uint32_t source, const Origin& origin, Fate fate, std::string_view what) {
  char key[16];
  char* to = key;
  add_big_endian(to, source, 4);
  add_big_endian(to, origin.file, 4);
  add_big_endian(to, origin.offset, 8);
  char payload[9];
  to = payload;
  add_big_endian(to, origin.line, 8);
  *to = static_cast<char>(fate);
  const std::size_t begun = entry::begin(out, {key, sizeof key});
  out.add({payload, sizeof payload});
  out.add(what);
  entry::end(out, begun);
}

LedgerLine read_ledger_entry(std::string_view key, std::string_view payload) {
  LedgerLine line;
  const char* from = key.data();
  line.source = static_cast<std::uint32_t>(take_big_endian(from, 4));
  line.origin.file = static_cast<std::uint32_t>(take_big_endian(from, 4));
  line.origin.offset = take_big_endian(from, 8);
  from = payload.data();
  line.origin.line = take_big_endian(from, 8);
  line.fate = static_cast<Fate>(*from);
  line.what = payload.substr(9);
  return line;
}

void add_ledger_line(Buffer& out, const LedgerLine& line, std::string_view source, std::string_view file) {
  out.add("{\"source\":");
  add_json_string(out, source);
  out.add(",\"file\":");
  add_json_string(out, file);
  out.add(",\"line\":");
  add_number(out, line.origin.line);
  out.add(",\"offset\":");
  add_number(out, line.origin.offset);
  out.add(",\"fate\":\"");
  out.add(name_of(line.fate));
  out.add(line.fate == Fate::filtered ? "\",\"rule\":" : line.fate == Fate::rejected ? "\",\"code\":" : "\",\"external_id\":");
  add_json_string(out, line.what);
  out.add("}\n");
}

}  // namespace crosswalk
