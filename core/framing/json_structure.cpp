// JSON that only its brackets lay out: arrays, pages, concatenated and pretty-printed values, streamed record by record.
//
// A step looks at one thing (a bracket, a member of an envelope, a record) and changes the state only when all of it is
// there. A step that runs out of bytes while the block already holds records answers `pause`, the block is given away, and
// the next block starts with that step again. So there is no state inside of things, and how the input is cut into
// blocks cannot be seen in what comes out.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "framing/json_check.hpp"
#include "digits.hpp"
#include "framing/json_layout.hpp"
#include "framing/json_look.hpp"
#include "framing/json_resumption.hpp"
#include "framing/json_text.hpp"
#include "framing/json_value.hpp"
#include "text.hpp"

namespace crosswalk::json {
namespace {

using Outcome = Scan::Outcome;

constexpr std::array<std::string_view, 7> kPageKeys = {"conversations", "items",   "data",      "tickets",
                                                       "records",       "results", "activities"};
constexpr std::array<std::string_view, 5> kRecordKeys = {"id", "externalId", "external_id", "conversation_id", "Id"};

/// How a page says that there are others: where the next one is, that there are more, that it is the last one.
constexpr std::array<std::string_view, 17> kNextKeys = {
    "next",       "next_page",   "nextPage",   "next_url",      "nextUrl",         "next_link",  "nextLink",  "@odata.nextLink",
    "next_href",  "next_cursor", "nextCursor", "nextPageToken", "next_page_token", "next_token", "nextToken", "next_offset",
    "nextPageUrl"};
constexpr std::array<std::string_view, 10> kMoreKeys = {"has_more",   "hasMore",    "has_more_items", "has_next",
                                                        "more",       "hasNext",    "has_next_page",  "hasNextPage",
                                                        "more_items", "isTruncated"};
constexpr std::array<std::string_view, 8> kEndKeys = {"end_of_stream", "endOfStream", "is_last",   "isLast",
                                                      "is_last_page",  "isLastPage",  "last_page", "lastPage"};
/// Numbers: which page this is, how many there are, and how many records all of them have.
constexpr std::array<std::string_view, 6> kPageNumberKeys = {"page",        "current_page", "currentPage",
                                                             "page_number", "pageNumber",   "page_no"};
constexpr std::array<std::string_view, 9> kPagesKeys = {"pages",     "total_pages", "totalPages", "page_count", "pageCount",
                                                        "last_page", "lastPage",    "num_pages",  "pages_total"};
constexpr std::array<std::string_view, 10> kTotalKeys = {"total",        "total_count",   "totalCount",   "total_results",
                                                         "totalResults", "total_records", "totalRecords", "totalElements",
                                                         "@odata.count", "count"};
/// Objects in which a page says so, and what else stands in pages.
constexpr std::array<std::string_view, 9> kInfoKeys = {"links",     "_links",   "paging", "pagination",       "pages",
                                                       "page_info", "pageInfo", "meta",   "response_metadata"};
constexpr std::array<std::string_view, 32> kPageWords = {
    "total",   "count",  "total_count",  "totalCount",    "page",      "per_page",   "page_size", "pageSize",
    "limit",   "offset", "previous",     "previous_page", "prev",      "first",      "last",      "cursor",
    "after",   "before", "after_cursor", "before_cursor", "after_url", "before_url", "end_time",  "status",
    "success", "ok",     "code",         "message",       "error",     "errors",     "type",      "request_id"};

template <std::size_t n>
bool among(const std::array<std::string_view, n>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool is_separator(char c) { return is_blank(c) || c == ','; }

FaultText malformed(std::string found, std::string message) {
  return {"malformed_json", std::move(found), std::move(message), "repair the record, or export it again"};
}

FaultText unexpected(char c, std::string_view where) {
  return malformed(shown_byte(c), fmt::format("{} stands {}", shown_byte(c), where));
}

/// Tells from the members of the object at `start`, one by one, what it is. `judge(key, look)` stands at a member's value
/// and answers, or says nothing.
template <class Judge>
Answer judge_members(Window& window, std::size_t start, std::size_t limit, Judge judge) {
  Look look(window, start, limit);
  look.step();
  for (;;) {
    std::size_t begin = 0;
    std::size_t end = 0;
    Look::At at = look.to_byte();
    if (at == Look::At::byte) at = look.byte() == '"' ? look.key(begin, end) : Look::At::too_far;
    if (at == Look::At::byte) {
      const std::optional<Answer> answer = judge(window.text(begin, end), look);
      if (answer) return *answer;
      at = look.value();
    }
    if (at == Look::At::byte) at = look.take(',');
    if (at == Look::At::pause) return Answer::pause;
    if (at == Look::At::failed) return Answer::failed;
    if (at != Look::At::byte) return Answer::no;
  }
}

/// Does the array at `look` hold objects, or nothing?
std::optional<Answer> holds_records(Look look) {
  if (look.byte() != '[') return std::nullopt;
  look.step();
  switch (look.to_byte()) {
    case Look::At::byte: break;
    case Look::At::pause: return Answer::pause;
    case Look::At::failed: return Answer::failed;
    default: return Answer::yes;  // cut off right here: an array that could have held some
  }
  return look.byte() == '{' || look.byte() == ']' ? std::optional(Answer::yes) : std::nullopt;
}

bool is_page_word(std::string_view key) {
  return among(kNextKeys, key) || among(kMoreKeys, key) || among(kEndKeys, key) || among(kInfoKeys, key) ||
         among(kPageNumberKeys, key) || among(kPagesKeys, key) || among(kTotalKeys, key) || among(kPageWords, key);
}

/// A whole number at `look`, of digits alone; nothing where another value stands.
Look::At read_number(Look look, std::optional<std::uint64_t>& number, Window& window) {
  const std::size_t begin = look.at();
  const Look::At at = look.value();
  if (at != Look::At::byte) return at;
  const std::string_view digits = window.text(begin, look.at());
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error == std::errc() && end == digits.data() + digits.size()) number = value;
  return at;
}

/// Is the value at `look` one that says something: neither null nor false, nor empty?
Answer says_something(Look look) {
  const char first = look.byte();
  if (first == 'n' || first == 'f' || first == '0') return Answer::no;
  if (first != '"' && !opens(first)) return Answer::yes;
  look.step();
  switch (look.to_byte()) {
    case Look::At::pause: return Answer::pause;
    case Look::At::failed: return Answer::failed;
    case Look::At::byte: break;
    default: return Answer::yes;
  }
  const char behind = look.byte();
  return behind == '"' ? (first == '"' ? Answer::no : Answer::yes) : behind == '}' || behind == ']' ? Answer::no : Answer::yes;
}

/// Is the first element of an array a page? Stricter than for an object alone: there is no id anywhere in it.
Answer is_page_in_array(Window& window, std::size_t start, std::size_t limit) {
  bool has_list = false, has_id = false;
  const Answer answer =
      judge_members(window, start, limit, [&](std::string_view key, const Look& value) -> std::optional<Answer> {
        has_id = has_id || among(kRecordKeys, key);
        if (has_id) return Answer::no;
        if (has_list || !among(kPageKeys, key)) return std::nullopt;
        const std::optional<Answer> holds = holds_records(value);
        has_list = holds == Answer::yes;
        return has_list ? std::nullopt : holds;
      });
  return answer == Answer::no && has_list && !has_id ? Answer::yes : answer;
}

bool is_index(std::string_view name) { return !name.empty() && std::all_of(name.begin(), name.end(), is_digit); }

/// Does the object at `start` have this key?
Answer has_key(Window& window, std::size_t start, std::size_t limit, std::string_view name) {
  return judge_members(window, start, limit, [&](std::string_view key, const Look&) -> std::optional<Answer> {
    return unescaped(key) == name ? std::optional(Answer::yes) : std::nullopt;
  });
}

class StructureSplitter final : public Splitter {
 public:
  StructureSplitter(std::string name, std::unique_ptr<Window> window, std::vector<std::string> pointer, const Limits& limits)
      : name_(std::move(name)),
        window_holder_(std::move(window)),
        window_(*window_holder_),
        pointer_(std::move(pointer)),
        max_record_(limits.max_record) {}

