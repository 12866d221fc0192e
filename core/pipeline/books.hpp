// What became of the records of one batch, or of all that were written so far.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "crosswalk/translate.hpp"

namespace crosswalk {

struct Books {
  struct Rejects {
    std::uint64_t count = 0;
    std::string example;  ///< message and cure of the first one
  };
  std::uint64_t read = 0, translated = 0, rejected_total = 0;
  std::map<std::string, Rejects, std::less<>> rejected;        ///< by code
  std::map<std::string, std::uint64_t, std::less<>> filtered;  ///< by rule

  void reject(std::string_view code, std::string_view example, std::uint64_t records = 1) {
    rejected_total += records;
    const auto known = rejected.find(code);
    if (known == rejected.end()) {
      rejected.emplace(std::string(code), Rejects{records, std::string(example)});
    } else {
      known->second.count += records;
    }
  }
  void filter(std::string_view rule, std::uint64_t records = 1) {
    const auto known = filtered.find(rule);
    (known == filtered.end() ? filtered.emplace(std::string(rule), 0).first : known)->second += records;
  }
  [[nodiscard]] std::uint64_t filtered_total() const {
    std::uint64_t all = 0;
    for (const auto& [rule, count] : filtered) all += count;
    return all;
  }
  /// Adds what came after it in the input.
  void add(const Books& next) {
    read += next.read;
    translated += next.translated;
    for (const auto& [code, rejects] : next.rejected) reject(code, rejects.example, rejects.count);
    for (const auto& [rule, count] : next.filtered) filtered[rule] += count;
  }
};

/// Where there were more distinct words than are listed, which of them a worker met first is chance: they are counted
/// together.
void collapse_words(Summary& summary);

/// Enters the books into a run's summary.
void enter(const Books& books, Summary& summary);

}  // namespace crosswalk
