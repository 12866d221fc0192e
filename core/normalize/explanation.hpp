// What a record was read from: asked for by place, for those who must explain a field.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crosswalk/conversation.hpp"

namespace crosswalk {

struct RecordExplanation {
  struct Field {
    Target target = Target::none;
    std::string name, found;  ///< the source's field, and its text
    std::string zone;         ///< of a time that was written without an offset
  };
  std::uint64_t size = 0;  ///< bytes of the record
  std::vector<Field> fields;
};

/// Records by input and byte offset. One per source; filled by one thread.
struct Explanations {
  std::map<std::pair<std::uint32_t, std::uint64_t>, RecordExplanation> records;  ///< the wanted ones, put there beforehand
};

}  // namespace crosswalk
