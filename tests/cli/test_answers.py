"""What every stored trace answers stays what it was: corpora/answers.txt has verdict and digest of each.

`python3 tests/cli/test_answers.py --add` appends the traces that are new; lines that stand there are never changed.
"""

import json
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", ROOT / "build/dev/bin")) / "mmtwin"
STORED = ROOT / "corpora/answers.txt"


def replayed():
    """One line for each trace below corpora/, by the trace's name."""
    traces = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "corpora").rglob("*.mmt"))
    words = [str(PROGRAM), "replay", "--json", "--", *traces]
    printed = subprocess.run(words, capture_output=True, cwd=ROOT).stdout.decode()
    reports = [json.loads(line) for line in printed.splitlines()]
    return {r["file"]: f'{r["file"]} {r["verdict"]} {r["answers"]} {r["operations"]} {r["skipped"]}' for r in reports}


def stored():
    lines = STORED.read_text().splitlines() if STORED.exists() else []
    return {line.split()[0]: line for line in lines}


class Answers(unittest.TestCase):
    def test_every_trace_answers_what_is_stored(self):
        now, before = replayed(), stored()
        self.assertEqual([], sorted(set(before) - set(now)), "no longer there")
        self.assertEqual([], sorted(set(now) - set(before)), "not in corpora/answers.txt: add them with --add")
        self.assertEqual([], [(before[name], now[name]) for name in now if now[name] != before[name]])

    def test_there_are_traces(self):
        self.assertGreater(len(stored()), 100)


if __name__ == "__main__":
    if sys.argv[1:] == ["--add"]:
        lines = {**replayed(), **stored()}
        STORED.write_text("".join(lines[name] + "\n" for name in sorted(lines)))
    else:
        unittest.main()
