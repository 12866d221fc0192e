#!/usr/bin/env python3
"""The Pollock benchmark: how much of a table is left when its file is polluted, and whether what changed was said.

usage: pollock.py path/to/csv_dump [--all]

Pollock (Vitagliano et al., "Pollock: A Data Loading Benchmark", VLDB 2023) pollutes one table of 84 rows in 2,290 ways, one
at a time: a delimiter too many or too few in each place, a stray quote in each cell, other delimiters, quotes and line ends,
a preamble, several tables, no header, no rows. A reader's table is held against the clean one: was the file read at all;
precision, recall and F1 of the header's cells, of the records, of all cells; ten figures, the mean of each over all files, summed:
10 is the best. The delimiter of a file is given, nothing else. Rejected rows are counted as read, since the rejects hold them:
their text, split as Python's csv module splits it. The score of the rows that are delivered alone is said as well.

This runs 2,290 files of our own making in that manner (own table, own code). With --all, and POLLOCK_DIR set to the
benchmark's folder (it holds csv/, clean/ and parameters/, or polluted_files/ with these), its own files are run as well;
without POLLOCK_DIR they are reported as not run.

Whatever the score, no record may change without a count: a record that is not in the clean table must be one of the rows that
are counted as irregular or as holding rows. A header that is not the clean one is refused by every adapter, so it is said.
"""

import csv
import io
import json
import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

LEAST = 9.961
ROWS, COLUMNS = 84, 9
WORDS = "parcel late blue boot jacket warm cotton dining round wooden paddle fleece hooded print watch light trail".split()


def base():
    """The clean table: dates, times, ids, prices, texts with commas and quotes, a last column that is mostly empty."""
    rng = random.Random(7)
    rows = [["Day", "Clock", "Count", "Item", "Price", "Kind", "Text", "Link", "Remark"]]
    for i in range(1, ROWS):
        words = [rng.choice(WORDS) for _ in range(14)]
        kind = f"{words[0]} {words[1]}" + (', 48"' if i % 9 == 0 else ", large" if i % 4 == 0 else "")
        text = f"{' '.join(words[2:8])}, {' '.join(words[8:])}." + (' About 9" long.' if i % 13 == 0 else "")
        rows.append([f"{i % 28 + 1:02}/0{i % 9 + 1}/2024", f"{i % 24:02}:15", str(i % 7), f"AB-{1000 + 37 * i}", f"${i}.{i % 90 + 10}",
                     kind, text, f"https://shop.example/item/{i}", "fragile" if i % 20 == 0 else ""])
    return rows


def cell(text, quote='"', escape='"'):
    return quote + text.replace(quote, escape + quote) + quote


def write(rows, delimiter=",", end="\r\n", quote='"', escape='"'):
    return "".join(delimiter.join(cell(c, quote, escape) for c in row) + end for row in rows)


def pollutions():
    """(kind, delimiter, polluted text, clean table)"""
    rows = base()
    lines = write(rows).split("\r\n")[:-1]
    end = "\r\n"

    def with_line(at, line):
        return end.join(lines[:at] + [line] + lines[at + 1 :]) + end

    def other_table(columns):
        return [[f"c{c}" for c in range(columns)]] + [[f"v{r}.{c}" for c in range(columns)] for r in range(1, ROWS)]

    yield "source", ",", write(rows), rows
    yield "no_payload", ",", "", []
    yield "no_trailing_newline", ",", write(rows)[:-2], rows
    yield "double_trailing_newline", ",", write(rows) + end, rows
    yield "no_header", ",", write(rows[1:]), rows[1:]
    yield "header_multirow_2", ",", write(rows[:1] + rows), rows[:1] + rows
    yield "header_multirow_3", ",", write(rows[:1] * 2 + rows), rows[:1] * 2 + rows
    yield "preamble", ",", write([["PREAMBLE"] + [""] * 8, [""] * 9]) + write(rows), rows
    for name, columns in (("less", 8), ("same", 9), ("more", 10)):
        yield f"multitable_{name}", ",", write(rows + other_table(columns)), rows + other_table(columns)
    yield "header_only", ",", write(rows[:1]), rows[:1]
    yield "one_data_row", ",", write(rows[:2]), rows[:2]
    yield "record_delimiter_lf", ",", write(rows, end="\n"), rows
    yield "record_delimiter_cr", ",", write(rows, end="\r"), rows
    for name, delimiter in (("semicolon", ";"), ("tab", "\t"), ("space", " "), ("comma_space", ", ")):
        yield f"field_delimiter_{name}", delimiter[0], write(rows, delimiter), rows
    yield "quotation_apostrophe", ",", write(rows, quote="'", escape="'"), rows
    yield "escape_backslash", ",", write(rows, escape="\\"), rows
    yield "escape_missing", ",", write(rows, escape=""), rows
    places = [(r, c) for r in range(ROWS) for c in range(COLUMNS)]
    for r, c in places:
        cells = [cell(text) for text in rows[r]]
        clean = rows[:r] + [rows[r][:c] + [""] + rows[r][c:]] + rows[r + 1 :]
        yield "row_more_sep", ",", with_line(r, ",".join(cells[:c]) + "," * (c > 0) + "," + ",".join(cells[c:])), clean
        if c > 0:
            joined = ",".join(cells[:c]) + ",".join([""] + cells[c:])[1:]
            clean = rows[:r] + [rows[r][: c - 1] + [rows[r][c - 1] + rows[r][c]] + rows[r][c + 1 :]] + rows[r + 1 :]
            yield "row_less_sep", ",", with_line(r, joined), clean
        clean = rows[:r] + [rows[r][:c] + ['"' + rows[r][c]] + rows[r][c + 1 :]] + rows[r + 1 :]
        yield "row_extra_quote", ",", with_line(r, ",".join(cells[:c] + ['"' + cells[c]] + cells[c + 1 :])), clean
        if c == 0:
            yield "row_field_delimiter_space", ",", with_line(r, " ".join(cells)), rows


