#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli.hpp"
#include "progress.hpp"

namespace crosswalk::cli {
namespace {

/// Reads the job and runs it; prints what it came to, as JSON to standard output or as lines to standard error.
int run_verb(JobArguments& a, bool data_to_stdout, bool resume = false) {
  if (a.jobs) {
    auto jobs = parse_jobs(*a.jobs);
    if (!jobs) return report(jobs.error());
    a.options.jobs = *jobs;
  }
  auto host = host_options(a.adapters);
  if (!host) return report(host.error());
  PluginCatalog catalog(std::move(*host));
  auto job = read_job(a.job, &catalog);
  if (!job) return report(job.error());
  if (std::any_of(job->sinks.begin(), job->sinks.end(), [](const JobSink& sink) { return sink.delivers(); })) {
    keep_memory_to_ourselves();
  }
  bool sink_to_stdout = a.options.ledger == "-" || job->ledger == "-" || a.options.rejects == "-" || job->rejects == "-" ||
                        a.options.summary == "-";
  for (const JobSink& sink : job->sinks) sink_to_stdout |= sink.path == "-" || sink.updates == "-";
  sink_to_stdout &= !a.options.dry_run || a.options.summary == "-";
  if (a.json && sink_to_stdout) {
    return report({Errc::usage, "--json and an output of the run both go to standard output",
                   "leave out --json, or name a file for the other"});
  }
  data_to_stdout |= sink_to_stdout;
  watch_signals();
  // It is written last; that it cannot be must not be learnt after all was delivered.
  if (const auto folder = std::filesystem::path(a.options.summary).parent_path(); !folder.empty()) {
    std::error_code failed;
    if (!std::filesystem::is_directory(folder, failed)) {
      return report(
          {Errc::usage, fmt::format("--summary {}: there is no folder {}", a.options.summary, folder.string()), "make it first"});
    }
  }
  JobSummary summary;
  JobHooks hooks;
  hooks.cancelled = [] { return caught_signal() != 0; };
  ProgressLine line(!a.quiet, data_to_stdout ? standard_output() : -1);
  if (!a.quiet) {
    hooks.waiting = [&](std::string_view text) {
      line.clear();
      std::fputs(fmt::format("crosswalk: {}\n", printable(text)).c_str(), stderr);
    };
  }
  hooks.progress = [&](std::string_view part, const Progress& progress) { line.update(part, progress); };
  const Result<void> result = resume ? resume_job(*job, catalog, a.options, a.new_key, summary, hooks)
                                     : run_job(*job, catalog, a.options, summary, hooks);
  line.clear();
  const bool begun = !summary.sources.empty() || !summary.sinks.empty();
  if (begun && a.json && result.ok()) {
    int code = kDone;
    const auto print = [&code](std::string_view text) -> Result<void> {
      code = print_out(text);
      return code == kDone ? Result<void>() : Error{Errc::closed, "", ""};
    };
    if (auto ok = summary.write_json(print); !ok) return code != kDone ? code : report(ok.error());
  } else if (begun && !a.quiet && (result.ok() || result.error().code != Errc::closed)) {
    print_error(summary.text());
  }
  // That of a run which failed early, too.
  if (!summary.in_place && (summary.writable || (begun && !a.options.summary.empty()))) {
    if (auto ok = summary.write(a.options.summary); !ok) return report(ok.error());
  }
  if (!result) {
    const int code = report(result.error());
    return caught_signal() != 0 ? 128 + caught_signal() : code;
  }
  return summary.rejected() == 0 ? kDone : kSomeRejected;
}

}  // namespace

int run_job_file(JobArguments& a) {
  if (!a.options.requests.empty() && !a.options.dry_run) {
    return report({Errc::usage, "--requests: it is what a dry run writes", "add --dry-run"});
  }
  return run_verb(a, false);
}

int run_deliver(JobArguments& a) { return run_verb(a, false, true); }

int run_plan(JobArguments& a) {
  a.options.dry_run = true;
  a.options.list = a.json;
  return run_verb(a, a.json);
}

}  // namespace crosswalk::cli