  Result<bool> next(Block& block, std::size_t target) override {
    window_.begin(block, target);
    at_ = 0;
    for (;;) {
      if (!window_.fresh() && (at_ >= target || window_.torn())) break;
      if (window_.fresh() && at_ >= kDropped) drop_separators();
      const Step step = take_step();
      if (step == Step::failed) return window_.error();
      if (step == Step::pause) break;
      if (step == Step::end && window_.fresh()) return at_end();
      if (step == Step::end) break;
    }
    window_.cut(at_);
    return true;
  }

  [[nodiscard]] std::vector<Remark> remarks() const override {
    std::vector<Remark> all;
    for (const Remark* remark : {&passed_, &several_, &without_}) {
      if (remark->count != 0) all.push_back(*remark);
    }
    return all;
  }
  [[nodiscard]] Pages pages() const override { return pages_; }

 private:
  enum class Step : std::uint8_t { on, pause, end, failed };

  /// An envelope or an array that is open.
  struct Level {
    enum class Kind : std::uint8_t {
      records,       ///< an array whose elements are records
      page,          ///< an object with such arrays among its members
      path_object,   ///< an object on the way to the records
      path_array,    ///< an array on the way to the records
      passed_array,  ///< a list in a page that is not read
      page_info,     ///< an object in a page that says which pages there are
      links,         ///< a list of such objects: `[{"rel": "next", "href": …}]`
    };
    enum class Phase : std::uint8_t {
      first,   ///< nothing came yet
      value,   ///< a comma came
      after,   ///< an element or a member came
      record,  ///< objects: the member's value is next, and it is a record
    };
    Kind kind;
    Phase phase = Phase::first;
    std::size_t name = 0;        ///< path_*: which name of the pointer is looked for
    std::size_t index = 0;       ///< path_array: of the next element
    bool damaged = false;        ///< something inside was refused: commas and its end may be missing
    bool value_missing = false;  ///< there was a comma too many since the last element
    bool pages = false;          ///< records: they are pages
    bool null_list = false;      ///< page: null stands where a list of records could be
    std::size_t lists = 0;       ///< page, path_object: lists of records in it
    [[nodiscard]] bool is_array() const {
      return kind == Kind::records || kind == Kind::path_array || kind == Kind::passed_array || kind == Kind::links;
    }
  };
  using Phase = Level::Phase;

