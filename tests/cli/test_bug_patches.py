"""Every patch in corpora/bugs still finds the lines that it changes: a bug that cannot be put in would go unnoticed."""

import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PATCHES = sorted((ROOT / "corpora/bugs").glob("*.patch"))


def hunks(patch):
    """Pairs of a file's name and the text that a hunk wants to find there."""
    file, wanted = None, None
    for line in patch.read_text().splitlines():
        if line.startswith("--- a/"):
            file = line.removeprefix("--- a/")
        elif re.match(r"@@ -\d", line):
            wanted = []
            yield file, wanted
        elif wanted is not None and not line.startswith(("+", "#", "\\")):
            wanted.append(line[1:])


class Patches(unittest.TestCase):
    def test_each_fits_the_source(self):
        lost = []
        for patch in PATCHES:
            for file, wanted in list(hunks(patch)):
                text = "\n".join(wanted)
                if f"\n{text}\n" not in "\n" + (ROOT / file).read_text():
                    lost.append(f"{patch.name}: {file} has not:\n{text}")
        self.assertEqual([], lost)

    def test_there_are_patches_with_hunks(self):
        self.assertGreater(len(PATCHES), 100)
        self.assertTrue(all(list(hunks(patch)) for patch in PATCHES))


if __name__ == "__main__":
    unittest.main()
