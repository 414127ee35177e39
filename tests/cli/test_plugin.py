"""Page allocators of other people: each thing that can be wrong with one is found, and nothing in those that are right.
"""

import os
import pathlib
import re
import subprocess
import unittest

from mmtwin_command import Mmtwin

# A sanitizer's own allocator ends the process where memory is refused; a plug-in is to see the refusal.
for name in ("ASAN_OPTIONS", "TSAN_OPTIONS"):
    os.environ[name] = os.environ.get(name, "") + ":allocator_may_return_null=1"

ROOT = pathlib.Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples/page_allocator_c"
HEADER = ROOT / "lockstep/suts/plugin"


class Plugin(Mmtwin):
    def built(self, name, *flags, source="broken_allocator.h"):
        library = self.folder / f"{name}.so"
        subprocess.run(["cc", "-std=gnu11", "-O1", "-Wall", "-Werror", "-shared", "-fPIC", f"-I{HEADER}",
                        f"-I{EXAMPLES}", *flags, "-o", library, "-x", "c",
                        ROOT / "tests/cli" / source if source == "broken_allocator.h" else EXAMPLES / source],
                       check=True)
        return library

    def fuzz(self, status, library, *words):
        return self.ends(status, "fuzz", f"--sut={library}", "--output", self.folder, *words)


class Broken(Plugin):
    def found(self, what, signature, operations, *flags):
        library = self.built(what.lower(), f"-D{what}", *flags)
        # Some deaths take a second each, and more on a busy machine: the budget is no matter of this test.
        text = self.fuzz(1, library, "--executions", "20000", "--minimise-seconds", "1000").stdout.decode()
        self.assertIn(signature, text)
        self.assertNotIn("perhaps not minimal", text)
        shown = re.search(r"minimised: \d+ to (\d+) operation", text)
        self.assertLessEqual(int(shown[1]), operations, text)
        trace = re.search(r"replay: mmtwin replay (\S+) (\S+)", text)
        again = self.ends(1, "replay", trace[1], trace[2]).stdout.decode()
        self.assertIn(signature, again)
        self.ends(0, "replay", f"--sut={self.built('right')}", trace[2])
        return text

    def test_a_crash(self):
        self.found("CRASHES", "crashed (SIGSEGV)", 2)

    def test_a_process_that_leaves(self):
        self.found("LEAVES", "crashed (exit 3)", 2)

    def test_an_endless_allocation(self):
        self.found("RUNS_AWAY", "crashed (SIGSEGV)", 2)

    def test_a_wild_write(self):
        for fill in (0, 255):
            self.found("SCRIBBLES", "crashed (wild write)", 2, f"-DFILL={fill}")

    def test_a_write_beyond_the_last_frame(self):
        self.found("BEYOND", "crashed (SIGSEGV)", 2)

    # Nobody else is stopped, ended, made or waited for.
    def test_other_processes_are_out_of_reach(self):
        for what in ("STOPS", "FORKS"):
            self.fuzz(0, self.built(what.lower(), f"-D{what}"), "--executions", "50")
        self.found("LOSES_ITS_WAY", "crashed (hang)", 2)

    def test_frames_that_it_never_gives(self):
        self.found("WITHHOLDS", "OOM-1 rest frames to take", 0)

    def test_a_leak(self):
        self.found("LEAKS", "LIVE-1 rest frames to take", 2)

    def test_bytes_of_others(self):
        text = self.found("OVERWRITES", "CONTENT-1 pages_free bytes of a block", 4)
        self.assertRegex(text, r"\d+ cpu=\d pages_free block=b\d+\n  law CONTENT-1")

    def test_bytes_that_are_not_zero(self):
        self.found("NOT_ZERO", "ISO-2 pages_alloc bytes of a block", 3)

    def test_a_zone_that_was_not_allowed(self):
        self.assertIn("in no zone that the request may have", self.found("WRONG_ZONE", "FRAME-1 pages_alloc answer", 1))

    def test_a_frame_that_does_not_exist(self):
        self.found("OUTSIDE", "FRAME-1", 10)

    def test_a_frame_given_twice(self):
        self.assertRegex(self.found("FREES_TOO_MUCH", "FRAME-1", 5), r"frame \d+ is in use")

    def test_a_refusal_while_there_is_memory(self):
        self.found("REFUSES", "OOM-1 pages_alloc refusal", 1)

    def test_one_that_never_refuses(self):
        self.found("NEVER_REFUSES", "FRAME-1", 10)

    def test_what_only_many_programs_together_show_is_told_as_that(self):
        text = self.fuzz(1, self.built("remembers", "-DREMEMBERS"), "--executions", "200").stdout.decode()
        self.assertIn("found, but the program alone does not show it", text)

    def test_a_hang(self):
        library = self.built("hangs", "-DHANGS")
        text = self.fuzz(1, library, "--executions", "200", "--minimise-seconds", "1").stdout.decode()
        self.assertIn("crashed (hang)", text)