  static constexpr std::string_view kMoreCure = "give the others too, or export again";

  static constexpr std::size_t kDropped = std::size_t{64} << 10;

  // ---- steps -------------------------------------------------------------------------------------------------------

  Step take_step() {
    if (const Step step = skip_blanks(); step != Step::on) return step == Step::end ? end_of_input() : step;
    if (levels_.empty()) return top_value();
    switch (levels_.back().kind) {
      case Level::Kind::records: return array_item();
      case Level::Kind::path_array: return path_array_item();
      case Level::Kind::passed_array:
      case Level::Kind::links: return passed_item();
      case Level::Kind::page_info:
      case Level::Kind::page:
      case Level::Kind::path_object: return member();
    }
    return Step::failed;
  }

  Step top_value() {
    seen_value_ = true;
    const char c = window_.at(at_);
    if (c == ',') return stray_comma();
    if (c == ']' || c == '}' || c == ':') return recover(at_, at_, Gap::top, unexpected(c, "outside of any record"));
    if (!opens(c)) return token_at_top();
    if (!pointer_.empty()) return enter(at_, 0);
    return c == '[' ? push(Level::Kind::records) : object_at_top();
  }

  Step object_at_top() {
    switch (is_page(window_, at_, max_record_)) {
      case Answer::yes: return push(Level::Kind::page);
      case Answer::no: return element();
      case Answer::pause: return Step::pause;
      case Answer::failed: return Step::failed;
    }
    return Step::failed;
  }

  // A word, number or string outside of everything: a value of its own, or rubbish up to where a record starts.
  Step token_at_top() {
    ValueScanner scanner(window_, at_, 0);
    const Scan scan = scanner.scan(max_record_);
    if (scan.outcome == Outcome::pause) return Step::pause;
    if (scan.outcome == Outcome::failed) return Step::failed;
    const std::string_view token = window_.text(at_, scan.end);
    if (scan.outcome == Outcome::complete && !find_flaw(token, 1)) return pointer_.empty() ? element() : skip_value(at_);
    return recover(at_, at_, Gap::top, malformed(shown(token, 20), "this is neither a record nor any other JSON value"));
  }

  // Records with commas between them but no array around: said once.
  Step stray_comma() {
    if (!stray_comma_seen_) refuse_byte("`,` stands outside of any array");
    stray_comma_seen_ = true;
    advance(at_ + 1);
    return Step::on;
  }

  Step array_item() {
    Level& level = levels_.back();
    const char c = window_.at(at_);
    if (c == ']') return end_of_array();
    if (c == ',') {
      if (level.phase == Phase::after) {
        for (Level& open : levels_) open.damaged = false;  // an element and a comma: we know again where we are
      } else {
        missing_value("a value is missing before `,`");
      }
      level.phase = Phase::value;
      advance(at_ + 1);
      return Step::on;
    }
    if (c == '}' || c == ':') return recover(at_, at_, Gap::array, unexpected(c, "between the elements of an array"));
    if (level.phase == Phase::after) {
      if (!opens(c)) return recover(at_, at_, Gap::array, unexpected(c, "where `,` or `]` was expected"));
      if (!level.damaged) {
        add_fault(window_.block(), at_, 0, malformed(shown_byte(c), "a comma is missing between two elements of an array"));
      }
      level.damaged = true;
      resumed_ = blank_so_far_;
    }
    if (resumed_) {
      const std::size_t depth = levels_.size();
      const Step step = find_level();
      if (step != Step::on || levels_.size() != depth) return step;
    }
    if (levels_.size() != 1 || !opens(c)) return element();
    return c == '{' ? page_or_record() : array_of_records();
  }

  // An array in the outermost array: a page as `jq -s` puts pages together, or a value like any other.
  Step array_of_records() {
    if (!pointer_.empty()) return element();
    switch (holds_records(Look(window_, at_, max_record_)).value_or(Answer::no)) {
      case Answer::yes: return push(Level::Kind::records);
      case Answer::no: return element();
      case Answer::pause: return Step::pause;
      case Answer::failed: return Step::failed;
    }
    return Step::failed;
  }

