#include "encode/conversation_json.hpp"

#include "encode/json_text.hpp"

namespace crosswalk {
namespace {

void add_text(Buffer& out, std::string_view key, std::string_view value) {
  if (value.empty()) return;
  out.add(key);
  add_json_string(out, value);
}

void add_optional_time(Buffer& out, std::string_view key, const std::optional<Instant>& value) {
  if (!value) return;
  out.add(key);
  add_time(out, *value);
}

void add_optional_decimal(Buffer& out, std::string_view key, const std::optional<Decimal>& value) {
  if (!value) return;
  out.add(key);
  add_decimal(out, *value);
}

bool marked(const std::optional<Instant>& at, Known how) { return at && how != Known::offset && how != Known::unique; }

}  // namespace

void add_conversation_fields(Buffer& out, const Conversation& c) {
  add_text(out, "{\"external_id\":", c.external_id);
  add_text(out, ",\"platform\":", c.platform);
  out.add(",\"channel\":\"");
  out.add(name_of(c.channel));
  out.add('"');
  add_text(out, ",\"queue_id\":", c.queue_id);
  add_text(out, ",\"assigned_agent_id\":", c.assigned_agent_id);
  add_text(out, ",\"customer_id\":", c.customer_id);
  add_text(out, ",\"subject\":", c.subject);
  add_text(out, ",\"status\":", c.status);
  add_optional_time(out, ",\"started_at\":", c.started_at);
  add_optional_time(out, ",\"ended_at\":", c.ended_at);
  add_optional_decimal(out, ",\"handle_time_seconds\":", c.handle_time);
  add_optional_decimal(out, ",\"wait_time_seconds\":", c.wait_time);
  add_optional_decimal(out, ",\"first_response_time_seconds\":", c.first_response_time);
  if (c.resolved) out.add(*c.resolved ? std::string_view(",\"resolved\":true") : std::string_view(",\"resolved\":false"));
  add_optional_decimal(out, ",\"csat_score\":", c.csat_score);
}

void add_update_fields(Buffer& out, const Conversation& c) {
  add_text(out, "{\"external_id\":", c.external_id);
  add_text(out, ",\"assigned_agent_id\":", c.assigned_agent_id);
  add_text(out, ",\"status\":", c.status);
  add_optional_time(out, ",\"ended_at\":", c.ended_at);
  add_optional_decimal(out, ",\"handle_time_seconds\":", c.handle_time);
  if (c.resolved) out.add(*c.resolved ? std::string_view(",\"resolved\":true") : std::string_view(",\"resolved\":false"));
  add_optional_decimal(out, ",\"csat_score\":", c.csat_score);
}

void add_time_marks(MetadataWriter& metadata, Buffer& out, const Conversation& c, std::string_view zone_data_version) {
  const bool started = marked(c.started_at, c.started_how);
  const bool ended = marked(c.ended_at, c.ended_how);
  if (!started && !ended) return;
  metadata.key("\"crosswalk\":");
  out.add("{\"times\":{");
  const auto mark = [&out](std::string_view key, Known how, bool by_evidence) {
    out.add(key);
    out.add(name_of(how));
    out.add(by_evidence ? std::string_view(":evidence\"") : std::string_view("\""));
  };
  if (started) mark("\"started_at\":\"", c.started_how, c.started_by_evidence);
  if (ended) mark(started ? ",\"ended_at\":\"" : "\"ended_at\":\"", c.ended_how, c.ended_by_evidence);
  out.add("},\"zone_data\":");
  add_json_string(out, zone_data_version);
  out.add('}');
}

}  // namespace crosswalk
