// The inside of read_job(), for tests.
#pragma once

#include <string>
#include <string_view>

#include "crosswalk/job.hpp"

namespace crosswalk {

/// The job that a text describes, as if it stood in the file `path`, which is not touched. `catalog`: see read_job().
[[nodiscard]] Result<Job> parse_job(std::string_view text, const std::string& path, AdapterCatalog* catalog = nullptr);

}  // namespace crosswalk
