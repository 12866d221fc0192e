#pragma once

#include <map>
#include <string>
#include <string_view>

#include "crosswalk/adapter.hpp"
#include "crosswalk/result.hpp"

namespace crosswalk {

/// JSON when the first byte that is not blank is `{` or `[`.
[[nodiscard]] Framing framing_of(std::string_view head);

/// Does an input look like what an adapter reads that somebody chose for it? A note that says what it has instead; empty: it
/// does, or the adapter does not say what its inputs look like. A page whose records stand where nobody looks is an error that
/// names the setting.
[[nodiscard]] Result<std::string> doubt_about(const AdapterInfo& adapter, std::string_view head, std::string_view input_name,
                                              const std::map<std::string, std::string, std::less<>>& settings);

}  // namespace crosswalk
