#include <fmt/format.h>

#include "cli.hpp"
#include "crosswalk/job.hpp"

namespace crosswalk::cli {

int run_job_file(const RunArguments& a) {
  auto job = read_job(a.job);
  if (!job) return report(job.error());
  watch_signals();
  PluginCatalog catalog(host_options(a.adapters));
  JobSummary summary;
  JobHooks hooks;
  hooks.cancelled = [] { return caught_signal() != 0; };
  const Result<void> result = run_job(*job, catalog, a.options, summary, hooks);
  const bool begun = !summary.sources.empty();
  const bool closed = !result.ok() && result.error().code == Errc::closed;
  if (begun && a.json && result.ok()) {
    if (const int code = print_out(summary.json()); code != kDone) return code;
  } else if (begun && !a.quiet && !closed) {
    fmt::print(stderr, "{}", summary.text());
  }
  if (begun && !a.summary.empty()) {
    if (auto ok = write_summary(a.summary, summary.json()); !ok) return report(ok.error());
  }
  if (!result) {
    const int code = report(result.error());
    return caught_signal() != 0 ? 128 + caught_signal() : code;
  }
  return summary.rejected() == 0 ? kDone : kSomeRejected;
}

}  // namespace crosswalk::cli
