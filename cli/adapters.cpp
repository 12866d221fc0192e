#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli.hpp"
#include "crosswalk/json.hpp"

namespace crosswalk::cli {
namespace {

std::string_view name_of(Option::Type type) {
  switch (type) {
    case Option::Type::text: return "text";
    case Option::Type::boolean: return "boolean";
    case Option::Type::number: return "number";
    case Option::Type::choice: return "choice";
  }
  return "";
}

Json option_json(const Option& o) {
  Json json{{"name", o.name}, {"type", name_of(o.type)}, {"default", o.fallback}, {"help", o.help}};
  if (!o.values.empty()) json["values"] = o.values;
  return json;
}

std::vector<std::string> framings(const AdapterInfo& info) {
  std::vector<std::string> names;
  for (const Framing f : info.framings) names.emplace_back(crosswalk::name_of(f));
  return names;
}

Json catalog_json(const PluginCatalog& catalog) {
  Json out;
  out["adapters"] = Json::array();
  for (const AdapterInfo* info : catalog.adapters()) {
    Json one{{"id", info->id},
             {"version", info->version},
             {"abi", info->abi},
             {"summary", info->summary},
             {"path", info->path},
             {"framings", framings(*info)},
             {"records", crosswalk::name_of(info->role)},
             {"platform", info->platform}};
    one["time_zone"] = info->zone_required ? "required" : info->utc_by_document ? "utc" : "optional";
    one["options"] = Json::array();
    for (const Option& o : info->options) one["options"].push_back(option_json(o));
    out["adapters"].push_back(std::move(one));
  }
  out["settings"] = Json::array();
  for (const Option& o : common_settings()) out["settings"].push_back(option_json(o));
  out["refused"] = Json::array();
  for (const RefusedAdapter& r : catalog.refused()) out["refused"].push_back({{"path", r.path}, {"reason", r.reason}});
  out["folders"] = catalog.folders();
  return out;
}

std::string options_text(const std::vector<Option>& options) {
  std::string out;
  for (const Option& o : options) {
    std::string type(name_of(o.type));
    if (!o.values.empty()) type = fmt::format("{}", fmt::join(o.values, "|"));
    out += fmt::format("    {:<20} {} ({}{})\n", o.name, o.help, type, o.fallback.empty() ? "" : ", default " + o.fallback);
  }
  return out;
}

std::string catalog_text(const PluginCatalog& catalog) {
  std::string out;
  for (const AdapterInfo* info : catalog.adapters()) {
    out += fmt::format("{} {}  {}\n", info->id, info->version, info->summary);
    out += fmt::format("    {} records, {}; ABI {}; {}\n", crosswalk::name_of(info->role), fmt::join(framings(*info), " and "),
                       info->abi, info->path);
    out += options_text(info->options);
  }
  if (catalog.adapters().empty()) out += fmt::format("no adapters found in:\n    {}\n", fmt::join(catalog.folders(), "\n    "));
  out += "settings of every adapter (--set key=value)\n";
  out += options_text(common_settings());
  for (const RefusedAdapter& r : catalog.refused()) out += fmt::format("refused {}\n    {}\n", r.path, r.reason);
  return printable(out);
}

}  // namespace

int run_adapters(const AdapterArguments& arguments, bool json) {
  auto options = host_options(arguments);
  if (!options) return report(options.error());
  const PluginCatalog catalog(std::move(*options));
  return print_out(json ? catalog_json(catalog).dump() + "\n" : catalog_text(catalog));
}

}  // namespace crosswalk::cli
