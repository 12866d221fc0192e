// What a refusal of a CSV header tells the person who must settle it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "framing/csv.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

/// `error`, by which a header was refused, with what was found: the columns as they are written, the delimiter, the line that
/// was taken for the header, what the file looks like if it is no CSV; and a later line that looks like the adapter's header.
[[nodiscard]] Error with_header(const Error& error, const SourceConfig& source, const CsvDialect& dialect);

/// The columns of a header, in quotes: all of them, unless there are very many.
[[nodiscard]] std::string listed_columns(const std::vector<std::string>& header);

/// The line, from 1, that looks like the header of one of the adapters, of text whose first line has the number `first_line`,
/// which is not asked.
[[nodiscard]] std::optional<std::uint64_t> find_header_below(std::string_view text, std::uint64_t first_line,
                                                             const std::vector<const AdapterInfo*>& adapters);

}  // namespace crosswalk
