"""Reads a project's text, the raw traffic and what `camp simulate --format ndjson` said, and looks for messages that
should not have gone out: to the deceased, without consent, outside windows, over limits.

It shares no code with the product: the text is scanned by brackets and words, time is Python's zoneinfo.
"""
import calendar
import datetime
import json
import os
import re
import zoneinfo

STDLIB = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "stdlib")
DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
KINDS = {"email": {"email"}, "sms": {"sms"}, "messages": {"email", "sms"}}
CLOCK = r"(\d\d):(\d\d)"
WINDOW = re.compile(r"\b(send|email|sms|messages)\s+between\s+%s\s+and\s+%s((?:\s+on)?(?:\s+(?:%s|weekdays|weekends))*)"
                    % (CLOCK, CLOCK, "|".join(DAYS)))
LIMIT = re.compile(r"\b(send|email|sms|messages)\s+at\s+most\s+(\d+)\s+per\s+(\d+)\s+(second|minute|hour|day|week|month|year)s?")


def body_of(text, start):
    """From the opening bracket at or after `start` to the one that closes it; texts do not count."""
    depth, at = 0, text.index("{", start)
    for token in re.finditer(r'"""[\s\S]*?"""|"(?:\\.|[^"\\])*"|#[^\n]*|[{}]', text[at:]):
        depth += {"{": 1, "}": -1}.get(token.group(), 0)
        if depth == 0:
            return text[at + 1:at + token.start()], at + token.end()
    raise ValueError("brackets do not match")


def plain(text):
    """Without comments and without what stands in texts."""
    return re.sub(r'"""[\s\S]*?"""|"(?:\\.|[^"\\])*"|#[^\n]*', lambda m: "" if m.group()[0] == "#" else '""', text)


def days_of(words):
    found = set()
    for word in words.split():
        found |= {"on": set(), "weekdays": set(range(5)), "weekends": {5, 6}}.get(word) or (
            {DAYS.index(word)} if word in DAYS else set())
    return found or set(range(7))


def rules_of(text, channels):
    """Windows and limits said in a piece of text without texts, for the channels that `send` means there."""
    windows, limits = [], []
    for m in WINDOW.finditer(text):
        windows.append((KINDS.get(m[1], channels), int(m[2]) * 60 + int(m[3]), int(m[4]) * 60 + int(m[5]), days_of(m[6])))
    for m in LIMIT.finditer(text):
        limits.append((KINDS.get(m[1], channels), int(m[2]), int(m[3]), m[4]))
    return windows, limits


class Project:
    """`modules`: the folder of the standard library, for what `use NAME` brings in."""

    def __init__(self, folder, modules):
        text = ""
        for place, _, names in sorted(os.walk(folder)):
            for name in sorted(n for n in names if n.endswith(".camp")):
                with open(os.path.join(place, name), encoding="utf-8") as file:
                    text += file.read() + "\n"
        for module in re.findall(r"(?m)^use\s+(\w+)\s*$", text):
            with open(os.path.join(STDLIB, module + ".camp"), encoding="utf-8") as file:
                text += file.read() + "\n"
        for name in re.findall(r"(?m)^use (\w+)", text):
            with open(os.path.join(modules, name + ".camp"), encoding="utf-8") as file:
                text += file.read() + "\n"
        self.flows = {m[1]: body_of(text, m.end())[0] for m in re.finditer(r"(?m)^flow\s+(\w+)\s*\([^)]*\)", text)}
        zone = re.search(r'clinic\s+"[^"]*"\s*\{[\s\S]*?timezone:\s*"([^"]+)"', text)
        self.zone = zoneinfo.ZoneInfo(zone[1])
        self.policies, self.messages, self.flows = [], {}, {}
        for m in re.finditer(r"(?m)^flow\s+(\w+)\s*\([^)]*\)\s*\{", text):
            self.flows[m[1]] = body_of(text, m.end() - 1)[0]
        for m in re.finditer(r'(?m)^policy\s+\w+\s*(?:"[^"]*")?\s*\{', text):
            self.policies.append(rules_of(plain(body_of(text, m.start())[0]), set()))
        for m in re.finditer(r'(?m)^campaign\s+(\w+)\s+"(?:\\.|[^"\\])*"\s*\{', text):
            self.read_campaign(m[1], body_of(text, m.end() - 1)[0])

    def with_flows(self, text, done):
        """With the text of the flows that it does, each once."""
        for name in re.findall(r"\bdo\s+(\w+)\s*\(", plain(text)):
            if name not in done:
                done.add(name)
                more, done = self.with_flows(self.flows[name], done)
                text += "\n" + more
        return text, done

    def read_campaign(self, name, text):
        settings, workflow = text.split("workflow", 1)
        done = set()
        called = re.findall(r"\bdo\s+(\w+)\s*\(", workflow)
        while called:
            flow = called.pop()
            if flow not in done:
                done.add(flow)
                workflow += self.flows[flow]
                called += re.findall(r"\bdo\s+(\w+)\s*\(", self.flows[flow])
        workflow = self.with_flows(workflow, set())[0]
        settings = plain(settings)
        own = rules_of(settings, {"email", "sms"})
        is_transactional = bool(re.search(r"(?m)^\s*transactional\b", settings))
        for m in re.finditer(r"\b(email|sms)\s+(\w+)\s*(\{|\")", workflow):
            prop = body_of(workflow, m.end() - 1)[0] if m[3] == "{" else ""
            bare = plain(prop)
            to = re.search(r"(?m)\bto:\s*(.*)$", prop)
            message = {"own": rules_of(bare, {m[1]}), "campaign": own,
                       "notice": bool(to) and not re.search(r"patient|event|reply", to[1]),
                       "transactional": bool(re.search(r"\btransactional\b", bare)) or
                       (is_transactional and not re.search(r"\btopic\s+\w+", bare))}
            self.messages[name, m[2]] = message


