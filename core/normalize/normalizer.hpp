// The normalizer: named text fields in, understood conversations out. One per worker.
//
// An adapter has said what each field is, once per name (the plan). Per record the normalizer gathers the fields by
// target, understands the winners (time, duration, channel, score, id) and either writes the conversation (a source
// whose records are whole) or hands on a contribution (a source whose records add up). Nothing is allocated per field.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "arena.hpp"
#include "crosswalk/adapter.hpp"
#include "encode/buffer.hpp"
#include "framing/csv.hpp"
#include "framing/framing.hpp"
#include "framing/json.hpp"
#include "framing/lines.hpp"
#include "merge/contribution.hpp"
#include "normalize/column_counts.hpp"
#include "normalize/decimal.hpp"
#include "normalize/evidence.hpp"
#include "normalize/id_text.hpp"
#include "normalize/observer.hpp"
#include "normalize/vocabulary.hpp"
#include "pipeline/books.hpp"
#include "pipeline/findings.hpp"
#include "pipeline/source.hpp"

namespace crosswalk {

/// What one block became. Made by a worker, used up by the writer, in input order.
struct Batch {
  Buffer out;            ///< encoded records, a line each (streamed sources)
  Buffer rejects;        ///< reject lines
  Buffer contributions;  ///< entries for the merge (sources that contribute)
  Buffer ledger;         ///< ledger entries, of all records that are no contributions
  Buffer unknown_ids;    ///< ids that a table does not have, as entries: kind and platform, id
  std::array<std::uint64_t, kIdKinds> known_ids{};
  std::vector<std::uint64_t> id_hashes;  ///< of the records in `out`
  Buffer marks;                          ///< of them, where the source marks lines
  Books books;
  std::uint64_t written = 0, bytes = 0;
  std::optional<Error> error;  ///< ends the run once everything before it is written

  void clear();
  [[nodiscard]] std::size_t held() const {  ///< bytes
    return out.size() + rejects.size() + contributions.size() + ledger.size();
  }
};

/// Looks at the values of a source before it is translated.
struct Survey {
  struct Numbers {
    bool point = false, comma = false, ambiguous = false;
  };
  std::map<std::string, Numbers, std::less<>> numbers;  ///< with separators, by field
  bool customers_are_numbers = false;
  TimeColumn column;
  EvidenceCollector* evidence = nullptr;  ///< may be null
};

/// Of customers' satisfaction.
inline bool is_score(Decimal value) { return !less(value, {1, 0}) && !less({5, 0}, value); }

class Normalizer final : public RecordHandler, private Receiver, private Binder {
 public:
  explicit Normalizer(const SourceConfig& source);
  ~Normalizer() override;

  /// Opens the adapter's translator. Call once, first.
  Result<void> open();

  /// A new input whose names have nothing to do with the ones before. For CSV, with its header.
  Result<void> start_csv(const CsvDialect& dialect);
  Result<void> start_json();

  /// Translates a block of the current input into `batch`. `file` is the input's number.
  void process(const Block& block, std::uint32_t file, Batch& batch);

  /// Adds this worker's counts. Sums only, so the order of workers does not matter.
  void account(Summary& summary) const;

  /// What of the settings' field names some field had.
  struct NamesMet {
    std::set<std::string_view> metadata;
    bool time_zone_column = false;
    std::vector<bool> fields;  ///< by index in SourceConfig::fields
  };
  [[nodiscard]] const NamesMet& names_met() const { return names_met_; }

  /// From now on times are only looked at: nothing is translated.
  void survey(Survey* survey) { survey_ = survey; }

