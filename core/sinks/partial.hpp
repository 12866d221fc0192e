// A file under a temporary name beside the one that it will have.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>

namespace crosswalk {

/// Opens a new file beside `target` that nobody else may read, locked as long as its descriptor, or a copy of that, is open. What
/// killed runs left beside the target is removed first: it is known by its name, and that nobody holds its lock.
/// Gives the descriptor and the name; -1: errno says why.
[[nodiscard]] int open_partial(const std::string& target, int access, std::string& name);

/// Whether a name is the target's with a process and perhaps a count behind it.
[[nodiscard]] bool is_partial_of(std::string_view name, std::string_view target);

/// The mode of a new file under this process's umask. It is read, not set and restored: other threads may be making files.
[[nodiscard]] std::optional<mode_t> usual_mode();

/// A name that was put in the folder of `path` outlives a power cut.
void sync_folder_of(const std::string& path);

}  // namespace crosswalk
