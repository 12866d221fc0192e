// CSV framing: RFC 4180 at vector speed where a file is clean, Python's csv rule, exactly, where it is not.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framing/framing.hpp"

namespace crosswalk {

/// How an input writes rows.
struct CsvDialect {
  char delimiter = ',';
  std::vector<std::string> header;  ///< the first row, decoded, trimmed of blanks (NBSP too); as many as columns
  std::uint64_t header_line = 1;
};

struct CsvOptions {
  char delimiter = 0;  ///< 0: found out from the head (`,` `;` tab `|`)
  Limits limits;
};

/// A splitter that has read the header. `dialect` is complete when this returns. An input without a byte, or with only
/// blank lines, gives an empty header. `name` is for errors.
struct CsvReader {
  CsvDialect dialect;
  std::unique_ptr<Splitter> splitter;
};
[[nodiscard]] Result<CsvReader> open_csv(std::string name, std::unique_ptr<ByteSource> bytes, const CsvOptions& options);

/// Field ids are given by the caller: ids[i] is column i's id.
[[nodiscard]] std::unique_ptr<BlockParser> make_csv_parser(const CsvDialect& dialect, const std::vector<std::uint16_t>& ids,
                                                           const Limits& limits);

}  // namespace crosswalk
