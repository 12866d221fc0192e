// Memory for what is large: pages of two megabytes, where the system has them, are faster to get and to go through.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <utility>

namespace crosswalk {

inline constexpr std::size_t kLargePage = std::size_t{2} << 20;

/// At least `size` bytes in large pages; for std::free().
[[nodiscard]] inline void* allocate_large_pages(std::size_t size) {
  const std::size_t whole = (size + kLargePage - 1) / kLargePage * kLargePage;
  void* const bytes = std::aligned_alloc(kLargePage, whole);
  if (bytes == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  static_cast<void>(::madvise(bytes, whole, MADV_HUGEPAGE));  // without them it works as well
#endif
  return bytes;
}

/// Of lists that may become long. Elements made without a value have none.
template <class T>
struct LargePages {
  using value_type = T;
  LargePages() = default;
  template <class U>
  LargePages(const LargePages<U>&) {}  // NOLINT(*-explicit-*)

  T* allocate(std::size_t n) {
    const std::size_t size = n * sizeof(T);
    void* const bytes = size >= kLargePage ? allocate_large_pages(size) : std::malloc(size);
    if (bytes == nullptr) throw std::bad_alloc();
    return static_cast<T*>(bytes);
  }
  void deallocate(T* bytes, std::size_t) { std::free(bytes); }
  template <class U, class... Args>
  void construct(U* at, Args&&... args) {
    if constexpr (sizeof...(args) == 0) {
      ::new (static_cast<void*>(at)) U;
    } else {
      std::construct_at(at, std::forward<Args>(args)...);
    }
  }
  friend bool operator==(LargePages, LargePages) { return true; }
};

}  // namespace crosswalk
