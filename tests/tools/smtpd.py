"""smtpd.py: a mail server for tests. It records what it accepts, and misbehaves as it is told.

`script` maps a phase (GREETING EHLO MAIL RCPT DATA BODY DOT QUIT) to what happens there instead: text is sent as it
is (a line end is added), a function is called with the session; it may send, sleep on `server.stop`, or raise Drop.
`choose`, when set, gives the script of each connection.
"""
import socket
import threading


class Drop(Exception):
    pass


class Mail:
    def __init__(self, sender, recipients, content):
        self.sender, self.recipients, self.content = sender, recipients, content


class Session:
    def __init__(self, server, connection, script):
        self.server, self.connection, self.script = server, connection, script
        self.file = connection.makefile("rb")
        self.sender, self.recipients, self.count = None, [], 0

    def send(self, text):
        self.connection.sendall(text if isinstance(text, bytes) else (text + "\r\n").encode())

    def act(self, phase, otherwise):
        """True: the ordinary reply was given."""
        action = self.script.get(phase)
        if action is None:
            if otherwise:
                self.send(otherwise)
            return True
        if callable(action):
            return bool(action(self))
        self.send(action)
        return action.startswith("2") or action.startswith("354")

    def stall(self, seconds=3600):
        """As long as the server lives; nobody waits for it."""
        self.server.stopped.wait(seconds)
        raise Drop

    def body(self):
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                raise Drop
            if line == b".\r\n":
                return b"".join(lines)
            lines.append(line[1:] if line.startswith(b".") else line)

    def run(self):
        if not self.act("GREETING", "220 test"):
            return
        while True:
            line = self.file.readline()
            if not line:
                return
            word = line[:4].upper().decode("latin-1").strip()
            if word in ("EHLO", "HELO"):
                self.act("EHLO", "250-test\r\n250-8BITMIME\r\n250 SIZE 20000000")
            elif word == "MAIL":
                self.recipients = []
                if self.act("MAIL", "250 ok"):
                    self.sender = line[10:].split(b">")[0].strip(b" <").decode()
            elif word == "RCPT":
                if self.act("RCPT", "250 ok"):
                    self.recipients.append(line[8:].split(b">")[0].strip(b" <").decode())
            elif word == "DATA":
                if not self.act("DATA", "354 go"):
                    continue
                self.act("BODY", "")
                content = self.body()
                self.count += 1
                before = self.script.get("ACCEPTS", True)
                if before:
                    self.server.accept(Mail(self.sender, list(self.recipients), content))
                self.act("DOT", "250 taken")
            elif word in ("STAR", "AUTH"):
                self.act("STARTTLS" if word == "STAR" else "AUTH", "500 what")
            elif word == "RSET" or word == "NOOP":
                self.send("250 ok")
            elif word == "QUIT":
                self.act("QUIT", "221 bye")
                return
            else:
                self.send("500 what")


class Smtpd:
    def __init__(self, script=None, choose=None, port=0):
        self.script, self.choose = script or {}, choose
        self.mails, self.lock, self.stopped = [], threading.Lock(), threading.Event()
        self.connections = 0
        self.listener = socket.create_server(("127.0.0.1", port))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def accept(self, mail):
        with self.lock:
            self.mails.append(mail)

    def serve(self):
        while not self.stopped.is_set():
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            script = self.choose(self.connections) if self.choose else self.script
            threading.Thread(target=self.session, args=(connection, script), daemon=True).start()

    def session(self, connection, script):
        with connection:
            try:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                Session(self, connection, script).run()
            except (Drop, OSError, ValueError):
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
