#!/usr/bin/env python3
"""Judges CSV framing against Python's csv module on small random dirty files.

usage: csv_judge.py path/to/csv_dump [cases] [seed]

Every file is framed by csv_dump, with random block sizes, chunk sizes and kernels, and held against two judges:

1. Python's csv module over the whole file (not strict, newline=''), wherever no line is refused by the rules in
   csv.cpp. Same rows in the same order; rows with another number of fields than the header are ragged_row.
2. A model of those rules, written from their text and nothing else: it re-reads naively, one byte at a time, and leaves
   the decoding of fields to Python's csv module. It decides places, line numbers and every fault, in all files.

So ours may differ from Python's csv module only: at blank lines (no record), at a line that the rules refuse
(unclosed_quote, stray_quote, record_too_large), at a row that repeats the header, at rows that are not UTF-8.
"""

import csv
import io
import json
import random
import subprocess
import sys

DELIMITER = ","
csv.field_size_limit(1 << 30)


def python_rows(data):
    """What Python's csv module makes of it, without blank lines."""
    text = io.StringIO(data.decode("latin-1"), newline="")
    return [[f.encode("latin-1") for f in row] for row in csv.reader(text, delimiter=DELIMITER) if row]


class Reading:
    """One record read from `begin` by Python's rule, naively."""

    def __init__(self, data, begin):
        self.begin = begin
        self.line_end = begin
        while self.line_end < len(data) and data[self.line_end] not in b"\r\n":
            self.line_end += 1
        self.irregular = False
        self.delimiters = 0
        self.open_at_line_end = False
        state, at = "start", begin
        while at < len(data):
            c = data[at : at + 1]
            if at == self.line_end:
                self.open_at_line_end = state == "quoted"
            if state == "quoted":
                if c == b'"':
                    state = "quote"
            elif c == DELIMITER.encode():
                self.delimiters += 1
                state = "start"
            elif c in b"\r\n":
                break
            elif c == b'"' and state in ("start", "quote"):
                state = "quoted"
            else:
                if c == b'"' or state == "quote":
                    self.irregular = True
                state = "text"
            at += 1
        else:
            if at == self.line_end:
                self.open_at_line_end = state == "quoted"
        self.end = at  # of its line end, or of the input
        self.unclosed = state == "quoted"

    @property
    def fields(self):
        return self.delimiters + 1


def trim(name):
    text = name.decode("utf-8")
    return text.strip(" \t\r\n\f\v\u00a0").encode("utf-8")


def is_utf8(data):
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def line_number(data, position):
    before = data[:position]
    count = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
    return count + 1


def refusal(data, reading, columns, limit):
    """The code for which the record's first line is refused, or None."""
    if reading.line_end - reading.begin > limit:
        return "record_too_large"
    if not reading.open_at_line_end:
        return None
    if reading.end - reading.begin > limit or reading.unclosed:
        return "unclosed_quote"
    if reading.irregular and reading.fields != columns:
        return "stray_quote"
    return None


def model(data, limit):
    """Header, events, and whether any line was refused; None for an input whose header is an error."""
    at = 0
    while at < len(data) and data[at] in b"\r\n":
        at += 1
    if at == len(data):
        return [], [], False
    head = Reading(data, at)
    many_lines = any(c in b"\r\n" for c in data[head.begin : head.end])
    if head.end - head.begin > limit or head.unclosed or (many_lines and head.irregular):
        return None
    raw = python_rows(data[head.begin : head.end])[0]
    if not is_utf8(data[head.begin : head.end]):
        return None
    header = [trim(name) for name in raw]

    events, refused = [], False
    at = head.end
    while at < len(data):
        if data[at] in b"\r\n":
            at += 1
            continue
        reading = Reading(data, at)
        code = refusal(data, reading, len(header), limit)
        end = reading.line_end if code else reading.end
        raw = data[at:end]
        kept = raw[: min(limit, 16 << 10)] if code == "record_too_large" else raw
        place = [at, line_number(data, at), len(raw), kept.hex()]
        if code:
            events.append(["fault", *place, code])
            refused = True
        elif not is_utf8(raw):
            events.append(["fault", *place, "invalid_utf8"])
        else:
            row = python_rows(raw)[0]
            names = [trim(f.removeprefix(b"\xef\xbb\xbf") if i == 0 else f) for i, f in enumerate(row)]
            if len(row) != len(header):
                events.append(["fault", *place, "ragged_row"])
            elif names == header and any(header):
                events.append(["header", *place])
            else:
                events.append(["record", *place, [f.hex() for f in row]])
        at = end
    return header, events, refused


