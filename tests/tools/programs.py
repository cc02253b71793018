"""programs.py: campaigns made up at random, valid by construction, for properties that must hold for any program; and
`scramble`, which writes a program's words again with other blanks, line ends and comments.

    programs.py SEED [STATEMENTS]     prints one
"""
import random
import re
import sys

LEXEME = re.compile(r'''"""(?:.|\n)*?"""|"(?:[^"\\\n]|\\.)*"|\#[^\n]*|\d+(?:\.\d+)?[ \t]+(?:second|minute|hour|day|week|month|year)s?\b(?![ \t]*:)
    |\d{4}-\d{1,2}-\d{1,2}|\d{1,2}:\d{1,2}|\d+(?:\.\d+)?%?|[A-Za-z_][A-Za-z0-9_]*|[=!<>]=|\S''', re.X)
WORDS = "Ana visit clinic please call us today book your flu shot".split()


def lexemes(text):
    """The words of a program, without comments."""
    return [word for word in LEXEME.findall(text) if not word.startswith("#")]


def comments(text):
    return [word.rstrip() for word in LEXEME.findall(text) if word.startswith("#")]


def scramble(text, seed, with_comments=True):
    """The same words in another layout."""
    rng, out, count, before = random.Random(seed), [], 0, ""
    for word in lexemes(text):
        if before.startswith('"""') and word.startswith('"') or before.startswith('"') and word.startswith('"'):
            gap = "\n"
        elif word == ":":
            gap = rng.choice(["", "", " "])
        elif word == "." or before == ".":
            gap = ""
        elif before in tuple("{}()[],") or word in tuple("{}()[],"):
            gap = rng.choice(["", "", " ", "  ", "\n", "\n\n\n", "\t"])
        else:
            gap = rng.choice([" ", " ", " ", "  ", "\n", "\n   ", "\r\n"])
        if with_comments and word not in ":." and before != "." and rng.random() < 0.06:
            count += 1
            gap += rng.choice(["", " ", "\n", "\n\n", "\n      "]) + "#%s c%d\n" % (rng.choice(["", "#"]), count)
        out.append(gap + word)
        before = word
    return "".join(out).lstrip("\r\n\t ") + rng.choice(["", "\n", "\n\n", " # the end", "\n# the end\n\n"])