 private:
  struct Mapping {
    Target target;
    How how;
    std::uint32_t rank;
  };
  enum class Action : std::uint8_t { carry, map, map_plainly, drop, claim };
  /// A key of metadata: `"Priority":`, and the full path for where two fields share a name. Padded as MetadataWriter wants
  /// them.
  struct Key {
    std::string_view name, path;
    std::uint64_t name_hash = 0, path_hash = 0;
  };
  /// All that the loop over a record's fields looks at, by name.
  struct Step {
    Action action = Action::carry;  // carry: of fields that may be carried; map_plainly: to one target
    Target target = Target::none;   // of map_plainly, like how and rank
    How how = How::as_configured;
    Form form = Form::as_is;
    bool carries = true;        // may go into metadata at all
    bool also_carried = false;  // mapped, and asked for by name
    std::uint32_t rank = 0;
    Vocabulary* absent = nullptr;  // of map_plainly: words that mean nothing is there
    const Key* key = nullptr;
    std::uint64_t read = 0;  // in records with fields; of rows all columns are read
    std::uint64_t mapped = 0, carried = 0, empty = 0, dropped = 0, repeated = 0, with_record = 0;
    bool steers = false;  // claimed: what the adapter does nothing else with was mapped
    bool open = false;    // claimed: the adapter did nothing with it yet
    bool blank = false;   // ... but ask for a target of which it says nothing
    [[nodiscard]] bool is_absent(std::string_view text) const { return absent != nullptr && absent->is_absent(text); }
  };
  struct FieldPlan {
    Action action = Action::carry;
    Form form = Form::as_is;
    bool known = false;                 // the adapter named it
    const FieldAlias* alias = nullptr;  // the adapter knows it by another name
    bool body = false;                  // message text
    bool steers = false;                // claimed: translate() reads it wherever it is
    std::vector<Mapping> mappings;
    std::string name;                       // in metadata
    std::string comma_key, comma_path_key;  // `,"Priority":` and the slack that MetadataWriter wants
    Key key;                                // views of these
    std::string drop_rule;
    std::string_view last_rule;  // by which a record's field was dropped, and where that is counted
    std::uint64_t* last_rule_drops = nullptr;
  };
  /// What is known of names with ids from some id on.
  struct Plans {
    std::vector<std::unique_ptr<FieldPlan>> fields;  // keys point into them
    std::vector<Step> steps;
    void clear() {
      fields.clear();
      steps.clear();
    }
  };
  /// What is done with the columns of CSV, where they say everything.
  struct RowPlan {
    enum class How : std::uint8_t {
      take,         ///< as any field
      fill,         ///< to its one target, which no other column wants
      fill_each,    ///< to several such
      write,        ///< into metadata, at once
      carry_rival,  ///< into metadata, what settle_rivals() counts
      drop,
    };
    struct Column {
      How how = How::drop;
      bool writes = false;           ///< of fill: into metadata as well
      Target target = Target::none;  ///< of fill; all of its slot but the text is there
      Vocabulary* absent = nullptr;  ///< of fill
      std::string_view key;          ///< of what is written, with the comma before it
    };
    /// 64 columns, a bit each.
    struct Word {
      std::uint64_t used = 0, counted = 0;
      std::vector<std::uint16_t> dropped;  ///< only counted, and by their number
      ColumnCounts filled;                 ///< of the block at hand
    };
    std::vector<Column> columns;
    std::vector<Word> words;
    std::vector<std::vector<std::uint16_t>> rivals;  ///< columns that want one target, the best first
    std::array<bool, 256> may_be_blank{};            ///< a cell that has bytes, by the first of them; or it is quoted
    std::uint64_t rows = 0;                          ///< of the block at hand
  };
  struct Slot {
    Field value;
    How how = How::as_configured;
    std::uint16_t at = 0;  // index of the field in the record
    std::uint32_t rank = 0;
  };
  struct Item {  // one metadata entry of the current record
    const Key* key = nullptr;
    Field value;
    Form form = Form::as_is;
    bool by_path = false;
    [[nodiscard]] std::string_view name() const { return by_path ? key->path : key->name; }
    [[nodiscard]] std::uint64_t hash() const { return by_path ? key->path_hash : key->name_hash; }
  };
  /// A field that was gathered for several targets, or lost its only one; whether it is used is known once all are
  /// understood.
  struct Gathered {
    Field value;
    std::uint32_t targets = 0;  // a bit each
    std::uint16_t at = kSet;    // index of the field in the record
    bool carried = false;       // into metadata as well, already

