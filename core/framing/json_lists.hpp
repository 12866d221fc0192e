// What stands where in the head of a JSON input: for advice about pages that nobody told us how to open.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace crosswalk::json {

/// The first value of a text, which may be cut off anywhere; of an array, its first element.
struct HeadLook {
  /// An array of objects that is reached through objects only.
  struct List {
    std::string pointer;             ///< as the setting records_at takes it
    std::uint64_t count = 0;         ///< elements seen
    bool whole = false;              ///< all of them were seen
    std::vector<std::string> names;  ///< of the first one's fields
  };
  std::vector<std::string> names;  ///< of the value's fields, as records have them
  bool whole = false;              ///< all of the value was seen
  std::vector<List> lists;
};

[[nodiscard]] HeadLook look_at_head(std::string_view head);

/// The pointer of an object whose fields have names that begin with `prefix` ("a.b\.c."), below `pointer`.
[[nodiscard]] std::string pointer_below(std::string_view pointer, std::string_view prefix);

}  // namespace crosswalk::json
