#include "pipeline/source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>

#include "characters.hpp"
#include "normalize/placeholders.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

Error usage(std::string message, std::string cure = {}) { return {Errc::usage, std::move(message), std::move(cure)}; }

Result<std::uint64_t> parse_count(std::string_view name, std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    return usage(fmt::format("setting {}: \"{}\" is not a whole number from {} to {}", name, text, least, most));
  }
  return value;
}

Result<char> parse_delimiter(std::string_view text) {
  if (text == "tab" || text == "\\t") return '\t';
  if (text.size() == 1 && text != "\"" && text != "\r" && text != "\n") return text.front();
  return usage(fmt::format("setting delimiter: \"{}\" is not a delimiter", text), "one character, or the word tab");
}

Result<void> check_value(const Option& option, std::string_view value) {
  switch (option.type) {
    case Option::Type::text: return {};
    case Option::Type::boolean:
      if (value == "true" || value == "false") return {};
      return usage(fmt::format("setting {}: \"{}\" is neither true nor false", option.name, value));
    case Option::Type::number: {
      double parsed = 0;
      const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), parsed);
      if (ec == std::errc() && end == value.data() + value.size()) return {};
      return usage(fmt::format("setting {}: \"{}\" is not a number", option.name, value));
    }
    case Option::Type::choice:
      for (const std::string& allowed : option.values) {
        if (value == allowed) return {};
      }
      return usage(fmt::format("setting {}: \"{}\" is none of its values", option.name, value), choices(value, option.values));
  }
  return {};
}

const Option* find_option(const std::vector<Option>& options, std::string_view name) {
  for (const Option& option : options) {
    if (option.name == name) return &option;
  }
  return nullptr;
}

Error unknown_setting(std::string_view name, const AdapterInfo& info) {
  std::vector<std::string> names;
  for (const Option& o : common_settings()) names.push_back(o.name);
  for (const Option& o : info.options) names.push_back(o.name);
  const std::string_view near = nearest(name, names);
  return usage(fmt::format("adapter {} has no setting \"{}\"", info.id, name),
               near.empty() ? fmt::format("it has: {}", fmt::join(names, ", ")) : fmt::format("did you mean \"{}\"?", near));
}

Result<void> read_metadata(SourceConfig& source, std::string_view text) {
  if (text == "all") {
    source.metadata = SourceConfig::Metadata::all;
  } else if (text == "mapped") {
    source.metadata = SourceConfig::Metadata::mapped;
  } else if (text == "none") {
    source.metadata = SourceConfig::Metadata::none;
  } else {
    source.metadata = SourceConfig::Metadata::listed;
    while (!text.empty()) {
      const std::size_t comma = text.find(',');
      const std::string_view name = trimmed(text.substr(0, comma));
      if (!name.empty()) source.metadata_names.emplace(name);
      text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    }
    if (source.metadata_names.empty()) {
      return usage("setting metadata: the list is empty", "all, mapped, none, or field names divided by commas");
    }
  }
  return {};
}

Result<void> check_channel(std::string_view setting, std::string_view value) {
  if (channel_of(value) != Channel::none) return {};
  return usage(fmt::format("setting {}: \"{}\" is not a channel", setting, value),
               choices(value, {"phone", "email", "chat", "sms", "social", "back_office"}));
}

/// A setting of a word: `status.gelöst=solved`. Nothing when it is none.
Result<std::optional<SourceConfig::Word>> word_setting(std::string_view name, std::string_view value) {
  for (const Target target : {Target::channel, Target::status, Target::resolved}) {
    const std::string_view prefix = name_of(target);
    if (!name.starts_with(prefix) || name.size() < prefix.size() + 2 || name[prefix.size()] != '.') continue;
    if (target == Target::channel) {
      if (auto ok = check_channel(name, value); !ok) return ok.error();
    }
    if (target == Target::resolved && value != "true" && value != "false") {
      return usage(fmt::format("setting {}: \"{}\" is neither true nor false", name, value));
    }
    if (all_blank(value)) return usage(fmt::format("setting {}: a status is a word", name));
    return std::optional(SourceConfig::Word{target, std::string(name.substr(prefix.size() + 1)), std::string(value)});
  }
  return std::optional<SourceConfig::Word>();
}

