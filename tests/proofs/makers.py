"""Small random campaigns as Python values, and their text. A step is a tuple, its kind first; a block is a list of steps.

    (channel, name, is_draft, is_notice, is_allowed, shows)   shows: None, "phi", "phi in a branch", "phi in a loop"
    ("wait", duration)                                        duration: (3, "day")
    ("if", source, then, else or None)                        source: where the condition reads, see SOURCES
    ("event", duration, is_phi, body or None, else or None)
    ("until", duration, is_phi, body or None, else or None)
    ("reply", duration, [arms], else or None)
    ("split", name, [arms])   ("match", source, [arms])   ("repeat", times, body)   ("flow", name, body)
    ("set", flag)   ("clear", flag)   ("clock", "09:00")   ("break",)   ("exit",)"""

DAY, HOUR = 24 * 60, 60                     # times are minutes
HEAD = """clinic "Elm" { timezone: "America/New_York"  from_email: "hi@elm.example"  address: "1 Elm St" }
patient { email: email  phone: phone  n: integer = 0  kind: ["a", "b", "c"]
    flag1: integer = 0  flag2: integer = 0
    secret: integer phi  risk: ["high", "low"] phi  codes: list of text phi }
event go { id: text  finding: text phi }
event other { id: text  finding: text phi }
object scan by id { id: text  room: integer  result: text phi }
segment risky "R" when patient.secret > 3
segment many "M" when patient.n > 3
"""
# Where a condition reads: its text, before it what must be said, and whether it is phi.
SOURCES = {
    "attribute": ("", "patient.n > 3", False),
    "event": ("", 'event.id == "x"', False),
    "segment": ("", "patient in segment many", False),
    "object": ("", "any object scan where (scan.room == 2)", False),
    "did": ("", 'did event other where (event.id == "x")', False),
    "let": ("let %s = patient.n + 1\n", "%s > 2", False),
    "parameter": ("patient.n", "%s > 2", False),
    "phi attribute": ("", "patient.secret == 1", True),
    "phi event": ("", 'event.finding == "x"', True),
    "phi segment": ("", "patient not in segment risky", True),
    "phi object": ("", 'any object scan where (scan.result == "bad")', True),
    "phi did": ("", 'did event other in last 9 days where (event.finding == "x")', True),
    "phi list": ("", 'patient.codes contains "x"', True),
    "phi let": ("let %s = patient.secret + 1\n", "%s == 2", True),
    "phi let of let": ("let %s0 = patient.secret + 1\n%slet %s = %s0 * 2\n", "%s == 2", True),
    "phi parameter": ("patient.secret", "%s == 2", True),
    "flag1": ("", "patient.flag1 == 1", None),
    "flag2": ("", "patient.flag2 == 1", None),
}
PUBLIC = [name for name, source in SOURCES.items() if source[2] is False]
SECRET = [name for name, source in SOURCES.items() if source[2]]
FLAGS = ["flag1", "flag2"]
SHOWN = {
    None: "x",
    "phi": "{{ patient.secret | default: 0 }}",
    "phi in a branch": '{% if patient.secret == 1 %}y{% else %}z{% endif %}',
    "phi in a loop": '{% for c in patient.codes %}y{% endfor %}',
    "phi by assign": '{% assign s = patient.secret | default: 0 %}{% capture t %}{{ s }}{% endcapture %}{{ t }}',
}


