// A job, run: every source through its workers into the merge, then the conversations, in order, into every sink.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <span>

#include "crosswalk/job.hpp"
#include "delivery/delivery_sink.hpp"
#include "framing/lines.hpp"
#include "guarded.hpp"
#include "job/origin.hpp"
#include "job/plausibility.hpp"
#include "job/reading.hpp"
#include "job/reject_limits.hpp"
#include "sinks/line_sink.hpp"
#include "sinks/output.hpp"
#include "sinks/sqlite_sink.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

Error usage(std::string message, std::string cure) { return {Errc::usage, std::move(message), std::move(cure)}; }

std::string_view type_name(JobSink::Type type) {
  switch (type) {
    case JobSink::Type::jsonl: return "jsonl";
    case JobSink::Type::bulk: return "bulk";
    case JobSink::Type::sqlite: return "sqlite";
    case JobSink::Type::assembled: return "assembled";
    case JobSink::Type::http: return "http";
  }
  return "";
}

/// Calls `line` for each line of a text of whole lines.
Result<void> each_line(std::string_view lines, const auto& line) {
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n') + 1;
    if (Result<void> ok = line(lines.substr(0, end)); !ok) return ok;
    lines.remove_prefix(end);
  }
  return {};
}

bool keeps_rejects(const Job& job, const RunOptions& options) {
  return !job.rejects.empty() || !options.rejects.empty() ||
         std::any_of(job.sinks.begin(), job.sinks.end(), [](const JobSink& sink) { return sink.type == JobSink::Type::sqlite; });
}

class JobRun {
 public:
  JobRun(const Job& job, AdapterCatalog& catalog, const RunOptions& options, JobSummary& summary, const JobHooks& hooks)
      : job_(job),
        options_(options),
        summary_(summary),
        hooks_(hooks),
        reading_(job, catalog, hooks, job_count(options.jobs), {wants_rejects(), !ledger_path().empty()}),
        limits_(job, rejects_path()) {}

  Result<void> run() {
    summary_.writable = summary_stands_apart();
    if (auto ok = reading_.prepare(); !ok) return ok;
    summary_.writable = false;
    if (auto ok = check_outputs(); !ok) return ok;
    summary_.writable = !options_.summary.empty();
    Result<void> result = open_outputs();
    const bool opened = result.ok();
    if (result) result = read_merge_write();
    enter_books();
    account_deliveries();
    if (rejects_ && (opened || rejects_->bytes() != 0)) {  // a log of what went wrong is worth most when the run failed
      if (auto ok = rejects_->commit(); !ok && result.ok()) result = ok;
    }
    return result;
  }
  /// All that is kept here stands; only a delivery may have failed.
  [[nodiscard]] bool published() const { return published_; }

 private:
  [[nodiscard]] bool cancelled() const { return hooks_.cancelled && hooks_.cancelled(); }
  [[nodiscard]] bool wants_rejects() const { return keeps_rejects(job_, options_); }
  [[nodiscard]] std::string ledger_path() const { return options_.ledger.empty() ? job_.ledger : options_.ledger; }
  [[nodiscard]] std::string rejects_path() const { return options_.rejects.empty() ? job_.rejects : options_.rejects; }

  /// Whether a run that failed before its inputs were known may write its summary.
  [[nodiscard]] bool summary_stands_apart() const {
    if (options_.summary.empty()) return false;
    if (!check_outputs()) return false;
    const OutputTarget target = output_target(options_.summary);
    return std::none_of(job_.sources.begin(), job_.sources.end(),
                        [&](const JobSource& source) { return writes_into_any(target, source.inputs); });
  }

