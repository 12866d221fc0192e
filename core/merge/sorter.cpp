#include "merge/sorter.hpp"

#include <algorithm>
#include <cstring>

namespace crosswalk {
namespace {

constexpr std::size_t kFanIn = 16;  // spilled runs of one level that become one of the next

std::uint32_t load32(const char* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

void store32(char* at, std::uint32_t value) { std::memcpy(at, &value, sizeof value); }

std::size_t size_at(const char* at) { return entry::kHead + load32(at) + load32(at + 4); }

/// The eight bytes of `key` from `skip` on as a number that sorts as they do.
std::uint64_t prefix_of(std::string_view key, std::size_t skip) {
  std::uint64_t value = 0;
  const std::size_t n = key.size() > skip ? std::min<std::size_t>(key.size() - skip, 8) : 0;
  for (std::size_t i = 0; i < n; ++i) value |= std::uint64_t{static_cast<unsigned char>(key[skip + i])} << (56 - 8 * i);
  return value;
}

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const std::size_t most = std::min(a.size(), b.size());
  std::size_t n = 0;
  while (n < most && a[n] == b[n]) ++n;
  return n;
}

}  // namespace

std::size_t entry::begin(Buffer& out, std::string_view key) {
  const std::size_t begun = out.size();
  store32(out.room(kHead), static_cast<std::uint32_t>(key.size()));
  out.advance(kHead);
  out.add(key);
  return begun;
}

void entry::end(Buffer& out, std::size_t begun) {
  char* const head = out.room(0) - (out.size() - begun);
  store32(head + 4, static_cast<std::uint32_t>(out.size() - begun - kHead - load32(head)));
}

entry::View entry::take(std::string_view& entries) {
  const std::size_t key = load32(entries.data()), payload = load32(entries.data() + 4);
  const View view{entries.substr(kHead, key), entries.substr(kHead + key, payload)};
  entries.remove_prefix(kHead + key + payload);
  return view;
}

std::string_view Sorter::key_at(const char* at) { return {at + entry::kHead, load32(at)}; }

std::string_view Sorter::payload_at(const char* at) { return {at + entry::kHead + load32(at), load32(at + 4)}; }

Sorter::Sorter(std::size_t budget, SpillFile& spill)
    : budget_(std::max(budget, std::size_t{1} << 20)),
      run_size_(std::clamp(budget_ / 5, std::size_t{128} << 10, std::size_t{48} << 20)),
      piece_size_(std::clamp(run_size_ / 16, std::size_t{16} << 10, std::size_t{256} << 10)),
      spill_(spill) {}

Sorter::~Sorter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<void> Sorter::add(std::string_view entries) {
  const char* at = entries.data();
  const char* const end = at + entries.size();
  while (at != end) {
    if (!current_) current_ = std::make_unique<Run>();
    const std::size_t size = size_at(at);
    current_->order.push_back({0, current_->data.size()});
    current_->data.add({at, size});
    at += size;
    ++entries_;
    bytes_ += size;
    if (current_->data.size() + current_->order.size() * sizeof(Ref) >= run_size_) {
      if (auto ok = hand_over(); !ok) return ok;
    }
  }
  return {};
}

/// The full run goes to the thread that sorts; waits until there is memory for the next.
Result<void> Sorter::hand_over() {
  std::unique_lock lock(mutex_);
  if (!thread_.joinable()) thread_ = std::jthread([this] { background(); });
  Run& run = *current_;
  run.entries = run.order.size();
  run.size = run.data.size();
  run.held = run.data.size() + run.order.size() * sizeof(Ref);
  held_ += run.held;
  runs_.push_back(std::move(current_));
  wants_room_ = true;
  changed_.notify_all();
  changed_.wait(lock, [&] { return error_ || held_ + run_size_ <= budget_; });
  wants_room_ = false;
  if (error_) return *error_;
  return {};
}

void Sorter::background() {
  std::unique_lock lock(mutex_);
  while (!stop_ && !error_) {
    bool idle = false;
    if (auto ok = background_step(lock, idle); !ok) error_ = ok.error();
    changed_.notify_all();
    if (idle && !error_) changed_.wait(lock);
  }
}

/// Sorts the next full run; where memory is short, puts sorted ones on disk, the oldest first.
Result<void> Sorter::background_step(std::unique_lock<std::mutex>& lock, bool& idle) {
  const auto in_state = [this](Run::State state) {
    return std::find_if(runs_.begin(), runs_.end(), [&](const auto& run) { return run->state == state; });
  };
  if (const auto full = in_state(Run::State::full); full != runs_.end()) {
    Run& run = **full;
    lock.unlock();
    sort(run);
    lock.lock();
    run.state = Run::State::sorted;
    return {};
  }
  const auto sorted = in_state(Run::State::sorted);
  if (!wants_room_ || held_ + run_size_ <= budget_ || sorted == runs_.end()) {
    idle = true;
    return {};
  }
  Run& run = **sorted;
  lock.unlock();
  Result<void> result = spill(run);
  lock.lock();
  if (!result) return result;
  held_ -= run.held;
  run.held = 0;
  run.state = Run::State::spilled;
  spilled_ = true;
  // Many small runs would need much memory to be read at once: a number of them becomes one. They lie side by side, so
  // the order of arrival stays.
  for (unsigned level = 0;; ++level) {
    const auto at_level = [&](const auto& r) { return r->state == Run::State::spilled && r->level == level; };
    if (static_cast<std::size_t>(std::count_if(runs_.begin(), runs_.end(), at_level)) < kFanIn) return {};
    lock.unlock();
    result = merge_level(level);
    lock.lock();
    if (!result) return result;
  }
}

void Sorter::sort(Run& run) {
  const char* const base = run.data.data();
  std::string_view first = key_at(base + run.order.front().at);
  std::size_t shared = first.size();
  for (const Ref& ref : run.order) shared = std::min(shared, common_prefix(first.substr(0, shared), key_at(base + ref.at)));
  for (Ref& ref : run.order) ref.prefix = prefix_of(key_at(base + ref.at), shared);
  std::sort(run.order.begin(), run.order.end(), [base, shared](const Ref& a, const Ref& b) {
    if (a.prefix != b.prefix) return a.prefix < b.prefix;
    const int order = key_at(base + a.at).substr(shared).compare(key_at(base + b.at).substr(shared));
    return order != 0 ? order < 0 : a.at < b.at;
  });
}

Result<void> Sorter::spill(Run& run) {
  Buffer piece;
  std::string first_key;
  const auto flush = [&]() -> Result<void> {
    if (piece.empty()) return {};
    auto where = spill_.write(piece.view());
    if (!where) return where.error();
    run.pieces.push_back({*where, std::move(first_key)});
    piece.clear();
    return {};
  };
  for (const Ref& ref : run.order) {
    const char* const at = run.data.data() + ref.at;
    if (piece.empty()) first_key = key_at(at);
    piece.add({at, size_at(at)});
    if (piece.size() >= piece_size_) {
      if (auto ok = flush(); !ok) return ok;
    }
  }
  if (auto ok = flush(); !ok) return ok;
  run.data = Buffer();
  run.order = {};
  return {};
}

/// One run's entries in order. Its current one stays where it is until next().
class Sorter::Reader {
 public:
  Reader(const Sorter& sorter, const Run& run, std::size_t number) : sorter_(sorter), run_(run), number_(number) {}

