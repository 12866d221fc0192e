#include "merge/sorter.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "guarded.hpp"
#include "threads.hpp"

namespace crosswalk {

using entry::key_at, entry::payload_at, entry::size_at;

namespace {

void store32(char* at, std::uint32_t value) { std::memcpy(at, &value, sizeof value); }

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
  store32(head + 4, static_cast<std::uint32_t>(out.size() - begun - kHead - entry::size_word(head)));
}

entry::View entry::take(std::string_view& entries) {
  const std::size_t key = entry::size_word(entries.data()), payload = entry::size_word(entries.data() + 4);
  const View view{entries.substr(kHead, key), entries.substr(kHead + key, payload)};
  entries.remove_prefix(kHead + key + payload);
  return view;
}

Sorter::Sorter(std::size_t budget, SpillFile& spill, unsigned threads)
    : budget_(std::max(budget, std::size_t{1} << 20)),
      run_size_(std::clamp(budget_ / 5, std::size_t{128} << 10, std::size_t{48} << 20)),
      chunk_size_(std::clamp(run_size_ / 4, std::size_t{32} << 10, kLargePage)),
      piece_size_(std::clamp(run_size_ / 64, std::size_t{16} << 10, std::size_t{32} << 10)),
      // Of every run on disk each cursor holds a piece: all of them together an eighth of the budget.
      fan_in_(std::clamp<std::size_t>(budget_ / piece_size_ / 8, 16, 128)),
      spill_(spill),
      thread_count_(threads) {}

Sorter::~Sorter() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  threads_.clear();
}

Result<void> Sorter::add(std::string_view entries) {
  const char* at = entries.data();
  const char* const end = at + entries.size();
  while (at != end) {
    if (!current_) start_run();
    Run& run = *current_;
    // As many as fit are copied at once.
    const char* const from = at;
    bool fits = true, full = false;
    while (at != end && !full) {
      const std::size_t size = size_at(at);
      fits = static_cast<std::size_t>(at - from) + size <= run.left;
      if (!fits) break;
      const std::string_view key = key_at(at);
      note_shared(key);
      run.order.push_back({prefix_of(key, 0), run.next + (at - from)});
      at += size;
      full = run.size + static_cast<std::size_t>(at - from) + run.order.size() * sizeof(EntryRef) >= run_size_;
    }
    const auto copied = static_cast<std::size_t>(at - from);
    if (copied != 0) std::memcpy(run.next, from, copied);
    run.next += copied;
    run.left -= copied;
    run.size += copied;
    bytes_ += copied;
    if (!fits) {
      open_chunk(run, size_at(at));
      if (run.chunks_used == 2 && last_run_ == 0) reserve_order(run);
    }
    if (!full) continue;
    if (auto ok = hand_over(); !ok) return ok;
  }
  return {};
}

void Sorter::note_shared(std::string_view key) {
  if (entries_ == 0 && current_->order.empty()) {
    first_key_ = key;
    shared_ = key.size();
  } else if (shared_ != 0) {
    shared_ = common_prefix(std::string_view(first_key_).substr(0, shared_), key);
  }
}

/// Memory for the next entries. From the second chunk on there is much to come: large pages are faster to get and to go through.
void Sorter::open_chunk(Run& run, std::size_t at_least) {
  const std::size_t taken = run.size + run.order.size() * sizeof(EntryRef);
  const std::size_t wanted = std::max(run_size_ - std::min(taken, run_size_), run_size_ / 64);  // until the run is full
  const std::size_t size = std::max(at_least, std::min(wanted, chunk_size_));
  if (run.chunks_used == run.chunks.size() || run.chunks[run.chunks_used].size < size) {
    const bool large = size == kLargePage && (run.chunks_used != 0 || entries_ != 0);
    char* const bytes = static_cast<char*>(large ? allocate_large_pages(size) : std::malloc(size));
    if (bytes == nullptr) throw std::bad_alloc();
    run.chunks.insert(run.chunks.begin() + static_cast<std::ptrdiff_t>(run.chunks_used),
                      {std::unique_ptr<char[], Chunk::Free>(bytes), size});
  }
  const Chunk& chunk = run.chunks[run.chunks_used++];
  run.next = chunk.bytes.get();
  run.left = chunk.size;
}

/// Room for as many entries as the run will hold when they go on like the first ones: a list that grew would be copied again and
/// again, each time into memory that the system clears first. What is not used is never touched.
void Sorter::reserve_order(Run& run) {
  const std::size_t each = run.size / std::max<std::size_t>(run.order.size(), 1) + sizeof(EntryRef);
  run.order.reserve(run_size_ / each + run_size_ / each / 16);
}

