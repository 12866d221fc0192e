#!/usr/bin/env python3
"""Golden cases: runs each, compares bytes, speaks TAP 13.

A case is a folder below cases/, at any depth, that holds a file `cmd`. Adding one edits nothing else.

    cmd             shell lines, run by `bash -e` in a temporary copy of the folder; `crosswalk` is the built program,
                    $EXAMPLES the example exports (as the relative path `examples`, so that it may stand in outputs),
                    $BUILD the folder of the build (absolute: must not stand in outputs); Python finds the modules in
                    shared/
    expected        what comes on standard output; no file means nothing
    expected.err    what comes on standard error; no file means that it is not looked at
    expected.exit   the exit code; no file means 0
    expected.d/     files that `cmd` must have written, by name
    not-isolated    why the case is left out with --isolate
    filter.sed      `sed -E` rules for what no run can repeat (seconds, rates): applied to standard error and to
                    files of expected.d/ whose name begins with `summary`; standard output is never filtered

`--accept` writes what came out as what is expected; then look at it with `git diff`.
"""

import argparse
import difflib
import locale
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

# What a case may know of the machine. All else is left out, so that no setting of a user's shell can change a result.
PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH", "LOCPATH", "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS",
             "TSAN_OPTIONS", "MALLOC_PERTURB_")
OURS = ("cmd", "expected", "expected.err", "expected.exit", "expected.d", "filter.sed", "not-isolated")
DIFF_LINES = 60


# --- the surroundings of a run ---------------------------------------------------------------------------------------


# As the program, with its adapters in processes of their own.
ISOLATED = """#!/bin/sh
case ${{1-}} in
  translate|run|plan|why|deliver|replay) verb=$1; shift; exec {program} "$verb" --isolate "$@" ;;
esac
exec {program} "$@"
"""


def environment(program, home, locale_name="C", zone="UTC", isolate=False):
    """Nothing of the caller's environment but the least; `crosswalk` found first."""
    env = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    folder = folder_with_isolated(program, home) if isolate else folder_with_crosswalk(program, home)
    env["PATH"] = os.pathsep.join([str(folder), env.get("PATH", os.defpath)])
    env.update(HOME=str(home), LC_ALL=locale_name, LANG=locale_name, TZ=zone)
    env.update(PYTHONPATH=str(HERE / "shared"), PYTHONDONTWRITEBYTECODE="1")
    return env


def folder_with_crosswalk(program, home):
    """A folder for PATH in which the program is called `crosswalk`."""
    if program.name == "crosswalk":
        return program.parent
    folder = home / "bin"
    folder.mkdir(exist_ok=True)
    link = folder / "crosswalk"
    if not link.is_symlink():
        link.symlink_to(program)
    return folder


def folder_with_isolated(program, home):
    folder = home / "isolated"
    folder.mkdir(exist_ok=True)
    script = folder / "crosswalk"
    script.write_text(ISOLATED.format(program=shlex.quote(str(program))))
    script.chmod(0o755)
    return folder


def locale_exists(name):
    before = locale.setlocale(locale.LC_ALL)
    try:
        locale.setlocale(locale.LC_ALL, name)
    except locale.Error:
        return False
    locale.setlocale(locale.LC_ALL, before)
    return True


def run_shell(script, folder, env, timeout, stderr=subprocess.PIPE):
    """Runs shell lines; returns (exit code or None when the time was up, standard output, standard error)."""
    process = subprocess.Popen(["bash", "-e", "-c", script], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=stderr, start_new_session=True)
    try:
        out, err = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)  # the whole group: what bash started holds our pipes open
        process.communicate()
        return None, b"", b""
    code = process.returncode if process.returncode >= 0 else 128 - process.returncode
    return code, out, err


# --- one case --------------------------------------------------------------------------------------------------------


@dataclass
class Case:
    name: str
    folder: Path

    def read(self, name):
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None

    def exit_code(self):
        text = self.read("expected.exit")
        return 0 if text is None else int(text)

    def expected_files(self):
        """Names below expected.d/."""
        folder = self.folder / "expected.d"
        return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@dataclass