def the_benchmark(folder):
    """The same of the benchmark's own files."""
    root = folder / "polluted_files" if (folder / "polluted_files").is_dir() else folder
    for path in sorted((root / "csv").glob("*.csv")):
        given = root / "parameters" / f"{path.name}_parameters.json"
        delimiter = json.loads(given.read_text()).get("delimiter") or "," if given.exists() else ","
        with open(root / "clean" / path.name, encoding="utf-8-sig", newline="") as clean:
            yield path.name, delimiter[0], path.read_bytes(), list(csv.reader(clean))


def measures(clean, loaded):
    """Precision (of what should be there, as the benchmark has it), recall and F1."""
    common = sum((Counter(clean) & Counter(loaded)).values())
    if not clean:
        return 1.0, 1.0, 1.0
    if common == 0:
        return 0.0, 0.0, 0.0
    precision, recall = common / len(clean), common / len(loaded)
    return precision, recall, 2 * precision * recall / (precision + recall)


def score(clean, header, records):
    """Ten figures: read at all, and three each for header, records and cells."""
    if not clean:
        return 10.0
    loaded = [header] + records
    normal = lambda row: [text.lower() for text in row]
    figures = [1.0]
    figures += measures(normal(clean[0]), normal(header))
    figures += measures(["".join(normal(row)) for row in clean[1:]], ["".join(normal(row)) for row in records])
    figures += measures([c for row in clean for c in row], [c for row in loaded for c in row])
    return sum(figures)


def read(dump, files):
    feed = io.BytesIO()
    for _, delimiter, text, _ in files:
        data = text if isinstance(text, bytes) else text.encode()
        feed.write(b"%d 131072 0 16777216 avx2 rfc4180 0 0 %d\n" % (ord(delimiter), len(data)) + data)
    out = subprocess.run([dump], input=feed.getvalue(), stdout=subprocess.PIPE, check=True).stdout.splitlines()
    assert len(out) == len(files)
    return [json.loads(line) for line in out]


def judge(dump, files):
    """The mean score, that without rejects, the kinds and theirs, and the files whose records changed in silence."""
    sums, silent = {}, []
    text = lambda code: bytes.fromhex(code).decode("utf-8", "replace")
    for (kind, delimiter, _, clean), found in zip(files, read(dump, files)):
        header = [text(name) for name in found["header"]]
        records = [[text(c) for c in event[5]] for event in found["events"] if event[0] == "record"]
        rejected = []
        for event in found["events"]:
            if event[0] == "fault":
                rejected += csv.reader(io.StringIO(text(event[4]), newline=""), delimiter=delimiter)
        known = sums.setdefault(kind, [0, 0.0, 0.0])
        known[0] += 1
        if not found["error"]:
            known[1] += score(clean, header, records + [row for row in rejected if row])
            known[2] += score(clean, header, records)
        if found["error"] or not clean or header != [" ".join(name.split()) for name in clean[0]]:
            continue  # refused, by us or by the adapter
        changed = sum((Counter("".join(r) for r in records) - Counter("".join(r) for r in clean[1:])).values())
        if changed > found["irregular"] + found["rows_inside"]:
            silent.append(kind)
    mean = sum(points for _, points, _ in sums.values()) / len(files)
    delivered = sum(points for _, _, points in sums.values()) / len(files)
    return mean, delivered, {kind: points / count for kind, (count, points, _) in sums.items()}, silent


def report(name, number, mean, delivered, kinds, silent):
    print(f"# {name}: {number} files, score {mean:.3f} of 10 ({delivered:.3f} without the rejects), "
          f"{len(silent)} with records that changed without a count")
    for kind in sorted(kinds, key=kinds.get)[:12]:
        print(f"#   {kinds[kind]:6.3f} {kind}")
    return round(mean, 3) >= LEAST and not silent


def main():
    dump = sys.argv[1]
    files = list(pollutions())
    fine = report("in the manner of Pollock", len(files), *judge(dump, files))
    folder = os.environ.get("POLLOCK_DIR")
    if "--all" in sys.argv and folder:
        files = list(the_benchmark(Path(folder)))
        mean, delivered, kinds, silent = judge(dump, files)
        weights = Path(folder) / "pollock_weights.json"
        fine &= report("Pollock", len(files), mean, delivered, kinds, silent)
        if weights.exists():
            known = {name: max(w, 0) for name, w in json.loads(weights.read_text()).items() if name in kinds}
            print(f"# weighted: {sum(kinds[n] * w for n, w in known.items()) / sum(known.values()):.3f}")
    elif "--all" in sys.argv:
        print("# Pollock itself: not run (POLLOCK_DIR is not set)")
    print("ok" if fine else "not ok")
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
