#!/usr/bin/env python3
"""Prism judges what `crosswalk run` really sends: method, path, headers, key and body of every request.

Each job of the golden cases that runs here gets a sink `assembled` whose url is Prism's, and delivers to it over loopback;
then a job is run three times, so that conversations go by POST, changes and enrichment by PATCH, with metadata. All that
`--dry-run --requests` wrote goes there byte for byte as well. Jobs that send what is wrong must be refused.

    prism_delivery.py --cache DIR PROGRAM     speaks TAP; Prism is installed as by prism.py
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import outputs
import prism

KEY = "sk_live_of/the+tests"
ROOT = prism.HERE.parent.parent
ENOUGH = 20  # golden jobs that must be there to be judged
SINK = """
[[sink]]
type = "{type}"
url = "http://127.0.0.1:{port}{path}"
journal = "journal-of-the-judge.db"
{how}
rate_per_minute = 60000
burst = 100
settle = 0
retries = 2
"""
ASSEMBLED = 'api_key = { env = "JUDGED_KEY" }\nbatch_size = 7'
TICKETS = """
[[source]]
name = "tickets"
adapter = "zendesk-csv"
inputs = ["tickets.csv"]
time_zone = "UTC"
[[source]]
name = "survey"
adapter = "zendesk-csv"
inputs = ["survey.csv"]
time_zone = "UTC"
role = "enrich"
allow_empty = true
"""


class Delivery:
    def __init__(self, program, port):
        self.program, self.port = os.path.abspath(program), port
        self.number, self.failed = 0, 0

    def check(self, name, problem=""):
        self.number += 1
        self.failed += bool(problem)
        print(f"{'not ok' if problem else 'ok'} {self.number} - {name}", flush=True)
        for line in str(problem or "").splitlines():
            print("# " + line)

    def crosswalk(self, folder, *arguments, key=KEY):
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "TZ": "UTC", "JUDGED_KEY": key, "TMPDIR": str(folder)}
        done = subprocess.run([self.program, *arguments], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
        return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")

    def sink(self, type="assembled", path="", how=ASSEMBLED):
        return SINK.format(type=type, port=self.port, path=path, how=how)

    def deliver(self, folder, job):
        """(what is wrong, methods, bodies): writes the requests, sends them by hand, then runs the job."""
        written = folder / "requests"
        shutil.rmtree(written, ignore_errors=True)
        code, _, err = self.crosswalk(folder, "run", "--dry-run", "--requests", "requests", job)
        if code not in (0, 3):
            return f"dry run: exit code {code}\n{err}", [], []
        problems, methods, bodies = [], [], []
        for line in (written / "requests.jsonl").read_text().splitlines():
            request = json.loads(line)
            methods.append(request["method"])
            bodies.append((written / request["body"]).read_bytes())
            status, answer = prism.post(self.port, bodies[-1], KEY, method=request["method"])
            if status != 202:
                problems.append(f"{request['body']}: {status} {prism.reasons(answer)}")
        code, _, err = self.crosswalk(folder, "run", "--summary", "judged.json", job)
        if code not in (0, 3):
            return f"run: exit code {code}\n{err}", methods, bodies
        sinks = [s["delivery"] for s in json.loads((folder / "judged.json").read_text())["sinks"] if "delivery" in s]
        records = sum(len(json.loads(body)["conversations"]) for body in bodies)
        for sink in sinks:
            if sink["accepted"] != records or sink["refused"] or sink["retries"]:
                problems.append(f"of {records} records: {sink}\n{err}")
        return "\n".join(problems), methods, bodies


def golden(judge, folder):
    sent = jobs = 0
    for toml in sorted([*outputs.CASES.glob("*/*/job.toml"), *(ROOT / "examples").rglob("*.toml")]):
        name = str(toml.relative_to(ROOT))
        copy = folder / name.replace("/", "-")
        shutil.copytree(toml.parent, copy, ignore=shutil.ignore_patterns("expected*"))
        job = copy / toml.name
        if "[[source]]" not in job.read_text(errors="replace"):
            continue
        if judge.crosswalk(copy, "run", toml.name)[0] not in (0, 3):
            continue  # the case is about a fault, or makes its inputs
        job.write_text(job.read_text() + judge.sink())
        problem, methods, _ = judge.deliver(copy, toml.name)
        jobs, sent = jobs + bool(methods), sent + len(methods)
        judge.check(f"{name}: {len(methods)} requests", problem)
    judge.check(f"{sent} requests of {jobs} golden jobs", "" if jobs >= ENOUGH else f"fewer than {ENOUGH} jobs")


def write(path, head, rows):
    path.write_text("\n".join([head, *(",".join(map(str, row)) for row in rows)]) + "\n")


def stages(judge, folder):
    """New; changed and enriched; enriched again, and with less metadata."""
    folder.mkdir()
    (folder / "job.toml").write_text(TICKETS + judge.sink())
    head = "Id,Via,Created at,Subject,Status,Assignee,Satisfaction Score,Brand,Tier"
    one = {i: [i, "Mail", "2024-01-02 03:04", f'"Sübject ""{i}"""', "Open", "ann", "", "b", "gold"] for i in range(40)}
    survey = []

    def stage(name, methods, more=lambda bodies: ""):
        write(folder / "tickets.csv", head, one.values())
        write(folder / "survey.csv", head, survey)
        problem, found, bodies = judge.deliver(folder, "job.toml")
        if not problem and set(found) != methods:
            problem = f"{found}, and {methods} should have been"
        judge.check(f"{name}: {len(found)} requests", problem or more(bodies))

    def metadata(bodies):
        records = [r for body in bodies for r in json.loads(body)["conversations"]]
        return "" if any(r.get("metadata") and "channel" not in r for r in records) else "no metadata by PATCH"

    stage("new", {"POST"})
    one[3][4], one[4][8], one[5][3] = "Solved", "silver", "other"
    for i in range(10):
        del one[30 + i]
        survey.append([30 + i, "Mail", "2024-01-02 03:04", "", "Solved", "bob", "Good", "", f"t{i}"])
    stage("changed, with other metadata, and enriched", {"POST", "PATCH"}, metadata)
    one[3][5], one[6][8] = "carl", ""
    survey[0][4] = "Pending"
    stage("once more, with metadata that went away", {"POST", "PATCH"})


