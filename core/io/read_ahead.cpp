#include "io/read_ahead.hpp"

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "guarded.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kPieces = 4;
constexpr std::size_t kPieceSize = std::size_t{512} << 10;

class ReadAhead final : public ByteSource {
 public:
  ReadAhead() {
    for (Piece& piece : pieces_) piece.bytes.resize(kPieceSize);
  }
  /// Takes `inner` where a thread can be started.
  bool start(std::unique_ptr<ByteSource>& inner) {
    inner_ = std::move(inner);
    try {
      thread_ = std::thread([this] { fetch(); });
    } catch (const std::exception&) { inner = std::move(inner_); }
    return thread_.joinable();
  }
  ~ReadAhead() override {
    {
      const std::lock_guard lock(mutex_);
      unwanted_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  Result<std::size_t> read(char* to, std::size_t size) override {
    if (size == 0) return std::size_t{0};
    Piece& piece = pieces_[taken_ % kPieces];
    if (at_ == 0) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return fetched_ != taken_; });
    }
    if (piece.size == 0) {  // the last one: it is never given back
      if (piece.error) return *piece.error;
      return std::size_t{0};
    }
    const std::size_t count = std::min(size, piece.size - at_);
    std::memcpy(to, piece.bytes.data() + at_, count);
    at_ += count;
    if (at_ == piece.size) {
      at_ = 0;
      const std::lock_guard lock(mutex_);
      ++taken_;
      changed_.notify_all();
    }
    return count;
  }

 private:
  struct Piece {
    std::vector<char> bytes;
    std::size_t size = 0;        ///< 0: here the input ends, well or
    std::optional<Error> error;  ///< with this
  };

  /// The thread: pieces in turn, until one is the last.
  void fetch() {
    for (std::uint64_t number = 0;; ++number) {
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return unwanted_ || number - taken_ < kPieces; });
        if (unwanted_) return;
      }
      Piece& piece = pieces_[number % kPieces];
      const auto got = guarded([&] { return inner_->read(piece.bytes.data(), kPieceSize); });
      piece.size = got ? *got : 0;
      if (!got) piece.error = got.error();
      const std::lock_guard lock(mutex_);
      ++fetched_;
      changed_.notify_all();
      if (piece.size == 0) return;
    }
  }

  std::unique_ptr<ByteSource> inner_;  // the thread's
  std::array<Piece, kPieces> pieces_;  // number n stands at n % kPieces: the thread's until fetched, the reader's until taken
  std::size_t at_ = 0;                 // in the reader's piece; never at its end
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t fetched_ = 0;
  std::uint64_t taken_ = 0;  // written by the reader only
  bool unwanted_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> inner) {
  auto ahead = std::make_unique<ReadAhead>();
  if (!ahead->start(inner)) return inner;  // then it is read when it is wanted
  return ahead;
}

}  // namespace crosswalk
