// What an isolated adapter's process may do: compute, and answer.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <string>

namespace crosswalk::isolate {

/// Before the library is loaded, whose code may run as it is: no more memory than that, no core files, no files written, no rise
/// in rights, the end when the host ends; of the system only what loading needs, which is to read files, and where the kernel has
/// Landlock only libraries. Empty, or why this cannot be had: then nothing may be loaded.
[[nodiscard]] std::string confine(std::size_t memory, pid_t host, const char* library);

/// After it is loaded: memory, the answer, and the end of the process are the only calls left; others give EPERM.
[[nodiscard]] std::string confine_further();

}  // namespace crosswalk::isolate
