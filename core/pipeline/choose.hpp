#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "crosswalk/adapter.hpp"
#include "crosswalk/result.hpp"

namespace crosswalk {

/// JSON when the first byte that is not blank is `{` or `[`.
[[nodiscard]] Framing framing_of(std::string_view head);

using FoldedNames = std::set<std::string, std::less<>>;  ///< by folded_name()
/// The highest score that an adapter bids on field names; 0: it does not know them.
[[nodiscard]] int best_bid(const AdapterInfo& info, Framing framing, const FoldedNames& names);

/// Does an input look like what an adapter reads that somebody chose for it? A note that says what it has instead; empty: it
/// does, or the adapter does not say what its inputs look like. A page whose records stand where nobody looks is an error that
/// names the setting.
[[nodiscard]] Result<std::string> doubt_about(const AdapterInfo& adapter, std::string_view head, std::string_view input_name,
                                              const std::map<std::string, std::string, std::less<>>& settings);

}  // namespace crosswalk
