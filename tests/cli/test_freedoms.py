"""What the judge accepts although it was altered is listed, with a reason, in docs/FREEDOMS.md: nothing else is."""

import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", ROOT / "build/dev/bin")) / "mmtwin"
PROGRAMS = 1000


def listed(text):
    """The kinds of the list, each with the first words of its reason."""
    return dict(re.findall(r"^- `([^`]+)`: (\S+ \S+)", text, re.MULTILINE))


class Freedoms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        words = [str(PROGRAM), "laws", "--freedoms", "--programs", str(PROGRAMS)]
        cls.printed = subprocess.run(words, capture_output=True, check=True, cwd=ROOT).stdout.decode()
        cls.kinds = listed((ROOT / "docs/FREEDOMS.md").read_text())

    def accepted(self):
        found = re.findall(r"^(.+): accepted \d+ of \d+$", self.printed, re.MULTILINE)
        self.assertEqual(len(self.printed.splitlines()), len(found), self.printed)
        return found

    def test_every_accepted_alteration_is_listed(self):
        missing = [kind for kind in self.accepted() if kind not in self.kinds]
        self.assertEqual([], missing, "accepted by the judge, but not in docs/FREEDOMS.md")

    def test_something_is_accepted(self):
        self.assertGreater(len(self.accepted()), 5)

    def test_no_kind_is_listed_twice(self):
        text = (ROOT / "docs/FREEDOMS.md").read_text()
        self.assertEqual(len(re.findall(r"^- `", text, re.MULTILINE)), len(self.kinds))

    def test_only_order_and_a_few_choices_are_free(self):
        others = [kind for kind in self.kinds if not kind.startswith("events swapped ")]
        allowed = ["event object_requested.place", "event page_requested.role",
                   "event space_loaded.after", "event space_loaded.index"]
        self.assertEqual(allowed, sorted(others))


if __name__ == "__main__":
    unittest.main()
