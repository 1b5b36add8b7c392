"""Trials on a Ray cluster: an actor each, which runs the trial's command on its node."""

from __future__ import annotations

import logging
import secrets
import signal
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from nas_tuners.contract.errors import ConfigError, ExperimentError
from nas_tuners.contract.trial_io import Assignment

from ..configuration.config import Command, ExperimentConfig
from ..launcher import Event, Exited
from ..local.trial_logs import MAX_LOG_BYTES
from .args import RayArgs, check_ray_args
from .connection import connected, import_ray
from .files import NodeFolders
from .host import TrialHost, from_plain
from .room import ClusterWatch, Room, demand_of

_logger = logging.getLogger(__name__)

_LONG_POLL = 10.0  # seconds for which a trial's actor may think about an answer
_PATIENCE = 600.0  # seconds that nothing runs and nothing can be placed
_MB = 1_000_000


@dataclass
class _Remote:
    """A trial, its actor, and how much is known of it."""

    number: int
    actor: Any
    order: dict[str, Any]
    since: float
    node: str | None = None  # while it waits for a place
    seen: int = 0
    stopped: bool = False


class RayLauncher:
    """A :class:`.Launcher` that runs each trial on a Ray cluster.

    Use it as a context: it joins the cluster as a guest, or starts Ray on this machine, and at
    the end none of its actors is left, nor what they ran.

    Args:
        command: A text for the shell, or a list of arguments.
        function: Instead of a command: ``module:name`` of a function.
        cwd: The code directory, which a cluster is sent.
        trials: The folder that holds a folder per trial, on this machine.
        environment: Variables for the trials. They go from here to the trial's actor, not into
            the job's description, which everyone on the cluster can read.
        args: Which cluster, and what a trial needs.
        gpus: How many GPUs a trial gets; a fraction is shared.
        max_log_bytes: How large a file may grow that holds what a trial prints.
        excludes: What of the code directory is not sent, in the syntax of ``.gitignore``.

    Example::

        with RayLauncher("python trial.py", cwd=Path(), trials=Path("trials"), environment={},
                         args=RayArgs("auto", cpus=2)) as launcher:
            launcher.start(assignment, timeout=None)
    """

    def __init__(
        self,
        command: Command | None = None,
        *,
        function: str | None = None,
        cwd: Path,
        trials: Path,
        environment: Mapping[str, str],
        args: RayArgs,
        gpus: float = 0,
        max_log_bytes: int = MAX_LOG_BYTES,
        excludes: Iterable[str] = (),
    ) -> None:
        self._cwd, self._trials, self._args, self._gpus = cwd.resolve(), trials, args, gpus
        self._excludes = list(excludes)
        hidden = {} if gpus else {"CUDA_VISIBLE_DEVICES": ""}
        self._order = {
            "command": command if command is None or isinstance(command, str) else list(command),
            "function": function,
            "environment": {**hidden, **environment},
            "max_log_bytes": max_log_bytes,
        }
        self._remotes: dict[int, _Remote] = {}
        self._unsure: list[_Remote] = []
        self._replies: SimpleQueue[tuple[_Remote, Future[Any]] | None] = SimpleQueue()
        self._stack = ExitStack()

    @classmethod
    def from_config(cls, config: ExperimentConfig, *, trials: Path) -> RayLauncher:
        """The launcher that an experiment's configuration describes.

        Raises:
            ConfigError: if the launcher's arguments are wrong.
        """
        gpus = config.gpus.per_trial if config.gpus else 0
        problems = check_ray_args(config.launcher.args, gpus=gpus)
        if problems:
            raise ConfigError(problems)
        args = RayArgs.parse({"patience": _patience(config), **config.launcher.args})
        return cls(
            config.command,
            function=config.function,
            cwd=config.code_directory,
            trials=trials,
            environment=config.environment,
            args=args,
            gpus=gpus,
            max_log_bytes=int(config.max_log_size * _MB),
            excludes=[
                *_within(config.code_directory, trials.parent),
                *_within(config.code_directory, config.experiments_directory),
            ],
        )

    def __enter__(self) -> RayLauncher:
        ray = import_ray()
        with ExitStack() as stack:
            joined = stack.enter_context(
                connected(
                    self._args.address,
                    namespace=self._args.namespace or f"nas-tuners-{secrets.token_hex(4)}",
                    code_directory=self._cwd,
                    excludes=self._excludes,
                    runtime_env=self._args.runtime_env,
                )
            )
            self._order["code_directory"] = None if joined.has_code else str(self._cwd)
            self._folders = NodeFolders(
                self._trials, shared=self._args.trials_directory, all_here=joined.is_own
            )
            watch = stack.enter_context(ClusterWatch(ray))
            patience = self._args.patience or _PATIENCE
            self._room = Room(watch, demand_of(self._args, self._gpus), patience=patience)
            self._actors = ray.remote(TrialHost).options(
                num_cpus=self._args.cpus,
                num_gpus=self._gpus,
                memory=self._args.memory,
                resources=self._args.resources,
                max_restarts=0,
                max_concurrency=4,  # `stop` must get through while `events` waits
            )
            stack.callback(self._kill_all)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def has_room(self) -> bool:
        """Whether Ray can place another trial now, or has none to place.

        Raises:
            ExperimentError: if none could for too long, or the cluster is gone.
        """
        self._check()
        waiting = sum(remote.node is None for remote in self._remotes.values())
        return self._room.is_there(waiting)

    def waits_for(self) -> str:
        """Nothing: a trial that Ray has no place for has been started, and is Ray's to queue."""
        return ""

    def start(self, assignment: Assignment, *, timeout: float | None) -> None:
        number = assignment.number
        order = {
            **self._order,
            "assignment": asdict(assignment),
            "timeout": timeout,
            "trials": self._folders.prepare(assignment),
        }
        remote = _Remote(number, self._actors.remote(), order, time.monotonic())
        self._remotes[number] = remote
        self._ask(remote)

    def events(self, timeout: float) -> list[Event]:
        """What happened since the last call.

        Raises:
            ExperimentError: if the cluster is gone, cannot run trials or has no place for any.
        """
        self._check()
        unsure, self._unsure = self._unsure, []
        for remote in unsure:
            self._ask(remote)
        events: list[Event] = []
        for remote, reply in self._replies_within(timeout):
            if self._remotes.get(remote.number) is remote:
                events += self._take(remote, reply)
        return events

    def stop(self, numbers: Iterable[int], *, grace: float) -> None:
        for number in numbers:
            remote = self._remotes.get(number)
            if remote is None or remote.stopped:
                continue  # it has ended, or is about to
            remote.stopped = True
            if remote.node is None:
                self._kill(remote)
            else:
                remote.actor.stop.remote(grace)

    def wake(self) -> None:
        """Let :meth:`events` return at once; safe to call from a signal handler."""
        self._replies.put(None)

    def _ask(self, remote: _Remote) -> None:
        """Ask a trial's actor to begin, or for what happened; the answer comes by itself."""
        if remote.node is None:
            answer = remote.actor.start.remote(remote.order)
        else:
            answer = remote.actor.events.remote(remote.seen, _LONG_POLL)
        answer.future().add_done_callback(lambda reply: self._replies.put((remote, reply)))

    def _replies_within(self, timeout: float) -> list[tuple[_Remote, Future[Any]]]:
        replies = []
        try:
            replies.append(self._replies.get(timeout=timeout))
            while True:
                replies.append(self._replies.get_nowait())
        except Empty:
            return [reply for reply in replies if reply is not None]

    def _take(self, remote: _Remote, reply: Future[Any]) -> list[Event]:
        error = reply.exception()
        if error is not None:
            return self._failed(remote, error)
        if remote.node is None:
            self._placed(remote, reply.result())
            plain = []
        else:
            plain = reply.result()
        remote.seen += len(plain)
        if plain and plain[-1]["kind"] == "exited":
            self._folders.bring_back(remote.number, plain[-1]["files"])
            self._forget(remote)
        else:
            self._ask(remote)
        return [from_plain(content) for content in plain]

    def _placed(self, remote: _Remote, place: dict[str, Any]) -> None:
        remote.node = place["node"]
        _logger.info("Trial %d runs on %s in %s", remote.number, remote.node, place["folder"])
        self._folders.note(remote.number, place)

    def _failed(self, remote: _Remote, error: BaseException) -> list[Event]:
        """What a call that did not come through says of its trial."""
        exceptions = import_ray().exceptions
        if isinstance(error, exceptions.ActorUnavailableError):
            self._unsure.append(remote)  # a broken connection: the actor may be there again
            return []
        never_began = isinstance(error, exceptions.RuntimeEnvSetupError) or getattr(
            error, "actor_init_failed", False
        )
        if never_began or isinstance(error, ConnectionError):
            raise ExperimentError(f"the Ray cluster cannot run trials: {error}") from error
        self._forget(remote)
        if remote.stopped:
            return [Exited(remote.number, None, signal=int(signal.SIGTERM))]
        words = _what_was_lost(error)
        _logger.warning("Trial %d is lost (on %s): %s", remote.number, remote.node, words)
        return [Exited(remote.number, None, last_words=words, lost=True)]

    def _check(self) -> None:
        waiting = [remote.since for remote in self._remotes.values() if remote.node is None]
        self._room.check(waiting, running=len(self._remotes) - len(waiting))

    def _forget(self, remote: _Remote) -> None:
        del self._remotes[remote.number]
        self._kill(remote)

    def _kill(self, remote: _Remote) -> None:
        import_ray().kill(remote.actor)

    def _kill_all(self) -> None:
        for remote in self._remotes.values():
            self._kill(remote)


def _patience(config: ExperimentConfig) -> float:
    return config.gpus.patience if config.gpus else _PATIENCE


def _within(code: Path, results: Path) -> list[str]:
    """What leaves a folder of results out, if it is kept within the code: no trial needs it.

    Folders and Python's files stay in but for those of trials, as Ray leaves out the same of every
    package that is sent, ours too.
    """
    code, results = code.resolve(), results.resolve()
    if results == code or not results.is_relative_to(code):
        return []
    folder = f"/{results.relative_to(code).as_posix()}"
    return [f"{folder}/**/*.*", f"!{folder}/**/*.py", f"{folder}/**/trials"]


def _what_was_lost(error: BaseException) -> str:
    """The end of what Ray says, in one line."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
