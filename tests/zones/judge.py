#!/usr/bin/python3
"""Holds core/time against two other readers of the same zone files: Python's zoneinfo and zdump.

For every IANA zone and every change of offset from 1900 to 2200: local times around both edges of the gap or overlap,
to the second, with fold 0 and 1, and instants around the change; random times up to year 9999 besides. The files are
those of the system and, compiled anew from the system's tzdata.zi, "fat" and "slim" ones. A difference anywhere ends in
exit code 1.

    judge.py --program build/tests/zones/judge               all zones
    judge.py --program build/tests/zones/judge --sample 30   30 zones, the odd ones always among them
"""

import argparse
import array
import datetime
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zoneinfo

FIRST_YEAR, LAST_YEAR = 1900, 2200
SYSTEM = "/usr/share/zoneinfo"

# Zones that a sample must not miss: half hours, whole days, negative summer time, Ramadan, hours below zero in the rule.
ODD = [
    "Africa/Casablanca", "Africa/El_Aaiun", "Africa/Monrovia", "America/Caracas", "America/New_York", "America/Nuuk", "America/Ojinaga",
    "America/Scoresbysund", "America/St_Johns", "Antarctica/Casey", "Antarctica/Troll", "Asia/Gaza", "Asia/Kathmandu",
    "Asia/Pyongyang", "Asia/Tehran", "Australia/Lord_Howe", "Europe/Amsterdam", "Europe/Dublin", "Europe/Volgograd",
    "Pacific/Apia", "Pacific/Chatham", "Pacific/Kiritimati", "Pacific/Kwajalein",
]

# Seconds around both edges of a gap or overlap.
AROUND = [-90000, -86400, -7200, -3601, -3600, -3599, -1801, -1800, -900, -61, -60, -2, -1,
          0, 1, 2, 59, 60, 900, 1799, 1800, 3599, 3600, 7200, 86400]
AROUND_INSTANT = [-86400, -3600, -1, 0, 1, 3600, 86400]
RANDOM_PER_ZONE = 500

EPOCH = datetime.datetime(1970, 1, 1)
UTC = datetime.timezone.utc


def seconds_of_year(year):
    return int((datetime.datetime(year, 1, 1) - EPOCH).total_seconds())


FROM, UNTIL = seconds_of_year(FIRST_YEAR), seconds_of_year(LAST_YEAR + 1)
END_OF_TIME = seconds_of_year(9999)

KINDS = ["once", "twice", "never"]


class Tally:
    def __init__(self):
        self.zones = self.changes = self.locals = self.instants = self.differences = 0

    def differ(self, text):
        self.differences += 1
        if self.differences <= 20:
            print("  DIFFERENT:", text)


def zone_names(folder):
    names = []
    for path, folders, files in os.walk(folder):
        below = os.path.relpath(path, folder)
        if below == ".":
            folders[:] = [name for name in folders if name not in ("posix", "right")]
        for file in files:
            name = file if below == "." else f"{below}/{file}"
            with open(os.path.join(path, file), "rb") as head:
                if head.read(4) == b"TZif" and name not in ("localtime", "posixrules"):
                    names.append(name)
    return sorted(names)


def our_changes(program, folder):
    command = [program, folder, "--changes", str(FROM), str(UNTIL)]
    changes = {}
    for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
        name, at, before, after = line.split("\t")
        changes.setdefault(name, []).append((int(at), int(before), int(after)))
    return changes


ZDUMP_LINE = re.compile(
    r"^(?P<path>\S+) +\w{3} (?P<month>\w{3}) +(?P<day>\d+) (?P<h>\d+):(?P<m>\d+):(?P<s>\d+) (?P<year>-?\d+) UT = .*"
    r"gmtoff=(?P<offset>-?\d+)$")
MONTHS = {name: i + 1 for i, name in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())}


def zdump_changes(files):
    """What zdump says: two lines a change, one for the second before it and one for its own."""
    names = {path: name for name, path in files.items()}
    command = ["zdump", "-V", "-c", f"{FIRST_YEAR},{LAST_YEAR + 1}", *names]
    environment = {"PATH": os.environ.get("PATH", "/usr/bin"), "LC_ALL": "C"}
    changes = {}
    before = None
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    for line in process.stdout:
        match = ZDUMP_LINE.match(line.rstrip("\n"))
        if not match:
            continue
        moment = datetime.datetime(int(match["year"]), MONTHS[match["month"]], int(match["day"]), int(match["h"]),
                                   int(match["m"]), int(match["s"]))
        at = int((moment - EPOCH).total_seconds())
        offset = int(match["offset"])
        name = names[match["path"]]
        if before and before[0] == name and before[1] == at - 1:
            if before[2] != offset and FROM <= at < UNTIL:
                changes.setdefault(name, []).append((at, before[2], offset))
            before = None
        else:
            before = (name, at, offset)
    if process.wait() != 0:
        sys.exit("judge.py: zdump failed")
    return changes


