#include "pipeline/record_texts.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

namespace crosswalk {

void RecordTexts::open(std::uint32_t file) {
  file_ = file;
  there_ = false;
  reader_.reset();
  std::error_code failed;
  const std::string& path = source_.inputs[file];
  if (path == "-" || !std::filesystem::is_regular_file(file_of(path), failed)) return;
  auto input = open_input(path, {}, source_.archives.get());
  if (!input) return;
  one_ = std::make_unique<SourceConfig>(source_);
  one_->inputs = {path};
  auto bytes = std::make_unique<PeekSource>(std::move(input->bytes));
  reader_ = std::make_unique<BlockReader>(*one_, std::move(*input), std::move(bytes), Cancelled());
}

std::optional<std::string_view> RecordTexts::at(std::uint32_t file, std::uint64_t offset) {
  if (file != file_) open(file);
  while (reader_ && !(there_ && offset < task_.block.offset + task_.block.size)) {
    auto more = reader_->next(task_);
    there_ = more && *more;
    if (!there_) reader_.reset();
  }
  return there_ && offset >= task_.block.offset ? in_block(offset) : std::nullopt;
}

std::optional<std::string_view> RecordTexts::in_block(std::uint64_t offset) const {
  const Block& block = task_.block;
  const auto begin = static_cast<std::size_t>(offset - block.offset);
  const std::string_view data(block.data.data(), block.size);
  if (task_.framing == Framing::json) {
    const auto found = std::lower_bound(block.spans.begin(), block.spans.end(), begin,
                                        [](const Block::Span& span, std::size_t at) { return span.begin < at; });
    if (found == block.spans.end() || found->begin != begin) return std::nullopt;
    return data.substr(begin, found->size);
  }
  const auto ends = [&](std::size_t at) { return (block.ends.records[at / 64] >> at % 64 & 1) != 0; };
  std::size_t end = begin;
  while (end < block.size && !ends(end)) ++end;
  return data.substr(begin, end - begin);
}

}  // namespace crosswalk
