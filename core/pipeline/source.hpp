// One source, made ready: settings checked, zone found, formats parsed. Immutable and shared by the workers.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "crosswalk/job.hpp"
#include "crosswalk/record.hpp"
#include "crosswalk/time.hpp"
#include "crosswalk/translate.hpp"
#include "framing/csv.hpp"
#include "io/input.hpp"
#include "merge/column_sets.hpp"
#include "merge/id_template.hpp"
#include "merge/identity.hpp"
#include "merge/shared_texts.hpp"
#include "normalize/decimal.hpp"
#include "normalize/evidence.hpp"
#include "normalize/observer.hpp"

namespace crosswalk {

/// A kind of id that a table may translate, and what is done about ids that it does not have.
enum class IdKind : std::uint8_t { agent, queue, customer };
inline constexpr std::size_t kIdKinds = 3;
[[nodiscard]] std::string_view name_of(IdKind kind);  ///< "agent"
struct IdUse {
  std::shared_ptr<const IdTable> table;  ///< null: ids stay as they are
  IdRule::Unknown unknown = IdRule::Unknown::keep;
};

/// A cure that speaks of the options of `translate`, in the words of a job file: `--set a=b` is a setting there.
[[nodiscard]] std::string job_words(std::string_view cure);

/// A column of the inputs that stands for one that the adapter asks for: the setting field.<name>=<column>.
struct FieldAlias {
  std::string name, column;
};

/// The status of a conversation that its source has deleted, and the rule by which its records are left out.
inline constexpr std::string_view kDeletedStatus = "deleted", kDeletedRule = "deleted";

struct SourceConfig {
  std::string name;
  AdapterInfo info;
  std::shared_ptr<const Adapter> adapter;
  std::map<std::string, std::string, std::less<>> settings;  ///< with the adapter's defaults filled in
  std::map<std::string, std::string, std::less<>> given;     ///< those that were given, as they were

  std::string platform;
  std::string instance;  ///< account of the vendor; empty: not said
  std::string default_channel;
  bool platform_is_set = false, default_channel_is_set = false;  ///< by a setting; else the adapter says it
  /// `channel.<word>=`, `status.<word>=`, `resolved.<word>=`; a word `*` stands for all remaining ones.
  struct Word {
    Target target = Target::none;
    std::string word, meaning;
    friend bool operator==(const Word&, const Word&) = default;
  };
  std::vector<Word> words;
  bool placeholders = true;            ///< `NULL` and its like are absent in ids and status
  bool customers_are_numbers = false;  ///< as far as they were looked at: `612 345 678` is no phone number there
  bool filter_deleted = true;          ///< conversations whose status is kDeletedStatus are left out
  bool decimal_ids = false;            ///< ids whose fraction is zero are taken for whole numbers
  enum class Metadata : std::uint8_t { all, mapped, none, listed };
  Metadata metadata = Metadata::all;
  std::set<std::string, std::less<>> metadata_names;
  bool include_bodies = false;
  bool reject_bad_values = false;
  bool fold = false;         ///< records are parts of conversations: what one lacks, another may say
  bool in_job = false;       ///< cures speak of the job file's keys, not of options
  bool contributes = false;  ///< records go to the merge, not straight to the output
  bool enrich = false;       ///< records only add to conversations that others say
  std::uint32_t number = 0;  ///< index in the job
  IdTemplate external_id;
  std::array<IdUse, kIdKinds> ids;          ///< by IdKind
  std::shared_ptr<SharedTexts> texts;       ///< of the merge that records go to; may be null
  std::shared_ptr<ColumnSets> column_sets;  ///< likewise, of a snapshot
  bool want_ledger = false;
  bool read_ahead = false;             ///< compressed inputs are decompressed by a thread of their own
  RecordObserver* observer = nullptr;  ///< is told what becomes of records; null in a run
  bool want_rejects = true;            ///< reject lines are written somewhere
  Limits limits;
  char delimiter = 0;  ///< 0: found out
  CsvQuotes quotes = CsvQuotes::rfc4180;
  std::uint64_t header_row = 0;  ///< 0: found out
  bool short_rows = false;       ///< rows of CSV may lack their last fields
  std::size_t max_lines_in_field = 0;
  std::vector<FieldAlias> fields;
  std::string records_at;  ///< JSON Pointer; empty: found out
  std::string time_zone_column;

