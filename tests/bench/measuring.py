"""Runs programs, says what they took, and lays numbers out as tables."""
import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field


class Failed(Exception):
    """A program that did not do its work, and what it said."""


@dataclass
class Sample:
    """Seconds of one run."""

    wall: float
    processor: float


@dataclass
class Series:
    """The runs of one thing, one per round."""

    bytes: int
    records: int
    samples: list = field(default_factory=list)
    version: str = ""

    @property
    def wall(self):
        return statistics.median(sample.wall for sample in self.samples)

    @property
    def processor(self):
        return statistics.median(sample.processor for sample in self.samples)

    @property
    def rate(self):
        """MB of input per second."""
        return self.bytes / self.wall / 1e6

    @property
    def processor_rate(self):
        """MB of input per second of processor time."""
        return self.bytes / self.processor / 1e6 if self.processor else float("inf")

    def as_json(self):
        return {"version": self.version, "bytes": self.bytes, "records": self.records, "median_seconds": self.wall,
                "median_processor_seconds": self.processor, "megabytes_per_second": self.rate,
                "records_per_second": self.records / self.wall,
                "seconds": [sample.wall for sample in self.samples],
                "processor_seconds": [sample.processor for sample in self.samples]}


def last_line(text):
    lines = text.strip().splitlines()
    return lines[-1] if lines else "no reason was given"


def read_through(path):
    """Reads a file from start to end, so that whoever comes first finds it in the caches as the others do."""
    buffer = bytearray(1 << 20)
    with open(path, "rb", buffering=0) as data:
        while data.readinto(buffer):
            pass


def run(command, output=None, environment=None, exits=(0,)):
    """Runs a program from start to end; its standard output goes to the file `output`, or nowhere."""
    os.sync()  # what the last one left for the disk is not this one's time
    with open(output or os.devnull, "wb") as out:
        begin = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out,
                                   stderr=subprocess.PIPE, env={**os.environ, **(environment or {})})
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode not in exits:
        raise Failed(f"{command[0]} ended with {process.returncode}: {last_line(said.decode(errors='replace'))}")
    return Sample(wall, usage.ru_utime + usage.ru_stime)


def run_reporting(command):
    """Runs a peer that measures itself, without the start of its interpreter. Its version and a sample."""
    os.sync()
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise Failed(f"{command[0]} ended with {done.returncode}: {last_line(done.stderr)}")
    said = json.loads(last_line(done.stdout))
    return said["version"], Sample(said["wall"], said["processor"])


def in_turn(rounds, works, say=lambda text: None):
    """Calls each of `works` (name → function that gives a sample) once a round. Name → samples."""
    samples = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            say(f"round {number + 1} of {rounds}: {name}")
            samples[name].append(work())
    return samples


def table(head, rows):
    """Lines of a table for people; the first column to the left, numbers to the right."""
    rows = [[str(cell) for cell in row] for row in [head, *rows]]
    widths = [max(len(row[i]) for row in rows) for i in range(len(head))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if i == 0 else cell.rjust(width) for i, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return lines


def markdown(head, rows):
    """The same as Markdown."""
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    return lines + ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
