#include "normalize/normalizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <memory>
#include <utility>

#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "encode/reject_json.hpp"
#include "merge/ledger.hpp"
#include "merge/sorter.hpp"
#include "normalize/decimal.hpp"
#include "pipeline/notes.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

bool is_empty_list(std::string_view json) { return all_blank(json.substr(1, json.size() - 2)); }

bool holds_nothing(const Field& f) {
  if (f.size == 0 || f.kind == Kind::null) return true;
  if (f.kind == Kind::array || f.kind == Kind::object) return is_empty_list(f.view());
  return f.text[0] <= ' ' && all_blank(f.view());
}

/// Absent, empty and null are all "not known"; so are an empty list and an empty object. Nearly all values hold something, which
/// shows at a glance.
inline bool is_nothing(const Field& f) {
  const bool plainly_there = f.size != 0 && f.kind <= Kind::boolean && static_cast<unsigned char>(*f.text) > ' ';
  return !plainly_there && holds_nothing(f);
}

/// A field as take() sees it: one that stands in a record.
struct GivenField {
  const Field& given;
  [[nodiscard]] std::string_view view() const { return given.view(); }
  [[nodiscard]] const Field& field() const { return given; }
  [[nodiscard]] bool is_text() const { return given.kind <= Kind::string; }
  [[nodiscard]] bool is_nothing() const { return crosswalk::is_nothing(given); }
  void put(Field& to) const { std::memcpy(&to, &given, sizeof given); }  // by its members it would be eight instructions
};

/// Nothing is known of it any more. By member: all of it at once is one instruction, which takes longer than a time to read.
void forget(Conversation& c) {
  for (std::string_view* text :
       {&c.external_id, &c.platform, &c.queue_id, &c.assigned_agent_id, &c.customer_id, &c.subject, &c.status}) {
    *text = {};
  }
  c.channel = Channel::none;
  for (std::optional<Instant>* at : {&c.started_at, &c.ended_at}) at->reset();
  c.started_how = c.ended_how = Known::offset;
  c.started_by_evidence = c.ended_by_evidence = false;
  for (std::optional<Decimal>* number : {&c.handle_time, &c.wait_time, &c.first_response_time, &c.csat_score}) number->reset();
  c.resolved.reset();
}

/// Names beyond the room for them, taken together in the books.
const std::string kOtherNames = "…";

constexpr std::string_view kCorrectSource = "correct the record in the source, or leave it out";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// In upper or lower case; eight bytes at a time.
bool has_letter_e(std::string_view text) {
  const auto has_e = [](const char* eight) {
    constexpr std::uint64_t kOnes = 0x0101010101010101U;
    std::uint64_t bytes = 0;
    std::memcpy(&bytes, eight, sizeof bytes);
    bytes = (bytes | kOnes * 0x20) ^ kOnes * 'e';  // a byte is 0 where an e stands
    return ((bytes - kOnes) & ~bytes & kOnes * 0x80) != 0;
  };
  if (text.size() < 8) return std::any_of(text.begin(), text.end(), [](char c) { return (c | 0x20) == 'e'; });
  for (std::size_t at = 0; at + 8 < text.size(); at += 8) {
    if (has_e(text.data() + at)) return true;
  }
  return has_e(text.data() + text.size() - 8);
}

/// `1.03006E+13`: a number that a spreadsheet or a double has rounded.
bool is_exponent_number(std::string_view text) {
  if (static_cast<unsigned char>(text.front()) > '9' || !has_letter_e(text)) return false;  // nearly all ids
  text = trimmed(text);
  std::size_t e = !text.empty() && text.front() == '-' ? 1 : 0;
  while (e < text.size() && (is_digit(text[e]) || text[e] == '.' || text[e] == ',')) ++e;
  if (e == 0 || e + 1 >= text.size() || (text[e] != 'e' && text[e] != 'E')) return false;
  const auto number = [](std::string_view digits) {
    return !digits.empty() &&
           std::all_of(digits.begin(), digits.end(), [](char c) { return is_digit(c) || c == '.' || c == ','; });
  };
  std::string_view exponent = text.substr(e + 1);
  if (exponent.front() == '+' || exponent.front() == '-') exponent.remove_prefix(1);
  std::string_view mantissa = text.substr(0, e);
  if (mantissa.front() == '-') mantissa.remove_prefix(1);
  // Without a point it may well be an id such as `12e4` made of hexadecimal digits: only a sign or a point proves it.
  const bool proof = mantissa.find_first_of(".,") != std::string_view::npos || text[e + 1] == '+';
  return proof && number(mantissa) && number(exponent) && exponent.find_first_of(".,") == std::string_view::npos;
}

/// A cure is meant to be copied: nothing of the data may mean anything to a shell.
std::string shell_word(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') {
      quoted += "'\\''";
    } else {
      quoted += c;
    }
  }
  return quoted + "'";
}

void count_reject(Books& books, std::string_view code, std::string_view message, std::string_view cure) {
  const bool known = books.rejected.contains(code);  // the example is of the first one only
  books.reject(code, known ? std::string() : fmt::format("{}; {}", message, cure));
}

/// Two names in metadata are Crosswalk's own; a source field of the same name keeps its value under another.
std::string metadata_name(std::string_view name) {
  std::string out(name);
  if (name == "crosswalk" || name == "touchpoints") out += " (source)";
  return out;
}

/// A key of metadata with the comma that stands before it.
std::string_view with_comma(std::string_view key) { return {key.data() - 1, key.size() + 1}; }

bool is_score(Decimal value) { return !less(value, {1, 0}) && !less({5, 0}, value); }

/// What is wrong with a score that an adapter gives a word. Nearly always it comes from one of its settings.
Error bad_score_of_word(const SourceConfig& source, std::string_view word, std::string_view score) {
  for (const Option& option : source.info.options) {
    const auto set = source.settings.find(option.name);
    if (option.type != Option::Type::number || set == source.settings.end() || set->second != score) continue;
    return {Errc::usage,
            fmt::format("setting {}: \"{}\" is not a satisfaction score, which is a number from 1 to 5", option.name, score),
            fmt::format("--set {}=<1 to 5>", option.name)};
  }
  return {Errc::adapter,
          fmt::format("adapter {} says that \"{}\" is a satisfaction score of \"{}\"; a score is a number from 1 to 5",
                      source.info.id, word, score),
          "report it to the adapter's author"};
}

/// The targets of a record that is a touchpoint: nothing else is known.
constexpr std::uint32_t kFewKnow = 1U | 1U << static_cast<unsigned>(Target::external_id) |
                                   1U << static_cast<unsigned>(Target::channel) | 1U << static_cast<unsigned>(Target::version) |
                                   1U << static_cast<unsigned>(Target::scope) | 1U << static_cast<unsigned>(Target::time_zone);

std::string json_key(std::string_view name) {
  Buffer out;
  add_json_string(out, name);
  out.add(':');
  return std::string(out.view());
}

class SetupAdapter final : public Setup {
 public:
  SetupAdapter(const SourceConfig& source, std::array<Vocabulary, kTargetCount>& vocabularies)
      : source_(source), vocabularies_(vocabularies) {}
  std::string_view setting(std::string_view name) const override {
    const auto found = source_.settings.find(name);
    return found == source_.settings.end() ? std::string_view() : std::string_view(found->second);
  }
  void each_setting(const std::function<void(std::string_view, std::string_view)>& visit) const override {
    for (const auto& [name, value] : source_.settings) visit(name, value);
  }
  void word(Target target, std::string_view from, std::string_view to) override {
    if (target == Target::csat_score && fault_) {
      const auto score = parse_decimal(to);
      if (!score || !is_score(*score)) fault_ = bad_score_of_word(source_, from, to);
    }
    of(target).add(from, to);
  }
  void others(Target target, Others others) override { of(target).set_others(others); }
  void absent(Target target, std::string_view value) override { of(target).add_absent(value); }

  /// What the adapter said that cannot be.
  [[nodiscard]] const Result<void>& fault() const { return fault_; }

 private:
  Vocabulary& of(Target target) { return vocabularies_[static_cast<std::size_t>(target) % kTargetCount]; }
  const SourceConfig& source_;
  std::array<Vocabulary, kTargetCount>& vocabularies_;
  Result<void> fault_;
};

}  // namespace

void Batch::clear() {
  out.clear();
  rejects.clear();
  contributions.clear();
  ledger.clear();
  unknown_ids.clear();
  known_ids.fill(0);
  id_hashes.clear();
  books = Books();
  written = bytes = 0;
  error.reset();
}

Normalizer::Normalizer(const SourceConfig& source)
    : source_(source),
      default_channel_(channel_of(source.default_channel)),
      later_reader_(source.time_format, source.zone, Disambiguation::later) {
  readers_.reserve(kReaders);
  for (std::size_t i = 0; i < kReaders; ++i) { readers_.emplace_back(source.time_format, source.zone, source.disambiguation); }
  if (source.texts) text_numbers_.emplace(*source.texts);
}

Normalizer::~Normalizer() = default;

Result<void> Normalizer::open() {
  for (Vocabulary& v : vocabularies_) v = Vocabulary();
  SetupAdapter setup(source_, vocabularies_);
  auto translator = source_.adapter->open(setup);
  if (!translator) return translator.error();
  if (!setup.fault()) return setup.fault();
  translator_ = std::move(*translator);
  remote_ = translator_->translates() ? translator_->remote() : nullptr;
  translates_ids_ = std::any_of(source_.ids.begin(), source_.ids.end(), [](const IdUse& use) { return use.table != nullptr; });
  Vocabulary& channels = vocabularies_[static_cast<std::size_t>(Target::channel)];
  for (const auto& [word, channel] : source_.channel_words) channels.add(word, channel);
  return {};
}

