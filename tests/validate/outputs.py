"""Finds the outputs among the golden cases that are conversations or updates of them, for the judges beside this file."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
CASES = HERE.parent / "golden" / "cases"

# A first line with one of these keys, and none of the others, is meant to be a conversation or a body of them.
CONVERSATION_KEYS = {"external_id", "started_at", "conversations"}
OTHER_KEYS = {"code", "cure", "record", "sources", "read", "fate"}  # of a reject, of a summary, of a ledger


def is_conversations(data):
    """Whether an output is meant to be conversations: told by its first line, so that no later bad line is missed."""
    first = data.split(b"\n", 1)[0]
    try:
        value = json.loads(first)
    except ValueError:
        return False
    return isinstance(value, dict) and bool(CONVERSATION_KEYS & value.keys()) and not OTHER_KEYS & value.keys()


def is_updates(path):
    """Whether a file holds updates of conversations that are not in the run: by its name, since an update may be as short
    as a conversation that lacks something."""
    return path.name.endswith("updates.jsonl")


def find(cases=CASES):
    """The files of conversations. A case whose output only looks like conversations holds a file `not-conversations`."""
    candidates = [*cases.rglob("expected"), *cases.rglob("expected.d/**/*.json*")]
    return sorted(path for path in candidates if path.is_file() and not is_updates(path) and not exempt(path, cases)
                  and is_conversations(path.read_bytes()))


def find_updates(cases=CASES):
    return sorted(path for path in cases.rglob("expected.d/**/*updates.jsonl") if path.is_file() and path.read_bytes())


def exempt(path, cases):
    return any((folder / "not-conversations").exists() for folder in path.parents if cases in (folder, *folder.parents))


def lines_of(path):
    """(line number, bytes) of each line; JSON Lines end with a line end."""
    data = path.read_bytes()
    return list(enumerate(data.removesuffix(b"\n").split(b"\n"), 1)) if data else []
