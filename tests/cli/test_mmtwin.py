"""The mmtwin command: exit codes and one-line messages for every kind of mistake, and each subcommand's happy path."""

import os
import subprocess
import unittest

from mmtwin_command import PROGRAM, ROOT, TRACE, Mmtwin

REAL = {"strace": "sort_files", "vmadelta": "python_start", "kmem-pages": "gcc_c"}
COMMANDS = ["replay", "minimise", "explain", "fuzz", "gen", "convert", "import", "prove", "laws", "bugs"]


class Usage(Mmtwin):
    def test_every_command_has_help(self):
        for command in COMMANDS:
            words = ["bugs", "run"] if command == "bugs" else [command]
            self.assertIn(b"--json", self.ends(0, *words, "--help").stdout)
        self.assertIn(b"Exit codes", self.ends(0, "--help").stdout)

    def test_version(self):
        version = self.ends(0, "--version").stdout.decode()
        self.assertRegex(version, r"^mmtwin \d+\.\d+\.\d+ \(build [0-9a-f]+, trace format 2")

    def test_wrong_flags_and_commands(self):
        self.ends(2)
        self.ends(2, "replay")
        self.ends(2, "replay", "--no-such-flag", "x")
        self.ends(2, "replay", "--sut=linux", "x")
        self.ends(2, "replay", "--expect-verdict", "maybe", "x")
        self.ends(2, "fuzz", "--seconds", "-1")
        self.ends(2, "fuzz", "--seconds", "nan")
        self.ends(2, "replay", "--watchdog", "nan", "x")
        self.ends(2, "fuzz", "--output", self.file("no_folder", b""))
        self.ends(2, "fuzz", "--weights", "pages=x")
        self.ends(2, "fuzz", "--machine", "nonsense")
        self.ends(2, "gen", "--machine", "tiny cpus=99")
        self.ends(2, "import", "ltrace", "x")
        self.ends(2, "bugs")
        self.assertIn(b"did you mean 'replay'", self.ends(2, "repaly", "x").stderr)


class Inputs(Mmtwin):
    def test_unreadable_and_malformed_files(self):
        for command in ("replay", "minimise", "explain"):
            self.ends(3, command, self.folder / "missing.mmt")
            self.ends(3, command, self.folder)
            self.ends(3, command, self.file("garbage.mmt", b"\x00\xffgarbage\n"))
            self.ends(3, command, self.file("empty.mmt", b""))
            self.ends(3, command, self.file("version.mmt", TRACE.replace("mmtwin 1", "mmtwin 99")))
        result = self.ends(3, "replay", self.file("field.mmt", TRACE.replace("length=0x4000", "length=zz")))
        self.assertRegex(result.stderr.decode(), r"field\.mmt:4:\d+: ")
        self.ends(3, "convert", "--from", "text", self.file("garbage.mmt", b"garbage"))

    def test_logs(self):
        for log_format in REAL:
            self.ends(3, "import", log_format, self.folder / "missing.txt")
            result = self.ends(3, "import", log_format, self.file("garbage.txt", b"\x00\x01"))
            self.assertRegex(result.stderr.decode(), r"garbage\.txt:\d+:\d+: ")
            packed = ROOT / f"corpora/real/{REAL[log_format]}.{log_format}.txt.xz"
            self.assertIn(b"xz -dc", self.ends(3, "import", log_format, packed).stderr)
        other = self.file("other.txt", "P1 M2 exec a\n")
        self.ends(3, "import", "strace", other)
        self.ends(3, "import", "kmem-pages", other)

    def test_nothing_to_execute(self):
        self.ends(5, "replay", self.file("none.mmt", "mmtwin 1\nmachine small\n"))
        self.ends(0, "replay", self.file("boot.mmt", "mmtwin 1\nmachine small\n# verdict=violated@1 LIVE-1\n"))
        self.ends(5, "explain", self.file("none.mmt", "mmtwin 1\nmachine small\n"))
        self.ends(5, "replay", "--sut=recorded", self.file("plain.mmt", TRACE))
        self.ends(5, "minimise", self.file("plain.mmt", TRACE))
        self.ends(5, "prove", "--only", "there is no such theorem")
        self.ends(5, "fuzz", "--seconds", "0", "--output", self.folder)

    def test_exploring_takes_racers_on_one_cpu_or_several(self):
        trace = self.file("race.mmt", "mmtwin 1\nmachine small\n1 cpu=0 space_create -> p1\n"
                                      "2 cpu=0 memory_load space=p1\n3 cpu=1 memory_load space=p1\n")
        self.ends(0, "explore", trace, "--from", "2")
        self.ends(2, "explore", trace)
        self.ends(2, "explore", trace, "--from", "4")
        self.ends(0, "explore", trace, "--from", "1")
        self.ends(3, "explore", self.folder / "there is none.mmt", "--from", "1")


