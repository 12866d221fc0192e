#include "normalize/vocabulary.hpp"

#include <algorithm>

#include "characters.hpp"
#include "text.hpp"

namespace crosswalk {

std::size_t Vocabulary::Hash::operator()(std::string_view s) const { return hash64(s); }

void Vocabulary::add(std::string_view word, std::string_view meaning, Rule by) {
  words_.insert_or_assign(folded_word(word), Meaning{std::string(meaning), by});
}

void Vocabulary::add_absent(std::string_view value) { add_absent(Absent{folded_word(value), false}); }

void Vocabulary::add_placeholder(std::string_view value) {
  if (find_absent(value) == nullptr) add_absent(Absent{folded_word(value), true});
}

void Vocabulary::add_absent(Absent absent) {
  // Bytes with which characters begin that show nothing.
  constexpr std::string_view kInvisible = "\xC2\xCD\xD8\xE1\xE2\xE3\xEF\xF0\xF3";
  const std::string& folded = absent.folded;
  longest_absent_ = std::max(longest_absent_, folded.size());
  if (!folded.empty()) {
    for (unsigned c = 0; c < absent_starts_.size(); ++c) {
      const char letter = static_cast<char>(c);
      const bool starts = c < 0x80 ? is_blank(letter) || folds_to({&letter, 1}, std::string_view(folded).substr(0, 1))
                                   : letter == folded.front() || kInvisible.find(letter) != std::string_view::npos;
      absent_starts_[c] = absent_starts_[c] || starts;
      const bool ends =
          c >= 0x80 || is_blank(letter) || folds_to({&letter, 1}, std::string_view(folded).substr(folded.size() - 1));
      absent_ends_[c] = absent_ends_[c] || ends;
    }
  }
  absent_.push_back(std::move(absent));
}

const Vocabulary::Absent* Vocabulary::find_absent(std::string_view value) const {
  const auto seen = [](char c) { return c > ' ' && static_cast<unsigned char>(c) < 0x80; };
  if (value.size() > 2 * longest_absent_ && seen(value.front()) && seen(value.back())) return nullptr;
  // Most values that begin and end like an absent one differ from all of them in their second letter.
  const auto plain = [&seen](char c) { return seen(c) && c != '_' && c != '-'; };
  if (value.size() > 1 && plain(value[0]) && plain(value[1])) {
    const auto small = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    const char first = small(value[0]), second = small(value[1]);
    if (std::none_of(absent_.begin(), absent_.end(), [&](const Absent& absent) {
          return absent.folded.size() > 1 && absent.folded[0] == first && absent.folded[1] == second;
        }))
      return nullptr;
  }
  const std::string folded = folded_word(value);
  const auto found =
      std::find_if(absent_.begin(), absent_.end(), [&](const Absent& absent) { return equal(absent.folded, folded); });
  return found == absent_.end() ? nullptr : &*found;
}

bool Vocabulary::is_one_of_absent(std::string_view value) const { return find_absent(value) != nullptr; }

bool Vocabulary::is_placeholder(std::string_view value) const {
  const Absent* const found = find_absent(value);
  return found != nullptr && found->placeholder;
}

Vocabulary::Entry Vocabulary::judge(std::string_view raw) const {
  Entry entry;
  entry.trimmed = !is_ascii(raw) && without_invisible(raw) != trimmed(raw);
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