Result<void> read_limits(SourceConfig& source) {
  struct Bound {
    std::string_view name;
    std::uint64_t least, most;
    std::size_t* to;
  };
  for (const Bound& b : {Bound{"max_record", 64, std::uint64_t{1} << 30, &source.limits.max_record},
                         Bound{"max_fields", 1, NameTable::kTransient, &source.limits.max_fields},
                         Bound{"max_depth", 1, 1024, &source.limits.max_depth}}) {
    auto value = parse_count(b.name, source.settings.find(b.name)->second, b.least, b.most);
    if (!value) return value.error();
    *b.to = static_cast<std::size_t>(*value);
  }
  return {};
}

CsvQuotes quotes_of(std::string_view word) {
  return word == "backslash" ? CsvQuotes::backslash : word == "none" ? CsvQuotes::none : CsvQuotes::rfc4180;
}

/// The settings of CSV that are neither lists nor limits.
Result<void> read_csv_settings(SourceConfig& source) {
  const auto setting = [&](std::string_view name) -> const std::string& { return source.settings.find(name)->second; };
  if (!setting("delimiter").empty()) {
    auto delimiter = parse_delimiter(setting("delimiter"));
    if (!delimiter) return delimiter.error();
    source.delimiter = *delimiter;
  }
  if (!setting("header_row").empty()) {
    auto row = parse_count("header_row", setting("header_row"), 1, 1'000'000);
    if (!row) return row.error();
    source.header_row = *row;
  }
  if (!setting("max_lines_in_field").empty()) {
    auto lines = parse_count("max_lines_in_field", setting("max_lines_in_field"), 1, 1'000'000'000);
    if (!lines) return lines.error();
    source.max_lines_in_field = static_cast<std::size_t>(*lines);
  }
  source.quotes = quotes_of(setting("quotes"));
  source.short_rows = setting("short_rows") == "accept";
  return {};
}

/// What the adapter calls the field of which a target is made, where its manifest says so.
Error target_is_no_column(std::string_view target, const AdapterInfo& info) {
  const auto message =
      fmt::format("setting field.{}: {} is a field of the result; name the column that the adapter asks for", target, target);
  std::vector<std::string> known;
  for (const auto& [made, column] : info.columns) {
    if (made == target) return usage(message, fmt::format("--set \"field.{}=<column>\"", column));
    known.push_back(fmt::format("{} for {}", column, made));
  }
  return usage(message, known.empty() ? "" : fmt::format("adapter {} asks for {}", info.id, fmt::join(known, ", ")));
}

bool is_target(std::string_view name) {
  for (std::size_t target = 1; target < kTargetCount; ++target) {
    if (name_of(static_cast<Target>(target)) == name) return true;
  }
  return false;
}

/// field.<name>=<column>
Result<void> add_field(SourceConfig& source, std::string_view name, std::string_view column) {
  const auto& columns = source.info.columns;
  const bool asked_for = std::any_of(columns.begin(), columns.end(), [&](const auto& c) { return c.second == name; });
  if (is_target(name) && !asked_for) return target_is_no_column(name, source.info);
  if (clean_name(column).empty()) {
    return usage(fmt::format("setting field.{}: no column is named", name), fmt::format("--set \"field.{}=<column>\"", name));
  }
  for (const FieldAlias& other : source.fields) {
    const bool same_name = folded_name(other.name) == folded_name(name);
    if (!same_name && folded_name(other.column) != folded_name(column)) continue;
    return usage(same_name ? fmt::format("the settings field.{} and field.{} name one field", other.name, name)
                           : fmt::format("the settings field.{} and field.{} name one column, \"{}\"", other.name, name, column),
                 "leave out one of them");
  }
  source.fields.push_back({std::string(name), std::string(column)});
  return {};
}

/// Every setting given is known and well-formed; defaults filled in.
Result<void> read_settings(SourceConfig& source, const TranslateOptions& options) {
  for (const Option& o : common_settings()) {
    if (o.name.find('<') == std::string::npos) source.settings[o.name] = o.fallback;  // not channel.<word> and its like
  }
  for (const Option& o : source.info.options) source.settings[o.name] = o.fallback;
  if (!source.info.time_format.empty()) source.settings["time_format"] = source.info.time_format;
  for (const auto& [name, value] : options.settings) {
    auto word = word_setting(name, value);
    if (!word) return word.error();
    if (*word) {
      source.words.push_back(std::move(**word));
      continue;
    }
    constexpr std::string_view kField = "field.";
    if (name.starts_with(kField) && name.size() > kField.size()) {
      if (auto ok = add_field(source, std::string_view(name).substr(kField.size()), value); !ok) return ok;
      continue;
    }
    const Option* option = find_option(source.info.options, name);
    if (option == nullptr) option = find_option(common_settings(), name);
    if (option == nullptr) return unknown_setting(name, source.info);
    if (auto ok = check_value(*option, value); !ok) return ok;
    source.settings[name] = value;
  }
  return {};
}

Result<void> read_zone(SourceConfig& source, const TranslateOptions& options) {
  auto zones = ZoneDatabase::open(options.zone_data);
  if (!zones) return zones.error();
  source.zones = *zones;
  auto utc = source.zones->find("UTC");
  if (!utc) return utc.error();
  source.utc = *utc;
  source.time_zone_column = source.settings["time_zone_column"];
  if (!options.time_zone.empty()) {
    auto zone = source.zones->find(options.time_zone);
    if (!zone) return zone.error();
    source.zone = *zone;
    source.zone_name = name_of(**zone);
  } else if (source.info.zone_required && source.time_zone_column.empty() && !options.enrich) {
    return usage(fmt::format("{} exports write times without a time zone; which hour they mean would be a guess", source.info.id),
                 "--time-zone ZONE: the zone of the account's settings when it was exported, for example "
                 "--time-zone \"Pacific Time (US & Canada)\"");
  }
  source.disambiguation = options.disambiguation;
  constexpr std::chrono::hours kDay{24};
  const auto tomorrow = std::chrono::system_clock::now() + kDay;
  source.latest_likely = std::chrono::duration_cast<std::chrono::seconds>(tomorrow.time_since_epoch()).count();
  const std::string& form = source.settings["time_format"];
  const auto given = options.settings.find("time_format");
  const bool by_user = given != options.settings.end() && given->second != "auto";
  source.time_format.read_other_forms(!by_user);
  if (form == "auto") return {};
  auto format = TimeFormat::parse(form);
  if (!format) return usage("setting time_format: " + format.error().message, format.error().cure);
  source.time_format = *format;
  source.time_format.read_other_forms(!by_user);
  source.time_format_given = true;
  return {};
}

}  // namespace

