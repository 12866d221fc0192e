#!/usr/bin/env python3
"""An independent judge of what Crosswalk writes: every golden output that is conversations, or updates of some, against

- our strict schema (conversation-input.schema.json, conversation-update.schema.json), with formats asserted,
- the schema of the API (conversations.openapi.yaml; needs PyYAML, else left out with a word),
- the form that the program promises: keys in the schema's order, none twice, UTC with `Z`, plain numbers, bodies of at
  most 500, text that is Unicode.

    validate.py [FILE…]         without files: the outputs of the golden cases
    validate.py --job PROGRAM   all that the job of examples/ writes

Speaks TAP 13, a result for each file. Needs Python's jsonschema; without it everything is skipped.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

sys.dont_write_bytecode = True

import outputs

try:
    import jsonschema
except ImportError:
    jsonschema = None
try:
    import yaml
except ImportError:
    yaml = None

HERE = Path(__file__).resolve().parent
MAX_BODY = 500
MAX_SHOWN = 20

RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)")
OUR_TIME = re.compile(r"[^.]*(\.\d*[1-9])?Z")
PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")


# --- the schemas -----------------------------------------------------------------------------------------------------


def is_date_time(value):
    """RFC 3339, section 5.6; a leap second is refused, since we write none."""
    if not isinstance(value, str):
        return True
    match = RFC3339.fullmatch(value)
    if match is None:
        return False
    try:
        date(*map(int, match.groups()[:3]))
    except ValueError:
        return False
    return True


def make_validator(schema):
    formats = jsonschema.FormatChecker(formats=())
    formats.checks("date-time")(is_date_time)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema, format_checker=formats)


def validators(strict_name, api_name):
    """(name, validator) of each schema that can be read here."""
    strict = json.loads((HERE / strict_name).read_text(encoding="utf-8"))
    found = [("strict schema", make_validator(strict))]
    if yaml is not None:
        api = yaml.safe_load((HERE / "conversations.openapi.yaml").read_text(encoding="utf-8"))
        found.append(("API schema", make_validator(api["components"]["schemas"][api_name])))
    return found


# --- the form --------------------------------------------------------------------------------------------------------


class Fraction(float):
    """A number with a point or an exponent, and how it was written."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number


def parse(text):
    """(value, complaints) of a line: keys that come twice are seen here and nowhere later."""
    complaints = []

    def to_object(pairs):
        names = [name for name, _ in pairs]
        complaints.extend(f"the key {name!r} comes twice" for name in sorted(set(names)) if names.count(name) > 1)
        return dict(pairs)

    def refuse(name):
        raise ValueError(f"{name} is no JSON")

    value = json.loads(text, object_pairs_hook=to_object, parse_float=Fraction, parse_constant=refuse)
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        complaints.append("half a surrogate pair stands in a text")
    return value, complaints


def check_form(conversation, order):
    complaints = []
    known = [name for name in conversation if name in order]
    if known != sorted(known, key=order.index):
        complaints.append("the keys are not in the schema's order")
    for name, value in conversation.items():  # metadata may hold numbers as its source wrote them
        if isinstance(value, Fraction) and not PLAIN_NUMBER.fullmatch(value.text):
            complaints.append(f"{name} is written {value.text}, not plainly")
    for name in ("started_at", "ended_at"):
        value = conversation.get(name)
        if isinstance(value, str) and not OUR_TIME.fullmatch(value):
            complaints.append(f"{name} {value!r} is not in UTC with `Z`, or ends its fraction with a zero")
    return complaints


# --- files -----------------------------------------------------------------------------------------------------------


def conversations_of(value):
    """The conversations of a line, which is one or a body of many, and what is wrong with the body."""
    if not isinstance(value, dict) or "conversations" not in value:
        return [value], []
    batch, complaints = value["conversations"], []
    if list(value) != ["conversations"] or not isinstance(batch, list):
        return [], ["the body is not {\"conversations\": […]} and nothing else"]
    if not 1 <= len(batch) <= MAX_BODY:
        complaints.append(f"the body has {len(batch)} conversations; 1 to {MAX_BODY} may be sent at once")
    return batch, complaints