// ---- names ------------------------------------------------------------------------------------------------------

void Normalizer::add_use(FieldUse& use, const FieldPlan& p, const Step& s) {
  use.mapped += s.mapped;
  use.carried += s.carried;
  use.empty += s.empty;
  if (s.dropped != 0) use.dropped[p.drop_rule] += s.dropped;
}

void Normalizer::forget_transient_plans() {
  for (std::size_t i = 0; i < transient_plans_.steps.size(); ++i)
    add_use(past_fields_[kOtherNames], *transient_plans_.fields[i], transient_plans_.steps[i]);
  transient_plans_.clear();
}

void Normalizer::forget_names() {
  for (std::size_t i = 0; i < plans_.steps.size(); ++i)
    add_use(past_fields_[plans_.fields[i]->name], *plans_.fields[i], plans_.steps[i]);
  plans_.clear();
  forget_transient_plans();
  bound_keys_.clear();
  keys_differ_ = true;
  names_ = NameTable();
  walker_.reset();
  walks_.clear();
}

Result<void> Normalizer::start_csv(const CsvDialect& dialect) {
  if (parser_ && csv_header_ == dialect.header) {  // the same columns again: the plan stands
    std::vector<std::uint16_t> ids(dialect.header.size());
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint16_t>(i);
    parser_ = make_csv_parser(dialect, ids, source_.limits);
    return {};
  }
  forget_names();
  csv_header_ = dialect.header;
  std::vector<std::uint16_t> ids;
  std::vector<std::pair<std::size_t, std::size_t>> repeated;  // (later column, first column)
  NoteList nameless(notes_), renamed(notes_);
  for (std::size_t column = 0; column < dialect.header.size(); ++column) {
    std::string name = dialect.header[column];
    if (name.empty()) {
      name = fmt::format("column {}", column + 1);
      nameless.add(fmt::format("column {} has no name in the header; it is called \"{}\"", column + 1, name));
    }
    const auto first =
        std::find(dialect.header.begin(), dialect.header.begin() + static_cast<std::ptrdiff_t>(column), dialect.header[column]);
    if (!dialect.header[column].empty() && first != dialect.header.begin() + static_cast<std::ptrdiff_t>(column)) {
      repeated.emplace_back(column, static_cast<std::size_t>(first - dialect.header.begin()));
    }
    std::string unique = name;
    for (int n = 2, id = names_.intern(unique); id != static_cast<int>(column); ++n) {
      if (id < 0 || id >= static_cast<int>(NameTable::kStable)) {
        return Error{Errc::data,
                     fmt::format("the names in the header take more than {} MiB, or are more than {}",
                                 NameTable::kStableBytes >> 20, NameTable::kStable),
                     "shorten them"};
      }
      unique = fmt::format("{} ({})", name, n);
      id = names_.intern(unique);
    }
    if (unique != name)
      renamed.add(fmt::format("column \"{}\" stands again as column {}; it is called \"{}\"", name, column + 1, unique));
    ids.push_back(static_cast<std::uint16_t>(column));
  }
  nameless.close("columns without a name");
  renamed.close("columns that stand again");
  if (auto bound = bind_new_names(); !bound) return bound;
  row_plan_ = plan_rows(dialect.delimiter);
  for (const auto& [later, first] : repeated) {
    if (plans_.fields[first]->action != Action::map && plans_.fields[later]->action != Action::map) continue;
    return Error{
        Errc::data,
        fmt::format("the header has two columns called \"{}\" (columns {} and {}); which of them counts would be a guess",
                    dialect.header[first], first + 1, later + 1),
        "rename or remove one of them"};
  }
  parser_ = make_csv_parser(dialect, ids, source_.limits);
  return {};
}

Result<void> Normalizer::start_json() {
  if (!walker_) {
    forget_names();
    csv_header_.clear();
    row_plan_ = {};
    walker_ = make_array_walker(names_, source_.limits);
    parser_ = make_json_parser(names_, source_.limits);
  }
  return {};
}

Result<void> Normalizer::bind_new_names() {
  auto bound = bind_up_to(plans_, names_.stable_count(), 0);
  if (bound) bound = bind_up_to(transient_plans_, names_.transient_count(), NameTable::kStable);
  writes_through_ = keys_differ_ && !source_.contributes && !translator_->translates();
  return bound;
}

Result<void> Normalizer::bind_up_to(Plans& plans, std::size_t count, std::size_t first_id) {
  const std::size_t first = plans.fields.size();
  if (first >= count) return {};
  while (plans.fields.size() < count) plans.fields.push_back(std::make_unique<FieldPlan>());
  plans.steps.resize(count);
  return bind_range(static_cast<std::uint16_t>(first_id + first), count - first);
}

Result<void> Normalizer::bind_range(std::uint16_t first, std::size_t count) {
  std::vector<std::string_view> names(count);
  for (std::size_t i = 0; i < count; ++i) names[i] = names_.name(static_cast<std::uint16_t>(first + i));
  if (auto r = translator_->bind(first, names, *this); !r) return r;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<std::uint16_t>(first + i);
    settle(plan(id), step(id), names[i]);
  }
  return {};
}

/// Whether the setting metadata names a field; remembers which of its names came.
bool Normalizer::is_listed(std::string_view name) {
  const auto found = source_.metadata_names.find(name);
  if (found == source_.metadata_names.end()) return false;
  names_met_.metadata.insert(*found);
  return true;
}

/// What the settings make of a field, once the adapter has said what it is.
void Normalizer::settle(FieldPlan& p, Step& s, std::string_view path) {
  if (p.name.empty()) p.name = std::string(path);
  const auto keep_key = [](std::string& kept, std::string_view key) {
    kept = ',' + json_key(metadata_name(key));
    const std::size_t size = kept.size() - 1;
    kept.append(kKeySlack, '\0');
    return std::string_view(kept).substr(1, size);
  };
  p.key.name = keep_key(p.comma_key, p.name);
  p.key.path = keep_key(p.comma_path_key, path);
  p.key.name_hash = hash64(p.key.name);
  p.key.path_hash = hash64(p.key.path);
  keys_differ_ &= bound_keys_.insert(p.key.name_hash).second;
  if (!source_.time_zone_column.empty() && folded_word(path) == folded_word(source_.time_zone_column)) {
    names_met_.time_zone_column = true;
    p.action = Action::map;
    p.mappings.push_back({Target::time_zone, How::as_configured, 0});
  }
  const bool name_listed = is_listed(p.name);
  const bool listed = is_listed(path) || name_listed;
  switch (source_.metadata) {
    case SourceConfig::Metadata::all: s.carries = true; break;
    case SourceConfig::Metadata::mapped: s.carries = p.known; break;
    case SourceConfig::Metadata::none: s.carries = false; break;
    case SourceConfig::Metadata::listed: s.carries = listed; break;
  }
  // A field that only steers (an update time, a scope) is still one of "the rest".
  const bool steers =
      std::all_of(p.mappings.begin(), p.mappings.end(), [](const Mapping& m) { return m.target >= Target::version; });
  s.also_carried = p.action == Action::map && (listed || (steers && s.carries));
  if (p.drop_rule.empty()) {
    p.drop_rule = source_.metadata == SourceConfig::Metadata::mapped ? "metadata=mapped"
                  : source_.metadata == SourceConfig::Metadata::none ? "metadata=none"
                                                                     : "not in the metadata list";
  }
  if (p.body && !source_.include_bodies && !listed) {
    s.carries = false;
    p.drop_rule = "message body";
  }

  s.action = p.action;
  s.form = p.form;
  s.key = &p.key;
  if (s.action == Action::carry && !s.carries) s.action = Action::drop;
  if (s.action != Action::map || p.mappings.size() != 1) return;
  const Mapping& only = p.mappings.front();
  const Vocabulary& vocabulary = vocabularies_[static_cast<std::size_t>(only.target)];
  s.absent = vocabulary.has_absent() ? &vocabulary : nullptr;
  s.action = Action::map_plainly;
  s.target = only.target;
  s.how = only.how;
  s.rank = only.rank;
}

void Normalizer::map(std::uint16_t field, Target target, How how, std::uint32_t rank) {
  FieldPlan& p = plan(field);
  p.action = Action::map;
  p.known = true;
  p.mappings.push_back({target, how, rank});
}

void Normalizer::carry(std::uint16_t field, std::string_view name, Form form) {
  FieldPlan& p = plan(field);
  if (p.action == Action::drop) p.action = Action::carry;
  p.known = true;
  p.name = std::string(name);
  p.form = form;
}

void Normalizer::drop(std::uint16_t field, std::string_view rule) {
  FieldPlan& p = plan(field);
  p.action = Action::drop;
  p.known = true;
  p.drop_rule = std::string(rule);
}

void Normalizer::body(std::uint16_t field, std::string_view name) {
  FieldPlan& p = plan(field);
  p.known = p.body = true;
  p.name = std::string(name);
}

void Normalizer::claim(std::uint16_t field) {
  FieldPlan& p = plan(field);
  p.action = Action::claim;
  p.known = true;
}

// ---- one record ---------------------------------------------------------------------------------------------------

void Normalizer::process(const Block& block, std::uint32_t file, Batch& batch) {
  block_ = &block;
  batch_ = &batch;
  file_ = file;
  lines_ = TextLines({block.data.data(), block.size}, block.line);
  batch.bytes += block.size;
  parser_->parse(block, *this);
  translate_held();
  count_cells();
}

std::uint64_t Normalizer::line() {
  if (place_.line != 0) return place_.line;
  return lines_.at(static_cast<std::size_t>(place_.raw.data() - block_->data.data()));
}

