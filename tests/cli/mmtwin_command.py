"""What tests of the mmtwin command share: the program, a trace that agrees, and checks of exit codes and messages."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", ROOT / "build/dev/bin")) / "mmtwin"
TRACE = """mmtwin 1
machine small
1 cpu=0 space_create -> p1
2 cpu=0 range_map_anon space=p1 at=0x10000 length=0x4000 prot=rw
3 cpu=0 memory_store space=p1 at=0x10008 width=1 value=0x41
4 cpu=1 space_fork space=p1 -> p2
5 cpu=1 memory_load space=p2 at=0x10008
"""


def run(*words, stdin=b"", environment=None):
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MMTWIN_")}
    return subprocess.run([str(PROGRAM), *map(str, words)], input=stdin, capture_output=True, check=False, cwd=ROOT,
                          env={**clean, **(environment or {})})


class Mmtwin(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def ends(self, status, *words, stdin=b"", environment=None):
        """Runs; the exit code is as given; failures say so in few words on standard error."""
        result = run(*words, stdin=stdin, environment=environment)
        self.assertEqual(status, result.returncode, result.stdout + result.stderr)
        if status in (2, 3):
            self.assertEqual(1, result.stderr.count(b"\n"), result.stderr)
            self.assertLess(len(result.stderr), 300, result.stderr)
        return result

    def json_lines(self, kind, status, *words):
        lines = [json.loads(line) for line in self.ends(status, *words).stdout.splitlines()]
        of_kind = [line for line in lines if line["kind"] == kind]
        self.assertTrue(of_kind, lines)
        return of_kind
