#include "unicode.hpp"

#include <algorithm>

#include "text.hpp"

namespace crosswalk {

std::string clean_name(std::string_view name) {
  std::string clean;
  while (!name.empty()) {
    const Character c = first_character(name);
    if (is_unicode_blank(c.value)) {
      clean += ' ';
    } else if (!is_invisible(c.value)) {
      clean += name.substr(0, c.size);
    }
    name.remove_prefix(c.size);
  }
  const std::size_t begin = std::min(clean.find_first_not_of(' '), clean.size());
  return clean.substr(begin, clean.find_last_not_of(' ') + 1 - begin);
}

std::string folded_name(std::string_view name) { return lower(clean_name(name)); }

}  // namespace crosswalk
