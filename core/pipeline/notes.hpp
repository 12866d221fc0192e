// Notes of one kind: the first few are said, the others counted.
#pragma once

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

namespace crosswalk {

class NoteList {
 public:
  static constexpr std::size_t kMost = 10;

  explicit NoteList(std::vector<std::string>& to) : to_(to) {}

  void add(std::string note) {
    if (++count_ <= kMost) to_.push_back(std::move(note));
  }
  /// Says how many were left out; `what` ends "and 7 more …".
  void close(std::string_view what) const {
    if (count_ > kMost) to_.push_back(fmt::format("and {} more {}", count_ - kMost, what));
  }

 private:
  std::vector<std::string>& to_;
  std::size_t count_ = 0;
};

}  // namespace crosswalk