  /// At the first entry with a key not less than `from`.
  Result<bool> open(std::string_view from) {
    if (run_.state != Run::State::spilled) {
      const char* const base = run_.data.data();
      const auto found = std::partition_point(run_.order.begin(), run_.order.end(),
                                              [&](const Ref& ref) { return key_at(base + ref.at) < from; });
      at_order_ = static_cast<std::size_t>(found - run_.order.begin());
      return settle();
    }
    // Equal keys may begin in the piece before the one that begins with them.
    auto found = std::partition_point(run_.pieces.begin(), run_.pieces.end(), [&](const Piece& p) { return p.first_key < from; });
    if (found != run_.pieces.begin()) --found;
    next_piece_ = static_cast<std::size_t>(found - run_.pieces.begin());
    auto more = load_piece();
    while (more && *more && key() < from) more = next();
    return more;
  }
  Result<bool> next() {
    if (run_.state != Run::State::spilled) {
      ++at_order_;
      return settle();
    }
    at_ += size_at(at_);
    if (at_ != piece_.data() + piece_.size()) return true;
    return load_piece();
  }
  [[nodiscard]] std::string_view key() const { return key_at(at_); }
  [[nodiscard]] std::string_view payload() const { return payload_at(at_); }
  [[nodiscard]] std::string_view whole() const { return {at_, size_at(at_)}; }
  [[nodiscard]] std::size_t number() const { return number_; }

 private:
  Result<bool> settle() {
    if (at_order_ == run_.order.size()) return false;
    at_ = run_.data.data() + run_.order[at_order_].at;
    return true;
  }
  Result<bool> load_piece() {
    if (next_piece_ == run_.pieces.size()) return false;
    if (auto ok = sorter_.spill_.read(run_.pieces[next_piece_].where, piece_); !ok) return ok.error();
    ++next_piece_;
    at_ = piece_.data();
    return true;
  }

