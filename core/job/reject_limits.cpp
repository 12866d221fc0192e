#include "job/reject_limits.hpp"

#include <fmt/format.h>

#include "text.hpp"

namespace crosswalk {

std::string RejectLimits::of_source(std::size_t source) const { return fmt::format("source \"{}\"", job_.sources[source].name); }

Error RejectLimits::exceeded(std::string_view whose, std::string_view found, std::string_view limit) const {
  const std::string where = rejects_.empty() ? "the rejects ([job] rejects = \"rejects.jsonl\")" : rejects_;
  return {Errc::data,
          fmt::format("{}: {}, more than max_rejects = {} allows; nothing is published or delivered", whose, found, limit),
          fmt::format("look at {}, cure their cause, or raise the limit", where)};
}

Result<void> RejectLimits::check_counts(const std::vector<Books>& books) const {
  const auto check = [this](std::uint64_t rejected, const RejectLimit& limit, const std::string& whose) -> Result<void> {
    if (!limit.count || rejected <= *limit.count) return {};
    return exceeded(whose, fmt::format("{} {} rejected", counted(rejected, "record"), rejected == 1 ? "was" : "were"),
                    std::to_string(*limit.count));
  };
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < books.size(); ++i) {
    if (auto ok = check(books[i].rejected_total, job_.sources[i].max_rejects, of_source(i)); !ok) return ok;
    all += books[i].rejected_total;
  }
  return check(all, job_.max_rejects, job_.path);
}

Result<void> RejectLimits::check_share(const Books& books, const RejectLimit& limit, const std::string& whose) const {
  if (!limit.percent || books.rejected_total == 0) return {};
  const double percent = 100.0 * static_cast<double>(books.rejected_total) / static_cast<double>(books.read);
  if (percent <= *limit.percent) return {};
  return exceeded(whose, fmt::format("{:.2f} % of {} were rejected", percent, counted(books.read, "record")),
                  fmt::format("\"{}%\"", *limit.percent));
}

Result<void> RejectLimits::check_share(std::size_t source, const Books& books) const {
  return check_share(books, job_.sources[source].max_rejects, of_source(source));
}

Result<void> RejectLimits::check_shares(const std::vector<Books>& books) const {
  Books all;
  for (std::size_t i = 0; i < books.size(); ++i) {
    if (auto ok = check_share(i, books[i]); !ok) return ok;
    all.read += books[i].read;
    all.rejected_total += books[i].rejected_total;
  }
  return check_share(all, job_.max_rejects, job_.path);
}

}  // namespace crosswalk
