#!/usr/bin/env python3
"""Holds `crosswalk why` against what it explains.

For the example job and every golden job that runs: each field of each conversation in the output is explained, with the
value that it has there; the record that is named holds the field and the text that are quoted, at the bytes that are
named; and the value follows from the witnesses by the rule that is named. Speaks TAP 13.
"""

import argparse
import csv
import io
import json
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from decimal import Decimal
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

from run import HERE, ROOT, Tap, environment

MOST = 150  # conversations of a golden job; of the example job all are looked at
TEXTS = {"queue_id", "assigned_agent_id", "customer_id", "subject", "status"}
TIMES = {"started_at", "ended_at"}
# Rules by which a value comes of no field, and those by which a text is not what its field says.
OF_NO_FIELD = {"platform_setting", "platform_adapter", "default_channel_setting", "default_channel_adapter",
               "first_touchpoint", "last_touchpoint", "channel_of_touchpoint", "channel_of_notes", "first_response",
               "sum_of_durations", "last_agent", "first_email_subject", "touchpoint_counts", "under_its_source", "time_marks",
               "made_by_adapter"}
OTHER_TEXT = {"value_map", "value_map_setting", "rest_setting", "cleaned_id", "cleaned_word", "lower_case", "remaining_words", "id_table"}


def seconds(text):
    """A time as seconds, exactly."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    at = datetime.fromisoformat(whole + "+00:00")
    return Decimal(int(at.timestamp())) + Decimal("0." + (fraction or "0"))


class Inputs:
    """The job's inputs, read once."""

    def __init__(self, folder):
        self.folder, self.bytes, self.headers = folder, {}, {}

    def record(self, witness):
        """The fields of a record, by name; None where it is not one of CSV or JSON Lines."""
        name = witness["file"]
        if name not in self.bytes:
            data = (self.folder / name).read_bytes()
            self.bytes[name] = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
        if not name.endswith((".csv", ".json", ".jsonl")):
            return None
        text = self.bytes[name][witness["offset"]:witness["offset"] + witness["size"]].decode()
        if name.endswith(".csv"):
            if name not in self.headers:
                self.headers[name] = next(csv.reader(io.StringIO(self.bytes[name].decode(), newline="")))
            return dict(zip(self.headers[name], next(csv.reader(io.StringIO(text, newline="")))))
        return flat(json.loads(text, parse_float=str, parse_int=str))


def flat(value, path=""):
    fields = {}
    for key, inner in value.items():
        name = f"{path}.{key}" if path else key
        fields.update(flat(inner, name) if isinstance(inner, dict) and inner else {name: inner})
    return fields


