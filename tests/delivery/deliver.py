#!/usr/bin/env python3
"""`crosswalk run` against a server that misbehaves: each fault alone, then all of them with kill -9 at random moments.

deliver.py PROGRAM [--runs N] [--conversations N] [--seed N]; TAP on standard output.
With --benchmark COUNT: how fast COUNT conversations go, without a limit and at the limit; nothing else."""
import argparse
import base64
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tls  # noqa: E402
from server import Server  # noqa: E402

KEY = 'sk_live_canary/7f3a+9'
number = 0
failed = 0


def check(name, problem):
    global number, failed
    number += 1
    if problem:
        failed += 1
    print('%s %d - %s' % ('not ok' if problem else 'ok', number, name), flush=True)
    for line in str(problem or '').splitlines():
        print('# ' + line, flush=True)


def shapes(key):
    """What a key looks like when somebody wrote it down."""
    plain = [key, urllib.parse.quote(key, safe=''), urllib.parse.quote(key, safe='').replace('%2F', '%2f').replace('%2B', '%2b')]
    packed = [base64.b64encode(text.encode()).decode().rstrip('=') for text in (key, key + ':')]
    other = [one.replace('+', '-').replace('/', '_') for one in packed] + [one.replace('/', '\\/') for one in plain + packed]
    return [one.encode() for one in dict.fromkeys(plain + packed + other)]


