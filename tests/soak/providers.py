"""providers.py FOLDER SEED: a mail server and a text provider that fail, stall and drop in turn; a process of its own, so
that it does not slow down those who write. Prints its two ports. SIGUSR1: from now on all is well. SIGTERM: what was
accepted is written to FOLDER/accepted.json, and it ends.
"""
import collections
import json
import os
import random
import signal
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tools"))
from httpd import Httpd, answer
from smtpd import Drop, Smtpd

GOOD_S, BAD_S = 12.0, 4.0  # of each round the last part is bad, in another way each time


def drop(_):
    raise Drop


def stall(session):
    session.stall(3)


MAIL = [{"RCPT": "451 later"}, {"RCPT": "550 nobody"}, {"DOT": "451 later", "ACCEPTS": False}, {"GREETING": "421 busy", "MAIL": "421 busy"},
        {"MAIL": drop}, {"DOT": drop}, {"DOT": stall}, {"DATA": stall}]
TEXT = ["busy", "error", "close", "stall"]


class Moods:
    def __init__(self, rng):
        self.rng, self.is_good, self.began = rng, False, time.monotonic()

    def turn(self):
        """None, or the number of the round whose bad part it is; a few are bad at any time."""
        spent = time.monotonic() - self.began
        number, within = divmod(spent, GOOD_S + BAD_S)
        if self.is_good:
            return None
        if within >= GOOD_S:
            return int(number)
        return self.rng.randrange(1000) if self.rng.random() < 0.005 else None


class Script(dict):
    """What a phase of a mail's transaction answers: asked at each."""

    def __init__(self, moods):
        super().__init__()
        self.moods, self.script = moods, {}

    def get(self, phase, default=None):
        if phase in ("GREETING", "MAIL"):
            turn = self.moods.turn()
            self.script = {} if turn is None else MAIL[turn % len(MAIL)]
        return self.script.get(phase, default)


def main():
    folder, seed = sys.argv[1], int(sys.argv[2])
    moods, lock = Moods(random.Random(seed)), threading.Lock()
    mails, texts = collections.Counter(), collections.Counter()

    def take_mail(mail):
        head = mail.content.split(b"Message-ID: ", 1)[1].split(b"\r\n", 1)[0].decode()
        with lock:
            mails[head] += 1

    def take_text(request, connection):
        http.requests.clear()
        turn = moods.turn()
        mood = None if turn is None else TEXT[turn % len(TEXT)]
        if mood == "busy":
            connection.sendall(answer(429, b"{}", Retry_After=1))
            return None
        if mood == "error":
            connection.sendall(answer(503, b"{}"))
            return None
        with lock:
            texts[dict(urllib.parse.parse_qsl(request.body.decode()))["Body"]] += 1
            number = len(texts)
        if mood == "close":
            return "close"
        if mood == "stall":
            http.stopped.wait(3)
            return "close"
        connection.sendall(answer(201, json.dumps({"sid": "SM%032x" % number, "status": "queued"}).encode()))
        return None

    http = Httpd(act=take_text)
    smtp = Smtpd(choose=lambda _: Script(moods))
    smtp.accept = take_mail
    ended = threading.Event()
    signal.signal(signal.SIGUSR1, lambda *_: setattr(moods, "is_good", True))
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    print(smtp.port, http.port, flush=True)
    ended.wait()
    with open(os.path.join(folder, "accepted.json"), "w", encoding="utf-8") as file:
        json.dump({name: {"count": len(found), "twice": [k for k, n in found.items() if n > 1][:10]}
                   for name, found in (("mails", mails), ("texts", texts))}, file)
    smtp.close()
    http.close()


main()
