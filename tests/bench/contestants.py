"""The programs that do the same works: how each is called, and where it comes from."""
import os
import shutil
import subprocess
import sys
import venv
from dataclasses import dataclass
from pathlib import Path

from measuring import Failed, last_line, run, run_reporting

HERE = Path(__file__).parent
PEERS = HERE / "peers"


@dataclass(frozen=True)
class Work:
    name: str
    title: str
    kind: str          # what bench-data is asked for
    arguments: tuple   # ours
    by_id: bool = False  # outputs come in an order of the program's own

    def data_name(self, count):
        return f"{self.kind}-{count}." + ("csv" if self.kind == "zendesk" else "jsonl")


ZONE = ("--time-zone", "Pacific Time (US & Canada)")
WORKS = (
    Work("zendesk", "Zendesk CSV → JSON Lines, six columns in metadata", "zendesk",
         (*ZONE, "--set", "metadata=Requester email,Priority,Tags,Organization,Ticket type,Updated at")),
    Work("zendesk-all", "Zendesk CSV → JSON Lines, all columns in metadata", "zendesk", ZONE),
    Work("asapp", "ASAPP JSON Lines → JSON Lines, fold=false", "asapp", ("--set", "fold=false")),
    Work("inbox", "inbox activities → conversations", "inbox", (), by_id=True),
)


class Contestant:
    """A program that does some of the works."""

    name = ""
    works = ()
    slow = False      # runs on a tenth of the data, on one thread, to nowhere; its rate is compared
    parallel = False  # can be told how many threads to use
    compared = True   # has an output
    left_out = ""     # why it does not take part

    def run(self, work, data, output, threads):
        """Does a work; its version and a sample."""
        raise NotImplementedError


class Ours(Contestant):
    name = "crosswalk"
    works = tuple(work.name for work in WORKS)
    parallel = True
    compared = False

    def __init__(self, program):
        self.program = program
        self.version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout.split()[-1]

    def command(self, work, data, output, threads, *more):
        return [self.program, "translate", "--quiet", "--jobs", threads, "--output", output, *work.arguments, *more, *data]

    def run(self, work, data, output, threads):
        return self.version, run(self.command(work, [data], output, threads), exits=(0, 3))


class Script(Contestant):
    """A peer of Python, which measures itself."""

    def __init__(self, name, script, works, interpreter, parallel=False, slow=False):
        self.name, self.works, self.parallel, self.slow = name, works, parallel, slow
        self.script, self.interpreter = PEERS / script, interpreter

    def run(self, work, data, output, threads):
        return run_reporting([self.interpreter, "-B", self.script, work.name, data, output, threads])


class Tool(Contestant):
    """A peer that is a program of its own and writes to standard output."""

    slow = True

    def __init__(self, name, program, commands):
        self.name, self.works, self.commands = name, tuple(commands), commands
        if shutil.which(program) is None:
            self.left_out = f"{program} is not installed"
            return
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        self.version = said.split()[-1].removeprefix("jq-").removeprefix("v")

    def run(self, work, data, output, threads):
        environment = {"GOMAXPROCS": str(threads)}
        return self.version, run([*self.commands[work.name], data], output, environment)


class Bare(Contestant):
    """What reading the file costs at least: no work is done."""

    compared = False

    def __init__(self, name, program, works):
        self.name, self.works, self.program = name, tuple(works), program
        self.kinds = works

    def run(self, work, data, output, threads):
        return run_reporting([self.program, self.kinds[work.name], data])


def install(folder, package):
    """An environment of its own for a package; its interpreter, or why there is none."""
    environment = Path(folder) / package
    interpreter = environment / "bin" / "python"
    try:
        if not interpreter.exists():
            venv.create(environment, with_pip=True)
        subprocess.run([interpreter, "-m", "pip", "install", "-q", package], check=True, capture_output=True, text=True)
    except (subprocess.CalledProcessError, OSError) as error:
        # What an earlier run installed will do where there is no network.
        if interpreter.exists() and subprocess.run([interpreter, "-c", f"import {package}"], capture_output=True).returncode == 0:
            return interpreter, ""
        return None, last_line(getattr(error, "stderr", "") or str(error))
    return interpreter, ""


def packaged(name, package, works, folder):
    interpreter, reason = install(folder, package)
    peer = Script(name, f"{package}_peer.py", works, interpreter, parallel=True)
    peer.left_out = reason
    return peer


def all_contestants(program, folder):
    """Ours first."""
    rows = ("zendesk", "zendesk-all", "asapp")
    bare = Path(program).parent / "tests" / "bench" / "bare"
    miller = ["mlr", "--ojsonl", "--no-auto-flatten", "--no-auto-unflatten"]
    contestants = [
        Ours(program),
        packaged("DuckDB", "duckdb", (*rows, "inbox"), folder),
        packaged("Polars", "polars", rows, folder),
        Script("Python", "python_peer.py", (*rows, "inbox"), sys.executable, slow=True),
        Tool("Miller", "mlr", {
            "zendesk": [*miller, "--icsv", "put", "-f", PEERS / "zendesk.mlr"],
            "asapp": [*miller, "--ijsonl", "put", "-f", PEERS / "asapp.mlr"],
        }),
        Tool("jq", "jq", {"asapp": ["jq", "-c", "-f", PEERS / "asapp.jq"]}),
        Bare("bare tokenizing", bare, {"zendesk": "csv", "zendesk-all": "csv"}),
        Bare("simdjson alone", bare, {"asapp": "json", "inbox": "json"}),
    ]
    if not os.access(bare, os.X_OK):
        for contestant in contestants[-2:]:
            contestant.left_out = f"{bare.name} is not built"
    return contestants


