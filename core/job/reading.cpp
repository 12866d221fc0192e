#include "job/reading.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "job/instances.hpp"
#include "job/problems.hpp"
#include "pipeline/findings.hpp"
#include "pipeline/notes.hpp"
#include "pipeline/repetitions.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

Error usage(std::string message, std::string cure) { return {Errc::usage, std::move(message), std::move(cure)}; }

/// What a limit leaves to the merge: the program and the ring of blocks take their part, and so do stretches of the merge
/// that are on their way. Measured with ledger and order_by: 49 MiB of 64, 245 of 256. A limit below 64 MiB bounds the
/// merge; the process itself takes some 40 MiB.
std::size_t merge_memory(std::uint64_t limit, unsigned jobs) {
  const std::uint64_t fixed = (std::uint64_t{48} + 12 * std::uint64_t{jobs}) << 20;
  const std::uint64_t rest = limit > fixed ? limit - fixed : 0;
  return static_cast<std::size_t>(std::max(rest / 5 * 4, limit / 5));
}

constexpr std::size_t kMostUnknown = 20;
constexpr std::size_t kMostScopes = 10;  // of a table, in a message

}  // namespace

Error interrupted_run() { return {Errc::io, "interrupted; nothing is written", ""}; }

Result<void> JobReading::prepare() {
  std::vector<JobProblem> problems;  // all that is wrong is said at once
  tables_ = load_tables(job_, problems);
  IdTemplate external_id;
  if (!job_.external_id.empty()) {
    auto parsed = IdTemplate::parse(job_.external_id);
    if (!parsed) return parsed.error();
    external_id = std::move(*parsed);
  }
  bool all_there = true;
  for (std::size_t i = 0; i < job_.sources.size(); ++i) {
    const JobSource& source = job_.sources[i];
    auto prepared = prepare_source(options_of(job_, source), catalog_, hooks_.cancelled);
    const Result<void> sound = prepared ? check_start(*prepared) : Result<void>(prepared.error());
    if (!sound) {
      if (cancelled()) return interrupted_run();
      const std::size_t before = problems.size();
      find_problems(job_, source, catalog_, problems);
      if (problems.size() == before) problems.push_back({source.line, of_source(source, sound.error())});
      all_there = false;
      configs_.emplace_back();
      prepared_.emplace_back();
      continue;
    }
    SourceConfig& config = *prepared->config;
    config.in_job = true;
    config.number = static_cast<std::uint32_t>(i);
    config.ids = tables_;
    config.contributes = true;
    config.texts = texts_;
    config.column_sets = column_sets_;
    config.external_id = external_id;
    config.want_rejects = wants_.rejects;
    config.want_ledger = wants_.ledger;
    configs_.push_back(std::move(prepared->config));
    prepared_.push_back(std::move(*prepared));
  }
  if (all_there) {  // accounts are told apart by what the sources' adapters and settings say
    std::uint32_t line = 0;
    if (auto ok = settle_instances(job_, external_id, configs_, notes_, line); !ok) problems.push_back({line, ok.error()});
  }
  if (all_there) find_repeated_inputs();
  check_links(problems);
  if (!problems.empty()) return all_of(std::move(problems));
  leads_ = lead_sources(job_, external_id, configs_);
  return {};
}

/// The same records in two sources are two conversations, or one with two witnesses. Who adds to conversations may read what they
/// are made of.
void JobReading::find_repeated_inputs() {
  if (configs_.size() == 1) return;
  notes_.resize(configs_.size());
  Repetitions repetitions(hooks_.cancelled);
  std::vector<std::pair<std::size_t, std::string_view>> looked;  // source and path, as they were looked at
  for (std::size_t s = 0; s < configs_.size(); ++s) {
    if (job_.sources[s].enrich) continue;
    NoteList notes(notes_[s]);
    for (const std::string& path : configs_[s]->inputs) {
      looked.emplace_back(s, path);
      const auto earlier = repetitions.look(path, *configs_[s]->archives);
      if (!earlier) continue;
      const auto& [source, other] = looked[earlier->index];
      if (source == s) continue;
      notes.add(fmt::format("{} {} {} of source \"{}\", and its records are read in both", path, earlier->words(), other,
                            configs_[source]->name));
    }
    notes.close("inputs that other sources read");
  }
}

