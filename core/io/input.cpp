#include "io/input.hpp"

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>

#include "io/decompress.hpp"
#include "io/shown_path.hpp"
#include "io/utf16.hpp"
#include "io/zip.hpp"

namespace crosswalk {
namespace {

using namespace std::string_view_literals;

constexpr int kWaitStep = 50;                           // milliseconds: at once, to a person
constexpr std::size_t kMaxRead = std::size_t{1} << 30;  // read(2) takes no more than 2 GiB at once anyway

std::string reason(int error) { return std::generic_category().message(error); }

// --- files -----------------------------------------------------------------------------------------------------------

/// A file descriptor, closed at the end unless it is borrowed (standard input is not ours to close).
class Descriptor {
 public:
  Descriptor(int number, bool owned) : number_(number), owned_(owned) {}
  Descriptor(Descriptor&& other) noexcept
      : number_(std::exchange(other.number_, -1)), owned_(std::exchange(other.owned_, false)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (owned_) ::close(number_);
  }
  int number() const { return number_; }

 private:
  int number_;
  bool owned_;
};

class FileSource final : public ByteSource {
 public:
  /// `waits`: the bytes come when somebody writes them (a pipe, a terminal), not when they are asked for.
  FileSource(std::string name, Descriptor file, std::uint64_t size, bool waits, Cancelled cancelled)
      : name_(std::move(name)), file_(std::move(file)), size_at_open_(size), waits_(waits), cancelled_(std::move(cancelled)) {}

  Result<std::size_t> read(char* to, std::size_t size) override {
    while (!error_) {
      if (waits_ && !wait()) break;
      const ssize_t got = ::read(file_.number(), to, std::min(size, kMaxRead));
      if (got > 0) {
        position_ += static_cast<std::uint64_t>(got);
        return static_cast<std::size_t>(got);
      }
      if (got == 0) {
        check_whole();
        if (!error_) return std::size_t{0};
      } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
        waits_ = true;  // somebody made our standard input non-blocking
      } else if (errno != EINTR) {
        error_ = Error{Errc::io, "reading " + name_ + " failed at byte " + std::to_string(position_) + ": " + reason(errno),
                       "Copy the file to a sound disk and try again."};
      }
    }
    return *error_;
  }

 private:
  /// Until there is something to read; false when nobody wants it any more. In short steps: a signal interrupts only one
  /// thread, and one that comes just before poll() interrupts nothing.
  bool wait() {
    for (;;) {
      if (cancelled_ && cancelled_()) {
        error_ = Error{Errc::io, "interrupted while waiting for " + name_, ""};
        return false;
      }
      pollfd file{file_.number(), POLLIN, 0};
      const int ready = ::poll(&file, 1, kWaitStep);
      if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // whatever poll() says, read() says it better
    }
  }

  /// A file that is shorter now than when it was opened was cut under our hands; its end is not its end.
  void check_whole() {
    struct stat now {};
    if (size_at_open_ == 0 || ::fstat(file_.number(), &now) != 0) return;
    if (static_cast<std::uint64_t>(now.st_size) >= size_at_open_) return;
    error_ = Error{Errc::io,
                   name_ + " became shorter while it was read: " + std::to_string(now.st_size) + " of " +
                       std::to_string(size_at_open_) + " bytes are left",
                   "Let the program that writes it finish, then try again."};
  }

