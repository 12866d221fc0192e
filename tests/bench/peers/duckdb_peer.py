#!/usr/bin/env python3
"""The works in DuckDB's SQL: `duckdb_peer.py WORK INPUT OUTPUT THREADS`.

Each is the fastest of the forms tried: columns with given types instead of found ones, a struct instead of a JSON object,
a cast to text instead of strftime, and order kept (DuckDB's default).
"""
import sys

import duckdb

from fields import (ASAPP_METADATA, CHANNELS, NO_SCORES, PLATFORMS, RESOLVED, SCORES, TOUCH_CHANNELS, ZONE, carried, columns)
from timing import report


def text(value):
    return "'" + value.replace("'", "''") + "'"


def name(value):
    return '"' + value.replace('"', '""') + '"'


def words(of, meanings, otherwise="NULL"):
    """A vocabulary as CASE."""
    cases = " ".join(f"WHEN {text(word)} THEN {text(meaning) if isinstance(meaning, str) else meaning}"
                     for word, meaning in meanings.items())
    return f"CASE {of} {cases} ELSE {otherwise} END"


def listed(values):
    return "(" + ", ".join(map(text, values)) + ")"


def rfc3339(instant):
    """TIMESTAMP, taken as UTC, as text."""
    return f"replace(({instant})::VARCHAR, ' ', 'T') || 'Z'"


def utc(column):
    """Local time in the account's zone → TIMESTAMP in UTC."""
    return f"make_timestamp(epoch_us(timezone({text(ZONE)}, {name(column)}::TIMESTAMP)))"


def metadata(names):
    def value(column):
        return "string_split(Tags, ' ')" if column == "Tags" else name(column)
    return "struct_pack(" + ", ".join(f"{name(column)} := {value(column)}" for column in names) + ")"


def zendesk(work, path):
    types = ", ".join(f"{text(column)}: 'VARCHAR'" for column in columns(path))
    score = words('"Satisfaction Score"', SCORES, 'try_cast("Satisfaction Score" AS INTEGER)')
    return f"""
        SELECT Id AS external_id, 'zendesk' AS platform, {words("Via", CHANNELS)} AS channel, "Group" AS queue_id,
          Assignee AS assigned_agent_id, coalesce("Requester id", "Requester email", Requester) AS customer_id,
          Subject AS subject, replace(lower(Status), '-', '_') AS status,
          {rfc3339(utc("Created at"))} AS started_at, {rfc3339(utc("Solved at"))} AS ended_at,
          "Requester wait time in minutes"::INTEGER * 60 AS wait_time_seconds,
          "First reply time in minutes"::INTEGER * 60 AS first_response_time_seconds,
          Status IN {listed(RESOLVED)} AS resolved,
          CASE WHEN "Satisfaction Score" NOT IN {listed(NO_SCORES)} THEN {score} END AS csat_score,
          {metadata(carried(work, path))} AS metadata
        FROM read_csv({text(path)}, header=true, delim=',', quote='"', escape='"', auto_detect=false, columns={{{types}}})"""


def asapp(work, path):
    party = "STRUCT(externalId VARCHAR, name VARCHAR)"
    fields = ("organizationalGroup VARCHAR, subdivision VARCHAR, platform VARCHAR, channel VARCHAR, queue VARCHAR, "
              "language VARCHAR")
    rest = ", ".join(f"{name(key)} := metadata.{name(key)}" for key in ASAPP_METADATA)
    return f"""
        SELECT externalId AS external_id, 'asapp' AS platform,
          {words("coalesce(metadata.channel, metadata.platform)", PLATFORMS)} AS channel, metadata.queue AS queue_id,
          agent.externalId AS assigned_agent_id, customer.externalId AS customer_id, {rfc3339('"timestamp"')} AS started_at,
          struct_pack(asapp_id := id, agent_name := agent.name, customer_name := customer.name, {rest}) AS metadata
        FROM read_json({text(path)}, format='newline_delimited', columns={{id: 'VARCHAR', externalId: 'VARCHAR',
          agent: '{party}', customer: '{party}', metadata: 'STRUCT({fields})', "timestamp": 'TIMESTAMP'}})"""


def inbox(work, path):
    """Activities by conversation. What the data does not need is left out: repeated messages, notes, drafts."""
    types = {"id": "VARCHAR", "org_id": "VARCHAR", "conversation_id": "VARCHAR", "contact_id": "VARCHAR", "type": "VARCHAR",
             "direction": "VARCHAR", "status": "VARCHAR", "user_id": "VARCHAR", "assigned_to": "VARCHAR", "subject": "VARCHAR",
             "duration": "BIGINT", "created_at": "TIMESTAMP", "starred": "BOOLEAN", "archived": "BOOLEAN",
             "unread": "BOOLEAN"}
    spec = ", ".join(f"{text(key)}: {text(value)}" for key, value in types.items())
    closed = "k.status IN ('closed', 'resolved', 'done')"
    return f"""
        WITH rows AS MATERIALIZED (
          SELECT * FROM read_json({text(path)}, format='newline_delimited', columns={{{spec}}})),
        asked AS (
          SELECT conversation_id, min(created_at) AS first_inbound FROM rows WHERE direction = 'inbound' GROUP BY 1),
        grouped AS (
          SELECT a.conversation_id, any_value(a.org_id) AS org_id, min(a.created_at) AS first, max(a.created_at) AS last,
            arg_min(a.type, a.created_at) AS first_type,
            arg_max(a.user_id, a.created_at) FILTER (a.direction = 'outbound') AS user_id,
            any_value(q.first_inbound) AS first_inbound,
            min(a.created_at) FILTER (a.direction = 'outbound' AND a.created_at >= q.first_inbound) AS answered,
            sum(a.duration) FILTER (a.type = 'call') AS handled,
            count(*) FILTER (a.type = 'sms') AS sms, count(*) FILTER (a.type = 'email') AS email,
            count(*) FILTER (a.type = 'call') AS "call"
          FROM rows a LEFT JOIN asked q USING (conversation_id) WHERE a.conversation_id IS NOT NULL GROUP BY 1)
        SELECT g.conversation_id AS external_id, 'unified-inbox' AS platform,
          {words("g.first_type", TOUCH_CHANNELS)} AS channel, coalesce(k.assigned_to, g.user_id) AS assigned_agent_id,
          k.contact_id AS customer_id, k.subject AS subject, k.status AS status,
          {rfc3339("g.first")} AS started_at,
          CASE WHEN {closed} THEN {rfc3339("g.last")} END AS ended_at, g.handled AS handle_time_seconds,
          epoch_us(g.answered - g.first_inbound) / 1000000 AS first_response_time_seconds, {closed} AS resolved,
          struct_pack(org_id := coalesce(g.org_id, k.org_id), archived := k.archived, starred := k.starred,
            unread := k.unread, touchpoints := struct_pack(sms := g.sms, email := g.email, "call" := g."call")) AS metadata
        FROM grouped g LEFT JOIN (SELECT * FROM rows WHERE conversation_id IS NULL) k ON g.conversation_id = k.id"""


def main():
    work, path, output, threads = sys.argv[1:5]
    query = {"zendesk": zendesk, "zendesk-all": zendesk, "asapp": asapp, "inbox": inbox}[work](work, path)
    connection = duckdb.connect()
    connection.execute(f"SET threads={int(threads)}")
    connection.execute("SET TimeZone='UTC'")
    # Without a temporary file beside the output: it would be put in the place of /dev/null.
    copy = f"COPY ({query}) TO {text(output)} (FORMAT json, USE_TMP_FILE false)"
    report(duckdb.__version__, lambda: connection.execute(copy))


main()
