"""Signals: a command that is interrupted reports what it has; nobody is left behind, whoever ends whom."""

import json
import os
import pathlib
import random
import signal
import subprocess
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(os.environ.get("MMTWIN_BIN_DIR", ROOT / "build/dev/bin")) / "mmtwin"
PATIENCE = 60  # seconds, for a busy host
KILLS = int(os.environ.get("MMTWIN_KILLS", "15"))


def status_of(pid, field):
    """A line of the process's status; None: there is no such process any more."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return line.split(":", 1)[1].strip()
    except (FileNotFoundError, ProcessLookupError):
        pass
    return None


def is_alive(pid):
    state = status_of(pid, "State")
    return state is not None and not state.startswith("Z")


def children_of(pid):
    try:
        return [int(word) for word in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


class Interrupt(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, *words):
        process = subprocess.Popen([str(PROGRAM), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   cwd=ROOT)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.kill)
        return process

    def catches(self, process):
        caught = int(status_of(process.pid, "SigCgt") or "0", 16)
        return caught >> (signal.SIGTERM - 1) & 1 == 1

    def interrupt(self, which, *words):
        """Starts the command, sends it the signal once it works, and gives what it printed."""
        process = self.start(*words)
        self.assertTrue(wait_until(lambda: self.catches(process)))
        time.sleep(0.3)
        process.send_signal(which)
        output, problems = process.communicate(timeout=PATIENCE)
        self.assertEqual(6, process.returncode, (words, output[-500:], problems))
        return output.decode()

    def test_fuzz_reports_and_leaves_no_worker(self):
        for which in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            process = self.start("fuzz", "--jobs", 2, "--seconds", 600, "--json", "--output", self.folder)
            self.assertTrue(wait_until(lambda: len(children_of(process.pid)) == 2))
            workers = children_of(process.pid)
            time.sleep(0.5)
            process.send_signal(which)
            output = process.communicate(timeout=PATIENCE)[0]
            self.assertEqual(6, process.returncode)
            campaign = json.loads(output.splitlines()[0])
            self.assertEqual("interrupted", campaign["verdict"])
            self.assertFalse(any(is_alive(worker) for worker in workers))

    def test_every_long_command_reports(self):
        self.assertIn("interrupted", self.interrupt(signal.SIGINT, "fuzz", "--seconds", 600, "--output", self.folder))
        self.assertIn("pairs were looked at", self.interrupt(signal.SIGINT, "explore", "--all"))
        for words in (["prove"], ["fuzz", "--perturb", "--seconds", 600], ["laws", "--freedoms", "--programs", 99999]):
            self.assertIn("interrupted: this is what", self.interrupt(signal.SIGTERM, *words), words)
            lines = self.interrupt(signal.SIGTERM, *words, "--json").splitlines()
            self.assertEqual("interrupted", json.loads(lines[-1])["verdict"], words)

    def test_a_killed_campaign_leaves_nobody_and_no_half_file(self):
        moments = random.Random(1)
        for _ in range(KILLS):
            process = self.start("fuzz", "--jobs", 2, "--seconds", 600, "--output", self.folder)
            self.assertTrue(wait_until(lambda: len(children_of(process.pid)) == 2))
            workers = children_of(process.pid)
            time.sleep(moments.uniform(0, 0.6))
            workers += [worker for worker in children_of(process.pid) if worker not in workers]
            process.kill()
            process.communicate(timeout=PATIENCE)
            self.assertTrue(wait_until(lambda: not any(is_alive(worker) for worker in workers)), workers)
        for file in self.folder.iterdir():
            read = subprocess.run([str(PROGRAM), "convert", file, "--to", "bytes", "--output", "/dev/null"],
                                  capture_output=True, check=False)
            self.assertEqual(0, read.returncode, (file, read.stderr))


class Budget(unittest.TestCase):
    def test_explore_says_when_its_runs_are_used_up(self):
        result = subprocess.run([str(PROGRAM), "explore", "--runs", "2"], capture_output=True, check=False, cwd=ROOT)
        self.assertEqual(6, result.returncode)
        self.assertIn(b"the budget of runs ran out", result.stdout)


if __name__ == "__main__":
    unittest.main()
