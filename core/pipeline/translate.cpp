// One reader, N workers, one ordered writer, over a ring of slots: memory is bounded by the ring, order is the ring's.
#include "crosswalk/translate.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <vector>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "encode/reject_json.hpp"
#include "io/input.hpp"
#include "merge/fold.hpp"
#include "normalize/normalizer.hpp"
#include "pipeline/id_set.hpp"
#include "pipeline/notes.hpp"
#include "pipeline/reader.hpp"
#include "pipeline/source.hpp"
#include "pipeline/survey.hpp"
#include "sinks/output.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kHead = std::size_t{256} << 10;

/// A worker: the normalizer, and which input it is set up for.
class Worker {
 public:
  explicit Worker(const SourceConfig& source) : source_(source), normalizer_(source) {}
  Result<void> open() { return normalizer_.open(); }

  void run(const Task& task, Batch& batch) {
    if (task.file != file_) {
      auto started = task.framing == Framing::csv ? normalizer_.start_csv(*task.dialect) : normalizer_.start_json();
      if (!started) {
        const Error& e = started.error();
        batch.error = Error{e.code, fmt::format("{}: {}", source_.inputs[task.file], e.message), e.cure};
        return;
      }
      file_ = task.file;
    }
    normalizer_.process(task.block, task.file, batch);
  }
  void account(Summary& summary) const { normalizer_.account(summary); }
  [[nodiscard]] const Normalizer::NamesMet& names_met() const { return normalizer_.names_met(); }

 private:
  const SourceConfig& source_;
  Normalizer normalizer_;
  std::uint32_t file_ = UINT32_MAX;  // the input it is set up for
};

