"""Tuners, assessors and advisors of NNI's experiment files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from nas_tuners.contract.errors import did_you_mean

from .draft import Draft, Given

_DIRECTIONS = ("maximize", "minimize")
_MINIMIZERS = ("tpe", "tpelegacy", "anneal")  # all others maximize unless they are told
_TPE_ARGUMENTS = {"n_startup_jobs": "n_startup_trials", "n_ei_candidates": "n_ei_candidates"}
_WITHOUT_MEANING = ("parallel_optimize", "constant_liar_type")
_ADVISORS: dict[str, tuple[str, dict[str, str], dict[str, int]]] = {
    "hyperband": ("RandomTuner", {"R": "maximum", "eta": "eta"}, {"maximum": 60}),
    "bohb": (
        "tpe",
        {"max_budget": "maximum", "min_budget": "minimum", "eta": "eta"},
        {"maximum": 3},
    ),
}
"""Name -> (the tuner that proposes, NNI's argument -> field of ``budget``, NNI's defaults)."""


def settle_algorithms(draft: Draft) -> None:
    """Replace what names algorithms, and their arguments, by keys of ours."""
    if draft.names("advisor"):
        _settle_advisor(draft)
    if "tuner.class" in draft.given or "tuner.file" in draft.given:
        _settle_own_tuner(draft)
    elif "tuner.name" in draft.given:
        _settle_tuner(draft)
    elif draft.names("tuner"):
        words = " or ".join(_last(draft.key_of(name)) for name in ("tuner.name", "tuner.class"))
        draft.wrong("tuner", f"names no tuner: give {words}")
        _drop(draft, "tuner")
    if draft.names("early_stopping"):
        _settle_assessor(draft)


def _settle_advisor(draft: Draft) -> None:
    """A tuner and a budget."""
    name = draft.value("advisor.name")
    known = _ADVISORS.get(str(name).lower())
    if draft.names("tuner") or "early_stopping.name" in draft.given:
        draft.wrong("advisor", "does what tuner and assessor do: leave those out, or it")
    elif known is None:
        hint = did_you_mean(name, ("Hyperband", "BOHB"))
        draft.wrong(draft.key_of("advisor.name"), f"must be Hyperband or BOHB, got {name!r}{hint}")
    else:
        tuner, fields, defaults = known
        draft.given["tuner.name"] = Given(tuner, draft.key_of("advisor.name"))
        _settle_budget(draft, fields, defaults)
    _drop(draft, "advisor")


def _settle_budget(draft: Draft, fields: Mapping[str, str], defaults: Mapping[str, int]) -> None:
    key, arguments = draft.key_of("advisor.args"), draft.value("advisor.args") or {}
    for name, value in defaults.items():
        draft.given[f"budget.{name}"] = Given(value, draft.key_of("advisor.name"))
    if not isinstance(arguments, Mapping):
        return draft.wrong(key, f"must be keys and values, got {arguments!r}")
    mode = arguments.get("optimize_mode", "maximize")
    draft.given["tuner.args"] = Given({"optimize_mode": mode}, key)
    for name, value in arguments.items():
        if name in fields:
            draft.given[f"budget.{fields[name]}"] = Given(value, f"{key}.{name}")
        elif name != "optimize_mode":
            draft.note(f"{key}.{name}", "ignored: `budget` has no such field")
    return None


def _settle_own_tuner(draft: Draft) -> None:
    """A class by its import path, which keeps its arguments as they are."""
    key, name = draft.key_of("tuner.class"), draft.key_of("tuner.name")
    if "tuner.name" in draft.given:
        draft.wrong(key, f"give either {_last(name)} or {_last(key)}, not both")
    elif path := _import_path_2(draft) if draft.fold else _import_path_1(draft):
        draft.given["tuner.name"] = Given(path, key)
    draft.given.pop("tuner.class", None)
    draft.given.pop("tuner.file", None)
    arguments = draft.value("tuner.args")
    mode = arguments.get("optimize_mode") if isinstance(arguments, Mapping) else None
    if mode in _DIRECTIONS:
        draft.given["optimize_mode"] = Given(mode, f"{draft.key_of('tuner.args')}.optimize_mode")
    if "tuner.name" not in draft.given:
        _drop(draft, "tuner")


def _import_path_1(draft: Draft) -> str | None:
    """``classFileName`` and ``className`` as ``module:Class``; ``a/b.py`` is ``a.b``."""
    name, file = draft.value("tuner.class"), draft.value("tuner.file")
    if not isinstance(name, str):
        return draft.wrong(draft.key_of("tuner.class"), "must be the name of a class")
    path = PurePosixPath(file) if isinstance(file, str) else PurePosixPath("/")
    if path.is_absolute() or ".." in path.parts or path.suffix != ".py":
        message = f"must be the Python file of the class, below codeDir, got {file!r}"
        return draft.wrong(draft.key_of("tuner.file"), message)
    return f"{'.'.join(path.with_suffix('').parts)}:{name}"


def _import_path_2(draft: Draft) -> str | None:
    """``module.Class`` as ``module:Class``."""
    given = draft.given["tuner.class"]
    module, _, name = str(given.value).rpartition(".")
    if not module:
        return draft.wrong(given.key, f"must be module.Class, got {given.value!r}")
    return f"{module}:{name}"


def _settle_tuner(draft: Draft) -> None:
    """One of NNI's own: the direction and the seed are the experiment's."""
    from nas_tuners.tuners._names import plain

    key, name = draft.key_of("tuner.name"), plain(str(draft.value("tuner.name")))
    for argument in ("optimize_mode", "seed"):
        given = _take_argument(draft, "tuner", argument)
        if given is not None:
            draft.given[argument] = given
    if "optimize_mode" not in draft.given and name in _MINIMIZERS:
        draft.given["optimize_mode"] = Given("minimize", key)
        draft.note(key, "minimizes, as in NNI, where optimize_mode does not say otherwise")
    if name == "tpe":
        _settle_tpe(draft)


def _settle_tpe(draft: Draft) -> None:
    """Optuna's has its arguments side by side, and other ones."""
    inner = _take_argument(draft, "tuner", "tpe_args")
    dropped = [_take_argument(draft, "tuner", name) for name in _WITHOUT_MEANING]
    if inner is not None and isinstance(inner.value, Mapping):
        kept = {_TPE_ARGUMENTS[k]: v for k, v in inner.value.items() if k in _TPE_ARGUMENTS}
        others = [name for name in inner.value if name not in _TPE_ARGUMENTS]
        dropped += [Given(None, f"{inner.key}.{name}") for name in others]
        if kept:
            given = draft.value("tuner.args") or {}
            draft.given["tuner.args"] = Given({**given, **kept}, inner.key)
    elif inner is not None:
        draft.wrong(inner.key, f"must be keys and values, got {inner.value!r}")
    for argument in dropped:
        if argument is not None:
            draft.note(argument.key, "ignored: Optuna's TPE has no such argument")


