"""storm.py: an editor in the hands of a cat: random edits of good programs, and questions at random places. The server
answers every one of them, and never falls.

    storm.py SEED ROUNDS     one session; prints nothing when all is well
"""
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tools"))
from campd import CAMP
from programs import Program, lexemes

QUESTIONS = ["completion", "hover", "definition", "references", "documentHighlight", "prepareRename", "rename", "documentSymbol",
             "formatting", "codeAction", "codeLens", "semanticTokens/full", "foldingRange", "inlayHint"]
PIECES = ["{", "}", "\"", "\"\"\"", "(", ")", "[", "]", ":", ".", ",", "#", "\n", " ", "é", "😀", "{{ ", " }}", "{% if ", "| ", "event ", "patient.", "as x ",
          "where ", "else ", "if ", "campaign c \"C\" {", "workflow {", "trigger ", "trigger manual", "topic t ", "use \"a.camp\"", "use healthcare\n",
          "flow f() { do f() }", "wait until ", "wait for reply { ", "match ", "split s { 50% a {} ", "repeat up to 3 times {", "set patient.id = ",
          "2 days", "9am", "2026-3-2", "1.5 months", "99999999999999999999", "-", "not ", "did event go ", "any object thing where (", "\\", "\x00", "\r"]


class Session:
    def __init__(self, rng, folder):
        self.rng, self.number = rng, 0
        self.process = subprocess.Popen([CAMP, "lsp"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.send("initialize", {"rootUri": "file://" + folder, "capabilities": {"general": {"positionEncodings": rng.choice([["utf-8"], []])}}})
        self.read()

    def write(self, body):
        data = json.dumps(body, ensure_ascii=False).encode()
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
        self.process.stdin.flush()

    def send(self, method, params):
        self.number += 1
        self.write({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params})

    def tell(self, method, params):
        self.write({"jsonrpc": "2.0", "method": method, "params": params})

    def read(self):
        """The answer to the last question."""
        while True:
            length = 0
            while True:
                line = self.process.stdout.readline()
                if not line:
                    raise EOFError("the server is gone, code %s" % self.process.wait())
                if line == b"\r\n":
                    break
                length = int(line.split(b":")[1])
            message = json.loads(self.process.stdout.read(length))
            if message.get("id") == self.number:
                return message


def mutate(rng, text):
    kind = rng.randint(0, 5)
    at = rng.randint(0, len(text))
    if kind <= 1:
        return text[:at] + rng.choice(PIECES) + text[at:]
    if kind == 2:
        return text[:at] + text[min(len(text), at + rng.choice([1, 1, 3, 30, 300])):]
    words = lexemes(text)
    if kind == 3 and words:
        return text[:at] + " " + rng.choice(words) + " " + text[at:]
    lines = text.split("\n")
    first, last = rng.randint(0, len(lines) - 1), rng.randint(0, len(lines) - 1)
    if kind == 4:
        lines[first], lines[last] = lines[last], lines[first]
    else:
        lines.insert(first, lines[last])
    return "\n".join(lines)


def main(seed, rounds):
    rng = random.Random(seed)
    session = Session(rng, "/nowhere")
    uris = ["file:///nowhere/a.camp", "untitled:b.camp"]
    good = {uri: Program(rng.randint(0, 10**6), 6).text() for uri in uris}
    texts = dict(good)
    for uri in uris:
        session.tell("textDocument/didOpen", {"textDocument": {"uri": uri, "languageId": "camp", "version": 1, "text": texts[uri]}})
    for version in range(2, rounds):
        uri = rng.choice(uris)
        texts[uri] = good[uri] if rng.random() < 0.1 else mutate(rng, texts[uri])
        session.tell("textDocument/didChange", {"textDocument": {"uri": uri, "version": version}, "contentChanges": [{"text": texts[uri]}]})
        line = rng.randint(0, texts[uri].count("\n") + 1)
        place = {"line": line, "character": rng.randint(0, 40)}
        question = rng.choice(QUESTIONS)
        session.send("textDocument/" + question, {
            "textDocument": {"uri": uri}, "position": place, "range": {"start": place, "end": {"line": line + 5, "character": 0}},
            "context": {"includeDeclaration": True, "diagnostics": []}, "newName": rng.choice(["other", "exit", "", "a.b"]), "options": {}})
        try:
            session.read()
        except EOFError as why:
            with open(os.path.join(os.environ.get("BUILD", "build"), "storm-%d.camp" % seed), "w", encoding="utf-8", newline="") as file:
                file.write(texts[uri])
            print("seed %d, round %d, %s of %s: %s" % (seed, version, question, uri, why))
            return 1
    session.send("shutdown", {})
    session.read()
    session.tell("exit", {})
    return session.process.wait()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2])))
