// max_rejects of a job and of its sources: where more is rejected, nothing is delivered or published.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crosswalk/job.hpp"
#include "pipeline/books.hpp"

namespace crosswalk {

class RejectLimits {
 public:
  /// `rejects`: the path that they are written to, for messages; empty: none.
  RejectLimits(const Job& job, std::string rejects) : job_(job), rejects_(std::move(rejects)) {}

  /// Any time: a number that is exceeded stays so. `books` are by source.
  [[nodiscard]] Result<void> check_counts(const std::vector<Books>& books) const;
  /// A source is read.
  [[nodiscard]] Result<void> check_share(std::size_t source, const Books& books) const;
  /// All sources are read.
  [[nodiscard]] Result<void> check_shares(const std::vector<Books>& books) const;

 private:
  [[nodiscard]] std::string of_source(std::size_t source) const;
  [[nodiscard]] Result<void> check_share(const Books& books, const RejectLimit& limit, const std::string& whose) const;
  [[nodiscard]] Error exceeded(std::string_view whose, std::string_view found, std::string_view limit) const;

  const Job& job_;
  std::string rejects_;
};

}  // namespace crosswalk
