#!/usr/bin/env python3
"""Usage: ci/rule_coverage.py EXPORT.json [ROOT]

Reads what `llvm-cov export` says of a campaign on a clean tree and lists the branches of model/ that accept or exempt
and that no program took: "file:line: condition: which side (what it does)". A side that finds something is never taken
on a clean run, as it should be, and is not listed; nor is what follows a finding, asks for a claim that only other
systems do not make, ends a loop, or lies in a branch that is itself not taken.

Cost: seconds. A heuristic on brackets, not a compiler: it deliberately judges nothing. A person reads the list and asks
of each line whether the rule lacks a precondition, or the campaign a program.
"""

import bisect
import collections
import json
import pathlib
import re
import sys

OPEN, CLOSE = "([{", ")]}"
# What objects to something; find() of a container or of <algorithm> is another.
JUDGEMENT = re.compile(r"(?<![\w.>])(?:violated|find|judge_\w+)\(|\bstd__abort\(")
FUNCTION = re.compile(r"\b\w+__(\w+)\([^;{}]*\)[^;{}()]*\{")
# Asks whether something was found before, or what only other systems leave out (those that narrate less than ours).
AFTERMATH = re.compile(r"\bbroken\(|\bclaims\.")
LEAVES = re.compile(r"\b(?:return|continue|break)\b")
LABEL = re.compile(r"\b(?:case|default)\b")
IGNORED = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])+\'', re.DOTALL)
Side = collections.namedtuple("Side", "text what")


class Source:
    """A file with its brackets paired; comments and literals are blanks of the same length, and a::b is a__b."""

    def __init__(self, text):
        self.text = IGNORED.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text).replace("::", "__")
        self.lines = [0] + [match.end() for match in re.finditer("\n", text)]
        self.partner, self.opened = {}, []  # opened: (position, innermost bracket open from there on)
        stack = []
        for at, char in enumerate(self.text):
            if char in OPEN:
                stack.append(at)
            elif char in CLOSE and stack:
                self.partner[at] = stack[-1]
                self.partner[stack.pop()] = at
            else:
                continue
            self.opened.append((at + 1, stack[-1] if stack else None))

    def offset(self, line, column):
        return self.lines[line - 1] + column - 1

    def enclosing(self, at):
        index = bisect.bisect_right(self.opened, at, key=lambda entry: entry[0]) - 1
        return self.opened[index][1] if index >= 0 else None

    def scan(self, at, stops):
        """The first of `stops` from `at` on beside what is in brackets, or where the bracket around `at` closes."""
        while at < len(self.text) and self.text[at] not in stops:
            if self.text[at] in CLOSE:
                break
            if self.text[at] in OPEN:
                at = self.partner.get(at, len(self.text) - 1)
            at += 1
        return at

    def statement_end(self, at):
        """One past the statement that begins at or after `at`."""
        at += len(self.text[at:]) - len(self.text[at:].lstrip())
        if self.text[at] == "{":
            return self.partner[at] + 1
        head = re.match(r"(?:else\s+)?(if|for|while|switch)\s*(?:constexpr\s*)?\(", self.text[at:])
        if not head:
            return self.scan(at, ";") + 1
        end = self.statement_end(self.partner[at + head.end() - 1] + 1)
        other = re.match(r"\s*else\b", self.text[end:]) if head.group(1) == "if" else None
        return self.statement_end(end + other.end()) if other else end

    def sides(self, start, end):
        """What the condition at [start, end) leads to: (where it is true, where it is false)."""
        flips = False
        while True:
            question = self.scan(end, "?,;:")
            if self.text[question:question + 1] == "?":
                pair = self.sides_of_choice(question)
                break
            around = self.enclosing(start)
            if around is None or self.text[around] != "(":
                statement = self.text[start:self.scan(end, ";")]
                pair = Side(statement, "in an expression"), Side(statement, "in an expression")
                break
            close = self.partner[around]
            head = re.search(r"(\w*)(!?)\s*$", self.text[:around])
            if head.group(1) in ("if", "constexpr"):
                pair = self.sides_of_if(close + 1)
                break
            if head.group(1) in ("while", "for"):
                body = self.text[close + 1:self.statement_end(close + 1)]
                pair = Side(body, "the loop's body"), Side("", "the loop's end")
                break
            flips ^= head.group(2) == "!"
            start, end = around, close + 1
        return pair[::-1] if flips else pair

    def sides_of_choice(self, question):
        colon, nested = self.scan(question + 1, "?:"), 0
        while self.text[colon] == "?" or nested > 0:
            nested += 1 if self.text[colon] == "?" else -1
            colon = self.scan(colon + 1, "?:")
        end = self.scan(colon + 1, ",;")
        return Side(self.text[question + 1:colon], "a choice"), Side(self.text[colon + 1:end], "a choice")

    def sides_of_if(self, after):
        end = self.statement_end(after)
        then = self.text[after:end]
        other = re.match(r"\s*else\b", self.text[end:])
        if other:
            begin = end + other.end()
            return Side(then, "then"), Side(self.text[begin:self.statement_end(begin)], "else")
        if JUDGEMENT.search(then):
            return Side(then, "then"), Side("", "skips a check")
        if LEAVES.search(then):
            block = self.enclosing(end)
            rest = self.text[end:self.partner.get(block, len(self.text))]
            return Side(then, "leaves early"), Side(rest, "goes on")
        return Side(then, "then"), Side("", "goes on without")

    def case(self, start):
        block = self.enclosing(start)
        colon = self.scan(start, ":")
        following = LABEL.search(self.text, colon, self.partner[block])
        return Side(self.text[colon:following.start() if following else self.partner[block]], "this case")


