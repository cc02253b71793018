"""Random projects with everything that bounds a message, lived through by patients in several zones, over both changes of
clocks. Traffic is dense, so that limits, entries and windows are met at their edges."""
import datetime
import json
import os
import random
import subprocess
import zoneinfo

from campd import CAMP
from makers import HEAD, Maker, campaign, span
from ways import TooMany, ways

CLINIC = "America/New_York"
ZONES = [None, None, "America/Los_Angeles", "Asia/Tokyo", "Europe/Lisbon"]
CHANNELS = {"sms": ("sms",), "email": ("email",), "messages": ("sms", "email")}
UTC = datetime.timezone.utc
MINUTE_MS, HOUR_MS, DAY_MS = 60000, 3600000, 86400000
# Six weeks around each change of clocks in New York; in Lisbon they change on other days.
SEASONS = [datetime.datetime(2026, 2, 20, 12, tzinfo=UTC), datetime.datetime(2026, 10, 12, 12, tzinfo=UTC)]


class Planner(Maker):
    """Waits for times of day and days of the week beside the others."""

    def step(self, depth, in_repeat):
        if self.rng.random() < 0.08:
            return ("clock", self.rng.choice(["09:00", "18:30", "monday 09:00", "friday 16:00", "00:00"]))
        return super().step(depth, in_repeat)


def settings_of(rng):
    """Of a campaign, and the asserts among them."""
    units = ["hour", "day", "day"]
    duration = lambda: span((rng.randint(1, 9), rng.choice(units)))
    enter = rng.choice(["once", "once", "once", "again", "again after " + duration(), "once per " + duration(),
                        "once per event.id", "always"])
    settings = ["enter " + enter]
    if rng.random() < 0.3:
        settings.append("send between %s" % rng.choice(["09:00 and 18:00", "22:00 and 02:00", "09:00 and 12:00 on weekdays",
                                                        "08:00 and 09:00 on monday thursday"]))
    if rng.random() < 0.35:
        settings.append("send at most %d per %s" % (rng.randint(1, 3), duration()))
    if rng.random() < 0.25:
        settings.append(rng.choice(["exit on event stop", "exit when patient.n == 7"]))
    if enter == "once":
        for _ in range(rng.randint(1, 4)):
            kind = rng.choice(list(CHANNELS))
            settings.append("assert %s at most %d per %s" % (kind, rng.randint(1, 4), duration()))
        if rng.random() < 0.3:
            settings.append("assert never %s after event stop" % rng.choice(["sms", "messages"]))
    return settings


def project_of(rng):
    """Text and, by campaign, its settings."""
    campaigns, text = {}, HEAD.replace("phone: phone", "phone: phone  timezone: timezone") + "event stop {}\n"
    for i in range(rng.choice([1, 1, 2, 3])):
        while True:
            block = Planner(rng, units=("day", "hour", "hour"), notices=rng.random() < 0.3).block()
            try:
                ways(block)
                break
            except TooMany:
                pass
        settings = settings_of(rng)
        campaigns["c%d" % i] = (settings, campaign("c%d" % i, block, settings))
    for channel in rng.sample(["sms", "email", "messages"], rng.choice([0, 0, 1, 2])):
        text += 'policy p_%s "P" { %s at most %d per %s }\n' % (channel, channel, rng.randint(1, 4), rng.choice(["1 day", "7 days", "12 hours"]))
    return text, campaigns


def stamp(at):
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def traffic_of(rng, start):
    lines, count = [], 0
    for p in range(4):
        user, zone = "p%d" % p, rng.choice(ZONES)
        traits = {"email": user + "@x.example", "phone": "+1518555010%d" % p}
        if zone:
            traits["timezone"] = zone
        mine = [(start, {"type": "identify", "traits": traits})]
        at = start + datetime.timedelta(minutes=rng.randint(0, 3000))
        while at < start + datetime.timedelta(days=42):
            roll = rng.random()
            if roll < 0.6:
                what = {"type": "track", "event": "go", "properties": {"id": "v%d" % rng.randint(1, 60), "finding": "x"}}
            elif roll < 0.8:
                what = {"type": "track", "event": "other", "properties": {"id": rng.choice("xy"), "finding": rng.choice("xy")}}
            elif roll < 0.81:
                what = {"type": "track", "event": "stop", "properties": {}}
            elif roll < 0.82 and zone:
                what = {"type": "identify", "traits": {"timezone": rng.choice(ZONES[2:])}}
            else:
                what = {"type": "identify", "traits": {"n": rng.choice([1, 2, 3, 4, 5, 7]), "kind": rng.choice("abc"),
                                                       "secret": rng.choice([1, 2, 4])}}
            mine.append((at, what))
            # Often at the very moment at which something else is due.
            step = rng.choice([0, 1, 30, 60, 60, 720, 1440, rng.randint(1, 4000)])
            at += datetime.timedelta(minutes=step)
        for at, what in mine:
            count += 1
            lines.append((at, dict(what, userId=user, messageId="m%d" % count, timestamp=stamp(at))))
    lines.sort(key=lambda line: line[0])
    return [line for _, line in lines]


