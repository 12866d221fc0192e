#include "sinks/output.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "io/input.hpp"
#include "sinks/partial.hpp"

namespace crosswalk {

namespace {

namespace fs = std::filesystem;

constexpr int kMostLinks = 40;  // as many as the kernel follows

std::string folder_of(const std::string& path) {
  const std::string folder = fs::path(path).parent_path().string();
  return folder.empty() ? "." : folder;
}

/// What to do when writing to `path` failed.
std::string cure_of(int code, const std::string& path, std::string_view option) {
  const std::string elsewhere = fmt::format("name another file with {}", option);
  switch (code) {
    case ENOSPC:
    case EDQUOT: return fmt::format("free some space, or write elsewhere with {}", option);
    case EACCES:
    case EPERM: return fmt::format("have somebody let you write to the folder {}, or {}", folder_of(path), elsewhere);
    case EROFS: return fmt::format("the folder {} can only be read: {}", folder_of(path), elsewhere);
    case ENOENT: return fmt::format("make the folder {} first, or {}", folder_of(path), elsewhere);
    case ENOTDIR: return fmt::format("{} is not a folder: {}", folder_of(path), elsewhere);
    case EISDIR: return fmt::format("name a file in it with {}", option);
    case ELOOP: return fmt::format("the links lead in a circle: {}", elsewhere);
    case EBADF: return fmt::format("it was closed before the start: redirect it, or {}", elsewhere);
    default: return {};
  }
}

/// The new file belongs to whom the old one did, as far as we may give it away, and nobody may do more with it than before;
/// with personal data its owner alone.
void keep_rights(int fd, const struct stat& old, bool personal) {
  mode_t mode = old.st_mode & (personal ? 0600 : 0777);
  const auto anybody = static_cast<uid_t>(-1);
  if (::fchown(fd, old.st_uid, old.st_gid) != 0 && ::fchown(fd, anybody, old.st_gid) != 0) {
    mode &= ~mode_t{S_IRWXG} | (mode & S_IRWXO) << 3;  // another group now: it may what all others may
  }
  ::fchmod(fd, mode);
}

int standard_output = STDOUT_FILENO;

int descriptor_of(const OutputTarget& target) { return target.descriptor == STDOUT_FILENO ? standard_output : target.descriptor; }

}  // namespace

void set_standard_output(int descriptor) { standard_output = descriptor; }

OutputTarget output_target(const std::string& path) {
  if (path == "-") return {path, STDOUT_FILENO};
  OutputTarget target{path};
  const std::string ours = fmt::format("/proc/{}/fd", ::getpid());
  std::error_code failed;
  for (int links = 0; links <= kMostLinks; ++links) {
    // By its folder without links in it, two ways to one file have one name.
    const fs::path at(target.path);
    const fs::path folder = fs::canonical(folder_of(target.path), failed);
    if (failed || !at.has_filename()) break;
    target.path = (folder / at.filename()).string();
    const fs::path next = fs::read_symlink(target.path, failed);
    if (folder == ours && !failed) {  // opened anew, a file would be written from its start again
      const std::string number = at.filename().string();
      std::from_chars(number.data(), number.data() + number.size(), target.descriptor);
      return target;
    }
    if (failed) break;
    target.path = (folder / next).string();
  }
  struct stat status {};
  target.replaced = ::stat(target.path.c_str(), &status) != 0 ? errno == ENOENT : S_ISREG(status.st_mode);
  return target;
}

Error OutputFile::failure(const char* what, int code) const {
  const std::string name = path_ == "-" ? "standard output" : path_;
  if (code == EPIPE) return {Errc::closed, fmt::format("{}: the reader has closed it", name), ""};
  return {Errc::io, fmt::format("{}: {}: {}", name, what, std::strerror(code)),
          cure_of(code, target_.empty() ? path_ : target_, option_)};
}

bool writes_into(const OutputTarget& target, const std::string& input) {
  if (input.empty()) return false;
  // Where standard output was closed, its number may be an input's by now.
  const int descriptor = descriptor_of(target);
  if (descriptor >= 0 && (::fcntl(descriptor, F_GETFL) & O_ACCMODE) == O_RDONLY) return false;
  const auto written = descriptor >= 0 ? file_id(descriptor) : file_id(target.path);
  const auto read = file_id(file_of(input));
  return written && read && written->is(*read);
}

bool writes_into_any(const OutputTarget& target, const std::vector<std::string>& inputs) {
  const auto any_of_pattern = [&](const std::string& pattern) {
    const auto paths = expand_glob(pattern);
    return paths && std::any_of(paths->begin(), paths->end(), [&](const std::string& path) { return writes_into(target, path); });
  };
  return std::any_of(inputs.begin(), inputs.end(), [&](const std::string& input) {
    bool any = writes_into(target, input) || any_of_pattern(input);
    for (std::size_t at = input.find('!'); at != std::string::npos && !any; at = input.find('!', at + 1)) {
      any = any_of_pattern(input.substr(0, at));  // of archives, whose members are named
    }
    return any;
  });
}

Result<std::unique_ptr<OutputFile>> OutputFile::open(const std::string& path, std::string_view option, bool personal) {
  std::unique_ptr<OutputFile> file(new OutputFile);
  file->path_ = path;
  file->option_ = option;
  file->personal_ = personal;
  const OutputTarget target = output_target(path);
  if (target.descriptor >= 0) {
    file->fd_ = descriptor_of(target);
    return file;
  }
  struct stat status {};
  const bool exists = ::stat(target.path.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) return file->failure("cannot write", EISDIR);
  file->owned_ = true;
  if (!target.replaced) {
    file->fd_ = ::open(target.path.c_str(), O_WRONLY | O_CLOEXEC);
  } else {
    file->target_ = target.path;
    file->fd_ = open_partial(target.path, O_RDWR, file->temporary_);
    if (exists) file->former_ = status;
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
  if (held_ >= 0) ::close(held_);
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

Result<std::size_t> OutputFile::read_at(std::uint64_t at, char* to, std::size_t size) const {
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = ::pread(fd_, to + done, size - done, static_cast<off_t>(at + done));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return failure("cannot read again", errno);
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<void> OutputFile::finish() {
  if (!owned_ || fd_ < 0) return {};
  const int fd = fd_;
  fd_ = -1;
  if (!temporary_.empty() && ::fsync(fd) != 0) {
    const int code = errno;
    ::close(fd);
    return failure("cannot write", code);
  }
  if (!temporary_.empty()) held_ = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (::close(fd) != 0) return failure("cannot close", errno);
  return {};
}

void OutputFile::set_rights() const {
  if (held_ < 0) return;
  if (former_) {
    keep_rights(held_, *former_, personal_);
  } else if (const auto mode = usual_mode(); mode && !personal_) {
    ::fchmod(held_, *mode);
  }
}

void OutputFile::pending(std::vector<PendingFile>& to) const {
  if (temporary_.empty()) return;
  set_rights();
  to.push_back({temporary_, target_});
}

Result<void> OutputFile::commit() {
  if (auto ok = finish(); !ok) return ok;
  if (temporary_.empty()) return {};
  set_rights();
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) return failure("cannot put in place", errno);
  temporary_.clear();
  sync_folder_of(target_);
  return {};
}

Result<void> RecordWriter::write(std::string_view lines) {
  if (format_ == OutputFormat::jsonl) return file_.write(lines);
  bulk_.clear();
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    bulk_ += in_body_ == 0 ? kBodyHead : ",";
    bulk_ += lines.substr(0, end);
    lines.remove_prefix(end + 1);
    if (++in_body_ == kBulkSize) {
      bulk_ += kBodyTail;
      in_body_ = 0;
    }
  }
  return file_.write(bulk_);
}

Result<void> RecordWriter::finish() {
  if (format_ == OutputFormat::jsonl || in_body_ == 0) return {};
  in_body_ = 0;
  return file_.write(kBodyTail);
}

}  // namespace crosswalk
