"""Forks a process for each trial, from one that has imported what trials need.

Run as a program of its own. It talks with the runner in lines of JSON, over a socket whose number
is its argument. The runner says first what to import and then::

    {"run": number, "folder": ..., "environment": {...}}   fork a process, and hold it back
    {"go": number}                                         let it run
    {"clean": process}                                     nothing of its session may be left

and hears ``importing``, ``note``, ``unsafe`` and ``ready`` at first, then ``started``, ``refused``
and ``exited``. When the runner is gone, all trials are killed.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import time
import warnings
import weakref
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn, final

from .family import children, ended
from .preload import PRELOAD, UnsafeImportError, module_file, preload, script_imports
from .trial import adopt_orphans, become_trial, run_target
from .wire import Connection, Message

_PATIENCE = 5.0  # seconds for what has been killed to end
_NEVER_STARTED = 97  # the exit code of a process whose server died before it could run

# The first optimizer of a process imports it, which takes as long as torch itself.
_BY_OPTIMIZERS = "import torch._dynamo"


@final
class Server:
    """Forks trials and tells the runner about them.

    Args:
        runner: The socket to the runner.
        cwd: Where trials run.
    """

    def __init__(self, runner: Connection, *, cwd: str) -> None:
        self._runner, self._cwd = runner, cwd
        self._trials: dict[int, int] = {}  # process id -> number, of those that run
        self._sessions: set[int] = set()  # of trials of which something may still end by itself
        self._gates: dict[int, socket.socket] = {}
        self._not_ours = set(children())  # what imports have started
        self._selector = selectors.DefaultSelector()
        self._selector.register(runner.socket, selectors.EVENT_READ)
        self._wakened, self._waker = socket.socketpair()
        for end in (self._wakened, self._waker):
            end.setblocking(False)
        self._selector.register(self._wakened, selectors.EVENT_READ)
        self._handler_before = signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno())

    def serve(self) -> bool:
        """Serve until the runner is gone; True in a process that is to run its trial now."""
        while True:
            self._selector.select()
            self._reap()
            messages = self._runner.received()
            if messages is None:
                self._end()
                return False
            if any(self._obey(message) for message in messages):
                return True

    def _obey(self, message: Message) -> bool:
        if "run" in message:
            return self._fork(message)
        if "go" in message:
            gate = self._gates.pop(message["go"])
            with suppress(BrokenPipeError):
                gate.send(b"1")
            gate.close()
        else:
            self._sessions.discard(message["clean"])
            self._kill_escaped()
        return False

    def _fork(self, request: Message) -> bool:
        number = request["run"]
        ours, theirs = socket.socketpair()
        try:
            pid = fork()
        except OSError as error:
            self._runner.tell("refused", number=number, message=f"cannot fork: {error}")
            return False
        if pid == 0:
            ours.close()
            self._enter(request, theirs)
            return True
        theirs.close()
        self._trials[pid], self._gates[number] = number, ours
        self._sessions.add(pid)
        with suppress(ConnectionResetError):
            ours.recv(1)  # it leads its own session now, or has ended
        self._runner.tell("started", number=number, pid=pid)
        return False

    def _enter(self, request: Message, gate: socket.socket) -> None:
        """In the new process: become the trial, and wait until the runner knows about it."""
        self._leave()
        folder, environment = Path(request["folder"]), request["environment"]
        become_trial(folder, cwd=self._cwd, environment=environment)
        with suppress(BrokenPipeError):
            gate.send(b"1")
        if not gate.recv(1):
            os._exit(_NEVER_STARTED)
        gate.close()

    def _leave(self) -> None:
        """Take over nothing of the server's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, self._handler_before)
        self._selector.close()
        ends = [self._runner.socket, self._wakened, self._waker, *self._gates.values()]
        for end in ends:
            end.close()

    def _reap(self) -> None:
        """Take notice of every process that has ended."""
        with suppress(BlockingIOError):
            while self._wakened.recv(4096):
                pass
        statuses = dict(ended())
        if statuses:
            self._kill_escaped()
        for pid in statuses.keys() & self._trials.keys():
            code = os.waitstatus_to_exitcode(statuses[pid])
            self._runner.tell("exited", number=self._trials.pop(pid), code=code)

    def _kill_escaped(self) -> bool:
        """Kill what ended trials have started and what left their sessions, if there is any.

        A trial that runs adopts its own orphans, so whatever else is a child of this process was
        one of an ended trial's. As each ends, its own children come to the surface.
        """
        escaped = [pid for pid in children() if self._is_escaped(pid)]
        for pid in escaped:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        return bool(escaped)

    def _is_escaped(self, pid: int) -> bool:
        if pid in self._trials or pid in self._not_ours:
            return False
        try:
            return os.getsid(pid) not in self._sessions
        except ProcessLookupError:
            return False

    def _end(self) -> None:
        """Kill every trial and all that they have started."""
        for pid in self._sessions:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGKILL)
        self._sessions.clear()
        self._trials.clear()
        deadline = time.monotonic() + _PATIENCE
        while self._kill_escaped() and time.monotonic() < deadline:
            time.sleep(0.01)
            dict(ended())


