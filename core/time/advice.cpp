#include "time/advice.hpp"

#include <span>

#include "time/parse.hpp"
#include "time/pattern.hpp"
#include "time/text.hpp"

namespace crosswalk::times {
namespace {

constexpr std::string_view kDates[] = {"%Y-%m-%d", "%Y/%m/%d",  "%Y.%m.%d",    "%d-%b-%Y",    "%d-%b-%y",     "%d %b %Y",
                                       "%d %b %y", "%d. %b %Y", "%d/%b/%Y",    "%b %d, %Y",   "%b %d %Y",     "%b-%d-%Y",
                                       "%Y %b %d", "%Y-%b-%d",  "%a %b %d %Y", "%a %d %b %Y", "%a, %d %b %Y", "%Y%m%d",
                                       "%Y-%j",    "%Y_%m_%d",  "%Y %m %d"};
constexpr std::string_view kYearFirstDates[] = {"%y-%m-%d", "%y/%m/%d", "%y.%m.%d"};
constexpr std::string_view kBetween[] = {" ", "T", ", ", "", "_", "-", " at ", ":"};
constexpr std::string_view kClocks[] = {"%H:%M:%S.%f", "%H:%M:%S,%f", "%I:%M:%S %p", "%I:%M:%S%p", "%H:%M:%S", "%I:%M %p",
                                        "%I:%M%p",     "%H:%M",       "%I %p",       "%I%p",       "%H.%M.%S", "%H.%M",
                                        "%Hh%M",       "%H%M%S",      "%H%M",        "%H-%M-%S",   "%Hh"};
constexpr std::string_view kZones[] = {"", "%z", " %z", "%Z", " %Z"};

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
  const std::span<const std::string_view> lists[] = {dates, kBetween, kClocks, kZones};
  std::string pattern;
  if (!find_parts(trimmed(text), lists, Fields(), pattern) || !check_pattern(pattern).ok()) return {};
  return pattern;
}

}  // namespace

std::string pattern_for(std::string_view text) { return find_pattern(text, kDates); }
std::string pattern_for_year_first(std::string_view text) { return find_pattern(text, kYearFirstDates); }

}  // namespace crosswalk::times