def against_python(data, header, events):
    """Compares the rows of a file in which no line was refused with Python's, in order."""
    rows = python_rows(data)[1:]
    if len(rows) != len(events):
        return f"{len(events)} rows, Python has {len(rows)}"
    for event, row in zip(events, rows):
        if event[0] == "record" and event[5] != [f.hex() for f in row]:
            return f"row at {event[1]}: Python has {row}"
        if event[0] == "fault" and event[5] == "ragged_row" and len(row) == len(header):
            return f"ragged row at {event[1]}: Python has {row}"
    return None


# --- dirty files ---

CELLS = [b"", b"a", b"b c", b"12", b'"q"', b'""', b'"a,b"', b'"a""b"', b'"l\nm"', b'"l\r\nm"', b'"""x"""', "é".encode()]
DIRT = [b'"', b'"', b'"', b'""', b'"""', b",", b"\n", b"\r", b"\r\n", b" ", b'a"', b'"a', b'",', b',"', b'"\n', b'\n"']
RARE = [b"\0", b"\xff", b"\xc3", "\u00a0".encode(), b"\xef\xbb\xbf"]


def soup(rng):
    header = rng.choice([b"", b"h\n", b"h0,h1\n", b"h0,h1\r\n", b"h0,h1,h2\r"])
    return header + b"".join(rng.choice(DIRT + [b"x", b"yz"]) for _ in range(rng.randint(0, 60)))


def table(rng):
    columns, end = rng.randint(1, 4), rng.choice([b"\n", b"\r\n", b"\r"])
    rows = [[rng.choice(CELLS) for _ in range(columns)] for _ in range(rng.randint(1, rng.choice([5, 12, 60])))]
    rows[0] = [b"h%d" % i for i in range(columns)]
    if rng.random() < 0.1:
        rows.insert(rng.randint(1, len(rows)), list(rows[0]))
    data = bytearray(end.join(b",".join(row) for row in rows) + rng.choice([b"", end]))
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5, 20])):
        at = rng.randint(0, len(data))
        if rng.random() < 0.3 and data:
            del data[at : at + rng.randint(1, 3)]
        else:
            data[at:at] = rng.choice(DIRT if rng.random() < 0.9 else RARE)
    return bytes(data)


def make_case(rng):
    data = soup(rng) if rng.random() < 0.3 else table(rng)
    target = rng.choice([1, 2, 3, 7, 16, 63, 64, 65, 128, 500, 4096, 1 << 20])
    chunk = rng.choice([0, 0, 1, 3, 64, 100])
    limit = rng.choice([1 << 24] * 6 + [3, 10, 30, 63, 64, 65, 80, 200])
    kernel = rng.choice(["portable", "sse2", "avx2", "avx512", "avx512vbmi2"])
    return data, target, chunk, limit, kernel


def main():
    dump = sys.argv[1]
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    made = [make_case(rng) for _ in range(cases)]
    feed = b"".join(b"%d %d %d %s %d\n%s" % (t, c, m, k.encode(), len(d), d) for d, t, c, m, k in made)
    out = subprocess.run([dump], input=feed, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    assert len(out) == cases, f"{len(out)} answers to {cases} cases"

    same_as_python = refused = errors = 0
    codes = {}
    for (data, target, chunk, limit, kernel), line in zip(made, out):
        ours = json.loads(line)
        wanted = model(data, limit)
        problem = None
        if wanted is None:
            errors += 1
            if not ours["error"]:
                problem = "the header should have been refused"
        else:
            header, events, any_refused = wanted
            if ours["error"]:
                problem = "refused: " + bytes.fromhex(ours["error"]).decode()
            elif ours["header"] != [name.hex() for name in header]:
                problem = f"header {ours['header']}"
            elif ours["events"] != events:
                first = next(i for i in range(len(events) + 1) if ours["events"][i : i + 1] != events[i : i + 1])
                problem = f"event {first}: {ours['events'][first : first + 1]} instead of {events[first : first + 1]}"
            elif any_refused:
                refused += 1
            else:
                same_as_python += 1
                problem = against_python(data, header, ours["events"])
            for event in events:
                name = event[5] if event[0] == "fault" else event[0]
                codes[name] = codes.get(name, 0) + 1
        if problem:
            print(f"not ok: target {target}, chunk {chunk}, limit {limit}, {kernel}\n  {data!r}\n  {problem}")
            return 1
    print(f"ok: seed {seed}, {cases} files: {same_as_python} as Python's csv module reads them, {refused} with lines "
          f"refused as the rules say, {errors} headers refused")
    print("   " + ", ".join(f"{codes[name]} {name}" for name in sorted(codes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
