#!/usr/bin/env python3
"""The works of rows in Polars, lazily and streaming: `polars_peer.py WORK INPUT OUTPUT THREADS`."""
import os
import sys

os.environ["POLARS_MAX_THREADS"] = sys.argv[4]  # read when Polars is loaded

import polars as pl  # noqa: E402

from fields import (ASAPP_METADATA, CHANNELS, NO_SCORES, PLATFORMS, RESOLVED, SCORES, ZONE, carried)  # noqa: E402
from timing import report  # noqa: E402


def words(column, meanings):
    """A vocabulary; None where it has no word."""
    return column.replace_strict(list(meanings), list(meanings.values()), default=None)


def utc(column):
    """An hour that never was is unknown: Polars has no rule for it but that or an error."""
    local = pl.col(column).str.to_datetime("%Y-%m-%d %H:%M")
    instant = local.dt.replace_time_zone(ZONE, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    return instant.dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def zendesk(work, path):
    def value(name):
        return pl.col(name).str.split(" ") if name == "Tags" else pl.col(name)
    score = pl.col("Satisfaction Score")
    minutes = {"wait_time_seconds": "Requester wait time in minutes",
               "first_response_time_seconds": "First reply time in minutes"}
    return pl.scan_csv(path, infer_schema=False).select(
        pl.col("Id").alias("external_id"),
        pl.lit("zendesk").alias("platform"),
        words(pl.col("Via"), CHANNELS).alias("channel"),
        pl.col("Group").alias("queue_id"),
        pl.col("Assignee").alias("assigned_agent_id"),
        pl.coalesce("Requester id", "Requester email", "Requester").alias("customer_id"),
        pl.col("Subject").alias("subject"),
        pl.col("Status").str.to_lowercase().str.replace("-", "_", literal=True).alias("status"),
        utc("Created at").alias("started_at"),
        utc("Solved at").alias("ended_at"),
        *[(pl.col(column).cast(pl.Int64) * 60).alias(target) for target, column in minutes.items()],
        pl.col("Status").is_in(list(RESOLVED)).alias("resolved"),
        pl.when(~score.is_in(list(NO_SCORES))).then(
            pl.coalesce(words(score, SCORES), score.cast(pl.Int32, strict=False))).alias("csat_score"),
        pl.struct([value(name).alias(name) for name in carried(work, path)]).alias("metadata"),
    )


def asapp(work, path):
    party = pl.Struct({"externalId": pl.String, "name": pl.String})
    names = ["organizationalGroup", "subdivision", "platform", "channel", "queue", "language"]
    rows = pl.scan_ndjson(path, schema={
        "id": pl.String, "externalId": pl.String, "agent": party, "customer": party,
        "metadata": pl.Struct({name: pl.String for name in names}), "timestamp": pl.String})

    def of(column, field):
        return pl.col(column).struct.field(field)
    at = pl.col("timestamp").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us")
    return rows.select(
        pl.col("externalId").alias("external_id"),
        pl.lit("asapp").alias("platform"),
        words(pl.coalesce(of("metadata", "channel"), of("metadata", "platform")), PLATFORMS).alias("channel"),
        of("metadata", "queue").alias("queue_id"),
        of("agent", "externalId").alias("assigned_agent_id"),
        of("customer", "externalId").alias("customer_id"),
        at.dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").alias("started_at"),
        pl.struct(pl.col("id").alias("asapp_id"), of("agent", "name").alias("agent_name"),
                  of("customer", "name").alias("customer_name"),
                  *[of("metadata", key).alias(key) for key in ASAPP_METADATA]).alias("metadata"),
    )


def main():
    work, path, output = sys.argv[1:4]
    query = {"zendesk": zendesk, "zendesk-all": zendesk, "asapp": asapp}[work](work, path)
    report(pl.__version__, lambda: query.sink_ndjson(output))


main()
