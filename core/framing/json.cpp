// Opening a JSON input: which layout it has is told from its head, once.
#include "framing/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "framing/json_check.hpp"
#include "framing/json_layout.hpp"
#include "framing/json_pointer.hpp"
#include "framing/json_value.hpp"
#include "framing/looks_like.hpp"
#include "text.hpp"

namespace crosswalk {
namespace json {

void add_fault(Block& block, std::size_t begin, std::uint64_t size, FaultText text) {
  const auto held = static_cast<std::uint32_t>(std::min<std::uint64_t>(size, kKept));
  block.faults.push_back({{static_cast<std::uint32_t>(begin), held},
                          size,
                          std::move(text.code),
                          std::move(text.found),
                          std::move(text.message),
                          std::move(text.cure)});
}

FaultText record_too_large(std::uint64_t size, std::size_t limit) {
  return {"record_too_large", fmt::format("{} bytes", size),
          fmt::format("the record has {} bytes, more than the {} that are allowed", size, limit),
          "raise the setting max_record, or split the record"};
}

FaultText truncated_record(std::uint64_t size) {
  return {"truncated_record", "the end of the input",
          fmt::format("the input ends inside this record, after {} of its bytes", size),
          "the file was cut off: export or copy it again"};
}

namespace {

constexpr std::size_t kHead = std::size_t{64} << 10;
constexpr std::size_t kLongestFirstToken = 4096;  // of an input that starts with neither `{` nor `[`

/// The start of a text for a message; in hexadecimal where it is no text.
std::string shown_start(std::string_view text) {
  const std::string_view start = text.substr(0, 16);
  const bool readable = utf8_length(text) != 0 && std::none_of(start.begin(), start.end(), [](char c) {
                          return (static_cast<unsigned char>(c) < 0x20 && !is_blank(c)) || c == 0x7F;
                        });
  if (readable) return fmt::format("\"{}\"", shown(text, 40));
  std::string bytes = "the bytes";
  for (const char c : start) bytes += fmt::format(" {:02X}", static_cast<unsigned char>(c));
  return bytes;
}

enum class Layout : std::uint8_t { lines, structure };

/// Tells the layout of an input from its head. The head grows as far as its first value goes, but to no more than one
/// record of the largest allowed size. Trouble in reading is not met here: it ends the input where it stands.
class LayoutFinder {
 public:
  LayoutFinder(const std::string& name, Window& window, std::size_t max_record)
      : name_(name), window_(window), max_record_(max_record) {}

  Result<Layout> find() {
    window_.begin(head_, kHead);
    drop_blanks();
    Result<Layout> layout = Layout::lines;
    if (window_.size() != 0) {
      const char first = window_.at(0);
      layout = first == '[' ? Layout::structure : first == '{' ? of_object() : of_plain_value();
    }
    window_.cut(0);
    return layout;
  }

 private:
  bool more() { return window_.more() == Fill::more; }

  void drop_blanks() {
    std::size_t blanks = 0;
    do {
      while (blanks != window_.size() && is_blank(window_.at(blanks))) ++blanks;
      window_.drop(0, blanks);
      blanks = 0;
    } while (window_.size() == 0 && more());
  }

  // The first byte from position `at` on that is not blank, unless it is too far away to wait for.
  std::optional<char> next_byte(std::size_t& at) {
    const std::size_t furthest = at + max_record_;
    for (; at <= furthest; ++at) {
      if (at == window_.size() && !more()) break;
      if (!is_blank(window_.at(at))) return window_.at(at);
    }
    return std::nullopt;
  }

  // An object: a page, a line of many, or one that goes over several lines.
  Layout of_object() {
    const Answer page = is_page(window_, 0, max_record_);
    if (page != Answer::no) return Layout::structure;
    ValueScanner scanner(window_, 0, 0);
    const Scan scan = scanner.scan(max_record_);
    const std::size_t line_feed = window_.text(0, scan.end).find('\n');
    const bool one_line = line_feed == std::string_view::npos;
    switch (scan.outcome) {
      case Scan::Outcome::complete:
        if (one_line) return after_first(scan.end);
        break;
      case Scan::Outcome::broken:
      case Scan::Outcome::truncated:
        if (one_line) return of_broken_line(scan.end, true);
        break;
      default: break;
    }
    return one_line ? Layout::structure : of_broken_line(line_feed, false);
  }

  // One value ended on the first line, before `end`. Another one behind it on that line: concatenated values.
  Layout after_first(std::size_t end) {
    std::size_t at = end;
    const std::optional<char> next = next_byte(at);
    const std::string_view between = window_.text(end, at);
    if (!next || between.find('\n') != std::string_view::npos) return Layout::lines;
    return *next == '{' || *next == '[' ? Layout::structure : Layout::lines;
  }

  // The first line, which ends at `end`, is no whole value. It is the beginning of one that goes over several lines,
  // unless the next line starts with `{` where nothing of that kind can follow: then it is a damaged line of many.
  Layout of_broken_line(std::size_t end, bool in_string) {
    std::size_t at = end;
    const std::optional<char> next = next_byte(at);
    if (!next) return Layout::lines;
    std::size_t last = end;
    while (last != 0 && is_blank(window_.at(last - 1))) --last;
    const bool goes_on = !in_string && std::string_view("{[,:").find(window_.at(last - 1)) != std::string_view::npos;
    return *next == '{' && !goes_on ? Layout::lines : Layout::structure;
  }

  // A number, a string, a word: JSON that holds no records, or no JSON at all.
  Result<Layout> of_plain_value() {
    while (window_.size() < kLongestFirstToken && more()) {}
    const std::string_view head = window_.text(0, std::min(window_.size(), kLongestFirstToken));
    const std::string_view line = trimmed(head.substr(0, head.find('\n')));
    if (!find_flaw(line, 1)) return Layout::lines;
    if (const LooksLike look = looks_like(head)) {
      return Error{Errc::data, fmt::format("{}: this is {}, not JSON", name_, look.what), std::string(look.cure)};
    }
    return Error{Errc::data, fmt::format("{}: this does not look like JSON: it starts with {}", name_, shown_start(line)),
                 "JSON records start with { or [; for another kind of file choose an adapter that reads it"};
  }

  const std::string& name_;
  Window& window_;
  std::size_t max_record_;
  Block head_;
};

}  // namespace
}  // namespace json

Result<std::unique_ptr<Splitter>> open_json(std::string name, std::unique_ptr<ByteSource> bytes, const JsonOptions& options) {
  constexpr std::size_t kLargestRecord = std::size_t{1} << 30;  // places inside of blocks have 32 bits
  Limits limits = options.limits;
  limits.max_record = std::min(limits.max_record, kLargestRecord);
  Result<std::vector<std::string>> pointer = json::parse_pointer(options.records_at);
  if (!pointer) return pointer.error();
  auto window = std::make_unique<json::Window>(std::move(bytes));
  const Result<json::Layout> layout = json::LayoutFinder(name, *window, limits.max_record).find();
  if (!layout) return layout.error();
  if (pointer->empty() && *layout == json::Layout::lines) return json::split_lines(std::move(window), limits);
  return json::split_structure(std::move(name), std::move(window), std::move(*pointer), limits);
}

}  // namespace crosswalk
