// The members of one JSON object, in order: for lines that this program wrote and reads again.
//
// Unlike a record's, the objects inside are not flattened, so a key with a dot in it stays apart from a path.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "crosswalk/record.hpp"
#include "framing/json_tokens.hpp"

namespace crosswalk::json {

struct Member {
  std::string_view key;
  Kind kind = Kind::null;
  std::string_view text;  ///< a string's meaning; everything else as written, objects and arrays whole
};

/// Reads one object after the other; texts are valid until the next start(). Allocates only to grow.
class ObjectReader {
 public:
  /// Takes a copy of `line`. False when it cannot be an object.
  [[nodiscard]] bool start(std::string_view line);
  /// The next member of the object that is open. False at its end, and where the line is no JSON: see broken().
  [[nodiscard]] bool next(Member& member);
  /// Opens the object that next() gave last: its members come next, and behind its end those of the one around it.
  void enter();
  [[nodiscard]] bool broken() const { return broken_; }

 private:
  [[nodiscard]] bool at_end() const { return token_ == tokens_.end(); }
  [[nodiscard]] char byte() const { return at_end() ? '\0' : text_[*token_]; }
  [[nodiscard]] std::string_view whole() const;
  bool stop();
  bool close();
  bool string(std::string_view& meaning);
  bool value(Member& member);
  bool skip_brackets(std::string_view& slice);

  Tokens tokens_;
  std::vector<char> buffer_;    // the line and the slack that Tokens wants
  std::vector<char> meanings_;  // strings without their escapes, end to end
  char* meaning_ = nullptr;
  const char* text_ = nullptr;
  const std::uint32_t* token_ = nullptr;
  const std::uint32_t* inside_ = nullptr;  // behind the brace of the object that was given last
  std::size_t depth_ = 0;
  bool first_ = true;
  bool broken_ = false;
};

}  // namespace crosswalk::json
