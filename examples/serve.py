#!/usr/bin/env python3
"""serve.py FOLDER TRAFFIC IMAGE: the demo's second half. Runs one image in a campd of its own on a made-up clock,
feeds it recorded traffic over HTTP in step with that clock, approves two of three drafts each day, and shows the inbox:
mails go by SMTP to a server that this starts, texts to an API in Twilio's form. Then the status. On a terminal the service stays until Enter is pressed; otherwise it ends by itself."""
import datetime
import email
import email.policy
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "tools"))
from httpd import Httpd, answer
from smtpd import Smtpd

folder, traffic, image = sys.argv[1:4]
CAMPD = os.path.join(os.environ.get("BIN", "build"), "campd")
DAY = datetime.timedelta(days=1)


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def iso(when):
    return when.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")[:-4] + "Z"


class Service:
    def __init__(self, start):
        os.makedirs(folder)
        self.mails = Smtpd()
        self.texts = Httpd(lambda request, connection: connection.sendall(answer(201)))
        with open(os.path.join(folder, "token"), "w", encoding="utf-8") as file:
            file.write("demo")
        environment = {**os.environ, "CAMPD_DELIVERY_EMAIL": "smtp://127.0.0.1:%d" % self.mails.port,
                       "CAMPD_DELIVERY_SMS": self.texts.url, "CAMPD_DELIVERY_SMS_ACCOUNT": "AC1",
                       "CAMPD_DELIVERY_SMS_TOKEN_FILE": os.path.join(folder, "token"),
                       "CAMPD_DELIVERY_SMS_FROM": "+15185550199"}
        self.log = open(os.path.join(folder, "campd.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [CAMPD, "--db", os.path.join(folder, "camp.db"), "--listen", "127.0.0.1:0", "--clock", start + ",0"],
            stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment)
        told = "".join(self.first_lines())
        self.key = re.search(r"admin key: (\S+)", told)[1]
        self.url = re.search(r"listening on (http://\S+)", told)[1]
        self.connection = http.client.HTTPConnection(self.url[7:], timeout=60)

    def first_lines(self):
        for line in self.process.stdout:
            yield line
            if line.startswith("listening on"):
                return
        raise SystemExit("campd did not start; see " + self.log.name)

    def ask(self, method, path, body=None):
        if isinstance(body, dict):
            body = json.dumps(body).encode()
        self.connection.request(method, path, body, {"Authorization": "Bearer " + self.key})
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise SystemExit("%s %s: %d %s" % (method, path, answer.status, text.decode()))
        return json.loads(text)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self.mails.close()
        self.texts.close()
        return code


def progress(done, all_):
    if sys.stderr.isatty():
        print("\r  %3d %%" % (100 * done // max(1, all_)), end="" if done < all_ else "\r       \r",
              file=sys.stderr, flush=True)


def decide(service, totals):
    drafts = service.ask("GET", "/v1/drafts")["items"]
    chosen = [d["id"] for d in drafts if int(d["id"]) % 3]
    if chosen:
        done = service.ask("POST", "/v1/drafts/approve", {"ids": chosen})["items"]
        totals["approved"] += sum(d["state"] not in ("expired", "cancelled") for d in done)


def feed(service, lines, totals):
    day = None
    for number, (when, line) in enumerate(lines):
        if day is None or when >= day:
            decide(service, totals)
            day = when + DAY
            progress(number, len(lines))
        service.ask("POST", "/v1/clock", {"now": iso(when)})
        answer = service.ask("POST", "/v1/import", line)
        for name in ("accepted", "duplicates"):
            totals[name] += answer[name]
        totals["rejected"] += len(answer["rejected"])
    progress(len(lines), len(lines))


def show_mail(mail):
    content = email.message_from_bytes(mail.content, policy=email.policy.default)
    body = content.get_body(("plain",)).get_content().strip().split("\n")[0]
    print("  %s  %-32s %s | %s" % (content["Date"].datetime.strftime("%Y-%m-%d %H:%M"), content["To"], content["Subject"], body[:60]))


def show(service):
    print("inbox: %d mails by SMTP, %d texts; the last of them:" % (len(service.mails.mails), len(service.texts.requests)))
    for mail in service.mails.mails[-6:]:
        show_mail(mail)
    for request in service.texts.requests[-3:]:
        text = urllib.parse.parse_qs(request.body.decode())
        print("  %-16s  %-32s %s" % ("", text["To"][0], text["Body"][0][:90]))
    for campaign in service.ask("GET", "/v1/campaigns")["items"]:
        c = service.ask("GET", "/v1/campaigns/" + campaign["name"])
        print("%s (%s): %d triggered, %d started, %d in progress, %d completed, %d filtered out, %d exited early, "
              "%d converted" % (c["name"], c["state"], c["triggered"], c["started"], c["in_progress"], c["completed"],
                                c["filtered_out"], c["exited_early"], c["converted"]))
        sent = {m["name"]: m for m in c["messages"]}
        for step in c["steps"]:
            words = "  %-14s %-8s entered %5d   waiting %4d" % (step["name"], step["kind"], step["entered"],
                                                               step["waiting_now"])
            m = sent.get(step["name"])
            if m:
                words += "   " + "  ".join("%s %d" % (k, v) for k, v in m.items()
                                           if k not in ("name", "channel") and v)
            print(words)


with open(traffic, encoding="utf-8") as file:
    lines = sorted(((instant(json.loads(x)["timestamp"]), x.encode()) for x in file), key=lambda pair: pair[0])
began = time.time()
service = Service(iso(lines[0][0]))
try:
    with open(image, "rb") as file:
        deployed = service.ask("POST", "/v1/images", file.read())
    service.ask("POST", "/v1/images/%s/deploy" % deployed["id"])
    for name in deployed["campaigns"]:
        service.ask("POST", "/v1/campaigns/%s/start" % name, {})
    totals = {"accepted": 0, "duplicates": 0, "rejected": 0, "approved": 0}
    feed(service, lines, totals)
    service.ask("POST", "/v1/clock", {"now": iso(lines[-1][0] + 3 * DAY)})
    print("campd took %(accepted)d lines, %(rejected)d refused, %(duplicates)d seen before; %(approved)d drafts "
          "approved" % totals + " (%.1f s)" % (time.time() - began))
    show(service)
    if sys.stdin.isatty() and sys.stdout.isatty():
        input("campd still runs at %s (admin key %s). Enter ends it. " % (service.url, service.key))
finally:
    code = service.stop()
if code != 0:
    raise SystemExit("campd ended with %d; see %s" % (code, service.log.name))
