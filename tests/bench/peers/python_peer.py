#!/usr/bin/env python3
"""The works in Python's standard library, as one would write them: `python_peer.py WORK INPUT OUTPUT THREADS`."""
import csv
import json
import sys
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from fields import (ASAPP_METADATA, CHANNELS, NO_SCORES, PLATFORMS, RESOLVED, SCORES, TOUCH_CHANNELS, ZONE, carried)
from timing import report


def rfc3339(instant):
    return instant.isoformat().replace("+00:00", "Z")


def utc(local, zone):
    return rfc3339(datetime.fromisoformat(local).replace(tzinfo=zone).astimezone(timezone.utc)) if local else None


def seconds(minutes):
    return int(minutes) * 60 if minutes else None


def score(word):
    if not word or word in NO_SCORES:
        return None
    return SCORES[word] if word in SCORES else int(word)


def known(values):
    return {key: value for key, value in values.items() if value not in (None, "", [], {})}


def ticket(row, names, zone):
    metadata = {name: row[name].split() if name == "Tags" else row[name] for name in names}
    return known({
        "external_id": row["Id"],
        "platform": "zendesk",
        "channel": CHANNELS.get(row["Via"]),
        "queue_id": row["Group"],
        "assigned_agent_id": row["Assignee"],
        "customer_id": row["Requester id"] or row["Requester email"] or row["Requester"],
        "subject": row["Subject"],
        "status": row["Status"].lower().replace("-", "_"),
        "started_at": utc(row["Created at"], zone),
        "ended_at": utc(row["Solved at"], zone),
        "wait_time_seconds": seconds(row["Requester wait time in minutes"]),
        "first_response_time_seconds": seconds(row["First reply time in minutes"]),
        "resolved": row["Status"] in RESOLVED,
        "csat_score": score(row["Satisfaction Score"]),
        "metadata": known(metadata),
    })


def zendesk(work, path):
    names, zone = carried(work, path), ZoneInfo(ZONE)
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield ticket(row, names, zone)


def asapp(work, path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            metadata, agent, customer = record["metadata"], record["agent"], record["customer"]
            yield known({
                "external_id": record["externalId"],
                "platform": "asapp",
                "channel": PLATFORMS.get(metadata.get("channel") or metadata.get("platform")),
                "queue_id": metadata.get("queue"),
                "assigned_agent_id": agent["externalId"],
                "customer_id": customer["externalId"],
                "started_at": rfc3339(datetime.fromisoformat(record["timestamp"]).astimezone(timezone.utc)),
                "metadata": known({"asapp_id": record["id"], "agent_name": agent["name"], "customer_name": customer["name"],
                                   **{key: metadata.get(key) for key in ASAPP_METADATA}}),
            })


def conversation(key, row, touches):
    touches.sort()
    inbound = next((at for at, _, direction, *_ in touches if direction == "inbound"), None)
    answered = next((at for at, _, direction, *_ in touches
                     if inbound is not None and direction == "outbound" and at >= inbound), None)
    agents = [user for _, _, direction, user, _ in touches if direction == "outbound"]
    calls = [duration for *_, duration in touches if duration is not None]
    closed = row.get("status") in ("closed", "resolved", "done")
    counts = {kind: sum(touch[1] == kind for touch in touches) for kind in TOUCH_CHANNELS}
    return known({
        "external_id": key[1],
        "platform": "unified-inbox",
        "channel": TOUCH_CHANNELS.get(touches[0][1]),
        "assigned_agent_id": row.get("assigned_to") or (agents[-1] if agents else None),
        "customer_id": row.get("contact_id"),
        "subject": row.get("subject"),
        "status": row.get("status"),
        "started_at": rfc3339(touches[0][0]),
        "ended_at": rfc3339(touches[-1][0]) if closed else None,
        "handle_time_seconds": sum(calls) if calls else None,
        "first_response_time_seconds": (answered - inbound).total_seconds() if answered else None,
        "resolved": closed if row else None,
        "metadata": known({"org_id": key[0], "archived": row.get("archived"), "starred": row.get("starred"),
                           "unread": row.get("unread"),
                           "touchpoints": {kind: count for kind, count in counts.items() if count}}),
    })


def inbox(work, path):
    """In memory, as a script would."""
    rows, touches = {}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            record = json.loads(line)
            if "conversation_id" not in record:
                rows[record["org_id"], record["id"]] = record
                continue
            key = record["org_id"], record["conversation_id"]
            touches.setdefault(key, {})[record["provider_message_id"]] = (
                datetime.fromisoformat(record["created_at"]).astimezone(timezone.utc), record["type"], record["direction"],
                record["user_id"] or "", record.get("duration"))
    for key, met in touches.items():
        yield conversation(key, rows.get(key, {}), list(met.values()))


def main():
    work, path, output = sys.argv[1:4]
    records = {"zendesk": zendesk, "zendesk-all": zendesk, "asapp": asapp, "inbox": inbox}[work](work, path)

    def write():
        with open(output, "w", encoding="utf-8") as out:
            for record in records:
                out.write(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n")
    report(".".join(map(str, sys.version_info[:3])), write)


main()
