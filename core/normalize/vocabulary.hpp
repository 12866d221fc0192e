// The words of one target and what they mean, with a count of every distinct word met.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "rules.hpp"
#include "text.hpp"

namespace crosswalk {

class Vocabulary {
 public:
  struct Entry {
    bool known = false;               ///< the word is listed, or all remaining ones mean something
    bool remaining = false;           ///< the latter
    Channel channel = Channel::none;  ///< for the channel vocabulary
    std::string meaning;              ///< empty unless known, or unlisted and kept in lower case
    Rule by = Rule::none;             ///< what says so
    bool trimmed = false;             ///< blanks that are not ASCII, or characters that show nothing, were no part of it
    std::uint64_t count = 0;
  };

  /// `by`: the adapter's value map, or a setting.
  void add(std::string_view word, std::string_view meaning, Rule by = Rule::value_map);
  void add_absent(std::string_view value);
  /// The same for what no adapter says but many programs write (`NULL`): is_placeholder() tells the two apart.
  void add_placeholder(std::string_view value);
  void set_others(Others others) { others_ = others; }
  /// What all words mean that are not listed.
  void set_rest(std::string_view meaning) { rest_ = meaning; }
  [[nodiscard]] bool empty() const { return words_.empty() && rest_.empty() && others_ == Others::bad; }
  [[nodiscard]] bool has_absent() const { return !absent_.empty(); }
  /// Compared as words are, so `NOT_OFFERED` is absent where `Not Offered` is. Such a value is never looked up.
  [[nodiscard]] bool is_absent(std::string_view value) { return may_be_absent(value) && find_absent(value) != Absence::none; }

  /// Of an absent value.
  [[nodiscard]] bool is_placeholder(std::string_view value) { return find_absent(value) == Absence::placeholder; }

  /// What a word means here; counted. Valid until the next call. A spelling that is met again costs one comparison.
  const Entry& look_up(std::string_view raw) {
    const Recent& recent = recent_[slot_of(raw)];
    if (recent.entry == nullptr || !equal(recent.word, raw)) return find(raw);
    ++recent.entry->count;
    return *recent.entry;
  }

  /// What a word means, without counting it; empty where none is listed.
  [[nodiscard]] std::string_view meaning_of(std::string_view word) const {
    const auto found = words_.find(folded_word(word));
    return found == words_.end() ? std::string_view() : std::string_view(found->second.text);
  }

  /// Every spelling met. Beyond kDistinct spellings the rest is counted under "…" so that memory stays bounded.
  static constexpr std::size_t kDistinct = 1000;
  static constexpr std::size_t kLongest = 200;                   ///< bytes of a word that is listed by itself
  [[nodiscard]] bool overflowed() const { return overflowed_; }  ///< there were more than kDistinct
  template <class Visit>
  void each(Visit&& visit) const {
    for (const auto& [word, entry] : met_) visit(word, entry);
    if (overflow_.count != 0) visit(std::string("…"), overflow_);
  }

 private:
  [[nodiscard]] Entry judge(std::string_view raw) const;
  const Entry& find(std::string_view raw);

  /// The words last met, found by their length and two of their letters.
  struct Recent {
    std::string_view word;  // of met_
    Entry* entry = nullptr;
  };
  static constexpr std::size_t kRecent = 64;
  static std::size_t slot_of(std::string_view raw) {
    if (raw.empty()) return 0;
    const std::size_t first = static_cast<unsigned char>(raw.front()), last = static_cast<unsigned char>(raw.back());
    return (raw.size() * 7 + first * 3 + last) % kRecent;
  }

  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const;
  };
  struct Meaning {
    std::string text;
    Rule by = Rule::value_map;
  };
  std::unordered_map<std::string, Meaning> words_;  // by folded word
  std::string rest_;                                // of all words that are not listed
  enum class Absence : std::uint8_t { none, word, placeholder };
  struct Absent {
    std::string text;  // folded, or as it was met
    Absence how = Absence::none;
  };
  /// A bit for the second byte of a value; for the first again where there is no other.
  static std::uint64_t bit_of_second(char second) { return std::uint64_t{1} << (static_cast<unsigned char>(second) & 63); }
  /// Nearly all values are told from all absent ones by their first two bytes.
  [[nodiscard]] bool may_be_absent(std::string_view value) const {
    if (value.empty()) return has_absent();
    const std::uint64_t seconds = absent_starts_[static_cast<unsigned char>(value.front())];
    if (seconds == 0) [[likely]]
      return false;
    const char second = value[value.size() > 1];
    return static_cast<signed char>(second) < 0 || (seconds & bit_of_second(second)) != 0;
  }
  [[nodiscard]] Absence find_absent(std::string_view value);
  [[nodiscard]] Absence judge_absent(std::string_view value) const;
  void add_absent(Absent absent);
  std::vector<Absent> absent_;
  std::size_t longest_absent_ = 0;
  std::array<std::uint64_t, 256> absent_starts_{};  // by the first byte of a value, which second ones an absent one may have
  std::array<Absent, 8> recent_absent_;             // spellings last met
  Others others_ = Others::bad;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> met_;
  std::array<Recent, kRecent> recent_;
  Entry overflow_;
  bool overflowed_ = false;
};

}  // namespace crosswalk
