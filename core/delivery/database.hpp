// SQLite, as the journal needs it: statements that say what went wrong. In the delivery part only.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "crosswalk/result.hpp"

namespace crosswalk::delivery {

class Statement {
 public:
  Statement() = default;
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}
  Statement& reset() {
    sqlite3_reset(statement_.get());
    return *this;
  }
  Statement& bind(int column, std::int64_t value) {
    sqlite3_bind_int64(statement_.get(), column, value);
    return *this;
  }
  /// Borrowed until the statement has run.
  Statement& bind(int column, std::string_view text) {
    sqlite3_bind_text64(statement_.get(), column, text.empty() ? "" : text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
    return *this;
  }
  Statement& bind_blob(int column, std::string_view bytes) {
    sqlite3_bind_blob64(statement_.get(), column, bytes.empty() ? "" : bytes.data(), bytes.size(), SQLITE_STATIC);
    return *this;
  }
  [[nodiscard]] std::int64_t number(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  /// Valid until the next step or reset.
  [[nodiscard]] std::string_view text(int column) const {
    const auto* const bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
    const int size = sqlite3_column_bytes(statement_.get(), column);
    return bytes == nullptr ? std::string_view() : std::string_view(bytes, static_cast<std::size_t>(size));
  }
  [[nodiscard]] sqlite3_stmt* get() const { return statement_.get(); }

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
};

class Database {
 public:
  /// `shown` is the path for messages.
  Result<void> open(const std::string& path, int flags, std::string shown);
  void close() { database_.reset(); }
  Result<void> run(const char* sql);
  Result<Statement> prepare(const char* sql);
  /// True: there is a row.
  Result<bool> step(Statement& statement);
  /// Runs a statement that gives no rows.
  Result<void> execute(Statement& statement);
  /// The single number that a query gives.
  Result<std::int64_t> number(const char* sql);
  [[nodiscard]] Error failure(std::string_view what) const;
  [[nodiscard]] std::int64_t changes() const { return sqlite3_changes64(database_.get()); }
  [[nodiscard]] bool in_transaction() const { return database_ && sqlite3_get_autocommit(database_.get()) == 0; }
  [[nodiscard]] bool read_only() const { return sqlite3_db_readonly(database_.get(), "main") == 1; }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  std::unique_ptr<sqlite3, Close> database_;
  std::string shown_;
};

/// Inside the caller's transaction: takes a database of version `from` to the version after the last step, where step n makes
/// version n + 1 of version n, and says so in it.
[[nodiscard]] Result<void> bring_up(Database& database, std::span<const char* const> steps, std::size_t from);

}  // namespace crosswalk::delivery