void Normalizer::on_record(const Record& record, const Place& place) {
  if (remote_ != nullptr) return hold(record, place);
  if (!begin_record(place)) return;
  if (auto bound = bind_names(); !bound) return end_with(bound.error());
  take(record);
  if (translator_->translates()) translator_->translate(record, *this);
  finish_record();
}

void Normalizer::on_row(const CsvRow& row, const Place& place) {
  if (translator_->translates()) return on_record(row.record(), place);
  if (!begin_record(place)) return;  // the columns are bound
  take(row);
  finish_record();
}

bool Normalizer::begin_record(const Place& place) {
  if (batch_->error) return false;  // the run ends here
  place_ = place;
  lasting_ = place.raw;
  ++batch_->books.read;
  outcome_ = Outcome::going;
  filled_ = plain_ = sets_ = 0;
  gathered_.clear();
  unused_.clear();
  row_metadata_.clear();
  items_.clear();
  item_bits_ = 0;
  made_items_ = false;
  made_ = 0;
  if (indexed_items_ != 0) {
    item_index_.clear();
    indexed_items_ = 0;
  }
  touches_.clear();
  scratch_text_.clear();
  forget(conversation_);
  duplicate_keys_ += place.duplicate_keys;
  return true;
}

/// Of names that came up since the last record.
Result<void> Normalizer::bind_names() {
  if (!transient_plans_.steps.empty()) forget_transient_plans();
  if (plans_.steps.size() == names_.stable_count() && names_.transient_count() == 0) return {};
  return bind_new_names();
}

/// The run ends with the record at hand, which is rejected.
void Normalizer::end_with(const Error& error) {
  batch_->error = error;
  reject("adapter_failed", "", "", error.message, error.cure);
}

/// A record for a remote translator: handed over now, taken up with others.
void Normalizer::hold(const Record& record, const Place& place) {
  if (batch_->error) return;
  const bool passing = names_.transient_count() != 0 || !transient_plans_.steps.empty();  // names of this record alone
  if (passing) translate_held();
  if (auto bound = bind_names(); !bound) {
    translate_held();
    if (begin_record(place)) end_with(bound.error());
    return;
  }
  if (!hand_over(record, place)) {
    translate_held();  // then there is more room
    if (!hand_over(record, place) && begin_record(place)) {
      reject("record_too_large", "", "", "the record is larger than an adapter in a process of its own can be handed",
             "run without --isolate");
    }
  }
  if (passing) translate_held();
}

/// False when there is no room for it.
bool Normalizer::hand_over(const Record& record, const Place& place) {
  const auto copy = remote_->add(record);
  if (!copy) return false;
  Held& held = held_.emplace_back(Held{*copy, place});
  if (walks_.empty()) return true;
  for (std::size_t i = 0; i < record.count; ++i) {
    if (record.fields[i].kind != Kind::array) continue;
    for (const KnownWalk& walk : walks_) {
      if (walk.field != record.fields[i].id) continue;
      remote_->begin_array(i, walk.prefix);
      const std::size_t passing = names_.transient_count();
      const bool whole = walker_->walk(record.fields[i].view(), walk.prefix, [&](const Record& element) {
        if (names_.transient_count() != passing) {
          held.names = Held::Names::too_many;
        } else if (auto bound = bind_new_names(); !bound) {
          held.names = Held::Names::refused;
          unbound_ = bound.error();
        } else {
          remote_->add_element(element);
        }
        return held.names == Held::Names::bound;
      });
      remote_->end_array(whole);
    }
  }
  return true;
}

void Normalizer::translate_held() {
  const std::size_t count = held_.size();  // behind them stand those that are handed over again
  for (std::size_t i = 0; i < count && begin_record(held_[i].place); ++i) {
    take(held_[i].record);
    lasting_ = remote_->texts();
    receive(i);
    finish_record();
  }
  if (count != 0) remote_->forget();
  held_.clear();
}

/// What the remote translator says of a held record. Arrays that it wants to look into go there first.
void Normalizer::receive(std::size_t number) {
  constexpr std::size_t kMostWalks = 64;
  for (std::size_t tries = 0;; ++tries) {
    const Held& held = held_[number];
    if (held.names == Held::Names::refused) return end_with(unbound_);
    if (held.names == Held::Names::too_many) {
      reject("too_many_fields", "", "",
             "the lists in the record bring more names than an adapter in a process of its own can be told",
             "run without --isolate");
      return;
    }
    const auto wanted = remote_->receive(number, *this);
    if (!wanted) return;
    const std::uint16_t field = held.record.fields[wanted->field].id;
    const bool known = std::any_of(walks_.begin(), walks_.end(),
                                   [&](const KnownWalk& walk) { return walk.field == field && walk.prefix == wanted->prefix; });
    if (!known) {
      if (walks_.size() == kMostWalks) walks_.erase(walks_.begin());
      walks_.push_back({field, wanted->prefix});
    }
    const Held again = held;
    if (tries == kMostWalks || !hand_over(again.record, again.place)) {
      reject("adapter_failed", "", "", "the adapter looks into too many lists of the record, or into too large ones",
             "report it to the adapter's author");
      return;
    }
    number = held_.size() - 1;
  }
}

void Normalizer::finish_record() {
  if (survey_ != nullptr) {
    look_at_times();
    return;
  }
  if (outcome_ == Outcome::going) understand();
  if (translates_ids_ && outcome_ == Outcome::going) translate_ids();
  place_gathered();  // of refused and filtered records too: the books count every field that was read
  if (source_.explanations != nullptr) explain_record();
  if (outcome_ == Outcome::going) emit();
}

void Normalizer::on_fault(const FrameFault& fault) {
  translate_held();
  if (batch_->error) return;
  const std::string cure = source_.cure(fault.cure.empty() ? std::string_view(kCorrectSource) : std::string_view(fault.cure));
  ++batch_->books.read;
  count_reject(batch_->books, fault.code, fault.message, cure);
  if (source_.want_ledger)
    add_ledger_entry(batch_->ledger, source_.number, {file_, fault.line, fault.offset}, Fate::rejected, fault.code);
  if (!source_.want_rejects) return;
  add_reject(batch_->rejects, {source_.name, source_.inputs[file_], fault.line, fault.offset, fault.code, fault.field,
                               fault.found, fault.message, cure, fault.text, fault.size});
}

void Normalizer::on_repeated_header(const Place& place) {
  translate_held();
  if (batch_->error) return;
  constexpr std::string_view kRule = "repeated header";
  ++batch_->books.read;
  batch_->books.filter(kRule);
  place_ = place;
  if (source_.want_ledger) add_ledger_entry(batch_->ledger, source_.number, {file_, line(), place.offset}, Fate::filtered, kRule);
}

/// A cell of CSV, the same. It has no Field of its own: one that is written by parts and read whole at once makes the processor
/// wait for its store.
struct Normalizer::Cell {
  std::string_view text;
  std::uint16_t column;
  [[nodiscard]] std::string_view view() const { return text; }
  [[nodiscard]] Field field() const { return {text.data(), static_cast<std::uint32_t>(text.size()), column}; }
  [[nodiscard]] static constexpr bool is_text() { return true; }
  [[nodiscard]] bool is_nothing() const {
    return text.empty() || (static_cast<unsigned char>(text.front()) <= ' ' && all_blank(text));
  }
  void put(Field& to) const {
    to.text = text.data();
    to.size = static_cast<std::uint32_t>(text.size());
    to.id = column;
    to.kind = Kind::cell;
    to.flags = 0;
  }
};

/// One of the rest: into metadata, or into the books as dropped.
template <class Value>
inline void Normalizer::carry(const Value& value, Step& s) {
  if (!s.carries) {
    ++s.dropped;
    return;
  }
  ++s.carried;
  if (writes_through_) {
    const std::string_view key = with_comma(s.key->name);
    if (s.form == Form::as_is && value.is_text()) return add_padded_member(row_metadata_, key, value.view());
    row_metadata_.add(key);
    return add_value(row_metadata_, value.field(), s.form);
  }
  if (!keys_differ_ || made_items_) return add_item(*s.key, value.field(), s.form);
  // No other field of the record can have this key.
  item_bits_ |= std::uint64_t{1} << (s.key->name_hash & 63);
  Item& item = items_.emplace_back();
  item.key = s.key;
  value.put(item.value);
  item.form = s.form;
}

template <class Value>
inline void Normalizer::put(Target target, How how, std::uint32_t rank, const Value& value, std::uint16_t at) {
  Slot& to = slot(target);
  value.put(to.value);
  to.how = how;
  to.at = at;
  to.rank = rank;
}

/// A value for the one target of its field, which no other field has.
template <class Value>
inline void Normalizer::put_alone(const Value& value, std::uint16_t at, Step& s) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(s.target);
  filled_ |= bit;
  plain_ |= bit;
  ++s.mapped;
  put(s.target, s.how, s.rank, value, at);
}

/// Each field to where it belongs: the loop that every byte of metadata goes through.
void Normalizer::take(const Record& record) {
  for (std::size_t i = 0; i < record.count; ++i) {
    const Field& field = record.fields[i];
    Step& s = field.id < NameTable::kStable ? plans_.steps[field.id] : step(field.id);
    if (s.action == Action::claim) {  // the adapter asks for it
      s.empty += is_nothing(field);
      continue;
    }
    take(GivenField{field}, static_cast<std::uint16_t>(i), s);
  }
}

