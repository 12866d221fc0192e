#include "framing/json_value.hpp"

#include <fmt/format.h>

#include "text.hpp"

namespace crosswalk::json {
namespace {

using Outcome = Scan::Outcome;

constexpr std::size_t kDropped = 4096;  // bytes that are worth being dropped

/// True for bytes that end a number, a word, or rubbish that stands in the place of one.
bool ends_bare(char c) {
  switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case ',':
    case '"':
    case '{':
    case '}':
    case '[':
    case ']': return true;
    default: return false;
  }
}

}  // namespace

ValueScanner::ValueScanner(Window& window, std::size_t start, std::size_t indent, std::uint64_t no_return_before)
    : window_(window), start_(start), at_(start), indent_(indent), no_return_before_(no_return_before) {
  const char first = window.at(start);
  kind_ = opens(first) ? Kind::brackets : first == '"' ? Kind::string : Kind::bare;
  if (kind_ != Kind::brackets) ++at_;  // a quote, or the first byte of a word: never the end
}

Scan ValueScanner::scan(std::size_t limit) {
  while (at_ - start_ <= limit) {
    if (const auto found = advance()) return *found;
  }
  return give_up(at_).value_or(Scan{Outcome::too_large, at_});
}

Scan ValueScanner::skip(std::size_t keep) {
  skipping_ = true;
  lost_.reset();
  for (;;) {
    if (const auto found = advance()) return *found;
    if (keep != kHoldAll && at_ >= keep + kDropped) {
      window_.drop(keep, at_);
      at_ = keep;
    }
  }
}

// One stride, or less where there is no more: then that was the last of it, even if it is only the last that this block
// can take. (All kinds of values go by strides, so that limits are met at the same place however the input comes.)
std::optional<Scan> ValueScanner::advance() {
  Fill fill = Fill::more;
  while (window_.size() - at_ < kStride && fill == Fill::more) fill = window_.more();
  const std::size_t available = std::min(window_.size() - at_, kStride);
  if (available == 0) {
    if (fill == Fill::end) return at_end_of_input();
    return Scan{fill == Fill::pause ? Outcome::pause : Outcome::failed, at_};
  }
  switch (kind_) {
    case Kind::brackets: return advance_brackets(available);
    case Kind::string: return advance_string(available);
    case Kind::bare: return advance_bare(available);
  }
  return std::nullopt;
}

std::optional<Scan> ValueScanner::at_end_of_input() {
  if (kind_ == Kind::bare) return Scan{Outcome::complete, at_};
  if (const auto found = give_up(at_)) return found;
  return Scan{Outcome::truncated, at_};
}

std::optional<Scan> ValueScanner::advance_brackets(std::size_t available) {
  const Stride stride(window_.data() + at_);
  const Mask valid = first_bits(available);
  const Mask inside = strings_.inside(stride, valid);
  const Mask line_ends = stride.line_ends() & valid;
  const Mask illegal = line_ends & inside;
  const std::size_t sound = illegal == 0 ? available : lowest(illegal);  // up to there, strings can be trusted
  Mask brackets = stride.brackets() & first_bits(sound) & ~inside;
  for (; brackets != 0; brackets &= brackets - 1) {
    const std::size_t bit = lowest(brackets);
    if (const auto found = bracket(at_ + bit)) {
      if (const Mask before = line_ends & first_bits(bit); before != 0) last_line_ = at_ + behind(before);
      return found;
    }
  }
  if (illegal != 0) {
    note("a line ends inside a string", "a line end", at_ + sound);
    return Scan{Outcome::broken, at_ + sound};
  }
  if (line_ends != 0) last_line_ = at_ + behind(line_ends);
  at_ += available;
  return std::nullopt;
}

