#include <fmt/format.h>

#include <cstdio>
#include <fstream>

#include "cli.hpp"
#include "progress.hpp"

namespace crosswalk::cli {
namespace {

Result<void> complete(TranslateArguments& a) {
  for (const std::string& setting : a.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Errc::usage, fmt::format("--set {}: this is not key=value", setting), "for example --set metadata=none"};
    }
    a.options.settings[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  a.options.evidence = a.disambiguation == "evidence";
  auto policy = parse_disambiguation(a.options.evidence ? "compatible" : a.disambiguation);
  if (!policy) return policy.error();
  a.options.disambiguation = *policy;
  a.options.format = a.format == "bulk" ? OutputFormat::bulk : OutputFormat::jsonl;
  if (a.max_rejects) {
    auto limit = parse_reject_limit(*a.max_rejects);
    if (!limit) return limit.error();
    a.options.max_rejects = *limit;
  }
  return {};
}

Result<void> write_summary(const std::string& path, const Summary& summary) {
  if (path == "-") {
    if (print_out(summary.json()) == kDone) return {};
    return Error{Errc::io, "the summary could not be written", ""};
  }
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << summary.json();
  file.close();
  if (file) return {};
  return Error{Errc::io, fmt::format("{}: the summary cannot be written", path), "choose a folder that you may write to"};
}

}  // namespace

int run_translate(TranslateArguments& a) {
  if (auto ok = complete(a); !ok) return report(ok.error());
  watch_signals();
  PluginCatalog catalog(host_options(a.adapters));
  Summary summary;
  TranslateHooks hooks;
  hooks.cancelled = [] { return caught_signal() != 0; };
  ProgressLine line(!a.quiet, a.options.output == "-");
  hooks.progress = [&](const Progress& progress) { line.update(summary.source, progress); };
  const Result<void> result = translate(a.options, catalog, summary, hooks);
  line.clear();
  const bool begun = !summary.adapter.empty();
  if (begun && !a.quiet && (result.ok() || result.error().code != Errc::closed)) fmt::print(stderr, "{}", summary.text());
  if (begun && !a.summary.empty()) {
    if (auto ok = write_summary(a.summary, summary); !ok) return report(ok.error());
  }
  if (!result) {
    const int code = report(result.error());
    return caught_signal() != 0 ? 128 + caught_signal() : code;
  }
  return summary.rejected_total == 0 ? kDone : kSomeRejected;
}

}  // namespace crosswalk::cli
