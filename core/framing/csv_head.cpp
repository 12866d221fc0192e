#include "framing/csv_head.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "characters.hpp"
#include "framing/csv_rule.hpp"
#include "framing/utf8.hpp"

namespace crosswalk::csv {
namespace {

using namespace std::string_view_literals;

// --- no text at all ---

struct Signature {
  std::string_view bytes;
  std::string_view what;
  std::string_view cure;
};

constexpr std::string_view kUnpack =
    "unpack it first and give the CSV file that is inside; of archives, only zip is read as it is";
constexpr std::string_view kDecompress = "decompress it first, and give what was inside";
constexpr std::string_view kExportAsCsv = "export or save it as CSV (UTF-8)";

constexpr std::array kSignatures{
    Signature{"PK\x03\x04"sv, "a zip archive or a spreadsheet file (.xlsx, .ods)",
              "zip archives are read from files: give FILE.zip; unpack one that stands inside of another; save a spreadsheet as "
              "CSV (UTF-8)"},
    Signature{"PK\x05\x06"sv, "an empty zip archive", "export again: there is nothing in it"},
    Signature{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "an Excel workbook (.xls) or another Office file", kExportAsCsv},
    Signature{"\x1F\x8B"sv, "gzip data inside what was unpacked", kDecompress},
    Signature{"\x28\xB5\x2F\xFD"sv, "zstd data inside what was unpacked", kDecompress},
    Signature{"BZh"sv, "bzip2 data", kDecompress},
    Signature{"\xFD"
              "7zXZ\0"sv,
              "xz data", kDecompress},
    Signature{"7z\xBC\xAF\x27\x1C"sv, "a 7-Zip archive", kUnpack},
    Signature{"Rar!\x1A\x07"sv, "a RAR archive", kUnpack},
    Signature{"\x7F"
              "ELF"sv,
              "a program (ELF)", ""},
    Signature{"\x89PNG\r\n\x1A\n"sv, "a PNG picture", ""},
    Signature{"\xFF\xD8\xFF"sv, "a JPEG picture", ""},
    Signature{"GIF8"sv, "a GIF picture", ""},
    Signature{"%PDF-"sv, "a PDF document", kExportAsCsv},
    Signature{"SQLite format 3\0"sv, "an SQLite database", kExportAsCsv},
    Signature{"PAR1"sv, "a Parquet file", kExportAsCsv},
};

/// UTF-16 of mostly Latin text has a NUL in every second byte. Empty when the head is no such text.
std::string_view unmarked_utf16(std::string_view head) {
  if (head.find('\0') == std::string_view::npos) return {};
  std::array<std::size_t, 2> nuls{};
  for (std::size_t i = 0; i < head.size(); ++i) nuls[i % 2] += head[i] == '\0' ? 1U : 0U;
  const std::size_t most = std::max(nuls[0], nuls[1]);
  const std::size_t few = std::min(nuls[0], nuls[1]);
  if (most < 2 || few * 20 > most || most * 5 < head.size() * 2) return {};
  return nuls[0] > nuls[1] ? "UTF-16BE" : "UTF-16LE";
}

/// Bytes that text has no use for. Form feed, escape and the old end-of-file mark do occur in exports. Without branches, for
/// many at once.
bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20) & (byte != '\t') & (byte != '\n') & (byte != '\r') & (byte != '\f') & (byte != 0x1A) & (byte != 0x1B);
}

/// A few control characters are dirt in the data; a tenth of all bytes means that the data are something else.
bool looks_binary(std::string_view head) {
  const auto controls = static_cast<std::size_t>(std::count_if(head.begin(), head.end(), is_control));
  return controls >= 32 && controls * 10 > head.size();
}

Error not_csv(std::string_view name, std::string_view what, std::string_view cure) {
  return {Errc::data, fmt::format("{}: this is not CSV text; it looks like {}", name, what), std::string(cure)};
}

// --- delimiter ---

