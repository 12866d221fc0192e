"""Results as TAP on standard output."""

count = 0


def check(name, good, detail=""):
    global count
    count += 1
    print(f"{'ok' if good else 'not ok'} {count} - {name}")
    if not good:
        for line in str(detail).splitlines():
            print(f"# {line}")


def plan():
    """At the end: how many there were."""
    print(f"1..{count}")
