#include "framing/csv_kernels.hpp"
#include "framing/framing.hpp"

namespace crosswalk {

std::uint64_t Block::line_of(std::size_t position) const {
  // Between the two bytes of a CRLF the line has not ended yet.
  const bool within_crlf = position > 0 && position < size && data[position - 1] == '\r' && data[position] == '\n';
  return line + csv::count_line_ends(data.data(), position) - (within_crlf ? 1 : 0);
}

}  // namespace crosswalk
