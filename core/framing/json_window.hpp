// The part of the input that a JSON splitter holds: the block under construction, and what was read beyond it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "framing/framing.hpp"
#include "framing/lines.hpp"

namespace crosswalk::json {

/// What came of asking for more bytes.
enum class Fill : std::uint8_t {
  more,    ///< there are more bytes now
  end,     ///< the input has no more
  pause,   ///< the block is full and holds records: give it away first, then ask again
  failed,  ///< reading failed, see JsonWindow::error()
};

/// Reads an input into one block after the other, with every byte's place in the input known.
///
/// Positions are indices into the current block's data and stay valid until cut(). Bytes can be dropped without being
/// held (blanks, values that are skipped, records that are too large), but only from a block without records: asking
/// for more bytes answers `pause` otherwise.
class Window {
 public:
  explicit Window(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {}

  /// Starts a block with what is left of the last one, and reads until it has `target` bytes if there are so many.
  void begin(Block& block, std::size_t target);
  /// Reads some more bytes behind those that are there.
  Fill more();
  /// Ends the block before position `end`; the bytes from there on come again in the next one.
  void cut(std::size_t end);
  /// The same, where nothing before `end` was dropped, there is no CR, and so many line feeds.
  void cut(std::size_t end, std::uint64_t line_ends);

  /// Forgets [from, to). Bytes behind move up to `from`; their places in the input are kept. Nothing behind `from` may be
  /// put into the block then (it is torn), until all up to there is dropped as well, from 0.
  void drop(std::size_t from, std::size_t to);

  [[nodiscard]] const char* data() const { return block_->data.data(); }
  [[nodiscard]] char at(std::size_t position) const { return block_->data[position]; }
  [[nodiscard]] std::size_t size() const { return filled_; }
  [[nodiscard]] std::string_view text(std::size_t begin, std::size_t end) const { return {data() + begin, end - begin}; }
  /// True when nothing was put into the block yet.
  [[nodiscard]] bool fresh() const { return block_->spans.empty() && block_->faults.empty(); }
  /// True when bytes inside the block were dropped: it has to be cut where it is now.
  [[nodiscard]] bool torn() const { return dropped_ != 0; }
  /// Place in the input of a position behind everything that was dropped.
  [[nodiscard]] std::uint64_t place(std::size_t position) const { return block_->offset + position + dropped_; }
  /// The line of a position behind everything that was dropped; counts, so it costs a scan.
  [[nodiscard]] std::uint64_t line_at(std::size_t position) const;
  [[nodiscard]] Block& block() { return *block_; }
  [[nodiscard]] const Error& error() const { return *error_; }

 private:
  void reserve(std::size_t size);
  Fill read(std::size_t wanted);
  void count_lines(std::size_t end);
  void find_line();

  std::unique_ptr<ByteSource> source_;
  Block* block_ = nullptr;
  std::size_t filled_ = 0;        // bytes of block_->data that are there
  std::size_t counted_ = 0;       // bytes of it whose line ends were counted
  std::uint64_t dropped_ = 0;     // bytes dropped from inside the block
  std::vector<char> rest_;        // read, but behind the last block
  std::uint64_t rest_place_ = 0;  // where rest_ stands in the input
  LineCounter lines_;
  bool at_end_ = false;
  std::optional<Error> error_;
};

}  // namespace crosswalk::json
