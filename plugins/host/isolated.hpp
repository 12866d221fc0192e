// Adapters in processes of their own: one for each translator.
#pragma once

#include <memory>

#include "crosswalk/adapter.hpp"
#include "crosswalk/host.hpp"

namespace crosswalk {

/// Loads nothing here: `info.path` is loaded by each translator's process. `isolation.program` is known to be safe.
[[nodiscard]] std::shared_ptr<const Adapter> isolated_adapter(AdapterInfo info, Isolation isolation);

}  // namespace crosswalk
