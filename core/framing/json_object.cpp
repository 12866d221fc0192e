#include "framing/json_object.hpp"

#include <algorithm>
#include <cstring>

#include "framing/framing.hpp"
#include "framing/json_check.hpp"
#include "framing/json_text.hpp"
#include "text.hpp"

namespace crosswalk::json {

bool ObjectReader::start(std::string_view line) {
  depth_ = 1;
  first_ = true;
  broken_ = false;
  inside_ = nullptr;
  if (buffer_.size() < line.size() + kSlack) {
    buffer_.resize(std::max(line.size() + kSlack, 2 * buffer_.size()));
    meanings_.resize(buffer_.size());
  }
  if (!line.empty()) std::memcpy(buffer_.data(), line.data(), line.size());
  text_ = buffer_.data();
  meaning_ = meanings_.data();  // all of them together are shorter than the line
  broken_ = !tokens_.find({text_, line.size()});
  token_ = tokens_.begin();
  if (broken_ || byte() != '{') return stop();
  ++token_;
  return true;
}

bool ObjectReader::next(Member& member) {
  if (broken_ || depth_ == 0) return false;
  if (byte() == '}') return close();
  if (!first_) {
    if (byte() != ',') return stop();
    ++token_;
  }
  first_ = false;
  if (!string(member.key) || byte() != ':') return stop();
  ++token_;
  return value(member) || stop();
}

void ObjectReader::enter() {
  if (inside_ == nullptr) return;
  token_ = inside_;
  inside_ = nullptr;
  first_ = true;
  ++depth_;
}

/// The token up to the one behind it, without blanks.
std::string_view ObjectReader::whole() const {
  const char* const first = text_ + token_[0];
  const char* last = text_ + token_[1] - 1;
  while (last > first && is_blank(*last)) --last;
  return {first, static_cast<std::size_t>(last + 1 - first)};
}

bool ObjectReader::stop() {
  broken_ = true;
  return false;
}

bool ObjectReader::close() {
  ++token_;
  first_ = false;
  inside_ = nullptr;
  if (--depth_ == 0 && !at_end()) broken_ = true;
  return false;
}

bool ObjectReader::string(std::string_view& meaning) {
  if (byte() != '"') return false;
  const std::string_view quoted = whole();
  if (quoted.size() < 2 || quoted.back() != '"') return false;
  ++token_;
  meaning = quoted.substr(1, quoted.size() - 2);
  if (std::memchr(meaning.data(), '\\', meaning.size()) == nullptr) return true;
  char* const end = unescape(meaning, meaning_);
  if (end == nullptr) return false;
  meaning = {meaning_, static_cast<std::size_t>(end - meaning_)};
  meaning_ = end;
  return true;
}

bool ObjectReader::value(Member& member) {
  inside_ = nullptr;
  switch (byte()) {
    case '\0': return false;
    case '"': member.kind = Kind::string; return string(member.text);
    case '[': member.kind = Kind::array; return skip_brackets(member.text);
    case '{': {
      member.kind = Kind::object;
      const std::uint32_t* const inside = token_ + 1;
      if (!skip_brackets(member.text)) return false;
      inside_ = inside;
      return true;
    }
    default: break;
  }
  member.text = whole();
  ++token_;
  if (member.text == "true" || member.text == "false") {
    member.kind = Kind::boolean;
  } else if (member.text == "null") {
    member.kind = Kind::null;
  } else {
    member.kind = Kind::number;
    return is_number(member.text);
  }
  return true;
}

bool ObjectReader::skip_brackets(std::string_view& slice) {
  const char* const first = text_ + *token_;
  std::size_t open = 0;
  do {
    const char c = byte();
    if (c == '\0') return false;
    if (c == '{' || c == '[') ++open;
    if (c == '}' || c == ']') --open;
    ++token_;
  } while (open != 0);
  slice = {first, static_cast<std::size_t>(text_ + token_[-1] + 1 - first)};
  return true;
}

}  // namespace crosswalk::json
