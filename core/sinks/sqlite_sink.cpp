// With core/delivery the only code that includes sqlite3.
#include "sinks/sqlite_sink.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "framing/json_object.hpp"
#include "sinks/partial.hpp"
#include "sinks/sqlite_schema.hpp"
#include "text.hpp"

namespace crosswalk {
namespace {

using json::Member;

constexpr int kBusyMilliseconds = 1000;
constexpr std::size_t kLongestPath = 511;    // of SQLite's own file layer
constexpr std::size_t kKnownNames = 16'384;  // keys that are data are looked up in the database instead
constexpr std::size_t kPlaces = 256;
constexpr const char* kDefect = "this is a defect of the program; please report it with the input";

constexpr std::array<std::string_view, 15> kConversationKeys = {"external_id",
                                                                "platform",
                                                                "channel",
                                                                "queue_id",
                                                                "assigned_agent_id",
                                                                "customer_id",
                                                                "subject",
                                                                "status",
                                                                "started_at",
                                                                "ended_at",
                                                                "handle_time_seconds",
                                                                "wait_time_seconds",
                                                                "first_response_time_seconds",
                                                                "resolved",
                                                                "csat_score"};
constexpr std::array<std::string_view, 8> kUpdateKeys = {"external_id",         "assigned_agent_id", "status",     "ended_at",
                                                         "handle_time_seconds", "resolved",          "csat_score", "metadata"};
constexpr std::array<std::string_view, 12> kRejectKeys = {"source", "file",    "line", "offset", "code",          "field",
                                                          "found",  "message", "cure", "record", "record_base64", "record_size"};

struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
};

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close(database); }
};
struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Database = std::unique_ptr<sqlite3, CloseDatabase>;
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Error path_error(std::string_view path, std::string_view what, std::string cure) {
  return {Errc::io, fmt::format("{}: {}", path, what), std::move(cure)};
}

/// What the system said (`code`, an errno), in the words of the other sinks.
Error system_error(std::string_view path, std::string_view what, int code) {
  std::string cure;
  if (code == ENOSPC || code == EDQUOT) cure = "free some space, or choose another path";
  if (code == EACCES || code == EPERM || code == EROFS) cure = "choose a folder that you may write to";
  if (code == ENOENT) cure = "the folder must exist";
  return path_error(path, fmt::format("{}: {}", what, std::strerror(code)), std::move(cure));
}

/// What SQLite said. Where it is about a file, the system's word for it says more.
Error sqlite_error(sqlite3* database, std::string_view path, std::string_view what) {
  const int code = sqlite3_errcode(database);
  if (code == SQLITE_FULL) return system_error(path, what, ENOSPC);
  if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    return path_error(path, fmt::format("{}: another program is writing to it", what),
                      "wait until it is done, or choose another path");
  }
  const int system = sqlite3_system_errno(database);
  if ((code == SQLITE_IOERR || code == SQLITE_CANTOPEN) && system != 0) return system_error(path, what, system);
  std::string cure;
  if (code == SQLITE_IOERR) cure = "look at the disk, and at limits on space and on the size of files (quota, ulimit -f)";
  return path_error(path, fmt::format("{}: {}", what, sqlite3_errmsg(database)), std::move(cure));
}

