#include "merge/sorter.hpp"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "folder.hpp"
#include "io/spill_file.hpp"

using namespace crosswalk;
using namespace std::string_literals;

namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::size_t kTiny = 1;  // becomes the least there is, 1 MiB
constexpr std::size_t kAmple = 1024 * kMiB;

struct Entry {
  std::string key, payload;
  friend bool operator==(const Entry&, const Entry&) = default;
};
using Entries = std::vector<Entry>;

/// By key, equal ones in order of arrival: what a sorter must give.
Entries sorted(Entries all) {
  std::stable_sort(all.begin(), all.end(), [](const Entry& a, const Entry& b) { return a.key < b.key; });
  return all;
}

/// In batches of some kilobytes, as contributions come.
Result<void> fill(Sorter& sorter, const Entries& all) {
  Buffer batch;
  for (const Entry& e : all) {
    entry::add(batch, e.key, e.payload);
    if (batch.size() < 8192) continue;
    if (auto ok = sorter.add(batch.view()); !ok) return ok;
    batch.clear();
  }
  return sorter.add(batch.view());
}

Entries read(const Sorter& sorter, std::string_view from = {}, std::optional<std::string> until = std::nullopt) {
  Entries all;
  auto cursor = SorterCursor::open(sorter, from, std::move(until));
  REQUIRE(cursor.ok());
  for (;;) {
    auto more = (*cursor)->next();
    if (!more) FAIL(more.error().text());
    if (!*more) break;
    all.push_back({std::string((*cursor)->key()), std::string((*cursor)->payload())});
  }
  for (int again = 0; again < 2; ++again) {  // the end stays the end
    auto more = (*cursor)->next();
    REQUIRE(more.ok());
    CHECK_FALSE(*more);
  }
  return all;
}

/// What comes out of a sorter with that budget.
Entries through(const Entries& all, std::size_t budget, bool* spilled = nullptr) {
  SpillFile spill;
  Sorter sorter(budget, spill);
  REQUIRE(fill(sorter, all).ok());
  REQUIRE(sorter.seal().ok());
  CHECK(sorter.entries() == all.size());
  if (spilled != nullptr) *spilled = sorter.spilled();
  return read(sorter);
}

