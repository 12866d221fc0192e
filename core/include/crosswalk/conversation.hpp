// The canonical conversation: Assembled's ConversationInput, plus how its times are known.
//
// Source of the rules: Assembled Conversations API (OpenAPI, version 2026-05-24) and its stricter companion JSON Schema.
//
//   field                         type      required  rule
//   external_id                   text      yes       not blank
//   channel                       enum      yes       phone email chat sms social back_office
//   started_at                    time      yes       RFC 3339 in UTC
//   ended_at                      time
//   platform queue_id assigned_agent_id customer_id subject status   text
//   handle_time_seconds wait_time_seconds first_response_time_seconds   decimal ≥ 0
//   resolved                      boolean
//   csat_score                    decimal 1…5
//   metadata                      object    any values
//
// Three kinds of nothing. Absent: the source has no such field. Empty: it is there with no text (or only blanks). Null:
// JSON null. For every target all three mean "not known", and nothing is written: null is never sent, no field is ever
// written empty, nothing is made up. They differ when records are merged: none of the three erases what is known.
// In metadata, empty and null values are left out and counted under the rule "empty".
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "crosswalk/time.hpp"

namespace crosswalk {

/// What a source field can become. Values are part of the plugin ABI (plugin.h: cw_target).
enum class Target : std::uint8_t {
  none = 0,
  external_id = 1,
  platform = 2,
  channel = 3,
  queue_id = 4,
  assigned_agent_id = 5,
  customer_id = 6,
  subject = 7,
  status = 8,
  started_at = 9,
  ended_at = 10,
  handle_time = 11,
  wait_time = 12,
  first_response_time = 13,
  resolved = 14,
  csat_score = 15,
  version = 16,    ///< the record's own update time
  scope = 17,      ///< keeps equal ids apart while records are folded
  time_zone = 18,  ///< the zone of this record's times
};
inline constexpr std::size_t kTargetCount = 19;

/// The schema's name of a target ("handle_time_seconds"), or the steering one's own ("version").
[[nodiscard]] std::string_view name_of(Target target);

enum class Channel : std::uint8_t { none = 0, phone, email, chat, sms, social, back_office };
[[nodiscard]] std::string_view name_of(Channel channel);
[[nodiscard]] Channel channel_of(std::string_view name);  ///< Channel::none when it is not one of the six

/// An exact decimal: digits × 10^-scale. Never a binary fraction, so 0.1 stays 0.1.
struct Decimal {
  std::int64_t digits = 0;
  std::uint8_t scale = 0;  ///< 0…18
  friend bool operator==(const Decimal&, const Decimal&) = default;
};

/// Seconds by which a time that a policy decided may seem to lie before one that it follows: a repeated hour explains it.
inline constexpr std::int64_t kMostRepeated = std::int64_t{2} * 3600;

/// One conversation. Text is borrowed from the batch it came in; empty text is "not known".
struct Conversation {
  std::string_view external_id;
  std::string_view platform;
  std::string_view queue_id;
  std::string_view assigned_agent_id;
  std::string_view customer_id;
  std::string_view subject;
  std::string_view status;
  Channel channel = Channel::none;
  std::optional<Instant> started_at;
  std::optional<Instant> ended_at;
  Known started_how = Known::offset;
  Known ended_how = Known::offset;
  bool started_by_evidence = false;  ///< a repeated hour decided by other records, not by policy
  bool ended_by_evidence = false;
  std::optional<Decimal> handle_time;  // seconds, like the two below
  std::optional<Decimal> wait_time;
  std::optional<Decimal> first_response_time;
  std::optional<bool> resolved;
  std::optional<Decimal> csat_score;
};

}  // namespace crosswalk