void bind_text(sqlite3_stmt* statement, int column, std::string_view text) {
  sqlite3_bind_text64(statement, column, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
}

/// Binds a number as what it is; with `keep_as_written` as text where that would change it. Says whether it is a number.
bool bind_number(sqlite3_stmt* statement, int column, std::string_view text, bool keep_as_written) {
  const char* const end = text.data() + text.size();
  std::int64_t whole = 0;
  if (const auto [last, failed] = std::from_chars(text.data(), end, whole); failed == std::errc() && last == end) {
    if (whole != 0 || text == "0") {  // "-0" is none
      sqlite3_bind_int64(statement, column, whole);
      return true;
    }
  }
  double number = 0;
  const auto [last, failed] = std::from_chars(text.data(), end, number);
  std::size_t digits = 0;  // up to 15 come back from a double as they went in
  for (const char c : text) {
    if (c == 'e' || c == 'E') break;
    if (c >= '0' && c <= '9') ++digits;
  }
  if (!keep_as_written || (failed == std::errc() && last == end && digits <= 15 && number != 0)) {
    sqlite3_bind_double(statement, column, number);
    return true;
  }
  bind_text(statement, column, text);
  return false;
}

/// Texts are borrowed until the statement has run.
void bind(sqlite3_stmt* statement, int column, const Member& value) {
  switch (value.kind) {
    case Kind::number: bind_number(statement, column, value.text, false); break;
    case Kind::boolean: sqlite3_bind_int(statement, column, value.text == "true" ? 1 : 0); break;
    case Kind::null: sqlite3_bind_null(statement, column); break;
    default: bind_text(statement, column, value.text); break;
  }
}

/// Value and type, columns 3 and 4. The type of a string, of null and of a number that is bound as one goes without saying.
void bind_metadata(sqlite3_stmt* statement, const Member& entry) {
  constexpr int kValue = 3, kType = 4;
  sqlite3_bind_null(statement, kType);
  switch (entry.kind) {
    case Kind::number:
      if (!bind_number(statement, kValue, entry.text, true)) bind_text(statement, kType, "number");
      return;
    case Kind::boolean: bind_text(statement, kType, "boolean"); break;
    case Kind::array: bind_text(statement, kType, "array"); break;
    case Kind::object: bind_text(statement, kType, "object"); break;
    default: break;
  }
  bind(statement, kValue, entry);
}

/// What stands at the path before us.
struct Former {
  bool exists = false;
  bool empty = false;
  mode_t mode = 0;
};

std::uint32_t big_endian(const unsigned char* at) {
  return std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
}

/// Refuses whatever is not a database of ours. Its header is read without SQLite, which would take locks.
Result<Former> look_at(const std::string& shown_path, const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return Former{};
    return system_error(shown_path, "cannot open", errno);
  }
  if (S_ISDIR(status.st_mode)) {
    return path_error(shown_path, "this is a folder, where the database should be", "name a file in it");
  }
  if (!S_ISREG(status.st_mode)) {
    return path_error(shown_path, "a SQLite database cannot be written to a pipe or device", "name a file");
  }
  Former former{true, status.st_size == 0, status.st_mode & 07777};
  if (former.empty) return former;
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return system_error(shown_path, "cannot read what stands there", errno);
  std::array<unsigned char, 100> header{};
  const ssize_t got = ::read(fd, header.data(), header.size());
  const int code = errno;
  ::close(fd);
  if (got < 0) return system_error(shown_path, "cannot read what stands there", code);
  const std::string move_away = "choose another path, or move that file away";
  if (got < static_cast<ssize_t>(header.size()) || std::memcmp(header.data(), "SQLite format 3", 16) != 0) {
    return path_error(shown_path, "the file there is not a SQLite database, so it is not replaced", move_away);
  }
  if (big_endian(header.data() + 68) != static_cast<std::uint32_t>(sqlite_schema::kApplicationId)) {
    return path_error(shown_path, "the SQLite database there was not written by crosswalk, so it is not replaced", move_away);
  }
  if (const std::uint32_t version = big_endian(header.data() + 60); version > sqlite_schema::kVersion) {
    return path_error(
        shown_path,
        fmt::format("the database there was written by a newer crosswalk (tables of version {}, this one knows {}), "
                    "so it is not replaced",
                    version, sqlite_schema::kVersion),
        "use that version, or choose another path");
  }
  return former;
}

/// SQLite would apply what an earlier database left beside its file to the new one, and break it.
Result<void> refuse_leftovers(const std::string& shown_path, const std::string& path) {
  for (const char* const suffix : {"-wal", "-journal"}) {
    std::ifstream file(path + suffix, std::ios::binary);
    if (const int first = file.get(); first == std::char_traits<char>::eof() || first == 0) continue;  // 0: put out of use
    return path_error(
        shown_path,
        fmt::format("changes to the database there wait in {}{}; they would be applied to the new one", shown_path, suffix),
        fmt::format("close the programs that use it; when none does, sqlite3 '{}' 'PRAGMA journal_mode=DELETE' "
                    "puts the changes in place",
                    shown_path));
  }
  return {};
}

class SqliteSink final : public Sink {
 public:
  SqliteSink(std::string shown_path, std::string path, Former former)
      : shown_path_(std::move(shown_path)), path_(std::move(path)), former_(former) {}
  ~SqliteSink() override {
    close_database();
    if (fd_ >= 0) ::close(fd_);
    if (!temporary_.empty()) ::unlink(temporary_.c_str());
  }
  SqliteSink(const SqliteSink&) = delete;
  SqliteSink& operator=(const SqliteSink&) = delete;

  Result<void> open() {
    if (auto ok = create_file(); !ok) return ok;
    if (auto ok = create_tables(); !ok) return ok;
    if (former_.exists && !former_.empty) return carry_runs_over();
    return {};
  }

