#include "sinks/line_sink.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "sinks/output.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kFlush = std::size_t{256} << 10;

/// Lines come one by one and go to the file by the block.
class LineSink final : public Sink {
 public:
  LineSink(std::string path, OutputFormat format, std::unique_ptr<OutputFile> file, std::unique_ptr<OutputFile> updates_file)
      : path_(std::move(path)), file_(std::move(file)), updates_file_(std::move(updates_file)), records_(*file_, format) {}

  Result<void> conversation(std::string_view line) override {
    lines_ += line;
    ++conversations_;
    return lines_.size() < kFlush ? Result<void>() : flush();
  }

  Result<void> update(std::string_view line) override {
    if (!updates_file_) {
      return Error{
          Errc::usage,
          fmt::format("{}: there is an update of a conversation that is not in this run, and no file for updates", path_),
          "name one in the sink: updates = \"updates.jsonl\""};
    }
    update_lines_ += line;
    ++updates_;
    return update_lines_.size() < kFlush ? Result<void>() : flush_updates();
  }

  Result<void> reject(std::string_view) override { return {}; }

  Result<void> finish(std::string_view) override {
    if (auto ok = flush(); !ok) return ok;
    if (auto ok = records_.finish(); !ok) return ok;
    if (updates_file_) {
      if (auto ok = flush_updates(); !ok) return ok;
      if (auto ok = updates_file_->finish(); !ok) return ok;
    }
    return file_->finish();
  }

  Result<void> commit() override {
    if (updates_file_) {
      if (auto ok = updates_file_->commit(); !ok) return ok;
    }
    return file_->commit();
  }

  void pending(std::vector<PendingFile>& to) override {
    file_->pending(to);
    if (updates_file_) updates_file_->pending(to);
  }
  void leave() override {
    file_->leave();
    if (updates_file_) updates_file_->leave();
  }

  [[nodiscard]] std::string_view path() const override { return path_; }
  [[nodiscard]] std::uint64_t conversations() const override { return conversations_; }
  [[nodiscard]] std::uint64_t updates() const override { return updates_; }
  [[nodiscard]] std::uint64_t bytes() const override { return file_->bytes() + (updates_file_ ? updates_file_->bytes() : 0); }

 private:
  Result<void> flush() {
    auto ok = records_.write(lines_);
    lines_.clear();
    return ok;
  }
  Result<void> flush_updates() {
    auto ok = updates_file_->write(update_lines_);
    update_lines_.clear();
    return ok;
  }

  std::string path_;
  std::unique_ptr<OutputFile> file_, updates_file_;
  RecordWriter records_;
  std::string lines_, update_lines_;
  std::uint64_t conversations_ = 0, updates_ = 0;
};

}  // namespace

Result<std::unique_ptr<Sink>> open_line_sink(const std::string& path, OutputFormat format, const std::string& updates_path) {
  if (!updates_path.empty() &&
      std::filesystem::path(path).lexically_normal() == std::filesystem::path(updates_path).lexically_normal()) {
    return Error{Errc::usage,
                 fmt::format("{}: conversations and updates cannot go to the same {}", path == "-" ? "standard output" : path,
                             path == "-" ? "stream" : "file"),
                 "name another file for the updates"};
  }
  auto file = OutputFile::open(path, "[[sink]] path");
  if (!file) return file.error();
  std::unique_ptr<OutputFile> updates;
  if (!updates_path.empty()) {
    auto opened = OutputFile::open(updates_path, "[[sink]] updates");
    if (!opened) return opened.error();
    updates = std::move(*opened);
  }
  return std::unique_ptr<Sink>(new LineSink(path, format, std::move(*file), std::move(updates)));
}

}  // namespace crosswalk
