#include <fmt/format.h>

#include <algorithm>

#include "cli.hpp"
#include "crosswalk/json.hpp"

namespace crosswalk::cli {
namespace {

/// The named zones, or all of them.
Result<std::vector<ZoneDatabase::Name>> selected(const ZoneDatabase& zones, const std::vector<std::string>& names) {
  std::vector<ZoneDatabase::Name> all = zones.names();
  if (names.empty()) return all;
  std::vector<ZoneDatabase::Name> some;
  for (const std::string& name : names) {
    auto zone = zones.find(name);
    if (!zone) return zone.error();
    const auto known = std::find_if(all.begin(), all.end(), [&](const ZoneDatabase::Name& n) { return n.name == name; });
    some.push_back({name, known == all.end() ? "other" : known->kind, name_of(**zone)});
  }
  return some;
}

}  // namespace

int run_zones(const ZonesArguments& arguments) {
  auto zones = ZoneDatabase::open(arguments.zone_data);
  if (!zones) return report(zones.error());
  auto list = selected(**zones, arguments.names);
  if (!list) return report(list.error());
  if (arguments.json) {
    Json out{{"zone_data", (*zones)->version()}, {"directory", (*zones)->directory()}};
    out["zones"] = Json::array();
    for (const auto& n : *list) out["zones"].push_back({{"name", n.name}, {"kind", n.kind}, {"zone", n.target}});
    return print_out(out.dump() + "\n");
  }
  std::string out;
  for (const auto& n : *list) out += fmt::format("{}\t{}\t{}\n", n.name, n.kind, n.target);
  const int code = print_out(out);
  if (code == kDone) print_error(fmt::format("zone data {} from {}\n", (*zones)->version(), (*zones)->directory()));
  return code;
}

}  // namespace crosswalk::cli
