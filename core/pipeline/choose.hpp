#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "crosswalk/adapter.hpp"

namespace crosswalk {

/// JSON when the first byte that is not blank is `{` or `[`.
[[nodiscard]] Framing framing_of(std::string_view head);

/// The highest score that an adapter bids on field names, which are folded (folded_name()); 0: it does not know them.
[[nodiscard]] int best_bid(const AdapterInfo& info, Framing framing, const std::set<std::string, std::less<>>& names);

}  // namespace crosswalk
