#include "delivery/reports.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "delivery/report_values.hpp"
#include "text.hpp"

namespace crosswalk::delivery {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 4> kOperations = {"index", "create", "update", "delete"};

/// What a bulk answer wraps each entry in: `{"create": {…}}`.
const json& unwrapped(const json& entry) {
  const bool wrapped =
      entry.is_object() && entry.size() == 1 && one_of(plain(entry.begin().key()), kOperations) && entry.begin()->is_object();
  return wrapped ? *entry.begin() : entry;
}

}  // namespace

Reports::Reports(const Asked& asked) : asked_(asked), count_(asked.external_ids.size()) {
  for (std::size_t i = 0; i < count_; ++i) {
    by_id_.emplace(asked.external_ids[i], i);
    const auto number = whole_number(asked.external_ids[i]);
    ids_like_places_ |= number && *number <= count_;
  }
}

void Reports::read(const Json& body) {
  if (body.is_array()) {
    read_list(body, "", Name::received);
  } else if (body.is_object()) {
    read_object(body);
  } else if (!body.is_null()) {
    read_scalar("", Name::state, body);
  }
}

Verdict Reports::verdict(bool accepted, int status) {
  settle_rows();
  Verdict out;
  const auto unknown = [&](std::string why) {
    out.kind = Verdict::Kind::unknown;
    out.why = std::move(why);
    return std::move(out);
  };
  if (contradicts_)
    return unknown("it reports errors, and names their records in ways that contradict each other or can be read in two");
  if (unnamed_ != 0 || (named_.empty() && failed_)) {
    return unknown(named_.empty() ? "it reports errors and names no record of the request"
                                  : "some of the errors that it reports name no record of the request");
  }
  if (errors_ != 0 && errors_ != named_.size() && errors_ != entries_) {
    return unknown(fmt::format("it counts {} errors and names {} records", errors_, named_.size()));
  }
  const bool all_said = good_.size() + named_.size() >= count_ && count_ != 0;
  std::set<std::size_t> spoken = good_;
  spoken.insert(mentioned_.begin(), mentioned_.end());
  for (const auto& one : named_) spoken.insert(one.first);
  const bool gaps = (lists_taken_ || !good_.empty() || !mentioned_.empty()) && spoken.size() < count_;
  if (!asked_.unknown_is_taken || !accepted) {
    if (!unclear_.empty()) return unknown(unclear_);
    if (named_.empty() && gaps) {
      return unknown(fmt::format("it speaks of {} of the {} records and says nothing of the others", spoken.size(), count_));
    }
    const bool each = std::all_of(parts_.begin(), parts_.end(), [&](std::size_t n) { return n == 0 || n == count_; }) &&
                      std::any_of(parts_.begin(), parts_.end(), [&](std::size_t n) { return n == count_; });
    std::size_t sum = 0;
    for (const std::size_t part : parts_) sum += std::min(part, count_ + 1);
    if (!parts_.empty() && !each && sum != count_ - named_.size()) {
      return unknown(fmt::format("it counts {} records that were taken, and {} were sent", sum, count_));
    }
  }
  if (named_.empty()) {
    if (accepted || all_said) return out;
    return unknown(fmt::format("{} is not a status that means \"accepted\" here", status));
  }
  out.kind = Verdict::Kind::items;
  out.others_taken = all_said || (accepted && !failed_as_a_whole_ && !gaps);
  for (auto& [index, item] : named_) out.items.push_back(std::move(item));
  return out;
}

void Reports::unclear(std::string_view key, const Json& value) {
  if (!unclear_.empty()) return;
  const std::string text = in_line(text_of(value), 60);
  unclear_ = key.empty() ? fmt::format("nothing tells what \"{}\" in it means", text)
                         : fmt::format("nothing tells what \"{}\": \"{}\" in it means", in_line(key, 40), text);
}

// --- what is said of all ----------------------------------------------------------------------------------------------

void Reports::read_object(const Json& object) {
  if (object.empty()) return;
  const bool map =
      std::all_of(object.items().begin(), object.items().end(), [&](const auto& m) { return by_id(m.key()).has_value(); });
  if (map) return read_map(object);
  for (const auto& [key, value] : object.items()) read_member(key, value);
}

void Reports::read_member(std::string_view key, const Json& value) {
  if (value.is_null()) return;
  const std::string plain_name = plain(key);
  const Name name = name_of_key(plain_name);
  if (name == Name::notice) return read_notice(value);
  if (name == Name::trouble) {
    if (!nothing(value)) read_errors(value, plain_name);
  } else if (value.is_object()) {
    read_object(value);
  } else if (value.is_array() && name == Name::harmless) {
    if (tells_trouble(value)) unclear(key, value);
  } else if (value.is_array()) {
    read_list(value, key, name);
  } else {
    read_scalar(key, name, value);
  }
}

