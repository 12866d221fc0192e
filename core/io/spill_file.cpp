#include "io/spill_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace crosswalk {
namespace {

constexpr int kLevel = -1;  // little more than repeats: entries are short, and time is dearer than disk

std::string default_folder() {
  const char* const set = std::getenv("TMPDIR");
  if (set != nullptr && *set != '\0') return set;
  return ::access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

/// A file without a name; where the file system has no such thing, one whose name is gone at once.
int open_nameless(const std::string& folder) {
#ifdef O_TMPFILE
  const int fd = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
#endif
  std::string name = folder + "/crosswalk-spill-XXXXXX";
  const int named = ::mkostemp(name.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(name.c_str());
  return named;
}

}  // namespace

SpillFile::SpillFile(std::string folder) : folder_(folder.empty() ? default_folder() : std::move(folder)) {}

SpillFile::~SpillFile() {
  if (fd_ >= 0) ::close(fd_);
}

Error SpillFile::failure(const char* what, int code) const {
  std::string cure = "set TMPDIR to a folder on a disk with room, or raise memory_limit";
  return {Errc::io, fmt::format("{}: cannot {} the temporary file: {}", folder_, what, std::generic_category().message(code)),
          std::move(cure)};
}

Result<void> SpillFile::open() {
  fd_ = open_nameless(folder_);
  if (fd_ < 0) return failure("make", errno);
  return {};
}

/// What is to be written for `bytes`: themselves, or less, in memory of this thread.
Result<std::string_view> SpillFile::pack(std::string_view bytes) {
  constexpr std::uint32_t kSkipped = 31;
  if (const std::uint32_t left = as_they_are_.load(std::memory_order_relaxed); left != 0) {
    as_they_are_.store(left - 1, std::memory_order_relaxed);
    return bytes;
  }
  thread_local std::vector<char> packed;
  packed.resize(ZSTD_compressBound(bytes.size()));
  const std::size_t size = ZSTD_compress(packed.data(), packed.size(), bytes.data(), bytes.size(), kLevel);
  if (ZSTD_isError(size) != 0) {
    return Error{Errc::internal, fmt::format("the temporary file cannot be compressed: {}", ZSTD_getErrorName(size)), ""};
  }
  if (size > bytes.size() / 2) as_they_are_.store(kSkipped, std::memory_order_relaxed);
  return size < bytes.size() ? std::string_view(packed.data(), size) : bytes;
}

Result<SpillFile::Piece> SpillFile::write(std::string_view bytes, Form form) {
  const auto packed = form == Form::packed ? pack(bytes) : Result<std::string_view>(bytes);
  if (!packed) return packed.error();
  const std::size_t size = packed->size();
  Piece piece{0, static_cast<std::uint32_t>(size), static_cast<std::uint32_t>(bytes.size())};
  {
    const std::lock_guard lock(mutex_);
    if (fd_ < 0) {
      if (auto ok = open(); !ok) return ok.error();
    }
    piece.at = end_;
    end_ += size;
  }
  for (std::size_t done = 0; done < size;) {
    const ssize_t n = ::pwrite(fd_, packed->data() + done, size - done, static_cast<off_t>(piece.at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failure("write", errno);
    done += static_cast<std::size_t>(n);
  }
  return piece;
}

Result<void> SpillFile::read(const Piece& piece, std::vector<char>& to) const {
  thread_local std::vector<char> packed;
  const bool compressed = piece.stored != piece.size;
  std::vector<char>& stored = compressed ? packed : to;
  stored.resize(piece.stored);
  for (std::size_t done = 0; done < piece.stored;) {
    const ssize_t n = ::pread(fd_, stored.data() + done, piece.stored - done, static_cast<off_t>(piece.at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return failure("read", n < 0 ? errno : EIO);
    done += static_cast<std::size_t>(n);
  }
  if (!compressed) return {};
  to.resize(piece.size);
  const std::size_t size = ZSTD_decompress(to.data(), to.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0 || size != piece.size) {
    return Error{Errc::io, fmt::format("{}: the temporary file is damaged: it does not hold what was written", folder_),
                 "check the disk; run again with TMPDIR on another one"};
  }
  return {};
}

void SpillFile::forget(std::vector<Piece> pieces) {
#ifdef FALLOC_FL_PUNCH_HOLE
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.at < b.at; });
  for (std::size_t i = 0; i < pieces.size();) {
    const std::uint64_t from = pieces[i].at;
    std::uint64_t to = from;
    for (; i < pieces.size() && pieces[i].at == to; ++i) to += pieces[i].stored;
    if (fd_ >= 0 && to != from) {
      (void)::fallocate(fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(from), static_cast<off_t>(to - from));
    }
  }
#else
  (void)pieces;
#endif
}

}  // namespace crosswalk
