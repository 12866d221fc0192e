// A record as every source gives it: a list of named text fields.
//
// Framing turns a CSV row and a JSON object into the same thing. JSON objects are flattened to dotted paths
// (`agent.externalId`); an array is handed over as one raw JSON slice. Text is verbatim: framing removes quoting and
// escapes and nothing else, so numbers stay as they were written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace crosswalk {

/// What the source wrote. The values are part of the plugin ABI (plugin.h: cw_kind).
enum class Kind : std::uint8_t {
  cell = 0,     ///< untyped text: a CSV cell
  string = 1,   ///< JSON string, unescaped, valid UTF-8
  number = 2,   ///< JSON number as written (`1e400`, `-0`, 30 digits)
  boolean = 3,  ///< `true` or `false`
  null = 4,     ///< JSON null; text is `null`
  array = 5,    ///< JSON array as one raw, validated slice
  object = 6,   ///< JSON object as one raw slice: only the empty object `{}`, which has no paths of its own
};

/// One field. The layout is part of the plugin ABI (plugin.h: cw_field). Text is borrowed: valid until the call that
/// received the record returns.
struct Field {
  const char* text = nullptr;
  std::uint32_t size = 0;
  std::uint16_t id = 0;  ///< index into the stream's NameTable
  Kind kind = Kind::cell;
  std::uint8_t flags = 0;  ///< kMade or 0

  static constexpr std::uint8_t kMade = 1;  ///< made up by an adapter: the id means nothing

  [[nodiscard]] std::string_view view() const { return {text, size}; }
};
static_assert(sizeof(Field) == 16);

/// One record; the layout is part of the plugin ABI (plugin.h: cw_record).
struct Record {
  const Field* fields = nullptr;
  std::size_t count = 0;

  [[nodiscard]] const Field* begin() const { return fields; }
  [[nodiscard]] const Field* end() const { return fields + count; }
};

/// True when all of `size` bytes are well-formed UTF-8 (no overlong forms, no surrogates, nothing above U+10FFFF), as all text of
/// records is.
[[nodiscard]] bool is_valid_utf8(const char* text, std::size_t size);

/// Bounds on what one record may be. All are settings of a source.
struct Limits {
  std::size_t max_record = std::size_t{16} << 20;  ///< bytes of one record
  std::size_t max_fields = 16'384;                 ///< fields of one record
  std::size_t max_depth = 128;                     ///< nesting of a JSON record; the record itself is depth 1
};

/// Field names interned to small ids, one table per worker and stream.
///
/// Ids below kStable keep their meaning for the life of the table. When names run out of that room (a source whose keys
/// are data), further names get transient ids that are valid for the current record only: forget_transient() is called
/// between records. So memory is bounded whatever the input invents.
class NameTable {
 public:
  static constexpr std::size_t kStable = 0xC000;
  static constexpr std::size_t kTransient = 0x10000 - kStable;
  static constexpr std::size_t kStableBytes = std::size_t{8} << 20;  ///< text of stable names, in all

  /// The id of a name, new or known; -1 when the transient room is used up too (the record has too many fields).
  int intern(std::string_view name);

  [[nodiscard]] std::string_view name(std::uint16_t id) const {
    return id < kStable ? std::string_view(stable_[id]) : std::string_view(transient_[id - kStable]);
  }
  [[nodiscard]] std::size_t stable_count() const { return stable_.size(); }
  [[nodiscard]] std::size_t transient_count() const { return transient_.size(); }
  void forget_transient() {
    if (!transient_.empty()) drop_transient();
  }

 private:
  void drop_transient();
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const;
  };
  std::vector<std::string> stable_;
  std::vector<std::string> transient_;
  std::size_t stable_bytes_ = 0;
  std::size_t transient_bytes_ = 0;  ///< bounded by kStableBytes as well
  std::unordered_map<std::string, std::uint16_t, Hash, std::equal_to<>> ids_;
};

}  // namespace crosswalk
