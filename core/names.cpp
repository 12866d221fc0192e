// The public names of the model's enums, in one place.
#include <array>

#include "crosswalk/adapter.hpp"
#include "crosswalk/conversation.hpp"

namespace crosswalk {

std::string_view name_of(Target target) {
  static constexpr std::array<std::string_view, kTargetCount> kNames = {"none",
                                                                        "external_id",
                                                                        "platform",
                                                                        "channel",
                                                                        "queue_id",
                                                                        "assigned_agent_id",
                                                                        "customer_id",
                                                                        "subject",
                                                                        "status",
                                                                        "started_at",
                                                                        "ended_at",
                                                                        "handle_time_seconds",
                                                                        "wait_time_seconds",
                                                                        "first_response_time_seconds",
                                                                        "resolved",
                                                                        "csat_score",
                                                                        "version",
                                                                        "scope",
                                                                        "time_zone"};
  return kNames[static_cast<std::size_t>(target)];
}

namespace {
constexpr std::array<std::string_view, 7> kChannels = {"", "phone", "email", "chat", "sms", "social", "back_office"};
}

std::string_view name_of(Channel channel) { return kChannels[static_cast<std::size_t>(channel)]; }

Channel channel_of(std::string_view name) {
  for (std::size_t i = 1; i < kChannels.size(); ++i) {
    if (kChannels[i] == name) return static_cast<Channel>(i);
  }
  return Channel::none;
}

std::string_view name_of(Disambiguation policy) {
  static constexpr std::array<std::string_view, 4> kNames = {"compatible", "earlier", "later", "reject"};
  return kNames[static_cast<std::size_t>(policy)];
}

std::string_view name_of(Framing framing) { return framing == Framing::csv ? "csv" : "json"; }

std::string_view name_of(RecordRole role) {
  switch (role) {
    case RecordRole::conversation: return "conversation";
    case RecordRole::update: return "update";
    case RecordRole::event: return "event";
  }
  return "";
}

std::string_view name_of(TouchKind kind) {
  static constexpr std::array<std::string_view, kTouchKinds> kNames = {"",     "sms",    "email", "call",
                                                                       "chat", "social", "note",  "other"};
  return kNames[static_cast<std::size_t>(kind)];
}

}  // namespace crosswalk