def judge_conversation(conversation, judges):
    complaints = []
    for name, validator in judges:
        for error in validator.iter_errors(conversation):
            where = "/".join(map(str, error.absolute_path)) or "the conversation"
            complaints.append(f"{name}: {where}: {error.message[:200]}")
    if isinstance(conversation, dict):
        complaints += check_form(conversation, list(judges[0][1].schema["properties"]))
    return complaints


def judge_file(path, judges):
    """(number of conversations, complaints)"""
    count, complaints = 0, []
    if not path.read_bytes().endswith(b"\n"):
        complaints.append("the last line has no end")
    for number, line in outputs.lines_of(path):
        try:
            value, found = parse(line.decode())
        except ValueError as error:  # UnicodeDecodeError is one too
            complaints.append(f"line {number}: no JSON in UTF-8: {error}")
            continue
        batch, more = conversations_of(value)
        found += more
        for conversation in batch:
            found += judge_conversation(conversation, judges)
        count += len(batch)
        complaints += [f"line {number}: {text}" for text in found]
    return count, complaints


def job_outputs(program, folder):
    """Runs the examples' job, with a sink of bodies beside its own; gives the files that are for the API."""
    shutil.copytree(HERE.parent.parent / "examples", folder / "job", ignore=shutil.ignore_patterns("out"))
    job = folder / "job" / "job.toml"
    bodies = '\n[[sink]]\ntype = "bulk"\npath = "out/bodies.jsonl"\nupdates = "out/bodies.updates.jsonl"\n'
    job.write_text(job.read_text(encoding="utf-8") + bodies, encoding="utf-8")
    done = subprocess.run([program, "run", "--quiet", job], stderr=subprocess.PIPE)
    if done.returncode not in (0, 3):  # 3: some records are rejected, as they must be
        raise SystemExit(f"Bail out! the examples' job ends with {done.returncode}: {done.stderr.decode()}")
    return sorted(path for path in (folder / "job" / "out").glob("*.jsonl") if path.name != "rejects.jsonl")


def report(number, path, count, complaints):
    what = "updates" if outputs.is_updates(path) else "conversations"
    print(f"{'not ok' if complaints else 'ok'} {number} - {path} ({count} {what})")
    for text in complaints[:MAX_SHOWN]:
        print("# " + text.encode("utf-8", "backslashreplace").decode().replace("\n", " "))
    if len(complaints) > MAX_SHOWN:
        print(f"# … {len(complaints) - MAX_SHOWN} more")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="JSON Lines of conversations, or of bulk bodies")
    parser.add_argument("--cases", type=Path, default=outputs.CASES, help="the golden cases")
    parser.add_argument("--job", type=Path, metavar="PROGRAM", help="judge what this program makes of the examples' job")
    options = parser.parse_args()
    sys.stdout.reconfigure(encoding="utf-8")
    print("TAP version 13")
    if jsonschema is None or not hasattr(jsonschema, "Draft202012Validator"):
        print("1..0 # SKIP Python's jsonschema (4.0 or later) is not installed: apt install python3-jsonschema")
        return 0
    with tempfile.TemporaryDirectory(prefix="crosswalk-validate-") as temporary:
        cases = options.cases.resolve()
        if options.job:
            options.files = job_outputs(options.job.resolve(), Path(temporary))
        return judge_files(options.files or outputs.find(cases) + outputs.find_updates(cases), options)


def judge_files(files, options):
    print(f"1..{len(files)}" + ("" if files else " # SKIP no golden output is conversations"))
    if yaml is None:
        print("# PyYAML is not installed, so the API schema is left out here: apt install python3-yaml")
    inputs = validators("conversation-input.schema.json", "ConversationInput")
    updates = validators("conversation-update.schema.json", "ConversationUpdate")
    failed = False
    for number, path in enumerate(files, 1):
        shown = path.relative_to(options.cases) if path.is_relative_to(options.cases) else path
        shown = Path(path.name) if options.job else shown
        count, complaints = judge_file(path, updates if outputs.is_updates(path) else inputs)
        report(number, shown, count, complaints)
        failed |= bool(complaints)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
