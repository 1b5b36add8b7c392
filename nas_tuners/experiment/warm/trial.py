"""Turns a process that was forked for it into a trial, and runs that."""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib.machinery
import importlib.util
import io
import os
import random
import signal
import sys
import threading
import types
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from ..local import function_trial
from ..local.trial_logs import open_log
from ..trial_files import STDERR, STDOUT

_OUR_FILES = (__file__, function_trial.__file__)
_PARENT_DEATH_SIGNAL, _CHILD_SUBREAPER = 1, 36  # of Linux's prctl


def become_trial(folder: Path, *, cwd: str, environment: Mapping[str, str]) -> None:
    """Give this process what a process of its own would have."""
    os.setsid()
    control(_PARENT_DEATH_SIGNAL, signal.SIGKILL)
    control(_CHILD_SUBREAPER, 1)  # what leaves its group stays below it, and can be found
    _redirect(folder)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    _reseed()


def adopt_orphans() -> None:
    """Become the parent of processes whose own parent ends, instead of the system's first."""
    control(_CHILD_SUBREAPER, 1)


def control(option: int, argument: int) -> None:
    """Linux's ``prctl``; nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, argument, 0, 0, 0)


def run_target(kind: str, name: str, arguments: Sequence[str]) -> NoReturn:
    """Run a script, module or function to its end, and end this process as Python would.

    The traceback of an exception is shown without the frames of this program.
    """
    code = 0
    try:
        _run(kind, name, arguments)
    except SystemExit as end:
        code = _exit_code(end)
    except KeyboardInterrupt as error:
        _show(error)
        code = -signal.SIGINT
    except BaseException as error:
        _show(error)
        code = 1
    _finish(code)


def _run(kind: str, name: str, arguments: Sequence[str]) -> None:
    if kind == "script":
        _run_script(name, arguments)
    elif kind == "module":
        _run_module(name, arguments)
    else:
        sys.argv = [name]
        function_trial.call_function(name)


def _run_script(name: str, arguments: Sequence[str]) -> None:
    sys.argv = [name, *arguments]
    try:
        with io.open_code(os.path.abspath(name)) as file:
            source = file.read()
    except OSError as error:
        why = f"[Errno {error.errno}] {error.strerror}"
        sys.stderr.write(f"{sys.executable}: can't open file {os.path.abspath(name)!r}: {why}\n")
        sys.exit(2)
    path = os.path.abspath(name)
    main = _main_module(__file__=path, __spec__=None, __package__=None)
    exec(compile(source, path, "exec"), main)


def _run_module(name: str, arguments: Sequence[str]) -> None:
    spec = importlib.util.find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = importlib.util.find_spec(f"{name}.__main__")
    if spec is None or not isinstance(spec.loader, importlib.machinery.SourceFileLoader):
        sys.stderr.write(f"{sys.executable}: No module named {name}\n")
        sys.exit(1)
    sys.argv = [str(spec.origin), *arguments]
    main = _main_module(__file__=spec.origin, __spec__=spec, __package__=spec.parent)
    exec(spec.loader.get_code(spec.name) or "", main)


def _main_module(**names: Any) -> dict[str, Any]:
    """The namespace of a new ``__main__``."""
    module = types.ModuleType("__main__")
    vars(module).update(names, __builtins__=__builtins__)
    sys.modules["__main__"] = module
    return vars(module)


def _exit_code(end: SystemExit) -> int:
    if end.code is None or isinstance(end.code, int):
        return int(end.code or 0)
    sys.stderr.write(f"{end.code}\n")
    return 1


def _show(error: BaseException) -> None:
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in _OUR_FILES:
        trace = trace.tb_next
    sys.excepthook(type(error), error.with_traceback(trace), trace)


def _finish(code: int) -> NoReturn:
    """What Python does at its end, but for taking apart the modules.

    That would touch all the memory which this process shares with the server, and takes longer
    than many a trial.
    """
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads that are no daemons
    with suppress(Exception):  # was shown
        atexit._run_exitfuncs()
    vars(sys.modules["__main__"]).clear()
    gc.collect()  # of what was made here only: the server has frozen the rest
    for file in [found for found in gc.get_objects() if isinstance(found, io.IOBase)]:
        with suppress(Exception):
            file.flush()
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):
            stream.flush()
    ctypes.CDLL(None).fflush(None)
    if code == -signal.SIGINT:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    os._exit(code & 0xFF)


def _redirect(folder: Path) -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    for number, handle in (
        (0, null),
        (1, open_log(folder / STDOUT)),
        (2, open_log(folder / STDERR)),
    ):
        os.dup2(handle, number)
        os.close(handle)


def _reseed() -> None:
    """Trials must not share what they draw."""
    random.seed()
    numpy_random, torch = sys.modules.get("numpy.random"), sys.modules.get("torch")
    if numpy_random is not None:
        numpy_random.seed()
    if torch is not None:
        torch.seed()
