"""traffic.py FOLDER NUMBER RATE PATIENTS SEED: items with ids, sent by several doors until they are acknowledged; a process
of its own. Where the daemon listens stands in FOLDER/where, written anew at each start. SIGTERM: FOLDER/traffic-NUMBER.json
tells which were made, and FOLDER/traffic-NUMBER.acked holds a byte an item: 1 not acknowledged, 2 acknowledged; 3 and 4 the
same of events that are kept (they carry `n`).
"""
import collections
import http.client
import json
import os
import random
import signal
import sys
import time

FOLDER, NUMBER, RATE, PATIENTS, SEED = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
# Share of each kind, summed up; what a clinic sends is mostly what nothing reacts to.
KINDS = [(0.25, "identify"), (0.37, "order.made"), (0.60, "visit.completed"), (0.95, "undeclared.event"), (1.0, "subscription")]
is_ended = False


def end(*_):
    global is_ended
    is_ended = True


class Traffic:
    def __init__(self):
        self.rng = random.Random(SEED)
        self.state = bytearray()
        self.problems = collections.Counter()
        self.connection = None

    def make(self):
        rng, number = self.rng, len(self.state)
        patient = rng.randrange(PATIENTS)
        roll = rng.random()
        kind = next(name for share, name in KINDS if roll < share)
        name = "%d-%d" % (NUMBER, number)
        item = {"messageId": "m" + name, "userId": "p%d" % patient}
        is_event = kind not in ("identify", "subscription")
        if kind == "identify":
            item.update(type="identify", traits={"first_name": "P", "email": "p%d@soak.example" % patient,
                                                 "phone": "+1518%07d" % patient, "visits": rng.randrange(6),
                                                 "vip": rng.random() < 0.02})
        elif kind == "subscription":
            item.update(type="subscription", topic="news", subscribed=rng.random() < 0.8)
        else:
            item.update(type="track", event=kind, properties={"n": name})
        self.state.append(3 if is_event else 1)
        return number, item

    def connect(self):
        with open(os.path.join(FOLDER, "where"), encoding="utf-8") as file:
            host, port, key = file.read().split()
        self.key = key
        self.connection = http.client.HTTPConnection(host, int(port), timeout=30)

    def post(self, path, body):
        self.connection.request("POST", path, body.encode(), {"Authorization": "Bearer " + self.key})
        reply = self.connection.getresponse()
        return reply.status, reply.headers, reply.read()

    def send(self, items):
        """True: acknowledged; a number: to be asked again after that many seconds."""
        only = [item for _, item in items]
        if self.rng.random() < 0.5:
            status, headers, body = self.post("/v1/import", "".join(json.dumps(i) + "\n" for i in only))
        else:
            status, headers, body = self.post("/v1/batch", json.dumps({"batch": only}))
        if status == 200:
            rejected = json.loads(body)["rejected"]
            if rejected:
                self.problems["rejected: %s" % rejected[0]] += 1
            for number, _ in items:
                self.state[number] = 4 if self.state[number] >= 3 else 2
            return True
        self.problems["answered %d" % status if status in (429, 503) else "answered %d %r" % (status, body[:100])] += 1
        return min(float(headers.get("Retry-After", "1")), 1.0)

    def run(self):
        pending, began, sent = None, time.monotonic(), 0
        while not is_ended:
            pending = pending or [self.make() for _ in range(self.rng.choice([1, 50, 200, 500]))]
            pause = 0.02
            try:
                if not self.connection:
                    self.connect()
                answer = self.send(pending)
                if answer is True:
                    if self.rng.random() < 0.05:
                        self.send(pending)  # once more, as a client that heard nothing
                    sent, pending, pause = sent + len(pending), None, sent / RATE - (time.monotonic() - began)
                else:
                    pause = answer
            except (OSError, http.client.HTTPException, AttributeError, ValueError):
                if self.connection:
                    self.connection.close()
                self.connection = None
            if pause > 0:
                time.sleep(min(pause, 0.5))
        with open(os.path.join(FOLDER, "traffic-%d.acked" % NUMBER), "wb") as file:
            file.write(self.state)
        with open(os.path.join(FOLDER, "traffic-%d.json" % NUMBER), "w", encoding="utf-8") as file:
            json.dump({"seconds": time.monotonic() - began, "problems": self.problems}, file)


signal.signal(signal.SIGTERM, end)
Traffic().run()