  std::string name_;
  Descriptor file_;
  std::uint64_t size_at_open_;  ///< 0: not a regular file
  bool waits_;
  Cancelled cancelled_;
  std::uint64_t position_ = 0;
  std::optional<Error> error_;
};

Error cannot_open(const std::string& path, int error) {
  const std::string name = shown_path(path);
  switch (error) {
    case ENOENT: return {Errc::io, "there is no file " + name, "Check the spelling of the path."};
    case ENOTDIR:
      return {Errc::io, "there is no file " + name + ": a part of the path is not a folder", "Check the spelling of the path."};
    case EACCES:
    case EPERM:
      return {Errc::io, name + " may not be read: " + reason(error),
              "Let somebody who owns it give you the right to read it and to enter its folders."};
    default: return {Errc::io, name + " cannot be opened: " + reason(error), "Check the path and what it leads to."};
  }
}

Error is_folder(const std::string& path) {
  if (path == "-") return {Errc::io, "standard input is a folder", "Redirect a file: crosswalk translate … - < FILE"};
  const std::string name = shown_path(path);
  const std::string slash = name.back() == '/' ? "" : "/";
  return {Errc::io, name + " is a folder", "Name the files in it, for instance '" + name + slash + "*.csv'."};
}

Result<Descriptor> open_descriptor(const std::string& path) {
  if (path == "-") return Descriptor(STDIN_FILENO, false);
  if (path.find('\0') != std::string::npos) {
    return Error{Errc::usage, "the path " + shown_path(path) + " has a NUL byte in it", "Check the path."};
  }
  int number = -1;
  // Not blocking: a FIFO that nobody writes to yet is waited for by poll(), like any other silence.
  do { number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK); } while (number < 0 && errno == EINTR);
  if (number < 0) return cannot_open(path, errno);
  return Descriptor(number, true);
}

// --- byte order marks ------------------------------------------------------------------------------------------------

struct Mark {
  std::string_view bytes;
  const char* encoding;
};

/// UTF-32 before UTF-16: the little endian mark of the one begins with that of the other.
constexpr Mark kMarks[] = {
    {"\xff\xfe\x00\x00"sv, "utf-32le"}, {"\x00\x00\xfe\xff"sv, "utf-32be"}, {"\xef\xbb\xbf"sv, "utf-8"},
    {"\xff\xfe"sv, "utf-16le"},         {"\xfe\xff"sv, "utf-16be"},
};

Mark mark_of(std::string_view head) {
  for (const Mark& mark : kMarks) {
    if (head.starts_with(mark.bytes)) return mark;
  }
  return {"", "utf-8"};
}

/// Removes a byte order mark and converts what it announces to UTF-8.
Result<void> decode_text(Input& input) {
  auto ahead = std::make_unique<PeekSource>(std::move(input.bytes));
  const auto head = ahead->peek(4);
  if (!head) return head.error();
  const Mark mark = mark_of(*head);
  input.encoding = mark.encoding;
  if (input.encoding.starts_with("utf-32")) {
    return Error{Errc::data, shown_path(input.name) + " is text in UTF-32, which is not read",
                 "Convert it first: iconv -f UTF-32 -t UTF-8 FILE > FILE.utf8"};
  }
  char skipped[4];
  for (std::size_t left = mark.bytes.size(); left > 0;) {
    const auto got = ahead->read(skipped, left);
    if (!got) return got.error();
    left -= *got;
  }
  input.bytes = std::move(ahead);
  if (input.encoding != "utf-8") input.bytes = utf16_source(std::move(input.bytes), input.encoding == "utf-16be");
  return {};
}

/// Decompresses once. Compressed twice is nearly always an accident of a download, and easily cured.
Result<void> decode_compression(Input& input, GzipLibrary library) {
  const std::string name = shown_path(input.name);
  for (int layer = 0; layer < 2; ++layer) {
    auto ahead = std::make_unique<PeekSource>(std::move(input.bytes));
    const auto head = ahead->peek(kSniffSize);
    if (!head) return head.error();
    const auto found = sniff_compression(name, *head);
    if (!found) return found.error();
    input.bytes = std::move(ahead);
    if (layer == 0) input.compression = *found;
    if (*found == "none") return {};
    if (layer == 1) {
      return Error{Errc::data, name + " is compressed twice: in its " + input.compression + " data there is " + *found + " data",
                   "Decompress it once first."};
    }
    auto plain = decompress(name, *found, std::move(input.bytes), library);
    if (!plain) return plain.error();
    input.bytes = std::move(*plain);
  }
  return {};
}

}  // namespace

std::string shown_path(const std::string& path) {
  if (path == "-") return "standard input";
  if (path.empty()) return "\"\"";
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      text += c;
    } else {
      text += "\\x";
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  return text;
}

