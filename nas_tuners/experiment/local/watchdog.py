"""Ends the trials of a runner that dies, however it dies. Run as a program of its own.

It reads lines ``{"watch": group, "mark": text}`` and ``{"forget": group}`` from the runner and
ends, when the runner's end of the pipe closes, the groups that are still registered. A ``mark`` is
a line of the environment by which processes that left their group are found.
"""

import contextlib
import json
import os
import signal
import sys


def main() -> None:
    # Whoever ends all processes, as Slurm does by the last two, needs this one to last.
    for name in ("SIGHUP", "SIGINT", "SIGTERM", "SIGUSR1", "SIGUSR2"):
        signal.signal(signal.Signals[name], signal.SIG_IGN)
    watched: dict[int, str] = {}
    for line in sys.stdin:
        message = json.loads(line)
        if "watch" in message:
            watched[message["watch"]] = message["mark"]
        else:
            watched.pop(message["forget"], None)
    for group, mark in watched.items():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(group, signal.SIGKILL)
        kill_marked(mark)


def kill_marked(mark: str) -> None:
    """Kill every process that was started with a line in its environment (on Linux)."""
    if not mark or not os.path.isdir("/proc/self"):
        return
    line = os.fsencode(mark)
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid() and line in _environment(name):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(int(name), signal.SIGKILL)


def _environment(process: str) -> list[bytes]:
    try:
        with open(f"/proc/{process}/environ", "rb") as file:
            return file.read().split(b"\0")
    except OSError:  # it has ended, or is somebody else's
        return []


if __name__ == "__main__":
    main()
