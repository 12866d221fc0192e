// Zip archives, made without a library.
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace crosswalk {

/// Members that are stored as they are: little to write, and libzip reads them as all others.
inline std::string zip_of(const std::vector<std::pair<std::string, std::string>>& members) {
  std::string data, directory;
  const auto number = [](std::string& to, std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i, value >>= 8) to += static_cast<char>(value & 0xFF);
  };
  for (const auto& [name, text] : members) {
    std::string about;
    number(about, 20, 2);
    number(about, 0, 8);
    number(about, ::crc32(0, reinterpret_cast<const Bytef*>(text.data()), static_cast<uInt>(text.size())), 4);
    number(about, text.size(), 4);
    number(about, text.size(), 4);
    number(about, name.size(), 2);
    number(about, 0, 2);
    directory += std::string("PK\1\2\x14\0", 6) + about;
    number(directory, 0, 10);
    number(directory, data.size(), 4);
    directory += name;
    data += "PK\3\4" + about + name + text;
  }
  std::string end = "PK\5\6";
  number(end, 0, 4);
  number(end, members.size(), 2);
  number(end, members.size(), 2);
  number(end, directory.size(), 4);
  number(end, data.size(), 4);
  number(end, 0, 2);
  return data + directory + end;
}

}  // namespace crosswalk
