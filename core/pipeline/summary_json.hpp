// Summaries as JSON, for those who put several together.
#pragma once

#include "crosswalk/json.hpp"
#include "crosswalk/translate.hpp"

namespace crosswalk {

/// One source's accounts.
[[nodiscard]] Json accounts_of(const Summary& summary);

}  // namespace crosswalk