  std::shared_ptr<const ZoneDatabase> zones;
  const Zone* zone = nullptr;
  const Zone* utc = nullptr;
  std::string zone_name;
  Disambiguation disambiguation = Disambiguation::compatible;
  TimeFormat time_format;
  bool time_format_given = false;                              ///< else it is concluded from the inputs
  DecimalMark decimal = DecimalMark::unknown;                  ///< of all numbers; unknown: as each field's own, then as most are
  std::map<std::string, DecimalMark, std::less<>> decimal_of;  ///< by field; concluded from the inputs
  bool decimal_given = false;
  bool numbers_are_known = false;          ///< all of them were looked at, not only those in the heads of the inputs
  std::int64_t latest_likely = INT64_MAX;  ///< seconds since 1970; later times are counted. A day after the run's beginning
  std::shared_ptr<const Evidence> evidence;

  std::vector<std::string> inputs;                                    ///< globs expanded
  std::shared_ptr<Archives> archives = std::make_shared<Archives>();  ///< that inputs are members of

  /// Records are whole conversations: a newer one replaces what an older one said.
  [[nodiscard]] bool is_snapshot() const { return info.role == RecordRole::conversation; }

  /// What `translate` does about a snapshot's records whose ids come again.
  enum class Repeats : std::uint8_t {
    newest,  ///< the output holds the newest one, at its place, where it is a file; else it is said
    merge,   ///< they are merged
    all,     ///< each is written as it comes
  };
  Repeats repeats = Repeats::newest;
  bool marks_lines = false;  ///< of streamed lines, size and update time are wanted

  /// Whether a field of that kind may be a time. A number is one only where times are numbers.
  [[nodiscard]] bool takes_as_time(Kind kind) const {
    const TimeFormat::Form form = time_format.form();
    const bool epoch = time_format.reads_other_forms() || form == TimeFormat::Form::epoch_s ||
                       form == TimeFormat::Form::epoch_ms || form == TimeFormat::Form::epoch_us ||
                       form == TimeFormat::Form::epoch_ns;
    return kind == Kind::cell || kind == Kind::string || (kind == Kind::number && epoch);
  }

  [[nodiscard]] CsvOptions csv_options() const {
    CsvOptions options;
    options.delimiter = delimiter;
    options.limits = limits;
    options.quotes = quotes;
    options.header_row = header_row;
    options.short_rows = short_rows;
    options.max_lines_in_field = max_lines_in_field;
    return options;
  }

  [[nodiscard]] std::string cure(std::string_view text) const { return in_job ? job_words(text) : std::string(text); }

  /// Whether a metadata entry of that name, made by the merge, is wanted.
  [[nodiscard]] bool carries(std::string_view entry) const {
    return metadata == Metadata::listed ? metadata_names.contains(entry) : metadata != Metadata::none;
  }
};

/// What the settings say of CSV, where they are sound; what is not is for make_source() to refuse.
[[nodiscard]] CsvOptions csv_options_of(const std::map<std::string, std::string, std::less<>>& settings);

/// Settings that have another name now.
[[nodiscard]] Result<void> check_renamed(const std::map<std::string, std::string, std::less<>>& settings);

/// Checks options against the adapter's manifest. Unknown settings are errors with the nearest name.
[[nodiscard]] Result<SourceConfig> make_source(const TranslateOptions& options, std::shared_ptr<const Adapter> adapter,
                                               std::vector<std::string> inputs);

}  // namespace crosswalk
