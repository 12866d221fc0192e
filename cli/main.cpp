#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <exception>
#include <new>
#include <sstream>

#include "cli.hpp"
#include "usage.hpp"

namespace {

using crosswalk::cli::AdapterArguments;

void add_adapter_options(CLI::App& verb, AdapterArguments& to) {
  verb.add_option("--adapter-dir", to.folders, "another folder with adapters; may be given again")
      ->type_name("DIR")
      ->allow_extra_args(false);
  verb.add_flag("--allow-unsafe-adapter", to.allow_unsafe, "load adapters from folders that others may write to");
}

void add_isolation(CLI::App& verb, AdapterArguments& to) {
  verb.add_flag("--isolate", to.isolate, "run adapters in processes of their own, which can compute and answer and nothing else");
  verb.add_option("--isolate-seconds", to.isolate_seconds, "stop an adapter that gives no answer for so long; default: 10")
      ->type_name("N");
  verb.add_option("--isolate-memory", to.isolate_memory, "what each of its processes may take, such as 512MiB; default: 1GiB")
      ->type_name("SIZE");
}

void add_zone_data(CLI::App& verb, std::string& to) {
  verb.add_option("--zone-data", to, "a zoneinfo folder other than the system's")->type_name("DIR");
}

CLI::Option* add_disambiguation(CLI::App& verb, std::string& to) {
  return verb
      .add_option("--disambiguation", to, "local times that came twice or never: compatible (default), earlier, later, reject")
      ->type_name("POLICY");
}

CLI::App* add_translate(CLI::App& app, crosswalk::cli::TranslateArguments& a) {
  CLI::App* verb = app.add_subcommand("translate", "one source to ConversationInput");
  verb->footer(
      "Example:\n"
      "  crosswalk translate --time-zone \"Pacific Time (US & Canada)\" --rejects rejects.jsonl \\\n"
      "      --output tickets.jsonl 'exports/tickets-*.csv.gz'");
  verb->add_option("input", a.options.inputs, "files, globs, or - for standard input; gzip, zstd and zip by content")
      ->required()
      ->type_name("INPUT");
  verb->add_option("--adapter", a.options.adapter, "the adapter; default: the adapters bid on the head of the first input")
      ->type_name("ID");
  verb->add_option("--source", a.options.source_name, "what to call the source in rejects and the summary")->type_name("NAME");
  verb->add_option("--time-zone", a.options.time_zone, "the zone of times that are written without one")->type_name("ZONE");
  add_disambiguation(*verb, a.disambiguation)
      ->description(
          "local times that came twice or never: compatible (default), earlier, later, reject, or evidence: by the order of "
          "ids and times where they prove it");
  verb->add_option("--set", a.settings, "a setting; `crosswalk adapters` lists them; may be given again")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--format", a.format,
                   "jsonl (default): a conversation a line; bulk: request bodies of at most 500, one a line")
      ->type_name("FORMAT");
  verb->add_option("--output", a.options.output, "default: standard output")->type_name("FILE");
  verb->add_option("--rejects", a.options.rejects, "rejected records, JSON Lines")->type_name("FILE");
  verb->add_option("--max-rejects", a.max_rejects, "give up when more are rejected: a number, or a percentage")
      ->type_name("N|N%");
  verb->add_option("--summary", a.options.summary, "the run's accounts as JSON")->type_name("FILE");
  verb->add_option("--jobs", a.jobs, "worker threads; default: one per processor; the output does not depend on it")
      ->type_name("N");
  verb->add_flag("--quiet", a.quiet, "no progress and no summary on standard error");
  add_zone_data(*verb, a.options.zone_data);
  add_adapter_options(*verb, a.adapters);
  add_isolation(*verb, a.adapters);
  return verb;
}

void add_job(CLI::App& verb, crosswalk::cli::JobArguments& a) {
  verb.add_option("job", a.job, "the job file")->required()->type_name("JOB.toml");
  verb.add_flag("--quiet", a.quiet, "no progress and no summary on standard error");
  add_adapter_options(verb, a.adapters);
  add_isolation(verb, a.adapters);
}

void add_accounts(CLI::App& verb, crosswalk::cli::JobArguments& a) {
  verb.add_option("--summary", a.options.summary, "the run's accounts as JSON")->type_name("FILE");
  verb.add_option("--jobs", a.jobs, "worker threads; default: one per processor; the output does not depend on it")
      ->type_name("N");
  verb.add_flag("--json", a.json, "the accounts as JSON on standard output, instead of lines for a person");
}

