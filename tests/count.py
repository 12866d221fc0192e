#!/usr/bin/env python3
"""Adds up what meson test ran: `count.py LOG NAME TALLY` counts one run, `count.py --total TALLY` prints the sum, and before it
what failed."""
import json
import sys
import xml.etree.ElementTree as xml


def count(log):
    passed = skipped = 0
    failed = []
    for case in xml.parse(log).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            skipped += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            failed.append(f"{case.get('classname')}: {case.get('name')}")
        else:
            passed += 1
    return passed, failed, skipped


def main():
    if sys.argv[1] == "--total":
        runs = [json.loads(line) for line in open(sys.argv[2])]
        for name, _, failed, _ in runs:
            for case in failed:
                print(f"failed ({name}): {case}")
        passed, failed, skipped = (sum(column) for column in zip(*((p, len(f), s) for _, p, f, s in runs)))
        print(f"{passed} passed, {failed} failed, {skipped} skipped")
        return
    log, name, tally = sys.argv[1:4]
    passed, failed, skipped = count(log)
    print(f"{name}: {passed} passed, {len(failed)} failed, {skipped} skipped", file=sys.stderr)
    with open(tally, "a") as out:
        print(json.dumps([name, passed, failed, skipped]), file=out)


main()