/// How evenly a delimiter cuts the rows of the head.
struct Evenness {
  std::size_t columns = 1;    ///< fields of the first row
  std::size_t rows = 0;       ///< rows that are whole
  std::size_t even_rows = 0;  ///< of these, as many fields as the first, and quoting in order

  [[nodiscard]] std::size_t per_mille() const { return rows == 0 || columns < 2 ? 0 : even_rows * 1000 / rows; }
};

/// Calls `visit(reader, begin)` for each whole row of the head, until it returns false.
template <class Visit>
void each_row(std::string_view head, bool whole, char delimiter, CsvQuotes quotes, Visit&& visit) {
  for (std::size_t row = 0; row < head.size();) {
    if (is_line_end(head[row])) {
      ++row;
      continue;
    }
    RuleReader reader;
    reader.delimiter = delimiter;
    reader.quotes = quotes;
    reader.at = row;
    const bool ended = reader.read(head.data(), head.size(), [](std::size_t) {});
    if (!ended && !(whole && !reader.is_open())) return;
    if (!visit(reader, row)) return;
    row = reader.at;
  }
}

Evenness evenness(std::string_view head, bool whole, char delimiter, CsvQuotes quotes) {
  Evenness found;
  each_row(head, whole, delimiter, quotes, [&](const RuleReader& reader, std::size_t) {
    const std::size_t columns = reader.delimiters + 1;
    if (found.rows++ == 0) found.columns = columns;
    if (columns == found.columns && reader.irregular_at == kNowhere) ++found.even_rows;
    return found.columns >= 2;  // else it does not cut, so nothing else counts
  });
  return found;
}

}  // namespace

std::optional<Error> refuse_binary(std::string_view name, std::string_view head) {
  for (const Signature& signature : kSignatures) {
    if (head.starts_with(signature.bytes)) return not_csv(name, signature.what, signature.cure);
  }
  if (const std::string_view encoding = unmarked_utf16(head); !encoding.empty()) {
    return not_csv(name, fmt::format("{} text without a byte order mark", encoding),
                   fmt::format("convert it to UTF-8 first: iconv -f {} -t UTF-8", encoding));
  }
  if (looks_binary(head)) return not_csv(name, "binary data", kExportAsCsv);
  return std::nullopt;
}

std::optional<SeparatorLine> read_separator_line(std::string_view head) {
  const std::string_view line = head.substr(0, std::min(head.find_first_of("\r\n"), head.size()));
  const bool quoted = line.size() == 7 && line.front() == '"' && line.back() == '"';
  const std::string_view text = quoted ? line.substr(1, 5) : line;
  if (text.size() != 5) return std::nullopt;
  const auto letter = [&](std::size_t i, char lower) { return (text[i] | 0x20) == lower; };
  if (!letter(0, 's') || !letter(1, 'e') || !letter(2, 'p') || text[3] != '=') return std::nullopt;
  if (text[4] == '"' || static_cast<unsigned char>(text[4]) >= 0x80) return std::nullopt;
  return SeparatorLine{text[4], line.size()};
}

char detect_delimiter(std::string_view head, bool whole, CsvQuotes quotes) {
  char best = ',';
  Evenness best_found = evenness(head, whole, best, quotes);
  for (const char candidate : {';', '\t', '|'}) {
    const Evenness found = evenness(head, whole, candidate, quotes);
    const bool better = found.per_mille() != best_found.per_mille() ? found.per_mille() > best_found.per_mille()
                                                                    : found.columns > best_found.columns;
    if (found.per_mille() == 0 || !better) continue;
    best = candidate;
    best_found = found;
  }
  return best;
}

bool is_blank_row(std::string_view row, char delimiter) {
  while (!row.empty()) {
    const Character c = first_character(row);
    const bool filler =
        c.code <= ' ' || c.code == '"' || row.front() == delimiter || is_unicode_blank(c.code) || is_format_character(c.code);
    if (!filler) return false;
    row.remove_prefix(c.size);
  }
  return true;
}

