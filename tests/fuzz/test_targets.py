"""The fuzz targets as programs: extra counters are linked in, exit codes are those promised, the canary is caught."""

import os
import pathlib
import subprocess
import tempfile
import unittest

BIN = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", "build/dev/bin")).resolve()
SEEDS = pathlib.Path(__file__).resolve().parents[2] / "corpora"
COUNTERS = b"mmtwin_features"
SECTION = "__libfuzzer_extra_counters"
MACHINES = ["fuzz_machine", "fuzz_pages", "fuzz_canary"]


def run(target, *arguments, cwd=None):
    return subprocess.run([BIN / target, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          cwd=cwd, timeout=300, check=False)


class ExtraCounters(unittest.TestCase):
    def test_every_machine_target_holds_the_section(self):
        for target in MACHINES:
            symbols = subprocess.run(["nm", BIN / target], stdout=subprocess.PIPE, check=True).stdout
            self.assertIn(COUNTERS, symbols, target)
            sections = subprocess.run(["readelf", "-SW", BIN / target], stdout=subprocess.PIPE, text=True,
                                      check=True).stdout
            self.assertIn(SECTION, sections, target)


class ReplayMain(unittest.TestCase):
    def test_no_input_is_not_success(self):
        self.assertEqual(run("fuzz_machine").returncode, 5)
        with tempfile.TemporaryDirectory() as empty:
            self.assertEqual(run("fuzz_machine", empty).returncode, 5)

    def test_a_file_that_cannot_be_read_is_named(self):
        answer = run("fuzz_machine", "no-such-file")
        self.assertEqual(answer.returncode, 3)
        self.assertIn("no-such-file", answer.stderr)

    def test_inputs_are_counted_and_options_of_engines_ignored(self):
        with tempfile.TemporaryDirectory() as folder:
            below = pathlib.Path(folder) / "below"
            below.mkdir()
            (below / "one").write_bytes(b"\0\0\0")
            (below / "two").write_bytes(b"")
            answer = run("fuzz_machine", "-runs=1", folder)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertIn("2 inputs", answer.stdout)

    def test_the_seeds_agree(self):
        for target in ["fuzz_machine", "fuzz_pages", "fuzz_trace_text"]:
            answer = run(target, SEEDS / target)
            self.assertEqual(answer.returncode, 0, answer.stderr)

    def test_the_canary_is_caught_and_leaves_a_trace(self):
        with tempfile.TemporaryDirectory() as folder:
            answer = run("fuzz_canary", SEEDS / "fuzz_pages", cwd=folder)
            self.assertEqual(answer.returncode, 1, answer.stderr)
            self.assertIn("FRAME-1", answer.stderr)
            self.assertIn("mmtwin replay finding-FRAME-1.mmt", answer.stderr)
            trace = (pathlib.Path(folder) / "finding-FRAME-1.mmt").read_text()
        self.assertTrue(trace.startswith("mmtwin 2\nmachine "), trace)
        self.assertIn("# verdict=", trace)
        self.assertLessEqual(trace.count("pages_alloc"), 3, trace)


if __name__ == "__main__":
    unittest.main()
