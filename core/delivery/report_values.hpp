// What reports.cpp and reports_errors.cpp both ask of an answer's values.
#pragma once

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <string>

#include "delivery/answer_words.hpp"

namespace crosswalk::delivery {

template <std::size_t N>
[[nodiscard]] bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

inline constexpr std::array<std::string_view, 8> kCodeKeys = {"code",         "retcode",    "returncode", "errcode",
                                                              "responsecode", "resultcode", "errno",      "errorcode"};

[[nodiscard]] inline std::string text_of(const nlohmann::json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

[[nodiscard]] inline int status_in(const nlohmann::json& value) {
  if (value.is_number_unsigned()) return static_cast<int>(std::min<std::uint64_t>(value.get<std::uint64_t>(), 9999));
  if (value.is_string()) {
    return static_cast<int>(std::min<std::size_t>(whole_number(value.get_ref<const std::string&>()).value_or(0), 9999));
  }
  return 0;
}

}  // namespace crosswalk::delivery