class Maker:
    """units: of waits; phi: conditions on phi; shows: texts that show it; flags: attributes set, and read again."""

    def __init__(self, rng, units=("day",), phi=False, drafts=False, shows=False, flags=False, notices=True):
        self.rng, self.units, self.phi, self.drafts, self.shows = rng, units, phi, drafts, shows
        self.flags, self.notices, self.names = flags, notices, 0

    def name(self, letter):
        self.names += 1
        return "%s%d" % (letter, self.names)

    def duration(self):
        unit = self.rng.choice(self.units)
        return (self.rng.randint(1, 9 if unit == "day" else 40), unit)

    def message(self):
        kind = self.rng.choice(["sms", "sms", "email"])
        is_draft = self.drafts and self.rng.random() < 0.3
        is_notice = self.notices and self.rng.random() < 0.08
        is_allowed = self.phi and self.rng.random() < 0.2
        shows = self.rng.choice(list(SHOWN)) if self.shows and self.rng.random() < 0.06 else None
        return (kind, self.name("m"), is_draft, is_notice, is_allowed, shows)

    def source(self):
        if self.flags and self.rng.random() < 0.4:
            return self.rng.choice(FLAGS)
        return self.rng.choice(SECRET if self.phi and self.rng.random() < 0.6 else PUBLIC)

    def step(self, depth, in_repeat):
        r, roll = self.rng, self.rng.random()

        def inner(share=1.0, loop=in_repeat):
            return self.block(depth + 1, loop) if r.random() < share else None

        if self.flags and roll < 0.15:
            return (r.choice(["set", "set", "clear"]), r.choice(FLAGS))
        if depth > 2 or roll < 0.34:
            return self.message()
        if roll < 0.50:
            return ("wait", self.duration())
        if roll < 0.64:
            return ("if", self.source(), inner(), inner(0.5))
        if roll < 0.71:
            return ("event", self.duration(), self.phi and r.random() < 0.5, inner(0.5), inner(0.6))
        if roll < 0.75:
            return ("until", self.duration(), self.phi and r.random() < 0.5, inner(0.4), inner(0.5))
        if roll < 0.78:
            return ("reply", self.duration(), [inner(), inner()], inner(0.5))
        if roll < 0.82:
            return ("split", self.name("s"), [inner(), inner()])
        if roll < 0.86:
            return ("match", r.choice(["attribute", "phi attribute", "phi let"] if self.phi else ["attribute"]), [inner(), inner()])
        if roll < 0.90:
            return ("flow", self.name("f"), inner(1.0, False))
        if roll < 0.95:
            return ("repeat", r.randint(1, 3), inner(1.0, True))
        if in_repeat and roll < 0.975:
            return ("break",)
        return ("exit",)

    def block(self, depth=0, in_repeat=False):
        return [self.step(depth, in_repeat) for _ in range(self.rng.randint(1, 3 if depth else 5))]


def span(duration):
    return "%d %s%s" % (duration[0], duration[1], "" if duration[0] == 1 else "s")


def leaves_by_break(block):
    for step in block:
        if step[0] == "break":
            return True
        inner = [] if step[0] in ("repeat", "flow") else [x for x in step[1:] if isinstance(x, list)]
        for body in inner:
            bodies = body if body and isinstance(body[0], list) else [body]
            if any(leaves_by_break(b) for b in bodies):
                return True
    return False


