// Where the tokens of a JSON text begin: simdjson's first stage, which also checks UTF-8 and control characters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace crosswalk::json {

/// Positions of every bracket, comma, colon, and of the first byte of every string, number and word, in order. Behind the
/// last one stands the length of the text, so that a token always has a next one.
class Tokens {
 public:
  Tokens();
  ~Tokens();
  Tokens(const Tokens&) = delete;
  Tokens& operator=(const Tokens&) = delete;

  /// Finds the tokens of a text that has kSlack readable bytes behind it. False when it cannot be JSON: no token at all,
  /// bad UTF-8, a string that is not closed or has control characters in it. Nothing else is checked.
  [[nodiscard]] bool find(std::string_view text);

  [[nodiscard]] const std::uint32_t* begin() const { return begin_; }
  [[nodiscard]] const std::uint32_t* end() const { return end_; }

  /// Gives back memory that only an unusually large text needed.
  void forget_large();

 private:
  struct Engine;
  std::unique_ptr<Engine> engine_;
  const std::uint32_t* begin_ = nullptr;
  const std::uint32_t* end_ = nullptr;
};

}  // namespace crosswalk::json
