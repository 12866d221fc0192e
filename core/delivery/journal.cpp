#include "delivery/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <algorithm>
#include <filesystem>
#include <initializer_list>

#include "delivery/state.hpp"

namespace crosswalk::delivery {
namespace {

constexpr int kApplicationId = 0x4372576A;  // "CrWj"
constexpr std::size_t kLongestPath = 500;   // of SQLite's own file layer, less its suffixes
constexpr int kKeptRuns = 20;
constexpr int kPhaseShift = 40;

/// Step n makes version n + 1 of version n. A journal that is made anew takes them all, an older one those that it lacks.
constexpr const char* kSteps[] = {
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, started_at TEXT NOT NULL, process INTEGER NOT NULL, origin TEXT NOT NULL,"
    " head TEXT NOT NULL, tail TEXT NOT NULL, method TEXT NOT NULL, update_method TEXT NOT NULL, planned INTEGER NOT NULL"
    " DEFAULT 0, finished_at TEXT) STRICT;"
    // `sent` and `after` hold a record a line.
    "CREATE TABLE chunks(seq INTEGER PRIMARY KEY, is_update INTEGER NOT NULL, not_before INTEGER NOT NULL, records INTEGER NOT"
    " NULL, sent TEXT NOT NULL, after TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT;"
    // state: 0 open, 1 accepted, 2 split in two, 3 refused
    "CREATE TABLE requests(id INTEGER PRIMARY KEY, run INTEGER NOT NULL, chunk INTEGER NOT NULL, first INTEGER NOT NULL,"
    " count INTEGER NOT NULL, body_hash BLOB NOT NULL, state INTEGER NOT NULL DEFAULT 0, status INTEGER, message TEXT,"
    " sent_at INTEGER NOT NULL, resolved_at INTEGER) STRICT;"
    "CREATE INDEX requests_of_chunk ON requests(run, chunk);"
    "CREATE INDEX open_requests ON requests(id) WHERE state = 0;"
    "CREATE TABLE conversations(external_id TEXT PRIMARY KEY, hash BLOB NOT NULL, base TEXT NOT NULL, overlay TEXT NOT NULL,"
    " written_at INTEGER NOT NULL, doubt INTEGER NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE refused(external_id TEXT PRIMARY KEY, hash BLOB NOT NULL, status INTEGER NOT NULL, message TEXT NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "INSERT INTO meta VALUES('rows', '0'), ('sum', '0');",
    // Of a conversation the source; enrichments that wait for theirs; records that the server failed on.
    "ALTER TABLE conversations ADD COLUMN source TEXT NOT NULL DEFAULT '';"
    "CREATE TABLE early(external_id TEXT PRIMARY KEY, fields TEXT NOT NULL, checksum INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE aside(external_id TEXT PRIMARY KEY, sent TEXT NOT NULL, after TEXT NOT NULL, checksum INTEGER NOT NULL)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE parts(part TEXT PRIMARY KEY, external_id TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "INSERT OR IGNORE INTO meta SELECT 'accepted', '1' FROM meta WHERE key = 'account';",
    // Of a record put aside whether the server failed on it; conversations that the user was told are there no longer.
    "ALTER TABLE aside ADD COLUMN failed INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE gone(external_id TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;",
    // Whether a run that told it came to its end: of one that was cut off nobody has seen the summary.
    "ALTER TABLE gone ADD COLUMN told INTEGER NOT NULL DEFAULT 1;",
};
constexpr int kVersion = static_cast<int>(std::size(kSteps));

constexpr const char* kLost =
    "put a copy of the journal back; without one, name a new journal: everything is then sent once more, and what only earlier "
    "runs enriched is lost";

std::string_view bytes_of(const Hash128& hash) { return {reinterpret_cast<const char*>(&hash), sizeof hash}; }

Hash128 hash_in(std::string_view blob) {
  Hash128 hash;
  if (blob.size() == sizeof hash) std::memcpy(&hash, blob.data(), sizeof hash);
  return hash;
}

std::uint64_t checksum(std::string_view external_id, const Stored& state) {
  std::string all;
  all.reserve(external_id.size() + state.base.size() + state.overlay.size() + 48);
  all.append(external_id).append(1, '\0').append(state.base).append(1, '\0').append(state.overlay).append(1, '\0');
  all.append(bytes_of(state.hash));
  all += fmt::format("{} {}", state.written_at, static_cast<int>(state.doubt));
  if (!state.source.empty()) all.append(1, '\0').append(state.source);  // rows of version 1 have none
  return hash64(all);
}

/// Of a row of texts.
std::uint64_t checksum(std::initializer_list<std::string_view> texts) {
  std::string all;
  for (const std::string_view text : texts) all.append(text).append(1, '\0');
  return hash64(all);
}

std::uint64_t checksum(std::int64_t seq, bool update, std::int64_t not_before, std::string_view sent, std::string_view after) {
  std::string head = fmt::format("{} {} {} {} ", seq, update, not_before, sent.size());
  head.append(bytes_of(hash128(sent))).append(bytes_of(hash128(after)));
  return hash64(head);
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const std::string& line : lines) out.append(line).append(1, '\n');
  return out;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return out;
}

std::string utc_now() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

Error system_error(const std::string& path, std::string_view what, int code, std::string cure) {
  return {Errc::io, fmt::format("{}: {}: {}", path, what, std::strerror(code)), std::move(cure)};
}

}  // namespace

std::int64_t wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::uint64_t Chunk::bytes() const {
  std::uint64_t sum = 0;
  for (const std::string& record : sent) sum += record.size() + 1;
  return sum;
}

