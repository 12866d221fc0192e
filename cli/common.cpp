#include <fmt/format.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include <unistd.h>

#include "cli.hpp"

namespace crosswalk::cli {
namespace {

std::atomic<int> signal_seen = 0;  // asked by the reading and the writing thread
static_assert(std::atomic<int>::is_always_lock_free);

void on_signal(int number) {
  if (signal_seen != 0) _exit(128 + number);  // asked twice: at once
  signal_seen = number;
}

}  // namespace

void watch_signals() {
  struct sigaction action {};
  action.sa_handler = on_signal;
  sigemptyset(&action.sa_mask);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is an error that write() reports
}

int print_out(std::string_view text) {
  if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) return kDone;
  if (errno == EPIPE) return report({Errc::closed, "", ""});
  return report({Errc::io, fmt::format("standard output: cannot write: {}", std::strerror(errno)), ""});
}

int caught_signal() { return signal_seen; }

int report(const Error& error) {
  if (error.code == Errc::closed) return 128 + SIGPIPE;  // `| head` had enough; nothing to say
  fmt::print(stderr, "crosswalk: {}\n", printable(error.message));
  if (!error.cure.empty()) fmt::print(stderr, "  {}\n", printable(error.cure));
  return error.code == Errc::usage ? kUsage : kFailed;
}

std::string program_path() {
  std::error_code failed;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", failed);
  return failed ? std::string() : path.string();
}

HostOptions host_options(const AdapterArguments& arguments) {
  return {adapter_folders(program_path(), arguments.folders), arguments.allow_unsafe};
}

}  // namespace crosswalk::cli
