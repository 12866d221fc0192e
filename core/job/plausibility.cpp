#include "job/plausibility.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <string>
#include <vector>

#include "text.hpp"

namespace crosswalk {

void find_unmet_enrichment(std::string_view first_conversation, JobSummary& summary) {
  for (Summary& source : summary.sources) {
    const Enrichment& e = source.enrichment;
    const std::uint64_t all = e.unmet + e.conversations;
    if (e.unmet * 2 <= all) continue;
    Finding finding;
    finding.count = e.unmet;
    finding.message = fmt::format("{} of {} met no conversation of this run, such as \"{}\"", grouped(e.unmet),
                                  counted(all, "id"), shown(e.unmet_example));
    if (first_conversation.empty()) {
      finding.message += "; the run has none";
    } else {
      finding.message += fmt::format(", and the conversations have ids such as \"{}\"", shown(first_conversation));
      finding.cure =
          "is the template the same? give the source the setting platform and the instance of the conversations, or a link to "
          "them";
    }
    source.findings["enrichment_unmet"] = std::move(finding);
  }
}

void find_shifted_starts(const StartOffsets& offsets, JobSummary& summary) {
  for (const StartOffsets::Shift& shift : offsets.shifts()) {
    std::uint64_t agree = 0;
    std::vector<std::string> parts;
    for (const StartOffsets::Shift::Part& part : shift.parts) {
      agree += part.pairs;
      parts.push_back(fmt::format("{} begin {:g} hour{} {}", grouped(part.pairs), std::abs(part.hours),
                                  std::abs(part.hours) == 1 ? "" : "s", part.hours < 0 ? "earlier" : "later"));
    }
    const bool one = shift.left == shift.right;
    Finding& finding = summary.sources[shift.right].findings["same_hours_apart"];
    finding.count += agree;
    if (!finding.message.empty()) finding.message += "; ";
    if (one) {
      finding.message += fmt::format("of {} conversations that are in several of its inputs, {} in the later input",
                                     grouped(shift.pairs), fmt::join(parts, " and "));
      finding.cure =
          "were they exported in different zones? give each zone its own source, with its time_zone and the same instance";
    } else {
      finding.message += fmt::format("of {} conversations that \"{}\" has as well, {} here", grouped(shift.pairs),
                                     summary.sources[shift.left].source, fmt::join(parts, " and "));
      finding.cure = "check the time_zone of both sources";
    }
  }
}

}  // namespace crosswalk
