#include "time/posix_rule.hpp"

#include <utility>

#include "digits.hpp"
#include "time/calendar.hpp"

namespace crosswalk::times {
namespace {

/// Takes a rule's parts off the front of a text. Every step says whether its part was there.
class RuleText {
 public:
  explicit RuleText(std::string_view text) : rest_(text) {}

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] char next() const { return rest_.empty() ? '\0' : rest_.front(); }

  bool take(char expected) {
    if (next() != expected) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// `PST`, or `<+03>` for names that are not letters only.
  bool skip_name() {
    if (take('<')) {
      const std::size_t close = rest_.find('>');
      if (close == std::string_view::npos || close < 1) return false;
      rest_.remove_prefix(close + 1);
      return true;
    }
    std::size_t length = 0;
    while (length < rest_.size() && is_letter(rest_[length])) ++length;
    rest_.remove_prefix(length);
    return length >= 3;
  }

  bool take_number(int most, int& out) {
    if (!is_digit(next())) return false;
    out = 0;
    while (is_digit(next())) {
      out = out * 10 + (rest_.front() - '0');
      if (out > most) return false;
      rest_.remove_prefix(1);
    }
    return true;
  }

  /// `[+-]h[:mm[:ss]]` as seconds.
  bool take_time(int most_hours, std::int32_t& out) {
    const bool negative = take('-');
    if (!negative) take('+');
    int hours = 0;
    int minutes = 0;
    int seconds = 0;
    if (!take_number(most_hours, hours)) return false;
    if (take(':')) {
      if (!take_number(59, minutes)) return false;
      if (take(':') && !take_number(59, seconds)) return false;
    }
    out = hours * 3600 + minutes * 60 + seconds;
    if (negative) out = -out;
    return true;
  }

  bool take_turn(PosixRule::Turn& turn) {
    using Kind = PosixRule::Turn::Kind;
    if (take('M')) {
      int month = 0;
      int week = 0;
      if (!take_number(12, month) || month < 1 || !take('.')) return false;
      if (!take_number(5, week) || week < 1 || !take('.')) return false;
      if (!take_number(6, turn.day)) return false;
      turn.kind = Kind::weekday;
      turn.month = static_cast<unsigned>(month);
      turn.week = static_cast<unsigned>(week);
    } else if (take('J')) {
      turn.kind = Kind::julian;
      if (!take_number(365, turn.day) || turn.day < 1) return false;
    } else {
      turn.kind = Kind::ordinal;
      if (!take_number(365, turn.day)) return false;
    }
    return !take('/') || take_time(167, turn.time);
  }

 private:
  static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

  std::string_view rest_;
};

std::int64_t day_of(const PosixRule::Turn& turn, int year) {
  using Kind = PosixRule::Turn::Kind;
  if (turn.kind == Kind::weekday) { return calendar::nth_weekday(year, turn.month, turn.week, static_cast<unsigned>(turn.day)); }
  std::int64_t day = turn.day;
  if (turn.kind == Kind::julian && !(calendar::is_leap(year) && turn.day >= 60)) --day;
  return calendar::days_from(year, 1, 1) + day;
}

}  // namespace

std::optional<PosixRule> PosixRule::parse(std::string_view text) {
  PosixRule rule;
  RuleText rest(text);
  // POSIX counts offsets west of Greenwich as positive.
  if (!rest.skip_name() || !rest.take_time(24, rule.standard_offset)) return std::nullopt;
  rule.standard_offset = -rule.standard_offset;
  if (rest.at_end()) return rule;

  rule.has_summer = true;
  rule.summer_offset = rule.standard_offset + 3600;
  if (!rest.skip_name()) return std::nullopt;
  if (rest.next() != ',' && !rest.at_end()) {
    if (!rest.take_time(24, rule.summer_offset)) return std::nullopt;
    rule.summer_offset = -rule.summer_offset;
  }
  // Without dates the summer time is whatever a system prefers; a zone file must say.
  if (!rest.take(',') || !rest.take_turn(rule.summer_begins)) return std::nullopt;
  if (!rest.take(',') || !rest.take_turn(rule.summer_ends) || !rest.at_end()) return std::nullopt;
  return rule;
}

std::array<PosixRule::Change, 2> PosixRule::changes_in(int year) const {
  const auto instant = [year](const Turn& turn, std::int32_t offset_before) {
    return day_of(turn, year) * calendar::kSecondsPerDay + turn.time - offset_before;
  };
  std::array<Change, 2> changes{Change{instant(summer_begins, standard_offset), summer_offset},
                                Change{instant(summer_ends, summer_offset), standard_offset}};
  if (changes[1].at < changes[0].at) std::swap(changes[0], changes[1]);
  return changes;
}

}  // namespace crosswalk::times