  // An object in the outermost array. Whether that is an array of pages, its first element tells.
  Step page_or_record() {
    Level& level = levels_.back();
    const bool first = level.index == 0 && pointer_.empty();
    if (!first && !level.pages) return element();
    switch (level.pages ? is_page(window_, at_, max_record_) : is_page_in_array(window_, at_, max_record_)) {
      case Answer::yes: break;
      case Answer::no: return element();
      case Answer::pause: return Step::pause;
      case Answer::failed: return Step::failed;
    }
    level.pages = true;
    return push(Level::Kind::page);
  }

  Step end_of_array() {
    if (levels_.back().phase == Phase::value) missing_value("a value is missing before `]`");
    return pop();
  }

  // A line starts here behind damage, in which the end of the array may have been lost: what comes now can be a page or an
  // array of its own.
  Step find_level() {
    resumed_ = false;
    if (window_.at(at_) == '[') levels_.clear();
    if (levels_.size() < 2) return Step::on;
    const Answer answer =
        pointer_.empty() ? is_page(window_, at_, max_record_) : has_key(window_, at_, max_record_, pointer_.front());
    resumed_ = answer == Answer::pause;
    if (answer == Answer::pause) return Step::pause;
    if (answer == Answer::failed) return Step::failed;
    if (answer == Answer::yes && levels_.front().pages) {
      levels_.resize(1);
      levels_.front().phase = Phase::value;
    } else if (answer == Answer::yes) {
      levels_.clear();
    }
    return Step::on;
  }

  Step path_array_item() {
    Level& level = levels_.back();
    const char c = window_.at(at_);
    if (c == ']') return pop();
    if (c == ',' && level.phase == Phase::after) {
      level.phase = Phase::value;
      advance(at_ + 1);
      return Step::on;
    }
    if (c == ',' || c == '}' || c == ':' || level.phase == Phase::after) return broken_envelope(at_, at_);
    if (!is_index(pointer_[level.name])) return enter(at_, level.name);  // in each element
    note_name(fmt::format("{}", level.index), level.name);
    if (fmt::format("{}", level.index) != pointer_[level.name]) return skip_value(at_);
    return enter(at_, level.name + 1);
  }

  // An element of a list that is not read.
  Step passed_item() {
    Level& level = levels_.back();
    const char c = window_.at(at_);
    const bool links = level.kind == Level::Kind::links;
    if (c == ']') {
      if (!links && passed_.count++ == 0) {
        passed_.message = fmt::format("the list \"{}\" ({}) stands beside the records and is not read", shown(passed_key_),
                                      counted(level.index, "element"));
      }
      return pop();
    }
    if (c == ',' && level.phase == Phase::after) {
      level.phase = Phase::value;
      advance(at_ + 1);
      return Step::on;
    }
    if (c == ',' || c == '}' || c == ':' || level.phase == Phase::after) return broken_envelope(at_, at_);
    if (links && c == '{') return push(Level::Kind::page_info);
    return skip_value(at_);
  }

  // One member of a page, or of an object on the way to the records; or the object's end.
  Step member() {
    Level& level = levels_.back();
    if (level.phase == Phase::record) return element();
    const char c = window_.at(at_);
    if (c == '}') return pop();
    if (level.phase == Phase::after) {
      if (c != ',') return broken_envelope(at_, at_);
      level.phase = Phase::value;
      advance(at_ + 1);
      return Step::on;
    }
    if (c != '"') return broken_envelope(at_, at_);
    std::size_t begin = 0;
    std::size_t end = 0;
    Look look(window_, at_, max_record_);
    if (const auto at = look.key(begin, end); at != Look::At::byte) return stopped(at);
    const std::string key = unescaped(window_.text(begin, end));
    if (level.kind == Level::Kind::page) return page_member(key, look);
    if (level.kind == Level::Kind::page_info) return other_member(key, look);
    note_name(key, level.name);
    return key == pointer_[level.name] ? enter(look.at(), level.name + 1) : other_member(key, look);
  }

  Step page_member(const std::string& key, const Look& value) {
    const Answer answer = among(kPageKeys, key) ? holds_records(value).value_or(Answer::no) : Answer::no;
    if (answer == Answer::pause) return Step::pause;
    if (answer == Answer::failed) return Step::failed;
    Level& page = levels_.back();
    if (answer == Answer::no) {
      if (among(kPageKeys, key) && value.byte() == 'n') {
        const bool again = page.null_list;  // or this step is taken again
        page.null_list = true;
        null_key_ = key;
        if (!again && page.lists != 0 && key == first_list_ && several_.count++ == 0) several_ = key_twice(key);
      }
      return other_member(key, value);
    }
    note_list(page, key);
    advance(value.at());
    return push(Level::Kind::records);
  }

