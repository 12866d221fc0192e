#include "delivery/state.hpp"

#include <algorithm>
#include <array>

#include "encode/buffer.hpp"
#include "encode/json_text.hpp"

namespace crosswalk::delivery {
namespace {

constexpr std::array<std::string_view, 15> kOrder = {"external_id",
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
                                                     "csat_score"};
constexpr std::array<std::string_view, 7> kPatchable = {"assigned_agent_id", "status",     "ended_at", "handle_time_seconds",
                                                        "resolved",          "csat_score", "metadata"};

std::size_t place(std::string_view key) {
  return static_cast<std::size_t>(std::find(kOrder.begin(), kOrder.end(), key) - kOrder.begin());
}

const Field* find_in(const std::vector<Field>& fields, std::string_view key) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.key == key; });
  return found == fields.end() ? nullptr : &*found;
}

void put(std::vector<Field>& fields, const Field& field) {
  const auto found = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.key == field.key; });
  if (found == fields.end()) {
    fields.push_back(field);
  } else {
    found->json = field.json;
  }
}

std::string text_of(const Buffer& buffer) { return std::string(buffer.view()); }

std::string value_json(const json::Member& member) {
  if (member.kind != Kind::string) return std::string(member.text);
  Buffer out;
  add_json_string(out, member.text);
  return text_of(out);
}

void drop_overtaken(std::vector<Field>& overlay, const std::vector<Field>& before, const std::vector<Field>& now) {
  std::erase_if(overlay, [&](const Field& field) {
    const Field* const is = find_in(now, field.key);
    const Field* const was = find_in(before, field.key);
    return is != nullptr && (was == nullptr || was->json != is->json);
  });
}

bool lost_any(const std::vector<Field>& before, const std::vector<Field>& now) {
  return std::any_of(before.begin(), before.end(), [&](const Field& f) { return find_in(now, f.key) == nullptr; });
}

bool gained_any(const std::vector<Field>& before, const std::vector<Field>& now) {
  return std::any_of(now.begin(), now.end(), [&](const Field& f) {
    const Field* const was = find_in(before, f.key);
    return was == nullptr || was->json != f.json;
  });
}

}  // namespace

const std::string* Fields::find(std::string_view key) const {
  const Field* const field = find_in(top, key);
  return field == nullptr ? nullptr : &field->json;
}

std::string Fields::json() const {
  Buffer out;
  out.add('{');
  const auto add = [&out](const Field& field) {
    if (out.view().back() != '{') out.add(',');
    add_json_string(out, field.key);
    out.add(':');
    out.add(field.json);
  };
  std::vector<const Field*> fields;
  for (const Field& field : top) fields.push_back(&field);
  std::stable_sort(fields.begin(), fields.end(), [](const Field* a, const Field* b) { return place(a->key) < place(b->key); });
  for (const Field* field : fields) add(*field);
  if (!metadata.empty()) {
    if (out.view().back() != '{') out.add(',');
    out.add("\"metadata\":{");
    for (const Field& field : metadata) add(field);
    out.add('}');
  }
  out.add('}');
  return text_of(out);
}

bool FieldsReader::read(std::string_view line, Fields& out) {
  out.top.clear();
  out.metadata.clear();
  if (!reader_.start(line)) return false;
  json::Member member;
  while (reader_.next(member)) {
    if (member.key == "metadata" && member.kind == Kind::object) {
      // Read behind the fields: entering it would end with it.
      const std::string whole(member.text);
      json::ObjectReader inside;
      if (!inside.start(whole)) return false;
      json::Member entry;
      while (inside.next(entry)) put(out.metadata, {std::string(entry.key), value_json(entry)});
      if (inside.broken()) return false;
    } else {
      put(out.top, {std::string(member.key), value_json(member)});
    }
  }
  return !reader_.broken();
}

std::string FieldsReader::external_id(std::string_view line) { return text_of(line, "external_id"); }

std::string FieldsReader::text_of(std::string_view line, std::string_view key) {
  if (!reader_.start(line)) return {};
  json::Member member;
  while (reader_.next(member)) {
    if (member.key == key && member.kind == Kind::string) return std::string(member.text);
  }
  return {};
}

bool says_something(const Fields& fields) {
  return !fields.metadata.empty() ||
         std::any_of(fields.top.begin(), fields.top.end(), [](const Field& f) { return f.key != "external_id"; });
}

Fields composed(const Fields& base, const Fields& overlay) {
  Fields out = base;
  for (const Field& field : overlay.top) put(out.top, field);
  for (const Field& field : overlay.metadata) put(out.metadata, field);
  return out;
}

Fields still_standing(const Fields& overlay, const Fields& before, const Fields& now) {
  Fields out = overlay;
  drop_overtaken(out.top, before.top, now.top);
  drop_overtaken(out.metadata, before.metadata, now.metadata);
  return out;
}

bool Difference::patchable() const {
  return !removed && std::all_of(changed.begin(), changed.end(), [](const std::string& key) {
    return std::find(kPatchable.begin(), kPatchable.end(), key) != kPatchable.end();
  });
}

Difference difference(const Fields& before, const Fields& now) {
  Difference out;
  for (const Field& field : now.top) {
    const std::string* const was = before.find(field.key);
    if (was == nullptr || *was != field.json) out.changed.push_back(field.key);
  }
  if (gained_any(before.metadata, now.metadata)) out.changed.emplace_back("metadata");
  out.removed = lost_any(before.top, now.top) || lost_any(before.metadata, now.metadata);
  return out;
}

std::string update_of(const Fields& now, const std::vector<std::string>& changed) {
  Fields out;
  for (const Field& field : now.top) {
    if (field.key == "external_id" || std::find(changed.begin(), changed.end(), field.key) != changed.end()) {
      out.top.push_back(field);
    }
  }
  if (std::find(changed.begin(), changed.end(), "metadata") != changed.end()) out.metadata = now.metadata;
  return out.json();
}

}  // namespace crosswalk::delivery
