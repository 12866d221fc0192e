// What an isolated adapter's process may do: compute, and answer.
#pragma once

#include <cstddef>

namespace crosswalk::isolate {

/// Before the library is loaded: no more memory than that, no core files, no files written, few open, no rise in rights, and the
/// end when the host ends.
void limit_process(std::size_t memory);

/// After it is loaded: memory, the answer, and the end of the process are the only calls left; others give EPERM. False where
/// the kernel has no seccomp: the limits stand all the same.
bool forbid_system_calls();

}  // namespace crosswalk::isolate
