// From one JSON object to a list of named fields, everything in it checked on the way.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/record.hpp"
#include "framing/json_keys.hpp"
#include "framing/json_tokens.hpp"

namespace crosswalk::json {

/// Why a value was refused. Which byte is at fault, find_flaw() tells.
enum class Refusal : std::uint8_t { none, not_json, not_an_object, too_deep, too_many_fields, name_too_long };

/// Flattens values out of one text after the other. Fields are valid until the next value.
///
/// Of a key that one object has twice, however it is spelled, the last value stands whole, whatever its kind: nothing of
/// the earlier one is left. Names of fields are paths of keys, divided by dots; in a key `.`, `[` and `\` stand behind a `\`,
/// so that no two paths have one name.
class Flattener {
 public:
  static constexpr std::size_t kLongestName = 4096;

  Flattener(NameTable& names, const Limits& limits) : names_(names), limits_(limits) {}

  /// Takes a text (kSlack readable bytes behind it) for the values to come, from its first token on.
  [[nodiscard]] bool start(std::string_view text);
  /// Takes a text that is several, line by line; take_part() begins each of them.
  [[nodiscard]] bool start_parts(std::string_view text) {
    if (!start(text)) return false;
    end_ = token_;
    return true;
  }
  /// Takes the one from `begin` to `end` for the values to come. They are taken in
  /// order; between them are blanks.
  void take_part(std::size_t begin, std::size_t end);
  /// True behind the last token.
  [[nodiscard]] bool at_end() const { return token_ == end_; }
  /// The byte that the next token starts with; 0 at the end.
  [[nodiscard]] char next() const { return at_end() ? '\0' : text_[*token_]; }
  void step() { ++token_; }

  /// Flattens the object that comes next; its names begin with `prefix` and a dot, unless that is empty.
  [[nodiscard]] Refusal take_object(std::string_view prefix);
  /// Takes the value that comes next, whatever it is but an object, as one field with this name.
  [[nodiscard]] Refusal take_value(std::string_view name);

  [[nodiscard]] Record record() const { return {fields_.data(), count_}; }
  [[nodiscard]] std::uint32_t duplicates() const { return duplicates_; }

  /// Gives back memory that only an unusually large text needed.
  void forget_large();

 private:
  struct Cursor;

  /// An object that is open.
  struct Frame {
    KeyTree::Walk walk;
    std::string_view name;
    std::uint64_t instance = 0;  ///< no other object that was ever opened has this number
  };
  /// A key: its node, or, when it has none, what it means.
  struct Key {
    KeyTree::Node* node = nullptr;
    std::string_view name;
    [[nodiscard]] std::string_view meaning() const { return node != nullptr ? node->meaning : name; }
  };
  /// In which record a field with some id stood last, and as which: in one word, since it is written for every field.
  class Slot {
   public:
    Slot() = default;
    Slot(std::uint32_t record, std::size_t position) : word_(std::uint64_t{record} << 32 | position) {}
    [[nodiscard]] std::uint32_t record() const { return static_cast<std::uint32_t>(word_ >> 32); }
    [[nodiscard]] std::size_t position() const { return static_cast<std::uint32_t>(word_); }
    [[nodiscard]] Slot next() const { return Slot(word_ + 1); }  ///< that of the field behind it

    /// Instead of a position: an object has the field's path.
    static Slot of_object(std::uint32_t record, std::int32_t path) {
      return Slot(record, kObject | static_cast<std::uint32_t>(path));
    }
    [[nodiscard]] bool is_object() const { return (word_ & kObject) != 0; }
    [[nodiscard]] std::size_t path() const { return static_cast<std::uint32_t>(word_) & ~kObject; }

   private:
    static constexpr std::uint32_t kObject = std::uint32_t{1} << 31;
    explicit Slot(std::uint64_t word) : word_(word) {}
    std::uint64_t word_ = 0;
  };
  /// What is known of a path that was an object's. It has the path in this record where `parent` is the object it stands in.
  struct Opened {
    std::uint64_t parent = 0;             ///< instance in which it stood last
    std::uint32_t begin = 0;              ///< position of its first field then
    std::int32_t field = KeyTree::kNoId;  ///< id of the field of the same path, if there is one
  };

  void begin_record();
  Refusal members(Cursor& at);
  bool plain_members(Cursor& at);
  Refusal key(Cursor& at, Key& key);
  Refusal learn(Frame& frame, std::string_view raw, Key& key);
  Refusal value(Cursor& at, Kind& kind, std::string_view& text);
  Refusal string(Cursor& at, std::string_view& text);
  Refusal skip_string(Cursor& at);
  Refusal unescape_next(std::string_view& text, bool wanted);
  Refusal array(Cursor& at, std::string_view& slice);
  Refusal array_elements(Cursor& at);
  void open(KeyTree::Node* node, std::string_view name);
  Refusal open_object(const Key& key);
  Refusal path_of(const Key& key, int& path);
  bool is_here(const Opened& opened) const;
  bool replaced(Slot& slot, const Field& field);
  void drop(std::size_t position);
  void drop_inside(std::size_t path);
  void forget_paths();
  void close_gaps();
  Refusal put(const Key& key, Kind kind, std::string_view text);
  Refusal put_id(int id, Kind kind, std::string_view text);
  Refusal name(const Key& key, int& id);
  bool build_path(std::string_view name);
  bool make_room();

  NameTable& names_;
  Limits limits_;
  Tokens tokens_;
  KeyTree keys_;
  KeyTree::Node* root_ = nullptr;
  std::string root_name_;

  const char* text_ = nullptr;
  const char* text_end_ = nullptr;
  const std::uint32_t* token_ = nullptr;
  const std::uint32_t* end_ = nullptr;
  std::ptrdiff_t part_tokens_ = 0;    // of the last part
  const char* backslash_ = nullptr;   // the next one in the text, or its end
  std::unique_ptr<char[]> meanings_;  // strings without their escapes, end to end
  std::size_t meanings_size_ = 0;
  char* meaning_ = nullptr;

  std::vector<Frame> frames_;  // the first depth_ are open
  std::size_t depth_ = 0;
  std::vector<bool> inner_;  // inside an array: what is open, true for arrays
  std::vector<Field> fields_;
  std::size_t count_ = 0;                     // of the fields that belong to this record
  std::size_t dropped_ = 0;                   // of those: values that a later one of the same key replaced
  std::vector<Slot> slots_;                   // by id
  NameTable paths_;                           // of objects, and of fields that some object could be mistaken for
  std::vector<Opened> opened_;                // by number of the path
  std::vector<std::int32_t> passing_fields_;  // paths whose field has an id for this record only
  std::uint64_t instances_ = 0;
  std::uint32_t record_ = 0;
  std::uint32_t duplicates_ = 0;
  std::string path_;
};

}  // namespace crosswalk::json
