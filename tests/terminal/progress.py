#!/usr/bin/env python3
"""The progress line: on a terminal after two seconds, gone at the end; nowhere else. Speaks TAP 13.

    progress.py CROSSWALK
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

CLEAR = "\x1b[K"
LINE = re.compile(r"\r(slow: [^\r\x1b]*)\x1b\[K")
CHUNK = "".join(json.dumps({"externalId": f"{i}", "timestamp": "2025-01-01T00:00:00Z", "metadata": {"note": "x" * 900}}) + "\n"
                for i in range(400)).encode()  # more than a block


class Terminal:
    """A terminal that remembers what it was sent."""

    def __init__(self, columns=100):
        self.master, self.slave = pty.openpty()
        fcntl.ioctl(self.slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        attributes = termios.tcgetattr(self.slave)
        attributes[1] &= ~termios.OPOST  # line feeds as they are
        termios.tcsetattr(self.slave, termios.TCSANOW, attributes)
        self.sent = b""
        self.done = False
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        while True:
            ready, _, _ = select.select([self.master], [], [], 0.05)
            if ready:
                self.sent += os.read(self.master, 65536)
            elif self.done:
                return

    def finish(self):
        self.done = True
        self.reader.join()
        os.close(self.master)
        os.close(self.slave)
        return self.sent.decode()


def screen(sent):
    """What a terminal shows at the end: carriage returns and erasing done."""
    lines = []
    for line in sent.split("\n"):
        shown, at = "", 0
        for part in re.split(r"(\r|\x1b\[K)", line):
            if part == "\r":
                at = 0
            elif part == CLEAR:
                shown = shown[:at]
            else:
                shown = shown[:at] + part + shown[at + len(part):]
                at += len(part)
        lines.append(shown)
    return "\n".join(lines)


def feed(pipe, seconds, shown, last):
    """Input that takes its time: `seconds`, and as long as it takes until `shown()`, but for a minute at most."""
    try:
        begin = time.monotonic()
        while True:
            pipe.write(CHUNK)
            pipe.flush()
            passed = time.monotonic() - begin
            if passed >= seconds and (shown() or passed >= 60):
                break
            time.sleep(0.1)
        pipe.write(last)
        pipe.close()
    except BrokenPipeError:
        pass


def run(program, folder, name, *more, seconds=3.0, lines=0, terminal=None, stdout_too=False, last=b"", variables=None,
        interrupt=False):
    """One run; gives its exit code, what standard error got, what standard output got, and what stands in the file.

    Its input ends after `seconds`, or once `lines` of progress were drawn (a loaded machine draws them later); `interrupt`
    sends ^C instead."""
    shown = lambda: not lines or len(LINE.findall(terminal.sent.decode(errors="replace"))) >= lines  # noqa: E731
    out = folder / f"{name}.jsonl"
    output = [] if stdout_too else ["--output", str(out)]
    command = [program, "translate", "--adapter", "asapp", "--source", "slow", *output, *more, "-"]
    err = terminal.slave if terminal else subprocess.PIPE
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=err, stdout=terminal.slave if stdout_too else subprocess.PIPE,
                             env={**os.environ, "TERM": "xterm", **(variables or {})})
    until_interrupted = threading.Event()
    feeder = threading.Thread(target=feed, args=(child.stdin, seconds, until_interrupted.is_set if interrupt else shown, last))
    feeder.start()
    if interrupt:
        give_up = time.monotonic() + 60
        while not shown() and time.monotonic() < give_up:
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        time.sleep(0.5)
        until_interrupted.set()
    printed = child.stdout.read() if child.stdout else b""
    said = child.stderr.read().decode() if child.stderr else ""
    code = child.wait()
    feeder.join()
    if terminal:
        said = terminal.finish()
    return code, said, printed, out.read_bytes() if out.exists() else None


SUMMARY = re.compile(r"slow: [\d,]+ read = [\d,]+ translated \+ 0 filtered \+ 0 rejected\n(  .*\n)*")


def on_a_terminal(program, folder):
    begin = time.monotonic()
    code, said, printed, data = run(program, folder, "terminal", lines=3, terminal=Terminal())
    took = time.monotonic() - begin
    drawn = LINE.findall(said)
    yield "it shows", code == 0 and len(drawn) >= 3, said
    yield "at most ten times a second", len(drawn) <= 10 * (took - 2) + 5, len(drawn)
    yield "records, bytes and rate", all(re.fullmatch(r"slow: [\d.]+ k records, [\d.]+ MB, [\d.]+ [kM]B/s", d) for d in drawn), drawn
    yield "nothing of it stays", SUMMARY.fullmatch(screen(said)) is not None, repr(screen(said))
    lines = [json.loads(line) for line in data.splitlines()]
    yield "no trace in the output", printed == b"" and len(lines) == 400 and b"\x1b" not in data, len(lines)


def elsewhere(program, folder):
    code, said, printed, _ = run(program, folder, "pipe")
    yield "nothing without a terminal", code == 0 and SUMMARY.fullmatch(said) is not None and printed == b"", repr(said)


def quiet(program, folder):
    code, said, _, _ = run(program, folder, "quiet", "--quiet", terminal=Terminal())
    yield "nothing with --quiet", code == 0 and said == "", repr(said)


def dumb(program, folder):
    code, said, _, _ = run(program, folder, "dumb", terminal=Terminal(), variables={"TERM": "dumb"})
    yield "nothing on a terminal that cannot erase", code == 0 and SUMMARY.fullmatch(said) is not None, repr(said)


def data_on_the_same_terminal(program, folder):
    code, said, _, _ = run(program, folder, "same", terminal=Terminal(), stdout_too=True)
    yield "nothing where the data goes to the terminal as well", code == 0 and CLEAR not in said and "\r" not in said, repr(said[-500:])


def short(program, folder):
    code, said, _, _ = run(program, folder, "short", seconds=0.5, terminal=Terminal())
    yield "nothing in a short run", code == 0 and SUMMARY.fullmatch(said) is not None, repr(said)


def narrow(program, folder):
    _, said, _, _ = run(program, folder, "narrow", lines=1, terminal=Terminal(columns=20))
    drawn = LINE.findall(said)
    yield "a narrow terminal is not overrun", drawn and max(map(len, drawn)) == 19, drawn


def failing(program, folder):
    code, said, _, _ = run(program, folder, "failing", "--max-rejects", "0", lines=1, terminal=Terminal(), last=b"{broken\n")
    message = "crosswalk: 1 records were rejected, more than --max-rejects 0 allows\n"
    yield "an error stands on a line of its own", code == 1 and LINE.search(said) and message in screen(said) and \
        "\n" + message in "\n" + screen(said), repr(screen(said))


def interrupted(program, folder):
    code, said, _, data = run(program, folder, "interrupted", lines=1, terminal=Terminal(), interrupt=True)
    yield "after ^C the line is gone, too", code == 130 and LINE.search(said) and "k records, " not in screen(said) and data is None, \
        repr(screen(said))


def main():
    program = os.path.abspath(sys.argv[1])
    cases = [on_a_terminal, elsewhere, quiet, dumb, data_on_the_same_terminal, short, narrow, failing, interrupted]
    number = failed = 0
    print("TAP version 13")
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(len(cases)) as pool:
        for results in pool.map(lambda case: list(case(program, Path(name))), cases):
            for what, good, found in results:
                number += 1
                failed += not good
                print(f"{'ok' if good else 'not ok'} {number} - {what}")
                if not good:
                    print("# " + str(found)[:2000].replace("\n", "\n# "))
    print(f"1..{number}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
