// What an isolated adapter's process answered about a record: bytes of whatever sort, until they were checked.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "crosswalk/adapter.hpp"

namespace crosswalk {

/// Where the order of a record stands: its texts, which an answer may point at, are within.
struct RecordOrder {
  std::string_view orders;         ///< all of them
  std::size_t begin = 0, end = 0;  ///< of this record, in `orders`
};

/// Calls on the receiver what the adapter called, as far as that can be: what breaks the rules of plugin.h becomes a refusal.
/// Gives the array that the adapter needs the elements of, if that is what it says. `answer` must not change meanwhile.
[[nodiscard]] std::optional<RemoteTranslator::Array> tell_answer(std::string_view answer, const RecordOrder& order,
                                                                 const Record& record, Receiver& receiver);

}  // namespace crosswalk