bool is_empty_field(std::string_view raw, CsvQuotes quotes) {
  if (raw.empty()) return true;
  const bool quoted = quotes != CsvQuotes::none && raw.size() >= 2 && raw.front() == '"' && raw.back() == '"';
  const std::string_view inner = quoted ? raw.substr(1, raw.size() - 2) : raw;
  return inner.find('"') == std::string_view::npos && is_blank_row(inner, ' ');
}

RowShape row_shape(std::string_view head, bool whole, char delimiter, CsvQuotes quotes, std::string_view header) {
  RowShape shape;
  each_row(head, whole, delimiter, quotes, [&](const RuleReader& reader, std::size_t begin) {
    const std::string_view row = head.substr(begin, reader.at - begin);
    if (row == header || is_blank_row(row, delimiter)) return true;
    const std::size_t fields = reader.delimiters + 1;
    std::size_t empty = 0;
    for (std::string_view rest = row; empty < reader.delimiters; ++empty) {
      const std::size_t last = rest.rfind(delimiter);
      if (!is_empty_field(rest.substr(last + 1), quotes)) break;
      rest = rest.substr(0, last);
    }
    const bool first = shape.fields == 0;
    shape.empty_fields = first ? empty : std::min(shape.empty_fields, empty);
    if (!first && fields != shape.fields) {
      shape = {};
      return false;
    }
    shape.fields = fields;
    return true;
  });
  return shape;
}

namespace {

/// Bytes beyond ASCII, by the runs that they stand in.
struct HighBytes {
  bool utf8 = false;      ///< some run is UTF-8 as a whole
  bool long_run = false;  ///< some other has four bytes or more: words of a script that is not Latin
};

HighBytes high_bytes(std::string_view text) {
  const auto is_high = [](char c) { return static_cast<unsigned char>(c) >= 0x80; };
  HighBytes found;
  for (auto at = text.begin(); at != text.end();) {
    const auto begin = std::find_if(at, text.end(), is_high);
    at = std::find_if_not(begin, text.end(), is_high);
    if (begin == at) break;
    const std::string_view run =
        text.substr(static_cast<std::size_t>(begin - text.begin()), static_cast<std::size_t>(at - begin));
    if (find_invalid_utf8(run) == run.size()) {
      found.utf8 = true;
      continue;
    }
    found.long_run |= run.size() >= 4;
  }
  return found;
}

}  // namespace

bool has_wide_character(std::string_view text) { return high_bytes(text).utf8; }

EncodingFault judge_encoding(std::string_view text, bool rest_is_utf8, bool ends_input) {
  if (ends_input && text.ends_with('\xFF') && find_invalid_utf8(text) + 1 == text.size()) {
    return {"the last character is cut off, as when UTF-16 text has an odd number of bytes",
            "export or copy the file again: it is cut"};
  }
  const HighBytes found = high_bytes(text);
  if (found.utf8 || rest_is_utf8) {
    return {
        "other text of the input is UTF-8, so a character is cut off here, or the row is in another encoding",
        "do not convert the whole file, which would spoil the rest: export it again as UTF-8, or convert the parts before they "
        "are put together"};
  }
  if (found.long_run) {
    return {"it looks like the encoding of another script (GB18030, Big5, Shift-JIS, EUC-KR, Windows-1251 or the like)",
            std::string(kConvertCure)};
  }
  return {"", std::string(kConvertCure)};
}

std::vector<std::string> names_of(std::string_view line, char delimiter) {
  std::vector<std::string> names;
  RuleReader reader;
  reader.delimiter = delimiter;
  std::size_t begin = 0;
  const auto add = [&](std::size_t end) {
    std::string name(line.substr(begin, end - begin));
    if (name.starts_with('"')) name.resize(unquote(name.data(), name.size(), name.data()));
    names.push_back(clean_name(name));
    begin = end + 1;
  };
  reader.read(line.data(), line.size(), add);
  add(reader.at);
  return names;
}

std::string delimiter_name(char delimiter) {
  switch (delimiter) {
    case ',': return "comma";
    case ';': return "semicolon";
    case '\t': return "tab";
    case '|': return "vertical bar";
    default: return fmt::format("'{}'", delimiter);
  }
}

}  // namespace crosswalk::csv
