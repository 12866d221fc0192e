// Files that are whole or not there: written under a temporary name, renamed when complete.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"
#include "crosswalk/translate.hpp"
#include "sinks/publication.hpp"

namespace crosswalk {

/// Where bytes for a path end up.
struct OutputTarget {
  std::string path;       ///< links followed, also one whose file is not there yet
  int descriptor = -1;    ///< standard output, or what is open already (/dev/stdout, /dev/fd/7); else -1
  bool replaced = false;  ///< a file that is written anew as a whole; a pipe or a device takes bytes as they come
};
[[nodiscard]] OutputTarget output_target(const std::string& path);
/// Whether writing there would change what is read from `input` (a path, or "-" for standard input).
[[nodiscard]] bool writes_into(const OutputTarget& target, const std::string& input);
/// The same for inputs as they are named: patterns, archives.
[[nodiscard]] bool writes_into_any(const OutputTarget& target, const std::vector<std::string>& inputs);

/// Bytes to a path or to standard output ("-"). Used by one thread.
class OutputFile {
 public:
  /// `option` is what the user named the path with ("--output", "[job] rejects"): cures speak of it.
  /// `personal`: a new file is for its owner alone. Else it follows the umask; one that was there keeps its rights.
  static Result<std::unique_ptr<OutputFile>> open(const std::string& path, std::string_view option = "--output",
                                                  bool personal = false);
  ~OutputFile();  ///< without commit(), a temporary file is removed
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Result<void> write(std::string_view bytes);
  /// What was written, again, into `to`: how many bytes there are, at most `size`. Where awaits_commit() only.
  Result<std::size_t> read_at(std::uint64_t at, char* to, std::size_t size) const;
  /// Nothing more comes, and all of it is on the disk. Left out, commit() does it.
  Result<void> finish();
  /// Everything is written and stands under its final name.
  Result<void> commit();
  /// After finish(): what commit() will rename, with the rights that it will have.
  void pending(std::vector<PendingFile>& to) const;
  /// Leaves the finished file under its temporary name: whoever finds the list of a publication puts it in place.
  void leave() { temporary_.clear(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Nothing is there before commit().
  [[nodiscard]] bool awaits_commit() const { return !temporary_.empty(); }

 private:
  OutputFile() = default;
  [[nodiscard]] Error failure(const char* what, int code) const;
  void set_rights() const;
  int fd_ = -1;
  int held_ = -1;  ///< a copy, open until commit: it keeps the lock on the temporary file
  bool owned_ = false, personal_ = false;
  std::optional<struct stat> former_;
  std::string path_, option_;
  std::string target_, temporary_;  // empty when written directly
  std::uint64_t bytes_ = 0;
};

/// Encoded records (a line each) into the chosen format.
class RecordWriter {
 public:
  RecordWriter(OutputFile& file, OutputFormat format) : file_(file), format_(format) {}
  Result<void> write(std::string_view lines);
  /// Closes a bulk body that is not full.
  Result<void> finish();

  static constexpr std::string_view kBodyHead = "{\"conversations\":[", kBodyTail = "]}\n";

 private:
  OutputFile& file_;
  OutputFormat format_;
  std::string bulk_;
  std::size_t in_body_ = 0;
};

}  // namespace crosswalk
