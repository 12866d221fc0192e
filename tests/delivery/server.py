"""The API of specs as a server on this machine that keeps what it was sent and misbehaves when told to."""
import base64
import collections
import email.utils
import gzip
import http.server
import json
import random
import socket
import struct
import threading
import time

PATH = '/v0/conversations/bulk'
INPUT = {'external_id', 'platform', 'channel', 'queue_id', 'assigned_agent_id', 'customer_id', 'subject', 'status', 'started_at',
         'ended_at', 'handle_time_seconds', 'wait_time_seconds', 'first_response_time_seconds', 'resolved', 'csat_score', 'metadata'}
UPDATE = {'external_id', 'assigned_agent_id', 'status', 'ended_at', 'handle_time_seconds', 'resolved', 'csat_score', 'metadata'}

Seen = collections.namedtuple('Seen', 'at method body status fault authorization path coding')


def invalid(record, method):
    """Why the schemas of the API do not allow it; None when they do."""
    allowed, required = (INPUT, ['external_id', 'channel', 'started_at']) if method == 'POST' else (UPDATE, ['external_id'])
    if not isinstance(record, dict) or not set(record) <= allowed:
        return 'unknown field'
    for field in required:
        if not isinstance(record.get(field), str) or not record[field]:
            return 'missing ' + field
    if any(value is None for value in record.values()):
        return 'null'
    if method == 'POST' and record['channel'] not in ('phone', 'email', 'chat', 'sms', 'social', 'back_office'):
        return 'channel'
    return None


def report(form, ids, refuse):
    """What some API's bulk endpoint would say of these records."""
    bad = [one for one in ids if one in refuse]
    if form == 'ids':
        return {'errors': [{'external_id': one, 'message': 'no such queue'} for one in bad]}
    if form == 'places':
        return {'failed_count': len(bad), 'failures': [{'index': ids.index(one), 'reason': 'no such queue'} for one in bad]}
    if form == 'pointers':
        return {'errors': [{'source': {'pointer': '/conversations/%d/queue_id' % ids.index(one)}, 'title': 'no such queue'} for one in bad]}
    if form == 'keyed':
        return {'errors': {one: ['no such queue'] for one in bad}}
    if form == 'items':
        return {'errors': True, 'items': [{'create': {'status': 422 if one in refuse else 201}} for one in ids]}
    return {'results': [{'external_id': one, 'status': 'error' if one in refuse else 'ok'} for one in ids]}