class Job:
    """A folder with a job, its exports, and its server."""

    def __init__(self, program, folder, server, settings='', rows=None, sink=''):
        self.program, self.folder, self.server = program, pathlib.Path(folder), server
        self.rows = rows or {}
        self.survey = {}
        self.under = []  # a command that runs the program
        self.env = {}
        self.outputs = []
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / 'job.toml').write_text('''
[job]
rejects = "rejects.jsonl"
[[source]]
name = "z"
adapter = "zendesk-csv"
inputs = ["tickets.csv"]
time_zone = "UTC"
[[source]]
name = "csat"
adapter = "zendesk-csv"
inputs = ["survey.csv"]
time_zone = "UTC"
role = "enrich"
allow_empty = true
[[sink]]
type = "jsonl"
path = "out.jsonl"
updates = "out.updates.jsonl"
[[sink]]
type = "assembled"
url = "%s"
api_key = { env = "CROSSWALK_TEST_KEY" }
journal = "journal.db"
%s
''' % (sink or server.url, settings))

    def write(self):
        columns = ['Subject', 'Status', 'Assignee', 'Satisfaction Score']
        for name, rows in (('tickets.csv', self.rows), ('survey.csv', self.survey)):
            with open(self.folder / name, 'w') as file:
                file.write('Id,Via,Created at,' + ','.join(columns) + '\n')
                for one, row in rows.items():
                    file.write('%s,Mail,2024-01-02 03:04,%s\n' % (one, ','.join(row.get(c, '') for c in columns)))

    def start(self, *arguments, key=KEY):
        env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C', 'CROSSWALK_TEST_KEY': key, **self.env}
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS'):
            if name in os.environ:
                env[name] = os.environ[name]
        return subprocess.Popen([*self.under, self.program, *arguments], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def run(self, verb='run', *more, key=KEY):
        arguments = [verb, str(self.folder / 'job.toml'), *more] if verb != 'replay' else \
            [verb, str(self.folder / 'rejects.jsonl'), str(self.folder / 'job.toml'), *more]
        process = self.start(*arguments, key=key)
        out, err = process.communicate(timeout=120)
        self.outputs += [out, err]
        return process.returncode, out, err

    def expected(self):
        out = {}
        for line in (self.folder / 'out.jsonl').read_text().splitlines():
            record = json.loads(line)
            out[record['external_id']] = record
        return out

    def canaries(self):
        """Where the key stands in what the runs left behind."""
        texts = {'output': '\n'.join(self.outputs).encode()}
        for path in self.folder.rglob('*'):
            if path.is_file():
                texts[str(path)] = path.read_bytes()
        return [name for name, text in texts.items() for shape in shapes(KEY) if shape in text]


FAST = 'rate_per_minute = 30000\nburst = 100\nsettle = 0\nretry_ceiling = 0.05\ntimeout = 1\n'


def tickets(count):
    return {str(i): {'Subject': 'Subject %d' % i, 'Status': 'Open'} for i in range(count)}


def faults(program, folder):
    """One fault alone: it strikes the second request, once or always."""

    def one(name, fault, times, code, said='', count=120, state=None, late=None, settings='', sink='', key=KEY, raw=None):
        server = Server(key=KEY, rate=500, burst=100)
        server.hole = 2
        server.raw = raw or server.raw
        left = [times]

        def strike(seen, _method, _records):
            if seen < 1 or left[0] == 0:
                return None
            left[0] -= 1
            return fault

        server.faults = strike
        job = Job(program, folder / name.replace(' ', '-').replace('/', '-'), server, FAST + 'batch_size = 20\nin_flight = 1\n' + settings,
                  tickets(count), sink)
        job.write()
        began = time.monotonic()
        got, _, err = job.run(key=key)
        took = time.monotonic() - began
        problems = list(server.problems)
        if got != code or said not in err:
            problems.append('exit code %d, want %d; "%s" in:\n%s' % (got, code, said, err))
        if late and took < late:
            problems.append('%.2f s, and it should have waited %.2f' % (took, late))
        if code != 0 and not sink and key == KEY:
            server.faults = None
            before = len(server.seen)
            got, _, err = job.run('deliver', '--resume')
            if got != 0:
                problems.append('resume: exit code %d\n%s' % (got, err))
            accepted = {s.body for s in server.seen[:before] if s.status == 202 and not s.fault}
            again = [s for s in server.seen[before:] if s.body in accepted]
            if again:
                problems.append('%d accepted requests were sent again' % len(again))
        if not sink and key == KEY and server.state != job.expected():
            problems.append('the server has another state')
        if server.worst < 0:
            problems.append('over the limit: %f' % server.worst)
        problems += ['the key stands in ' + place for place in job.canaries()]
        server.close()
        check(name, '\n'.join(problems))

    one('429 with seconds', '429', 1, 0, late=1)
    one('429 with a date', '429-date', 1, 0)
    one('429 without a word', '429-plain', 2, 0)
    for fault in ('500', '503', 'reset', 'black hole', 'half head', 'huge header', 'applied 500', 'applied 504', 'taken, reset',
                  'taken, half head', 'taken, black hole', 'applied 408', 'raw'):
        one(fault, fault, 2, 0)
    for fault in ('taken, half body', 'taken, half report', 'head cut', 'taken, head cut'):
        one(fault, fault, 2, 0)
    for fault, said in (('applied 200', '200 is not a status that means "accepted"'), ('applied 204', 'accept = [202, 204]'),
                        ('html', 'a page for a browser')):
        one(fault, fault, 1, 1, said)
    one('applied 200 where that means accepted', 'applied 200', -1, 0, settings='accept = [200, 202]\n')
    for line in (b'HTTP/9.9 202 Accepted', b'HTTP/1.1 2020 Accepted', b'HTTP/1.1 abc', b'HTTP/1.1', b'ICY 202 OK', b'x',
                                   b'HTTP/1.1  202 Accepted', b'HTTP/1 202x', b'HTTP/1.1 99 Accepted'):
        one('no status line: ' + line.decode(), 'raw', 2, 0, raw=lambda _, line=line: line + b'\r\nContent-Length: 0\r\n\r\n')
    one('500 without end', '500', -1, 4, 'gave up after 6 failed tries', settings='retries = 5')
    one('reset without end', 'reset', -1, 4, 'gave up after 6 failed tries', settings='retries = 5')
    one('taken, reset without end', 'taken, reset', -1, 4, 'gave up after', settings='retries = 5')
    for fault, said in (('401', 'refused the key'), ('403', 'refused the key'), ('404', 'no such endpoint'), ('405', 'no such endpoint'),
                        ('501', 'no such endpoint')):
        one(fault, fault, -1, 2, said)
    one('another key', None, 0, 2, 'the server refused the key (401, "who are you, Basic', key='sk_live_other')
    one('418', '418', -1, 1, 'answered 418')
    one('redirect', 'redirect', -1, 2, 'not sent after a redirect')
    one('connection refused', None, 0, 4, 'gave up', sink='http://127.0.0.1:9', settings='retries = 3')
    one('no such host', None, 0, 4, 'gave up', sink='https://no-such-host.invalid', settings='retries = 3')

    one('a server that was never reached', None, 0, 4, 'nobody answers there', sink='http://127.0.0.1:9', late=0.5,
        settings='retries = 1000000\nfirst_contact_timeout = 0.5')
    one('a wait is said at once', '503', 2, 0, 'crosswalk: waiting for http://127.0.0.1:')

    other = Server(key=KEY)  # speaks no TLS
    one('no TLS', None, 0, 4, 'gave up', sink='https://127.0.0.1:%s' % other.url.rsplit(':', 1)[1], settings='retries = 3')
    other.close()

    for count in (1, 3, 50):
        server = Server(key=KEY, rate=500, burst=100)
        job = Job(program, folder / ('refused-%d' % count), server, FAST + 'batch_size = 100', tickets(500))
        job.write()
        bad = random.Random(count).sample(sorted(job.rows), count)
        server.refuse = {one: random.Random(one).choice([400, 413, 422]) for one in bad}
        code, _, err = job.run()
        rejects = [json.loads(line) for line in (job.folder / 'rejects.jsonl').read_text().splitlines()]
        want = {k: v for k, v in job.expected().items() if k not in server.refuse}
        problems = []
        if code != 3 or server.state != want or sorted(r['found'] for r in rejects) != sorted(bad):
            problems.append('%d %d rejects\n%s' % (code, len(rejects), err))
        if any(r['code'] != 'refused_by_server' or json.loads(r['record'])['external_id'] != r['found'] for r in rejects):
            problems.append(rejects[:2])
        sent = len(server.seen)
        code, _, err = job.run()
        if code != 3 or len(server.seen) != sent:
            problems.append('what is refused was sent again: %d\n%s' % (code, err))
        server.refuse = {}
        code, _, err = job.run('replay')
        if code != 0 or server.state != job.expected():
            problems.append('replay: %d\n%s' % (code, err))
        if sum(len(json.loads(s.body)['conversations']) for s in server.seen[sent:]) != count:
            problems.append('replay sent more than what was refused')
        problems += ['the key stands in ' + place for place in job.canaries()]
        server.close()
        check('%d refused records of 500, and replay' % count, '\n'.join(map(str, problems)))


def servers(program, folder):
    """Servers that do not do as the API's text says, from beginning to end."""

    def start(name, count=100, settings='', first=0, **more):
        server = Server(key=KEY, rate=500, burst=100, **more)
        rows = {str(first + int(one)): row for one, row in tickets(count).items()}
        job = Job(program, folder / name.replace(' ', '-'), server, FAST + 'batch_size = 20\n' + settings, rows)
        job.write()
        return server, job

    def rejects(job):
        return [json.loads(line) for line in (job.folder / 'rejects.jsonl').read_text().splitlines()]

    for form in ('ids', 'places', 'pointers', 'keyed', 'items', 'results'):
        server, job = start('reports by ' + form, first=1000)  # ids that are no places
        server.reports = form
        server.refuse = {one: 422 for one in ('1003', '1004', '1057')}
        code, _, err = job.run()
        want = {one: record for one, record in job.expected().items() if one not in server.refuse}
        found = sorted(one['found'] for one in rejects(job))
        problem = '' if code == 3 and server.state == want and found == ['1003', '1004', '1057'] and len(server.seen) == 5 else \
            '%d %s, %d requests\n%s' % (code, found, len(server.seen), err)
        server.close()
        check('a success that reports errors, by ' + form, problem)

    # What may be a report, and is known for none, stops; the sink may say that it means "accepted".
    for body in ('{"results":[{"external_id":"1000","status":"on_hold"}]}', '{"accepted":19}', '"error: 3 records failed"', 'Please log in',
                 '{"detail":"Not authenticated"}', '{"errors":["x"],"errors":[]}'):
        server, job = start('says', first=1000)
        server.says = lambda *_, body=body: (202, body)
        code, _, err = job.run()
        problem = '' if code == 1 and 'nobody can say whether the server took 20 records' in err and 'accept_unknown = true' in err else \
            '%d\n%s' % (code, err)
        server.says = None
        code, _, err = job.run('deliver', '--resume', '--summary', str(job.folder / 'summary.json'))
        if code != 0 or server.state != job.expected():
            problem += 'afterwards: %d\n%s' % (code, err)
        server.close()
        shutil.rmtree(job.folder)
        check('a success that says %s' % body, problem)
    for body in ('', '{}', 'Accepted', '{"message":"Accepted"}', '{"status":"accepted","request_id":"req-17"}', '{"accepted":20}'):
        server, job = start('plain', first=1000)
        server.says = lambda *_, body=body: (202, body)
        code, _, err = job.run()
        problem = '' if code == 0 and server.state == job.expected() and len(server.seen) == 5 else '%d\n%s' % (code, err)
        server.close()
        shutil.rmtree(job.folder)
        check('a success that says %s' % (body or 'nothing'), problem)
    server, job = start('unknown', settings='accept_unknown = true\n', first=1000)
    server.says = lambda *_: (202, '{"depth":17,"state":"on_hold"}')
    code, _, err = job.run()
    problem = '' if code == 0 and server.state == job.expected() else '%d\n%s' % (code, err)
    server.close()
    check('accept_unknown', problem)

    # After a stop, `deliver --resume` with another job file: what it sends again is in the summary.
    server, job = start('replanned', 20)
    server.says = lambda *_: (200, '')
    first = job.run()
    path = job.folder / 'job.toml'
    path.write_text(path.read_text() + 'accept = [200, 202]\n')
    code, _, err = job.run('deliver', '--resume', '--summary', str(job.folder / 'summary.json'))
    delivery = json.loads((job.folder / 'summary.json').read_text())['sinks'][-1]['delivery']
    problem = '' if first[0] == 1 and code == 0 and delivery['accepted'] == 20 and len(server.seen) == 2 else '%d %s\n%s' % (code, delivery, err)
    server.close()
    check('the accounts of a resume that had to run the job', problem)

    server, job = start('folder')
    code, _, err = job.run('run', '--summary', str(job.folder / 'nowhere' / 'summary.json'))
    problem = '' if code == 2 and not server.seen and 'there is no folder' in err else '%d, %d requests\n%s' % (code, len(server.seen), err)
    server.close()
    check('a summary that cannot be written is told before anything is sent', problem)

    server, job = start('returns', settings='retries = 1\n')
    job.run()
    gone = {one: job.rows.pop(one) for one in ('33', )}
    job.write()
    server.faults = lambda *_: '503'  # which has something to send, and does not come to its end
    job.rows['34']['Status'] = 'Solved'
    job.write()
    out_of_order = job.run()
    server.faults = None
    new, old = '1 conversation delivered earlier is no longer produced, for example 33: if', \
        '1 conversation delivered earlier is no longer produced or part of another, as an earlier run said'
    listed, told = [json.loads(job.run('plan', '--json')[1])], job.run()
    listed.append(json.loads(job.run('plan', '--json')[1]))
    still = job.run()
    more = job.rows.pop('32')
    job.write()
    both = job.run('run', '--summary', str(job.folder / 'summary.json'))
    delivery = json.loads((job.folder / 'summary.json').read_text())['sinks'][-1]['delivery']['delivered_earlier']
    server.state.pop('33')  # as the user was told
    job.rows.update(gone)
    job.rows['32'] = more
    job.write()
    again = job.run()
    problem = '' if out_of_order[0] == 4 and told[0] == still[0] == both[0] == again[0] == 0 and server.state == job.expected() else \
        str([one[0] for one in (out_of_order, told, still, both, again)])
    if [[one['told'] for one in each['sinks'][-1]['each'] if one['action'] == 'no_longer_produced'] for each in listed] != [[False], [True]]:
        problem += 'plan --json does not say what was told\n'
    if new not in told[2] or old in told[2] or new in still[2] or old not in still[2]:
        problem += told[2] + still[2]
    if 'no longer produced, for example 32: if' not in both[2] or '1 further conversation delivered earlier' not in both[2] or \
            delivery['no_longer'] != ['32', '33'] or delivery['new_since_last_run'] != {'part_of_another': 0, 'no_longer_produced': 1}:
        problem += both[2] + str(delivery)
    server.close()
    check('what is no longer produced is told once, and sent again when it comes back', problem)

    server, job = start('missing')
    first = job.run()
    gone = [server.state.pop(one) and one for one in ('2', '33', '71')]
    server.strict = True
    for row in job.rows.values():
        row['Status'] = 'Solved'
    job.write()
    code, _, err = job.run()
    sent = len(server.seen)
    again = job.run()
    problem = '' if first[0] == code == again[0] == 0 and server.state == job.expected() and len(server.seen) == sent and \
        '3 sent whole because the server did not have them' in err else '%d %d %d\n%s' % (first[0], code, again[0], err)
    server.close()
    check('updates of %d conversations that the server has no longer' % len(gone), problem)

    server, job = start('poison')
    server.poison = {'5', '64'}
    code, _, err = job.run()
    want = {one: record for one, record in job.expected().items() if one not in server.poison}
    found = sorted((one['found'], one['code']) for one in rejects(job))
    problem = ''
    if code != 3 or server.state != want or found != [('5', 'failed_at_server'), ('64', 'failed_at_server')]:
        problem = '%d %s\n%s' % (code, found, err)
    server.poison = {'64'}
    for verb in ('run', 'replay'):
        code, _, err = job.run(verb)
        if code != (3 if server.poison else 0) or set(job.expected()) - set(server.state) != server.poison:
            problem += '%s: %d\n%s' % (verb, code, err)
        server.poison = set()
    server.close()
    check('records that the server fails on are set aside and tried again', problem)

    # What a run that was killed left open and the server fails on must not keep the others back.
    server, job = start('killed', settings='in_flight = 1\n')
    server.faults = lambda *_: 'black hole'
    process = job.start('run', str(job.folder / 'job.toml'))
    while not server.seen:
        time.sleep(0.01)
    process.kill()
    process.communicate()
    server.faults = None
    server.poison = {json.loads(server.seen[0].body)['conversations'][3]['external_id']}
    problem = ''
    for verb in ('deliver', 'run'):
        code, _, err = job.run(verb)
        if code != 3 or set(job.rows) - set(server.state) != server.poison:
            problem += '%s: %d, %d there\n%s' % (verb, code, len(server.state), err)
        job.rows['500'] = {'Subject': 'new', 'Status': 'Open'}  # alone it could not be told from an outage
        job.write()
    server.poison = set()
    code, _, err = job.run()
    if code != 0 or len(server.state) != 101:
        problem += 'afterwards: %d\n%s' % (code, err)
    server.close()
    check('a request that was left open, and that the server fails on', problem)

    server, job = start('alike', 1000)
    server.refuse = {one: 422 for one in job.rows}
    code, _, err = job.run()
    problem = '' if code == 1 and 'refuses everything alike' in err and len(server.seen) < 150 and not rejects(job) and ' 0 refused' in err else '%d, %d requests\n%s' % (code, len(server.seen), err)
    server.refuse = {}
    code, _, err = job.run()
    if code != 0 or server.state != job.expected():
        problem += 'afterwards: %d\n%s' % (code, err)
    server.close()
    check('everything refused alike, in %d requests' % len(server.seen), problem)

    server, job = start('share', settings='max_refused = "5%"\nin_flight = 1\n')
    server.refuse = {str(one): 422 for one in range(0, 100, 10)}
    code, _, err = job.run()
    problem = '' if code == 1 and 'more than max_refused allows (5 % of 100)' in err and len(rejects(job)) == 6 else '%d\n%s' % (code, err)
    for verb in ('run', 'deliver'):  # not passed by running again, and each is told once
        code, _, err = job.run(verb)
        found = [one['found'] for one in rejects(job)]
        if code != 1 or 'more than max_refused allows' not in err or len(set(found)) != len(found) or len(found) > 7:
            problem += '%s: %d %s\n%s' % (verb, code, found, err)
    server.close()
    check('max_refused', problem)

    # A proxy that would see the key; this machine is never asked for through one.
    proxy = tls.Listener(tls.plain)
    server, job = start('proxy')
    address = proxy.url.replace('https://', 'http://')
    job.env = {'http_proxy': address, 'https_proxy': address, 'ALL_PROXY': address}
    code, _, err = job.run()
    problem = '' if code == 0 and server.state == job.expected() and not proxy.got else '%d %r\n%s' % (code, proxy.got[:100], err)
    server.close()
    proxy.close()
    check('this machine is never reached through a proxy', problem)

    server, job = start('keys', 30)
    first = job.run()
    other = 'sk_live_renewed/1'
    server.key = other
    refused = job.run(key=other)
    moved = Server(key=other, rate=500, burst=100)
    path = job.folder / 'job.toml'
    text = path.read_text()
    path.write_text(text.replace(server.url, moved.url))
    url = job.run('deliver', '--new-key', key=other)
    path.write_text(text)
    renewed = job.run('deliver', '--new-key', key=other)
    last = job.run(key=other)
    problem = ''
    if [one[0] for one in (first, refused, url, renewed, last)] != [0, 2, 2, 0, 0] or moved.arrivals[1:]:
        problem = '\n'.join('%d %s' % (one[0], one[2]) for one in (first, refused, url, renewed, last))
    if 'of another key; its URL is the one of this job' not in refused[2] or 'of another URL' not in url[2]:
        problem += refused[2] + url[2]
    server.close()
    moved.close()
    check('--new-key takes another key, and nothing else', problem)


def hostile(program, folder):
    """Answers that are made to confuse or to fill the memory."""
    if any(name in os.environ for name in ('ASAN_OPTIONS', 'TSAN_OPTIONS')):
        return check('memory under hostile answers # SKIP under a sanitizer', '')
    head = b'HTTP/1.1 %d Whatever\r\n'
    deep = b'[' * 1_000_000
    bodies = {
        'html': b'<html>' + b'x' * 3_000_000, 'text': b'accepted ' * 1_000_000, 'open brackets': deep,
        'nested': b'{"errors":' * 100_000, 'many values': b'[' + b'0,' * 500_000 + b'0]', 'many objects': b'[' + b'{},' * 300_000 + b'{}]',
        'a long string': b'{"error":"' + b'y' * 2_000_000 + b'"}', 'many errors': b'{"errors":[' + b'{"index":0},' * 80_000 + b'{"index":1}]}',
        'many keys': b'{' + b','.join(b'"k%d":1' % i for i in range(90_000)) + b'}', 'zeros': b'\0' * 2_000_000,
        'ids of nobody': b'{"errors":[' + b','.join(b'{"external_id":"x%d"}' % i for i in range(30_000)) + b']}',
        'lines': b'{"status":500}\n' * 60_000, 'not UTF-8': b'{"errors":["' + b'\xff' * 500_000 + b'"]}',
    }
    answers = {}
    for name, body in bodies.items():
        for status in (202, 200, 500):
            answers['%s, %d' % (name, status)] = head % status + b'Content-Type: application/json\r\n\r\n' + body
    answers['many headers'] = head % 202 + b'X: y\r\n' * 500_000 + b'\r\n'
    assert len(answers) >= 40
    worst, problems = 0, []
    for i, (name, raw) in enumerate(answers.items()):
        server = Server(key=KEY, rate=500, burst=100, faults=lambda *_: 'raw')
        server.raw = lambda _, raw=raw: raw
        job = Job(program, folder / ('hostile-%d' % i), server, FAST + 'retries = 2\nbatch_size = 10\n', tickets(60))
        job.write()
        process = subprocess.Popen([program, 'run', str(job.folder / 'job.toml')], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env={'PATH': os.environ['PATH'], 'CROSSWALK_TEST_KEY': KEY})
        peak = peak_memory(process)
        err = process.stderr.read().decode()
        worst = max(worst, peak)
        if peak > 64 or process.returncode not in (1, 3, 4) or KEY in err:  # none says that all were accepted, and no more
            problems.append('%s: %.0f MiB, exit code %d\n%s' % (name, peak, process.returncode, err[-600:]))
        server.close()
    check('%d hostile answers, at most %.0f MiB' % (len(answers), worst), '\n'.join(problems))


def changed_inputs(program, folder):
    server = Server(key=KEY, rate=500, burst=100, faults=lambda seen, *_: '503' if seen > 1 else None)
    job = Job(program, folder / 'changed', server, FAST + 'batch_size = 50\nretries = 2\n', tickets(400))
    job.write()
    first = job.run()
    server.faults = None
    for one in list(job.rows)[:100]:
        job.rows[one] = {'Subject': 'new', 'Status': 'Pending'}
    job.write()
    code, _, err = job.run('deliver', '--resume')
    problem = ''
    if first[0] != 4 or code != 0 or server.state != job.expected() or 'changed since the run that was cut off' not in err:
        problem = '%d %d\n%s' % (first[0], code, err)
    server.close()
    check('inputs that changed before the resume', problem)


def on_tmpfs(path):
    return subprocess.run(['stat', '-f', '-c', '%T', str(path)], stdout=subprocess.PIPE, text=True).stdout.strip() in ('tmpfs', 'ramfs')


def other_endpoint(program, folder):
    """The sink `http`, set up to be Assembled's, without updates and with the key in a header."""
    server = Server(key=KEY, rate=500, burst=100)
    job = Job(program, folder / 'http', server, FAST + 'batch_size = 50\n', tickets(120))
    text = (job.folder / 'job.toml').read_text()
    text = text.replace('type = "assembled"', 'type = "http"').replace(server.url, server.url + '/v0/conversations/bulk')
    text = text.replace('api_key = { env', 'body = \'{"conversations":$records}\'\nheaders = { Authorization = { file = "key" } }\n#')
    (job.folder / 'job.toml').write_text(text)
    secret = base64.b64encode((KEY + ':').encode()).decode()
    key = job.folder / 'key'
    key.write_text('Basic %s\n' % secret)
    job.write()
    key.chmod(0o644)
    refused = job.run() if not on_tmpfs(key) else (2, '', 'can be read by others (mode 0644)')
    key.chmod(0o600)
    first = job.run()
    job.rows['7']['Status'] = 'Solved'
    job.write()
    second = job.run()
    problem = ''
    if refused[0] != 2 or 'can be read by others (mode 0644)' not in refused[2]:
        problem = refused[2]
    if first[0] or second[0] or server.state != job.expected() or {s.method for s in server.seen} != {'POST'}:
        problem = '%d %d %s %s' % (first[0], second[0], first[2], second[2])
    if len(json.loads(server.seen[-1].body)['conversations']) != 1:
        problem += 'more was sent than what changed'
    if second[0] == 3:
        problem += '\n' + (job.folder / 'rejects.jsonl').read_text()
    key.unlink()
    problem += ''.join('the key stands in ' + place for place in job.canaries())
    server.close()
    check('another endpoint by the sink http', problem)


def peak_memory(process):
    """MiB that a process held at most; returns when it has ended. (What wait4 says begins with our own, before exec.)"""
    peak = 0
    while process.poll() is None:
        try:
            for line in pathlib.Path('/proc/%d/status' % process.pid).read_text().splitlines():
                if line.startswith('VmHWM:'):
                    peak = max(peak, int(line.split()[1]) / 1024)
        except OSError:
            pass
        time.sleep(0.005)
    return peak


def plan_memory(program, folder):
    """A list of every conversation is longer than what is held of it."""
    if any(name in os.environ for name in ('ASAN_OPTIONS', 'TSAN_OPTIONS')):
        return check('memory of plan --json # SKIP under a sanitizer', '')
    job = Job(program, folder / 'memory', None, '', tickets(300_000), sink='http://127.0.0.1:9')
    job.write()
    text = (job.folder / 'job.toml').read_text()
    (job.folder / 'job.toml').write_text(text.replace('[job]', '[job]\nmemory_limit = "16MiB"'))
    peak = []
    for more in ([], ['--json']):
        with open(job.folder / 'plan.json', 'wb') as out:
            process = subprocess.Popen([program, 'plan', str(job.folder / 'job.toml'), *more], stdout=out, stderr=subprocess.DEVNULL)
            peak.append(peak_memory(process))
    listed = json.loads((job.folder / 'plan.json').read_text())['sinks'][-1]['each']
    problem = '' if peak[1] < peak[0] + 8 and len(listed) == 300_000 else '%s MiB, %d listed' % (peak, len(listed))
    check('plan --json of 300,000 conversations, %.0f MiB where plan takes %.0f' % (peak[1], peak[0]), problem)


def codings(program, folder):
    """gzip goes to who said that it takes it, and the bytes within stay the same."""
    for name, offers, reads_gzip, faults, some in (
            ('gzip is asked for', 'gzip, identity;q=0.5', True, {}, True),
            ('gzip is not asked for', '', True, {}, False),
            ('gzip is not wanted', 'br, gzip;q=0', True, {}, False),
            ('gzip is asked for, and refused with 415', 'gzip', 415, {}, True),
            ('gzip is asked for, and taken for nonsense', 'gzip', 400, {}, True),
            ('gzip, and requests without an end', 'gzip', True, {3: 'applied 500', 5: 'reset', 6: 'taken, reset'}, True)):
        server = Server(key=KEY, rate=500, burst=100, faults=lambda seen, *_: faults.get(seen), offers=offers, reads_gzip=reads_gzip)
        job = Job(program, folder / name.replace(' ', '-'), server, FAST + 'batch_size = 20\nin_flight = 2\n', tickets(300))
        job.write()
        code, _, err = job.run()
        packed = [s for s in server.seen if s.coding]
        problems = list(server.problems)
        if code != 0 or server.state != job.expected():
            problems.append('exit code %d, %d conversations there\n%s' % (code, len(server.state), err))
        if bool(packed) != some or server.seen[0].coding:
            problems.append('codings: %s' % [s.coding for s in server.seen])
        if some and reads_gzip is True and len(packed) < len(server.seen) - 3:
            problems.append('only %d of %d were packed' % (len(packed), len(server.seen)))
        if reads_gzip is not True and len(packed) > 2:
            problems.append('%d were packed, and the first was refused' % len(packed))
        if reads_gzip is True and len({s.body for s in server.seen}) != 15:
            problems.append('not sent again byte for byte')
        server.close()
        check(name, '\n'.join(map(str, problems)))


def certificates(program, folder):
    """A key leaves only to a server that shows who it is."""
    if not tls.available():
        return check('TLS # SKIP openssl is not installed', '')
    made = tls.certificates(folder / 'certificates')
    trusted = 'ca_file = "%s"\n' % (made / 'ca.pem')
    for name, certificate, settings, code, said in (
            ('a certificate of the ca_file', tls.context(made, 'good'), trusted, 0, ''),
            ('a certificate of an unknown authority', tls.context(made, 'good'), '', 1, 'certificate'),
            ('a certificate that signed itself', tls.context(made, 'self-signed'), trusted, 1, 'self'),
            ('a certificate that expired', tls.context(made, 'expired'), trusted, 1, 'expired'),
            ('a certificate of another host', tls.context(made, 'wrong-host'), trusted, 1, "127.0.0.1"),
            ('TLS 1.1', tls.context(made, 'good', ssl.TLSVersion.TLSv1_1), trusted, 4, 'gave up')):
        server = Server(key=KEY, rate=500, burst=100, tls=certificate)
        job = Job(program, folder / name.replace(' ', '-'), server, FAST + 'retries = 2\n' + settings, tickets(50))
        job.write()
        got, _, err = job.run()
        problems = []
        if got != code or said not in err:
            problems.append('exit code %d, want %d; "%s" in\n%s' % (got, code, said, err))
        if code == 0 and server.state != job.expected():
            problems.append('the server has another state')
        if code != 0 and len(server.arrivals) != 1:
            problems.append('a request was sent')
        if code != 0 and said != 'gave up' and 'ca_file' not in err:
            problems.append('the message does not say what to do:\n' + err)
        problems += ['the key stands in ' + place for place in job.canaries()]
        server.close()
        check('TLS: ' + name, '\n'.join(problems))
    for name, does in (('a handshake that is cut at its beginning', tls.cut), ('a handshake that is cut', tls.cut_later),
                       ('a handshake that is refused', tls.alert), ('a handshake that hangs', tls.silent),
                       ('a server that speaks plain', tls.plain)):
        listener = tls.Listener(does)
        job = Job(program, folder / name.replace(' ', '-'), None, FAST.replace('timeout = 1', 'timeout = 0.5') + 'retries = 2\n' + trusted,
                  tickets(50), sink=listener.url)
        job.write()
        got, _, err = job.run()
        problems = []
        if got != 4 or 'gave up after 3 failed tries' not in err:
            problems.append('exit code %d\n%s' % (got, err))
        if not listener.got or any(shape in listener.got for shape in shapes(KEY)) or b'external_id' in listener.got:
            problems.append('it was sent: %r' % listener.got[:300])
        listener.close()
        check('TLS: ' + name, '\n'.join(problems))


def one_at_a_time(program, folder):
    server = Server(key=KEY, rate=500, burst=100, faults=lambda seen, *_: 'black hole' if seen == 0 else None)
    server.hole = 1.5
    job = Job(program, folder / 'two', server, FAST.replace('timeout = 1', 'timeout = 5'), tickets(10))
    job.write()
    first = job.start('run', str(job.folder / 'job.toml'))
    while not server.seen:
        time.sleep(0.01)
    code, _, err = job.run()
    plan_code, _, plan_err = job.run('plan')
    problem = ''
    if code != 4 or 'another run is using this journal: process %d, started 20' % first.pid not in err or plan_code != 4:
        problem = err + plan_err
    arguments = pathlib.Path('/proc/%d/cmdline' % first.pid).read_bytes()
    if KEY.encode() in arguments:
        problem += 'the key is in the arguments'
    first.communicate()
    began = time.monotonic()
    server.faults = lambda *_: 'black hole'
    server.hole = 10
    job.rows['1']['Status'] = 'Solved'
    job.write()
    stopped = job.start('run', str(job.folder / 'job.toml'))
    seen = len(server.seen)
    while len(server.seen) == seen:
        time.sleep(0.01)
    began = time.monotonic()
    stopped.send_signal(signal.SIGTERM)
    _, err = stopped.communicate()
    if stopped.returncode != 128 + signal.SIGTERM or time.monotonic() - began > 5 or 'interrupted' not in err:
        problem += 'SIGTERM: %d after %.1f s\n%s' % (stopped.returncode, time.monotonic() - began, err)
    server.faults = None
    if job.run('deliver', '--resume')[0] != 0 or server.state != job.expected():
        problem += 'resume after SIGTERM'
    bodies = [s.body for s in server.seen[seen:]]
    if len(bodies) != 2 or bodies[0] != bodies[1]:
        problem += 'it was not sent again byte for byte'
    server.close()
    check('a second run, and a signal', problem)


CALLS = 'fdatasync,fsync,pwrite64,unlink,rename,ftruncate,sendto,recvfrom'


def system_calls(program, folder, points):
    """Killed at, and failing at, one system call after the other: each border of a commit, a request and an answer is one."""
    trial = ['strace', '-qq', '-o', os.devnull, '-e', 'inject=fsync:error=EIO', 'true']
    if 'ASAN_OPTIONS' in os.environ or shutil.which('strace') is None or \
            subprocess.run(trial, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0:
        return check('system calls # SKIP strace is not there, or does not work here', '')

    def stages(name, under):
        """Two runs, each disturbed and then gone on with; gives (problems, whether both were)."""
        server = Server(key=KEY, rate=500, burst=100)
        job = Job(program, folder / name, server, FAST + 'batch_size = 20\nin_flight = 2\nretries = 10\n', tickets(60))
        problems, disturbed, start, expected = [], [], 0, {}
        for stage in range(2):
            if stage:
                for one in range(30):
                    job.rows[str(one)]['Status'] = 'Solved'
                    job.rows[str(one + 15)]['Subject'] = 'new'
                job.survey = {str(one): {'Status': 'Pending', 'Assignee': 'ann'} for one in range(50, 60)}
                job.rows = {one: row for one, row in job.rows.items() if one not in job.survey}
            job.write()
            start = len(server.seen)
            job.under = under
            code, _, err = job.run()
            job.under = []
            disturbed.append(code)
            if code not in (0, 1, 4, -signal.SIGKILL):
                problems.append('stage %d: exit code %d\n%s' % (stage, code, err))
            again, _, err = job.run('deliver', '--resume')
            once_more, _, more = job.run()
            if again or once_more:
                problems.append('stage %d: afterwards %d %d\n%s\n%s' % (stage, again, once_more, err, more))
            bodies = collections.Counter(s.body for s in server.seen[start:] if s.status == 202)
            if sum(bodies.values()) - len(bodies) > 2:  # as many as may be on their way
                problems.append('stage %d: %d requests were sent again' % (stage, sum(bodies.values()) - len(bodies)))
            expected.update(job.expected())
        updates = [json.loads(line) for line in (job.folder / 'out.updates.jsonl').read_text().splitlines()]
        for update in updates:
            expected[update['external_id']].update(update)
        if server.state != expected or len(updates) != len(job.survey):
            problems.append('the server has another state')
        problems += server.problems
        server.close()
        shutil.rmtree(folder / name)
        return problems, disturbed

    log = folder / 'calls'
    problems, codes = stages('calls-none', ['strace', '-f', '-qq', '-o', str(log), '-e', 'trace=' + CALLS])
    check('two runs under strace', '\n'.join(problems) or ('' if codes == [0, 0] else str(codes)))
    most = collections.Counter()  # strace counts in each thread for itself, and `log` is of the second run
    for (_, call), number in collections.Counter(re.findall(r'^(\d+) (\w+)\(', log.read_text(), re.M)).items():
        most[call] = max(most[call], number)
    for call, number in sorted(most.items()):
        errors = ['ECONNRESET', 'EINTR'] if call in ('sendto', 'recvfrom') else ['EIO', 'ENOSPC']
        for how in ['signal=KILL'] + ['error=' + error for error in errors]:
            found, killed, tried = [], 0, sorted({1 + i * number // points for i in range(min(points, number))})
            for n in tried:
                problems, codes = stages('call', ['strace', '-f', '-qq', '-o', os.devnull, '-e', 'inject=%s:%s:when=%d' % (call, how, n)])
                found += ['%d: %s' % (n, problem) for problem in problems]
                killed += sum(code != 0 for code in codes)
            check('%s with %s at %d of its %d calls: %d runs broke off' % (call, how, len(tried), number, killed), '\n'.join(found[:5]))


def mixed(program, folder, seed, count):
    """Three runs (all new; changed and enriched; changed again) with faults and kills, each until it is done."""
    choose = random.Random(seed)
    rate, burst = 200.0, 20
    names = ['429-plain', '500', '503', 'reset', 'half head', 'applied 500', 'applied 504', 'taken, reset', 'taken, half head',
             'taken, half body', 'taken, half report', 'head cut', 'taken, head cut', 'applied 408', 'items', 'items', 'html', 'applied 200',
             'black hole']
    late = choose.choice([0.0, 1.0])  # a taken write is applied only after up to that many seconds
    server = Server(key=KEY, rate=rate, burst=burst, metadata=choose.choice(['merge', 'replace']), seed=seed, late=late)
    strike = random.Random(seed + 1)
    share = choose.choice([0.0, 0.1, 0.25])
    server.faults = lambda *_: strike.choice(names) if strike.random() < share else None
    server.hole = 1.3
    server.alike = choose.random() < 0.4
    settings = 'rate_per_minute = %d\nburst = %d\nretry_ceiling = 0.05\ntimeout = 1\nretries = 1000\nbatch_size = %d\nsettle = %s\n' % (
        rate * 60, burst, max(10, count // 40), 1.5 if late else 0)
    job = Job(program, folder / ('mixed-%d' % seed), server, settings, tickets(count))
    expected, problems, kills = {}, [], 0
    for stage in range(3):
        before = json.loads(json.dumps(expected))
        if stage:
            one_in = choose.sample(sorted(job.rows), count // 5)
            for one in one_in:
                row = job.rows[one]
                what = choose.choice(['Subject', 'Status', 'Assignee', 'no assignee'])
                if what == 'no assignee':
                    row.pop('Assignee', None)
                else:
                    row[what] = choose.choice(['Open', 'Pending', 'Solved']) if what == 'Status' else 'v%d' % choose.randrange(10**6)
        # Enrichment of conversations that this run's export does not have.
        absent = choose.sample(sorted(job.rows), count // 10) if stage else []
        rows, job.survey = job.rows, {one: {'Satisfaction Score': 'Good' if choose.random() < 0.5 else 'Bad'} for one in absent}
        job.rows = {k: v for k, v in rows.items() if k not in absent}
        job.write()
        job.rows = rows
        start = len(server.seen)
        for attempt in range(200):
            verb = ['run', str(job.folder / 'job.toml')] if attempt == 0 or choose.random() < 0.5 else \
                ['deliver', str(job.folder / 'job.toml'), '--resume']
            kept = job.folder / 'rejects.jsonl'
            kept.unlink(missing_ok=True)  # what an earlier attempt was refused, one by one, before it ended for another cause
            process = job.start(*verb)
            if choose.random() < 0.75 and attempt < 30:
                try:
                    out, err = process.communicate(timeout=choose.expovariate(1 / 0.12) + 0.005)
                except subprocess.TimeoutExpired:
                    process.kill()
                    out, err = process.communicate()
                    kills += 1
            else:
                out, err = process.communicate(timeout=120)
            job.outputs += [out, err]
            if process.returncode == 0 and (attempt == 0 or verb[0] == 'run' or 'nothing was left' not in err):
                break
            if process.returncode == 0:
                # Killed before the plan stood: there is nothing to resume, and the run is still to be made.
                continue
            if process.returncode == 1 and server.alike and 'refuses everything alike' in err:
                if kept.exists() and kept.read_text():
                    problems.append('rejects, where none of the records is to blame')
                server.alike = False
                continue
            if process.returncode == 1 and 'nobody can say whether the server took' in err:  # a person looks, and goes on
                continue
            if process.returncode != -signal.SIGKILL:
                problems.append('stage %d: exit code %d\n%s' % (stage, process.returncode, err))
                break
        else:
            problems.append('never done')
        if problems:
            break
        strikes, server.faults = server.faults, None
        check_now = not late or stage == 2  # else the next run comes while writes of this one are not yet applied
        if check_now:
            server.settle()
        code, _, err = job.run()
        server.faults = strikes
        said = job.expected()
        if code != 0 or len(server.seen) == start and stage == 0:
            problems.append('stage %d, a last run: %d\n%s' % (stage, code, err))
        if check_now:
            server.settle()
        # The model: what the source says, over which an enrichment stands until the source says otherwise.
        for one, record in said.items():
            old = before.get(one)
            kept = enriched.get(one, {}) if stage else {}
            if old is not None and kept:
                base = bases[one]
                kept = {k: v for k, v in kept.items() if not (k in record and record[k] != base.get(k))}
                enriched[one] = kept
            expected[one] = {**record, **kept}
        if stage == 0:
            enriched, bases = {}, {}
        bases.update(said)
        for line in (job.folder / 'out.updates.jsonl').read_text().splitlines():
            update = json.loads(line)
            one = update.pop('external_id')
            update.pop('metadata', None) if not update.get('metadata') else None
            metadata = update.pop('metadata', None)
            enriched.setdefault(one, {}).update(update)
            expected[one] = {**expected[one], **update}
            if metadata:
                problems.append('the model knows no enriched metadata')
        if check_now and server.state != expected:
            wrong = [one for one in expected if server.state.get(one) != expected[one]]
            problems.append('stage %d: %d records are not as expected: %s\n%s\n%s' % (
                stage, len(wrong), wrong[:3], server.state.get(wrong[0]) if wrong else len(server.state), expected[wrong[0]] if wrong else ''))
        same = {one for one in expected if before.get(one) == expected[one]}
        sent = collections.Counter()
        for seen in server.seen[start:]:
            sent.update({r['external_id'] for r in json.loads(seen.body)['conversations']})
        if same & set(sent):
            problems.append('stage %d: %d unchanged records were sent' % (stage, len(same & set(sent))))
        accepted = collections.Counter(s.body for s in server.seen[start:] if s.status == 202 and not s.fault)
        again = sum(n - 1 for n in accepted.values())
        if again > kills * 6 + share * len(server.seen) * 2 + 2:
            problems.append('stage %d: %d accepted requests went again, with %d kills' % (stage, again, kills))
        if problems:
            break
    problems += server.problems[:5]
    if server.worst < 0:
        problems.append('over the limit by %.2f' % -server.worst)
    problems += ['the key stands in ' + place for place in job.canaries()]
    server.close()
    check('seed %d: %d conversations, %d requests, %d kills, faults %d %%, late %.1f s' %
          (seed, count, len(server.seen), kills, share * 100, late), '\n'.join(problems))


EVENTS_JOB = '''
[job]
rejects = "rejects.jsonl"
external_id = "%(template)s"
order_by = "%(order)s"
[[source]]
name = "z"
adapter = "zendesk-csv"
inputs = ["z.csv"]
time_zone = "UTC"
[[source]]
name = "csat"
adapter = "zendesk-csv"
inputs = ["csat.csv"]
time_zone = "UTC"
role = "enrich"
allow_empty = true
%(w)s
[[sink]]
type = "jsonl"
path = "out.jsonl"
updates = "out.updates.jsonl"
[[sink]]
type = "assembled"
url = "%(url)s"
api_key = { env = "CROSSWALK_TEST_KEY" }
journal = "journal.db"
%(settings)s
'''
EVENTS_W = '''
[[source]]
name = "w"
adapter = "zendesk-csv"
inputs = ["w.csv"]
time_zone = "UTC"
settings = { platform = "w" }
[[merge.link]]
left = "w.metadata.Link"
right = "z.external_id"
'''


def events(program, folder, seed, count=60):
    """What happens to identities over months of exports: rows roll out, links appear, enrichments come early, the template
    changes, a source is taken out; with faults and kills. The model knows nothing of the journal."""
    choose = random.Random(seed)
    rate = 400.0
    strike = random.Random(seed + 1)
    share = choose.choice([0.0, 0.15])
    names = ['429-plain', '503', 'reset', 'taken, reset', 'taken, head cut', 'taken, half report', 'applied 500', 'items', 'html',
             'applied 200']
    server = Server(key=KEY, rate=rate, burst=50, metadata=choose.choice(['merge', 'replace']), seed=seed)
    server.strict = True
    server.faults = lambda *_: strike.choice(names) if strike.random() < share else None
    settings = 'rate_per_minute = %d\nburst = 50\nretry_ceiling = 0.05\ntimeout = 2\nretries = 200\nbatch_size = 7\nsettle = 0\n' % (rate * 60)
    job = Job(program, folder / ('events-%d' % seed), server, settings)
    z = {str(i): {'day': choose.randint(1, 28), 'Status': 'Open', 'Subject': 'z%d' % i} for i in range(count)}
    w = {str(9000 + i): {'day': choose.randint(1, 28), 'Status': 'Open', 'Subject': 'w%d' % i, 'Link': ''} for i in range(count // 3)}
    late = set(choose.sample(sorted(z), count // 6))  # these come to the export only in the second stage; they are enriched before
    made = {'order': choose.choice(['external_id', 'started_at']), 'template': '{platform}.{id}', 'w': EVENTS_W, 'url': server.url, 'settings': settings}
    expected, bases, early, enriched, source_of, problems, kills = {}, {}, {}, {}, {}, [], 0
    was_part, parted = {}, {}

    met = collections.Counter()

    linked = choose.sample(sorted(w), len(w) // 2)
    hidden = set(linked[::2])  # not in the exports before they are linked

    def name(one, source):
        return '%s.%s' % ({'z': 'zendesk'}.get(source, source), one) if made['template'] == '{platform}.{id}' else '%s:%s' % (source, one)

    def write(some_z, csat):
        (job.folder / 'job.toml').write_text(EVENTS_JOB % made)
        some_w = {one: row for one, row in w.items() if one not in hidden}
        for file, rows, more in (('z.csv', some_z, ''), ('w.csv', some_w, ',Link'), ('csat.csv', csat, '')):
            with open(job.folder / file, 'w') as out:
                out.write('Id,Via,Created at,Subject,Status,Satisfaction Score%s\n' % more)
                for one, row in rows.items():
                    out.write('%s,Mail,2024-01-%02d 03:04,%s,%s,%s%s\n' % (
                        one, row.get('day', 1), row.get('Subject', ''), row.get('Status', ''), row.get('Score', ''), ',' + row['Link'] if more else ''))

    def stage(some_z, csat, options=(), poison=(), forgotten=()):
        """Runs until one ends, and once more undisturbed. Meanwhile the server fails on some, and has others no longer."""
        nonlocal kills
        write(some_z, csat)
        parted.clear()
        server.poison = set(poison)
        for one in forgotten:
            server.state.pop(one)
        first = json.loads(job.run('plan', '--json')[1])['sinks'][-1]['each']
        parted.update({one['external_id']: one['was_part_of'] for one in first if 'was_part_of' in one})
        for attempt in range(100):
            process = job.start('run', str(job.folder / 'job.toml'), *options)
            try:
                _, err = process.communicate(timeout=choose.expovariate(1 / 0.1) + 0.005 if attempt < 12 and choose.random() < 0.7 else 120)
            except subprocess.TimeoutExpired:
                process.kill()
                _, err = process.communicate()
                kills += 1
            if process.returncode == (3 if poison else 0):
                break
            if process.returncode == 4 and poison and 'gave up' in err:  # nothing else was left, which is told from no outage
                break
            if process.returncode == 1 and 'nobody can say whether the server took' in err:
                continue
            if process.returncode != -signal.SIGKILL:
                return problems.append('exit code %d\n%s' % (process.returncode, err))
        if set(poison) & set(server.state) - set(bases):
            problems.append('what the server fails on is there')
        server.poison = set()
        strikes, server.faults = server.faults, None
        code, _, err = job.run('run', '--summary', str(job.folder / 'summary.json'))
        server.faults = strikes
        if code != 0:
            return problems.append('the last run: exit code %d\n%s' % (code, err))
        said = job.expected()
        before = set(bases)
        for one, record in said.items():
            source = 'z' if (one.replace(':', '.').split('.')[-1] in some_z) else 'w'
            if one in bases:
                kept = {k: v for k, v in enriched.get(one, {}).items() if not (k in record and record[k] != bases[one].get(k))}
            else:
                kept = {k: v for k, v in early.pop(one, {}).items() if k not in record}
                met['early'] += bool(kept)
            bases[one], enriched[one], source_of[one] = record, kept, source
            expected[one] = {**record, **kept}
        touched = set(said)
        for line in (job.folder / 'out.updates.jsonl').read_text().splitlines():
            update = json.loads(line)
            one = update.pop('external_id')
            touched.add(one)
            if one in bases:
                enriched[one].update(update)
                expected[one].update(update)
            else:
                early.setdefault(one, {}).update(update)
        if parted != {one: was_part[one] for one in said if one in was_part and one not in before}:
            problems.append('no longer parts: %s of %s' % (parted, was_part))
        met['parted'] += len(parted)
        if made['w']:
            was_part.update({name(one, 'w'): name(row['Link'], 'z') for one, row in w.items() if row['Link'] in some_z})
        if server.state != expected:
            wrong = [one for one in set(expected) | set(server.state) if server.state.get(one) != expected.get(one)]
            problems.append('%d records are not as expected, such as %s and not %s' % (len(wrong), server.state.get(wrong[0]), expected.get(wrong[0])))
        # Who is missing, and why.
        spans = {}
        for one, record in said.items():
            spans.setdefault(source_of[one], []).append(record['started_at'])
        parts, gone = {}, set()
        for one, base in bases.items():
            if one in touched:
                continue
            plain = one.replace(':', '.').split('.')[-1]
            link = w.get(plain, {}).get('Link') if made['w'] else ''
            if one == name(plain, 'w') and link in some_z:
                parts[one] = name(link, 'z')
            elif source_of[one] == 'w' and not made['w']:
                gone.add(one)
            elif spans.get(source_of[one]) and min(spans[source_of[one]]) <= base['started_at'] <= max(spans[source_of[one]]):
                gone.add(one)
        summary = json.loads((job.folder / 'summary.json').read_text())['sinks'][-1]['delivery']['delivered_earlier']
        met['parts'] += len(parts)
        met['gone'] += len(gone)
        if {one['external_id']: one['now'] for one in summary['parts']} != parts or summary['part_of_another'] != len(parts):
            problems.append('parts: %s, want %s' % (summary, parts))
        if set(summary['no_longer']) != gone or summary['no_longer_produced'] != len(gone):
            problems.append('no longer produced: %s, want %s' % (summary['no_longer'], sorted(gone)))
        listed = json.loads(job.run('plan', '--json')[1])['sinks'][-1]['each']
        if {one['external_id'] for one in listed if one['action'] == 'no_longer_produced'} != gone or \
                {one['external_id']: one['now'] for one in listed if one['action'] == 'part_of_another'} != parts:
            problems.append('plan --json lists others')

    def score(ids):
        return {one: {'Score': choose.choice(['Good', 'Bad'])} for one in ids}

    stage({one: row for one, row in z.items() if one not in late}, score(sorted(late)[: len(late) // 2]))
    changed = choose.sample(sorted(z), count // 5)
    for one in changed:
        z[one]['Status'] = choose.choice(['Pending', 'Solved'])
    hidden.clear()
    for one in linked:  # a link appears
        w[one]['Link'] = choose.choice(sorted(z))
    for one, row in w.items():
        if [other['Link'] for other in w.values()].count(row['Link']) > 1:
            row['Link'] = ''
    if not problems:
        stage(z, {}, poison=[name(one, 'z') for one in choose.sample(sorted(late) + changed, choose.choice([0, 2]))],
              forgotten=[name(one, 'z') for one in choose.sample(sorted(set(changed) - late), choose.choice([0, 3]))])
    rolled = {one: row for one, row in z.items() if row['day'] > choose.choice([5, 10])}
    removed = choose.sample(sorted(rolled), 3)
    if not problems:
        stage({one: row for one, row in rolled.items() if one not in removed}, score(choose.sample(sorted(set(z) - set(rolled)), min(2, len(z) - len(rolled)))))
    if not problems:
        made['w'] = ''  # a source is taken out
        stage(z, {})
    if not problems:
        made['template'] = '{source}:{id}'
        write(z, {})
        before = len(server.seen)
        for verb in ('run', 'deliver'):
            code, _, err = job.run(verb)
            if code != 2 or len(server.seen) != before or 'twice, under its old id and its new one' not in err:
                problems.append('another template, %s: exit code %d\n%s' % (verb, code, err))
        if job.run('plan')[0] != 0:
            problems.append('plan refuses another template')
        stage(z, {}, ['--new-ids'])
    if not problems and not all(met[event] for event in ('parts', 'gone', 'early')):
        problems.append('not every event was met: %s' % met)
    problems += server.problems[:5]
    server.close()
    check('events, seed %d: %d requests, %d kills, faults %d %%, %d parts, %d parts no more, %d gone, %d enriched early' %
          (seed, len(server.seen), kills, share * 100, met['parts'], met['parted'], met['gone'], met['early']), '\n'.join(problems))


def benchmark(program, folder, count, minutes):
    """The server's own measure: the time from the first arrival to the last."""

    def deliver(name, conversations, settings, rate, burst):
        server = Server(key=KEY, rate=rate, burst=burst)
        server.only_count = True
        job = Job(program, folder / name, server, settings, {})
        text = (job.folder / 'job.toml').read_text()
        jsonl = text[text.index('[[sink]]'):text.index('[[sink]]', text.index('[[sink]]') + 1)]  # deliver alone is measured
        (job.folder / 'job.toml').write_text(text.replace(jsonl, '').replace('[job]', '[job]\nmemory_limit = "64MiB"'))
        with open(job.folder / 'tickets.csv', 'w') as file:
            file.write('Id,Via,Created at,Subject,Status,Assignee,Satisfaction Score,Brand,Notes\n')
            for i in range(conversations):
                file.write('%d,Mail,2024-01-02 03:04,Subject %d of this,Open,agent %d,Good,brand %d,%s\n' %
                           (i, i, i % 500, i % 7, 'What the customer wrote and what was said to it. ' * 15))
        (job.folder / 'survey.csv').write_text('Id,Via,Created at\n')
        began = time.monotonic()
        process = job.start('run', str(job.folder / 'job.toml'))
        peak = peak_memory(process)
        _, err = process.communicate()
        took = time.monotonic() - began
        arrivals = sorted(server.arrivals[1:])
        server.close()
        sending = arrivals[-1] - arrivals[0] if arrivals else 1
        problem = '' if process.returncode == 0 and server.records == conversations else '%d of %d\n%s' % (server.records, conversations, err)
        if server.worst < 0:
            problem += 'over the limit by %.2f' % -server.worst
        mebibytes = server.bytes / 1048576
        return problem, took, sending, peak, len(arrivals), mebibytes

    problem, took, sending, peak, requests, mebibytes = deliver(
        'unlimited', count, 'rate_per_minute = 6000000\nburst = 1000\nsettle = 0\n', 1e9, 1e9)
    check('%d conversations (%.0f MiB) in %d requests without a limit: %.1f s of which %.1f s sending, %.0f conversations a second '
          '(%.0f of the whole run), %.0f MiB of memory' %
          (count, mebibytes, requests, took, sending, count / sending, count / took, peak), problem)
    # As many requests as the API allows in so many minutes, at its rate or, with fewer minutes than that, at a multiple.
    requests = int(10 * 300)
    rate = 5 * 10 / minutes
    problem, took, sending, peak, seen, _ = deliver(
        'limited', requests * 500, 'rate_per_minute = %d\nburst = 20\nsettle = 0\n' % (rate * 60), rate, 20)
    share = (seen - 1) / sending / rate
    if share < 0.98:
        problem += 'less than 98 %'
    check('%d requests of 500 at %.1f a second: %.1f s, %.2f %% of the limit, %.0f conversations a second, %.0f MiB of memory' %
          (seen, rate, sending, share * 100, seen * 500 / sending, peak), problem)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program')
    parser.add_argument('--runs', type=int, default=6)
    parser.add_argument('--conversations', type=int, default=2000)
    parser.add_argument('--points', type=int, default=4, help='system calls of each kind at which a run is killed, or they fail')
    parser.add_argument('--seed', type=int, default=1)
    parser.add_argument('--only', default='')
    parser.add_argument('--benchmark', type=int, default=0, metavar='COUNT')
    parser.add_argument('--minutes', type=float, default=10, help='how long the ten minutes of --benchmark at the limit take')
    arguments = parser.parse_args()
    program = os.path.abspath(arguments.program)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        parts = [('faults', lambda: faults(program, folder)), ('servers', lambda: servers(program, folder)),
                 ('hostile', lambda: hostile(program, folder)), ('changed', lambda: changed_inputs(program, folder)),
                 ('http', lambda: other_endpoint(program, folder)), ('codings', lambda: codings(program, folder)),
                 ('tls', lambda: certificates(program, folder)), ('memory', lambda: plan_memory(program, folder)),
                 ('calls', lambda: system_calls(program, folder, arguments.points)), ('two', lambda: one_at_a_time(program, folder))]
        if arguments.benchmark:
            parts = [('benchmark', lambda: benchmark(program, folder, arguments.benchmark, arguments.minutes))]
        else:
            parts += [('events', lambda seed=seed: events(program, folder, seed)) for seed in range(arguments.seed, arguments.seed + arguments.runs)]
            parts += [('mixed', lambda seed=seed: mixed(program, folder, seed, arguments.conversations))
                  for seed in range(arguments.seed, arguments.seed + arguments.runs)]
        for part, test in parts:
            if arguments.only and arguments.only != part:
                continue
            try:
                test()
            except Exception:  # a defect of one is not the end of all
                check(part, traceback.format_exc())
    print('1..%d' % number)
    sys.exit(failed != 0)


if __name__ == '__main__':
    main()