class Checker:
    def __init__(self, conversation, why, inputs):
        self.conversation, self.why, self.inputs, self.faults = conversation, why, inputs, []

    def fault(self, field, text):
        self.faults.append(f"{self.conversation['external_id']}.{field}: {text}")

    def check(self):
        explained = {field["field"]: field for field in self.why["fields"]}
        expected = {k: v for k, v in self.conversation.items() if k not in ("external_id", "metadata")}
        expected.update({f"metadata.{k}": v for k, v in self.conversation.get("metadata", {}).items()})
        for name, value in expected.items():
            if name not in explained:
                self.fault(name, "is not explained")
            elif explained[name]["value"] != value:
                self.fault(name, f"is {value!r}, explained is {explained[name]['value']!r}")
            else:
                self.check_field(name, explained[name])
        for name, field in explained.items():
            if name not in expected and field["value"] is not None:
                self.fault(name, "is explained, but not in the conversation")
        if not all(record["fate"] in ("written", "merged", "update", "superseded", "rejected", "filtered")
                   for record in self.why["records"]):
            self.fault("records", "one has no fate")
        return self.faults

    def check_field(self, name, field):
        witness = field["from"]
        rules = set(witness.get("rules", []))
        if witness.get("value") != field["value"]:
            return self.fault(name, f"the witness says {witness.get('value')!r}")
        if "of" in witness:
            self.check_operands(name, field["value"], witness)
        elif not rules & OF_NO_FIELD:
            self.check_source(name, witness, rules)
        for lost in field["lost"]:
            if not lost.get("verdict"):
                self.fault(name, f"{lost} has no verdict")
            if "field" in lost and "found" in lost:
                self.check_quote(name, lost)
        return self.check_rules(name, field, witness, rules)

    def check_source(self, name, witness, rules):
        if "field" not in witness or "record" not in witness:
            return self.fault(name, f"the witness names no field of a record: {witness}")
        if name.startswith("metadata."):
            return None
        self.check_quote(name, witness)
        same = not rules & OTHER_TEXT
        if name in TEXTS and same and witness["found"] != witness["value"]:
            self.fault(name, f"{witness['found']!r} became {witness['value']!r} without a rule")
        return None

    def check_quote(self, name, witness):
        fields = self.inputs.record(witness)
        if fields is None:
            return
        found = fields.get(witness["field"])
        if isinstance(found, bool):
            found = json.dumps(found)
        if not isinstance(found, (list, dict)) and found != witness["found"]:
            self.fault(name, f"{witness['field']!r} is {found!r} in the record, quoted is {witness['found']!r}")

    def check_operands(self, name, value, witness):
        operands = [one["value"] for one in witness["of"]]
        rules = set(witness["rules"])
        if "sum_of_durations" in rules and sum(Decimal(str(v)) for v in operands) != Decimal(str(value)):
            self.fault(name, f"{operands} do not add up to {value}")
        if "first_response" in rules and seconds(operands[1]) - seconds(operands[0]) != Decimal(str(value)):
            self.fault(name, f"{operands} are not {value} apart")
        if rules & {"first_touchpoint", "last_touchpoint"} and operands != [value]:
            self.fault(name, f"{operands} is not {value}")
        if "touchpoint_counts" in rules and len(operands) != sum(value.values()):
            self.fault(name, f"{len(operands)} touchpoints are named, not {value}")
        if "under_its_source" in rules and sorted(map(json.dumps, operands)) != sorted(map(json.dumps, value.values())):
            self.fault(name, f"{operands} are not the values of {value}")
        for operand in witness["of"]:
            record = self.why["records"][operand["record"] - 1]
            if (record["file"], record["offset"]) != (operand["file"], operand["offset"]):
                self.fault(name, f"[{operand['record']}] is another record")

    def check_rules(self, name, field, witness, rules):
        values = [lost["value"] for lost in field["lost"] if "value" in lost]
        if "only" in rules and values:
            self.fault(name, f"others say it too: {values}")
        if "undisputed" in rules and any(value != field["value"] for value in values):
            self.fault(name, f"others say otherwise: {values}")
        for lost in field["lost"]:
            why = set(lost.get("rules", []))
            if "same_value" in why and lost["value"] != field["value"]:
                self.fault(name, f"{lost['value']!r} is not the same")
            if name in TIMES and why & {"earliest", "earliest_of_sources"} and seconds(lost["value"]) < seconds(field["value"]):
                self.fault(name, f"{lost['value']} is earlier")
            if name in TIMES and "latest_of_sources" in why and seconds(lost["value"]) > seconds(field["value"]):
                self.fault(name, f"{lost['value']} is later")
            if "record" in lost and "record" in witness and lost["source"] == witness["source"]:
                self.check_order(name, why, witness, lost)

    def check_order(self, name, why, witness, lost):
        newer, older = (self.why["records"][w["record"] - 1] for w in (witness, lost))
        if "newest" in why and not seconds(newer["version"]) > seconds(older["version"]):
            self.fault(name, f"[{lost['record']}] is not older")
        if "later_in_input" in why and "version" in older:
            self.fault(name, f"[{lost['record']}] has an update time")
        if "equal_times" in why and newer["version"] != older["version"]:
            self.fault(name, f"[{lost['record']}] was not updated at the same time")


def crosswalk(args, folder, env, timeout=120):
    return subprocess.run(["crosswalk", *args], cwd=folder, env=env, capture_output=True, timeout=timeout)


def check_job(job, folder, env, most, pool):
    """The faults, and how many conversations there were; None: the job does not run by itself."""
    path = folder / job
    path.write_text(path.read_text() + '\n[[sink]]\ntype = "jsonl"\npath = "why-all.jsonl"\nupdates = "why-updates.jsonl"\n')
    if crosswalk(["run", "--quiet", job], folder, env).returncode not in (0, 3):
        return None, 0
    base = path.parent
    lines = [line for name in ("why-all.jsonl", "why-updates.jsonl") if (base / name).exists()
             for line in (base / name).read_text().splitlines()]
    inputs = Inputs(folder)

    def check(line):
        conversation = json.loads(line)
        answer = crosswalk(["why", "--quiet", "--json", job, conversation["external_id"]], folder, env)
        if answer.returncode != 0:
            return [f"{conversation['external_id']}: {answer.stderr.decode()}"]
        return Checker(conversation, json.loads(answer.stdout), inputs).check()

    step = max(1, -(-len(lines) // most)) if most else 1
    return [fault for faults in pool.map(check, lines[::step]) for fault in faults], len(lines[::step])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "crosswalk", help="the program under test")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only jobs whose name holds this")
    parser.add_argument("-j", "--jobs", type=int, default=2, metavar="N", help="conversations at a time")
    options = parser.parse_args()
    cases = sorted(path for path in (HERE / "cases" / "job").iterdir() if (path / "job.toml").exists())
    names = [name for name in ["examples", *(f"job/{case.name}" for case in cases)] if options.filter in name]
    tap = Tap(len(names))
    with ThreadPoolExecutor(options.jobs) as pool, tempfile.TemporaryDirectory() as scratch:
        env = environment(options.program.resolve(), Path(scratch))
        for name in names:
            folder = Path(scratch) / name.replace("/", "-")
            example = name == "examples"
            shutil.copytree(ROOT / "examples" if example else HERE / "cases" / name, folder, symlinks=True)
            faults, count = check_job("job.toml", folder, env, 0 if example else MOST, pool)
            if faults is None:
                tap.result(True, f"{name} # SKIP does not run by itself")
            else:
                tap.result(not faults, f"{name}: {count} conversations", faults[:20])
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
