// Set-up, names, the way of one record, what goes out, and the books. The record's fields: take.cpp; what they mean:
// understand.cpp.
#include "normalize/normalizer.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <utility>

#include "characters.hpp"
#include "encode/conversation_json.hpp"
#include "encode/json_text.hpp"
#include "encode/reject_json.hpp"
#include "framing/csv_inside.hpp"
#include "framing/csv_rule.hpp"
#include "merge/ledger.hpp"
#include "normalize/placeholders.hpp"
#include "pipeline/header.hpp"
#include "pipeline/newest.hpp"
#include "pipeline/notes.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

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

void count_reject(Books& books, std::string_view code, std::string_view message, std::string_view cure) {
  const bool known = books.rejected.contains(code);  // the example is of the first one only
  books.reject(code, known ? std::string() : fmt::format("{}; {}", message, cure));
}

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
  marks.clear();
  books = Books();
  written = bytes = 0;
  error.reset();
}

Normalizer::Normalizer(const SourceConfig& source)
    : source_(source),
      default_channel_(channel_of(source.default_channel)),
      later_reader_(source.time_format, source.zone, Disambiguation::later, source.zones.get()),
      earlier_reader_(source.time_format, source.zone, Disambiguation::earlier, source.zones.get()) {
  readers_.reserve(kReaders);
  for (std::size_t i = 0; i < kReaders; ++i)
    readers_.emplace_back(source.time_format, source.zone, source.disambiguation, source.zones.get());
  if (source.texts) text_numbers_.emplace(*source.texts);
  names_met_.fields.resize(source.fields.size());
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
  settle_words();
  return {};
}

/// What the settings say of words, and which texts are no id and no status.
void Normalizer::settle_words() {
  filters_deleted_ =
      source_.filter_deleted && !source_.contributes;  // else the merge knows which of its records is the last word
  statuses_as_given_ = vocabulary(Target::status).empty();
  resolved_as_given_ = vocabulary(Target::resolved).empty();
  for (const SourceConfig::Word& w : source_.words) {
    sets_channels_ |= w.target == Target::channel;
    if (w.word == "*") {
      vocabulary(w.target).set_rest(w.meaning);
    } else {
      vocabulary(w.target).add(w.word, w.meaning, Rule::value_map_setting);
    }
  }
  if (!source_.placeholders) return;
  for (const Target target : {Target::external_id, Target::queue_id, Target::assigned_agent_id, Target::customer_id,
                              Target::status, Target::resolved}) {
    for (const std::string_view placeholder : placeholder_words()) vocabulary(target).add_placeholder(placeholder);
  }
}

// ---- names ------------------------------------------------------------------------------------------------------

void Normalizer::add_use(FieldUse& use, const FieldPlan& p, const Step& s) const {
  use.read += s.read + rows_;
  use.repeated += s.repeated + (s.also_carried ? s.mapped : 0);
  use.with_record += s.with_record;
  use.mapped += s.mapped;
  use.carried += s.carried;
  use.empty += s.empty;
  if (s.dropped != 0) use.dropped[p.drop_rule] += s.dropped;
}

void Normalizer::forget_transient_plans() {
  for (std::size_t i = 0; i < transient_plans_.steps.size(); ++i)
    add_use(past_fields_[kOtherNames], *transient_plans_.fields[i], transient_plans_.steps[i]);
  transient_plans_.clear();
  std::erase_if(objects_, [](const Object& object) { return object.id >= NameTable::kStable; });
}

void Normalizer::forget_names() {
  for (std::size_t i = 0; i < plans_.steps.size(); ++i)
    add_use(past_fields_[plans_.fields[i]->name], *plans_.fields[i], plans_.steps[i]);
  plans_.clear();
  rows_ = 0;
  forget_transient_plans();
  bound_keys_.clear();
  keys_differ_ = true;
  names_ = NameTable();
  last_shape_.clear();
  claimed_names_.assign(source_.fields.size(), {});
  met_alias_.assign(source_.fields.size(), false);
  walker_.reset();
  walks_.clear();
  objects_.clear();
}

