// What a rule decided, or what looks wrong, without costing the record: counted by code, the first one in the input kept as an
// example. Whoever meets such a thing adds it; sums do not depend on which thread met what.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "crosswalk/translate.hpp"

namespace crosswalk {

class Findings {
 public:
  struct Where {
    std::uint64_t file = 0, offset = 0;
  };

  /// `example` is called where this is the first one in the input by now, and gives a Finding: message, cure, line. Its
  /// count, file and offset are filled in here.
  template <class Example>
  void add(std::string_view code, Where where, Example&& example, std::uint64_t count = 1) {
    const auto known = all_.find(code);
    Finding& finding = known == all_.end() ? all_.emplace(std::string(code), Finding()).first->second : known->second;
    const std::uint64_t before = finding.count;
    if (before == 0 || is_before(where, finding)) {
      finding = example();
      finding.file = where.file;
      finding.offset = where.offset;
    }
    finding.count = before + count;
  }
  /// Adds what another thread, or another part of the run, found.
  void add(std::string_view code, const Finding& other) {
    add(
        code, {other.file, other.offset}, [&] { return other; }, other.count);
  }
  void add(const Findings& others) {
    for (const auto& [code, finding] : others.all_) add(code, finding);
  }
  void clear() { all_.clear(); }
  [[nodiscard]] bool empty() const { return all_.empty(); }

  /// Enters them into a run's summary. `inputs`: names of the files that places count by.
  void enter(const std::vector<std::string>& inputs, Summary& summary) const {
    Findings sum;
    sum.all_ = std::move(summary.findings);
    for (const auto& [code, finding] : all_) {
      Finding named = finding;
      if (named.input.empty() && named.line != 0 && named.file < inputs.size()) named.input = inputs[named.file];
      sum.add(code, named);
    }
    summary.findings = std::move(sum.all_);
  }

 private:
  static bool is_before(Where where, const Finding& finding) {
    return std::tie(where.file, where.offset) < std::tie(finding.file, finding.offset);
  }

  std::map<std::string, Finding, std::less<>> all_;
};

}  // namespace crosswalk