    static constexpr std::uint16_t kSet = 0xFF00;  // by the adapter; the first such, the second
  };
  /// A metadata name that the adapter made up.
  struct MadeName {
    std::string name, comma_key;
    Key key;  // views of comma_key
  };
  /// A record that was handed to a remote translator, which has not been asked for its answer.
  struct Held {
    Record record;  // its copy
    Place place;
    enum class Names : std::uint8_t { bound, too_many, refused } names = Names::bound;  // of the elements of its arrays
  };
  /// An array whose elements the adapter has asked for once, and is given from then on.
  struct KnownWalk {
    std::uint16_t field;
    std::string prefix;
  };
  struct Cell;
  /// A field within an object that stands where the adapter asks for a value.
  struct Object {
    std::uint16_t id = 0;  // of the field
    Target target = Target::none;
    std::string_view column;  // what the adapter asks for
  };

  /// The targets of a record that is a touchpoint: nothing else is known.
  static constexpr std::uint32_t kFewKnow =
      1U | 1U << static_cast<unsigned>(Target::external_id) | 1U << static_cast<unsigned>(Target::channel) |
      1U << static_cast<unsigned>(Target::version) | 1U << static_cast<unsigned>(Target::scope) |
      1U << static_cast<unsigned>(Target::time_zone);
  /// Names beyond the room for them, taken together in the books.
  static constexpr const char* kOtherNames = "…";
  /// The rule by which fields of a list's elements are left out that the adapter did nothing with.
  static constexpr std::string_view kListDetail = "list detail";
  static constexpr std::string_view kCorrectSource = "correct the record in the source, or leave it out";

  enum class Outcome : std::uint8_t { going, filtered, refused };

  // RecordHandler
  void on_record(const Record& record, const Place& place) override;
  void on_row(const CsvRow& row, const Place& place) override;
  void on_fault(const FrameFault& fault) override;
  void on_repeated_header(const Place& place) override;
  void on_blank_row(const Place& place) override;
  void on_unusual_row(Unusual what, const Place& place) override;

  // Binder
  void map(std::uint16_t field, Target target, How how, std::uint32_t rank) override;
  void carry(std::uint16_t field, std::string_view name, Form form) override;
  void drop(std::uint16_t field, std::string_view rule) override;
  void body(std::uint16_t field, std::string_view name) override;
  void claim(std::uint16_t field) override;

  // Receiver
  bool set(Target target, How how, std::uint32_t rank, const Field& value) override;
  bool touchpoint(const TouchpointText& touchpoint) override;
  bool carry(std::string_view name, const Field& value, Form form) override;
  bool drop(const Field& value, std::string_view rule) override;
  bool filter(std::string_view rule) override;
  bool refuse(const Refusal& refusal) override;
  bool remark(const Refusal& remark) override;
  bool walk(const Field& array, std::string_view prefix, const std::function<bool(const Record&)>& element) override;

  bool refuse_touchpoint(const TouchpointText& t, TimeFault fault);
  void take_type(const TouchpointText& t, Touchpoint& touch);
  void find_deleted_message();
  void open(const Field& field, Step& step);
  void use(Step& step);
  void settle_claims();
  void find_unused(const Field& field, const Step& step);
  /// The record says of its conversation that it is deleted: whether it goes anywhere, the merge finds out.
  [[nodiscard]] bool is_taken_back() const { return source_.filter_deleted && conversation_.status == kDeletedStatus; }
  void settle_element(const Record& element);
  void drop_by(std::uint16_t id, std::string_view rule);
  void find_drops(FieldPlan& plan, std::uint16_t id, std::string_view rule);
  FieldPlan& plan(std::uint16_t id) {
    return id < NameTable::kStable ? *plans_.fields[id] : *transient_plans_.fields[id - NameTable::kStable];
  }
  Step& step(std::uint16_t id) {
    return id < NameTable::kStable ? plans_.steps[id] : transient_plans_.steps[id - NameTable::kStable];
  }
  Vocabulary& vocabulary(Target target) { return vocabularies_[static_cast<std::size_t>(target)]; }
  void settle_words();
  void add_use(FieldUse& use, const FieldPlan& plan, const Step& step) const;
  Result<void> bind_up_to(Plans& plans, std::size_t count, std::size_t first_id);
  void forget_transient_plans();
  void forget_names();
  Result<void> bind_new_names();
  Result<void> bind_range(std::uint16_t first, std::size_t count);
  void settle(FieldPlan& plan, Step& step, std::string_view path);
  Result<void> find_aliased_columns(const CsvDialect& dialect) const;
  const FieldAlias* alias_of(std::string_view name, const std::vector<std::string_view>& others);
  Result<void> check_aliases(std::uint16_t first, const std::vector<std::string_view>& names);
  void filter_row(std::string_view rule, const Place& place);
  void count_unusual(const Block& block);
  bool is_listed(std::string_view name);

