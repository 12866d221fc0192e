// What a field says of whether the source has deleted a record: `deleted`, `is_deleted`, `deleted_at` and their like.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/plugin.hpp"

namespace crosswalk::plugin {

class Deletion {
 public:
  enum class Said : std::uint8_t { no, yes, neither };

  explicit Deletion(Setup& setup) {
    std::string_view texts = setup.setting("placeholder_texts");
    while (!texts.empty()) {
      const std::size_t end = std::min(texts.find('\n'), texts.size());
      placeholders_.push_back(folded(texts.substr(0, end)));
      texts.remove_prefix(std::min(end + 1, texts.size()));
    }
  }

  /// A word, a number, or the time of the deletion. What stands where nothing is, says no.
  [[nodiscard]] Said said(const cw_field& field) const {
    if (field.kind == CW_NULL) return Said::no;
    if (field.kind > CW_NULL) return Said::neither;
    const std::string text = folded(view(field));
    for (const std::string_view no : {"", "false", "f", "no", "n", "off", "0", "-1", "0.0"}) {
      if (text == no) return Said::no;
    }
    for (const std::string_view yes : {"true", "t", "yes", "y", "on", "1", "1.0", "deleted"}) {
      if (text == yes) return Said::yes;
    }
    if (is_placeholder(text)) return Said::no;
    return is_time(text) ? Said::yes : Said::neither;
  }

 private:
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

  /// A word for nothing, or a date for no time, whatever time of the day stands behind it.
  [[nodiscard]] bool is_placeholder(std::string_view text) const {
    const bool zero = !placeholders_.empty() && text.find_first_not_of("0-/.:t zu+") == std::string_view::npos;
    return zero || std::any_of(placeholders_.begin(), placeholders_.end(), [text](const std::string& one) {
             const bool date = is_digit(one.front()) && is_digit(one.back());
             return date ? text.starts_with(one) && !is_digit(text.substr(one.size(), 1).empty() ? ' ' : text[one.size()])
                         : text == one;
           });
  }

  /// Written as times are: it begins with a digit, and has enough of them.
  static bool is_time(std::string_view text) {
    const auto digits = static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_digit));
    return is_digit(text.front()) && digits >= (digits == text.size() ? 8 : 6);
  }

  std::vector<std::string> placeholders_;  // folded
};

}  // namespace crosswalk::plugin
