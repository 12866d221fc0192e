// The rules that decide what stands in a conversation: reported by the code that decides, worded here, listed in
// docs/reference.md (a test holds the two together).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace crosswalk {

enum class Rule : std::uint8_t {
  none,
  // How a conversation has its id.
  id_template,
  linked_id,
  // How a record's value was made of a field.
  as_written,
  made_by_adapter,
  value_map,
  value_map_setting,
  rest_setting,
  by_status,
  cleaned_id,
  cleaned_word,
  order_of_times,
  lower_case,
  remaining_words,
  default_channel_setting,
  default_channel_adapter,
  platform_setting,
  platform_adapter,
  id_table,
  not_in_id_table,
  // Why a field of a record is not its value.
  absent_word,
  placeholder,
  lower_priority,
  bad_value,
  uncovered_word,
  not_in_id_table_dropped,
  sum_lacks_part,
  // Between the records of one source.
  only,
  undisputed,
  newest,
  equal_times,
  later_in_input,
  has_update_time,
  larger_value,
  earliest,
  surer_time,
  same_value,
  replaced,
  column_lacking,
  // What touchpoints say.
  first_touchpoint,
  last_touchpoint,
  channel_of_touchpoint,
  channel_of_notes,
  first_response,
  sum_of_durations,
  last_agent,
  first_email_subject,
  touchpoint_counts,
  record_over_touchpoints,
  touchpoints_over_record,
  repeated_touchpoint,
  deleted_touchpoint,
  // Between sources.
  first_source,
  merge_fields,
  earliest_of_sources,
  latest_of_sources,
  first_conversation,
  enrich_may_not,
  under_its_source,
  time_marks,
};
inline constexpr std::size_t kRuleCount = static_cast<std::size_t>(Rule::time_marks) + 1;

/// A rule in words. `stands` is said of what stands by it, `lost` of what does not; either may be empty. `{}` is where a
/// detail belongs, such as the name of a setting.
struct RuleText {
  Rule rule = Rule::none;
  std::string_view code, stands, lost;
};
[[nodiscard]] const RuleText& text_of(Rule rule);
[[nodiscard]] std::span<const RuleText> all_rules();

}  // namespace crosswalk