void Reports::read_scalar(std::string_view key, Name name, const Json& value) {
  const bool says = name == Name::state || name == Name::taken || name == Name::part || name == Name::received;
  if (value.is_boolean()) {
    if (name == Name::harmless || name == Name::flag || (name == Name::received && value.get<bool>())) return;
    if (!says) return unclear(key, value);
    if (!value.get<bool>()) failed_ = failed_as_a_whole_ = true;
    return;
  }
  if (value.is_number()) return read_number(key, name, value);
  const std::string& text = value.get_ref<const std::string&>();
  if (says) {
    if (name != Name::state && whole_number(text)) return read_number(key, name, Json(*whole_number(text)));
    switch (state_of_text(text, count_)) {
      case State::bad: {
        const std::string word = plain(text);
        failed_ = true;
        failed_as_a_whole_ |= word.find("partial") == std::string::npos && word.find("with") == std::string::npos;
        return;
      }
      case State::unclear: return unclear(key, value);
      default: return;
    }
  }
  if (text.empty() || is_good_text(text, count_)) return;
  const std::string end = plain(key);
  const bool points = end.ends_with("id") || text.starts_with("http://") || text.starts_with("https://");
  if (name == Name::harmless && (points || !speaks_of_trouble(plain(text)))) return;
  const bool like_an_id = text.find(' ') == std::string::npos && text.find_first_of("0123456789") != std::string::npos;
  if (name != Name::message && like_an_id && !whole_number(text) && !speaks_of_trouble(plain(text))) return;
  unclear(key, value);
}

/// Counts that differ from what was sent tell of records that were not taken.
void Reports::read_number(std::string_view key, Name name, const Json& value) {
  if (name == Name::harmless) return;
  if (name == Name::state) {
    const int status = status_in(value);
    if (value == 0 && one_of(plain(key), kCodeKeys)) return;
    const State state = state_of_number(status);
    if (state == State::bad) failed_ = failed_as_a_whole_ = true;
    if (state == State::unclear) unclear(key, value);
    return;
  }
  const bool whole = value.is_number_unsigned();
  if (name == Name::part && whole) {
    parts_.push_back(value.get<std::size_t>());
  } else if ((name == Name::taken || name == Name::received) && whole) {
    const auto number = value.get<std::size_t>();
    if (number == count_) return;
    if (name == Name::taken && number < count_) {
      errors_ = std::max(errors_, count_ - number);
      failed_ = true;
      return;
    }
    unclear(key, value);
  } else {
    unclear(key, value);
  }
}

/// A warning is none of a record that was not taken.
void Reports::read_notice(const Json& value) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (!is_good_text(text, count_) && speaks_of_trouble(plain(text))) unclear("", value);
  } else if (value.is_structured()) {
    for (const auto& [key, member] : value.items()) {
      if (value.is_object() && speaks_of_trouble(plain(key)) && !nothing(member)) unclear(key, member);
      read_notice(member);
    }
  }
}

// --- what is said of each ---------------------------------------------------------------------------------------------

/// A list that may be one entry for each record.
void Reports::read_list(const Json& list, std::string_view key, Name name) {
  lists_taken_ |= name == Name::taken || name == Name::part;
  const bool by_place = list.size() == count_;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_null()) continue;
    if (list[i].is_array()) {
      read_list(list[i], "", Name::unknown);
    } else if (list[i].is_object()) {
      const Json& entry = unwrapped(list[i]);
      Index index = identify(entry);
      if (!index && by_place) index = i;
      read_entry(entry, index);
      if (index && (name == Name::taken || name == Name::part) && !named_.contains(*index)) good_.insert(*index);
    } else {
      read_list_scalar(list[i], i, by_place, key, name);
    }
  }
}

void Reports::read_list_scalar(const Json& entry, std::size_t place, bool by_place, std::string_view key, Name name) {
  const bool lists = name == Name::taken || name == Name::part || name == Name::received;
  if (entry.is_boolean() && by_place) {
    if (entry.get<bool>()) {
      good_.insert(place);
    } else {
      ++entries_;
      add(place, 0, "false");
    }
    return;
  }
  if (lists && !entry.is_boolean()) {
    const std::string text = text_of(entry);
    if (const Index index = entry.is_string() ? by_id(text) : named_bare(text)) {
      (name == Name::received ? mentioned_ : good_).insert(*index);
      return;
    }
  }
  const State state = !by_place           ? State::unclear
                      : entry.is_string() ? state_of_text(entry.get_ref<const std::string&>(), count_)
                      : entry.is_number() ? state_of_number(status_in(entry))
                                          : State::unclear;
  if (state == State::good) {
    good_.insert(place);
  } else if (state == State::bad) {
    ++entries_;
    add(place, entry);
  } else if (!entry.is_string() || !is_good_text(entry.get_ref<const std::string&>(), count_)) {
    unclear(key, entry);
  }
}

