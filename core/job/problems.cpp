#include "job/problems.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "pipeline/flow.hpp"

namespace crosswalk {

TranslateOptions options_of(const Job& job, const JobSource& source) {
  TranslateOptions asked;
  asked.source_name = source.name;
  asked.adapter = source.adapter;
  asked.inputs = source.inputs;
  asked.allow_empty = source.allow_empty;
  asked.time_zone = source.time_zone;
  asked.disambiguation = source.disambiguation;
  asked.evidence = source.evidence;
  asked.enrich = source.enrich;
  asked.settings = source.settings;
  asked.zone_data = job.zone_data;
  return asked;
}

Error of_source(const JobSource& source, const Error& error) {
  return {error.code, fmt::format("source \"{}\": {}", source.name, error.message), job_words(error.cure)};
}

void find_problems(const Job& job, const JobSource& source, AdapterCatalog& catalog, std::vector<JobProblem>& problems) {
  for (const Error& error : problems_of(options_of(job, source), catalog)) {
    problems.push_back({source.line, of_source(source, error)});
  }
}

std::array<IdUse, kIdKinds> load_tables(const Job& job, std::vector<JobProblem>& problems) {
  std::array<IdUse, kIdKinds> tables;
  const IdRule* const rules[kIdKinds] = {&job.agents, &job.queues, &job.customers};
  for (std::size_t kind = 0; kind < kIdKinds; ++kind) {
    if (rules[kind]->file.empty()) continue;
    auto table = IdTable::load(rules[kind]->file);
    if (table) {
      tables[kind] = {std::move(*table), rules[kind]->unknown};
      continue;
    }
    const Error& e = table.error();
    problems.push_back({rules[kind]->line,
                        {e.code == Errc::data || e.code == Errc::io ? Errc::usage : e.code,
                         fmt::format("[ids.{}s]: {}", name_of(static_cast<IdKind>(kind)), e.message), e.cure}});
  }
  return tables;
}

Error all_of(std::vector<JobProblem> problems) {
  if (problems.size() == 1) return problems.front().error;
  constexpr std::size_t kMost = 20;
  std::stable_sort(problems.begin(), problems.end(), [](const JobProblem& a, const JobProblem& b) { return a.line < b.line; });
  Error all{problems.front().error.code, fmt::format("{} problems", problems.size()), ""};
  for (std::size_t i = 0; i < problems.size(); ++i) {
    const Error& error = problems[i].error;
    if (error.code == Errc::usage) all.code = Errc::usage;
    if (i >= kMost) continue;
    all.message += "\n" + error.message;
    if (!error.cure.empty()) all.message += "\n  " + error.cure;
  }
  if (problems.size() > kMost) all.message += fmt::format("\nand {} more", problems.size() - kMost);
  return all;
}

}  // namespace crosswalk
