"""What reads a study, whatever storage it lies in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from nas_tuners.contract.errors import ExperimentError, did_you_mean

from .rows import RawTrial, StudyFacts

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

POINTS = 200  # of one curve of intermediate values


class Replaced(Exception):  # noqa: N818 - it ends in another reading, and is no error of ours
    """The trials that were read are gone: the study was deleted, or its storage written anew."""


@dataclass(frozen=True)
class Batch:
    """Some trials of a study.

    Attributes:
        trials: Those that are new or have changed.
        done: How many have been read by now.
        of: How many there are.
        more: Whether the next call gives others at once.
    """

    trials: Sequence[RawTrial]
    done: int
    of: int
    more: bool


@dataclass(frozen=True)
class WholeTrial:
    """All that a storage knows of one trial: its intermediate values, and every attribute."""

    trial: RawTrial
    intermediate: Sequence[tuple[int, float]]


Curve = Sequence[tuple[int, float]]


class Reader(Protocol):
    """Reads one study and never writes. One thread at a time."""

    distributions: dict[str, BaseDistribution]

    def facts(self) -> StudyFacts:
        """What the study says of itself."""

    def read(self) -> Batch:
        """What is new since the last call.

        Raises:
            Replaced: if what was read before is gone; another reader is needed.
            Exception: the driver's, if the storage cannot be read now.
        """

    def whole(self, number: int) -> WholeTrial | None:
        """One trial; None if there is none."""

    def numbers_with_curves(self) -> list[int]:
        """The trials that have reported intermediate values."""

    def curves(self, numbers: Iterable[int]) -> dict[int, Curve]:
        """The intermediate values of some trials, thinned to :data:`POINTS`."""

    def close(self) -> None:
        """Let go of the storage."""


def which_study(studies: Sequence[tuple[int, str]], name: str | None) -> tuple[int, str]:
    """The study of a name, or the only one, of those given as (id, name).

    Raises:
        ExperimentError: if there is none, or several where one was meant.
    """
    names = [known for _, known in studies]
    if name is None and len(studies) == 1:
        return studies[0]
    if not names:
        raise ExperimentError("the storage holds no study yet")
    if name is None:
        raise ExperimentError(f"the storage holds several studies; name one of {names}")
    for study in studies:
        if study[1] == name:
            return study
    hint = did_you_mean(name, names)
    raise ExperimentError(f"the storage holds no study {name!r}{hint}; it holds {names}")


def thinned(points: Sequence[Any], limit: int = POINTS) -> list[Any]:
    """At most ``limit`` of the points, evenly, the first and the last included."""
    if len(points) <= limit:
        return list(points)
    last = len(points) - 1
    return [points[index * last // (limit - 1)] for index in range(limit)]
