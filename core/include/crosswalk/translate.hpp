// translate(): one source, from input files to a sink, with its books. The library's main verb.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "crosswalk/adapter.hpp"
#include "crosswalk/conversation.hpp"
#include "crosswalk/result.hpp"
#include "crosswalk/time.hpp"

namespace crosswalk {

enum class OutputFormat : std::uint8_t {
  jsonl,  ///< one ConversationInput a line
  bulk,   ///< {"conversations":[…]} of at most 500, one a line: the body of one API request
};
inline constexpr std::size_t kBulkSize = 500;  // recommended maximum of the API's rate-limit document

/// When to give up on rejects.
struct RejectLimit {
  std::optional<std::uint64_t> count;
  std::optional<double> percent;
};
/// "12" or "2.5%".
[[nodiscard]] Result<RejectLimit> parse_reject_limit(std::string_view text);

/// One source and what to do with it.
struct TranslateOptions {
  std::string source_name;          ///< shown in rejects and the summary; empty: the adapter's id
  std::string adapter;              ///< id; empty: the adapters bid on the head of the first input
  std::vector<std::string> inputs;  ///< paths, globs, "-"
  bool allow_empty = false;         ///< a pattern may match nothing
  std::string time_zone;            ///< any name ZoneDatabase::find understands; empty: none
  Disambiguation disambiguation = Disambiguation::compatible;
  /// Decide repeated hours by the records themselves where they prove it; where they do not, by `disambiguation`. Reads
  /// the inputs twice, so they must be files.
  bool evidence = false;
  bool enrich = false;  ///< of a job's source: its records only add to conversations that others say
  std::map<std::string, std::string, std::less<>> settings;
  OutputFormat format = OutputFormat::jsonl;
  std::string output = "-";  ///< path; "-" is standard output
  std::string rejects;       ///< path; empty: counted, not written
  std::string summary;       ///< path for Summary::write(), which the caller calls; here to be held against the others
  RejectLimit max_rejects;
  unsigned jobs = 0;      ///< worker threads; 0: one per processor. The output does not depend on it.
  std::string zone_data;  ///< a zoneinfo folder; empty: the system's
};

/// Values that did not fit an optional field, for one reason.
struct BadValue {
  std::uint64_t count = 0;
  std::string code;                              ///< of rejects for that reason
  std::string found, message, cure;              ///< of the first one in the input
  std::string input;                             ///< where that is
  std::uint64_t file = 0, line = 0, offset = 0;  ///< the same
};

/// What a rule decided, or what looks wrong, without costing the record: counted, with the first one in the input.
struct Finding {
  std::uint64_t count = 0;
  std::string message, cure;                     ///< of the first one
  std::string input;                             ///< its input; empty: of no single place
  std::uint64_t file = 0, line = 0, offset = 0;  ///< its place; line 0: of the input as a whole
};

/// One distinct word of a vocabulary and what it became.
struct WordUse {
  std::uint64_t count = 0;
  std::string meaning;  ///< empty: nothing covers it
};

/// What a source that enriches came to.
struct Enrichment {
  std::uint64_t conversations = 0, records = 0;  ///< conversations that it added to, with so many records
  std::uint64_t unmet = 0;                       ///< ids that no conversation of the run has: updates
  std::string unmet_example;                     ///< the first of them in the order of ids
};

/// What became of the values of one source field. Each has one fate: `read + repeated = mapped + carried + empty + with_record +
/// dropped`.
struct FieldUse {
  std::uint64_t mapped = 0, carried = 0, empty = 0;
  std::map<std::string, std::uint64_t, std::less<>> dropped;  ///< by rule
  std::uint64_t read = 0;         ///< how often it came; counted by itself, not as the sum of the others
  std::uint64_t repeated = 0;     ///< fates beyond the first of a value: mapped and carried, or carried under two names
  std::uint64_t with_record = 0;  ///< claimed, in records that were filtered or rejected before the field was used