  // What stands beside the records: what it says of other pages is noted, and a list is counted.
  Step other_member(const std::string& key, const Look& value) {
    const bool in_info = levels_.back().kind == Level::Kind::page_info;
    const char c = value.byte();
    if (is_digit(c)) {
      if (const auto at = note_count(key, value); at != Look::At::byte) return stopped(at);
    }
    const bool next = among(kNextKeys, key), end = among(kEndKeys, key) && (c == 't' || c == 'f');
    const bool hint = next || end || among(kMoreKeys, key);
    if (c == '[' && among(kInfoKeys, key)) {
      advance(value.at());
      return push(Level::Kind::links);
    }
    if (hint || (c == '[' && !in_info)) {
      const Answer something = says_something(value);
      if (something == Answer::pause) return Step::pause;
      if (something == Answer::failed) return Step::failed;
      if (hint) note_hint(key, (something == Answer::yes) != end, !next);
      if (!hint && something == Answer::yes) return pass_list(key, value.at());
    }
    if (in_info && key == "rel" && c == '"') {
      Look behind = value;
      if (const auto at = behind.value(); at != Look::At::byte) return stopped(at);
      if (window_.text(value.at(), behind.at()) == "\"next\"") note_hint("rel\": \"next", true, false);
    }
    if (c != '{' || in_info || !among(kInfoKeys, key)) return skip_value(value.at());
    advance(value.at());
    return push(Level::Kind::page_info);
  }

  // A number in a page that may tell how many others there are.
  Look::At note_count(const std::string& key, const Look& value) {
    std::optional<std::uint64_t>* const to = among(kPageNumberKeys, key) ? &numbers_.page
                                             : among(kPagesKeys, key)    ? &numbers_.pages
                                             : among(kTotalKeys, key)    ? &numbers_.total
                                                                         : nullptr;
    if (to == nullptr) return Look::At::byte;
    const Look::At at = read_number(value, *to, window_);
    if (at == Look::At::byte && to == &numbers_.total) pages_.total_said = remark("more_pages", {}, std::string(kMoreCure));
    return at;
  }

  // What the page's numbers say. A page number that counts from 0 is told by a page 0.
  void judge_numbers() {
    const Numbers numbers = std::exchange(numbers_, {});
    if (numbers.total) pages_.total = std::max(pages_.total, *numbers.total);
    if (!numbers.page || !numbers.pages) return;
    from_zero_ |= *numbers.page == 0;
    const bool more = *numbers.page + (from_zero_ ? 1 : 0) < *numbers.pages;
    surely_more_ = surely_more_.value_or(false) || more;
    if (!more || pages_.more != 0) return;
    pages_.first_with_more = remark("more_pages",
                                    fmt::format("the page says that it is page {} of {}, and no page says that it is the last",
                                                *numbers.page, *numbers.pages),
                                    std::string(kMoreCure));
  }

  void note_hint(const std::string& key, bool more, bool surely) {
    (surely ? surely_more_ : perhaps_more_) = more;
    if (!more || pages_.more != 0) return;
    pages_.first_with_more =
        remark("more_pages",
               fmt::format("the page's \"{}\" says that another one follows, and no page says that it is the last", shown(key)),
               std::string(kMoreCure));
  }

  Step pass_list(const std::string& key, std::size_t value) {
    if (passed_.count == 0) {
      passed_ = remark("list_not_read", {}, fmt::format("if these are the records: --set records_at={}", pointer_to(key)));
      passed_.count = 0;
      passed_key_ = key;
    }
    advance(value);
    return push(Level::Kind::passed_array);
  }

  // A list of records begins. All that a page has are read.
  void note_list(Level& page, const std::string& key) {
    if (page.lists++ == 0) {
      first_list_ = key;
      if (page.null_list && key == null_key_ && several_.count++ == 0) several_ = key_twice(key);
    } else if (several_.count++ == 0) {
      const bool twice = key == first_list_;
      several_ = remark("several_lists",
                        twice ? fmt::format("the page has \"{}\" twice; the records of both were read", shown(key))
                              : fmt::format("the page has records under \"{}\" and under \"{}\"; both were read",
                                            shown(first_list_), shown(key)),
                        twice ? std::string("look whether one is meant to replace the other")
                              : fmt::format("to read one of them: --set records_at={}", pointer_to(first_list_)));
    }
  }

  Remark key_twice(const std::string& key) {
    return remark("several_lists",
                  fmt::format("the page has \"{}\" twice, once as null; the records of the other were read", shown(key)),
                  "look whether one is meant to replace the other");
  }

  Remark without_list(const std::string& key) {
    return remark("page_without_records", fmt::format("the page has null under \"{}\", where records are looked for", shown(key)),
                  "look whether the export is whole");
  }

  // The end of a page, or of an envelope around the records.
  void end_page(const Level& page) {
    if (page.kind == Level::Kind::page && page.null_list && page.lists == 0 && without_.count++ == 0) {
      without_ = without_list(null_key_);
    }
    judge_numbers();
    const std::optional<bool> more = surely_more_ ? surely_more_ : perhaps_more_;
    surely_more_ = perhaps_more_ = std::nullopt;
    if (!more) return;
    pages_.more += *more ? std::uint64_t{1} : std::uint64_t{0};
    pages_.last |= !*more;
  }

