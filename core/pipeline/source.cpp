#include "pipeline/source.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

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

/// Every setting given is known and well-formed; defaults filled in.
Result<void> read_settings(SourceConfig& source, const TranslateOptions& options) {
  for (const Option& o : common_settings()) source.settings[o.name] = o.fallback;
  for (const Option& o : source.info.options) source.settings[o.name] = o.fallback;
  if (!source.info.time_format.empty()) source.settings["time_format"] = source.info.time_format;
  for (const auto& [name, value] : options.settings) {
    if (name.starts_with("channel.") && name.size() > 8) {
      if (auto ok = check_channel(name, value); !ok) return ok;
      source.channel_words.emplace_back(name.substr(8), value);
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
  const std::string& form = source.settings["time_format"];
  if (form == "auto") return {};
  auto format = TimeFormat::parse(form);
  if (!format) return usage("setting time_format: " + format.error().message, format.error().cure);
  source.time_format = *format;
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
      {"default_channel", Type::text, "", {}, "the channel of records whose channel word is missing or not covered"},
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
       Type::boolean,
       "true",
       {},
       "make one conversation of all records with the same id (sources whose records are updates or events)"},
      {"time_format",
       Type::text,
       "auto",
       {},
       "default: the adapter's, or auto (all times are looked at; an order of day and month that none proves is an error); iso, "
       "epoch_s, epoch_ms, epoch_us, month_first, day_first, rfc2822, or a pattern such as %d.%m.%Y %H:%M"},
      {"time_zone_column", Type::text, "", {}, "the field that holds each record's time zone"},
      {"records_at", Type::text, "", {}, "JSON Pointer to the records inside a page, for example /result/items"},
      {"delimiter", Type::text, "", {}, "CSV delimiter: one character, or tab; default: found out from the head"},
      {"max_record", Type::number, "16777216", {}, "longest record, in bytes"},
      {"max_fields", Type::number, "16384", {}, "most fields of a record"},
      {"max_depth", Type::number, "128", {}, "deepest nesting of a JSON record"},
  };
  return kSettings;
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
  const auto setting = [&](std::string_view name) -> const std::string& { return source.settings.find(name)->second; };

  source.platform = setting("platform").empty() ? source.info.platform : setting("platform");
  source.default_channel = setting("default_channel").empty() ? source.info.default_channel : setting("default_channel");
  if (!source.default_channel.empty()) {
    if (auto ok = check_channel("default_channel", source.default_channel); !ok) return ok.error();
  }
  if (auto ok = read_metadata(source, setting("metadata")); !ok) return ok.error();
  if (auto ok = read_limits(source); !ok) return ok.error();
  source.include_bodies = setting("include_bodies") == "true";
  source.reject_bad_values = setting("on_bad_value") == "reject";
  source.records_at = setting("records_at");
  source.fold = source.info.role != RecordRole::conversation && setting("fold") == "true";
  if (source.info.role == RecordRole::event && !source.fold) {
    return usage(fmt::format("a record of {} is one touchpoint; it is no conversation before it is folded", source.info.id),
                 "leave out --set fold=false");
  }
  if (!setting("delimiter").empty()) {
    auto delimiter = parse_delimiter(setting("delimiter"));
    if (!delimiter) return delimiter.error();
    source.delimiter = *delimiter;
  }
  if (auto ok = read_zone(source, options); !ok) return ok.error();
  source.enrich = options.enrich;
  source.settings["role"] = options.enrich ? "enrich" : "merge";
  return source;
}

}  // namespace crosswalk
