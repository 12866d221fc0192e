// Zip archives: which members there are, by the directory at the end, and each as a stream. Private to core; libzip's only user.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "io/input.hpp"

struct zip;

namespace crosswalk {

struct ZipMember {
  std::string name;  ///< valid UTF-8
  std::uint64_t index = 0;
  std::uint64_t size = 0;  ///< unpacked, as the directory says
  std::uint32_t crc = 0;   ///< of the unpacked bytes, likewise
  std::uint16_t method = 0;
  bool encrypted = false;

  [[nodiscard]] bool is_folder() const { return name.ends_with('/') || (name.ends_with('\\') && size == 0); }
};

/// An open archive. Its members may be read by several threads, one at a time each.
class ZipArchive : public std::enable_shared_from_this<ZipArchive> {
 public:
  /// An error names the file: it is none, was cut, is a part of several, has too many members.
  [[nodiscard]] static Result<std::shared_ptr<ZipArchive>> open(const std::string& path);
  ~ZipArchive();
  ZipArchive(const ZipArchive&) = delete;
  ZipArchive& operator=(const ZipArchive&) = delete;

  /// Sorted by name. Of members with one name only the last: it is what unpacking would leave.
  [[nodiscard]] const std::vector<ZipMember>& members() const { return members_; }
  /// Names that stand more than once.
  [[nodiscard]] const std::vector<std::string>& repeated() const { return repeated_; }
  /// Null: there is none of this name.
  [[nodiscard]] const ZipMember* find(std::string_view name) const;

  /// The unpacked bytes. Their sum is checked at their end; `name` is for messages.
  [[nodiscard]] Result<std::unique_ptr<ByteSource>> read(const ZipMember& member, std::string name);

 private:
  class Source;
  ZipArchive(zip* handle, std::string path) : handle_(handle), path_(std::move(path)) {}
  void list();

  zip* handle_;
  std::string path_;
  std::mutex mutex_;  ///< members share the file's position
  std::vector<ZipMember> members_;
  std::vector<std::string> repeated_;
};

/// Whether a regular file begins like a zip archive.
[[nodiscard]] bool is_zip(const std::string& path);

}  // namespace crosswalk