  const Sorter& sorter_;
  const Run& run_;
  std::size_t number_;
  std::size_t at_order_ = 0, next_piece_ = 0;
  std::vector<char> piece_;
  const char* at_ = nullptr;
};

namespace {

/// For heaps with the smallest on top; equal keys in the order of their runs.
template <class Reader>
bool comes_later(const Reader* a, const Reader* b) {
  const int order = a->key().compare(b->key());
  return order != 0 ? order > 0 : a->number() > b->number();
}

}  // namespace

Result<void> Sorter::merge_level(unsigned level) {
  std::vector<std::unique_ptr<Reader>> readers;
  std::vector<Reader*> heap;
  std::vector<Run*> old;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& run : runs_) {
      if (run->state == Run::State::spilled && run->level == level) old.push_back(run.get());
    }
  }
  for (std::size_t i = 0; i < old.size(); ++i) {
    auto reader = std::make_unique<Reader>(*this, *old[i], i);
    auto more = reader->open({});
    if (!more) return more.error();
    if (*more) heap.push_back(reader.get());
    readers.push_back(std::move(reader));
  }
  const auto later = [](const Reader* a, const Reader* b) { return comes_later(a, b); };
  std::make_heap(heap.begin(), heap.end(), later);
  std::vector<Piece> pieces;
  Buffer piece;
  std::string first_key;
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    Reader* const reader = heap.back();
    if (piece.empty()) first_key = reader->key();
    piece.add(reader->whole());
    auto more = reader->next();
    if (!more) return more.error();
    if (*more) {
      std::push_heap(heap.begin(), heap.end(), later);
    } else {
      heap.pop_back();
    }
    if (piece.size() >= piece_size_ || (heap.empty() && !piece.empty())) {
      auto where = spill_.write(piece.view());
      if (!where) return where.error();
      pieces.push_back({*where, first_key});
      piece.clear();
    }
  }
  std::vector<SpillFile::Piece> merged;
  for (const Run* run : old) {
    for (const Piece& p : run->pieces) merged.push_back(p.where);
  }
  spill_.forget(std::move(merged));
  const std::lock_guard lock(mutex_);
  Run& into = *old.front();
  into.pieces = std::move(pieces);
  into.level = level + 1;
  for (std::size_t i = 1; i < old.size(); ++i) {
    into.entries += old[i]->entries;
    into.size += old[i]->size;
    std::erase_if(runs_, [&](const auto& run) { return run.get() == old[i]; });
  }
  return {};
}

Result<void> Sorter::seal() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (error_) return *error_;
  if (current_) {
    current_->entries = current_->order.size();
    current_->size = current_->data.size();
    runs_.push_back(std::move(current_));
  }
  for (const auto& run : runs_) {
    if (run->state != Run::State::full) continue;
    sort(*run);
    run->state = Run::State::sorted;
  }
  return {};
}

Result<std::vector<std::string>> Sorter::cuts(std::uint64_t part) const {
  // A sample of the keys, each standing for as many bytes as lie between it and the next of its run.
  struct Sample {
    std::string key;
    std::uint64_t bytes;
  };
  std::vector<Sample> samples;
  const std::uint64_t step = std::max<std::uint64_t>(part / 64, 1);
  for (const auto& run : runs_) {
    if (run->state == Run::State::spilled) {
      for (const Piece& p : run->pieces) samples.push_back({p.first_key, p.where.size});
      continue;
    }
    const std::uint64_t each = std::max<std::uint64_t>(run->size / std::max<std::uint64_t>(run->entries, 1), 1);
    const auto every = static_cast<std::size_t>(std::max<std::uint64_t>(step / each, 1));
    for (std::size_t i = 0; i < run->order.size(); i += every) {
      samples.push_back({std::string(key_at(run->data.data() + run->order[i].at)), each * every});
    }
  }
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.key < b.key; });
  std::vector<std::string> keys;
  std::uint64_t filled = 0;
  for (const Sample& s : samples) {
    if (filled >= part && (keys.empty() || keys.back() != s.key)) {
      keys.push_back(s.key);
      filled = 0;
    }
    filled += s.bytes;
  }
  return keys;
}

SorterCursor::~SorterCursor() = default;

Result<std::unique_ptr<SorterCursor>> SorterCursor::open(const Sorter& sorter, std::string_view from,
                                                         std::optional<std::string> until) {
  std::unique_ptr<SorterCursor> cursor(new SorterCursor);
  cursor->until_ = std::move(until);
  for (std::size_t i = 0; i < sorter.runs_.size(); ++i) {
    auto reader = std::make_unique<Sorter::Reader>(sorter, *sorter.runs_[i], i);
    auto more = reader->open(from);
    if (!more) return more.error();
    if (!*more) continue;
    cursor->heap_.push_back(reader.get());
    cursor->readers_.push_back(std::move(reader));
  }
  std::make_heap(cursor->heap_.begin(), cursor->heap_.end(), [](const auto* a, const auto* b) { return comes_later(a, b); });
  return cursor;
}

Result<bool> SorterCursor::next() {
  const auto later = [](const Sorter::Reader* a, const Sorter::Reader* b) { return comes_later(a, b); };
  if (heap_.empty()) return false;
  if (begun_) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    auto more = heap_.back()->next();
    if (!more) return more.error();
    if (*more) {
      std::push_heap(heap_.begin(), heap_.end(), later);
    } else {
      heap_.pop_back();
    }
  }
  begun_ = true;
  if (heap_.empty()) return false;
  key_ = heap_.front()->key();
  payload_ = heap_.front()->payload();
  if (until_ && !(key_ < *until_)) {
    begun_ = false;  // stays where it is
    return false;
  }
  return true;
}

}  // namespace crosswalk
