#include "encode/conversation_json.hpp"

#include <algorithm>

#include "crosswalk/time.hpp"
#include "encode/json_text.hpp"

namespace crosswalk {
namespace {

/// Writes fields where there is room for them. All of it is inlined: keys are known when compiling.
template <Texts texts>
struct Fields {
  char* to;

  template <std::size_t N>
  void text(const char (&key)[N], std::string_view value) {
    if (value.empty()) return;
    to = put_literal(to, key);
    to = texts == Texts::padded ? put_padded_json_string(to, value) : put_json_string(to, value);
  }
  template <std::size_t N>
  void time(const char (&key)[N], const std::optional<Instant>& value) {
    if (value) to = put_literal(write_time(*value, put_literal(to, key)), "\"");
  }
  template <std::size_t N>
  void decimal(const char (&key)[N], const std::optional<Decimal>& value) {
    if (value) to = put_decimal(put_literal(to, key), *value);
  }
  void resolved(const std::optional<bool>& value) {
    if (value) to = *value ? put_literal(to, ",\"resolved\":true") : put_literal(to, ",\"resolved\":false");
  }
};

/// Of keys, quotes, times and numbers.
constexpr std::size_t kFixedRoom = 1024;

std::size_t room_for(const Conversation& c) {
  const std::size_t texts = c.external_id.size() + c.platform.size() + c.queue_id.size() + c.assigned_agent_id.size() +
                            c.customer_id.size() + c.subject.size() + c.status.size();
  return json_string_room(texts) + kFixedRoom;
}

bool marked(const std::optional<Instant>& at, Known how) { return at && how != Known::offset && how != Known::unique; }

template <Texts texts>
char* put_conversation_fields(char* to, const Conversation& c) {
  Fields<texts> f{to};
  f.text("{\"external_id\":", c.external_id);
  if (!c.platform.empty()) f.to = put_json_string(put_literal(f.to, ",\"platform\":"), c.platform);
  const std::string_view channel = name_of(c.channel);
  f.to = put_literal(f.to, ",\"channel\":\"");
  f.to = std::copy(channel.begin(), channel.end(), f.to);
  *f.to++ = '"';
  f.text(",\"queue_id\":", c.queue_id);
  f.text(",\"assigned_agent_id\":", c.assigned_agent_id);
  f.text(",\"customer_id\":", c.customer_id);
  f.text(",\"subject\":", c.subject);
  f.text(",\"status\":", c.status);
  f.time(",\"started_at\":\"", c.started_at);
  f.time(",\"ended_at\":\"", c.ended_at);
  f.decimal(",\"handle_time_seconds\":", c.handle_time);
  f.decimal(",\"wait_time_seconds\":", c.wait_time);
  f.decimal(",\"first_response_time_seconds\":", c.first_response_time);
  f.resolved(c.resolved);
  f.decimal(",\"csat_score\":", c.csat_score);
  return f.to;
}

}  // namespace

void add_conversation_fields(Buffer& out, const Conversation& c, Texts texts) {
  char* const to = out.room(room_for(c));
  out.finish_at(texts == Texts::padded ? put_conversation_fields<Texts::padded>(to, c)
                                       : put_conversation_fields<Texts::any>(to, c));
}

void add_update_fields(Buffer& out, const Conversation& c) {
  Fields<Texts::any> f{out.room(room_for(c))};
  f.text("{\"external_id\":", c.external_id);
  f.text(",\"assigned_agent_id\":", c.assigned_agent_id);
  f.text(",\"status\":", c.status);
  f.time(",\"ended_at\":\"", c.ended_at);
  f.decimal(",\"handle_time_seconds\":", c.handle_time);
  f.resolved(c.resolved);
  f.decimal(",\"csat_score\":", c.csat_score);
  out.finish_at(f.to);
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
