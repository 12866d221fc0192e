#include "merge/column_sets.hpp"

#include <algorithm>
#include <cstring>
#include <tuple>

namespace crosswalk {
namespace {

template <class T>
T take(std::string_view& text) {
  T value;
  std::memcpy(&value, text.data(), sizeof value);
  text.remove_prefix(sizeof value);
  return value;
}

std::string_view take_text(std::string_view& text) {
  const auto size = take<std::uint32_t>(text);
  const std::string_view taken = text.substr(0, size);
  text.remove_prefix(size);
  return taken;
}

template <class T>
void put(Buffer& out, T value) {
  char bytes[sizeof value];
  std::memcpy(bytes, &value, sizeof value);
  out.add(std::string_view(bytes, sizeof bytes));
}

void put_text(Buffer& out, std::string_view text) {
  put(out, static_cast<std::uint32_t>(text.size()));
  out.add(text);
}

std::uint32_t bit_of(Target target) { return std::uint32_t{1} << static_cast<unsigned>(target); }

bool name_before(const ColumnSet::Column& column, std::string_view name) { return column.name < name; }

}  // namespace

ColumnSet::ColumnSet(std::string_view text) : text_(text) {
  std::string_view rest = text_;
  paths_ = take<char>(rest) != 0;
  while (!rest.empty()) {
    Column& column = columns_.emplace_back();
    column.name = take_text(rest);
    column.key = take_text(rest);
    column.targets = take<std::uint32_t>(rest);
    targets_ |= column.targets;
    by_key_.push_back(static_cast<std::uint32_t>(by_key_.size()));
  }
  std::sort(by_key_.begin(), by_key_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return std::tie(columns_[a].key, a) < std::tie(columns_[b].key, b); });
}

bool ColumnSet::has_name(std::string_view name) const {
  const auto found = std::lower_bound(columns_.begin(), columns_.end(), name, name_before);
  return found != columns_.end() && found->name == name;
}

/// Whether a path leads through a member that is none of its steps' objects here (`a` of `a.b`: it is null, or a number), or to
/// an object that is here (`a.b` of `a`).
bool ColumnSet::has_relative(std::string_view name) const {
  if (!paths_) return false;
  for (std::size_t dot = name.find('.'); dot != std::string_view::npos; dot = name.find('.', dot + 1)) {
    if (has_name(name.substr(0, dot))) return true;
  }
  const std::string within = std::string(name) + '.';
  const auto first = std::lower_bound(columns_.begin(), columns_.end(), within, name_before);
  return first != columns_.end() && first->name.starts_with(within);
}

const ColumnSet::Column* ColumnSet::with_key(std::string_view key) const {
  const auto found = std::lower_bound(by_key_.begin(), by_key_.end(), key,
                                      [&](std::uint32_t column, std::string_view k) { return columns_[column].key < k; });
  return found != by_key_.end() && columns_[*found].key == key ? &columns_[*found] : nullptr;
}

bool ColumnSet::covers(Target target, const ColumnSet& older) const {
  if ((targets_ & bit_of(target)) != 0) return true;
  if (!paths_ || (older.targets_ & bit_of(target)) == 0) return false;
  return std::all_of(older.columns_.begin(), older.columns_.end(), [&](const Column& column) {
    return (column.targets & bit_of(target)) == 0 || has_name(column.name) || has_relative(column.name);
  });
}

bool ColumnSet::covers(std::string_view key, const ColumnSet& older) const {
  if (with_key(key) != nullptr) return true;
  const Column* const column = older.with_key(key);
  return column != nullptr && (has_name(column->name) || has_relative(column->name));
}

std::optional<std::string_view> ColumnSet::lacks(const ColumnSet& older) const {
  for (const Column& column : older.columns_) {
    if (column.targets == 0 && !column.key.empty() && !covers(column.key, older)) {
      return column.name.empty() ? column.key.substr(1, column.key.size() - 3) : column.name;  // without quotes and colon
    }
    for (std::size_t t = 1; t < kTargetCount; ++t) {
      const auto target = static_cast<Target>(t);
      if ((column.targets & bit_of(target)) == 0 || covers(target, older)) continue;
      return column.name.empty() ? name_of(target) : column.name;
    }
  }
  return std::nullopt;
}

std::string_view ColumnSetText::finish() {
  std::sort(columns_.begin(), columns_.end(), [](const ColumnSet::Column& a, const ColumnSet::Column& b) {
    return std::tie(a.name, a.key, a.targets) < std::tie(b.name, b.key, b.targets);
  });
  text_.clear();
  text_.add(static_cast<char>(paths_));
  for (const ColumnSet::Column& column : columns_) {
    put_text(text_, column.name);
    put_text(text_, column.key);
    put(text_, column.targets);
  }
  return text_.view();
}

std::uint32_t ColumnSets::add(std::string_view text) {
  const std::lock_guard lock(mutex_);
  std::string wanted(text);
  if (const auto known = numbers_.find(wanted); known != numbers_.end()) return known->second;
  if (sets_.size() == kMost || held_ + text.size() > kMostBytes) return kNone;
  held_ += text.size();
  const auto number = static_cast<std::uint32_t>(sets_.size());
  sets_.push_back(std::make_unique<const ColumnSet>(text));
  numbers_.emplace(std::move(wanted), number);
  return number;
}

}  // namespace crosswalk
