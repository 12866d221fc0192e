// Jobs: several sources, merged into one view, into one or more sinks; described by a TOML file.
//
// A job is data: reading one touches no input, opens no sink and asks for no secret.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crosswalk/conversation.hpp"
#include "crosswalk/result.hpp"
#include "crosswalk/time.hpp"
#include "crosswalk/translate.hpp"

namespace crosswalk {

class SpilledText;

/// One of the job's sources: what `translate` would be told of it.
struct JobSource {
  std::string name;                 ///< unique; used in rules, rejects and the summary
  std::string adapter;              ///< id; empty: the adapters bid on the head of the first input
  std::vector<std::string> inputs;  ///< paths and globs, relative ones already put behind the job file's folder
  std::string instance;             ///< account of the vendor, where the vendor has several; empty: not said
  std::string time_zone;
  Disambiguation disambiguation = Disambiguation::compatible;
  bool evidence = false;
  std::map<std::string, std::string, std::less<>> settings;
  RejectLimit max_rejects;   ///< of its records
  bool enrich = false;       ///< fills only the fields of ConversationUpdate
  bool allow_empty = false;  ///< inputs without a single record are fine
  std::uint32_t line = 0;    ///< of the job file, for messages
};

/// What a link looks at: `external_id` (the record's own id, before the job's template), another field by its schema
/// name, or `metadata.<key>`.
struct LinkField {
  std::size_t source = 0;  ///< index into Job::sources
  Target target = Target::none;
  std::string metadata_key;  ///< when target is none
  std::string text;          ///< as written, for messages
  std::uint32_t line = 0;    ///< of the job file, likewise
};
struct LinkRule {
  LinkField left, right;
};

/// A crosswalk table and what to do with an id it does not have.
struct IdRule {
  enum class Unknown : std::uint8_t { keep, drop, reject };
  std::string file;  ///< empty: no table
  Unknown unknown = Unknown::keep;
  std::uint32_t line = 0;  ///< of the job file, for messages
};

/// Where a secret is: in a variable of the environment, or alone in a file. Never the secret itself.
struct SecretPlace {
  std::string env, file;
};

/// Of a sink that delivers to an API: Assembled's, or another one that takes records in bulk.
struct JobDelivery {
  struct Header {
    std::string name, value;
    SecretPlace secret;  ///< used when value is empty
  };
  std::string url;      ///< of the endpoint
  SecretPlace api_key;  ///< the user name of Basic authentication; no place: none is sent
  std::vector<Header> headers;
  std::string method = "POST";          ///< takes whole records, and overwrites
  std::string update_method = "PATCH";  ///< takes only what changed; empty: there is none
  std::string body_head = "{\"conversations\":[", body_tail = "]}";
  std::string ca_file;                                ///< certificates to trust; empty: the system's
  std::uint32_t batch_size = 500;                     ///< records of a request
  std::uint64_t byte_limit = std::uint64_t{4} << 20;  ///< of a body
  std::uint32_t rate_per_minute = 300, burst = 20, in_flight = 6;
  double timeout = 60;                ///< seconds, of a request
  double settle = 30;                 ///< seconds in which a request that was accepted may yet be applied
  std::uint32_t retries = 100;        ///< failed tries since something was accepted, then the run gives up
  double retry_ceiling = 30;          ///< seconds, the longest wait before a further try that the server did not ask for
  double first_contact_timeout = 60;  ///< seconds in which a server that was never reached is tried
  std::vector<int> accept = {202};    ///< statuses that mean "accepted"
  bool accept_unknown = false;        ///< also with a body that nobody knows
  RejectLimit max_refused;            ///< by the server; above it the run stops
};

struct JobSink {
  enum class Type : std::uint8_t { jsonl, bulk, sqlite, assembled, http };
  Type type = Type::jsonl;
  std::string path;      ///< of the file, or of the journal; relative ones already put behind the job file's folder
  std::string updates;   ///< jsonl and bulk: where updates of unknown conversations go; never empty when a source enriches
  JobDelivery delivery;  ///< of assembled and http
  [[nodiscard]] bool delivers() const { return type == Type::assembled || type == Type::http; }
};

struct Job {
  std::string path;         ///< of the job file, as given
  std::string external_id;  ///< template: {id}, {platform}, {instance}, {source}, {scope}; empty: none given
  std::string instance;     ///< of sources that say none
  RejectLimit max_rejects;  ///< of the records of all sources
  std::uint64_t memory_limit = std::uint64_t{1} << 30;  ///< bytes, for the whole run
  enum class OrderBy : std::uint8_t { external_id, started_at };
  OrderBy order_by = OrderBy::external_id;
  std::string zone_data;  ///< a zoneinfo folder; empty: the system's
  std::string rejects;    ///< path; empty: counted, not written
  std::string ledger;     ///< path; empty: none