/// The same for a row of CSV. Empty cells, and those of columns that nobody wants, are only counted: all at once, since a branch
/// for each of them would be foreseen as well as a coin.
void Normalizer::take(const CsvRow& row) {
  ++row_plan_.rows;
  Step* const steps = plans_.steps.data();
  const RowPlan::Column* const columns = row_plan_.columns.data();
  std::uint32_t filled_targets = 0;  // by columns that have one each
  std::size_t first = 0;
  for (RowPlan::Word& word : row_plan_.words) {
    std::uint64_t filled = row.filled(first / ColumnCounts::kColumns);
    bool may_be_blank = false;
    for (const std::uint16_t column : word.dropped) {
      may_be_blank |= row_plan_.may_be_blank[static_cast<unsigned char>(*row.raw(column).data())];
    }
    if (may_be_blank) [[unlikely]]
      drop_blank(row, word, filled);
    word.filled.add(filled);
    for (std::uint64_t rest = filled & word.used; rest != 0; rest &= rest - 1) {
      const auto number = static_cast<std::uint16_t>(first + static_cast<std::size_t>(std::countr_zero(rest)));
      const RowPlan::Column& column = columns[number];
      std::string_view text = row.raw(number);
      if (row_plan_.may_be_blank[static_cast<unsigned char>(text.front())]) {
        text = row.cell(number);
        if (all_blank(text)) {
          uncount(column, steps[number]);
          continue;
        }
      }
      switch (column.how) {
        case RowPlan::How::fill: {
          if (column.absent != nullptr && column.absent->is_absent(text)) {
            uncount(column, steps[number]);
            break;
          }
          filled_targets |= 1U << static_cast<unsigned>(column.target);
          Field& value = slot(column.target).value;
          value.text = text.data();
          value.size = static_cast<std::uint32_t>(text.size());
          if (!column.writes) break;
          [[fallthrough]];
        }
        case RowPlan::How::write: add_padded_member(row_metadata_, column.key, text); break;
        case RowPlan::How::fill_each: fill_each({text, number}, steps[number]); break;
        case RowPlan::How::take: take(Cell{text, number}, number, steps[number]); break;
        case RowPlan::How::carry_rival:
          if (!steps[number].is_absent(text)) carry(Cell{text, number}, steps[number]);
          break;
        case RowPlan::How::drop: break;
      }
    }
    first += ColumnCounts::kColumns;
  }
  filled_ |= filled_targets;
  plain_ |= filled_targets;
  for (const auto& rivals : row_plan_.rivals) settle_rivals(row, rivals);
}

/// Of a cell that count_cells() will take for one that holds something.
void Normalizer::uncount(const RowPlan::Column& column, Step& s) {
  if (column.how == RowPlan::How::carry_rival) return;
  ++s.empty;
  s.mapped -= column.how == RowPlan::How::fill;
  s.carried -= column.how == RowPlan::How::write || column.writes;
}

/// Of cells that are only counted, those that hold blanks are not filled.
void Normalizer::drop_blank(const CsvRow& row, const RowPlan::Word& word, std::uint64_t& filled) {
  for (const std::uint16_t column : word.dropped) {
    if (all_blank(row.cell(column))) filled &= ~(std::uint64_t{1} << column % ColumnCounts::kColumns);
  }
}

template <class Value>
inline void Normalizer::take(const Value& value, std::uint16_t at, Step& s) {
  if (value.is_nothing()) {
    ++s.empty;
    return;
  }
  switch (s.action) {
    case Action::drop: ++s.dropped; break;
    case Action::carry: carry(value, s); break;
    case Action::map_plainly: {
      if (s.is_absent(value.view())) {
        ++s.empty;
        break;
      }
      if (s.also_carried) carry(value, s);
      if (has(s.target)) [[unlikely]] {
        settle_rivals(value.field(), at, s);
        break;
      }
      put_alone(value, at, s);
      break;
    }
    case Action::map: take_mapped(value.field(), at, s); break;
    case Action::claim: break;
  }
}

/// What was only counted of a block's rows, into the books.
void Normalizer::count_cells() {
  const std::uint64_t rows = std::exchange(row_plan_.rows, 0);
  std::size_t first = 0;
  for (RowPlan::Word& word : row_plan_.words) {
    const auto filled = word.filled.take();
    for (std::uint64_t rest = word.counted; rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(rest));
      Step& s = plans_.steps[first + bit];
      const RowPlan::Column& column = row_plan_.columns[first + bit];
      s.empty += rows - filled[bit];
      if (column.how == RowPlan::How::drop) s.dropped += filled[bit];
      if (column.how == RowPlan::How::fill) s.mapped += filled[bit];
      if (column.how == RowPlan::How::write || column.writes) s.carried += filled[bit];
    }
    first += ColumnCounts::kColumns;
  }
}

/// A cell for several targets that no other column wants.
void Normalizer::fill_each(const Cell& cell, Step& s) {
  std::uint32_t targets = 0;
  for (const Mapping& m : plan(cell.column).mappings) {
    if (is_absent(m.target, cell.text)) continue;
    targets |= 1U << static_cast<unsigned>(m.target);
    put(m.target, m.how, m.rank, cell, cell.column);
  }
  if (targets == 0) {
    ++s.empty;
    return;
  }
  filled_ |= targets;
  plain_ |= targets;
  ++s.mapped;
  if (s.also_carried) carry(cell, s);
}

/// Of several columns that want one target the first in line that has something gets it.
void Normalizer::settle_rivals(const CsvRow& row, const std::vector<std::uint16_t>& columns) {
  bool settled = false;
  for (const std::uint16_t column : columns) {
    const Cell cell{row.cell(column), column};
    Step& s = plans_.steps[column];
    if (cell.is_nothing() || s.is_absent(cell.text)) {
      ++s.empty;
    } else if (!settled) {
      settled = true;
      put_alone(cell, column, s);
    } else if (!s.also_carried) {
      if (s.carries) {
        add_unused({cell.field(), 0, column});
      } else {
        ++s.dropped;
      }
    }
  }
}

/// What to do with the columns, now that all of them are known.
Normalizer::RowPlan Normalizer::plan_rows(char delimiter) {
  const auto number_of = [](Target target) { return static_cast<std::size_t>(target); };
  std::array<std::vector<std::uint16_t>, kTargetCount> wanting;  // columns by target
  const auto columns = static_cast<std::uint16_t>(plans_.steps.size());
  for (std::uint16_t column = 0; column < columns; ++column) {
    if (plans_.fields[column]->action != Action::map) continue;
    for (const Mapping& m : plans_.fields[column]->mappings) wanting[number_of(m.target)].push_back(column);
  }
  const auto wanted_by_others = [&](const Mapping& m) { return wanting[number_of(m.target)].size() > 1; };
  const auto plain = [&](std::uint16_t column) { return plans_.steps[column].action == Action::map_plainly; };
  RowPlan rows;
  rows.columns.resize(columns);
  rows.words.resize((columns + ColumnCounts::kColumns - 1) / ColumnCounts::kColumns);
  for (unsigned byte = 0; byte <= ' '; ++byte) rows.may_be_blank[byte] = true;
  rows.may_be_blank['"'] = true;
  // These end a cell that has no bytes.
  for (const char end : {delimiter, '\r', '\n'}) rows.may_be_blank[static_cast<unsigned char>(end)] = false;
  for (std::uint16_t number = 0; number < columns; ++number) {
    const Step& s = plans_.steps[number];
    if (s.action == Action::claim) continue;
    const auto& mappings = plans_.fields[number]->mappings;
    const bool alone = std::none_of(mappings.begin(), mappings.end(), wanted_by_others);
    RowPlan::Column& column = rows.columns[number];
    column = plan_column(s, number);
    const bool fills = column.how == RowPlan::How::fill || column.how == RowPlan::How::fill_each;
    if (fills && !alone) column = {RowPlan::How::take};
    RowPlan::Word& word = rows.words[number / ColumnCounts::kColumns];
    const std::uint64_t bit = std::uint64_t{1} << number % ColumnCounts::kColumns;
    if (column.how == RowPlan::How::drop) {
      word.counted |= bit;
      word.dropped.push_back(number);
      continue;
    }
    if (s.action == Action::map_plainly && !alone) {
      const auto& rivals = wanting[number_of(s.target)];
      if (std::all_of(rivals.begin(), rivals.end(), plain)) {
        column.how = RowPlan::How::carry_rival;
        if (s.also_carried) word.used |= bit;
        if (number == rivals.front()) rows.rivals.push_back(rivals);
        continue;
      }
    }
    word.used |= bit;
    word.counted |= bit;
  }
  for (std::vector<std::uint16_t>& ranked : rows.rivals) {
    std::stable_sort(ranked.begin(), ranked.end(),
                     [&](std::uint16_t a, std::uint16_t b) { return plans_.steps[a].rank < plans_.steps[b].rank; });
  }
  return rows;
}

/// What to do with a column whose targets, if any, no other column wants.
Normalizer::RowPlan::Column Normalizer::plan_column(const Step& s, std::uint16_t number) {
  const bool writes = writes_through_ && s.carries && s.form == Form::as_is;
  switch (s.action) {
    case Action::drop: return {RowPlan::How::drop};
    case Action::map: return {RowPlan::How::fill_each};
    case Action::carry:
      if (writes) return {RowPlan::How::write, false, Target::none, nullptr, with_comma(s.key->name)};
      break;
    case Action::map_plainly:
      if (s.also_carried && !writes) break;
      slot(s.target) = {{nullptr, 0, number, Kind::cell}, s.how, number, s.rank};
      return {RowPlan::How::fill, s.also_carried, s.target, s.absent, with_comma(s.key->name)};
    case Action::claim: break;
  }
  return {RowPlan::How::take};
}

void Normalizer::take_mapped(const Field& field, std::uint16_t at, Step& s) {
  std::uint32_t targets = 0;
  for (const Mapping& m : plan(field.id).mappings) {
    if (is_absent(m.target, field.view())) continue;
    targets |= 1U << static_cast<unsigned>(m.target);
    fill(m.target, m.how, m.rank, field, at);
  }
  if (targets == 0) {
    ++s.empty;
    return;
  }
  if (s.also_carried) carry(GivenField{field}, s);
  gathered_.push_back({field, targets, at, s.also_carried});
}