/// Everything that happens in input order: output, rejects, fold, books.
class Writer {
 public:
  Writer(const TranslateOptions& options, const SourceConfig& source, const TranslateHooks& hooks, OutputFile& output,
         OutputFile* rejects, std::uint64_t total_bytes)
      : options_(options),
        source_(source),
        hooks_(hooks),
        file_(output),
        records_(output, options.format),
        rejects_(rejects),
        total_bytes_(total_bytes) {}

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
    if (source_.fold) {
      if (auto ok = write_fold(); !ok) return ok;
    }
    if (auto ok = records_.finish(); !ok) return ok;
    return check_limit(true);
  }

  void account(Summary& summary) const {
    enter(books_, summary);
    summary.merged = merged_;
    summary.repeated_touchpoints = repeated_touchpoints_;
    summary.written = written_;
    summary.repeated_ids = ids_.repeated();
    summary.ids_compared = ids_.compared();
    summary.bytes_read = progress_.bytes;
    summary.bytes_written = file_.bytes();
  }

 private:
  Result<void> write_and_count(Batch& batch) {
    if (auto ok = put(batch.out.view(), batch.rejects.view()); !ok) return ok;
    for (const std::uint64_t hash : batch.id_hashes) ids_.prefetch(hash);
    for (const std::uint64_t hash : batch.id_hashes) ids_.add(hash);
    for (const Contribution& c : batch.contributions) {
      fold_.add(c, batch.metadata.data() + c.first_metadata, batch.touchpoints.data() + c.first_touchpoint);
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

  Result<void> write_fold() {
    Result<void> result;
    Buffer out, rejects;
    std::string last_id;
    bool first = true;
    fold_.finish([&](Folded& folded) {
      repeated_touchpoints_ += folded.repeated_touchpoints;
      const bool same_id = !first && last_id == folded.conversation.external_id;
      if (!complete(folded, same_id, rejects)) return true;
      first = false;
      last_id = folded.conversation.external_id;
      add_folded(out, folded);
      ++written_;
      merged_ += folded.records - 1;
      if (out.size() > (std::size_t{1} << 20)) {
        result = put(out.view(), rejects.view());
        out.clear();
        rejects.clear();
      }
      return result.ok();
    });
    if (!result) return result;
    return put(out.view(), rejects.view());
  }

  /// A folded conversation must have what the schema requires; else all its records are rejected with one sentence.
  bool complete(Folded& folded, bool same_id, Buffer& rejects) {
    Conversation& c = folded.conversation;
    if (c.channel == Channel::none) c.channel = channel_of(source_.default_channel);
    std::string_view code;
    std::string message, cure;
    if (c.channel == Channel::none) {
      code = "missing_channel";
      message = "nothing that is known of the conversation says by which channel it came";
      cure = "--set default_channel=<phone|email|chat|sms|social|back_office>";
    } else if (!c.started_at) {
      code = "missing_started_at";
      message = "nothing that is known of the conversation says when it began, and no time is made up";
      cure = "add the export that holds its creation time or its touchpoints";
    } else if (same_id) {
      code = "same_id_in_two_scopes";
      message = fmt::format(
          "the id stands for another conversation too, in another scope than \"{}\"; both under one external_id would overwrite "
          "each other",
          folded.scope);
      cure = "translate the scopes (organisations) one by one";
    } else {
      return true;
    }
    if (folded.records > 1) message += fmt::format(" ({} records make it up; the first is named here)", folded.records);
    books_.reject(code, message + "; " + cure, folded.records);
    books_.translated -= folded.records;
    add_reject(rejects, {source_.name, source_.inputs[folded.origin.file], folded.origin.line, folded.origin.offset, code,
                         "external_id", c.external_id, message, cure, "", 0});
    return false;
  }

  void add_folded(Buffer& out, const Folded& folded) const {
    add_conversation_fields(out, folded.conversation);
    MetadataWriter metadata(out);
    for (const MetadataItem& item : folded.metadata) {
      metadata.key(item.key);
      out.add(item.value);
    }
    bool any = false;
    const bool wanted = source_.metadata == SourceConfig::Metadata::all || source_.metadata == SourceConfig::Metadata::mapped ||
                        source_.metadata_names.contains("touchpoints");
    for (std::size_t kind = 0; kind < kTouchKinds && wanted; ++kind) {
      if (folded.touchpoints[kind] == 0) continue;
      if (!any) {
        metadata.key("\"touchpoints\":");
        out.add('{');
      } else {
        out.add(',');
      }
      any = true;
      add_json_string(out, name_of(static_cast<TouchKind>(kind)));
      out.add(':');
      add_number(out, folded.touchpoints[kind]);
    }
    if (any) out.add('}');
    add_time_marks(metadata, out, folded.conversation, source_.zones->version());
    metadata.close();
  }

  const TranslateOptions& options_;
  const SourceConfig& source_;
  const TranslateHooks& hooks_;
  OutputFile& file_;
  RecordWriter records_;
  OutputFile* rejects_;
  std::uint64_t total_bytes_;
  Progress progress_;
  IdSet ids_;
  Fold fold_;
  Books books_;
  bool stopped_ = false;
  std::uint64_t written_ = 0, merged_ = 0, repeated_touchpoints_ = 0;
};

bool cancelled(const TranslateHooks& hooks) { return hooks.cancelled && hooks.cancelled(); }

Error interrupted() { return {Errc::io, "interrupted: what was translated before is written, the rest is not read", ""}; }

/// One thread does it all: no hand-over, no locks.
Result<void> run_inline(BlockReader& reader, Worker& worker, Writer& writer, const TranslateHooks& hooks) {
  Task task;
  Batch batch;
  for (;;) {
    if (cancelled(hooks)) return interrupted();
    auto more = reader.next(task);
    if (!more) return more.error();
    if (!*more) return {};
    batch.clear();
    worker.run(task, batch);
    if (auto ok = writer.take(batch); !ok) return ok;
  }
}

/// The ring. Slot i holds block i, i + size, …; each goes free → filled → working → done → free.
class Ring {
 public:
  Ring(std::size_t slots) : slots_(slots) {}

  /// The reading thread. Leaves when the input ends or the run stops.
  void read(BlockReader& reader) {
    for (std::uint64_t number = 0;; ++number) {
      Slot& slot = slots_[number % slots_.size()];
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || (slot.state == State::free && held_ < kMostHeld); });
        if (stop_) return;
      }
      auto more = reader.next(slot.task);
      std::lock_guard lock(mutex_);
      if (!more || !*more) {
        if (!more) read_error_ = more.error();
        end_ = number;
        changed_.notify_all();
        return;
      }
      slot.state = State::filled;
      changed_.notify_all();
    }
  }

  /// A working thread.
  void work(Worker& worker) {
    for (;;) {
      Slot* slot = nullptr;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return stop_ || next_work_ >= end_ || at(next_work_).state == State::filled; });
        if (stop_ || next_work_ >= end_) return;
        slot = &at(next_work_++);
        slot->state = State::working;
      }
      slot->batch.clear();
      worker.run(slot->task, slot->batch);
      std::lock_guard lock(mutex_);
      slot->state = State::done;
      held_ += slot->batch.held();
      changed_.notify_all();
    }
  }

  /// The writing thread; in order.
  Result<void> write(Writer& writer, const TranslateHooks& hooks) {
    Result<void> result;
    for (std::uint64_t number = 0; result.ok(); ++number) {
      Slot& slot = at(number);
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return number >= end_ || slot.state == State::done; });
        if (number >= end_) break;
      }
      result = cancelled(hooks) ? Result<void>(interrupted()) : writer.take(slot.batch);
      const std::size_t held = slot.batch.held();
      slot.batch.clear();
      std::lock_guard lock(mutex_);
      held_ -= held;
      slot.state = State::free;
      changed_.notify_all();
    }
    std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_all();
    if (result.ok() && read_error_) return *read_error_;
    return result;
  }

 private:
  enum class State : std::uint8_t { free, filled, working, done };
  struct Slot {
    State state = State::free;
    Task task;
    Batch batch;
  };
  Slot& at(std::uint64_t number) { return slots_[number % slots_.size()]; }

  std::vector<Slot> slots_;
  std::mutex mutex_;
  std::condition_variable changed_;
  /// Finished work that may wait for the writer before reading pauses: a block of tiny rejected rows becomes a hundred
  /// times its size.
  static constexpr std::size_t kMostHeld = std::size_t{24} << 20;

  std::size_t held_ = 0;
  std::uint64_t next_work_ = 0;
  std::uint64_t end_ = UINT64_MAX;  // number of the block that never came
  bool stop_ = false;
  std::optional<Error> read_error_;
};

