// Instances: which account of its vendor each source is of, and whether the job's ids keep accounts apart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "crosswalk/job.hpp"
#include "merge/id_template.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

/// Sets SourceConfig::instance of each of the job's sources. An error where two accounts could get one external_id, or
/// where it is not said whether sources are of one account, with its line of the job file. `notes` gets what the user should
/// know, by source.
[[nodiscard]] Result<void> settle_instances(const Job& job, const IdTemplate& external_id,
                                            const std::vector<std::unique_ptr<SourceConfig>>& configs,
                                            std::vector<std::vector<std::string>>& notes, std::uint32_t& line);

/// By source, the first one whose records are of the same conversations, in the same form: exports of one account by one
/// adapter that overlap. Mostly itself. After settle_instances().
[[nodiscard]] std::vector<std::uint32_t> lead_sources(const Job& job, const IdTemplate& external_id,
                                                      const std::vector<std::unique_ptr<SourceConfig>>& configs);

}  // namespace crosswalk
