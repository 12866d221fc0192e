#!/usr/bin/env python3
"""Another client of the API: Redocly's `respect` follows an Arazzo description of "upsert, then enrich".

The same conversations are delivered twice, each time to a test server of its own: by `crosswalk run` (new ones, then a second
run that enriches them) and by respect. Both servers must have seen the same records, and end in the same state. A
description that leaves out the key must fail.

    respect.py --cache DIR PROGRAM     speaks TAP; respect (pinned in respect/) is installed with npm into DIR
"""

import argparse
import base64
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True

import prism

sys.path.insert(0, str(prism.HERE.parent / "delivery"))
from deliver import FAST, KEY, Job, tickets  # noqa: E402
from server import Server  # noqa: E402

DESCRIPTION = prism.HERE / "upsert-then-enrich.arazzo.yaml"
COUNT = 300


def respect(node, installed, folder, description, server, inputs):
    """Exit code and what was said. The inputs go by the environment: arguments can be seen by others."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "REDOCLY_TELEMETRY": "off",
                   "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "REDOCLY_CLI_RESPECT_INPUT": json.dumps(inputs),
                   "REDOCLY_CLI_RESPECT_SERVER": f"conversations={server.url}"}
    command = [node, str(installed / "node_modules/@redocly/cli/bin/cli.js"), "respect", str(description)]
    done = subprocess.run(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=120)
    return done.returncode, done.stdout.decode("utf-8", "replace")


def records(server, method):
    seen = [one for body in server.seen if body.method == method and body.status == 202 for one in json.loads(body.body)["conversations"]]
    return sorted(seen, key=lambda record: record["external_id"])


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def compare(program, node, installed, folder):
    ours, theirs = Server(key=KEY, rate=500, burst=100), Server(key=KEY, rate=500, burst=100)
    job = Job(program, folder / "job", ours, FAST + "batch_size = 50\n", tickets(COUNT))
    job.write()
    code, _, err = job.run()
    if code:
        yield "crosswalk run", err
        return
    conversations = lines(folder / "job/out.jsonl")
    job.survey = {str(i): {"Status": "Solved", "Assignee": f"agent {i}", "Satisfaction Score": "Good"} for i in range(0, COUNT, 3)}
    job.rows = {}
    (folder / "job/job.toml").write_text((folder / "job/job.toml").read_text().replace('time_zone = "UTC"\n[[source]]',
                                                                                      'time_zone = "UTC"\nallow_empty = true\n[[source]]'))
    job.write()
    code, _, err = job.run()
    if code:
        yield "crosswalk run, with enrichment alone", err
        return
    updates = lines(folder / "job/out.updates.jsonl")
    authorization = "Basic " + base64.b64encode((KEY + ":").encode()).decode()
    inputs = {"authorization": authorization, "conversations": conversations, "updates": updates}
    code, said = respect(node, installed, folder, DESCRIPTION, theirs, inputs)
    yield "respect runs the description", "" if code == 0 and len(theirs.seen) == 2 else f"exit code {code}\n{said}"
    for method, name in (("POST", "whole"), ("PATCH", "to be enriched")):
        a, b = records(ours, method), records(theirs, method)
        yield f"the same {len(a)} conversations were brought {name}", "" if a and a == b else f"{len(a)} and {len(b)}: {a[:1]} {b[:1]}"
    yield "both servers end in the same state", "" if ours.state == theirs.state and len(ours.state) == COUNT else "they do not"
    yield "neither saw anything wrong", "\n".join(ours.problems + theirs.problems)
    wrong = Server(key=KEY)
    copy = DESCRIPTION.read_text().replace("value: $inputs.authorization", "value: none")
    (folder / "wrong.arazzo.yaml").write_text(copy.replace("./conversations", f"{prism.HERE}/conversations"))
    code, said = respect(node, installed, folder, folder / "wrong.arazzo.yaml", wrong, inputs)
    yield "without the key it fails", "" if code != 0 and [s.status for s in wrong.seen] == [401] else f"exit code {code}\n{said}"
    for server in (ours, theirs, wrong):
        server.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--cache", type=Path, required=True, help="the folder that respect is installed into")
    options = parser.parse_args()
    try:
        node, npm = prism.need_node(options.cache)
        installed = prism.install(options.cache, npm, prism.HERE / "respect")
    except prism.Skip as reason:
        print(f"1..0 # SKIP {reason}")
        return 0  # a plan of none is what TAP calls skipped
    number = failed = 0
    with tempfile.TemporaryDirectory() as name:
        for test, problem in compare(os.path.abspath(options.program), node, installed, Path(name)):
            number, failed = number + 1, failed + bool(problem)
            print(f"{'not ok' if problem else 'ok'} {number} - {test}")
            for line in problem.splitlines():
                print("# " + line)
    print(f"1..{number}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
