"""What the judge accepts although it was altered is listed, with a reason, in docs/FREEDOMS.md: nothing else is."""

import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", ROOT / "build/dev/bin")) / "mmtwin"
# Stored programs, so that what is reached does not depend on the generator. They are short and differ in what they do.
STORED = "--corpus corpora/bugs --corpus corpora/regressions --most 16"
MEASURED = os.environ.get("MMTWIN_FREEDOMS", STORED).split()
BESIDE_OTHERS = "\n## Beside others only\n"
CHOICES = ["event object_requested.place", "event page_requested.role", "event space_loaded.after",
           "event space_loaded.index", "event tlb_dropped dropped", "event walk_cache_dropped dropped",
           "event walk_cache_dropped.index", "frame used/anon.exclusive"]


def listed(text):
    """The kinds of the list, each with the first words of its reason."""
    return dict(re.findall(r"^- `([^`]+)`: (\S+ \S+)", text, re.MULTILINE))


class Freedoms(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        words = [str(PROGRAM), "laws", "--freedoms", *MEASURED]
        cls.printed = subprocess.run(words, capture_output=True, check=True, cwd=ROOT).stdout.decode()
        cls.text = (ROOT / "docs/FREEDOMS.md").read_text()
        always, _, beside_others = cls.text.partition(BESIDE_OTHERS)
        cls.always, cls.beside_others = listed(always), listed(beside_others)

    def accepted(self, is_overlapping):
        found = re.findall(r"^(overlapping: )?(.+): accepted \d+ of \d+$", self.printed, re.MULTILINE)
        self.assertEqual(len(self.printed.splitlines()), len(found), self.printed)
        return [kind for overlapping, kind in found if bool(overlapping) == is_overlapping]

    def test_every_accepted_alteration_is_listed(self):
        missing = [kind for kind in self.accepted(False) if kind not in self.always]
        self.assertEqual([], missing, "accepted by the judge, but not in docs/FREEDOMS.md")

    def test_every_alteration_accepted_beside_others_is_listed(self):
        known = self.always | self.beside_others
        missing = [kind for kind in self.accepted(True) if kind not in known]
        self.assertEqual([], missing, "accepted beside others, but not in docs/FREEDOMS.md")

    def test_something_is_accepted(self):
        for is_overlapping in (False, True):
            self.assertGreater(len(self.accepted(is_overlapping)), 5)

    def test_no_kind_is_listed_twice(self):
        self.assertTrue(self.beside_others)
        self.assertEqual(len(re.findall(r"^- `", self.text, re.MULTILINE)),
                         len(self.always) + len(self.beside_others))
        self.assertEqual([], [kind for kind in self.beside_others if kind in self.always])

    def test_only_order_and_a_few_choices_are_free(self):
        others = [kind for kind in self.always if not kind.startswith("events swapped ")]
        self.assertEqual(CHOICES, sorted(others))

    def test_no_cpu_is_believed(self):
        self.assertEqual([], [kind for kind in self.always | self.beside_others if kind.endswith(".cpu")])


if __name__ == "__main__":
    unittest.main()
