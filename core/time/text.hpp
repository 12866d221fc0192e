// Small helpers for texts in core/time.
#pragma once

#include <string>
#include <string_view>

#include "digits.hpp"

namespace crosswalk::times {

/// Source text in quotes for a message: bounded, and nothing in it that a terminal could act on.
[[nodiscard]] std::string quoted(std::string_view text);

[[nodiscard]] constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

}  // namespace crosswalk::times
