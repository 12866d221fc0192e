#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>

#include <fcntl.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <unistd.h>

#include "cli.hpp"

namespace crosswalk::cli {
namespace {

int output = STDOUT_FILENO;
std::atomic<int> signal_seen = 0;  // asked by the reading and the writing thread
std::atomic<std::int64_t> first_signal = 0;
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<std::int64_t>::is_always_lock_free);

std::int64_t now_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);  // may be called by a handler
  return std::int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

/// timeout(1) and some service managers signal a process and then its group, so once more: that is no second wish.
constexpr std::int64_t kSameWish = 300;  // ms

void on_signal(int number) {
  if (signal_seen == 0) {
    signal_seen = number;
    first_signal = now_ms();
  } else if (now_ms() - first_signal > kSameWish) {
    _exit(128 + number);  // asked twice: at once
  }
}

std::optional<unsigned> whole_number(std::string_view text) {
  unsigned number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

Result<Isolation> isolation_of(const AdapterArguments& arguments, const std::string& program) {
  Isolation isolation;
  isolation.program = program;
  isolation.cancelled = [] { return caught_signal() != 0; };
  if (arguments.isolate_seconds) {
    const auto seconds = whole_number(*arguments.isolate_seconds);
    if (!seconds || *seconds == 0 || *seconds > 86'400) {
      return Error{Errc::usage, fmt::format("--isolate-seconds: \"{}\" is not a number of seconds", *arguments.isolate_seconds),
                   "a whole number from 1 to 86400"};
    }
    isolation.seconds = *seconds;
  }
  if (arguments.isolate_memory) {
    constexpr std::size_t kLeast = std::size_t{16} << 20;
    const auto size = parse_size(*arguments.isolate_memory);
    if (!size || *size < kLeast) {
      return Error{Errc::usage,
                   fmt::format("--isolate-memory: \"{}\" is not a size of at least 16MiB", *arguments.isolate_memory),
                   "a whole number of bytes, or one with a unit: 512MiB, 1GiB, 2GB"};
    }
    isolation.memory = *size;
  }
  return isolation;
}

/// A folder that was named must be one: of a misspelt one nothing would be found, and nothing said.
Result<void> check_adapter_folder(const std::string& folder) {
  const std::string named = fmt::format("--adapter-dir {}", folder.empty() ? "\"\"" : folder);
  std::error_code failed;
  const std::filesystem::directory_iterator inside(folder, failed);
  if (!failed) return {};
  if (failed == std::errc::no_such_file_or_directory) {
    return Error{Errc::usage, fmt::format("{}: there is no such folder", named), "check the spelling of the path"};
  }
  if (failed == std::errc::not_a_directory) {
    return Error{Errc::usage, fmt::format("{}: this is not a folder", named),
                 "name the folder that holds the adapter's .so file"};
  }
  return Error{Errc::usage, fmt::format("{}: the folder cannot be looked into: {}", named, failed.message()),
               "have somebody let you read it"};
}

/// Folders of the environment's list must be absolute: a relative one is another folder wherever the program is started.
Result<void> check_adapter_path() {
  const char* const listed = std::getenv("CROSSWALK_ADAPTER_PATH");
  std::string_view list = listed == nullptr ? "" : listed;
  while (!list.empty()) {
    const std::string_view folder = list.substr(0, list.find(':'));
    list.remove_prefix(std::min(folder.size() + 1, list.size()));
    if (folder.empty() || folder.starts_with('/')) continue;
    return Error{Errc::usage, fmt::format("CROSSWALK_ADAPTER_PATH: \"{}\" is not an absolute path", folder),
                 "write folders from the root on, or name them with --adapter-dir"};
  }
  return {};
}

/// The end of a run that an adapter cut off: as after a kill, the next run removes what this one left.
void adapter_exited(std::string_view adapter) {
  if (adapter.empty()) {
    print_error("crosswalk: the process was ended in the middle of the run, by exit() in code that is not the program's\n");
  } else {
    print_error(fmt::format("crosswalk: {}: the adapter called exit(), which ends the whole program\n", printable(adapter)));
  }
  print_error("  report it to the adapter's author; with --isolate it ends a process of its own only\n");
}

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error that write() reports
  std::signal(SIGXFSZ, SIG_IGN);  // and so is a limit on the size of files
  std::signal(SIGCHLD, SIG_DFL);  // how an isolated adapter ended is ours to see, whatever started us
}