// --- members of archives ---------------------------------------------------------------------------------------------

std::optional<MemberPath> member_path(const std::string& path) {
  struct stat about {};
  std::size_t at = path.find('!');
  if (at == std::string::npos || ::lstat(path.c_str(), &about) == 0) return std::nullopt;
  for (; at != std::string::npos; at = path.find('!', at + 1)) {
    std::string archive = path.substr(0, at);
    if (::stat(archive.c_str(), &about) == 0 && S_ISREG(about.st_mode))
      return MemberPath{std::move(archive), path.substr(at + 1)};
  }
  return std::nullopt;
}

std::string file_of(const std::string& path) {
  auto member = member_path(path);
  return member ? std::move(member->archive) : path;
}

Result<std::shared_ptr<ZipArchive>> Archives::open(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (last_ && path == path_) return last_;
  auto archive = ZipArchive::open(path);
  if (!archive) return archive.error();
  path_ = path;
  last_ = *archive;
  return last_;
}

namespace {

Result<Input> open_member(const std::string& path, const MemberPath& parts, Archives& archives) {
  const auto archive = archives.open(parts.archive);
  if (!archive) return archive.error();
  const ZipMember* member = (*archive)->find(parts.member);
  if (member == nullptr) {
    return Error{Errc::io, shown_path(parts.archive) + " has no member " + shown_path(parts.member),
                 "unzip -l lists what is inside; patterns are allowed: 'FILE.zip!*.csv'"};
  }
  auto bytes = (*archive)->read(*member, shown_path(path));
  if (!bytes) return bytes.error();
  auto input = decode_input(path, std::move(*bytes));
  if (input && input->compression == "none") input->compression = "zip";
  return input;
}

}  // namespace

Result<Input> open_input(const std::string& path, const Cancelled& cancelled, Archives* archives) {
  if (const auto member = member_path(path)) {
    Archives own;
    return open_member(path, *member, archives != nullptr ? *archives : own);
  }
  auto file = open_descriptor(path);
  if (!file) return file.error();
  struct stat about {};
  if (::fstat(file->number(), &about) != 0) return cannot_open(path, errno);
  if (S_ISDIR(about.st_mode)) return is_folder(path);
  const bool is_file = S_ISREG(about.st_mode);
  const auto size = is_file ? static_cast<std::uint64_t>(about.st_size) : std::uint64_t{0};
  ::posix_fadvise(file->number(), 0, 0, POSIX_FADV_SEQUENTIAL);  // advice: it may fail

  auto input = decode_input(path, std::make_unique<FileSource>(shown_path(path), std::move(*file), size, !is_file, cancelled));
  if (input) input->size = size;
  return input;
}

Result<Input> decode_input(std::string name, std::unique_ptr<ByteSource> raw, GzipLibrary library) {
  Input input;
  input.name = std::move(name);
  input.bytes = std::move(raw);
  if (const auto done = decode_compression(input, library); !done) return done.error();
  if (const auto done = decode_text(input); !done) return done.error();
  return input;
}

// --- which file it is ------------------------------------------------------------------------------------------------

namespace {

std::optional<FileId> id_of(const struct stat& about) {
  if (!S_ISREG(about.st_mode)) return std::nullopt;
  return FileId{about.st_dev, about.st_ino, static_cast<std::uint64_t>(about.st_size)};
}

}  // namespace

std::optional<FileId> file_id(int descriptor) {
  struct stat about {};
  return ::fstat(descriptor, &about) == 0 ? id_of(about) : std::nullopt;
}

std::optional<FileId> file_id(const std::string& path) {
  if (path == "-") return file_id(STDIN_FILENO);
  struct stat about {};
  return ::stat(path.c_str(), &about) == 0 ? id_of(about) : std::nullopt;
}

// --- reading ahead ---------------------------------------------------------------------------------------------------