  /// Writing over what is being read: never meant.
  Result<void> check_outputs() const {
    std::vector<std::string> outputs = {ledger_path(), rejects_path(), options_.summary};
    for (const JobSink& sink : job_.sinks) outputs.insert(outputs.end(), {sink.path, sink.updates});
    std::set<std::string> seen;
    for (const std::string& output : outputs) {
      if (output.empty()) continue;
      const OutputTarget target = output_target(output);
      const auto is = [&](const std::string& read) { return writes_into(target, read); };
      const auto overwritten = [&](const std::string& what) {
        return usage(fmt::format("{}: this is {}, and would be overwritten", output == "-" ? "standard output" : output, what),
                     "write to another file");
      };
      for (const auto& config : reading_.configs()) {
        for (const std::string& input : config->inputs) {
          if (is(input)) return overwritten(fmt::format("an input of source \"{}\"", config->name));
        }
      }
      if (!target.replaced && target.descriptor != STDOUT_FILENO) continue;
      if (!seen.insert(target.replaced ? target.path : "-").second) {
        return target.replaced ? usage(fmt::format("{}: two outputs go to this file", output), "give each its own")
                               : usage("two outputs go to standard output", "give each its own");
      }
      if (!target.replaced) continue;
      if (is(job_.path)) return overwritten("the job file");
      for (const IdRule* rule : {&job_.agents, &job_.queues, &job_.customers}) {
        if (is(rule->file)) return overwritten("a table of ids");
      }
    }
    return {};
  }

  Result<void> open_outputs() {
    if (options_.dry_run) return open_deliveries();
    if (auto ok = settle_earlier_run(); !ok) return ok;
    // A job names its own folders, so it may make them; what options name must be there.
    for (const JobSink& sink : job_.sinks) {
      make_folder_of(sink.path);
      make_folder_of(sink.updates);
    }
    make_folder_of(job_.rejects);
    make_folder_of(job_.ledger);
    if (!rejects_path().empty()) {
      auto file = OutputFile::open(rejects_path(), options_.rejects.empty() ? "[job] rejects" : "--rejects", true);
      if (!file) return file.error();
      rejects_ = std::move(*file);
    }
    if (!ledger_path().empty()) {
      auto file = OutputFile::open(ledger_path(), options_.ledger.empty() ? "[job] ledger" : "--ledger");
      if (!file) return file.error();
      ledger_ = std::move(*file);
    }
    for (std::size_t i = 0; i < job_.sinks.size(); ++i) {
      if (job_.sinks[i].delivers() || !options_.replay.empty()) continue;
      auto opened = open_sink(job_.sinks[i]);
      if (!opened) return opened.error();
      of_sink_.push_back(i);
      sinks_.push_back(std::move(*opened));
    }
    return open_deliveries();
  }

  /// Behind the others: what was delivered cannot be taken back, so it begins when all else stands.
  Result<void> open_deliveries() {
    DeliveryOptions options;
    options.full = options_.full;
    options.look = options_.dry_run;
    options.list = options_.list;
    options.requests = options_.requests;
    options.id_template = job_.external_id;
    options.new_ids = options_.new_ids;
    if (!options_.replay.empty()) {
      auto ids = refused_ids(options_.replay);
      if (!ids) return ids.error();
      options.only = std::move(*ids);
    }
    const auto is_delivery = [](const JobSink& sink) { return sink.delivers(); };
    const auto deliveries = std::count_if(job_.sinks.begin(), job_.sinks.end(), is_delivery);
    if (deliveries == 0 && (!options_.requests.empty() || !options_.replay.empty() || options_.full)) {
      return usage(fmt::format("{}: no sink of the job delivers to an API", job_.path),
                   "add one: [[sink]] with type = \"assembled\"");
    }
    if (deliveries == 0) return {};
    auto origin = origin_of(job_);
    if (!origin) return origin.error();
    options.origin = std::move(*origin);
    for (std::size_t i = 0; i < job_.sinks.size(); ++i) {
      if (!job_.sinks[i].delivers()) continue;
      if (deliveries > 1 && !options_.requests.empty()) {
        options.requests = (std::filesystem::path(options_.requests) / fmt::format("sink-{}", i + 1)).string();
      }
      auto opened = open_delivery_sink(job_.sinks[i], options, delivery_hooks());
      if (!opened) return opened.error();
      of_sink_.push_back(i);
      deliveries_.push_back(opened->get());
      sinks_.push_back(std::move(*opened));
    }
    return {};
  }

