#!/usr/bin/env python3
"""Makes one call after the other fail, and holds what is left against a run that nothing befell.

    faults.py PROGRAM INJECT.so EXAMPLES [--all] [--work NAME] [--call NAME] [--seed N]      speaks TAP

For each work (`translate` of a source streamed, of one that is put together, `run` with every kind of file) and each kind of call
(read, write, open, rename, fsync, mmap, close, ftruncate) the n-th call fails, n = 1 … until a run meets none; likewise each
allocation, there and for eight more commands. With --all every n, else a sample. After each run:

    an exit code, never a signal, in bounded time
    0 and 3 mean that every output is there and right
    otherwise no output stands under its name but a whole one (rejects, and what is printed, may break off)
    nothing unfinished is left behind, but where some files of a run were already in place: then the next run settles it
"""

import argparse
import errno
import os
import random
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TIMEOUT = 60
CALLS = {
    "read": [errno.EIO],
    "write": [errno.ENOSPC, errno.EIO, 0],  # 0: half of it is written
    "open": [errno.EMFILE, errno.EACCES],
    "rename": [errno.EACCES],
    "fsync": [errno.EIO],
    "mmap": [errno.ENOMEM],
    "close": [errno.EIO],
    "ftruncate": [errno.EIO],
    "alloc": [errno.ENOMEM],
}

# By their names: glob() of glibc 2.36 frees a name twice, and so ends the process, when its last allocation fails.
INBOX = ["unified-inbox/activities.json", "unified-inbox/conversations.json"]
JOB = """
[job]
external_id = "{platform}:{id}"
rejects = "out/rejects.jsonl"
[[source]]
name = "zendesk"
adapter = "zendesk-csv"
inputs = ["zendesk/tickets.csv"]
time_zone = "America/Los_Angeles"
[[source]]
name = "chats"
adapter = "asapp"
inputs = ["asapp/conversations.jsonl"]
[[source]]
name = "inbox"
adapter = "unified-inbox"
inputs = ["unified-inbox/activities.json", "unified-inbox/conversations.json"]
[[merge.link]]
left = "zendesk.metadata.Chat ID [txt]"
right = "chats.external_id"
[[sink]]
type = "jsonl"
path = "out/conversations.jsonl"
[[sink]]
type = "bulk"
path = "out/bodies.jsonl"
[[sink]]
type = "sqlite"
path = "out/conversations.db"
"""

WORKS = {
    "streamed": ["translate", "--time-zone", "America/Los_Angeles", "--jobs", "2", "--output", "out/conversations.jsonl",
                 "--rejects", "out/rejects.jsonl", "--summary", "out/summary.json", "zendesk/tickets.csv"],
    "folded": ["translate", "--jobs", "2", "--format", "bulk", "--output", "out/conversations.jsonl",
               "--rejects", "out/rejects.jsonl", "asapp/conversations.jsonl"],
    "job": ["run", "--jobs", "2", "--ledger", "out/ledger.jsonl", "--summary", "out/summary.json", "job.toml"],
}
# Further ones, for allocations; what they print is an output like others.
PRINTING = {
    "inbox": ["translate", "--jobs", "1", "--rejects", "out/rejects.jsonl", *INBOX],
    "evidence": ["translate", "--time-zone", "America/Los_Angeles", "--disambiguation", "evidence", "--jobs", "1", "zendesk/tickets.csv"],
    "isolated": ["translate", "--isolate", "--jobs", "1", *INBOX],
    "plan": ["plan", "--json", "--jobs", "1", "job.toml"],
    "why": ["why", "--json", "job.toml", "zendesk:48212"],
    "time": ["time", "--zone", "America/New_York"],
    "zones": ["zones", "--json", "Pacific Time (US & Canada)", "Asia/Calcutta"],
    "adapters": ["adapters", "--json"],
}
TIMES = b"2024-11-03 01:30\n2024-03-10 02:30\n2024-07-01T12:00:00Z\n" * 20
MAY_BREAK_OFF = {"rejects.jsonl", "stdout"}


def content(path):
    """What a file says, without what no two runs have in common."""
    if path.suffix == ".db":
        script = ("SELECT * FROM conversations ORDER BY 1; SELECT count(*) FROM rejects;")
        import sqlite3
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return repr([db.execute(one).fetchall() for one in script.split(";") if one.strip()])
    if path.name == "summary.json":
        return "a summary" if path.read_text().endswith("}\n") else "a piece of a summary"
    if path.name == "stdout":  # how long it took is never the same
        return re.sub(rb'"(seconds|records_per_second|peak_memory_bytes)": [^,\n]*', b"", path.read_bytes())
    return path.read_bytes()


def says_why(name, found, right):
    """A reject of the merge whose input could not be read again says so where its text would be."""
    if name not in MAY_BREAK_OFF or found is None:
        return False
    lines, wanted = found.splitlines(), right.splitlines()
    return len(lines) == len(wanted) and all(a == b or b"the record's text is not here" in a for a, b in zip(lines, wanted))


def contents(folder):
    found = {}
    for path in sorted(folder.iterdir()):
        try:
            found[path.name] = content(path)
        except Exception as trouble:
            found[path.name] = f"cannot be read: {trouble}"
    return found


