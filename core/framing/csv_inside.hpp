// Rows that a quoted field of CSV holds: a missing quote and a stray one may make a field that is in order and that nobody
// meant. Grammar cannot tell, so such fields are read, and counted.
#pragma once

#include <cstdint>
#include <optional>

#include "framing/csv.hpp"

namespace crosswalk {

struct RowsInside {
  std::size_t begin = 0;   ///< of the row in the block
  std::size_t column = 0;  ///< index of the field that holds them
  std::size_t rows = 0;    ///< lines behind the row's first that would be rows by themselves
};

/// Looks at the row of a block that holds `inner_line` (Block::Unusual): nothing, or the lines of it that have as many
/// delimiters as a row and, where `id_column` is one, something there that may be an id of this file.
[[nodiscard]] std::optional<RowsInside> find_rows_inside(const Block& block, std::size_t inner_line, const CsvDialect& dialect,
                                                         std::optional<std::size_t> id_column);

}  // namespace crosswalk
