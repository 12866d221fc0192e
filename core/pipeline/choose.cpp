// Choosing an adapter: each bids on the field names found in the head of the input.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "characters.hpp"
#include "crosswalk/translate.hpp"
#include "framing/csv.hpp"
#include "framing/json.hpp"
#include "pipeline/choose.hpp"
#include "pipeline/header.hpp"
#include "pipeline/source.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

using Names = std::set<std::string, std::less<>>;

class NameCollector final : public RecordHandler {
 public:
  NameCollector(const NameTable& table, Names& names) : table_(table), names_(names) {}
  void on_record(const Record& record, const Place&) override {
    for (const Field& field : record) {
      if (field.id < NameTable::kStable) {  // the others may stand for another name each time
        if (field.id >= met_.size()) met_.resize(field.id + std::size_t{1});
        if (met_[field.id]) continue;
        met_[field.id] = true;
      }
      names_.insert(folded_name(table_.name(field.id)));
    }
  }
  void on_fault(const FrameFault&) override {}
  void on_repeated_header(const Place&) override {}

 private:
  const NameTable& table_;
  Names& names_;
  std::vector<bool> met_;  // by id
};

using Settings = std::map<std::string, std::string, std::less<>>;

std::string setting(const Settings& settings, std::string_view name) {
  const auto found = settings.find(name);
  return found == settings.end() ? std::string() : found->second;
}

Names names_of_csv(std::string_view head, std::string_view input_name, const Settings& settings) {
  Names names;
  auto csv = open_csv(std::string(input_name), memory_source(std::string(head)), csv_options_of(settings));
  if (csv) {
    for (const std::string& column : csv->dialect.header) names.insert(folded_name(column));
  }
  return names;
}

Names names_of_json(std::string_view head, std::string_view input_name, const Settings& settings) {
  Names names;
  JsonOptions options;
  options.records = setting(settings, "records");
  auto splitter = open_json(std::string(input_name), memory_source(std::string(head)), options);
  if (!splitter) return names;
  NameTable table;
  NameCollector collector(table, names);
  const auto parser = make_json_parser(table, {});
  Block block;
  for (int blocks = 0; blocks < 64; ++blocks) {
    auto more = (*splitter)->next(block, std::size_t{16} << 10);
    if (!more || !*more) break;
    parser->parse(block, collector);
  }
  return names;
}

bool fits(const IdentifyRule& rule, const Names& names) {
  const auto there = [&](const std::string& name) { return names.contains(folded_name(name)); };
  return std::all_of(rule.all.begin(), rule.all.end(), there) &&
         (rule.any.empty() || std::any_of(rule.any.begin(), rule.any.end(), there)) &&
         std::none_of(rule.none.begin(), rule.none.end(), there);
}

/// The settings field.<name>=<column>: the adapter will see the name.
void rename_fields(Names& names, const Settings& settings) {
  constexpr std::string_view kField = "field.";
  for (const auto& [key, column] : settings) {
    if (!key.starts_with(kField)) continue;
    if (names.erase(folded_name(column)) != 0) names.insert(folded_name(std::string_view(key).substr(kField.size())));
  }
}

std::string listed(const Names& names) {
  std::string text;
  std::size_t count = 0;
  for (const std::string& name : names) {
    if (count++ == 12) return text + ", …";
    if (!text.empty()) text += ", ";
    text += shown(name, 40);
  }
  return text;
}

}  // namespace

Framing framing_of(std::string_view head) {
  for (const char c : head) {
    if (!is_blank(c)) return c == '{' || c == '[' ? Framing::json : Framing::csv;
  }
  return Framing::csv;
}

int best_bid(const AdapterInfo& info, Framing framing, const Names& names) {
  int best = 0;
  for (const IdentifyRule& rule : info.identify) {
    if (rule.framing == framing && rule.score > best && fits(rule, names)) best = rule.score;
  }
  return best;
}

Result<const AdapterInfo*> choose_adapter(const std::vector<const AdapterInfo*>& adapters, std::string_view head,
                                          std::string_view input_name, const Settings& settings) {
  const Framing framing = framing_of(head);
  if (all_blank(head)) {
    return Error{Errc::usage, fmt::format("{}: the input is empty, so no adapter can recognise it", input_name),
                 "say which one with --adapter ID"};
  }
  Names names = framing == Framing::csv ? names_of_csv(head, input_name, settings) : names_of_json(head, input_name, settings);
  rename_fields(names, settings);
  const AdapterInfo* best = nullptr;
  const AdapterInfo* rival = nullptr;
  int best_score = 0;
  std::vector<std::string> ids;
  for (const AdapterInfo* info : adapters) {
    ids.push_back(info->id);
    const int score = best_bid(*info, framing, names);
    if (score == 0 || score < best_score) continue;
    rival = score == best_score ? best : nullptr;
    best = info;
    best_score = score;
  }
  if (best == nullptr && framing == Framing::csv) {
    if (const auto line = find_header_below(head, 1, adapters)) {
      return Error{
          Errc::usage,
          fmt::format("{}: no adapter recognises the first line as a header, but line {} looks like one", input_name, *line),
          fmt::format("--set header_row={}", *line)};
    }
  }
  if (best == nullptr) {
    return Error{Errc::usage,
                 fmt::format("{}: no adapter recognises this {} input; it has the fields {}", input_name,
                             framing == Framing::csv ? "CSV" : "JSON", names.empty() ? "(none)" : listed(names)),
                 fmt::format("say which one with --adapter ID; there are: {}", fmt::join(ids, ", "))};
  }
  if (rival != nullptr) {
    return Error{Errc::usage,
                 fmt::format("{}: the adapters {} and {} recognise this input equally well", input_name, rival->id, best->id),
                 fmt::format("say which one with --adapter {} or --adapter {}", rival->id, best->id)};
  }
  return best;
}

}  // namespace crosswalk
