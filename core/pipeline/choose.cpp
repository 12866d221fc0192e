// Choosing an adapter: each bids on the field names found in the head of the input.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "characters.hpp"
#include "crosswalk/translate.hpp"
#include "framing/csv.hpp"
#include "framing/json.hpp"
#include "framing/json_lists.hpp"
#include "framing/json_pointer.hpp"
#include "framing/looks_like.hpp"
#include "pipeline/choose.hpp"
#include "pipeline/header.hpp"
#include "pipeline/source.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

/// The names of an input's fields: as they are written, in the order of the input, and folded, to be compared.
struct Names {
  std::vector<std::string> written;
  FoldedNames folded;

  void add(std::string_view name) {
    if (folded.insert(folded_name(name)).second) written.emplace_back(trimmed(name));
  }
};

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
      names_.add(table_.name(field.id));
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
    for (const std::string& column : csv->dialect.header) names.add(column);
  }
  return names;
}

Names names_of_json(std::string_view head, std::string_view input_name, const Settings& settings) {
  Names names;
  JsonOptions options;
  options.records_at = setting(settings, "records_at");
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

bool fits(const IdentifyRule& rule, const FoldedNames& names) {
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
    if (names.folded.erase(folded_name(column)) != 0)
      names.folded.insert(folded_name(std::string_view(key).substr(kField.size())));
  }
}

std::string listed(const Names& names) {
  constexpr std::size_t kMost = 200;
  std::string text;
  std::size_t count = 0;
  for (const std::string& name : names.written) {
    if (count++ == kMost) return text + fmt::format(", and {} more", names.written.size() - kMost);
    if (!text.empty()) text += ", ";
    text += in_line(name, kMost);
  }
  return text.empty() ? "(none)" : text;
}

/// Where in a JSON value the records of an adapter seem to be.
struct RecordsFound {
  const AdapterInfo* adapter = nullptr;
  std::string pointer;
  std::uint64_t count = 0;  ///< 0: it is one object
  bool whole = false;       ///< all of them were counted
  bool keyed = false;       ///< they are the members of the object at `pointer`, which is not read
};

/// Where the last key of a path that ends with a dot begins.
std::size_t last_key(std::string_view prefix) {
  std::size_t begin = 0;
  for (std::size_t i = 0; i + 1 < prefix.size(); ++i) {
    if (prefix[i] == '\\') {
      ++i;
    } else if (prefix[i] == '.') {
      begin = i + 1;
    }
  }
  return begin;
}

/// The adapter that recognises objects with these names, or objects inside of them. Where several members of one object are
/// such, that object holds records by their ids: to read one of them would lose the others.
std::optional<RecordsFound> recognised(const std::vector<const AdapterInfo*>& adapters, const std::string& pointer,
                                       const std::vector<std::string>& names) {
  std::vector<std::string> prefixes = {""};
  std::optional<RecordsFound> found;
  std::string found_at;
  for (const std::string& name : names) {
    for (std::size_t i = 0; i < name.size(); ++i) {
      if (name[i] == '\\') {
        ++i;
      } else if (name[i] == '.' && std::find(prefixes.begin(), prefixes.end(), name.substr(0, i + 1)) == prefixes.end()) {
        prefixes.push_back(name.substr(0, i + 1));
      }
    }
  }
  for (const std::string& prefix : prefixes) {
    Names inside;
    for (const std::string& name : names) {
      if (name.starts_with(prefix)) inside.add(std::string_view(name).substr(prefix.size()));
    }
    if (found) {
      const std::size_t key = last_key(prefix);
      const bool beside = key == last_key(found_at) && prefix.compare(0, key, found_at, 0, key) == 0;
      if (!beside || best_bid(*found->adapter, Framing::json, inside.folded) == 0) continue;
      found->pointer = json::pointer_below(pointer, prefix.substr(0, key));
      found->keyed = true;
      return found;
    }
    for (const AdapterInfo* info : adapters) {
      if (best_bid(*info, Framing::json, inside.folded) == 0) continue;
      found = RecordsFound{info, json::pointer_below(pointer, prefix)};
      found_at = prefix;
      if (prefix.empty()) return found;
      break;
    }
  }
  return found;
}

/// Records that one of the adapters recognises, deeper in the first value of an input than it is looked for.
std::optional<RecordsFound> records_inside(const std::vector<const AdapterInfo*>& adapters, std::string_view head) {
  const json::HeadLook look = json::look_at_head(head);
  for (const json::HeadLook::List& list : look.lists) {
    auto found = recognised(adapters, list.pointer, list.names);
    if (!found) continue;
    found->count = list.count;
    found->whole = list.whole;
    return found;
  }
  auto found = recognised(adapters, "", look.names);
  if (!found || (found->pointer.empty() && !found->keyed)) return std::nullopt;
  if (found->keyed) return found;
  // One object: where the head ends before it does, others may follow; in what has an id itself, it is a part.
  const bool has_id = std::find(look.names.begin(), look.names.end(), "id") != look.names.end();
  const bool deep = found->pointer.find('/', 1) != std::string::npos;
  return look.whole && !(has_id && deep) ? found : std::nullopt;
}