class Outputs(Mmtwin):
    def test_standard_output_that_cannot_be_written(self):
        trace = self.file("good.mmt", TRACE)
        for words in (["laws"], ["laws", "--json"], ["replay", trace], ["replay", "--json", trace], ["explain", trace],
                      ["gen"], ["convert", trace], ["bugs", "list"], ["--help"]):
            with open("/dev/full", "wb") as full:
                result = subprocess.run([str(PROGRAM), *map(str, words)], stdout=full, stderr=subprocess.PIPE,
                                        check=False, cwd=ROOT)
            self.assertEqual(4, result.returncode, words)
            self.assertEqual(1, result.stderr.count(b"\n"), result.stderr)

    def test_what_is_no_plain_file_is_written_to_and_not_replaced(self):
        plain = self.folder / "plain.mmt"
        link = self.folder / "link.mmt"
        link.symlink_to(plain)
        self.ends(0, "gen", "--output", link)
        self.assertTrue(link.is_symlink())
        self.assertEqual(plain.read_bytes(), self.ends(0, "gen").stdout)
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        with subprocess.Popen(["cat", str(pipe)], stdout=subprocess.PIPE) as reader:
            self.ends(0, "gen", "--output", pipe)
            self.assertEqual(plain.read_bytes(), reader.communicate()[0])
        self.assertTrue(pipe.is_fifo())
        device = self.folder / "full"  # a link, so that a program that replaces it harms nobody
        device.symlink_to("/dev/full")
        self.assertIn(b"No space", self.ends(4, "gen", "--output", device).stderr)
        self.assertTrue(device.is_symlink())


