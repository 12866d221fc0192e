#include "pipeline/flow.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <filesystem>
#include <set>
#include <thread>

#include "pipeline/choose.hpp"
#include "pipeline/inputs.hpp"
#include "pipeline/notes.hpp"
#include "pipeline/ordered.hpp"
#include "pipeline/survey.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

/// The adapters bid on the first input that has something in it.
Result<const AdapterInfo*> bid(const TranslateOptions& options, AdapterCatalog& catalog, const std::vector<std::string>& paths,
                               std::string_view first_head, Archives& archives, const Cancelled& cancelled) {
  std::string name = paths.front(), later;
  std::string_view head = first_head;
  for (std::size_t i = 1; i < paths.size() && all_blank(head) && paths[i] != "-"; ++i) {
    auto input = open_input(paths[i], cancelled, &archives);
    if (!input) return input.error();
    PeekSource bytes(std::move(input->bytes));
    auto peeked = bytes.peek(kFirstHead);
    if (!peeked) return peeked.error();
    name = paths[i];
    later = *peeked;
    head = later;
  }
  return choose_adapter(catalog.adapters(), head, name, options.settings);
}

/// Field names in the settings that no field had. Nobody else would say that they are misspelt.
void note_names_not_met(const SourceConfig& source, const std::vector<Normalizer::NamesMet>& workers, Summary& summary) {
  if (summary.fields.empty()) return;  // there was nothing to have a name
  for (std::size_t i = 0; i < source.fields.size(); ++i) {
    const auto met_it = [i](const Normalizer::NamesMet& worker) { return worker.fields[i]; };
    if (std::any_of(workers.begin(), workers.end(), met_it)) continue;
    summary.notes.push_back(
        fmt::format("setting field.{}: no field is called \"{}\"", source.fields[i].name, source.fields[i].column));
  }
  bool zone_column_met = source.time_zone_column.empty();
  std::set<std::string_view> met;
  for (const Normalizer::NamesMet& worker : workers) {
    zone_column_met |= worker.time_zone_column;
    met.insert(worker.metadata.begin(), worker.metadata.end());
  }
  if (source.fold || summary.touchpoints != 0) met.insert("touchpoints");  // the merge makes that entry
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

/// Also true when the flow that reads has ended early.
Cancelled or_unwanted(const std::shared_ptr<std::atomic<bool>>& unwanted, const Cancelled& cancelled) {
  return [unwanted, cancelled] { return *unwanted || (cancelled && cancelled()); };
}

bool has_more(Splitter& splitter, Block& block) {
  const auto more = splitter.next(block, 1);
  return more && *more;
}

bool is_pipe(const std::string& path) {
  std::error_code failed;
  return path == "-" || std::filesystem::is_fifo(path, failed);
}

/// A block and what became of it.
struct Item {
  Task task;
  Batch batch;
  [[nodiscard]] std::size_t held() const { return batch.held(); }
};

}  // namespace