def questions_for(changes, draw):
    locals_, instants = set(), set()
    for at, before, after in changes:
        for delta in AROUND:
            locals_.add(at + before + delta)
            locals_.add(at + after + delta)
        instants.update(at + delta for delta in AROUND_INSTANT)
    for _ in range(RANDOM_PER_ZONE):
        locals_.add(draw.randrange(FROM, UNTIL))
        locals_.add(draw.randrange(UNTIL, END_OF_TIME))
        instants.add(draw.randrange(FROM, END_OF_TIME))
    # Python's dates end with 9999, and random order keeps caches honest.
    locals_, instants = sorted(locals_), sorted(instants)
    draw.shuffle(locals_)
    return array.array("q", locals_), array.array("q", instants)


class Answers:
    """The judged program, asked zone by zone."""

    def __init__(self, program, folder):
        self.process = subprocess.Popen([program, folder, "--answer"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, name, locals_, instants):
        raw = name.encode()
        self.process.stdin.write(struct.pack("=I", len(raw)) + raw + struct.pack("=I", len(locals_)) + locals_.tobytes()
                                 + struct.pack("=I", len(instants)) + instants.tobytes())
        self.process.stdin.flush()
        policies = [self._take("q", len(locals_)) for _ in range(3)]
        return policies, self._take("B", len(locals_)), self._take("i", len(instants))

    def _take(self, code, count):
        values = array.array(code)
        data = self.process.stdout.read(count * values.itemsize)
        if len(data) != count * values.itemsize:
            sys.exit("judge.py: the judged program ended early")
        values.frombytes(data)
        return values

    def close(self):
        self.process.stdin.close()
        if self.process.wait() != 0:
            sys.exit("judge.py: the judged program failed")


def by_zoneinfo(zone, locals_):
    """The instants that fold 0 and fold 1 give."""
    epoch = EPOCH.replace(tzinfo=zone)
    delta = datetime.timedelta
    fold_0, fold_1 = array.array("q"), array.array("q")
    for local in locals_:
        moment = epoch + delta(0, local)  # the wall clock, as datetime counts within one zone
        offset = moment.utcoffset()
        fold_0.append(local - offset.days * 86400 - offset.seconds)
        offset = moment.replace(fold=1).utcoffset()
        fold_1.append(local - offset.days * 86400 - offset.seconds)
    return fold_0, fold_1


def offsets_by_zoneinfo(zone, instants):
    epoch = EPOCH.replace(tzinfo=UTC)
    offsets = array.array("i")
    for instant in instants:
        offset = (epoch + datetime.timedelta(0, instant)).astimezone(zone).utcoffset()
        offsets.append(offset.days * 86400 + offset.seconds)
    return offsets


def load(path):
    with open(path, "rb") as file:
        return zoneinfo.ZoneInfo.from_file(file, key=path)


def last_change(path):
    """The last explicit change in the 64-bit half of a zone file; None where it has none."""
    with open(path, "rb") as file:
        data = file.read()
    header = struct.Struct(">4sc15x6I")
    _, _, ut, standard, leaps, changes, types, letters = header.unpack_from(data)
    second = header.size + changes * 5 + types * 6 + letters + leaps * 8 + standard + ut
    changes = header.unpack_from(data, second)[5]
    return struct.unpack_from(">q", data, second + header.size + 8 * (changes - 1))[0] if changes else None


def contradicts_itself(path):
    """Whether the footer's rule denies the last change. RFC 9636 forbids it, but zic of 2022 wrote such slim files (the
    autumn of 2022 in Ojinaga, Mexico). Readers then differ: zoneinfo follows the change in its own second and the rule in
    the next one. The fat file of the same zone says what was meant."""
    last = last_change(path)
    return last is not None and len(set(offsets_by_zoneinfo(load(path), [last, last + 1]))) > 1


def compare_zone(name, path, answers, changes, tally, draw):
    zone = load(path)
    locals_, instants = questions_for(changes, draw)
    (compatible, earlier, later), kinds, offsets = answers.ask(name, locals_, instants)

    # PEP 495: in an overlap fold 0 is the first; in a gap fold 0 takes the offset before it, and so is the later instant.
    fold_0, fold_1 = by_zoneinfo(zone, locals_)
    expected = {
        "compatible": (compatible, fold_0),
        "earlier": (earlier, array.array("q", map(min, fold_0, fold_1))),
        "later": (later, array.array("q", map(max, fold_0, fold_1))),
        "how it is known": (kinds, array.array("B", [0 if a == b else 1 if a < b else 2
                                                     for a, b in zip(fold_0, fold_1)])),
    }
    for what, (ours, theirs) in expected.items():
        if ours == theirs:
            continue
        for local, our, their in zip(locals_, ours, theirs):
            if our != their:
                tally.differ(f"{name} {EPOCH + datetime.timedelta(0, local)} {what}: ours {our}, zoneinfo {their}")
    for instant, our, their in zip(instants, offsets, offsets_by_zoneinfo(zone, instants)):
        if our != their:
            tally.differ(f"{name} offset at {instant}: ours {our}, zoneinfo {their}")
    tally.zones += 1
    tally.changes += len(changes)
    tally.locals += 2 * len(locals_)
    tally.instants += len(instants)


def compare_changes(ours, theirs, names, tally):
    for name in names:
        difference = set(ours.get(name, [])) ^ set(theirs.get(name, []))
        for at, before, after in sorted(difference):
            who = "ours only" if (at, before, after) in ours.get(name, []) else "zdump only"
            tally.differ(f"{name} change at {at} from {before} to {after}: {who}")


def judge_folder(kind, folder, options, total, sound_folder=None):
    started = time.monotonic()
    tally = Tally()
    names = zone_names(folder)
    ours = our_changes(options.program, folder)
    draw = random.Random(f"{kind}-{options.seed}")
    if options.sample and options.sample < len(names):
        odd = [name for name in ODD if name in names][:options.sample]
        rest = [name for name in names if name not in odd]
        names = sorted(odd + draw.sample(rest, options.sample - len(odd)))
    files = {name: os.path.join(folder, name) for name in names}
    for name in names if sound_folder else []:
        if contradicts_itself(files[name]):
            files[name] = os.path.join(sound_folder, name)
            print(f"{kind:6}  {name}: the rule in this file contradicts its last change; judged by the fat file")
    third = ""
    theirs = {}
    if shutil.which("zdump") and kind in options.zdump_kinds:
        theirs = zdump_changes(files)
        compare_changes(ours, theirs, names, tally)
        third = f", {sum(map(len, theirs.values())):,} changes equal to zdump's" if not tally.differences else ""
    answers = Answers(options.program, folder)
    for name in names:
        compare_zone(name, files[name], answers, sorted({*ours.get(name, []), *theirs.get(name, [])}), tally, draw)
    answers.close()
    print(f"{kind:6}  {tally.zones} zones, {tally.changes:,} changes: {tally.locals:,} local times (fold 0 and 1), "
          f"{tally.instants:,} instants{third}: {tally.differences} differences  "
          f"({time.monotonic() - started:.1f} s)", flush=True)
    total.locals += tally.locals
    total.instants += tally.instants
    total.differences += tally.differences


def compile_zones(kind, folder, source):
    os.makedirs(folder)
    subprocess.run(["zic", "-b", kind, "-d", folder, source], check=True, env={"PATH": tool_path(), "LC_ALL": "C"})


def tool_path():
    return os.environ.get("PATH", "/usr/bin") + ":/usr/sbin:/sbin"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", required=True, help="the judged program, built from judge.cpp")
    parser.add_argument("--folder", default=SYSTEM, help="zoneinfo folder (default: the system's)")
    parser.add_argument("--sample", type=int, default=0, help="judge so many zones instead of all")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    os.environ["PATH"] = tool_path()
    total = Tally()
    source = os.path.join(options.folder, "tzdata.zi")
    compiles = shutil.which("zic") is not None and os.path.exists(source)
    # The system's files are of one of the two kinds, and zdump is slow: it need not see all three, in a sample only one.
    options.zdump_kinds = ["slim"] if options.sample else ["fat", "slim"]
    if not compiles:
        options.zdump_kinds = ["system"]
    judge_folder("system", options.folder, options, total)
    if compiles:
        with tempfile.TemporaryDirectory(prefix="crosswalk-zones-") as temporary:
            fat, slim = os.path.join(temporary, "fat"), os.path.join(temporary, "slim")
            compile_zones("fat", fat, source)
            compile_zones("slim", slim, source)
            judge_folder("fat", fat, options, total)
            judge_folder("slim", slim, options, total, sound_folder=fat)
    else:
        print("no zic or no tzdata.zi here: fat and slim files were not judged")
    print(f"total   {total.locals + total.instants:,} values, {total.differences} differences")
    return 1 if total.differences else 0


if __name__ == "__main__":
    sys.exit(main())
