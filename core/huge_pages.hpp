// Memory for large tables that are read here and there: on huge pages where the system has them, so that a look-up costs
// one miss and not two.
#pragma once

#include <cstddef>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace crosswalk {

/// An allocator for standard containers.
template <class T>
struct HugePageAllocator {
  using value_type = T;
  static constexpr std::size_t kPage = std::size_t{2} << 20;

  HugePageAllocator() = default;
  template <class U>
  explicit HugePageAllocator(const HugePageAllocator<U>& /*other*/) {}

  T* allocate(std::size_t count) {
    const std::size_t size = count * sizeof(T);
    if (size < kPage) return static_cast<T*>(::operator new(size));
    void* const at = ::operator new(size, std::align_val_t(kPage));
#if defined(__linux__)
    madvise(at, size, MADV_HUGEPAGE);  // a wish: where it is not granted, all works as before
#endif
    return static_cast<T*>(at);
  }
  void deallocate(T* at, std::size_t count) {
    if (count * sizeof(T) < kPage) return ::operator delete(at);
    ::operator delete(at, std::align_val_t(kPage));
  }
  template <class U>
  bool operator==(const HugePageAllocator<U>& /*other*/) const {
    return true;
  }
};

}  // namespace crosswalk
