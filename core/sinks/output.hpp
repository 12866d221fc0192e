// Files that are whole or not there: written under a temporary name, renamed when complete.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "crosswalk/result.hpp"
#include "crosswalk/translate.hpp"

namespace crosswalk {

/// Bytes to a path or to standard output ("-"). Used by one thread. A path that is no regular file (a pipe, a device) is
/// written directly.
class OutputFile {
 public:
  static Result<std::unique_ptr<OutputFile>> open(const std::string& path);
  ~OutputFile();  ///< without commit(), a temporary file is removed
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  Result<void> write(std::string_view bytes);
  /// Everything is written and stands under its final name.
  Result<void> commit();
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  OutputFile() = default;
  [[nodiscard]] Error failure(const char* what, int code) const;
  int fd_ = -1;
  bool owned_ = false;
  std::string path_, temporary_;
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
