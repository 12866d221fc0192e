#include "merge/shared_texts.hpp"

#include "text.hpp"

namespace crosswalk {

std::optional<std::uint32_t> SharedTexts::add(std::string_view text, std::uint64_t hash) {
  const std::lock_guard lock(mutex_);
  const auto [begin, end] = numbers_.equal_range(hash);
  for (auto known = begin; known != end; ++known) {
    if (texts_[known->second] == text) return known->second;
  }
  if (count_ == kMost || text_.held() + text.size() > kMostBytes) return std::nullopt;
  texts_[count_] = text_.keep(text);
  numbers_.emplace(hash, count_);
  return count_++;
}

std::optional<std::uint32_t> TextNumbers::find(std::string_view text) {
  constexpr std::size_t kShortest = 3;  // a number takes as much
  if (text.size() < kShortest || text.size() > SharedTexts::kLongest) return std::nullopt;
  const std::uint64_t hash = hash64(text);
  Place& place = places_[hash % kPlaces];
  if (place.hash != hash) {
    place = {hash, kNone};
    return std::nullopt;
  }
  if (place.number == kNone) {
    const auto number = texts_.add(text, hash);
    if (number) place.number = *number;
    return number;
  }
  if (texts_[place.number] != text) return std::nullopt;
  return place.number;
}

}  // namespace crosswalk