/// Under each record's id what became of it.
void Reports::read_map(const Json& object) {
  for (const auto& [key, value] : object.items()) {
    const std::size_t index = *by_id(key);
    if (value.is_object()) {
      read_entry(value, index);
    } else if (value.is_array()) {
      if (!value.empty()) unclear(key, value);
    } else {
      const State state = value.is_null()      ? State::unclear
                          : value.is_boolean() ? (value.get<bool>() ? State::good : State::bad)
                          : value.is_number()  ? state_of_number(status_in(value))
                                               : state_of_text(value.get_ref<const std::string&>(), count_);
      if (state == State::good) {
        good_.insert(index);
      } else if (state == State::bad) {
        ++entries_;
        add(index, value);
      } else {
        unclear(key, value);
      }
    }
  }
}

void Reports::read_entry(const Json& entry, Index index) {
  const State state = state_of_entry(entry, sent_record(index));
  if (state == State::bad) {
    failed_ = true;
    ++entries_;
    if (index) {
      add(*index, entry);
    } else {
      ++unnamed_;
    }
  } else if (index) {
    (state == State::good ? good_ : mentioned_).insert(*index);
  } else if (state == State::unsaid) {
    read_object(entry);
  }
}

Reports::Json Reports::sent_record(Index index) const {
  if (!index || *index >= asked_.sent.size()) return Json::object();
  Json record = Json::parse(asked_.sent[*index], nullptr, false);
  return record.is_object() ? record : Json::object();
}

/// What the server says back of the record itself is no report.
State Reports::state_of_entry(const Json& entry, const Json& sent) {
  const bool echo = entry.contains("started_at") || entry.contains("channel");
  State state = State::unsaid;
  std::string_view message;
  const Json* message_value = nullptr;
  for (const auto& [key, value] : entry.items()) {
    const State said = state_of_member(key, value, sent, echo);
    if (said == State::bad) return said;
    if (said == State::good) state = said;
    if (said == State::unclear) {
      message = key;
      message_value = &value;
    }
  }
  // Words for people beside a state that is good are no matter.
  if (message_value != nullptr && (state != State::good || name_of_key(plain(message)) != Name::message)) {
    unclear(message, *message_value);
  }
  return state;
}

State Reports::state_of_member(const std::string& key, const Json& value, const Json& sent, bool echo) {
  const std::string plain_name = plain(key);
  const Name name = name_of_key(plain_name);
  const bool own = sent.contains(key);
  if (value.is_null()) return State::unsaid;
  if (name == Name::trouble && !own) return nothing(value) ? State::unsaid : State::bad;
  if (name == Name::notice) {
    read_notice(value);
    return State::unsaid;
  }
  if (own || (echo && name == Name::state)) {
    // A conversation has a status as well. Where both could be meant, nobody can tell.
    const bool bad = name == Name::state && value.is_string() && state_of_text(value.get<std::string>(), count_) == State::bad;
    return bad && !(echo && own && sent[key] == value) ? State::unclear : State::unsaid;
  }
  if (value.is_structured()) return tells_trouble(value) ? State::bad : State::unsaid;
  if (name == Name::state || name == Name::taken || name == Name::part) {
    if (value.is_boolean()) return value.get<bool>() ? State::good : name == Name::part ? State::unsaid : State::bad;
    if (value.is_string()) return state_of_text(value.get_ref<const std::string&>(), count_);
    if (name != Name::state) return State::unsaid;
    return value == 0 && one_of(plain_name, kCodeKeys) ? State::unsaid : state_of_number(status_in(value));
  }
  if (value.is_boolean() && name == Name::unknown) return State::unclear;
  if (value.is_string() && (name == Name::message || name == Name::unknown)) {
    const std::string& text = value.get_ref<const std::string&>();
    const bool fine = text.empty() || is_good_text(text, count_) || (name == Name::unknown && !speaks_of_trouble(plain(text)));
    return fine ? State::unsaid : State::unclear;
  }
  return State::unsaid;
}

/// Nothing that went wrong, under a name that speaks of it.
bool Reports::nothing(const Json& value) const {
  if (value.is_null()) return true;
  if (value.is_boolean()) return !value.get<bool>();
  if (value.is_number()) return value == 0;
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    const std::string word = plain(text);
    return text.empty() || word == "0" || word == "none" || word == "no" || word == "false" || word == "null" ||
           is_good_text(text, count_);
  }
  if (value.is_array()) return value.empty();
  return std::all_of(value.begin(), value.end(), [this](const Json& member) { return nothing(member); });
}

bool Reports::tells_trouble(const Json& value) const {
  if (!value.is_structured()) return false;
  for (const auto& [key, member] : value.items()) {
    if (value.is_object() && name_of_key(plain(key)) == Name::trouble && !nothing(member)) return true;
    if (tells_trouble(member)) return true;
  }
  return false;
}

}  // namespace crosswalk::delivery
