"""Joining a Ray cluster as a guest, or starting Ray on this machine."""

from __future__ import annotations

import importlib
import importlib.util
import os
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import ExperimentError

_PACKAGES = ("nas_tuners", "trial_api", "search_spaces")
_ANSWER_WITHIN = 10.0  # seconds

_TOO_LARGE = (
    "\nWhat is sent is code_directory: leave out what trials do not need through "
    "launcher.args.runtime_env.excludes, or a .gitignore file in it"
)

# Ray would kill the process group's leader alone, and with it the watchdog that ends the group.
_ENDS_ITS_OWN = {"RAY_kill_child_processes_on_worker_exit": "0"}


@dataclass(frozen=True)
class Joined:
    """How this process came to its Ray.

    Attributes:
        is_own: Whether it was started here, for this run alone.
        has_code: Whether the code directory was sent; where not, trials run in it.
    """

    is_own: bool = False
    has_code: bool = False


@contextmanager
def connected(
    address: str | None,
    *,
    namespace: str,
    code_directory: Path,
    excludes: list[str],
    runtime_env: Mapping[str, Any],
) -> Iterator[Joined]:
    """A connection to Ray, ended at the end unless the program had one before.

    Args:
        address: Of the cluster; None starts Ray on this machine, unless ``RAY_ADDRESS`` names one.
        namespace: Of the job.
        code_directory: What is sent to the nodes of a cluster.
        excludes: What of it is not, in the syntax of ``.gitignore``.
        runtime_env: What the user wants beside.

    Raises:
        ExperimentError: if there is no Ray, or no such cluster, or it refuses the code.
    """
    ray = import_ray()
    if ray.is_initialized():
        yield Joined()
        return
    address = address or os.environ.get("RAY_ADDRESS") or "local"
    is_guest = address != "local"
    environment = job_environment(
        runtime_env, code_directory if is_guest else None, excludes=excludes
    )
    _join(ray, address, namespace=namespace, runtime_env=environment)
    try:
        yield Joined(is_own=not is_guest, has_code=is_guest)
    finally:
        ray.shutdown()


def import_ray() -> Any:
    """The package, which is large, when it is needed.

    Raises:
        ExperimentError: if it is not installed.
    """
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise ExperimentError(
            "`launcher: ray` needs Ray: pip install 'nas-tuners[ray]' (of the cluster's version)"
        ) from error


def job_environment(
    wanted: Mapping[str, Any], code_directory: Path | None, *, excludes: list[str]
) -> dict[str, Any]:
    """The job's ``runtime_env``: what the user wants and, for a cluster, the code."""
    env_vars = {**_ENDS_ITS_OWN, **wanted.get("env_vars", {})}
    if code_directory is None:
        return {**wanted, "env_vars": env_vars}
    return {
        "working_dir": str(code_directory),
        **wanted,
        "excludes": [*excludes, *wanted.get("excludes", [])],
        "py_modules": [*_own_packages(), *wanted.get("py_modules", [])],
        "env_vars": env_vars,
    }


def _own_packages() -> list[str]:
    """The folders of our packages, for nodes on which they are not installed."""
    specs = [importlib.util.find_spec(name) for name in _PACKAGES]
    return [str(Path(spec.origin).parent) for spec in specs if spec and spec.origin]


def _join(ray: Any, address: str, *, namespace: str, runtime_env: dict[str, Any]) -> None:
    options: dict[str, Any] = {"include_dashboard": False} if address == "local" else {}
    _check_answers(address)
    try:
        with _keep_sigterm():
            ray.init(
                address,
                namespace=namespace,
                runtime_env=runtime_env,
                log_to_driver=False,
                logging_level="ERROR",
                **options,
            )
    except (ray.exceptions.RayError, RuntimeError, ValueError, TypeError, OSError) as error:
        large = any(words in str(error) for words in ("maximum size", "size too large"))
        hint = _TOO_LARGE if large else ""
        raise ExperimentError(f"Ray ({address}) cannot be used: {error}{hint}") from error


def _check_answers(address: str) -> None:
    """Ray itself tries for minutes, and then ends the process."""
    host, separator, port = address.removeprefix("ray://").rpartition(":")
    if not separator:
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_ANSWER_WITHIN).close()
    except (OSError, OverflowError) as error:
        raise ExperimentError(
            f"no Ray cluster answers at {address}: {error}; start one with "
            "`ray start --head`, which prints its address"
        ) from error


@contextmanager
def _keep_sigterm() -> Iterator[None]:
    """Ray puts a handler of its own into the place of ours."""
    handler = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, handler)
