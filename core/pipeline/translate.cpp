// The verb translate: one source, straight to its output or through the merge.
#include "crosswalk/translate.hpp"

#include <fmt/format.h>

#include <chrono>
#include <optional>
#include <vector>

#include "guarded.hpp"
#include "merge/merger.hpp"
#include "pipeline/flow.hpp"
#include "pipeline/id_set.hpp"
#include "pipeline/newest.hpp"
#include "sinks/output.hpp"

namespace crosswalk {
namespace {

/// Memory for conversations that are put together from many records; beyond it, they wait on disk.
constexpr std::size_t kMergeMemory = std::size_t{96} << 20;

/// Everything that happens in input order: output, rejects, fold, books.
class Writer {
 public:
  Writer(const TranslateOptions& options, const SourceConfig& source, const TranslateHooks& hooks, OutputFile& output,
         OutputFile* rejects, std::uint64_t total_bytes, unsigned jobs)
      : options_(options),
        hooks_(hooks),
        file_awaits_commit_(output.awaits_commit()),
        records_(output, options.format),
        rejects_(rejects),
        total_bytes_(total_bytes) {
    if (source.contributes)
      merger_ = std::make_unique<Merger>(plan_of(source), std::vector<LinkRule>(), Merger::Limits{kMergeMemory, jobs});
    if (source.marks_lines) newest_ = std::make_unique<NewestLines>(source);
  }

  Result<void> take(Batch& batch) {
    Result<void> taken = write_and_count(batch);
    stopped_ |= !taken.ok();
    return taken;
  }

  /// Writing ended the run, so workers may have read ahead of what was written.
  [[nodiscard]] bool stopped() const { return stopped_; }
  [[nodiscard]] std::uint64_t read() const { return books_.read; }

  /// Ends a complete run: folded conversations, the last bulk body, the percentage of rejects.
  Result<void> finish() {
    if (merger_) {
      const auto never = [] { return false; };
      if (auto ok = merger_->finish(never, [this](Finished& some) { return take(some); }); !ok) return ok;
      if (auto ok = merger_->each_reject([this](std::string_view lines) { return put({}, lines); }); !ok) return ok;
    }
    if (auto ok = records_.finish(); !ok) return ok;
    return check_limit(true);
  }

  /// Ids that came again: in a file, only the newest line of each stays. Elsewhere it is counted how many others there are.
  Result<void> leave_newest(std::unique_ptr<OutputFile>& output) {
    if (!newest_) return {};
    const IdSet::Counts ids = ids_.counts();
    if (ids.repeated == 0 && ids.compared == newest_->records()) return {};
    const bool again = output->awaits_commit();
    auto counts = newest_->find(again ? output.get() : nullptr, options_.format, findings_);
    if (!counts) return counts.error();
    found_ = *counts;
    if (!again || found_->superseded == 0) return {};
    auto kept = OutputFile::open(options_.output);
    if (!kept) return kept.error();
    RecordWriter records(**kept, options_.format);
    if (auto ok = newest_->rewrite(*output, options_.format, records); !ok) return ok;
    output = std::move(*kept);
    superseded_ += found_->superseded;
    written_ -= found_->superseded;
    return {};
  }

  void account(const OutputFile& output, Summary& summary) {
    enter(books_, summary);
    findings_.enter(summary.inputs, summary);
    summary.notes.insert(summary.notes.end(), notes_.begin(), notes_.end());
    summary.merged = merged_;
    summary.superseded = superseded_;
    summary.repeated_touchpoints = repeated_touchpoints_;
    summary.deleted_touchpoints = deleted_touchpoints_;
    summary.written = written_;
    const IdSet::Counts ids = ids_.counts();
    summary.repeated_ids = ids.repeated;
    summary.ids_compared = ids.compared;
    if (newest_) summary.ids_compared = written_;
    if (newest_ && found_) {
      summary.repeated_ids = superseded_ != 0 ? 0 : found_->superseded;
      summary.repeated_backwards = superseded_ != 0 ? 0 : found_->backwards;
      summary.ordered_by_place = found_->by_place != 0;
      summary.repeats_settle = true;
      summary.deleted_since = found_->deleted;
    }
    summary.bytes_read = progress_.bytes;
    summary.bytes_written = output.bytes();
  }

