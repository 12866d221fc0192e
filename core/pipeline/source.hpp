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
#include "merge/id_template.hpp"
#include "merge/identity.hpp"
#include "merge/shared_texts.hpp"
#include "normalize/evidence.hpp"
#include "normalize/explanation.hpp"

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

struct SourceConfig {
  std::string name;
  AdapterInfo info;
  std::shared_ptr<const Adapter> adapter;
  std::map<std::string, std::string, std::less<>> settings;  ///< with the adapter's defaults filled in

  std::string platform;
  std::string default_channel;
  std::vector<std::pair<std::string, std::string>> channel_words;  ///< channel.<word>=<channel>
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
  std::array<IdUse, kIdKinds> ids;     ///< by IdKind
  std::shared_ptr<SharedTexts> texts;  ///< of the merge that records go to; may be null
  bool want_ledger = false;
  bool read_ahead = false;               ///< compressed inputs are decompressed by a thread of their own
  Explanations* explanations = nullptr;  ///< records to be explained; null: none
  bool want_rejects = true;              ///< reject lines are written somewhere
  Limits limits;
  char delimiter = 0;      ///< 0: found out
  std::string records_at;  ///< JSON Pointer; empty: found out
  std::string time_zone_column;

  std::shared_ptr<const ZoneDatabase> zones;
  const Zone* zone = nullptr;
  const Zone* utc = nullptr;
  std::string zone_name;
  Disambiguation disambiguation = Disambiguation::compatible;
  TimeFormat time_format;
  bool time_format_given = false;  ///< else it is concluded from the inputs
  std::shared_ptr<const Evidence> evidence;

  std::vector<std::string> inputs;  ///< globs expanded

  [[nodiscard]] std::string cure(std::string_view text) const { return in_job ? job_words(text) : std::string(text); }

  /// Whether a metadata entry of that name, made by the merge, is wanted.
  [[nodiscard]] bool carries(std::string_view entry) const {
    return metadata == Metadata::listed ? metadata_names.contains(entry) : metadata != Metadata::none;
  }
};

/// Settings that have another name now.
[[nodiscard]] Result<void> check_renamed(const std::map<std::string, std::string, std::less<>>& settings);

/// Checks options against the adapter's manifest. Unknown settings are errors with the nearest name.
[[nodiscard]] Result<SourceConfig> make_source(const TranslateOptions& options, std::shared_ptr<const Adapter> adapter,
                                               std::vector<std::string> inputs);

}  // namespace crosswalk