  DeliveryHooks delivery_hooks() {
    DeliveryHooks hooks;
    hooks.cancelled = hooks_.cancelled;
    if (hooks_.progress) hooks.progress = [this](const Progress& progress) { hooks_.progress("deliver", progress); };
    hooks.note = [this](std::string note) { summary_.notes.push_back(std::move(note)); };
    hooks.rejected = [this](std::string_view line) { return rejects_ ? rejects_->write(line) : Result<void>(); };
    hooks.waiting = hooks_.waiting;
    return hooks;
  }

  void account_deliveries() {
    for (const DeliverySink* sink : deliveries_) {
      const auto same = [&](const SinkAccounts& accounts) { return accounts.delivers && accounts.path == sink->path(); };
      const auto found = std::find_if(summary_.sinks.begin(), summary_.sinks.end(), same);
      if (found == summary_.sinks.end()) continue;
      found->delivery = sink->accounts();
      found->bytes = sink->bytes();
    }
  }

  /// Where it cannot be made, opening the file says why.
  static void make_folder_of(const std::string& path) {
    const std::filesystem::path folder = std::filesystem::path(path).parent_path();
    std::error_code failed;
    if (path != "-" && !folder.empty()) std::filesystem::create_directories(folder, failed);
  }

  static Result<std::unique_ptr<Sink>> open_sink(const JobSink& sink) {
    switch (sink.type) {
      case JobSink::Type::jsonl: return open_line_sink(sink.path, OutputFormat::jsonl, sink.updates);
      case JobSink::Type::bulk: return open_line_sink(sink.path, OutputFormat::bulk, sink.updates);
      default: break;
    }
    return open_sqlite_sink(sink.path);
  }

  Result<void> read_merge_write() {
    const std::unique_ptr<Merger> merging = reading_.merger();
    Merger& merger = *merging;
    summary_.sources.resize(job_.sources.size());
    books_.resize(job_.sources.size());
    for (std::size_t i = 0; i < job_.sources.size(); ++i) {
      Result<void> ok = reading_.read(i, merger, books_[i], summary_.sources[i], [&](std::string_view lines) {
        auto put = put_rejects(lines);
        return put ? limits_.check_counts(books_) : put;
      });
      if (ok) ok = limits_.check_counts(books_);
      if (ok) ok = limits_.check_share(i, books_[i]);
      if (!ok) return ok;
    }
    if (auto ok = limits_.check_shares(books_); !ok) return ok;
    summary_.zone_data_version = summary_.sources.front().zone_data_version;
    summary_.ids = reading_.id_accounts();
    const auto stop = [this] { return cancelled(); };
    Result<void> result = merger.link(stop);
    account_links(merger);
    if (result) result = check_link_fields();
    if (result) result = merger.finish(stop, [&](Finished& some) { return take(some); });
    if (result) result = merger.each_reject([this](std::string_view lines) { return put_rejects(lines); });
    summary_.spilled = merger.spilled();
    if (result) result = limits_.check_counts(books_);  // merging rejects as well
    if (result) result = limits_.check_shares(books_);
    if (!result) return result;
    find_unmet_enrichment(first_conversation_, summary_);
    find_shifted_starts(offsets_, summary_);
    enter_books();
    say_who_is_who(merger);
    if (ledger_) {
      result = merger.each_ledger_line([this](std::string_view lines) {
        ledger_lines_ += count_lines(lines);
        return ledger_->write(lines);
      });
      if (!result) return result;
    }
    return publish();
  }

  /// For deliveries: what was delivered under other ids.
  void say_who_is_who(const Merger& merger) {
    for (DeliverySink* sink : deliveries_) {
      IdentityFacts facts;
      for (const JobSource& source : job_.sources) facts.sources.push_back(source.name);
      facts.survivor = [&merger](std::string_view external_id) { return merger.survivor(external_id); };
      facts.each_linked = [&merger](const auto& take) {
        Result<void> ok;
        merger.each_linked([&](std::string_view external_id, std::string_view survivor) {
          if (ok) ok = take(external_id, survivor);
        });
        return ok;
      };
      for (const Summary& source : summary_.sources) facts.some_rejected |= source.rejected_total != 0;
      sink->identity(std::move(facts));
    }
  }

