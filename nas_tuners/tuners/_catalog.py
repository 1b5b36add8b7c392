"""The tuners that a configuration can name, described."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nas_tuners._classes import parameters_of

from ._base import Tuner
from ._cards import CARDS, Card
from ._docstrings import explanations_of, first_sentence, summary_of
from ._names import SAMPLERS, other_names
from ._registry import (
    TUNERS,
    adapter_of,
    find_class,
    options_of,
    registered_name,
)

_UNKNOWN = Card("", "", "")
_OPTUNA = "https://optuna.readthedocs.io/en/stable/reference/samplers/generated/optuna.samplers."


@dataclass(frozen=True)
class Description:
    """What there is to know about a tuner before making one.

    Attributes:
        name: What a configuration calls it.
        also: What else it may be called; case, hyphens and underscores do not matter.
        summary: The first paragraph of its documentation.
        card: When to take it, and what it costs; empty texts for what is not registered.
        multi_objective: Whether it handles several objectives.
        uses_scores: Whether it makes use of scores from elsewhere.
        arguments: Argument -> default as Python writes it, ``"required"`` where there is none.
        explanations: Argument -> what it is, as far as the documentation says.
        reference: Where more is said, for samplers of Optuna.
    """

    name: str
    also: tuple[str, ...]
    summary: str
    card: Card
    multi_objective: bool
    uses_scores: bool
    arguments: Mapping[str, str] = field(default_factory=dict)
    explanations: Mapping[str, str] = field(default_factory=dict)
    reference: str = ""


def describe(name: str, code_directory: Path | None = None) -> Description:
    """A tuner by its name, short name or import path.

    Raises:
        ConfigError: if there is none.
    """
    target = find_class(name, code_directory)
    registered = registered_name(name)
    known = registered or name
    several, scores = _abilities(target)
    arguments = _arguments(target)
    explained = _explanations(target)
    return Description(
        name=known,
        also=other_names(known) if registered else (),
        summary=summary_of(target),
        card=CARDS.get(known, _UNKNOWN),
        multi_objective=several,
        uses_scores=scores,
        arguments=arguments,
        explanations={name: explained[name] for name in arguments if name in explained},
        reference=f"{_OPTUNA}{target.__name__}.html" if _is_optunas(target) else "",
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


def _explanations(target: type) -> dict[str, str]:
    """Those of the adapter come first: it is what reads them. Optuna's are cut to a sentence."""
    explained = explanations_of(target)
    if _is_optunas(target):
        explained = {name: first_sentence(text) for name, text in explained.items()}
    adapter = adapter_of(target)
    return explained if adapter is None else explained | explanations_of(adapter)


def _is_optunas(target: type) -> bool:
    return target.__module__.startswith("optuna.samplers.")
