#include "framing/framing.hpp"
#include "framing/lines.hpp"

namespace crosswalk {

std::uint64_t Block::line_of(std::size_t position) const { return TextLines({data.data(), size}, line).at(position); }

}  // namespace crosswalk