  std::vector<JobSource> sources;
  /// By target: which source is asked first. A field that is not here takes the order of the sources; a source that a
  /// list leaves out comes after those it names.
  std::map<Target, std::vector<std::size_t>> priorities;
  std::vector<LinkRule> links;
  /// Sources of which a linked group may hold several conversations, by index.
  std::vector<bool> several;
  IdRule agents, queues, customers;
  std::vector<JobSink> sinks;
};

/// Reads and checks a job file. Errors name the file, line and key, and the nearest known key. With a catalog, what is wrong with
/// sources and tables of ids, which running it would find, is said together with what is wrong with the file.
[[nodiscard]] Result<Job> read_job(const std::string& path, AdapterCatalog* catalog = nullptr);

/// A complete job file with comments, as `crosswalk run --help` prints it. It is valid.
[[nodiscard]] std::string_view job_example();

struct RunOptions {
  std::string ledger;    ///< path; empty: the job's. A line for every input record: its place and what became of it
  std::string rejects;   ///< path; empty: the job's
  std::string summary;   ///< path; a file is published with the others; else, or when the run fails, the caller writes it
  unsigned jobs = 0;     ///< worker threads; 0: one per processor. The output does not depend on it.
  bool dry_run = false;  ///< everything but writing
  // Of the sinks that deliver:
  bool full = false;     ///< what is unchanged goes as well
  bool list = false;     ///< a dry run tells of each conversation what would be done
  std::string requests;  ///< a folder: a dry run writes the requests there
  bool new_ids = false;  ///< the template of external_ids may be another one than what was delivered has
  std::string replay;    ///< path of rejects: only the conversations in it that the server refused are delivered, once more
};

/// What one side of a link found, and what the links came to.
struct LinkAccounts {
  struct Rule {
    std::string left, right;                          ///< as written
    std::uint64_t left_values = 0, right_values = 0;  ///< conversations that have a value there
    std::uint64_t joined = 0;                         ///< values that both sides have
  };
  struct Conflict {
    std::string source;                     ///< of which the group would hold several conversations
    std::vector<std::string> external_ids;  ///< of that source, a few
    std::uint64_t size = 0;                 ///< external_ids of the whole group
    std::vector<std::string> rules;         ///< by which it would be one, as written: "left = right"
  };
  std::vector<Rule> rules;
  std::uint64_t groups = 0;        ///< of two or more external_ids that became one
  std::uint64_t conflicts = 0;     ///< groups left apart
  std::vector<Conflict> examples;  ///< at most twenty
};

/// What a crosswalk table knew of the ids that came.
struct IdAccounts {
  std::string kind, file;  ///< "agents"
  std::uint64_t known = 0, unknown = 0;
  std::uint64_t distinct_unknown = 0;
  bool complete = true;  ///< false: there were more distinct unknown ids than are told apart
  struct Unknown {
    std::string platform, instance, id;
    std::uint64_t count = 0;
  };
  std::vector<Unknown> most_frequent;  ///< at most twenty
};

/// What a sink that delivers was given, and what came of it.
struct DeliveryAccounts {
  // The plan, in conversations; enrichment of conversations that are not in the run counts as one each.
  std::uint64_t created = 0, changed = 0, unsettled = 0, patchable = 0, unchanged = 0;
  std::uint64_t refused_before = 0;  ///< the server refused just these bytes in an earlier run: not sent
  std::uint64_t unpatchable = 0;     ///< updates of conversations that were never delivered
  std::uint64_t left_out = 0;        ///< replay: not among the rejects
  std::uint64_t waiting = 0;         ///< must wait until an earlier write of them is settled
  std::uint64_t requests = 0;        ///< of the plan
  std::uint64_t resend = 0;          ///< requests of an earlier run whose end is not known
  double minutes = 0;                ///< at the rate limit
  std::uint64_t joined_early = 0;    ///< conversations into which an enrichment went that had come before them
  struct Absent {
    std::uint64_t all = 0;
    std::uint64_t news = 0;  ///< that no earlier run told
    /// Ids, with the one that they are part of now: first the news. Not all of them when they are many.
    std::vector<std::pair<std::string, std::string>> ids;
  };
  /// Delivered earlier: and now a part of another conversation; and no more in the run, though its source spans their start.
  Absent parts, no_longer;
  /// New ones that were delivered as parts of others, with those.
  std::uint64_t no_longer_part = 0;
  std::vector<std::pair<std::string, std::string>> parted;
  bool some_rejected = false;  ///< some are absent, and records of this run were rejected
  // What was done.
  std::uint64_t sent = 0, resent = 0, retries = 0, limited = 0;  ///< requests
  std::uint64_t accepted = 0, refused = 0;                       ///< records
  std::uint64_t set_aside = 0;                                   ///< of those refused: the server failed on them
  std::uint64_t sent_whole = 0;                                  ///< updates of what the server did not have
  bool delivered = false;                                        ///< nothing of the plan is left
  std::shared_ptr<const SpilledText> list;                       ///< RunOptions::list: a JSON object each, with commas between
};

struct SinkAccounts {
  std::string type, path;
  std::uint64_t conversations = 0, updates = 0;
  std::optional<std::uint64_t> bytes = std::nullopt;  ///< known once all is written
  bool delivers = false;
  DeliveryAccounts delivery = {};
};

/// The accounts of a job. Per source as for `translate`, where `written` counts the conversations whose first record is the
/// source's, and `updates` those of conversations that are not in the run.
struct JobSummary {
  std::string job;
  std::vector<Summary> sources;
  std::uint64_t conversations = 0, updates = 0;  ///< as every sink got them
  LinkAccounts links;
  std::vector<IdAccounts> ids;  ///< of the tables that the job names
  std::vector<SinkAccounts> sinks;
  std::vector<std::string> notes;
  bool dry_run = false;
  bool complete = false;      ///< the run came to its end; else only the sources' accounts say something
  bool rejects_kept = false;  ///< they are written somewhere
  bool writable = false;      ///< RunOptions::summary is no input and no other output, as far as is known
  bool in_place = false;      ///< in RunOptions::summary, or left for the next run to put there: not to be written once more
  bool spilled = false;       ///< memory_limit sent conversations to disk
  std::string version, zone_data_version;
  double seconds = 0;
  std::uint64_t peak_memory = 0;  ///< bytes
  unsigned jobs = 0;