bool Normalizer::is_absent(Target target, std::string_view text) const {
  const Vocabulary& vocabulary = vocabularies_[static_cast<std::size_t>(target)];
  return vocabulary.has_absent() && vocabulary.is_absent(text);
}

/// Two fields want the one target of this one.
void Normalizer::settle_rivals(const Field& field, std::uint16_t at, const Step& s) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(s.target);
  if (slot(s.target).rank <= s.rank) {
    gathered_.push_back({field, bit, at, s.also_carried});
    return;
  }
  fill(s.target, s.how, s.rank, field, at);
  plain_ |= bit;
  ++step(field.id).mapped;
}

/// Puts a value where its target is gathered, unless one of the same or a lower rank is there.
void Normalizer::fill(Target target, How how, std::uint32_t rank, const Field& value, std::uint16_t at) {
  const std::uint32_t bit = 1U << static_cast<unsigned>(target);
  Slot& s = slot(target);
  if (has(target) && s.rank <= rank) return;
  if ((plain_ & bit) != 0) {
    Step& loser = step(s.value.id);
    --loser.mapped;
    gathered_.push_back({s.value, bit, s.at, loser.also_carried});
  }
  plain_ &= ~bit;
  filled_ |= bit;
  s = {value, how, at, rank};
}

/// In the record's order.
void Normalizer::add_unused(const Gathered& g) {
  if (unused_.empty() || unused_.back().at <= g.at) {
    unused_.push_back(g);
    return;
  }
  const auto after = [](std::uint16_t at, const Gathered& other) { return at < other.at; };
  unused_.insert(std::upper_bound(unused_.begin(), unused_.end(), g.at, after), g);
}

/// A gathered field that no target took, because another ranked lower or it did not fit, is one of the rest.
void Normalizer::place_gathered() {
  for (std::uint32_t rest = plain_ & ~filled_; rest != 0; rest &= rest - 1) {
    const auto lost = static_cast<unsigned>(std::countr_zero(rest));
    const Slot& from = slot(static_cast<Target>(lost));
    // One of several targets (fill_each()): another may have it, or has been here with it.
    const auto has_it = [&](std::uint32_t targets) {
      for (; targets != 0; targets &= targets - 1) {
        const Slot& other = slot(static_cast<Target>(std::countr_zero(targets)));
        if (other.at == from.at && other.value.text == from.value.text) return true;
      }
      return false;
    };
    if (has_it(plain_ & filled_) || has_it(plain_ & ((1U << lost) - 1))) continue;
    Step& s = step(from.value.id);
    --s.mapped;
    if (!s.also_carried) add_unused({from.value, 0, from.at});
  }
  for (const Gathered& g : gathered_) {
    bool used = false;
    for (std::uint32_t rest = g.targets; rest != 0; rest &= rest - 1) {
      const auto target = static_cast<Target>(std::countr_zero(rest));
      used |= has(target) && slot(target).value.text == g.value.text && slot(target).value.id == g.value.id;
    }
    Step& s = step(g.value.id);
    s.mapped += used;
    if (!g.carried && (!used || s.also_carried)) add_unused(g);
  }
  for (const Gathered& g : unused_) carry(GivenField{g.value}, step(g.value.id));
}

Normalizer::Item* Normalizer::find_item(std::string_view key, std::uint64_t hash) {
  if ((item_bits_ >> (hash & 63) & 1U) == 0) return nullptr;
  constexpr std::size_t kFew = 64;
  if (items_.size() <= kFew) {
    const auto found =
        std::find_if(items_.begin(), items_.end(), [&](const Item& i) { return i.hash() == hash && i.name() == key; });
    return found == items_.end() ? nullptr : &*found;
  }
  for (; indexed_items_ < items_.size(); ++indexed_items_) {
    item_index_.insert_or_assign(items_[indexed_items_].hash(), static_cast<std::uint32_t>(indexed_items_));
  }
  const auto found = item_index_.find(hash);
  if (found == item_index_.end() || items_[found->second].name() != key) return nullptr;
  return &items_[found->second];
}

/// A key stands once in a record. Where two fields would share one, each goes under its full path, so that their order
/// in the record does not matter; what still shares one is numbered.
void Normalizer::add_item(const Key& wanted, const Field& value, Form form) {
  if (items_.empty()) {
    item_bits_ |= std::uint64_t{1} << (wanted.name_hash & 63);
    items_.push_back({&wanted, value, form});
    return;
  }
  Item item{&wanted, value, form};
  if (Item* const other = find_item(wanted.name, wanted.name_hash)) {
    const bool has_path = other->name() != other->key->path;
    if (has_path && find_item(other->key->path, other->key->path_hash) == nullptr) {
      other->by_path = true;
      item_bits_ |= std::uint64_t{1} << (other->hash() & 63);
      if (indexed_items_ != 0) item_index_.insert_or_assign(other->hash(), static_cast<std::uint32_t>(other - items_.data()));
    }
    item.by_path = true;
    const std::string_view path = wanted.path;
    for (int n = 2; find_item(item.name(), item.hash()) != nullptr; ++n) {  // `"name":` → `"name (2)":`
      item.key = &made_key(fmt::format(",{} ({})\":", path.substr(0, path.size() - 2), n));
    }
  }
  item_bits_ |= std::uint64_t{1} << (item.hash() & 63);
  items_.push_back(item);
}

/// A key of the record at hand, of `,"name":`.
const Normalizer::Key& Normalizer::made_key(std::string_view comma_key) {
  if (made_ == made_keys_.size()) made_keys_.emplace_back();
  Key& key = made_keys_[made_++];
  char* const kept = scratch_text_.allocate(comma_key.size() + kKeySlack);
  std::memset(std::copy(comma_key.begin(), comma_key.end(), kept), 0, kKeySlack);
  key.name = key.path = {kept + 1, comma_key.size() - 1};
  key.name_hash = key.path_hash = hash64(key.name);
  return key;
}

bool Normalizer::set(Target target, How how, std::uint32_t rank, const Field& value) {
  if (outcome_ != Outcome::going) return false;
  if (is_nothing(value) || is_absent(target, value.view())) return true;
  const bool made = (value.flags & Field::kMade) != 0;
  if (!made && !walking_ && !has(target) && gathered_.empty()) {  // mostly
    Step& s = step(value.id);
    if (s.action == Action::claim && !is_plain(value)) {
      ++s.mapped;
      put(target, how, rank, GivenField{value}, next_place());
      const std::uint32_t bit = 1U << static_cast<unsigned>(target);
      filled_ |= bit;
      plain_ |= bit;
      return true;
    }
  }
  const std::uint16_t at = next_place();
  Field kept = value;
  if (made || walking_) kept.text = scratch_text_.keep(value.view()).data();
  fill(target, how, rank, kept, at);
  if (made) return true;
  for (std::uint32_t rest = plain_; rest != 0; rest &= rest - 1) {  // a second target of a field?
    const std::uint32_t own = rest & (~rest + 1);
    const Slot& other = slot(static_cast<Target>(std::countr_zero(own)));
    if (other.value.id != value.id || other.value.text != value.text) continue;
    Step& s = step(value.id);
    plain_ &= ~own;
    --s.mapped;
    gathered_.push_back({other.value, own, other.at, s.also_carried});
  }
  const std::uint32_t bit = 1U << static_cast<unsigned>(target);
  const auto known = std::find_if(gathered_.begin(), gathered_.end(),
                                  [&](const Gathered& g) { return g.value.id == value.id && g.value.text == kept.text; });
  if (known != gathered_.end()) {
    known->targets |= bit;
  } else {
    gathered_.push_back({kept, bit, at, false});
  }
  return true;
}

/// Where a field that the adapter sets stands among the unused ones: behind the others, in the order in which they are set.
std::uint16_t Normalizer::next_place() {
  return static_cast<std::uint16_t>(Gathered::kSet + std::min<std::uint32_t>(sets_++, 0xFF));
}

/// Whether a field has one target already and is only in its slot.
bool Normalizer::is_plain(const Field& value) const {
  for (std::uint32_t rest = plain_; rest != 0; rest &= rest - 1) {
    const Field& other = slots_[static_cast<std::size_t>(std::countr_zero(rest))].value;
    if (other.id == value.id && other.text == value.text) return true;
  }
  return false;
}

bool Normalizer::touchpoint(const TouchpointText& t) {
  if (outcome_ != Outcome::going) return false;
  if (survey_ != nullptr) {
    survey_->column.observe(t.at);
    return true;
  }
  if (has(Target::time_zone) && !find_zone()) return false;
  const TimeReading reading = read_time(kTouch, t.at, Kind::string, How::as_configured);
  if (reading.fault != TimeFault::none) {
    const TimeComplaint why = complaint(reading.fault, t.at);
    reject(t.at.empty() ? "missing_time" : "bad_time", "touchpoint", t.at, why.message, why.cure);
    return false;
  }
  ++touch_times_[static_cast<std::size_t>(reading.how)];
  leap_seconds_ += reading.leap_second;
  Touchpoint& touch = touches_.emplace_back();
  touch.at = reading.at;
  touch.how = reading.how;
  touch.kind = t.kind;
  touch.direction = t.direction;
  if (t.id.empty()) {
    const std::uint64_t own[3] = {file_, place_.offset, touches_.size() - 1};
    touch.id = hash128({reinterpret_cast<const char*>(own), sizeof own});
  } else {
    touch.id = hash128(t.id);
  }
  if (!all_blank(t.duration)) {
    if (const auto duration = parse_duration(t.duration, t.duration_how); duration && duration->digits >= 0) {
      touch.duration = *duration;
      touch.has_duration = true;
    } else {
      constexpr std::string_view kWhy = "the duration of a touchpoint is not a number of seconds that is 0 or more";
      if (source_.reject_bad_values) {
        reject("bad_duration", "touchpoint", t.duration, kWhy, kCorrectSource);
        touches_.pop_back();
        return false;
      }
      count_bad(name_of(Target::handle_time), t.duration, std::string(kWhy), "correct it in the source");
    }
  }
  const auto kept = [this](std::string_view text) {  // mostly it is the record's own, which stays as long
    const std::less<const char*> before;
    const char *const begin = lasting_.data(), *const end = begin + lasting_.size();
    return !before(text.data(), begin) && before(text.data(), end) ? text : scratch_text_.keep(text);
  };
  touch.user = kept(t.user);
  touch.subject = kept(t.subject);
  return true;
}

