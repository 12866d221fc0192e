#include "normalize/vocabulary.hpp"

#include <algorithm>

#include "text.hpp"

namespace crosswalk {

std::size_t Vocabulary::Hash::operator()(std::string_view s) const { return hash64(s); }

void Vocabulary::add(std::string_view word, std::string_view meaning, Rule by) {
  words_.insert_or_assign(folded_word(word), Meaning{std::string(meaning), by});
}

void Vocabulary::add_absent(std::string_view value) {
  const std::string& folded = absent_.emplace_back(folded_word(value));
  if (folded.empty()) return;
  for (unsigned c = 0; c < absent_starts_.size(); ++c) {
    const char letter = static_cast<char>(c);
    absent_starts_[c] = absent_starts_[c] || is_blank(letter) || folds_to({&letter, 1}, std::string_view(folded).substr(0, 1));
  }
}

bool Vocabulary::is_one_of_absent(std::string_view value) const {
  return std::any_of(absent_.begin(), absent_.end(), [&](const std::string& folded) { return folds_to(value, folded); });
}

Vocabulary::Entry Vocabulary::judge(std::string_view raw) const {
  Entry entry;
  if (const auto found = words_.find(folded_word(raw)); found != words_.end()) {
    entry.known = true;
    entry.meaning = found->second.text;
    entry.by = found->second.by;
  } else if (others_ == Others::lower) {
    entry.meaning = lower(trimmed(raw));
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