  bool begin_record(const Place& place);
  void finish_record();
  Result<void> bind_names();
  void end_with(const Error& error);
  void hold(const Record& record, const Place& place);
  bool hand_over(const Record& record, const Place& place);
  void translate_held();
  void receive(std::size_t number);
  void take(const Record& record);
  void take(const CsvRow& row);
  template <class Value>
  void take(const Value& value, std::uint16_t at, Step& step);
  void fill_each(const Cell& cell, Step& step);
  void take_mapped(const Field& field, std::uint16_t at, Step& step);
  void drop_blank(const CsvRow& row, const RowPlan::Word& word, std::uint64_t& filled);
  static void uncount(const RowPlan::Column& column, Step& step);
  void count_cells();
  void settle_rivals(const CsvRow& row, const std::vector<std::uint16_t>& columns);
  void settle_rivals(const Field& field, std::uint16_t at, const Step& step);
  void fill(Target target, How how, std::uint32_t rank, const Field& value, std::uint16_t at = Gathered::kSet);
  template <class Value>
  void put(Target target, How how, std::uint32_t rank, const Value& value, std::uint16_t at);
  template <class Value>
  void put_alone(const Value& value, std::uint16_t at, Step& step);
  std::uint16_t next_place();
  [[nodiscard]] bool is_plain(const Field& value) const;
  [[nodiscard]] bool is_absent(Target target, const Field& value) {
    if (!vocabulary(target).is_absent(value.view())) [[likely]]
      return false;
    found_absent(target, value);
    return true;
  }
  void place_gathered();
  void add_unused(const Gathered& gathered);
  [[nodiscard]] RowPlan plan_rows(char delimiter);
  [[nodiscard]] RowPlan::Column plan_column(const Step& step, std::uint16_t number);
  static void add_comma_key(Buffer& out, std::string_view name);
  const Key& key_of_made_name(std::string_view name);
  Item* find_item(std::string_view key, std::uint64_t hash);
  template <class Value>
  void carry(const Value& value, Step& step);
  void add_item(const Key& key, const Field& value, Form form);
  const Key& made_key(std::string_view comma_key);
  [[nodiscard]] bool has(Target target) const { return (filled_ >> static_cast<unsigned>(target) & 1U) != 0; }
  Slot& slot(Target target) { return slots_[static_cast<std::size_t>(target)]; }