bool Normalizer::carry(std::string_view name, const Field& value, Form form) {
  if (outcome_ != Outcome::going) return false;
  if (is_nothing(value)) return true;
  const bool made = (value.flags & Field::kMade) != 0;
  bool carries = source_.metadata != SourceConfig::Metadata::none;
  if (source_.metadata == SourceConfig::Metadata::listed) carries = is_listed(name);
  if (!carries) {
    if (!made) ++step(value.id).dropped;
    return true;
  }
  Field kept = value;
  if (made || walking_) kept.text = scratch_text_.keep(value.view()).data();
  made_items_ = true;
  if (!made) ++step(value.id).carried;
  add_item(key_of_made_name(name), kept, form);
  return true;
}

/// The metadata key of a name that the adapter made up. Of the first few it is kept: mostly there are no more.
const Normalizer::Key& Normalizer::key_of_made_name(std::string_view name) {
  for (const MadeName& known : made_names_) {
    if (equal(known.name, name)) return known.key;
  }
  scratch_.clear();
  scratch_.add(',');
  add_json_string(scratch_, metadata_name(name));
  scratch_.add(':');
  if (made_names_.size() == kMadeNames || name.size() > kLongestMade) return made_key(scratch_.view());
  made_names_.reserve(kMadeNames);
  MadeName& kept = made_names_.emplace_back(MadeName{std::string(name), std::string(scratch_.view()), {}});
  const std::size_t size = kept.comma_key.size() - 1;
  kept.comma_key.append(kKeySlack, '\0');
  kept.key.name = kept.key.path = std::string_view(kept.comma_key).substr(1, size);
  kept.key.name_hash = kept.key.path_hash = hash64(kept.key.name);
  return kept.key;
}

bool Normalizer::drop(const Field& value, std::string_view rule) {
  if (outcome_ != Outcome::going) return false;
  if ((value.flags & Field::kMade) != 0 || is_nothing(value)) return true;
  FieldPlan& p = plan(value.id);
  if (p.last_rule_drops == nullptr || !equal(p.last_rule, rule)) {
    auto& by_rule = record_drops_.try_emplace(value.id < NameTable::kStable ? p.name : kOtherNames).first->second;
    auto found = by_rule.find(rule);
    if (found == by_rule.end()) found = by_rule.emplace(std::string(rule), 0).first;
    p.last_rule = found->first;
    p.last_rule_drops = &found->second;
  }
  ++*p.last_rule_drops;
  return true;
}

bool Normalizer::filter(std::string_view rule) {
  if (outcome_ != Outcome::going) return false;
  outcome_ = Outcome::filtered;
  batch_->books.filter(rule);
  if (source_.want_ledger) add_ledger_entry(batch_->ledger, source_.number, {file_, line(), place_.offset}, Fate::filtered, rule);
  return false;
}

bool Normalizer::refuse(const Refusal& r) {
  if (outcome_ == Outcome::going) reject(r.code, r.field, r.found, r.message, r.cure);
  return false;
}

bool Normalizer::walk(const Field& array, std::string_view prefix, const std::function<bool(const Record&)>& element) {
  if (outcome_ != Outcome::going || !walker_ || array.kind != Kind::array) return false;
  bool stopped = false;
  walking_ = true;
  const bool whole = walker_->walk(array.view(), prefix, [&](const Record& record) {
    if (auto bound = bind_new_names(); !bound) {
      end_with(bound.error());
      stopped = true;
      return false;
    }
    stopped = outcome_ != Outcome::going || !element(record) || outcome_ != Outcome::going;
    return !stopped;
  });
  walking_ = false;
  if (!whole && !stopped) {
    reject("too_many_fields", prefix, "", "a list in the record is beyond what one record may hold: its fields, names or depth",
           "raise the settings max_fields or max_depth");
  }
  return whole && !stopped;
}

// ---- understanding --------------------------------------------------------------------------------------------------

std::string Normalizer::field_name(const Field& field) const {
  return (field.flags & Field::kMade) != 0 ? std::string() : std::string(names_.name(field.id));
}

/// An optional value that does not fit: dropped, counted and said; its text is kept in metadata under its own name.
void Normalizer::bad_value(Target target, std::string_view code, std::string message, const std::string& cure) {
  const Field& value = slot(target).value;
  if (source_.reject_bad_values) {
    reject(code, field_name(value), value.view(), message, cure);
    return;
  }
  count_bad(name_of(target), value.view(), std::move(message), cure);
  filled_ &= ~(1U << static_cast<unsigned>(target));  // so that place_gathered() finds it unused
}

void Normalizer::count_bad(std::string_view what, std::string_view found, std::string message, const std::string& cure) {
  const auto known = bad_.find(what);
  BadUse& use = known == bad_.end() ? bad_.emplace(std::string(what), BadUse()).first->second : known->second;
  if (use.count++ != 0 && std::pair<std::uint64_t, std::uint64_t>(file_, place_.offset) >= std::pair(use.file, use.offset))
    return;
  use.file = file_;
  use.offset = place_.offset;
  use.found = shown(found);
  use.message = std::move(message);
  use.cure = source_.cure(cure);
}

void Normalizer::understand() {
  conversation_.platform = source_.platform;
  if (has(Target::time_zone) && !find_zone()) return;
  if (!has(Target::external_id)) {
    reject("missing_external_id", "", "", "the record has no id, so it could neither be found again nor updated",
           "correct it in the source, or leave the record out");
    return;
  }
  understand_id(Target::external_id, conversation_.external_id);
  if (outcome_ != Outcome::going) return;
  understand_channel();
  const bool more = (filled_ & ~kFewKnow) != 0;
  if (more) {
    understand_text(Target::platform, conversation_.platform);
    understand_id(Target::queue_id, conversation_.queue_id);
    understand_id(Target::assigned_agent_id, conversation_.assigned_agent_id);
    understand_id(Target::customer_id, conversation_.customer_id);
    understand_text(Target::subject, conversation_.subject);
    understand_status();
    if (!source_.enrich) understand_time(Target::started_at, kStarted, conversation_.started_at, conversation_.started_how);
    understand_time(Target::ended_at, kEnded, conversation_.ended_at, conversation_.ended_how);
    if (source_.evidence) weigh_evidence();
    understand_duration(Target::handle_time, conversation_.handle_time);
    understand_duration(Target::wait_time, conversation_.wait_time);
    understand_duration(Target::first_response_time, conversation_.first_response_time);
  }
  understand_version();
  if (more) {
    understand_resolved();
    understand_csat();
  }
  if (outcome_ != Outcome::going) return;
  if (!conversation_.started_at && source_.info.role != RecordRole::event && !source_.enrich) {
    reject("missing_started_at", "", "", "the record has no start time, and none is made up",
           "export the field that holds the creation time");
  }
}

inline void Normalizer::understand_id(Target target, std::string_view& to) {
  if (!has(target)) return;
  const Field& value = slot(target).value;
  const std::string_view text = value.view();
  const bool usual = value.kind == Kind::cell ? !is_exponent_number(text) : value.kind == Kind::string;
  if (usual) {
    to = text;
  } else {
    understand_unusual_id(target, to);
  }
}

void Normalizer::understand_unusual_id(Target target, std::string_view& to) {
  const Field& value = slot(target).value;
  // A JSON number that is an id has an exponent only where a double has written it.
  const bool number = value.kind == Kind::number && value.view().find_first_of("eE") != std::string_view::npos;
  const bool lost = number || value.kind == Kind::cell;
  if (value.kind == Kind::number && !lost) {
    to = value.view();
    return;
  }
  std::string message = lost ? "a number in exponent form has lost its last digits: which record it was can no longer be told"
                             : "an id is text or a number";
  std::string cure = number ? "export again with the ids as texts, or as whole numbers with all their digits"
                     : lost ? "export again and do not open the file in a spreadsheet, or format the column as text"
                            : "correct it in the source";
  const std::string_view code = lost ? "id_lost_digits" : "bad_id";
  if (target == Target::external_id) {
    reject(code, field_name(value), value.view(), message, cure);
  } else if (outcome_ == Outcome::going) {
    bad_value(target, code, std::move(message), cure);
  }
}

void Normalizer::understand_text(Target target, std::string_view& to) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Field& value = slot(target).value;
  if (value.kind == Kind::array || value.kind == Kind::object) {
    bad_value(target, "bad_text", "a list or an object stands where text is expected", "correct it in the source");
    return;
  }
  to = value.view();
}

