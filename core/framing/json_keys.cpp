#include "framing/json_keys.hpp"

#include <algorithm>
#include <functional>

namespace crosswalk::json {
namespace {

constexpr std::size_t kChunk = std::size_t{16} << 10;

}  // namespace

KeyTree::KeyTree() : table_(256) {}

KeyTree::Node* KeyTree::root(std::string_view name) {
  Walk nowhere;
  Node* const known = find(nowhere, name);
  return known != nullptr ? known : add(nowhere, name, name);
}

// Parents are told apart by their keys and not by where they lie, so that every run takes the same way.
std::uint64_t KeyTree::hash(const Node* parent, std::string_view key) {
  const std::hash<std::string_view> of;
  const std::uint64_t above = parent == nullptr ? 0 : of(parent->meaning);
  const std::uint64_t mixed = (of(key) ^ (above << 1)) * 0x9E3779B97F4A7C15;
  return mixed ^ (mixed >> 32);
}

KeyTree::Node* KeyTree::find(Walk& walk, std::string_view key) {
  const std::size_t mask = table_.size() - 1;
  std::uint64_t slot = hash(walk.object, key);
  for (std::size_t probe = 0; probe < kProbes; ++probe, ++slot) {
    Node* const node = table_[slot & mask];
    if (node == nullptr) return nullptr;
    if (is(*node, walk.object, key)) {
      expect(walk, node);
      return node;
    }
  }
  return nullptr;
}

// The node came where the walk stands: that is what is expected there from now on.
void KeyTree::expect(Walk& walk, Node* node) {
  if (walk.object == nullptr) return;
  *walk.expected = node;
  walk.expected = &node->next;
}

KeyTree::Node* KeyTree::add(Walk& walk, std::string_view key, std::string_view meaning) {
  const std::size_t size = key.size() + 2;
  if (nodes_.size() == kNodes || size + kPadding + meaning.size() > kText - text_used_) return nullptr;
  if (table_.size() < 2 * (nodes_.size() + 1)) grow_table();
  char* const quoted = keep(size + kPadding);
  quoted[0] = quoted[size - 1] = '"';
  std::copy(key.begin(), key.end(), quoted + 1);
  std::fill_n(quoted + size, kPadding, '\0');
  Node& node = nodes_.emplace_back();
  node.quoted = quoted;
  node.size = static_cast<std::uint32_t>(size);
  node.head = (1U << std::min(size, kWord)) - 1;
  node.parent = walk.object;
  node.meaning = node.key();
  if (meaning != key) {
    char* const other = keep(meaning.size());
    std::copy(meaning.begin(), meaning.end(), other);
    node.meaning = {other, meaning.size()};
  }
  if (!insert(&node)) {
    nodes_.pop_back();
    return nullptr;
  }
  expect(walk, &node);
  return &node;
}

bool KeyTree::insert(Node* node) {
  const std::size_t mask = table_.size() - 1;
  std::uint64_t slot = hash(node->parent, node->key());
  for (std::size_t probe = 0; probe < kProbes; ++probe, ++slot) {
    if (table_[slot & mask] != nullptr) continue;
    table_[slot & mask] = node;
    return true;
  }
  return false;
}

void KeyTree::grow_table() {
  table_.assign(2 * table_.size(), nullptr);
  for (Node& node : nodes_) insert(&node);  // one that finds no slot is just not found again
}

char* KeyTree::keep(std::size_t size) {
  if (size > text_left_) {
    text_left_ = std::max(size, kChunk);
    text_.push_back(std::make_unique<char[]>(text_left_));
    text_end_ = text_.back().get();
  }
  char* const kept = text_end_;
  text_end_ += size;
  text_left_ -= size;
  text_used_ += size;
  return kept;
}

}  // namespace crosswalk::json