  void understand();
  void reject_without_id();
  void understand_id(Target target, std::string_view& to);
  void understand_unusual_id(Target target, std::string_view& to);
  bool understand_id_text(Target target, const Field& value, std::string_view& to);
  void find_cleaned(const IdText& id, const Field& value);
  void refuse_id(Target target, const Field& value, const IdText& id);
  void found_absent(Target target, const Field& value);
  void found_trimmed_word(const Field& value);
  void found_unknown_status(const Field& value);
  void found_unknown_resolved(const Field& value);
  std::string_view resolved_by_status(const Field& value);
  void understand_text(Target target, std::string_view& to);
  void understand_channel();
  void take_default_channel();
  void understand_status();
  void understand_time(Target target, std::size_t reader, std::optional<Instant>& to, Known& how);
  void refuse_time(Target target, TimeFault fault);
  [[nodiscard]] bool is_unlikely(Instant at) const {
    constexpr std::int64_t kFirst = 631'152'000;  // 1990: no export has its times from before
    return static_cast<std::uint64_t>(at.seconds - kFirst) > static_cast<std::uint64_t>(source_.latest_likely - kFirst);
  }
  [[nodiscard]] bool is_placeholder(Instant at) const;
  [[nodiscard]] bool is_placeholder_text(std::string_view text);
  bool accept_unlikely(Target target, Instant at);
  void refuse_placeholder(Target target);
  void find_future(const Field& value);
  void check_order();
  bool settle_by_order(std::int64_t unit);
  TimeReading other_reading(Target target, Known how, bool decided);
  [[nodiscard]] DecimalMark decimal_mark(const Field& value) const;
  std::optional<std::string_view> number_text(Target target, std::string_view code);
  void look_at_number(const Field& value);
  void understand_duration(Target target, std::optional<Decimal>& to);
  void understand_unusual_duration(Target target, std::optional<Decimal>& to);
  void understand_version();
  void understand_resolved();
  void understand_csat();
  std::optional<Decimal> score_of(const Field& value);
  void find_object(std::uint16_t id, std::string_view path);
  void refuse_objects();
  void refuse_object(const Object& object, const Field& part);
  bool find_zone();
  void look_at_values();
  void weigh_evidence();
  [[nodiscard]] TimeComplaint complaint(TimeFault fault, std::string_view text) const;
  /// Whose zone a time without an offset is read in.
  enum class ZoneOf : std::uint8_t { record, documents, source };
  [[nodiscard]] ZoneOf zone_of(How how) const {
    if (has(Target::time_zone)) return ZoneOf::record;
    const bool documents_say = source_.zone == nullptr && (how == How::utc || source_.info.utc_by_document);
    return documents_say ? ZoneOf::documents : ZoneOf::source;
  }
  TimeReading read_time(TimeReader& reader, std::string_view text, Kind kind, How how);
  void bad_value(Target target, std::string_view code, std::string message, const std::string& cure,
                 std::string_view reason = {});
  /// The same out of the way: texts that are made where they are seldom needed would make their function slower.
  [[gnu::noinline]] void refuse_value(Target target, std::string_view code, std::string_view message, std::string_view cure) {
    bad_value(target, code, std::string(message), std::string(cure));
  }
  void refuse_channel(const Field& value);
  static std::string channel_cure(std::string_view word);
  void refuse_status(const Field& value);
  void count_bad(Target target, std::string_view code, std::string_view reason, std::string_view found, std::string message,
                 const std::string& cure);
  /// Of the record at hand; `message`, and `cure` where it is no text, are called for the first one only.
  template <class Message, class Cure>
  void find(std::string_view code, Message&& message, Cure&& cure) {
    findings_.add(code, {file_, place_.offset}, [&] {
      Finding first;
      first.message = message();
      if constexpr (std::is_invocable_v<Cure>) {
        first.cure = source_.cure(cure());
      } else {
        first.cure = source_.cure(cure);
      }
      first.line = line();
      return first;
    });
  }
  [[nodiscard]] std::string field_name(const Field& field) const;
  [[nodiscard]] std::string expected_field(Target target) const;

  void translate_ids();
  bool translate_id(IdKind kind, Target target, std::string_view& id);
  void emit();
  void emit_line();
  void mark_line(std::size_t size, std::string_view id = {});
  void mark_deletion();
  void emit_contribution();
  void note_header();
  void set_columns(Contribution& c);
  void add_column(std::uint16_t id);
  std::uint32_t keep_set(std::string& own);
  [[nodiscard]] std::string_view scope() const {
    return has(Target::scope) ? slots_[static_cast<std::size_t>(Target::scope)].value.view() : std::string_view();
  }
  std::string_view external_id();

