#include "framing/csv_inside.hpp"

#include <algorithm>
#include <bit>

#include "digits.hpp"
#include "framing/csv_rule.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kLongestId = 64;

bool is_set(const std::vector<std::uint64_t>& bits, std::size_t at) { return (bits[at / 64] >> at % 64 & 1) != 0; }

/// Behind the last bit that is set before `at`, or 0.
std::size_t begin_of_row(const std::vector<std::uint64_t>& bits, std::size_t at) {
  std::size_t word = at / 64;
  std::uint64_t rest = bits[word] & ((std::uint64_t{1} << at % 64) - 1);
  while (rest == 0 && word != 0) rest = bits[--word];
  return word * 64 + static_cast<std::size_t>(std::bit_width(rest));
}

/// Where the next bit is set from `at` on, or `size`.
std::size_t end_of_row(const std::vector<std::uint64_t>& bits, std::size_t at, std::size_t size) {
  std::size_t word = at / 64;
  std::uint64_t rest = bits[word] & ~std::uint64_t{} << at % 64;
  while (rest == 0 && (word + 1) * 64 < size) rest = bits[++word];
  return rest == 0 ? size : std::min(size, word * 64 + static_cast<std::size_t>(std::countr_zero(rest)));
}

/// Whether a character occurs so often. By search, not by counting: texts are long, and have few delimiters.
bool has_at_least(std::string_view text, char character, std::size_t times) {
  std::size_t at = 0;
  for (; times != 0; --times) {
    at = text.find(character, at);
    if (at == std::string_view::npos) return false;
    ++at;
  }
  return true;
}

std::string_view cell_of(std::string_view line, char delimiter, std::size_t column) {
  for (; column != 0; --column) line.remove_prefix(line.find(delimiter) + 1);
  std::string_view cell = trimmed(line.substr(0, line.find(delimiter)));
  if (cell.size() >= 2 && cell.front() == '"' && cell.back() == '"') cell = cell.substr(1, cell.size() - 2);
  return cell;
}

bool is_digits(std::string_view text) { return std::all_of(text.begin(), text.end(), is_digit); }

/// As an id is written: one word, and digits where the row's own id is digits.
bool may_be_id(std::string_view text, std::string_view own) {
  if (text.empty() || text.size() > kLongestId || std::any_of(text.begin(), text.end(), is_blank)) return false;
  return own.empty() || !is_digits(own) || is_digits(text);
}

}  // namespace

std::optional<RowsInside> find_rows_inside(const Block& block, std::size_t inner_line, const CsvDialect& dialect,
                                           std::optional<std::size_t> id_column) {
  const std::size_t begin = begin_of_row(block.ends.records, inner_line);
  const std::string_view row(block.data.data() + begin, end_of_row(block.ends.records, inner_line, block.size) - begin);
  const std::size_t delimiters = dialect.header.size() + dialect.empty_fields - 1;
  const auto fields_before = [&](std::size_t position) {
    std::size_t fields = 0;
    for (std::size_t at = begin; at < position; ++at) fields += is_set(block.ends.fields, at) ? 1U : 0U;
    return fields;
  };
  // Where rows may lack their last fields, a line as short as its row may be one.
  const std::size_t least = dialect.short_rows ? std::min(delimiters, fields_before(begin + row.size())) : delimiters;
  // In a file of one column any line would be a row. Most texts have not enough delimiters for two rows.
  if (least == 0 || !has_at_least(row, dialect.delimiter, 2 * least)) return std::nullopt;
  RowsInside found;
  std::string_view own;
  bool first = true;
  for (std::size_t at = 0; at < row.size();) {
    const std::size_t line_end = std::min(row.find_first_of("\r\n", at), row.size());
    const std::string_view line = row.substr(at, line_end - at);
    const auto within = static_cast<std::size_t>(std::count(line.begin(), line.end(), dialect.delimiter));
    const bool whole = least <= within && within <= delimiters && (!id_column || *id_column <= within);
    const std::string_view id = whole && id_column ? cell_of(line, dialect.delimiter, *id_column) : std::string_view();
    if (first && id_column && fields_before(begin + line_end) > *id_column) own = cell_of(line, dialect.delimiter, *id_column);
    if (!first && whole && (!id_column || may_be_id(id, own)) && found.rows++ == 0) found.column = fields_before(begin + at);
    first = false;
    at = line_end + 1;
  }
  if (found.rows == 0) return std::nullopt;
  found.begin = begin;
  return found;
}

}  // namespace crosswalk