def main(runner: Connection) -> NoReturn:
    """Import, then fork trials until the runner is gone; or be such a trial."""
    given = runner.first()
    if given is None:
        sys.exit()
    kind, name = given["kind"], given["name"]
    adopt_orphans()
    os.environ["PYTORCH_NVML_BASED_CUDA_CHECK"] = "1"  # looking for GPUs must not start CUDA here
    if kind == "script" and not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.realpath(name))
    if not _prepare(runner, given):
        os._exit(0)  # whatever threads there are
    server = Server(runner, cwd=os.getcwd())
    runner.tell("ready")
    if server.serve():
        run_target(kind, name, given["arguments"])
    os._exit(0)  # what imports registered for the end is for the ends of trials


def fork() -> int:
    """Fork; what was printed before stays with this process."""
    sys.stdout.flush()
    sys.stderr.flush()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads: see warm_preload
        return os.fork()


def _prepare(runner: Connection, given: Message) -> bool:
    """Import what trials import; False if this process is unfit for forking then."""
    package, statements = _statements(given["kind"], given["name"])
    first = [f"import {name}" for name in given["first"]]
    named = [f"import {name}" for name in os.environ.get(PRELOAD, "").split()]
    wanted = [*first, *(s for s in [*statements, *named] if s not in given["without"])]

    def failed(statement: str, error: BaseException) -> None:
        message = f"`{statement}` failed beforehand: {type(error).__name__}: {error}"
        runner.tell("note", message=f"{message}; each trial runs it anew")

    load = partial(
        preload,
        package=package,
        importing=lambda statement: runner.tell("importing", statement=statement),
        failed=failed,
    )
    try:
        load(wanted)
        if "torch" in sys.modules and _BY_OPTIMIZERS not in given["without"]:
            load([_BY_OPTIMIZERS])
    except UnsafeImportError as unsafe:
        runner.tell("unsafe", statement=unsafe.statement, why=unsafe.why, brought=unsafe.brought)
        return False
    _leave_torch_whole()
    gc.collect()
    gc.freeze()
    return True


def _leave_torch_whole() -> None:
    """Trials need not take its operators apart at their ends: it takes longer than to fork one."""
    for finalizer in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        alive = finalizer.peek()
        if alive is not None and alive[1].__module__ == "torch.library":
            finalizer.atexit = False


def _statements(kind: str, name: str) -> tuple[str, list[str]]:
    """What trials import, and the package from which relative imports count."""
    if kind == "function":
        return "", [f"import {name.partition(':')[0]}"]
    if kind == "script":
        return "", script_imports(Path(name))
    file = module_file(name)
    if file is None:
        return "", []
    package = name if file.name == "__main__.py" else name.rpartition(".")[0]
    return package, script_imports(file)


if __name__ == "__main__":
    _socket = socket.socket(fileno=int(sys.argv[1]))
    _socket.set_inheritable(False)
    main(Connection(_socket))
