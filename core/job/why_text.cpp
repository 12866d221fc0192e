// An explanation as JSON and as text.
#include <fmt/format.h>

#include <algorithm>

#include "crosswalk/job.hpp"
#include "pipeline/summary_json.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

void put(Json& to, const char* key, const std::string& text) {
  if (!text.empty()) to[key] = text;
}

void put_place(Json& to, const RecordPlace& place) {
  put(to, "source", place.source);
  if (place.file.empty()) return;
  to["file"] = place.file;
  to["line"] = place.line;
  to["offset"] = place.offset;
  to["size"] = place.size;
}

Json parsed(const std::string& value) { return Json::parse(value).value_or(nullptr); }

Json json_of(const Witness& w) {
  Json out = Json::object();
  if (w.number != 0) out["record"] = w.number;
  put_place(out, w.record);
  put(out, "field", w.field);
  put(out, "found", w.found);
  if (!w.value.empty()) out["value"] = parsed(w.value);
  put(out, "how", w.how);
  if (!w.settings.empty()) out["settings"] = w.settings;
  if (!w.rules.empty()) out["rules"] = w.rules;
  put(out, "verdict", w.verdict);
  for (const WhyOperand& operand : w.of) {
    Json one = Json::object();
    if (operand.number != 0) one["record"] = operand.number;
    put_place(one, operand.record);
    one["value"] = parsed(operand.value);
    out["of"].push_back(std::move(one));
  }
  return out;
}

Json json_of(const WhyRecord& record) {
  Json out = Json::object();
  put_place(out, record.place);
  put(out, "id", record.id);
  put(out, "version", record.version);
  put(out, "fate", record.fate);
  if (record.asked) out["asked"] = true;
  if (record.enriches) out["enriches"] = true;
  put(out, record.fate == "filtered" ? "rule" : "code", record.code);
  put(out, "field", record.field);
  put(out, "found", record.found);
  put(out, "message", record.message);
  put(out, "cure", record.cure);
  for (const std::string& remark : record.remarks) out["remarks"].push_back(remark);
  for (const WhyUse& use : record.uses) {
    Json one = Json::object();
    one["target"] = use.target;
    one["stands"] = use.stands;
    put(one, "field", use.field);
    put(one, "found", use.found);
    put(one, "how", use.how);
    if (!use.settings.empty()) one["settings"] = use.settings;
    put(one, "verdict", use.verdict);
    out["uses"].push_back(std::move(one));
  }
  return out;
}

std::string text_of_place(const RecordPlace& place) {
  const std::uint64_t last = place.offset + std::max<std::uint64_t>(place.size, 1) - 1;
  return fmt::format("{}: {}, line {}, bytes {} to {}", place.source, place.file, place.line, place.offset, last);
}

/// `"Via" = "Chat"`.
std::string text_of_field(const std::string& field, const std::string& found) {
  std::string text;
  if (!field.empty()) text += fmt::format(" \"{}\"", in_line(field));
  if (!found.empty()) text += fmt::format(" = \"{}\"", in_line(found));
  return text;
}

void add(std::string& line, std::string_view more) {
  if (!more.empty()) line += fmt::format("; {}", more);
}

std::string text_of_record(const WhyRecord& record, std::size_t number) {
  std::string line = fmt::format("{}[{}] {}{}{}", record.asked ? "> " : "  ", number, text_of_place(record.place),
                                 record.version.empty() ? "" : ", updated ", record.version);
  if (record.enriches) add(line, "adds to the conversation");
  if (record.fate == "filtered") add(line, fmt::format("filtered by the rule \"{}\"", record.code));
  if (record.fate == "rejected") {
    add(line, fmt::format("rejected, {}{}: {}", record.code, text_of_field(record.field, record.found), record.message));
    add(line, record.cure);
  }
  line += '\n';
  for (const std::string& remark : record.remarks) line += fmt::format("      {}\n", remark);
  const bool left_out = record.fate == "filtered" || record.fate == "rejected";
  for (const WhyUse& use : record.uses) {
    const bool lost = !use.stands && !left_out;
    std::string text = fmt::format("{}{}{}", use.target,
                                   lost       ? ": not"
                                   : left_out ? ":"
                                              : " from",
                                   text_of_field(use.field, use.found));
    if (use.field.empty() && use.found.empty()) text = use.target;
    add(text, use.how);
    add(text, use.verdict);
    line += fmt::format("      {}\n", text);
  }
  return line;
}

std::string text_of_witness(const Witness& w, bool stands) {
  std::string line = w.number != 0 ? fmt::format("[{}]", w.number) : w.record.source;
  line += text_of_field(w.field, w.found);
  if (!stands && !w.value.empty()) line += fmt::format(": {}", w.value);
  for (const std::string& more : {w.how, w.verdict}) {
    if (!more.empty()) line += (line.empty() ? "" : "; ") + more;
  }
  return fmt::format("  {} {}\n", stands ? "from" : "not ", line);
}

}  // namespace

std::string Why::json() const {
  Json out;
  out["external_id"] = external_id.empty() ? Json(nullptr) : Json(external_id);
  put(out, "fate", fate);
  put(out, "rule", rule);
  out["records"] = Json::array();
  for (const WhyRecord& record : records) out["records"].push_back(json_of(record));
  out["fields"] = Json::array();
  for (const WhyField& field : fields) {
    Json entry;
    entry["field"] = field.name;
    entry["value"] = parsed(field.value);
    std::size_t lost = 0;
    if (!field.value.empty() && !field.witnesses.empty()) entry["from"] = json_of(field.witnesses[lost++]);
    entry["lost"] = Json::array();
    for (; lost < field.witnesses.size(); ++lost) entry["lost"].push_back(json_of(field.witnesses[lost]));
    out["fields"].push_back(std::move(entry));
  }
  return out.dump() + "\n";
}

std::string Why::text() const {
  std::string out = fmt::format("{}\n", external_id.empty() ? "(no external_id)" : external_id);
  if (!rule.empty()) out += fmt::format("  {}\n", rule);
  for (std::size_t i = 0; i < records.size(); ++i) out += text_of_record(records[i], i + 1);
  for (const WhyField& field : fields) {
    out += fmt::format("{} = {}\n", field.name, field.value.empty() ? "(not known)" : field.value);
    for (std::size_t i = 0; i < field.witnesses.size(); ++i) {
      out += text_of_witness(field.witnesses[i], i == 0 && !field.value.empty());
    }
  }
  return printable(out);
}

}  // namespace crosswalk
