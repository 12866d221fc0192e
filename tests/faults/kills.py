#!/usr/bin/env python3
"""Kills `run` with every kind of file at random moments, and looks at what stands there.

    kills.py PROGRAM INJECT.so EXAMPLES [--kills N] [--seed N]      speaks TAP

Two inputs, told apart by each file that they lead to. Over the files of one a run of the other is killed: after a random time, or
in a random system call, mostly one of the last. Then

    each file is whole, of the one or of the other
    where some are of the one and some of the other, there is a list of what is still to be put in place
    the next run, which itself ends with an error before it reads anything, leaves the files of one of them alone
    a run that nothing befalls leaves its own files and nothing else
"""

import argparse
import csv
import io
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import faults  # noqa: E402

CALLS = ["rename", "unlink", "fsync", "open", "close", "write", "ftruncate"]
RUN = faults.WORKS["job"]
ERROR = ["run", "--ledger", "no-such-folder/ledger.jsonl", "job.toml"]  # without a summary, which a failed run writes as well
FILES = ["bodies.jsonl", "conversations.db", "conversations.jsonl", "ledger.jsonl", "rejects.jsonl", "summary.json"]


def content(path):
    if path.suffix == ".db":
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
            return repr([db.execute(one).fetchall() for one in ("SELECT * FROM conversations ORDER BY 1", "SELECT count(*) FROM rejects")])
    if path.name == "summary.json":
        found = json.loads(path.read_text())
        return repr((found["complete"], [(one["name"], one["read"], one["rejected"]) for one in found["sources"]]))
    return path.read_bytes()


class Bench:
    def __init__(self, program, inject, examples, folder):
        self.program, self.inject, self.folder = program, inject, folder
        for part in ("asapp", "unified-inbox"):
            (folder / part).symlink_to(examples / part)
        (folder / "zendesk").mkdir()
        (folder / "job.toml").write_text(faults.JOB)
        first = (examples / "zendesk" / "tickets.csv").read_bytes()
        rows = list(csv.reader(io.StringIO(first.decode("utf-8-sig"))))
        more = io.StringIO()
        for number, row in enumerate(rows[10:20]):  # tickets, and one that is rejected
            row[rows[0].index("Id")] = str(990001 + number)
            if number == 0:
                row[rows[0].index("Created at")] = "never"
            csv.writer(more).writerow(row)
        self.inputs = [first, first.rstrip(b"\n") + b"\n" + more.getvalue().encode()]
        self.right, self.longest, self.met = [], 0, {}
        for which in (1, 0):
            code, self.longest = self.run(which)
            assert code == 3, code
            self.right.insert(0, {name: content(folder / "out" / name) for name in FILES})
        same = [name for name in FILES if self.right[0][name] == self.right[1][name]]
        assert not same, f"of the two inputs these cannot be told apart: {same}"
        for call in CALLS:
            self.run(0, call=call, number=0)
            self.met[call] = int((folder / "count").read_text())

    def run(self, which=None, arguments=RUN, call=None, number=0, after=None):
        """Exit code and seconds; of the input as it is, or anew."""
        if which is not None:
            (self.folder / "zendesk" / "tickets.csv").write_bytes(self.inputs[which])
        (self.folder / "out").mkdir(exist_ok=True)
        env = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TMPDIR": str(self.folder)}
        if call is not None:
            env.update(LD_PRELOAD=str(self.inject), FAULT_CALL=call, FAULT_NTH=str(number), FAULT_ERRNO="-1",
                       FAULT_COUNT=str(self.folder / "count"))
        begun = time.monotonic()
        process = subprocess.Popen([str(self.program), *arguments], cwd=self.folder, env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if after is not None:
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.wait(60), time.monotonic() - begun

    def look(self):
        """Whose each file is, and what is wrong with any."""
        whose, wrong = {}, []
        for name in FILES:
            try:
                found = content(self.folder / "out" / name)
                whose[name] = [right[name] for right in self.right].index(found)
            except (OSError, ValueError, KeyError, sqlite3.Error) as trouble:
                wrong.append(f"{name} is of neither run: {trouble}")
        return whose, wrong

    def others(self):
        return sorted(one.name for one in (self.folder / "out").iterdir() if one.name not in FILES)


def strike(bench, rng, which):
    """What is wrong after one kill of a run of that input, whose files stand then, and what the kill met."""
    if rng.random() < 0.4:
        code, _ = bench.run(which, after=rng.random() * bench.longest)
    else:
        call = rng.choice(CALLS)
        last = max(1, bench.met[call])
        number = rng.randint(1, last) if rng.random() < 0.3 else max(1, last - rng.randint(0, 12))
        code, _ = bench.run(which, call=call, number=number)
    struck = code == -signal.SIGKILL
    whose, wrong = bench.look()
    if code not in (3, -signal.SIGKILL):
        wrong.append(f"exit code {code}")
    mixed = len(set(whose.values())) > 1
    listed = any(name.endswith(".publishing") for name in bench.others())
    if mixed and not listed:
        wrong.append(f"files of both runs, and no list: {whose}")
    if listed or rng.random() < 0.2:
        again, _ = bench.run(arguments=ERROR)
        if again != 1:
            wrong.append(f"exit code {again} of a run that can only fail")
        settled, more = bench.look()
        wrong += more
        if len(set(settled.values())) > 1 or (listed and set(settled.values()) != {which}):
            wrong.append(f"the next run does not settle it: {whose}, then {settled}")
        if any(name.endswith(".publishing") for name in bench.others()):
            wrong.append(f"the list stays: {bench.others()}")
        whose = settled
    stands = next(iter(set(whose.values())), which)
    if wrong or rng.random() < 0.2:
        code, _ = bench.run(which)
        last, more = bench.look()
        wrong += more
        if code != 3 or set(last.values()) != {which} or bench.others():
            wrong.append(f"an undisturbed run does not cure it: exit code {code}, {last}, {bench.others()}")
        stands = which
    return wrong, stands, struck, mixed


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program", type=Path)
    parser.add_argument("inject", type=Path)
    parser.add_argument("examples", type=Path)
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    number, failed, done, killed, mixed, stands = 0, 0, 0, 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="crosswalk-kills-") as name:
        bench = Bench(options.program.resolve(), options.inject.resolve(), options.examples.resolve(), Path(name))
        shutil.rmtree(Path(name) / "out")
        bench.run(0)
        while done < options.kills:
            lines, part = [], min(25, options.kills - done)
            for one in range(done, done + part):
                wrong, stands, struck, between = strike(bench, rng, 1 - stands)
                killed, mixed = killed + struck, mixed + between
                lines += [f"{one}: {line}" for line in wrong]
            done += part
            number += 1
            failed += bool(lines)
            print(f"{'not ok' if lines else 'ok'} {number} - {done} runs: {killed} killed, {mixed} of them between two files", flush=True)
            for line in lines[:20]:
                print("# " + line)
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
