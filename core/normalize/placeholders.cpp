#include "normalize/placeholders.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace crosswalk {
namespace {

constexpr std::string_view kPlaceholders[] = {
    "NULL",   "(null)", "<null>",  "[null]",  "nil",      "None",    "(none)",    "<none>",
    "nan",    "N/A",    "n.a.",    "NA",      "<NA>",     "#N/A",    "#NA",       "\\N",
    "-",      "–",      "—",       "\"\"",    "(blank)",  "(empty)", "undefined", "[object Object]",
    "#NULL!", "#REF!",  "#VALUE!", "#NAME?",  "#DIV/0!",  "#NUM!",   "NaT",       "<NaT>",
    "-nan",   "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN", "#N/A N/A"};

struct Date {
  int year;
  unsigned month, day;
};
/// The first and last days of calendars, of SQL Server, Windows, spreadsheets, Unix and DOS, and what people take for never.
constexpr Date kDates[] = {{1, 1, 1},      {1, 1, 2},      {1000, 1, 1}, {1601, 1, 1},   {1753, 1, 1},   {1899, 12, 30},
                           {1899, 12, 31}, {1900, 1, 1},   {1904, 1, 1}, {1969, 12, 31}, {1970, 1, 1},   {2099, 12, 31},
                           {2100, 1, 1},   {2999, 12, 31}, {3000, 1, 1}, {9999, 1, 1},   {9999, 12, 30}, {9999, 12, 31}};

}  // namespace

std::span<const std::string_view> placeholder_words() { return kPlaceholders; }

bool is_placeholder_date(std::int64_t seconds) {
  const auto civil = std::chrono::year_month_day(
      std::chrono::sys_days(std::chrono::floor<std::chrono::days>(std::chrono::sys_seconds(std::chrono::seconds(seconds)))));
  const bool midnight = seconds % 86'400 == 0;
  if (midnight && civil == std::chrono::year_month_day(std::chrono::year(1980), std::chrono::January, std::chrono::day(1)))
    return true;
  return std::any_of(std::begin(kDates), std::end(kDates), [&](const Date& date) {
    return int(civil.year()) == date.year && unsigned(civil.month()) == date.month && unsigned(civil.day()) == date.day;
  });
}

const std::string& placeholder_texts() {
  static const std::string kTexts = [] {
    std::string texts = "0000-00-00";
    for (const Date& date : kDates) texts += fmt::format("\n{:04}-{:02}-{:02}", date.year, date.month, date.day);
    for (const std::string_view word : kPlaceholders) texts += fmt::format("\n{}", word);
    return texts;
  }();
  return kTexts;
}

}  // namespace crosswalk