After After::of(std::string_view line) {
  After out;
  const std::size_t base = line.find('\t');
  out.base = line.substr(0, base);
  if (base == std::string_view::npos) return out;
  const std::size_t overlay = line.find('\t', base + 1);
  out.overlay = line.substr(base + 1, overlay == std::string_view::npos ? overlay : overlay - base - 1);
  if (overlay != std::string_view::npos) out.source = line.substr(overlay + 1);
  return out;
}

std::string After::line() const {
  std::string out = fmt::format("{}\t{}", base, overlay);
  if (source) out.append(1, '\t').append(*source);
  return out;
}

std::string Envelope::body(const Chunk& chunk, std::size_t first, std::size_t count) const {
  std::size_t size = head.size() + tail.size();
  for (std::size_t i = first; i < first + count; ++i) size += chunk.sent[i].size() + 1;
  std::string out;
  out.reserve(size);
  out += head;
  for (std::size_t i = first; i < first + count; ++i) {
    if (i != first) out += ',';
    out += chunk.sent[i];
  }
  out += tail;
  return out;
}

Phase Chunk::phase() const { return static_cast<Phase>(seq >> kPhaseShift); }

struct Journal::Statements {
  Statement find, put, refused, put_refused, drop_refused, add_chunk, next_chunk, chunk, drop_chunk, add_request, close_request,
      open_of_chunk, set_meta, old_sum, early, put_early, drop_early, put_aside, drop_aside, see, whole_of, put_part, put_gone,
      gone, drop_gone;
};

Journal::~Journal() {
  rollback();
  s_.reset();
  db_.close();
  if (lock_ >= 0) ::close(lock_);
}

Error Journal::damaged(std::string_view what) const {
  return {Errc::io, fmt::format("{}: the journal is damaged: {}", shown_, what), kLost};
}

