// Conversations into a file of lines: JSON Lines, or bulk bodies.
#pragma once

#include <memory>
#include <string>

#include "crosswalk/result.hpp"
#include "crosswalk/translate.hpp"
#include "sinks/sink.hpp"

namespace crosswalk {

/// `path` and `updates_path` may be "-", standard output, but not both. Updates are JSON Lines in either format; with an
/// empty `updates_path` they are an error, else their file is written even when there are none, so that one of an earlier run is
/// not taken for this one's. Rejects go elsewhere.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_line_sink(const std::string& path, OutputFormat format,
                                                           const std::string& updates_path);

}  // namespace crosswalk
