#include "io/read_ahead.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "folder.hpp"

using namespace crosswalk;

namespace {

constexpr std::size_t kMostAhead = std::size_t{2} << 20;

std::string noise(std::size_t size) {
  std::mt19937 random(7);
  std::string text(size, '\0');
  for (char& c : text) c = static_cast<char>(random());
  return text;
}

/// Gives its bytes in reads of changing size, counts them, and then ends or fails.
class Counting final : public ByteSource {
 public:
  Counting(std::string bytes, bool fails, std::atomic<std::size_t>& given)
      : bytes_(memory_source(std::move(bytes))), fails_(fails), given_(given) {}
  Result<std::size_t> read(char* to, std::size_t size) override {
    const auto got = bytes_->read(to, std::min<std::size_t>(size, 1 + random_() % 400'000));
    given_ += *got;
    if (*got == 0 && fails_) return Error{Errc::io, "the disk is gone", ""};
    return got;
  }

 private:
  std::unique_ptr<ByteSource> bytes_;
  bool fails_;
  std::atomic<std::size_t>& given_;
  std::mt19937 random_{11};
};

}  // namespace

TEST_CASE("read ahead: the same bytes in reads of any size, then the end or the error, again and again") {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{5'000}, std::size_t{9'000'000}}) {
    const std::string text = noise(size);
    for (const std::size_t step : {std::size_t{1'000}, std::size_t{1'000'000}}) {
      for (const bool fails : {false, true}) {
        CAPTURE(size);
        CAPTURE(step);
        CAPTURE(fails);
        std::atomic<std::size_t> given = 0;
        const auto source = read_ahead(std::make_unique<Counting>(text, fails, given));
        std::string got, buffer(step, '\0');
        char none = 0;
        CHECK(*source->read(&none, 0) == 0);
        auto count = source->read(buffer.data(), step);
        for (; count && *count > 0; count = source->read(buffer.data(), step)) got.append(buffer, 0, *count);
        const bool same = got == text;
        CHECK(same);
        for (int again = 0; again < 3; ++again) {
          const auto end = source->read(buffer.data(), step);
          CHECK(end.ok() == !fails);
          if (end) CHECK(*end == 0);
          if (!end) CHECK(end.error().message == "the disk is gone");
        }
      }
    }
  }
}

TEST_CASE("read ahead: no more than so much is held, and nobody has to read it to the end") {
  std::atomic<std::size_t> given = 0;
  const std::string text = noise(20'000'000);
  {
    const auto source = read_ahead(std::make_unique<Counting>(text, false, given));
    char first = 0;
    CHECK(*source->read(&first, 1) == 1);
    CHECK(first == text[0]);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    CHECK(given > 0);
  }
  CHECK(given <= kMostAhead);
}

TEST_CASE("read ahead: ends at once over a silent pipe that nobody wants any more") {
  const Folder folder;
  const std::string path = folder / "silent";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const int writer = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  const std::string text = "Id,Subject\n1,more than is looked at beforehand\n";
  REQUIRE(::write(writer, text.data(), text.size()) == static_cast<ssize_t>(text.size()));
  const auto begun = std::chrono::steady_clock::now();
  std::atomic<bool> unwanted = false;
  auto file = open_input(path, [&] { return unwanted.load(); });
  REQUIRE(file.ok());
  auto source = read_ahead(std::move(file->bytes));
  std::string got(text.size(), '\0');
  for (std::size_t size = 0; size < got.size();) size += *source->read(got.data() + size, got.size() - size);
  CHECK(got == text);
  unwanted = true;
  source.reset();
  CHECK(std::chrono::steady_clock::now() - begun < std::chrono::seconds(5));
  ::close(writer);
}