void prepare_descriptors() {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error that write() reports, or on standard error nothing
  constexpr int kModes[] = {O_WRONLY, O_RDONLY, O_WRONLY};  // 0 and 1: those that fail as a closed one does
  for (int fd = 0; fd < 3; ++fd) {
    if (::fcntl(fd, F_GETFD) != -1 || errno != EBADF) continue;
    [[maybe_unused]] const int null = ::open("/dev/null", kModes[fd]);  // the lowest number that is free
  }
  for (const int least : {100, 3}) {  // a number that nobody names, where there may be so many
    const int own = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, least);
    if (own < 0) continue;
    if (::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0) output = own;
    break;
  }
  set_standard_output(output);
}

void keep_memory_to_ourselves() {
  const rlimit none{};
  ::setrlimit(RLIMIT_CORE, &none);
#if defined(__linux__)
  ::prctl(PR_SET_DUMPABLE, 0);  // a core file may go to a program, whatever its limit
#endif
}

void print_error(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

int print_out(std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(output, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EPIPE) return report({Errc::closed, "", ""});
    if (written < 0) return report({Errc::io, fmt::format("standard output: cannot write: {}", std::strerror(errno)), ""});
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return kDone;
}

int standard_output() { return output; }

Result<Disambiguation> read_disambiguation(const std::string& text, const std::vector<std::string>& more) {
  if (auto policy = parse_disambiguation(text)) return policy;
  std::vector<std::string> names = more;
  for (const auto policy : {Disambiguation::reject, Disambiguation::later, Disambiguation::earlier, Disambiguation::compatible}) {
    names.emplace(names.begin(), name_of(policy));
  }
  return Error{Errc::usage, fmt::format("--disambiguation: \"{}\" is no way to decide a repeated or skipped local time", text),
               choices(text, names)};
}

int caught_signal() { return signal_seen; }

int report(const Error& error) {
  if (error.code == Errc::closed) return 128 + SIGPIPE;  // `| head` had enough; nothing to say
  print_error(fmt::format("crosswalk: {}\n", printable(error.message)));
  if (!error.cure.empty()) print_error(fmt::format("  {}\n", printable(error.cure)));
  if (error.code == Errc::unavailable) return kUnavailable;
  return error.code == Errc::usage ? kUsage : kFailed;
}

Result<unsigned> parse_jobs(std::string_view text) {
  if (const auto jobs = whole_number(text)) return *jobs;
  return Error{Errc::usage, fmt::format("--jobs: \"{}\" is not a number of threads", text),
               "a whole number such as 4; without --jobs there is one thread per processor"};
}

std::string program_path() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? std::string() : path.string();
}

Result<HostOptions> host_options(const AdapterArguments& arguments) {
  for (const std::string& folder : arguments.folders) {
    if (auto ok = check_adapter_folder(folder); !ok) return ok.error();
  }
  if (auto ok = check_adapter_path(); !ok) return ok.error();
  HostOptions options{adapter_folders(program_path(), arguments.folders), arguments.allow_unsafe};
  options.exited = adapter_exited;
  if (!arguments.isolate && (arguments.isolate_seconds || arguments.isolate_memory)) {
    return Error{Errc::usage, "a bound for isolated adapters is given, but they are not isolated", "say --isolate as well"};
  }
  if (arguments.isolate) {
    auto program = isolating_program(program_path(), arguments.allow_unsafe);
    if (!program) return program.error();
    auto isolation = isolation_of(arguments, *program);
    if (!isolation) return isolation.error();
    options.isolation = *isolation;
  }
  return options;
}

}  // namespace crosswalk::cli
