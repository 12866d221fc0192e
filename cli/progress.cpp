#include "progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace crosswalk::cli {
namespace {

constexpr auto kPatience = std::chrono::seconds(2);  // shorter runs need no word
constexpr auto kPause = std::chrono::milliseconds(100);

/// Three digits and a unit: `999`, `1.2 k`, `48 M`.
std::string scaled(double number, std::string_view unit) {
  constexpr std::array<std::string_view, 5> kPrefixes = {"", "k", "M", "G", "T"};
  std::size_t prefix = 0;
  for (; number >= 999.5 && prefix + 1 < kPrefixes.size(); ++prefix) number /= 1000;
  const bool fraction = prefix != 0 && number < 9.95;
  const std::string_view blank = prefix == 0 && unit.empty() ? "" : " ";
  return fraction ? fmt::format("{:.1f}{}{}{}", number, blank, kPrefixes[prefix], unit)
                  : fmt::format("{:.0f}{}{}{}", number, blank, kPrefixes[prefix], unit);
}

std::string time_left(double wait) {
  const auto s = std::llround(std::min(wait, 1e9));
  if (s < 60) return fmt::format("{} s left", s);
  if (s < 3600) return fmt::format("{}:{:02} min left", s / 60, s % 60);
  return fmt::format("{}:{:02} h left", s / 3600, s / 60 % 60);
}

/// The first `width` characters.
void cut(std::string& text, std::size_t width) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool first_byte = (static_cast<unsigned char>(text[i]) & 0xC0) != 0x80;
    if (first_byte && ++characters > width) return text.resize(i);
  }
}

std::size_t terminal_width() {
  struct winsize size {};
  const bool known = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
  return known ? size.ws_col : 80;
}

void put(std::string_view text) {
  // What a terminal does not take is not worth waiting for or failing.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
}

bool smart_terminal() {
  const char* const kind = std::getenv("TERM");
  return ::isatty(STDERR_FILENO) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

}  // namespace

std::string progress_text(std::string_view source, const Progress& progress, double seconds, std::size_t width) {
  const auto bytes = static_cast<double>(progress.bytes);
  const auto total = static_cast<double>(progress.total_bytes);
  const bool total_known = progress.total_bytes >= progress.bytes && progress.total_bytes != 0;
  std::string text = printable(source);
  std::replace(text.begin(), text.end(), '\n', ' ');
  if (!text.empty()) text += ": ";
  text += fmt::format("{} records, {}", scaled(static_cast<double>(progress.records), ""), scaled(bytes, "B"));
  if (total_known) text += fmt::format(" of {} ({:.0f} %)", scaled(total, "B"), std::floor(100 * bytes / total));
  if (seconds > 0 && progress.bytes != 0) {
    const double rate = bytes / seconds;
    text += fmt::format(", {}/s", scaled(rate, "B"));
    if (total_known) text += ", " + time_left((total - bytes) / rate);
  }
  cut(text, width);
  return text;
}

ProgressLine::ProgressLine(bool wanted, int data)
    : shown_to_someone_(wanted && smart_terminal() && !(data >= 0 && ::isatty(data) == 1)) {}

void ProgressLine::update(std::string_view source, const Progress& progress) {
  if (!shown_to_someone_) return;
  const Clock::time_point now = Clock::now();
  if (!source_begun_ || source != source_) {
    source_ = source;
    source_begun_ = now;
  }
  if (now - begun_ < kPatience || (drawn_ && now - last_ < kPause)) return;
  const double seconds = std::chrono::duration<double>(now - *source_begun_).count();
  // The last column stays free: some terminals go to the next line when it is written.
  put("\r" + progress_text(source, progress, seconds, terminal_width() - 1) + "\x1b[K");
  drawn_ = true;
  last_ = now;
}

void ProgressLine::clear() {
  if (!drawn_) return;
  put("\r\x1b[K");
  drawn_ = false;
}

}  // namespace crosswalk::cli
