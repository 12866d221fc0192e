// What looks wrong with a job once it is merged, though every record is right by itself. Found in sums that were kept anyway.
#pragma once

#include <string_view>

#include "crosswalk/job.hpp"
#include "merge/start_offsets.hpp"

namespace crosswalk {

/// Enrichment that mostly meets nothing looks for its conversations under other ids, or is about others.
/// `first_conversation`: the external_id of one that is in the run; empty: there is none.
void find_unmet_enrichment(std::string_view first_conversation, JobSummary& summary);

/// Two sources whose conversations begin the same hours apart: one of them was read in a wrong zone.
void find_shifted_starts(const StartOffsets& offsets, JobSummary& summary);

}  // namespace crosswalk