class Unusable(Plugin):
    def refused(self, what, why):
        self.assertIn(why, self.fuzz(2, self.built(what.lower(), f"-D{what}")).stderr.decode())

    def test_each_says_why(self):
        self.refused("NEWER", "it was made for version 2, and this is version 1")
        self.refused("LAVISH", "it declares an overhead of 65 frames of 1024; at most 64 are allowed")
        self.refused("HALF", "its table needs pages_alloc() and pages_free()")
        self.refused("SMALL", "the size of its table is too small")
        self.refused("CLOSED", "its table has no open()")
        self.refused("NOTHING", "it cannot serve a host of version 1")
        self.refused("DIES_LOADING", "it ended while it was loaded (SIGABRT)")

    def test_what_is_no_plugin(self):
        for name, why in {"./nothing-there.so": "No such file or directory", str(self.file("x.so", "text")): "file too",
                          "fast": "is no system: ours, recorded, model, or a plug-in as ./NAME.so"}.items():
            self.assertIn(why, self.ends(2, "replay", f"--sut={name}", "x").stderr.decode())
        subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-o", self.folder / "empty.so", os.devnull], check=True)
        message = self.ends(2, "fuzz", f"--sut={self.folder / 'empty.so'}").stderr.decode()
        self.assertIn("it exports no function mmtwin_plugin_table", message)


class Right(Plugin):
    def test_the_examples_agree(self):
        for name in ("first_fit", "buddy"):
            library = self.built(name, source=f"{name}.c")
            text = self.fuzz(0, library, "--executions", "3000").stdout.decode()
            self.assertIn("not judged: order of zones, locks", text)
            self.assertNotIn("LOCK-1", text)
            trace = self.file("a.mmt", "mmtwin 2\nmachine small\n1 cpu=0 space_create -> p1\n"
                                       "2 cpu=0 pages_alloc -> b1\n")
            text = self.ends(0, "replay", f"--sut={library}", trace).stdout.decode()
            self.assertIn("1 skipped (unsupported 1)", text)

    # The machines of a campaign soon have a zone whose end is no multiple of a large block.
    def test_a_merge_across_zones_is_found_and_short(self):
        library = self.built("bad", "-DMERGES_ACROSS_ZONES", source="buddy.c")
        text = self.fuzz(1, library, "--seconds", "60").stdout.decode()
        self.assertRegex(text, "minimised: 64 to [1-4] operation")

    def test_a_refused_machine_is_not_run(self):
        library = self.built("buddy", source="buddy.c")
        trace = self.file("a.mmt", "mmtwin 2\nmachine server\n1 cpu=0 pages_alloc -> b1\n")
        self.assertIn("unsupported 1", self.ends(5, "replay", f"--sut={library}", trace).stdout.decode())

    def test_a_start_is_written_builds_and_agrees(self):
        folder = self.folder / "mine"
        self.ends(0, "init", "plugin", folder)
        subprocess.run(["make", "-s", "-C", folder], check=True)
        self.fuzz(0, folder / "allocator.so", "--executions", "500")
        before = (folder / "allocator.c").read_text()
        self.assertIn("allocator.c: is there already", self.ends(2, "init", "plugin", folder).stderr.decode()
                      .replace("mmtwin_plugin.h", "allocator.c"))
        self.assertEqual(before, (folder / "allocator.c").read_text())
        self.ends(2, "init", "plugin", self.file("plain", "x"))


if __name__ == "__main__":
    unittest.main()