Result<std::string_view> PeekSource::peek(std::size_t size) {
  while (head_.size() < size && !at_end_) {
    const std::size_t had = head_.size();
    head_.resize(size);
    const auto got = inner_->read(head_.data() + had, size - had);
    head_.resize(had + (got ? *got : 0));
    if (!got) {
      if (had == 0) return got.error();
      break;  // what came before the error is still good; the error is final, so read() will meet it again
    }
    at_end_ = *got == 0;
  }
  return std::string_view(head_.data(), std::min(size, head_.size()));
}

Result<std::size_t> PeekSource::read(char* to, std::size_t size) {
  if (head_at_ < head_.size()) {
    const std::size_t count = std::min(size, head_.size() - head_at_);
    std::memcpy(to, head_.data() + head_at_, count);
    head_at_ += count;
    if (head_at_ == head_.size()) {
      std::vector<char>().swap(head_);  // gives the memory back
      head_at_ = 0;
    }
    return count;
  }
  if (at_end_) return std::size_t{0};
  return inner_->read(to, size);
}

// --- bytes that are already there ------------------------------------------------------------------------------------

namespace {

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string bytes, std::size_t chunk) : bytes_(std::move(bytes)), chunk_(chunk) {}

  Result<std::size_t> read(char* to, std::size_t size) override {
    if (chunk_ != 0) size = std::min(size, chunk_);
    const std::size_t count = bytes_.copy(to, size, at_);
    at_ += count;
    return count;
  }

 private:
  std::string bytes_;
  std::size_t chunk_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<ByteSource> memory_source(std::string bytes, std::size_t chunk) {
  return std::make_unique<MemorySource>(std::move(bytes), chunk);
}

// --- globs -----------------------------------------------------------------------------------------------------------

namespace {

constexpr std::string_view kNoMatch = "no file matches ";

/// What glob(3) could not look into. It takes no argument for its callback, so the thread remembers.
struct GlobTrouble {
  std::string path;
  int error = 0;
};
thread_local GlobTrouble glob_trouble;

/// A folder that is not there has no files. One that we may not look into could have some: that must not pass silently.
extern "C" int on_glob_error(const char* path, int error) {
  if (error == ENOENT || error == ENOTDIR) return 0;
  glob_trouble = {path, error};
  return 1;
}

struct GlobResult {
  glob_t found{};
  GlobResult() = default;
  GlobResult(const GlobResult&) = delete;
  GlobResult& operator=(const GlobResult&) = delete;
  ~GlobResult() { ::globfree(&found); }
};

/// A file may well be called `export [1].csv`: what is there under exactly this name is meant.
bool is_plain_path(const std::string& pattern) {
  struct stat about {};
  return pattern.find_first_of("*?[") == std::string::npos || ::lstat(pattern.c_str(), &about) == 0;
}

}  // namespace

Error no_match(const std::string& pattern, std::string cure) {
  return {Errc::io, std::string(kNoMatch) + shown_path(pattern), std::move(cure)};
}

bool matches_nothing(const Error& error) { return error.message.starts_with(kNoMatch); }

Result<std::vector<std::string>> expand_glob(const std::string& pattern) {
  if (is_plain_path(pattern)) return std::vector<std::string>{pattern};
  GlobResult result;
  const int code = ::glob(pattern.c_str(), GLOB_NOSORT, on_glob_error, &result.found);
  if (code == GLOB_ABORTED) {
    return Error{Errc::io,
                 "the files of " + shown_path(pattern) + " cannot be listed: " + shown_path(glob_trouble.path) + ": " +
                     reason(glob_trouble.error),
                 "Let somebody who owns the folder give you the right to read it."};
  }
  if (code == GLOB_NOMATCH) { return no_match(pattern, "Check the pattern and the folder that it starts from."); }
  if (code != 0) return Error{Errc::io, "no memory to list the files of " + shown_path(pattern), "Name fewer files."};
  std::vector<std::string> paths(result.found.gl_pathv, result.found.gl_pathv + result.found.gl_pathc);
  std::sort(paths.begin(), paths.end());  // by bytes: glob's own order depends on the locale
  return paths;
}

}  // namespace crosswalk
