"""A process that has imported torch and Optuna once, in copies of which scripts run.

Each script starts as ``python script.py`` would start it, some four seconds of computing sooner.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path


def run_script(
    script: Path, *arguments: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a script to its end.

    Args:
        script: Its file.
        arguments: What would follow on the command line.
        cwd: Where it runs, the current folder if not given.
        environment: Variables that it has beside those of this process.
    """
    host = _host()
    assert host.stdin is not None
    assert host.stdout is not None
    command = [str(it) for it in (script, *arguments)]
    with tempfile.TemporaryDirectory() as printed:
        request = {
            "command": command,
            "cwd": str(cwd or Path.cwd()),
            "environment": os.environ | environment,
            "printed": printed,
        }
        print(json.dumps(request), file=host.stdin, flush=True)
        code = int(host.stdout.readline())
        stdout, stderr = (Path(printed, name).read_text() for name in ("stdout", "stderr"))
    return subprocess.CompletedProcess(command, code, stdout, stderr)


@functools.cache
def _host() -> subprocess.Popen[str]:
    """Starts with the first script and ends with the tests."""
    host = subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    atexit.register(host.communicate)
    return host


def _serve() -> None:
    import optuna  # noqa: F401 - for the copies
    import torch._dynamo  # noqa: F401 - by the first optimizer

    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(**request)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


def _become(command: list[str], cwd: str, environment: dict[str, str], printed: str) -> None:
    """Run a script, and end."""
    _redirect(Path(printed))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    sys.path[0], sys.argv = str(Path(command[0]).parent.resolve()), command
    code = _run(command[0])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # to end torch takes longer than to fork it


def _redirect(printed: Path) -> None:
    """Read nothing, and print into files."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "stdout"), (2, "stderr")):
        os.dup2(os.open(printed / name, os.O_WRONLY | os.O_CREAT), number)


def _run(script: str) -> int:
    """Its exit code."""
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _serve()