  // To the observer (report.cpp).
  void begin_report();
  void end_report();
  void report_fault(const FrameFault& fault, std::string_view cure);
  void report_reject(std::string_view code, std::string_view field, std::string_view found, std::string_view message,
                     std::string_view cure);
  void add_lost(Target target, const Field& value, Rule rule, std::string_view detail);
  [[nodiscard]] RecordReport::Use use_of(Target target);
  /// By which rule a target has its value; without a report the field's text is it.
  void report_made(Target target, Rule rule, std::string_view detail = {}) {
    if (reports_) [[unlikely]]
      add_made(target, rule, detail);
  }
  /// A setting that had a say in what a target became.
  void report_setting(Target target, std::string_view name) {
    if (reports_) [[unlikely]]
      made_by_[static_cast<std::size_t>(target)].settings.push_back(as_given(name));
  }
  [[nodiscard]] std::string as_given(std::string_view name) const;
  void find_settings(RecordReport::Use& use);
  void open_without();
  void bind_as(const Normalizer& other);
  [[nodiscard]] bool says_the_same(Normalizer& other, const RecordReport::Use& use);
  void report_word(Target target, const Vocabulary::Entry& entry) {
    if (reports_) [[unlikely]]
      report_entry(target, entry);
  }
  void add_made(Target target, Rule rule, std::string_view detail);
  void report_entry(Target target, const Vocabulary::Entry& entry);
  [[nodiscard]] std::string detail_of(Target target, std::string_view word, const Vocabulary::Entry& entry) const;
  /// A field that wanted a target and is not its value. `value` is made a field of only where it is reported.
  template <class Value>
  void report_lost_value(Target target, const Value& value, Rule rule) {
    if (reports_) [[unlikely]]
      add_lost(target, value.field(), rule, {});
  }
  void report_lost(Target target, const Field& value, Rule rule, std::string_view detail = {}) {
    if (reports_) [[unlikely]]
      add_lost(target, value, rule, detail);
  }

  void add_value(Buffer& out, const Field& value, Form form);
  void reject(std::string_view code, std::string_view field, std::string_view found, std::string_view message,
              std::string_view cure);
  std::uint64_t line();

  const SourceConfig& source_;
  Channel default_channel_ = Channel::none;
  std::unique_ptr<Translator> translator_;
  RemoteTranslator* remote_ = nullptr;  // the translator's, where it has one
  std::array<Vocabulary, kTargetCount> vocabularies_;
  NameTable names_;
  Plans plans_, transient_plans_;
  std::unique_ptr<BlockParser> parser_;
  std::unique_ptr<JsonArrayWalker> walker_;
  std::vector<std::string> csv_header_;  // empty unless the input is CSV: then ids are the numbers of columns
  RowPlan row_plan_;

  static constexpr std::size_t kStarted = 0, kEnded = 1, kVersion = 2, kTouch = 3, kReaders = 4;
  std::vector<TimeReader> readers_;
  TimeReader later_reader_, earlier_reader_;  // the other reading of a time in doubt
  Survey* survey_ = nullptr;
  const Zone* record_zone_ = nullptr;
  static constexpr std::size_t kZonesKept = 1000, kLongestKept = 255;
  std::map<std::string, Result<const Zone*>, std::less<>> zones_met_;  // by name, unknown ones too: asking again is dear

