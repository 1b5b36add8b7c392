"""Ends the trials of a runner that dies, however it dies. Run as a program of its own.

It reads ``+<process group>`` and ``-<process group>`` lines from the runner and kills, when the
runner's end of the pipe closes, the groups that are still registered.
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    groups = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