void Normalizer::understand_channel() {
  if (source_.enrich) return;  // no field of what it may fill
  const bool whole = !source_.fold;
  if (!has(Target::channel)) {
    if (whole) conversation_.channel = default_channel_;
    if (whole && default_channel_ == Channel::none) {
      reject("missing_channel", "", "", "the record does not say by which channel it came",
             "--set default_channel=<phone|email|chat|sms|social|back_office>");
    }
    return;
  }
  const Field& value = slot(Target::channel).value;
  const Vocabulary::Entry& entry = vocabularies_[static_cast<std::size_t>(Target::channel)].look_up(value.view());
  conversation_.channel = entry.channel;
  if (entry.channel != Channel::none) return;
  if (default_channel_ != Channel::none) {
    if (whole) conversation_.channel = default_channel_;
    return;
  }
  reject("unknown_channel", field_name(value), value.view(),
         fmt::format("no rule says which channel \"{}\" is", shown(value.view())),
         fmt::format("--set {}=<phone|email|chat|sms|social|back_office>, or --set default_channel=<channel> for all such words",
                     shell_word("channel." + lower(trimmed(shown(value.view()))))));
}

void Normalizer::understand_status() {
  if (!has(Target::status) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::status).value;
  Vocabulary& vocabulary = vocabularies_[static_cast<std::size_t>(Target::status)];
  if (vocabulary.empty() || value.kind == Kind::array || value.kind == Kind::object) {
    understand_text(Target::status, conversation_.status);
    return;
  }
  const Vocabulary::Entry& entry = vocabulary.look_up(value.view());
  if (!entry.meaning.empty()) {
    conversation_.status = scratch_text_.keep(entry.meaning);
  } else if (!entry.known) {
    bad_value(Target::status, "unknown_status", "no rule says what this status means", "correct it in the source");
  }
}

bool Normalizer::find_zone() {
  const Field& value = slot(Target::time_zone).value;
  const std::string_view name = trimmed(value.view());
  auto known = zones_met_.find(name);
  if (known == zones_met_.end()) {
    if (zones_met_.size() == kZonesKept || name.size() > kLongestKept) zones_met_.clear();  // so of long ones there is one
    known = zones_met_.emplace(std::string(name), source_.zones->find(name)).first;
  }
  const Result<const Zone*>& zone = known->second;
  if (!zone) {
    reject("unknown_time_zone", field_name(value), name, zone.error().message, zone.error().cure);
    return false;
  }
  record_zone_ = *zone;
  return true;
}

/// Why a time was not understood. Where its zone was to come from a field, that is what is missing.
TimeComplaint Normalizer::complaint(TimeFault fault, std::string_view text) const {
  if (fault != TimeFault::no_zone || source_.time_zone_column.empty()) return explain(fault, text, source_.zone_name);
  return {fmt::format("'{}' has no offset from UTC, and the record has nothing in \"{}\" (setting time_zone_column)", shown(text),
                      source_.time_zone_column),
          "fill in the field or correct the setting; --time-zone is for the records without it"};
}

TimeReading Normalizer::read_time(std::size_t reader, std::string_view text, Kind kind, How how) {
  const TimeFormat::Form form = source_.time_format.form();
  const bool epoch =
      form == TimeFormat::Form::epoch_s || form == TimeFormat::Form::epoch_ms || form == TimeFormat::Form::epoch_us;
  if (kind != Kind::cell && kind != Kind::string && !(kind == Kind::number && epoch)) {
    TimeReading reading;
    reading.fault = TimeFault::malformed;
    return reading;
  }
  if (has(Target::time_zone)) return readers_[reader].read(text, record_zone_);
  if (source_.zone == nullptr && (how == How::utc || source_.info.utc_by_document))
    return readers_[reader].read(text, source_.utc);
  return readers_[reader].read(text);
}

void Normalizer::understand_time(Target target, std::size_t reader, std::optional<Instant>& to, Known& how) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Slot& s = slot(target);
  const TimeReading reading = read_time(reader, s.value.view(), s.value.kind, s.how);
  if (reading.fault == TimeFault::none) {
    to = reading.at;
    how = reading.how;
    ++times_[static_cast<std::size_t>(target)][static_cast<std::size_t>(reading.how)];
    leap_seconds_ += reading.leap_second;
    return;
  }
  refuse_time(target, reading.fault);
}

void Normalizer::refuse_time(Target target, TimeFault fault) {
  const Field& value = slot(target).value;
  TimeComplaint why = complaint(fault, value.view());
  if (target == Target::started_at) {
    reject("bad_time", field_name(value), value.view(), why.message, why.cure);
  } else {
    bad_value(target, "bad_time", std::move(why.message), why.cure);
  }
}

void Normalizer::look_at_times() {
  for (const Target target : {Target::started_at, Target::ended_at, Target::version}) {
    if (!has(target)) continue;
    const Field& value = slot(target).value;
    if (value.kind == Kind::cell || value.kind == Kind::string || value.kind == Kind::number)
      survey_->column.observe(value.view());
  }
  if (survey_->evidence != nullptr && has(Target::external_id) && has(Target::started_at)) {
    survey_->evidence->add(slot(Target::external_id).value.view(), slot(Target::started_at).value.view());
  }
}

/// Times in a repeated hour, read as its first run so far: what the other records and created ≤ solved, created ≤ updated
/// say of them. Where nothing decides, the policy's answer stands and the abstention is counted.
void Normalizer::weigh_evidence() {
  const bool started_in_doubt = conversation_.started_at && conversation_.started_how == Known::repeated_earlier;
  const bool ended_in_doubt = conversation_.ended_at && conversation_.ended_how == Known::repeated_earlier;
  const auto second_run = [this](Target target, std::optional<Instant>& at, Known& how) {
    const TimeReading reading = later_reader_.read(slot(target).value.view());
    --times_[static_cast<std::size_t>(target)][static_cast<std::size_t>(how)];
    at = reading.at;
    how = reading.how;
    ++times_[static_cast<std::size_t>(target)][static_cast<std::size_t>(how)];
  };
  // Before the runs are told apart: of two doubtful times of one record, the one that must not be the earlier but seems
  // to be is of the second run, and so the other is of the first.
  bool runs_told_apart = started_in_doubt && ended_in_doubt && *conversation_.ended_at < *conversation_.started_at;
  if (started_in_doubt && !runs_told_apart && has(Target::version)) {
    const Slot& updated = slot(Target::version);
    const TimeReading reading = read_time(kVersion, updated.value.view(), updated.value.kind, updated.how);
    runs_told_apart =
        reading.fault == TimeFault::none && reading.how == Known::repeated_earlier && reading.at < *conversation_.started_at;
  }
  if (started_in_doubt) {
    const Evidence::Verdict verdict = runs_told_apart
                                          ? Evidence::Verdict::earlier
                                          : source_.evidence->judge(conversation_.external_id, *conversation_.started_at);
    if (verdict == Evidence::Verdict::later) second_run(Target::started_at, conversation_.started_at, conversation_.started_how);
    conversation_.started_by_evidence = verdict != Evidence::Verdict::undecided;
    ++(conversation_.started_by_evidence ? evidence_decided_ : evidence_abstained_);
  }
  if (ended_in_doubt) {
    conversation_.ended_by_evidence = conversation_.started_at && *conversation_.ended_at < *conversation_.started_at;
    if (conversation_.ended_by_evidence) second_run(Target::ended_at, conversation_.ended_at, conversation_.ended_how);
    ++(conversation_.ended_by_evidence ? evidence_decided_ : evidence_abstained_);
  }
}

void Normalizer::understand_duration(Target target, std::optional<Decimal>& to) {
  if (!has(target) || outcome_ != Outcome::going) return;
  const Slot& s = slot(target);
  const bool scalar = s.value.kind == Kind::cell || s.value.kind == Kind::string || s.value.kind == Kind::number;
  const auto value = scalar ? parse_duration(s.value.view(), s.how) : std::nullopt;
  if (!value) {
    bad_value(target, "bad_duration", "this is not a duration", "correct it in the source");
  } else if (value->digits < 0) {
    bad_value(target, "out_of_range", "a duration cannot be negative", "correct it in the source");
  } else {
    to = value;
  }
}

/// The update time orders what records of one conversation say. A streamed source has no use for it.
void Normalizer::understand_version() {
  version_ = Version();
  version_.file = file_;
  version_.offset = place_.offset;
  if (!source_.contributes || !has(Target::version) || outcome_ != Outcome::going) return;
  const Slot& s = slot(Target::version);
  const TimeReading reading = read_time(kVersion, s.value.view(), s.value.kind, s.how);
  if (reading.fault == TimeFault::none) {
    version_ = {reading.at.seconds, reading.at.nanos, 0, 0};
    return;
  }
  TimeComplaint why = complaint(reading.fault, s.value.view());
  bad_value(Target::version, "bad_time", std::move(why.message), why.cure);
}

void Normalizer::understand_resolved() {
  if (!has(Target::resolved) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::resolved).value;
  std::string_view meaning = value.view();
  if (value.kind != Kind::boolean) {
    Vocabulary& vocabulary = vocabularies_[static_cast<std::size_t>(Target::resolved)];
    const Vocabulary::Entry& entry = vocabulary.look_up(value.view());
    if (!entry.meaning.empty()) meaning = entry.meaning;
  }
  if (meaning == "true") {
    conversation_.resolved = true;
  } else if (meaning == "false") {
    conversation_.resolved = false;
  } else {
    bad_value(Target::resolved, "bad_boolean", "this is neither true nor false", "correct it in the source");
  }
}

void Normalizer::understand_csat() {
  if (!has(Target::csat_score) || outcome_ != Outcome::going) return;
  const Field& value = slot(Target::csat_score).value;
  std::optional<Decimal> score = value.kind == Kind::number ? parse_decimal(value.view()) : std::nullopt;
  if (value.kind == Kind::cell || value.kind == Kind::string) {
    const Vocabulary::Entry& entry = vocabularies_[static_cast<std::size_t>(Target::csat_score)].look_up(value.view());
    score = parse_decimal(entry.meaning.empty() ? value.view() : std::string_view(entry.meaning));
  }
  if (!score) {
    bad_value(Target::csat_score, "bad_score", "this is not a satisfaction score",
              "see the adapter's settings for the words and scales it takes");
  } else if (!is_score(*score)) {
    bad_value(Target::csat_score, "out_of_range", "a satisfaction score is between 1 and 5",
              "see the adapter's settings for the words and scales it takes");
  } else {
    conversation_.csat_score = score;
  }
}

