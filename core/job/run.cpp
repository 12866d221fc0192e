// A job, run: every source through its workers into the merge, then the conversations, in order, into every sink.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>

#include "crosswalk/job.hpp"
#include "job/reading.hpp"
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

class JobRun {
 public:
  JobRun(const Job& job, AdapterCatalog& catalog, const RunOptions& options, JobSummary& summary, const JobHooks& hooks)
      : job_(job),
        options_(options),
        summary_(summary),
        hooks_(hooks),
        reading_(job, catalog, hooks, job_count(options.jobs), {wants_rejects(), !options.ledger.empty()}) {}

  Result<void> run() {
    if (auto ok = reading_.prepare(); !ok) return ok;
    if (auto ok = check_outputs(); !ok) return ok;
    if (auto ok = open_outputs(); !ok) return ok;
    Result<void> result = read_merge_write();
    enter_books();
    if (rejects_) {  // a log of what went wrong is worth most when the run failed
      if (auto ok = rejects_->commit(); !ok && result.ok()) result = ok;
    }
    return result;
  }

 private:
  [[nodiscard]] bool cancelled() const { return hooks_.cancelled && hooks_.cancelled(); }
  [[nodiscard]] bool wants_rejects() const {
    return !rejects_path().empty() || std::any_of(job_.sinks.begin(), job_.sinks.end(),
                                                  [](const JobSink& sink) { return sink.type == JobSink::Type::sqlite; });
  }
  [[nodiscard]] std::string rejects_path() const { return options_.rejects.empty() ? job_.rejects : options_.rejects; }

  /// Writing over what is being read: never meant.
  Result<void> check_outputs() const {
    std::vector<std::string> outputs = {options_.ledger, rejects_path(), options_.summary};
    for (const JobSink& sink : job_.sinks) outputs.insert(outputs.end(), {sink.path, sink.updates});
    std::set<std::string> seen;
    for (const std::string& output : outputs) {
      if (output.empty()) continue;
      const OutputTarget target = output_target(output);
      if (!target.replaced && target.descriptor != STDOUT_FILENO) continue;
      if (!seen.insert(target.replaced ? target.path : "-").second) {
        return target.replaced ? usage(fmt::format("{}: two outputs go to this file", output), "give each its own")
                               : usage("two outputs go to standard output", "give each its own");
      }
      if (!target.replaced) continue;
      const auto is = [&](const std::string& read) {
        std::error_code failed;
        return !read.empty() && std::filesystem::equivalent(target.path, read, failed);
      };
      const auto overwritten = [&](const std::string& what) {
        return usage(fmt::format("{}: this is {}, and would be overwritten", output, what), "write to another file");
      };
      if (is(job_.path)) return overwritten("the job file");
      for (const IdRule* rule : {&job_.agents, &job_.queues, &job_.customers}) {
        if (is(rule->file)) return overwritten("a table of ids");
      }
      for (const auto& config : reading_.configs()) {
        for (const std::string& input : config->inputs) {
          if (is(input)) return overwritten(fmt::format("an input of source \"{}\"", config->name));
        }
      }
    }
    return {};
  }

  Result<void> open_outputs() {
    if (options_.dry_run) return {};
    // A job names its own folders, so it may make them; what options name must be there.
    for (const JobSink& sink : job_.sinks) {
      make_folder_of(sink.path);
      make_folder_of(sink.updates);
    }
    make_folder_of(job_.rejects);
    if (!rejects_path().empty()) {
      auto file = OutputFile::open(rejects_path(), options_.rejects.empty() ? "[job] rejects" : "--rejects");
      if (!file) return file.error();
      rejects_ = std::move(*file);
    }
    if (!options_.ledger.empty()) {
      auto file = OutputFile::open(options_.ledger, "--ledger");
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
      case JobSink::Type::sqlite: break;
    }
    return open_sqlite_sink(sink.path);
  }

  Result<void> read_merge_write() {
    const std::unique_ptr<Merger> merging = reading_.merger();
    Merger& merger = *merging;
    summary_.sources.resize(job_.sources.size());
    books_.resize(job_.sources.size());
    for (std::size_t i = 0; i < job_.sources.size(); ++i) {
      Result<void> ok =
          reading_.read(i, merger, books_[i], summary_.sources[i], [this](std::string_view lines) { return put_rejects(lines); });
      if (!ok) return ok;
    }
    summary_.zone_data_version = summary_.sources.front().zone_data_version;
    summary_.ids = reading_.id_accounts();
    const auto stop = [this] { return cancelled(); };
    Result<void> result = merger.link(stop);
    account_links(merger);
    if (result) result = check_link_fields();
    if (result) result = merger.finish(stop, [&](Finished& some) { return take(some); });
    summary_.spilled = merger.spilled();
    if (!result) return result;
    enter_books();
    if (ledger_) {
      result = merger.each_ledger_line([this](std::string_view lines) {
        ledger_lines_ += static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
        return ledger_->write(lines);
      });
      if (!result) return result;
    }
    return publish();
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
                                sinks_[i]->conversations(), sinks_[i]->updates()});
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
    const std::string accounts = summary_.json();
    for (std::size_t i = 0; i < sinks_.size(); ++i) {
      if (auto ok = sinks_[i]->finish(accounts); !ok) return ok;
      summary_.sinks[i].bytes = sinks_[i]->bytes();
    }
    if (ledger_) {
      if (auto ok = ledger_->finish(); !ok) return ok;
    }
    if (cancelled()) return interrupted_run();
    for (const auto& sink : sinks_) {
      if (auto ok = sink->commit(); !ok) return ok;
    }
    return ledger_ ? ledger_->commit() : Result<void>();
  }

  const Job& job_;
  const RunOptions& options_;
  JobSummary& summary_;
  const JobHooks& hooks_;
  JobReading reading_;
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
  summary.complete = result.ok();
  for (Summary& source : summary.sources) {
    if (!result) source.written = source.merged = source.updates = 0;  // what had been put together is thrown away
  }
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  summary.peak_memory = peak_memory();
  return result;
}

}  // namespace crosswalk