Result<void> run_threads(BlockReader& reader, std::vector<std::unique_ptr<Worker>>& workers, Writer& writer,
                         const TranslateHooks& hooks) {
  Ring ring(2 * workers.size() + 2);
  std::vector<std::jthread> threads;
  threads.emplace_back([&] { ring.read(reader); });
  for (auto& worker : workers) threads.emplace_back([&ring, &worker] { ring.work(*worker); });
  return ring.write(writer, hooks);
}

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
    if (!target.replaced) continue;
    std::error_code failed;
    for (const std::string& input : inputs) {
      if (std::filesystem::equivalent(target.path, input, failed)) {
        return Error{Errc::usage, fmt::format("{}: this is an input, and would be overwritten", path),
                     fmt::format("name another file with {}", option)};
      }
    }
    for (const Output& other : outputs) {
      if (other.target.path != target.path) continue;
      return Error{Errc::usage, fmt::format("{}: {} and {} name the same file", path, other.option, option), "give each its own"};
    }
    outputs.push_back({option, path, target});
  }
  return {};
}

Result<std::vector<std::string>> expand(const std::vector<std::string>& inputs) {
  std::vector<std::string> paths;
  for (const std::string& input : inputs) {
    auto some = expand_glob(input);
    if (!some) return some.error();
    paths.insert(paths.end(), some->begin(), some->end());
  }
  if (paths.empty()) return Error{Errc::usage, "no input given", "name files, globs, or - for standard input"};
  return paths;
}

/// The adapters bid on the first input that has something in it.
Result<const AdapterInfo*> bid(const TranslateOptions& options, AdapterCatalog& catalog, const std::vector<std::string>& paths,
                               std::string_view first_head, const TranslateHooks& hooks) {
  std::string name = paths.front();
  std::string head(first_head);
  for (std::size_t i = 1; i < paths.size() && all_blank(head) && paths[i] != "-"; ++i) {
    auto input = open_input(paths[i], hooks.cancelled);
    if (!input) return input.error();
    PeekSource bytes(std::move(input->bytes));
    auto peeked = bytes.peek(kHead);
    if (!peeked) return peeked.error();
    name = paths[i];
    head = *peeked;
  }
  return choose_adapter(catalog.adapters(), head, name, options.settings);
}

/// Field names in the settings that no field had. Nobody else would say that they are misspelt.
void note_names_not_met(const SourceConfig& source, const std::vector<std::unique_ptr<Worker>>& workers, Summary& summary) {
  if (summary.fields.empty()) return;  // there was nothing to have a name
  bool zone_column_met = source.time_zone_column.empty();
  std::set<std::string_view> met;
  for (const auto& worker : workers) {
    zone_column_met |= worker->names_met().time_zone_column;
    met.insert(worker->names_met().metadata.begin(), worker->names_met().metadata.end());
  }
  if (source.fold) met.insert("touchpoints");  // our own
  std::vector<std::string> names;
  for (const auto& [name, use] : summary.fields) names.push_back(name);
  const auto suggestion = [&](const std::string& name) {
    const std::string_view near = nearest(name, names);
    return near.empty() ? std::string() : fmt::format("; did you mean \"{}\"?", near);
  };
  NoteList notes(summary.notes);
  for (const std::string& name : source.metadata_names) {
    if (!met.contains(name)) notes.add(fmt::format("setting metadata: no field is called \"{}\"{}", name, suggestion(name)));
  }
  notes.close("names in the setting metadata that no field has");
  if (zone_column_met) return;
  const std::string became = !source.zone_name.empty()     ? "times without an offset were read in " + source.zone_name
                             : source.info.utc_by_document ? "times without an offset were read as UTC"
                                                           : "times without an offset were not understood";
  summary.notes.push_back(fmt::format("setting time_zone_column: no field is called \"{}\"; {}{}", source.time_zone_column,
                                      became, suggestion(source.time_zone_column)));
}

