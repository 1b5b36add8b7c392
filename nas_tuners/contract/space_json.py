"""The search-space JSON: its types, reading them and printing them.

This is the only file in which a ``_type`` string occurs. Reading collects every problem.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Union

from .domains import Categorical, Continuous, Grid, Prior, Subset, is_finite_number
from .errors import Problem, did_you_mean

NChosen = Union[int, None, tuple[int, int]]

_LAYER_CHOICE, _INPUT_CHOICE, _CHOICE = "layer_choice", "input_choice", "choice"
_NUMBERS: dict[str, tuple[str, ...]] = {
    "randint": ("lower", "upper"),
    "uniform": ("low", "high"),
    "quniform": ("low", "high", "q"),
    "loguniform": ("low", "high"),
    "qloguniform": ("low", "high", "q"),
    "normal": ("mu", "sigma"),
    "qnormal": ("mu", "sigma", "q"),
    "lognormal": ("mu", "sigma"),
    "qlognormal": ("mu", "sigma", "q"),
}
_TYPES = (_LAYER_CHOICE, _INPUT_CHOICE, _CHOICE, *_NUMBERS)
_STEPS = 1e14  # floats tell this many multiples of a step apart in decimal notation


@dataclass(frozen=True)
class LayerChoice:
    """One of several named candidates."""

    candidates: tuple[str, ...]

    @property
    def domain(self) -> Categorical:
        return Categorical(len(self.candidates))


@dataclass(frozen=True)
class InputChoice:
    """Some of several named inputs; ``n_chosen`` as in the JSON (a range is a tuple)."""

    candidates: tuple[str, ...]
    n_chosen: NChosen

    @property
    def domain(self) -> Subset:
        n = len(self.candidates)
        if self.n_chosen is None:
            return Subset(n, 0, n)
        low, high = self.n_chosen if isinstance(self.n_chosen, tuple) else (self.n_chosen,) * 2
        return Subset(n, low, high)


@dataclass(frozen=True)
class NestedOption:
    """An option of a ``choice`` that has parameters of its own."""

    name: str
    keys: Mapping[str, Spec]


@dataclass(frozen=True)
class ValueChoice:
    """One of several values (any JSON), some of which may hold keys of their own."""

    options: tuple[Any, ...]

    @property
    def domain(self) -> Categorical:
        return Categorical(len(self.options))


def json_identity(value: Any) -> str:
    """Text that is equal for equal JSON: 1 and 1.0 are the same, 1 and true are not."""
    return json.dumps(_whole(value), sort_keys=True, allow_nan=False)


def option_identity(option: Any) -> str:
    """Text that is equal for equal options of a ``choice``; a nested one is known by its name."""
    if isinstance(option, NestedOption):
        return f"_name {option.name}"
    return json_identity(option)


@dataclass(frozen=True)
class Number:
    """A number with a prior."""

    type_name: str
    arguments: tuple[float, ...]
    domain: Union[Grid, Continuous] = field(compare=False)


def real_number(low: float, high: float, *, log: bool = False, q: float | None = None) -> Number:
    """A uniform number in [low, high], on a logarithmic scale if ``log``, in steps of ``q``."""
    kind = ("q" if q else "") + ("loguniform" if log else "uniform")
    arguments = (low, high, q) if q else (low, high)
    return Number(kind, arguments, _number_domain(kind, *arguments))


def whole_number(low: int, high: int) -> Number:
    """A uniform whole number in [low, high]."""
    return Number("randint", (low, high + 1), _number_domain("randint", low, high + 1))


Spec = Union[LayerChoice, InputChoice, ValueChoice, Number]


class Reader:
    """Turns JSON into specs and collects every problem on the way."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read_keys(self, content: Mapping[str, Any], path: str) -> dict[str, Spec]:
        specs: dict[str, Spec] = {}
        for key, body in content.items():
            where = f"{path}/{key}" if path else str(key)
            if not _is_text(key):
                self._wrong(where, f"a key must be a string, got {key!r}")
                continue
            spec = self._read_spec(where, body, nested=bool(path))
            if spec is not None:
                specs[key] = spec
        return specs

    def read_conditions(
        self, content: Mapping[str, Any], specs: Mapping[str, Spec]
    ) -> dict[str, dict[str, tuple[int, ...]]]:
        result = {}
        for key, body in content.items():
            if isinstance(body, Mapping) and "_active_if" in body:
                result[key] = self._read_condition(key, body["_active_if"], specs)
        return {key: parents for key, parents in result.items() if parents}

    def _read_condition(
        self, key: str, body: Any, specs: Mapping[str, Spec]
    ) -> dict[str, tuple[int, ...]]:
        if not isinstance(body, Mapping) or not body:
            self._wrong(key, '_active_if must be like {"parent_key": [0, 2]}')
            return {}
        parents = {}
        for parent, allowed in body.items():
            spec = specs.get(parent)
            if spec is None:
                hint = did_you_mean(parent, specs)
                self._wrong(key, f"_active_if names {parent!r}, which is not a valid key{hint}")
            elif isinstance(spec, Number):
                self._wrong(key, f"_active_if names {parent!r}, which is not a choice")
            elif not _is_index_list(allowed, _alternatives(spec)):
                upper = _alternatives(spec) - 1
                self._wrong(
                    key,
                    f"_active_if[{parent!r}] must list distinct indices in 0..{upper}, "
                    f"got {allowed!r}",
                )
            else:
                parents[parent] = tuple(sorted(allowed))
        return parents

    def _read_spec(self, where: str, body: Any, *, nested: bool) -> Spec | None:
        if not isinstance(body, Mapping):
            return self._wrong(
                where, f'must be like {{"_type": ..., "_value": ...}}, got {body!r}'
            )
        known = {"_type", "_value"} if nested else {"_type", "_value", "_active_if"}
        for name in body:
            if name not in known:
                self._wrong(where, f"unknown field {name!r}{did_you_mean(name, known)}")
        for name in ("_type", "_value"):
            if name not in body:
                return self._wrong(where, f"{name} is missing")
        kind, value = body["_type"], body["_value"]
        if kind == _LAYER_CHOICE:
            return self._read_layer_choice(where, value)
        if kind == _INPUT_CHOICE:
            return self._read_input_choice(where, value)
        if kind == _CHOICE:
            return self._read_value_choice(where, value)
        if isinstance(kind, str) and kind in _NUMBERS:
            return self._read_number(where, kind, value)
        hint = did_you_mean(kind, _TYPES)
        return self._wrong(where, f"unknown _type {kind!r}{hint} (known: {', '.join(_TYPES)})")

    def _read_layer_choice(self, where: str, value: Any) -> LayerChoice | None:
        if not _is_name_list(value) or not value:
            return self._wrong(where, f"_value must be a non-empty list of names, got {value!r}")
        return LayerChoice(tuple(value))

    def _read_input_choice(self, where: str, value: Any) -> InputChoice | None:
        if not isinstance(value, Mapping):
            form = '{"candidates": [...], "n_chosen": ...}'
            return self._wrong(where, f"_value must be like {form}, got {value!r}")
        known = ("candidates", "n_chosen")
        for name in value:
            if name not in known:
                self._wrong(where, f"unknown field {name!r} in _value{did_you_mean(name, known)}")
        missing = [name for name in known if name not in value]
        if missing:
            return self._wrong(where, f"_value lacks {' and '.join(missing)}")
        candidates = value["candidates"]
        if not _is_name_list(candidates) or not candidates:
            return self._wrong(
                where, f"candidates must be a non-empty list of names, got {candidates!r}"
            )
        n_chosen = _n_chosen(value["n_chosen"], len(candidates))
        if n_chosen is False:
            rule = "an integer k, null (any number), or [low, high]"
            return self._wrong(
                where,
                f"n_chosen must be {rule} within 0..{len(candidates)}, got {value['n_chosen']!r}",
            )
        return InputChoice(tuple(candidates), n_chosen)

    def _read_value_choice(self, where: str, value: Any) -> ValueChoice | None:
        if not isinstance(value, (list, tuple)) or not value:
            return self._wrong(where, f"_value must be a non-empty list of options, got {value!r}")
        options: list[Any] = []
        for option in value:
            if isinstance(option, Mapping) and "_name" in option:
                options += self._read_nested(where, option)
                continue
            try:
                options.append(_as_json(option))
            except (TypeError, ValueError) as error:
                return self._wrong(where, f"an option is not a JSON value: {error}")
        if len({option_identity(option) for option in options}) < len(options):
            return self._wrong(where, f"an option stands twice in {list(value)!r}")
        return ValueChoice(tuple(options))

    def _read_nested(self, where: str, option: Mapping[str, Any]) -> list[NestedOption]:
        name = option["_name"]
        if not _is_text(name):
            self._wrong(where, f"_name must be a string, got {name!r}")
            return []
        inner = {key: body for key, body in option.items() if key != "_name"}
        return [NestedOption(name, self.read_keys(inner, f"{where}/{name}"))]

    def _read_number(self, where: str, kind: str, value: Any) -> Number | None:
        names = _NUMBERS[kind]
        if not (isinstance(value, (list, tuple)) and len(value) == len(names)) or not all(
            _is_number(number) for number in value
        ):
            return self._wrong(where, f"_value must be [{', '.join(names)}], got {value!r}")
        wrong = _number_rule(kind, dict(zip(names, value, strict=True)))
        if wrong:
            return self._wrong(where, f"{wrong}, but got {list(value)!r}")
        return Number(kind, tuple(value), _number_domain(kind, *value))

    def _wrong(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))


