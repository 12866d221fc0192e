// The SQLite sink's tables and views. docs/merge-exports.md describes them to users.
#pragma once

namespace crosswalk::sqlite_schema {

inline constexpr int kApplicationId = 0x4372576B;  // "CrWk"
inline constexpr int kVersion = 1;                 // user_version; a newer one is not replaced

// Columns stand in the order of the schema's keys; the sink binds them by position.
//
// Of metadata there are several rows a conversation, so they are kept small, and found by numbers that grow: then a load in
// any order appends. The view `metadata` shows them with their names. `value` is ANY so that a number stays a number and
// the text "007" stays text; `type` is kept only where it does not follow from that.
inline constexpr const char* kTables = R"sql(
CREATE TABLE conversations (
  id INTEGER PRIMARY KEY,
  external_id TEXT NOT NULL UNIQUE,
  platform TEXT,
  channel TEXT NOT NULL,
  queue_id TEXT,
  assigned_agent_id TEXT,
  customer_id TEXT,
  subject TEXT,
  status TEXT,
  started_at TEXT NOT NULL,
  ended_at TEXT,
  handle_time_seconds REAL,
  wait_time_seconds REAL,
  first_response_time_seconds REAL,
  resolved INTEGER,
  csat_score REAL
) STRICT;

CREATE TABLE metadata_names (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE metadata_values (
  conversation_id INTEGER NOT NULL,
  name_id INTEGER NOT NULL,
  value ANY,
  type TEXT,
  PRIMARY KEY (conversation_id, name_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE updates (
  external_id TEXT NOT NULL,
  assigned_agent_id TEXT,
  status TEXT,
  ended_at TEXT,
  handle_time_seconds REAL,
  resolved INTEGER,
  csat_score REAL,
  metadata TEXT
) STRICT;

CREATE TABLE rejects (
  id INTEGER PRIMARY KEY,
  source TEXT NOT NULL,
  file TEXT NOT NULL,
  line INTEGER NOT NULL,
  offset INTEGER NOT NULL,
  code TEXT NOT NULL,
  field TEXT,
  found TEXT,
  message TEXT NOT NULL,
  cure TEXT,
  record TEXT,
  record_base64 TEXT,
  record_size INTEGER
) STRICT;

CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  finished_at TEXT NOT NULL,
  version TEXT,
  read INTEGER,
  conversations INTEGER NOT NULL,
  updates INTEGER NOT NULL,
  rejects INTEGER NOT NULL,
  seconds REAL,
  summary TEXT NOT NULL
) STRICT;
)sql";

// Made when the rows are there: sorting once is cheaper than keeping sorted.
inline constexpr const char* kIndices = R"sql(
CREATE INDEX conversations_started_at ON conversations (started_at);
CREATE INDEX metadata_values_name ON metadata_values (name_id);
CREATE INDEX updates_external_id ON updates (external_id);
)sql";

// Percentiles are by nearest rank: the smallest value that at least so many of the values do not exceed. Days and hours are
// those of UTC, which is how times are written, so the first characters of a time are its day.
inline constexpr const char* kViews = R"sql(
CREATE VIEW metadata AS
SELECT external_id, key, value,
  coalesce(type, CASE typeof(value) WHEN 'text' THEN 'string' WHEN 'null' THEN 'null' ELSE 'number' END) AS type
FROM metadata_values
JOIN conversations ON conversations.id = conversation_id
JOIN metadata_names ON metadata_names.id = name_id;

CREATE VIEW volume_by_day AS
SELECT substr(started_at, 1, 10) AS day, channel, queue_id, count(*) AS conversations
FROM conversations
GROUP BY 1, 2, 3;

CREATE VIEW volume_by_hour AS
SELECT substr(started_at, 1, 13) || ':00:00Z' AS hour, channel, queue_id, count(*) AS conversations
FROM conversations
GROUP BY 1, 2, 3;

CREATE VIEW response_times_by_channel AS
SELECT channel, count(*) AS conversations, answered, avg(seconds) AS average_seconds,
  max(seconds) FILTER (WHERE place = (answered + 1) / 2) AS median_seconds,
  max(seconds) FILTER (WHERE place = (answered * 9 + 9) / 10) AS p90_seconds
FROM (
  SELECT channel, first_response_time_seconds AS seconds,
    count(first_response_time_seconds) OVER (PARTITION BY channel) AS answered,
    row_number() OVER (PARTITION BY channel ORDER BY first_response_time_seconds NULLS LAST) AS place
  FROM conversations
)
GROUP BY channel;

CREATE VIEW handle_time_by_agent AS
SELECT assigned_agent_id, count(*) AS conversations, handled, sum(seconds) AS total_seconds, avg(seconds) AS average_seconds,
  max(seconds) FILTER (WHERE place = (handled + 1) / 2) AS median_seconds,
  max(seconds) FILTER (WHERE place = (handled * 9 + 9) / 10) AS p90_seconds
FROM (
  SELECT assigned_agent_id, handle_time_seconds AS seconds,
    count(handle_time_seconds) OVER (PARTITION BY assigned_agent_id) AS handled,
    row_number() OVER (PARTITION BY assigned_agent_id ORDER BY handle_time_seconds NULLS LAST) AS place
  FROM conversations
)
GROUP BY assigned_agent_id;

CREATE VIEW csat_by_agent AS
SELECT assigned_agent_id, count(*) AS conversations, count(csat_score) AS answered, avg(csat_score) AS average,
  1.0 * count(*) FILTER (WHERE csat_score >= 4) / count(csat_score) AS share_of_4_and_5
FROM conversations
GROUP BY assigned_agent_id;

CREATE VIEW csat_by_channel AS
SELECT channel, count(*) AS conversations, count(csat_score) AS answered, avg(csat_score) AS average,
  1.0 * count(*) FILTER (WHERE csat_score >= 4) / count(csat_score) AS share_of_4_and_5
FROM conversations
GROUP BY channel;

CREATE VIEW resolution_by_queue AS
SELECT queue_id, count(*) AS conversations,
  count(*) FILTER (WHERE resolved = 1) AS resolved,
  count(*) FILTER (WHERE resolved = 0) AS not_resolved,
  count(*) FILTER (WHERE resolved IS NULL) AS not_known,
  1.0 * count(*) FILTER (WHERE resolved = 1) / count(resolved) AS share_resolved
FROM conversations
GROUP BY queue_id;

CREATE VIEW backlog_open_by_day AS
SELECT day, sum(started) AS started, sum(ended) AS ended,
  sum(sum(started) - sum(ended)) OVER (ORDER BY day) AS open_at_end_of_day,
  sum(sum(endless)) OVER (ORDER BY day) AS without_an_end
FROM (
  SELECT substr(started_at, 1, 10) AS day, 1 AS started, 0 AS ended, ended_at IS NULL AS endless FROM conversations
  UNION ALL
  SELECT substr(max(started_at, ended_at), 1, 10), 0, 1, 0 FROM conversations WHERE ended_at IS NOT NULL
)
GROUP BY day;

CREATE VIEW rejects_by_code AS
SELECT source, code, count(*) AS rejects, min(id) AS first_id, message AS first_message, cure AS first_cure
FROM rejects
GROUP BY source, code;

CREATE VIEW metadata_keys AS
SELECT key, metadata_types.type AS type, conversations, distinct_values, example
FROM (
  SELECT name_id,
    coalesce(type, CASE typeof(value) WHEN 'text' THEN 'string' WHEN 'null' THEN 'null' ELSE 'number' END) AS type,
    count(*) AS conversations, count(DISTINCT value) AS distinct_values, min(value) AS example
  FROM metadata_values
  GROUP BY 1, 2
) AS metadata_types
JOIN metadata_names ON metadata_names.id = name_id;
)sql";

}  // namespace crosswalk::sqlite_schema