  // The record at hand.
  const Block* block_ = nullptr;
  Batch* batch_ = nullptr;
  std::uint32_t file_ = 0;
  Place place_;
  std::string_view lasting_;  // text that stays until the record is done
  std::vector<Held> held_;
  Error unbound_;  // why names of a held one were refused
  std::vector<KnownWalk> walks_;
  std::vector<Object> objects_;  // of all names that were met; nearly always none
  Outcome outcome_ = Outcome::going;
  std::uint32_t filled_ = 0;  // a bit for each target
  std::uint32_t plain_ = 0;   // those whose field has no other: it is in its slot only, counted as mapped, not in gathered_
  std::uint32_t sets_ = 0;    // how often the adapter set a target
  std::uint32_t open_ = 0;    // claimed fields that the adapter did nothing with yet, and that do not only steer
  std::array<Slot, kTargetCount> slots_;
  std::vector<Gathered> gathered_, unused_;
  bool walking_ = false;         // text of the record at hand is the walker's: it goes with the next element
  bool writes_through_ = false;  // streamed, and names say everything: metadata is written at once, not kept in items_
  Buffer row_metadata_;
  std::vector<Item> items_;
  std::uint64_t item_bits_ = 0;  // of the hashes of keys
  std::deque<Key> made_keys_;    // of names of the adapter's own, and numbered ones
  static constexpr std::size_t kMadeNames = 16, kLongestMade = 64;
  std::vector<MadeName> made_names_;                             // the first ones; never moved
  bool made_items_ = false;                                      // the adapter carried something under a name of its own
  std::size_t made_ = 0;                                         // how many of them are the record's
  std::unordered_map<std::uint64_t, std::uint32_t> item_index_;  // by hash; of records with many
  std::size_t indexed_items_ = 0;
  bool keys_differ_ = true;  // of all fields bound so far
  std::unordered_set<std::uint64_t> bound_keys_;
  std::vector<Touchpoint> touches_;
  std::size_t taken_back_ = 0;  // of these
  bool refused_end_ = false;
  Conversation conversation_;
  Contribution contribution_;  // all but the conversation
  // Of snapshots that go to the merge: which columns a record has.
  Record given_;                    // the record at hand
  const Record* record_ = nullptr;  // that; null: a row of CSV, which has all of the header
  std::uint32_t header_set_ = ColumnSets::kNone;
  std::string own_header_set_;                 // where that has no number
  std::uint32_t asked_ = 0;                    // targets that the adapter set, maybe to nothing: a bit each
  std::vector<std::string_view> blank_names_;  // names of its own under which it carried nothing
  ColumnSetText set_text_;
  std::string shape_, last_shape_;              // what the set of a record depends on: the record's, and the last one's
  std::uint32_t last_set_ = ColumnSets::kNone;  // kNone: last_own_set_ is it
  std::string last_own_set_;
  Version version_;
  std::string key_;
  std::vector<MetadataItem> metadata_;
  std::optional<TextNumbers> text_numbers_;
  Buffer scratch_;
  Arena scratch_text_;
  TextLines lines_{{}, 1};  // of the block
  bool translates_ids_ = false;
  bool sets_channels_ = false;         // some setting says which channel a word means
  bool filters_deleted_ = false;       // records of deleted conversations, at once
  bool statuses_as_given_ = false;     // the adapter has no value map for them
  bool resolved_as_given_ = false;     // the same
  std::string number_room_;            // of a number that is not as it was written
  std::string id_room_;                // of an id that is not as it was written
  const char* status_text_ = nullptr;  // of the record's status, whatever becomes of that
  Field absent_id_;                    // of the record at hand: a placeholder where its id should be; no text: there was none

  // For the observer.
  struct MadeBy {
    Rule rule = Rule::none;
    std::string detail;
    std::vector<std::string> settings;
  };
  /// The same without one setting of the adapter's that was given: what it says otherwise is by that setting.
  struct Without {
    std::string setting;
    SourceConfig source;
    std::unique_ptr<Normalizer> normalizer;
  };
  bool reports_ = false;  // all that becomes of the record's fields
  std::vector<std::unique_ptr<Without>> without_;
  bool without_opened_ = false;
  RecordReport report_;
  std::array<MadeBy, kTargetCount> made_by_;

  // Counts.
  std::uint64_t touchpoints_ = 0, duplicate_keys_ = 0, leap_seconds_ = 0;
  std::uint64_t evidence_decided_ = 0, evidence_abstained_ = 0;
  std::array<std::array<std::uint64_t, kKnownCount>, kTargetCount> times_{};
  std::array<std::uint64_t, kKnownCount> touch_times_{};
  std::array<std::map<std::string, BadValue, std::less<>>, kTargetCount> bad_;  // by target, by reason
  Findings findings_;
  std::map<std::string, FieldUse, std::less<>> past_fields_;  // of plans that were replaced
  std::uint64_t rows_ = 0;                                    // of CSV that were taken by the plans at hand
  std::map<std::string, std::map<std::string, std::uint64_t, std::less<>>, std::less<>> record_drops_;
  std::vector<std::string> notes_;
  NamesMet names_met_;
  CsvDialect csv_;                        // of the input at hand
  std::optional<std::size_t> id_column_;  // of it
  // Of the input at hand, by index in SourceConfig::fields: which field has the name, and whether the setting gives it.
  std::vector<std::string> claimed_names_;
  std::vector<bool> met_alias_;
};

}  // namespace crosswalk