 private:
  Result<void> write_and_count(Batch& batch) {
    if (auto ok = put(batch.out.view(), batch.rejects.view()); !ok) return ok;
    for (const std::uint64_t hash : batch.id_hashes) ids_.add(hash);
    if (newest_) {
      if (auto ok = newest_->add(batch.id_hashes, batch.marks.view()); !ok) {
        if (file_awaits_commit_) return ok;
        notes_.push_back(fmt::format("which records are superseded is not known: {}", ok.error().text()));
        newest_.reset();
      }
    }
    if (merger_) {
      if (auto ok = merger_->add(batch.contributions.view()); !ok) return ok;
    }
    books_.add(batch.books);
    written_ += batch.written;
    progress_.records = books_.read;
    progress_.bytes += batch.bytes;
    if (hooks_.progress) {
      progress_.total_bytes = total_bytes_;
      hooks_.progress(progress_);
    }
    if (batch.error) return *batch.error;
    return check_limit(false);
  }

  Result<void> put(std::string_view lines, std::string_view rejects) {
    if (!lines.empty()) {
      if (auto ok = records_.write(lines); !ok) return ok;
    }
    if (!rejects.empty() && rejects_ != nullptr) return rejects_->write(rejects);
    return {};
  }

  /// The percentage is judged at the end, and on the way once there is enough to judge by.
  Result<void> check_limit(bool at_end) const {
    const RejectLimit& limit = options_.max_rejects;
    if (limit.count && books_.rejected_total > *limit.count) {
      return Error{
          Errc::data,
          fmt::format("{} records were rejected, more than --max-rejects {} allows", books_.rejected_total, *limit.count),
          "look at the rejects (--rejects FILE), cure their cause, or raise the limit"};
    }
    if (limit.percent && progress_.records >= (at_end ? 1U : 10'000U)) {
      const double percent = 100.0 * static_cast<double>(books_.rejected_total) / static_cast<double>(progress_.records);
      if (percent > *limit.percent) {
        return Error{Errc::data,
                     fmt::format("{:.2f} % of {} records were rejected, more than --max-rejects {}% allows", percent,
                                 progress_.records, *limit.percent),
                     "look at the rejects (--rejects FILE), cure their cause, or raise the limit"};
      }
    }
    return {};
  }

  /// Conversations that the merge has put together.
  Result<void> take(Finished& some) {
    for (const Finished::Accounts& accounts : some.sources) {
      books_.translated -= accounts.books.rejected_total + accounts.books.filtered_total();
      books_.add(accounts.books);
      written_ += accounts.written;
      merged_ += accounts.merged;
      superseded_ += accounts.superseded;
      findings_.add(accounts.findings);
      repeated_touchpoints_ += accounts.repeated_touchpoints;
      deleted_touchpoints_ += accounts.deleted_touchpoints;
    }
    return put(some.conversations.view(), {});
  }

  static MergePlan plan_of(const SourceConfig& source) {
    MergePlan plan;
    plan.sources.push_back({&source, false, source.is_snapshot()});
    plan.texts = source.texts;
    plan.column_sets = source.column_sets;
    return plan;
  }

  const TranslateOptions& options_;
  const TranslateHooks& hooks_;
  bool file_awaits_commit_;
  RecordWriter records_;
  OutputFile* rejects_;
  std::uint64_t total_bytes_;
  Progress progress_;
  IdSet ids_;
  std::unique_ptr<Merger> merger_;  // of a source whose records are parts of conversations
  Books books_;
  bool stopped_ = false;
  std::uint64_t written_ = 0, merged_ = 0, superseded_ = 0, repeated_touchpoints_ = 0, deleted_touchpoints_ = 0;
  std::unique_ptr<NewestLines> newest_;       // of streamed snapshots
  std::optional<NewestLines::Counts> found_;  // where ids came again
  Findings findings_;
  std::vector<std::string> notes_;
};

bool cancelled(const TranslateHooks& hooks) { return hooks.cancelled && hooks.cancelled(); }

Error interrupted() { return {Errc::io, "interrupted: what was translated before is written, the rest is not read", ""}; }

/// Writing over what is being read, or two outputs into one file: never meant.
Result<void> check_outputs(const TranslateOptions& options, const std::vector<std::string>& inputs) {
  struct Output {
    std::string_view option;
    const std::string& path;
    OutputTarget target;
  };
  std::vector<Output> outputs;
  for (const auto& [option, path] : {std::pair<std::string_view, const std::string&>{"--output", options.output},
                                     {"--rejects", options.rejects},
                                     {"--summary", options.summary}}) {
    if (path.empty()) continue;
    const OutputTarget target = output_target(path);
    for (const std::string& input : inputs) {
      if (writes_into(target, input)) {
        const bool standard = path == "-";
        return Error{Errc::usage,
                     fmt::format("{}: this is an input, and would be overwritten", standard ? "standard output" : path),
                     standard ? std::string("send it to another file") : fmt::format("name another file with {}", option)};
      }
    }
    if (!target.replaced) continue;
    for (const Output& other : outputs) {
      if (other.target.path != target.path) continue;
      return Error{Errc::usage, fmt::format("{}: {} and {} name the same file", path, other.option, option), "give each its own"};
    }
    outputs.push_back({option, path, target});
  }
  return {};
}

/// Whether a run that failed before its inputs were known may write its summary: not where that is an input or another output.
bool summary_stands_apart(const TranslateOptions& options) {
  if (options.summary.empty()) return false;
  const OutputTarget target = output_target(options.summary);
  return !writes_into_any(target, options.inputs) && check_outputs(options, {}).ok();
}

}  // namespace

static Result<void> translate_or_throw(const TranslateOptions& options, AdapterCatalog& catalog, Summary& summary,
                                       const TranslateHooks& hooks) {
  const auto begun = std::chrono::steady_clock::now();
  summary.version = std::string(library_version());
  summary.source = options.source_name.empty() ? options.adapter : options.source_name;
  summary.inputs = options.inputs;
  summary.writable = summary_stands_apart(options);
  auto prepared = prepare_source(options, catalog, hooks.cancelled);
  if (!prepared) {
    summary.notes.push_back("the run failed: " + prepared.error().message);
    return prepared.error();
  }
  summary.writable = false;
  const std::unique_ptr<SourceConfig> source = std::move(prepared->config);
  if (auto ok = check_outputs(options, source->inputs); !ok) return ok;
  summary.writable = !options.summary.empty();
  source->want_rejects = summary.rejects_kept = !options.rejects.empty();
  const bool merges = source->is_snapshot() && source->repeats == SourceConfig::Repeats::merge;
  source->contributes = source->fold || merges;
  source->marks_lines = source->is_snapshot() && source->repeats == SourceConfig::Repeats::newest;
  if (source->contributes) source->texts = std::make_shared<SharedTexts>();
  // A file gets only the newest of each id: what those have no column for is counted.
  if (merges || (source->marks_lines && options.output != "-")) source->column_sets = std::make_shared<ColumnSets>();
  const unsigned jobs = job_count(options.jobs);
  auto opened = SourceFlow::open(*source, std::move(*prepared), options.evidence, jobs, hooks.cancelled);
  if (!opened) return opened.error();
  SourceFlow& flow = **opened;
  auto output = OutputFile::open(options.output);
  if (!output) return output.error();
  std::unique_ptr<OutputFile> rejects;
  if (!options.rejects.empty()) {
    auto file = OutputFile::open(options.rejects, "--rejects", true);
    if (!file) return file.error();
    rejects = std::move(*file);
  }
  describe(*source, options.evidence, summary);
  summary.jobs = jobs;

  Writer writer(options, *source, hooks, **output, rejects.get(), flow.total_bytes(), jobs);
  Result<void> result = flow.run([&](Batch& batch) -> Result<void> {
    if (cancelled(hooks)) return interrupted();
    return writer.take(batch);
  });
  if (!writer.stopped() && !cancelled(hooks)) {
    flow.account(summary);
  } else {
    if (writer.read() != 0)
      summary.notes.emplace_back(
          "the run ended early: only what was written is accounted for, and fields, words and times are not");
    if (cancelled(hooks) && (*output)->awaits_commit()) {
      result = Error{Errc::io, fmt::format("interrupted before the end of the input; {} is not written", options.output), ""};
    } else if (!writer.stopped() && !result.ok()) {
      result = interrupted();  // whatever the reading thread was at
    }
  }
  flow.enter_notes(summary);
  // An input that broke off: what was read before stands, so folds are written and the last body is closed.
  const bool broke_off = !result.ok() && result.error().code != Errc::closed;
  if (result.ok() || broke_off) {
    const Result<void> finished = writer.finish();
    if (result.ok()) result = finished;
  }
  if (result.ok()) result = writer.leave_newest(*output);
  writer.account(**output, summary);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  summary.peak_memory = peak_memory();
  if (result.ok()) result = summary.balance();
  if (rejects) {  // a log of what went wrong is worth most when the run failed
    if (auto ok = rejects->commit(); !ok && result.ok()) result = ok;
  }
  if (result.ok()) result = (*output)->commit();
  summary.complete = result.ok();
  return result;
}

Result<void> translate(const TranslateOptions& options, AdapterCatalog& catalog, Summary& summary, const TranslateHooks& hooks) {
  return guarded([&] { return translate_or_throw(options, catalog, summary, hooks); });
}

}  // namespace crosswalk