  void account_links(const Merger& merger) {
    if (merger.links() == nullptr) return;
    const LinkReport& report = *merger.links();
    LinkAccounts& links = summary_.links;
    for (std::size_t r = 0; r < job_.links.size(); ++r) {
      links.rules.push_back({job_.links[r].left.text, job_.links[r].right.text, report.rules[r].left, report.rules[r].right,
                             report.rules[r].joined});
    }
    links.groups = report.groups;
    links.conflicts = report.conflicts;
    for (const LinkReport::Conflict& c : report.examples) {
      links.examples.push_back({c.source, c.external_ids, c.size, {}});
      for (const std::size_t r : c.rules) {
        links.examples.back().rules.push_back(fmt::format("{} = {}", job_.links[r].left.text, job_.links[r].right.text));
      }
    }
  }

  /// A link field that no record of its source has is a slip, not a link without partners.
  Result<void> check_link_fields() const {
    for (std::size_t r = 0; r < job_.links.size(); ++r) {
      for (const bool left : {true, false}) {
        const LinkField& field = left ? job_.links[r].left : job_.links[r].right;
        const LinkAccounts::Rule& found = summary_.links.rules[r];
        if ((left ? found.left_values : found.right_values) != 0 || field.target != Target::none) continue;
        const auto& fields = summary_.sources[field.source].fields;
        if (books_[field.source].translated == 0 || fields.contains(field.metadata_key)) continue;
        std::vector<std::string> names;
        for (const auto& [name, use] : fields) {
          if (use.carried != 0 || use.empty != 0) names.push_back(name);
        }
        std::string_view near = nearest(field.metadata_key, names);
        for (const std::string& name : names) {
          if (near.empty() && name.starts_with(field.metadata_key)) near = name;
        }
        return usage(
            fmt::format("{}: link field {}: no record of source \"{}\" has a field \"{}\"", job_.path, field.text,
                        job_.sources[field.source].name, field.metadata_key),
            near.empty() ? fmt::format("its fields are: {}", fmt::join(names, ", ")) : fmt::format("did you mean \"{}\"?", near));
      }
    }
    return {};
  }

  /// Once: when all is read and merged, or when the run breaks off.
  void enter_books() {
    for (std::size_t i = 0; i < books_.size(); ++i) enter(books_[i], summary_.sources[i]);
    books_.clear();
  }

  Result<void> put_rejects(std::string_view lines) {
    if (lines.empty()) return {};
    if (rejects_) {
      if (auto ok = rejects_->write(lines); !ok) return ok;
    }
    for (const auto& sink : sinks_) {
      if (auto ok = each_line(lines, [&](std::string_view line) { return sink->reject(line); }); !ok) return ok;
    }
    return {};
  }

  /// Finished conversations into every sink.
  Result<void> take(Finished& some) {
    for (std::size_t i = 0; i < some.sources.size(); ++i) {
      const Finished::Accounts& accounts = some.sources[i];
      books_[i].translated -= accounts.books.rejected_total + accounts.books.filtered_total();
      books_[i].add(accounts.books);
      Summary& summary = summary_.sources[i];
      summary.written += accounts.written;
      summary.updates += accounts.updates;
      summary.merged += accounts.merged;
      summary.superseded += accounts.superseded;
      if (!accounts.findings.empty()) accounts.findings.enter(summary.inputs, summary);
      summary.repeated_touchpoints += accounts.repeated_touchpoints;
      summary.deleted_touchpoints += accounts.deleted_touchpoints;
      Enrichment& enrichment = summary.enrichment;
      if (enrichment.unmet == 0) enrichment.unmet_example = accounts.enrichment.unmet_example;
      enrichment.unmet += accounts.enrichment.unmet;
      enrichment.conversations += accounts.enrichment.conversations;
      enrichment.records += accounts.enrichment.records;
      merged_.records += accounts.written + accounts.updates;
    }
    offsets_.add(some.offsets);
    if (first_conversation_.empty()) first_conversation_ = some.first_conversation;
    if (hooks_.progress) hooks_.progress("merge", merged_);
    summary_.conversations += count_lines(some.conversations.view());
    summary_.updates += count_lines(some.updates.view());
    for (const auto& sink : sinks_) {
      const auto delivering = std::find(deliveries_.begin(), deliveries_.end(), sink.get());
      std::size_t at = 0;
      auto ok = each_line(some.conversations.view(), [&](std::string_view line) {
        if (delivering != deliveries_.end()) (*delivering)->come_from(job_.sources[some.origins[at++]].name);
        return sink->conversation(line);
      });
      if (ok) ok = each_line(some.updates.view(), [&](std::string_view line) { return sink->update(line); });
      if (!ok) return ok;
    }
    return {};
  }

