#include "time/text.hpp"

namespace crosswalk::times {
namespace {

constexpr std::size_t kMostShown = 64;

}  // namespace

std::string quoted(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out = "'";
  for (const char c : text.substr(0, kMostShown)) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  if (text.size() > kMostShown) out += "…";
  return out + "'";
}

}  // namespace crosswalk::times
