#!/usr/bin/env python3
"""What a bad adapter can do in a process of its own: nothing but lose its own record. TAP on standard output."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from tap import check, plan

program, bad_folder = (os.path.abspath(p) for p in sys.argv[1:3])
confined = sys.argv[3] == "true"  # a sanitizer needs what the process is otherwise denied

RECORDS = b"id,at,name\n1,2024-01-01T00:00:00Z,a\nbad,2024-01-02T00:00:00Z,\xc3\xa4\n3,2024-01-03T00:00:00Z,c\n"
NOT_UTF8 = "a text that the adapter gave is not UTF-8"
NULL_TEXT = "a text that the adapter gave is NULL, but has a size"
NULL = "the adapter gave NULL where there must be something"

# What it does with the record "bad" → what that record's reject says.
LOSES_ITS_RECORD = {
    "crash": "signal 11 (Segmentation fault)",
    "abort": "signal 6 (Aborted)",
    "exit": "exit code 0",
    "stack": "signal 11 (Segmentation fault)",
    "loop": "no answer for 1 s and was stopped",
    "sleep": "no answer for 1 s and was stopped",
    "hoard": "signal 11 (Segmentation fault)",
    "write-record": "signal 11 (Segmentation fault)",
    "babble": "more of its records than there is room for",
    "free": "signal",
    "not-utf8": NOT_UTF8,
    "not-utf8-name": NOT_UTF8,
    "not-utf8-rule": NOT_UTF8,
    "not-json": "not what its kind says",
    "kind": "not what its kind says",
    "half-a-letter": NOT_UTF8,
    "no-field": "of no field of the record",
    "walk-made": "walked something that is no field of the record",
    "quick-exit": "exit code 0",
    "null-value": NULL,
    "null-in-value": NULL_TEXT,
    "null-name": NULL_TEXT,
    "null-carried": NULL,
    "null-dropped": NULL,
    "null-drop-rule": NULL_TEXT,
    "null-rule": NULL_TEXT,
    "null-touchpoint": NULL,
    "null-in-touchpoint": NULL_TEXT,
    "null-refusal": NULL,
    "null-in-refusal": NULL_TEXT,
    "null-remark": NULL,
    "null-in-remark": NULL_TEXT,
    "null-type": NULL_TEXT,
    "null-array": NULL,
    "null-prefix": NULL_TEXT,
}
# A sanitizer ends the process in its own way.
OTHERWISE_SANITIZED = {"crash", "stack", "hoard", "write-record", "free", "sleep"}
# What it tries with it, in vain.
IN_VAIN = ["kill", "fork", "thread", "open", "create", "socket", "run", "environment"]
# Seen without isolation as well.
SEEN = ["not-utf8", "not-utf8-name", "not-utf8-rule", "not-json", "kind", "half-a-letter", "no-field", "walk-made",
        *(how for how in LOSES_ITS_RECORD if how.startswith("null-"))]
# What ends the run where the adapter is in this process.
EXITS = ["exit", "quick-exit", "open-exit", "bind-exit", "close-exit"]
# What it does before any record → what the run says.
ENDS_THE_RUN = {
    "open-crash": "signal 11 (Segmentation fault) when it was opened",
    "open-loop": "no answer for 1 s and was stopped when it was opened",
    "open-exit": "exit code 0 when it was opened",
    "bind-crash": "signal 11 (Segmentation fault) when names were bound",
    "bind-babble": "it says more than there is room for",
    "bind-not-utf8": NOT_UTF8,
    "open-null-name": NULL_TEXT,
    "open-null-word": NULL_TEXT,
    "open-null-absent": NULL_TEXT,
    "open-null-fail": NULL_TEXT,
    "bind-null-carry": NULL_TEXT,
    "bind-null-drop": NULL_TEXT,
    "bind-null-body": NULL_TEXT,
    "bind-null-fail": NULL_TEXT,
}


def run(folder, how, *more, records=RECORDS, seconds=1):
    rejects = os.path.join(folder, "rejects.jsonl")
    isolation = ["--isolate", "--isolate-seconds", str(seconds)] if seconds else []
    arguments = [program, "translate", *isolation, "--adapter-dir", folder, "--adapter", "bad-wild", "--set", f"how={how}", "--set", "default_channel=email", "--rejects", rejects, *more, "-"]
    started = time.monotonic()
    done = subprocess.run(arguments, input=records, capture_output=True, timeout=100)
    taken = time.monotonic() - started
    lines = [json.loads(line) for line in done.stdout.decode().splitlines()]
    refused = [json.loads(line) for line in open(rejects, "rb")] if os.path.exists(rejects) else []
    return done.returncode, lines, refused, done.stderr.decode(), taken


def test_records(folder):
    for how, words in LOSES_ITS_RECORD.items():
        slow = how == "hoard"  # a busy machine needs its time to give out memory
        code, lines, refused, err, taken = run(folder, how, "--isolate-memory", "64MiB", seconds=30 if slow else 1)
        ids = [line["external_id"] for line in lines]
        said = " ".join(r["code"] + ": " + r["message"] for r in refused)
        if not confined and how in OTHERWISE_SANITIZED:
            words = ""
        good = code == 3 and ids == ["1", "3"] and len(refused) == 1 and said.startswith("adapter_failed") and words in said
        good = good and refused[0]["line"] == 3 and refused[0]["record"].startswith("bad,") and (slow or taken < 6)  # asked for the forms of times as well
        check(f"{how}: its own record is lost, and no other", good, f"{code} {ids} {said} {taken:.1f} s\n{err}")
    for how in SEEN:
        code, lines, refused, err, taken = run(folder, how, seconds=0)
        good = code == 3 and [line["external_id"] for line in lines] == ["1", "3"] and LOSES_ITS_RECORD[how] in refused[0]["message"]
        check(f"{how}: seen in this process as well", good, f"{code} {lines} {refused} {err}")
    # What ends in a way of its own.
    for how in ("longjmp", "close"):
        code, lines, refused, err, taken = run(folder, how)
        check(f"{how}: no other record is lost", code in (0, 3) and {"1", "3"} <= {line["external_id"] for line in lines}, err)
    code, lines, refused, err, taken = run(folder, "throw-away")  # it falls over that later
    check("throw-away: one record is lost", code == 3 and len(lines) == 2 and len(refused) == 1, f"{lines} {err}")
    code, lines, refused, err, taken = run(folder, "print")
    check("what it prints goes nowhere", code == 0 and len(lines) == 3 and "forged" not in err, f"{code} {lines} {err}")
    code, lines, refused, err, taken = run(folder, "print", seconds=0)
    check("in this process it goes to standard error", code == 0 and len(lines) == 3 and "forged\n" in err, f"{code} {lines} {err}")
    for seconds in (0, 1):
        code, lines, refused, err, taken = run(folder, "null-of-no-size", seconds=seconds)
        check("NULL that has no size is an empty text", code == 0 and len(lines) == 3, f"{code} {lines} {err}")
    code, lines, refused, err, taken = run(folder, "target")
    check("a target that nobody knows is ignored", code == 0 and len(lines) == 3, f"{code} {lines} {err}")


def test_exits(folder):
    with tempfile.TemporaryDirectory() as out:
        output = os.path.join(out, "out.jsonl")
        for how in EXITS:
            for jobs in ("1", "2"):
                code, lines, refused, err, taken = run(folder, how, "--output", output, "--jobs", jobs, seconds=0)
                good = code == 1 and "bad-wild: the adapter called exit()" in err and not os.path.exists(output)
                check(f"{how}: in this process the run ends with a sentence, {jobs} jobs", good, f"{code} {os.listdir(out)} {err}")
        code, lines, refused, err, taken = run(folder, "exit-elsewhere", "--output", output, seconds=0)
        check("exit-elsewhere: a thread of its own cannot end the run without a word", code == 1 and "by exit()" in err, f"{code} {err}")
        code, lines, refused, err, taken = run(folder, "", "--output", output, seconds=0)
        check("what these left is removed by the next run", code == 0 and os.listdir(out) == ["out.jsonl"], f"{code} {os.listdir(out)}")


def test_confinement(folder):
    forged = os.path.join(bad_folder, "forged")
    if os.path.exists(forged):  # by an earlier run
        os.remove(forged)
    for how in IN_VAIN:
        code, lines, refused, err, taken = run(folder, how)
        found = [line.get("subject") for line in lines if line["external_id"] == "bad"]
        if confined or how == "environment":
            check(f"{how}: in vain", code == 0 and found == ["refused"], f"{code} {lines} {err}")
    if confined:
        check("nothing was written", not os.path.exists(forged))


def test_before_records(folder):
    for how, words in ENDS_THE_RUN.items():
        code, lines, refused, err, taken = run(folder, how)
        good = code == 1 and not lines and taken < 4 and (words in err or (not confined and "crash" in how))
        check(f"{how}: the run ends with a sentence", good, f"{code} {lines} {err} {taken:.1f} s")
    for how in (how for how in ENDS_THE_RUN if "null" in how or "utf8" in how):
        code, lines, refused, err, taken = run(folder, how, seconds=0)
        check(f"{how}: in this process as well", code in (1, 2) and not lines and ENDS_THE_RUN[how] in err, f"{code} {lines} {err}")
    if not confined:
        return
    started = time.monotonic()
    done = subprocess.run([program, "translate", "--isolate", "--isolate-seconds", "1", "--adapter-dir", folder, "--adapter",
                           "bad-wild-load", "-"], input=RECORDS, capture_output=True, timeout=100)
    good = done.returncode == 1 and b"no answer for 1 s" in done.stderr and time.monotonic() - started < 4
    check("load: code that runs as the library is loaded is confined, and stopped", good, done.stderr.decode())


def many(bad, of=300):
    rows = [b"id,at,name\n"]
    for i in range(of):
        rows.append(b"%s,2024-01-01T00:00:00Z,n\n" % (b"bad" if i in bad else b"%d" % i))
    return b"".join(rows)


def test_many(folder):
    code, lines, refused, err, taken = run(folder, "crash", records=many({5, 100, 299}))
    check("it is started again after each", code == 3 and len(lines) == 297 and len(refused) == 3, f"{code} {len(lines)} {err}")
    bad = set(range(10, 60))
    outputs = [run(folder, "crash", "--jobs", str(jobs), records=many(bad, 60_000)) for jobs in (1, 2, 3)]
    same = all(o[:3] == outputs[0][:3] for o in outputs)
    told = [r["message"] for r in outputs[0][2]]
    check("where it fails again and again, the rest of a block is given up, whatever the threads",
          same and "the adapter failed 32 times on records near this one" in told[-1] and 35_000 < len(outputs[0][1]) < 59_950,
          f"{same} {len(told)} {told[-1:]}")
    code, lines, refused, err, taken = run(folder, "loop", records=many(set(range(20)), 40))
    good = code == 3 and taken < 20 and len(refused) >= 20 and len(lines) + len(refused) == 40
    check("one that never answers is not asked for ever", good and "3 times and is not asked again" in refused[-1]["message"],
          f"{code} {taken:.1f} s {len(lines)} {len(refused)}")


def test_names_that_come_late(folder):
    """What a record does to the process is that record's, also where the next one brings a name that must be bound."""
    rows = [b'{"id":"%s","at":"2024-01-01T00:00:00Z","name":"n"}\n' % (b"bad" if i == 10 else b"%d" % i) for i in range(9000)]
    rows.append(b'{"id":"last","at":"2024-01-01T00:00:00Z","name":"n","new":1}\n')
    for how in ("crash", "loop"):
        code, lines, refused, err, taken = run(folder, how, "--set", "time_format=iso", records=b"".join(rows))
        check(f"{how}, and then a new name", code == 3 and len(lines) == 9000 and len(refused) == 1, f"{code} {len(lines)} {err}")


