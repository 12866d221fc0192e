#!/usr/bin/env python3
"""What the host says to bad adapters, and which symbols the good ones export. TAP on standard output."""
import json
import os
import shutil
import subprocess
import sys
import tempfile

from tap import check, plan

program, adapter_folder, bad_folder = (os.path.abspath(p) for p in sys.argv[1:4])


def run(*arguments, stdin=b"id,at\n1,2024-01-01T00:00:00Z\n", environment=None):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("CROSSWALK_")}
    clean.update(environment or {})
    done = subprocess.run([program, *arguments], input=stdin, capture_output=True, env=clean, timeout=60)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def catalog(*arguments, environment=None):
    code, out, err = run("adapters", "--json", *arguments, environment=environment)
    assert code == 0, err
    return json.loads(out)


def refusals(found):
    return {os.path.basename(r["path"])[:-3]: r["reason"] for r in found["refused"]}


def test_symbols():
    for file in sorted(os.listdir(adapter_folder)):
        if not file.endswith(".so"):
            continue
        listed = subprocess.run(["nm", "-D", "--defined-only", os.path.join(adapter_folder, file)], capture_output=True, text=True)
        symbols = [line.split()[-1] for line in listed.stdout.splitlines()]
        check(f"{file} exports one symbol", symbols == ["crosswalk_adapter"], symbols)


def test_refused_without_loading(safe):
    found = catalog("--adapter-dir", safe)
    reasons = refusals(found)
    for name, words in {
        "no-manifest": "has no Crosswalk manifest",
        "two-manifests": "two manifests",
        "broken-manifest": "manifest cannot be used",
        "abi-in-manifest": "built for adapter ABI 2, this program speaks 1",
        "duplicate-id": 'its id "asapp" is taken by',
    }.items():
        check(f"{name} is refused with a sentence", words in reasons.get(name, ""), reasons)
    ids = [a["id"] for a in found["adapters"]]
    check("good adapters stand beside bad ones", {"asapp", "unified-inbox", "zendesk-csv"} <= set(ids), ids)


def test_refused_at_load(safe):
    for name, words in {
        "abi-in-symbol": "built for adapter ABI 7",
        "size": "8 bytes long",
        "no-functions": "must all be there",
        "no-symbol": "does not export crosswalk_adapter",
        "open-silent": "did not say why",
        "open-fails": "the stars are not right\n  wait",
        "binds-others": "which it was not asked about",
        "throws-in-open": "threw something that is not an exception",
        "throws-in-bind": "thrown in bind",
    }.items():
        code, out, err = run("translate", "--adapter-dir", safe, "--adapter", f"bad-{name}", "-")
        check(f"bad-{name} fails with a sentence", code in (1, 2) and out == "" and words in err, f"{code}\n{out}\n{err}")
    code, out, err = run("translate", "--adapter-dir", safe, "--adapter", "bad-throws-in-translate", "-")
    check("what translate throws is a reject", code == 3 and "adapter_failed" in err and "thrown in translate" in err, f"{code} {err}")
    code, out, err = run("translate", "--adapter-dir", safe, "--adapter", "bad-ignores-stop", "-")
    check("an adapter that ignores stop harms nobody", code == 0 and out == "" and "1 filtered" in err, f"{code} {err}")


def test_folders(safe):
    with tempfile.TemporaryDirectory(dir=os.path.dirname(safe)) as open_folder:
        shutil.copy(os.path.join(safe, "size.so"), os.path.join(open_folder, "open.so"))
        os.chmod(open_folder, 0o777)
        reasons = refusals(catalog("--adapter-dir", open_folder))
        check("a folder writable by everybody is refused", "writable by everybody" in reasons.get("open", ""), reasons)
        found = catalog("--adapter-dir", open_folder, "--allow-unsafe-adapter")
        check("--allow-unsafe-adapter takes it", "bad-size" in [a["id"] for a in found["adapters"]], found["refused"])
        os.chmod(open_folder, 0o755)
        os.chmod(os.path.join(open_folder, "open.so"), 0o666)
        reasons = refusals(catalog("--adapter-dir", open_folder))
        check("a library writable by everybody is refused", "writable by everybody" in reasons.get("open", ""), reasons)
        os.chmod(os.path.join(open_folder, "open.so"), 0o644)
        found = catalog(environment={"CROSSWALK_ADAPTER_PATH": open_folder})
        check("CROSSWALK_ADAPTER_PATH is looked into", "bad-size" in [a["id"] for a in found["adapters"]], found)
    here = os.getcwd()
    os.chdir(safe)
    try:
        ids = [a["id"] for a in catalog()["adapters"]]
        check("the current folder is not looked into", not any(i.startswith("bad-") for i in ids), ids)
    finally:
        os.chdir(here)


def test_one_library_only():
    code, out, err = run("translate", "--adapter", "asapp", "-", stdin=b"", environment={"LD_DEBUG": "files"})
    loaded = {word for line in err.splitlines() for word in line.replace("[", " ").split() if word.endswith(".so") and "/adapters/" in word}
    names = {os.path.basename(path) for path in loaded}
    check("loading one adapter loads no other", names == {"asapp.so"}, names)


def main():
    # A folder of our own rights: the build folder may lie anywhere.
    with tempfile.TemporaryDirectory() as root:
        safe = os.path.join(root, "bad")
        os.mkdir(safe, 0o755)
        for file in os.listdir(bad_folder):
            if file.endswith(".so"):
                shutil.copy(os.path.join(bad_folder, file), safe)
                os.chmod(os.path.join(safe, file), 0o644)
        test_symbols()
        test_refused_without_loading(safe)
        test_refused_at_load(safe)
        test_folders(safe)
        test_one_library_only()
    plan()


main()
