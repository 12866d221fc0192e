// Which columns the records of a snapshot have: a column that a record has blank erases, one that it lacks says nothing.
//
// Records of one header, or JSON objects of one shape, have one set; an entry holds its number.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crosswalk/conversation.hpp"
#include "encode/buffer.hpp"

namespace crosswalk {

/// Never moved: its columns point into its text.
class ColumnSet {
 public:
  struct Column {
    std::string_view name;      ///< of the source: a column's, or the path of a JSON member
    std::string_view key;       ///< under which it stands in metadata, as JSON with quotes and colon
    std::uint32_t targets = 0;  ///< which fields of the conversation it may fill, a bit each
  };
  /// Of what ColumnSetText::finish() gave.
  explicit ColumnSet(std::string_view text);
  ColumnSet(const ColumnSet&) = delete;
  ColumnSet& operator=(const ColumnSet&) = delete;

  /// Whether records of this set say something of a field, be it that there is nothing, of which records of `older` may say
  /// something too.
  [[nodiscard]] bool covers(Target target, const ColumnSet& older) const;
  /// The same of a metadata entry that a record of `older` has.
  [[nodiscard]] bool covers(std::string_view key, const ColumnSet& older) const;
  /// A column that records of `older` have and those of this set say nothing of; none: there is no such column.
  [[nodiscard]] std::optional<std::string_view> lacks(const ColumnSet& older) const;

 private:
  [[nodiscard]] bool has_name(std::string_view name) const;
  [[nodiscard]] bool has_relative(std::string_view name) const;
  [[nodiscard]] const Column* with_key(std::string_view key) const;

  std::string text_;
  bool paths_ = false;           ///< names are paths: of a member that is null, so are all that it might have held
  std::vector<Column> columns_;  ///< by name
  std::vector<std::uint32_t> by_key_;
  std::uint32_t targets_ = 0;
};

/// Writes a set down: the same text for the same columns, in whatever order they are told.
class ColumnSetText {
 public:
  void begin(bool paths) {
    paths_ = paths;
    columns_.clear();
  }
  /// Borrowed until finish().
  void add(std::string_view name, std::string_view key, std::uint32_t targets) { columns_.push_back({name, key, targets}); }
  [[nodiscard]] std::string_view finish();

 private:
  bool paths_ = false;
  std::vector<ColumnSet::Column> columns_;
  Buffer text_;
};

/// The sets of a run by number. Bounded: beyond that, a set stands in its entries. Which set has which number is chance
/// where threads race; what is read again is not.
class ColumnSets {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kMost = std::size_t{1} << 14, kMostBytes = std::size_t{8} << 20;

  /// The number of a set, new or known; kNone when there is no room.
  std::uint32_t add(std::string_view text);
  /// Of a number that add() gave. Not while others add.
  [[nodiscard]] const ColumnSet& operator[](std::uint32_t number) const { return *sets_[number]; }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<const ColumnSet>> sets_;
  std::unordered_map<std::string, std::uint32_t> numbers_;  // by text
  std::size_t held_ = 0;
};

}  // namespace crosswalk
