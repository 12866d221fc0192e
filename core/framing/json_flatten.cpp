#include "framing/json_flatten.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>

#include "framing/framing.hpp"
#include "framing/json_check.hpp"
#include "framing/json_text.hpp"
#include "text.hpp"

// The walk over the tokens is one loop in the end: what it calls for every key and value is worth being part of it.
#define CROSSWALK_HOT [[gnu::always_inline]] inline

namespace crosswalk::json {
namespace {

constexpr std::size_t kLarge = std::size_t{1} << 20;
constexpr std::string_view kEmptyObject = "{}";
constexpr std::uint8_t kReplaced = 0x80;  // flag of a field whose value a later one replaced; none is left in a record

/// All of a field but where its text is, in one word.
struct Use {
  std::uint32_t size;
  std::uint16_t id;
  Kind kind;
  std::uint8_t flags;
};
static_assert(offsetof(Field, size) == sizeof(const char*) && sizeof(Field) == sizeof(const char*) + sizeof(Use));

std::uint64_t word_of(Use use) { return std::bit_cast<std::uint64_t>(use); }

const char* find_backslash(const char* begin, const char* end) {
  const void* const found = std::memchr(begin, '\\', static_cast<std::size_t>(end - begin));
  return found == nullptr ? end : static_cast<const char*>(found);
}

}  // namespace

/// The walk's place, in registers: members of the flattener would be read again after every field that is written.
struct Flattener::Cursor {
  const char* text;
  const std::uint32_t* token;
  const std::uint32_t* end;

