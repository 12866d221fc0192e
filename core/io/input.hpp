// Inputs: plain, gzip and zstd (told by content), from a path, a member of a zip archive or standard input, as one stream of
// UTF-8 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk {

/// A stream of bytes. Used by one thread.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  /// Reads at most `size` bytes; 0 is the end. An error names the input and is final.
  virtual Result<std::size_t> read(char* to, std::size_t size) = 0;
};

/// A stream and what is known of it.
struct Input {
  std::string name;  ///< as given ("-" is standard input)
  std::unique_ptr<ByteSource> bytes;
  std::string encoding;     ///< "utf-8", "utf-16le", "utf-16be": what it was before conversion
  std::string compression;  ///< "none", "gzip", "zstd", "zip"
  std::uint64_t size = 0;   ///< bytes on disk, 0 when unknown (a pipe)
};

/// Asked now and then while an input is waited for; true gives the wait up, and reading ends with an error.
using Cancelled = std::function<bool()>;

class ZipArchive;

/// The archive that was opened last stays open: its directory is read once, and not for every member again.
class Archives {
 public:
  Result<std::shared_ptr<ZipArchive>> open(const std::string& path);

 private:
  std::mutex mutex_;
  std::string path_;
  std::shared_ptr<ZipArchive> last_;
};

/// `export.zip!tickets.csv` is a member of an archive; a file of exactly this name comes first.
struct MemberPath {
  std::string archive, member;
};
[[nodiscard]] std::optional<MemberPath> member_path(const std::string& path);
/// The file on disk that a path leads to: of a member its archive.
[[nodiscard]] std::string file_of(const std::string& path);

/// Opens a file, a member of a zip archive, or standard input ("-"). Decompresses by content (gzip with any number of members,
/// zstd with any number of frames), removes a byte order mark, converts UTF-16 with a mark to UTF-8. A folder, a missing file, a
/// file that may not be read: an error with the path and the cure.
[[nodiscard]] Result<Input> open_input(const std::string& path, const Cancelled& cancelled = {}, Archives* archives = nullptr);

/// The same over bytes that are already there (tests).
[[nodiscard]] std::unique_ptr<ByteSource> memory_source(std::string bytes, std::size_t chunk = 0);

/// What decompresses gzip: the fastest library of this build, or zlib, which is in all of them (tests hold the other
/// against it).
enum class GzipLibrary : std::uint8_t { fastest, zlib };

/// Decompression and decoding over any source; open_input() is this over a file.
[[nodiscard]] Result<Input> decode_input(std::string name, std::unique_ptr<ByteSource> raw,
                                         GzipLibrary library = GzipLibrary::fastest);

/// Reads ahead without consuming: what a head looks like decides framing and adapter.
class PeekSource final : public ByteSource {
 public:
  explicit PeekSource(std::unique_ptr<ByteSource> inner) : inner_(std::move(inner)) {}
  /// Up to `size` bytes from the start; fewer only at the end of the input. Valid until the first read().
  Result<std::string_view> peek(std::size_t size);
  Result<std::size_t> read(char* to, std::size_t size) override;

 private:
  std::unique_ptr<ByteSource> inner_;
  std::vector<char> head_;
  std::size_t head_at_ = 0;
  bool at_end_ = false;
};

/// Which file a path leads to, or standard input ("-"). Nothing: it is no regular file, or cannot be looked at.
struct FileId {
  std::uint64_t device = 0, inode = 0;
  std::uint64_t size = 0;
  [[nodiscard]] bool is(const FileId& other) const { return device == other.device && inode == other.inode; }
};
[[nodiscard]] std::optional<FileId> file_id(const std::string& path);
[[nodiscard]] std::optional<FileId> file_id(int descriptor);

/// Paths that a glob pattern names, sorted by bytes; a plain path gives itself, whether it exists or not. A pattern that
/// matches nothing is an error.
[[nodiscard]] Result<std::vector<std::string>> expand_glob(const std::string& pattern);
/// That error; `cure` may be empty.
[[nodiscard]] Error no_match(const std::string& pattern, std::string cure);
/// Whether it is one.
[[nodiscard]] bool matches_nothing(const Error& error);

}  // namespace crosswalk
