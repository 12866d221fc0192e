// Numbers as people and machines write them → exact decimals.
#pragma once

#include <optional>
#include <string_view>

#include "crosswalk/adapter.hpp"
#include "crosswalk/conversation.hpp"

namespace crosswalk {

/// `12`, `-0.5`, `1.25e3`; blanks around are fine, anything else is not. Nothing when it needs more than 18 digits: a
/// number is never rounded in silence.
[[nodiscard]] std::optional<Decimal> parse_decimal(std::string_view text);

/// A duration in seconds: a decimal in the given unit, or (always in the unit they say) `1h 20m 5s`, `HH:MM:SS`.
[[nodiscard]] std::optional<Decimal> parse_duration(std::string_view text, How unit);

[[nodiscard]] bool less(Decimal a, Decimal b);
[[nodiscard]] std::optional<Decimal> add(Decimal a, Decimal b);

}  // namespace crosswalk
