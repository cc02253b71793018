"""journal.py: counts campaigns, steps and messages again from the journal alone, and compares them with what the
service says (INTERFACES.md 2, metrics)."""
from collections import Counter

CAMPAIGN = ["triggered", "started", "completed", "filtered_out", "exited_early", "converted", "holdout", "messaged",
            "faults", "refused", "turned_away"]


def read_journal(campd):
    cursor = ""
    while True:
        page = campd.get("/v1/journal" + cursor).json
        yield from page["items"]
        if page["next"] is None:
            return
        cursor = "?cursor=" + page["next"]


def recount(campd):
    """campaign -> kind -> count, and the same for steps and messages; who waits at which step."""
    counts, steps, messages, at = {}, {}, {}, {}
    for entry in read_journal(campd):
        campaign = entry["campaign"]
        kind = entry["type"]
        if kind == "step":
            steps.setdefault((campaign, entry["step"]), Counter())["entered"] += 1
            at[entry["enrollment"]] = (campaign, entry["step"])
        elif kind == "message":
            messages.setdefault((campaign, entry["message"]), Counter())[entry["status"]] += 1
        else:
            counts.setdefault(campaign, Counter())[kind] += 1
            if kind in ("completed", "exited_early"):
                at.pop(entry["enrollment"], None)
    return counts, steps, messages, Counter(at.values())


def differences(campd):
    counts, steps, messages, waiting = recount(campd)
    bad = []
    for campaign in campd.get("/v1/campaigns").json["items"]:
        name = campaign["name"]
        status = campd.get("/v1/campaigns/%s/metrics" % name).json
        own = counts.get(name, Counter())
        for kind in CAMPAIGN:
            if status[kind] != own[kind]:
                bad.append("%s %s: %d, the journal says %d" % (name, kind, status[kind], own[kind]))
        inside = own["started"] + own["holdout"] - own["completed"] - own["exited_early"]
        if status["in_progress"] != inside:
            bad.append("%s in_progress: %d, the journal says %d" % (name, status["in_progress"], inside))
        for step in status["steps"]:
            key = (name, step["name"])
            if step["entered"] != steps.get(key, Counter())["entered"]:
                bad.append("%s/%s entered: %d, the journal says %d" % (*key, step["entered"],
                                                                       steps.get(key, Counter())["entered"]))
            if campaign["is_deployed"] and step["waiting_now"] != waiting[key]:
                bad.append("%s/%s waiting_now: %d, the journal says %d" % (*key, step["waiting_now"], waiting[key]))
        for message in status["messages"]:
            for word, count in message.items():
                if word not in ("name", "channel") and count != messages.get((name, message["name"]), Counter())[word]:
                    bad.append("%s/%s %s: %d, the journal says %d" % (
                        name, message["name"], word, count, messages.get((name, message["name"]), Counter())[word]))
    return bad


def check_counts(tell, campd, when):
    bad = differences(campd)
    tell(not bad, "%s: counts are what the journal says" % when, "\n".join(bad[:20]))