def _settle_assessor(draft: Draft) -> None:
    """The direction is the experiment's; tuners of NNI's learn nothing of what was stopped."""
    mode = _take_argument(draft, "early_stopping", "optimize_mode")
    objective = draft.value("optimize_mode") or "maximize"
    if mode is not None and objective in _DIRECTIONS and mode.value != objective:
        draft.wrong(mode.key, f"is {mode.value!r}, but the tuner's is {objective!r}: use one")
    if "early_stopping.name" not in draft.given:
        if "early_stopping.args" in draft.given:
            key = _last(draft.key_of("early_stopping.name"))
            draft.wrong("assessor", f"names no assessor: give {key}")
        _drop(draft, "early_stopping")  # what tuners learn of trials that nobody stops
    elif "early_stopping.pruned_trials" not in draft.given:
        key = draft.key_of("early_stopping.name")
        draft.given["early_stopping.pruned_trials"] = Given("ignore", key)


def _take_argument(draft: Draft, part: str, name: str) -> Given | None:
    """An argument, which then is no longer among those of its part."""
    arguments = draft.given.get(f"{part}.args")
    if arguments is None or not isinstance(arguments.value, Mapping):
        return None
    if name not in arguments.value:
        return None
    rest = {key: value for key, value in arguments.value.items() if key != name}
    del draft.given[f"{part}.args"]
    if rest:
        draft.given[f"{part}.args"] = Given(rest, arguments.key)
    value = arguments.value[name]
    return None if value is None else Given(value, f"{arguments.key}.{name}")


def _drop(draft: Draft, part: str) -> None:
    """Leave out a part that is not to be read, such as one of which enough has been told."""
    for name in draft.names(part):
        del draft.given[name]


def _last(key: str) -> str:
    return key.rpartition(".")[2]