/// A worker: the normalizer, and which input it is set up for.
class SourceFlow::Worker {
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

SourceFlow::SourceFlow() = default;
SourceFlow::~SourceFlow() {
  if (unwanted_) *unwanted_ = true;
}

Result<PreparedSource> prepare_source(const TranslateOptions& options, AdapterCatalog& catalog, const Cancelled& cancelled) {
  if (auto ok = check_renamed(options.settings); !ok) return ok.error();
  const auto archives = std::make_shared<Archives>();
  const auto choose = [&](auto& paths, auto& notes) {
    return leave_recognised(options, catalog, paths, *archives, cancelled, notes);
  };
  auto list = list_inputs(options.inputs, options.allow_empty, *archives, choose, cancelled);
  if (!list) return list.error();
  std::vector<std::string>* const paths = &list->paths;
  PreparedSource prepared;
  prepared.notes = std::move(list->notes);
  auto first = list->none ? decode_input(paths->front(), memory_source(""))
                          : open_input(paths->front(), or_unwanted(prepared.unwanted, cancelled), archives.get());
  if (!first) return first.error();
  prepared.first_bytes = std::make_unique<PeekSource>(std::move(first->bytes));
  prepared.first = std::move(*first);
  prepared.total_bytes = paths->size() == 1 && prepared.first.compression == "none" ? prepared.first.size : 0;
  std::string id = options.adapter;
  if (id.empty()) {
    auto head = prepared.first_bytes->peek(kFirstHead);
    if (!head) return head.error();
    auto chosen = bid(options, catalog, *paths, *head, *archives, cancelled);
    if (!chosen) return chosen.error();
    id = (*chosen)->id;
  }
  auto adapter = catalog.load(id);
  if (!adapter) return adapter.error();
  if (!options.adapter.empty()) {
    auto head = prepared.first_bytes->peek(kFirstHead);
    if (!head) return head.error();
    auto doubt = doubt_about((*adapter)->info(), *head, paths->front(), options.settings);
    if (!doubt) return doubt.error();
    if (!doubt->empty()) prepared.notes.push_back(std::move(*doubt));
  }
  auto made = make_source(options, *adapter, std::move(*paths));
  if (!made) return made.error();
  prepared.config = std::make_unique<SourceConfig>(std::move(*made));
  prepared.config->archives = archives;
  return prepared;
}

std::vector<Error> problems_of(const TranslateOptions& options, AdapterCatalog& catalog) {
  std::vector<Error> problems;
  const auto add = [&](const Error& error) {
    const bool known = std::any_of(problems.begin(), problems.end(), [&](const Error& p) { return p.message == error.message; });
    if (!known) problems.push_back(error);
  };
  Archives archives;
  bool waits = false;  // an input is a pipe, which nobody shall wait for
  for (const std::string& input : options.inputs) {
    const auto list = list_inputs({input}, options.allow_empty, archives);
    if (!list) add(list.error());
    if (!list || list->none) continue;
    for (const std::string& path : list->paths) {
      waits |= is_pipe(path);
      if (is_pipe(path)) continue;
      if (const auto opened = open_input(path, {}, &archives); !opened) add(opened.error());
    }
  }
  const bool readable = problems.empty() && !waits;
  std::string id = options.adapter;
  if (id.empty() && readable) {
    auto prepared = prepare_source(options, catalog, {});
    if (prepared) {
      id = prepared->config->info.id;
    } else {
      add(prepared.error());
    }
  }
  if (id.empty()) return problems;
  auto adapter = catalog.load(id);
  if (!adapter) {
    add(adapter.error());
    return problems;
  }
  // Each setting alone, and what is no setting without any but the one that can do without a time zone.
  const auto check = [&](const TranslateOptions& some) {
    auto made = make_source(some, *adapter, {});
    const Result<void> opened = made ? Normalizer(*made).open() : Result<void>(made.error());
    if (!opened) add(opened.error());
    return opened.ok();
  };
  TranslateOptions one = options;
  one.settings.clear();
  if (const auto column = options.settings.find("time_zone_column"); column != options.settings.end())
    one.settings.insert(*column);
  TranslateOptions sound = options;
  if (!check(one)) sound.time_zone = "UTC";
  one.time_zone = "UTC";
  bool header = readable;  // can be found and judged
  for (const auto& setting : options.settings) {
    one.settings = {setting};
    if (check(one)) continue;
    sound.settings.erase(setting.first);
    const std::string& name = setting.first;
    header = header && !name.starts_with("field.") && name != "delimiter" && name != "header_row" && name != "quotes";
  }
  if (!header) return problems;
  if (auto prepared = prepare_source(sound, catalog, {})) {
    if (auto ok = check_start(*prepared); !ok) add(ok.error());
  }
  return problems;
}

Result<void> check_start(PreparedSource& source) {
  const SourceConfig& config = *source.config;
  Normalizer normalizer(config);
  if (auto opened = normalizer.open(); !opened) return opened;
  const std::string& name = config.inputs.front();
  if (is_pipe(name)) return {};
  auto head = source.first_bytes->peek(kFirstHead);
  if (!head || all_blank(*head) || framing_of(*head) != Framing::csv) return {};
  auto csv = open_csv(name, memory_source(std::string(*head)), config.csv_options());
  Block first;
  if (!csv || !has_more(*csv->splitter, first)) return {};  // the header may be cut; the run itself will say
  auto bound = normalizer.start_csv(csv->dialect);
  if (bound) return {};
  const Error& e = bound.error();
  return Error{e.code, fmt::format("{}: {}", name, e.message), e.cure};
}

void describe(const SourceConfig& source, bool evidence, Summary& summary) {
  summary.source = source.name;
  summary.adapter = source.info.id;
  summary.adapter_version = source.info.version;
  summary.inputs = source.inputs;
  summary.time_zone = source.zone_name;
  summary.disambiguation = evidence ? "evidence" : std::string(name_of(source.disambiguation));
  summary.time_format = name_of(source.time_format);
  summary.zone_data_version = source.zones->version();
}

Result<std::unique_ptr<SourceFlow>> SourceFlow::open(SourceConfig& config, PreparedSource source, bool evidence, unsigned jobs,
                                                     const Cancelled& cancelled) {
  std::unique_ptr<SourceFlow> flow(new SourceFlow);
  flow->config_ = &config;
  flow->total_bytes_ = source.total_bytes;
  flow->unwanted_ = source.unwanted;
  config.read_ahead = jobs > 1;
  auto head = source.first_bytes->peek(kFirstHead);
  if (!head) return head.error();
  if (auto surveyed = survey_values(config, *head, evidence, cancelled); !surveyed) return surveyed.error();
  for (unsigned i = 0; i < jobs; ++i) {
    flow->workers_.push_back(std::make_unique<Worker>(config));
    if (auto opened = flow->workers_.back()->open(); !opened) return opened.error();
  }
  flow->reader_ = std::make_unique<BlockReader>(config, std::move(source.first), std::move(source.first_bytes),
                                                or_unwanted(source.unwanted, cancelled));
  flow->notes_ = std::move(source.notes);
  return flow;
}

Result<void> SourceFlow::run(const std::function<Result<void>(Batch&)>& take) {
  return run_ordered<Item>(
      static_cast<unsigned>(workers_.size()), [this](Item& item) { return reader_->next(item.task); },
      [this](unsigned worker, Item& item) {
        item.batch.clear();
        workers_[worker]->run(item.task, item.batch);
      },
      [&](Item& item) {
        Result<void> taken = take(item.batch);
        if (!taken) *unwanted_ = true;
        item.batch.clear();
        return taken;
      });
}

void SourceFlow::enter_notes(Summary& summary) const {
  for (const auto* notes : {&notes_, &reader_->notes()}) summary.notes.insert(summary.notes.end(), notes->begin(), notes->end());
  reader_->findings().enter(config_->inputs, summary);
}

void SourceFlow::account(Summary& summary) const {
  for (const auto& worker : workers_) worker->account(summary);
  collapse_words(summary);
  std::vector<Normalizer::NamesMet> names;
  for (const auto& worker : workers_) names.push_back(worker->names_met());
  note_names_not_met(*config_, names, summary);
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

}  // namespace crosswalk
