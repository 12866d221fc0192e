// Conversations into a SQLite database, for people who ask questions in SQL.
#pragma once

#include <memory>
#include <string>

#include "crosswalk/result.hpp"
#include "sinks/sink.hpp"

namespace crosswalk {

/// A database is written anew beside `path` and takes its place at commit(). One of ours that stands there is replaced, but
/// for its table `runs`, which is carried over; any other file is refused.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_sqlite_sink(const std::string& path);

}  // namespace crosswalk
