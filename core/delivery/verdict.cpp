#include "delivery/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>

#include "delivery/answer_words.hpp"
#include "delivery/reports.hpp"
#include "text.hpp"

namespace crosswalk::delivery {
namespace {

using nlohmann::json;

constexpr std::size_t kMostValues = 200'000;  ///< of a body: each takes some dozens of bytes when it is held
constexpr int kDeepest = 64;                  ///< how many values one may lie within

Verdict unknown(std::string why) {
  Verdict out;
  out.kind = Verdict::Kind::unknown;
  out.why = std::move(why);
  return out;
}

/// A JSON value, and whether it is as the parser says: of two members of one name it would keep the last, and hide the first.
json parsed_once(std::string_view text, std::string& fault) {
  std::vector<std::unordered_set<std::size_t>> names;
  const auto look = [&](int depth, json::parse_event_t event, json& value) {
    if (depth > kDeepest) {
      fault = "it is nested too deeply to be understood";
      return false;
    }
    if (event == json::parse_event_t::object_start) {
      names.emplace_back();
    } else if (event == json::parse_event_t::object_end) {
      names.pop_back();
    } else if (event == json::parse_event_t::key) {
      const bool once = names.back().insert(std::hash<std::string>()(value.get_ref<const std::string&>())).second;
      if (!once) fault = "a name stands twice in one of its objects";
    }
    return true;
  };
  return json::parse(text, look, false);
}

/// One JSON value, or one a line.
std::optional<json> parsed(std::string_view text, std::string& fault) {
  json whole = parsed_once(text, fault);
  if (!whole.is_discarded()) return whole;
  json lines = json::array();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    json one = parsed_once(line, fault);
    if (one.is_discarded()) return std::nullopt;
    lines.push_back(std::move(one));
  }
  return lines;
}

}  // namespace

Verdict judge(const Answer& answer, bool accepted, const Asked& asked) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  std::string_view text = answer.body;
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  text = trimmed(text);
  if (!text.empty() && (text.front() == '<' || lower(answer.content_type).find("html") != std::string::npos)) {
    return unknown("it is a page for a browser, as proxies and log-in pages send them");
  }
  if (answer.body.size() >= kKeptSuccess) {
    return unknown(fmt::format("it is longer than {} MiB, and could report errors at its end", kKeptSuccess >> 20));
  }
  if (!answer.whole) {  // perhaps before its first byte
    Verdict out;
    out.kind = Verdict::Kind::unclear;
    return out;
  }
  const std::string another = accepted ? "" : fmt::format("{} is not a status that means \"accepted\" here", answer.status);
  if (text.empty()) return accepted ? Verdict() : unknown(another);
  const bool structured = text.front() == '{' || text.front() == '[';
  const bool scalar = text.front() == '"' || text == "true" || text == "false" || text == "null";
  if (!structured && !scalar) {
    if (!accepted) return unknown(another);
    return is_good_text(text, asked.external_ids.size()) ? Verdict()
                                                         : unknown("it is a text that does not say that all were accepted");
  }
  const auto values = std::count_if(text.begin(), text.end(), [](char c) { return c == ',' || c == '[' || c == '{'; });
  if (static_cast<std::size_t>(values) > kMostValues) return unknown("it has too many parts to be understood");
  std::string fault;
  const auto body = parsed(text, fault);
  if (!fault.empty()) return unknown(fault);
  if (!body) return unknown("it begins as JSON and is none");
  Reports reports(asked);
  reports.read(*body);
  return reports.verdict(accepted, answer.status);
}

std::string_view array_key_of(std::string_view head) {
  head = trimmed(head);
  if (!head.ends_with('[')) return {};
  head = trimmed(head.substr(0, head.size() - 1));
  if (!head.ends_with(':')) return {};
  head = trimmed(head.substr(0, head.size() - 1));
  if (!head.ends_with('"')) return {};
  head.remove_suffix(1);
  const std::size_t begin = head.rfind('"');
  return begin == std::string_view::npos ? std::string_view() : head.substr(begin + 1);
}

}  // namespace crosswalk::delivery