def counted(export, folder):
    """{file: {(line, column, end line, end column): [times true, times false]}}, all instantiations together."""
    counts = collections.defaultdict(lambda: collections.defaultdict(lambda: [0, 0]))
    for data in export["data"]:
        for file in data["files"]:
            path = pathlib.Path(file["filename"])
            if folder not in path.parts:
                continue
            for *place, taken, not_taken, _, _, _ in file["branches"]:
                both = counts[str(path)][tuple(place)]
                both[0] += taken
                both[1] += not_taken
    return counts


def judges(source):
    """Names of the functions that find something: who leaves because one of them did has no exemption."""
    for match in FUNCTION.finditer(source.text):
        if JUDGEMENT.search(source.text, match.end(), source.partner[match.end() - 1]):
            yield match.group(1)


def exemptions(source, original, counts, judging=()):
    """(line, condition, side, what) of the sides that were never taken and object to nothing."""
    aftermath = re.compile("|".join([AFTERMATH.pattern] + [rf"\b{name}\(" for name in judging]))
    for (line, column, end_line, end_column), taken in sorted(counts.items()):
        if taken[0] == 0 and taken[1] == 0:
            continue
        start, end = source.offset(line, column), source.offset(end_line, end_column)
        label = LABEL.match(source.text, start)
        if label and taken[0] != 0 or aftermath.search(source.text, start, end):
            continue
        sides = (source.case(start), None) if label else source.sides(start, end)
        for side, times, name in zip(sides, taken, ("never true", "never false")):
            if side and times == 0 and side.what != "the loop's end" and not JUDGEMENT.search(side.text):
                yield line, " ".join(original[start:end].split()), "never taken" if label else name, side.what


def main():
    if len(sys.argv) not in (2, 3):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    root = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else pathlib.Path(__file__).resolve().parent.parent
    export = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    listed = branches = 0
    files = sorted(counted(export, "model").items())
    originals = {file: pathlib.Path(file).read_text(encoding="utf-8") for file, _ in files}
    judging = sorted({name for original in originals.values() for name in judges(Source(original))})
    for file, counts in files:
        branches += len(counts)
        original = originals[file]
        for line, condition, side, what in exemptions(Source(original), original, counts, judging):
            name = pathlib.Path(file).resolve().relative_to(root.resolve())
            print(f"{name}:{line}: {condition}: {side} ({what})")
            listed += 1
    print(f"{branches} conditions in model/; {listed} sides that object to nothing were never taken", file=sys.stderr)
    return 0 if branches else 5


if __name__ == "__main__":
    sys.exit(main())