void Sorter::start_run() {
  const std::lock_guard lock(mutex_);
  current_ = spare_ ? std::move(spare_) : std::make_unique<Run>();
  current_->order.reserve(last_run_ + last_run_ / 16);
}

/// The full run goes to the threads that sort; waits until there is memory for the next.
Result<void> Sorter::hand_over() {
  std::unique_lock lock(mutex_);
  if (!started_) {
    started_ = true;
    threads_ = start_threads((thread_count_ + 1) / 2, body_);
  }
  Run& run = *current_;
  run.entries = last_run_ = run.order.size();
  run.shared = shared_;
  run.held = run.size + run.order.size() * sizeof(EntryRef);
  held_ += run.held;
  entries_ += run.entries;
  runs_.push_back(std::move(current_));
  wants_room_ = true;
  while (threads_.empty() && held_ + run_size_ > budget_) {  // none could be started: theirs is done here
    bool idle = false;
    if (auto ok = background_step(lock, idle); !ok) return ok;
    if (idle) break;
  }
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
    Result<void> ok = guarded([&] { return background_step(lock, idle); });
    if (!lock.owns_lock()) lock.lock();
    if (!ok && !error_) error_ = ok.error();
    if (idle && !error_ && !stop_) {
      changed_.wait(lock);
    } else {
      changed_.notify_all();
    }
  }
}

/// When memory will soon be short, sorts the next full run; where it is, puts sorted ones on disk, the oldest first. While all
/// may find room there is nothing to do: seal() sorts all at once.
Result<void> Sorter::background_step(std::unique_lock<std::mutex>& lock, bool& idle) {
  const auto first_in = [this](Run::State state) {
    const auto found = std::find_if(runs_.begin(), runs_.end(), [&](const auto& run) { return run->state == state; });
    return found == runs_.end() ? nullptr : found->get();
  };
  const bool short_soon = spilled_ || held_ + 2 * run_size_ > budget_;
  if (Run* const run = short_soon ? first_in(Run::State::full) : nullptr) {
    run->state = Run::State::sorting;
    lock.unlock();
    sort(*run);
    lock.lock();
    run->state = Run::State::sorted;
    return {};
  }
  Run* const run = first_in(Run::State::sorted);
  if (!wants_room_ || held_ + run_size_ <= budget_ || run == nullptr) {
    idle = true;
    return {};
  }
  if (!spilled_) split(*run);
  spilled_ = true;
  run->state = Run::State::spilling;
  lock.unlock();
  Result<void> result = spill(*run);
  auto emptied = std::make_unique<Run>();
  emptied->chunks = std::move(run->chunks);
  emptied->order = std::move(run->order);
  emptied->order.clear();
  lock.lock();
  if (!result) return result;
  held_ -= run->held;
  run->held = 0;
  run->state = Run::State::spilled;
  if (!spare_ && run->size <= 2 * run_size_) spare_ = std::move(emptied);
  changed_.notify_all();  // there is room, whatever else is to be done
  // Many small runs would need much memory to be read at once: a number of them becomes one.
  for (auto runs = to_merge(); !runs.empty(); runs = to_merge()) {
    for (Run* const old : runs) old->state = Run::State::merging;
    lock.unlock();
    result = merge(runs);
    lock.lock();
    if (!result) return result;
  }
  return {};
}

/// Runs of one level that lie side by side, so that the order of arrival stays.
std::vector<Sorter::Run*> Sorter::to_merge() const {
  std::vector<Run*> found;
  for (const auto& run : runs_) {
    if (run->state != Run::State::spilled || (!found.empty() && run->level != found.front()->level)) found.clear();
    if (run->state == Run::State::spilled) found.push_back(run.get());
    if (found.size() == fan_in_) return found;
  }
  return {};
}

void Sorter::sort(Run& run) {
  EntryRefs* const lists[] = {&run.order};
  run.order = in_order(lists, run.shared, 1);
}

/// Everything is in memory: it becomes one run.
void Sorter::join_runs() {
  if (runs_.empty()) return;
  auto all = std::make_unique<Run>();
  std::vector<EntryRefs*> lists;
  for (const auto& run : runs_) {
    if (run->state == Run::State::sorted && shared_ == 0 && run->shared != 0) {  // when fewer keys were known
      for (EntryRef& ref : run->order) ref.prefix = prefix_of(key_at(ref.at), 0);
    }
    lists.push_back(&run->order);
    all->entries += run->entries;
    all->size += run->size;
    std::move(run->chunks.begin(), run->chunks.end(), std::back_inserter(all->chunks));
  }
  all->order = in_order(lists, shared_, thread_count_);
  all->state = Run::State::sorted;
  runs_.clear();
  runs_.push_back(std::move(all));
}

