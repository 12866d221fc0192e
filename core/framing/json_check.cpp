#include "framing/json_check.hpp"

#include <fmt/format.h>

#include <vector>

#include "digits.hpp"
#include "framing/json_text.hpp"
#include "framing/utf8.hpp"
#include "text.hpp"

namespace crosswalk::json {
namespace {

constexpr std::size_t kShownField = 200;

unsigned byte_of(char c) { return static_cast<unsigned char>(c); }

/// Walks one text and stops at the first flaw.
class Reading {
 public:
  Reading(std::string_view text, std::size_t max_depth) : text_(text), max_depth_(max_depth) {}

  Flaw run() {
    for (Next next = Next::value; next != Next::stop;) next = next == Next::value ? value() : after_value();
    return std::move(flaw_);
  }

 private:
  /// What the text has to go on with.
  enum class Next : std::uint8_t { value, after_value, stop };

  /// An object or array that is open.
  struct Level {
    bool array = false;
    std::string key;  // the key being read
  };

  [[nodiscard]] bool at_end() const { return at_ == text_.size(); }
  [[nodiscard]] char now() const { return text_[at_]; }
  void skip_blanks() {
    while (!at_end() && is_blank(now())) ++at_;
  }
  /// The next byte that is not blank is `c`; steps over it.
  bool take(char c) {
    skip_blanks();
    if (at_end() || now() != c) return false;
    ++at_;
    return true;
  }

  // A plain value, or the opening of an object (with its first key) or array.
  Next value() {
    skip_blanks();
    if (at_end()) return stop_at("a value");
    switch (now()) {
      case '{': return !open(false) ? Next::stop : take('}') ? close() : key();
      case '[': return !open(true) ? Next::stop : take(']') ? close() : Next::value;
      case '"': return after(string());
      case 't': return after(word("true"));
      case 'f': return after(word("false"));
      case 'n': return after(word("null"));
      default: return is_digit(now()) || now() == '-' ? after(number()) : stop_at("a value");
    }
  }
  static Next after(bool good) { return good ? Next::after_value : Next::stop; }

  bool open(bool array) {
    if (open_.size() == max_depth_) {
      refuse("too_deep", fmt::format("more than {} levels", max_depth_),
             fmt::format("objects and arrays are nested deeper than {} levels, at byte {} of the record", max_depth_, at_),
             "flatten the records, or raise the setting max_depth");
      return false;
    }
    open_.push_back({array, {}});
    ++at_;
    return true;
  }
  Next close() {
    open_.pop_back();
    return Next::after_value;
  }

  Next after_value() {
    if (open_.empty()) return end();
    const bool array = open_.back().array;
    if (take(',')) return array ? Next::value : key();
    if (take(array ? ']' : '}')) return close();
    return stop_at(array ? "`,` or `]`" : "`,` or `}`");
  }

  Next end() {
    skip_blanks();
    if (!at_end()) malformed(fmt::format("{} follows the end of the value", shown_byte(now())));
    return Next::stop;
  }

  Next key() {
    open_.back().key.clear();
    skip_blanks();
    if (at_end() || now() != '"') return stop_at("a key in quotes");
    const std::size_t begin = at_ + 1;
    if (!string()) return Next::stop;
    open_.back().key.assign(text_.substr(begin, at_ - 1 - begin));
    return take(':') ? Next::value : stop_at("`:`");
  }

  bool word(std::string_view wanted) {
    if (text_.substr(at_, wanted.size()) != wanted) return expected("a value");
    at_ += wanted.size();
    return true;
  }

  bool number() {
    const std::size_t begin = at_;
    while (!at_end() && (is_digit(now()) || std::string_view("+-.eE").find(now()) != std::string_view::npos)) ++at_;
    const std::string_view number = text_.substr(begin, at_ - begin);
    if (is_number(number)) return true;
    at_ = begin;
    malformed(fmt::format("`{}` is not a JSON number", shown(number, 40)), shown(number, 40));
    return false;
  }

  bool string() {
    ++at_;
    for (;;) {
      if (at_end()) return expected("the closing quote of a string");
      const char c = now();
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (!escape()) return false;
      } else if (byte_of(c) < 0x20) {
        malformed(fmt::format("{} stands bare in a string", shown_byte(c)), {},
                  "write control characters in strings as escapes: \\n, \\t, \\u0000");
        return false;
      } else if (byte_of(c) < 0x80) {
        ++at_;
      } else if (!character()) {
        return false;
      }
    }
  }

  bool character() {
    const std::size_t size = utf8_length(text_.substr(at_));
    if (size == 0) {
      refuse("invalid_utf8", shown_byte(now()), fmt::format("{} is not UTF-8, at byte {} of the record", shown_byte(now()), at_),
             std::string(kConvertCure));
      return false;
    }
    at_ += size;
    return true;
  }

