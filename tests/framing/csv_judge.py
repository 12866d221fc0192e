#!/usr/bin/env python3
"""Judges CSV framing against Python's csv module on small random dirty files.

usage: csv_judge.py path/to/csv_dump [cases] [seed]

Every file is framed by csv_dump, with random block sizes, chunk sizes, kernels and settings, and held against two judges:

1. Python's csv module over the whole file (not strict, newline=''), wherever no line is refused by the rules in
   csv.cpp. Same rows in the same order; rows with another number of fields than the header are ragged_row.
2. A model of those rules, written from their text and nothing else: it re-reads naively, one byte at a time, and leaves
   the decoding of fields to Python's csv module. It decides places, line numbers and every fault, in all files.

So ours may differ from Python's csv module only: at blank lines (no record) and rows that hold nothing, at a line that the
rules refuse (unclosed_quote, stray_quote, too_many_lines, record_too_large) with what belongs to it, at a row that repeats
the header, at rows that are not UTF-8, at byte order marks before rows, at empty fields behind every row or behind the header.
"""

import csv
import io
import json
import random
import subprocess
import sys
import unicodedata

DELIMITER = ","
MOST_JOINED = 16 << 10
BOM = b"\xef\xbb\xbf"
csv.field_size_limit(1 << 30)


def python_rows(data, quotes="rfc4180"):
    """What Python's csv module makes of it, without blank lines."""
    text = io.StringIO(data.decode("latin-1"), newline="")
    quoting = csv.QUOTE_NONE if quotes == "none" else csv.QUOTE_MINIMAL
    reader = csv.reader(text, delimiter=DELIMITER, quoting=quoting)
    return [[f.encode("latin-1") for f in row] for row in reader if row]


def backslash_row(data):
    """One row whose quoted fields have backslashes before quotes and backslashes that are text. Python's module has no such
    rule: it would take a backslash before anything."""
    row, field, state, at = [], b"", "start", 0
    while at < len(data):
        c, following = data[at : at + 1], data[at + 1 : at + 2]
        if state == "quoted":
            if c == b"\\" and following in (b'"', b"\\") or c == b'"' and following == b'"':
                field += following
                at += 1
            elif c == b'"':
                state = "text"
            else:
                field += c
        elif c == DELIMITER.encode():
            row.append(field)
            field, state = b"", "start"
        elif c == b'"' and state == "start":
            state = "quoted"
        else:
            field += c
            state = "text"
        at += 1
    return row + [field]


def fields_of(data, quotes):
    return backslash_row(data) if quotes == "backslash" else python_rows(data, quotes)[0]


class Reading:
    """One record read from `begin` by Python's rule, naively."""

    def __init__(self, data, begin, quotes="rfc4180", max_lines=0, limit=1 << 30):
        self.data, self.begin, self.cuts = data, begin, []
        self.line_end = begin
        while self.line_end < len(data) and data[self.line_end] not in b"\r\n":
            self.line_end += 1
        self.irregular = False
        self.delimiters = 0
        self.open_at_line_end = False
        self.open_field = 0  # index of the field that the last quote opened
        self.open_line_delimiters = 0  # of the first line, those behind its open quote included
        self.too_many_lines = False
        lines = 0
        state, at = "start", begin
        if data[at:].startswith(BOM + b'"') and quotes != "none":
            at += 3
        while True:
            if at == self.line_end:
                self.open_at_line_end = state in ("quoted", "escaped")
                self.open_line_delimiters = self.delimiters
                if self.open_at_line_end:
                    self.first_open_field = self.open_field
                    self.open_line_delimiters += data[opened : self.line_end].count(DELIMITER.encode())
            if at == len(data):
                break
            c = data[at : at + 1]
            if state == "escaped" and c in (b'"', b"\\"):
                state = "quoted"
            elif state in ("quoted", "escaped"):
                state = "quoted"
                if c == b'"':
                    state = "quote"
                elif c == b"\\" and quotes == "backslash":
                    state = "escaped"
                elif c == b"\n" and data[at - 1 : at] == b"\r":
                    pass
                elif c in b"\r\n":
                    lines += 1
                    self.too_many_lines |= 0 < max_lines < lines and at - begin <= limit
            elif c == DELIMITER.encode():
                self.delimiters += 1
                self.cuts.append(at)
                state = "start"
            elif c in b"\r\n":
                break
            elif c == b'"' and quotes != "none" and state in ("start", "quote"):
                if state == "start":
                    opened, lines = at, 1
                    self.open_field = self.delimiters
                state = "quoted"
            else:
                if c == b'"' and quotes != "none" or state == "quote":
                    self.irregular = True
                state = "text"
            at += 1
        self.end = at  # of its line end, or of the input
        self.unclosed = state in ("quoted", "escaped")

    @property
    def fields(self):
        return self.delimiters + 1