std::optional<Scan> ValueScanner::advance_string(std::size_t available) {
  for (const std::size_t end = at_ + available; at_ != end; ++at_) {
    const char c = window_.at(at_);
    if (is_line_end(c)) {
      note("a line ends inside a string", "a line end", at_);
      return Scan{Outcome::broken, at_};
    }
    if (escaped_) {
      escaped_ = false;
    } else if (c == '\\') {
      escaped_ = true;
    } else if (c == '"') {
      return Scan{Outcome::complete, at_ + 1};
    }
  }
  return std::nullopt;
}

std::optional<Scan> ValueScanner::advance_bare(std::size_t available) {
  for (const std::size_t end = at_ + available; at_ != end; ++at_) {
    if (ends_bare(window_.at(at_))) return Scan{Outcome::complete, at_};
  }
  return std::nullopt;
}

std::optional<Scan> ValueScanner::bracket(std::size_t position) {
  const char c = window_.at(position);
  const bool array = c == '[' || c == ']';
  return opens(c) ? open(position, array) : close(position, array);
}

std::optional<Scan> ValueScanner::open(std::size_t position, bool array) {
  std::optional<std::size_t> line;
  if (depth_ != 0 && depth_ <= kTracked && !innermost_is_array() && !skipping_ && opens_nowhere(position, line)) {
    // A value without a key. At the start of a line that is indented no deeper than this value began, it is the next
    // one. Elsewhere it may be the next one, or a part of this one: how this one ends will tell.
    if (line && position - *line <= indent_) {
      note("a closing bracket is missing", array ? "`[`" : "`{`", position);
      return Scan{Outcome::next_here, position};
    }
    if (!lost_ && window_.place(position) >= no_return_before_) lost_ = position;
  }
  push(array);
  return std::nullopt;
}

std::optional<Scan> ValueScanner::close(std::size_t position, bool array) {
  if (depth_ <= kTracked && innermost_is_array() != array) {
    if (const auto found = give_up(position)) return found;
    note(array ? "`]` stands where `}` was expected" : "`}` stands where `]` was expected", array ? "`]`" : "`}`", position);
    if (open_[array ? 1 : 0] == 0) return std::nullopt;
    while (innermost_is_array() != array) pop();
  }
  pop();
  return depth_ == 0 ? std::optional(Scan{Outcome::complete, position + 1}) : std::nullopt;
}

// Something shows at `position` that this value is damaged. If a value opened without a key before, a closing bracket was
// lost in front of it, and the next value begins there.
std::optional<Scan> ValueScanner::give_up(std::size_t position) {
  if (!lost_) return std::nullopt;
  note("a closing bracket is missing", window_.at(*lost_) == '[' ? "`[`" : "`{`", *lost_);
  returned_from_ = window_.place(position);
  return Scan{Outcome::next_here, *lost_};
}

// True when the bracket at `position`, inside an object, has no `:` before it. `line` is where its line begins if only
// blanks stand before it there.
bool ValueScanner::opens_nowhere(std::size_t position, std::optional<std::size_t>& line) const {
  std::size_t before = position;
  while (is_blank(window_.at(before - 1))) {
    --before;
    if (!line && is_line_end(window_.at(before))) line = before + 1;
  }
  return window_.at(before - 1) != ':';
}

void ValueScanner::push(bool array) {
  if (depth_ < kTracked) {
    const std::uint64_t bit = std::uint64_t{1} << (depth_ % 64);
    std::uint64_t& word = kinds_[depth_ / 64];
    word = array ? word | bit : word & ~bit;
    ++open_[array ? 1 : 0];
  }
  ++depth_;
}

void ValueScanner::pop() {
  if (depth_ <= kTracked) --open_[innermost_is_array() ? 1 : 0];
  --depth_;
}

void ValueScanner::note(std::string_view what, std::string_view found, std::size_t position) {
  if (!problem_.empty()) return;
  problem_ = skipping_ ? std::string(what) : fmt::format("{}, at byte {} of the record", what, position - start_);
  found_ = found;
}

}  // namespace crosswalk::json
