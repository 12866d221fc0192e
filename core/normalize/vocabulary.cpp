#include "normalize/vocabulary.hpp"

#include <algorithm>

#include "characters.hpp"
#include "text.hpp"

namespace crosswalk {

std::size_t Vocabulary::Hash::operator()(std::string_view s) const { return hash64(s); }

void Vocabulary::add(std::string_view word, std::string_view meaning, Rule by) {
  words_.insert_or_assign(folded_word(word), Meaning{std::string(meaning), by});
}

void Vocabulary::add_absent(std::string_view value) { add_absent(Absent{folded_word(value), Absence::word}); }

void Vocabulary::add_placeholder(std::string_view value) {
  if (judge_absent(value) == Absence::none) add_absent(Absent{folded_word(value), Absence::placeholder});
}

void Vocabulary::add_absent(Absent absent) {
  const auto is_cased = [](char c) { return c >= '\xC3' && c <= '\xD1'; };  // begins letters that have two cases
  const std::string& folded = absent.text;
  longest_absent_ = std::max(longest_absent_, folded.size());
  if (!folded.empty()) {
    const auto upper = [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; };
    const char first = folded.front(), second = folded[folded.size() > 1];
    std::uint64_t seconds = bit_of_second(second) | bit_of_second(upper(second));
    for (const char c : {' ', '\t', '\r', '\n', '_', '-'}) seconds |= bit_of_second(c);  // what may be folded or trimmed
    if (folded.size() == 1) seconds = ~std::uint64_t{0};                                 // control characters are trimmed, too
    const auto starts = [&](char c) -> std::uint64_t& { return absent_starts_[static_cast<unsigned char>(c)]; };
    for (const char c : {first, upper(first)}) starts(c) |= seconds;
    if (first == ' ') starts('_') = starts('-') = ~std::uint64_t{0};
    for (char c = 0; c <= ' '; ++c) starts(c) = ~std::uint64_t{0};
    starts('\x7F') = ~std::uint64_t{0};
    for (const char c : kHidingBytes) starts(c) = ~std::uint64_t{0};
    for (char c = '\xC3'; is_cased(first) && is_cased(c); ++c) starts(c) = ~std::uint64_t{0};
  }
  absent_.push_back(std::move(absent));
  recent_absent_ = {};
}

Vocabulary::Absence Vocabulary::judge_absent(std::string_view value) const {
  const auto seen = [](char c) { return c > ' ' && c <= '~'; };
  if (value.size() > 2 * longest_absent_ && seen(value.front()) && seen(value.back())) return Absence::none;
  const std::string folded = folded_word(value);
  const auto found =
      std::find_if(absent_.begin(), absent_.end(), [&](const Absent& absent) { return equal(absent.text, folded); });
  return found == absent_.end() ? Absence::none : found->how;
}

/// A spelling that is met again costs one comparison, absent or not.
Vocabulary::Absence Vocabulary::find_absent(std::string_view value) {
  Absent& recent = recent_absent_[slot_of(value) % recent_absent_.size()];
  if (!recent.text.empty() && equal(recent.text, value)) return recent.how;
  const Absence how = judge_absent(value);
  if (value.size() <= kLongest) {
    recent.text = value;
    recent.how = how;
  }
  return how;
}

Vocabulary::Entry Vocabulary::judge(std::string_view raw) const {
  Entry entry;
  entry.trimmed = !is_plain_ascii(raw) && without_invisible(raw) != trimmed(raw);
  if (const auto found = words_.find(folded_word(raw)); found != words_.end()) {
    entry.known = true;
    entry.meaning = found->second.text;
    entry.by = found->second.by;
  } else if (!rest_.empty()) {
    entry.known = entry.remaining = true;
    entry.meaning = rest_;
    entry.by = Rule::rest_setting;
  } else if (others_ == Others::lower) {
    entry.meaning = lower_word(raw);
    entry.by = Rule::lower_case;
  } else if (others_ == Others::no) {
    entry.meaning = "false";
    entry.by = Rule::remaining_words;
  }
  entry.channel = channel_of(entry.meaning);
  return entry;
}

const Vocabulary::Entry& Vocabulary::find(std::string_view raw) {
  auto found = met_.find(raw);
  if (found == met_.end()) {
    if (met_.size() >= kDistinct || raw.size() > kLongest) {
      overflowed_ |= raw.size() <= kLongest;
      const std::uint64_t count = overflow_.count;
      overflow_ = judge(raw);
      overflow_.count = count + 1;
      return overflow_;
    }
    found = met_.emplace(std::string(raw), judge(raw)).first;
  }
  recent_[slot_of(raw)] = {found->first, &found->second};
  ++found->second.count;
  return found->second;
}

}  // namespace crosswalk
