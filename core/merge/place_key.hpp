// Places of records as keys of a Sorter: in the order of sources, inputs and offsets.
#pragma once

#include <cstdint>
#include <string_view>

#include "merge/contribution.hpp"

namespace crosswalk {

class PlaceKey {
 public:
  PlaceKey(std::uint32_t source, const Origin& origin) {
    char* to = bytes_;
    put(to, source, 4);
    put(to, origin.file, 4);
    put(to, origin.offset, 8);
  }
  [[nodiscard]] std::string_view view() const { return {bytes_, sizeof bytes_}; }

  static void read(std::string_view key, std::uint32_t& source, Origin& origin) {
    const char* from = key.data();
    source = static_cast<std::uint32_t>(take(from, 4));
    origin.file = static_cast<std::uint32_t>(take(from, 4));
    origin.offset = take(from, 8);
  }

 private:
  static void put(char*& to, std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) *to++ = static_cast<char>(value >> (8 * i));
  }
  static std::uint64_t take(const char*& from, unsigned bytes) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(*from++);
    return value;
  }
  char bytes_[16];
};

}  // namespace crosswalk