  bool escape() {
    const std::string_view rest = text_.substr(at_);
    if (rest.size() < 2) {
      ++at_;
      return expected("the closing quote of a string");
    }
    if (rest[1] != 'u') {
      if (std::string_view("\"\\/bfnrt").find(rest[1]) == std::string_view::npos) {
        malformed(fmt::format("`\\` before {} is not an escape", shown_byte(rest[1])));
        return false;
      }
      at_ += 2;
      return true;
    }
    const int unit = unit_at(0);
    if (unit < 0) {
      malformed("`\\u` without four hexadecimal digits");
      return false;
    }
    if (unit < 0xD800 || unit > 0xDFFF) {
      at_ += 6;
      return true;
    }
    const int low = unit < 0xDC00 ? unit_at(6) : -1;
    if (low < 0xDC00 || low > 0xDFFF) {
      refuse("lone_surrogate", std::string(rest.substr(0, 6)),
             fmt::format("{} is half of a surrogate pair, at byte {} of the record: no character", rest.substr(0, 6), at_),
             "export again: text was cut inside a character");
      return false;
    }
    at_ += 12;
    return true;
  }

  // The code unit of a `\uXXXX` that starts `ahead` bytes from here; -1 when there is none.
  [[nodiscard]] int unit_at(std::size_t ahead) const {
    const std::string_view escape = text_.substr(at_).substr(std::min(ahead, text_.size() - at_), 6);
    return escape.size() == 6 && escape[0] == '\\' && escape[1] == 'u' ? hex4(escape.data() + 2) : -1;
  }

  bool expected(std::string_view what) {
    if (at_end()) {
      malformed(fmt::format("the record ends where {} was expected", what), "the end of the record");
    } else if (byte_of(now()) >= 0x80 && utf8_length(text_.substr(at_)) == 0) {
      character();
    } else {
      malformed(fmt::format("{} was expected but {} found", what, shown_byte(now())));
    }
    return false;
  }

  Next stop_at(std::string_view what) {
    expected(what);
    return Next::stop;
  }

  void malformed(std::string what, std::string found = {}, std::string cure = {}) {
    if (found.empty() && !at_end()) found = shown(text_.substr(at_), 20);
    refuse("malformed_json", std::move(found), fmt::format("{}, at byte {} of the record", what, at_), std::move(cure));
  }

  void refuse(std::string_view code, std::string found, std::string message, std::string cure) {
    flaw_ = {at_, std::string(code), path(), std::move(found), std::move(message), std::move(cure)};
  }

  [[nodiscard]] std::string path() const {
    std::string path;
    for (const Level& level : open_) {
      if (path.size() > kShownField) break;
      if (level.array) path += "[]";
      if (level.array || level.key.empty()) continue;
      if (!path.empty()) path += '.';
      add_key(path, unescaped(level.key));
    }
    return shown(path, kShownField);
  }

  std::string_view text_;
  std::size_t max_depth_;
  std::size_t at_ = 0;
  std::vector<Level> open_;
  Flaw flaw_;
};

}  // namespace

Flaw find_flaw(std::string_view text, std::size_t max_depth) { return Reading(text, max_depth).run(); }

std::string shown_byte(char c) {
  return byte_of(c) > 0x20 && byte_of(c) < 0x7F ? fmt::format("`{}`", c) : fmt::format("byte 0x{:02X}", byte_of(c));
}

bool is_number(std::string_view text) {
  const char* p = text.data();
  const char* const end = p + text.size();
  const auto digits = [&] {
    const char* const begin = p;
    while (p != end && is_digit(*p)) ++p;
    return p != begin;
  };
  if (p != end && *p == '-') ++p;
  const bool zero = p != end && *p == '0';
  const char* const whole = p;
  if (!digits() || (zero && p - whole > 1)) return false;
  if (p != end && *p == '.') {
    ++p;
    if (!digits()) return false;
  }
  if (p != end && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p != end && (*p == '+' || *p == '-')) ++p;
    if (!digits()) return false;
  }
  return p == end;
}

std::size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  const unsigned first = byte_of(text[0]);
  const auto follows = [&](std::size_t i, unsigned low = 0x80, unsigned high = 0xBF) {
    return i < text.size() && byte_of(text[i]) >= low && byte_of(text[i]) <= high;
  };
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return follows(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {  // not overlong, no surrogates
    return follows(1, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF) && follows(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {  // not overlong, at most U+10FFFF
    return follows(1, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

int hex4(const char* digits) {
  int value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = digits[i];
    const int digit = is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

char* put_utf8(char* to, std::uint32_t code_point) {
  const auto put = [&](std::uint32_t byte) { *to++ = static_cast<char>(byte); };
  const auto put_tail = [&](int shift) { put(0x80 | ((code_point >> shift) & 0x3F)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xC0 | (code_point >> 6));
    put_tail(0);
  } else if (code_point < 0x10000) {
    put(0xE0 | (code_point >> 12));
    put_tail(6);
    put_tail(0);
  } else {
    put(0xF0 | (code_point >> 18));
    put_tail(12);
    put_tail(6);
    put_tail(0);
  }
  return to;
}

}  // namespace crosswalk::json
