"""httpd.py: an HTTP server for tests that records whole requests and answers, or misbehaves, as it is told.

`act(request, connection)` sends what it likes on the raw connection; by default 200 and {}.
"""
import socket
import ssl
import threading


class Request:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body

    def header(self, name):
        return self.headers.get(name.lower())


def answer(status=200, body=b"{}", **headers):
    fields = "".join("%s: %s\r\n" % (n.replace("_", "-"), v) for n, v in headers.items())
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nContent-Type: application/json\r\n%s\r\n%s" % (
        status, len(body), fields.encode(), body)


class Httpd:
    def __init__(self, act=None, certificate=None):
        self.act = act or (lambda request, connection: connection.sendall(answer()))
        self.requests, self.lock, self.stopped = [], threading.Lock(), threading.Event()
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = "http%s://127.0.0.1:%d" % ("s" if certificate else "", self.port)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while not self.stopped.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.session, args=(connection,), daemon=True).start()

    def read(self, file):
        line = file.readline()
        if not line:
            return None
        method, target, _ = line.decode("latin-1").split(" ", 2)
        headers = {}
        while True:
            line = file.readline().decode("latin-1").strip("\r\n")
            if not line:
                break
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        return Request(method, target, headers, file.read(int(headers.get("content-length", 0))))

    def session(self, connection):
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
            with connection:
                file = connection.makefile("rb")
                while True:
                    request = self.read(file)
                    if not request:
                        return
                    with self.lock:
                        self.requests.append(request)
                    if self.act(request, connection) == "close":
                        return
        except (OSError, ValueError):
            pass

    def close(self):
        self.stopped.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # else accept() in the other thread keeps it alive
        except OSError:
            pass
        self.listener.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
