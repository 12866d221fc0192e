// A private place on disk for what does not fit in memory. It has no name, so nothing of it is left behind, however the
// process ends.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// Pieces, written once, read any number of times; compressed, unless those that are like them hardly shrink. Any thread may
/// write and read.
class SpillFile {
 public:
  struct Piece {
    std::uint64_t at = 0;
    std::uint32_t stored = 0;  ///< bytes on disk; as many as `size`: it is not compressed
    std::uint32_t size = 0;    ///< bytes, decompressed
  };

  /// `folder` empty: $TMPDIR, else /var/tmp (which, unlike /tmp, is never memory), else /tmp. The file is made by the first
  /// write.
  explicit SpillFile(std::string folder = {});
  ~SpillFile();
  SpillFile(const SpillFile&) = delete;
  SpillFile& operator=(const SpillFile&) = delete;

  enum class Form : std::uint8_t { packed, as_it_is };
  /// At most 1 GiB at once. `as_it_is`: of bytes that are not worth the time of compressing.
  Result<Piece> write(std::string_view bytes, Form form = Form::packed);
  /// Replaces what is in `to`.
  Result<void> read(const Piece& piece, std::vector<char>& to) const;
  /// Gives the pieces' disk space back, where the file system can. Best many at once: it takes back whole blocks only, and
  /// pieces may be smaller than one.
  void forget(std::vector<Piece> pieces);

  [[nodiscard]] std::uint64_t bytes_written() const { return end_; }

 private:
  Result<void> open();
  [[nodiscard]] Error failure(const char* what, int code) const;
  Result<std::string_view> pack(std::string_view bytes);

  std::string folder_;
  int fd_ = -1;
  std::uint64_t end_ = 0;
  std::atomic<std::uint32_t> as_they_are_ = 0;  ///< so many of the next pieces are not worth compressing
  std::mutex mutex_;
};

}  // namespace crosswalk
