#include <fmt/format.h>

#include <cstdio>

#include "cli.hpp"
#include "progress.hpp"

namespace crosswalk::cli {
namespace {

Result<OutputFormat> parse_output_format(const std::string& text) {
  static const std::vector<std::string> kNames = {"jsonl", "bulk"};
  if (text == kNames[0]) return OutputFormat::jsonl;
  if (text == kNames[1]) return OutputFormat::bulk;
  return Error{Errc::usage, fmt::format("--format: \"{}\" is not an output format", text), choices(text, kNames)};
}

Result<void> complete(TranslateArguments& a) {
  for (const std::string& setting : a.settings) {
    const std::size_t equals = setting.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{Errc::usage, fmt::format("--set {}: this is not key=value", setting), "for example --set metadata=none"};
    }
    a.options.settings[setting.substr(0, equals)] = setting.substr(equals + 1);
  }
  a.options.evidence = a.disambiguation == "evidence";
  auto policy = read_disambiguation(a.options.evidence ? "compatible" : a.disambiguation, {"evidence"});
  if (!policy) return policy.error();
  a.options.disambiguation = *policy;
  auto format = parse_output_format(a.format);
  if (!format) return format.error();
  a.options.format = *format;
  if (a.jobs) {
    auto jobs = parse_jobs(*a.jobs);
    if (!jobs) return jobs.error();
    a.options.jobs = *jobs;
  }
  if (a.max_rejects) {
    auto limit = parse_reject_limit(*a.max_rejects);
    if (!limit) return limit.error();
    a.options.max_rejects = *limit;
  }
  return {};
}

}  // namespace

int run_translate(TranslateArguments& a) {
  if (auto ok = complete(a); !ok) return report(ok.error());
  auto host = host_options(a.adapters);
  if (!host) return report(host.error());
  watch_signals();
  PluginCatalog catalog(std::move(*host));
  Summary summary;
  TranslateHooks hooks;
  hooks.cancelled = [] { return caught_signal() != 0; };
  ProgressLine line(!a.quiet, a.options.output == "-" ? standard_output() : -1);
  hooks.progress = [&](const Progress& progress) { line.update(summary.source, progress); };
  const Result<void> result = translate(a.options, catalog, summary, hooks);
  line.clear();
  const bool begun = !summary.adapter.empty();
  if (begun && !a.quiet && (result.ok() || result.error().code != Errc::closed)) print_error(summary.text());
  if (summary.writable) {  // that of a run which failed early, too
    if (auto ok = summary.write(a.options.summary); !ok) return report(ok.error());
  }
  if (!result) {
    const int code = report(result.error());
    return caught_signal() != 0 ? 128 + caught_signal() : code;
  }
  return summary.rejected_total == 0 ? kDone : kSomeRejected;
}

}  // namespace crosswalk::cli
