"""What is wrong with a configuration whose single values are right."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING

from nas_tuners.contract.errors import ConfigError, Problem, TunerError
from nas_tuners.contract.search_space import SearchSpace

if TYPE_CHECKING:
    from .config import ExperimentConfig
    from .parts import GpuConfig


def problems_of(
    config: ExperimentConfig,
    unreadable: Collection[str] = frozenset(),
    *,
    code_is_elsewhere: bool = False,
) -> Iterator[Problem]:
    """Every problem, found by making what can be made without running anything.

    Args:
        config: What was read, with defaults in the place of what could not be.
        unreadable: The keys that are given and could not be read. What hangs on them is not
            judged: it would be a second problem of one mistake.
        code_is_elsewhere: Whether trials look for their functions in another folder.
    """
    for check, needed in _CHECKS.items():
        if code_is_elsewhere and check is function_problems:
            continue
        if needed.isdisjoint(unreadable):
            found = check(config)
            yield from (p for p in found if _COMPARED.get(p.where) not in unreadable)


def _what_runs(config: ExperimentConfig) -> Iterator[Problem]:
    if config.command is None and config.function is None:
        yield Problem("command", "missing (what a trial runs; or give a function)")
    if config.command is not None and config.function is not None:
        yield Problem("function", "give either command or function, not both")


def _search_space(config: ExperimentConfig) -> Iterator[Problem]:
    if config.function is not None and not isinstance(config.search_space, SearchSpace):
        message = "a function cannot generate the search space: give it, or an existing file"
        yield Problem("search_space", message)


def function_problems(config: ExperimentConfig) -> Iterator[Problem]:
    """Functions that are certainly not there; of another Python than this, only jobs know."""
    from .functions import function_problem

    if _OTHER_PYTHON & config.launcher.args.keys():
        return
    measure = config.constraint.measure if config.constraint else None
    for where, path in (("function", config.function), ("constraint.measure", measure)):
        problem = function_problem(path, _places(config)) if path is not None else None
        if problem is not None:
            yield Problem(where, problem)


def _places(config: ExperimentConfig) -> list[str]:
    """Where trials look for modules before Python's own folders."""
    listed = config.environment.get("PYTHONPATH", os.environ.get("PYTHONPATH", ""))
    added = (config.code_directory / place for place in listed.split(os.pathsep) if place)
    return [str(config.code_directory), *map(str, added)]


def _warm_command(config: ExperimentConfig) -> Iterator[Problem]:
    if config.warm and config.command is not None and config.launcher.name == "local":
        for problem in _raised(lambda: _warm(config)):
            yield Problem("command", problem.message)


def _warm(config: ExperimentConfig) -> None:
    from ..local.spawners import trial_environment
    from ..warm.target import target_of_command

    assert config.command is not None
    path = trial_environment(config.environment)["PATH"]
    target_of_command(config.command, cwd=config.code_directory, path=path)


def _tuner(config: ExperimentConfig) -> Iterator[Problem]:
    if not _is_own(config.tuner.name):
        yield from _tuner_problems(config)


def _own_tuner(config: ExperimentConfig) -> Iterator[Problem]:
    if _is_own(config.tuner.name):
        yield from _tuner_problems(config)


def _tuner_problems(config: ExperimentConfig) -> Iterator[Problem]:
    """By making it, and reading the files for it."""
    from ..prior import prior_problems
    from ..study_setup import make_tuner_of

    yield from prior_problems(config.tuner)
    try:
        tuner = make_tuner_of(config)
        if config.tuner.warm_start is not None:
            tuner.warm_start(())  # refused by a tuner that makes no use of scores
    except ConfigError as error:
        yield from error.problems
    except TunerError as error:
        yield Problem("tuner.warm_start", str(error))


def _early_stopping(config: ExperimentConfig) -> Iterator[Problem]:
    from ..study_setup import make_pruner_of

    yield from _raised(lambda: make_pruner_of(config))
    if config.early_stopping and config.budget:
        yield Problem("early_stopping", "budget stops trials by itself: leave out one of the two")


def _budget(config: ExperimentConfig) -> Iterator[Problem]:
    from ..budgets import Budgets
    from ..study_setup import goals_of

    if config.budget is None:
        return
    if len(goals_of(config).objectives) > 1:
        message = "trials go on by one objective: make the others of optimize_mode bounds"
        yield Problem("budget", message)
    try:
        Budgets(config.budget, 1.0)
    except ValueError as error:
        yield Problem("budget", str(error))


def _launcher(config: ExperimentConfig) -> Iterator[Problem]:
    name, args = config.launcher.name, config.launcher.args
    if name == "slurm":
        from ..slurm.args import slurm_problems

        yield from slurm_problems(args)
    elif name == "ray":
        from ..ray_cluster.args import check_ray_args

        yield from check_ray_args(args, gpus=config.gpus.per_trial if config.gpus else 0)
        yield from _missing("ray", "ray", where="launcher.name")
        if config.warm:
            yield Problem("warm", "Ray starts a process for each trial: leave it out")
    elif args:
        yield Problem(
            "launcher.args", f"the local launcher takes none: leave out {', '.join(args)}"
        )
    if name != "ray" and config.gpus is not None:
        yield from _gpus(config.gpus, here=name == "local")


def _gpus(config: GpuConfig, *, here: bool) -> Iterator[Problem]:
    if config.per_trial != int(config.per_trial):
        message = "a part of a GPU needs launcher: ray; here, gpus.trials_per_gpu shares GPUs"
        yield Problem("gpus.per_trial", message)
    if config.indices is not None and config.per_trial > len(config.indices):
        message = f"a trial wants {config.per_trial:g} GPUs, and {len(config.indices)} may be used"
        yield Problem("gpus.indices", message)
    if here and config.per_trial > 0:
        yield from _missing("pynvml", "gpu", where="gpus")


def _missing(module: str, extra: str, *, where: str) -> Iterator[Problem]:
    if importlib.util.find_spec(module) is None:
        yield Problem(where, f"needs a package: pip install 'nas-tuners[{extra}]'")


def _subscribers(config: ExperimentConfig) -> Iterator[Problem]:
    from ..events.sinks import subscriber_problems

    if config.callbacks or config.notify:
        yield from subscriber_problems(config)


def _raised(make: Callable[[], object]) -> tuple[Problem, ...]:
    """The problems that making something meets."""
    try:
        make()
    except ConfigError as error:
        return error.problems
    return ()


def _is_own(name: str) -> bool:
    """Whether it is looked up in the code directory."""
    return ":" in name or "." in name


_OTHER_PYTHON = {"address", "runtime_env", "slurm_setup"}  # arguments of launchers
_CODE = frozenset({"code_directory"})
_CHECKS: dict[Callable[[ExperimentConfig], Iterator[Problem]], frozenset[str]] = {
    _what_runs: frozenset({"command", "function"}),
    _search_space: frozenset({"search_space"}),
    function_problems: _CODE | {"launcher", "environment"},
    _warm_command: _CODE | {"launcher", "environment"},
    _tuner: frozenset({"tuner"}),
    _own_tuner: _CODE | {"tuner"},
    _early_stopping: frozenset(),
    _budget: frozenset(),
    _launcher: frozenset({"launcher"}),
    _subscribers: _CODE,
}
"""Check -> the keys that it needs."""
_COMPARED = {"tuner.args.optimize_mode": "optimize_mode"}
"""Where a problem may be -> the key that the value there is compared with."""