class Writer:
    """Writes a campaign; flows that it needs stand behind it. Names of `let` and flows are its own."""

    def __init__(self, name):
        self.name, self.flows, self.count = name, [], 0
        self.scope = None                   # of `event`, which a flow does not see

    def fresh(self, letter):
        self.count += 1
        return "%s_%s%d" % (letter, self.name, self.count)

    def braces(self, body, indent):
        return "{\n" + self.block(body, indent + 1) + "    " * indent + "}"

    def condition(self, source, pad, in_flow):
        before, text, is_phi = SOURCES[source]
        if "event" in source and in_flow:   # a flow has no triggering event
            before, text = SOURCES["phi attribute" if is_phi else "attribute"][:2]
        if source.endswith(("let", "parameter")):
            name = self.fresh("x")
            if source == "phi let of let":
                return pad + before % (name, pad, name, name), text % name
            return pad + before % name if before.startswith("let") else "", text % name
        return before, text

    def if_step(self, step, indent, pad):
        source, in_flow = step[1], self.scope == "flow"
        if source.endswith("parameter") and any(leaves_by_break(b) for b in step[2:4] if b):
            source = source.replace("parameter", "let")
        if source.endswith("parameter"):
            flow, argument = self.fresh("f"), SOURCES[source][0]
            outer, self.scope = self.scope, "flow"
            text = SOURCES[source][1] % "a"
            body = "flow %s(a: integer) {\n    if %s %s" % (flow, text, self.braces(step[2], 1))
            if step[3] is not None:
                body += " else " + self.braces(step[3], 1)
            self.scope = outer
            self.flows.append(body + "\n}\n")
            return "do %s(%s)" % (flow, argument)
        before, text = self.condition(source, pad, in_flow)
        line = "if %s %s" % (text, self.braces(step[2], indent))
        if step[3] is not None:
            line += " else " + self.braces(step[3], indent)
        return before.lstrip() + pad + line if before else line

    def message(self, step):
        kind, name, is_draft, is_notice, is_allowed, shows = step
        shown = SHOWN[shows]
        props = ['subject: "%s"' % shown.replace('"', '\\"')] if kind == "email" else []
        props.append('text: "%s"' % ("x" if kind == "email" else shown.replace('"', '\\"')))
        if is_notice:
            props.append('to: "%s"' % ("a@elm.example" if kind == "email" else "+15185550100"))
        if is_draft:
            props.append("send as draft")
        if is_allowed:
            props.append('allow phi "r"')
        return "%s %s { %s }" % (kind, name, "  ".join(props))

    def step(self, step, indent, pad):
        kind = step[0]
        braces = lambda body: self.braces(body, indent)
        if kind in ("sms", "email"):
            return self.message(step)
        if kind == "wait":
            return "wait " + span(step[1])
        if kind == "clock":
            return "wait until " + step[1]
        if kind == "if":
            return self.if_step(step, indent, pad)
        if kind in ("event", "until"):
            if kind == "event":
                line = "wait for event other%s up to %s" % (' where event.finding == "x"' if step[2] else "", span(step[1]))
            else:
                line = "wait until %s up to %s" % ("patient.secret == 2" if step[2] else "patient.n == 2", span(step[1]))
            return line + (" " + braces(step[3]) if step[3] is not None else "") + (
                " else " + braces(step[4]) if step[4] is not None else "")
        if kind == "reply":
            line = "wait for reply up to %s {\n%s    \"yes\" %s\n%s    else %s\n%s}" % (
                span(step[1]), pad, braces(step[2][0]), pad, braces(step[2][1]), pad)
            return line + (" else " + braces(step[3]) if step[3] is not None else "")
        if kind == "split":
            return "split %s {\n%s    50%% p %s\n%s    50%% q %s\n%s}" % (
                step[1], pad, braces(step[2][0]), pad, braces(step[2][1]), pad)
        if kind == "match":
            value, words = ("patient.risk", ["high", "low"]) if step[1].startswith("phi") else ("patient.kind", ["a", "b"])
            before = ""
            if step[1].endswith("let"):
                name = self.fresh("x")
                before, value = "let %s = %s\n%s" % (name, value, pad), name
            line = "%smatch %s {\n%s    \"%s\" %s\n%s    \"%s\" %s\n" % (
                before, value, pad, words[0], braces(step[2][0]), pad, words[1], braces(step[2][1]))
            return line + pad + "    else { }\n" + pad + "}"
        if kind == "repeat":
            return "repeat up to %d times %s" % (step[1], braces(step[2]))
        if kind == "flow":
            name = self.fresh("f")
            outer, self.scope = self.scope, "flow"
            self.flows.append("flow %s() %s\n" % (name, self.braces(step[2], 0)))
            self.scope = outer
            return "do %s()" % name
        if kind in ("set", "clear"):
            return "%s patient.%s%s" % (kind, step[1], " = 1" if kind == "set" else "")
        return kind

    def block(self, block, indent):
        pad = "    " * indent
        return "".join(pad + self.step(step, indent, pad) + "\n" for step in block)


def campaign(name, block, settings=(), trigger="event go"):
    writer = Writer(name)
    lines = ["campaign %s \"C\" {" % name, "    trigger " + trigger, "    transactional", "    send automatically"]
    lines += ["    " + s for s in settings] + ["    workflow {"]
    text = "\n".join(lines) + "\n" + writer.block(block, 2) + "    }\n}\n"
    return text + "".join(writer.flows)
