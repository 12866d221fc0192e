#!/usr/bin/env python3
"""Judges the SQLite sink: writes random conversations through it, reads them back with Python's sqlite3 module, and
compares every field, every metadata entry and every view with what Python makes of the same lines. Speaks TAP 13.

    sqlite_judge.py SQLITE_WRITE DOCS

and runs every query that DOCS, a page of Markdown, shows.
"""

import json
import math
import os
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from pathlib import Path

FIELDS = ["external_id", "platform", "channel", "queue_id", "assigned_agent_id", "customer_id", "subject", "status", "started_at",
          "ended_at", "handle_time_seconds", "wait_time_seconds", "first_response_time_seconds", "resolved", "csat_score"]
WORDS = ["", "007", "1e5", "NULL", "O'Brien", 'say "hi"', "a\tb\nc", "nul\0inside", "Größe", "日本", "\U0001f600", "x" * 5000, " "]
NUMBERS = ["0", "7", "-3", "0.1", "12.5", "9007199254740993", "9223372036854775807", "9223372036854775808", "1E+2", "1e400", "-0",
           "0.30000000000000004", "123456789012345678901234567890"]


class Number(str):
    """A number as it was written."""


def dump(value):
    """JSON with numbers as they were written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(json.dumps(k) + ":" + dump(v) for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(dump, value)) + "]"
    return json.dumps(value, ensure_ascii=random.random() < 0.5)


def random_metadata():
    return {random.choice(["Priority", "a.b", "tags", "crosswalk", "key \"q\"", "é"]) + random.choice(["", "1", "2"]):
            random.choice([random.choice(WORDS), Number(random.choice(NUMBERS)), True, False,
                           ["a", Number("1e400"), {"b": []}], {"in": {"x": Number("1")}}, {}, []])
            for _ in range(random.randrange(8))}


def random_conversation(number):
    start = datetime(2025, 1, 1) + timedelta(seconds=random.randrange(5 * 86400))
    text = {"external_id": random.choice(["", "z:", "é\n"]) + str(number), "channel": random.choice(["chat", "email", "phone"]),
            "started_at": start.strftime("%Y-%m-%dT%H:%M:%S") + random.choice(["Z", ".5Z", ".123456789Z"])}

    def maybe(key, value):
        if random.random() < 0.7:
            text[key] = value
    maybe("platform", random.choice(["zendesk", "asapp"]))
    maybe("queue_id", random.choice(["q1", "q2", "q'3"]))
    maybe("assigned_agent_id", random.choice(["ann", "bob", "cy"]))
    maybe("subject", random.choice(WORDS[1:]))
    maybe("ended_at", (start + timedelta(seconds=random.randrange(-3600, 2 * 86400))).strftime("%Y-%m-%dT%H:%M:%SZ"))
    maybe("handle_time_seconds", Number(random.choice(["0", "12.5", "720", "3600"])))
    maybe("wait_time_seconds", Number(str(random.randrange(1000))))
    maybe("first_response_time_seconds", Number(str(random.randrange(1000) / 4)))
    maybe("resolved", random.random() < 0.5)
    maybe("csat_score", Number(str(random.randrange(2, 11) / 2)))
    maybe("metadata", random_metadata())
    order = FIELDS + ["metadata"] if random.random() < 0.9 else sorted(text, reverse=True)
    return {key: text[key] for key in order if key in text}


def plain(value):
    return None if value is None else float(value) if isinstance(value, Number) else int(value) if isinstance(value, bool) else value


def entry(value):
    """What a metadata value must be in SQLite, and its type."""
    if isinstance(value, Number):
        digits = sum(c.isdigit() for c in value.lower().split("e")[0])
        if value.lstrip("-").isdigit() and value != "-0" and abs(int(value)) < 2**63:
            return int(value), "number"
        if digits <= 15 and math.isfinite(float(value)) and float(value) != 0:
            return float(value), "number"
        return str(value), "number"
    if isinstance(value, bool):
        return int(value), "boolean"
    return (value, "string") if isinstance(value, str) else (None, "array" if isinstance(value, list) else "object")


def nearest_rank(values, share):
    values = sorted(values)
    return values[math.ceil(share * len(values) - 1e-9) - 1] if values else None


def mean(values):
    return math.fsum(values) / len(values) if values else None


def groups(conversations, key):
    out = defaultdict(list)
    for c in conversations:
        out[plain(c.get(key))].append(c)
    return out


def known(conversations, key):
    return [plain(c[key]) for c in conversations if key in c]


def views(conversations, rejects):
    """What each view must say, as a set of rows."""
    out = {
        "volume_by_day": Counter((c["started_at"][:10], c["channel"], c.get("queue_id")) for c in conversations),
        "volume_by_hour": Counter((c["started_at"][:13] + ":00:00Z", c["channel"], c.get("queue_id")) for c in conversations),
    }
    out = {name: {(*key, count) for key, count in counter.items()} for name, counter in out.items()}

    def times(field, of):
        v = known(of, field)
        return mean(v), nearest_rank(v, 0.5), nearest_rank(v, 0.9)

    def csat(of):
        v = known(of, "csat_score")
        return len(of), len(v), mean(v), mean([float(x >= 4) for x in v])
    channels, agents = groups(conversations, "channel"), groups(conversations, "assigned_agent_id")
    field = "first_response_time_seconds"
    out["response_times_by_channel"] = {(k, len(of), len(known(of, field)), *times(field, of)) for k, of in channels.items()}
    field = "handle_time_seconds"
    out["handle_time_by_agent"] = {(k, len(of), len(known(of, field)), math.fsum(known(of, field)) if known(of, field) else None,
                                    *times(field, of)) for k, of in agents.items()}
    out["csat_by_agent"] = {(k, *csat(of)) for k, of in agents.items()}
    out["csat_by_channel"] = {(k, *csat(of)) for k, of in channels.items()}
    out["resolution_by_queue"] = set()
    for queue, of in groups(conversations, "queue_id").items():
        v = known(of, "resolved")
        out["resolution_by_queue"].add((queue, len(of), v.count(1), v.count(0), len(of) - len(v), mean(v)))
    out["backlog_open_by_day"] = set()
    started = Counter(c["started_at"][:10] for c in conversations)
    ended = Counter(max(c["started_at"], c["ended_at"])[:10] for c in conversations if "ended_at" in c)
    endless = Counter(c["started_at"][:10] for c in conversations if "ended_at" not in c)
    backlog = without = 0
    for day in sorted(started.keys() | ended.keys()):
        backlog += started[day] - ended[day]
        without += endless[day]
        out["backlog_open_by_day"].add((day, started[day], ended[day], backlog, without))
    codes = Counter((r["source"], r["code"]) for r in rejects)
    first = {}
    for number, r in enumerate(rejects, 1):
        first.setdefault((r["source"], r["code"]), (number, r["message"], r["cure"]))
    out["rejects_by_code"] = {(*key, count, *first[key]) for key, count in codes.items()}
    return out


def rounded(rows):
    return {tuple(round(v, 9) if isinstance(v, float) else v for v in row) for row in rows}


class Tap:
    def __init__(self):
        self.number = self.failed = 0

    def result(self, good, name, *diagnostics):
        self.number += 1
        self.failed += not good
        print(f"{'ok' if good else 'not ok'} {self.number} - {name}")
        for line in diagnostics if not good else ():
            print("# " + str(line)[:2000].replace("\n", "\\n"))


def write(program, folder, conversations, updates, rejects, summary="{}", database="out.db"):
    for name, rows in (("c", conversations), ("u", updates), ("r", rejects)):
        (folder / name).write_text("".join(dump(row) + "\n" for row in rows), encoding="utf-8")
    (folder / "s").write_text(summary)
    return subprocess.run([program, "c", "u", "r", "s", database], cwd=folder, capture_output=True, text=True, check=False)


def judge(tap, program, folder, seed, count):
    random.seed(seed)
    conversations = [random_conversation(i) for i in range(count)]
    random.shuffle(conversations)
    updates = [{k: v for k, v in c.items() if k in ("external_id", "status", "csat_score", "metadata")} for c in conversations[:7]]
    rejects = [{"source": "s", "file": "f", "line": Number(str(i)), "offset": Number(str(i * 9)), "code": random.choice("xyz"),
                "field": "", "found": random.choice(WORDS), "message": f"m{i}", "cure": "c", "record": random.choice(WORDS)}
               for i in range(50)]
    done = write(program, folder, conversations, updates, rejects)
    tap.result(done.returncode == 0, f"seed {seed}: written", done.stderr)
    base = sqlite3.connect(folder / "out.db")

    def ask(sql):
        return base.execute(sql).fetchall()
    tap.result(ask("PRAGMA integrity_check") == [("ok",)], f"seed {seed}: sound")
    want = sorted(tuple(plain(c.get(f)) for f in FIELDS) for c in conversations)
    got = sorted(ask(f"SELECT {', '.join(FIELDS)} FROM conversations"))
    tap.result(want == got, f"seed {seed}: conversations", *(pair for pair in zip(want, got) if pair[0] != pair[1]))
    want = {(c["external_id"], k): (*entry(v), v) for c in conversations for k, v in c.get("metadata", {}).items()}
    got = {(i, k): (v, t) for i, k, v, t in ask("SELECT external_id, key, value, type FROM metadata")}
    bad = [(k, want.get(k), got.get(k)) for k in want.keys() | got.keys() if k not in want or k not in got or
           want[k][1] != got[k][1] or (type(want[k][0]), want[k][0]) != (type(got[k][0]), got[k][0]) and want[k][0] is not None or
           want[k][0] is None and json.loads(got[k][0], parse_int=str, parse_float=str) !=
           json.loads(dump(want[k][2]), parse_int=str, parse_float=str)]
    tap.result(not bad, f"seed {seed}: metadata", *bad[:5])
    want = [(u["external_id"], u.get("status"), plain(u.get("csat_score"))) for u in updates]
    tap.result(want == ask("SELECT external_id, status, csat_score FROM updates"), f"seed {seed}: updates")
    want = [(int(r["line"]), r["code"], r["found"], r["record"]) for r in rejects]
    tap.result(want == ask("SELECT line, code, found, record FROM rejects ORDER BY id"), f"seed {seed}: rejects")
    for name, rows in views(conversations, rejects).items():
        got = ask(f"SELECT * FROM {name}")
        good = rounded(rows) == rounded(got) and len(rows) == len(got)
        tap.result(good, f"seed {seed}: view {name}", rounded(rows) - rounded(got), rounded(got) - rounded(rows))
    keys = Counter((k, entry(v)[1]) for c in conversations for k, v in c.get("metadata", {}).items())
    tap.result(set(ask("SELECT key, type, conversations FROM metadata_keys")) == {(*k, n) for k, n in keys.items()},
               f"seed {seed}: view metadata_keys")
    base.close()
    (folder / "out.db").unlink()


def shown_queries(tap, program, folder, page):
    """The queries in the documentation run, and find something where something was written."""
    random.seed(5)
    conversations = [random_conversation(i) for i in range(2000)]
    for c in conversations:
        c["metadata"] = {"Priority": random.choice(["Low", "High"])}
    reject = {"source": "s", "file": "f", "line": Number("1"), "offset": Number("0"), "code": "x", "message": "m", "cure": "c"}
    write(program, folder, conversations, [], [reject])
    base = sqlite3.connect(folder / "out.db")
    for block in re.findall(r"```sql\n(.*?)```", Path(page).read_text(encoding="utf-8"), re.S):
        for query in filter(str.strip, block.split(";")):
            try:
                rows = base.execute(query).fetchall()
                tap.result(bool(rows), f"docs: {query.strip().splitlines()[0]}", "no rows")
            except sqlite3.Error as error:
                tap.result(False, f"docs: {query.strip().splitlines()[0]}", error)
    base.close()
    (folder / "out.db").unlink()


def full_disk(tap, program, folder):
    """A disk without room, where this process may mount one."""
    conversations = [random_conversation(i) for i in range(3000)]
    write(program, folder, conversations, [], [])
    script = f"mount -t tmpfs -o size=256k none {folder}/disk && cd {folder} && {{ {program} c '' '' '' disk/out.db; ls disk; }}"
    (folder / "disk").mkdir()
    done = subprocess.run(["unshare", "-rm", "sh", "-c", script], capture_output=True, text=True, check=False)
    want = "disk/out.db: cannot write: No space left on device\n  free some space, or choose another path\n"
    if "unshare" in done.stderr or "mount" in done.stderr:
        print(f"ok {tap.number + 1} - full disk # SKIP no disk can be mounted here")
        tap.number += 1
        return
    tap.result(done.stderr == want and done.stdout == "", "full disk", done.stderr, done.stdout)


def main():
    program = os.path.abspath(sys.argv[1])
    print("TAP version 13")
    tap = Tap()
    with tempfile.TemporaryDirectory() as name:
        for seed, count in ((1, 0), (2, 1), (3, 10), (4, 2000)):
            judge(tap, program, Path(name), seed, count)
        shown_queries(tap, program, Path(name), sys.argv[2])
        full_disk(tap, program, Path(name))
    print(f"1..{tap.number}")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
