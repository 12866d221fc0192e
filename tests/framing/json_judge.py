#!/usr/bin/env python3
"""Judges JSON framing against Python's json module on random records, whole and damaged.

usage: json_judge.py path/to/json_dump [records] [seed]

Two rounds, each with random block and chunk sizes:

1. JSON Lines, where about half of the lines are damaged at random. Per line, framing and Python must both accept or both
   refuse, and say the same of every value: text of strings, spelling of numbers, arrays as raw slices that mean the same.
2. The same kind of records, whole, as array, page, page per line, concatenated and pretty-printed values, and behind a
   JSON Pointer: the records must be those that were put in, at the places where they stand.

Python is more lenient in these points, and framing must refuse what is listed with exactly the code given here:

- lone surrogates in escapes: lone_surrogate
- NaN, Infinity, -Infinity: malformed_json (Python's own hook refuses them here)
- nesting deeper than 128: too_deep
- values that are no objects: not_an_object
- names of fields longer than 4,096 bytes: name_too_long

Keys that come twice: Python's object_pairs_hook shows them all; the last value of a path counts, in the first one's place.
"""

import json
import random
import re
import subprocess
import sys

MAX_DEPTH = 128
REFUSED = {"malformed_json", "invalid_utf8", "lone_surrogate", "too_deep"}
BLANKS = b" \t\r"


class Number(str):
    """A number as it was written."""


class Members(list):
    """The members of an object, all of them, in order."""


def no_constant(name):
    raise ValueError(name)


def loads(text):
    return json.loads(text, object_pairs_hook=Members, parse_int=Number, parse_float=Number, parse_constant=no_constant)


def depth(value):
    below = 0
    stack = [(value, 1)]
    while stack:
        value, level = stack.pop()
        if isinstance(value, Members):
            below = max(below, level)
            stack += [(v, level + 1) for _, v in value]
        elif isinstance(value, list):
            below = max(below, level)
            stack += [(v, level + 1) for v in value]
    return below


def strings(value):
    if isinstance(value, Members):
        for key, member in value:
            yield key
            yield from strings(member)
    elif isinstance(value, list):
        for element in value:
            yield from strings(element)
    elif isinstance(value, str):
        yield value


def escaped(key):
    """A key as a step of a name: what divides steps is escaped."""
    return re.sub(r"([.\\[])", r"\\\1", key)


def flatten(value, path, fields):
    """Adds (kind, value) by path; returns how many keys came again. Of those the last value stands, whole."""
    last = {key: at for at, (key, _) in enumerate(value)}
    again = 0
    for at, (key, member) in enumerate(value):
        name = escaped(key) if path is None else path + "." + escaped(key)
        if last[key] != at:
            again += 1 + (flatten(member, name, {}) if isinstance(member, Members) else 0)
            continue
        if isinstance(member, Members) and member:
            again += flatten(member, name, fields)
        elif isinstance(member, Members):
            fields[name] = ("object", "{}")
        elif isinstance(member, list):
            fields[name] = ("array", member)
        elif isinstance(member, Number):
            fields[name] = ("number", str(member))
        elif isinstance(member, str):
            fields[name] = ("string", member)
        elif member is None:
            fields[name] = ("null", "null")
        else:
            fields[name] = ("boolean", "true" if member else "false")
    return again