class HappyPaths(Mmtwin):
    def test_replay(self):
        trace = self.file("good.mmt", TRACE)
        self.assertIn(b"agreed, 5 operations", self.ends(0, "replay", trace).stdout)
        self.ends(0, "replay", "--strict", "--expect-verdict", "agreed", trace, trace)
        self.ends(1, "replay", "--expect-verdict", "diverged", trace)
        self.ends(0, "replay", "-", stdin=TRACE.encode())
        line = self.json_lines("replay", 0, "replay", "--json", trace)[0]
        self.assertEqual(("agreed", "ours"), (line["verdict"], line["sut"]))
        self.assertEqual((5, 0), (line["operations"], line["mismatches"]))

    def test_a_wrong_recording_is_a_mismatch_and_the_model_says_so(self):
        trace = self.file("wrong.mmt", TRACE.replace("prot=rw\n", "prot=rw = EEXIST\n"))
        self.assertEqual(1, self.json_lines("replay", 0, "replay", "--json", trace)[0]["mismatches"])
        self.ends(1, "replay", "--strict", trace)
        self.assertIn(b"ANSWER-1", self.ends(1, "replay", "--sut=recorded", trace).stdout)
        self.ends(0, "replay", "--sut=recorded", "--expect-verdict", "failed", trace)

    def test_explain_tells_each_step(self):
        story = self.ends(0, "explain", self.file("good.mmt", TRACE)).stdout.decode()
        self.assertIn("4: CPU 1 forks p1: the child is p2", story)
        self.assertIn("=> done: 0x41", story)
        self.assertIn("takes frame", story)
        self.json_lines("replay", 0, "explain", "--json", self.file("good.mmt", TRACE))

    def test_explain_shows_ranges_where_they_change(self):
        trace = TRACE + """6 cpu=0 range_map_file space=p1 at=0x20000 length=0x1000 file=3 offset=0x2000 flags=shared
7 cpu=0 range_unmap space=p2 at=0x10000 length=0x4000
8 cpu=0 space_exit space=p1
"""
        shown = {2: ["    p1:", "      00010000-00014000 rw-p 00000000"],
                 4: ["    p2:", "      00010000-00014000 rw-p 00000000"],
                 6: ["    p1:", "      00010000-00014000 rw-p 00000000",
                     "      00020000-00021000 ---s 00002000 file 3"],
                 7: ["    p2 has no ranges"]}
        for limits, steps in {(): range(1, 9), ("--from", 3, "--to", 6): range(3, 7)}.items():
            story = self.ends(0, "explain", "--no-events", *limits, self.file("ranges.mmt", trace)).stdout.decode()
            for step in steps:
                told = story.split(f"\n{step}: ")[1].splitlines()
                end = next((n for n, line in enumerate(told[1:], 1) if not line.startswith("    ")), len(told))
                self.assertEqual(shown.get(step, []), told[2:end], story)
        self.assertNotIn("has no ranges", self.ends(0, "explain", self.file("good.mmt", TRACE)).stdout.decode())

    def test_explain_shows_ranges_in_the_column_of_the_step_that_ends_an_overlap(self):
        trace = TRACE.replace("small", "small cpus=3") + """
6 cpu=2 range_unmap space=p2 at=0x10000 length=0x4000 pause=interrupt.wait#1
7 cpu=0 range_unmap space=p1 at=0x10000 length=0x4000
8 cpu=2 resume
"""
        story = self.ends(0, "explain", "--no-events", self.file("overlap.mmt", trace)).stdout.decode()
        column = "\n" + " " * 84
        self.assertIn(f"{column}=> step 6: done{column}p1 has no ranges{column}p2 has no ranges\nat rest", story)
        self.assertEqual(2, story.count("has no ranges"), story)

    def test_explain_tells_what_an_operation_that_paused_answers(self):
        trace = """mmtwin 2
machine tiny
1 space_create -> p1
2 range_protect space=p1 at=0x10000 length=0x1000 prot=r pause=space.take#1
3 resume
4 memory_load space=p1 at=0x90000 pause=space.take#1
"""
        story = self.ends(0, "explain", "--no-events", self.file("paused.mmt", trace)).stdout.decode()
        self.assertIn("3: CPU 0 goes on with what began last there\n    => step 2: refused: ENOMEM\n", story)
        self.assertIn("at rest: CPU 0 goes on with what began last there\n    => step 4: refused: SIGSEGV/map\n", story)

    def test_gen_and_convert(self):
        made = self.folder / "made.mmt"
        self.json_lines("program", 0, "gen", "--seed", 7, "--operations", 40, "--json", "--output", made)
        self.assertEqual(made.read_bytes(), self.ends(0, "gen", "--seed", 7, "--operations", 40).stdout)
        packed = self.folder / "made.bin"
        self.ends(0, "convert", made, "--to", "bytes", "--output", packed)
        self.assertEqual(made.read_bytes(), self.ends(0, "convert", packed, "--to", "text").stdout)
        self.ends(0, "replay", "--bytes", packed)
        test = self.ends(0, "convert", made, "--to", "gtest", "--name", "made up").stdout
        self.assertIn(b"TEST(Regression, MadeUp)", test)

    def test_fuzz(self):
        words = ["fuzz", "--executions", 50, "--seconds", 60, "--seed", 3, "--output", self.folder, "--json"]
        campaign = self.json_lines("campaign", 0, *words)[0]
        self.assertEqual((50, 3), (campaign["executions"], campaign["seed"]))
        self.assertEqual(campaign["operations"], self.json_lines("campaign", 0, *words, "--jobs", 2)[0]["operations"])
        self.assertGreater(len(self.json_lines("law", 0, *words)), 30)
        text = self.ends(0, "fuzz", "--executions", 5, "--target", "pages", "--output", self.folder).stdout
        self.assertIn(b"5 programs", text)

    def test_fuzz_runs_a_corpus_first(self):
        (self.folder / "corpus").mkdir()
        self.file("corpus/one.mmt", TRACE)
        words = ["--executions", 1, "--corpus", self.folder / "corpus", "--output", self.folder]
        self.assertEqual(5, self.json_lines("campaign", 0, "fuzz", "--json", *words)[0]["operations"])

    def test_perturb(self):
        report = self.json_lines("perturb", 0, "fuzz", "--perturb", "--executions", 3, "--json")[0]
        self.assertGreater(report["rejected"], 0)

    def test_laws(self):
        self.assertIn("COW-1", [line["id"] for line in self.json_lines("law", 0, "laws", "--json")])
        self.ends(0, "laws", "--freedoms", "--programs", 2)

    def test_prove(self):
        theorem = self.json_lines("theorem", 0, "prove", "--only", "buddy.involution", "--json")[0]
        self.assertEqual("proved", theorem["verdict"])

    def test_import_and_replay_on_both_systems(self):
        for log_format, name in REAL.items():
            packed = ROOT / f"corpora/real/{name}.{log_format}.txt.xz"
            log = self.file("log.txt", subprocess.run(["xz", "-dc", packed], capture_output=True, check=True).stdout)
            trace = self.folder / "log.mmt"
            line = self.json_lines("import", 0, "import", log_format, log, "--json", "--output", trace)[0]
            self.assertGreater(line["imported"], 0)
            replayed = self.json_lines("replay", 0, "replay", "--strict", "--json", trace)[0]
            self.assertEqual(("agreed", 0), (replayed["verdict"], replayed["mismatches"]), log_format)
            assumed = {"strace": 2, "vmadelta": 20, "kmem-pages": 0}[log_format]
            self.assertEqual(assumed, replayed["assumed"], log_format)
            said = self.ends(0, "replay", "--sut=recorded", trace).stdout.decode()
            self.assertEqual(assumed != 0, f"agreed, {assumed} answers assumed" in said, said)
            self.ends(0 if assumed == 0 else 1, "replay", "--sut=recorded", "--strict", trace)

    def test_a_log_that_contradicts_itself_is_told_by_its_lines(self):
        log = self.file("log.txt", 'execve("./p", ["./p"], 0x7ffd00000000 /* 3 vars */) = 0\n'
                                   "brk(NULL) = 0x555555580000\n"
                                   "mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7ffff7f00000\n"
                                   "mmap(NULL, 16384, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = "
                                   "0x7ffff7fb0000\n"
                                   "munmap(0x7ffff7fb1000, 4096) = 0\n"
                                   "mprotect(0x7ffff7fb0000, 12288, PROT_READ) = 0\n")
        trace, short = self.folder / "log.mmt", self.folder / "short.mmt"
        self.ends(0, "import", "strace", log, "--output", trace)
        said = self.ends(1, "replay", "--sut=recorded", trace).stdout.decode()
        self.assertIn("prot=r  # line 6\n", said)
        self.assertNotIn("assumed", said)
        said = self.ends(0, "minimise", "--sut=recorded", trace, "--output", short).stderr.decode()
        self.assertIn(f"replay: mmtwin replay --sut=recorded {short}", said)
        lines = [line.split("# ")[1] for line in short.read_text().splitlines() if "# line" in line]
        self.assertEqual(["line 1", "line 4", "line 5", "line 6"], lines)
        self.ends(1, "replay", "--sut=recorded", short)
        # Ours does better, and says where it differs.
        self.assertIn("1 mismatch", self.ends(0, "replay", short).stdout.decode())

    def test_bugs_list(self):
        (self.folder / "corpora/bugs").mkdir(parents=True)
        self.ends(5, "bugs", "list", "--source", self.folder)
        header = "# id: one\n# source: class\n# law: COW-1\n# operations: 3\n# family: cow\n"
        self.file("corpora/bugs/one.patch", header)
        bug = self.json_lines("bug", 0, "bugs", "list", "--source", self.folder, "--json")[0]
        self.assertEqual(("one", "COW-1", 3), (bug["id"], bug["expected"], bug["needed"]))
        self.ends(2, "bugs", "run", "two", "--source", self.folder)
        self.file("corpora/bugs/one.patch", "# id: one\n# source: class\n")
        self.ends(3, "bugs", "list", "--source", self.folder)
        self.ends(3, "bugs", "list", "--source", self.folder / "missing")


if __name__ == "__main__":
    unittest.main()
