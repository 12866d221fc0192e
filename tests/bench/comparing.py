"""Whether two outputs say the same: the same conversations with the same fields.

Not known is the same whether it is absent, null or empty. Times are compared as instants, numbers as numbers, ids as texts.
Where a local hour came twice or never, tools choose differently: such differences are counted apart, by the marks that our
output has there. A mapped field and its counterpart in metadata are compared each.
"""
import json
from dataclasses import dataclass, field

IDS = ("external_id", "customer_id", "queue_id", "assigned_agent_id")


@dataclass
class Agreement:
    """What a comparison found."""

    records: int = 0
    same: int = 0
    local_hours: int = 0                        # records that differ only in times of hours that came twice or never
    fields: dict = field(default_factory=dict)  # field → [count, ours, theirs] of all other differences
    missing: int = 0                            # records that one of the two does not have

    @property
    def agrees(self):
        return not self.fields and not self.missing and self.records > 0

    def text(self):
        parts = [f"{self.same:,} of {self.records:,} the same"]
        if self.local_hours:
            parts.append(f"{self.local_hours:,} differ in hours that came twice or never")
        if self.missing:
            parts.append(f"{self.missing:,} ARE ONLY IN ONE OF THE TWO")
        for name, (count, ours, theirs) in self.fields.items():
            parts.append(f"{count:,} DIFFER IN {name}: {ours!r}, theirs {theirs!r}")
        return "; ".join(parts)

    def as_json(self):
        return {"records": self.records, "same": self.same, "differ_in_ambiguous_hours": self.local_hours,
                "missing": self.missing, "other_differences": {name: count for name, (count, _, _) in self.fields.items()}}


def instant(text):
    """`2025-01-01T00:00:00.500000Z` and `2025-01-01T00:00:00.5Z` are one."""
    body = text.removesuffix("Z")
    return body.rstrip("0").rstrip(".") if "." in body else body


def plain(value):
    if isinstance(value, float):
        return round(value, 5)
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items() if inner not in (None, "", [], {})}
    return value


def flat(record):
    """Field → value, metadata's fields as `metadata.<key>`, what is not known left out."""
    known = plain(record)
    metadata = known.pop("metadata", {})
    metadata.pop("crosswalk", None)
    if "touchpoints" in metadata:
        metadata["touchpoints"] = {kind: count for kind, count in metadata["touchpoints"].items() if count}
    for name in IDS:
        if name in known:
            known[name] = str(known[name])
    for name in ("started_at", "ended_at"):
        if name in known:
            known[name] = instant(known[name])
    return known | {"metadata." + key: value for key, value in metadata.items()}


def compare_records(ours, theirs, found):
    """Adds one pair to what was found."""
    found.records += 1
    marked = ours.get("metadata", {}).get("crosswalk", {}).get("times", {})
    a, b = flat(ours), flat(theirs)
    if a == b:
        found.same += 1
        return
    differing = [name for name in a.keys() | b.keys() if a.get(name) != b.get(name)]
    if all(name in marked for name in differing):
        found.local_hours += 1
        return
    for name in differing:
        if name not in marked:
            found.fields.setdefault(name, [0, a.get(name), b.get(name)])[0] += 1


def records(path):
    with open(path, encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def by_order(ours, theirs):
    """Outputs in the order of the input."""
    found = Agreement()
    theirs = records(theirs)
    for record in records(ours):
        other = next(theirs, None)
        if other is None:
            found.missing += 1
        else:
            compare_records(record, other, found)
    found.missing += sum(1 for _ in theirs)
    return found


def by_id(ours, theirs):
    """Outputs in any order, ids standing once."""
    found = Agreement()
    others = {str(record["external_id"]): record for record in records(theirs)}
    for record in records(ours):
        other = others.pop(record["external_id"], None)
        if other is None:
            found.missing += 1
        else:
            compare_records(record, other, found)
    found.missing += len(others)
    return found