def instant(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def is_open(window, local):
    _, opens, closes, days = window
    minute, day = local.hour * 60 + local.minute, local.weekday()
    if opens < closes:
        return day in days and opens <= minute < closes
    return (day in days and minute >= opens) or ((day - 1) % 7 in days and minute < closes)


def back(at, zone, number, unit):
    """`number` units before, as a calendar in the zone steps."""
    if unit in ("second", "minute", "hour"):
        return at - datetime.timedelta(**{unit + "s": number})
    local = at.astimezone(zone).replace(tzinfo=None)
    if unit in ("day", "week"):
        local -= datetime.timedelta(days=number * (7 if unit == "week" else 1))
    else:
        months = local.year * 12 + local.month - 1 - number * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        local = local.replace(year=year, month=month + 1, day=min(local.day, calendar.monthrange(year, month + 1)[1]))
    return local.replace(tzinfo=zone).astimezone(datetime.timezone.utc)


class Patients:
    """What the traffic says of a patient at an instant."""

    def __init__(self, lines):
        self.changes = {}
        for line in lines:
            if line.get("type") == "identify":
                self.changes.setdefault(line["userId"], []).append((instant(line["timestamp"]), line["traits"]))

    def at(self, patient, moment):
        traits = {}
        for when, change in self.changes.get(patient, []):
            if when <= moment:
                traits.update(change)
        return traits


def offences(project, traffic, said):
    """Each message that should not have gone out, in words."""
    patients, sent, found = Patients(traffic), {}, []
    for line in said:
        if line.get("status") != "sent" or line["channel"] == "webhook":
            continue
        at, traits = instant(line["at"]), patients.at(line["patient"], instant(line["at"]))
        message = project.messages[line["campaign"], line["step"]]
        where = "%s %s/%s to %s" % (line["at"], line["campaign"], line["step"], line["patient"])
        if message["notice"]:
            continue
        if traits.get("deceased") is True:
            found.append(where + ": deceased")
        if not message["transactional"] and traits.get("consent_" + line["channel"]) is False:
            found.append(where + ": no consent")
        try:
            zone = zoneinfo.ZoneInfo(traits["timezone"])
        except (KeyError, zoneinfo.ZoneInfoNotFoundError):
            zone = project.zone
        before = sent.setdefault(line["patient"], [])
        scopes = [(message["own"], lambda other: (other["campaign"], other["step"]) == (line["campaign"], line["step"])),
                  (message["campaign"], lambda other: other["campaign"] == line["campaign"])]
        scopes += [(policy, lambda other: True) for policy in project.policies]
        for (windows, limits), concerns in scopes:
            for window in windows:
                if line["channel"] in window[0] and not is_open(window, at.astimezone(zone)):
                    found.append(where + ": outside its window, %s local" % at.astimezone(zone))
            for channels, most, number, unit in limits:
                since = back(at, zone, number, unit)
                count = sum(1 for when, other, other_message in before
                            if when > since and other["channel"] in channels and concerns(other) and
                            (other_message["transactional"] or not message["transactional"]))
                if line["channel"] in channels and count >= most:
                    found.append(where + ": over %d per %d %s" % (most, number, unit))
        before.append((at, line, message))
    return found


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]
