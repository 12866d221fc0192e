"""What is asked of our program alone: ten times the input, start-up among many adapters, what books and isolation cost."""
import json
import re
import shutil
import subprocess
from pathlib import Path

from measuring import Sample, in_turn, read_through, run

ADAPTERS = 100


def megabytes(path):
    return path.stat().st_size / 1e6


def medians(samples):
    """Name → median of wall and of processor seconds."""
    def middle(values):
        values = sorted(values)
        return values[len(values) // 2] if len(values) % 2 else sum(values[len(values) // 2 - 1:][:2]) / 2
    return {name: Sample(middle([s.wall for s in taken]), middle([s.processor for s in taken]))
            for name, taken in samples.items()}


def ten_times(ours, work, data, count, rounds, folder, say):
    """The time of ten times the input by that of the input, and the memory of each, one thread and all."""
    large = data(work, count * 10)
    small = data(work, count)
    accounts = folder / "summary.json"
    peaks = {}

    def translate(name, path, threads):
        def work_once():
            read_through(path)
            sample = run(ours.command(work, [path], "/dev/null", threads, "--summary", accounts), exits=(0, 3))
            peaks[name] = max(peaks.get(name, 0), json.loads(accounts.read_text())["peak_memory_bytes"] / 1e6)
            return sample
        return work_once
    taken = medians(in_turn(rounds, {
        "once": translate("once", small, 1),
        "ten times": translate("ten times", large, 1),
        "ten times, all threads": translate("ten times, all threads", large, ours.all_threads),
    }, say))
    large.unlink()
    return {"records": count * 10, "megabytes": megabytes(small) * 10, "time_ratio": taken["ten times"].wall / taken["once"].wall,
            "processor_time_ratio": taken["ten times"].processor / taken["once"].processor,
            "peak_megabytes": peaks}


def install_adapters(template, folder):
    """A hundred adapters: the template's library under ids of the same length, which stand in its manifest as data."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    folder.chmod(0o755)
    library, old = template.read_bytes(), b"example-csv"
    if library.count(b'"id": "' + old + b'"') != 1:
        return False
    for number in range(ADAPTERS):
        to = folder / f"bench-{number:05}.so"
        to.write_bytes(library.replace(b'"id": "' + old + b'"', b'"id": "bench-%05d"' % number))
        to.chmod(0o755)
    return True


def start_up(ours, work, data, rounds, folder, template, say):
    """Milliseconds from the start of the program to its end, of an input with one record; the adapters bid for it."""
    one = folder / "one.csv"
    with open(data(work, 4000), encoding="utf-8") as file:
        one.write_text("".join(next(file) for _ in range(2)), encoding="utf-8")
    many = folder / "adapters"
    if not template.exists() or not install_adapters(template, many):
        return {"left_out": f"no template to copy: {template.name}"}
    listed = json.loads(subprocess.run([ours.program, "adapters", "--json", "--adapter-dir", many], check=True,
                                       capture_output=True, text=True).stdout)
    found = sum(adapter["id"].startswith("bench-") for adapter in listed["adapters"])
    if found != ADAPTERS:
        return {"left_out": f"{found} of {ADAPTERS} adapters were found"}
    taken = medians(in_turn(max(rounds, 3) * 7, {
        "own adapters only": lambda: run(ours.command(work, [one], "/dev/null", 1)),
        "100 more": lambda: run(ours.command(work, [one], "/dev/null", 1, "--adapter-dir", many)),
        "100 more, one named": lambda: run(ours.command(work, [one], "/dev/null", 1, "--adapter-dir", many, "--adapter",
                                                        "zendesk-csv")),
    }, say))
    shutil.rmtree(many)
    return {name: {"milliseconds": sample.wall * 1e3, "processor_milliseconds": sample.processor * 1e3}
            for name, sample in taken.items()}


def job(path, source, inputs, out, memory="1GiB"):
    """Writes a job file with one source."""
    zone = 'time_zone = "Pacific Time (US & Canada)"\n' if source == "zendesk-csv" else ""
    path.write_text(f'[job]\nmemory_limit = "{memory}"\n\n[[source]]\nname = "source"\nadapter = "{source}"\n'
                    f'inputs = ["{inputs}"]\n{zone}\n[[sink]]\ntype = "jsonl"\npath = "{out}"\n', encoding="utf-8")
    return path


def share(taken, more, base):
    """By how much the one takes longer than the other."""
    return {"wall": taken[more].wall / taken[base].wall - 1, "processor": taken[more].processor / taken[base].processor - 1}


def costs(ours, works, data, count, rounds, folder, say):
    """What the ledger, rejects and little memory cost."""
    tickets, inbox = data(works["zendesk"], count), data(works["inbox"], count)
    refused = data(works["zendesk"], count, rejects=1)
    out = folder / "costs.jsonl"
    jobs = {
        "ample": job(folder / "ample.toml", "zendesk-csv", tickets, out),
        "inbox": job(folder / "inbox.toml", "unified-inbox", inbox, out),
        "inbox, little memory": job(folder / "little.toml", "unified-inbox", inbox, out, "16MiB"),
    }

    def run_job(name, *more):
        return lambda: run([ours.program, "run", "--quiet", "--jobs", 1, jobs[name], *more], exits=(0, 3))

    def translate(path, *more):
        def work_once():
            read_through(path)
            return run(ours.command(works["zendesk"], [path], out, 1, *more), exits=(0, 3))
        return work_once
    taken = medians(in_turn(rounds, {
        "job": run_job("ample"),
        "job with ledger": run_job("ample", "--ledger", folder / "ledger.jsonl"),
        "translate": translate(tickets, "--rejects", folder / "rejects.jsonl"),
        "translate with rejects": translate(refused, "--rejects", folder / "rejects.jsonl"),
        "job of inbox": run_job("inbox"),
        "job of inbox in 16 MiB": run_job("inbox, little memory"),
    }, say))
    for leftover in (out, folder / "costs.updates.jsonl", folder / "ledger.jsonl", folder / "rejects.jsonl"):
        leftover.unlink(missing_ok=True)
    return {
        "ledger": share(taken, "job with ledger", "job"),
        "rejects": share(taken, "translate with rejects", "translate"),
        "spill": share(taken, "job of inbox in 16 MiB", "job of inbox"),
        "seconds": {name: sample.wall for name, sample in taken.items()},
    }


def isolation(ours, works, data, count, rounds, say):
    """What it costs to have the adapter in a process of its own: work → threads → share of the time."""
    inputs = {work.name: (work, data(work, count)) for work in works}
    threads = list(dict.fromkeys([1, ours.all_threads]))

    def translate(name, jobs, isolated):
        work, path = inputs[name]
        return lambda: run(ours.command(work, [path], "/dev/null", jobs, *(["--isolate"] if isolated else [])), exits=(0, 3))
    taken = medians(in_turn(rounds * 3, {
        (name, jobs, isolated): translate(name, jobs, isolated)
        for name in inputs for jobs in threads for isolated in (False, True)}, say))
    return {name: {jobs: share(taken, (name, jobs, True), (name, jobs, False)) for jobs in threads} for name in inputs}


def machine():
    """The machine in neutral words."""
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*:\s*(.*)$", info, re.MULTILINE)
    memory = re.search(r"^MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text(), re.MULTILINE) \
        if Path("/proc/meminfo").exists() else None
    system = re.search(r'^PRETTY_NAME="(.*)"$', Path("/etc/os-release").read_text(), re.MULTILINE) \
        if Path("/etc/os-release").exists() else None
    return {"processor": re.sub(r"\s+", " ", model[1].replace("(R)", "")) if model else "unknown",
            "memory_gib": round(int(memory[1]) / 2**20) if memory else None, "system": system[1] if system else "unknown"}