def verdict(line):
    """What should come of one record: a code, or fields in order and the number of duplicates."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return REFUSED, None
    try:
        value = loads(text)
    except RecursionError:
        return {"too_deep", "malformed_json"}, None
    except ValueError:
        return REFUSED, None
    if any(0xD800 <= ord(c) <= 0xDFFF for s in strings(value) for c in s):
        return {"lone_surrogate", "too_deep"}, None
    if depth(value) > MAX_DEPTH:
        return {"too_deep"}, None
    if not isinstance(value, Members):
        return {"not_an_object"}, None
    fields = {}
    again = flatten(value, None, fields)
    if any(len(name.encode()) > 4096 for name in fields):
        return {"name_too_long"}, None
    return again, fields


class Events:
    """What json_dump said, to be compared record by record."""

    def __init__(self, dump, data, *arguments):
        out = subprocess.run([dump, *map(str, arguments)], input=data, stdout=subprocess.PIPE, check=True).stdout
        self.events = [line.split("\t") for line in out.decode().splitlines()]


def check(event, expected, offset, size, line, what):
    def fail(why):
        sys.exit(f"{why}\n  record at byte {offset}, line {line}: {what[:2000]!r}\n  framing: {event}\n  judge: {expected}")

    if event[1:4] != [str(line), str(offset), str(size)]:
        fail("place or length differs")
    first, fields = expected
    if event[0] == "F":
        if not isinstance(first, set) or event[4] not in first:
            fail("framing refuses it")
        return False
    if isinstance(first, set):
        fail("framing accepts it")
    if int(event[4]) != first:
        fail("number of duplicates differs")
    cells = event[5:]
    if len(cells) != 3 * len(fields):
        fail("number of fields differs")
    wanted = list(fields.items())
    found_fields = [(bytes.fromhex(cells[i]).decode(), cells[i + 1], cells[i + 2]) for i in range(0, len(cells), 3)]
    if first:  # in which place the value of a key that came again stands is nobody's promise
        wanted.sort(key=lambda field: field[0])
        found_fields.sort(key=lambda field: field[0])
    for i, (name, (kind, value)) in enumerate(wanted):
        found_name, found_kind, found_text = found_fields[i]
        found = bytes.fromhex(found_text).decode()
        if found_name != name or found_kind != kind:
            fail(f"field {i} has another name or kind")
        if (loads(found) if kind == "array" else found) != value:
            fail(f"field {i} has another value")
    return True


class Maker:
    """Random records as text."""

    KEYS = ["id", "name", "a", "b", "items", "data", "x.y", "", "Schl\u00fcssel", "\u6771", "agent", "customer", "metadata", 'q"', "b\\s"]
    NUMBERS = ["0", "-0", "1", "9007199254740993", "9223372036854775809", "18446744073709551617", "1e400", "1E+2", "0.1",
               "-1.5e-7", "1" * 30, "0.0", "123456", "-9"]
    TEXTS = ["", "a", "hello world", "{[", "]}", ",:", "caf\u00e9", "\U0001F600", "line\nend", "tab\t", 'quote"', "back\\slash",
             "\u0000", "\u2028", "\x7f", "null", "x" * 70, "\ud7ff\ue000"]

    def __init__(self, rng):
        self.rng = rng

    def blank(self):
        return self.rng.choice(["", "", "", "", " ", "\t", "  "])

    def string(self):
        text = "".join(self.rng.choice(self.TEXTS) for _ in range(self.rng.choice([1, 1, 1, 2, 5])))
        out = json.dumps(text, ensure_ascii=self.rng.random() < 0.3)
        if self.rng.random() < 0.1:
            out = out.replace("/", "\\/").replace("a", "\\u0061")
        return out

    def value(self, depth):
        kind = self.rng.random()
        if depth > 0 and kind < 0.15:
            return self.object(depth - 1)
        if depth > 0 and kind < 0.3:
            return "[" + ",".join(self.blank() + self.value(depth - 1) + self.blank() for _ in range(self.rng.randrange(4))) + "]"
        if kind < 0.7:
            return self.string()
        if kind < 0.9:
            return self.rng.choice(self.NUMBERS)
        return self.rng.choice(["true", "false", "null"])

    def object(self, depth, names=None):
        names = names or [json.dumps(self.rng.choice(self.KEYS), ensure_ascii=self.rng.random() < 0.5)
                          for _ in range(self.rng.randrange(7))]
        members = [f"{self.blank()}{n}{self.blank()}:{self.blank()}{self.value(depth)}{self.blank()}" for n in names]
        return "{" + ",".join(members) + "}"

    def record(self):
        if self.rng.random() < 0.5:  # the same keys in the same order, mostly: what key prediction lives on
            names = ['"externalId"', '"timestamp"', '"agent"', '"customer"', '"metadata"', '"note"']
            if self.rng.random() < 0.3:
                names.pop(self.rng.randrange(len(names)))
            if self.rng.random() < 0.1:
                self.rng.shuffle(names)
            return self.object(3, names)
        if self.rng.random() < 0.005:
            levels = self.rng.randrange(120, 136)
            return '{"d":' + "[" * levels + "]" * levels + "}"
        if self.rng.random() < 0.003:
            return '{"' + "k" * self.rng.randrange(4090, 4100) + '":1}'
        return self.object(3)

    PIECES = [b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"0", b"-", b".", b"e", b"\x00", b"\x1f", b"\xff", b"\xc3", b"\xe2\x82",
              b"\xed\xa0\x80", b"\xc0\x80", b"\xf4\x90\x80\x80", b"\\ud800", b"\\udc00", b"\\u12", b"\\x", b"NaN", b"Infinity",
              b"-Infinity", b"+1", b"01", b"1.", b".5", b"tru", b"nul", b"'", b"//", b"\x0c", b"\x1a", b"\xc2\xa0", b"\r", b"\n", b" "]

    def damaged(self, record):
        for _ in range(self.rng.choice([1, 1, 1, 2, 3])):
            at = self.rng.randrange(len(record) + 1)
            action = self.rng.random()
            if action < 0.35:
                record = record[:at] + self.rng.choice(self.PIECES) + record[at:]
            elif action < 0.6:
                record = record[:at] + record[at + 1 :]
            elif action < 0.85:
                record = record[:at] + self.rng.choice(self.PIECES) + record[at + 1 :]
            elif action < 0.95:
                record = record[:at]
            else:
                record += self.rng.choice([b" 1", b"{}", b"]", b"x", b","])
        return record


def sizes(rng):
    return rng.choice([1, 3, 64, 4095, 65536, 262144]), rng.choice([0, 0, 1, 7, 4096])


def line_ends_before(data, place):
    return len(re.findall(rb"\r\n|\n|\r", data[:place])) + 1


def judge_lines(dump, maker, rng, count):
    """One file of `count` lines."""
    lines = [b'{"first":1}']
    while len(lines) < count:
        record = maker.record().encode("utf-8", "surrogatepass")
        lines.append(maker.damaged(record) if rng.random() < 0.5 else record)
    data = rng.choice([b"\n", b"\r\n"]).join(lines) + b"\n"
    events = iter(Events(dump, data, *sizes(rng)).events)
    accepted = seen = place = 0
    physical = 1
    for line in data.split(b"\n"):
        text = line.strip(BLANKS)
        if text:
            before = line[: len(line) - len(line.lstrip(BLANKS))]
            at = physical + before.count(b"\r")
            event = next(events, ["nothing"])
            accepted += check(event, verdict(text), place + len(before), len(text), at, text)
            seen += 1
        place += len(line) + 1
        physical += 1 + line.replace(b"\r\n", b"\n").count(b"\r") - (1 if line.endswith(b"\r") else 0)
    extra = next(events, None)
    if extra:
        sys.exit(f"framing says more: {extra}")
    return seen, accepted


def spread(record):
    """The record over several lines, values as they were written."""
    out = []
    indent = 0
    for piece in re.findall(r'"(?:[^"\\]|\\.)*"|[{}\[\],]|[^"{}\[\],]+', record):
        indent += piece in "{["
        indent -= piece in "}]"
        line = "\n" + "  " * indent
        out.append(piece + line if piece in "{[," else line + piece if piece in "}]" else piece)
    return "".join(out)


def layouts(maker, rng, records):
    """Ways to lay the same records out: (bytes, pointer)."""
    pretty = [spread(r) for r in records]
    other = lambda: maker.value(3)
    yield "[" + ",".join(records) + "]", ""
    yield "[\n  " + ",\n  ".join(records) + "\n]\n", ""
    yield "[" + ", ".join(pretty) + "]", ""
    key = rng.choice(["conversations", "items", "data", "tickets", "records", "results", "activities"])
    yield '{"next":' + other() + f',"{key}":[' + ",".join(records) + '],"count":' + other() + "}", ""
    half = len(records) // 2
    yield "\n".join('{"conversations":[' + ",".join(part) + "]}" for part in (records[:half], records[half:])) + "\n", ""
    yield "".join(records) if records else "", ""
    yield "\r\n".join(pretty), ""
    yield '{"x":' + other() + ',"result":{"y":' + other() + ',"a/b":[' + ",".join(records) + ']},"z":1}', "/result/a~1b"


def judge_layouts(dump, maker, rng):
    """The same records in every layout. Their first key is an id, so that none is taken for a page."""
    records = []
    while len(records) < rng.randrange(1, 12):
        rest = maker.object(3)[1:]
        record = '{"id":' + str(len(records)) + (rest if rest == "}" else "," + rest)
        first, _ = verdict(record.encode("utf-8", "surrogatepass"))
        if not isinstance(first, set):
            records.append(record)
    for text, pointer in layouts(maker, rng, records):
        data = text.encode()
        events = Events(dump, data, *sizes(rng), pointer).events
        if len(events) != len(records):
            sys.exit(f"{len(events)} records instead of {len(records)} in {data!r}: {events}")
        for event, record in zip(events, records):
            offset, size = int(event[2]), int(event[3])
            raw = data[offset : offset + size]
            if loads(raw.decode()) != loads(record):
                sys.exit(f"another record at byte {offset}: {raw!r} instead of {record!r}")
            check(event, verdict(raw), offset, size, line_ends_before(data, offset), raw)
    return 8 * len(records)


def main():
    dump = sys.argv[1]
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 20000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    rng = random.Random(seed)
    maker = Maker(rng)
    seen = accepted = 0
    while seen < wanted:
        more, good = judge_lines(dump, maker, rng, min(2000, wanted))
        seen += more
        accepted += good
    laid_out = 0
    while laid_out < wanted // 10:
        laid_out += judge_layouts(dump, maker, rng)
    print(f"{seen} lines ({accepted} accepted, {seen - accepted} refused) and {laid_out} records in 8 layouts: "
          f"framing and Python agree (seed {seed})")


if __name__ == "__main__":
    main()