Result<std::unique_ptr<Journal>> Journal::open(const std::string& path, Use use) {
  std::unique_ptr<Journal> journal(new Journal);
  journal->shown_ = path;
  journal->looking_ = use == Use::look;
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::weakly_canonical(std::filesystem::absolute(path, failed), failed);
  if (failed) return system_error(path, "the journal cannot be opened", failed.value(), "");
  const std::string file = real.string();
  if (file.size() > kLongestPath) {
    return Error{Errc::io, fmt::format("{}: its full path is longer than SQLite takes ({} bytes)", path, kLongestPath),
                 "choose a shorter one"};
  }
  struct stat status {};
  bool exists = ::stat(file.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) return system_error(path, "the journal cannot be opened", errno, "");
  if (exists && !S_ISREG(status.st_mode)) {
    return Error{Errc::io, path + ": this is no file, where the journal should be", "name a file in a folder"};
  }
  if (exists && status.st_size == 0) {
    // Ours are put in place whole, so somebody cut this one off.
    return Error{Errc::io, path + ": the journal is damaged: the file is empty",
                 fmt::format("{}; if nothing was ever delivered to this account, delete the file", kLost)};
  }
  if (exists || use == Use::run) {
    if (auto ok = journal->lock(file, use); !ok) return ok.error();
    exists = ::stat(file.c_str(), &status) == 0;  // another run may have made it meanwhile
  }
  if (!exists && use == Use::run) {
    if (auto ok = journal->create(file); !ok) return ok.error();
    exists = true;
  }
  if (exists) {
    if (auto ok = journal->db_.open(file, SQLITE_OPEN_READWRITE, path); !ok) return ok.error();
  } else {
    if (auto ok = journal->db_.open(":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, path); !ok) return ok.error();
    if (auto ok = bring_up(journal->db_, kSteps, 0); !ok) return ok.error();
    if (auto ok = journal->db_.run(fmt::format("PRAGMA application_id={}", kApplicationId).c_str()); !ok) return ok.error();
  }
  if (auto ok = journal->settle(use); !ok) return ok.error();
  return journal;
}

/// A lock of our own beside SQLite's, because it tells who holds it.
Result<void> Journal::lock(const std::string& path, Use use) {
  const std::string name = path + ".lock";
  const bool run = use == Use::run;
  lock_ = ::open(name.c_str(), (run ? O_RDWR | O_CREAT : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (lock_ < 0) {
    if (!run) return {};  // nobody ever ran, or it cannot be seen; SQLite's own lock remains
    return system_error(shown_, "the journal's folder cannot be written to", errno,
                        "the folder must exist and be writable: the journal is written while requests are on their way");
  }
  while (::flock(lock_, (run ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    if (errno != EWOULDBLOCK) return system_error(shown_, "the journal cannot be locked", errno, "keep it on a local disk");
    char text[128] = {};
    const ssize_t got = ::pread(lock_, text, sizeof text - 1, 0);
    const std::string holder(text, got > 0 ? static_cast<std::size_t>(got) : 0);
    return Error{Errc::unavailable,
                 fmt::format("{}: another run is using this journal: {}", shown_,
                             holder.empty() ? std::string("it has just started") : std::string(trimmed(holder))),
                 "wait until it is done; two runs at once could overtake each other"};
  }
  if (!run) return {};
  const std::string holder = fmt::format("process {}, started {}\n", ::getpid(), utc_now());
  if (::ftruncate(lock_, 0) != 0 || ::pwrite(lock_, holder.data(), holder.size(), 0) != static_cast<ssize_t>(holder.size())) {
    return system_error(shown_, "the journal cannot be locked", errno, "free some space, then run again");
  }
  return {};
}

/// Made beside its place and put there whole: a kill leaves either no journal or an empty one of ours.
Result<void> Journal::create(const std::string& path) {
  const std::string fresh = path + ".new";
  ::unlink(fresh.c_str());
  const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return system_error(shown_, "the journal cannot be made", errno, "choose a folder that you may write to");
  ::close(fd);
  Result<void> ok = db_.open(fresh, SQLITE_OPEN_READWRITE, shown_);
  if (ok) ok = db_.run("PRAGMA page_size=8192; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=FULL; BEGIN");
  if (ok) ok = bring_up(db_, kSteps, 0);
  if (ok) ok = db_.run(fmt::format("PRAGMA application_id={}; COMMIT", kApplicationId).c_str());
  db_.close();
  if (ok && ::rename(fresh.c_str(), path.c_str()) != 0)
    ok = system_error(shown_, "the journal cannot be put in place", errno, "");
  if (!ok) {
    ::unlink(fresh.c_str());
    return ok;
  }
  // The name must outlive a power cut, else the next run would begin from nothing.
  const int folder = ::open(std::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

/// Whether it is ours, whole and of our version.
Result<void> Journal::settle(Use use) {
  if (auto ok = db_.run("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA temp_store=FILE"); !ok) return ok;
  if (use == Use::run) {
    if (auto ok = db_.run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL"); !ok) return ok;
    if (db_.read_only()) {
      return system_error(shown_, "the journal cannot be written", EROFS, "the journal and its folder must be writable");
    }
  }
  auto application = db_.number("PRAGMA application_id");
  if (!application) return application.error();
  if (*application != kApplicationId) {
    return Error{Errc::io, fmt::format("{}: the file there is not a delivery journal of crosswalk", shown_),
                 "name another path as the sink's journal"};
  }
  auto version = db_.number("PRAGMA user_version");
  if (!version) return version.error();
  if (*version > kVersion) {
    return Error{Errc::io,
                 fmt::format("{}: the journal was written by a newer crosswalk (version {}, this one knows {})", shown_, *version,
                             kVersion),
                 "use that version"};
  }
  if (*version < 1) return damaged("it says no version");
  if (*version < kVersion) {
    if (use == Use::look) {
      return Error{Errc::io, fmt::format("{}: the journal is of an older version ({}, now {})", shown_, *version, kVersion),
                   "crosswalk run brings it up to date"};
    }
    if (auto ok = db_.run("BEGIN IMMEDIATE"); !ok) return ok;
    if (auto ok = bring_up(db_, kSteps, static_cast<std::size_t>(*version)); !ok) return ok;
  }
  if (auto ok = check_whole(); !ok) return ok;  // of this version; what does not pass stays as it was
  if (db_.in_transaction()) {
    if (auto ok = db_.run("COMMIT"); !ok) return ok;
  }
  if (use == Use::look) {
    // What a plan writes goes to tables of the same names that are this connection's own.
    if (auto ok = db_.run(
            "CREATE TEMP TABLE chunks(seq INTEGER PRIMARY KEY, is_update, not_before, records, sent, after, checksum);"
            "CREATE TEMP TABLE runs AS SELECT * FROM main.runs WHERE 0;"
            "CREATE TEMP TABLE assumed(external_id TEXT PRIMARY KEY, hash, base, overlay, written_at, doubt, checksum, source)"
            " WITHOUT ROWID");
        !ok) {
      return ok;
    }
  }
  return prepare();
}

Result<void> Journal::check_whole() {
  {
    auto check = db_.prepare("PRAGMA quick_check(1)");
    if (!check) return check.error();
    auto row = db_.step(*check);
    if (!row) return row.error();
    if (const std::string said(*row ? check->text(0) : "nothing"); said != "ok") return damaged(said);
  }
  auto rows = db_.number("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rows'");
  if (!rows) return rows.error();
  auto sum = db_.number("SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'sum'");
  if (!sum) return sum.error();
  auto all = db_.prepare("SELECT external_id, hash, base, overlay, written_at, doubt, checksum, source FROM conversations");
  if (!all) return all.error();
  std::uint64_t found = 0;
  std::int64_t count = 0;
  Stored state;
  for (;;) {
    auto row = db_.step(*all);
    if (!row) return row.error();
    if (!*row) break;
    state.hash = hash_in(all->text(1));
    state.base = all->text(2);
    state.overlay = all->text(3);
    state.written_at = all->number(4);
    state.doubt = all->number(5) != 0;
    state.source = all->text(7);
    const std::string_view external_id = all->text(0);
    const std::uint64_t is = checksum(external_id, state);
    if (is != static_cast<std::uint64_t>(all->number(6))) {
      return damaged(fmt::format("what it says of conversation \"{}\" is not what was written", in_line(external_id)));
    }
    found += is;
    ++count;
  }
  if (count != *rows || found != static_cast<std::uint64_t>(*sum)) {
    return damaged(fmt::format("it holds {} conversations where {} were written", count, *rows));
  }
  rows_ = count;
  sum_ = found;
  for (const auto& [sql, any] : {std::pair("SELECT external_id, fields, '', checksum FROM early", &any_early_),
                                 std::pair("SELECT external_id, sent, after, checksum FROM aside", &any_aside_)}) {
    auto some = db_.prepare(sql);
    if (!some) return some.error();
    for (;;) {
      auto row = db_.step(*some);
      if (!row) return row.error();
      if (!*row) break;
      *any = true;
      if (checksum({some->text(0), some->text(1), some->text(2)}) == static_cast<std::uint64_t>(some->number(3))) continue;
      return damaged(fmt::format("what waits in it for conversation \"{}\" is not what was written", in_line(some->text(0))));
    }
  }
  for (const auto& [sql, any] : {std::pair("SELECT EXISTS(SELECT 1 FROM refused)", &any_refused_),
                                 std::pair("SELECT EXISTS(SELECT 1 FROM gone)", &any_gone_)}) {
    auto there = db_.number(sql);
    if (!there) return there.error();
    *any = *there != 0;
  }
  auto chunks = db_.prepare("SELECT seq, is_update, not_before, records, sent, after, checksum FROM main.chunks");
  if (!chunks) return chunks.error();
  for (;;) {
    auto row = db_.step(*chunks);
    if (!row) return row.error();
    if (!*row) return {};
    if (auto chunk = read_chunk(*chunks); !chunk) return chunk.error();
  }
}

Result<void> Journal::prepare() {
  if (auto ok = db_.run("CREATE TEMP TABLE seen(external_id TEXT PRIMARY KEY) WITHOUT ROWID"); !ok) return ok;
  s_ = std::make_unique<Statements>();
  const auto make = [this](Statement& to, const char* sql) -> Result<void> {
    auto statement = db_.prepare(sql);
    if (!statement) return statement.error();
    to = std::move(*statement);
    return {};
  };
  const std::pair<Statement*, const char*> all[] = {
      {&s_->find, looking_
                      ? "SELECT hash, base, overlay, written_at, doubt, source FROM assumed WHERE external_id = ?1 UNION ALL "
                        "SELECT hash, base, overlay, written_at, doubt, source FROM conversations WHERE external_id = ?1 LIMIT 1"
                      : "SELECT hash, base, overlay, written_at, doubt, source FROM conversations WHERE external_id = ?1"},
      {&s_->put, looking_ ? "INSERT OR REPLACE INTO assumed VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"
                          : "INSERT OR REPLACE INTO conversations VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"},
      {&s_->old_sum, "SELECT checksum FROM conversations WHERE external_id = ?1"},
      {&s_->refused, "SELECT hash, status, message FROM refused WHERE external_id = ?1"},
      {&s_->put_refused, "INSERT OR REPLACE INTO refused VALUES(?1, ?2, ?3, ?4)"},
      {&s_->drop_refused, "DELETE FROM refused WHERE external_id = ?1"},
      {&s_->add_chunk, "INSERT INTO chunks VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
      {&s_->next_chunk,
       "SELECT seq, is_update, not_before, records, sent, after, checksum FROM chunks WHERE seq > ?2 AND NOT EXISTS(SELECT 1 "
       "FROM "
       "requests WHERE run = ?1 AND chunk = seq) ORDER BY seq LIMIT 1"},
      {&s_->chunk, "SELECT seq, is_update, not_before, records, sent, after, checksum FROM main.chunks WHERE seq = ?1"},
      {&s_->drop_chunk, "DELETE FROM chunks WHERE seq = ?1"},
      {&s_->add_request,
       "INSERT INTO requests(run, chunk, first, count, body_hash, sent_at) VALUES(?1, ?2, ?3, ?4, ?5, ?6) RETURNING id"},
      {&s_->close_request, "UPDATE requests SET state = ?2, status = ?3, message = ?4, resolved_at = ?5 WHERE id = ?1"},
      {&s_->open_of_chunk, "SELECT count(*) FROM requests WHERE run = ?1 AND chunk = ?2 AND state = 0"},
      {&s_->set_meta, "INSERT OR REPLACE INTO meta VALUES(?1, ?2)"},
      {&s_->early, "SELECT fields FROM early WHERE external_id = ?1"},
      {&s_->put_early, "INSERT OR REPLACE INTO early VALUES(?1, ?2, ?3)"},
      {&s_->drop_early, "DELETE FROM early WHERE external_id = ?1"},
      {&s_->put_aside,
       "INSERT INTO aside VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(external_id) DO UPDATE SET sent = ?2, after = ?3, checksum = "
       "?4, "
       "failed = max(failed, ?5)"},
      {&s_->drop_aside, "DELETE FROM aside WHERE external_id = ?1"},
      {&s_->whole_of, "SELECT external_id FROM parts WHERE part = ?1"},
      {&s_->put_part, "INSERT OR REPLACE INTO parts VALUES(?1, ?2)"},
      {&s_->put_gone, "INSERT OR IGNORE INTO gone VALUES(?1, 0)"},
      {&s_->gone, "SELECT told FROM gone WHERE external_id = ?1"},
      {&s_->drop_gone, "DELETE FROM gone WHERE external_id = ?1"},
      {&s_->see, "INSERT OR IGNORE INTO temp.seen VALUES(?1)"},
  };
  for (const auto& [to, sql] : all) {
    if (auto ok = make(*to, sql); !ok) return ok;
  }
  return {};
}

Result<std::string> Journal::meta(std::string_view key) {
  auto row = db_.prepare("SELECT value FROM meta WHERE key = ?1");
  if (!row) return row.error();
  auto got = db_.step(row->bind(1, key));
  if (!got) return got.error();
  return *got ? std::string(row->text(0)) : std::string();
}

Result<void> Journal::set_meta(std::string_view key, std::string_view value) {
  return db_.execute(s_->set_meta.reset().bind(1, key).bind(2, value));
}

Result<void> Journal::check_account(const std::string& url, const std::string& fingerprint, bool new_key) {
  auto account = meta("account");
  if (!account) return account.error();
  if (account->empty() || *account == fingerprint) return {};
  auto of = meta("url");
  if (!of) return of.error();
  constexpr const char* kAnother = "name another journal for this account";
  if (!of->empty() && *of != url) {
    return Error{Errc::usage,
                 fmt::format("{}: the journal is of another URL, {}; the job delivers to {}", shown_, in_line(*of, 300),
                             in_line(url, 300)),
                 fmt::format("{}; --new-key is for another key alone", kAnother)};
  }
  if (new_key) return {};
  const std::string renewed = "if it was renewed, and the account is the same: crosswalk deliver JOB.toml --new-key";
  if (of->empty()) {  // of version 1, which did not keep it
    return Error{Errc::usage, fmt::format("{}: the journal is of another account: its URL or its key is another one", shown_),
                 fmt::format("{}; if only the key is another one: {}", kAnother, renewed)};
  }
  return Error{Errc::usage, fmt::format("{}: the journal is of another key; its URL is the one of this job", shown_),
               fmt::format("{}; {}", renewed, kAnother)};
}

Result<void> Journal::bind_account(const std::string& url, const std::string& fingerprint) {
  if (auto ok = set_meta("url", url); !ok) return ok;
  return set_meta("account", fingerprint);
}

Result<bool> Journal::ever_accepted() {
  auto value = meta("accepted");
  if (!value) return value.error();
  return *value == "1";
}

Result<void> Journal::mark_accepted() { return set_meta("accepted", "1"); }

Result<void> Journal::begin() {
  sum_changed_ = false;
  return db_.run(looking_ ? "BEGIN" : "BEGIN IMMEDIATE");
}

Result<void> Journal::commit() {
  if (sum_changed_) {
    const std::string rows = std::to_string(rows_), sum = std::to_string(static_cast<std::int64_t>(sum_));
    if (auto ok = db_.execute(s_->set_meta.reset().bind(1, std::string_view("rows")).bind(2, std::string_view(rows))); !ok)
      return ok;
    if (auto ok = db_.execute(s_->set_meta.reset().bind(1, std::string_view("sum")).bind(2, std::string_view(sum))); !ok)
      return ok;
    sum_changed_ = false;
  }
  return db_.run("COMMIT");
}

void Journal::rollback() {
  if (db_.in_transaction()) (void)db_.run("ROLLBACK");
}

Result<void> Journal::start_run(const std::string& origin, const Envelope& envelope) {
  next_in_phase_ = 0;
  if (auto ok = db_.run("DELETE FROM temp.seen"); !ok) return ok;
  if (!looking_) {
    const std::string old = fmt::format(
        "DELETE FROM chunks; DELETE FROM requests WHERE run <= (SELECT max(id) FROM runs) - {0}; DELETE FROM runs WHERE id <= "
        "(SELECT max(id) FROM runs) - {0}",
        kKeptRuns);
    if (auto ok = db_.run(old.c_str()); !ok) return ok;
  }
  auto add = db_.prepare(
      "INSERT INTO runs(id, started_at, process, origin, head, tail, method, update_method, planned) "
      "VALUES((SELECT ifnull(max(id), 0) + 1 FROM main.runs), ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0) RETURNING id");
  if (!add) return add.error();
  const std::string now = utc_now();
  add->bind(1, std::string_view(now)).bind(2, std::int64_t{::getpid()}).bind(3, std::string_view(origin));
  add->bind(4, std::string_view(envelope.head)).bind(5, std::string_view(envelope.tail));
  add->bind(6, std::string_view(envelope.method)).bind(7, std::string_view(envelope.update_method));
  auto row = db_.step(*add);
  if (!row) return row.error();
  run_ = add->number(0);
  return {};
}

Result<std::uint64_t> Journal::left_over() {
  auto records = db_.number("SELECT ifnull(sum(records), 0) FROM main.chunks");
  if (!records) return records.error();
  return static_cast<std::uint64_t>(*records);
}

Result<bool> Journal::find(std::string_view external_id, Stored& out) {
  Statement& row = s_->find.reset().bind(1, external_id);
  auto got = db_.step(row);
  if (!got || !*got) return got;
  out.hash = hash_in(row.text(0));
  out.base = row.text(1);
  out.overlay = row.text(2);
  out.written_at = row.number(3);
  out.doubt = row.number(4) != 0;
  out.source = row.text(5);
  row.reset();
  return true;
}

Result<std::string> Journal::early(std::string_view external_id) {
  if (!any_early_) return std::string();
  Statement& row = s_->early.reset().bind(1, external_id);
  auto got = db_.step(row);
  if (!got) return got.error();
  std::string out(*got ? row.text(0) : std::string_view());
  row.reset();
  return out;
}

Result<void> Journal::put_early(std::string_view external_id, std::string_view fields) {
  if (looking_) return {};
  any_early_ = true;
  Statement& put = s_->put_early.reset().bind(1, external_id).bind(2, fields);
  return db_.execute(put.bind(3, static_cast<std::int64_t>(checksum({external_id, fields, ""}))));
}

Result<void> Journal::each_aside(const AsideTaker& take) {
  if (!any_aside_) return {};
  auto rows = db_.prepare("SELECT external_id, sent, after, failed FROM aside");
  if (!rows) return rows.error();
  for (;;) {
    auto row = db_.step(*rows);
    if (!row) return row.error();
    if (!*row) return {};
    if (auto ok = take(rows->text(0), rows->text(1), rows->text(2), rows->number(3) != 0); !ok) return ok;
  }
}

Result<bool> Journal::tell_gone(std::string_view external_id) {
  Statement& row = s_->gone.reset().bind(1, external_id);
  auto known = db_.step(row);
  if (!known) return known;
  const bool told = *known && row.number(0) != 0;
  row.reset();
  if (told || looking_) return !told;
  any_gone_ = tells_gone_ = true;
  if (auto ok = db_.execute(s_->put_gone.reset().bind(1, external_id)); !ok) return ok.error();
  return true;
}

Result<bool> Journal::was_told_gone(std::string_view external_id) {
  if (!any_gone_) return false;
  Statement& row = s_->gone.reset().bind(1, external_id);
  auto got = db_.step(row);
  row.reset();
  return got;
}

Result<std::string> Journal::whole_of(std::string_view external_id) {
  Statement& row = s_->whole_of.reset().bind(1, external_id);
  auto got = db_.step(row);
  if (!got) return got.error();
  std::string out(*got ? row.text(0) : std::string_view());
  row.reset();
  return out;
}

Result<void> Journal::put_part(std::string_view external_id, std::string_view whole) {
  return looking_ ? Result<void>() : db_.execute(s_->put_part.reset().bind(1, external_id).bind(2, whole));
}

Result<void> Journal::see(std::string_view external_id) { return db_.execute(s_->see.reset().bind(1, external_id)); }

Result<void> Journal::each_unseen(const UnseenTaker& take) {
  auto rows = db_.prepare(
      "SELECT external_id, base, source FROM conversations AS c WHERE base <> '' AND NOT EXISTS(SELECT 1 FROM temp.seen AS s "
      "WHERE s.external_id = c.external_id) ORDER BY external_id");
  if (!rows) return rows.error();
  Stored state;
  for (;;) {
    auto row = db_.step(*rows);
    if (!row) return row.error();
    if (!*row) return {};
    state.base = rows->text(1);
    state.source = rows->text(2);
    if (auto ok = take(rows->text(0), state); !ok) return ok;
  }
}

Result<bool> Journal::refused_before(std::string_view external_id, std::string_view sent, std::string_view whole,
                                     ServerRefusal& out) {
  if (!any_refused_) return false;
  Statement& row = s_->refused.reset().bind(1, external_id);
  auto got = db_.step(row);
  if (!got || !*got) return got;
  const Hash128 hash = hash_in(row.text(0));
  const bool same = hash == hash128(sent) || (!whole.empty() && hash == hash128(whole));
  if (same) out = {std::string(external_id), std::string(sent), std::string(row.text(2)), static_cast<int>(row.number(1))};
  row.reset();
  return same;
}

Result<void> Journal::put(std::string_view external_id, const Stored& state) {
  const std::uint64_t sum = checksum(external_id, state);
  if (!looking_) {
    Statement& old = s_->old_sum.reset().bind(1, external_id);
    auto row = db_.step(old);
    if (!row) return row.error();
    sum_ += sum;
    if (*row) {
      sum_ -= static_cast<std::uint64_t>(old.number(0));
      old.reset();
    } else {
      ++rows_;
    }
    sum_changed_ = true;
  }
  Statement& put = s_->put.reset();
  put.bind(1, external_id).bind_blob(2, bytes_of(state.hash)).bind(3, std::string_view(state.base));
  put.bind(4, std::string_view(state.overlay)).bind(5, state.written_at).bind(6, std::int64_t{state.doubt});
  return db_.execute(put.bind(7, static_cast<std::int64_t>(sum)).bind(8, std::string_view(state.source)));
}

Result<void> Journal::add_chunk(Phase phase, Chunk& chunk) {
  chunk.seq = (static_cast<std::int64_t>(phase) << kPhaseShift) + ++next_in_phase_;
  const std::string sent = joined(chunk.sent), after = joined(chunk.after);
  const std::uint64_t sum = checksum(chunk.seq, chunk.update, chunk.not_before, sent, after);
  Statement& add = s_->add_chunk.reset();
  add.bind(1, chunk.seq).bind(2, std::int64_t{chunk.update}).bind(3, chunk.not_before);
  add.bind(4, static_cast<std::int64_t>(chunk.sent.size())).bind(5, std::string_view(sent)).bind(6, std::string_view(after));
  return db_.execute(add.bind(7, static_cast<std::int64_t>(sum)));
}

Result<void> Journal::add_late_chunk(std::int64_t run, Phase phase, Chunk& chunk) {
  const std::int64_t begin = static_cast<std::int64_t>(phase) << kPhaseShift;
  const std::int64_t end = begin + (std::int64_t{1} << kPhaseShift);
  const std::string last = fmt::format(
      "SELECT max((SELECT ifnull(max(seq), 0) FROM main.chunks WHERE seq < {1}), (SELECT ifnull(max(chunk), 0) FROM requests "
      "WHERE "
      "run = {0} AND chunk < {1}))",
      run, end);
  auto seq = db_.number(last.c_str());
  if (!seq) return seq.error();
  next_in_phase_ = std::max(*seq, begin) - begin;
  return add_chunk(phase, chunk);
}

Result<void> Journal::end_plan() { return db_.run(fmt::format("UPDATE runs SET planned = 1 WHERE id = {}", run_).c_str()); }

Result<RunRow> Journal::run_of(std::int64_t run) {
  auto row = db_.prepare(
      "SELECT id, started_at, origin, head, tail, method, update_method, planned, finished_at IS NOT NULL FROM main.runs WHERE "
      "id = "
      "?1");
  if (!row) return row.error();
  auto got = db_.step(row->bind(1, run));
  if (!got) return got.error();
  if (!*got) return damaged(fmt::format("run {} is not in it", run));
  RunRow out;
  out.id = row->number(0);
  out.started_at = row->text(1);
  out.origin = row->text(2);
  out.envelope = {std::string(row->text(3)), std::string(row->text(4)), std::string(row->text(5)), std::string(row->text(6))};
  out.planned = row->number(7) != 0;
  out.finished = row->number(8) != 0;
  return out;
}

Result<std::optional<RunRow>> Journal::last_run() {
  auto id = db_.number("SELECT ifnull(max(id), 0) FROM main.runs");
  if (!id) return id.error();
  if (*id == 0) return std::optional<RunRow>();
  auto run = run_of(*id);
  if (!run) return run.error();
  return std::optional<RunRow>(std::move(*run));
}

Result<std::vector<Request>> Journal::open_requests() {
  auto rows = db_.prepare("SELECT id, run, chunk, first, count, body_hash FROM requests WHERE state = 0 ORDER BY id");
  if (!rows) return rows.error();
  std::vector<Request> out;
  for (;;) {
    auto row = db_.step(*rows);
    if (!row) return row.error();
    if (!*row) return out;
    out.push_back({rows->number(0), rows->number(1), rows->number(2), static_cast<std::size_t>(rows->number(3)),
                   static_cast<std::size_t>(rows->number(4)), hash_in(rows->text(5))});
  }
}

Result<Chunk> Journal::read_chunk(Statement& row) {
  Chunk chunk;
  chunk.seq = row.number(0);
  chunk.update = row.number(1) != 0;
  chunk.not_before = row.number(2);
  chunk.sent = lines_of(row.text(4));
  chunk.after = lines_of(row.text(5));
  const auto records = static_cast<std::size_t>(row.number(3));
  if (checksum(chunk.seq, chunk.update, chunk.not_before, row.text(4), row.text(5)) !=
          static_cast<std::uint64_t>(row.number(6)) ||
      chunk.sent.size() != records || chunk.after.size() != records) {
    return damaged("the plan in it is not what was written");
  }
  return chunk;
}

Result<std::optional<Chunk>> Journal::next_chunk(std::int64_t run, std::int64_t after) {
  Statement& row = s_->next_chunk.reset().bind(1, run).bind(2, after);
  auto got = db_.step(row);
  if (!got) return got.error();
  if (!*got) return std::optional<Chunk>();
  auto chunk = read_chunk(row);
  row.reset();
  if (!chunk) return chunk.error();
  return std::optional<Chunk>(std::move(*chunk));
}

Result<Chunk> Journal::chunk(std::int64_t seq) {
  Statement& row = s_->chunk.reset().bind(1, seq);
  auto got = db_.step(row);
  if (!got) return got.error();
  if (!*got) return damaged("the records of a request are not in it");
  auto chunk = read_chunk(row);
  row.reset();
  return chunk;
}

Result<Journal::Left> Journal::left(std::int64_t run) {
  auto row = db_.prepare(
      "SELECT count(*), ifnull(sum(records), 0) FROM chunks WHERE NOT EXISTS(SELECT 1 FROM requests WHERE run = ?1 AND chunk = "
      "seq)");
  if (!row) return row.error();
  auto got = db_.step(row->bind(1, run));
  if (!got) return got.error();
  return Left{static_cast<std::uint64_t>(row->number(0)), static_cast<std::uint64_t>(row->number(1))};
}

Result<void> Journal::add_request(Request& request) {
  Statement& add = s_->add_request.reset();
  add.bind(1, request.run).bind(2, request.chunk).bind(3, static_cast<std::int64_t>(request.first));
  add.bind(4, static_cast<std::int64_t>(request.count)).bind_blob(5, bytes_of(request.body)).bind(6, wall_clock());
  auto row = db_.step(add);
  if (!row) return row.error();
  request.id = add.number(0);
  add.reset();
  return {};
}

Result<void> Journal::close_request(const Request& request, int state, int status, std::string_view message, std::int64_t now) {
  Statement& close = s_->close_request.reset();
  close.bind(1, request.id).bind(2, std::int64_t{state}).bind(3, std::int64_t{status}).bind(4, message).bind(5, now);
  if (auto ok = db_.execute(close); !ok) return ok;
  Statement& open = s_->open_of_chunk.reset().bind(1, request.run).bind(2, request.chunk);
  auto row = db_.step(open);
  if (!row) return row.error();
  const bool last = open.number(0) == 0;
  open.reset();
  return last && state != 2 ? db_.execute(s_->drop_chunk.reset().bind(1, request.chunk)) : Result<void>();
}

/// What the journal then has of the conversation that record `i` is of.
Result<void> Journal::accept_record(const Chunk& chunk, std::size_t i, std::int64_t now) {
  FieldsReader reader;
  const std::string external_id = reader.external_id(chunk.sent[i]);
  const After after = After::of(chunk.after[i]);
  Stored state;
  if (after.base == kSameBase || !after.source) {
    auto known = find(external_id, state);
    if (!known) return known.error();
  }
  if (after.base != kSameBase) {
    state.base = after.base == kBaseIsSent ? std::string_view(chunk.sent[i]) : after.base;
    state.hash = hash128(state.base);
  }
  state.overlay = after.overlay;
  if (after.source) state.source = *after.source;
  if (now != 0) state.written_at = now;
  state.doubt = false;
  return put(external_id, state);
}

Result<void> Journal::accept(const Request& request, const Chunk& chunk, int status, std::int64_t now) {
  for (std::size_t i = request.first; i < request.first + request.count; ++i) {
    if (auto ok = settle_record(chunk, i, now); !ok) return ok;
  }
  return close_request(request, 1, status, "", now);
}

/// Accepts record `i`: nothing waits for it any more.
Result<void> Journal::settle_record(const Chunk& chunk, std::size_t i, std::int64_t now) {
  FieldsReader reader;
  if (auto ok = accept_record(chunk, i, now); !ok) return ok;
  const std::string external_id = reader.external_id(chunk.sent[i]);
  for (Statement* drop : {&s_->drop_refused, any_gone_ ? &s_->drop_gone : nullptr, any_early_ ? &s_->drop_early : nullptr,
                          any_aside_ ? &s_->drop_aside : nullptr}) {
    if (drop == nullptr) continue;
    if (auto ok = db_.execute(drop->reset().bind(1, std::string_view(external_id))); !ok) return ok;
  }
  return {};
}

Result<std::pair<Request, Request>> Journal::split(const Request& request, const Chunk& chunk, const Envelope& envelope,
                                                   int status) {
  if (auto ok = close_request(request, 2, status, "", wall_clock()); !ok) return ok.error();
  Request left = request, right = request;
  left.count = request.count / 2;
  right.first = request.first + left.count;
  right.count = request.count - left.count;
  for (Request* half : {&left, &right}) {
    half->body = hash128(envelope.body(chunk, half->first, half->count));
    if (auto ok = add_request(*half); !ok) return ok.error();
  }
  return std::pair(left, right);
}

Result<void> Journal::refuse_record(std::string_view sent, const ServerRefusal& refusal, bool doubt, std::int64_t now) {
  const std::string_view external_id = refusal.external_id;
  Statement& put_refused = s_->put_refused.reset();
  const Hash128 hash = hash128(sent);
  put_refused.bind(1, external_id).bind_blob(2, bytes_of(hash));
  put_refused.bind(3, std::int64_t{refusal.status}).bind(4, std::string_view(refusal.message));
  if (auto ok = db_.execute(put_refused); !ok) return ok;
  any_refused_ = true;
  if (any_aside_) {
    if (auto ok = db_.execute(s_->drop_aside.reset().bind(1, external_id)); !ok) return ok;
  }
  return doubt ? put_doubt(external_id, now) : Result<void>();
}

/// An earlier try of it had no clear end.
Result<void> Journal::put_doubt(std::string_view external_id, std::int64_t now) {
  Stored state;
  auto known = find(external_id, state);
  if (!known) return known.error();
  if (!*known) state.hash = hash128(state.base);
  state.written_at = now;
  state.doubt = true;
  return put(external_id, state);
}

Result<void> Journal::refuse(const Request& request, const Chunk& chunk, const ServerRefusal& refusal, bool doubt,
                             std::int64_t now) {
  if (auto ok = refuse_record(chunk.sent[request.first], refusal, doubt, now); !ok) return ok;
  return close_request(request, 3, refusal.status, refusal.message, now);
}

Result<std::vector<Request>> Journal::settle_each(const Request& request, const Chunk& chunk, const Envelope& envelope,
                                                  const std::vector<Outcome>& outcomes, int status, bool doubt,
                                                  std::int64_t now) {
  std::vector<Request> again;
  for (std::size_t n = 0; n < outcomes.size(); ++n) {
    const std::size_t i = request.first + n;
    switch (outcomes[n].kind) {
      case Outcome::Kind::taken:
        if (auto ok = settle_record(chunk, i, now); !ok) return ok.error();
        break;
      case Outcome::Kind::refused:
        if (auto ok = refuse_record(chunk.sent[i], outcomes[n].refusal, doubt, now); !ok) return ok.error();
        break;
      case Outcome::Kind::again:
        if (n != 0 && outcomes[n - 1].kind == Outcome::Kind::again) {
          ++again.back().count;
        } else {
          again.push_back({0, request.run, request.chunk, i, 1, {}});
        }
        break;
    }
  }
  for (Request& one : again) {
    one.body = hash128(envelope.body(chunk, one.first, one.count));
    if (auto ok = add_request(one); !ok) return ok.error();
  }
  if (auto ok = close_request(request, 1, status, "some of its records were not accepted", now); !ok) return ok.error();
  return again;
}

Result<std::string> Journal::whole_record(const Chunk& chunk, std::size_t i, std::string& after) {
  const std::string& sent = chunk.sent[i];
  const After then = After::of(chunk.after[i]);
  after = chunk.after[i];
  if (!chunk.update) {
    if (then.base == kBaseIsSent) after = After{sent, then.overlay, then.source}.line();
    return sent;
  }
  FieldsReader reader;
  Stored state;
  if (then.base == kSameBase) {
    auto known = find(reader.external_id(sent), state);
    if (!known) return known.error();
  } else {
    state.base = then.base;
  }
  Fields base, overlay;
  if (state.base.empty() || !reader.read(state.base, base)) return std::string();
  if (!then.overlay.empty() && !reader.read(then.overlay, overlay)) return std::string();
  after = After{state.base, then.overlay, then.source}.line();
  return composed(base, overlay).json();
}

Result<void> Journal::put_aside(const Request& request, const Chunk& chunk, int status, std::string_view message, bool failed,
                                std::int64_t now) {
  FieldsReader reader;
  for (std::size_t i = request.first; i < request.first + request.count; ++i) {
    const std::string external_id = reader.external_id(chunk.sent[i]);
    std::string after;
    auto whole = whole_record(chunk, i, after);
    if (!whole) return whole.error();
    if (!whole->empty()) {
      any_aside_ = true;
      Statement& put = s_->put_aside.reset();
      put.bind(1, std::string_view(external_id)).bind(2, std::string_view(*whole)).bind(3, std::string_view(after));
      put.bind(4, static_cast<std::int64_t>(checksum({external_id, *whole, after}))).bind(5, std::int64_t{failed});
      if (auto ok = db_.execute(put); !ok) return ok;
    }
    if (auto ok = put_doubt(external_id, now); !ok) return ok;
  }
  return close_request(request, 4, status, message, now);
}

Result<std::optional<std::pair<Chunk, Request>>> Journal::send_whole(const Request& request, const Chunk& chunk,
                                                                     const RunRow& run, int status) {
  std::string after;
  auto whole = whole_record(chunk, request.first, after);
  if (!whole) return whole.error();
  if (whole->empty()) return std::optional<std::pair<Chunk, Request>>();
  Chunk late;
  late.sent.push_back(std::move(*whole));
  late.after.push_back(std::move(after));
  if (auto ok = add_late_chunk(run.id, Phase::whole, late); !ok) return ok.error();
  Request made{0, run.id, late.seq, 0, 1, hash128(run.envelope.body(late, 0, 1))};
  if (auto ok = add_request(made); !ok) return ok.error();
  if (auto ok = close_request(request, 4, status, "it goes whole instead", wall_clock()); !ok) return ok.error();
  return std::optional(std::pair(std::move(late), made));
}

Result<void> Journal::finish_run(std::int64_t run) {
  if (tells_gone_) {
    if (auto ok = db_.run("UPDATE gone SET told = 1 WHERE told = 0"); !ok) return ok;
  }
  return db_.run(fmt::format("UPDATE runs SET finished_at = '{}' WHERE id = {}", utc_now(), run).c_str());
}

Result<void> Journal::assume_accepted() {
  auto requests = open_requests();
  if (!requests) return requests.error();
  for (const Request& request : *requests) {
    auto held = chunk(request.chunk);
    if (!held) return held.error();
    for (std::size_t i = request.first; i < request.first + request.count; ++i) {
      if (auto ok = accept_record(*held, i, 0); !ok) return ok;
    }
  }
  return {};
}

}  // namespace crosswalk::delivery
