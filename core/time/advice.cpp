#include "time/advice.hpp"

#include <span>

#include "crosswalk/time.hpp"
#include "time/parse.hpp"
#include "time/pattern.hpp"
#include "time/text.hpp"

namespace crosswalk::times {
namespace {

constexpr std::string_view kDates[] = {
    "%Y-%m-%d",    "%Y/%m/%d",     "%Y.%m.%d",       "%d-%b-%Y",       "%d-%b-%y",     "%d %b %Y",   "%d %b %y",
    "%d. %b %Y",   "%d/%b/%Y",     "%b %d, %Y",      "%b %d %Y",       "%b-%d-%Y",     "%Y %b %d",   "%Y-%b-%d",
    "%a %b %d %Y", "%a %d %b %Y",  "%a, %d %b %Y",   "%a, %b %d, %Y",  "%Y%m%d",       "%Y-%j",      "%Y_%m_%d",
    "%Y %m %d",    "%Y年%m月%d日", "%Y年 %m月 %d日", "%Y년 %m월 %d일", "%Y년%m월%d일", "%Y. %m. %d."};
constexpr std::string_view kYearFirstDates[] = {"%y-%m-%d", "%y/%m/%d", "%y.%m.%d"};
constexpr std::string_view kDayFirstDates[] = {"%d.%m.%Y",    "%d/%m/%Y",     "%d-%m-%Y",     "%d.%m.%y",    "%d/%m/%y",
                                               "%d-%m-%y",    "%d. %m. %Y",   "%d %m %Y",     "%d_%m_%Y",    "%a %d.%m.%Y",
                                               "%a %d/%m/%Y", "%a, %d.%m.%Y", "%a, %d/%m/%Y", "%a %d-%m-%Y", "%a, %d-%m-%Y"};
constexpr std::string_view kMonthFirstDates[] = {"%m.%d.%Y",    "%m/%d/%Y",     "%m-%d-%Y",     "%m.%d.%y",    "%m/%d/%y",
                                                 "%m-%d-%y",    "%m. %d. %Y",   "%m %d %Y",     "%m_%d_%Y",    "%a %m.%d.%Y",
                                                 "%a %m/%d/%Y", "%a, %m.%d.%Y", "%a, %m/%d/%Y", "%a %m-%d-%Y", "%a, %m-%d-%Y"};
constexpr std::string_view kBetween[] = {" ",   "T",   ", ",    "",     "_",     "-",     " at ", ":",
                                         " - ", " | ", ", at ", " um ", ", um ", " kl. ", " à ",  "; "};
constexpr std::string_view kClocks[] = {
    "%H:%M:%S.%f", "%H:%M:%S,%f", "%I:%M:%S %p",  "%I:%M:%S%p", "%H:%M:%S",     "%I:%M %p", "%I:%M%p",        "%H:%M",
    "%I %p",       "%I%p",        "%H.%M.%S",     "%H.%M",      "%Hh%M",        "%H%M%S",   "%H%M",           "%H-%M-%S",
    "%Hh",         "%H h %M",     "%H時%M分%S秒", "%H時%M分",   "%H时%M分%S秒", "%H时%M分", "%H시 %M분 %S초", "%H시 %M분"};
constexpr std::string_view kTails[] = {"", "%z", " %z", "%Z", " %Z", " Uhr", " hrs", " h", "h"};

using Lists = std::span<const std::span<const std::string_view>>;

/// Parts one after the other, each of its list, that take all of the text.
bool find_parts(std::string_view text, Lists lists, const Fields& so_far, std::string& pattern) {
  if (lists.empty()) return text.empty() && check(so_far) == TimeFault::none && so_far.has_clock;
  const std::size_t before = pattern.size();
  for (const std::string_view part : lists.front()) {
    Fields fields = so_far;
    std::string_view rest = text;
    if (!part.empty() && !take_pattern(rest, part, fields)) continue;
    pattern += part;
    if (find_parts(rest, lists.subspan(1), fields, pattern)) return true;
    pattern.resize(before);
  }
  return false;
}

std::string find_pattern(std::string_view text, std::span<const std::string_view> dates) {
  const std::span<const std::string_view> lists[] = {dates, kBetween, kClocks, kTails};
  std::string pattern;
  CleanRoom room;
  const bool found = find_parts(cleaned(text, room), lists, Fields(), pattern);
  return found && reads(pattern, text) ? pattern : std::string();
}

}  // namespace

bool reads(std::string_view time_format, std::string_view text) {
  const auto format = TimeFormat::parse(time_format);
  if (!format) return false;
  // Which zone does not matter.
  const TimeFault fault = TimeReader(*format, nullptr, Disambiguation::compatible).read(text).fault;
  return fault == TimeFault::none || fault == TimeFault::no_zone;
}

std::string pattern_for(std::string_view text) { return find_pattern(text, kDates); }
std::string pattern_for_year_first(std::string_view text) { return find_pattern(text, kYearFirstDates); }

std::vector<OrderAdvice> orders_of(std::string_view text) {
  std::vector<OrderAdvice> orders;
  const auto add = [&](std::string_view first, std::string setting) {
    if (!setting.empty()) orders.push_back({first, std::move(setting)});
  };
  add("year", pattern_for_year_first(text));
  add("day", reads("day_first", text) ? "day_first" : find_pattern(text, kDayFirstDates));
  add("month", reads("month_first", text) ? "month_first" : find_pattern(text, kMonthFirstDates));
  return orders;
}

std::string any_pattern_for(std::string_view text) {
  for (const std::span<const std::string_view> dates :
       {std::span<const std::string_view>(kDates), {kDayFirstDates}, {kMonthFirstDates}, {kYearFirstDates}}) {
    if (std::string pattern = find_pattern(text, dates); !pattern.empty()) return pattern;
  }
  return {};
}

std::string in_words(const std::vector<OrderAdvice>& orders) {
  std::string words;
  for (const OrderAdvice& order : orders) {
    words += words.empty() ? "if the " : "; if the ";
    words += order.first;
    words += order.first == orders.front().first ? " comes first, " : " does, ";
    words += set_time_format(order.setting);
  }
  return words;
}

std::string set_time_format(std::string_view setting) {
  const std::string_view quote = setting.find('%') == std::string_view::npos ? "" : "'";
  std::string words = "--set ";
  words += quote;
  words += "time_format=";
  words += setting;
  words += quote;
  return words;
}

}  // namespace crosswalk::times