class Outcome:
    out: bytes = b""
    err: bytes = b""
    code: int = 0
    files: dict = field(default_factory=dict)  # name in expected.d/ → bytes, None when the command did not write it
    trouble: str = ""                          # why there is no outcome at all


def find_cases(folder, wanted):
    cases = [Case(str(cmd.parent.relative_to(folder)), cmd.parent) for cmd in folder.rglob("cmd") if cmd.is_file()]
    return sorted((case for case in cases if wanted in case.name), key=lambda case: case.name)


def filtered(case, data):
    """The bytes after filter.sed, if the case has one."""
    rules = case.folder / "filter.sed"
    if data is None or not rules.is_file():
        return data
    done = subprocess.run(["sed", "-E", "-f", str(rules)], input=data, stdout=subprocess.PIPE,
                          env={**os.environ, "LC_ALL": "C"}, check=True)
    return done.stdout


def copy_case(case, to, examples):
    """The case as the command sees it: its inputs, not what is expected of it."""
    def ours(folder, names):
        return [name for name in names if Path(folder) == case.folder and name in OURS]
    shutil.copytree(case.folder, to, ignore=ours)
    if examples is not None and not (to / "examples").exists():
        (to / "examples").symlink_to(examples)


def run_case(case, options):
    with tempfile.TemporaryDirectory(prefix="crosswalk-golden-") as temporary:
        home, work = Path(temporary) / "home", Path(temporary) / "case"
        home.mkdir()
        copy_case(case, work, options.examples)
        env = environment(options.program, home, options.locale, options.tz, options.isolate)
        env.update(EXAMPLES="examples", BUILD=str(options.build))
        code, out, err = run_shell(case.read("cmd").decode(), work, env, options.timeout)
        if code is None:
            return Outcome(trouble=f"still running after {options.timeout:g} s")
        files = {name: read_written(case, work / name) for name in case.expected_files()}
        return Outcome(out, filtered(case, err), code, files)


def read_written(case, path):
    if not path.is_file():
        return None
    data = path.read_bytes()
    return filtered(case, data) if path.name.startswith("summary") else data


# --- comparing -------------------------------------------------------------------------------------------------------


def visible(line):
    """A line of a diff as it may go to a terminal: what cannot be seen is spelled out."""
    text = line.decode("utf-8", "backslashreplace").rstrip("\n")
    return "".join(c if c.isprintable() or c == "\t" else c.encode("unicode_escape").decode() for c in text)


def difference(name, expected, found):
    """The diagnostic lines for one stream or file; none when the bytes are the same."""
    if expected == found:
        return []
    if found is None:
        return [f"{name}: was not written"]
    lines = [data.splitlines(keepends=True) for data in (expected, found)]
    for side in lines:
        if side and not side[-1].endswith(b"\n"):
            side[-1] += b" (no line end here)"
    diff = [visible(line) for line in difflib.diff_bytes(difflib.unified_diff, *lines, b"expected", b"found", n=2)]
    diff = [f"{name}:", *diff]
    if len(diff) > DIFF_LINES:
        diff[DIFF_LINES:] = [f"… {len(diff) - DIFF_LINES} more lines of difference"]
    return diff


def differences(case, outcome):
    if outcome.trouble:
        return [outcome.trouble]
    lines = difference("standard output", case.read("expected") or b"", outcome.out)
    err = case.read("expected.err")
    if err is not None:
        lines += difference("standard error", err, outcome.err)
    if outcome.code != case.exit_code():
        lines.append(f"exit code: expected {case.exit_code()}, found {outcome.code}")
        if err is None:  # or nobody sees why
            lines += [f"standard error: {visible(line)}" for line in outcome.err.splitlines()[:10]]
    for name, found in outcome.files.items():
        lines += difference(f"expected.d/{name}", case.read(f"expected.d/{name}"), found)
    return lines