def clean(name):
    """A name of the header: no invisible and no control characters, blanks as spaces, none around it."""
    is_blank = lambda c: c.isspace() and c not in "\x1c\x1d\x1e\x1f"
    text = name.decode("utf-8")
    text = "".join(" " if is_blank(c) else c for c in text if is_blank(c) or unicodedata.category(c) not in ("Cf", "Cc"))
    return text.strip(" ").encode("utf-8")


def is_utf8(data):
    try:
        data.decode("utf-8")
        return True
    except UnicodeDecodeError:
        return False


def is_blank(row):
    """Delimiters, quotes, blanks, control and invisible characters, and nothing else."""
    if not is_utf8(row):
        return False
    filler = lambda c: c in '",' or ord(c) <= 32 or c.isspace() or unicodedata.category(c) == "Cf"
    return all(filler(c) for c in row.decode("utf-8"))


def is_empty_field(raw, quotes):
    """Blanks and nothing else, in quotes or not."""
    if quotes != "none" and len(raw) >= 2 and raw[:1] == raw[-1:] == b'"':
        raw = raw[1:-1]
    return b'"' not in raw and DELIMITER.encode() not in raw and is_blank(raw)


def line_number(data, position):
    before = data[:position]
    count = before.count(b"\n") + before.count(b"\r") - before.count(b"\r\n")
    return count + 1


def skip_line_ends(data, at):
    while at < len(data) and data[at] in b"\r\n":
        at += 1
    return at


def is_number(field):
    field = field.strip(b" \t\r\n")
    if len(field) >= 2 and field[:1] == field[-1:] == b'"':
        field = field[1:-1].strip(b" \t\r\n")
    return any(c in b"0123456789" for c in field) and all(c in b"0123456789+-.,:/ " for c in field)


def raw_fields(data, begin, end, quotes):
    """The fields of a line as they stand there, up to the one that is open at its end; and whether one is."""
    line = data[begin:end]
    if line.startswith(BOM + b'"'):
        line = line[3:]
    reading = Reading(line, 0, quotes)
    cuts = [-1] + reading.cuts + [len(line)]
    return [line[a + 1 : b] for a, b in zip(cuts, cuts[1:])], reading.open_at_line_end


def holds_row(data, reading, columns, quotes):
    """Whether a line of a record, which has another number of fields than rows, is a row by itself."""
    if columns == 1:
        return False
    own, _ = raw_fields(data, reading.begin, reading.line_end, quotes)
    numbers = [is_number(field) for field in own[: reading.first_open_field]]
    at = reading.line_end
    while (at := skip_line_ends(data, at)) < reading.end:
        line_end = Reading(data, at, quotes).line_end
        fields, is_open = raw_fields(data, at, line_end, quotes)
        at = line_end
        closed = fields[:-1] if is_open else fields
        if any(n and not is_number(f) and not (i and not f) for i, (n, f) in enumerate(zip(numbers, closed))):
            continue
        if is_open and any(numbers) and reading.first_open_field < len(fields) <= columns:
            return True
        if not is_open and len(fields) == columns:
            return True
    return False


def refusal(reading, limit, columns=0, quotes="rfc4180"):
    """The code for which the record's first line is refused, or None."""
    if reading.line_end - reading.begin > limit:
        return "record_too_large"
    if not reading.open_at_line_end:
        return None
    if reading.too_many_lines:
        return "too_many_lines"
    if reading.end - reading.begin > limit or reading.unclosed:
        return "unclosed_quote"
    if reading.irregular:
        return "stray_quote"
    if columns and reading.fields != columns and holds_row(reading.data, reading, columns, quotes):
        return "stray_quote"
    return None


def common_fields(data, at, quotes, header):
    """How many fields all rows but headers have, 0 if they differ, and how many of these are empty at the end of each."""
    fields = empty = 0
    while True:
        at = skip_line_ends(data, at)
        if at == len(data):
            return fields, empty
        reading = Reading(data, at, quotes)
        if reading.unclosed:
            return fields, empty
        row = data[at : reading.end]
        if not is_blank(row) and row != header:
            at_end = 0
            for field in reversed(row.split(DELIMITER.encode())[-reading.delimiters :] if reading.delimiters else []):
                if not is_empty_field(field, quotes):
                    break
                at_end += 1
            empty = at_end if fields == 0 else min(empty, at_end)
            if fields not in (0, reading.fields):
                return 0, 0
            fields = reading.fields
        at = reading.end


