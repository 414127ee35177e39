"""What every stored trace answers stays what it was: corpora/answers.txt has verdict and digest of each.

`python3 tests/cli/test_answers.py --add` appends the traces that are new; lines that stand there are never changed.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", ROOT / "build/dev/bin")) / "mmtwin"
STORED = ROOT / "corpora/answers.txt"


def traces():
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / "corpora").rglob("*.mmt"))


def reports_of(files, folder=ROOT):
    words = [str(PROGRAM), "replay", "--json", "--", *files]
    printed = subprocess.run(words, capture_output=True, cwd=folder).stdout.decode()
    return [json.loads(line) for line in printed.splitlines()]


def replayed():
    """One line for each trace below corpora/, by the trace's name."""
    reports = reports_of(traces())
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

    def test_under_the_newest_header_each_is_the_same_program(self):
        """The same events, not only the same answers: so whatever patch is in, the runs are the same as well."""
        with tempfile.TemporaryDirectory() as folder:
            for number, trace in enumerate(traces()):
                words = [str(PROGRAM), "convert", trace]
                text = subprocess.run(words, capture_output=True, cwd=ROOT, check=True).stdout
                self.assertTrue(text.startswith(b"mmtwin 2\n"), trace)
                pathlib.Path(folder, f"{number:04}.mmt").write_bytes(text)
            converted = reports_of([f"{number:04}.mmt" for number in range(len(traces()))], folder)
        for name, before, after in zip(traces(), reports_of(traces()), converted, strict=True):
            same = ("verdict", "answers", "events", "operations", "skipped")
            self.assertEqual([before[field] for field in same], [after[field] for field in same], name)

    def test_there_are_traces(self):
        self.assertGreater(len(stored()), 100)


if __name__ == "__main__":
    if sys.argv[1:] == ["--add"]:
        lines = {**replayed(), **stored()}
        STORED.write_text("".join(lines[name] + "\n" for name in sorted(lines)))
    else:
        unittest.main()
