"""What ``launcher.args`` says of Slurm jobs, and the executor of submitit that follows from it."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ExperimentError, Problem, did_you_mean

from ..configuration.config import ExperimentConfig
from ..folder import ExperimentFolder

if TYPE_CHECKING:
    from submitit import AutoExecutor

_OWN = ("workers", "cluster", "max_requeues")
_KINDS: dict[str, tuple[tuple[type, ...], str]] = {  # what submitit knows of every cluster
    "name": ((str,), "a text"),
    "timeout_min": ((int,), "a whole number of minutes"),
    "cpus_per_task": ((int,), "a whole number"),
    "gpus_per_node": ((int,), "a whole number"),
    "mem_gb": ((int, float), "a number of GB"),
    "stderr_to_stdout": ((bool,), "true or false"),
}
_SEVERAL = ("nodes", "tasks_per_node", "slurm_nodes", "slurm_ntasks_per_node")

_REQUEUES = 100  # unless max_requeues says otherwise
_LOCAL_MINUTES = 7 * 24 * 60  # submitit's own limit of a job on this machine is 2


def slurm_problems(args: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with ``launcher.args``, or with this Python."""
    try:
        import submitit  # noqa: F401 - only whether it is there
    except ImportError:
        message = "slurm needs submitit: pip install 'nas-tuners[slurm]'"
        return [Problem("launcher.name", message)]
    found = dict(_own_problems(args))
    for name in args.keys() - set(_OWN):
        if (words := _problem(name, args[name])) is not None:
            found[name] = words
    return [Problem(f"launcher.args.{name}", message) for name, message in sorted(found.items())]


def make_executor(folder: ExperimentFolder, config: ExperimentConfig) -> AutoExecutor:
    """What submits the jobs; their logs go to ``slurm/`` in the experiment's folder.

    Raises:
        ExperimentError: if there is no Slurm here.
    """
    import submitit

    args = config.launcher.args
    cluster = args.get("cluster", "slurm")
    if cluster == "slurm" and not (shutil.which("sbatch") and shutil.which("srun")):
        raise ExperimentError(
            "there is no sbatch and srun on this machine; where they are, a login node as a rule, "
            f"go on with: {folder.resume_command}"
        )
    requeues = args.get("max_requeues", _REQUEUES)
    executor = submitit.AutoExecutor(
        folder=folder.path / "slurm",
        cluster=cluster,
        slurm_max_num_timeout=requeues,
        local_max_num_timeout=requeues,
    )
    parameters: dict[str, Any] = {"name": config.name}
    if cluster == "local":
        parameters["timeout_min"] = _LOCAL_MINUTES
    given = {name: value for name, value in args.items() if name not in _OWN}
    executor.update_parameters(**(parameters | given))
    return executor


def _own_problems(args: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, least in (("workers", 1), ("max_requeues", 0)):
        value = args.get(name, least)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            yield name, f"must be a whole number of at least {least}, got {value!r}"
    cluster = args.get("cluster", "slurm")
    if cluster not in ("slurm", "local"):
        yield "cluster", f"must be slurm, or local to try it out here, got {cluster!r}"
    if cluster == "slurm" and not {"timeout_min", "slurm_time"} & args.keys():
        message = (
            "missing (the minutes after which a job is queued again, longer than any trial; "
            "submitit's default of 5 is too short)"
        )
        yield "timeout_min", message


def _problem(name: str, value: Any) -> str | None:
    """What is wrong with an argument that is passed on to submitit."""
    if name in _SEVERAL:
        return "a worker is one process on one node; for more of them, raise launcher.args.workers"
    if name in _KINDS:
        kinds, words = _KINDS[name]
        fits = isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
        return None if fits else f"must be {words}, got {value!r}"
    if not name.startswith("slurm_"):
        known = [*_OWN, *_KINDS]
        of_sbatch = _unknown_to_sbatch(f"slurm_{name}", value) is None
        hint = f"; did you mean 'slurm_{name}'?" if of_sbatch else did_you_mean(name, known)
        return f"unknown{hint} (known: {', '.join(known)}, and slurm_... for options of sbatch)"
    return _unknown_to_sbatch(name, value)


def _unknown_to_sbatch(name: str, value: Any) -> str | None:
    """What submitit says, which needs no Slurm for this."""
    import submitit

    with tempfile.TemporaryDirectory() as folder:
        executor = submitit.AutoExecutor(folder=folder, cluster="local")
        try:
            executor.update_parameters(**{name: value})
        except NameError as error:
            valid = re.search(r"Valid arguments: (.*)", str(error))
            known = [f"slurm_{word}" for word in sorted(valid[1].split(", "))] if valid else []
            return f"unknown{did_you_mean(name, known)} (known: {', '.join(known)})"
    return None
