// The text of a record by its place, read again: for those who find out late that something is wrong with it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "pipeline/reader.hpp"

namespace crosswalk {

/// Goes through inputs once more, as the splitter cuts them: so places are to be asked for in their order. Only files can be
/// read again.
class RecordTexts {
 public:
  explicit RecordTexts(const SourceConfig& source) : source_(source) {}

  /// Borrowed until the next call. Nothing: it cannot be read again, or is no longer there.
  std::optional<std::string_view> at(std::uint32_t file, std::uint64_t offset);

 private:
  void open(std::uint32_t file);
  [[nodiscard]] std::optional<std::string_view> in_block(std::uint64_t offset) const;

  const SourceConfig& source_;
  std::unique_ptr<SourceConfig> one_;  // the source with this file alone
  std::unique_ptr<BlockReader> reader_;
  std::uint32_t file_ = UINT32_MAX;
  Task task_;
  bool there_ = false;  // task_ holds a block
};

}  // namespace crosswalk
