"""Every way through a campaign of makers.py, one by one.

Two walkers that know nothing of each other: `ways` lists what can happen, for times; `Run` goes through the campaign as
the machine would, with an oracle that answers each question, for what phi settles."""
from makers import DAY, FLAGS, HOUR, SECRET, SOURCES

MOST_WAYS = 3000


class TooMany(Exception):
    pass


def minutes(duration):
    return 0 if duration is None else duration[0] * {"day": DAY, "hour": HOUR, "minute": 1}[duration[1]]


# ---- for times ------------------------------------------------------------------------------------------------------
# A way is (trace, end): a trace of messages (their tuples) and of ("pass", least, most); end: through, break or exit.

NOTHING = frozenset([((), "through")])


def ways(block):
    found = NOTHING
    for step in block:
        further = ways_of(step)
        found = frozenset((trace + more, last) if end == "through" else (trace, end)
                          for trace, end in found for more, last in (further if end == "through" else NOTHING))
        if len(found) > MOST_WAYS:
            raise TooMany
    return found


def behind(least, most, body):
    first = (("pass", least, most),)
    return frozenset((first + trace, end) for trace, end in ways(body or []))


def ways_of(step):
    kind = step[0]
    if kind in ("sms", "email"):
        return frozenset([((step,), "through")])
    if kind == "wait":
        return behind(step[1], step[1], [])
    if kind == "if":
        return ways(step[2]) | ways(step[3] or [])
    if kind in ("event", "until"):
        return behind(None, step[1], step[3]) | behind(step[1], step[1], step[4])
    if kind == "reply":
        return behind(None, step[1], step[2][0]) | behind(None, step[1], step[2][1]) | behind(step[1], step[1], step[3])
    if kind == "split":
        return ways(step[2][0]) | ways(step[2][1])
    if kind == "match":
        return ways(step[2][0]) | ways(step[2][1]) | NOTHING
    if kind == "flow":
        return ways(step[2])
    if kind == "repeat":
        body, found, done = ways(step[2]), NOTHING, set()
        for _ in range(step[1]):
            further = set()
            for trace, _ in found:
                for more, end in body:
                    if end == "through":
                        further.add((trace + more, end))
                    else:
                        done.add((trace + more, "through" if end == "break" else end))
            found = further
            if len(found) + len(done) > MOST_WAYS:
                raise TooMany
        return frozenset(found) | done
    if kind in ("break", "exit"):
        return frozenset([((), kind)])
    return NOTHING


def moments(trace, most=False):
    """(time, step) of each message, every wait as short, or as long, as it can be; and the end."""
    at, out = 0, []
    for item in trace:
        if item[0] == "pass":
            at += minutes(item[2] if most else item[1])
        else:
            out.append((at, item))
    return tuple(out), at


def counted(sent, channels):
    return [(t, s[2]) for t, s in sent if s[0] in channels and not s[3]]


def most_in(sent, window):
    """Messages in a window: those sent automatically within it, and all drafts there were before its end."""
    best = 0
    for start, _ in sent:
        best = max(best, sum(1 for t, is_draft in sent if t < start + window and (is_draft or t >= start)))
    return best


def most_again(sent, window, gap, can_end_anywhere):
    """Messages in a window over enrollments one behind the other; sent: (times, end) of each way, without drafts. None:
    nothing bounds them."""
    cuts = set()
    for times, end in sent:
        cuts.add((times, end + gap))
        if can_end_anywhere:                # behind each message, or at once
            cuts.update((times[:i], times[i - 1] + gap) for i in range(1, len(times) + 1))
            cuts.add(((), gap))
    if any(times and end == 0 for times, end in cuts):
        return None
    lasting = [cut for cut in cuts if cut[1]]
    known = {}

    def best(left):                         # from an entry, with so much of the window left
        if left <= 0:
            return 0
        if left not in known:
            known[left] = 0
            known[left] = max((sum(1 for t in times if t < left) + best(left - end) for times, end in lasting), default=0)
        return known[left]

    return max((sum(1 for t in times[i:] if t < times[i] + window) + best(window - (end - times[i]))
                for times, end in cuts for i in range(len(times))), default=0)


# ---- for phi ----------------------------------------------------------------------------------------------------------

class Run:
    """One run: `answers` settles the questions in order; those beyond it are answered 0. What was asked is kept as
    (question, its how-manieth, is_phi, number of answers)."""

    def __init__(self, answers):
        self.answers, self.asked, self.given, self.sent, self.count = answers, [], [], [], {}
        self.flags = dict.fromkeys(FLAGS, 0)

    def ask(self, step, is_phi, of):
        key = id(step)
        self.count[key] = self.count.get(key, 0) + 1
        at = len(self.asked)
        self.asked.append((key, self.count[key], is_phi, of))
        self.given.append(self.answers[at] if at < len(self.answers) else 0)
        return self.given[-1]

    def block(self, block):
        for step in block or []:
            end = self.step(step)
            if end:
                return end
        return None

    def step(self, step):
        kind = step[0]
        if kind in ("sms", "email"):
            self.sent.append(step)
        elif kind == "if":
            if step[1] in FLAGS:
                return self.block(step[2] if self.flags[step[1]] == 1 else step[3])
            return self.block(step[2 + self.ask(step, step[1] in SECRET, 2)])
        elif kind in ("event", "until"):
            return self.block(step[3 + self.ask(step, step[2], 2)])
        elif kind == "reply":
            answer = self.ask(step, False, 3)
            return self.block(step[2][answer] if answer < 2 else step[3])
        elif kind == "split":
            return self.block(step[2][self.ask(step, False, 2)])
        elif kind == "match":
            answer = self.ask(step, step[1] in SECRET, 3)
            return self.block(step[2][answer] if answer < 2 else [])
        elif kind == "flow":
            return self.block(step[2])
        elif kind == "repeat":
            for _ in range(step[1]):
                end = self.block(step[2])
                if end:
                    return None if end == "break" else end
        elif kind in ("set", "clear"):
            self.flags[step[1]] = 1 if kind == "set" else 0
        elif kind in ("break", "exit"):
            return kind
        return None


def runs(block, most):
    """All runs, by changing the last answer that can still be changed."""
    found, answers = [], []
    while True:
        run = Run(answers)
        run.block(block)
        found.append(run)
        if len(found) > most:
            raise TooMany
        answers = run.given
        while answers and answers[-1] + 1 == run.asked[len(answers) - 1][3]:
            answers = answers[:-1]
        if not answers:
            return found
        answers = answers[:-1] + [answers[-1] + 1]


def leaks(found):
    """Do two runs that differ only in what phi settles send other messages (but those that may)?"""
    kinds = {}
    for run in found:
        sent = tuple(step[1] for step in run.sent if not step[4])
        public = tuple((asked[0], asked[1], given) for asked, given in zip(run.asked, run.given) if not asked[2])
        kinds.setdefault(sent, set()).add(public)
    kinds = [[{p[:2]: p[2] for p in one} for one in group] for group in kinds.values()]
    for i, some in enumerate(kinds):
        for others in kinds[:i]:
            for a in some:
                for b in others:
                    if all(b.get(key, way) == way for key, way in a.items()):
                        return True
    return False


def shown_in(block):
    """The messages that show phi where it must not be seen."""
    found = []
    for step in block or []:
        if step[0] in ("sms", "email"):
            found += [step] if step[5] and not step[4] else []
            continue
        for part in step[1:]:
            if isinstance(part, list):
                for body in part if part and isinstance(part[0], list) else [part]:
                    found += shown_in(body)
    return found


assert all(SOURCES[name][2] for name in SECRET)
