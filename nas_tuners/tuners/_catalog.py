"""The tuners that a configuration can name, described."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ._base import Tuner
from ._cards import CARDS, Card
from ._names import SAMPLERS
from ._registry import (
    TUNERS,
    adapter_of,
    find_class,
    options_of,
    parameters_of,
    registered_name,
)

_UNKNOWN = Card("", "", "")


@dataclass(frozen=True)
class Description:
    """What there is to know about a tuner before making one.

    Attributes:
        name: What a configuration calls it.
        summary: The first paragraph of its documentation.
        card: When to take it, and what it costs; empty texts for what is not registered.
        multi_objective: Whether it handles several objectives.
        uses_scores: Whether it makes use of scores from elsewhere.
        arguments: Argument -> default as Python writes it, ``"required"`` where there is none.
    """

    name: str
    summary: str
    card: Card
    multi_objective: bool
    uses_scores: bool
    arguments: Mapping[str, str] = field(default_factory=dict)


def describe(name: str, code_directory: Path | None = None) -> Description:
    """A tuner by its name, short name or import path.

    Raises:
        ConfigError: if there is none.
    """
    target = find_class(name, code_directory)
    known = registered_name(name) or name
    several, scores = _abilities(target)
    return Description(
        known, _summary(target), CARDS.get(known, _UNKNOWN), several, scores, _arguments(target)
    )


def describe_all() -> list[Description]:
    """All that have a name, ours first."""
    return [describe(name) for name in (*sorted(TUNERS), *sorted(SAMPLERS))]


def _abilities(target: type) -> tuple[bool, bool]:
    from ._contract_tuner import ContractTuner
    from ._optuna_tuner import handles_several

    adapter = adapter_of(target)
    if adapter is None:
        assert issubclass(target, Tuner)
        return target.multi_objective, target.uses_scores
    return adapter is not ContractTuner and handles_several(target), False


def _summary(target: type) -> str:
    """The first paragraph as plain text on one line."""
    paragraph = inspect.cleandoc(target.__doc__ or "").partition("\n\n")[0]
    text = " ".join(paragraph.split()).replace("``", "'")
    return re.sub(r"(?::\w+:)?`~?([^`<]+?)(?: <[^`>]*>)?`_*", r"\1", text)


def _arguments(target: type) -> dict[str, str]:
    adapter = adapter_of(target)
    taken: dict[str, Any] = dict(parameters_of(target))
    if adapter is not None:
        taken |= options_of(adapter)
    variadic = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    return {
        name: "required" if parameter.default is parameter.empty else repr(parameter.default)
        for name, parameter in taken.items()
        if parameter.kind not in variadic
    }