std::string job_words(std::string_view cure) {
  static constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"--set ", "setting "},       {"--time-zone ZONE", "time_zone = \"ZONE\""}, {"--time-zone \"", "time_zone = \""},
      {"--time-zone", "time_zone"}, {"--disambiguation", "disambiguation"},       {"--adapter", "adapter"}};
  std::string text(cure);
  for (const auto& [option, key] : kWords) {
    for (std::size_t at = text.find(option); at != std::string::npos; at = text.find(option, at + key.size())) {
      text.replace(at, option.size(), key);
    }
  }
  return text;
}

std::string_view name_of(IdKind kind) {
  switch (kind) {
    case IdKind::agent: return "agent";
    case IdKind::queue: return "queue";
    case IdKind::customer: return "customer";
  }
  return "";
}

const std::vector<Option>& common_settings() {
  using Type = Option::Type;
  static const std::vector<Option> kSettings = {
      {"platform", Type::text, "", {}, "what the field platform says; default: the adapter's own name"},
      {"default_channel",
       Type::text,
       "",
       {},
       "the channel of records without a channel word; a word that no rule covers is "
       "rejected: channel.<word>=<channel>, or channel.*=<channel> for all remaining words"},
      {"channel.<word>", Type::text, "", {}, "the channel that a word means; channel.* for all remaining words"},
      {"status.<word>", Type::text, "", {}, "the status that a word means; status.* for all remaining words"},
      {"resolved.<word>",
       Type::text,
       "",
       {},
       "whether a word means resolved, true or false; resolved.* for all remaining words. Words that no rule covers leave "
       "resolved out"},
      {"placeholders",
       Type::choice,
       "absent",
       {"absent", "none"},
       "NULL, N/A, nan, None, - and their like as an id or a status, and 1899-12-30, 1970-01-01 00:00 and their like as a "
       "time: absent, or none of them is known (they are kept as written)"},
      {"decimal_ids",
       Type::choice,
       "reject",
       {"reject", "whole"},
       "an id that a spreadsheet has made a number with a fraction (123.0): reject it, or take the whole number where the "
       "fraction is zero"},
      {"deleted",
       Type::choice,
       "filter",
       {"filter", "keep"},
       "conversations and messages that the source marks as deleted: leave them out, or keep them as they are"},
      {"metadata",
       Type::text,
       "all",
       {},
       "source fields carried into metadata: all, mapped (those the adapter knows), none, or a list of names divided by commas"},
      {"include_bodies", Type::boolean, "false", {}, "carry message texts into metadata"},
      {"on_bad_value",
       Type::choice,
       "drop",
       {"drop", "reject"},
       "an optional value that does not fit: drop the field (its text stays in metadata), or reject the record"},
      {"fold",
       Type::choice,
       "auto",
       {"auto", "true", "false"},
       "of records with the same id, translate makes one conversation. Updates and events: true, which is auto. Whole "
       "conversations: auto leaves only the newest in an output file; true merges them, in the order of ids; false never"},
      {"time_format",
       Type::text,
       "auto",
       {},
       "default: the adapter's, or auto (all times are looked at; an order of day and month that none proves is an error); iso, "
       "epoch_s, epoch_ms, epoch_us, epoch_ns, month_first, day_first, rfc2822, or a pattern such as %d.%m.%Y %H:%M"},
      {"decimal",
       Type::choice,
       "auto",
       {"auto", "point", "comma"},
       "which mark stands before the fraction of a number in a text; auto: the numbers of each field are looked at as a whole, "
       "and "
       "what they do not prove or contradict is dropped and counted"},
      {"time_zone_column", Type::text, "", {}, "the field that holds each record's time zone"},
      {"records_at", Type::text, "", {}, "JSON Pointer to the records inside a page, for example /result/items"},
      {"field.<name>",
       Type::text,
       "",
       {},
       "the column of the inputs that stands for <name>, a column that the adapter asks for: field.created at=Erstellt am"},
      {"delimiter", Type::text, "", {}, "CSV delimiter: one character, or tab; default: found out from the head"},
      {"header_row", Type::number, "", {}, "line of a CSV file that holds the header; default: the first that is not blank"},
      {"quotes",
       Type::choice,
       "rfc4180",
       {"rfc4180", "backslash", "none"},
       "what quotes are in CSV: those of RFC 4180 (doubled inside a field), the same with \\\" for one inside a field, or text"},
      {"short_rows",
       Type::choice,
       "reject",
       {"reject", "accept"},
       "CSV rows without their last fields: reject them, or read those fields as empty"},
      {"max_lines_in_field", Type::number, "", {}, "most lines of a quoted CSV field; default: any number"},
      {"max_record", Type::number, "16777216", {}, "longest record, in bytes"},
      {"max_fields", Type::number, "16384", {}, "most fields of a record"},
      {"max_depth", Type::number, "128", {}, "deepest nesting of a JSON record"},
  };
  return kSettings;
}