/// All runs end their pieces at the same keys, so that a stretch from one of them to another needs no piece in part. Keys that
/// come in another distribution later only make this worth less.
void Sorter::split(const Run& run) {
  std::size_t filled = 0;
  for (const EntryRef& ref : run.order) {
    const char* const at = ref.at;
    if (filled >= piece_size_ && (splits_.empty() || splits_.back() != key_at(at))) {
      splits_.emplace_back(key_at(at));
      filled = 0;
    }
    filled += size_at(at);
  }
}

/// Sorted entries on their way to disk.
class Sorter::Pieces {
 public:
  Pieces(Sorter& sorter, std::size_t size) : sorter_(sorter), size_(size) {}

  Result<void> add(std::string_view key, std::string_view whole) {
    const auto& splits = sorter_.splits_;
    const bool splits_here = part_ < splits.size() && splits[part_] <= key;
    if (splits_here || bytes_.size() >= 2 * size_) {
      if (auto ok = finish(); !ok) return ok;
      while (part_ < splits.size() && splits[part_] <= key) ++part_;
    }
    if (bytes_.empty()) first_key_ = key;
    bytes_.add(whole);
    return {};
  }
  Result<void> finish() {
    if (bytes_.empty()) return {};
    auto where = sorter_.spill_.write(bytes_.view());
    if (!where) return where.error();
    made_.push_back({*where, std::move(first_key_), part_});
    bytes_.clear();
    return {};
  }
  std::vector<Piece> take() { return std::move(made_); }

 private:
  Sorter& sorter_;
  std::size_t size_;
  std::vector<Piece> made_;
  Buffer bytes_;
  std::string first_key_;
  std::uint32_t part_ = 0;
};

/// Whether all keys of the piece are less than `key`.
bool Sorter::ends_by(const Piece& piece, std::string_view key) const {
  return piece.part != splits_.size() && splits_[piece.part] <= key;
}

Result<void> Sorter::spill(Run& run) {
  Pieces pieces(*this, piece_size_);
  for (std::size_t i = 0; i < run.order.size(); ++i) {
    fetch_ahead(std::span(run.order).subspan(i));
    const char* const at = run.order[i].at;
    if (auto ok = pieces.add(key_at(at), {at, size_at(at)}); !ok) return ok;
  }
  if (auto ok = pieces.finish(); !ok) return ok;
  run.pieces = pieces.take();
  return {};
}

std::span<const EntryRef> Sorter::Run::between(std::string_view from, const std::optional<std::string>& until) const {
  const auto place = [&](std::string_view key) {
    return std::partition_point(order.begin(), order.end(), [&](const EntryRef& ref) { return key_at(ref.at) < key; });
  };
  const auto begin = place(from), end = until ? place(*until) : order.end();
  return begin < end ? std::span(begin, end) : std::span<const EntryRef>();
}

/// Keys from one up to another.
struct Sorter::Range {
  std::string_view from;
  const std::optional<std::string>& until;
  std::size_t shared;  // with how many bytes all keys of the range begin

  Range(std::string_view begin, const std::optional<std::string>& end)
      : from(begin), until(end), shared(end ? common_prefix(begin, *end) : 0) {}
  [[nodiscard]] bool ends_before(std::string_view key) const { return until && !(key < *until); }
};

/// One run's entries in order. Its current one stays where it is until next().
class Sorter::Reader {
 public:
  Reader(const Sorter& sorter, const Run& run, std::size_t number, const Range& range)
      : sorter_(sorter), run_(run), number_(number), range_(range) {}

