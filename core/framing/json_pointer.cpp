#include "framing/json_pointer.hpp"

#include <fmt/format.h>

namespace crosswalk::json {
namespace {

Error wrong(std::string_view pointer, std::string_view why) {
  return Error{Errc::usage, fmt::format("setting records_at: \"{}\" is not a JSON Pointer: {}", pointer, why),
               "write the path of keys to the records, each behind a slash: /result/items (in keys, ~ is ~0 and / is ~1)"};
}

}  // namespace

Result<std::vector<std::string>> parse_pointer(std::string_view pointer) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < pointer.size(); ++i) {
    const char c = pointer[i];
    if (i == 0 && c != '/') return wrong(pointer, "it does not start with a slash");
    if (c == '/') {
      names.emplace_back();
    } else if (c != '~') {
      names.back() += c;
    } else if (i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
      names.back() += pointer[++i] == '0' ? '~' : '/';
    } else {
      return wrong(pointer, "a ~ is followed by neither 0 nor 1");
    }
  }
  return names;
}

}  // namespace crosswalk::json