  Remark remark(std::string code, std::string message, std::string cure) {
    return {std::move(code), window_.place(at_), window_.line_at(at_), std::move(message), std::move(cure)};
  }

  // Where a member of the innermost object stands, as a JSON Pointer.
  [[nodiscard]] std::string pointer_to(const std::string& key) const {
    std::string pointer;
    const std::size_t above = levels_.back().kind == Level::Kind::path_object ? levels_.back().name : 0;
    for (std::size_t i = 0; i < above; ++i) pointer += "/" + pointer_[i];
    return pointer + "/" + key;
  }

  // Goes into a value on the way to the records; `name` is the first name of the pointer that is still to be found.
  Step enter(std::size_t value, std::size_t name) {
    const char c = window_.at(value);
    const bool found = name == pointer_.size();
    if (!found && !opens(c)) return skip_value(value);
    found_ = found_ || found;
    if (found && levels_.size() != 0 && levels_.back().kind == Level::Kind::path_object) {
      if (c == 'n') {
        Remark null = without_list(pointer_.back());
        const Step step = skip_value(value);
        if (step == Step::on && without_.count++ == 0) without_ = std::move(null);
        return step;
      }
      if (c == '[') note_list(levels_.back(), pointer_.back());
    }
    advance(value);
    if (found && c != '[') {
      ++pages_.elements;
      if (levels_.back().kind == Level::Kind::path_object) levels_.back().phase = Phase::record;
      return element();
    }
    return push(found ? Level::Kind::records : c == '{' ? Level::Kind::path_object : Level::Kind::path_array, name);
  }

  Step skip_value(std::size_t value) {
    const bool fresh = window_.fresh();
    if (fresh) {
      advance(value);
      drop_separators();
      value = 0;
    }
    ValueScanner scanner(window_, value, 0);
    const Scan scan = scanner.skip(fresh ? kKept : ValueScanner::kHoldAll);
    switch (scan.outcome) {
      case Outcome::complete: break;
      case Outcome::pause: return Step::pause;
      case Outcome::failed: return Step::failed;
      case Outcome::truncated: return end_of_input();
      default:
        blank_so_far_ = false;  // the value does not begin a line, or if it does, no record stands where it stands
        return broken_envelope(value, scan.end);
    }
    advance(scan.end);
    if (window_.torn()) drop_separators();
    value_done();
    return Step::on;
  }

  // ---- records -----------------------------------------------------------------------------------------------------

  Step element() {
    resumed_ = false;
    ValueScanner scanner(window_, at_, neighbour_indent(), returned_from_);
    const Scan scan = scanner.scan(max_record_);
    switch (scan.outcome) {
      case Outcome::complete: return complete_element(scanner, scan.end);
      case Outcome::next_here: return cut_element(scanner, scan.end);
      case Outcome::broken: return recover(at_, scan.end, Gap::line, malformed(scanner.found(), scanner.problem()));
      case Outcome::too_large: return skip_element(scanner);
      case Outcome::truncated: return truncated_element(at_, window_.size() - at_);
      case Outcome::pause: return Step::pause;
      case Outcome::failed: return Step::failed;
    }
    return Step::failed;
  }

  Step complete_element(const ValueScanner& scanner, std::size_t end) {
    const std::size_t size = end - at_;
    if (size > max_record_) {
      add_fault(window_.block(), at_, size, record_too_large(size, max_record_));
    } else if (!scanner.problem().empty()) {
      add_fault(window_.block(), at_, size, malformed(scanner.found(), scanner.problem()));
    } else {
      window_.block().spans.push_back({static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(size)});
    }
    if (scanner.last_line()) start_line(*scanner.last_line());
    advance(end);
    value_done();
    return Step::on;
  }

  // The element lost a closing bracket, and the next one starts at `next`.
  Step cut_element(const ValueScanner& scanner, std::size_t next) {
    returned_from_ = std::max(returned_from_, scanner.returned_from());
    std::size_t end = next;
    while (is_separator(window_.at(end - 1))) --end;
    add_fault(window_.block(), at_, end - at_, malformed(scanner.found(), scanner.problem()));
    std::size_t blanks = 0;
    while (window_.at(next - 1 - blanks) == ' ' || window_.at(next - 1 - blanks) == '\t') ++blanks;
    const bool line_start = is_line_end(window_.at(next - 1 - blanks));
    resume(next, line_start ? std::optional(blanks) : std::nullopt);
    return Step::on;
  }