  /// The books first; then everything is finished before anything stands under its name.
  Result<void> publish() {
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
      const JobSink& sink = job_.sinks[of_sink_[i]];
      summary_.sinks.push_back(
          {std::string(type_name(sink.type)), std::string(sinks_[i]->path()), sinks_[i]->conversations(), sinks_[i]->updates()});
      summary_.sinks.back().delivers = sink.delivers();
    }
    summary_.peak_memory = peak_memory();
    if (auto ok = summary_.balance(); !ok) return ok;
    summary_.complete = true;  // as the sinks keep it
    std::uint64_t read = 0;
    for (const Summary& s : summary_.sources) read += s.read;
    if (ledger_ && ledger_lines_ != read) {
      return Error{Errc::internal,
                   fmt::format("the books do not balance: {} records were read, the ledger has {}", read, ledger_lines_),
                   "this is a defect of the program; please report it with the job"};
    }
    summary_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count();
    const std::string accounts = summary_.json();
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
      if (auto ok = sinks_[i]->finish(accounts); !ok) return ok;
      summary_.sinks[i].bytes = sinks_[i]->bytes();
    }
    if (auto ok = finish_reports(); !ok) return ok;
    if (cancelled()) return interrupted_run();
    if (auto ok = put_in_place(); !ok) return ok;
    published_ = true;
    summary_.in_place = accounts_ && deliveries_.empty();
    for (std::size_t i = sinks_.size() - deliveries_.size(); i < sinks_.size(); ++i) {
      if (auto ok = sinks_[i]->commit(); !ok) return ok;
    }
    return {};
  }

  /// What is published with the sinks: the ledger; the summary; the rejects, unless a delivery adds to them.
  [[nodiscard]] std::vector<OutputFile*> reports() const {
    std::vector<OutputFile*> files;
    for (OutputFile* const file : {ledger_.get(), deliveries_.empty() ? rejects_.get() : nullptr, accounts_.get()}) {
      if (file != nullptr) files.push_back(file);
    }
    return files;
  }

  /// The summary, where it is a file, says what there is before a delivery; who called writes what came of that.
  Result<void> finish_reports() {
    if (!options_.dry_run && !options_.summary.empty() && output_target(options_.summary).replaced) {
      auto file = OutputFile::open(options_.summary, "--summary");
      if (!file) return file.error();
      accounts_ = std::move(*file);
      auto ok = summary_.write_json([this](std::string_view text) { return accounts_->write(text); });
      if (!ok) return ok;
    }
    for (OutputFile* const file : reports()) {
      if (auto ok = file->finish(); !ok) return ok;
    }
    return {};
  }

  /// The files, together: see Publication.
  Result<void> put_in_place() {
    const std::span<const std::unique_ptr<Sink>> files(sinks_.data(), sinks_.size() - deliveries_.size());
    std::vector<PendingFile> pending;
    for (const auto& sink : files) sink->pending(pending);
    for (const OutputFile* const file : reports()) file->pending(pending);
    Publication publication(std::move(pending));
    if (auto ok = publication.begin(); !ok) return ok;
    Result<void> result;
    for (const auto& sink : files) {
      if (result) result = sink->commit();
    }
    for (OutputFile* const file : reports()) {
      if (result) result = file->commit();
    }
    if (result || !publication.begun()) {
      publication.end();
      return result;
    }
    for (const auto& sink : files) sink->leave();
    for (OutputFile* const file : reports()) file->leave();
    summary_.in_place = accounts_ != nullptr;
    Error error = result.error();
    error.message += "; some of the run's files stand already, and the next run puts the others in place before it begins";
    return error;
  }

  /// What a run that was killed between two files left is put in place, before anything is written anew.
  Result<void> settle_earlier_run() {
    std::vector<std::string> outputs;
    for (const JobSink& sink : job_.sinks) {
      if (!sink.delivers()) outputs.insert(outputs.end(), {sink.path, sink.updates});
    }
    outputs.insert(outputs.end(), {ledger_path(), rejects_path(), options_.summary});
    for (const std::string& output : outputs) {
      const OutputTarget target = output_target(output);
      if (output.empty() || !target.replaced) continue;
      auto settled = Publication::settle(target.path);
      if (!settled) return settled.error();
      if (*settled) {
        summary_.notes.push_back("an earlier run was cut off while its files were put in place; that was completed first");
      }
    }
    return {};
  }

  const std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  const Job& job_;
  const RunOptions& options_;
  JobSummary& summary_;
  const JobHooks& hooks_;
  JobReading reading_;
  RejectLimits limits_;
  std::unique_ptr<OutputFile> rejects_, ledger_;
  std::unique_ptr<OutputFile> accounts_;      ///< the summary, as a file
  std::vector<std::unique_ptr<Sink>> sinks_;  ///< those that deliver last
  std::vector<std::size_t> of_sink_;          ///< index in the job
  std::vector<DeliverySink*> deliveries_;
  bool published_ = false;
  std::vector<Books> books_;
  Progress merged_;
  StartOffsets offsets_;
  std::string first_conversation_;  ///< external_id, in the order of ids
  std::uint64_t ledger_lines_ = 0;
};