/// Ids of people and queues, by the job's tables.
void Normalizer::translate_ids() {
  if (!translate_id(IdKind::agent, Target::assigned_agent_id, conversation_.assigned_agent_id) ||
      !translate_id(IdKind::queue, Target::queue_id, conversation_.queue_id) ||
      !translate_id(IdKind::customer, Target::customer_id, conversation_.customer_id)) {
    return;
  }
  for (Touchpoint& touch : touches_) {
    if (!translate_id(IdKind::agent, Target::assigned_agent_id, touch.user)) return;
  }
}

/// False: the record is rejected.
bool Normalizer::translate_id(IdKind kind, Target target, std::string_view& id) {
  const IdUse& use = source_.ids[static_cast<std::size_t>(kind)];
  if (!use.table || id.empty()) return true;
  if (const auto known = use.table->find(conversation_.platform, id)) {
    ++batch_->known_ids[static_cast<std::size_t>(kind)];
    id = *known;
    return true;
  }
  key_.assign(1, static_cast<char>(kind));
  key_.append(conversation_.platform);
  entry::add(batch_->unknown_ids, key_, id);
  switch (use.unknown) {
    case IdRule::Unknown::keep: return true;
    case IdRule::Unknown::drop: id = {}; return true;
    case IdRule::Unknown::reject: break;
  }
  reject(fmt::format("unknown_{}", name_of(kind)), has(target) ? field_name(slot(target).value) : std::string(), id,
         fmt::format("the table {} has no {} \"{}\" of platform {}", use.table->path(), name_of(kind), shown(id),
                     conversation_.platform),
         fmt::format("add the row {},{},<target id>, or set unknown = \"keep\" or \"drop\"", shown(conversation_.platform),
                     shown(id)));
  return false;
}

// ---- out ------------------------------------------------------------------------------------------------------------

void Normalizer::emit() {
  ++batch_->books.translated;
  touchpoints_ += touches_.size();
  if (source_.contributes) {
    emit_contribution();
  } else {
    emit_line();
  }
}

void Normalizer::add_value(Buffer& out, const Field& value, Form form) {
  switch (value.kind) {
    case Kind::cell:
    case Kind::string:
      if (form == Form::words) {
        out.add('[');
        const std::string_view text = value.view();
        for (std::size_t at = 0, n = 0; at < text.size();) {
          std::size_t end = at;
          while (end < text.size() && !is_blank(text[end])) ++end;
          if (end > at) {
            if (n++ > 0) out.add(',');
            add_json_string(out, text.substr(at, end - at));
          }
          at = end + 1;
        }
        out.add(']');
      } else {
        add_json_string(out, value.view());
      }
      return;
    case Kind::array:
    case Kind::object: add_json_compact(out, value.view()); return;
    default: out.add(value.view()); return;
  }
}

void Normalizer::emit_line() {
  Buffer& out = batch_->out;
  // The record's own texts are in its block or in an arena; those of a table of ids are not.
  add_conversation_fields(out, conversation_, translates_ids_ ? Texts::any : Texts::padded);
  MetadataWriter metadata(out);
  metadata.entries(row_metadata_.view());
  for (const Item& item : items_) {
    if (item.value.kind <= Kind::string && item.form == Form::as_is) {
      metadata.padded_string(item.name(), item.value.view());
      continue;
    }
    metadata.key(item.name());
    add_value(out, item.value, item.form);
  }
  add_time_marks(metadata, out, conversation_, source_.zones->version());
  metadata.close();
  batch_->id_hashes.push_back(hash64(conversation_.external_id));
  ++batch_->written;
}

void Normalizer::emit_contribution() {
  // Values first: their texts must lie still before anything points to them.
  scratch_.clear();
  metadata_.clear();
  for (const Item& item : items_) {
    const std::size_t begun = scratch_.size();
    add_value(scratch_, item.value, item.form);
    metadata_.push_back({item.name(), {nullptr, scratch_.size() - begun}});
  }
  const char* at = scratch_.data();
  for (MetadataItem& item : metadata_) {
    item.value = {at, item.value.size()};
    at += item.value.size();
  }
  Contribution& c = contribution_;
  c.source = source_.number;
  c.id = conversation_.external_id;
  c.scope = has(Target::scope) ? slot(Target::scope).value.view() : std::string_view();
  if (!source_.external_id.plain()) {
    key_.clear();
    source_.external_id.write({c.id, conversation_.platform, source_.name, c.scope}, key_);
    conversation_.external_id = key_;
  }
  c.version = version_;
  c.says = (filled_ & ~kFewKnow) != 0 ? ~std::uint32_t{0} : Contribution::kSaysPlatform | Contribution::kSaysChannel;
  c.origin = {file_, line(), place_.offset};
  c.metadata = metadata_;
  c.touchpoints = touches_;
  add_entry(batch_->contributions, c, conversation_, text_numbers_ ? &*text_numbers_ : nullptr);
}

void Normalizer::explain_record() {
  auto& records = source_.explanations->records;
  const auto wanted = records.find({file_, place_.offset});
  if (wanted == records.end()) return;
  RecordExplanation& record = wanted->second;
  record.size = place_.raw.size();
  record.fields.clear();
  for (std::size_t t = 1; t < kTargetCount; ++t) {
    const auto target = static_cast<Target>(t);
    if (!has(target)) continue;
    const Field& value = slot(target).value;
    const bool time = target == Target::started_at || target == Target::ended_at || target == Target::version;
    std::string zone = has(Target::time_zone) ? std::string(slot(Target::time_zone).value.view()) : source_.zone_name;
    record.fields.push_back({target, field_name(value), std::string(value.view()), time ? std::move(zone) : std::string()});
  }
}

void Normalizer::reject(std::string_view code, std::string_view field, std::string_view found, std::string_view message,
                        std::string_view in_options) {
  if (outcome_ == Outcome::refused) return;
  const std::string cure = source_.cure(in_options);
  outcome_ = Outcome::refused;
  count_reject(batch_->books, code, message, cure);
  if (source_.want_ledger) add_ledger_entry(batch_->ledger, source_.number, {file_, line(), place_.offset}, Fate::rejected, code);
  if (!source_.want_rejects) return;
  add_reject(batch_->rejects, {source_.name, source_.inputs[file_], line(), place_.offset, code, field, found, message, cure,
                               place_.raw, place_.raw.size()});
}

// ---- books ----------------------------------------------------------------------------------------------------------

void Normalizer::account(Summary& summary) const {
  summary.touchpoints += touchpoints_;
  summary.duplicate_keys += duplicate_keys_;
  summary.leap_seconds += leap_seconds_;
  summary.evidence_decided += evidence_decided_;
  summary.evidence_abstained += evidence_abstained_;
  const auto add_times = [&](std::string_view name, const std::array<std::uint64_t, kKnownCount>& counts) {
    if (std::all_of(counts.begin(), counts.end(), [](std::uint64_t n) { return n == 0; })) return;
    auto& sum = summary.times[std::string(name)];
    for (std::size_t i = 0; i < kKnownCount; ++i) sum[i] += counts[i];
  };
  for (std::size_t t = 0; t < kTargetCount; ++t) add_times(name_of(static_cast<Target>(t)), times_[t]);
  add_times("touchpoints", touch_times_);
  for (const auto& [target, use] : bad_) {
    BadValue& sum = summary.bad_values[target];
    if (sum.count == 0 || std::pair(use.file, use.offset) < std::pair(sum.file, sum.offset)) {
      sum.file = use.file;
      sum.offset = use.offset;
      sum.found = use.found;
      sum.message = use.message;
      sum.cure = use.cure;
    }
    sum.count += use.count;
  }
  for (std::size_t t = 0; t < kTargetCount; ++t) {
    if (vocabularies_[t].empty() || static_cast<Target>(t) == Target::resolved) continue;
    if (vocabularies_[t].overflowed()) summary.too_many_words.emplace(name_of(static_cast<Target>(t)));
    vocabularies_[t].each([&](const std::string& word, const Vocabulary::Entry& entry) {
      WordUse& use = summary.words[std::string(name_of(static_cast<Target>(t)))][word];
      use.count += entry.count;
      use.meaning = entry.meaning;
      if (static_cast<Target>(t) == Target::channel && entry.channel == Channel::none && default_channel_ != Channel::none) {
        use.meaning = fmt::format("{} (default_channel)", name_of(default_channel_));
      }
    });
  }
  const auto add_field = [&](const std::string& name, const FieldUse& use) {
    FieldUse& sum = summary.fields[name];
    sum.mapped += use.mapped;
    sum.carried += use.carried;
    sum.empty += use.empty;
    for (const auto& [rule, count] : use.dropped) sum.dropped[rule] += count;
  };
  for (const auto& [name, use] : past_fields_) add_field(name, use);
  for (std::size_t i = 0; i < plans_.steps.size(); ++i)
    add_use(summary.fields[plans_.fields[i]->name], *plans_.fields[i], plans_.steps[i]);
  for (std::size_t i = 0; i < transient_plans_.steps.size(); ++i)
    add_use(summary.fields[kOtherNames], *transient_plans_.fields[i], transient_plans_.steps[i]);
  for (const auto& [name, rules] : record_drops_) {
    for (const auto& [rule, count] : rules) summary.fields[name].dropped[rule] += count;
  }
  for (const std::string& note : notes_) {
    if (std::find(summary.notes.begin(), summary.notes.end(), note) == summary.notes.end()) summary.notes.push_back(note);
  }
}

}  // namespace crosswalk