  /// At the first entry of the range.
  Result<bool> open() {
    if (!run_.on_disk()) {
      rest_ = run_.between(range_.from, range_.until);
      return settle();
    }
    auto found =
        std::partition_point(run_.pieces.begin(), run_.pieces.end(), [&](const Piece& p) { return p.first_key < range_.from; });
    // The piece before may reach this far.
    if (found != run_.pieces.begin() && !sorter_.ends_by(*std::prev(found), range_.from)) --found;
    next_piece_ = static_cast<std::size_t>(found - run_.pieces.begin());
    auto more = load_piece();
    while (more && *more && key() < range_.from) more = next();
    return more;
  }
  Result<bool> next() {
    if (!run_.on_disk()) {
      rest_ = rest_.subspan(1);
      return settle();
    }
    at_ += size_at(at_);
    if (at_ == piece_.data() + piece_.size()) return load_piece();
    return look();
  }
  [[nodiscard]] std::string_view key() const { return key_at(at_); }
  [[nodiscard]] std::string_view payload() const { return payload_at(at_); }
  [[nodiscard]] std::string_view whole() const { return {at_, size_at(at_)}; }
  std::size_t leaf = 0;  ///< its place in a tournament

  /// Equal keys come in the order of their runs.
  [[nodiscard]] bool comes_before(const Reader& other) const {
    if (prefix_ != other.prefix_) return prefix_ < other.prefix_;
    const int order = key().compare(other.key());
    return order != 0 ? order < 0 : number_ < other.number_;
  }

 private:
  Result<bool> settle() {
    if (rest_.empty()) return false;
    fetch_ahead(rest_);
    at_ = rest_.front().at;
    prefix_ = prefix_of(key(), range_.shared);
    return true;
  }
  Result<bool> load_piece() {
    if (next_piece_ == run_.pieces.size()) return false;
    const Piece& piece = run_.pieces[next_piece_++];
    if (range_.ends_before(piece.first_key)) return false;
    if (auto ok = sorter_.spill_.read(piece.where, piece_); !ok) return ok.error();
    at_ = piece_.data();
    may_end_ = range_.until && !sorter_.ends_by(piece, *range_.until);
    return look();
  }
  Result<bool> look() {
    if (may_end_ && range_.ends_before(key())) return false;
    prefix_ = prefix_of(key(), range_.shared);
    return true;
  }

  const Sorter& sorter_;
  const Run& run_;
  std::size_t number_;
  const Range& range_;
  std::uint64_t prefix_ = 0;        // eight bytes of the key behind what is shared
  std::span<const EntryRef> rest_;  // from the current entry on
  std::size_t next_piece_ = 0;
  std::vector<char> piece_;
  bool may_end_ = false;  // the range ends in this piece
  const char* at_ = nullptr;
};

/// The readers' entries as one sequence, by a tree of losers: each step compares a reader once per level.
class Sorter::Tournament {
 public:
  explicit Tournament(const Range& range) : range_(range) {}

  /// Runs come in their order.
  Result<void> enter(const Sorter& sorter, const Run& run) {
    auto reader = std::make_unique<Reader>(sorter, run, readers_.size(), range_);
    auto more = reader->open();
    if (!more) return more.error();
    if (*more) readers_.push_back(std::move(reader));
    return {};
  }
  /// All have entered.
  void begin() {
    losers_.assign(std::max<std::size_t>(readers_.size(), 1), nullptr);
    best_ = readers_.empty() ? nullptr : play(1);
  }
  /// The reader whose entry is next; null at the end.
  [[nodiscard]] const Reader* best() const { return best_; }
  Result<void> next() {
    auto more = best_->next();
    if (!more) return more.error();
    Reader* winner = *more ? best_ : nullptr;
    for (std::size_t node = (readers_.size() + best_->leaf) / 2; node != 0; node /= 2) {
      if (beats(losers_[node], winner)) std::swap(losers_[node], winner);
    }
    best_ = winner;
    return {};
  }

 private:
  static bool beats(const Reader* a, const Reader* b) {
    if (a == nullptr || b == nullptr) return a != nullptr;
    return a->comes_before(*b);
  }
  /// Leaves are the nodes from readers_.size() on.
  Reader* play(std::size_t node) {
    if (node >= readers_.size()) {
      readers_[node - readers_.size()]->leaf = node - readers_.size();
      return readers_[node - readers_.size()].get();
    }
    Reader *a = play(2 * node), *b = play(2 * node + 1);
    if (beats(b, a)) std::swap(a, b);
    losers_[node] = b;
    return a;
  }

  const Range range_;
  std::vector<std::unique_ptr<Reader>> readers_;
  std::vector<Reader*> losers_;
  Reader* best_ = nullptr;
};