def _number_rule(kind: str, named: dict[str, float]) -> str:
    """The rule that the arguments break, or an empty string."""
    if kind == "randint":
        if not all(float(n).is_integer() and abs(n) <= 2**53 for n in named.values()):
            return "`lower` and `upper` must be whole numbers up to 2**53"
        return "" if named["lower"] < named["upper"] else "`lower < upper` must hold"
    if "low" in named and not named["low"] < named["high"]:
        return "`low < high` must hold"
    if "log" in kind and "low" in named and not named["low"] > 0:
        return "`low > 0` must hold"
    if "sigma" in named and not named["sigma"] > 0:
        return "`sigma > 0` must hold"
    if "q" in named and not named["q"] > 0:
        return "`q > 0` must hold"
    if "q" in named and max(abs(number) for number in named.values()) / named["q"] > _STEPS:
        return "`q` must not be below the precision of the range"
    if "mu" in named and "log" in kind:
        reach = abs(named["mu"]) + 10 * named["sigma"] + abs(math.log(named.get("q", 1)))
        return "" if reach <= 700 else "`exp(mu + 10 sigma)` must be a finite number"
    return ""


def _number_domain(kind: str, *arguments: float) -> Grid | Continuous:
    if kind == "randint":
        low, high = int(arguments[0]), int(arguments[1]) - 1
        # every integer collects the same mass: the prior reaches half a step beyond both ends
        return Grid(low, high, 1, Prior(low - 0.5, high + 0.5))
    a, b = float(arguments[0]), float(arguments[1])
    log, normal = "log" in kind, "normal" in kind
    bounded = log and not normal
    prior = Prior(math.log(a) if bounded else a, math.log(b) if bounded else b, log, normal)
    q = arguments[2] if len(arguments) == 3 else 0.0
    if normal:
        return Continuous(prior, q)
    if q:
        return Grid(arguments[0], arguments[1], q, prior)
    return Continuous(prior, 0.0, a, b)


