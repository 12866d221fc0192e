#include "delivery/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_map>

#include "text.hpp"

namespace crosswalk::delivery {
namespace {

using nlohmann::json;

constexpr std::size_t kMostValues = 200'000;  ///< of a body: each takes some dozens of bytes when it is held
constexpr int kDeepest = 4;                   ///< how many objects a report may lie within

template <std::size_t N>
bool one_of(std::string_view word, const std::array<std::string_view, N>& words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// `error_count`, `errorCount` and `ErrorCount` are one name.
std::string plain(std::string_view key) {
  std::string out;
  for (const char c : lower(key)) {
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

constexpr std::array<std::string_view, 24> kErrorKeys = {
    "error",           "errors",       "errorlist",      "errormessage", "errormessages",    "errordetails",
    "itemerrors",      "recorderrors", "failure",        "failures",     "failed",           "faileditems",
    "failedrecords",   "faults",       "fault",          "exception",    "rejected",         "rejecteditems",
    "rejectedrecords", "invalid",      "invalidrecords", "unprocessed",  "unprocesseditems", "validationerrors"};
constexpr std::array<std::string_view, 11> kCountKeys = {"errorcount",    "errorscount",  "failedcount",       "failurecount",
                                                         "rejectedcount", "invalidcount", "failedrecordcount", "numerrors",
                                                         "numfailed",     "totalerrors",  "totalfailed"};
constexpr std::array<std::string_view, 6> kTruthKeys = {"success", "ok", "succeeded", "successful", "issuccess", "accepted"};
constexpr std::array<std::string_view, 13> kBadWords = {"error",          "errors",         "failed",      "failure", "fail",
                                                        "rejected",       "invalid",        "partial",     "refused", "denied",
                                                        "partialsuccess", "partialfailure", "partialerror"};
constexpr std::array<std::string_view, 12> kGoodWords = {"ok",       "success",  "succeeded", "successful",
                                                         "accepted", "created",  "updated",   "upserted",
                                                         "queued",   "enqueued", "processed", "unchanged"};
constexpr std::array<std::string_view, 9> kIdKeys = {"externalid", "id",       "recordid", "conversationid", "key",
                                                     "itemid",     "clientid", "ref",      "reference"};
constexpr std::array<std::string_view, 9> kWithin = {"record", "conversation", "item",   "input", "data",
                                                     "source", "error",        "object", "value"};
constexpr std::array<std::string_view, 6> kIndexKeys = {"index", "idx", "itemindex", "recordindex", "arrayindex", "i"};
constexpr std::array<std::string_view, 7> kRowKeys = {"row",        "line",   "position",    "rownumber",
                                                      "linenumber", "number", "recordnumber"};
constexpr std::array<std::string_view, 10> kPathKeys = {"pointer",  "path",     "field", "location",     "loc",
                                                        "property", "instance", "param", "instancepath", "target"};
constexpr std::array<std::string_view, 7> kWordKeys = {"message", "reason", "detail", "description", "title", "msg", "error"};
constexpr std::array<std::string_view, 4> kOperations = {"index", "create", "update", "delete"};

bool is_empty(const json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) || (value.is_number() && value == 0) ||
         (value.is_string() && value.get_ref<const std::string&>().empty()) || (value.is_structured() && value.empty());
}

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<std::size_t> whole_number(std::string_view text) {
  std::size_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// The place that `conversations[3].channel`, `/conversations/3/channel` or `["body", "conversations", 3]` speaks of.
std::optional<std::size_t> place_in(const json& path) {
  if (path.is_array()) {
    for (const json& part : path) {
      if (part.is_number_unsigned()) return part.get<std::size_t>();
    }
    return std::nullopt;
  }
  if (!path.is_string()) return std::nullopt;
  std::string_view rest = path.get_ref<const std::string&>();
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("/.[]"), rest.size());
    if (const auto number = whole_number(rest.substr(0, end))) return number;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return std::nullopt;
}

/// Collects what a body reports.
class Reports {
 public:
  explicit Reports(std::span<const std::string> external_ids) : ids_(external_ids) {
    for (std::size_t i = 0; i < ids_.size(); ++i) by_id_.emplace(ids_[i], i);
  }

  void read(const json& body) {
    if (body.is_array()) {
      read_list(body);
    } else if (body.is_object()) {
      read_object(body, 0);
    }
  }

  Verdict verdict(bool accepted, int status) {
    settle_rows();
    Verdict out;
    if (unnamed_ != 0 || (named_.empty() && failed_)) {
      out.kind = Verdict::Kind::unknown;
      out.why = named_.empty() ? "it reports errors and names no record of the request"
                               : "some of the errors that it reports name no record of the request";
      return out;
    }
    if (count_ != 0 && count_ != named_.size() && count_ != entries_) {
      out.kind = Verdict::Kind::unknown;
      out.why = fmt::format("it counts {} errors and names {} records", count_, named_.size());
      return out;
    }
    const bool all_said = good_.size() + named_.size() >= ids_.size() && !ids_.empty();
    if (named_.empty()) {
      out.kind = accepted || all_said ? Verdict::Kind::taken : Verdict::Kind::unknown;
      if (!accepted) out.why = fmt::format("{} is not a status that means \"accepted\" here", status);
      return out;
    }
    out.kind = Verdict::Kind::items;
    out.others_taken = all_said || (accepted && !failed_as_a_whole_);
    for (auto& [index, item] : named_) out.items.push_back(std::move(item));
    return out;
  }

 private:
  enum class State : std::uint8_t { unsaid, good, bad };

  void read_object(const json& object, int depth) {
    for (const auto& [key, value] : object.items()) {
      const std::string name = plain(key);
      if (one_of(name, kTruthKeys) && value.is_boolean()) {
        if (!value.get<bool>()) failed_ = failed_as_a_whole_ = true;
      } else if (one_of(name, kTruthKeys) && value.is_number_unsigned()) {
        if (value.get<std::size_t>() < ids_.size()) failed_ = true;
      } else if (one_of(name, kErrorKeys)) {
        if (!is_empty(value)) read_errors(value);
      } else if (one_of(name, kCountKeys)) {
        if (value.is_number_unsigned()) count_errors(value.get<std::size_t>());
      } else if (name == "status" || name == "statuscode" || name == "httpstatus" || name == "code" || name == "result" ||
                 name == "outcome") {
        if (value.is_object() && depth < kDeepest) {
          read_object(value, depth + 1);
        } else if (value.is_array()) {
          read_list(value);
        } else if (state_of(value, name == "code") == State::bad) {
          failed_ = true;
          failed_as_a_whole_ |= value.is_number() || plain(text_of(value)).find("partial") == std::string::npos;
        }
      } else if (value.is_array()) {
        read_list(value);
      } else if (value.is_object() && depth < kDeepest) {
        read_object(value, depth + 1);
      }
    }
  }

  void count_errors(std::size_t count) {
    if (count == 0) return;
    failed_ = true;
    count_ = std::max(count_, count);
  }

  /// The value under a key that speaks of errors.
  void read_errors(const json& value) {
    failed_ = true;
    if (value.is_number_unsigned()) return count_errors(value.get<std::size_t>());
    if (value.is_array()) {
      for (const json& entry : value) read_error(entry);
    } else if (value.is_object()) {
      if (identify(value, 0)) {
        read_error(value);
      } else {
        read_keyed(value);
      }
    }
    // A text, or true, says only that there are some.
  }

  /// Errors under the ids, or the places, that they are of.
  void read_keyed(const json& object) {
    const bool named = std::all_of(object.items().begin(), object.items().end(),
                                   [&](const auto& member) { return named_by(json(member.key()), true).has_value(); });
    if (!named) return;
    for (const auto& [key, value] : object.items()) {
      if (!is_empty(value)) add(*named_by(json(key), true), 0, said_of(value));
    }
  }

  void read_error(const json& entry) {
    if (is_empty(entry) && !entry.is_number()) return;
    ++entries_;
    if (entry.is_object()) {
      const int status = status_of(entry);
      if (const auto index = identify(entry, 0)) {
        add(*index, status, said_of(entry));
      } else if (const auto row = row_of(entry)) {
        rows_.push_back({*row, {0, status, passes(status), said_of(entry)}});
      } else {
        ++unnamed_;
      }
    } else if (const auto index = named_by(entry, entry.is_number())) {
      add(*index, 0, "");
    } else {
      ++unnamed_;
    }
  }

  /// A list that may be one entry for each record, with its status.
  void read_list(const json& list) {
    const bool by_place = list.size() == ids_.size();
    for (std::size_t i = 0; i < list.size(); ++i) {
      const json* entry = &list[i];
      if (entry->is_number_integer() && by_place) {  // a status each
        const int status = status_in(*entry);
        if (status >= 300) {
          ++entries_;
          add(i, status, "");
        } else if (status >= 200) {
          good_.emplace(i, true);
        }
        continue;
      }
      if (!entry->is_object()) continue;
      if (entry->size() == 1 && one_of(plain(entry->begin().key()), kOperations) && entry->begin()->is_object()) {
        entry = &*entry->begin();
      }
      const State state = state_of_entry(*entry);
      if (state == State::unsaid) continue;
      auto index = identify(*entry, 0);
      if (!index && by_place) index = i;
      if (state == State::good) {
        if (index) good_.emplace(*index, true);
        continue;
      }
      failed_ = true;
      ++entries_;
      if (index) {
        add(*index, status_of(*entry), said_of(*entry));
      } else {
        ++unnamed_;
      }
    }
  }

  static State state_of(const json& value, bool is_code) {
    if (value.is_number_integer()) {
      const int status = status_in(value);
      if (status >= 200 && status < 300) return State::good;
      return status >= (is_code ? 400 : 300) && status < 600 ? State::bad : State::unsaid;
    }
    if (value.is_boolean()) return State::unsaid;
    if (!value.is_string()) return State::unsaid;
    const std::string& text = value.get_ref<const std::string&>();
    if (const auto number = whole_number(text)) return state_of(json(*number), is_code);
    const std::string word = plain(text);
    if (one_of(word, kBadWords)) return State::bad;
    return one_of(word, kGoodWords) ? State::good : State::unsaid;
  }

  static State state_of_entry(const json& entry) {
    // A record that is said back has a status of its own, which is the conversation's.
    const bool echo = entry.contains("started_at") || entry.contains("channel");
    State state = State::unsaid;
    for (const auto& [key, value] : entry.items()) {
      const std::string name = plain(key);
      if (one_of(name, kErrorKeys)) {
        if (!is_empty(value)) return State::bad;
      } else if (one_of(name, kTruthKeys) && value.is_boolean()) {
        if (!value.get<bool>()) return State::bad;
        state = State::good;
      } else if (!echo && (name == "status" || name == "statuscode" || name == "httpstatus" || name == "code" ||
                           name == "result" || name == "outcome" || name == "state")) {
        const State said = state_of(value, name == "code");
        if (said == State::bad) return said;
        if (said == State::good) state = said;
      }
    }
    return state;
  }

  static int status_in(const json& value) {
    if (value.is_number_unsigned()) return static_cast<int>(std::min<std::uint64_t>(value.get<std::uint64_t>(), 9999));
    return 0;
  }

  static int status_of(const json& entry) {
    for (const auto& [key, value] : entry.items()) {
      const std::string name = plain(key);
      if (name != "status" && name != "statuscode" && name != "httpstatus" && name != "code") continue;
      int status = status_in(value);
      if (value.is_string())
        status = static_cast<int>(std::min<std::size_t>(whole_number(value.get<std::string>()).value_or(0), 9999));
      if (status >= 300 && status < 600) return status;
    }
    return 0;
  }

  static bool passes(int status) {
    return status == 408 || status == 409 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
  }

  static std::string said_of(const json& entry) {
    if (entry.is_object()) {
      for (const std::string_view key : kWordKeys) {
        for (const auto& [name, value] : entry.items()) {
          if (plain(name) == key && !is_empty(value))
            return value.is_object() ? said_of(value) : text_of(value).substr(0, kKeptBody);
        }
      }
    }
    return text_of(entry).substr(0, kKeptBody);
  }

  /// The record that a text or a number names: by its id, or, where `places` may be meant, by its place.
  [[nodiscard]] std::optional<std::size_t> named_by(const json& value, bool places) const {
    if (!value.is_string() && !value.is_number_integer()) return std::nullopt;
    const std::string text = text_of(value);
    if (const auto found = by_id_.find(text); found != by_id_.end()) return found->second;
    const auto place = places ? whole_number(text) : std::nullopt;
    return place && *place < ids_.size() ? place : std::nullopt;
  }

  /// The record that an entry is of. An id counts before a place.
  [[nodiscard]] std::optional<std::size_t> identify(const json& entry, int depth) const {
    for (const std::string_view key : kIdKeys) {
      for (const auto& [name, value] : entry.items()) {
        if (plain(name) != key) continue;
        if (const auto index = named_by(value, false)) return index;
      }
    }
    for (const auto& [name, value] : entry.items()) {
      const std::string key = plain(name);
      std::optional<std::size_t> index;
      if (one_of(key, kIndexKeys) && value.is_number_unsigned()) index = value.get<std::size_t>();
      if (one_of(key, kPathKeys)) index = place_in(value);
      if (index && *index < ids_.size()) return index;
    }
    if (depth < kDeepest) {
      for (const auto& [name, value] : entry.items()) {
        if (!value.is_object() || !one_of(plain(name), kWithin)) continue;
        if (const auto index = identify(value, depth + 1)) return index;
      }
    }
    return std::nullopt;
  }

  static std::optional<std::size_t> row_of(const json& entry) {
    for (const auto& [name, value] : entry.items()) {
      if (one_of(plain(name), kRowKeys) && value.is_number_unsigned()) return value.get<std::size_t>();
    }
    return std::nullopt;
  }

  /// Rows count from 0 or from 1. Where none of them tells which, they name nothing.
  void settle_rows() {
    if (rows_.empty()) return;
    const auto any = [&](std::size_t number) {
      return std::any_of(rows_.begin(), rows_.end(), [&](const auto& row) { return row.first == number; });
    };
    const bool from_0 = any(0), from_1 = any(ids_.size());
    for (auto& [number, item] : rows_) {
      const std::size_t index = from_1 ? number - 1 : number;
      if (from_0 == from_1 || index >= ids_.size()) {
        ++unnamed_;
      } else {
        add(index, item.status, item.said);
      }
    }
    rows_.clear();
  }

  void add(std::size_t index, int status, std::string said) {
    failed_ = true;
    auto [at, is_new] = named_.try_emplace(index, Verdict::Item{index, status, passes(status), said});
    if (is_new) return;
    Verdict::Item& item = at->second;
    if (item.status == 0) item.status = status;
    item.again = item.again && passes(status);  // several reasons: the one that stays counts
    if (item.said.empty()) item.said = std::move(said);
  }

  std::span<const std::string> ids_;
  std::unordered_map<std::string_view, std::size_t> by_id_;
  std::map<std::size_t, Verdict::Item> named_;
  std::map<std::size_t, bool> good_;
  std::vector<std::pair<std::size_t, Verdict::Item>> rows_;
  std::size_t unnamed_ = 0, count_ = 0, entries_ = 0;
  bool failed_ = false;             ///< something says that not all went well
  bool failed_as_a_whole_ = false;  ///< perhaps nothing of it was taken
};

Verdict unknown(std::string why) {
  Verdict out;
  out.kind = Verdict::Kind::unknown;
  out.why = std::move(why);
  return out;
}

/// One JSON value, or one a line.
std::optional<json> parsed(std::string_view text) {
  json whole = json::parse(text, nullptr, false);
  if (!whole.is_discarded()) return whole;
  json lines = json::array();
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) continue;
    json one = json::parse(line, nullptr, false);
    if (one.is_discarded()) return std::nullopt;
    lines.push_back(std::move(one));
  }
  return lines;
}

}  // namespace

Verdict judge(const Answer& answer, bool accepted, std::span<const std::string> external_ids) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  std::string_view text = answer.body;
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  text = trimmed(text);
  if (!text.empty() && (text.front() == '<' || lower(answer.content_type).find("html") != std::string::npos)) {
    return unknown("it is a page for a browser, as proxies and log-in pages send them");
  }
  if (text.empty() || (text.front() != '{' && text.front() != '[')) {
    Verdict out;
    if (!accepted) return unknown(fmt::format("{} is not a status that means \"accepted\" here", answer.status));
    return out;
  }
  if (answer.body.size() >= kKeptSuccess) {
    return unknown(fmt::format("it is longer than {} MiB, and could report errors at its end", kKeptSuccess >> 20));
  }
  if (!answer.whole) {
    Verdict out;
    out.kind = Verdict::Kind::unclear;
    return out;
  }
  const auto values = std::count_if(text.begin(), text.end(), [](char c) { return c == ',' || c == '[' || c == '{'; });
  if (static_cast<std::size_t>(values) > kMostValues) return unknown("it has too many parts to be understood");
  const auto body = parsed(text);
  if (!body) return unknown("it begins as JSON and is none");
  Reports reports(external_ids);
  reports.read(*body);
  return reports.verdict(accepted, answer.status);
}

}  // namespace crosswalk::delivery