Result<void> Sorter::merge(const std::vector<Run*>& runs) {
  const std::optional<std::string> no_end;
  Tournament readers({{}, no_end});
  for (const Run* run : runs) {
    if (auto ok = readers.enter(*this, *run); !ok) return ok;
  }
  readers.begin();
  // Larger ones: there are fewer runs of this level.
  Pieces pieces(*this, piece_size_ << std::min(2 * (runs.front()->level + 1), 5U));
  while (const Reader* const reader = readers.best()) {
    if (auto ok = pieces.add(reader->key(), reader->whole()); !ok) return ok;
    if (auto ok = readers.next(); !ok) return ok;
  }
  if (auto ok = pieces.finish(); !ok) return ok;
  std::vector<SpillFile::Piece> merged;
  for (const Run* run : runs) {
    for (const Piece& p : run->pieces) merged.push_back(p.where);
  }
  spill_.forget(std::move(merged));
  const std::lock_guard lock(mutex_);
  Run& into = *runs.front();
  into.pieces = pieces.take();
  into.state = Run::State::spilled;
  ++into.level;
  for (auto run = runs.begin() + 1; run != runs.end(); ++run) {
    into.entries += (*run)->entries;
    into.size += (*run)->size;
  }
  std::erase_if(runs_, [&](const auto& run) { return std::find(runs.begin() + 1, runs.end(), run.get()) != runs.end(); });
  return {};
}

Result<void> Sorter::seal() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  threads_.clear();
  if (error_) return *error_;
  spare_.reset();
  if (current_) {
    current_->entries = current_->order.size();
    current_->shared = shared_;
    entries_ += current_->entries;
    runs_.push_back(std::move(current_));
  }
  if (!spilled_) {
    join_runs();
    return {};
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
    std::string_view key;
    std::uint64_t bytes = 0;
    bool whole = true;  // no piece is cut in two here
  };
  std::vector<Sample> samples;
  for (const std::string& key : splits_) samples.push_back({key});
  const std::uint64_t step = std::max<std::uint64_t>(part / 64, 1);
  for (const auto& run : runs_) {
    if (run->on_disk()) {
      const Piece* before = nullptr;
      for (const Piece& p : run->pieces) {
        const bool whole = before == nullptr || before->part != p.part;
        samples.push_back({whole && p.part != 0 ? splits_[p.part - 1] : p.first_key, p.where.size, whole});
        before = &p;
      }
      continue;
    }
    const std::uint64_t each = std::max<std::uint64_t>(run->size / std::max<std::uint64_t>(run->entries, 1), 1);
    const auto every = static_cast<std::size_t>(std::max<std::uint64_t>(step / each, 1));
    for (std::size_t i = 0; i < run->order.size(); i += every) {
      samples.push_back({key_at(run->order[i].at), each * every, splits_.empty()});
    }
  }
  std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.key < b.key; });
  // Between the splits a stretch ends only where they are too far apart.
  const std::uint64_t most = part + 2 * std::min<std::uint64_t>(bytes_ / (splits_.size() + 1), 2 * part);
  std::vector<std::string> keys;
  std::uint64_t filled = 0;
  for (const Sample& s : samples) {
    if (filled >= (s.whole ? part : most) && (keys.empty() || keys.back() != s.key)) {
      keys.emplace_back(s.key);
      filled = 0;
    }
    filled += s.bytes;
  }
  return keys;
}

SorterCursor::SorterCursor() = default;
SorterCursor::~SorterCursor() = default;

Result<std::unique_ptr<SorterCursor>> SorterCursor::open(const Sorter& sorter, std::string_view from,
                                                         std::optional<std::string> until) {
  std::unique_ptr<SorterCursor> cursor(new SorterCursor);
  cursor->from_ = from;
  cursor->until_ = std::move(until);
  cursor->readers_ = std::make_unique<Sorter::Tournament>(Sorter::Range(cursor->from_, cursor->until_));
  if (cursor->until_ && *cursor->until_ <= from) return cursor;
  if (!sorter.spilled_) {
    cursor->in_memory_ = true;
    if (!sorter.runs_.empty()) cursor->rest_ = sorter.runs_.front()->between(cursor->from_, cursor->until_);
    return cursor;
  }
  for (const auto& run : sorter.runs_) {
    if (auto ok = cursor->readers_->enter(sorter, *run); !ok) return ok.error();
  }
  cursor->readers_->begin();
  return cursor;
}

Result<bool> SorterCursor::next_of_runs() {
  if (begun_) {
    if (auto ok = readers_->next(); !ok) return ok.error();
  }
  const Sorter::Reader* const reader = readers_->best();
  begun_ = reader != nullptr;
  if (!begun_) return false;
  key_ = reader->key();
  payload_ = reader->payload();
  return true;
}

}  // namespace crosswalk