/// Keys that are often the same, and payloads that say when they came.
Entries random_entries(std::uint32_t seed, std::size_t bytes, std::size_t keys, std::size_t payload) {
  std::mt19937 random(seed);
  Entries all;
  for (std::size_t made = 0; made < bytes;) {
    std::string text = std::to_string(all.size()) + " ";
    while (text.size() < std::min<std::size_t>(payload, 100)) {
      const auto word = static_cast<std::uint32_t>(random());
      text.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    text.resize(std::max(text.size(), payload), '-');  // no more chance than that: it would be the disk that is tested
    all.push_back({"conversation " + std::to_string(random() % keys), std::move(text)});
    made += entry::kHead + all.back().key.size() + all.back().payload.size();
  }
  return all;
}

/// Only whether they are the same: a difference would be printed whole.
void check_same(const Entries& got, const Entries& wanted) {
  REQUIRE(got.size() == wanted.size());
  CHECK((got == wanted));
}

/// Bytes that the nameless files of a folder, which this process has open, take up on disk.
std::uint64_t disk_use(const std::string& folder) {
  std::uint64_t bytes = 0;
  for (const auto& fd : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code gone;  // the iterator's own
    struct stat status {};
    if (!std::filesystem::read_symlink(fd, gone).string().starts_with(folder)) continue;
    if (::stat(fd.path().c_str(), &status) == 0) bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }
  return bytes;
}

/// A variable of the environment, for as long as this lives.
class Variable {
 public:
  Variable(const char* name, const std::string& value) : name_(name) {
    if (const char* const old = std::getenv(name)) old_ = old;
    ::setenv(name, value.c_str(), 1);
  }
  ~Variable() { old_ ? ::setenv(name_, old_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

/// Files may not grow past `bytes`, as on a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    const rlimit now{bytes, old_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

}  // namespace

TEST_CASE("sorter: nothing gives nothing") {
  CHECK(through({}, kTiny).empty());
  SpillFile spill;
  Sorter sorter(kTiny, spill);
  REQUIRE(sorter.add({}).ok());
  REQUIRE(sorter.seal().ok());
  CHECK(sorter.bytes() == 0);
  CHECK_FALSE(sorter.spilled());
  const auto cuts = sorter.cuts(1);
  REQUIRE(cuts.ok());
  CHECK(cuts->empty());
  CHECK(read(sorter, "a", "b").empty());
}

TEST_CASE("sorter: keys are in the order of their bytes, whatever those are") {
  const Entries all = {{"b", "1"},       {"a", "2"},          {"", "3"},         {"\xff", "4"},    {"\x7f", "5"},
                       {"a\0"s, "6"},    {"a\0b"s, "7"},      {"\0"s, "8"},      {"\0\0"s, "9"},   {"\xff\xff", "10"},
                       {"12345678", ""}, {"123456789", "12"}, {"1234567", "13"}, {"\xc3\xa4", ""}, {"z", "\0\xff"s}};
  check_same(through(all, kAmple), sorted(all));
  // All begin alike, so that what tells them apart is past the eighth byte, too.
  Entries alike = all;
  for (Entry& e : alike) e.key.insert(0, "a prefix of more than eight bytes ");
  check_same(through(alike, kAmple), sorted(alike));
  alike.push_back({"a prefix of more than eight bytes", "the prefix itself"});
  alike.push_back({"a", "half of it"});
  check_same(through(alike, kAmple), sorted(alike));
}

TEST_CASE("sorter: many entries in memory, sorted by several threads") {
  std::mt19937 random(11);
  Entries all;
  for (std::size_t i = 0; i < 150'000; ++i) {
    std::string key;
    switch (random() % 8) {
      case 0: key = std::to_string(random() % 3000); break;                 // short, many of them
      case 1: key.assign(random() % 12, "\0a\xff"[random() % 3]); break;    // some differ by zeros at their end only
      case 2: key = "0123456789" + std::to_string(random() % 5000); break;  // alike in the first eight bytes
      case 3: key = "one that is very often there"; break;
      default:
        for (int byte = 0; byte < 16; ++byte) key += "0123456789abcdef"[random() % 16];
    }
    all.push_back({std::move(key), std::to_string(i)});
  }
  const Entries wanted = sorted(all);
  for (const unsigned threads : {1U, 2U, 3U, 7U}) {
    CAPTURE(threads);
    SpillFile spill;
    Sorter sorter(kAmple, spill, threads);
    REQUIRE(fill(sorter, all).ok());
    REQUIRE(sorter.seal().ok());
    CHECK_FALSE(sorter.spilled());
    check_same(read(sorter), wanted);
  }
  // The first runs are sorted when memory runs short, and then it was enough after all.
  for (std::size_t budget = 12 * kMiB; budget >= 4 * kMiB; budget -= kMiB / 4) check_same(through(all, budget), wanted);
}

TEST_CASE("sorter: equal keys stay in order of arrival, in memory and on disk") {
  for (const std::size_t keys : {1U, 3U, 40U}) {
    const Entries all = random_entries(static_cast<std::uint32_t>(keys), 6 * kMiB, keys, 100);
    bool spilled = false;
    check_same(through(all, kAmple, &spilled), sorted(all));
    CHECK_FALSE(spilled);
    check_same(through(all, kTiny, &spilled), sorted(all));
    CHECK(spilled);
  }
}

TEST_CASE("sorter: empty keys and empty payloads may be spilled, too") {
  Entries all = random_entries(5, 4 * kMiB, 100, 50);
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (i % 3 == 0) all[i].key.clear();
    if (i % 5 == 0) all[i].payload.clear();
  }
  bool spilled = false;
  check_same(through(all, kTiny, &spilled), sorted(all));
  CHECK(spilled);
}

TEST_CASE("sorter: entries larger than the budget pass through") {
  Entries all = random_entries(6, kMiB, 50, 100);
  for (const std::size_t i : {all.size() - 1, all.size() / 2, std::size_t{0}}) {
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(i), {"conversation 7", std::string(5 * kMiB + i, 'x')});
  }
  all.push_back({std::string(3 * kMiB, 'k'), "a giant key"});
  bool spilled = false;
  check_same(through(all, kTiny, &spilled), sorted(all));
  CHECK(spilled);
  check_same(through(all, kAmple), sorted(all));
}

TEST_CASE("sorter: with the least memory, runs of runs are merged, and the order is the same") {
  const Entries all = random_entries(7, 64 * kMiB, 5000, 1000);  // some 300 runs: two levels above the first
  Folder folder;
  SpillFile spill(folder.path());
  Sorter sorter(kTiny, spill);
  REQUIRE(fill(sorter, all).ok());
  REQUIRE(sorter.seal().ok());
  CHECK(sorter.entries() == all.size());
  INFO(spill.bytes_written());
  CHECK(spill.bytes_written() > 18 * kMiB);  // once it is 8 MiB: written, merged, and merged once more
  CHECK(spill.bytes_written() < 24 * kMiB);  // not once more for each run
  check_same(read(sorter), sorted(all));
  // What was merged is given back: on disk stands not much more than the entries once.
  CHECK(disk_use(folder.path()) < 10 * kMiB);
}

TEST_CASE("sorter: from one key to another") {
  Entries all;
  for (const char* key : {"b", "d", "d", "f"}) all.push_back({key, std::to_string(all.size())});
  SpillFile spill;
  Sorter sorter(kAmple, spill);
  REQUIRE(fill(sorter, all).ok());
  REQUIRE(sorter.seal().ok());
  const auto keys = [&](std::string_view from, std::optional<std::string> until) {
    std::string text;
    for (const Entry& e : read(sorter, from, std::move(until))) text += e.key;
    return text;
  };
  CHECK(keys("", std::nullopt) == "bddf");
  CHECK(keys("b", "d") == "b");
  CHECK(keys("c", "e") == "dd");
  CHECK(keys("d", "f") == "dd");
  CHECK(keys("d\0"s, std::nullopt) == "f");
  CHECK(keys("", "") == "");
  CHECK(keys("d", "d") == "");
  CHECK(keys("e", "b") == "");
  CHECK(keys("g", std::nullopt) == "");
}

TEST_CASE("sorter: stretches between the cuts are the whole, each entry once") {
  struct Shape {
    std::size_t bytes, keys, payload;
  };
  for (const auto& [bytes, keys, payload] : {Shape{3 * kMiB, 1, 200}, {3 * kMiB, 2, 200}, {4 * kMiB, 100'000, 20}}) {
    Entries all = random_entries(8, bytes, keys, payload);
    for (std::size_t i = 0; i < all.size(); i += 17) all[i].key.clear();
    for (const std::size_t budget : {kTiny, kAmple}) {
      SpillFile spill;
      Sorter sorter(budget, spill);
      REQUIRE(fill(sorter, all).ok());
      REQUIRE(sorter.seal().ok());
      CHECK(sorter.spilled() == (budget == kTiny));
      const Entries whole = read(sorter);
      for (const std::uint64_t part : {std::uint64_t{64 << 10}, std::uint64_t{kMiB}, std::uint64_t{100 * kMiB}}) {
        const auto cuts = sorter.cuts(part);
        REQUIRE(cuts.ok());
        CHECK(std::is_sorted(cuts->begin(), cuts->end()));
        CHECK(std::adjacent_find(cuts->begin(), cuts->end()) == cuts->end());
        if (part > bytes * 2) CHECK(cuts->empty());
        if (keys > 1000 && part == kMiB) {
          CHECK(cuts->size() >= 2);
          CHECK(cuts->size() <= 8);
        }
        Entries joined;
        for (std::size_t i = 0; i <= cuts->size(); ++i) {
          const Entries stretch =
              read(sorter, i == 0 ? std::string() : (*cuts)[i - 1], i == cuts->size() ? std::nullopt : std::optional((*cuts)[i]));
          joined.insert(joined.end(), stretch.begin(), stretch.end());
        }
        check_same(joined, whole);
      }
    }
  }
}

TEST_CASE("sorter: many cursors at once, from many threads, see the same") {
  const Entries all = random_entries(9, 5 * kMiB, 3000, 120);
  for (const std::size_t budget : {kTiny, kAmple}) {
    SpillFile spill;
    Sorter sorter(budget, spill);
    REQUIRE(fill(sorter, all).ok());
    REQUIRE(sorter.seal().ok());
    const Entries wanted = sorted(all);
    const auto cuts = sorter.cuts(256 << 10);
    REQUIRE(cuts.ok());
    // doctest's checks are not for several threads: what they find is checked at the end.
    std::vector<Entries> stretches(cuts->size() + 1);
    std::atomic<std::size_t> next = 0;
    std::atomic<int> failures = 0;
    {
      std::vector<std::jthread> threads;
      for (int t = 0; t < 4; ++t) {
        threads.emplace_back([&] {
          for (std::size_t i = next++; i < stretches.size(); i = next++) {
            auto cursor = SorterCursor::open(sorter, i == 0 ? std::string_view() : std::string_view((*cuts)[i - 1]),
                                             i == cuts->size() ? std::nullopt : std::optional((*cuts)[i]));
            if (!cursor) {
              ++failures;
              return;
            }
            for (;;) {
              auto more = (*cursor)->next();
              failures += more.ok() ? 0 : 1;
              if (!more || !*more) break;
              stretches[i].push_back({std::string((*cursor)->key()), std::string((*cursor)->payload())});
            }
          }
        });
      }
    }
    CHECK(failures == 0);
    Entries joined;
    for (const Entries& s : stretches) joined.insert(joined.end(), s.begin(), s.end());
    check_same(joined, wanted);
  }
}

TEST_CASE("sorter: several share one file, and one is read while another writes") {
  SpillFile spill;
  Sorter first(kTiny, spill), second(kTiny, spill);
  const Entries a = random_entries(10, 3 * kMiB, 500, 90), b = random_entries(11, 3 * kMiB, 500, 90);
  REQUIRE(fill(first, a).ok());
  REQUIRE(first.seal().ok());
  Entries read_a;
  {
    auto cursor = SorterCursor::open(first);
    REQUIRE(cursor.ok());
    Buffer out;
    for (const Entry& e : b) {
      out.clear();
      entry::add(out, e.key, e.payload);
      if (auto ok = second.add(out.view()); !ok) FAIL(ok.error().text());
      auto more = (*cursor)->next();
      if (!more) FAIL(more.error().text());
      if (*more) read_a.push_back({std::string((*cursor)->key()), std::string((*cursor)->payload())});
    }
    for (;;) {
      auto more = (*cursor)->next();
      if (!more) FAIL(more.error().text());
      if (!*more) break;
      read_a.push_back({std::string((*cursor)->key()), std::string((*cursor)->payload())});
    }
  }
  REQUIRE(second.seal().ok());
  check_same(read_a, sorted(a));
  check_same(read(second), sorted(b));
}

TEST_CASE("sorter: one that is given up halfway ends its thread") {
  const Entries all = random_entries(12, 4 * kMiB, 100, 200);
  for (const std::size_t share : {1U, 2U, 7U}) {
    SpillFile spill;
    Sorter sorter(kTiny, spill);
    REQUIRE(fill(sorter, Entries(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / share))).ok());
  }
}

TEST_CASE("sorter: nothing is left in the folder, not even while it is used") {
  Folder folder;
  const Variable set("TMPDIR", folder.path());
  {
    SpillFile spill;  // takes TMPDIR
    Sorter sorter(kTiny, spill);
    REQUIRE(fill(sorter, random_entries(13, 3 * kMiB, 100, 200)).ok());
    REQUIRE(sorter.seal().ok());
    CHECK(sorter.spilled());
    CHECK(spill.bytes_written() > 0);
    CHECK(folder.names().empty());
  }
  CHECK(folder.names().empty());
}

TEST_CASE("sorter: a temporary folder that cannot be used is an error that names it, and only when it is needed") {
  const Entries all = random_entries(14, 3 * kMiB, 100, 200);
  Folder folder;
  const std::string file = folder.file("file", "x");
  for (const std::string& path : {folder.path() + "/missing", file, "/proc"s}) {
    CAPTURE(path);
    const Variable set("TMPDIR", path);
    SpillFile spill;
    {
      Sorter small(kTiny, spill);
      REQUIRE(small.add({}).ok());
      REQUIRE(small.seal().ok());
    }
    Sorter sorter(kTiny, spill);
    const auto filled = fill(sorter, all);
    REQUIRE_FALSE(filled.ok());
    CHECK(filled.error().code == Errc::io);
    CHECK(filled.error().message.starts_with(path + ": cannot make the temporary file: "));
    CHECK(filled.error().cure == "set TMPDIR to a folder on a disk with room, or raise memory_limit");
    // It stays one, and nobody waits.
    CHECK_FALSE(fill(sorter, all).ok());
    const auto sealed = sorter.seal();
    REQUIRE_FALSE(sealed.ok());
    CHECK(sealed.error().message == filled.error().message);
  }
}

TEST_CASE("sorter: a full disk is an error, whether runs are spilled or merged") {
  const Entries all = random_entries(15, 8 * kMiB, 100, 100);
  for (const rlim_t room : {rlim_t{0}, rlim_t{100'000}, rlim_t{3'500'000}, rlim_t{5'000'000}}) {
    CAPTURE(room);
    Folder folder;
    SpillFile spill(folder.path());
    Sorter sorter(kTiny, spill);
    const FullDisk full(room);
    auto result = fill(sorter, all);
    if (result) result = sorter.seal();
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().code == Errc::io);
    CHECK(result.error().message == folder.path() + ": cannot write the temporary file: File too large");
    CHECK(folder.names().empty());
  }
}

TEST_CASE("spill file: pieces come back, in any order and again; one that was forgotten gives its room back") {
  Folder folder;
  SpillFile spill(folder.path());
  std::mt19937 random(16);
  std::vector<std::string> texts = {"", "x", std::string(3 * kMiB, 'a')};
  for (int i = 0; i < 20; ++i) {
    std::string text;
    for (auto n = random() % 60'000; n > 0; --n) text.push_back(static_cast<char>(random()));
    texts.push_back(text);
  }
  std::vector<SpillFile::Piece> pieces;
  std::uint64_t stored = 0;
  for (const std::string& text : texts) {
    auto piece = spill.write(text);
    REQUIRE(piece.ok());
    CHECK(piece->size == text.size());
    stored += piece->stored;
    pieces.push_back(*piece);
  }
  CHECK(spill.bytes_written() == stored);
  std::vector<char> got;
  for (std::size_t i = texts.size(); i-- > 0;) {
    REQUIRE(spill.read(pieces[i], got).ok());
    CHECK((std::string_view(got.data(), got.size()) == texts[i]));
  }
  const std::uint64_t before = disk_use(folder.path());
  std::vector<SpillFile::Piece> forgotten;
  for (std::size_t i = 0; i < pieces.size(); i += 2) forgotten.push_back(pieces[i]);
  spill.forget(forgotten);
  spill.forget({});
  CHECK(disk_use(folder.path()) < before);
  for (std::size_t i = 1; i < pieces.size(); i += 2) {
    REQUIRE(spill.read(pieces[i], got).ok());
    CHECK((std::string_view(got.data(), got.size()) == texts[i]));
  }
}

TEST_CASE("spill file: what does not hold what was written is an error, not data") {
  Folder folder;
  SpillFile spill(folder.path());
  const auto piece = spill.write(std::string(100'000, 'x'));
  REQUIRE(piece.ok());
  std::vector<char> got;
  for (SpillFile::Piece wrong : {SpillFile::Piece{piece->at + 1, piece->stored - 1, piece->size},
                                 {piece->at, piece->stored - 1, piece->size},
                                 {piece->at, piece->stored, piece->size - 1},
                                 {piece->at, piece->stored, piece->size + 1}}) {
    const auto read = spill.read(wrong, got);
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().message == folder.path() + ": the temporary file is damaged: it does not hold what was written");
  }
  const auto beyond = spill.read({piece->at, piece->stored + 1000, piece->size}, got);
  REQUIRE_FALSE(beyond.ok());
  CHECK(beyond.error().message.starts_with(folder.path() + ": cannot read the temporary file: "));
}
