"""What the mmtwin command says: mistyped words, numbers that are none, long and binary input, counts of one."""

import unittest

from mmtwin_command import TRACE, Mmtwin


class Help(Mmtwin):
    def test_help_is_a_command_too(self):
        self.assertEqual(self.ends(0, "--help").stdout, self.ends(0, "help").stdout)
        self.assertEqual(self.ends(0, "fuzz", "--help").stdout, self.ends(0, "help", "fuzz").stdout)
        self.assertIn(b"ID", self.ends(0, "help", "bugs", "run").stdout)
        self.assertIn(b"did you mean 'fuzz'?", self.ends(2, "help", "fuz").stderr)


class Mistyped(Mmtwin):
    def test_the_nearest_word_is_offered(self):
        for meant, words in {"--version": ["--versoin"], "--seconds": ["fuzz", "--secnds", "3"],
                             "--output": ["gen", "--ouput=x"], "replay": ["repaly", "x"], "matrix": ["bugs", "matix"],
                             "--json": ["replay", "a.mmt", "--jsn"]}.items():
            self.assertIn(f"did you mean '{meant}'?", self.ends(2, *words).stderr.decode())

    def test_what_is_near_to_nothing_gets_no_offer(self):
        for words in (["fuzz", "--zzzzzzzz"], ["xylophone"], ["replay", "-z", "x"]):
            self.assertNotIn(b"did you mean", self.ends(2, *words).stderr)

    def test_values_are_no_words(self):
        self.ends(0, "gen", "--operations", "3", "--weights", "pages=1", "-o", self.folder / "a.mmt")
        self.ends(0, "replay", self.folder / "a.mmt", "--sut", "ours")
        self.ends(3, "replay", "--", "--version")


class Numbers(Mmtwin):
    def test_what_is_no_number_is_refused_by_name(self):
        for option, value, *command in (["--seed", "-3", "fuzz"], ["--seed", "abc", "gen"], ["--seed", "0xg", "gen"],
                                        ["--seed", "", "gen"], ["--seed", "1x", "bugs", "run", "x"],
                                        ["--seed", "18446744073709551616", "gen"], ["--executions", "-1", "fuzz"],
                                        ["--operations", "-1", "gen"], ["--operations", "0", "fuzz"],
                                        ["--jobs", "0", "fuzz"], ["--jobs", "2.5", "prove"], ["--pauses", "101", "gen"],
                                        ["--runs", "-1", "explore"], ["--from", "-1", "explain", "x"],
                                        ["--programs", "x", "laws"]):
            message = self.ends(2, *command, option, value).stderr.decode()
            self.assertIn(f"{option}: '{value}' is no number from ", message)
        for value in ("-1", "nan", "abc", "1s", "1e9"):
            self.assertIn(f"'{value}' is not 0 to ", self.ends(2, "fuzz", "--seconds", value).stderr.decode())

    def test_a_seed_is_decimal_or_hexadecimal(self):
        self.assertEqual(self.ends(0, "gen", "--seed", "0x1f").stdout, self.ends(0, "gen", "--seed", "31").stdout)
        self.ends(0, "gen", "--seed", "0xffffffffffffffff")

    def test_the_variable_obeys_the_same_rules_where_a_seed_is_wanted(self):
        for value in ("abc", "-1"):
            message = self.ends(2, "gen", environment={"MMTWIN_SEED": value}).stderr.decode()
            self.assertIn(f"MMTWIN_SEED: '{value}' is no number from ", message)
            self.ends(0, "gen", "--seed", "1", environment={"MMTWIN_SEED": value})
            self.ends(0, "bugs", "list", environment={"MMTWIN_SEED": value})
        seven = self.ends(0, "gen", "--seed", "7").stdout
        self.assertEqual(seven, self.ends(0, "gen", environment={"MMTWIN_SEED": "0x7"}).stdout)
        self.assertNotEqual(seven, self.ends(0, "gen", environment={"MMTWIN_SEED": ""}).stdout)


class Messages(Mmtwin):
    def is_short(self, status, *words):
        message = self.ends(status, *words).stderr.decode()
        self.assertTrue(message.removesuffix("\n").isprintable(), message)

    def test_long_and_binary_input_comes_back_short_and_printable(self):
        long_word = "y" * 10_000_000
        traces = [TRACE.replace("memory_store", long_word), TRACE.replace("at=0x10000", "at=" + long_word),
                  TRACE.replace("small", long_word), TRACE.replace("small", "small " + long_word + "=1"),
                  TRACE.replace("3 cpu", long_word + " cpu"), TRACE.replace("-> p2", "-> " + long_word),
                  TRACE.replace("prot=rw", "flags=" + long_word), TRACE.replace("mmtwin 1", long_word),
                  TRACE.replace("width=1", "\x01\x1b[31m\xff=1")]
        for trace in traces:
            self.is_short(3, "replay", self.file("long.mmt", trace))
        for log_format in ("strace", "vmadelta", "kmem-pages"):
            for line in ("1 " + "z" * 900_000, "z" * 900_000 + "(", "\x1b[31m", "z" * 10_000_000):
                self.is_short(3, "import", log_format, self.file("long.txt", line + "\n"))

    def test_long_and_binary_words_of_the_command_line_come_back_short_and_printable(self):
        long_word = "w" * 100_000
        for words in ([long_word], ["fuzz", "--" + long_word], ["fuzz", "--seed", long_word],
                      ["fuzz", "--target=" + long_word], ["fuzz", "--machine", long_word], ["gen", "--weights",
                       long_word],
                      ["fuzz", "\x1b[31m\x07"],
                      ["gen", "--machine", "small " + long_word + "=1"], ["gen", "--output", long_word],
                      ["bugs", "run", long_word], ["prove", "--only", "x", long_word]):
            self.is_short(2, *words)
        self.is_short(3, "replay", long_word)
        self.is_short(5, "prove", "--only", long_word)

    def test_one_is_singular(self):
        one = self.file("one.mmt", "mmtwin 1\nmachine small\n1 cpu=0 space_create -> p1 = EEXIST\n")
        replayed = self.ends(0, "replay", one).stdout
        self.assertIn(b"1 operation,", replayed)
        self.assertIn(b"1 mismatch\n", replayed)
        self.assertIn(b"1 operation on machine", self.ends(0, "explain", one).stdout)
        fuzzed = self.ends(0, "fuzz", "--executions", "1", "--operations", "1", "--target", "pages", "--output",
                           self.folder).stdout
        self.assertIn(b": 1 program, ", fuzzed)
        load = TRACE.replace("width=1", "width=1") + "6 cpu=1 pages_alloc gfp=wait -> b1\n"
        self.assertIn("writes 1 byte at", self.ends(0, "explain", self.file("load.mmt", load)).stdout.decode())
        for plural in (b" 1 operations", b" 1 mismatches", b" 1 programs", b"(1 frames)", b" 1 bytes"):
            self.assertNotIn(plural, replayed + fuzzed + self.ends(0, "explain", self.folder / "load.mmt").stdout)


if __name__ == "__main__":
    unittest.main()
