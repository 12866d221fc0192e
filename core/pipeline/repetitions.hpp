// Which inputs repeat others: the same file, or another one that holds the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "io/input.hpp"
#include "text.hpp"

namespace crosswalk {

/// Compares what is read, so a file, its gzip and the same with a byte order mark are one. The heads of all inputs are read for
/// that, and the rest where heads are equal and sizes do not tell; of a single input nothing is.
class Repetitions {
 public:
  explicit Repetitions(const Cancelled& cancelled) : cancelled_(cancelled) {}

  struct Earlier {
    std::size_t index = 0;  ///< of the call of look() that had it first
    enum class How : std::uint8_t { same_file, same_bytes, same_content } how = How::same_file;
    [[nodiscard]] std::string_view words() const;  ///< "is the same file as"
  };
  /// The earlier input that this one repeats; nothing: none, or it cannot be read, which whoever opens it says better.
  /// `archives` stays until the last call.
  std::optional<Earlier> look(const std::string& path, Archives& archives);

 private:
  /// An input that is there, and what is known of its content by now.
  struct Known {
    std::string path;
    Archives* archives = nullptr;
    std::uint64_t size = 0;  ///< of its bytes
    bool looked = false, plain = false, whole = false, tried = false;
    Hash128 head;
    std::optional<Hash128> all;
  };
  void look_at_head(Known& one) const;
  bool same_content(Known& a, Known& b) const;

  const Cancelled& cancelled_;
  std::vector<Known> all_;
  std::map<std::tuple<std::uint64_t, std::uint64_t, std::string>, std::size_t> by_id_;  ///< and name of the member
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::vector<std::size_t>> by_head_;
  std::optional<std::size_t> first_;  ///< whose head is not looked at as long as there is no second
};

}  // namespace crosswalk