  FieldUse& operator+=(const FieldUse& other);
  [[nodiscard]] std::uint64_t dropped_total() const;
  [[nodiscard]] bool balances() const { return read + repeated == mapped + carried + empty + with_record + dropped_total(); }
};

/// The accounts of one run. `read = translated + filtered + rejected`, and on the output side
/// `translated = written + merged + superseded + updates`, and per field as FieldUse says: checked by balance().
struct Summary {
  std::string source, adapter, adapter_version;
  std::string role;      ///< of a job's source: "merge" or "enrich"
  std::string instance;  ///< of a job's source; empty: it has none
  std::vector<std::string> inputs;
  std::uint64_t read = 0, translated = 0, filtered_total = 0, rejected_total = 0;
  std::uint64_t superseded = 0;  ///< replaced as a whole by a newer record of the same conversation
  std::uint64_t written = 0, merged = 0, updates = 0, touchpoints = 0, repeated_touchpoints = 0, deleted_touchpoints = 0,
                bytes_read = 0, bytes_written = 0;
  Enrichment enrichment;                 ///< of a job's source with role "enrich"
  std::uint64_t repeated_ids = 0;        ///< ids written more than once (whole-conversation sources)
  bool ordered_by_place = false;         ///< some were not superseded for an update time, but for their place in the input
  std::uint64_t repeated_backwards = 0;  ///< of these, how many stand behind a newer record
  bool writable = false;                 ///< TranslateOptions::summary is no input and no other output, as far as is known
  std::uint64_t deleted_since = 0;       ///< streamed, and of a conversation whose newest record says that it is deleted
  bool repeats_settle = false;           ///< repeated_ids counts records that a newer one supersedes
  std::uint64_t ids_compared = 0;        ///< how many ids that statement rests on; all of them unless memory ran short
  bool complete = false;                 ///< all was read and written
  bool rejects_kept = false;             ///< they are written somewhere, or somebody else says how to get them
  std::uint64_t duplicate_keys = 0, leap_seconds = 0;
  std::uint64_t evidence_decided = 0, evidence_abstained = 0;                        ///< times in repeated hours
  std::map<std::string, std::uint64_t, std::less<>> filtered;                        ///< by rule
  std::map<std::string, std::uint64_t, std::less<>> rejected;                        ///< by code
  std::map<std::string, std::string, std::less<>> reject_cures;                      ///< first message and cure met, by code
  std::map<std::string, std::array<std::uint64_t, kKnownCount>, std::less<>> times;  ///< by target
  std::map<std::string, std::map<std::string, BadValue, std::less<>>, std::less<>> bad_values;  ///< by target, by reason
  std::map<std::string, Finding, std::less<>> findings;                                         ///< by code (docs/reference)
  std::map<std::string, std::map<std::string, WordUse, std::less<>>, std::less<>> words;        ///< by target, by word
  std::set<std::string, std::less<>> too_many_words;    ///< targets with more distinct words than are listed
  std::map<std::string, FieldUse, std::less<>> fields;  ///< by source field
  std::vector<std::string> notes;                       ///< things a person should know ("column 3 has no name")
  std::string time_format;                              ///< as set, or as concluded from the inputs
  std::string time_zone, disambiguation, zone_data_version, version;
  double seconds = 0;
  std::uint64_t peak_memory = 0;  ///< bytes
  unsigned jobs = 0;

  [[nodiscard]] Result<void> balance() const;
  [[nodiscard]] std::string json() const;
  /// The JSON as a file that is whole or not there; "-" is standard output.
  [[nodiscard]] Result<void> write(const std::string& path) const;
  /// A few lines for a person.
  [[nodiscard]] std::string text() const;
};

struct Progress {
  std::uint64_t records = 0, bytes = 0, total_bytes = 0;  ///< total 0: unknown
};

struct TranslateHooks {
  std::function<void(const Progress&)> progress;  ///< called on the writing thread, now and then
  /// Asked between batches and while an input keeps us waiting, by more than one thread; true ends the run in good order.
  std::function<bool()> cancelled;
};

/// Runs it. The summary is filled as far as the run came, also when the run failed.
[[nodiscard]] Result<void> translate(const TranslateOptions& options, AdapterCatalog& catalog, Summary& summary,
                                     const TranslateHooks& hooks = {});

/// Chooses an adapter by bidding on the head of an input. Runs no adapter code.
[[nodiscard]] Result<const AdapterInfo*> choose_adapter(const std::vector<const AdapterInfo*>& adapters, std::string_view head,
                                                        std::string_view input_name,
                                                        const std::map<std::string, std::string, std::less<>>& settings = {});

/// The settings every source has, beside its adapter's own.
[[nodiscard]] const std::vector<Option>& common_settings();

/// The program's version, "0.1.0".
[[nodiscard]] std::string_view library_version();

/// Text that is safe to show on a terminal: control characters and marks that turn the direction of writing become
/// visible escapes; line feeds stay. Text inside messages may come from data.
[[nodiscard]] std::string printable(std::string_view text);

/// Data for standard output goes to `descriptor` from now on: to a program's own copy, where 1 itself was led elsewhere, so that
/// what an adapter prints does not get between the data. To be called before anything else.
void set_standard_output(int descriptor);

/// The nearest of `names` to a mistyped one, or empty when none is near.
[[nodiscard]] std::string_view nearest(std::string_view typed, const std::vector<std::string>& names);

/// The cure for a word that is none of a few: the nearest if one is near, and all of them.
[[nodiscard]] std::string choices(std::string_view typed, const std::vector<std::string>& names);

}  // namespace crosswalk