void add_new_ids(CLI::App& verb, crosswalk::cli::JobArguments& a) {
  verb.add_flag("--new-ids", a.options.new_ids,
                "deliver although the job's external_id is another one than what was delivered has");
}

CLI::App* add_run(CLI::App& app, crosswalk::cli::JobArguments& a) {
  CLI::App* verb = app.add_subcommand("run", "a job: several sources, merged, into one or more sinks");
  verb->footer(fmt::format("Example:\n  crosswalk run --ledger ledger.jsonl examples/job.toml\n\nA job file, complete:\n\n{}",
                           crosswalk::job_example()));
  add_job(*verb, a);
  add_accounts(*verb, a);
  verb->add_flag("--dry-run", a.options.dry_run, "do everything but write and send");
  verb->add_option("--requests", a.options.requests,
                   "with --dry-run: the requests that would be sent, byte for byte, to this folder")
      ->type_name("DIR");
  verb->add_flag("--full", a.options.full, "deliver also what the journal says is unchanged");
  add_new_ids(*verb, a);
  verb->add_option("--ledger", a.options.ledger, "a line for every input record: its place and what became of it")
      ->type_name("FILE");
  verb->add_option("--rejects", a.options.rejects, "rejected records, JSON Lines; default: what the job says")->type_name("FILE");
  return verb;
}

CLI::App* add_deliver(CLI::App& app, crosswalk::cli::JobArguments& a) {
  CLI::App* verb = app.add_subcommand("deliver", "goes on with a delivery that was cut off");
  verb->footer("Example:\n  crosswalk deliver job.toml --resume");
  add_job(*verb, a);
  add_accounts(*verb, a);
  verb->add_option("--rejects", a.options.rejects, "rejected records, JSON Lines; default: what the job says")->type_name("FILE");
  verb->add_flag("--resume", a.resume, "send what has no known end once more, then what is left of the plan; the default");
  verb->add_flag("--new-key", a.new_key, "the account is the journal's, and its key was renewed");
  add_new_ids(*verb, a);
  return verb;
}

CLI::App* add_replay(CLI::App& app, crosswalk::cli::JobArguments& a) {
  CLI::App* verb = app.add_subcommand("replay", "delivers again only what a server refused");
  verb->footer("Example:\n  crosswalk replay out/rejects.jsonl job.toml");
  verb->add_option("refused", a.options.replay, "the rejects of the run in which the server refused them")
      ->required()
      ->type_name("REJECTS");
  add_job(*verb, a);
  add_accounts(*verb, a);
  verb->add_option("--rejects", a.options.rejects, "what is refused this time, JSON Lines; default: what the job says")
      ->type_name("FILE");
  return verb;
}

CLI::App* add_plan(CLI::App& app, crosswalk::cli::JobArguments& a) {
  CLI::App* verb = app.add_subcommand("plan", "what `run` would write and send; does neither");
  verb->footer("Example:\n  crosswalk plan --json examples/job.toml | jq .merge");
  add_job(*verb, a);
  add_accounts(*verb, a);
  return verb;
}

CLI::App* add_why(CLI::App& app, crosswalk::cli::JobArguments& a) {
  CLI::App* verb =
      app.add_subcommand("why", "from a conversation or a record of a job to the records and rules that made it what it is");
  verb->footer(
      "Example:\n  crosswalk why examples/job.toml zendesk:48212.started_at\n"
      "  crosswalk why examples/job.toml --record examples/zendesk/tickets.csv:14");
  add_job(*verb, a);
  CLI::Option* id = verb->add_option("conversation", a.external_id,
                                     "its external_id as in the output; with a dot and a field behind it, that field alone")
                        ->type_name("EXTERNAL_ID[.FIELD]");
  verb->add_option("--record", a.record, "instead: what became of the record in a line of an input")
      ->type_name("FILE:LINE")
      ->excludes(id);
  verb->add_flag("--json", a.json, "as JSON");
  return verb;
}

