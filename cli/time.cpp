#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "cli.hpp"

namespace crosswalk::cli {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 16;
constexpr std::size_t kLongestLine = std::size_t{1} << 16;

/// Lines in, lines out, in constant memory.
class TimeFilter {
 public:
  TimeFilter(TimeReader reader, const Zone* zone) : reader_(std::move(reader)), zone_(zone) {}

  void line(std::string_view text) {
    if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
    failed_ |= !append_time_answer(reader_, zone_, text, out_);
    out_ += '\n';
  }
  [[nodiscard]] bool failed() const { return failed_; }

  Result<void> flush() {
    std::string_view rest = out_;
    while (!rest.empty()) {
      const ssize_t n = ::write(standard_output(), rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EPIPE) return Error{Errc::closed, "standard output was closed", ""};
      if (n < 0) return Error{Errc::io, fmt::format("standard output: {}", std::strerror(errno)), ""};
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    out_.clear();
    return {};
  }

 private:
  TimeReader reader_;
  const Zone* zone_;
  std::string out_;
  bool failed_ = false;
};

/// Until there is something to read; false when a signal came. In short steps, since a signal that comes just before
/// poll() would interrupt nothing.
bool wait_for_input() {
  while (caught_signal() == 0) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int ready = ::poll(&input, 1, 50);
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;  // read() says better what it is
  }
  return false;
}

Result<void> filter(TimeFilter& to) {
  std::vector<char> chunk(kChunk);
  std::string partial;
  struct stat about {};
  const bool waits = ::fstat(STDIN_FILENO, &about) != 0 || !S_ISREG(about.st_mode);
  for (;;) {
    if (caught_signal() != 0 || (waits && !wait_for_input())) return Error{Errc::io, "interrupted", ""};
    const ssize_t n = ::read(STDIN_FILENO, chunk.data(), chunk.size());
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n < 0) return Error{Errc::io, fmt::format("standard input: {}", std::strerror(errno)), ""};
    if (n == 0) break;
    std::string_view rest(chunk.data(), static_cast<std::size_t>(n));
    for (std::size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; rest.remove_prefix(end + 1)) {
      if (partial.empty()) {
        to.line(rest.substr(0, end));
      } else {
        partial += rest.substr(0, end);
        to.line(partial);
        partial.clear();
      }
    }
    if (partial.size() < kLongestLine) partial += rest;
    if (auto ok = to.flush(); !ok) return ok;
  }
  if (!partial.empty()) to.line(partial);
  return to.flush();
}

}  // namespace

int run_time(const TimeArguments& arguments) {
  auto policy = read_disambiguation(arguments.disambiguation);
  if (!policy) return report(policy.error());
  auto format = TimeFormat::parse(arguments.format);
  if (!format) return report({Errc::usage, "--format: " + format.error().message, format.error().cure});
  auto zones = ZoneDatabase::open(arguments.zone_data);
  if (!zones) return report(zones.error());
  const Zone* zone = nullptr;
  if (!arguments.zone.empty()) {
    auto found = (*zones)->find(arguments.zone);
    if (!found) return report(found.error());
    zone = *found;
  }
  watch_signals();
  TimeFilter to(TimeReader(*format, zone, *policy, zones->get()), zone);
  if (auto ok = filter(to); !ok) return caught_signal() != 0 ? 128 + caught_signal() : report(ok.error());
  return to.failed() ? kSomeRejected : kDone;
}

}  // namespace crosswalk::cli
