"""mmtwin bugs mutants: what it lists, without building anything. That a mutant is found needs builds of minutes."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", ROOT / "build/dev/bin")) / "mmtwin"
SOURCE = """void f(int a, int b) {
  if (a < b) g(a, b);
  check(a == b, "a < b");
}
"""


def run(*words):
    command = [str(PROGRAM), "bugs", "mutants", *map(str, words)]
    return subprocess.run(command, capture_output=True, check=False, cwd=ROOT)


class Mutants(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "impl").mkdir()
        (self.folder / "impl/f.cc").write_text(SOURCE)

    def listed(self, *words):
        result = run("--list", "--json", *words)
        self.assertEqual(0, result.returncode, result.stderr)
        return [json.loads(line) for line in result.stdout.splitlines()]

    def test_the_list_says_what_would_be_tried(self):
        mutants = self.listed("--source", self.folder)
        # The sign and the whole condition begin at different places, the call, its arguments and its dropping too.
        self.assertEqual({"relational", "negation", "drop", "swap"}, {mutant["operator"] for mutant in mutants})
        for mutant in mutants:
            self.assertEqual(("mutant", "impl/f.cc", 2), (mutant["kind"], mutant["file"], mutant["line"]))
            self.assertEqual("if (a < b) g(a, b);", mutant["before"])
            self.assertNotEqual(mutant["before"], mutant["after"])
            self.assertNotIn("verdict", mutant)
        self.assertEqual([], list(self.folder.glob("build")))

    def test_the_same_seed_gives_the_same_list(self):
        lists = [self.listed("--source", ROOT, "--count", 40, "--seed", seed) for seed in (1, 1, 2)]
        self.assertEqual(40, len(lists[0]))
        self.assertEqual(lists[0], lists[1])
        self.assertNotEqual(lists[0], lists[2])

    def test_ids_of_a_file_are_tried_again(self):
        ids = [mutant["id"] for mutant in self.listed("--source", self.folder)]
        (self.folder / "ids").write_text("".join(f"{name} equivalent?\n" for name in ids[:2]))
        again = self.listed("--source", self.folder, "--survivors", self.folder / "ids")
        self.assertEqual(ids[:2], [mutant["id"] for mutant in again])
        (self.folder / "ids").write_text("impl/f.cc:7:drop#1\n")
        self.assertEqual(3, run("--list", "--source", self.folder, "--survivors", self.folder / "ids").returncode)

    def test_mistakes(self):
        self.assertEqual(2, run("--count", "0").returncode)
        self.assertEqual(3, run("--list", "--source", self.folder / "missing").returncode)
        self.assertEqual(5, run("--list", "--source", self.folder, "--only", "impl/g*").returncode)


if __name__ == "__main__":
    unittest.main()