class Program:
    """One program as lines of text; `statements` bounds the workflow of each campaign."""

    TYPES = {"text": ["name", "city"], "integer": ["visits", "score"], "number": ["weight"], "bool": ["is_new", "is_vip"],
             "date": ["born_on"], "time": ["seen_at"]}

    def __init__(self, seed, statements=12):
        self.rng, self.statements = random.Random(seed), statements
        self.lines, self.names, self.left = [], 0, 0

    def name(self, stem):
        self.names += 1
        return "%s_%d" % (stem, self.names)

    def pick(self, *choices):
        return self.rng.choice(choices)

    def say(self, depth, text):
        self.lines.append("    " * depth + text)

    def words(self):
        text = " ".join(self.rng.choices(WORDS, k=self.rng.randint(1, 12)))
        return text + self.pick("", "", r" \"quoted\"", r" \u{e9}", " # no comment", " é")

    def value(self, kind):
        return {"text": '"%s"' % self.words(), "integer": str(self.rng.randint(0, 40)), "number": "%.1f" % (self.rng.random() * 90),
                "bool": self.pick("true", "false"), "date": "2026-0%d-1%d" % (self.rng.randint(1, 9), self.rng.randint(0, 9)),
                "time": "2026-03-1%d 0%d:30" % (self.rng.randint(0, 9), self.rng.randint(0, 9))}[kind]

    def duration(self):
        return "%d %s" % (self.rng.randint(1, 20), self.pick("minutes", "hours", "days", "weeks"))

    def attribute(self, kind):
        return "patient." + self.rng.choice(self.TYPES[kind])

    def term(self):
        kind = self.rng.choice(list(self.TYPES))
        path = self.attribute(kind)
        return self.pick(
            "%s is %s" % (path, self.pick("known", "unknown")),
            "%s == %s" % (path, self.value(kind)),
            "%s %s %s" % (self.attribute("integer"), self.pick("<", ">", "<=", ">="), self.sum()),
            "%s in [%s]" % (self.attribute("text"), ", ".join(self.value("text") for _ in range(self.rng.randint(1, 9)))),
            "did event go%s%s%s" % (self.pick("", " at least 2 times"), self.pick("", " in last %s" % self.duration()),
                                    self.pick("", " where (event.n > %d and event.word is known)" % self.rng.randint(0, 9))),
            "any object thing where (thing.status == \"open\")",
            "patient%s in segment %s" % (self.pick("", " not"), self.pick("fit", "chosen")),
            "subscribed to news",
            "%s %s %s" % (self.attribute("text"), self.pick("contains", "starts with", "ends with"), self.value("text")),
            "now between 09:00 and 17:00%s" % self.pick("", " on weekdays", " on monday friday"),
            "%s between %s and %s" % (self.attribute("date"), self.value("date"), self.value("date")))

    def sum(self):
        parts = [self.pick(self.attribute("integer"), self.value("integer"), "-%s" % self.value("integer"),
                           "(%s %s 2)" % (self.attribute("integer"), self.pick("*", "+", "-"))) for _ in range(self.rng.randint(1, 6))]
        text = parts[0]
        for part in parts[1:]:
            text += " %s %s" % (self.pick("+", "-", "*"), part)
        return text

    def condition(self, depth=0):
        if depth > 2 or self.rng.random() < 0.4:
            return self.pick("", "", "not ") + self.term()
        joint = self.pick(" and ", " or ")
        return joint.join("(%s)" % self.condition(depth + 1) if self.rng.random() < 0.5 else self.term()
                          for _ in range(self.rng.randint(2, 4)))

    def block(self, depth, body=None, tail=""):
        """Steps between braces, on lines of their own or, short ones, on one line; `head {` was said."""
        for _ in range(self.rng.randint(1, 3)):
            self.step(depth + 1)
        self.say(depth, "}" + tail)

    def record(self, kinds):
        return "{ %s }" % "  ".join("%s: %s" % (n, self.value(k)) for n, k in kinds if self.rng.random() < 0.7)

    def message(self, depth):
        form = self.rng.randint(0, 3)
        if form == 0:
            self.say(depth, 'sms %s "%s"' % (self.name("text"), self.words()))
        elif form == 1:
            self.say(depth, "sms %s {" % self.name("text"))
            self.say(depth + 1, self.pick('text: "%s"' % self.words(), 'text: { en: "Hi"  es: "Hola, {{ clinic.name }}"  else: "Hey" }'))
            if self.rng.random() < 0.5:
                self.say(depth + 1, "send between 10:00 and 16:00")
            if self.rng.random() < 0.5:
                self.say(depth + 1, "expires: now + %s" % self.duration())
            self.say(depth, "}")
        else:
            self.say(depth, "email %s {" % self.name("mail"))
            self.say(depth + 1, 'subject: "%s"' % self.words())
            if form == 3:
                blanks = "    " * (depth + self.rng.randint(0, 3))
                lines = [blanks + self.words(), "", blanks + "  {{ patient.name | default: 'you' }}", blanks + self.words()]
                self.say(depth + 1, 'text: """\n%s\n%s"""' % ("\n".join(lines), self.pick(blanks, "  ", "")))
            else:
                self.say(depth + 1, 'html: "<p>%s</p>"' % self.rng.choice(WORDS))
            self.say(depth, "}")

    def step(self, depth):
        self.left -= 1
        kind = self.rng.randint(0, 18 if self.left > 0 and depth < 7 else 6)
        if kind <= 1:
            self.message(depth)
        elif kind == 2:
            self.say(depth, "wait " + self.duration())
        elif kind == 3:
            kind = self.pick("text", "integer", "bool", "date")
            self.say(depth, "set %s = %s" % (self.attribute(kind), self.value(kind)))
        elif kind == 4:
            self.say(depth, self.pick("clear %s" % self.attribute("text"), "add to segment chosen", "remove from segment chosen",
                                      "let %s = %s" % (self.name("sum"), self.sum())))
        elif kind == 5:
            self.say(depth, "emit event done %s" % self.record([("what", "text"), ("n", "integer")]))
        elif kind == 6:
            self.say(depth, self.pick("wait until %s 09:00" % self.pick("monday", "friday"), "wait until 08:30",
                                      "do talk(%s, %s)" % (self.value("text"), self.value("integer")), "unsubscribe from news"))
        elif kind <= 9:
            self.say(depth, "if %s {" % self.condition())
            if self.rng.random() < 0.3:
                self.block(depth, tail=" else if %s {" % self.condition())
            tail = self.pick("", " else {")
            self.block(depth, tail=tail)
            if tail:
                self.block(depth)
        elif kind == 10:
            self.say(depth, "wait until %s up to %s {" % (self.condition(), self.duration()))
            self.block(depth, tail=" else {")
            self.block(depth)
        elif kind == 11:
            alias = self.name("got")
            self.say(depth, "wait for event go as %s where %s.n > %d and %s up to %s {" % (
                alias, alias, self.rng.randint(0, 9), self.condition(2), self.duration()))
            self.block(depth, tail=" else { exit }")
        elif kind == 12:
            self.say(depth, "match patient.%s {" % self.pick("visits", "score"))
            numbers = self.rng.sample(range(50), 6)
            for pair in (numbers[:2], numbers[2:5], numbers[5:]):
                self.say(depth + 1, "%s {" % ", ".join(map(str, pair)))
                self.block(depth + 1)
            self.say(depth + 1, "else { exit \"no such number\" }")
            self.say(depth, "}")
        elif kind == 13:
            self.say(depth, "split %s {" % self.name("halves"))
            for share in ("25%", "75%"):
                self.say(depth + 1, "%s %s {" % (share, self.name("arm")))
                self.block(depth + 1)
            self.say(depth, "}")
        elif kind == 14:
            self.say(depth, "repeat up to %d times {" % self.rng.randint(1, 4))
            self.block(depth)
        elif 15 <= kind <= 17:
            answer = self.name("answer")
            self.say(depth, "webhook %s {" % self.name("call"))
            self.say(depth + 1, 'url: "https://elm.example/%s"' % self.rng.choice(WORDS))
            self.say(depth + 1, "json: { visits: %s  words: [%s, %s] }" % (self.sum(), self.value("text"), self.attribute("text")))
            self.say(depth, "} as " + answer)
            self.say(depth, "if %s.status == 200 and %s.body.n %s {" % (answer, answer, self.pick("is known", "> 3", "== \"word\"")))
            self.say(depth + 1, "set patient.score = %s.body.n" % answer)
            self.block(depth, tail=self.pick("", " else { exit \"no answer\" }"))
        else:
            self.say(depth, 'sms %s "Yes or no?"' % self.name("ask"))
            self.say(depth, "wait for reply up to %s {" % self.duration())
            self.say(depth + 1, '"yes", "y" {')
            self.block(depth + 1)
            self.say(depth + 1, "else { exit }")
            self.say(depth, self.pick("}", "} else { exit \"silent\" }"))

    def campaign(self, name):
        self.left = self.statements
        self.say(0, 'campaign %s "%s" {' % (name, name.title()))
        self.say(1, self.pick("trigger event go as g where g.n > 0 or %s" % self.condition(1), "trigger attribute patient.name changes",
                              "trigger segment fit entered", "trigger manual",
                              "trigger object thing as it when it.status == \"open\" and it.due is known"))
        self.say(1, self.pick("enter once", "enter once per 30 days", "enter again after 2 weeks", "enter always"))
        if self.rng.random() < 0.7:
            self.say(1, "audience %s%s" % (self.condition(), self.pick("", " within 2 days")))
        self.say(1, "transactional")
        if self.rng.random() < 0.6:
            self.say(1, "goal event done where event.n > 3 within 7 days of any message")
            self.say(1, "exit on goal")
        if self.rng.random() < 0.4:
            self.say(1, "exit when %s" % self.condition())
        self.say(1, self.pick("send automatically", "send as draft up to 2 days"))
        if self.rng.random() < 0.5:
            self.say(1, "send between 09:00 and 18:00%s" % self.pick("", " on weekdays"))
        self.say(1, "workflow {")
        while self.left > 0:
            self.step(2)
        self.say(1, "}")
        self.say(0, "}")

    def text(self):
        self.say(0, 'clinic "Elm" { timezone: "America/New_York"  from_email: "hi@elm.example"  address: "1 Elm St" }')
        self.say(0, "patient {")
        self.say(1, "phone: phone  email: email  language: language")
        for kind, names in self.TYPES.items():
            for name in names:
                default = " = %s" % self.value(kind) if kind in ("integer", "text") and self.rng.random() < 0.3 else ""
                self.say(1, "%s: %s%s" % (name, kind, default))
        self.say(0, "}")
        self.say(0, "event go { n: integer  word: text }")
        self.say(0, 'event done "All done" { what: text  n: integer }')
        self.say(0, 'object thing by id { id: text  status: ["open", "shut"]  due: time }')
        self.say(0, "segment fit when %s" % self.pick("patient.visits > 3", "patient.city == \"Albany\" and patient.weight > 2.5",
                                                      "did event go in last 12 months or patient.is_vip == true"))
        self.say(0, "segment chosen manual")
        self.say(0, 'topic news "News" opt out')
        self.say(0, 'policy house "House rules" { sms between 07:00 and 21:00 sms at most 9 per 7 days }')
        self.say(0, 'flow talk(what: text, times: integer) {')
        self.message(1)
        self.say(1, "wait 1 day")
        self.say(0, "}")
        for _ in range(self.rng.randint(1, 2)):
            self.campaign(self.name("c"))
        return "\n".join(self.lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(Program(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 12).text())
