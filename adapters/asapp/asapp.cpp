// ASAPP create-or-update bodies: POST /conversation/v1/conversations, one conversation's state per record.
//
// From the API's description: externalId, customer and timestamp are required; a timestamp without a zone is UTC; the
// same externalId again is an update. Channel and queue are no part of the API: they stand in metadata by convention.
#include <cstdint>
#include <string_view>
#include <utility>

#include "crosswalk/plugin.hpp"

namespace {

namespace cp = crosswalk::plugin;

// The platform words of ASAPP's metadata ingestion, and plain channel words.
constexpr std::pair<std::string_view, std::string_view> kChannels[] = {
    {"sms", "sms"},
    {"web", "chat"},
    {"ios", "chat"},
    {"android", "chat"},
    {"app", "chat"},
    {"local", "chat"},
    {"chat", "chat"},
    {"messaging", "chat"},
    {"applebiz", "chat"},
    {"googlebiz", "chat"},
    {"gbm", "chat"},
    {"wab", "social"},
    {"whatsapp", "social"},
    {"voice", "phone"},
    {"voice ios", "phone"},
    {"voice android", "phone"},
    {"voice echo", "phone"},
    {"voice homepod", "phone"},
    {"voice gglhome", "phone"},
    {"voice web", "phone"},
    {"phone", "phone"},
    {"call", "phone"},
    {"email", "email"},
    {"mail", "email"},
    {"social", "social"},
    {"facebook", "social"},
    {"instagram", "social"},
    {"twitter", "social"},
    {"back office", "back_office"},
};

class Asapp final : public cp::Translator {
 public:
  explicit Asapp(cp::Setup& setup) {
    for (const auto& [word, channel] : kChannels) setup.word(CW_CHANNEL, word, channel);
  }

  void bind(std::uint16_t first, cp::Names names, cp::Binder& binder) override {
    for (std::size_t i = 0; i < names.size(); ++i) {
      bind_one(static_cast<std::uint16_t>(first + i), cp::view(names[i]), binder);
    }
  }

 private:
  static void bind_one(std::uint16_t id, std::string_view name, cp::Binder& binder) {
    constexpr std::string_view kMetadata = "metadata.";
    if (name == "externalId") {
      binder.map(id, CW_EXTERNAL_ID);
    } else if (name == "timestamp") {
      binder.map(id, CW_STARTED_AT, CW_UTC);
    } else if (name == "agent.externalId") {
      binder.map(id, CW_ASSIGNED_AGENT_ID);
    } else if (name == "customer.externalId") {
      binder.map(id, CW_CUSTOMER_ID);
    } else if (name == "id") {
      binder.carry(id, "asapp_id");
    } else if (name == "agent.name") {
      binder.carry(id, "agent_name");
    } else if (name == "customer.name") {
      binder.carry(id, "customer_name");
    } else if (name.starts_with(kMetadata)) {
      const std::string_view key = name.substr(kMetadata.size());
      binder.carry(id, key);  // its name, also for a value that is mapped but loses or does not fit
      if (key == "channel") binder.map(id, CW_CHANNEL, CW_DEFAULT, 0);
      if (key == "platform") binder.map(id, CW_CHANNEL, CW_DEFAULT, 1);
      if (key == "queue") binder.map(id, CW_QUEUE_ID);
    }
  }
};

}  // namespace

CROSSWALK_ADAPTER(Asapp, R"({
  "id": "asapp",
  "version": "1.0.0",
  "abi": 1,
  "summary": "ASAPP create-or-update conversation bodies as JSON",
  "framings": ["json"],
  "records": "updates",
  "platform": "asapp",
  "default_channel": "chat",
  "time_zone": "utc",
  "time_format": "iso",
  "options": [],
  "columns": {"external_id": "externalId", "started_at": "timestamp", "assigned_agent_id": "agent.externalId",
    "customer_id": "customer.externalId", "channel": ["metadata.channel", "metadata.platform"], "queue_id": "metadata.queue"},
  "identify": [
    {"framing": "json", "score": 90, "all": ["externalid", "customer.externalid"], "any": ["timestamp"]},
    {"framing": "json", "score": 60, "all": ["externalid"], "any": ["customer.externalid", "agent.externalid", "timestamp"]}
  ]
})")