std::string place_of(const RecordsFound& found) {
  if (found.keyed) {
    return fmt::format("the records seem to be the members of {}, each under its id",
                       found.pointer.empty() ? "the outermost object" : "the object at " + found.pointer);
  }
  if (found.count == 0) return fmt::format("the record seems to be the object at {}", found.pointer);
  return fmt::format("the records seem to be at {} ({}{} there)", found.pointer, found.whole ? "" : "at least ",
                     counted(found.count, "object"));
}

std::string cure_of(const RecordsFound& found) {
  if (!found.keyed) return fmt::format("--set records_at={}", found.pointer);
  std::string path = found.pointer.empty() ? "." : "";
  if (const auto keys = json::parse_pointer(found.pointer)) {
    for (const std::string& key : *keys) path += fmt::format(".\"{}\"", key);
  }
  return fmt::format("this shape is not read; give the records one by one: jq -c '{}[]' FILE", path);
}

std::string_view said(Framing framing) { return framing == Framing::csv ? "CSV" : "JSON"; }

/// What the adapter that comes nearest would need besides what is there.
std::string nearest_rule(const std::vector<const AdapterInfo*>& adapters, Framing framing, const Names& names) {
  std::string said;
  std::size_t best = 0;
  for (const AdapterInfo* info : adapters) {
    for (const IdentifyRule& rule : info->identify) {
      if (rule.framing != framing) continue;
      std::vector<std::string> missing;
      for (const std::string& name : rule.all) {
        if (!names.folded.contains(folded_name(name))) missing.push_back(name);
      }
      const std::size_t there = rule.all.size() - missing.size();
      if (there <= best || missing.empty()) continue;
      best = there;
      said = fmt::format("{} comes nearest; it looks for {} as well", info->id, fmt::join(missing, ", "));
    }
  }
  return said;
}

Error not_recognised(const std::vector<const AdapterInfo*>& adapters, std::string_view head, Framing framing, const Names& names,
                     std::string_view input_name) {
  const LooksLike look = looks_like(head);
  if (look && look.kind != LooksLike::Kind::json) {
    return {Errc::usage, fmt::format("{}: this is {}, which no adapter reads", input_name, look.what), std::string(look.cure)};
  }
  const std::string message = fmt::format("{}: no adapter recognises this {} input; ", input_name, said(framing));
  if (framing == Framing::json) {
    if (const auto found = records_inside(adapters, head)) {
      return {Errc::usage, fmt::format("{}{}, which {} reads", message, place_of(*found), found->adapter->id), cure_of(*found)};
    }
  }
  const std::string near = nearest_rule(adapters, framing, names);
  return {Errc::usage, fmt::format("{}it has the fields {}", message, listed(names)),
          near.empty() ? "crosswalk adapters lists what is read; docs/write-an-adapter.md says how to add a source" : near};
}

}  // namespace

Framing framing_of(std::string_view head) {
  for (const char c : head) {
    if (!is_blank(c)) return c == '{' || c == '[' ? Framing::json : Framing::csv;
  }
  return Framing::csv;
}

int best_bid(const AdapterInfo& info, Framing framing, const FoldedNames& names) {
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
  for (const AdapterInfo* info : adapters) {
    const int score = best_bid(*info, framing, names.folded);
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
  if (best == nullptr) return not_recognised(adapters, head, framing, names, input_name);
  if (rival != nullptr) {
    return Error{Errc::usage,
                 fmt::format("{}: the adapters {} and {} recognise this input equally well", input_name, rival->id, best->id),
                 fmt::format("say which one with --adapter {} or --adapter {}", rival->id, best->id)};
  }
  return best;
}

Result<std::string> doubt_about(const AdapterInfo& adapter, std::string_view head, std::string_view input_name,
                                const Settings& settings) {
  const Framing framing = framing_of(head);
  const bool says = std::any_of(adapter.identify.begin(), adapter.identify.end(),
                                [&](const IdentifyRule& rule) { return rule.framing == framing; });
  if (!says || framing != Framing::json || all_blank(head)) return std::string();
  Names names = names_of_json(head, input_name, settings);
  rename_fields(names, settings);
  if (best_bid(adapter, framing, names.folded) != 0) return std::string();
  if (setting(settings, "records_at").empty()) {
    if (const auto found = records_inside({&adapter}, head)) {
      return Error{Errc::usage, fmt::format("{}: this does not look like {}; {}", input_name, adapter.id, place_of(*found)),
                   cure_of(*found)};
    }
  }
  if (names.written.empty()) return std::string();
  return fmt::format("{}: this does not look like {}; it has the fields {}", input_name, adapter.id, listed(names));
}

}  // namespace crosswalk