void JobReading::count_ids(std::size_t source, const Batch& batch, IdCounts& counts) {
  for (std::size_t kind = 0; kind < kIdKinds; ++kind) {
    coverage_[kind].add_known(batch.known_ids[kind]);
    counts.known[kind] += batch.known_ids[kind];
  }
  for (std::string_view entries = batch.unknown_ids.view(); !entries.empty();) {
    const entry::View one = entry::take(entries);
    const std::size_t kind = static_cast<unsigned char>(one.key.front());
    coverage_[kind].add_unknown(one.key.substr(1), one.payload, 1, configs_[source]->instance);
    ++counts.unknown[kind];
  }
}

/// A table that has no row at all for a source's platform and instance was hardly meant for it.
void JobReading::find_missing_rows(std::size_t source, const IdCounts& counts, Summary& summary) const {
  const SourceConfig& config = *configs_[source];
  Findings found;
  for (std::size_t kind = 0; kind < kIdKinds; ++kind) {
    const auto& table = tables_[kind].table;
    if (!table || counts.known[kind] != 0 || counts.unknown[kind] == 0) continue;
    if (table->has_rows_of(config.platform, config.instance)) continue;
    std::vector<std::string> scopes;
    for (const IdTable::Scope& scope : table->scopes()) {
      scopes.push_back(scope.instance.empty() ? shown(scope.platform)
                                              : shown(fmt::format("{} {}", scope.platform, scope.instance)));
      if (scopes.size() == kMostScopes && table->scopes().size() > kMostScopes) {
        scopes.emplace_back("…");
        break;
      }
    }
    const std::string_view name = name_of(static_cast<IdKind>(kind));
    const auto example = [&] {
      Finding finding;
      finding.message =
          fmt::format("[ids.{}s] {} has no row of platform {}{}{}, so no {} of this source is known", name, table->path(),
                      config.platform, config.instance.empty() ? "" : ", instance ", config.instance, name);
      finding.cure = scopes.empty() ? "the table has no rows at all"
                                    : fmt::format("add them, or correct the names in the table: its rows are of {}",
                                                  fmt::join(scopes, ", "));
      return finding;
    };
    found.add(fmt::format("no_{}_rows", name), {}, example, counts.unknown[kind]);
  }
  found.enter(config.inputs, summary);
}

std::vector<IdAccounts> JobReading::id_accounts() const {
  std::vector<IdAccounts> all;
  for (std::size_t kind = 0; kind < kIdKinds; ++kind) {
    if (!tables_[kind].table) continue;
    const IdCoverage& coverage = coverage_[kind];
    IdAccounts& one = all.emplace_back();
    one.kind = fmt::format("{}s", name_of(static_cast<IdKind>(kind)));
    one.file = tables_[kind].table->path();
    one.known = coverage.known();
    one.unknown = coverage.unknown();
    one.distinct_unknown = coverage.distinct();
    one.complete = coverage.complete();
    for (const IdCoverage::Unknown& u : coverage.top(kMostUnknown)) {
      one.most_frequent.push_back({std::string(u.platform), std::string(u.instance), std::string(u.id), u.count});
    }
  }
  return all;
}

/// What a link looks at must be carried.
void JobReading::check_links(std::vector<JobProblem>& problems) const {
  for (const LinkRule& rule : job_.links) {
    for (const LinkField* field : {&rule.left, &rule.right}) {
      const SourceConfig* const config = configs_[field->source].get();
      if (config == nullptr || field->target != Target::none || config->carries(field->metadata_key)) continue;
      problems.push_back({field->line, usage(fmt::format("{}: link field {}: the metadata setting of source \"{}\" leaves it out",
                                                         job_.path, field->text, config->name),
                                             fmt::format("add \"{}\" to its setting metadata", field->metadata_key))});
    }
  }
}