def wrong(judge, folder):
    """Jobs that send what the API does not take: Prism must say so, and the program must hear it."""
    basic = 'headers = { Authorization = { env = "JUDGED_KEY" } }\n'
    cases = [
        ("a list where a conversation should be", "body = '{\"conversations\":[$records]}'\n" + basic, prism.ROUTE, 3, "422"),
        ("no key", 'array_key = "conversations"\n', prism.ROUTE, 2, "401"),
        ("another method", 'method = "PUT"\narray_key = "conversations"\n' + basic, prism.ROUTE, 2, "405"),
        ("another path", 'array_key = "conversations"\n' + basic, "/v0/conversations/bulky", 2, "404"),
    ]
    for number, (name, how, path, want, said) in enumerate(cases):
        place = folder / f"wrong-{number}"
        place.mkdir()
        write(place / "tickets.csv", "Id,Via,Created at", [[1, "Mail", "2024-01-02 03:04"]])
        write(place / "survey.csv", "Id,Via,Created at", [])
        (place / "job.toml").write_text('[job]\nrejects = "rejects.jsonl"\n' + TICKETS + judge.sink("http", path, how))
        code, _, err = judge.crosswalk(place, "run", "job.toml", key="Basic c2tfbGl2ZTo=")
        rejects = place / "rejects.jsonl"
        text = err + (rejects.read_text() if rejects.exists() else "")
        judge.check(f"refused: {name}", "" if code == want and said in text else f"exit code {code}, want {want}, and {said} in\n{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--cache", type=Path, required=True, help="the folder that Prism is installed into")
    options = parser.parse_args()
    try:
        node, npm = prism.need_node(options.cache)
        installed = prism.install(options.cache, npm)
    except prism.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0  # a plan of none is what TAP calls skipped
    with prism.running(node, installed) as port, tempfile.TemporaryDirectory() as name:
        judge = Delivery(options.program, port)
        golden(judge, Path(name))
        stages(judge, Path(name) / "stages")
        wrong(judge, Path(name))
    print(f"1..{judge.number}")
    return judge.failed != 0


if __name__ == "__main__":
    sys.exit(main())
