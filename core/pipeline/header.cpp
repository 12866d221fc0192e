#include "pipeline/header.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "characters.hpp"
#include "framing/csv_head.hpp"
#include "framing/looks_like.hpp"
#include "pipeline/choose.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kMostColumns = 200, kLongestList = 8'000, kLongestName = 200;
constexpr std::size_t kMostLines = 50;  // that may stand above a header

bool is_header_of(std::string_view line, const std::vector<const AdapterInfo*>& adapters) {
  for (const char delimiter : {',', ';', '\t', '|'}) {
    if (line.find(delimiter) == std::string_view::npos) continue;
    std::set<std::string, std::less<>> names;
    for (const std::string& name : csv::names_of(line, delimiter)) names.insert(folded_name(name));
    const auto fits = [&](const AdapterInfo* info) { return best_bid(*info, Framing::csv, names) > 0; };
    if (std::any_of(adapters.begin(), adapters.end(), fits)) return true;
  }
  return false;
}

/// The column that an adapter misses, of its message: `… no column "X" …`.
std::string_view missing_column(std::string_view message) {
  constexpr std::string_view kNoColumn = "no column \"";
  const std::size_t at = message.find(kNoColumn);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = message.substr(at + kNoColumn.size());
  return rest.substr(0, rest.find('"'));
}

/// Settings field.<name> whose name is near one that the adapter asks for, and is none.
std::string mistyped_fields(const SourceConfig& source) {
  std::vector<std::string> asked_for;
  for (const auto& [target, column] : source.info.columns) asked_for.push_back(lower(column));
  std::string hints;
  for (const FieldAlias& alias : source.fields) {
    const std::string name = folded_name(alias.name);
    if (std::find(asked_for.begin(), asked_for.end(), name) != asked_for.end()) continue;
    const std::string_view near = nearest(name, asked_for);
    if (!near.empty()) hints += fmt::format("; setting field.{}: did you mean field.{}?", alias.name, near);
  }
  return hints;
}

}  // namespace

std::string listed_columns(const std::vector<std::string>& header) {
  std::string list;
  std::size_t count = 0;
  for (const std::string& name : header) {
    if (count == kMostColumns || list.size() > kLongestList) {
      return fmt::format("{} and {} more", list, grouped(header.size() - count));
    }
    if (count++ != 0) list += ", ";
    list += '"' + in_line(name, kLongestName) + '"';
  }
  return list;
}

std::optional<std::uint64_t> find_header_below(std::string_view text, std::uint64_t first_line,
                                               const std::vector<const AdapterInfo*>& adapters) {
  std::uint64_t line = first_line;
  for (std::size_t at = 0; line < first_line + kMostLines; ++line) {
    const std::size_t end = text.find_first_of("\r\n", at);
    if (end == std::string_view::npos) return std::nullopt;  // also of a line that is cut
    if (line != first_line && is_header_of(text.substr(at, end - at), adapters)) return line;
    at = end + (text.substr(end).starts_with("\r\n") ? 2 : 1);
  }
  return std::nullopt;
}

Error with_header(const Error& error, const SourceConfig& source, const CsvDialect& dialect) {
  const std::size_t columns = dialect.header.size();
  Error full = error;
  full.message +=
      fmt::format("; the header (line {}, delimiter: {}) has {} column{}: {}", dialect.header_line,
                  csv::delimiter_name(dialect.delimiter), columns, columns == 1 ? "" : "s", listed_columns(dialect.header));
  if (const LooksLike found = looks_like(dialect.head)) {
    full.message += fmt::format("; this is no CSV, it looks like {}", found.what);
    full.cure = found.cure;
    return full;
  }
  if (const auto line = find_header_below(dialect.head, dialect.header_line, {&source.info})) {
    full.message += fmt::format("; line {} looks like the header", *line);
    full.cure = source.cure(fmt::format("--set header_row={}", *line));
    return full;
  }
  if (columns == 1 && source.delimiter != 0) full.cure += source.cure("; or correct --set delimiter, which leaves one column");
  const bool named_by_setting = error.cure.find("setting") != std::string::npos || error.message.starts_with("setting");
  if (const std::string_view missing = missing_column(error.message); !missing.empty() && !named_by_setting) {
    full.cure +=
        source.cure(fmt::format("; or, where a column has it under another name, --set \"field.{}=<column>\"", lower(missing)));
    full.cure += mistyped_fields(source);
  }
  return full;
}

}  // namespace crosswalk
