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

/// What cleaned() had to make.
struct CleanRoom {
  char bytes[128];
};
/// A text as it is seen: Unicode's blanks as plain ones, none at its ends, without characters that show nothing. One that is
/// longer than the room stays as it is.
[[nodiscard]] std::string_view cleaned(std::string_view text, CleanRoom& room);

}  // namespace crosswalk::times
