"""The scripts in ci/ that run others: what they try, what they say of it, and that one failure hides no other."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PRESETS = [preset["name"] for preset in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]
           if not preset.get("hidden")]


class Tree(unittest.TestCase):
    """A folder with one real script and, around it, programs that only play the others' parts."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        shutil.copy(ROOT / "CMakePresets.json", self.root)
        (self.root / "ci").mkdir()
        self.fake("ci/install.sh", "exit 0")

    def fake(self, name, body):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("#!/bin/sh\n" + body + "\n")
        path.chmod(0o755)

    def run_script(self, name, *words, **environment):
        shutil.copy(ROOT / "ci" / name, self.root / "ci")
        kept = {key: value for key, value in os.environ.items() if not key.startswith("MMTWIN_")}
        kept["PATH"] = f"{self.root}/bin:{kept['PATH']}"
        return subprocess.run([self.root / "ci" / name, *words], env={**kept, **environment}, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False)


class Presets(Tree):
    def test_every_configure_preset_is_tried(self):
        self.assertGreaterEqual(len(PRESETS), 12)
        self.assertEqual(PRESETS, self.run_script("presets.sh", "--list").stdout.split())

    def test_whoever_has_tests_can_run_them(self):
        file = json.loads((ROOT / "CMakePresets.json").read_text())
        built = [preset["name"] for preset in file["buildPresets"]]
        tested = [preset["name"] for preset in file["testPresets"]]
        self.assertEqual(PRESETS, built)
        self.assertEqual([name for name in PRESETS if not name.startswith("fuzz")], tested)

    def test_one_that_fails_is_said_and_the_others_are_built(self):
        self.fake("ci/build.sh", 'echo "$@" >>built; [ "$1" != release ] || { echo broken; exit 3; }')
        done = self.run_script("presets.sh")
        self.assertEqual(1, done.returncode, done.stderr)
        self.assertEqual(PRESETS, (self.root / "built").read_text().split())
        lines = done.stdout.splitlines()
        self.assertEqual(len(PRESETS), len(lines))
        self.assertEqual(["release"], [line.split()[0] for line in lines if "FAILED" in line])
        self.assertIn("broken", (self.root / "build/release.presets.log").read_text())

    def test_tests_run_where_they_are_asked_for(self):
        self.fake("ci/build.sh", "exit 0")
        self.fake("bin/ctest", 'echo "$2" >>tested; [ "$2" != ubsan ]')
        done = self.run_script("presets.sh", "--test", "asan", "dev", "ubsan")
        self.assertEqual(1, done.returncode)
        self.assertEqual(["asan", "ubsan"], (self.root / "tested").read_text().split())
        self.assertRegex(done.stdout, r"(?m)^ubsan +test +FAILED")
        self.assertEqual(0, self.run_script("presets.sh", "--test=dev", "dev").returncode)

    def test_bad_usage(self):
        for words in (["--all"], ["nonsense"], ["--test=nonsense"], ["--test=dev", "release"]):
            self.assertEqual(2, self.run_script("presets.sh", *words).returncode, words)


class Nightly(Tree):
    def setUp(self):
        super().setUp()
        for name in ("build.sh", "presets.sh", "same.sh", "fuzz.sh"):
            self.fake(f"ci/{name}", f'echo {name} "$@" >>ran')
        self.fake("bin/ctest", 'echo ctest "$MMTWIN_STRESS_SECONDS" >>ran')
        self.fake("bin/python3", 'echo python3 "$@" "$MMTWIN_FREEDOMS" >>ran')
        self.fake("build/dev/bin/mmtwin", 'echo mmtwin "$@" >>ran; [ "$1" != explore ] || exit 6')

    def test_all_steps_run_though_one_fails(self):
        done = self.run_script("nightly.sh", MMTWIN_NIGHTLY_SHARE="10")
        self.assertEqual(1, done.returncode, done.stderr)
        codes = dict(re.findall(r"(?m)^(\w+) +exit +(\d+) ", done.stdout))
        documented = re.findall(r"(?m)^#   (\w+) ", (ROOT / "ci/nightly.sh").read_text())
        self.assertEqual(documented, list(codes))
        self.assertEqual({"explore": "6"}, {step: code for step, code in codes.items() if code != "0"})
        ran = (self.root / "ran").read_text().splitlines()
        for line in ("presets.sh --test", "same.sh", "ctest 60", "mmtwin prove", "mmtwin bugs matrix",
                     "python3 -B tests/cli/test_freedoms.py --programs 20000 --pauses 40",
                     "fuzz.sh 180 fuzz_machine", "fuzz.sh 60 fuzz_pages", "fuzz.sh 60 fuzz_trace_text"):
            self.assertIn(line, ran)

    def test_a_build_that_fails_is_the_step_s_failure(self):
        self.fake("ci/build.sh", "exit 4")
        done = self.run_script("nightly.sh", "prove", "same")
        self.assertRegex(done.stdout, r"(?m)^prove +exit +4 ")
        self.assertRegex(done.stdout, r"(?m)^same +exit +0 ")
        self.assertEqual(1, done.returncode)

    def test_bad_usage(self):
        self.assertEqual(2, self.run_script("nightly.sh", "nonsense").returncode)
        self.assertEqual(2, self.run_script("nightly.sh", MMTWIN_NIGHTLY_SHARE="0").returncode)


class Fuzz(Tree):
    def setUp(self):
        super().setUp()
        self.fake("ci/build.sh", "exit 0")
        self.fake("build/fuzz/bin/fuzz_canary", "exit 77")

    def target(self, body):
        self.fake("build/fuzz/bin/fuzz_machine", body)

    def test_a_finding_ends_with_the_line_that_replays_it(self):
        self.target('echo trace >"$MMTWIN_FINDING" && echo "mmtwin replay $MMTWIN_FINDING"; '
                    'echo "artifact_prefix=x; Test unit written to some-input"; exit 77')
        done = self.run_script("fuzz.sh", "1")
        self.assertEqual(1, done.returncode)
        trace = "build/fuzz/artifacts/fuzz_machine.mmt"
        self.assertEqual("trace\n", (self.root / trace).read_text())
        self.assertEqual(f"ci/build.sh dev mmtwin && build/dev/bin/mmtwin replay {trace}", done.stderr.splitlines()[-1])
        self.fake("build/release/bin/mmtwin", "exit 0")
        done = self.run_script("fuzz.sh", "1")
        self.assertEqual(f"build/release/bin/mmtwin replay {trace}", done.stderr.splitlines()[-1])

    def test_a_crash_without_a_trace_is_replayed_from_its_input(self):
        self.target('echo "artifact_prefix=x; Test unit written to some-input"; exit 77')
        done = self.run_script("fuzz.sh", "1")
        self.assertEqual(1, done.returncode)
        self.assertTrue(done.stderr.splitlines()[-1].endswith("mmtwin replay --bytes some-input"), done.stderr)

    def test_silence_is_said_to_be_agreement_only_if_something_ran(self):
        self.target('echo "stat::number_of_executed_units: 12"')
        done = self.run_script("fuzz.sh", "1")
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("checked: 12 programs", done.stdout)
        self.target("exit 0")
        self.assertEqual(5, self.run_script("fuzz.sh", "1").returncode)

    def test_a_canary_that_is_not_caught_fails_the_harness(self):
        self.fake("build/fuzz/bin/fuzz_canary", "exit 0")
        self.target("exit 0")
        self.assertEqual(4, self.run_script("fuzz.sh", "1").returncode)


if __name__ == "__main__":
    unittest.main()