std::uint64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

unsigned job_count(unsigned asked) {
  const unsigned processors = std::max(1U, std::thread::hardware_concurrency());
  return std::clamp(asked == 0 ? processors : asked, 1U, 64U);
}

}  // namespace

Result<void> translate(const TranslateOptions& options, AdapterCatalog& catalog, Summary& summary, const TranslateHooks& hooks) {
  const auto begun = std::chrono::steady_clock::now();
  summary.version = std::string(library_version());
  auto paths = expand(options.inputs);
  if (!paths) return paths.error();
  if (auto ok = check_outputs(options, *paths); !ok) return ok;
  auto first = open_input(paths->front(), hooks.cancelled);
  if (!first) return first.error();
  auto first_bytes = std::make_unique<PeekSource>(std::move(first->bytes));

  auto head = first_bytes->peek(kHead);
  if (!head) return head.error();
  std::string id = options.adapter;
  if (id.empty()) {
    auto chosen = bid(options, catalog, *paths, *head, hooks);
    if (!chosen) return chosen.error();
    id = (*chosen)->id;
  }
  auto adapter = catalog.load(id);
  if (!adapter) return adapter.error();
  auto made = make_source(options, *adapter, *paths);
  if (!made) return made.error();
  made->want_rejects = !options.rejects.empty();
  if (auto surveyed = survey_times(*made, *head, options.evidence, hooks.cancelled); !surveyed) return surveyed;
  const SourceConfig& source = *made;

  const unsigned jobs = job_count(options.jobs);
  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < jobs; ++i) {
    workers.push_back(std::make_unique<Worker>(source));
    if (auto opened = workers.back()->open(); !opened) return opened;
  }
  auto output = OutputFile::open(options.output);
  if (!output) return output.error();
  std::unique_ptr<OutputFile> rejects;
  if (!options.rejects.empty()) {
    auto file = OutputFile::open(options.rejects, "--rejects");
    if (!file) return file.error();
    rejects = std::move(*file);
  }

  summary.source = source.name;
  summary.adapter = source.info.id;
  summary.adapter_version = source.info.version;
  summary.inputs = source.inputs;
  summary.time_zone = source.zone_name;
  summary.disambiguation = options.evidence ? "evidence" : std::string(name_of(source.disambiguation));
  summary.time_format = name_of(source.time_format);
  summary.zone_data_version = source.zones->version();
  summary.jobs = jobs;

  const std::uint64_t total = source.inputs.size() == 1 && first->compression == "none" ? first->size : 0;
  BlockReader reader(source, std::move(*first), std::move(first_bytes), hooks.cancelled);
  Writer writer(options, source, hooks, **output, rejects.get(), total);
  Result<void> result =
      jobs == 1 ? run_inline(reader, *workers.front(), writer, hooks) : run_threads(reader, workers, writer, hooks);
  if (!writer.stopped() && !cancelled(hooks)) {
    for (const auto& worker : workers) worker->account(summary);
    collapse_words(summary);
    note_names_not_met(source, workers, summary);
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
  summary.notes.insert(summary.notes.end(), reader.notes().begin(), reader.notes().end());
  // An input that broke off: what was read before stands, so folds are written and the last body is closed.
  const bool broke_off = !result.ok() && result.error().code != Errc::closed;
  if (result.ok() || broke_off) {
    const Result<void> finished = writer.finish();
    if (result.ok()) result = finished;
  }
  writer.account(summary);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  summary.peak_memory = peak_memory();
  if (result.ok()) result = summary.balance();
  if (rejects) {  // a log of what went wrong is worth most when the run failed
    if (auto ok = rejects->commit(); !ok && result.ok()) result = ok;
  }
  if (result.ok()) result = (*output)->commit();
  return result;
}

}  // namespace crosswalk
