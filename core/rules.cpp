#include "rules.hpp"

#include <array>

namespace crosswalk {
namespace {

constexpr std::array<RuleText, kRuleCount> kRules = {{
    {Rule::none, "", "", ""},
    {Rule::id_template, "id_template", "by the template {}", ""},
    {Rule::linked_id, "linked_id", "", "linked; {} names the whole"},
    {Rule::as_written, "as_written", "", ""},
    {Rule::made_by_adapter, "made_by_adapter", "the adapter makes it of the record", ""},
    {Rule::value_map, "value_map", "by the adapter's value map", ""},
    {Rule::value_map_setting, "value_map_setting", "by the setting {}", ""},
    {Rule::rest_setting, "rest_setting", "by the setting {}, for all words that no other rule covers", ""},
    {Rule::by_status, "by_status", "by what the status means that a setting makes of it", ""},
    {Rule::cleaned_id, "cleaned_id", "without what is no part of an id", ""},
    {Rule::cleaned_word, "cleaned_word", "without characters that show nothing", ""},
    {Rule::order_of_times, "order_of_times", "of its two readings the only one that puts the end behind the start", ""},
    {Rule::lower_case, "lower_case", "the adapter's value map does not cover it: kept, in lower case", ""},
    {Rule::remaining_words, "remaining_words", "by the adapter's rule for values that its value map does not cover", ""},
    {Rule::default_channel_setting, "default_channel_setting", "nothing that stands says it: the setting default_channel = {}",
     ""},
    {Rule::default_channel_adapter, "default_channel_adapter", "nothing that stands says it: the adapter's default channel", ""},
    {Rule::platform_setting, "platform_setting", "the setting platform = {}", ""},
    {Rule::platform_adapter, "platform_adapter", "the adapter's own platform", ""},
    {Rule::id_table, "id_table", "by the table {}", ""},
    {Rule::not_in_id_table, "not_in_id_table", "the table {} has no row for it, and unknown ids are kept", ""},
    {Rule::absent_word, "absent_word", "", "this value means that there is none"},
    {Rule::placeholder, "placeholder", "", "many programs write this where there is nothing"},
    {Rule::lower_priority, "lower_priority", "", "another field of the record comes first"},
    {Rule::bad_value, "bad_value", "", "{}"},
    {Rule::uncovered_word, "uncovered_word", "", "no value map covers it"},
    {Rule::not_in_id_table_dropped, "not_in_id_table_dropped", "", "the table {} has no row for it, and unknown ids are dropped"},
    {Rule::sum_lacks_part, "sum_lacks_part", "", "the sum of durations would lack it, so there is none"},
    {Rule::only, "only", "the only record that says it", ""},
    {Rule::undisputed, "undisputed", "no record says otherwise", ""},
    {Rule::newest, "newest", "newer update time", "older update time"},
    {Rule::equal_times, "equal_times", "the same update time, later in the input", "the same update time, earlier in the input"},
    {Rule::later_in_input, "later_in_input", "later in the input; it has no update time",
     "earlier in the input; it has no update time"},
    {Rule::has_update_time, "has_update_time", "it has an update time, the other has none",
     "it has no update time, and the record that stands has one"},
    {Rule::larger_value, "larger_value", "of equally new values the larger, an arbitrary but deterministic tie-break",
     "as new as the value that stands; of the two the larger stands"},
    {Rule::earliest, "earliest", "the earliest of its source's records", "later"},
    {Rule::surer_time, "surer_time", "of two readings of the same instant the surer", "the same instant, known less surely"},
    {Rule::same_value, "same_value", "", "says the same"},
    {Rule::replaced, "replaced", "", "replaced as a whole by {}: {}"},
    {Rule::column_lacking, "column_lacking", "a column that {}'s file lacks", ""},
    {Rule::first_touchpoint, "first_touchpoint", "the first touchpoint, {}", ""},
    {Rule::last_touchpoint, "last_touchpoint", "the last touchpoint, {}, since the conversation is resolved", ""},
    {Rule::channel_of_touchpoint, "channel_of_touchpoint", "the kind of the first touchpoint with the customer, {}", ""},
    {Rule::channel_of_notes, "channel_of_notes", "its touchpoints are notes, the first of them {}", ""},
    {Rule::first_response, "first_response", "from the first inbound touchpoint, {}, to the first outbound one after it, {}", ""},
    {Rule::sum_of_durations, "sum_of_durations", "the sum of the touchpoints' durations, {}", ""},
    {Rule::last_agent, "last_agent", "the user of the last outbound touchpoint, {}", ""},
    {Rule::first_email_subject, "first_email_subject", "the subject of the first e-mail, {}", ""},
    {Rule::touchpoint_counts, "touchpoint_counts", "how many touchpoints of each kind there are: {}", ""},
    {Rule::record_over_touchpoints, "record_over_touchpoints", "",
     "a record of its source says it, which counts more than touchpoints"},
    {Rule::touchpoints_over_record, "touchpoints_over_record", "", "its source's touchpoints stand over it"},
    {Rule::repeated_touchpoint, "repeated_touchpoint", "", "the same touchpoint as {} (equal ids), {}"},
    {Rule::deleted_touchpoint, "deleted_touchpoint", "", "{} says that this touchpoint is deleted: {}"},
    {Rule::first_source, "first_source", "its source is the first in the job that knows it", "its source is asked later"},
    {Rule::merge_fields, "merge_fields", "its source is the first in [merge.fields] {} that knows it",
     "its source is asked later, by [merge.fields] {}"},
    {Rule::earliest_of_sources, "earliest_of_sources", "the earliest of the sources", "later"},
    {Rule::latest_of_sources, "latest_of_sources", "the latest of the sources", "earlier"},
    {Rule::first_conversation, "first_conversation", "of its source's conversations the one whose id comes first",
     "another conversation of its source, whose id comes first, stands"},
    {Rule::enrich_may_not, "enrich_may_not", "", "a source with role = \"enrich\" may not say it"},
    {Rule::under_its_source, "under_its_source", "what this source says where another source's value stands: {}", ""},
    {Rule::time_marks, "time_marks", "how times are known that were not unique; the program adds it", ""},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kRules.size(); ++i) {
    if (static_cast<std::size_t>(kRules[i].rule) != i) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

const RuleText& text_of(Rule rule) { return kRules[static_cast<std::size_t>(rule)]; }
std::span<const RuleText> all_rules() { return kRules; }

}  // namespace crosswalk
