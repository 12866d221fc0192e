// The keys of a stream of JSON records, and which one probably comes next.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

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
    const char* quoted = nullptr;  ///< the key as written, in its quotes, then kPadding readable bytes
    std::uint32_t size = 0;        ///< of that, quotes included
    std::uint32_t head = 0;        ///< a bit for each of its first kWord bytes
    Node* next = nullptr;          ///< followed this one last time
    Node* first = nullptr;         ///< came first inside this one last time
    std::int32_t id = kNoId;       ///< of the field that this key names
    std::int32_t path = kNoId;     ///< number of its path, once it was met with an object as its value
    Node* parent = nullptr;
    std::string_view meaning;  ///< the key without its escapes
    [[nodiscard]] std::string_view key() const { return {quoted + 1, size - 2}; }
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

  /// The node of the key whose opening quote is at `key` if it is the one expected, or the one expected behind that; else null.
  /// `key` is as written and has kSlack readable bytes behind it. Anything else that stands there is no key.
  static Node* expected(Walk& walk, const char* key) { return walk.object == nullptr ? nullptr : expected(walk.expected, key); }
  /// The same inside an object that has a node.
  static Node* expected(Node**& expected, const char* key) {
    Node* node = *expected;
    if (node == nullptr) return nullptr;
    if (!is(*node, key)) {
      node = node->next;  // one key less than last time
      if (node == nullptr || !is(*node, key)) return nullptr;
    }
    expected = &node->next;
    return node;
  }

  /// The node of any key that is remembered; else null.
  Node* find(Walk& walk, std::string_view key);

  /// Remembers a new key: as written, and what it means. Null when there is no room.
  Node* add(Walk& walk, std::string_view key, std::string_view meaning);

 private:
  static constexpr std::size_t kWord = 16;  // bytes that are compared at once
  static constexpr std::size_t kPadding = kWord;
  static constexpr std::size_t kNodes = std::size_t{1} << 16;
  static constexpr std::size_t kText = std::size_t{8} << 20;
  static constexpr std::size_t kProbes = 32;  // a table that someone filled with collisions costs no more than this

  static bool is(const Node& node, const char* key);
  static bool is(const Node& node, const Node* parent, std::string_view key) {
    return node.parent == parent && node.key() == key;
  }
  [[nodiscard]] static std::uint64_t hash(const Node* parent, std::string_view key);
  static void expect(Walk& walk, Node* node);
  char* keep(std::size_t size);
  void grow_table();
  bool insert(Node* node);

  std::deque<Node> nodes_;
  std::vector<Node*> table_;  // open addressing; a power of two
  std::vector<std::unique_ptr<char[]>> text_;
  char* text_end_ = nullptr;
  std::size_t text_left_ = 0;
  std::size_t text_used_ = 0;
};

/// Compares the quotes too: the closing one stands where this key ends and no earlier.
inline bool KeyTree::is(const Node& node, const char* key) {
#if defined(__SSE2__)
  const auto equal = [](const char* a, const char* b) {  // a bit for each byte
    const auto load = [](const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); };
    return static_cast<std::uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(load(a), load(b))));
  };
  if ((equal(node.quoted, key) & node.head) != node.head) return false;
  if (node.size <= kWord) return true;
  constexpr std::uint32_t kAll = (1U << kWord) - 1;
  for (std::size_t i = kWord; i + kWord < node.size; i += kWord) {
    if (equal(node.quoted + i, key + i) != kAll) return false;
  }
  return equal(node.quoted + node.size - kWord, key + node.size - kWord) == kAll;
#else
  std::size_t i = 0;
  for (; i + 8 <= node.size; i += 8) {
    if (std::memcmp(node.quoted + i, key + i, 8) != 0) return false;
  }
  while (i < node.size && node.quoted[i] == key[i]) ++i;
  return i == node.size;
#endif
}

}  // namespace crosswalk::json
