// Summaries as JSON, for those who put several together.
#pragma once

#include <nlohmann/json.hpp>

#include "crosswalk/translate.hpp"

namespace crosswalk {

using Json = nlohmann::ordered_json;

/// One source's accounts.
[[nodiscard]] Json accounts_of(const Summary& summary);

}  // namespace crosswalk
