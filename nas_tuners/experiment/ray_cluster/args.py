"""What ``launcher: {name: ray, args: ...}`` may say."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from nas_tuners.contract.errors import Problem, did_you_mean

from ..durations import parse_duration

_ADDRESS = re.compile(r"auto|(ray://)?(\[[0-9a-fA-F:]+\]|[^\s:/@]+):\d{1,5}")
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?b)", re.IGNORECASE)
_RUNTIME_ENV = (
    "conda",
    "config",
    "env_vars",
    "excludes",
    "image_uri",
    "pip",
    "py_executable",
    "py_modules",
    "uv",
    "working_dir",
)


@dataclass(frozen=True)
class RayArgs:
    """The arguments, parsed.

    Attributes:
        address: Of a cluster to join; None starts Ray on this machine alone.
        cpus: Of a trial; a fraction lets trials share one.
        memory: Of a trial, in bytes; None if Ray need not count it.
        resources: Of a trial, of the cluster's own kinds.
        runtime_env: What Ray prepares on each node, beside the code.
        namespace: Of the job; one of the experiment's own if not given.
        trials_directory: A folder that all nodes share, for the trials' files.
        patience: Seconds after which the run ends if no trial runs and none can be placed.
    """

    address: str | None = None
    cpus: float = 1
    memory: int | None = None
    resources: dict[str, float] = field(default_factory=dict)
    runtime_env: dict[str, Any] = field(default_factory=dict)
    namespace: str | None = None
    trials_directory: str | None = None
    patience: float | None = None

    @classmethod
    def parse(cls, args: Mapping[str, Any]) -> RayArgs:
        """The arguments, which :func:`check_ray_args` found well.

        Example::

            RayArgs.parse({"address": "auto", "memory": "2GB"}).memory  # 2000000000
        """
        return cls(**{name: _PARSERS[name](value) for name, value in args.items()})


def check_ray_args(args: Mapping[str, Any], *, gpus: float = 0) -> list[Problem]:
    """Everything that is wrong with the arguments, and with the GPUs of a trial.

    Example::

        check_ray_args({"adress": "auto"})
        # [Problem("launcher.args.adress", "unknown key; did you mean 'address'?")]
    """
    problems = []
    for name, value in args.items():
        where = f"launcher.args.{name}"
        if name not in _PARSERS:
            problems.append(Problem(where, f"unknown key{did_you_mean(name, _PARSERS)}"))
            continue
        try:
            _PARSERS[name](value)
        except ValueError as error:
            problems.append(Problem(where, str(error)))
    try:
        _share(gpus)
    except ValueError as error:
        problems.append(Problem("gpus.per_trial", str(error)))
    return problems


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"must be a text, got {value!r}")
    return value


def _address(value: Any) -> str:
    address = _text(value)
    if not _ADDRESS.fullmatch(address):
        raise ValueError(
            f"must be auto, host:port or ray://host:port, got {address!r}; "
            "leave it out to start Ray on this machine alone"
        )
    return address


def _share(value: Any) -> float:
    """How much of a resource a trial gets; Ray shares out units, so no one and a half."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < 1e6:
        raise ValueError(f"must be a number of at least 0, got {value!r}")
    if value > 1 and value != int(value):
        raise ValueError(f"must be a whole number, or a fraction below 1, got {value!r}")
    return float(value)


def _memory(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    match = _MEMORY.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match:
        raise ValueError(f"must be a number of bytes, or like '500MB' or '8GiB', got {value!r}")
    unit = match[2].lower()
    base = 1024 if "i" in unit else 1000
    power = "kmgt".index(unit[0]) + 1
    return int(float(match[1]) * float(base**power))


def _resources(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"must be names with amounts, got {value!r}")
    for name, key in {"CPU": "cpus", "memory": "memory", "GPU": "gpus (outside launcher)"}.items():
        if name in value:
            raise ValueError(f"{name} has a key of its own: {key}")
    try:
        return {name: _share(amount) for name, amount in value.items()}
    except ValueError as error:
        raise ValueError(f"amounts: {error}") from None


def _runtime_env(value: Any) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be keys and values, got {value!r}")
    for key in value:
        if key not in _RUNTIME_ENV:
            known = ", ".join(_RUNTIME_ENV)
            hint = did_you_mean(key, _RUNTIME_ENV)
            raise ValueError(f"unknown key {key!r}{hint} (known are {known})")
    if "working_dir" in value and "://" not in str(value["working_dir"]):
        raise ValueError(
            "working_dir must be a URI such as s3://...; of this machine, code_directory is sent"
        )
    return dict(value)


def _absolute(value: Any) -> str:
    if not PurePosixPath(_text(value)).is_absolute():
        raise ValueError(f"must be an absolute path, the same on every node, got {value!r}")
    return str(value)


_PARSERS: dict[str, Callable[[Any], Any]] = {
    "address": _address,
    "cpus": _share,
    "memory": _memory,
    "resources": _resources,
    "runtime_env": _runtime_env,
    "namespace": _text,
    "trials_directory": _absolute,
    "patience": parse_duration,
}
