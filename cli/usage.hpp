// What is wrong with a command line, in our own words.
#pragma once

#include <CLI/CLI.hpp>
#include <string_view>
#include <vector>

#include "crosswalk/result.hpp"

namespace crosswalk::cli {

/// The first fault of arguments that CLI11 refused, and its cure. CLI11's own texts name neither place nor cure.
[[nodiscard]] Error usage_error(const CLI::App& app, const std::vector<std::string_view>& arguments);

}  // namespace crosswalk::cli
