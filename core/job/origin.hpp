// What a run was made from: tells whether a plan that was cut off may be gone on with.
#pragma once

#include <string>

#include "crosswalk/job.hpp"

namespace crosswalk {

/// The job file and every input with its size and time, as JSON. Reads no input.
[[nodiscard]] Result<std::string> origin_of(const Job& job);

}  // namespace crosswalk