CsvOptions csv_options_of(const std::map<std::string, std::string, std::less<>>& settings) {
  const auto setting = [&](std::string_view name) {
    const auto found = settings.find(name);
    return found == settings.end() ? std::string_view() : std::string_view(found->second);
  };
  CsvOptions options;
  if (const auto delimiter = parse_delimiter(setting("delimiter")); delimiter) options.delimiter = *delimiter;
  if (const auto row = parse_count("header_row", setting("header_row"), 1, 1'000'000); row) options.header_row = *row;
  options.quotes = quotes_of(setting("quotes"));
  return options;
}

Result<void> check_renamed(const std::map<std::string, std::string, std::less<>>& settings) {
  const auto found = settings.find("records");
  if (found == settings.end()) return {};
  return usage("the setting records is called records_at", fmt::format("--set records_at={}", found->second));
}

Result<SourceConfig> make_source(const TranslateOptions& options, std::shared_ptr<const Adapter> adapter,
                                 std::vector<std::string> inputs) {
  SourceConfig source;
  source.adapter = std::move(adapter);
  source.info = source.adapter->info();
  source.name = options.source_name.empty() ? source.info.id : options.source_name;
  source.inputs = std::move(inputs);
  if (auto ok = check_renamed(options.settings); !ok) return ok.error();
  if (auto ok = read_settings(source, options); !ok) return ok.error();
  source.given = options.settings;
  const auto setting = [&](std::string_view name) -> const std::string& { return source.settings.find(name)->second; };

  source.platform = setting("platform").empty() ? source.info.platform : setting("platform");
  source.platform_is_set = !setting("platform").empty();
  source.default_channel_is_set = !setting("default_channel").empty();
  source.default_channel = setting("default_channel").empty() ? source.info.default_channel : setting("default_channel");
  if (!source.default_channel.empty()) {
    if (auto ok = check_channel("default_channel", source.default_channel); !ok) return ok.error();
  }
  if (auto ok = read_metadata(source, setting("metadata")); !ok) return ok.error();
  if (auto ok = read_limits(source); !ok) return ok.error();
  source.placeholders = setting("placeholders") == "absent";
  source.filter_deleted = setting("deleted") == "filter";
  source.decimal_ids = setting("decimal_ids") == "whole";
  source.decimal_given = setting("decimal") != "auto";
  if (source.decimal_given) source.decimal = setting("decimal") == "point" ? DecimalMark::point : DecimalMark::comma;
  source.include_bodies = setting("include_bodies") == "true";
  source.reject_bad_values = setting("on_bad_value") == "reject";
  source.records_at = setting("records_at");
  const std::string& fold = setting("fold");
  source.fold = source.info.role != RecordRole::conversation && fold != "false";
  source.repeats = fold == "true"    ? SourceConfig::Repeats::merge
                   : fold == "false" ? SourceConfig::Repeats::all
                                     : SourceConfig::Repeats::newest;
  if (source.info.role == RecordRole::event && !source.fold) {
    return usage(fmt::format("a record of {} is one touchpoint; it is no conversation before it is folded", source.info.id),
                 "leave out --set fold=false");
  }
  if (auto ok = read_csv_settings(source); !ok) return ok.error();
  if (auto ok = read_zone(source, options); !ok) return ok.error();
  source.enrich = options.enrich;
  source.settings["role"] = options.enrich ? "enrich" : "merge";
  if (source.placeholders) source.settings["placeholder_texts"] = placeholder_texts();
  return source;
}

}  // namespace crosswalk
