// JSON framing: lines, arrays, one object, concatenated values, and pages, streamed record by record.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "framing/framing.hpp"

namespace crosswalk {

struct JsonOptions {
  /// Where the records are: empty to find out (a page is an object with one of the known keys), or a JSON Pointer like
  /// `/result/items` to the array (or the single object) that holds them. A name that is no index goes into each element of an
  /// array on the way: `/data` also fits `[{"data": […]}, {"data": […]}]`.
  std::string records_at;
  Limits limits;
};

[[nodiscard]] Result<std::unique_ptr<Splitter>> open_json(std::string name, std::unique_ptr<ByteSource> bytes,
                                                          const JsonOptions& options);

/// Parses one record at a time, whole (skipped values too), into flattened fields.
[[nodiscard]] std::unique_ptr<BlockParser> make_json_parser(NameTable& names, const Limits& limits);

/// Walks the elements of a raw JSON array slice (a Field of Kind::array, already validated): each element that is an
/// object is flattened like a record, under `prefix` ("messages[]" gives names like `messages[].type`); any other
/// element is a record with one field named `prefix`. The callback returns false to stop. One walker per worker; calls
/// may nest (an array in an element) by a walker per level.
class JsonArrayWalker {
 public:
  virtual ~JsonArrayWalker() = default;
  /// False when the slice is not a JSON array.
  virtual bool walk(std::string_view array, std::string_view prefix, const std::function<bool(const Record&)>& element) = 0;
  /// Keys that stood twice in the element given last.
  [[nodiscard]] virtual std::uint32_t duplicate_keys() const = 0;
};
[[nodiscard]] std::unique_ptr<JsonArrayWalker> make_array_walker(NameTable& names, const Limits& limits);

}  // namespace crosswalk
