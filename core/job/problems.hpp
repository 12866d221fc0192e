// What is wrong with a job beyond its file: inputs that are not there, adapters and settings, tables of ids.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "crosswalk/job.hpp"
#include "merge/identity.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

struct JobProblem {
  std::uint32_t line = 0;  ///< of the job file; 0: of the file as a whole
  Error error;
};

/// What `translate` would be told of a source.
[[nodiscard]] TranslateOptions options_of(const Job& job, const JobSource& source);
/// An error of a source, in the words of a job.
[[nodiscard]] Error of_source(const JobSource& source, const Error& error);
/// All that is wrong with a source, as far as it can be seen without reading it.
void find_problems(const Job& job, const JobSource& source, AdapterCatalog& catalog, std::vector<JobProblem>& problems);
/// The tables of ids that the job names, by kind.
[[nodiscard]] std::array<IdUse, kIdKinds> load_tables(const Job& job, std::vector<JobProblem>& problems);
/// Problems as one error, in the order of the job file. Not empty.
[[nodiscard]] Error all_of(std::vector<JobProblem> problems);

}  // namespace crosswalk
