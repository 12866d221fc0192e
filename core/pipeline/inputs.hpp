// Which inputs a source has: patterns expanded, the same bytes only once.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "crosswalk/result.hpp"
#include "io/input.hpp"
#include "pipeline/members.hpp"

namespace crosswalk {

struct InputList {
  std::vector<std::string> paths;
  std::vector<std::string> notes;  ///< what was left out, and why
  bool none = false;               ///< no pattern matched, which is allowed; `paths` holds the first of them
};

/// A file that is named twice (by its device and inode), or that holds what another one holds, is read once: it was named by a
/// slip, or downloaded twice, and its records would count twice. See Repetitions for what is read for that.
/// `choose` may leave members of archives out before that.
using ChooseMembers = std::function<Result<void>(std::vector<InputPath>& paths, std::vector<std::string>& notes)>;
[[nodiscard]] Result<InputList> list_inputs(const std::vector<std::string>& inputs, bool allow_empty, Archives& archives,
                                            const ChooseMembers& choose = {}, const Cancelled& cancelled = {});

}  // namespace crosswalk