def accept(case, outcome):
    """Writes what was found as what is expected: what has a file already, or is not empty. Returns the names."""
    found = {"expected": outcome.out, "expected.err": outcome.err,
             "expected.exit": f"{outcome.code}\n".encode() if outcome.code else b""}
    found.update({f"expected.d/{name}": data for name, data in outcome.files.items() if data is not None})
    changed = []
    for name, data in found.items():
        path, before = case.folder / name, case.read(name)
        if before == data or (before is None and not data):
            continue
        if name == "expected.exit" and not data:
            path.unlink()
        else:
            path.write_bytes(data)
        changed.append(name)
    return changed


# --- TAP -------------------------------------------------------------------------------------------------------------


class Tap:
    """Writes TAP 13."""

    def __init__(self, count):
        self.number = self.failed = 0
        print(f"TAP version 13\n1..{count}" + ("" if count else " # SKIP no such case"), flush=True)

    def result(self, good, name, diagnostics=()):
        self.number += 1
        self.failed += not good
        name = name.replace("#", "\\#")
        lines = [f"{'ok' if good else 'not ok'} {self.number} - {name}"] + [f"# {line}" for line in diagnostics]
        sys.stdout.buffer.write("".join(line + "\n" for line in lines).encode())
        sys.stdout.flush()

    def comment(self, text):
        print(f"# {text}", flush=True)


def judge(case, options):
    outcome = run_case(case, options)
    if options.accept and not outcome.trouble:
        changed = [f"wrote {name}" for name in accept(case, outcome)]
        missing = [f"expected.d/{name}: was not written" for name, data in outcome.files.items() if data is None]
        return not missing, changed + missing
    lines = differences(case, outcome)
    return not lines, lines


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=ROOT / "build" / "crosswalk", help="the program under test")
    parser.add_argument("--build", type=Path, help="the folder of the build; default: where the program is")
    parser.add_argument("--examples", type=Path, default=ROOT / "examples", help="the example exports")
    parser.add_argument("--cases", type=Path, default=HERE / "cases", help="the folder of cases")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only cases whose name holds this")
    parser.add_argument("--accept", action="store_true", help="write what is found as what is expected")
    parser.add_argument("-j", "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="cases at a time")
    parser.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds a case may take")
    parser.add_argument("--locale", default="C", help="LC_ALL of the cases; bytes must not depend on it")
    parser.add_argument("--tz", default="UTC", help="TZ of the cases; bytes must not depend on it")
    parser.add_argument("--isolate", action="store_true", help="with --isolate; bytes must not depend on it")
    options = parser.parse_args()
    if options.accept and options.isolate:
        parser.error("--accept goes without --isolate")
    if options.accept and (options.locale, options.tz) != ("C", "UTC"):
        parser.error("--accept goes with the fixed surroundings only: leave out --locale and --tz")
    options.program, options.cases = options.program.resolve(), options.cases.resolve()
    options.examples = options.examples.resolve()
    options.build = (options.build or options.program.parent).resolve()
    if not os.access(options.program, os.X_OK):
        parser.error(f"there is no program {options.program}: build it, or name it with --program")
    return options


def main():
    options = arguments()
    cases = find_cases(options.cases, options.filter)
    if options.isolate:
        cases = [case for case in cases if case.read("not-isolated") is None]
    tap = Tap(len(cases))
    if not locale_exists(options.locale):
        tap.comment(f"SKIP {options.locale}: no such locale on this machine, so LC_ALL is C; TZ is {options.tz}")
        options.locale = "C"
    with ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for case, (good, lines) in zip(cases, pool.map(lambda case: judge(case, options), cases)):
            tap.result(good, case.name, lines)
    if tap.failed:
        tap.comment(f"{tap.failed} of {len(cases)} cases failed; run.py --accept takes what was found as right")
    return 1 if tap.failed else 0


if __name__ == "__main__":
    sys.exit(main())
