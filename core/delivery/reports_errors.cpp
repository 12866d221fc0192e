// Errors that an answer reports, and the records that they are of.
#include <algorithm>

#include "delivery/report_values.hpp"
#include "delivery/reports.hpp"

namespace crosswalk::delivery {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 9> kIdKeys = {"externalid", "id",       "recordid", "conversationid", "key",
                                                     "itemid",     "clientid", "ref",      "reference"};
constexpr std::array<std::string_view, 9> kWithin = {"record", "conversation", "item",   "input", "data",
                                                     "source", "error",        "object", "value"};
constexpr std::array<std::string_view, 6> kIndexKeys = {"index", "idx", "itemindex", "recordindex", "arrayindex", "i"};
constexpr std::array<std::string_view, 7> kRowKeys = {"row",        "line",   "position",    "rownumber",
                                                      "linenumber", "number", "recordnumber"};
constexpr std::array<std::string_view, 9> kPathKeys = {"pointer",  "path",  "field",        "location", "loc",
                                                       "property", "param", "instancepath", "target"};
constexpr std::array<std::string_view, 7> kWordKeys = {"message", "reason", "detail", "description", "title", "msg", "error"};
constexpr std::array<std::string_view, 7> kGone = {
    "notfound", "gone", "doesnotexist", "nosuchconversation", "nosuchrecord", "nosuchexternalid", "unknownconversation"};

/// That of an entry, where it is one of HTTP's.
int status_of(const json& entry) {
  if (!entry.is_object()) return 0;
  for (const auto& [key, value] : entry.items()) {
    const std::string name = plain(key);
    if (name != "status" && name != "statuscode" && name != "httpstatus" && name != "code") continue;
    const int status = status_in(value);
    if (status >= 300 && status < 600) return status;
  }
  return 0;
}

bool says_gone(const json& entry, int depth = 0) {
  if (entry.is_string()) return one_of(plain(entry.get_ref<const std::string&>()), kGone);
  if (!entry.is_object() || depth > 2) return false;
  return std::any_of(entry.items().begin(), entry.items().end(), [&](const auto& member) {
    const std::string name = plain(member.key());
    const bool tells = name_of_key(name) == Name::state || name == "error" || name == "type" || name == "reason";
    return tells && says_gone(member.value(), depth + 1);
  });
}

bool passes(int status) {
  return status == 408 || status == 409 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

std::string said_of(const json& entry) {
  if (entry.is_object()) {
    for (const std::string_view key : kWordKeys) {
      for (const auto& [name, value] : entry.items()) {
        if (plain(name) != key || value.is_null() || value.is_boolean()) continue;
        const std::string text = value.is_object() ? said_of(value) : text_of(value).substr(0, kKeptBody);
        if (!text.empty()) return text;
      }
    }
  }
  return text_of(entry).substr(0, kKeptBody);
}

}  // namespace

void Reports::count_errors(std::size_t count) {
  if (count == 0) return;
  failed_ = true;
  errors_ = std::max(errors_, count);
}

void Reports::read_errors(const Json& value, std::string_view name) {
  failed_ = true;
  if (one_of(name, kCodeKeys)) return;
  if (value.is_number_unsigned()) return count_errors(value.get<std::size_t>());
  if (value.is_string()) {
    if (const auto count = whole_number(value.get_ref<const std::string&>())) count_errors(*count);
  } else if (value.is_array()) {
    for (const Json& entry : value) read_error(entry);
  } else if (value.is_object()) {
    if (identify(value)) {
      read_error(value);
    } else {
      read_keyed(value);
    }
  }
  // A text, or true, says only that there are some.
}

/// Errors under the ids, or the places, that they are of.
void Reports::read_keyed(const Json& object) {
  const auto find = [this](const std::string& key) {
    const Index bare = named_bare(key);
    return bare ? bare : place_in(Json(key));
  };
  const bool named = std::all_of(object.items().begin(), object.items().end(),
                                 [&](const auto& member) { return find(member.key()).has_value(); });
  if (!named) return;
  for (const auto& [key, value] : object.items()) {
    if (!nothing(value)) add(*find(key), value);
  }
}

void Reports::read_error(const Json& entry) {
  if (!entry.is_number() && !(entry.is_object() && !entry.empty()) && nothing(entry)) return;
  ++entries_;
  Index index;
  if (entry.is_object()) {
    index = identify(entry);
    if (!index) {
      for (const auto& [key, value] : entry.items()) {
        if (!one_of(plain(key), kRowKeys) || !value.is_number_unsigned()) continue;
        const int status = status_of(entry);
        rows_.push_back({value.get<std::size_t>(), {0, status, passes(status), says_gone(entry), said_of(entry)}});
        return;
      }
    }
  } else if (!entry.is_boolean()) {
    index = entry.is_string() ? by_id(text_of(entry)) : named_bare(text_of(entry));
  }
  if (!index) {
    ++unnamed_;
  } else if (entry.is_object()) {
    add(*index, entry);
  } else {
    add(*index, 0, "");
  }
}

// --- who is meant -----------------------------------------------------------------------------------------------------

Reports::Index Reports::by_id(std::string_view text) const {
  const auto found = by_id_.find(text);
  return found == by_id_.end() ? Index() : Index(found->second);
}

Reports::Index Reports::named_bare(std::string_view text) const {
  const Index id = by_id(text);
  const auto place = whole_number(text);
  if (!place || *place > count_) return id;
  if (id && *id == *place) return id;
  return ids_like_places_ || *place == count_ ? Index() : place;
}

/// The place that `conversations[3].channel`, `/conversations/3/channel`, `["body", "conversations", 3]` or `/3/channel` speaks
/// of: right behind the array's name, or in front of all. Another number is one of something else.
Reports::Index Reports::place_in(const Json& path) const {
  std::vector<std::string> parts;
  bool numbers_are_texts = false;
  if (path.is_array()) {
    for (const Json& part : path) parts.push_back(text_of(part));
  } else if (path.is_string()) {
    numbers_are_texts = true;
    std::string_view rest = path.get_ref<const std::string&>();
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find_first_of("/.[]"), rest.size());
      if (end != 0 && rest.substr(0, end) != "$" && rest.substr(0, end) != "#") parts.emplace_back(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const auto number = whole_number(parts[i]);
    if (!number) continue;
    const bool behind = i != 0 && !asked_.array_key.empty() && parts[i - 1] == asked_.array_key;
    const bool front = i == 0 && (!numbers_are_texts || parts.size() > 1 || !whole_number(path.get_ref<const std::string&>()));
    return (behind || front) && *number < count_ ? number : Index();
  }
  return std::nullopt;
}

Reports::Index Reports::identify(const Json& entry, int depth) {
  Index found;
  const auto take = [&](Index index) {
    if (!index) return;
    contradicts_ |= found && *found != *index;
    found = index;
  };
  for (const auto& [key, value] : entry.items()) {
    const std::string name = plain(key);
    if (one_of(name, kIdKeys) && (value.is_string() || value.is_number_integer())) {
      take(by_id(text_of(value)));
    } else if (one_of(name, kIndexKeys) && value.is_number_unsigned() && value.get<std::size_t>() < count_) {
      take(value.get<std::size_t>());
    } else if (one_of(name, kPathKeys)) {
      take(place_in(value));
    }
  }
  if (found || depth >= 4) return found;
  for (const auto& [key, value] : entry.items()) {
    if (value.is_object() && one_of(plain(key), kWithin)) take(identify(value, depth + 1));
  }
  return found;
}

/// Rows count from 0 or from 1. Where none of them tells which, they name nothing.
void Reports::settle_rows() {
  const auto any = [&](std::size_t number) {
    return std::any_of(rows_.begin(), rows_.end(), [&](const auto& row) { return row.first == number; });
  };
  const bool from_0 = any(0), from_1 = any(count_);
  for (auto& [number, item] : rows_) {
    const std::size_t index = from_1 ? number - 1 : number;
    if (from_0 == from_1 || index >= count_) {
      ++unnamed_;
    } else {
      add(index, item.status, item.said, item.gone);
    }
  }
  rows_.clear();
}

void Reports::add(std::size_t index, const Json& entry) {
  const int status = entry.is_object() ? status_of(entry) : status_in(entry);
  add(index, status, entry.is_number() ? "" : said_of(entry), says_gone(entry));
}

void Reports::add(std::size_t index, int status, std::string said, bool gone) {
  failed_ = true;
  auto [at, is_new] =
      named_.try_emplace(index, Verdict::Item{index, status, passes(status), gone || status == 404 || status == 410, said});
  if (is_new) return;
  Verdict::Item& item = at->second;
  if (item.status == 0) item.status = status;
  item.again = item.again && passes(status);  // several reasons: the one that stays counts
  item.gone |= gone;
  if (item.said.empty()) item.said = std::move(said);
}

}  // namespace crosswalk::delivery
