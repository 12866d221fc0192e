#include "delivery/database.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

namespace crosswalk::delivery {
namespace {

constexpr int kBusyMilliseconds = 1000;

}  // namespace

Error Database::failure(std::string_view what) const {
  sqlite3* const db = database_.get();
  const int code = db == nullptr ? SQLITE_NOMEM : sqlite3_errcode(db);
  const int system = db == nullptr ? 0 : sqlite3_system_errno(db);
  std::string reason = db == nullptr ? "out of memory" : sqlite3_errmsg(db);
  std::string cure;
  Errc kind = Errc::io;
  switch (code & 0xFF) {
    case SQLITE_ERROR: cure = "a table of it is not as it was made: put a copy of the journal back"; break;
    case SQLITE_FULL:
      reason = std::strerror(ENOSPC);
      cure = "free some space, then run again: the journal stands as it was before, and nothing is lost";
      break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      reason = "another program is using it";
      cure = "wait until that one is done, then run again";
      kind = Errc::unavailable;
      break;
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      if (system != 0) reason = std::strerror(system);
      cure = "the journal and its folder must be writable; a copy elsewhere works as well";
      break;
    case SQLITE_IOERR:
      if (system != 0) reason = std::strerror(system);
      cure = "look at the disk, and at limits on space and on the size of files (quota, ulimit -f), then run again";
      break;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      cure =
          "put a copy of the journal back; without one, name a new journal: everything is then sent once more, and what was "
          "enriched only by earlier runs is lost";
      break;
    default: break;
  }
  return {kind, fmt::format("{}: {}: {}", shown_, what, reason), std::move(cure)};
}

Result<void> Database::open(const std::string& path, int flags, std::string shown) {
  shown_ = std::move(shown);
  sqlite3* opened = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  database_.reset(opened);
  if (code != SQLITE_OK) return failure("the journal cannot be opened");
  sqlite3_busy_timeout(opened, kBusyMilliseconds);
  return {};
}

Result<void> Database::run(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return failure("the journal cannot be used");
}

Result<Statement> Database::prepare(const char* sql) {
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) == SQLITE_OK) {
    return Statement(statement);
  }
  return failure("the journal cannot be used");
}

Result<bool> Database::step(Statement& statement) {
  const int code = sqlite3_step(statement.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) {
    statement.reset();
    return false;
  }
  Error error =
      failure(sqlite3_stmt_readonly(statement.get()) != 0 ? "the journal cannot be read" : "the journal cannot be written");
  statement.reset();
  return error;
}

Result<void> Database::execute(Statement& statement) {
  auto row = step(statement);
  if (!row) return row.error();
  statement.reset();
  return {};
}

Result<std::int64_t> Database::number(const char* sql) {
  auto statement = prepare(sql);
  if (!statement) return statement.error();
  auto row = step(*statement);
  if (!row) return row.error();
  return *row ? statement->number(0) : 0;
}

Result<void> bring_up(Database& database, std::span<const char* const> steps, std::size_t from) {
  for (const char* step : steps.subspan(from)) {
    if (auto ok = database.run(step); !ok) return ok;
  }
  return database.run(fmt::format("PRAGMA user_version={}", steps.size()).c_str());
}

}  // namespace crosswalk::delivery
