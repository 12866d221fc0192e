// Entries in memory, by where they lie: put into the order of their keys.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "large_pages.hpp"

namespace crosswalk {

/// An entry that lies somewhere in memory and stays there.
struct EntryRef {
  std::uint64_t prefix;  ///< eight bytes of its key as a number that sorts as they do
  const char* at;
};

/// The eight bytes of `key` from `skip` on as a number that sorts as they do; behind its end are zeros.
[[nodiscard]] inline std::uint64_t prefix_of(std::string_view key, std::size_t skip) {
  std::uint64_t value = 0;
  const std::size_t n = key.size() > skip ? key.size() - skip : 0;
  if (n >= sizeof value) {
    std::memcpy(&value, key.data() + skip, sizeof value);
  } else if (n != 0) {
    std::memcpy(&value, key.data() + skip, n);
  }
  if constexpr (std::endian::native == std::endian::little) value = __builtin_bswap64(value);
  return value;
}

/// Sorted entries lie anywhere: of those to come, asks for one that comes soon.
inline void fetch_ahead(std::span<const EntryRef> to_come) {
  constexpr std::size_t kAhead = 12;
  if (to_come.size() <= kAhead) return;
  const char* const at = to_come[kAhead].at;
  for (const int line : {0, 48, 96}) __builtin_prefetch(at + line);  // most are no longer
}

using EntryRefs = std::vector<EntryRef, LargePages<EntryRef>>;

/// All entries of some lists, which are in order of arrival, by key; equal keys in order of arrival. `shared`: all keys
/// begin with the same so many bytes; the prefixes are those of the whole keys. The lists are emptied.
[[nodiscard]] EntryRefs in_order(std::span<EntryRefs* const> lists, std::size_t shared, unsigned threads);

}  // namespace crosswalk