std::unique_ptr<Merger> JobReading::merger() const {
  MergePlan plan;
  for (std::size_t i = 0; i < configs_.size(); ++i) {
    plan.sources.push_back({configs_[i].get(), job_.sources[i].enrich, configs_[i]->is_snapshot(), leads_[i]});
    if (leads_[i] == i || !plan.first_inputs.empty()) continue;
    std::uint32_t inputs = 0;
    for (const auto& config : configs_) {
      plan.first_inputs.push_back(inputs);
      inputs += static_cast<std::uint32_t>(config->inputs.size());
    }
  }
  for (const auto& [target, sources] : job_.priorities) {
    auto& order = plan.order[static_cast<std::size_t>(target)];
    const auto add = [&](std::size_t source) {
      const std::uint32_t lead = leads_[source];
      if (std::find(order.begin(), order.end(), lead) == order.end()) order.push_back(lead);
    };
    for (const std::size_t source : sources) add(source);
    for (std::size_t source = 0; source < configs_.size(); ++source) add(source);
  }
  plan.several = job_.several;
  for (std::size_t i = 0; i < plan.several.size(); ++i) {
    if (plan.several[i]) plan.several[leads_[i]] = true;
  }
  plan.by_start = job_.order_by == Job::OrderBy::started_at;
  plan.ledger = wants_.ledger;
  plan.texts = texts_;
  plan.column_sets = column_sets_;
  return std::make_unique<Merger>(std::move(plan), job_.links, Merger::Limits{merge_memory(job_.memory_limit, jobs_), jobs_});
}

Result<void> JobReading::read(std::size_t i, Merger& merger, Books& books, Summary& summary,
                              const std::function<Result<void>(std::string_view)>& rejects) {
  const auto begun = std::chrono::steady_clock::now();
  const JobSource& asked = job_.sources[i];
  auto opened = SourceFlow::open(*configs_[i], std::move(prepared_[i]), asked.evidence, jobs_, hooks_.cancelled);
  if (!opened) {
    if (cancelled()) return interrupted_run();
    return of_source(asked, opened.error());
  }
  std::unique_ptr<SourceFlow> flow = std::move(*opened);
  describe(*configs_[i], asked.evidence, summary);
  summary.role = asked.enrich ? "enrich" : "merge";
  summary.instance = configs_[i]->instance;
  summary.rejects_kept = true;
  Progress progress;
  progress.total_bytes = flow->total_bytes();
  IdCounts ids;
  std::optional<Error> not_its_own;  // of what all sources share
  const auto take = [&](Batch& batch) -> Result<void> {
    if (cancelled()) return interrupted_run();
    if (auto ok = merger.add(batch.contributions.view()); !ok) return ok;
    if (auto ok = merger.add_ledger(batch.ledger.view()); !ok) return ok;
    return rejects(batch.rejects.view());
  };
  Result<void> result = flow->run([&](Batch& batch) -> Result<void> {
    if (auto ok = take(batch); !ok) {
      not_its_own = ok.error();
      return ok;
    }
    books.add(batch.books);
    count_ids(i, batch, ids);
    progress.records = books.read;
    progress.bytes += batch.bytes;
    if (hooks_.progress) hooks_.progress(asked.name, progress);
    if (batch.error) return *batch.error;
    return {};
  });
  if (result) {
    flow->account(summary);
    find_missing_rows(i, ids, summary);
  }
  summary.notes.insert(summary.notes.end(), notes_[i].begin(), notes_[i].end());
  flow->enter_notes(summary);
  summary.bytes_read = progress.bytes;
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  if (!result && cancelled()) return interrupted_run();  // whatever it was at
  if (not_its_own) return *not_its_own;
  if (!result) return of_source(asked, result.error());
  if (books.read == 0 && !asked.allow_empty) {
    return Error{
        Errc::data,
        fmt::format("source \"{}\": there is no record in its inputs, and without it the view would not be whole", asked.name),
        "look at its export; where it may be empty, set allow_empty = true"};
  }
  return {};
}

}  // namespace crosswalk