CLI::App* add_adapters(CLI::App& app, AdapterArguments& a, bool& json) {
  CLI::App* verb = app.add_subcommand("adapters", "the adapters found, their settings, and the ones refused");
  verb->footer("Example:\n  crosswalk adapters --json | jq '.adapters[].id'");
  verb->add_flag("--json", json, "as JSON");
  add_adapter_options(*verb, a);
  return verb;
}

CLI::App* add_time(CLI::App& app, crosswalk::cli::TimeArguments& a) {
  CLI::App* verb = app.add_subcommand("time", "times on standard input, one a line, to UTC and how that is known");
  verb->footer("Example:\n  echo '2024-11-03 01:30' | crosswalk time --zone America/New_York --disambiguation later");
  verb->add_option("--zone", a.zone, "the zone of times that are written without one")->type_name("ZONE");
  add_disambiguation(*verb, a.disambiguation);
  verb->add_option("--format", a.format,
                   "iso (default), epoch_s, epoch_ms, epoch_us, epoch_ns, month_first, day_first, rfc2822, or a pattern with %")
      ->type_name("FORMAT");
  add_zone_data(*verb, a.zone_data);
  return verb;
}

CLI::App* add_zones(CLI::App& app, crosswalk::cli::ZonesArguments& a) {
  CLI::App* verb = app.add_subcommand("zones", "the zone names understood and what they stand for");
  verb->footer("Example:\n  crosswalk zones 'Pacific Time (US & Canada)' 'W. Europe Standard Time' Asia/Calcutta");
  verb->add_option("name", a.names, "names to look up; default: all")->type_name("NAME");
  verb->add_flag("--json", a.json, "as JSON");
  add_zone_data(*verb, a.zone_data);
  return verb;
}

int run(int argc, char** argv) {
  CLI::App app("Crosswalk translates CRM conversation exports into Assembled's ConversationInput.", "crosswalk");
  app.set_version_flag("--version", fmt::format("crosswalk {}", crosswalk::library_version()));
  app.require_subcommand(1);
  crosswalk::cli::TranslateArguments translate;
  crosswalk::cli::JobArguments run, plan, deliver, replay, why;
  AdapterArguments adapters;
  bool adapters_json = false;
  crosswalk::cli::TimeArguments time;
  crosswalk::cli::ZonesArguments zones;
  const CLI::App* translate_verb = add_translate(app, translate);
  const CLI::App* run_verb = add_run(app, run);
  const CLI::App* plan_verb = add_plan(app, plan);
  const CLI::App* deliver_verb = add_deliver(app, deliver);
  const CLI::App* replay_verb = add_replay(app, replay);
  const CLI::App* why_verb = add_why(app, why);
  const CLI::App* adapters_verb = add_adapters(app, adapters, adapters_json);
  const CLI::App* time_verb = add_time(app, time);
  add_zones(app, zones);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& done) {
    std::ostringstream help;
    app.exit(done, help, help);
    std::string text = help.str();  // of CLI11's version it depends how many lines end it
    text.resize(text.find_last_not_of('\n') + 1);
    return crosswalk::cli::print_out(text + '\n');
  } catch (const CLI::ParseError&) { return crosswalk::cli::report(crosswalk::cli::usage_error(app, {argv + 1, argv + argc})); }
  if (translate_verb->parsed()) return crosswalk::cli::run_translate(translate);
  if (run_verb->parsed()) return crosswalk::cli::run_job_file(run);
  if (plan_verb->parsed()) return crosswalk::cli::run_plan(plan);
  if (deliver_verb->parsed()) return crosswalk::cli::run_deliver(deliver);
  if (replay_verb->parsed()) return crosswalk::cli::run_job_file(replay);
  if (why_verb->parsed()) return crosswalk::cli::run_why(why);
  if (adapters_verb->parsed()) return crosswalk::cli::run_adapters(adapters, adapters_json);
  if (time_verb->parsed()) return crosswalk::cli::run_time(time);
  return crosswalk::cli::run_zones(zones);
}

}  // namespace

int main(int argc, char** argv) {
  crosswalk::cli::prepare_descriptors();
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    crosswalk::cli::print_error("crosswalk: out of memory\n");
  } catch (const std::exception& thrown) {
    crosswalk::cli::print_error("crosswalk: ");
    crosswalk::cli::print_error(thrown.what());
    crosswalk::cli::print_error("\n  this is a defect of the program; please report it\n");
  }
  return crosswalk::cli::kFailed;
}
