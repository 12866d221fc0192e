#include "io/zip.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "io/shown_path.hpp"

namespace crosswalk {
namespace {

constexpr const char* kGetAgain = "The archive is damaged: get it again.";

/// libzip holds the whole directory in memory, some 300 bytes for a member: this is about as much as the merge may take.
constexpr std::uint64_t kMostMembers = 250'000;
constexpr std::uint64_t kLargestDirectory = std::uint64_t{64} << 20;  // bytes; that many members with long names

Error too_many(const std::string& path, std::uint64_t members) {
  return {Errc::data,
          shown_path(path) + " has " + (members == 0 ? "a directory of more than 64 MiB" : std::to_string(members) + " members") +
              "; an archive of more than " + std::to_string(kMostMembers) + " is not read",
          "Unpack it, and give the files that were inside: 'FOLDER/*.csv'"};
}

/// What the record at the end of an archive says of its directory, before anybody makes room for that.
struct DirectorySize {
  std::uint64_t members = 0, bytes = 0;
};

std::uint64_t number_at(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint64_t value = 0;
  while (size-- > 0) value = value << 8 | static_cast<unsigned char>(bytes[at + size]);
  return value;
}

/// Nothing where the record is not found: zip_open() says it better.
DirectorySize size_of_directory(const std::string& path) {
  constexpr std::size_t kRecord = 22, kLocator = 20, kRecord64 = 56, kLongestComment = 0xFFFF;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  struct stat about {};
  const auto size = ::fstat(file, &about) == 0 && about.st_size > 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
  std::string tail(static_cast<std::size_t>(std::min<std::uint64_t>(size, kRecord + kLongestComment + kLocator)), '\0');
  const auto read = [file](std::string& to, std::uint64_t at) {
    return ::pread(file, to.data(), to.size(), static_cast<off_t>(at)) == static_cast<ssize_t>(to.size());
  };
  DirectorySize found;
  const std::size_t at =
      read(tail, size - tail.size()) && tail.size() >= kRecord ? tail.rfind("PK\5\6", tail.size() - kRecord) : std::string::npos;
  if (at != std::string::npos) {
    found = {number_at(tail, at + 10, 2), number_at(tail, at + 12, 4)};
    const std::size_t locator = at - kLocator;
    std::string record(kRecord64, '\0');
    if (at >= kLocator && tail.compare(locator, 4, "PK\6\7") == 0) {
      const std::uint64_t place = number_at(tail, locator + 8, 8);
      if (place < size && read(record, place) && record.starts_with("PK\6\6"))
        found = {number_at(record, 32, 8), number_at(record, 40, 8)};
    }
  }
  ::close(file);
  return found;
}

Error cannot_open(const std::string& path, int code, int system_error) {
  const std::string name = shown_path(path);
  switch (code) {
    case ZIP_ER_NOZIP:
#ifdef ZIP_ER_TRUNCATED_ZIP  // libzip 1.11: what begins as an archive
    case ZIP_ER_TRUNCATED_ZIP:
#endif
      return {Errc::data, name + " is no whole zip archive: the directory at its end is missing",
              "If it is a zip archive it was cut, for instance by a broken download: get it again."};
    case ZIP_ER_MULTIDISK:
      return {Errc::data, name + " is one part of a zip archive in several files",
              "Make one file of them: zip -s 0 FILE.zip --out WHOLE.zip"};
    case ZIP_ER_MEMORY: return {Errc::io, "no memory to read the directory of " + name, "Free some memory and try again."};
    default: {
      zip_error_t error;
      zip_error_init(&error);
      zip_error_set(&error, code, system_error);
      std::string why = zip_error_strerror(&error);
      zip_error_fini(&error);
      const bool system = code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_SEEK;
      return {system ? Errc::io : Errc::data, name + " cannot be read as a zip archive: " + why,
              system ? "Check the file and the disk it is on." : kGetAgain};
    }
  }
}

const char* name_of_method(std::uint16_t method) {
  switch (method) {
    case 1: return "shrink";
    case 6: return "implode";
    case 9: return "Deflate64";
    case 12: return "bzip2";
    case 14: return "LZMA";
    case 93: return "zstd";
    case 95: return "xz";
    case 98: return "PPMd";
    default: return nullptr;
  }
}

}  // namespace

/// One member while it is read. Keeps its archive open.
class ZipArchive::Source final : public ByteSource {
 public:
  Source(std::shared_ptr<ZipArchive> archive, zip_file_t* file, std::string name)
      : archive_(std::move(archive)), file_(file), name_(std::move(name)) {}
  ~Source() override {
    const std::lock_guard lock(archive_->mutex_);
    zip_fclose(file_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  Result<std::size_t> read(char* to, std::size_t size) override {
    if (error_) return *error_;
    if (ended_) return std::size_t{0};
    const std::lock_guard lock(archive_->mutex_);
    const zip_int64_t got = zip_fread(file_, to, size);
    if (got < 0) {
      error_ = Error{
          Errc::data,
          name_ + " cannot be unpacked: " + zip_file_strerror(file_) + " (" + std::to_string(total_) + " bytes were delivered)",
          kGetAgain};
      return *error_;
    }
    ended_ = got == 0;
    total_ += static_cast<std::uint64_t>(got);
    return static_cast<std::size_t>(got);
  }

 private:
  std::shared_ptr<ZipArchive> archive_;
  zip_file_t* file_;
  std::string name_;
  std::uint64_t total_ = 0;
  bool ended_ = false;
  std::optional<Error> error_;
};

Result<std::shared_ptr<ZipArchive>> ZipArchive::open(const std::string& path) {
  const DirectorySize said = size_of_directory(path);
  if (said.members > kMostMembers || said.bytes > kLargestDirectory)
    return too_many(path, said.members > kMostMembers ? said.members : 0);
  int code = 0;
  zip_t* handle = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (handle == nullptr) return cannot_open(path, code, errno);
  std::shared_ptr<ZipArchive> archive(new ZipArchive(handle, path));
  const zip_int64_t members = zip_get_num_entries(handle, 0);  // the record may have said less
  if (members > static_cast<zip_int64_t>(kMostMembers)) return too_many(path, static_cast<std::uint64_t>(members));
  archive->list();
  return archive;
}

ZipArchive::~ZipArchive() { zip_discard(handle_); }

void ZipArchive::list() {
  const auto count = static_cast<std::uint64_t>(std::max<zip_int64_t>(0, zip_get_num_entries(handle_, 0)));
  members_.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    zip_stat_t about;
    if (zip_stat_index(handle_, i, 0, &about) != 0 || (about.valid & ZIP_STAT_NAME) == 0) continue;
    ZipMember member;
    member.name = about.name;
    member.index = i;
    member.size = about.size;
    member.crc = about.crc;
    member.method = about.comp_method;
    member.encrypted = about.encryption_method != ZIP_EM_NONE;
    members_.push_back(std::move(member));
  }
  std::sort(members_.begin(), members_.end(), [](const ZipMember& a, const ZipMember& b) {
    const int order = a.name.compare(b.name);
    return order != 0 ? order < 0 : a.index > b.index;
  });
  const auto same = [this](const ZipMember& a, const ZipMember& b) {
    if (a.name != b.name) return false;
    if (repeated_.empty() || repeated_.back() != a.name) repeated_.push_back(a.name);
    return true;
  };
  members_.erase(std::unique(members_.begin(), members_.end(), same), members_.end());
}

const ZipMember* ZipArchive::find(std::string_view name) const {
  const auto at = std::lower_bound(members_.begin(), members_.end(), name,
                                   [](const ZipMember& member, std::string_view wanted) { return member.name < wanted; });
  return at != members_.end() && at->name == name ? &*at : nullptr;
}

Result<std::unique_ptr<ByteSource>> ZipArchive::read(const ZipMember& member, std::string name) {
  if (member.encrypted) {
    return Error{Errc::data, name + " is encrypted",
                 "Unpack the archive with its password, and give the files that were inside."};
  }
  if (zip_compression_method_supported(member.method, 0) == 0) {
    const char* method = name_of_method(member.method);
    return Error{Errc::data,
                 name + " is compressed by " + (method != nullptr ? method : "method " + std::to_string(member.method)) +
                     ", which is not read",
                 "Unpack the archive (7z x FILE.zip) and give the files that were inside."};
  }
  const std::lock_guard lock(mutex_);
  zip_file_t* file = zip_fopen_index(handle_, member.index, 0);
  if (file == nullptr) return Error{Errc::data, name + " cannot be unpacked: " + zip_strerror(handle_), kGetAgain};
  return std::unique_ptr<ByteSource>(std::make_unique<Source>(shared_from_this(), file, std::move(name)));
}

bool is_zip(const std::string& path) {
  struct stat about {};
  if (path == "-" || ::stat(path.c_str(), &about) != 0 || !S_ISREG(about.st_mode)) return false;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;  // whoever opens it says why
  char head[4] = {};
  const bool whole = ::pread(file, head, sizeof head, 0) == static_cast<ssize_t>(sizeof head);
  ::close(file);
  const std::string_view magic(head, sizeof head);
  return whole && (magic == "PK\3\4" || magic == "PK\5\6" || magic == "PK\7\10");
}

}  // namespace crosswalk