  // The element is larger than a record may be: only its beginning is kept, and for that it must stand alone.
  Step skip_element(ValueScanner& scanner) {
    if (!window_.fresh()) return Step::pause;
    const std::uint64_t start = window_.place(at_);
    const Scan scan = scanner.skip(at_ + kKept);
    const std::uint64_t size = window_.place(scan.end) - start;
    switch (scan.outcome) {
      case Outcome::complete: break;
      case Outcome::truncated: return truncated_element(at_, size);
      case Outcome::failed: return Step::failed;
      default: return recover(at_, scan.end, Gap::line, record_too_large(size, max_record_));
    }
    add_fault(window_.block(), at_, size, record_too_large(size, max_record_));
    advance(scan.end);
    value_done();
    return Step::on;
  }

  Step truncated_element(std::size_t begin, std::uint64_t size) {
    const bool large = size > max_record_;
    add_fault(window_.block(), begin, size, large ? record_too_large(size, max_record_) : truncated_record(size));
    levels_.clear();
    advance(window_.size());
    return Step::end;
  }

  // ---- damage ------------------------------------------------------------------------------------------------------

  // Refuses the bytes from `start` on, which went wrong at `from`, up to where reading can go on.
  Step recover(std::size_t start, std::size_t from, Gap gap, FaultText text) {
    Resumption resumption(gap, neighbour_indent());
    const std::uint64_t start_place = window_.block().offset + start;
    std::uint64_t end_place = window_.place(from);  // behind the last byte that is no separator
    const std::size_t held = window_.torn() ? start + kKept : start;
    for (std::size_t i = from; i > held && is_separator(window_.at(i - 1)); --i) --end_place;
    for (std::size_t i = from;;) {
      if (i == window_.size()) {
        const Fill fill = more_behind(start + kKept, i);
        if (fill == Fill::more) continue;
        if (fill != Fill::end) return fill == Fill::pause ? Step::pause : Step::failed;
        add_fault(window_.block(), start, end_place - start_place, std::move(text));
        levels_.clear();
        advance(i);
        return Step::end;
      }
      const char c = window_.at(i);
      if (resumption.possible_at(c)) {
        add_fault(window_.block(), start, end_place - start_place, std::move(text));
        resume(i, resumption.indent());
        return Step::on;
      }
      ++i;
      if (!is_separator(c)) end_place = window_.place(i);
    }
  }

  // More bytes behind `at`. What stands between `keep` and `at` may be dropped for them.
  Fill more_behind(std::size_t keep, std::size_t& at) {
    if (window_.fresh() && at > keep + kDropped) {
      window_.drop(keep, at);
      at = keep;
    }
    return window_.more();
  }

  // Goes on behind damage at a place where a record may start; `indent` is known when it is the first of its line.
  void resume(std::size_t to, std::optional<std::size_t> indent) {
    advance(to);
    if (indent) {
      indent_ = *indent;
      blank_so_far_ = true;
      resumed_ = true;
    }
    for (Level& level : levels_) level.damaged = true;
    if (levels_.empty()) return;
    Level& level = levels_.back();
    level.phase = level.kind == Level::Kind::records ? Phase::value : Phase::after;
  }

  Step broken_envelope(std::size_t start, std::size_t from) {
    const Step step = recover(start, from, Gap::line, malformed({}, "the object or array around the records is broken here"));
    if (step == Step::on) levels_.clear();
    return step;
  }

  // Said once for any number of commas in a row.
  void missing_value(std::string message) {
    Level& level = levels_.back();
    if (!level.damaged && !level.value_missing) refuse_byte(std::move(message));
    level.value_missing = true;
  }

  void refuse_byte(std::string message) {
    add_fault(window_.block(), at_, 1, malformed(shown_byte(window_.at(at_)), std::move(message)));
  }

  // ---- places ------------------------------------------------------------------------------------------------------

  Step skip_blanks() {
    for (;;) {
      for (; at_ != window_.size(); ++at_) {
        const char c = window_.at(at_);
        if (!is_blank(c)) return Step::on;
        if (is_line_end(c)) {
          indent_ = 0;
          blank_so_far_ = true;
        } else if (blank_so_far_) {
          ++indent_;
        }
      }
      if (window_.fresh()) drop_separators();
      switch (window_.more()) {
        case Fill::more: break;
        case Fill::end: return Step::end;
        case Fill::pause: return Step::pause;
        case Fill::failed: return Step::failed;
      }
    }
  }

  void drop_separators() {
    window_.drop(0, at_);
    at_ = 0;
  }

  void advance(std::size_t to) {
    at_ = to;
    blank_so_far_ = false;
  }

  // A record ended on a line that began inside of it.
  void start_line(std::size_t line) {
    indent_ = 0;
    while (window_.at(line + indent_) == ' ' || window_.at(line + indent_) == '\t') ++indent_;
  }

  // How far a line may be indented to be the start of another record like the one here. A record that stands behind the
  // `[` of its array is one further in than its line: `[{…},` newline ` {…}]` is what PostgreSQL writes.
  [[nodiscard]] std::size_t neighbour_indent() const { return indent_ + (blank_so_far_ ? 0 : 1); }

