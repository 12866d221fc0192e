// Entries sorted by key, in bounded memory: what does not fit waits on disk, sorted and compressed.
//
// The merge, the ledger and the output order are all this: entries in any order in, sorted entries out, the same whatever
// the memory. Filling is for one thread; once sealed, any number of cursors may read at once.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "crosswalk/result.hpp"
#include "encode/buffer.hpp"
#include "io/spill_file.hpp"
#include "large_pages.hpp"
#include "merge/entry_order.hpp"

namespace crosswalk {

/// Entries lie in a buffer as: key size, payload size (32 bits each, native), key, payload.
namespace entry {
inline constexpr std::size_t kHead = 8;
/// Appends an entry's head and key; the caller appends the payload, then calls end() with what begin() returned.
std::size_t begin(Buffer& out, std::string_view key);
void end(Buffer& out, std::size_t begun);
/// The same where there is room: writes head and key, returns where the payload begins; then its end is told.
inline char* put_key(char* at, std::string_view key) {
  const auto size = static_cast<std::uint32_t>(key.size());
  std::memcpy(at, &size, sizeof size);
  if (!key.empty()) std::memcpy(at + kHead, key.data(), key.size());
  return at + kHead + key.size();
}
inline void add(Buffer& out, std::string_view key, std::string_view payload) {
  const std::size_t begun = begin(out, key);
  out.add(payload);
  end(out, begun);
}
struct View {
  std::string_view key, payload;
};
/// Of the entry that lies at `at`.
[[nodiscard]] inline std::uint32_t size_word(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}
inline void end(char* at, const char* payload_end) {
  const auto size = static_cast<std::uint32_t>(static_cast<std::size_t>(payload_end - at) - kHead - size_word(at));
  std::memcpy(at + 4, &size, sizeof size);
}
[[nodiscard]] inline std::string_view key_at(const char* at) { return {at + kHead, size_word(at)}; }
[[nodiscard]] inline std::string_view payload_at(const char* at) { return {at + kHead + size_word(at), size_word(at + 4)}; }
[[nodiscard]] inline std::size_t size_at(const char* at) {
  return kHead + std::size_t{size_word(at)} + std::size_t{size_word(at + 4)};
}
/// The first of some entries, which is taken from them.
View take(std::string_view& entries);
}  // namespace entry

class Sorter {
 public:
  /// `budget` bytes of memory (at least 1 MiB is used); `spill` may be shared. seal() sorts with so many threads, and half of
  /// them sort and spill while more comes.
  Sorter(std::size_t budget, SpillFile& spill, unsigned threads = 1);
  ~Sorter();
  Sorter(const Sorter&) = delete;
  Sorter& operator=(const Sorter&) = delete;

  /// Whole entries, as entry::begin and end make them. Copied.
  Result<void> add(std::string_view entries);
  /// Nothing more comes.
  Result<void> seal();

  [[nodiscard]] std::uint64_t entries() const { return entries_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] bool spilled() const { return spilled_; }

  /// Keys that divide what is there into parts of about `part` bytes; each is the first key of a part. Sealed only.
  [[nodiscard]] Result<std::vector<std::string>> cuts(std::uint64_t part) const;

 private:
  friend class SorterCursor;
  /// Memory in which entries lie and stay.
  struct Chunk {
    struct Free {
      void operator()(char* allocated) const { std::free(allocated); }
    };
    std::unique_ptr<char[], Free> bytes;
    std::size_t size = 0;
  };
  struct Piece {
    SpillFile::Piece where;
    std::string first_key;
    std::uint32_t part = 0;  // its keys lie from splits_[part - 1] up to splits_[part]
  };
  struct Run {
    std::vector<Chunk> chunks;
    std::size_t chunks_used = 0;
    char* next = nullptr;  // in the chunk that is being filled
    std::size_t left = 0;
    EntryRefs order;            // filled in order of arrival, then sorted
    std::size_t shared = 0;     // with how many bytes all keys begin
    std::vector<Piece> pieces;  // once spilled
    std::uint64_t entries = 0, size = 0;
    std::size_t held = 0;  // bytes this run counts for in memory
    unsigned level = 0;
    enum class State : std::uint8_t { full, sorting, sorted, spilling, spilled, merging } state = State::full;
    /// Of a sorted one in memory: the entries from one key up to another.
    [[nodiscard]] std::span<const EntryRef> between(std::string_view from, const std::optional<std::string>& until) const;
    [[nodiscard]] bool on_disk() const { return state == State::spilled || state == State::merging; }
  };
  using Runs = std::vector<std::unique_ptr<Run>>;
  struct Range;
  class Reader;
  class Tournament;
  class Pieces;

  void open_chunk(Run& run, std::size_t at_least);
  void reserve_order(Run& run);
  void note_shared(std::string_view key);
  void sort(Run& run);
  void join_runs();
  void split(const Run& run);
  [[nodiscard]] bool ends_by(const Piece& piece, std::string_view key) const;
  Result<void> spill(Run& run);
  [[nodiscard]] std::vector<Run*> to_merge() const;
  Result<void> merge(const std::vector<Run*>& runs);
  void start_run();
  Result<void> hand_over();
  void background();
  Result<void> background_step(std::unique_lock<std::mutex>& lock, bool& idle);

  std::size_t budget_, run_size_, chunk_size_, piece_size_, fan_in_;
  SpillFile& spill_;
  unsigned thread_count_;
  std::unique_ptr<Run> current_, spare_;  // the spare one's memory is used again
  Runs runs_;                             // in order of arrival; when sealed without a spill, one
  std::vector<std::string> splits_;       // where every run's pieces end; chosen by the first one that is spilled
  std::uint64_t entries_ = 0, bytes_ = 0;
  std::string first_key_;
  std::size_t shared_ = 0;    // with how many bytes all keys begin
  std::size_t last_run_ = 0;  // how many entries it had
  bool spilled_ = false;

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<void(std::size_t)> body_ = [this](std::size_t) { background(); };
  bool started_ = false;
  std::vector<std::jthread> threads_;  // as many as could be started
  std::size_t held_ = 0;
  bool wants_room_ = false, stop_ = false;
  std::optional<Error> error_;
};

/// Walks a sealed sorter's entries from one key to another. Views are valid until the next call of next().
class SorterCursor {
 public:
  /// From the first entry with a key not less than `from`, up to the first not less than `until` (nullopt: the end).
  static Result<std::unique_ptr<SorterCursor>> open(const Sorter& sorter, std::string_view from = {},
                                                    std::optional<std::string> until = std::nullopt);
  ~SorterCursor();

  /// False at the end. An error is final.
  Result<bool> next() {
    if (!in_memory_) return next_of_runs();
    if (rest_.empty()) return false;
    fetch_ahead(rest_);
    const char* const at = rest_.front().at;
    key_ = entry::key_at(at);
    payload_ = entry::payload_at(at);
    rest_ = rest_.subspan(1);
    return true;
  }
  [[nodiscard]] std::string_view key() const { return key_; }
  [[nodiscard]] std::string_view payload() const { return payload_; }
  /// Whether views stay valid as long as the sorter does.
  [[nodiscard]] bool lasting() const { return in_memory_; }

 private:
  SorterCursor();
  Result<bool> next_of_runs();
  std::string from_;
  std::optional<std::string> until_;
  std::unique_ptr<Sorter::Tournament> readers_;
  bool begun_ = false;
  bool in_memory_ = false;  // all of the sorter is, as one run
  std::span<const EntryRef> rest_;
  std::string_view key_, payload_;
};

}  // namespace crosswalk
