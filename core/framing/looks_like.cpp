#include "framing/looks_like.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#include "text.hpp"

namespace crosswalk {
namespace {

using namespace std::string_view_literals;
using Kind = LooksLike::Kind;

constexpr std::string_view kExportText = "export it as CSV or JSON";
constexpr std::string_view kSaveAsCsv = "save it as CSV";
constexpr std::string_view kUnpack = "unpack it and give the files inside; of archives, only zip is read as it is";
constexpr std::string_view kZip =
    "zip archives are read from files, by their members' names: give FILE.zip; unpack one that stands inside of another";

struct Mark {
  std::string_view bytes;
  LooksLike meaning;
  std::size_t at = 0;
};

constexpr std::array kMarks{
    Mark{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, {Kind::spreadsheet, "an old Excel or other Office file", kSaveAsCsv}},
    Mark{"%PDF-"sv, {Kind::other, "a PDF", kExportText}},
    Mark{"{\\rtf"sv, {Kind::other, "an RTF document", kExportText}},
    Mark{"Rar!\x1A\x07"sv, {Kind::archive, "a RAR archive", kUnpack}},
    Mark{"7z\xBC\xAF\x27\x1C"sv, {Kind::archive, "a 7-Zip archive", kUnpack}},
    Mark{"ustar"sv, {Kind::archive, "a tar archive", kUnpack}, 257},
    Mark{"\x1F\x8B"sv, {Kind::compressed, "gzip data", "gzip -dc FILE"}},
    Mark{"\x28\xB5\x2F\xFD"sv, {Kind::compressed, "zstd data", "zstd -dc FILE"}},
    Mark{"BZh"sv, {Kind::compressed, "bzip2 data", "bzip2 -dc FILE"}},
    Mark{"\xFD\x37\x7A\x58\x5A\x00"sv, {Kind::compressed, "xz data", "xz -dc FILE"}},
    Mark{"\x04\x22\x4D\x18"sv, {Kind::compressed, "lz4 data", "lz4 -dc FILE"}},
    Mark{"SQLite format 3\0"sv, {Kind::other, "an SQLite database", kExportText}},
    Mark{"PAR1"sv, {Kind::other, "a Parquet file", kExportText}},
    Mark{"ARROW1"sv, {Kind::other, "an Arrow file", kExportText}},
    Mark{"Obj\x01"sv, {Kind::other, "an Avro file", kExportText}},
    Mark{"PGDMP"sv, {Kind::other, "a PostgreSQL dump", kExportText}},
    Mark{"\x89PNG\r\n"sv, {Kind::other, "a picture", {}}},
    Mark{"\xFF\xD8\xFF"sv, {Kind::other, "a picture", {}}},
    Mark{"GIF8"sv, {Kind::other, "a picture", {}}},
    Mark{"\x7F"
         "ELF"sv,
         {Kind::other, "a program", {}}},
    Mark{"version https://git-lfs.github.com/spec/"sv,
         {Kind::other, "a pointer of Git LFS, not the file itself", "git lfs pull"}},
};

bool has(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// A zip archive: also the file of a spreadsheet program, which names its parts at the start.
LooksLike zip(std::string_view head) {
  const bool starts = head.starts_with("PK\x03\x04"sv) || head.starts_with("PK\x05\x06"sv) || head.starts_with("PK\x07\x08"sv);
  if (!starts) return {};
  if (has(head, "opendocument.spreadsheet") || has(head, "[Content_Types].xml") || has(head, "xl/work")) {
    return {Kind::spreadsheet, "a spreadsheet file (Excel, LibreOffice)", kSaveAsCsv};
  }
  return {Kind::archive, "a zip archive", kZip};
}

/// `tag` opens here: `<table>` or `<table border=1>`, and not `<tables>`.
bool opens_tag(std::string_view text, std::string_view tag) {
  if (text.size() <= tag.size() + 1 || lower(text.substr(1, tag.size())) != tag) return false;
  const char behind = text[tag.size() + 1];
  return is_blank(behind) || behind == '>' || behind == '/';
}

LooksLike markup(std::string_view text) {
  if (!text.starts_with('<') || text.size() < 3) return {};
  const std::string start = lower(text.substr(0, 1024));
  const bool declared = start.starts_with("<?xml");
  if (has(start, "urn:schemas-microsoft-com:office:spreadsheet")) {
    return {Kind::spreadsheet, "a spreadsheet in XML (Excel 2003)", kSaveAsCsv};
  }
  constexpr std::array kTags = {"html"sv,   "head"sv,  "body"sv, "table"sv, "div"sv,
                                "script"sv, "style"sv, "meta"sv, "title"sv, "p"sv};
  const bool page = start.starts_with("<!doctype html") || (declared && has(start, "<html")) ||
                    std::any_of(kTags.begin(), kTags.end(), [&](std::string_view tag) { return opens_tag(text, tag); });
  if (page) {
    return {Kind::html, "an HTML page",
            "a page for browsers often stands where an export should be: when a login had ended, for example; export again"};
  }
  const char next = start[1];
  const bool comment = start.starts_with("<!--");
  const bool element = (next >= 'a' && next <= 'z') && has(text, ">");
  if (declared || comment || start.starts_with("<!doctype") || element) return {Kind::xml, "XML", kExportText};
  return {};
}

/// `{` and `[` begin CSV headers as well (`[Id],[Subject]`), but not with what JSON has behind them.
LooksLike json(std::string_view text) {
  if (text.empty() || (text[0] != '{' && text[0] != '[')) return {};
  const std::string_view inside = trimmed(text.substr(1));
  const std::string_view wanted = text[0] == '{' ? "\"}"sv : "{[\"]-0123456789"sv;
  const bool good = inside.empty() || has(wanted, inside.substr(0, 1)) ||
                    (text[0] == '[' && (inside.starts_with("null") || inside.starts_with("true") || inside.starts_with("false")));
  return good ? LooksLike{Kind::json, "JSON", "choose an adapter that reads JSON"} : LooksLike{};
}

}  // namespace

LooksLike looks_like(std::string_view head) {
  for (const Mark& mark : kMarks) {
    if (head.size() > mark.at && head.substr(mark.at).starts_with(mark.bytes)) return mark.meaning;
  }
  if (const LooksLike found = zip(head)) return found;
  if (head.starts_with("\xEF\xBB\xBF")) head.remove_prefix(3);
  const std::string_view text = trimmed(head);
  if (const LooksLike found = markup(text)) return found;
  return json(text);
}

}  // namespace crosswalk
