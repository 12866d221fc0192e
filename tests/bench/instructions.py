#!/usr/bin/env python3
"""Instructions per record, counted by callgrind, against what is recorded: a slow-down is seen when it lands.

    instructions.py --program CROSSWALK --data BENCH_DATA --adapters FOLDER --compiler "gcc 12.2.0" --build OPTIONS [--accept]

Each work runs on one thread at two sizes; the difference by the records between is the count, so start-up has no part in
it. Counts do not depend on the machine's load, but on compiler, C library, valgrind and the instruction sets that code is
chosen by at run time: they stand beside the numbers in instructions.json, and where they differ the test is skipped (exit
code 77) and says why. `--accept` records what is counted now. More by more than the tolerance fails; less asks to be
recorded.
"""
import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

RECORD = Path(__file__).with_name("instructions.json")
SKIP = 77
TOLERANCE = 0.03
SIZES = (4000, 12000)  # records; larger ones hardly change the counts
# What valgrind passes on and run-time dispatch (ours, simdjson's, the C library's) asks for.
FEATURES = ("ssse3", "sse4_2", "popcnt", "pclmulqdq", "avx", "avx2", "bmi1", "bmi2", "abm", "fma", "erms")

ZONE = ["--time-zone", "Pacific Time (US & Canada)"]
SIX = ["--set", "metadata=Requester email,Priority,Tags,Organization,Ticket type,Updated at"]
# Name → kind of data, arguments.
WORKS = {
    "zendesk, six columns in metadata": ("zendesk", [*ZONE, *SIX]),
    "zendesk, all columns in metadata": ("zendesk", ZONE),
    "asapp, a line a record": ("asapp", ["--set", "fold=false"]),
    "inbox, activities to conversations": ("inbox", []),
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("program", "data", "adapters", "compiler", "build"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--accept", action="store_true", help="record what is counted now")
    return parser.parse_args()


def skip(reason):
    print("skipped:", reason)
    sys.exit(SKIP)


def cpu_features():
    """Those of FEATURES that this processor has; of other architectures the name alone is told."""
    if platform.machine() != "x86_64":
        return platform.machine()
    flags = re.search(r"^flags\s*:(.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    have = set(flags[1].split()) if flags else set()
    return " ".join(name for name in FEATURES if name in have)


def surroundings(options):
    """What the counts depend on beside the code."""
    valgrind = subprocess.run(["valgrind", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "compiler": options.compiler,
        "build": options.build,
        "c_library": " ".join(platform.libc_ver()),
        "valgrind": valgrind,
        "cpu_features": cpu_features(),
    }


def make_data(options, folder):
    """kind, size → path."""
    paths = {}
    for kind in sorted({kind for kind, _ in WORKS.values()}):
        for size in SIZES:
            paths[kind, size] = folder / f"{kind}-{size}.{'csv' if kind == 'zendesk' else 'jsonl'}"
            with open(paths[kind, size], "wb") as out:
                subprocess.run([options.data, kind, str(size)], stdout=out, check=True)
    return paths


def start(options, work, path):
    """Starts the program under callgrind."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", options.program, "translate", "--quiet",
               "--jobs", "1", "--adapter-dir", options.adapters, "--output", "/dev/null", *WORKS[work][1], str(path)]
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC"}
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=environment)


def instructions(work, process):
    """How many it took in all."""
    said = process.communicate()[1]
    collected = re.search(r"Collected : (\d+)", said)
    if process.returncode not in (0, 3) or not collected:
        sys.exit(f"{work}: exit code {process.returncode}\n{said}")
    return int(collected[1])


def count(options):
    """Work → instructions per record. The two sizes run side by side: counts do not mind."""
    with tempfile.TemporaryDirectory() as folder:
        paths = make_data(options, Path(folder))
        counts = {}
        for work, (kind, _) in WORKS.items():
            running = [start(options, work, paths[kind, size]) for size in SIZES]
            small, large = (instructions(work, process) for process in running)
            counts[work] = round((large - small) / (SIZES[1] - SIZES[0]), 1)
    return counts


def accept(now, counts):
    RECORD.write_text(json.dumps({"surroundings": now, "sizes": SIZES, "instructions_per_record": counts}, indent=2) + "\n")
    for work, found in counts.items():
        print(f"{work:<40} {found:>10,.1f}   recorded")


def compare(recorded, counts):
    """Prints the table; 1 where a count is above what is recorded, by more than the tolerance."""
    failed = 0
    for work, found in counts.items():
        before = recorded.get(work)
        if before is None:
            print(f"{work:<40} {found:>10,.1f}   not recorded yet")
            failed = 1
            continue
        change = found / before - 1
        verdict = "as recorded"
        if change > TOLERANCE:
            verdict, failed = f"MORE than recorded by over {TOLERANCE:.0%}", 1
        elif change < -TOLERANCE:
            verdict = "less than recorded: --accept it"
        print(f"{work:<40} {found:>10,.1f}   {before:>10,.1f} recorded   {change:+7.1%}   {verdict}")
    return failed


def main():
    options = arguments()
    if shutil.which("valgrind") is None:
        skip("valgrind is not installed")
    if "buildtype=release" not in options.build or "sanitize=none" not in options.build:
        skip(f"counted in release builds without sanitizers only; this is {options.build}")
    now = surroundings(options)
    if options.accept:
        return accept(now, count(options))
    if not RECORD.exists():
        skip("nothing is recorded yet: --accept")
    record = json.loads(RECORD.read_text())
    differences = [f"{key} is {now[key]!r}, recorded with {value!r}" for key, value in record["surroundings"].items()
                   if now[key] != value]
    if differences:
        skip("the counts were made elsewhere: " + "; ".join(differences))
    return compare(record["instructions_per_record"], count(options))


sys.exit(main())
