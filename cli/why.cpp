#include "cli.hpp"
#include "progress.hpp"

namespace crosswalk::cli {

int run_why(const JobArguments& a) {
  if (a.external_id.empty() && a.record.empty()) {
    return report({Errc::usage, "why: no conversation is given",
                   "name its external_id as in the output, with a dot and a field behind it that field alone; or a record by "
                   "--record FILE:LINE"});
  }
  auto host = host_options(a.adapters);
  if (!host) return report(host.error());
  PluginCatalog catalog(std::move(*host));
  auto job = read_job(a.job, &catalog);
  if (!job) return report(job.error());
  watch_signals();
  JobHooks hooks;
  hooks.cancelled = [] { return caught_signal() != 0; };
  ProgressLine line(!a.quiet, standard_output());
  hooks.progress = [&](std::string_view part, const Progress& progress) { line.update(part, progress); };
  const Result<std::vector<Why>> why = explain_job(*job, catalog, {a.external_id, a.record}, hooks);
  line.clear();
  if (!why) {
    const int code = report(why.error());
    return caught_signal() != 0 ? 128 + caught_signal() : code;
  }
  std::string all;
  for (const Why& one : *why) all += a.json ? one.json() : one.text();
  return print_out(all);
}

}  // namespace crosswalk::cli
