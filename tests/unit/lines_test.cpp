#include "framing/lines.hpp"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

using namespace crosswalk;

namespace {

/// The line of every byte, and of the end, by the plainest of rules.
std::vector<std::uint64_t> lines_of(const std::string& text) {
  std::vector<std::uint64_t> lines{1};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool within_crlf = text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
    const bool ends = (text[i] == '\n' || text[i] == '\r') && !within_crlf;
    lines.push_back(lines.back() + (ends ? 1 : 0));
  }
  return lines;
}

std::string random_text(std::mt19937& random) {
  std::string text(random() % 300, 'x');
  for (char& c : text) {
    const auto dice = random() % 8;
    if (dice < 2) c = dice == 0 ? '\n' : '\r';
  }
  return text;
}

}  // namespace

TEST_CASE("lines: wherever a stream is divided, also inside a CRLF") {
  std::mt19937 random(8);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random);
    const std::vector<std::uint64_t> wanted = lines_of(text);
    LineCounter counter;
    for (std::size_t at = 0; at < text.size();) {
      CHECK(counter.line_of_next(text[at]) == wanted[at]);
      const std::size_t size = std::min<std::size_t>(random() % 100, text.size() - at);
      counter.count(text.data() + at, size);
      at += size;
    }
    CHECK(counter.line_of_next('\0') == wanted.back());
  }
}

TEST_CASE("lines: ascending positions in one text, its end among them") {
  std::mt19937 random(9);
  for (int round = 0; round < 500; ++round) {
    const std::string text = random_text(random);
    const std::vector<std::uint64_t> wanted = lines_of(text);
    TextLines lines(text, 10);
    for (std::size_t at = 0; at <= text.size(); at += random() % 20) CHECK(lines.at(at) == wanted[at] + 9);
    CHECK(lines.at(text.size()) == wanted.back() + 9);
  }
}