class Bench:
    def __init__(self, options):
        self.program, self.inject = options.program.resolve(), options.inject.resolve()
        self.examples = options.examples.resolve()
        self.right = {}

    def run(self, work, faults=None):
        """Exit code, what is in out/ by name, standard error, and how many calls were met."""
        with tempfile.TemporaryDirectory(prefix="crosswalk-faults-") as name:
            folder = Path(name)
            for part in ("zendesk", "asapp", "unified-inbox"):
                (folder / part).symlink_to(self.examples / part)
            (folder / "job.toml").write_text(JOB)
            (folder / "out").mkdir()
            (folder / "times").write_bytes(TIMES)
            arguments = WORKS.get(work) or PRINTING[work]
            env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TMPDIR": name}
            if faults:
                env.update(faults, LD_PRELOAD=str(self.inject), FAULT_COUNT=str(folder / "count"))
            try:
                with open(folder / "times", "rb") as times, open(folder / ("out/stdout" if work in PRINTING else "printed"), "wb") as out:
                    done = subprocess.run([str(self.program), *arguments], cwd=folder, env=env, stdin=times, stdout=out,
                                          stderr=subprocess.PIPE, timeout=TIMEOUT)
                code, said = done.returncode, done.stderr.decode("utf-8", "replace")
            except subprocess.TimeoutExpired:
                code, said = None, f"still running after {TIMEOUT} s"
            found = contents(folder / "out")
            count = folder / "count"
            met = int(count.read_text()) if count.exists() and count.stat().st_size else None
            again = None
            if any(name.endswith(".publishing") for name in found):  # for the next run to complete
                env.pop("LD_PRELOAD", None)
                done = subprocess.run([str(self.program), *arguments], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIMEOUT)
                again = done.returncode, contents(folder / "out")
            return code, found, said, met, again

    def reference(self, work):
        if work not in self.right:
            code, found, said, _, _ = self.run(work)
            if code not in (0, 3):
                raise SystemExit(f"{work}: exit code {code} without any fault: {said}")
            self.right[work] = code, found
        return self.right[work]

    def judge(self, work, faults):
        """What is wrong with a run under faults, and whether it met the call."""
        usual, right = self.reference(work)
        code, found, said, met, again = self.run(work, faults)
        wrong = []
        if again is not None:
            if again != (usual, right):
                wrong.append(f"the next run does not settle what was left: exit code {again[0]}, {sorted(again[1])}")
            found = {name: what for name, what in found.items() if name in right}
        if code is None or code < 0 or code > 128:
            wrong.append(f"exit code {code}")
        elif code in (0, 3):
            wrong += [f"exit code {code}, but {name} is {'missing' if name not in found else 'wrong'}"
                      for name in right if found.get(name) != right[name] and not says_why(name, found.get(name), right[name])]
        else:
            wrong += [f"exit code {code}, and {name} stands there, not whole"
                      for name in found if name in right and name not in MAY_BREAK_OFF and found[name] != right[name]]
            if not said.strip():
                wrong.append(f"exit code {code} without a word")
        if code is not None and code >= 0:
            wrong += [f"{name} is left behind" for name in found if name not in right]
        return [f"{line} (said: {said.strip()[-300:]})" for line in wrong], met


def numbers(count, everything, rng, some):
    """Which calls of so many are made to fail."""
    if everything or count <= some:
        return list(range(1, count + 1))
    return sorted({1, 2, count, *rng.sample(range(1, count + 1), some - 3)})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("inject", type=Path)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--work", choices=[*WORKS, *PRINTING])
    parser.add_argument("--call", choices=CALLS)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bench, number, failed = Bench(options), 0, 0
    total = 0
    for work in [options.work] if options.work else [*WORKS, *PRINTING]:
        for call in [options.call] if options.call else [call for call in CALLS if call == "alloc" or work in WORKS]:
            rng = random.Random(f"{options.seed} {work} {call}")
            _, _, _, met, _ = bench.run(work, {"FAULT_CALL": call, "FAULT_NTH": "0"})
            most = 400 if call == "alloc" else 4000  # with --all: of very many, a dense sample
            for code in CALLS[call]:
                chosen = numbers(met or 0, options.all and (met or 0) <= most, rng, 20 if call == "alloc" else 8)
                if options.all and (met or 0) > most:
                    chosen = sorted(rng.sample(range(1, met + 1), most))
                wrong = []
                with ThreadPoolExecutor(2) as pool:
                    each = [{"FAULT_CALL": call, "FAULT_NTH": str(n), "FAULT_ERRNO": str(code)} for n in chosen]
                    for n, (lines, _) in zip(chosen, pool.map(lambda faults: bench.judge(work, faults), each)):
                        wrong += [f"number {n}: {line}" for line in lines]
                total += len(chosen)
                number += 1
                failed += bool(wrong)
                what = errno.errorcode.get(code, "half of it")
                print(f"{'not ok' if wrong else 'ok'} {number} - {work}: {call}, {what}: {len(chosen)} of {met}", flush=True)
                for line in wrong[:20]:
                    print("# " + line.replace("\n", " / "))
    print(f"# {total} faults\n1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
