#include "normalize/id_text.hpp"

#include <algorithm>
#include <array>

namespace crosswalk {
namespace {

std::size_t count_digits(std::string_view text) {
  return static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_digit) - text.begin());
}

/// `1.03006E+13`, `2e3`. Mantissas of more than 17 digits and exponents of more than three are no double's: such is an id made of
/// hexadecimal digits.
bool is_exponent_form(std::string_view text) {
  const std::size_t e = text.find_first_of("eE");
  if (e == std::string_view::npos || e == 0) return false;
  std::string_view exponent = text.substr(e + 1);
  if (!exponent.empty() && (exponent.front() == '+' || exponent.front() == '-')) exponent.remove_prefix(1);
  std::size_t digits = 0;
  for (const char c : text.substr(0, e)) {
    if (!is_digit(c) && c != '.' && c != ',') return false;
    digits += is_digit(c);
  }
  return digits != 0 && digits <= 17 && !exponent.empty() && exponent.size() <= 3 && count_digits(exponent) == exponent.size();
}

/// Groups of digits and what stands between them.
struct Groups {
  static constexpr std::size_t kMost = 16;
  std::array<std::size_t, kMost> sizes{};
  std::array<std::uint32_t, kMost> separators{};  // behind each group
  std::size_t count = 0;
  bool only = false;  // there is nothing else

  [[nodiscard]] bool all_separators(std::size_t first, std::size_t last, std::uint32_t as) const {
    return std::all_of(separators.begin() + static_cast<std::ptrdiff_t>(first),
                       separators.begin() + static_cast<std::ptrdiff_t>(last), [&](std::uint32_t c) { return c == as; });
  }
};

Groups groups_of(std::string_view text) {
  Groups groups;
  for (;;) {
    if (groups.count == Groups::kMost) return groups;
    const std::size_t digits = count_digits(text);
    groups.sizes[groups.count++] = digits;
    text.remove_prefix(digits);
    if (text.empty()) break;
    Character c = first_character(text);
    if (is_unicode_blank(c.code)) c.code = ' ';
    if (c.code == 0x2019) c.code = '\'';
    if (c.code != '.' && c.code != ',' && c.code != ' ' && c.code != '\'') return groups;
    groups.separators[groups.count - 1] = c.code;
    text.remove_prefix(c.size);
  }
  groups.only = true;
  return groups;
}

/// `1,234,567`; in India `12,34,567`.
bool is_grouped(const Groups& groups, std::size_t count) {
  if (count < 2 || groups.sizes[0] == 0 || groups.sizes[0] > 3 || groups.sizes[count - 1] != 3) return false;
  const std::uint32_t separator = groups.separators[0];
  if (!groups.all_separators(0, count - 1, separator)) return false;
  const auto in_between = [&](std::size_t size) {
    return std::all_of(groups.sizes.begin() + 1, groups.sizes.begin() + static_cast<std::ptrdiff_t>(count) - 1,
                       [&](std::size_t s) { return s == size; });
  };
  return in_between(3) || (separator == ',' && in_between(2) && groups.sizes[0] <= 2);
}

IdDamage damage_of(std::string_view number) {
  if (is_exponent_form(number)) return IdDamage::lost_digits;
  const Groups groups = groups_of(number);
  if (!groups.only || groups.count < 2) return IdDamage::none;
  const std::uint32_t last = groups.separators[groups.count - 2];
  const bool one = groups.count == 2, point = last == '.' || last == ',';
  // `1.234` is a number with a fraction, or one with a separator: neither is an id.
  if (one && last == '.' && (groups.sizes[0] + groups.sizes[1]) != 0) return IdDamage::decimal;
  if (is_grouped(groups, groups.count)) return last == ' ' || last == '.' ? IdDamage::grouped : IdDamage::formatted;
  if (one && last == ',' && groups.sizes[0] != 0) return IdDamage::decimal;
  // `1,234.0`
  const bool has_fraction = point && groups.count > 2 && groups.separators[groups.count - 3] != last;
  return has_fraction && is_grouped(groups, groups.count - 1) ? IdDamage::formatted : IdDamage::none;
}

/// Of `123.0`: the digits before the point, where nothing but zeros is behind it. Empty: it is no whole number.
std::string_view whole_part(std::string_view number) {
  const std::size_t point = number.find_first_of(".,");
  const std::string_view whole = number.substr(0, point), fraction = number.substr(point + 1);
  if (count_digits(whole) != whole.size() || fraction.find_first_not_of('0') != std::string_view::npos) return {};
  // `1.000` may be a thousand.
  const bool grouped = fraction.size() == 3 && whole.size() <= 3;
  return grouped ? std::string_view() : whole;
}

/// Beyond 2^53 a double does not hold every whole number.
bool fits_a_double(std::string_view digits) {
  constexpr std::string_view kMost = "9007199254740992";
  digits.remove_prefix(std::min(digits.find_first_not_of('0'), digits.size()));
  return digits.size() != kMost.size() ? digits.size() < kMost.size() : digits <= kMost;
}

/// What stands within a text guard, or the text. A name may begin with an apostrophe ('t Hooft): a guard stands before what a
/// spreadsheet would take for a number or a formula.
std::string_view guarded(std::string_view text) {
  if (text.size() >= 4 && text.starts_with("=\"") && text.ends_with('"')) {
    const std::string_view inner = text.substr(2, text.size() - 3);
    if (inner.find('"') == std::string_view::npos) return inner;
  }
  if (text.size() < 2 || text.front() != '\'') return text;
  std::string_view inner = text.substr(1);
  if (inner.size() > 1 && inner.ends_with('\'')) inner.remove_suffix(1);
  const char next = inner.front();
  return is_digit(next) || next == '+' || next == '-' || next == '=' || next == '@' ? inner : text;
}

}  // namespace

IdText look_at_id(std::string_view text, bool whole_decimals, std::string& room) {
  IdText id;
  id.text = text;
  const auto clean = [&] {
    if (const std::string_view trimmed = trimmed_of_invisible(id.text); trimmed.size() != id.text.size()) {
      id.trimmed = true;
      id.text = trimmed;
    }
    if (!may_hide(id.text) || !has_format_character(id.text)) return;
    std::string seen = without_invisible(id.text);
    if (seen == id.text) return;
    id.trimmed = true;
    room = std::move(seen);
    id.text = room;
  };
  clean();
  if (const std::string_view inner = guarded(id.text); inner.size() != id.text.size()) {
    id.unguarded = true;
    id.text = inner;
    clean();
  }
  if (has_control_character(id.text)) {
    id.damage = IdDamage::control;
    return id;
  }
  if (id.text.starts_with('=')) {
    id.damage = IdDamage::formula;
    return id;
  }
  const bool is_signed = !id.text.empty() && (id.text.front() == '-' || id.text.front() == '+');
  const std::string_view number = id.text.substr(is_signed ? 1 : 0);
  id.damage = damage_of(number);
  if (id.damage != IdDamage::decimal || !whole_decimals) return id;
  const std::string_view whole = whole_part(number);
  if (whole.empty()) return id;
  id.damage = fits_a_double(whole) ? IdDamage::none : IdDamage::lost_digits;
  id.whole = true;
  id.text = id.text.substr(0, id.text.size() - number.size() + whole.size());
  return id;
}

}  // namespace crosswalk
