#include "sinks/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace crosswalk {

Error OutputFile::failure(const char* what, int code) const {
  const std::string name = path_ == "-" ? "standard output" : path_;
  if (code == EPIPE) return {Errc::closed, fmt::format("{}: the reader has closed it", name), ""};
  std::string cure;
  if (code == ENOSPC || code == EDQUOT) cure = "free some space, or write elsewhere with --output";
  if (code == EACCES || code == EPERM || code == EROFS) cure = "choose a folder that you may write to";
  if (code == ENOENT) cure = "the folder must exist";
  return {Errc::io, fmt::format("{}: {}: {}", name, what, std::strerror(code)), cure};
}

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path) {
  std::unique_ptr<OutputFile> file(new OutputFile);
  file->path_ = path;
  if (path == "-") {
    file->fd_ = STDOUT_FILENO;
    return file;
  }
  struct stat status {};
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return file->failure("cannot write", EISDIR);
  file->owned_ = true;
  if (exists && !S_ISREG(status.st_mode)) {
    file->fd_ = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    // A killed process with this number may have left its file behind: it is not touched, another name is taken.
    for (int n = 0; n < 100 && (n == 0 || (file->fd_ < 0 && errno == EEXIST)); ++n) {
      file->temporary_ = fmt::format("{}.partial-{}{}", path, ::getpid(), n == 0 ? "" : fmt::format("-{}", n));
      file->fd_ = ::open(file->temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    }
    if (file->fd_ >= 0 && exists) ::fchmod(file->fd_, status.st_mode & 07777);  // as readable as before, no more
  }
  if (file->fd_ < 0) {
    const int code = errno;
    file->temporary_.clear();
    return file->failure("cannot open for writing", code);
  }
  return file;
}

OutputFile::~OutputFile() {
  if (owned_ && fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
    if (n < 0) {
      if (errno == EINTR) continue;
      return failure("cannot write", errno);
    }
    bytes_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> OutputFile::commit() {
  if (!owned_) return {};
  const int fd = fd_;
  fd_ = -1;
  if (!temporary_.empty() && ::fsync(fd) != 0) {
    const int code = errno;
    ::close(fd);
    return failure("cannot write", code);
  }
  if (::close(fd) != 0) return failure("cannot close", errno);
  if (temporary_.empty()) return {};
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return failure("cannot put in place", errno);
  temporary_.clear();
  return {};
}

Result<void> RecordWriter::write(std::string_view lines) {
  if (format_ == OutputFormat::jsonl) return file_.write(lines);
  bulk_.clear();
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    bulk_ += in_body_ == 0 ? "{\"conversations\":[" : ",";
    bulk_ += lines.substr(0, end);
    lines.remove_prefix(end + 1);
    if (++in_body_ == kBulkSize) {
      bulk_ += "]}\n";
      in_body_ = 0;
    }
  }
  return file_.write(bulk_);
}

Result<void> RecordWriter::finish() {
  if (format_ == OutputFormat::jsonl || in_body_ == 0) return {};
  in_body_ = 0;
  return file_.write("]}\n");
}

}  // namespace crosswalk
