#!/usr/bin/env python3
"""The same texts through the `time` verb, Python's zoneinfo, DuckDB and Abseil, in one run, with ratios.

    time_peers.py PROGRAM FOLDER    FOLDER keeps the environment that DuckDB is installed into

Ours is the whole program, with text in and text out; the others convert what is in memory and add the answers up. Each
works on one thread; the best of three rounds counts.
"""
import datetime
import os
import re
import subprocess
import sys
import time
import venv
import zoneinfo

LINES = 2_000_000
PYTHON_LINES = 200_000
ZONE = "America/New_York"
ROUNDS = 3

# ICU is part of the package; what else it would fetch from the network is not needed.
DUCKDB = f"""
import duckdb, sys, time
c = duckdb.connect()
c.execute("SET threads=1")
c.execute("create table t as select column0 as s from read_csv(?, header=false, delim='|', columns={{'column0': 'VARCHAR'}})",
          [sys.argv[1]])
seconds = []
for _ in range({ROUNDS}):
    begin = time.perf_counter()
    c.execute("select sum(epoch(timezone('{ZONE}', s::TIMESTAMP))) from t").fetchall()
    seconds.append(time.perf_counter() - begin)
print(duckdb.__version__, {LINES} / min(seconds) / 1e6)
"""


def texts():
    begin = datetime.datetime(2025, 1, 1)
    for i in range(LINES):
        yield (begin + datetime.timedelta(minutes=i * 7 % (365 * 24 * 60))).strftime("%Y-%m-%d %H:%M")


def rate(work, count):
    """Millions a second."""
    seconds = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - begin)
    return count / min(seconds) / 1e6


def ours(program, path):
    def work():
        with open(path, "rb") as lines:
            subprocess.run([program, "time", "--zone", ZONE], stdin=lines, stdout=subprocess.DEVNULL, check=True)
    return [("crosswalk time, the whole program", rate(work, LINES))]


def python(path):
    zone, utc = zoneinfo.ZoneInfo(ZONE), datetime.timezone.utc
    with open(path) as file:
        lines = [file.readline().rstrip("\n") for _ in range(PYTHON_LINES)]

    def work():
        for line in lines:
            datetime.datetime.fromisoformat(line).replace(tzinfo=zone).astimezone(utc)
    version = ".".join(map(str, sys.version_info[:2]))
    return [(f"Python {version}, fromisoformat and zoneinfo", rate(work, PYTHON_LINES))]


def duckdb(path, folder):
    environment = os.path.join(folder, "duckdb")
    interpreter = os.path.join(environment, "bin", "python")
    try:
        if not os.path.exists(interpreter):
            venv.create(environment, with_pip=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-q", "duckdb"], check=True, capture_output=True, text=True)
        done = subprocess.run([interpreter, "-c", DUCKDB, path], check=True, capture_output=True, text=True)
    except (subprocess.CalledProcessError, OSError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        print("DuckDB left out:", said[-1] if said else error)
        return []
    version, million = done.stdout.split()
    return [(f"DuckDB {version}, cast and timezone()", float(million))]


def abseil(program):
    """Built beside the benchmarks where Abseil is installed."""
    bench = os.path.join(os.path.dirname(program), "tests", "bench", "time_peers")
    if not os.path.exists(bench):
        print("Abseil left out: it is not installed (libabsl-dev)")
        return []
    out = subprocess.run([bench], check=True, capture_output=True, text=True).stdout
    return [(name, float(million)) for name, million in re.findall(r"^(.*?) +([0-9.]+) million/s", out, re.MULTILINE)]


def main():
    program, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "times.txt")
    with open(path, "w") as out:
        out.writelines(text + "\n" for text in texts())
    rows = ours(program, path)
    first = rows[0][1]
    rows += python(path) + duckdb(path, folder) + abseil(program)
    for name, million in rows:
        print(f"{name:<46} {million:8.2f} million/s" + (f"   ours is {first / million:.1f} times as fast" if million != first else ""))


main()