Result<void> Normalizer::start_csv(const CsvDialect& dialect) {
  const bool same_columns = parser_ && csv_header_ == dialect.header && csv_.delimiter == dialect.delimiter;
  csv_ = dialect;
  if (same_columns) {  // the plan stands
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
  if (auto found = find_aliased_columns(dialect); !found) return with_header(found.error(), source_, dialect);
  if (auto bound = bind_new_names(); !bound) return with_header(bound.error(), source_, dialect);
  row_plan_ = plan_rows(dialect.delimiter);
  note_header();
  id_column_.reset();
  for (std::size_t column = 0; column < plans_.fields.size(); ++column) {
    const auto& mappings = plans_.fields[column]->mappings;
    const auto is_id = [](const Mapping& m) { return m.target == Target::external_id; };
    if (!id_column_ && std::any_of(mappings.begin(), mappings.end(), is_id)) id_column_ = column;
  }
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
  const std::vector<std::string_view> own = names;
  if (!source_.fields.empty()) {
    for (std::size_t i = 0; i < count; ++i) {
      const FieldAlias* const alias = alias_of(own[i], own);
      plan(static_cast<std::uint16_t>(first + i)).alias = alias;
      if (alias != nullptr) names[i] = alias->name;
    }
    if (auto ok = check_aliases(first, own); !ok) return ok;
  }
  if (auto r = translator_->bind(first, names, *this); !r) return r;
  for (std::size_t i = 0; i < count; ++i) {
    const auto id = static_cast<std::uint16_t>(first + i);
    const FieldPlan& p = plan(id);
    if (p.alias != nullptr && !p.known) {
      std::vector<std::string> asked_for;
      for (const auto& [target, column] : source_.info.columns) {
        if (std::find(asked_for.begin(), asked_for.end(), column) == asked_for.end()) asked_for.push_back(column);
      }
      const std::string_view near = nearest(p.alias->name, asked_for);
      return Error{
          Errc::usage,
          fmt::format("setting field.{}: adapter {} asks for no column \"{}\"", p.alias->name, source_.info.id, p.alias->name),
          near.empty() ? fmt::format("it asks for {}, among others", fmt::join(asked_for, ", "))
                       : fmt::format("did you mean \"{}\"?", near)};
    }
    settle(plan(id), step(id), own[i]);
    find_object(id, own[i]);
  }
  return {};
}

/// The setting by which a field is given to the adapter under another name. Names are compared as they are, and folded where
/// no other is the same.
const FieldAlias* Normalizer::alias_of(std::string_view name, const std::vector<std::string_view>& others) {
  const std::string folded = folded_name(name);
  for (std::size_t i = 0; i < source_.fields.size(); ++i) {
    const FieldAlias& alias = source_.fields[i];
    const bool exact = name == alias.column;
    if (!exact &&
        (folded != folded_name(alias.column) || std::find(others.begin(), others.end(), alias.column) != others.end())) {
      continue;
    }
    names_met_.fields[i] = true;
    return &alias;
  }
  return nullptr;
}

/// No two fields may have one name, whether it is their own or given by a setting.
Result<void> Normalizer::check_aliases(std::uint16_t first, const std::vector<std::string_view>& names) {
  for (std::size_t at = 0; at < names.size(); ++at) {
    const FieldAlias* const alias = plan(static_cast<std::uint16_t>(first + at)).alias;
    const std::string folded = folded_name(alias != nullptr ? std::string_view(alias->name) : names[at]);
    for (std::size_t i = 0; i < source_.fields.size(); ++i) {
      if (folded_name(source_.fields[i].name) != folded) continue;
      std::string& claimed = claimed_names_[i];
      if (!claimed.empty() && claimed != names[at] && (met_alias_[i] || alias != nullptr)) {
        return Error{Errc::usage,
                     fmt::format("setting field.{}: \"{}\" and \"{}\" would both be \"{}\"", source_.fields[i].name, claimed,
                                 names[at], source_.fields[i].name),
                     "leave the setting out, or rename one of them"};
      }
      claimed = names[at];
      met_alias_[i] = met_alias_[i] || alias != nullptr;
    }
  }
  return {};
}

/// A setting that names a column which the file lacks would be of no effect, and nobody would say so. A file of several may
/// have the name itself.
Result<void> Normalizer::find_aliased_columns(const CsvDialect& dialect) const {
  for (const FieldAlias& alias : source_.fields) {
    const auto has = [&](std::string_view name) {
      return std::any_of(dialect.header.begin(), dialect.header.end(),
                         [&](const std::string& column) { return folded_name(column) == folded_name(name); });
    };
    if (has(alias.column) || (source_.inputs.size() > 1 && has(alias.name))) continue;
    const std::string_view near = nearest(alias.column, dialect.header);
    return Error{Errc::data, fmt::format("setting field.{}: the file has no column \"{}\"", alias.name, alias.column),
                 near.empty() ? "name a column of the file" : fmt::format("did you mean \"{}\"?", near)};
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
    Buffer comma_key;
    add_comma_key(comma_key, key);
    kept = comma_key.view();
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
  if (s.action == Action::claim && !translator_->translates()) s.action = Action::carry;  // nobody will ask for it
  s.steers = p.steers;
  s.form = p.form;
  s.key = &p.key;
  if (s.action == Action::carry && !s.carries) s.action = Action::drop;
  if (s.action != Action::map || p.mappings.size() != 1) return;
  const Mapping& only = p.mappings.front();
  Vocabulary& vocabulary = vocabularies_[static_cast<std::size_t>(only.target)];
  s.absent = vocabulary.has_absent() ? &vocabulary : nullptr;
  s.action = Action::map_plainly;
  s.target = only.target;
  s.how = only.how;
  s.rank = only.rank;
}

void Normalizer::map(std::uint16_t field, Target target, How how, std::uint32_t rank) {
  FieldPlan& p = plan(field);
  if (target == Target::none) {  // translate() reads it
    p.action = Action::claim;
    p.known = p.steers = true;
    return;
  }
  p.action = Action::map;
  p.known = true;
  p.mappings.push_back({target, how, rank});
}

void Normalizer::carry(std::uint16_t field, std::string_view name, Form form) {
  FieldPlan& p = plan(field);
  if (p.action == Action::drop) p.action = Action::carry;
  p.known = true;
  if (p.alias == nullptr) p.name = std::string(name);  // else its own name stays
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
  if (p.alias == nullptr) p.name = std::string(name);
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
  if (block.unusual.irregular != 0 || !block.unusual.inner_lines.empty()) count_unusual(block);
}

/// What framing decided by a rule, or could not decide.
void Normalizer::count_unusual(const Block& block) {
  if (survey_ != nullptr || batch_->error) return;
  const auto found = [&](std::size_t at, std::string message, std::string_view cure) {
    Finding finding;
    finding.message = std::move(message);
    finding.cure = source_.cure(cure);
    finding.line = block.line_of(at);
    return finding;
  };
  if (const std::uint32_t at = block.unusual.first_irregular; block.unusual.irregular != 0) {
    findings_.add(
        "irregular_quotes", {file_, block.offset + at},
        [&] {
          const std::string_view rest(block.data.data() + at, block.size - at);
          const std::string_view row = rest.substr(0, rest.find_first_of("\r\n"));
          std::string cure = "double a quote that is part of the text, and put the whole field in quotes";
          const bool backslash = csv_.quotes == CsvQuotes::rfc4180 && row.find("\\\"") != std::string_view::npos;
          if (backslash) cure += csv::kBackslashHint;
          return found(at, "the row is not RFC 4180, and was read by Python's rule", cure);
        },
        block.unusual.irregular);
  }
  for (const std::uint32_t inner : block.unusual.inner_lines) {
    const auto inside = find_rows_inside(block, inner, csv_, id_column_);
    if (!inside) continue;
    findings_.add("rows_inside_field", {file_, block.offset + inside->begin}, [&] {
      const std::string column =
          inside->column < csv_.header.size() ? csv_.header[inside->column] : fmt::format("column {}", inside->column + 1);
      return found(
          inside->begin,
          fmt::format("the field \"{}\" holds {} of the file's own rows; perhaps the quote that opens it is part of the text",
                      column, inside->rows),
          "look at the row; --set max_lines_in_field=N rejects a row with a longer field, and reads on in its next line");
    });
  }
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
  ++rows_;
  take(row);
  finish_record();
}

bool Normalizer::begin_record(const Place& place) {
  if (batch_->error) return false;  // the run ends here
  place_ = place;
  lasting_ = place.raw;
  ++batch_->books.read;
  outcome_ = Outcome::going;
  filled_ = plain_ = sets_ = asked_ = open_ = 0;
  blank_names_.clear();
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
  taken_back_ = 0;
  refused_end_ = false;
  scratch_text_.clear();
  forget(conversation_);
  absent_id_ = Field();
  duplicate_keys_ += place.duplicate_keys;
  if (source_.observer != nullptr) begin_report();
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
  reject(error.code == Errc::usage ? "bad_setting" : "adapter_failed", "", "", error.message, error.cure);
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
    look_at_values();
    return;
  }
  if (!objects_.empty()) [[unlikely]]
    refuse_objects();
  if (outcome_ == Outcome::going) understand();
  if (translates_ids_ && outcome_ == Outcome::going) translate_ids();
  if (open_ != 0) [[unlikely]]
    settle_claims();  // nothing is carried with a record that goes nowhere
  place_gathered();   // of refused and filtered records too: the books count every field that was read
  if (source_.observer != nullptr) end_report();
  if (outcome_ == Outcome::going) emit();
}

void Normalizer::on_fault(const FrameFault& fault) {
  translate_held();
  if (batch_->error) return;
  const std::string cure = source_.cure(fault.cure.empty() ? std::string_view(kCorrectSource) : std::string_view(fault.cure));
  ++batch_->books.read;
  count_reject(batch_->books, fault.code, fault.message, cure);
  if (source_.observer != nullptr) report_fault(fault, cure);
  if (source_.want_ledger)
    add_ledger_entry(batch_->ledger, source_.number, {file_, fault.line, fault.offset}, Fate::rejected, fault.code);
  if (!source_.want_rejects) return;
  add_reject(batch_->rejects, {source_.name, source_.inputs[file_], fault.line, fault.offset, fault.code, fault.field,
                               fault.found, fault.message, cure, fault.text, fault.size});
}

void Normalizer::on_repeated_header(const Place& place) { filter_row("repeated header", place); }

void Normalizer::on_blank_row(const Place& place) { filter_row("blank row", place); }

void Normalizer::filter_row(std::string_view rule, const Place& place) {
  translate_held();
  if (batch_->error) return;
  ++batch_->books.read;
  batch_->books.filter(rule);
  place_ = place;
  if (source_.want_ledger) add_ledger_entry(batch_->ledger, source_.number, {file_, line(), place.offset}, Fate::filtered, rule);
  if (source_.observer == nullptr) return;
  outcome_ = Outcome::filtered;
  filled_ = 0;
  begin_report();
  reports_ = false;  // it has no fields
  report_.code = rule;
  end_report();
}

void Normalizer::on_unusual_row(Unusual what, const Place& place) {
  if (survey_ != nullptr || batch_->error) return;
  struct Words {
    std::string_view code, message, cure;
  };
  constexpr Words kWords[] = {
      {"byte_order_mark", "a byte order mark stands before the row, and was taken off it",
       "files were put together that each had one"},
      {"short_row", "the row lacks its last fields, which were read as empty", "--set short_rows=reject rejects such rows"},
      {"last_row_unended", "the last row has no line end, where all others have one; perhaps the file was cut off there",
       "see whether the row is whole; export the file again if it is not"},
      {"end_of_file_mark", "the end-of-file mark of old systems (Ctrl-Z) stands behind the last row, and was taken off it",
       "nothing needs to be done"},
      {"end_of_file_mark", "the end-of-file mark of old systems (Ctrl-Z) stands before the row, and was taken off it",
       "files were put together that each had one"},
  };
  const Words& words = kWords[static_cast<std::size_t>(what)];
  findings_.add(words.code, {file_, place.offset}, [&] {
    Finding finding;
    finding.message = words.message;
    finding.cure = source_.cure(words.cure);
    finding.line = block_->line_of(static_cast<std::size_t>(place.raw.data() - block_->data.data()));
    return finding;
  });
}

// ---- out ------------------------------------------------------------------------------------------------------------

void Normalizer::emit() {
  ++batch_->books.translated;
  touchpoints_ += touches_.size() - taken_back_;
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
  const std::size_t begun = out.size();
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
  if (source_.marks_lines) mark_line(out.size() - begun);
}

/// A record without a line: what was written of its conversation before may go for it.
void Normalizer::mark_deletion() {
  batch_->id_hashes.push_back(hash64(conversation_.external_id));
  scratch_.clear();
  add_json_string(scratch_, conversation_.external_id);
  mark_line(0, scratch_.view().substr(1, scratch_.size() - 2));
}

/// For when its id comes again. `id`: as LineMark says.
void Normalizer::mark_line(std::size_t size, std::string_view id) {
  LineMark mark;
  mark.size = static_cast<std::uint32_t>(size);
  mark.id = id;
  if (has(Target::version)) {
    const Slot& s = slot(Target::version);
    mark.dated = true;
    mark.kind = s.value.kind;
    mark.how = s.how;
    mark.updated = s.value.view();
    if (has(Target::time_zone)) mark.zone = trimmed(slot(Target::time_zone).value.view());
  }
  if (source_.column_sets) {
    if (record_ != nullptr) set_columns(contribution_);  // a row of CSV has the header's
    mark.columns = record_ != nullptr ? contribution_.column_set : header_set_;
  }
  add_mark(batch_->marks, mark);
}

/// By the job's template; without one the record's own id.
std::string_view Normalizer::external_id() {
  if (source_.external_id.plain()) return conversation_.external_id;
  key_.clear();
  source_.external_id.write({conversation_.external_id, conversation_.platform, source_.instance, source_.name, scope()}, key_);
  return key_;
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
  c.scope = scope();
  conversation_.external_id = external_id();
  c.version = version_;
  c.says = (filled_ & ~kFewKnow) != 0 ? ~std::uint32_t{0} : Contribution::kSaysPlatform | Contribution::kSaysChannel;
  c.origin = {file_, line(), place_.offset};
  c.metadata = metadata_;
  c.touchpoints = touches_;
  c.refused_end = refused_end_;
  if (source_.column_sets && source_.is_snapshot()) set_columns(c);
  add_entry(batch_->contributions, c, conversation_, text_numbers_ ? &*text_numbers_ : nullptr);
}

// Which columns a record of a snapshot has: what it has blank erases what an older one says, what it lacks does not.

void Normalizer::add_column(std::uint16_t id) {
  const FieldPlan& p = plan(id);
  std::uint32_t targets = 0;
  for (const Mapping& m : p.mappings) targets |= 1U << static_cast<unsigned>(m.target);
  set_text_.add(names_.name(id), p.key.name, targets);
  if (p.key.path != p.key.name) set_text_.add(names_.name(id), p.key.path, targets);
}

/// The number of the set that was told. Where it has none, its text goes into `own`.
std::uint32_t Normalizer::keep_set(std::string& own) {
  const std::string_view text = set_text_.finish();
  const std::uint32_t number = source_.column_sets->add(text);
  own = number == ColumnSets::kNone ? text : std::string_view();
  return number;
}

void Normalizer::note_header() {
  if (!source_.column_sets || !source_.is_snapshot()) return;
  set_text_.begin(false);
  for (std::size_t id = 0; id < csv_header_.size(); ++id) add_column(static_cast<std::uint16_t>(id));
  header_set_ = keep_set(own_header_set_);
}

void Normalizer::set_columns(Contribution& c) {
  if (record_ == nullptr) {
    c.column_set = header_set_;
    c.own_column_set = own_header_set_;
    return;
  }
  shape_.assign(reinterpret_cast<const char*>(&asked_), sizeof asked_);
  bool lasting = true;  // ids mean the same for the next record
  for (const Field& field : *record_) {
    lasting &= field.id < NameTable::kStable;
    shape_.append(reinterpret_cast<const char*>(&field.id), sizeof field.id);
  }
  for (const std::string_view name : blank_names_) shape_.append(name).push_back('\0');
  if (!lasting || shape_ != last_shape_) {
    set_text_.begin(walker_ != nullptr);
    for (const Field& field : *record_) add_column(field.id);
    if (asked_ != 0) set_text_.add({}, {}, asked_);
    for (const std::string_view name : blank_names_) {
      Buffer key;
      add_comma_key(key, name);
      set_text_.add({}, scratch_text_.keep(key.view().substr(1)), 0);
    }
    last_set_ = keep_set(last_own_set_);
    last_shape_ = lasting ? shape_ : std::string();
  }
  c.column_set = last_set_;
  c.own_column_set = last_own_set_;
}

void Normalizer::reject(std::string_view code, std::string_view field, std::string_view found, std::string_view message,
                        std::string_view in_options) {
  if (outcome_ == Outcome::refused) return;
  const std::string cure = source_.cure(in_options);
  if (source_.observer != nullptr) report_reject(code, field, found, message, cure);
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
  for (std::size_t t = 0; t < kTargetCount; ++t) {
    for (const auto& [reason, bad] : bad_[t]) {
      BadValue& sum = summary.bad_values[std::string(name_of(static_cast<Target>(t)))][reason];
      const std::uint64_t before = sum.count;
      if (before == 0 || std::pair(bad.file, bad.offset) < std::pair(sum.file, sum.offset)) {
        sum = bad;
        if (bad.file < source_.inputs.size()) sum.input = source_.inputs[bad.file];
      }
      sum.count = before + bad.count;
    }
  }
  findings_.enter(source_.inputs, summary);
  for (std::size_t t = 0; t < kTargetCount; ++t) {
    if (vocabularies_[t].empty()) continue;
    const bool resolved = static_cast<Target>(t) == Target::resolved;
    if (vocabularies_[t].overflowed()) summary.too_many_words.emplace(name_of(static_cast<Target>(t)));
    vocabularies_[t].each([&](const std::string& word, const Vocabulary::Entry& entry) {
      if (resolved && (entry.known || !entry.meaning.empty())) return;  // of these the words of the status say enough
      WordUse& use = summary.words[std::string(name_of(static_cast<Target>(t)))][word];
      use.count += entry.count;
      use.meaning = entry.meaning;
    });
  }
  for (const auto& [name, use] : past_fields_) summary.fields[name] += use;
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