def test_interrupt(folder):
    reader = subprocess.Popen([program, "translate", "--isolate", "--isolate-seconds", "60", "--adapter-dir", folder, "--adapter",
                               "bad-wild", "--set", "how=loop", "--quiet", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL)
    reader.stdin.write(RECORDS)
    reader.stdin.close()
    time.sleep(1)
    started = time.monotonic()
    reader.send_signal(signal.SIGINT)
    code = reader.wait(timeout=60)
    check("an interrupt does not wait for an adapter", code == 130 and time.monotonic() - started < 3,
          f"{code} {time.monotonic() - started:.1f} s")


def test_end(folder):
    """The processes end with the host, however it ends."""
    reader = subprocess.Popen([program, "translate", "--isolate", "--adapter-dir", folder, "--adapter", "bad-wild", "--set", "how=loop",
                               "--isolate-seconds", "60", "--quiet", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    reader.stdin.write(RECORDS)
    reader.stdin.close()
    children = []
    for _ in range(100):
        listed = subprocess.run(["ps", "-o", "pid=,stat=", "--ppid", str(reader.pid)], capture_output=True, text=True).stdout.split()
        children = listed[::2]
        if children:
            break
        time.sleep(0.05)
    time.sleep(0.3)
    reader.send_signal(signal.SIGKILL)
    reader.wait()
    left = children
    for _ in range(100):
        left = [pid for pid in children if os.path.exists(f"/proc/{pid}") and "crosswalk" in open(f"/proc/{pid}/comm").read()]
        if not left:
            break
        time.sleep(0.05)
    check("a process does not outlive its host", children and not left, f"{children} {left}")


def test_options(folder):
    for arguments, words in [
        (["--isolate-seconds", "5"], "they are not isolated\n  say --isolate as well"),
        (["--isolate", "--isolate-seconds", "0"], "is not a number of seconds"),
        (["--isolate", "--isolate-memory", "little"], "is not a size of at least 16MiB"),
        (["--isolate", "--isolate-memory", "1MiB"], "is not a size of at least 16MiB"),
    ]:
        done = subprocess.run([program, "translate", *arguments, "-"], input=b"", capture_output=True, timeout=60)
        check(" ".join(arguments), done.returncode == 2 and words in done.stderr.decode(), done.stderr.decode())
    if confined:
        code, lines, refused, err, taken = run(folder, "crash", "--isolate-memory", "16MiB", records=many({1}))
        check("16 MiB are enough for it", code == 3 and len(lines) == 299, err)


def main():
    with tempfile.TemporaryDirectory() as root:
        safe = os.path.join(root, "bad")
        os.mkdir(safe, 0o755)
        for name in ("wild.so", "wild-load.so"):
            shutil.copy(os.path.join(bad_folder, name), safe)
            os.chmod(os.path.join(safe, name), 0o644)
        test_records(safe)
        test_exits(safe)
        test_confinement(safe)
        test_before_records(safe)
        test_many(safe)
        test_names_that_come_late(safe)
        test_interrupt(safe)
        test_end(safe)
        test_options(safe)
    plan()


main()
