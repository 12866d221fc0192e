#include "framing/json_lists.hpp"

#include <cstddef>
#include <optional>

#include "framing/json_text.hpp"
#include "text.hpp"

namespace crosswalk::json {
namespace {

constexpr std::size_t kDeepest = 32;
constexpr std::size_t kMostNames = 10'000;

void add_step(std::string& pointer, std::string_view key) {
  pointer += '/';
  for (const char c : key) {
    if (c == '~') {
      pointer += "~0";
    } else if (c == '/') {
      pointer += "~1";
    } else {
      pointer += c;
    }
  }
}

/// Reads as far as the text goes and is JSON.
class HeadReader {
 public:
  HeadReader(std::string_view text, HeadLook& look) : text_(text), look_(look) {}

  void read() {
    skip_blanks();
    if (at_ != text_.size() && text_[at_] == '[') {
      ++at_;
      skip_blanks();
    }
    look_.whole = value(&look_.names, {}, std::string(), 0);
  }

 private:
  using Names = std::vector<std::string>;

  void skip_blanks() {
    while (at_ != text_.size() && is_blank(text_[at_])) ++at_;
  }
  bool take(char c) {
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool next_is(char c) {
    skip_blanks();
    return at_ != text_.size() && text_[at_] == c;
  }

  std::optional<std::string> string() {
    if (!take('"')) return std::nullopt;
    const std::size_t begin = at_;
    for (; at_ != text_.size(); ++at_) {
      if (text_[at_] == '"') return unescaped(text_.substr(begin, at_++ - begin));
      if (text_[at_] == '\\' && at_ + 1 != text_.size()) ++at_;
    }
    return std::nullopt;
  }

  static void note(Names* names, const std::string& path) {
    if (names != nullptr && !path.empty() && names->size() < kMostNames) names->push_back(path);
  }

  /// One value with this path; false where the text ends or is no JSON. `pointer`: lists are looked for on the way.
  bool value(Names* names, const std::string& path, const std::optional<std::string>& pointer, std::size_t depth) {
    if (depth == kDeepest) return false;
    skip_blanks();
    if (at_ == text_.size()) return false;
    switch (text_[at_]) {
      case '{': return object(names, path, pointer, depth);
      case '[': note(names, path); return array(pointer, depth);
      case '"': note(names, path); return string().has_value();
      default: note(names, path); return bare();
    }
  }

  bool bare() {
    const std::size_t begin = at_;
    while (at_ != text_.size() && std::string_view(",:]}[{\"").find(text_[at_]) == std::string_view::npos) ++at_;
    return at_ != begin && at_ != text_.size();
  }

  bool object(Names* names, const std::string& path, const std::optional<std::string>& pointer, std::size_t depth) {
    ++at_;
    if (take('}')) {
      note(names, path);
      return true;
    }
    do {
      const auto key = string();
      if (!key || !take(':')) return false;
      std::string inner = path;
      if (!inner.empty()) inner += '.';
      add_key(inner, *key);
      std::optional<std::string> below = pointer;
      if (below) add_step(*below, *key);
      if (!value(names, inner, below, depth + 1)) return false;
    } while (take(','));
    return take('}');
  }

  bool array(const std::optional<std::string>& pointer, std::size_t depth) {
    ++at_;
    if (take(']')) return true;
    const bool is_list = pointer && !pointer->empty() && next_is('{');
    const std::size_t number = look_.lists.size();
    if (is_list) look_.lists.push_back({*pointer, 0, false, {}});
    bool first = is_list;
    do {
      Names names;
      const bool good = value(first ? &names : nullptr, {}, std::nullopt, depth + 1);
      if (is_list) ++look_.lists[number].count;
      if (first) look_.lists[number].names = std::move(names);
      first = false;
      if (!good) return false;
    } while (take(','));
    if (!take(']')) return false;
    if (is_list) look_.lists[number].whole = true;
    return true;
  }

  std::string_view text_;
  HeadLook& look_;
  std::size_t at_ = 0;
};

}  // namespace

HeadLook look_at_head(std::string_view head) {
  HeadLook look;
  HeadReader(head, look).read();
  return look;
}

std::string pointer_below(std::string_view pointer, std::string_view prefix) {
  std::string below(pointer);
  std::string key;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    if (prefix[i] == '.') {
      add_step(below, key);
      key.clear();
      continue;
    }
    if (prefix[i] == '\\' && i + 1 != prefix.size()) ++i;
    key += prefix[i];
  }
  return below;
}

}  // namespace crosswalk::json
