"""The mmtwin command and what it must not lose: outputs that cannot be written are known before anything is run."""

import subprocess
import unittest

from mmtwin_command import PROGRAM, ROOT, TRACE, Mmtwin


class Outputs(Mmtwin):
    def test_an_output_that_cannot_be_written_is_found_at_the_start(self):
        trace = self.file("good.mmt", TRACE)
        log = self.file("log.txt", b"")
        below_a_file = trace / "below"
        for place in (below_a_file, below_a_file / "further", "/proc/mmtwin", "/proc/mmtwin/below"):
            message = self.ends(2, "fuzz", "--seconds", "3600", "--output", place).stderr.decode()
            self.assertRegex(message, r"^--output: .*: ")
        for place in (below_a_file, self.folder / "missing/a.mmt", self.folder, "/proc/mmtwin.mmt"):
            for words in (["gen"], ["convert", trace], ["minimise", trace], ["import", "strace", log]):
                self.assertRegex(self.ends(2, *words, "--output", place).stderr.decode(), r"^--output: .*: ")
        self.assertRegex(self.ends(2, "minimise", trace, "--emit-test", below_a_file).stderr.decode(), "^--emit-test: ")

    def test_looking_leaves_nothing_behind(self):
        self.ends(0, "fuzz", "--executions", "1", "--output", self.folder / "found")
        self.assertEqual([], list((self.folder / "found").iterdir()))

    def test_a_full_file_system_is_found_at_the_start(self):
        mount = self.folder / "full"
        mount.mkdir()
        script = (f'mount -t tmpfs -o size=4k none "{mount}" && head -c 4096 /dev/zero >"{mount}/zeros" && '
                  f'"{PROGRAM}" fuzz --seconds 1 --output "{mount}"; code=$?; umount "{mount}"; exit $code')
        done = subprocess.run(["unshare", "--mount", "--map-root-user", "sh", "-c", script], capture_output=True,
                              check=False, cwd=ROOT)
        if b"unshare" in done.stderr or b"mount" in done.stderr.split(b"--output")[0]:
            self.skipTest("no file system may be mounted here")
        self.assertEqual(2, done.returncode, done.stderr)
        self.assertIn(b"No space left", done.stderr)


if __name__ == "__main__":
    unittest.main()
