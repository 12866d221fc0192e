// A path in a message. Private to core/io.
#pragma once

#include <string>

namespace crosswalk {

/// A path as it may stand in a message: a file name can hold anything, and must not be able to command a terminal.
[[nodiscard]] std::string shown_path(const std::string& path);

}  // namespace crosswalk
