// Files that are whole or not there: written under a temporary name, renamed when complete.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "crosswalk/result.hpp"
#include "crosswalk/translate.hpp"

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

/// Bytes to a path or to standard output ("-"). Used by one thread.
class OutputFile {
 public:
  /// `option` is what the user named the path with ("--output", "[job] rejects"): cures speak of it.
  static Result<std::unique_ptr<OutputFile>> open(const std::string& path, std::string_view option = "--output");
  ~OutputFile();  ///< without commit(), a temporary file is removed
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Result<void> write(std::string_view bytes);
  /// Nothing more comes, and all of it is on the disk. Left out, commit() does it.
  Result<void> finish();
  /// Everything is written and stands under its final name.
  Result<void> commit();
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  /// Nothing is there before commit().
  [[nodiscard]] bool awaits_commit() const { return !temporary_.empty(); }

 private:
  OutputFile() = default;
  [[nodiscard]] Error failure(const char* what, int code) const;
  int fd_ = -1;
  bool owned_ = false;
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

 private:
  OutputFile& file_;
  OutputFormat format_;
  std::string bulk_;
  std::size_t in_body_ = 0;
};

}  // namespace crosswalk