/// Goes on with the plans in the journals. False: one of them is of other inputs, so the job must be run.
class JobResumption {
 public:
  JobResumption(const Job& job, const RunOptions& options, JobSummary& summary, const JobHooks& hooks)
      : job_(job), options_(options), summary_(summary), hooks_(hooks) {}

  Result<bool> resume(bool new_key) {
    auto origin = origin_of(job_);
    if (!origin) return origin.error();
    DeliveryOptions options;
    options.origin = std::move(*origin);
    options.new_key = new_key;
    options.id_template = job_.external_id;
    options.new_ids = options_.new_ids;
    DeliveryHooks hooks;
    hooks.cancelled = hooks_.cancelled;
    if (hooks_.progress) hooks.progress = [this](const Progress& progress) { hooks_.progress("deliver", progress); };
    hooks.note = [this](std::string note) { summary_.notes.push_back(std::move(note)); };
    hooks.rejected = [this](std::string_view line) { return rejected(line); };
    hooks.waiting = hooks_.waiting;
    bool any = false;
    Result<bool> result = true;
    for (const JobSink& sink : job_.sinks) {
      if (!sink.delivers() || !result || !*result) continue;
      any = true;
      JobSink without_updates = sink;
      without_updates.updates.clear();  // that file is of the run which planned
      auto opened = open_delivery_sink(without_updates, options, hooks);
      result = opened ? resume_one(**opened) : Result<bool>(opened.error());
      if (opened) account(sink, **opened);
    }
    if (!any) {
      return Error{Errc::usage, fmt::format("{}: no sink of the job delivers to an API", job_.path),
                   "add one: [[sink]] with type = \"assembled\""};
    }
    if (rejects_) {
      if (auto ok = rejects_->commit(); !ok && result.ok()) result = ok.error();
    }
    return result;
  }

 private:
  static Result<bool> resume_one(DeliverySink& sink) {
    auto can = sink.can_resume();
    if (!can || !*can) return can;
    if (auto ok = sink.resume(); !ok) return ok.error();
    return true;
  }

  void account(const JobSink& sink, const DeliverySink& opened) {
    summary_.sinks.push_back(
        {std::string(type_name(sink.type)), std::string(opened.path()), 0, 0, opened.bytes(), true, opened.accounts()});
  }