def back(at, days, zone):
    """The same local time so many days before (LANGUAGE.md D1, W4)."""
    local = at.astimezone(zone).replace(tzinfo=None) - datetime.timedelta(days=days)
    found = local.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) != local:
        while (found - datetime.timedelta(minutes=1)).astimezone(zone).utcoffset() == found.astimezone(zone).utcoffset():
            found -= datetime.timedelta(minutes=1)
    return found


def most_within(times, begin_of):
    """Of times in order; begin_of gives the beginning of the window that ends with one. What lies on it is outside."""
    most = 0
    for i, at in enumerate(times):
        begin = begin_of(at)
        most = max(most, sum(1 for t in times[:i + 1] if t > begin))
    return most


class Judge:
    def __init__(self, lines, said, bounds):
        self.lines, self.bounds, self.wrong = lines, bounds, []
        self.sent = [(datetime.datetime.fromisoformat(one["at"].replace("Z", "+00:00")), one) for one in said if one.get("status") == "sent"]
        self.zones = {}                     # of a patient: since when, which
        for line in lines:
            if "timezone" in line.get("traits", {}):
                self.zones.setdefault(line["userId"], []).append((line["timestamp"], zoneinfo.ZoneInfo(line["traits"]["timezone"])))

    def zone(self, user, at):
        known = [zone for since, zone in self.zones.get(user, []) if since <= stamp(at)]
        return known[-1] if known else zoneinfo.ZoneInfo(CLINIC)

    def judge_most(self, who, user, sent, most):
        for kind, channels in CHANNELS.items():
            times = [at for at, one in sent if one["channel"] in channels]
            for name, days in (("day", 1), ("week", 7), ("30_days", 30)):
                bound = most[kind][name]
                got = most_within(times, lambda at: back(at, days, self.zone(user, at)))
                if bound is not None and got > bound:
                    self.wrong.append("%s of %s: %d %s in a %s, not %d" % (who, user, got, kind, name, bound))

    def judge_moments(self, name, user, sent, entered):
        known = {m["message"]: m for m in self.bounds[name]["messages"]}
        zone = self.zone(user, entered)
        for at, one in sent:
            bound = known.get(one["step"])
            if not bound:
                self.wrong.append("%s %s: sent, and no way leads to it" % (name, one["step"]))
                continue
            local = at.astimezone(zone).replace(tzinfo=None) - entered.astimezone(zone).replace(tzinfo=None)
            spans = sorted(d.total_seconds() * 1000 for d in (local, at - entered))
            # An hour that daylight saving takes or gives stands between local and exact time.
            if spans[1] < bound["earliest_ms"] - HOUR_MS or (not bound["open_by"] and spans[0] > bound["latest_ms"] + HOUR_MS):
                self.wrong.append("%s %s of %s: %s after entry, not %d to %d hours" % (
                    name, one["step"], user, at - entered, bound["earliest_ms"] / HOUR_MS, bound["latest_ms"] / HOUR_MS))

    def judge_assert(self, name, user, sent, entered, words):
        counts = [(at, one) for at, one in sent if one["to"] not in ("a@elm.example", "+15185550100")]
        if words[1] == "never":
            # What came before the entry is nothing that the enrollment knows.
            stops = [line["timestamp"] for line in self.lines
                     if line["userId"] == user and line.get("event") == "stop" and line["timestamp"] > entered]
            late = [one for at, one in counts if one["channel"] in CHANNELS[words[2]] and stops and one["at"] > stops[0]]
            if late:
                self.wrong.append("%s of %s: %s after the event" % (name, user, late[0]))
            return
        times = [at for at, one in counts if one["channel"] in CHANNELS[words[1]]]
        number, unit = int(words[6]), words[7].rstrip("s")
        got = most_within(times, lambda at: back(at, number, self.zone(user, at)) if unit == "day"
                          else at - datetime.timedelta(hours=number))
        if got > int(words[4]):
            self.wrong.append("%s of %s: %d, and `%s` was proved" % (name, user, got, " ".join(words)))

    def judge(self, campaigns):
        is_notice = lambda one: one["to"] in ("a@elm.example", "+15185550100")
        for user in sorted({line["userId"] for line in self.lines}):
            mine = [(at, one) for at, one in self.sent if one["patient"] == user]
            counted = [(at, one) for at, one in mine if not is_notice(one)]
            self.judge_most("all", user, counted, self.bounds["patient"]["most"])
            entered = next((line["timestamp"] for line in self.lines if line["userId"] == user and line.get("event") == "go"), None)
            for name, (settings, _) in campaigns.items():
                own = [(at, one) for at, one in mine if one["campaign"] == name]
                self.judge_most(name, user, [x for x in own if not is_notice(x[1])], self.bounds[name]["most"])
                if settings[0] != "enter once" or len(self.zones.get(user, [])) > 1:
                    continue
                if own and "exit when patient.n == 7" not in settings:     # who matches it on arrival does not enter
                    self.judge_moments(name, user, own, datetime.datetime.fromisoformat(entered.replace("Z", "+00:00")))
                for says in settings:
                    if says.startswith("assert"):
                        self.judge_assert(name, user, own, entered, says.split())
        return self.wrong


