#!/usr/bin/env python3
"""Adds up what meson test ran: `count.py LOG NAME TALLY` counts one run, `count.py --total TALLY` prints the sum."""
import sys
import xml.etree.ElementTree as xml


def count(log):
    passed = failed = skipped = 0
    for case in xml.parse(log).getroot().iter("testcase"):
        if case.find("skipped") is not None:
            skipped += 1
        elif case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        else:
            passed += 1
    return passed, failed, skipped


def main():
    if sys.argv[1] == "--total":
        rows = [tuple(map(int, line.split())) for line in open(sys.argv[2])]
        print("{} passed, {} failed, {} skipped".format(*(sum(column) for column in zip(*rows))))
        return
    log, name, tally = sys.argv[1:4]
    numbers = count(log)
    print("{}: {} passed, {} failed, {} skipped".format(name, *numbers), file=sys.stderr)
    with open(tally, "a") as out:
        print(*numbers, file=out)


main()
