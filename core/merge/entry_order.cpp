#include "merge/entry_order.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <memory>
#include <utility>

#include "merge/sorter.hpp"
#include "text.hpp"
#include "threads.hpp"

namespace crosswalk {
namespace {

constexpr std::size_t kBytes = 8;  // of a prefix

std::size_t byte_of(std::uint64_t prefix, std::size_t i) { return prefix >> (56 - 8 * i) & 0xFF; }

/// Which values each byte of some prefixes has.
struct Met {
  std::array<std::array<bool, 256>, kBytes> values{};
  void add(std::uint64_t prefix) {
    for (std::size_t i = 0; i < kBytes; ++i) values[i][byte_of(prefix, i)] = true;
  }
  void add(const Met& other) {
    for (std::size_t i = 0; i < kBytes; ++i) {
      for (std::size_t value = 0; value < 256; ++value) values[i][value] |= other.values[i][value];
    }
  }
};

/// The bucket of a prefix: buckets are in the order of the keys in them. Keys are mostly text, of which a byte has few
/// values, hexadecimal digits for instance: the values that come are numbered, so that the buckets are filled evenly.
class Buckets {
 public:
  Buckets(const Met& all, std::size_t wanted) {
    const auto& met = all.values;
    // As many bytes as are needed for that many buckets, and some more to have them of one size.
    std::array<std::uint64_t, kBytes> values{};
    std::uint64_t product = 1;
    while (bytes_ < kBytes && product < 16 * wanted) {
      values[bytes_] = static_cast<std::uint64_t>(std::count(met[bytes_].begin(), met[bytes_].end(), true));
      product *= values[bytes_++];
    }
    std::uint64_t weight = 1;
    for (std::size_t i = bytes_; i-- > 0;) {
      std::uint64_t number = 0;
      for (std::size_t value = 0; value < 256; ++value) {
        weights_[i][value] = number;
        if (met[i][value]) number += weight;
      }
      weight *= values[i];
    }
    while (((product - 1) >> shift_) >= wanted) ++shift_;
    count_ = static_cast<std::size_t>((product - 1) >> shift_) + 1;
  }
  [[nodiscard]] std::size_t count() const { return count_; }
  [[nodiscard]] std::size_t of(std::uint64_t prefix) const {
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < bytes_; ++i) number += weights_[i][byte_of(prefix, i)];
    return static_cast<std::size_t>(number >> shift_);
  }

 private:
  std::array<std::array<std::uint64_t, 256>, kBytes> weights_{};
  std::size_t bytes_ = 0, count_ = 1;
  unsigned shift_ = 0;
};

/// Those of one bucket, or of a few.
class Few {
 public:
  explicit Few(std::size_t shared) : shared_(shared) {}

  void sort(std::span<EntryRef> refs) const {
    by_prefix(refs);
    // Equal prefixes are mostly those of equal keys, which are in order already.
    for (std::size_t i = 0, end = 0; i < refs.size(); i = end) {
      const std::string_view key = entry::key_at(refs[i].at);
      bool same = true;
      for (end = i + 1; end < refs.size() && refs[end].prefix == refs[i].prefix; ++end) {
        same = same && equal(entry::key_at(refs[end].at), key);
      }
      if (!same) by_key(refs.subspan(i, end - i));
    }
  }

 private:
  static void by_prefix(std::span<EntryRef> refs) {
    constexpr std::size_t kFew = 32;
    if (refs.size() > kFew) {
      std::stable_sort(refs.begin(), refs.end(), [](const EntryRef& a, const EntryRef& b) { return a.prefix < b.prefix; });
      return;
    }
    for (std::size_t i = 1; i < refs.size(); ++i) {
      const EntryRef ref = refs[i];
      std::size_t to = i;
      for (; to > 0 && ref.prefix < refs[to - 1].prefix; --to) refs[to] = refs[to - 1];
      refs[to] = ref;
    }
  }
  void by_key(std::span<EntryRef> refs) const {
    std::stable_sort(refs.begin(), refs.end(), [this](const EntryRef& a, const EntryRef& b) {
      return entry::key_at(a.at).substr(shared_) < entry::key_at(b.at).substr(shared_);
    });
  }
  std::size_t shared_;
};

}  // namespace