def say(arguments):
    run = subprocess.run([CAMP, *arguments], capture_output=True, text=True)
    return run, [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]


def without_broken(path, text, campaigns):
    """Takes out the asserts that do not hold; what the compiler then says, or None with why."""
    for _ in range(12):
        whole = text + "".join(made for _, made in campaigns.values())
        with open(path, "w", encoding="utf-8") as file:
            file.write(whole)
        run, said = say(["check", "--bounds", "--format", "json", path])
        errors = [one for one in said if one.get("severity") == "error"]
        if not errors:
            return {one.get("campaign", "patient"): one for one in said if "bounds" in one}, whole
        lines = whole.splitlines()
        broken = {lines[one["line"] - 1].strip() for one in errors if one["code"] == "C0712"}
        if not broken:
            return None, "%s\n%s" % (errors[0], whole)
        bad = {one["line"] for one in errors}
        for name, (settings, made) in campaigns.items():
            first = whole[:whole.index(made)].count("\n") + 1
            kept = [line for i, line in enumerate(made.splitlines()) if first + i not in bad]
            left = [s for s in settings if not s.startswith("assert") or ("    " + s) in kept]
            campaigns[name] = (left, "\n".join(kept) + "\n")
    return None, "still broken"


def compare(tap, folder, seed, count):
    rng, wrong, messages, proved = random.Random("bounds %d" % seed), [], 0, 0
    path, traffic = os.path.join(folder, "machine.camp"), os.path.join(folder, "machine.ndjson")
    for _ in range(count):
        text, campaigns = project_of(rng)
        bounds, whole = without_broken(path, text, campaigns)
        if not bounds:
            wrong.append(whole)
            continue
        start = rng.choice(SEASONS)
        lines = traffic_of(rng, start)
        with open(traffic, "w", encoding="utf-8") as file:
            file.write("".join(json.dumps(line) + "\n" for line in lines))
        until = (start + datetime.timedelta(days=90)).strftime("%Y-%m-%d %H:%M")
        run, said = say(["simulate", path, "--events", traffic, "--until", until, "--format", "ndjson"])
        judge = Judge(lines, said, bounds)
        found = judge.judge(campaigns)
        messages += len(judge.sent)
        proved += sum(s.startswith("assert") for settings, _ in campaigns.values() for s in settings)
        if run.returncode or found:
            with open(os.path.join(folder, "wrong_%d_%d.camp" % (seed, _)), "w", encoding="utf-8") as file:
                file.write(whole)
            os.rename(traffic, os.path.join(folder, "wrong_%d_%d.ndjson" % (seed, _)))
            wrong.append("\n".join(["wrong_%d_%d" % (seed, _)] + (found or [run.stderr])))
    tap.tell(not wrong and (messages > 20 * count or count < 50), "the machine keeps what the compiler says: %d projects, %d messages, %d asserts proved" % (
        count, messages, proved), "\n".join(wrong[:5]))
