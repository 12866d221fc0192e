// Blocks of JSON records into records of fields, and arrays inside records into their elements.
#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "framing/json.hpp"
#include "framing/json_check.hpp"
#include "framing/json_flatten.hpp"
#include "framing/json_layout.hpp"
#include "framing/lines.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

using json::Flattener;
using json::Flaw;
using json::Refusal;

std::string_view kind_of_value(char first) {
  switch (first) {
    case '[': return "an array";
    case '"': return "a string";
    case 't':
    case 'f': return "a boolean";
    case 'n': return "null";
    default: return "a number";
  }
}

class JsonParser final : public BlockParser {
 public:
  JsonParser(NameTable& names, const Limits& limits) : names_(names), limits_(limits), flattener_(names, limits) {}

  void parse(const Block& block, RecordHandler& handler) override {
    lines_ = TextLines({block.data.data(), block.size}, block.line);
    auto fault = block.faults.begin();
    std::size_t looked_at = 0;  // up to that record it is known whether tokens were found for several at once
    bool together = false;
    std::size_t begin = 0;  // of those several
    for (std::size_t i = 0; i < block.spans.size(); ++i) {
      const Block::Span& span = block.spans[i];
      for (; fault != block.faults.end() && fault->span.begin <= span.begin; ++fault) pass_on(block, *fault, handler);
      if (i == looked_at) {
        begin = span.begin;
        looked_at = end_of_lines(block, i);
        const Block::Span& last = block.spans[looked_at - 1];
        together = looked_at - i > 1 && flattener_.start_parts({block.data.data() + begin, last.begin + last.size - begin});
      }
      parse_record(block, span, together ? std::optional(begin) : std::nullopt, handler);
    }
    for (; fault != block.faults.end(); ++fault) pass_on(block, *fault, handler);
    flattener_.forget_large();
  }

 private:
  /// The record behind `first` and those after it, as long as each begins on a line of its own, with nothing between them,
  /// and all are short. When tokens can be found for them together, each has the tokens that it has alone: a string that
  /// is open at a line feed is an error.
  static std::size_t end_of_lines(const Block& block, std::size_t first) {
    constexpr std::size_t kTogether = std::size_t{16} << 10;
    std::size_t next = first + 1;
    for (; next < block.spans.size(); ++next) {
      const Block::Span &before = block.spans[next - 1], &span = block.spans[next];
      if (span.begin + span.size - block.spans[first].begin > kTogether) break;
      const std::string_view between(block.data.data() + before.begin + before.size, span.begin - before.begin - before.size);
      if (between != "\n" && (between.find('\n') == std::string_view::npos || !all_blank(between))) break;
    }
    return next;
  }

  /// `part_of`: where the text begins that was taken for this record and others.
  void parse_record(const Block& block, const Block::Span& span, std::optional<std::size_t> part_of, RecordHandler& handler) {
    const std::string_view text(block.data.data() + span.begin, span.size);
    names_.forget_transient();
    if (part_of) flattener_.take_part(span.begin - *part_of, span.begin + span.size - *part_of);
    Refusal refusal = part_of || flattener_.start(text) ? flattener_.take_object({}) : Refusal::not_json;
    if (refusal == Refusal::none && !flattener_.at_end()) refusal = Refusal::not_json;
    if (refusal != Refusal::none) return refuse(block, span, text, refusal, handler);
    const std::uint64_t line = block.knows_lines ? block.line + span.line : 0;
    handler.on_record(flattener_.record(), {block.offset + span.begin, text, flattener_.duplicates(), line});
  }

  void refuse(const Block& block, const Block::Span& span, std::string_view text, Refusal refusal, RecordHandler& handler) {
    Flaw flaw = json::find_flaw(text, limits_.max_depth);
    if (!flaw) flaw = explain(refusal, text);
    FrameFault fault = fault_at(block, span);
    fault.size = span.size;
    fault.code = std::move(flaw.code);
    fault.field = std::move(flaw.field);
    fault.found = std::move(flaw.found);
    fault.message = std::move(flaw.message);
    fault.cure = std::move(flaw.cure);
    handler.on_fault(fault);
  }