EntryRefs in_order(std::span<EntryRefs* const> lists, std::size_t shared, unsigned threads) {
  constexpr std::size_t kMostBuckets = std::size_t{1} << 16, kWorthThread = std::size_t{1} << 15;
  std::size_t size = 0;
  for (const auto* list : lists) size += list->size();
  if (size == 0) return {};
  const std::size_t parts = std::clamp<std::size_t>(size / kWorthThread, 1, std::max(threads, 1U));
  const auto each_of = [&](std::size_t part, const auto& visit) {  // in order of arrival, part after part
    std::size_t begin = size * part / parts, rest = size * (part + 1) / parts - begin;
    for (auto* list : lists) {
      const std::size_t skipped = std::min(begin, list->size()), taken = std::min(rest, list->size() - skipped);
      for (EntryRef& ref : std::span(*list).subspan(skipped, taken)) visit(ref);
      begin -= skipped;
      rest -= taken;
    }
  };
  std::vector<Met> met(parts);
  on_threads(parts, [&](std::size_t part) {
    Met& own = met[part];
    each_of(part, [&](EntryRef& ref) {
      if (shared != 0) ref.prefix = prefix_of(entry::key_at(ref.at), shared);
      own.add(ref.prefix);
    });
  });
  for (std::size_t part = 1; part < parts; ++part) met[0].add(met[part]);
  const Buckets buckets(met[0], std::min(kMostBuckets, std::bit_ceil(size)));
  std::vector<std::vector<std::uint32_t>> places(parts);  // by part and bucket
  on_threads(parts, [&](std::size_t part) {
    places[part].resize(buckets.count());
    each_of(part, [&](const EntryRef& ref) { ++places[part][buckets.of(ref.prefix)]; });
  });
  std::vector<std::uint32_t> ends(buckets.count());
  std::uint32_t sum = 0;
  for (std::size_t bucket = 0; bucket < ends.size(); ++bucket) {
    for (auto& of_part : places) of_part[bucket] = std::exchange(sum, sum + of_part[bucket]);
    ends[bucket] = sum;
  }
  EntryRefs order(size);
  on_threads(parts, [&](std::size_t part) {
    auto& own = places[part];
    each_of(part, [&](const EntryRef& ref) { order[own[buckets.of(ref.prefix)]++] = ref; });
  });
  for (auto* list : lists) *list = {};
  on_threads(parts, [&](std::size_t part) {
    const auto bucket_at = [&](std::size_t share) {
      const auto reached = static_cast<std::uint32_t>(size * share / parts);
      return static_cast<std::size_t>(std::lower_bound(ends.begin(), ends.end(), reached) - ends.begin());
    };
    constexpr std::size_t kAhead = 16;
    const Few few(shared);
    const std::size_t first = part == 0 ? 0 : bucket_at(part), last = part + 1 == parts ? ends.size() : bucket_at(part + 1);
    std::size_t begin = first == 0 ? 0 : ends[first - 1], fetched = begin;
    const std::size_t end_of_all = last == 0 ? 0 : ends[last - 1];
    for (std::size_t bucket = first; bucket < last; ++bucket) {
      const std::size_t end = ends[bucket];
      for (const std::size_t until = std::min(end + kAhead, end_of_all); fetched < until; ++fetched) {
        __builtin_prefetch(order[fetched].at);
        __builtin_prefetch(order[fetched].at + 48);
      }
      if (end - begin > 1) few.sort(std::span(order).subspan(begin, end - begin));
      begin = end;
    }
  });
  return order;
}

}  // namespace crosswalk
