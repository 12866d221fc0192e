// Inputs as they are named become paths: globs, zip archives and their members.
#pragma once

#include <string>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "crosswalk/result.hpp"
#include "crosswalk/translate.hpp"
#include "io/input.hpp"

namespace crosswalk {

struct InputPath {
  std::string path;
  bool of_whole_archive = false;  ///< nobody named it: the adapter says whether it is read
};

/// The paths that an input names: those that a glob matches; of a zip archive its members, by name, but for folders, empty
/// ones and what macOS leaves behind, which is noted; of `export.zip!*.csv` the members that the glob matches as a whole.
[[nodiscard]] Result<std::vector<InputPath>> expand_input(const std::string& input, Archives& archives,
                                                          std::vector<std::string>& notes);

/// Of the members of whole archives leaves those that the adapter recognises; where none is set, the first input that one
/// recognises says which. The others are noted; an archive of which none is left is an error.
[[nodiscard]] Result<void> leave_recognised(const TranslateOptions& options, AdapterCatalog& catalog,
                                            std::vector<InputPath>& paths, Archives& archives, const Cancelled& cancelled,
                                            std::vector<std::string>& notes);

}  // namespace crosswalk
