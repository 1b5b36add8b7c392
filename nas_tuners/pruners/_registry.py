"""Pruners by name: the registered ones, and any class by its import path."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from nas_tuners._classes import check_arguments, import_class, parameters_of
from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from .names import PRUNERS, accepted_names, plain, registered_name

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

Direction = Literal["maximize", "minimize"]

_WRAPPED = "wrapped_pruner"  # the argument of a pruner that asks another one


def make_pruner(
    name: str,
    arguments: Mapping[str, Any],
    *,
    optimize_mode: Direction,
    seed: int,
    code_directory: Path | None = None,
) -> BasePruner:
    """Make a pruner from the words of a configuration.

    Args:
        name: A short name, in any case, also with "Pruner" or "Assessor" at its end; or the import
            path of a class, ``module:Class`` or ``module.Class``.
        arguments: Keyword arguments of the class. ``wrapped_pruner`` may be a name, or a mapping
            with ``name`` and ``args``. ``optimize_mode`` may be given, as NNI's assessors have it,
            if it is the experiment's own.
        optimize_mode: The direction of the number that trials report; passed on if the class
            takes it.
        seed: Passed on if the class takes it.
        code_directory: Where to look for the module first.

    Raises:
        ConfigError: naming ``early_stopping.name`` or ``early_stopping.args.<argument>``.

    Example:
        >>> make_pruner("Medianstop", {"start_step": 5}, optimize_mode="maximize", seed=0)
        MedianStoppingPruner(start_step=5)
    """
    return _Maker(optimize_mode, seed, code_directory).make(name, arguments, "early_stopping")


class _Maker:
    def __init__(self, optimize_mode: Direction, seed: int, code_directory: Path | None) -> None:
        self._own = {"optimize_mode": optimize_mode, "seed": seed}
        self._code_directory = code_directory

    def make(self, name: str, arguments: Mapping[str, Any], where: str) -> BasePruner:
        target = import_class(_path_of(name, where), self._code_directory, where=f"{where}.name")
        takes = parameters_of(target)
        given = self._without_mode(arguments, takes, where)
        check_arguments(target, takes, given, where=f"{where}.args")
        given = {key: self._unwrapped(key, item, where) for key, item in given.items()}
        own = {key: item for key, item in self._own.items() if key in takes}
        try:
            with _calm(name):
                made = target(**(own | given))
            _check_hyperband(target, own | given)
        except (TypeError, ValueError) as error:
            problem = Problem(f"{where}.args", f"{target.__name__}: {error}")
            raise ConfigError([problem]) from error
        return _checked(made, where)

    def _without_mode(
        self, arguments: Mapping[str, Any], takes: Mapping[str, Any], where: str
    ) -> dict[str, Any]:
        """NNI's assessors are told the direction; here they read it from the study."""
        given, mode = dict(arguments), self._own["optimize_mode"]
        if given.get("optimize_mode", mode) != mode:
            message = f"{given['optimize_mode']!r} is not the experiment's, which is {mode!r}"
            raise ConfigError([Problem(f"{where}.args.optimize_mode", message)])
        if "optimize_mode" not in takes:
            given.pop("optimize_mode", None)
        return given

    def _unwrapped(self, key: str, item: Any, where: str) -> Any:
        if key != _WRAPPED or item is None:
            return item
        inner = f"{where}.args.{key}"
        content: Any = {"name": item} if isinstance(item, str) else item
        _check_nested(content, inner)
        return self.make(content["name"], content.get("args") or {}, inner)


def _path_of(name: str, where: str) -> str:
    if ":" in name or "." in name:
        return name
    registered = registered_name(name)
    if registered is not None:
        return PRUNERS[registered]
    hint = did_you_mean(name, PRUNERS) or did_you_mean(plain(name), accepted_names())
    path = "the import path of a class, such as optuna.pruners:MedianPruner"
    message = f"no pruner {name!r}{hint} (known: {', '.join(PRUNERS)}, in any case; or {path})"
    raise ConfigError([Problem(f"{where}.name", message)])


@contextmanager
def _calm(name: str) -> Iterator[None]:
    """Short names are a choice of this package; who names a class is warned of it."""
    from optuna.exceptions import ExperimentalWarning

    with warnings.catch_warnings():
        if registered_name(name) is not None:
            warnings.simplefilter("ignore", ExperimentalWarning)
        yield


def _check_nested(content: Any, where: str) -> None:
    if not isinstance(content, Mapping) or not isinstance(content.get("name"), str):
        message = f"expected the name of a pruner, or its name and args, got {content!r}"
        raise ConfigError([Problem(where, message)])
    problems = [
        Problem(f"{where}.{key}", f"unknown key{did_you_mean(key, ('name', 'args'))}")
        for key in content
        if key not in ("name", "args")
    ]
    if not isinstance(content.get("args") or {}, Mapping):
        message = f"expected keys and values, got {content['args']!r}"
        problems.append(Problem(f"{where}.args", message))
    if problems:
        raise ConfigError(problems)


def _check_hyperband(target: type, arguments: Mapping[str, Any]) -> None:
    """Optuna's Hyperband reads its arguments only when the first trial reports."""
    from optuna.pruners import HyperbandPruner, SuccessiveHalvingPruner

    if not issubclass(target, HyperbandPruner):
        return
    bound = inspect.signature(HyperbandPruner).bind(**arguments)
    bound.apply_defaults()
    lowest, highest, eta, bootstrap = bound.arguments.values()
    SuccessiveHalvingPruner(lowest, eta, 0, bootstrap)  # raises for what it does not take
    if highest != "auto" and not lowest <= highest:
        raise ValueError(
            "`min_resource <= max_resource` must hold, "
            f"but got (min_resource={lowest}, max_resource={highest})."
        )


def _checked(made: Any, where: str) -> BasePruner:
    from optuna.pruners import BasePruner

    if not isinstance(made, BasePruner):
        message = f"{type(made).__name__} is no optuna.pruners.BasePruner"
        raise ConfigError([Problem(f"{where}.name", message)])
    return made