  /// Opened by the first: the rejects of the run that was cut off stay where nothing comes to them.
  Result<void> rejected(std::string_view line) {
    const std::string& path = options_.rejects.empty() ? job_.rejects : options_.rejects;
    if (path.empty()) return {};
    if (!rejects_) {
      auto file = OutputFile::open(path, "the job's rejects", true);
      if (!file) return file.error();
      rejects_ = std::move(*file);
    }
    return rejects_->write(line);
  }

  const Job& job_;
  const RunOptions& options_;
  JobSummary& summary_;
  const JobHooks& hooks_;
  std::unique_ptr<OutputFile> rejects_;
};

}  // namespace

/// What was sent again before it was known that the job must be run. What was refused then, the run counts as refused before.
static void add_sent(JobSummary& summary, const std::vector<SinkAccounts>& before) {
  for (const SinkAccounts& old : before) {
    const auto same = [&](const SinkAccounts& sink) { return sink.delivers && sink.path == old.path; };
    const auto found = std::find_if(summary.sinks.begin(), summary.sinks.end(), same);
    if (found == summary.sinks.end()) continue;
    for (const auto count : {&DeliveryAccounts::sent, &DeliveryAccounts::resent, &DeliveryAccounts::retries,
                             &DeliveryAccounts::limited, &DeliveryAccounts::accepted, &DeliveryAccounts::sent_whole}) {
      found->delivery.*count += old.delivery.*count;
    }
    if (old.bytes) found->bytes = found->bytes.value_or(0) + *old.bytes;
  }
}

static Result<void> resume_job_or_throw(const Job& job, AdapterCatalog& catalog, const RunOptions& options, bool new_key,
                                        JobSummary& summary, const JobHooks& hooks) {
  const auto begun = std::chrono::steady_clock::now();
  summary.job = job.path;
  summary.version = std::string(library_version());
  summary.rejects_kept = keeps_rejects(job, options);
  Result<bool> resumed = JobResumption(job, options, summary, hooks).resume(new_key);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  summary.peak_memory = peak_memory();
  if (!resumed) return resumed.error();
  if (*resumed) {
    summary.complete = true;
    return {};
  }
  const std::vector<std::string> notes = std::move(summary.notes);
  const std::vector<SinkAccounts> before = std::move(summary.sinks);
  summary = {};
  summary.notes = notes;
  summary.notes.push_back("the job or its inputs changed since the run that was cut off: all is read and planned anew");
  Result<void> result = run_job(job, catalog, options, summary, hooks);
  add_sent(summary, before);
  return result;
}

static Result<void> run_job_or_throw(const Job& job, AdapterCatalog& catalog, const RunOptions& options, JobSummary& summary,
                                     const JobHooks& hooks) {
  const auto begun = std::chrono::steady_clock::now();
  summary.job = job.path;
  summary.version = std::string(library_version());
  summary.dry_run = options.dry_run;
  summary.rejects_kept = keeps_rejects(job, options) || options.dry_run;
  summary.jobs = job_count(options.jobs);
  JobRun run(job, catalog, options, summary, hooks);
  Result<void> result = run.run();
  if (!result && summary.sources.empty()) summary.notes.push_back("the run failed: " + result.error().message);
  summary.complete = result.ok() || run.published();
  for (Summary& source : summary.sources) {
    if (result) continue;
    source.written = source.merged = source.superseded = source.updates = 0;  // what had been put together is thrown away
    source.enrichment = {};
  }
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  summary.peak_memory = peak_memory();
  return result;
}

Result<void> run_job(const Job& job, AdapterCatalog& catalog, const RunOptions& options, JobSummary& summary,
                     const JobHooks& hooks) {
  return guarded([&] { return run_job_or_throw(job, catalog, options, summary, hooks); });
}

Result<void> resume_job(const Job& job, AdapterCatalog& catalog, const RunOptions& options, bool new_key, JobSummary& summary,
                        const JobHooks& hooks) {
  return guarded([&] { return resume_job_or_throw(job, catalog, options, new_key, summary, hooks); });
}

}  // namespace crosswalk