  Step push(Level::Kind kind, std::size_t name = 0) {
    levels_.push_back({.kind = kind, .name = name});
    advance(at_ + 1);
    return Step::on;
  }

  Step pop() {
    advance(at_ + 1);
    const Level closed = levels_.back();
    levels_.pop_back();
    if (closed.kind == Level::Kind::records) pages_.elements += closed.index;
    const bool outermost = levels_.empty() || levels_.back().is_array();
    if (outermost && (closed.kind == Level::Kind::page || closed.kind == Level::Kind::path_object)) end_page(closed);
    value_done();
    return Step::on;
  }

  void value_done() {
    if (levels_.empty()) return;
    Level& level = levels_.back();
    level.phase = Phase::after;
    level.value_missing = false;
    ++level.index;
  }

  // ---- the end -----------------------------------------------------------------------------------------------------

  Step stopped(Look::At at) {
    switch (at) {
      case Look::At::pause: return Step::pause;
      case Look::At::failed: return Step::failed;
      case Look::At::end: return end_of_input();
      default: return broken_envelope(at_, at_);
    }
  }

  Step end_of_input() {
    advance(window_.size());
    if (window_.fresh()) drop_separators();
    if (!levels_.empty() && !levels_.front().damaged) {
      const bool array = levels_.back().is_array();
      add_fault(window_.block(), at_, 0,
                {"truncated_input", "the end of the input",
                 fmt::format("the input ends before the `{}` of the {} around the records", array ? ']' : '}',
                             array ? "array" : "object"),
                 "the records before it are complete; export again to see whether there are more"});
    }
    levels_.clear();
    return Step::end;
  }

  Result<bool> at_end() {
    window_.cut(at_);
    if (pointer_.empty() || found_ || !seen_value_) return false;
    return Error{
        Errc::data,
        fmt::format("{}: setting records_at: there is no \"{}\"; {}", name_, pointer_[deepest_],
                    names_.empty() ? "no key at all was found where it was looked for" : "the keys there are: " + names_),
        "name the path of keys to the records, each behind a slash: /result/items"};
  }

  // Remembers what was found in the place of the pointer's name number `name`.
  void note_name(std::string_view key, std::size_t name) {
    constexpr std::size_t kShown = 200;
    if (name < deepest_) return;
    if (name > deepest_) names_.clear();
    deepest_ = name;
    const std::string text = shown(key, 40);
    if (names_.size() > kShown || (", " + names_ + ", ").find(", " + text + ", ") != std::string::npos) return;
    names_ += (names_.empty() ? "" : ", ") + text;
  }

  std::string name_;
  std::unique_ptr<Window> window_holder_;
  Window& window_;
  std::vector<std::string> pointer_;
  std::size_t max_record_;

  std::size_t at_ = 0;         // everything before is done with
  std::vector<Level> levels_;  // what is open around at_
  bool seen_value_ = false;
  bool stray_comma_seen_ = false;
  bool resumed_ = false;             // at_ is the start of a line behind damage
  std::uint64_t returned_from_ = 0;  // furthest place that a scan returned from: no second return before it

  std::size_t indent_ = 0;    // blanks that the current line starts with
  bool blank_so_far_ = true;  // the current line has only blanks before at_

  bool found_ = false;       // the pointer led somewhere
  std::size_t deepest_ = 0;  // the furthest name of the pointer that was looked for
  std::string names_;        // what was there instead

  Remark passed_ = nothing(), several_ = nothing(), without_ = nothing();
  std::string passed_key_, first_list_, null_key_;  // of the page that was seen last
  std::optional<bool> surely_more_, perhaps_more_;  // what the page says of others
  Pages pages_;
  struct Numbers {
    std::optional<std::uint64_t> page, pages, total;
  };
  Numbers numbers_;  // of the page at hand
  bool from_zero_ = false;

  static Remark nothing() {
    Remark none;
    none.count = 0;
    return none;
  }
};

}  // namespace

Answer is_page(Window& window, std::size_t start, std::size_t limit) {
  bool null_list = false, only_page_words = true;
  const Answer answer =
      judge_members(window, start, limit, [&](std::string_view key, const Look& value) -> std::optional<Answer> {
        if (among(kRecordKeys, key)) return only_page_words = false, Answer::no;
        if (!among(kPageKeys, key)) return only_page_words &= is_page_word(key), std::nullopt;
        null_list |= value.byte() == 'n';
        return holds_records(value);
      });
  return answer == Answer::no && null_list && only_page_words ? Answer::yes : answer;
}

std::unique_ptr<Splitter> split_structure(std::string name, std::unique_ptr<Window> window, std::vector<std::string> pointer,
                                          const Limits& limits) {
  return std::make_unique<StructureSplitter>(std::move(name), std::move(window), std::move(pointer), limits);
}

}  // namespace crosswalk::json
