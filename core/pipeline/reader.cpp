#include "pipeline/reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "framing/json.hpp"
#include "io/read_ahead.hpp"
#include "pipeline/choose.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kBlockSize = std::size_t{128} << 10;  // fits the second-level cache with what is made of it
constexpr std::size_t kRemoteBlockSize = std::size_t{512} << 10;
constexpr std::size_t kHead = std::size_t{64} << 10;

bool speaks(const AdapterInfo& info, Framing framing) {
  return std::find(info.framings.begin(), info.framings.end(), framing) != info.framings.end();
}

}  // namespace

Result<bool> BlockReader::next(Task& task) {
  for (;;) {
    if (splitter_) {
      auto more = splitter_->next(task.block, source_.adapter->is_remote() ? kRemoteBlockSize : kBlockSize);
      if (!more) return more.error();
      if (*more) {
        task.file = next_file_ - 1;
        task.framing = framing_;
        task.dialect = dialect_;
        header_given_ = true;
        return true;
      }
      end_input();
      splitter_.reset();
      if (dialect_ && !header_given_ && !dialect_->header.empty()) {  // no row follows, but the adapter judges the header
        task.block.size = 0;
        task.file = next_file_ - 1;
        task.framing = framing_;
        task.dialect = dialect_;
        header_given_ = true;
        return true;
      }
    }
    if (next_file_ == source_.inputs.size()) return end();
    if (auto opened = open_next(); !opened) return opened.error();
  }
}

/// What was seen around the records of an input.
void BlockReader::end_input() {
  const std::uint32_t file = next_file_ - 1;
  for (const Remark& remark : splitter_->remarks()) {
    findings_.add(
        remark.code, {file, remark.offset}, [&] { return finding(remark); }, remark.count);
  }
  const Pages pages = splitter_->pages();
  last_page_ |= pages.last;
  pages_with_more_ += pages.more;
  elements_ += pages.elements;
  if (pages.total > total_) {
    total_ = pages.total;
    total_said_ = {file, pages.total_said};
  }
  if (pages.more != 0 && !more_pages_) more_pages_ = {file, pages.first_with_more};
}

/// The end of all inputs. Pages may be given in any order: when one of them is the last, none is missing at the end.
bool BlockReader::end() {
  if (more_pages_ && !last_page_) {
    const auto& [file, remark] = *more_pages_;
    findings_.add(
        remark.code, {file, remark.offset}, [&, &remark = remark] { return finding(remark); }, pages_with_more_);
    more_pages_.reset();
    return false;
  }
  if (total_said_ && !last_page_ && elements_ < total_) {
    auto& [file, remark] = *total_said_;
    remark.message =
        fmt::format("the page says that there are {} in all; {} were given", counted(total_, "record"), grouped(elements_));
    findings_.add(remark.code, {file, remark.offset}, [&, &remark = remark] { return finding(remark); });
    total_said_.reset();
  }
  return false;
}

Finding BlockReader::finding(const Remark& remark) const {
  Finding finding;
  finding.line = remark.line;
  finding.message = remark.message;
  finding.cure = source_.cure(remark.cure);
  return finding;
}

Result<void> BlockReader::open_next() {
  const std::string& path = source_.inputs[next_file_++];
  if (first_bytes_) return start(first_, std::move(first_bytes_));
  auto input = open_input(path, cancelled_, source_.archives.get());
  if (!input) return input.error();
  auto bytes = std::make_unique<PeekSource>(std::move(input->bytes));
  return start(*input, std::move(bytes));
}

Result<void> BlockReader::start(const Input& input, std::unique_ptr<PeekSource> bytes) {
  const std::string& name = input.name;
  auto head = bytes->peek(kHead);
  if (!head) return head.error();
  if (head->empty()) {
    notes_.push_back(fmt::format("{}: the input is empty", name));
    return {};
  }
  framing_ = framing_of(*head);
  if (!speaks(source_.info, framing_)) framing_ = source_.info.framings.front();
  dialect_.reset();
  // Of what fits into the head there is nothing left to be decompressed.
  const bool more = head->size() == kHead;
  if (source_.read_ahead && input.compression != "none" && more)
    bytes = std::make_unique<PeekSource>(read_ahead(std::move(bytes)));
  if (framing_ == Framing::json) {
    auto json = open_json(name, std::move(bytes), {source_.records_at, source_.limits});
    if (!json) return json.error();
    splitter_ = std::move(*json);
    return {};
  }
  auto csv = open_csv(name, std::move(bytes), source_.csv_options());
  if (!csv) return csv.error();
  notes_.insert(notes_.end(), csv->dialect.notes.begin(), csv->dialect.notes.end());
  header_given_ = false;
  dialect_ = std::make_shared<const CsvDialect>(std::move(csv->dialect));
  splitter_ = std::move(csv->splitter);
  return {};
}

}  // namespace crosswalk