def model(data, limit, quotes, max_lines, short_rows):
    """Header, events, and whether any line was refused; None for an input whose header is an error."""
    at = skip_line_ends(data, 0)
    if at == len(data):
        return [], [], False
    while data[at:].startswith(BOM):
        at += 3
    if at == len(data):
        return None if False else ([b""], [], False)
    head = Reading(data, at, quotes)
    many_lines = any(c in b"\r\n" for c in data[head.begin : head.end])
    if head.end - head.begin > limit or head.unclosed or (many_lines and head.irregular):
        return None
    if not is_utf8(data[head.begin : head.end]):
        return None
    raw = fields_of(data[head.begin : head.end], quotes) if head.end > head.begin else [b""]
    header = [clean(name) for name in raw]

    columns, nameless = len(header), 0
    fields, empty = common_fields(data, head.end, quotes, data[head.begin : head.end])
    if fields > columns and empty >= fields - columns:
        columns = fields
    elif 0 < fields < columns and not any(header[fields:]):
        nameless = columns - fields
        header, columns = header[:fields], fields
    least = min(columns, 2) if short_rows else columns

    def is_row(reading):
        code = refusal(reading, limit, columns, quotes)
        return least <= (reading.open_line_delimiters if code else reading.delimiters) + 1 <= columns

    events, refused = [], False
    at = head.end
    while at < len(data):
        if data[at] in b"\r\n":
            at += 1
            continue
        reading = Reading(data, at, quotes, max_lines, limit)
        code = refusal(reading, limit, columns, quotes)
        end = reading.line_end if code else reading.end
        if code and code != "record_too_large":
            while True:
                following = skip_line_ends(data, end)
                if following == len(data):
                    break
                fragment = Reading(data, following, quotes, max_lines, limit)
                fragment_code = refusal(fragment, limit, columns, quotes)
                fragment_end = fragment.line_end if fragment_code else fragment.end
                if fragment_code == "record_too_large" or is_row(fragment) or fragment_end - at > MOST_JOINED:
                    break
                end = fragment_end
        raw = data[at:end]
        kept = raw[: min(limit, 16 << 10)] if code == "record_too_large" else raw

        def place(begin, text):
            return [begin, line_number(data, begin), len(text), text.hex()]

        here = [at, line_number(data, at), len(raw), kept.hex()]
        if code:
            events.append(["fault", *here, code])
            refused = True
            at = end
            continue
        if end == len(data) and not is_blank(raw):
            marked = raw.endswith(b"\x1a")
            raw = raw.rstrip(b"\x1a")
            here = [at, line_number(data, at), len(raw), raw.hex()]
            events.append(["unusual", *here, "end_mark" if marked else "last_unended"])
        at = end
        if is_blank(raw) and not (columns == 1 and b'"' in raw):
            events.append(["blank", *here])
            continue
        begin = reading.begin
        if raw.startswith((BOM, b"\x1a")):
            whole = len(raw)
            while raw.startswith((BOM, b"\x1a")):
                raw = raw[3 if raw.startswith(BOM) else 1 :]
            begin = reading.begin + whole - len(raw)
            marks = data[reading.begin : begin]
            for mark, name in ((b"\x1a", "end_mark_before"), (BOM, "byte_order_mark")):
                if mark in marks:
                    events.append(["unusual", *place(reading.begin, marks), name])
        here = place(begin, raw)
        if not is_utf8(raw):
            events.append(["fault", *here, "invalid_utf8"])
            continue
        if b"\x1a" in data[reading.begin : begin] and raw.startswith(b'"'):  # to framing the quote was text
            row = fields_of(data[reading.begin : begin] + raw, quotes)
            row[0] = fields_of(row[0][begin - reading.begin :], quotes)[0]
        else:
            row = fields_of(raw, quotes)
        names = [clean(f) for f in row]
        behind = row[len(header) :]
        full = len(row) == columns and all(b'"' not in f and is_blank(f) and b"," not in f for f in behind)
        with_names = full or len(row) in (len(header), len(header) + nameless)
        if with_names and names[: len(header)] == header and any(header):
            events.append(["header", *here])
        elif full:
            events.append(["record", *here, [f.hex() for f in row[: len(header)]]])
        elif short_rows and len(row) < columns:
            events.append(["unusual", *here, "short_row"])
            events.append(["record", *here, [f.hex() for f in (row + [b""] * columns)[: len(header)]]])
        else:
            events.append(["fault", *here, "ragged_row"])
    return header, events, refused


def against_python(data, header, events, quotes):
    """Compares the rows of a file in which no line was refused with Python's, in order."""
    rows = python_rows(data, quotes)[1:]
    events = [event for event in events if event[0] != "unusual"]
    if len(rows) != len(events):
        return f"{len(events)} rows, Python has {len(rows)}"
    for event, row in zip(events, rows):
        if event[0] == "record" and event[5] != [f.hex() for f in row[: len(header)]]:
            return f"row at {event[1]}: Python has {row}"
        if event[0] == "fault" and event[5] == "ragged_row" and len(row) == len(header):
            return f"ragged row at {event[1]}: Python has {row}"
    return None


# --- dirty files ---