def _n_chosen(value: Any, n: int) -> NChosen | bool:
    """The checked ``n_chosen``; False when it is wrong."""
    if value is None:
        return None
    if _is_whole(value) and 0 <= value <= n:
        return int(value)
    if isinstance(value, (list, tuple)) and len(value) == 2 and all(map(_is_whole, value)):
        low, high = value
        if 0 <= low <= high <= n:
            return (low, high)
    return False


def print_spec(spec: Spec) -> dict[str, Any]:
    if isinstance(spec, LayerChoice):
        return {"_type": _LAYER_CHOICE, "_value": list(spec.candidates)}
    if isinstance(spec, InputChoice):
        n_chosen = list(spec.n_chosen) if isinstance(spec.n_chosen, tuple) else spec.n_chosen
        return {
            "_type": _INPUT_CHOICE,
            "_value": {"candidates": list(spec.candidates), "n_chosen": n_chosen},
        }
    if isinstance(spec, ValueChoice):
        return {"_type": _CHOICE, "_value": [_print_option(option) for option in spec.options]}
    return {"_type": spec.type_name, "_value": list(spec.arguments)}


def _print_option(option: Any) -> Any:
    if isinstance(option, NestedOption):
        inner = {key: print_spec(spec) for key, spec in option.keys.items()}
        return {"_name": option.name, **inner}
    return option


def _alternatives(spec: Spec) -> int:
    if isinstance(spec, ValueChoice):
        return len(spec.options)
    assert not isinstance(spec, Number)
    return len(spec.candidates)


def _as_json(value: Any) -> Any:
    """A copy as a file would give it back: tuples are lists, keys are strings."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    return json.loads(text.encode())


def _whole(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, (list, tuple)):
        return [_whole(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in value.items()}
    return value


def _is_number(value: object) -> bool:
    return is_finite_number(value) and abs(value) <= 1e300


def _is_text(value: object) -> bool:
    """A string; not one with half a surrogate pair, which no file or database can hold."""
    return isinstance(value, str) and not any("\ud800" <= char <= "\udfff" for char in value)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_name_list(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(map(_is_text, value))


def _is_index_list(value: object, n: int) -> bool:
    return (
        isinstance(value, (list, tuple))
        and len(value) > 0
        and all(_is_whole(index) and 0 <= index < n for index in value)
        and len(set(value)) == len(value)
    )