class Server:
    """`faults(number, method, records)` gives the name of what goes wrong with a request, or None."""

    def __init__(self, key='sk_live_canary_7f3a', rate=5.0, burst=20, faults=None, metadata='merge', seed=1, late=0.0, offers='', reads_gzip=True, tls=None):
        self.key, self.rate, self.burst, self.faults, self.metadata, self.late = key, rate, burst, faults, metadata, late
        self.offers, self.reads_gzip = offers, reads_gzip  # Accept-Encoding of its answers, and whether it keeps to it: True, or a status
        self.words = None  # words(authorization): what its errors say; the fault 'raw' sends raw(authorization) as the whole answer
        self.only_count, self.records, self.bytes = False, 0, 0  # for benchmarks: nothing is read or kept
        self.raw = lambda _authorization: b'HTTP/x 202 Accepted\r\nContent-Length: 0\r\n\r\n'
        self.random = random.Random(seed)
        self.lock = threading.RLock()
        self.state, self.seen, self.refuse, self.problems = {}, [], {}, []
        self.poison = set()  # ids that it fails on, with 500
        self.strict = False  # an update of what it does not have is a 404
        self.reports = None  # refused records are reported one by one in a success, in this form
        self.alike = False  # everything is refused, with the same words
        self.says = None  # says(method, ids): the answer to records that it takes, as (status, body), or None
        self.arrivals = [time.monotonic()]
        self.unapplied = collections.defaultdict(collections.Counter)  # by id: records that were taken and are not yet applied
        self.timers = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def log_message(self, *_):
                pass

            def do_POST(self):
                server.handle(self)

            do_PATCH = do_PUT = do_POST

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass

        self.http = Quiet(('127.0.0.1', 0), Handler)
        if tls:  # the handshake is made by the thread of the connection
            self.http.socket = tls.wrap_socket(self.http.socket, server_side=True, do_handshake_on_connect=False)
        self.url = '%s://127.0.0.1:%d' % ('https' if tls else 'http', self.http.server_address[1])
        threading.Thread(target=self.http.serve_forever, kwargs={'poll_interval': 0.02}, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def settle(self):
        """Until everything that was taken is applied."""
        for timer in list(self.timers):
            timer.join()

    @property
    def worst(self):
        """How low the strict token bucket of the API ever was."""
        arrivals = sorted(self.arrivals[1:])
        tokens, worst, at = float(self.burst), float(self.burst), self.arrivals[0]
        for now in arrivals:
            tokens = min(self.burst, tokens + (now - at) * self.rate) - 1
            worst, at = min(worst, tokens), now
        return worst

    def apply(self, method, records):
        with self.lock:
            for record in records:
                record = json.loads(record)
                one = self.state.get(record['external_id'])
                if method == 'POST':
                    self.state[record['external_id']] = record
                elif one is None:
                    self.problems.append('PATCH of unknown ' + record['external_id'])
                else:
                    metadata = record.pop('metadata', None)
                    one.update(record)
                    if metadata is not None:
                        one['metadata'] = {**one.get('metadata', {}), **metadata} if self.metadata == 'merge' else metadata

    def take(self, method, records):
        if self.late == 0:
            return self.apply(method, records)
        by_id = {json.loads(record)['external_id']: record for record in records}
        for one, record in by_id.items():
            self.unapplied[one][record] += 1

        def later():
            self.apply(method, records)
            with self.lock:
                for one, record in by_id.items():
                    self.unapplied[one] -= collections.Counter([record])

        timer = threading.Timer(self.random.uniform(0, self.late), later)
        self.timers.append(timer)
        timer.start()

    def handle(self, handler):
        length = int(handler.headers.get('Content-Length', 0))
        body = handler.rfile.read(length)
        now = time.monotonic()
        self.arrivals.append(now)
        if len(body) != length:  # cut off on its way
            handler.close_connection = True
            return
        if self.only_count:
            with self.lock:
                self.records += body.count(b'"external_id"')
                self.bytes += len(body)
            return self.answer(handler, 202, None, '')
        method, authorization, coding = handler.command, handler.headers.get('Authorization'), handler.headers.get('Content-Encoding', '')
        with self.lock:
            if coding == 'gzip' and self.reads_gzip is True:
                body = gzip.decompress(body)
                status, fault, text = self.decide(handler, method, body, authorization)
            elif coding:
                status, fault, text = (415 if self.reads_gzip is True else self.reads_gzip), None, 'I cannot read this'
            else:
                status, fault, text = self.decide(handler, method, body, authorization)
            self.seen.append(Seen(now, method, body, status, fault, authorization, handler.path, coding))
        if self.words and status != 202:
            text = self.words(authorization)
        if fault == 'raw':
            handler.wfile.write(self.raw(authorization))
            return self.cut(handler)
        self.answer(handler, status, fault, text)

    def decide(self, handler, method, body, authorization):
        if handler.path != PATH:
            return 404, None, 'no such page'
        if authorization != 'Basic ' + base64.b64encode((self.key + ':').encode()).decode():
            return 401, None, 'who are you, ' + str(authorization)
        try:
            parsed = json.loads(body)['conversations']
        except ValueError:
            self.problems.append('not JSON')
            return 400, None, 'not JSON'
        records = [json.dumps(record) for record in parsed]
        fault = self.faults(len(self.seen), method, parsed) if self.faults else None
        if fault and (fault[0].isdigit() or fault in ('reset', 'black hole', 'redirect', 'huge header', 'half head', 'head cut', 'raw')):
            return int(fault[:3]) if fault[0].isdigit() else 0, fault, 'fault ' + fault
        ids = [record.get('external_id') for record in parsed]
        if len(set(ids)) != len(ids):
            self.problems.append('an id twice in a request')
        for one, record in zip(ids, records):
            if any(other != record for other in self.unapplied.get(one, ())):
                self.problems.append('a second write of %s before the first was applied' % one)
        if fault == 'html':
            return 202, fault, '<!DOCTYPE html><html><body>Please sign in</body></html>'
        if self.alike:
            return 422, 'alike', 'no such account'
        if self.poison & set(ids):
            return 500, 'poison', 'oops'
        if self.strict and method == 'PATCH' and not set(ids) <= set(self.state):
            return 404, 'missing', 'no such conversation'
        if self.reports and set(self.refuse) & set(ids):
            good = [record for one, record in zip(ids, records) if one not in self.refuse]
            self.take(method, good)
            return 202, 'reports', json.dumps(report(self.reports, ids, self.refuse))
        for record in parsed:
            status = self.refuse.get(record.get('external_id'))
            why = invalid(record, method)
            if status or why:
                return status or 422, fault, 'record refused: %s' % (why or record.get('external_id'))
        if fault == 'items':  # it fails on some of them, and takes the others
            bad = set(self.random.sample(ids, 1 + len(ids) // 20))
            self.take(method, [record for one, record in zip(ids, records) if one not in bad])
            return 202, fault, json.dumps({'errors': [{'external_id': one, 'status': 503, 'message': 'busy'} for one in sorted(bad)]})
        self.take(method, records)
        if self.says and (said := self.says(method, ids)):
            return said[0], 'says', said[1]
        return (int(fault[8:]) if fault and fault.startswith('applied ') else 202), fault, ''

    def answer(self, handler, status, fault, text):
        if fault in ('reset', 'taken, reset'):
            return self.cut(handler)
        if fault in ('black hole', 'taken, black hole'):
            time.sleep(self.hole if hasattr(self, 'hole') else 3)
            return self.cut(handler)
        if fault == 'half head':
            handler.wfile.write(b'HTTP/1.1 20')
            return self.cut(handler)
        if fault == 'taken, half head':
            handler.wfile.write(b'HTTP/1.1 202 Acc')
            return self.cut(handler)
        if fault in ('head cut', 'taken, head cut'):  # and the connection ends in good order
            handler.wfile.write(b'HTTP/1.1 202 Accepted\r\nContent-Type: text/plain\r\nContent-Le')
            handler.close_connection = True
            return None
        if fault == 'taken, half report':
            handler.wfile.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\n{"errors":[')
            return self.cut(handler)
        if fault == 'taken, half body':
            handler.wfile.write(b'HTTP/1.1 202 Accepted\r\nContent-Length: 100\r\n\r\nhalf')
            return self.cut(handler)
        if fault == 'huge header':
            handler.wfile.write(b'HTTP/1.1 500 Oh\r\nX: ' + b'x' * 3_000_000 + b'\r\nContent-Length: 0\r\n\r\n')
            return self.cut(handler)
        if fault == 'redirect':
            status = 307
        data = text.encode()
        handler.send_response(status)
        if fault == '429':
            handler.send_header('Retry-After', '1')
        if fault == '429-date':
            handler.send_header('Retry-After', email.utils.formatdate(time.time() + 1, usegmt=True))
        if fault == 'redirect':
            handler.send_header('Location', getattr(self, 'elsewhere', 'http://127.0.0.2:9/'))
        if self.offers:
            handler.send_header('Accept-Encoding', self.offers)
        handler.send_header('Content-Length', str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)

    @staticmethod
    def cut(handler):
        handler.close_connection = True
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
        try:
            handler.wfile.flush()
            handler.connection.close()
        except OSError:
            pass
