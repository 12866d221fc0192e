#!/usr/bin/env python3
"""Runs the commands that the documentation shows, and compares what they print with what it says they print.

In README.md and docs/*.md, a fenced block that follows a line `<!-- run -->` is run:

    <!-- run -->
    ```sh
    $ crosswalk translate examples/zendesk/tickets.csv \\
        --output out.jsonl
    what it prints, on standard output or standard error
    ```

A line that begins with `$ ` is a command (a backslash at its end continues it); the lines up to the next command are
its output. `…` stands for what cannot be said beforehand: alone on a line for any number of lines, within a line for
any text. A command must succeed; `<!-- run exit=3 -->` says that the block's last one ends with that code. The blocks
of a page run in order in one temporary folder that holds a copy of `examples/`, and `build/` with the program. Speaks
TAP 13; `--accept` rewrites the outputs that differ, in place.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

sys.dont_write_bytecode = True  # no __pycache__ in the source tree

from run import ROOT, Tap, difference, environment, run_shell

MARK = re.compile(r"<!-- run(?: exit=(\d+))? -->")


@dataclass
class Step:
    """A command and what the page says it prints."""

    command: list              # lines as they stand in the page, the first with its `$ `
    output: list = field(default_factory=list)

    def script(self):
        return "\n".join([self.command[0][2:], *self.command[1:]])


@dataclass
class Block:
    line: int   # of the opening fence, from 1
    first: int  # index of the first line inside
    end: int    # index of the closing fence
    steps: list
    code: int   # exit code of the last step


def parse_steps(page, place, lines):
    steps = []
    for line in lines:
        if line.startswith("$ "):
            steps.append(Step([line]))
        elif not steps:
            raise SystemExit(f"{page}:{place}: the block is marked to be run, but does not begin with `$ `")
        elif not steps[-1].output and steps[-1].command[-1].endswith("\\"):
            steps[-1].command.append(line)
        else:
            steps[-1].output.append(line)
    return steps


def find_blocks(page, lines):
    """The blocks of a page that are to be run. A mark stands right before its block, blank lines aside."""
    blocks, at, mark = [], 0, None
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("```"):
            first, end = at, at
            while end < len(lines) and not lines[end].startswith("```"):
                end += 1
            if end == len(lines):
                raise SystemExit(f"{page}:{first}: this block is not closed")
            if mark is not None:
                steps = parse_steps(page, first, lines[first:end])
                blocks.append(Block(first, first, end, steps, int(mark[1] or 0)))
            mark, at = None, end + 1
        elif line.strip():
            if mark is not None:
                raise SystemExit(f"{page}:{at}: `{mark[0]}` is not followed by a fenced block")
            mark = MARK.fullmatch(line.strip())
    return blocks


def line_pattern(line):
    """A regular expression for one line of the page, with its line end."""
    if line.strip() == "…":
        return "(?:[^\n]*\n)*"
    return "[^\n]*".join(re.escape(part) for part in line.split("…")) + "\n"


def matches(wanted, found):
    """Whether the lines found are those of the page, `…` standing for anything."""
    pattern = "".join(map(line_pattern, wanted))
    return re.fullmatch(pattern, "".join(line + "\n" for line in found)) is not None


def run_step(step, folder, env, timeout):
    code, out, _ = run_shell(step.script(), folder, env, timeout, stderr=subprocess.STDOUT)
    if code is None:
        return [f"still running after {timeout:g} s"], None
    return out.decode("utf-8", "backslashreplace").splitlines(), code


def run_block(block, folder, env, options):
    """Runs the steps; returns the diagnostics, and puts what was found into the steps when it is to be accepted."""
    trouble = []
    for step in block.steps:
        found, code = run_step(step, folder, env, options.timeout)
        wanted_code = block.code if step is block.steps[-1] else 0
        if code != wanted_code:
            trouble += [f"{step.command[0]}", f"exit code: expected {wanted_code}, found {code}", *found[-10:]]
        elif not matches(step.output, found):
            if options.accept:
                step.output = found
            else:
                as_bytes = ["".join(line + "\n" for line in lines).encode() for lines in (step.output, found)]
                trouble += difference(step.command[0], *as_bytes)
    return trouble


def run_page(path, tap, options):
    name = str(path.relative_to(options.root))
    lines = path.read_text(encoding="utf-8").split("\n")
    blocks = find_blocks(name, lines)
    with tempfile.TemporaryDirectory(prefix="crosswalk-docs-") as temporary:
        home, folder = Path(temporary) / "home", Path(temporary) / "crosswalk"
        home.mkdir()
        folder.mkdir()
        shutil.copytree(options.root / "examples", folder / "examples")
        (folder / "build").symlink_to(options.program.parent)
        env = environment(options.program, home)
        for block in blocks:
            trouble = run_block(block, folder, env, options)
            first = block.steps[0].command[0][2:] if block.steps else "(empty)"
            tap.result(not trouble, f"{name}:{block.line} {first}", trouble)
    if options.accept:
        rewrite(path, lines, blocks)


def rewrite(path, lines, blocks):
    for block in reversed(blocks):  # from the end, so that the line numbers before stay true
        lines[block.first:block.end] = [line for step in block.steps for line in step.command + step.output]
    text = "\n".join(lines)
    if text != path.read_text(encoding="utf-8"):
        path.write_text(text, encoding="utf-8")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pages", nargs="*", type=Path, help="pages; without any: README.md and docs/*.md")
    parser.add_argument("--program", type=Path, help="the program; without it: build/crosswalk below the root")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    parser.add_argument("--accept", action="store_true", help="rewrite the outputs that differ")
    parser.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds a command may take")
    options = parser.parse_args()
    options.root = options.root.resolve()
    options.program = (options.program or options.root / "build" / "crosswalk").resolve()
    if not os.access(options.program, os.X_OK):
        parser.error(f"there is no program {options.program}: build it, or name it with --program")
    pages = options.pages or [options.root / "README.md", *sorted((options.root / "docs").glob("**/*.md"))]
    options.pages = [page.resolve() for page in pages if page.is_file()]
    return options


def main():
    options = arguments()
    count = sum(len(find_blocks(page, page.read_text(encoding="utf-8").split("\n"))) for page in options.pages)
    tap = Tap(count)
    for page in options.pages:
        run_page(page, tap, options)
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
