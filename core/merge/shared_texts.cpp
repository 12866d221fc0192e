#include "merge/shared_texts.hpp"

#include "text.hpp"

#include <cstring>

namespace crosswalk {
namespace {

/// Of both ends and the size: those that are alike in them may be taken for each other, for a while.
std::uint64_t mixed(std::string_view text) {
  std::uint64_t front = 0, back = 0;
  if (text.size() >= 8) {
    std::memcpy(&front, text.data(), 8);
    std::memcpy(&back, text.data() + text.size() - 8, 8);
  } else {
    std::memcpy(&front, text.data(), text.size());
  }
  const std::uint64_t product = (front ^ back * 0x9e3779b97f4a7c15U ^ text.size()) * 0xbf58476d1ce4e5b9U;
  return product ^ product >> 32;
}

}  // namespace

std::optional<std::uint32_t> SharedTexts::add(std::string_view text) {
  const std::uint64_t hash = hash64(text);
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

std::uint32_t TextNumbers::look_up(std::string_view text, Last& last) {
  if (text.size() > SharedTexts::kLongest) return kNone;
  // Where texts hardly ever come again (ids, subjects), looking for them would cost more than all else.
  if (++last.in_vain == kInVain) {
    last.in_vain = kInVain / 2;
    last.unasked = kUnasked;
  }
  const std::uint64_t mix = mixed(text);
  Place& place = places_[mix % kPlaces];
  const bool again = place.mix == mix;
  if (!again || place.number == kNone || !equal(place.text, text)) {
    place = {mix, {}, kNone};
    if (!again) return kNone;
    const auto number = texts_.add(text);
    if (!number) return kNone;
    place.text = texts_[*number];
    place.number = *number;
  }
  last = {place.text, place.number, 0, 0};
  return place.number;
}

}  // namespace crosswalk
