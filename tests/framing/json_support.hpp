// Runs a JSON input through splitter and parser and writes down everything that comes out.
#pragma once

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "framing/json.hpp"

namespace crosswalk::json_testing {

/// Gives bytes in pieces of at most `chunk` (0: all at once).
class PieceSource final : public ByteSource {
 public:
  PieceSource(std::string bytes, std::size_t chunk) : bytes_(std::move(bytes)), chunk_(chunk) {}
  Result<std::size_t> read(char* to, std::size_t size) override {
    std::size_t give = std::min(size, bytes_.size() - at_);
    if (chunk_ != 0) give = std::min(give, chunk_);
    if (give != 0) std::memcpy(to, bytes_.data() + at_, give);
    at_ += give;
    return give;
  }

 private:
  std::string bytes_;
  std::size_t chunk_;
  std::size_t at_ = 0;
};

/// A field, detached from the buffers it was read from.
struct SeenField {
  std::string name;
  Kind kind = Kind::cell;
  std::string text;
};

/// One record or fault.
struct Seen {
  bool fault = false;
  std::uint64_t offset = 0;
  std::uint64_t line = 0;
  std::uint64_t size = 0;
  std::string raw;  ///< of a record its bytes, of a fault its text
  std::uint32_t duplicate_keys = 0;
  std::vector<SeenField> fields;
  std::string code, field, found, message, cure;
};

inline const char* name_of_kind(Kind kind) {
  static constexpr const char* kNames[] = {"cell", "string", "number", "boolean", "null", "array", "object"};
  return kNames[static_cast<std::size_t>(kind)];
}

/// What one event looks like in a test's expectation.
inline std::string shown_event(const Seen& seen) {
  const std::string place = std::to_string(seen.line) + "@" + std::to_string(seen.offset) + " ";
  if (seen.fault) {
    std::string text = place + "FAULT " + seen.code + " (" + std::to_string(seen.size) + ") " + seen.message;
    if (!seen.found.empty()) text += "; found " + seen.found;
    if (!seen.field.empty()) text += "; in " + seen.field;
    return text;
  }
  std::string text = place;
  for (const SeenField& field : seen.fields) {
    if (&field != seen.fields.data()) text += ' ';
    text += field.name + "=" + (field.kind == Kind::string ? "'" + field.text + "'" : field.text);
  }
  if (seen.fields.empty()) text += "(no fields)";
  if (seen.duplicate_keys != 0) text += " +" + std::to_string(seen.duplicate_keys) + " duplicates";
  return text;
}

class Recorder final : public RecordHandler {
 public:
  explicit Recorder(const NameTable& names) : names_(names) {}

  void on_record(const Record& record, const Place& place) override {
    Seen seen;
    seen.offset = place.offset;
    seen.size = place.raw.size();
    seen.raw = place.raw;
    seen.duplicate_keys = place.duplicate_keys;
    const auto at = static_cast<std::size_t>(place.raw.data() - block->data.data());
    seen.line = place.line != 0 ? place.line : block->line_of(at);
    for (const Field& field : record) {
      seen.fields.push_back({std::string(names_.name(field.id)), field.kind, std::string(field.view())});
    }
    events.push_back(std::move(seen));
  }
  void on_fault(const FrameFault& fault) override {
    Seen seen;
    seen.fault = true;
    seen.offset = fault.offset;
    seen.line = fault.line;
    seen.size = fault.size;
    seen.raw = fault.text;
    seen.code = fault.code;
    seen.field = fault.field;
    seen.found = fault.found;
    seen.message = fault.message;
    seen.cure = fault.cure;
    events.push_back(std::move(seen));
  }
  void on_repeated_header(const Place&) override {}

  const Block* block = nullptr;
  std::vector<Seen> events;

 private:
  const NameTable& names_;
};

struct Run {
  std::vector<Seen> events;
  std::string error;  ///< empty when the input ended well
  std::size_t largest_block = 0;
  std::size_t blocks = 0;
  std::vector<std::string> names;  ///< that were met, in their order
};

inline Run read_json(std::unique_ptr<ByteSource> source, const JsonOptions& options = {},
                     std::size_t target = std::size_t{256} << 10) {
  Run run;
  NameTable names;
  Recorder recorder(names);
  auto splitter = open_json("in.json", std::move(source), options);
  if (!splitter) {
    run.error = splitter.error().text();
    return run;
  }
  const auto parser = make_json_parser(names, options.limits);
  Block block;
  recorder.block = &block;
  for (;;) {
    auto more = (*splitter)->next(block, target);
    if (!more) run.error = more.error().text();
    if (!more || !*more) break;
    ++run.blocks;
    run.largest_block = std::max(run.largest_block, block.data.size());
    parser->parse(block, recorder);
  }
  run.events = std::move(recorder.events);
  for (std::size_t id = 0; id < names.stable_count(); ++id) run.names.emplace_back(names.name(static_cast<std::uint16_t>(id)));
  return run;
}

inline Run read_json(std::string text, const JsonOptions& options = {}, std::size_t target = std::size_t{256} << 10,
                     std::size_t chunk = 0) {
  return read_json(std::make_unique<PieceSource>(std::move(text), chunk), options, target);
}

/// Every event as a line of text; the error, if there is one, is the last.
inline std::vector<std::string> shown_run(const Run& run) {
  std::vector<std::string> lines;
  for (const Seen& seen : run.events) lines.push_back(shown_event(seen));
  if (!run.error.empty()) lines.push_back("ERROR " + run.error);
  return lines;
}

}  // namespace crosswalk::json_testing
