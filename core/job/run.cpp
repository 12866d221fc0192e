// A job, run: every source through its workers into the merge, then the conversations, in order, into every sink.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

#include "crosswalk/job.hpp"
#include "merge/merger.hpp"
#include "pipeline/flow.hpp"
#include "sinks/line_sink.hpp"
#include "sinks/output.hpp"
#include "sinks/sqlite_sink.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

Error usage(std::string message, std::string cure) { return {Errc::usage, std::move(message), std::move(cure)}; }

Error interrupted() { return {Errc::io, "interrupted; nothing is written", ""}; }

std::string_view type_name(JobSink::Type type) {
  switch (type) {
    case JobSink::Type::jsonl: return "jsonl";
    case JobSink::Type::bulk: return "bulk";
    case JobSink::Type::sqlite: return "sqlite";
  }
  return "";
}

/// What the program and the ring of blocks take beside the merge.
std::size_t merge_memory(std::uint64_t limit, unsigned jobs) {
  const std::uint64_t fixed = (std::uint64_t{48} + 12 * std::uint64_t{jobs}) << 20;
  return static_cast<std::size_t>(limit > 2 * fixed ? limit - fixed : limit / 2);
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

class JobRun {
 public:
  JobRun(const Job& job, AdapterCatalog& catalog, const RunOptions& options, JobSummary& summary, const JobHooks& hooks)
      : job_(job), catalog_(catalog), options_(options), summary_(summary), hooks_(hooks), jobs_(job_count(options.jobs)) {}

  Result<void> run() {
    if (auto ok = prepare_sources(); !ok) return ok;
    if (auto ok = check_platforms(); !ok) return ok;
    if (auto ok = check_links(); !ok) return ok;
    if (auto ok = check_outputs(); !ok) return ok;
    if (auto ok = open_outputs(); !ok) return ok;
    Result<void> result = read_merge_write();
    if (rejects_) {  // a log of what went wrong is worth most when the run failed
      if (auto ok = rejects_->commit(); !ok && result.ok()) result = ok;
    }
    return result;
  }

 private:
  [[nodiscard]] bool cancelled() const { return hooks_.cancelled && hooks_.cancelled(); }
  [[nodiscard]] std::string rejects_path() const { return options_.rejects.empty() ? job_.rejects : options_.rejects; }

  Result<void> prepare_sources() {
    IdTemplate external_id;
    if (!job_.external_id.empty()) {
      auto parsed = IdTemplate::parse(job_.external_id);
      if (!parsed) return parsed.error();
      external_id = std::move(*parsed);
    }
    const bool sqlite =
        std::any_of(job_.sinks.begin(), job_.sinks.end(), [](const JobSink& sink) { return sink.type == JobSink::Type::sqlite; });
    for (std::size_t i = 0; i < job_.sources.size(); ++i) {
      const JobSource& source = job_.sources[i];
      TranslateOptions asked;
      asked.source_name = source.name;
      asked.adapter = source.adapter;
      asked.inputs = source.inputs;
      asked.time_zone = source.time_zone;
      asked.disambiguation = source.disambiguation;
      asked.evidence = source.evidence;
      asked.settings = source.settings;
      asked.zone_data = job_.zone_data;
      auto prepared = prepare_source(asked, catalog_);
      if (!prepared) {
        const Error& e = prepared.error();
        return Error{e.code, fmt::format("source \"{}\": {}", source.name, e.message), e.cure};
      }
      SourceConfig& config = *prepared->config;
      config.number = static_cast<std::uint32_t>(i);
      config.contributes = true;
      config.enrich = source.enrich;
      config.external_id = external_id;
      config.want_rejects = sqlite || !rejects_path().empty();
      config.want_ledger = !options_.ledger.empty();
      configs_.push_back(std::move(prepared->config));
      prepared_.push_back(std::move(*prepared));
    }
    return {};
  }

  /// Two systems' ticket 123 are two conversations; whether their ids may meet is for the job to say.
  Result<void> check_platforms() const {
    if (!job_.external_id.empty()) return {};
    for (const auto& config : configs_) {
      if (config->platform == configs_.front()->platform) continue;
      return usage(fmt::format("{}: sources \"{}\" ({}) and \"{}\" ({}) are of different platforms, whose ids may be the same "
                               "for different conversations",
                               job_.path, configs_.front()->name, configs_.front()->platform, config->name, config->platform),
                   "[job] external_id = \"{platform}:{id}\"; where they are one platform, give both sources the same setting "
                   "platform");
    }
    return {};
  }

  /// What a link looks at must be carried.
  Result<void> check_links() const {
    for (const LinkRule& rule : job_.links) {
      for (const LinkField* field : {&rule.left, &rule.right}) {
        const SourceConfig& config = *configs_[field->source];
        if (field->target != Target::none || config.carries(field->metadata_key)) continue;
        return usage(fmt::format("{}: link field {}: the metadata setting of source \"{}\" leaves it out", job_.path, field->text,
                                 config.name),
                     fmt::format("add \"{}\" to its setting metadata", field->metadata_key));
      }
    }
    return {};
  }

  /// Writing over what is being read: never meant.
  Result<void> check_outputs() const {
    std::vector<std::string> outputs = {options_.ledger, rejects_path()};
    for (const JobSink& sink : job_.sinks) outputs.insert(outputs.end(), {sink.path, sink.updates});
    std::set<std::string> seen;
    std::error_code failed;
    for (const std::string& output : outputs) {
      if (output.empty()) continue;
      if (output != "-" && !seen.insert(std::filesystem::weakly_canonical(output, failed).string()).second) {
        return usage(fmt::format("{}: two outputs go to this file", output), "give each its own");
      }
      for (const auto& config : configs_) {
        for (const std::string& input : config->inputs) {
          if (output != "-" && std::filesystem::is_regular_file(input, failed) &&
              std::filesystem::equivalent(output, input, failed)) {
            return usage(fmt::format("{}: this is an input of source \"{}\", and would be overwritten", output, config->name),
                         "write to another file");
          }
        }
      }
    }
    return {};
  }

  Result<void> open_outputs() {
    if (options_.dry_run) return {};
    if (!rejects_path().empty()) {
      auto file = OutputFile::open(rejects_path());
      if (!file) return file.error();
      rejects_ = std::move(*file);
    }
    if (!options_.ledger.empty()) {
      auto file = OutputFile::open(options_.ledger);
      if (!file) return file.error();
      ledger_ = std::move(*file);
    }
    for (const JobSink& sink : job_.sinks) {
      auto opened = open_sink(sink);
      if (!opened) return opened.error();
      sinks_.push_back(std::move(*opened));
    }
    return {};
  }

  static Result<std::unique_ptr<Sink>> open_sink(const JobSink& sink) {
    switch (sink.type) {
      case JobSink::Type::jsonl: return open_line_sink(sink.path, OutputFormat::jsonl, sink.updates);
      case JobSink::Type::bulk: return open_line_sink(sink.path, OutputFormat::bulk, sink.updates);
      case JobSink::Type::sqlite: break;
    }
    return open_sqlite_sink(sink.path);
  }

  Result<void> read_merge_write() {
    MergePlan plan;
    for (std::size_t i = 0; i < configs_.size(); ++i) plan.sources.push_back({configs_[i].get(), job_.sources[i].enrich});
    for (const auto& [target, sources] : job_.priorities) {
      auto& order = plan.order[static_cast<std::size_t>(target)];
      order.assign(sources.begin(), sources.end());
      for (std::uint32_t s = 0; s < configs_.size(); ++s) {
        if (std::find(order.begin(), order.end(), s) == order.end()) order.push_back(s);
      }
    }
    plan.several = job_.several;
    plan.by_start = job_.order_by == Job::OrderBy::started_at;
    plan.ledger = !options_.ledger.empty();
    Merger merger(std::move(plan), job_.links, {merge_memory(job_.memory_limit, jobs_), jobs_});
    summary_.sources.resize(configs_.size());
    books_.resize(configs_.size());
    for (std::size_t i = 0; i < configs_.size(); ++i) {
      if (auto ok = read_source(i, merger); !ok) return ok;
    }
    const auto stop = [this] { return cancelled(); };
    Result<void> result = merger.link(stop);
    account_links(merger);
    if (result) result = check_link_fields();
    if (result) result = merger.finish(stop, [&](Finished& some) { return take(some); });
    summary_.spilled = merger.spilled();
    for (std::size_t i = 0; i < configs_.size(); ++i) enter(books_[i], summary_.sources[i]);
    if (!result) return result;
    if (ledger_) {
      result = merger.each_ledger_line([this](std::string_view lines) {
        ledger_lines_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
        return ledger_->write(lines);
      });
      if (!result) return result;
    }
    return publish();
  }

  Result<void> read_source(std::size_t i, Merger& merger) {
    const auto begun = std::chrono::steady_clock::now();
    const JobSource& asked = job_.sources[i];
    Summary& summary = summary_.sources[i];
    auto opened = SourceFlow::open(*configs_[i], std::move(prepared_[i]), asked.evidence, jobs_);
    if (!opened) return opened.error();
    std::unique_ptr<SourceFlow> flow = std::move(*opened);
    describe(*configs_[i], asked.evidence, summary);
    summary_.zone_data_version = summary.zone_data_version;
    Progress progress;
    progress.total_bytes = flow->total_bytes();
    Result<void> result = flow->run([&](Batch& batch) -> Result<void> {
      if (cancelled()) return interrupted();
      if (auto ok = merger.add(batch.contributions.view()); !ok) return ok;
      if (auto ok = merger.add_ledger(batch.ledger.view()); !ok) return ok;
      if (auto ok = put_rejects(batch.rejects.view()); !ok) return ok;
      books_[i].add(batch.books);
      progress.records = books_[i].read;
      progress.bytes += batch.bytes;
      if (hooks_.progress) hooks_.progress(asked.name, progress);
      if (batch.error) return *batch.error;
      return {};
    });
    if (result) flow->account(summary);
    summary.notes.insert(summary.notes.end(), flow->notes().begin(), flow->notes().end());
    summary.bytes_read = progress.bytes;
    summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    if (!result) {
      const Error& e = result.error();
      return Error{e.code,
                   e.message.starts_with("interrupted") ? e.message : fmt::format("source \"{}\": {}", asked.name, e.message),
                   e.cure};
    }
    if (books_[i].read == 0 && !asked.allow_empty) {
      return Error{Errc::data,
                   fmt::format("source \"{}\": there is no record in its inputs, and a view without them would be a part of the "
                               "whole",
                               asked.name),
                   "look at its export; where it may be empty, set allow_empty = true"};
    }
    return {};
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
    for (const LinkReport::Conflict& c : report.examples) links.examples.push_back({c.source, c.external_ids, c.size});
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
        const std::string_view near = nearest(field.metadata_key, names);
        return usage(
            fmt::format("{}: link field {}: no record of source \"{}\" has a field \"{}\"", job_.path, field.text,
                        job_.sources[field.source].name, field.metadata_key),
            near.empty() ? fmt::format("its fields are: {}", fmt::join(names, ", ")) : fmt::format("did you mean \"{}\"?", near));
      }
    }
    return {};
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
      books_[i].translated -= accounts.books.rejected_total;
      books_[i].add(accounts.books);
      Summary& summary = summary_.sources[i];
      summary.written += accounts.written;
      summary.updates += accounts.updates;
      summary.merged += accounts.merged;
      summary.repeated_touchpoints += accounts.repeated_touchpoints;
      merged_.records += accounts.written + accounts.updates;
    }
    if (hooks_.progress) hooks_.progress("merge", merged_);
    if (auto ok = put_rejects(some.rejects.view()); !ok) return ok;
    const auto lines = [](const Buffer& buffer) {
      return static_cast<std::uint64_t>(std::count(buffer.data(), buffer.data() + buffer.size(), '\n'));
    };
    summary_.conversations += lines(some.conversations);
    summary_.updates += lines(some.updates);
    for (const auto& sink : sinks_) {
      auto ok = each_line(some.conversations.view(), [&](std::string_view line) { return sink->conversation(line); });
      if (ok) ok = each_line(some.updates.view(), [&](std::string_view line) { return sink->update(line); });
      if (!ok) return ok;
    }
    return {};
  }

  /// The books first; then everything is finished before anything stands under its name.
  Result<void> publish() {
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
      summary_.sinks.push_back({std::string(type_name(job_.sinks[i].type)), std::string(sinks_[i]->path()),
                                sinks_[i]->conversations(), sinks_[i]->updates(), sinks_[i]->bytes()});
    }
    summary_.peak_memory = peak_memory();
    if (auto ok = summary_.balance(); !ok) return ok;
    std::uint64_t read = 0;
    for (const Summary& s : summary_.sources) read += s.read;
    if (ledger_ && ledger_lines_ != read) {
      return Error{Errc::internal,
                   fmt::format("the books do not balance: {} records were read, the ledger has {}", read, ledger_lines_),
                   "this is a defect of the program; please report it with the job"};
    }
    const std::string accounts = summary_.json();
    for (const auto& sink : sinks_) {
      if (auto ok = sink->finish(accounts); !ok) return ok;
    }
    if (cancelled()) return interrupted();
    for (const auto& sink : sinks_) {
      if (auto ok = sink->commit(); !ok) return ok;
    }
    return ledger_ ? ledger_->commit() : Result<void>();
  }

  const Job& job_;
  AdapterCatalog& catalog_;
  const RunOptions& options_;
  JobSummary& summary_;
  const JobHooks& hooks_;
  unsigned jobs_;
  std::vector<PreparedSource> prepared_;
  std::vector<std::unique_ptr<SourceConfig>> configs_;
  std::unique_ptr<OutputFile> rejects_, ledger_;
  std::vector<std::unique_ptr<Sink>> sinks_;
  std::vector<Books> books_;
  Progress merged_;
  std::uint64_t ledger_lines_ = 0;
};

}  // namespace

Result<void> run_job(const Job& job, AdapterCatalog& catalog, const RunOptions& options, JobSummary& summary,
                     const JobHooks& hooks) {
  const auto begun = std::chrono::steady_clock::now();
  summary.job = job.path;
  summary.version = std::string(library_version());
  summary.dry_run = options.dry_run;
  summary.jobs = job_count(options.jobs);
  JobRun run(job, catalog, options, summary, hooks);
  Result<void> result = run.run();
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  summary.peak_memory = peak_memory();
  return result;
}

}  // namespace crosswalk