  /// Records that were refused, by us or by a server.
  [[nodiscard]] std::uint64_t rejected() const;
  [[nodiscard]] Result<void> balance() const;
  [[nodiscard]] std::string json() const;
  [[nodiscard]] std::string text() const;
  /// json() piece by piece, with the list of conversations where there is one: that may be longer than memory is.
  Result<void> write_json(const std::function<Result<void>(std::string_view)>& out) const;
  /// That to a file, which appears whole or not at all; "-" is standard output.
  [[nodiscard]] Result<void> write(const std::string& path) const;

 private:
  [[nodiscard]] std::string json_with(std::string_view list_mark) const;
};

struct JobHooks {
  /// Called on the calling thread, now and then. `part` is a source's name, or "merge".
  std::function<void(std::string_view part, const Progress&)> progress;
  std::function<bool()> cancelled;  ///< asked between batches; true ends the run, and nothing is written
  /// What a delivery waits for, and until when: at once, then now and then. On the calling thread.
  std::function<void(std::string_view)> waiting;
};

/// Runs it. Sinks, ledger, rejects and the summary, where that is a file, are written under temporary names and published
/// together at the end: after an error nothing of them stands, but the rejects of the run so far. With a delivery, rejects stand
/// when that is over. Where the summary is not `in_place`, it is the caller's to write. It is filled as far as the run came. A
/// key that is delivered with is in this process's memory and environment: turn core files off before (RLIMIT_CORE,
/// PR_SET_DUMPABLE).
[[nodiscard]] Result<void> run_job(const Job& job, AdapterCatalog& catalog, const RunOptions& options, JobSummary& summary,
                                   const JobHooks& hooks = {});

/// Goes on where a run was cut off: sends again what has no known end, then what is left of its plan. The inputs are not read,
/// unless they or the job file are no longer what was planned from: then the job is run. `new_key`: the account's key was
/// renewed.
[[nodiscard]] Result<void> resume_job(const Job& job, AdapterCatalog& catalog, const RunOptions& options, bool new_key,
                                      JobSummary& summary, const JobHooks& hooks = {});

/// Where a record stands. Bytes are those of the decompressed input.
struct RecordPlace {
  std::string source, file;
  std::uint64_t line = 0, offset = 0, size = 0;
};

/// What a value was made of, where that is more than one field.
struct WhyOperand {
  RecordPlace record;
  std::size_t number = 0;  ///< of the record, from 1
  std::string value;       ///< as JSON
};

/// One record, as a witness for a value.
struct Witness {
  RecordPlace record;                 ///< no file: no single record says it
  std::size_t number = 0;             ///< of the record in Why::records, from 1; 0: none
  std::string field;                  ///< the source's field; empty: no single field says it
  std::string found;                  ///< its text
  std::string value;                  ///< what it means, as JSON; empty: nothing
  std::string how;                    ///< how the text was read: a time's zone and how it is known, a unit
  std::vector<std::string> settings;  ///< that had a say in the value, as `name = value`
  std::vector<std::string> rules;     ///< by which it stands or does not: codes, docs/reference.md
  std::string verdict;                ///< the same in words
  std::vector<WhyOperand> of;
};

struct WhyField {
  std::string name;                ///< as in the output: `status`, `metadata.Priority`
  std::string value;               ///< as JSON; empty: not known
  std::vector<Witness> witnesses;  ///< the first one stands, if there is a value; the others lost
};

/// A field of a record and what it was to a field of the conversation.
struct WhyUse {
  std::string target, field, found, how, verdict;
  std::vector<std::string> settings;
  bool stands = false;
};

struct WhyRecord {
  RecordPlace place;
  std::string id;                    ///< its own, as far as it is known
  std::string version;               ///< its update time; empty: its place in the input orders it
  std::string fate;                  ///< as in the ledger
  std::string code, message, cure;   ///< of a reject; of a filtered record `code` is the rule
  std::string field, found;          ///< of a reject
  bool enriches = false;             ///< its source only adds to conversations
  bool asked = false;                ///< it is what was asked for
  std::vector<std::string> remarks;  ///< such as touchpoints that another record says again
  std::vector<WhyUse> uses;          ///< its fields, where it was asked for or is in no conversation
};

/// From one conversation of the output, or one record of the input, to the records and rules that made it what it is.
struct Why {
  std::string external_id;         ///< empty: of a record whose id is not known
  std::string rule;                ///< how it came by its external_id
  std::string fate;                ///< of the conversation: written, update or rejected; empty: none came of the records
  std::vector<WhyRecord> records;  ///< all of them, in the order of sources and inputs, then those that were left out
  std::vector<WhyField> fields;

  [[nodiscard]] std::string json() const;
  [[nodiscard]] std::string text() const;
};

struct WhyAsk {
  std::string what;    ///< an external_id, or an external_id, a dot and a field
  std::string record;  ///< instead: FILE:LINE of an input, or FILE:LINE:BYTE where several records stand in one line
};

/// Explains what was asked for by running the job's sources again (twice); writes nothing. Of a place there is an answer for each
/// source that reads the file. An id that no record has, and a place where none stands, is an error.
[[nodiscard]] Result<std::vector<Why>> explain_job(const Job& job, AdapterCatalog& catalog, const WhyAsk& ask,
                                                   const JobHooks& hooks = {});

/// Bytes that "512MiB" or "2 GB" stands for.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

}  // namespace crosswalk