  // Why a record is refused that is JSON without a flaw.
  [[nodiscard]] Flaw explain(Refusal refusal, std::string_view text) const {
    switch (refusal) {
      case Refusal::not_an_object:
        return {0,
                "not_an_object",
                {},
                shown(text, 20),
                fmt::format("the record is {}, not an object", kind_of_value(text.front())),
                "records are JSON objects; where they stand inside other values, say so with the setting records_at"};
      case Refusal::too_many_fields:
        return {0,
                "too_many_fields",
                {},
                fmt::format("more than {} fields", limits_.max_fields),
                fmt::format("the record has more than {} fields, or more new names than there is room for", limits_.max_fields),
                "raise the setting max_fields; keys that are data belong into values"};
      case Refusal::name_too_long:
        return {
            0,
            "name_too_long",
            {},
            fmt::format("more than {} bytes", Flattener::kLongestName),
            fmt::format("a field's name, with those of the objects around it, is longer than {} bytes", Flattener::kLongestName),
            "keys that are data belong into values"};
      default: return {0, "malformed_json", {}, shown(text, 20), "the record cannot be read as JSON", {}};
    }
  }

  void pass_on(const Block& block, const Block::Fault& from, RecordHandler& handler) {
    FrameFault fault = fault_at(block, from.span);
    fault.size = from.size;
    fault.code = from.code;
    fault.found = from.found;
    fault.message = from.message;
    fault.cure = from.cure;
    handler.on_fault(fault);
  }

  FrameFault fault_at(const Block& block, const Block::Span& span) {
    FrameFault fault;
    fault.offset = block.offset + span.begin;
    fault.line = lines_.at(span.begin);
    fault.text = {block.data.data() + span.begin, std::min<std::size_t>(span.size, json::kKept)};
    return fault;
  }

  NameTable& names_;
  Limits limits_;
  Flattener flattener_;
  TextLines lines_{{}, 1};  // of the block
};

class ArrayWalker final : public JsonArrayWalker {
 public:
  ArrayWalker(NameTable& names, const Limits& limits) : flattener_(names, limits) {}

  bool walk(std::string_view array, std::string_view prefix, const std::function<bool(const Record&)>& element) override {
    buffer_.resize(std::max(buffer_.size(), array.size() + kSlack));
    if (!array.empty()) std::memcpy(buffer_.data(), array.data(), array.size());
    const bool good = flattener_.start({buffer_.data(), array.size()}) && elements(prefix, element);
    flattener_.forget_large();
    if (buffer_.size() > kLarge) buffer_ = {};
    return good;
  }
  [[nodiscard]] std::uint32_t duplicate_keys() const override { return flattener_.duplicates(); }

 private:
  static constexpr std::size_t kLarge = std::size_t{1} << 20;

  bool elements(std::string_view prefix, const std::function<bool(const Record&)>& element) {
    if (flattener_.next() != '[') return false;
    flattener_.step();
    if (flattener_.next() == ']') return true;
    for (;;) {
      const Refusal refusal = flattener_.next() == '{' ? flattener_.take_object(prefix) : flattener_.take_value(prefix);
      if (refusal != Refusal::none) return false;
      if (!element(flattener_.record())) return true;
      const char behind = flattener_.next();
      if (behind == ']') return true;
      if (behind != ',') return false;
      flattener_.step();
    }
  }

  Flattener flattener_;
  std::vector<char> buffer_;
};

}  // namespace

std::unique_ptr<BlockParser> make_json_parser(NameTable& names, const Limits& limits) {
  return std::make_unique<JsonParser>(names, limits);
}

std::unique_ptr<JsonArrayWalker> make_array_walker(NameTable& names, const Limits& limits) {
  return std::make_unique<ArrayWalker>(names, limits);
}

}  // namespace crosswalk
