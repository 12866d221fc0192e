#include "time/fixed_offset.hpp"

#include "time/names.hpp"
#include "time/text.hpp"

namespace crosswalk::times {
namespace {

constexpr std::int32_t kMostOffset = 18 * 3600;

int two_digits(std::string_view text, std::size_t at) { return (text[at] - '0') * 10 + (text[at + 1] - '0'); }

bool all_digits(std::string_view text) {
  for (const char c : text) {
    if (!is_digit(c)) return false;
  }
  return !text.empty();
}

/// `5`, `05`, `0530`, `5:30`, `05:30` and `05:30:15` as seconds.
std::optional<std::int32_t> parse_size(std::string_view text) {
  const std::size_t colon = text.find(':');
  const std::string_view hours = text.substr(0, colon);
  if (!all_digits(hours)) return std::nullopt;
  if (colon == std::string_view::npos && hours.size() == 4) {
    const int minutes = two_digits(hours, 2);
    if (minutes > 59) return std::nullopt;
    return two_digits(hours, 0) * 3600 + minutes * 60;
  }
  if (hours.size() > 2) return std::nullopt;
  std::int32_t seconds = (hours.size() == 2 ? two_digits(hours, 0) : hours[0] - '0') * 3600;
  if (colon == std::string_view::npos) return seconds;

  std::string_view rest = text.substr(colon);
  for (const std::int32_t unit : {60, 1}) {
    if (rest.empty()) break;
    if (rest.size() < 3 || rest[0] != ':' || !all_digits(rest.substr(1, 2)) || two_digits(rest, 1) > 59) { return std::nullopt; }
    seconds += two_digits(rest, 1) * unit;
    rest.remove_prefix(3);
  }
  if (!rest.empty()) return std::nullopt;
  return seconds;
}

}  // namespace

std::optional<std::int32_t> parse_fixed_offset(std::string_view name) {
  for (const std::string_view prefix : {"UTC", "GMT"}) {
    if (equal_ignoring_case(name.substr(0, prefix.size()), prefix)) {
      name.remove_prefix(prefix.size());
      break;
    }
  }
  if (name.empty() || (name.front() != '+' && name.front() != '-')) return std::nullopt;
  const std::optional<std::int32_t> size = parse_size(name.substr(1));
  if (!size || *size > kMostOffset) return std::nullopt;
  return name.front() == '-' ? -*size : *size;
}

std::string_view without_shown_offset(std::string_view name) {
  const std::size_t close = name.find(')');
  if (name.empty() || name.front() != '(' || close == std::string_view::npos) return name;
  const std::string_view shown = name.substr(1, close - 1);
  if (!equal_ignoring_case(shown, "UTC") && !equal_ignoring_case(shown, "GMT") && !parse_fixed_offset(shown)) return name;
  const std::string_view rest = trimmed(name.substr(close + 1));
  return rest.empty() ? name : rest;
}

std::string fixed_offset_name(std::int32_t offset) {
  if (offset == 0) return "UTC";
  std::string name(1, offset < 0 ? '-' : '+');
  const std::int32_t size = offset < 0 ? -offset : offset;
  const auto append = [&name](std::int32_t value) {
    name += static_cast<char>('0' + value / 10);
    name += static_cast<char>('0' + value % 10);
  };
  append(size / 3600);
  name += ':';
  append(size / 60 % 60);
  if (size % 60 != 0) {
    name += ':';
    append(size % 60);
  }
  return name;
}

}  // namespace crosswalk::times