CELLS = [b"", b"a", b"b c", b"12", b'"q"', b'""', b'"a,b"', b'"a""b"', b'"l\nm"', b'"l\r\nm"', b'"""x"""', "é".encode()]
DIRT = [b'"', b'"', b'"', b'""', b'"""', b",", b"\n", b"\r", b"\r\n", b" ", b'a"', b'"a', b'",', b',"', b'"\n', b'\n"']
RARE = [b"\0", b"\xff", b"\xc3", "\u00a0".encode(), "\u200b".encode(), BOM, BOM + b'"', b"\x1a", b"\\", b'\\"', b"\n,,,\n"]
BACKSLASHES = [b"\\", b'\\"', b"\\\\", b'\\\\"', b'"a\\"b"', b"\\\n"]


def soup(rng, dirt):
    header = rng.choice([b"", b"h\n", b"h0,h1\n", b"h0,h1\r\n", b"h0,h1,h2\r"])
    return header + b"".join(rng.choice(dirt + [b"x", b"yz"]) for _ in range(rng.randint(0, 60)))


def table(rng, dirt):
    columns, end = rng.randint(1, 4), rng.choice([b"\n", b"\r\n", b"\r"])
    rows = [[rng.choice(CELLS) for _ in range(columns)] for _ in range(rng.randint(1, rng.choice([5, 12, 60])))]
    rows[0] = [b"h%d" % i for i in range(columns)]
    if rng.random() < 0.1:
        rows.insert(rng.randint(1, len(rows)), list(rows[0]))
    if rng.random() < 0.1:
        extra = [b""] * rng.randint(1, 2)
        rows = [rows[0] + extra] + rows[1:] if rng.random() < 0.5 else rows[:1] + [row + extra for row in rows[1:]]
    if rng.random() < 0.1:
        rows = [row[: rng.randint(1, len(row))] if rng.random() < 0.3 else row for row in rows]
    data = bytearray(end.join(b",".join(row) for row in rows) + rng.choice([b"", end]))
    for _ in range(rng.choice([0, 0, 1, 1, 2, 5, 20])):
        at = rng.randint(0, len(data))
        if rng.random() < 0.3 and data:
            del data[at : at + rng.randint(1, 3)]
        else:
            data[at:at] = rng.choice(dirt if rng.random() < 0.9 else RARE)
    return bytes(data)


def make_case(rng):
    quotes = rng.choice(["rfc4180"] * 6 + ["backslash", "none"])
    dirt = DIRT + BACKSLASHES if quotes == "backslash" else DIRT
    case = {"data": soup(rng, dirt) if rng.random() < 0.3 else table(rng, dirt), "quotes": quotes}
    case["target"] = rng.choice([1, 2, 3, 7, 16, 63, 64, 65, 128, 500, 4096, 1 << 20])
    case["chunk"] = rng.choice([0, 0, 1, 3, 64, 100])
    case["limit"] = rng.choice([1 << 24] * 6 + [3, 10, 30, 63, 64, 65, 80, 200])
    case["kernel"] = rng.choice(["portable", "sse2", "avx2", "avx512", "avx512vbmi2"])
    case["max_lines"] = rng.choice([0] * 6 + [1, 2, 3])
    case["short_rows"] = rng.choice([0] * 5 + [1])
    return case


def main():
    dump = sys.argv[1]
    cases = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    made = [make_case(rng) for _ in range(cases)]
    line = "44 {target} {chunk} {limit} {kernel} {quotes} {max_lines} {short_rows}"
    feed = b"".join(line.format(**c).encode() + b" %d\n%s" % (len(c["data"]), c["data"]) for c in made)
    out = subprocess.run([dump], input=feed, stdout=subprocess.PIPE, check=True).stdout.splitlines()
    assert len(out) == cases, f"{len(out)} answers to {cases} cases"

    same_as_python = refused = errors = 0
    codes = {}
    for case, answer in zip(made, out):
        data = case["data"]
        ours = json.loads(answer)
        wanted = model(data, case["limit"], case["quotes"], case["max_lines"], case["short_rows"])
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
            elif case["quotes"] != "backslash" and not case["short_rows"] and BOM not in data and b"\x1a" not in data:
                same_as_python += 1
                problem = against_python(data, header, ours["events"], case["quotes"])
            for event in events:
                name = event[5] if event[0] in ("fault", "unusual") else event[0]
                codes[name] = codes.get(name, 0) + 1
        if problem:
            print(f"not ok: {line.format(**case)}\n  {data!r}\n  {problem}")
            return 1
    print(f"ok: seed {seed}, {cases} files: {same_as_python} as Python's csv module reads them, {refused} with lines "
          f"refused as the rules say, {errors} headers refused")
    print("   " + ", ".join(f"{codes[name]} {name}" for name in sorted(codes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
