#!/usr/bin/env python3
"""The same texts as time_bench through the `time` verb, Python's zoneinfo and DuckDB, in one run, with ratios.

    time_peers.py PROGRAM FOLDER    FOLDER keeps the environment that DuckDB is installed into
"""
import datetime
import os
import subprocess
import sys
import time
import venv
import zoneinfo

LINES = 2_000_000
ZONE = "America/New_York"


def texts():
    begin = datetime.datetime(2025, 1, 1)
    for i in range(LINES):
        yield (begin + datetime.timedelta(minutes=i * 7 % (365 * 24 * 60))).strftime("%Y-%m-%d %H:%M")


def timed(work):
    best = None
    for _ in range(3):
        begin = time.perf_counter()
        work()
        seconds = time.perf_counter() - begin
        best = seconds if best is None else min(best, seconds)
    return LINES / best / 1e6


def ours(program, path):
    def work():
        with open(path, "rb") as lines:
            subprocess.run([program, "time", "--zone", ZONE], stdin=lines, stdout=subprocess.DEVNULL, check=True)
    return timed(work)


def python(path):
    zone, utc = zoneinfo.ZoneInfo(ZONE), datetime.timezone.utc
    lines = open(path).read().split("\n")[:-1][:200_000]

    def work():
        for line in lines:
            datetime.datetime.fromisoformat(line).replace(tzinfo=zone).astimezone(utc)
    return timed(work) * len(lines) / LINES


def duckdb(path, folder):
    environment = os.path.join(folder, "duckdb")
    interpreter = os.path.join(environment, "bin", "python")
    try:
        if not os.path.exists(interpreter):
            venv.create(environment, with_pip=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-q", "duckdb", "pytz"], check=True, stdout=subprocess.DEVNULL)
        script = f"""
import duckdb, time
c = duckdb.connect(); c.execute("SET threads=1"); c.execute("INSTALL icu; LOAD icu")
c.execute("create table t as select column0 as s from read_csv('{path}', header=false, delim='|', columns={{'column0': 'VARCHAR'}})")
best = 1e9
for _ in range(3):
    begin = time.perf_counter()
    c.execute("select sum(epoch(timezone('{ZONE}', s::TIMESTAMP))) from t").fetchall()
    best = min(best, time.perf_counter() - begin)
print({LINES} / best / 1e6)
"""
        done = subprocess.run([interpreter, "-c", script], check=True, capture_output=True, text=True)
        return float(done.stdout)
    except (subprocess.CalledProcessError, OSError) as e:
        detail = getattr(e, "stderr", "") or str(e)
        print("DuckDB left out:", detail.strip().splitlines()[-1] if detail.strip() else e)
        return None


def main():
    program, folder = sys.argv[1:3]
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "times.txt")
    with open(path, "w") as out:
        for text in texts():
            out.write(text + "\n")
    rows = [("crosswalk time, whole process, text in and out", ours(program, path)), ("Python fromisoformat + zoneinfo", python(path)),
            ("DuckDB, one thread, from memory", duckdb(path, folder))]
    first = rows[0][1]
    for name, rate in rows:
        if rate is not None:
            print(f"{name:<50} {rate:8.2f} million/s   {first / rate:6.1f} times slower than ours" if rate != first else f"{name:<50} {rate:8.2f} million/s")


main()
