#!/usr/bin/env python3
"""Usage: tools/import/record_strace.py OUTPUT COMMAND [ARGUMENT...]

Runs the command under strace and writes what `mmtwin import strace` reads, without anything that names a machine: paths
are cut to their base name, process ids become P1, P2, ... in the order of their appearance, environments are dropped.
"""

import os
import re
import subprocess
import sys
import tempfile

TRACE = "trace=%memory,%process,openat,ftruncate"
NUMBERED = re.compile(r"^(\d+) +(.*)$")
QUOTED_PATH = re.compile(r'"[^"]*/([^"/]*)"')
DESCRIPTOR_PATH = re.compile(r"<(?:[^<>]*/)([^<>/]*)>")
ENVIRONMENT = re.compile(r"0x[0-9a-f]+ /\* \d+ vars \*/")


class Names:
    """P-numbers of processes."""

    def __init__(self):
        self.known = {}

    def of(self, process):
        return self.known.setdefault(process, f"P{len(self.known) + 1}")

    def replace(self, text):
        """Process ids that were seen before, where a call says that a number is one."""
        def known(match):
            return match.group(1) + self.known.get(match.group(2), match.group(2))
        return re.sub(r"(wait4\(|si_pid=|kill\()(\d+)", known, text)


def anonymous(line, names):
    found = NUMBERED.match(line)
    if not found:
        return None
    process, rest = found.groups()
    rest = ENVIRONMENT.sub("ENVP", rest)
    rest = QUOTED_PATH.sub(r'"\1"', rest)
    rest = DESCRIPTOR_PATH.sub(r"<\1>", rest)
    name = names.of(process)
    return f"{name} {names.replace(rest)}\n"


def main():
    if len(sys.argv) < 3 or sys.argv[1] in ("-h", "--help"):
        print(__doc__.strip())
        return 0 if "-h" in sys.argv or "--help" in sys.argv else 2
    with tempfile.NamedTemporaryFile("r", suffix=".strace") as raw:
        command = ["strace", "-f", "-y", "-o", raw.name, "-e", TRACE, "--"] + sys.argv[2:]
        status = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode
        names = Names()
        lines = [anonymous(line.rstrip("\n"), names) for line in raw]
    if not any(lines):
        print(f"strace recorded nothing (status {status})", file=sys.stderr)
        return 4
    with open(sys.argv[1] + ".part", "w", encoding="utf-8") as output:
        output.writelines(line for line in lines if line)
    os.replace(sys.argv[1] + ".part", sys.argv[1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
