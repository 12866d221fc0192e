// The keys of a stream of JSON records, and which one probably comes next.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

namespace crosswalk::json {

/// A tree of the keys met so far: a node per key and place. Every node remembers which node followed it last time, so the
/// next record's keys are recognised by comparing bytes; only a key out of order costs a hash.
///
/// Keys are compared as written, escapes and all, so one name spelled in two ways is two nodes (with one id). Room is
/// bounded: a key that finds none is simply not remembered.
class KeyTree {
 public:
  static constexpr std::int32_t kNoId = -1;

  struct Node {
    const char* quoted = nullptr;  ///< the key as written, with the quote behind it, then kPadding readable bytes
    std::uint32_t size = 0;        ///< of that, quote included
    std::int32_t id = kNoId;       ///< of the field that this key names
    Node* next = nullptr;          ///< followed this one last time
    Node* first = nullptr;         ///< came first inside this one last time
    Node* parent = nullptr;
    std::string_view meaning;  ///< the key without its escapes
  };

  /// Where the walk over one object's keys stands. An object without a node has no walk: its keys are not remembered.
  struct Walk {
    Node* object = nullptr;
    Node** expected = nullptr;  ///< where the node is noted that is expected next

    Walk() = default;
    explicit Walk(Node* of) : object(of), expected(of == nullptr ? nullptr : &of->first) {}
  };

  KeyTree();

  /// The object that has no key: a whole record, or the elements of the arrays called `name`. Null when there is no room.
  Node* root(std::string_view name);

  /// The node of the key that starts at `key` if it is the one expected, or the one expected behind that; else null.
  /// `key` is as written and has its closing quote and kSlack readable bytes behind it.
  static Node* expected(Walk& walk, const char* key) {
    if (walk.object == nullptr) return nullptr;
    Node* node = *walk.expected;
    if (node == nullptr) return nullptr;
    if (!is(*node, key)) {
      node = node->next;  // one key less than last time
      if (node == nullptr || !is(*node, key)) return nullptr;
    }
    walk.expected = &node->next;
    return node;
  }

  /// The node of any key that is remembered; else null.
  Node* find(Walk& walk, std::string_view key);

  /// Remembers a new key: as written, and what it means. Null when there is no room.
  Node* add(Walk& walk, std::string_view key, std::string_view meaning);

 private:
  static constexpr std::size_t kPadding = 8;
  static constexpr std::size_t kNodes = std::size_t{1} << 16;
  static constexpr std::size_t kText = std::size_t{8} << 20;
  static constexpr std::size_t kProbes = 32;  // a table that someone filled with collisions costs no more than this

  static bool is(const Node& node, const char* key);
  static bool is(const Node& node, const Node* parent, std::string_view key) {
    return node.parent == parent && std::string_view(node.quoted, node.size - 1) == key;
  }
  [[nodiscard]] static std::uint64_t hash(const Node* parent, std::string_view key);
  static void expect(Walk& walk, Node* node);
  std::string_view keep(std::string_view text, std::string_view behind = {});
  void grow_table();
  bool insert(Node* node);

  std::deque<Node> nodes_;
  std::vector<Node*> table_;  // open addressing; a power of two
  std::vector<std::unique_ptr<char[]>> text_;
  char* text_end_ = nullptr;
  std::size_t text_left_ = 0;
  std::size_t text_used_ = 0;
};

/// Compares in words, the closing quote too: it stands where this key ends and no earlier.
inline bool KeyTree::is(const Node& node, const char* key) {
  const auto word = [](const char* p) {
    std::uint64_t value;
    std::memcpy(&value, p, sizeof value);
    return value;
  };
  const std::size_t size = node.size;
  if (size <= 8) {
    if constexpr (std::endian::native == std::endian::little) { return (word(node.quoted) ^ word(key)) << (8 * (8 - size)) == 0; }
    return std::memcmp(node.quoted, key, size) == 0;
  }
  for (std::size_t i = 0; i + 8 < size; i += 8) {
    if (word(node.quoted + i) != word(key + i)) return false;
  }
  return word(node.quoted + size - 8) == word(key + size - 8);
}

}  // namespace crosswalk::json
