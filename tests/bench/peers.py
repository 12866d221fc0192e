#!/usr/bin/env python3
"""The same work through Crosswalk and its peers, all in one run, in turn, with medians and ratios.

    peers.py PROGRAM FOLDER [--rows N] [--rounds N] [--works a,b] [--quick] [--report]

FOLDER keeps the data, which is made once, and the environments that DuckDB and Polars are installed into. Before anything is
timed, every peer's output is compared with ours. Ours is timed as a whole program, and so are jq and Miller; peers written in
Python and the bare scans say themselves how long they worked, without the start of their interpreter. Slow peers get a tenth
of the data. `--report` writes docs/performance.md and docs/performance.json. The results are printed as a table and written
to FOLDER/peers.json.
"""
import argparse
import datetime
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

import comparing
import extras
from contestants import WORKS, Bare, Failed, Ours, all_contestants
from measuring import Series, markdown, read_through, run, table

ROOT = Path(__file__).resolve().parents[2]
NOTES = Path(__file__).with_name("notes.md")  # of the report, by hand: what the numbers do not say


class Data:
    """Made inputs, kept in a folder."""

    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.counts = {}

    def __call__(self, work, count, rejects=0):
        """The path of a work's input with `count` records."""
        path = self.folder / (f"rejects-{rejects}-" * (rejects > 0) + work.data_name(count))
        if not path.exists() or path.stat().st_mtime < os.stat(self.program).st_mtime:
            made = path.with_suffix(".part")
            run([self.program, work.kind, count, 1, rejects], output=made)
            made.rename(path)
        return path


