#!/usr/bin/env python3
"""Runs that fail in every way there is, and a search for the key in all that they leave behind.

Searched are standard output and error, every file that was written, by name and content, and the command line of the process
and of processes it started, over its whole life; for the key as it is, in base64 (also as a Basic user name), URL-encoded.
The search is tried first on keys that were planted.

secrets.py PROGRAM; TAP on standard output."""
import argparse
import base64
import gzip
import itertools
import json
import os
import pathlib
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import tls  # noqa: E402
from deliver import FAST, KEY, Job, shapes, tickets  # noqa: E402
from server import Server  # noqa: E402

LEAST = 60
SETTINGS = FAST + 'retries = 2\nbatch_size = 10\n'
LONG = 'sk_live_' + 'aB3/+' * 60  # its base64 is longer than what is kept of an answer is for a few times


class Watch:
    """What was said, written and shown by processes while this was in use."""

    def __init__(self, folder, key, spare=()):
        self.folder, self.key, self.spare = pathlib.Path(folder), key, {pathlib.Path(one) for one in spare}
        self.outputs, self.shown = [], set()

    def look(self, pid):
        """The command lines of a process and of those below it."""
        try:
            self.shown.add(pathlib.Path('/proc/%d/cmdline' % pid).read_bytes())
            for task in os.listdir('/proc/%d/task' % pid):
                for child in pathlib.Path('/proc/%d/task/%s/children' % (pid, task)).read_text().split():
                    self.look(int(child))
        except OSError:
            pass

    def run(self, arguments, env=None, during=None, cwd=None):
        process = subprocess.Popen(arguments, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
        ended = threading.Event()

        def watch():
            while not ended.is_set():
                self.look(process.pid)
                ended.wait(0.01)

        watcher = threading.Thread(target=watch)
        self.look(process.pid)
        watcher.start()
        if during:
            during(process)
        out, err = process.communicate(timeout=60)
        ended.set()
        watcher.join()
        self.outputs += [out, err]
        return process.returncode, err.decode('utf-8', 'replace')

    def found(self):
        texts = {'output %d' % i: text for i, text in enumerate(self.outputs)}
        texts.update(('command line %d' % i, text) for i, text in enumerate(self.shown))
        for path in self.folder.rglob('*'):
            if path in self.spare:
                continue
            texts['name of %s' % path] = os.fsencode(path.relative_to(self.folder))
            if path.is_symlink() or path.is_file():
                texts[str(path)] = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
        return ['%s in %s' % (shape.decode(), where) for where, text in texts.items() for shape in shapes(self.key) if shape in text]


class Case:
    """One failing scenario: a server, a job, and what is run."""

    def __init__(self, program, folder, name, key=KEY, sink='', settings='', server=True, **server_options):
        self.program, self.name, self.key = program, name, key
        self.folder = folder / name.replace(' ', '-').replace('/', '-')
        self.server = Server(key=key, rate=500, burst=100, **server_options) if server else None
        self.job = Job(program, self.folder, self.server, SETTINGS + settings, tickets(20), sink)
        self.job.write()
        self.watch = Watch(self.folder, key)
        self.env, self.codes = {'CROSSWALK_TEST_KEY': key}, []

    def edit(self, old, new):
        path = self.folder / 'job.toml'
        text = path.read_text()
        assert old in text, old
        path.write_text(text.replace(old, new))

    def __call__(self, verb='run', *more, during=None, job=True):
        env = {'PATH': os.environ['PATH'], 'LC_ALL': 'C', 'TMPDIR': str(self.folder), **self.env}
        env.update((name, os.environ[name]) for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS', 'TSAN_OPTIONS') if name in os.environ)
        paths = ([str(self.folder / 'rejects.jsonl')] if verb == 'replay' else []) + [str(self.folder / 'job.toml')] * job
        code, self.said = self.watch.run([self.program, verb, *paths, *more], env, during, self.folder)
        self.codes.append(code)
        return code

    def all_fault(self, fault):
        self.server.faults = lambda *_: fault


def echo(authorization, key):
    """Bodies that say back what they were sent, in the ways that servers, proxies and frameworks do."""
    secret = authorization.split()[1]
    quoted = urllib.parse.quote(key, safe='')
    return {
        'the header': 'bad header: Authorization: ' + authorization,
        'the key': 'no such key "%s"' % key,
        'the key as JSON': json.dumps({'error': {'user': key, 'header': authorization}}).replace('/', '\\/'),
        'base64 of the key': 'user=' + base64.b64encode(key.encode()).decode(),
        'base64 for URLs': 'user=' + base64.urlsafe_b64encode((key + ':').encode()).decode(),
        'URL-encoded': 'https://%s:@api/?key=%s&low=%s' % (quoted, quoted, quoted.replace('%2F', '%2f').replace('%2B', '%2b')),
        'all many times': ('%s %s ' % (secret, key)) * 200,
        'cut off within it': 'x' * 2000 + ' ' + key * 20,
        'with marks within': 'a\x1b[31m' + key + '\x00' + secret + '\r\n\r\n' + key,
    }


WAYS = list(echo('Basic x', KEY))
STATUSES = ['400', '401', '403', '404', '405', '408', '409', '413', '415', '418', '422', '425', '429', '451', '500', '501', '503', '505']


def answers(program, folder):
    """Every status with every way to say the key back."""
    for status, way in itertools.product(STATUSES, WAYS):
        case = Case(program, folder, 'answer %s, %s' % (status, way))
        case.all_fault(status)
        case.server.words = lambda authorization, way=way: echo(authorization, KEY)[way]
        case()
        yield case
    for way in WAYS:
        case = Case(program, folder, 'a long key, %s' % way, key=LONG)
        case.all_fault('500')
        case.server.words = lambda authorization, way=way: echo(authorization, LONG)[way]
        case()
        yield case


def reports(program, folder):
    """Successes that report errors, with the key in what they say of a record."""
    for way, key in itertools.product(WAYS, (KEY, LONG)):
        for entry in ('{"external_id":"0","message":%s}', '{"external_id":"0","reason":{"inner":[%s]}}', '%s'):
            case = Case(program, folder, 'a report, %s, %d, %d' % (way, len(key), len(entry)), key=key)
            case.all_fault('raw')

            def raw(authorization, way=way, key=key, entry=entry):
                body = '{"errors":[%s]}' % (entry % json.dumps(echo(authorization, key)[way]))
                return ('HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%s' % (len(body.encode()), body)).encode()

            case.server.raw = raw
            case()
            yield case


def heads(program, folder):
    """The key in what stands before the body, and answers that are none."""
    whole = 'HTTP/1.1 %s\r\n%s\r\nContent-Length: 0\r\n\r\n'
    for name, text in (
            ('a redirect to the key', whole % ('302 Found', 'Location: https://evil.example/?k={key}&b={basic}&u={url}')),
            ('a redirect with a user', whole % ('307 Temporary Redirect', 'Location: https://{url}:@evil.example/')),
            ('a permanent redirect', whole % ('308 Permanent Redirect', 'Location: /{basic}')),
            ('a redirect to no scheme', whole % ('301 Moved', 'Location: {key}://x')),
            ('the key as reason', whole % ('500 {key} {basic}', 'X: y')),
            ('the key as reason of 400', whole % ('400 {key}', 'X: y')),
            ('the key as Retry-After', whole % ('429 Slow', 'Retry-After: {key}')),
            ('the key as coding', whole % ('415 What', 'Accept-Encoding: gzip, {key}')),
            ('the key as a header name', whole % ('503 Busy', '{basic}: 1')),
            ('the key as a challenge', whole % ('401 Who', 'WWW-Authenticate: Basic realm="{key}"')),
            ('the key as version', 'HTTP/{key} 500 OK\r\n\r\n'),
            ('the key as all', '{key} {basic}'),
            ('another protocol', 'SSH-2.0-{key}\r\n'),
            ('half a head', 'HTTP/1.1 500 Oh\r\nX-Sent: {basic}'),
            ('half a body', 'HTTP/1.1 500 Oh\r\nContent-Length: 9999\r\n\r\nyou sent {basic} and {key}'),
            ('a bad length', 'HTTP/1.1 500 Oh\r\nContent-Length: {key}\r\n\r\n{basic}'),
            ('bad chunks', 'HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n{key}\r\n'),
            ('an unknown coding', whole % ('500 Oh', 'Transfer-Encoding: {key}')),
            ('a cookie', whole % ('500 Oh', 'Set-Cookie: k={key}'))):
        case = Case(program, folder, 'head, ' + name)
        case.all_fault('raw')
        case.server.raw = lambda authorization, text=text: text.format(
            key=KEY, basic=authorization, url=urllib.parse.quote(KEY, safe='')).encode()
        case()
        yield case
    case = Case(program, folder, 'head, packed body')
    case.all_fault('raw')
    case.server.raw = lambda authorization: b'HTTP/1.1 500 Oh\r\nContent-Encoding: gzip\r\n\r\n' + gzip.compress(
        ('%s %s' % (authorization, KEY)).encode(), 0)
    case()
    yield case


def network(program, folder):
    for fault in ('reset', 'black hole', 'half head', 'huge header', 'taken, reset', 'taken, half head',
                  'taken, black hole', 'applied 500', 'redirect'):
        case = Case(program, folder, 'fault, ' + fault)
        case.server.hole = 2
        case.all_fault(fault)
        case()
        yield case
    for name, url in (('refused', 'http://127.0.0.1:9'), ('no such host', 'https://no-such-host.invalid')):
        case = Case(program, folder, 'connection, ' + name, sink=url)
        case()
        yield case
    for name, does in (('cut', tls.cut), ('cut later', tls.cut_later), ('refused', tls.alert), ('silent', tls.silent), ('plain', tls.plain)):
        listener = tls.Listener(does)
        case = Case(program, folder, 'TLS handshake, ' + name, sink=listener.url, settings='')
        case.edit('timeout = 1', 'timeout = 0.3')
        case()
        listener.close()
        yield case
    proxy = tls.Listener(lambda connection: connection.sendall(b'HTTP/1.1 407 No\r\nX: ' + KEY.encode() + b'\r\nContent-Length: 0\r\n\r\n'))
    case = Case(program, folder, 'a proxy that refuses', sink='https://api.example')
    case.env['https_proxy'] = proxy.url.replace('https', 'http')
    case()
    case.watch.outputs.append(proxy.got)  # nor may a proxy see it
    proxy.close()
    yield case
    if tls.available():
        made = tls.certificates(folder / 'certificates')
        for name in ('good', 'expired', 'wrong-host', 'self-signed'):
            settings = '' if name == 'good' else 'ca_file = "%s"\n' % (made / 'ca.pem')
            case = Case(program, folder, 'certificate, ' + (name if settings else 'of nobody we know'), settings=settings,
                        tls=tls.context(made, name))
            case()
            yield case


def places(program, folder):
    """Where the key comes from, and what is wrong there."""
    for name, content in (('two lines', KEY + '\n' + KEY), ('a NUL', KEY + '\0'), ('a colon', KEY + ':secret'), ('too long', KEY * 1000),
                          ('a byte order mark', '\ufeff' + KEY), ('a name before it', 'ASSEMBLED_API_KEY\t' + KEY),
                          ('an umlaut', KEY + 'ä'), ('nothing', ''), ('blanks', '   \n')):
        case = Case(program, folder, 'key file with ' + name)
        case.edit('{ env = "CROSSWALK_TEST_KEY" }', '{ file = "the-key" }')
        (case.folder / 'the-key').write_text(content)
        (case.folder / 'the-key').chmod(0o600)
        case.watch.spare.add(case.folder / 'the-key')
        case.env = {}
        case()
        yield case
    case = Case(program, folder, 'key file that is a folder')
    case.edit('{ env = "CROSSWALK_TEST_KEY" }', '{ file = "." }')
    case()
    yield case
    for name, value in (('a colon', KEY + ':'), ('a line feed', KEY + '\n' + KEY), ('an umlaut', 'ä' + KEY)):
        case = Case(program, folder, 'environment with ' + name)
        case.env['CROSSWALK_TEST_KEY'] = value
        case()
        yield case
    for name, old, new in (
            ('as api_key', '{ env = "CROSSWALK_TEST_KEY" }', '"%s"' % KEY),
            ('in a header', 'settle = 0', 'settle = 0\nheaders = { Authorization = "Basic %s" }' % KEY),
            ('as user of the url', 'http://', 'https://%s@' % urllib.parse.quote(KEY, safe='')),
            ('in a list', '{ env = "CROSSWALK_TEST_KEY" }', '["%s"]' % KEY),
            ('under a wrong name', '{ env = "CROSSWALK_TEST_KEY" }', '{ key = "%s" }' % KEY)):
        case = Case(program, folder, 'key in the job file ' + name)
        case.edit(old, new)
        case.watch.spare.add(case.folder / 'job.toml')
        case()
        yield case
    for key in ('another', KEY[:-1]):
        case = Case(program, folder, 'wrong key %d' % len(key))
        case.server.key = key
        case()
        yield case


def journals(program, folder):
    def broken(name, how):
        case = Case(program, folder, 'journal, ' + name)
        case()
        how(case, case.folder / 'journal.db')
        case.job.rows['1']['Status'] = 'Solved'
        case.job.write()
        case()
        case('plan', '--json')
        case('deliver', '--resume')
        return case

    yield broken('garbage', lambda _case, path: path.write_bytes(b'x' * 5000))
    yield broken('empty', lambda _case, path: path.write_bytes(b''))
    yield broken('cut', lambda _case, path: path.write_bytes(path.read_bytes()[:9000]))
    yield broken('flipped', lambda _case, path: path.write_bytes(path.read_bytes().replace(b'Subject 3', b'Subject 4')))
    yield broken('newer', lambda _case, path: path.write_bytes(path.read_bytes()[:63] + b'\x09' + path.read_bytes()[64:]))
    yield broken('a folder', lambda _case, path: (path.unlink(), path.mkdir()))
    yield broken('of another account', lambda case, _path: case.env.update(CROSSWALK_TEST_KEY='sk_live_other'))

    case = Case(program, folder, 'journal, with a new key that is wrong')
    case()
    case.job.rows['1']['Status'] = 'Solved'
    case.job.write()
    case.all_fault('503')
    case()
    case.server.faults = None
    case.env['CROSSWALK_TEST_KEY'] = 'sk_live_other'
    case('deliver', '--new-key')
    case.server.key = 'sk_live_other'
    case.env['CROSSWALK_TEST_KEY'] = KEY
    case('deliver', '--new-key')
    yield case


def verbs(program, folder):
    for name, verb, more in (('plan', 'plan', []), ('plan as JSON', 'plan', ['--json']), ('requests', 'run', ['--dry-run', '--requests', 'r']),
                             ('summary', 'run', ['--summary', 's.json', '--ledger', 'l.jsonl']), ('full', 'run', ['--full']),
                             ('resume', 'deliver', ['--resume']), ('replay', 'replay', []), ('JSON', 'run', ['--json'])):
        case = Case(program, folder, 'verb, ' + name)
        case.server.refuse = {'3': 422, '7': 400}
        case.server.words = lambda authorization: 'refused, ' + authorization + ' ' + KEY
        case()
        case.job.rows['2']['Status'] = 'Solved'
        case.job.write()
        case.all_fault('503')
        case(verb, *more)
        yield case
    case = Case(program, folder, 'verb, key as an argument that there is not')
    case('run', '--api-key', 'no')
    yield case
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL, signal.SIGABRT, signal.SIGSEGV):
        case = Case(program, folder, 'signal, ' + number.name)
        case.server.hole = 1
        case.all_fault('black hole')

        def strike(process, case=case, number=number):
            end = time.monotonic() + 10
            while not case.server.seen and time.monotonic() < end:
                time.sleep(0.005)
            case.watch.look(process.pid)
            process.send_signal(number)

        case(during=strike)
        case.server.faults = None
        case('deliver', '--resume')
        yield case


def memory(program, folder):
    """What is wrong with how a process that holds the key is kept from others; as a user, since root may look into all."""
    case = Case(program, folder, 'memory')
    case.server.hole = 1
    case.all_fault('black hole')
    user = 65534 if os.geteuid() == 0 else os.geteuid()
    if user != os.geteuid():
        for one in (case.job.folder, *case.job.folder.rglob('*')):
            os.chown(one, user, user)
    job = str(case.job.folder / 'job.toml')
    command = [program, 'run', job]
    resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
    process = subprocess.Popen(command, env={**os.environ, **case.env}, user=user, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
    end = time.monotonic() + 10
    while not case.server.seen and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    found = []
    try:
        limits = pathlib.Path('/proc/%d/limits' % process.pid).read_text()
        owner = os.stat('/proc/%d/environ' % process.pid).st_uid
        if limits.split('Max core file size')[1].split()[0] != '0':
            found.append('core files may be written')
        if owner != 0:  # of a process that cannot be dumped, these files belong to root
            found.append('its memory can be read by its user')
    except (OSError, IndexError) as trouble:
        found.append('it was not there: %s' % trouble)
    process.kill()
    said = process.communicate()[1].decode()
    case.server.close()
    if not case.server.seen:
        found.append('nothing was sent: ' + said)
    return found


def planted(folder):
    """The search finds a key wherever one is; gives how many it did not find."""
    missed = []
    for number, (place, shape) in enumerate(itertools.product(('stdout', 'stderr', 'file', 'nested', 'name', 'link', 'arguments', 'child'),
                                                              [s.decode() for s in shapes(KEY)])):
        at = folder / str(number)
        (at / 'a').mkdir(parents=True)
        watch = Watch(at, KEY)
        if place in ('stdout', 'stderr'):
            (folder / 'secret').write_text('x' * 70000 + shape)
            watch.run(['sh', '-c', 'cat "%s" %s' % (folder / 'secret', '>&2' if place == 'stderr' else '')])
        elif place == 'file':
            (at / 'f').write_bytes(b'\0\xff' + shape.encode() + b'\0')
        elif place == 'nested':
            (at / 'a' / '.hidden').write_text(shape)
        elif place in ('name', 'link'):
            if '/' in shape and place == 'name':
                continue
            (at / 'a' / (shape if place == 'name' else 'l')).symlink_to(shape if place == 'link' else 'x')
        elif place == 'arguments':
            watch.run(['sh', '-c', 'sleep 0.05', shape])
        else:
            watch.run(['sh', '-c', '''sh -c 'sleep 0.1; exit' "$(printf %s "$(cat ../secret-of-child)")"; exit'''], cwd=at) \
                if (folder / 'secret-of-child').write_text(shape) else None
        if not watch.found():
            missed.append('%s in %s' % (shape, place))
    return missed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('program')
    program = os.path.abspath(parser.parse_args().program)
    number = failed = 0

    def check(name, problems):
        nonlocal number, failed
        number, failed = number + 1, failed + bool(problems)
        print('%s %d - %s' % ('not ok' if problems else 'ok', number, name), flush=True)
        for line in '\n'.join(problems).splitlines():
            print('# ' + line)

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check('the search finds keys that were planted', planted(folder / 'planted'))
        os.chmod(folder, 0o755)
        check('no core files, and no looking into it, while it has the key', memory(program, folder))
        names, worked = set(), []
        for group in (answers, reports, heads, network, places, journals, verbs):
            for case in group(program, folder):
                if case.server:
                    case.server.close()
                names.add(case.name)
                if not any(case.codes):
                    worked.append(case.name)
                check(case.name, case.watch.found() + (['a crash: %s' % case.codes] if any(
                    code < 0 and 'signal' not in case.name for code in case.codes) else []) +
                      [text.decode('utf-8', 'replace') for text in case.watch.outputs
                       if (b'Sanitizer' in text or b'runtime error' in text) and 'SIGSEGV' not in case.name])
        allowed = {'verb, plan', 'verb, plan as JSON', 'verb, requests'}
        check('%d distinct scenarios failed' % (len(names) - len(worked)),
              ['no more than that'] * (len(names) - len(worked) < LEAST) + ['it went well: ' + one for one in worked if one not in allowed])
    print('1..%d' % number)
    sys.exit(failed != 0)


if __name__ == '__main__':
    main()
