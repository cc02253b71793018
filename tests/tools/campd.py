"""campd.py: starts the real daemon for a test, speaks HTTP with it, and always ends it."""
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(ROOT, os.environ.get("BIN", "build"))
CAMP, CAMPD = os.path.join(BIN, "camp"), os.path.join(BIN, "campd")


class Tap:
    """Numbers the lines of a suite; `tell` is one test."""

    def __init__(self):
        self.number = self.failed = 0

    def tell(self, is_ok, name, why=""):
        self.number += 1
        self.failed += not is_ok
        print("%sok %d - %s" % ("" if is_ok else "not ", self.number, name), flush=True)
        for line in str(why).splitlines() if not is_ok else []:
            print("#", line)

    def skip(self, name, why):
        self.number += 1
        print("ok %d - %s # SKIP %s" % (self.number, name, why), flush=True)

    def end(self):
        print("1..%d" % self.number)
        raise SystemExit(1 if self.failed else 0)


def wait(is_so, seconds=30):
    """Asks again and again until it is so, at most that long; the last answer."""
    until = time.monotonic() + seconds
    while True:
        answer = is_so()
        if answer or time.monotonic() > until:
            return answer
        time.sleep(0.01)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def fresh_folder(name):
    path = os.path.join(ROOT, os.environ.get("BUILD", "build"), "tests", name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def build_image(source, path):
    """`source`: the text of a campaign, or a path under the root."""
    if "\n" in source:
        text = path + ".camp"
        with open(text, "w", encoding="utf-8") as file:
            file.write(source)
        source = text
    run = subprocess.run([CAMP, "build", source, "-o", path], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    with open(path, "rb") as file:
        return file.read()


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s" % (self.status, self.body[:600])


class Campd:
    """One daemon over one folder: camp.db, outbox/, campd.ini, log."""

    def __init__(self, folder, clock=None, config="", wrap=(), **environment):
        self.folder, self.clock, self.wrap, self.environment = folder, clock, list(wrap), environment
        self.db, self.outbox = os.path.join(folder, "camp.db"), os.path.join(folder, "outbox")
        self.ini = os.path.join(folder, "campd.ini")
        self.key = None
        self.process = None
        with open(self.ini, "w", encoding="utf-8") as file:
            file.write("[delivery]\nemail = file://%s\nsms = file://%s\n%s" %
                       (os.path.abspath(self.outbox), os.path.abspath(self.outbox), config))

    def start(self):
        words = self.wrap + [CAMPD, "--db", self.db, "--listen", "127.0.0.1:0", "--config", self.ini]
        if self.clock:
            words += ["--clock", self.clock]
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log,
                                        env={**os.environ, **self.environment})
        for line in self.process.stdout:
            line = line.decode()
            key = re.match(r"admin key: (\S+)", line)
            where = re.match(r"listening on http://([^:]+):(\d+)", line)
            if key:
                self.key = key[1]
            if where:
                self.host, self.port = where[1], int(where[2])
                return self
        raise AssertionError("campd did not start: exit %s\n%s" % (self.process.wait(), self.log_text()))

    def log_text(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as file:
            return file.read()

    def connect(self, timeout=240):
        return http.client.HTTPConnection(self.host, self.port, timeout=timeout)

    def ask(self, method, path, body=None, key=None, headers=(), connection=None):
        own = connection or self.connect()
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        key = self.key if key is None else key
        fields = {"Authorization": "Bearer " + key} if key else {}
        fields.update(headers)
        try:
            own.request(method, path, body, fields)
            reply = own.getresponse()
            return Answer(reply.status, reply.headers, reply.read().decode())
        finally:
            if not connection:
                own.close()

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=b"", **more):
        return self.ask("POST", path, body, **more)

    def deploy(self, image, *campaigns):
        answer = self.post("/v1/images", image)
        assert answer.status == 201, answer
        answer = self.post("/v1/images/%s/deploy" % answer.json["id"])
        assert answer.status == 200, answer
        for name in campaigns:
            answer = self.post("/v1/campaigns/%s/start" % name, {})
            assert answer.status == 200, answer

    def feed(self, *lines, **more):
        return self.post("/v1/import", "".join(json.dumps(line) + "\n" for line in lines), **more)

    def move_clock(self, now):
        answer = self.post("/v1/clock", {"now": now})
        assert answer.status == 200, answer

    def status(self, campaign):
        return self.get("/v1/campaigns/" + campaign).json

    def messages(self):
        """name → bytes of what stands in the outbox."""
        found = {}
        for name in os.listdir(self.outbox) if os.path.isdir(self.outbox) else []:
            if not name.startswith("."):
                with open(os.path.join(self.outbox, name), "rb") as file:
                    found[name] = file.read()
        return found

    def signal(self, number):
        self.process.send_signal(number)
        code = self.process.wait(timeout=60)
        self.process.stdout.close()
        self.log.close()
        self.process = None
        return code

    def kill(self):
        return self.signal(signal.SIGKILL)

    def stop(self):
        return self.signal(signal.SIGTERM)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()
            self.log.close()


def has_terminals():
    """Can a pseudo-terminal be had? Not in a chroot without /dev/pts."""
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError:
        return False
    return True
