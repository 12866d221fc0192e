// The ways a JSON input can be laid out, and a splitter for each.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "framing/framing.hpp"
#include "framing/json_window.hpp"

namespace crosswalk::json {

/// What is kept of a record that is refused for its size.
inline constexpr std::size_t kKept = std::size_t{16} << 10;

/// The words of a fault.
struct FaultText {
  std::string code, found, message, cure;
};

/// Adds a fault of `size` bytes at position `begin`, of which the first kKept, if there are so many, are in the block.
void add_fault(Block& block, std::size_t begin, std::uint64_t size, FaultText text);

[[nodiscard]] FaultText record_too_large(std::uint64_t size, std::size_t limit);
[[nodiscard]] FaultText truncated_record(std::uint64_t size);

/// An answer that may need more bytes than the block may have.
enum class Answer : std::uint8_t { no, yes, pause, failed };

/// Is the object at `start` a page: an envelope around an array of records?
///
/// It is when one of the keys conversations, items, data, tickets, records, results or activities has an array of objects
/// (or an empty one) as its value, and none of the keys id, externalId, external_id, conversation_id and Id comes before
/// it: a record that knows its own id is a record, whatever lists it has. Also when such a key has null as its value and nothing
/// but words of pages stand beside it. Looks at `limit` bytes at most.
[[nodiscard]] Answer is_page(Window& window, std::size_t start, std::size_t limit);

/// One value per line; a line is a record, whatever is in it.
[[nodiscard]] std::unique_ptr<Splitter> split_lines(std::unique_ptr<Window> window, const Limits& limits);

/// Arrays, pages, concatenated and pretty-printed values: whatever only brackets can tell apart. `pointer` (may be empty)
/// leads to the records inside each top-level value.
[[nodiscard]] std::unique_ptr<Splitter> split_structure(std::string name, std::unique_ptr<Window> window,
                                                        std::vector<std::string> pointer, const Limits& limits);

}  // namespace crosswalk::json