  Result<void> conversation(std::string_view line) override {
    entries_.clear();
    if (auto ok = insert(*conversation_, kConversationKeys, line, "a conversation", &entries_); !ok) return ok;
    ++conversations_;
    const sqlite3_int64 id = sqlite3_last_insert_rowid(database_.get());
    sqlite3_stmt* const row = metadata_.get();
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      const Member& entry = entries_[i];
      std::int64_t name = 0;
      if (auto ok = name_id(i, entry.key, name); !ok) return ok;
      sqlite3_bind_int64(row, 1, id);
      sqlite3_bind_int64(row, 2, name);
      bind_metadata(row, entry);
      if (auto ok = step(row); !ok) return ok;
    }
    return {};
  }
  Result<void> update(std::string_view line) override {
    if (auto ok = insert(*update_, kUpdateKeys, line, "an update", nullptr); !ok) return ok;
    ++updates_;
    return {};
  }
  Result<void> reject(std::string_view line) override {
    if (auto ok = insert(*reject_, kRejectKeys, line, "a reject", nullptr); !ok) return ok;
    ++rejects_;
    return {};
  }

  Result<void> finish(std::string_view summary) override {
    if (auto ok = execute(sqlite_schema::kIndices); !ok) return ok;
    if (auto ok = execute(sqlite_schema::kViews); !ok) return ok;
    if (auto ok = add_run(summary); !ok) return ok;
    if (auto ok = execute("COMMIT"); !ok) return ok;
    close_database();
    struct stat status {};
    if (::fstat(fd_, &status) == 0) bytes_ = static_cast<std::uint64_t>(status.st_size);
    if (::fsync(fd_) != 0) return system_error(shown_path_, "cannot write", errno);
    return {};
  }

  Result<void> commit() override {
    // Someone may have opened the former database since we looked.
    if (auto ok = refuse_leftovers(shown_path_, path_); !ok) return ok;
    if (!set_rights()) return system_error(shown_path_, "cannot set who may read it", errno);
    if (::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error(shown_path_, "cannot put in place", errno);
    temporary_.clear();
    sync_folder_of(path_);
    const int fd = fd_;
    fd_ = -1;
    if (::close(fd) != 0) return system_error(shown_path_, "cannot close", errno);
    return {};
  }

  void pending(std::vector<PendingFile>& to) override {
    (void)set_rights();  // commit() says when that fails
    to.push_back({temporary_, path_});
  }
  void leave() override { temporary_.clear(); }

  [[nodiscard]] std::string_view path() const override { return shown_path_; }
  [[nodiscard]] std::uint64_t conversations() const override { return conversations_; }
  [[nodiscard]] std::uint64_t updates() const override { return updates_; }
  [[nodiscard]] std::uint64_t bytes() const override { return bytes_; }

 private:
  [[nodiscard]] bool set_rights() const {
    const auto mode = former_.exists ? std::optional<mode_t>(former_.mode) : usual_mode();
    return !mode || ::fchmod(fd_, *mode) == 0;
  }
  Error failure(std::string_view what) const { return sqlite_error(database_.get(), shown_path_, what); }

  Result<void> create_file() {
    fd_ = open_partial(path_, O_RDWR, temporary_);
    if (fd_ < 0) {
      const int code = errno;
      temporary_.clear();
      return system_error(shown_path_, "cannot open for writing", code);
    }
    if (temporary_.size() > kLongestPath) {
      return path_error(shown_path_, fmt::format("its full path is longer than SQLite takes ({} bytes)", kLongestPath),
                        "choose a shorter one");
    }
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(temporary_.c_str(), &opened, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(opened);
    return code == SQLITE_OK ? Result<void>() : failure("cannot open for writing");
  }

  Result<void> create_tables() {
    // Nobody else sees the file, and one that is not finished is thrown away: no journal, and one fsync at the end.
    if (auto ok = execute(fmt::format("PRAGMA page_size=8192; PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                                      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-32768;"
                                      "PRAGMA application_id={}; PRAGMA user_version={}; BEGIN",
                                      sqlite_schema::kApplicationId, sqlite_schema::kVersion));
        !ok)
      return ok;
    if (auto ok = execute(sqlite_schema::kTables); !ok) return ok;
    if (auto ok = prepare_insert("conversations", kConversationKeys, conversation_); !ok) return ok;
    if (auto ok = prepare_insert("updates", kUpdateKeys, update_); !ok) return ok;
    if (auto ok = prepare_insert("rejects", kRejectKeys, reject_); !ok) return ok;
    if (auto ok =
            prepare("INSERT INTO metadata_names (key) VALUES (?1) ON CONFLICT (key) DO UPDATE SET id = id RETURNING id", name_);
        !ok)
      return ok;
    // Of a key that stands twice in an object the last value counts, as everywhere.
    return prepare("INSERT OR REPLACE INTO metadata_values VALUES (?1, ?2, ?3, ?4)", metadata_);
  }

  Result<void> prepare_insert(std::string_view table, std::span<const std::string_view> columns, Statement& statement) {
    std::string names, places;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      names += fmt::format("{}{}", i == 0 ? "" : ", ", columns[i]);
      places += fmt::format("{}?{}", i == 0 ? "" : ", ", i + 1);
    }
    return prepare(fmt::format("INSERT INTO {} ({}) VALUES ({})", table, names, places), statement);
  }

  Result<void> prepare(const std::string& sql, Statement& statement) {
    sqlite3_stmt* made = nullptr;
    const int code = sqlite3_prepare_v3(database_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &made, nullptr);
    statement.reset(made);
    return code == SQLITE_OK ? Result<void>() : failure("cannot write");
  }

  Result<void> execute(const std::string& sql) {
    return sqlite3_exec(database_.get(), sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK ? Result<void>()
                                                                                              : failure("cannot write");
  }

  Result<void> step(sqlite3_stmt* statement) {
    const int code = sqlite3_step(statement);
    if (code != SQLITE_DONE) {
      const Error error = failure("cannot write");
      sqlite3_reset(statement);
      return error;
    }
    sqlite3_reset(statement);
    return {};
  }

  /// One line into one row. Objects among the values are kept as they are written, but for `metadata` where `entries` wants
  /// its members.
  Result<void> insert(sqlite3_stmt& statement, std::span<const std::string_view> keys, std::string_view line,
                      std::string_view what, std::vector<Member>* entries) {
    sqlite3_clear_bindings(&statement);
    external_id_ = {};
    std::size_t expected = 0;
    bool good = reader_.start(line);
    for (Member member; good && reader_.next(member);) {
      if (entries != nullptr && member.kind == Kind::object && member.key == "metadata") {
        reader_.enter();
        for (Member entry; reader_.next(entry);) entries->push_back(entry);
        continue;
      }
      std::size_t tried = 0;
      while (tried < keys.size() && keys[expected] != member.key) {
        expected = expected + 1 == keys.size() ? 0 : expected + 1;
        ++tried;
      }
      if (tried == keys.size())
        return defect(line, fmt::format("{} has the key \"{}\", which has no column", what, shown(member.key)));
      bind(&statement, static_cast<int>(expected) + 1, member);
      if (expected == 0) external_id_ = member.text;
    }
    if (!good || reader_.broken()) return defect(line, fmt::format("{} is not the JSON that was written", what));
    const int code = sqlite3_step(&statement);
    const Error error = code == SQLITE_DONE ? Error() : failed_insert(line, what);
    sqlite3_reset(&statement);
    return code == SQLITE_DONE ? Result<void>() : Result<void>(error);
  }

  /// The number of a key. Most lines have the keys of the line before in the same places.
  Result<void> name_id(std::size_t place, std::string_view key, std::int64_t& id) {
    if (place < names_.size() && names_[place].key == key) {
      id = names_[place].id;
      return {};
    }
    if (const auto known = known_names_.find(key); known != known_names_.end()) {
      id = known->second;
    } else {
      bind_text(name_.get(), 1, key);
      if (sqlite3_step(name_.get()) != SQLITE_ROW) return failure("cannot write");
      id = sqlite3_column_int64(name_.get(), 0);
      sqlite3_reset(name_.get());
      if (known_names_.size() < kKnownNames) known_names_.emplace(key, id);
    }
    if (place >= names_.size()) names_.resize(std::min(place + 1, kPlaces));
    if (place < names_.size()) names_[place] = {std::string(key), id};
    return {};
  }

  Error failed_insert(std::string_view line, std::string_view what) const {
    if (sqlite3_errcode(database_.get()) != SQLITE_CONSTRAINT) return failure("cannot write");
    if (sqlite3_extended_errcode(database_.get()) == SQLITE_CONSTRAINT_UNIQUE) {
      return defect(line, fmt::format("{} came twice: \"{}\"", what, shown(external_id_)));
    }
    return defect(line, fmt::format("{} does not fit its table: {}", what, sqlite3_errmsg(database_.get())));
  }

  Error defect(std::string_view line, std::string_view what) const {
    return {Errc::internal, fmt::format("{}: {}, in {}", shown_path_, what, shown(trimmed(line), 200)), kDefect};
  }

  Result<void> carry_runs_over() {
    sqlite3* opened = nullptr;
    const int code = sqlite3_open_v2(path_.c_str(), &opened, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    const Database former(opened);
    const auto unreadable = [&] {
      Error error = sqlite_error(former.get(), shown_path_, "cannot read the runs in the database there");
      if (error.cure.empty()) error.cure = "choose another path, or move that file away";
      return error;
    };
    if (code != SQLITE_OK) return unreadable();
    sqlite3_busy_timeout(former.get(), kBusyMilliseconds);
    sqlite3_stmt* made = nullptr;
    constexpr const char* kColumns = "id, finished_at, version, read, conversations, updates, rejects, seconds, summary";
    const std::string select = fmt::format("SELECT {} FROM runs ORDER BY id", kColumns);
    if (sqlite3_prepare_v2(former.get(), select.c_str(), -1, &made, nullptr) != SQLITE_OK) return unreadable();
    const Statement rows(made);
    Statement copy;
    if (auto ok = prepare(fmt::format("INSERT INTO runs ({}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", kColumns), copy); !ok)
      return ok;
    int got = sqlite3_step(rows.get());
    for (; got == SQLITE_ROW; got = sqlite3_step(rows.get())) {
      for (int i = 0; i < 9; ++i) sqlite3_bind_value(copy.get(), i + 1, sqlite3_column_value(rows.get(), i));
      if (auto ok = step(copy.get()); !ok) return ok;
    }
    return got == SQLITE_DONE ? Result<void>() : Result<void>(unreadable());
  }

  Result<void> add_run(std::string_view summary) {
    Statement row;
    // A summary that is no JSON is kept, with nothing taken out of it.
    if (auto ok = prepare("INSERT INTO runs (finished_at, version, read, conversations, updates, rejects, seconds, summary)"
                          "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), json_extract(j, '$.versions.crosswalk'),"
                          "  (SELECT sum(json_extract(value, '$.read')) FROM json_each(j, '$.sources')), ?1, ?2, ?3,"
                          "  json_extract(j, '$.seconds'), ?4 "
                          "FROM (SELECT CASE WHEN json_valid(?4) THEN ?4 ELSE '{}' END AS j)",
                          row);
        !ok)
      return ok;
    sqlite3_bind_int64(row.get(), 1, static_cast<sqlite3_int64>(conversations_));
    sqlite3_bind_int64(row.get(), 2, static_cast<sqlite3_int64>(updates_));
    sqlite3_bind_int64(row.get(), 3, static_cast<sqlite3_int64>(rejects_));
    bind_text(row.get(), 4, summary);
    return step(row.get());
  }

  void close_database() {
    conversation_.reset();
    name_.reset();
    metadata_.reset();
    update_.reset();
    reject_.reset();
    database_.reset();
  }

  std::string shown_path_;  // as given
  std::string path_;        // absolute, symbolic links followed
  Former former_;
  std::string temporary_;
  int fd_ = -1;
  Database database_;
  Statement conversation_, name_, metadata_, update_, reject_;
  json::ObjectReader reader_;
  std::vector<Member> entries_;
  struct Name {
    std::string key;
    std::int64_t id = 0;
  };
  std::vector<Name> names_;  // by place in the line before
  std::unordered_map<std::string, std::int64_t, TextHash, std::equal_to<>> known_names_;
  std::string_view external_id_;
  std::uint64_t conversations_ = 0, updates_ = 0, rejects_ = 0, bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<Sink>> open_sqlite_sink(const std::string& path) {
  if (path.empty() || path == "-") {
    return Error{Errc::usage, "a SQLite database cannot go to standard output", "name a file as the sink's path"};
  }
  // Absolute, so that SQLite does not take a name like "file:x" or ":memory:" for something else.
  std::error_code failed;
  std::filesystem::path real = std::filesystem::weakly_canonical(std::filesystem::absolute(path, failed), failed);
  if (failed) return system_error(path, "cannot open for writing", failed.value());
  const auto former = look_at(path, real.string());
  if (!former) return former.error();
  if (auto ok = refuse_leftovers(path, real.string()); !ok) return ok.error();
  auto sink = std::make_unique<SqliteSink>(path, real.string(), *former);
  if (auto ok = sink->open(); !ok) return ok.error();
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace crosswalk
