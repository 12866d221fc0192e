"""Certificates of every kind, made by `openssl` when a test needs them, and servers that use them or break off."""
import shutil
import socket
import ssl
import subprocess
import threading

KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']


def available():
    return shutil.which('openssl') is not None


def openssl(folder, *arguments):
    subprocess.run(['openssl', *arguments], cwd=folder, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.PIPE)


def certificates(folder):
    """ca.pem, and NAME.pem with NAME.key for: good, expired, wrong-host (of that CA), self-signed."""
    folder.mkdir(parents=True)
    openssl(folder, 'req', '-x509', *KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-subj', '/CN=CA of a test', '-days', '2')
    openssl(folder, 'req', '-x509', *KEY, '-keyout', 'self-signed.key', '-out', 'self-signed.pem', '-subj', '/CN=self', '-days', '2',
            '-addext', 'subjectAltName=IP:127.0.0.1')
    for name, host in (('good', 'IP:127.0.0.1'), ('expired', 'IP:127.0.0.1'), ('wrong-host', 'DNS:example.com')):
        # 'expired' ends when it begins: OpenSSL 3.5 takes no negative number of days.
        days = '0' if name == 'expired' else '2'
        (folder / 'names').write_text('subjectAltName=' + host)
        openssl(folder, 'req', *KEY, '-keyout', name + '.key', '-out', name + '.csr', '-subj', '/CN=' + name)
        openssl(folder, 'x509', '-req', '-in', name + '.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', days,
                '-extfile', 'names', '-out', name + '.pem')
    return folder


def context(folder, name, newest=None):
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(folder / (name + '.pem'), folder / (name + '.key'))
    if newest:
        made.set_ciphers('ALL:@SECLEVEL=0')
        made.minimum_version = ssl.TLSVersion.TLSv1
        made.maximum_version = newest
    return made


class Listener:
    """Keeps every byte that it is sent, on any number of connections; `does(connection)` is what it does on each."""

    def __init__(self, does):
        self.socket = socket.create_server(('127.0.0.1', 0))
        self.url = 'https://127.0.0.1:%d' % self.socket.getsockname()[1]
        self.got, self.does = b'', does
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        connection.settimeout(5)
        try:
            self.got += connection.recv(65536)
            self.does(connection)
        except OSError:
            pass
        connection.close()

    def close(self):
        self.socket.close()


def cut(_connection):
    """After the client's first word."""


def cut_later(connection):
    """In the middle of the server's first word: the head of a handshake record, and a bit of it."""
    connection.sendall(b'\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03')


def silent(connection):
    connection.recv(1)


def alert(connection):
    connection.sendall(b'\x15\x03\x03\x00\x02\x02\x28')  # fatal: handshake failure


def plain(connection):
    connection.sendall(b'HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n')
