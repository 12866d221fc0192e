#include "sandbox.hpp"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <vector>

namespace crosswalk::isolate {
namespace {

// A sanitizer reserves terabytes of addresses, and reads files when it reports.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // not known here: no filter
#endif

constexpr long kAllowed[] = {
    SYS_read,           SYS_write,        SYS_futex,
    SYS_mmap,           SYS_munmap,       SYS_mremap,
    SYS_mprotect,       SYS_madvise,      SYS_brk,
    SYS_exit,           SYS_exit_group,   SYS_rt_sigreturn,
    SYS_rt_sigprocmask, SYS_rt_sigaction, SYS_sigaltstack,
    SYS_sched_yield,    SYS_nanosleep,    SYS_clock_nanosleep,
    SYS_clock_gettime,  SYS_gettimeofday, SYS_restart_syscall,
    SYS_getrandom,      SYS_getpid,       SYS_gettid,
    SYS_getuid,         SYS_geteuid,      SYS_getgid,
    SYS_getegid,        SYS_uname,        SYS_sysinfo,
};

void limit(decltype(RLIMIT_AS) what, rlim_t value) {
  const rlimit both{value, value};
  ::setrlimit(what, &both);
}

}  // namespace

void limit_process(std::size_t memory) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_FSIZE, 0);
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_NOFILE, 32);
  if (!kSanitized) limit(RLIMIT_AS, memory);
}

bool forbid_system_calls() {
  if (kSanitized || kArchitecture == 0) return false;
  const auto load = [](std::size_t offset) -> sock_filter {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  };
  const sock_filter allow = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const sock_filter refuse = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM);
  std::vector<sock_filter> program = {
      load(offsetof(seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArchitecture, 1, 0),
      refuse,
      load(offsetof(seccomp_data, nr)),
  };
  for (const long call : kAllowed) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call), 0, 1));
    program.push_back(allow);
  }
  // A signal to itself is how abort() ends; to others there is none. (The low half of a little-endian argument.)
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(SYS_tgkill), 0, 3));
  program.push_back(load(offsetof(seccomp_data, args[0])));
  program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(::getpid()), 0, 1));
  program.push_back(allow);
  program.push_back(refuse);
  sock_fprog whole{};
  whole.len = static_cast<unsigned short>(program.size());
  whole.filter = program.data();
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0) == 0;
}

}  // namespace crosswalk::isolate
