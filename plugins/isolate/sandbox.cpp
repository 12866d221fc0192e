#include "sandbox.hpp"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <vector>

#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif

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

/// A call that is allowed; where `argument` is not negative only if those bits of it have that value. (Of an argument the low
/// half is looked at: both kinds of processor are little-endian.)
struct Rule {
  long call;
  int argument = -1;
  std::uint32_t bits = 0, value = 0;
};

std::vector<Rule> rules_of_work() {
  return {
      {SYS_read},
      {SYS_write},
      {SYS_futex},
      {SYS_mmap, 3, MAP_SHARED, 0},  // MAP_SHARED_VALIDATE has that bit as well
      {SYS_munmap},
      {SYS_mremap},
      {SYS_mprotect},
      {SYS_madvise},
      {SYS_brk},
      {SYS_exit},
      {SYS_exit_group},
      {SYS_rt_sigreturn},
      {SYS_rt_sigprocmask},
      {SYS_rt_sigaction},
      {SYS_sigaltstack},
      {SYS_sched_yield},
      {SYS_nanosleep},
      {SYS_clock_nanosleep},
      {SYS_clock_gettime},
      {SYS_gettimeofday},
      {SYS_restart_syscall},
      {SYS_getrandom},
      {SYS_getpid},
      {SYS_gettid},
      {SYS_getuid},
      {SYS_geteuid},
      {SYS_getgid},
      {SYS_getegid},
      {SYS_uname},
      {SYS_sysinfo},
      {SYS_tgkill, 0, UINT32_MAX, static_cast<std::uint32_t>(::getpid())},  // how abort() ends
  };
}

std::vector<Rule> rules_of_loading() {
  std::vector<Rule> rules = rules_of_work();
  rules.insert(rules.end(), {
                                {SYS_openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY},
                                {SYS_close},
                                {SYS_fstat},
                                {SYS_newfstatat},
                                {SYS_pread64},
                                {SYS_lseek},
                                {SYS_faccessat},
                                {SYS_readlinkat},
#ifdef SYS_access
                                {SYS_access},
                                {SYS_readlink},
                                {SYS_stat},
#endif
                                {SYS_prctl, 0, UINT32_MAX, PR_SET_SECCOMP},
                            });
  return rules;
}

/// Filters add up: what one of them refuses, no other allows.
bool allow_only(const std::vector<Rule>& rules) {
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
  for (const Rule& rule : rules) {
    const auto call = static_cast<std::uint32_t>(rule.call);
    if (rule.argument < 0) {
      program.insert(program.end(), {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1), allow});
      continue;
    }
    const std::size_t argument = offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(rule.argument);
    program.insert(program.end(), {BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 5), load(argument),
                                   BPF_STMT(BPF_ALU | BPF_AND | BPF_K, rule.bits),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, rule.value, 0, 1), allow, refuse});
  }
  program.push_back(refuse);
  sock_fprog whole{};
  whole.len = static_cast<unsigned short>(program.size());
  whole.filter = program.data();
  return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole, 0, 0) == 0;
}

/// Of files, those that a library may need, for reading. Kernels before 5.13, and some that leave it out, do not know this.
void allow_only_libraries([[maybe_unused]] const char* library) {
#if defined(LANDLOCK_ACCESS_FS_MAKE_SYM) && defined(SYS_landlock_create_ruleset)
  landlock_ruleset_attr all{};
  all.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // the first version of it knows so many
  const int rules = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &all, sizeof all.handled_access_fs, 0));
  if (rules < 0) return;
  for (const char* path : {library, "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache"}) {
    landlock_path_beneath_attr beneath{};
    beneath.parent_fd = ::open(path, O_PATH | O_CLOEXEC);
    if (beneath.parent_fd < 0) continue;
    beneath.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
    ::syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0);
    ::close(beneath.parent_fd);
  }
  ::syscall(SYS_landlock_restrict_self, rules, 0);
  ::close(rules);
#endif
}

bool limit(decltype(RLIMIT_AS) what, rlim_t value) {
  const rlimit both{value, value};
  return ::setrlimit(what, &both) == 0;
}

std::string cannot(const char* what) {
  return std::string("its process cannot be confined on this system: ") + what + ": " + std::strerror(errno);
}

}  // namespace

std::string confine(std::size_t memory, pid_t host, const char* library) {
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return cannot("PR_SET_PDEATHSIG");
  if (::getppid() != host) ::_exit(0);  // it is gone already
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return cannot("PR_SET_NO_NEW_PRIVS");
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_FSIZE, 0) || !limit(RLIMIT_NPROC, 0) || !limit(RLIMIT_NOFILE, 32)) {
    return cannot("setrlimit");
  }
  if (kSanitized) return {};
  if (::prctl(PR_SET_DUMPABLE, 0) != 0) return cannot("PR_SET_DUMPABLE");  // a core file may go to a program, whatever its limit
  if (!limit(RLIMIT_DATA, memory)) return cannot("RLIMIT_DATA");
  if (kArchitecture == 0) {
    errno = ENOSYS;
    return cannot("this kind of processor");
  }
  allow_only_libraries(library);
  return allow_only(rules_of_loading()) ? std::string() : cannot("seccomp");
}

std::string confine_further() { return kSanitized || allow_only(rules_of_work()) ? std::string() : cannot("seccomp"); }

}  // namespace crosswalk::isolate