  /// The byte that the token starts with; 0 behind the last one.
  CROSSWALK_HOT char byte() const { return token == end ? '\0' : text[*token]; }
  CROSSWALK_HOT void step() { ++token; }
  /// The token up to the one behind it, without blanks. There must be one.
  CROSSWALK_HOT std::string_view whole() const {
    const char* const first = text + token[0];
    const char* last = text + token[1] - 1;
    while (is_blank(*last)) --last;
    return {first, static_cast<std::size_t>(last + 1 - first)};
  }
};

bool Flattener::start(std::string_view text) {
  if (!tokens_.find(text)) return false;
  text_ = text.data();
  text_end_ = text_ + text.size();
  token_ = tokens_.begin();
  end_ = tokens_.end();
  backslash_ = find_backslash(text_, text_end_);
  if (backslash_ != text_end_) {
    if (meanings_size_ < text.size()) {
      meanings_size_ = std::max(text.size(), 2 * meanings_size_);
      meanings_.reset(new char[meanings_size_ + kSlack]);
    }
    meaning_ = meanings_.get();  // all of them together are shorter than the text
  }
  return true;
}

void Flattener::take_part(std::size_t begin, std::size_t end) {
  token_ = end_;
  // Mostly each has as many tokens as the one before.
  const std::uint32_t* const last = tokens_.end();
  const std::uint32_t* guess = token_ + std::min(part_tokens_, last - token_);
  while (guess != token_ && guess[-1] >= end) --guess;
  while (guess != last && *guess < end) ++guess;
  end_ = guess;
  part_tokens_ = end_ - token_;
  if (backslash_ < text_ + begin) backslash_ = find_backslash(text_ + begin, text_end_);
}

void Flattener::forget_large() {
  tokens_.forget_large();
  if (meanings_size_ > kLarge) {
    meanings_.reset();
    meanings_size_ = 0;
  }
}

void Flattener::begin_record() {
  duplicates_ = 0;
  count_ = 0;
  depth_ = 0;
  if (dropped_ != 0) {  // the last record was refused
    dropped_ = 0;
    if (fields_.size() > limits_.max_fields) fields_.resize(limits_.max_fields);
  }
  forget_paths();
  if (++record_ == 0) {  // after four thousand million of them
    std::fill(slots_.begin(), slots_.end(), Slot{});
    ++record_;
  }
}

CROSSWALK_HOT void Flattener::open(KeyTree::Node* node, std::string_view name) {
  if (depth_ == frames_.size()) frames_.resize(2 * depth_ + 1);
  frames_[depth_++] = {KeyTree::Walk(node), name, ++instances_};
}

Refusal Flattener::take_object(std::string_view prefix) {
  begin_record();
  if (next() != '{') return Refusal::not_an_object;
  if (limits_.max_depth == 0) return Refusal::too_deep;
  step();
  if (next() == '}') {
    step();
    return Refusal::none;
  }
  if (root_ == nullptr || root_name_ != prefix) {
    root_ = keys_.root(prefix);
    root_name_ = prefix;
  }
  open(root_, prefix);
  Cursor at{text_, token_, end_};
  const Refusal refusal = members(at);
  token_ = at.token;
  if (dropped_ != 0 && refusal == Refusal::none) close_gaps();
  return refusal;
}

Refusal Flattener::take_value(std::string_view name) {
  begin_record();
  const int id = names_.intern(name);
  if (id < 0) return Refusal::too_many_fields;
  Cursor at{text_, token_, end_};
  Kind kind = Kind::null;
  std::string_view text;
  if (const Refusal refusal = value(at, kind, text); refusal != Refusal::none) return refusal;
  token_ = at.token;
  return put_id(id, kind, text);
}

// The members of the object whose brace was just opened, down to its end and that of every object in it.
Refusal Flattener::members(Cursor& at_outside) {
  Cursor at = at_outside;
  for (;;) {
    if (!plain_members(at)) {
      Key name;
      if (const Refusal refusal = key(at, name); refusal != Refusal::none) return refusal;
      Kind kind = Kind::object;
      std::string_view text = kEmptyObject;
      if (at.byte() == '{') {
        at.step();
        if (depth_ == limits_.max_depth) return Refusal::too_deep;
        if (at.byte() != '}') {
          if (const Refusal refusal = open_object(name); refusal != Refusal::none) return refusal;
          continue;
        }
        at.step();
      } else if (const Refusal refusal = value(at, kind, text); refusal != Refusal::none) {
        return refusal;
      }
      if (const Refusal refusal = put(name, kind, text); refusal != Refusal::none) return refusal;
    }
    while (at.byte() == '}') {
      at.step();
      if (--depth_ == 0) {
        at_outside = at;
        return Refusal::none;
      }
    }
    if (at.byte() != ',') return Refusal::not_json;
    at.step();
  }
}

// Members as nearly all are: the key that is expected, a string without escapes, a null or an object of such, no blanks. Stops in
// front of the first that is not like that; true: behind a member, and no comma comes next or the last object ends.
CROSSWALK_HOT bool Flattener::plain_members(Cursor& at) {
  if (frames_[depth_ - 1].walk.object == nullptr) return false;
  KeyTree::Node** expected = frames_[depth_ - 1].walk.expected;
  const char* const text = at.text;
  const std::uint32_t* token = at.token;
  const auto plain_up_to = static_cast<std::uint32_t>(backslash_ - text);
  Slot* const slots = slots_.data();      // for every id that a node has
  Opened* const opened = opened_.data();  // for every path that a node has
  std::uint64_t instance = frames_[depth_ - 1].instance;
  Slot slot(record_, count_);
  Field *field = fields_.data() + count_, *const fields_end = fields_.data() + fields_.size();
  bool behind_member = false;
  while (at.end - token > 3 && field != fields_end) {
    const std::uint32_t begin = token[2], end = token[3];
    if (text[token[1]] != ':' || end > plain_up_to) break;
    KeyTree::Node** behind = expected;
    KeyTree::Node* const node = KeyTree::expected(behind, text + token[0]);
    if (node == nullptr) break;
    if (text[begin] == '{') {
      if (text[end] == '}' || depth_ == limits_.max_depth || node->path < 0) break;
      Opened& object = opened[node->path];
      if (object.parent == instance) break;
      if (object.field >= 0) {
        if (slots[object.field].record() == slot.record()) break;
        slots[object.field] = Slot::of_object(slot.record(), node->path);
      }
      object.parent = instance;
      object.begin = static_cast<std::uint32_t>(slot.position());
      frames_[depth_ - 1].walk.expected = behind;
      open(node, node->meaning);
      instance = instances_;
      expected = &node->first;
      token += 3;
      continue;
    }
    const bool at_brace = text[end] == '}';
    if (!at_brace && text[end] != ',') break;
    if (node->id < 0 || slots[node->id].record() == slot.record()) break;
    const char* value = text + begin;
    const auto id = static_cast<std::uint16_t>(node->id);
    std::uint64_t use = 0;
    if (text[begin] == '"' && text[end - 1] == '"') {
      ++value;
      use = word_of({end - begin - 2, id, Kind::string, 0});
    } else if (end - begin == 4 && std::memcmp(value, "null", 4) == 0) {
      use = word_of({4, id, Kind::null, 0});
    } else {
      break;
    }
    slots[node->id] = slot;
    slot = slot.next();
    std::memcpy(&field->text, &value, sizeof value);
    std::memcpy(&field->size, &use, sizeof use);
    ++field;
    expected = behind;
    token += 3;
    if (at_brace) {
      while (depth_ != 1 && at.end - token > 1 && text[*token] == '}') {
        ++token;
        expected = frames_[--depth_ - 1].walk.expected;
        instance = frames_[depth_ - 1].instance;
      }
      behind_member = text[*token] != ',';
      if (behind_member) break;
    }
    ++token;
  }
  frames_[depth_ - 1].walk.expected = expected;
  at.token = token;
  count_ = static_cast<std::size_t>(field - fields_.data());
  return behind_member;
}

// A key and its colon.
CROSSWALK_HOT Refusal Flattener::key(Cursor& at, Key& key) {
  if (at.byte() != '"') return Refusal::not_json;
  const char* const begin = at.text + *at.token;
  Frame& frame = frames_[depth_ - 1];
  key.node = KeyTree::expected(frame.walk, begin);
  const std::string_view quoted = key.node != nullptr ? std::string_view() : at.whole();
  at.step();
  if (at.byte() != ':') return Refusal::not_json;
  at.step();
  if (key.node == nullptr) return learn(frame, quoted, key);
  const char* const end = begin + key.node->size;
  if (backslash_ < end) backslash_ = find_backslash(end, text_end_);
  return Refusal::none;
}

// A key that is not the one that was expected.
[[gnu::noinline]] Refusal Flattener::learn(Frame& frame, std::string_view quoted, Key& key) {
  if (quoted.size() < 2) return Refusal::not_json;
  const std::string_view raw = quoted.substr(1, quoted.size() - 2);
  key.name = raw;
  if (backslash_ < raw.data() + raw.size()) {
    if (const Refusal refusal = unescape_next(key.name, true); refusal != Refusal::none) return refusal;
  }
  if (frame.walk.object == nullptr) return Refusal::none;
  key.node = keys_.find(frame.walk, raw);
  if (key.node == nullptr && raw.size() <= kLongestName) key.node = keys_.add(frame.walk, raw, key.name);
  return Refusal::none;
}

// A value that is not an object.
CROSSWALK_HOT Refusal Flattener::value(Cursor& at, Kind& kind, std::string_view& text) {
  const char first = at.byte();
  if (first == '"') {
    kind = Kind::string;
    return string(at, text);
  }
  if (first == '[') {
    kind = Kind::array;
    return array(at, text);
  }
  if (first == '\0') return Refusal::not_json;
  text = at.whole();
  at.step();
  bool good = false;
  switch (first) {
    case 't': kind = Kind::boolean, good = text == "true"; break;
    case 'f': kind = Kind::boolean, good = text == "false"; break;
    case 'n': kind = Kind::null, good = text == "null"; break;
    default: kind = Kind::number, good = is_number(text); break;
  }
  return good ? Refusal::none : Refusal::not_json;
}

CROSSWALK_HOT Refusal Flattener::string(Cursor& at, std::string_view& text) {
  const std::string_view quoted = at.whole();
  at.step();
  if (quoted.size() < 2) return Refusal::not_json;
  text = quoted.substr(1, quoted.size() - 2);
  return backslash_ >= text.data() + text.size() ? Refusal::none : unescape_next(text, true);
}

CROSSWALK_HOT Refusal Flattener::skip_string(Cursor& at) {
  std::string_view text = at.whole();
  at.step();
  return backslash_ >= text.data() + text.size() ? Refusal::none : unescape_next(text, false);
}

// The next backslash stands in this text: replaces it by its meaning, if that is wanted, and looks for the backslash
// behind it.
[[gnu::noinline]] Refusal Flattener::unescape_next(std::string_view& text, bool wanted) {
  const char* const text_end = text.data() + text.size();
  char* const end = unescape(text, meaning_);
  if (end == nullptr) return Refusal::not_json;
  if (wanted) {
    text = {meaning_, static_cast<std::size_t>(end - meaning_)};
    meaning_ = end;
  }
  backslash_ = find_backslash(text_end, text_end_);
  return Refusal::none;
}

// A whole array as one slice, checked to its last byte.
CROSSWALK_HOT Refusal Flattener::array(Cursor& at, std::string_view& slice) {
  const char* const begin = at.text + *at.token;
  Cursor inside = at;
  const Refusal refusal = array_elements(inside);
  at.token = inside.token;
  slice = {begin, static_cast<std::size_t>(at.text + at.token[-1] + 1 - begin)};
  return refusal;
}

// Steps over the array that comes next.
[[gnu::noinline]] Refusal Flattener::array_elements(Cursor& at_outside) {
  Cursor at = at_outside;
  inner_.clear();
  for (;;) {
    const bool in_object = !inner_.empty() && !inner_.back();
    if (in_object) {  // a key
      if (at.byte() != '"' || skip_string(at) != Refusal::none || at.byte() != ':') return Refusal::not_json;
      at.step();
    }
    const char first = at.byte();
    if (first == '[' || first == '{') {
      if (depth_ + inner_.size() == limits_.max_depth) return Refusal::too_deep;
      at.step();
      inner_.push_back(first == '[');
      if (at.byte() != (first == '[' ? ']' : '}')) continue;
    } else if (first == '"') {
      if (skip_string(at) != Refusal::none) return Refusal::not_json;
    } else {
      Kind kind;
      std::string_view text;
      if (value(at, kind, text) != Refusal::none) return Refusal::not_json;
    }
    while (at.byte() == (inner_.back() ? ']' : '}')) {
      at.step();
      inner_.pop_back();
      if (inner_.empty()) {
        at_outside = at;
        return Refusal::none;
      }
    }
    if (at.byte() != ',') return Refusal::not_json;
    at.step();
  }
}

CROSSWALK_HOT Refusal Flattener::put(const Key& key, Kind kind, std::string_view text) {
  int id = key.node != nullptr ? key.node->id : KeyTree::kNoId;
  if (id < 0) {
    if (const Refusal refusal = name(key, id); refusal != Refusal::none) return refusal;
  }
  return put_id(id, kind, text);
}

CROSSWALK_HOT Refusal Flattener::put_id(int id, Kind kind, std::string_view text) {
  const Field field{text.data(), static_cast<std::uint32_t>(text.size()), static_cast<std::uint16_t>(id), kind, 0};
  const auto at = static_cast<std::size_t>(id);
  if (at >= slots_.size()) slots_.resize(std::max(at + 1, 2 * slots_.size()));
  Slot& slot = slots_[at];
  if (slot.record() == record_ && replaced(slot, field)) return Refusal::none;
  if (count_ == fields_.size() && !make_room()) return Refusal::too_many_fields;
  slot = Slot(record_, count_);
  fields_[count_++] = field;
  return Refusal::none;
}

[[gnu::noinline]] bool Flattener::make_room() {
  constexpr std::size_t kFirst = 64;
  if (count_ - dropped_ >= limits_.max_fields) return false;
  fields_.resize(std::min(limits_.max_fields + dropped_, std::max(kFirst, 2 * count_)));
  return true;
}

// ---- keys that stand twice ----------------------------------------------------------------------------------------------

// The object that comes next, with something in it.
[[gnu::noinline]] Refusal Flattener::open_object(const Key& key) {
  int path = key.node != nullptr ? key.node->path : KeyTree::kNoId;
  if (path < 0) {
    if (const Refusal refusal = path_of(key, path); refusal != Refusal::none) return refusal;
    if (key.node != nullptr && static_cast<std::size_t>(path) < NameTable::kStable) key.node->path = path;
  }
  Opened& opened = opened_[static_cast<std::size_t>(path)];
  Slot* const slot = opened.field < 0 ? nullptr : &slots_[static_cast<std::size_t>(opened.field)];
  if (is_here(opened)) {
    ++duplicates_;
    drop_inside(static_cast<std::size_t>(path));
  } else if (slot != nullptr && slot->record() == record_ && !slot->is_object()) {
    ++duplicates_;
    drop(slot->position());
  }
  if (slot != nullptr) *slot = Slot::of_object(record_, path);
  opened.parent = frames_[depth_ - 1].instance;
  opened.begin = static_cast<std::uint32_t>(count_);
  open(key.node, key.meaning());
  return Refusal::none;
}

// The number of a path. Like ids, some are for this record only.
Refusal Flattener::path_of(const Key& key, int& path) {
  if (!build_path(key.meaning())) return Refusal::name_too_long;
  path = paths_.intern(path_);
  if (path < 0) return Refusal::too_many_fields;
  const auto at = static_cast<std::size_t>(path);
  if (at >= opened_.size()) opened_.resize(std::max(at + 1, 2 * opened_.size()));
  return Refusal::none;
}

bool Flattener::is_here(const Opened& opened) const { return opened.parent == frames_[depth_ - 1].instance; }

// The path of this value had another one in this record, be it a value or an object. True: this one stands in its place.
[[gnu::noinline]] bool Flattener::replaced(Slot& slot, const Field& field) {
  if (!slot.is_object()) {
    fields_[slot.position()] = field;
    ++duplicates_;
    return true;
  }
  if (is_here(opened_[slot.path()])) {  // else it went with the object around it
    ++duplicates_;
    drop_inside(slot.path());
  }
  return false;
}

void Flattener::drop(std::size_t position) {
  Field& field = fields_[position];
  if ((field.flags & kReplaced) != 0) return;
  field.flags = kReplaced;
  slots_[field.id] = Slot();
  ++dropped_;
}

// All fields of the object that has this path. They stand together.
void Flattener::drop_inside(std::size_t path) {
  Opened& opened = opened_[path];
  const std::string_view name = paths_.name(static_cast<std::uint16_t>(path));
  for (std::size_t i = opened.begin; i != count_; ++i) {
    const std::string_view of_field = names_.name(fields_[i].id);
    if (!of_field.starts_with(name) || of_field.size() == name.size() || of_field[name.size()] != '.') break;
    drop(i);
  }
  opened.parent = 0;
}

void Flattener::forget_paths() {
  for (const std::int32_t path : passing_fields_) opened_[static_cast<std::size_t>(path)].field = KeyTree::kNoId;
  passing_fields_.clear();
  const std::size_t passing = paths_.transient_count();
  if (passing == 0) return;
  const auto first = opened_.begin() + NameTable::kStable;
  std::fill(first, first + static_cast<std::ptrdiff_t>(passing), Opened{});
  paths_.forget_transient();
}

// Takes out the fields that were replaced.
[[gnu::noinline]] void Flattener::close_gaps() {
  const auto end = fields_.begin() + static_cast<std::ptrdiff_t>(count_);
  count_ = static_cast<std::size_t>(
      std::remove_if(fields_.begin(), end, [](const Field& field) { return (field.flags & kReplaced) != 0; }) - fields_.begin());
  dropped_ = 0;
  if (fields_.size() > limits_.max_fields) fields_.resize(limits_.max_fields);
}

// The id of a path that was not met before, or is not remembered.
[[gnu::noinline]] Refusal Flattener::name(const Key& key, int& id) {
  int path = KeyTree::kNoId;
  if (const Refusal refusal = path_of(key, path); refusal != Refusal::none) return refusal;
  id = names_.intern(path_);
  if (id < 0) return Refusal::too_many_fields;
  Opened& opened = opened_[static_cast<std::size_t>(path)];
  if (opened.field < 0) {
    opened.field = id;
    if (static_cast<std::size_t>(id) >= NameTable::kStable) passing_fields_.push_back(path);
    if (is_here(opened)) {
      ++duplicates_;
      drop_inside(static_cast<std::size_t>(path));
    }
  }
  if (key.node != nullptr && static_cast<std::size_t>(id) < NameTable::kStable) key.node->id = id;
  return Refusal::none;
}

bool Flattener::build_path(std::string_view name) {
  path_ = frames_.front().name;
  bool first = path_.empty();
  const auto append = [&](std::string_view part) {
    if (!first) path_ += '.';
    first = false;
    add_key(path_, part);
    return path_.size() <= kLongestName;
  };
  for (std::size_t i = 1; i < depth_; ++i) {
    if (!append(frames_[i].name)) return false;
  }
  return append(name);
}

}  // namespace crosswalk::json