class Comparison:
    """One run of everything."""

    def __init__(self, options):
        self.options = options
        self.folder = options.folder
        self.folder.mkdir(parents=True, exist_ok=True)
        bench = options.program.parent / "tests" / "bench"
        self.data = Data(bench / "bench-data", self.folder)
        self.template = options.program.parent / "plugins" / "template" / "example-csv.so"
        self.threads = os.cpu_count() or 1
        self.works = [work for work in WORKS if not options.works or work.name in options.works.split(",")]
        self.contestants = all_contestants(options.program, self.folder)
        self.ours = self.contestants[0]
        self.ours.all_threads = self.threads
        self.left_out = {peer.name: peer.left_out for peer in self.contestants if peer.left_out}
        self.contestants = [peer for peer in self.contestants if not peer.left_out]
        self.series, self.agreement, self.extras = {}, {}, {}

    def say(self, text):
        if sys.stderr.isatty() or self.options.verbose:
            print(text, file=sys.stderr, flush=True)

    def doing(self, work):
        return [peer for peer in self.contestants if work.name in peer.works]

    def rows(self, peer):
        return max(self.options.rows // 10, 1) if peer.slow else self.options.rows

    def compare(self):
        """Every peer's output against ours, on a tenth of the data."""
        count = max(self.options.rows // 10, 1)
        ours, theirs = self.folder / "ours.jsonl", self.folder / "theirs.jsonl"
        for work in self.works:
            data = self.data(work, count)
            self.ours.run(work, data, ours, self.threads)
            for peer in self.doing(work):
                if not peer.compared:
                    continue
                self.say(f"comparing {work.name}: {peer.name}")
                try:
                    peer.run(work, data, theirs, 1)
                except Failed as failure:
                    self.left_out[f"{peer.name}, {work.name}"] = str(failure)
                    peer.works = tuple(name for name in peer.works if name != work.name)
                    continue
                judge = comparing.by_id if work.by_id else comparing.by_order
                self.agreement[work.name, peer.name] = judge(ours, theirs)
        ours.unlink(missing_ok=True)
        theirs.unlink(missing_ok=True)

    def cells(self):
        """All that is timed: work, contestant, threads, whether to a file."""
        for work in self.works:
            for peer in self.doing(work):
                for to_file in (False, True) if peer.parallel else (False,):
                    for threads in sorted({1, self.threads} if peer.parallel else {1}):
                        yield work, peer, threads, to_file

    def time(self):
        """Everything in turn, round by round."""
        cells = list(self.cells())
        output = self.folder / "out.jsonl"
        for number in range(self.options.rounds):
            for work, peer, threads, to_file in cells:
                self.say(f"round {number + 1} of {self.options.rounds}: {work.name}, {peer.name}, {threads} threads")
                count = self.rows(peer)
                data = self.data(work, count)
                read_through(data)
                version, sample = peer.run(work, data, output if to_file else "/dev/null", threads)
                key = work.name, peer.name, threads, to_file
                series = self.series.setdefault(key, Series(data.stat().st_size, count, version=version))
                series.samples.append(sample)
        output.unlink(missing_ok=True)

    def measure_ourselves(self):
        works = {work.name: work for work in WORKS}
        rounds, rows = self.options.rounds, self.options.rows
        self.extras["ten times the input"] = {
            name: extras.ten_times(self.ours, works[name], self.data, rows, min(rounds, 3), self.folder, self.say)
            for name in ("zendesk", "asapp", "inbox") if not self.options.works or name in self.options.works.split(",")}
        self.extras["start"] = extras.start_up(self.ours, works["zendesk"], self.data, rounds, self.folder, self.template, self.say)
        self.extras["costs"] = extras.costs(self.ours, works, self.data, rows, rounds, self.folder, self.say)
        self.extras["isolation"] = extras.isolation(self.ours, [works[name] for name in ("zendesk", "asapp", "inbox")], self.data,
                                                    rows, rounds, self.say)

    def ratio(self, work, peer, threads=1, processor=False):
        """How many times as fast as a peer we are; None where one of the two did not run."""
        ours = self.series.get((work, self.ours.name, threads, False))
        theirs = self.series.get((work, peer, threads, False))
        if ours is None or theirs is None:
            return None
        return ours.processor_rate / theirs.processor_rate if processor else ours.rate / theirs.rate

    def speed_up(self, work, to_file=False):
        one = self.series.get((work, self.ours.name, 1, to_file))
        all_of_them = self.series.get((work, self.ours.name, self.threads, to_file))
        return one.wall / all_of_them.wall if one and all_of_them and self.threads > 1 else None


def at_least(found, wanted):
    """Verdict on a ratio that should be large."""
    if found is None:
        return "not measured"
    return "reached" if found >= wanted else f"not reached: {found / wanted:.0%} of it"


def at_most(found, wanted):
    """Verdict on a cost that should be small."""
    if found is None:
        return "not measured"
    return "reached" if found <= wanted else f"not reached: {found / wanted:.1f} times it"


def times(value):
    return "—" if value is None else f"{value:.2f} ×"


def ratio_targets(run_):
    """Target, wanted, found, the same by processor time, verdict."""
    wanted = [
        ("zendesk", "DuckDB", 1, 10), ("zendesk", "Python", 1, 60), ("zendesk", "bare tokenizing", 1, 0.25),
        ("zendesk-all", "DuckDB", 1, 6),
        ("asapp", "DuckDB", 1, 8), ("asapp", "Python", 1, 40), ("asapp", "simdjson alone", 1, 1 / 3),
        ("inbox", "DuckDB", 1, 5), ("inbox", "DuckDB", run_.threads, 5),
    ]
    for work, peer, threads, ratio in dict.fromkeys(wanted):
        found = run_.ratio(work, peer, threads)
        name = f"{work}, {threads} thread{'s' * (threads > 1)}, against {peer}"
        yield name, f"≥ {ratio:.2g} ×", times(found), times(run_.ratio(work, peer, threads, processor=True)), at_least(found, ratio)
    for work in run_.works:
        found = run_.speed_up(work.name)
        yield f"{work.name}, {run_.threads} threads against one", "≥ 1.8 ×", times(found), "", at_least(found, 1.8)


def own_targets(run_):
    """The same of what is asked of our program alone."""
    for work, found in run_.extras.get("ten times the input", {}).items():
        ratio, peak = found["time_ratio"], max(found["peak_megabytes"].values())
        verdict = "reached" if 9 <= ratio <= 11 else "not reached"
        yield (f"{work}, ten times the input", "10 × the time ± 10 %", times(ratio), times(found["processor_time_ratio"]), verdict)
        yield f"{work}, memory, {found['megabytes']:,.0f} MB of input", "≤ 200 MB", f"{peak:.0f} MB", "", at_most(peak, 200)
    start = run_.extras.get("start", {})
    if "100 more" in start:
        for name in ("100 more", "100 more, one named"):
            found, processor = start[name]["milliseconds"], start[name]["processor_milliseconds"]
            yield f"start and one record, adapters: {name}", "≤ 10 ms", f"{found:.1f} ms", f"{processor:.1f} ms", at_most(found, 10)
    for name, limit, what in (("ledger", 0.05, "cost of the ledger, of a job"), ("rejects", 0.10, "cost of rejects at 1 %")):
        cost = run_.extras.get("costs", {}).get(name)
        if cost:
            yield what, f"≤ {limit:.0%}", f"{cost['wall']:+.1%}", f"{cost['processor']:+.1%}", at_most(cost["wall"], limit)
    spill = run_.extras.get("costs", {}).get("spill")
    if spill:
        yield "cost of 16 MiB of memory, job of inbox", "", f"{spill['wall']:+.1%}", f"{spill['processor']:+.1%}", "no target"
    for work, by_threads in run_.extras.get("isolation", {}).items():
        for threads, cost in by_threads.items():
            yield (f"cost of --isolate, {work}, {threads} thread{'s' * (threads > 1)}", "≤ 15 %", f"{cost['wall']:+.1%}",
                   f"{cost['processor']:+.1%}", at_most(cost["wall"], 0.15))


def result_rows(run_, work):
    for (name, peer, threads, to_file), series in run_.series.items():
        if name != work.name:
            continue
        ratio = run_.series[name, run_.ours.name, threads, to_file]
        yield (f"{peer} {series.version}", threads, "file" if to_file else "/dev/null", f"{series.rate:,.0f}",
               f"{series.records / series.wall / 1e3:,.0f}", f"{series.wall:.3f}", f"{series.processor:.3f}",
               "" if peer == run_.ours.name else times(ratio.rate / series.rate),
               "" if peer == run_.ours.name else times(ratio.processor_rate / series.processor_rate))


RESULT_HEAD = ("", "threads", "to", "MB/s", "1000 records/s", "seconds", "processor s", "ours is", "by processor time")
TARGET_HEAD = ("", "target", "found", "by processor time", "")


def print_results(run_):
    for work in run_.works:
        print(f"\n{work.title}")
        print("\n".join("  " + line for line in table(RESULT_HEAD, result_rows(run_, work))))
    print("\nThe same work: what the peers' outputs have in common with ours")
    for (work, peer), found in run_.agreement.items():
        print(f"  {work}, {peer}: {found.text()}")
    for peer, reason in run_.left_out.items():
        print(f"  left out: {peer}: {reason}")
    print("\nTargets")
    print("\n".join("  " + line for line in table(TARGET_HEAD, [*ratio_targets(run_), *own_targets(run_)])))


def as_json(run_):
    rows = [{"work": work, "contestant": peer, "threads": threads, "to": "file" if to_file else "/dev/null", **series.as_json()}
            for (work, peer, threads, to_file), series in run_.series.items()]
    head = ("target", "wanted", "found", "by_processor_time", "verdict")
    return {
        "date": datetime.date.today().isoformat(),
        "command": command(),
        "machine": {**extras.machine(), "processors": run_.threads},
        "rows": run_.options.rows,
        "rounds": run_.options.rounds,
        "results": rows,
        "agreement": [{"work": work, "peer": peer, **found.as_json()} for (work, peer), found in run_.agreement.items()],
        "left_out": run_.left_out,
        "ourselves": run_.extras,
        "targets": [dict(zip(head, row)) for row in [*ratio_targets(run_), *own_targets(run_)]],
    }


def command():
    """As it is typed."""
    return shlex.join(["./dev", "bench", *sys.argv[3:]])


def report(run_):
    """docs/performance.md."""
    found = as_json(run_)
    machine = found["machine"]
    lines = [
        "# Performance",
        "",
        f"Made by `{found['command']}` on {found['date']}: {machine['processor']}, {machine['processors']} cores, "
        f"{machine['memory_gib']} GiB of memory, {machine['system']}. {run_.options.rows:,} records of each kind (slow peers: a "
        f"tenth), {run_.options.rounds} rounds, every program in turn in each; medians. Compare the ratios: the same program's "
        "rates differ from machine to machine.",
        "",
        "Crosswalk runs with its default settings, validation and rejects included, and is timed as a whole program, as are jq and "
        "Miller. Peers in Python are timed without the start of their interpreter. *Bare* scans have the bytes in memory and "
        "write nothing: a bound, not a peer. Into a file, Crosswalk also waits until all of it is on the disk (fsync) before it "
        "stands under its name; the peers do not. Before each run the input is read once, and the disk is idle.",
        "",
        "## Targets", "",
        *markdown(TARGET_HEAD, [*ratio_targets(run_), *own_targets(run_)]),
    ]
    lines += ["", NOTES.read_text(encoding="utf-8").rstrip()]
    for work in run_.works:
        lines += ["", f"## {work.title}", "", *markdown(RESULT_HEAD, result_rows(run_, work))]
    lines += ["", "## The same work", "", "Each peer's output was compared with ours, field by field.", ""]
    lines += [f"- {work}, {peer}: {agreement.text()}" for (work, peer), agreement in run_.agreement.items()]
    lines += [f"- {peer}: left out, {reason}" for peer, reason in run_.left_out.items()]
    (ROOT / "docs" / "performance.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (ROOT / "docs" / "performance.json").write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__.splitlines()[0])
    parser.add_argument("program", type=lambda text: Path(text).resolve())
    parser.add_argument("folder", type=lambda text: Path(text).resolve())
    parser.add_argument("--rows", type=int, default=1_000_000, help="records of each kind (default: 1,000,000)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is timed (default: 5)")
    parser.add_argument("--works", default="", help="only these: " + ",".join(work.name for work in WORKS))
    parser.add_argument("--quick", action="store_true", help="only the comparison with peers, not what is asked of ours alone")
    parser.add_argument("--report", action="store_true", help="write docs/performance.md and docs/performance.json")
    parser.add_argument("--verbose", action="store_true", help="say what is running, also where it is no terminal")
    options = parser.parse_args()
    unknown = set(filter(None, options.works.split(","))) - {work.name for work in WORKS}
    if unknown or options.rows < 1000 or options.rounds < 1:
        parser.error(f"no such work: {', '.join(unknown)}" if unknown else "at least 1,000 rows and one round")
    return options


def main():
    options = arguments()
    comparison = Comparison(options)
    comparison.compare()
    comparison.time()
    if not options.quick:
        comparison.measure_ourselves()
    print_results(comparison)
    (options.folder / "peers.json").write_text(json.dumps(as_json(comparison), indent=1, ensure_ascii=False) + "\n",
                                               encoding="utf-8")
    if options.report:
        report(comparison)
    # Peers that do other work than ours are no peers.
    return 0 if all(found.agrees for found in comparison.agreement.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
