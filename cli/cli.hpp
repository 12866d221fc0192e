// The program: arguments → library. The only code that prints or exits.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/host.hpp"
#include "crosswalk/job.hpp"
#include "crosswalk/result.hpp"
#include "crosswalk/time.hpp"
#include "crosswalk/translate.hpp"

namespace crosswalk::cli {

/// Exit codes, a contract: docs/reference.md.
enum Exit : int { kDone = 0, kFailed = 1, kUsage = 2, kSomeRejected = 3, kUnavailable = 4 };

/// What all verbs that meet adapters take.
struct AdapterArguments {
  std::vector<std::string> folders;
  bool allow_unsafe = false;
  bool isolate = false;
  std::optional<std::string> isolate_seconds, isolate_memory;
};

struct TranslateArguments {
  TranslateOptions options;
  std::vector<std::string> settings;  ///< key=value
  std::string disambiguation = "compatible";
  std::string format = "jsonl";
  std::optional<std::string> jobs, max_rejects;
  bool quiet = false;
  AdapterArguments adapters;
};

/// Of the verbs that take a job file: run, plan, deliver, replay, why.
struct JobArguments {
  std::string job;
  RunOptions options;
  std::string external_id, record;  ///< why: one of them
  std::optional<std::string> jobs;
  bool quiet = false, json = false;
  bool resume = false, new_key = false;  ///< deliver
  AdapterArguments adapters;
};

struct TimeArguments {
  std::string zone, disambiguation = "compatible", format = "iso", zone_data;
};

struct ZonesArguments {
  std::vector<std::string> names;
  std::string zone_data;
  bool json = false;
};

int run_translate(TranslateArguments& arguments);
int run_job_file(JobArguments& arguments);
int run_plan(JobArguments& arguments);
int run_deliver(JobArguments& arguments);
int run_why(const JobArguments& arguments);
int run_adapters(const AdapterArguments& arguments, bool json);
int run_time(const TimeArguments& arguments);
int run_zones(const ZonesArguments& arguments);

/// What --disambiguation says. `more`: what the verb takes beside the policies.
Result<Disambiguation> read_disambiguation(const std::string& text, const std::vector<std::string>& more = {});

/// What --jobs says.
Result<unsigned> parse_jobs(std::string_view text);

/// Prints `crosswalk: message` and the cure to standard error; gives the exit code for it.
int report(const Error& error);

/// Writes to standard error what can be written there: full, closed or without a reader, it changes nothing of the run.
void print_error(std::string_view text);

/// To be called first: standard descriptors that are closed are not given to files, nothing ends by a broken pipe, and standard
/// output is ours alone.
void prepare_descriptors();

/// No core file of this process, nor a look into it by others of this user: from before a key is read to the end, since the
/// environment may hold it all along.
void keep_memory_to_ourselves();

/// The descriptor of standard output. Not 1: what an adapter prints to that goes to standard error.
int standard_output();

/// Writes to standard output; gives kDone, or the exit code of what went wrong, which is reported.
int print_out(std::string_view text);

/// Absolute path of the running program.
std::string program_path();
/// Where adapters are looked for. A folder given that cannot be looked into is an error.
Result<HostOptions> host_options(const AdapterArguments& arguments);

/// Signals that should end a run in good order.
void watch_signals();
/// The signal that came, or 0.
int caught_signal();

}  // namespace crosswalk::cli
