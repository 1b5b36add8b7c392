"""Searching a trained supernet: any tuner proposes, inherited weights are judged."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from random import Random
from typing import Any, Union

from tqdm import tqdm

from nas_tuners.contract.architecture import (
    read_architecture,
    to_architecture,
    to_vector,
)
from nas_tuners.contract.errors import (
    ConfigError,
    SearchSpaceExhausted,
    TrainingError,
    did_you_mean,
)
from nas_tuners.contract.search_space import IndexVector
from trial_api.randomness import seed_of

from ..mutators import Selection
from ..mutators._random import selections_of
from . import _distributed as distributed
from ._base import BaseTrainer
from ._cost_table import architecture_cost, check_costs
from ._data import SEARCH, SplitLoader, validation_loader
from ._search_history import History, Judged, Question, SearchTuner

logger = logging.getLogger(__name__)

_OVER_IN_A_ROW = 1_000  # refused proposals after which a search ends
_GLANCE = 10  # held-out batches on which random architectures are compared

Architecture = Union[Mapping[str, Any], str, Path]

OnResult = Callable[[dict[str, Any], "float | None"], object]


class SupernetSearch:
    """The search in a trainer's supernet.

    Args:
        trainer: Whose supernet, data, loss and metrics; its ``bn_batches`` are used.
        candidates: Before a search, the best of so many random architectures is the result.
        cost: A table of the candidates' costs, for limits.
    """

    def __init__(
        self,
        trainer: BaseTrainer,
        *,
        candidates: int,
        cost: Mapping[str, Any] | None = None,
    ) -> None:
        self._trainer = trainer
        self._space = trainer.mutator.search_space
        if candidates < 1 or trainer.bn_batches < 0:
            raise ConfigError(
                "`candidates >= 1` and `bn_batches >= 0` must hold, but got "
                f"(candidates={candidates!r}, bn_batches={trainer.bn_batches!r})",
                type(trainer).__name__,
            )
        if cost is not None:
            check_costs(cost, self._space, source="cost")
        self._candidates = candidates
        self._cost = cost
        self._history = History(self._space)
        self._drawn: tuple[tuple[int, ...], IndexVector] | None = None

    @property
    def history(self) -> list[tuple[dict[str, Any], float | None]]:
        return [(one.architecture, one.value) for one in self._history.entries]

    def run(
        self,
        tuner: SearchTuner,
        evaluations: int,
        *,
        metric: str | None,
        batches: int | None,
        cost_limit: float | None,
        on_result: OnResult | None,
    ) -> dict[str, Any]:
        """Search until so many architectures are evaluated, earlier ones of it included."""
        if cost_limit is not None and self._cost is None:
            raise ConfigError("needs `cost`, a table for the trainer", "cost_limit")
        if metric is None and self._trainer._metrics is None:
            metric = "loss"
        _check_tuner(tuner)
        epoch = self._trainer._loop.position.epoch
        maximize = _maximizes(tuner, metric)
        self._history.begin(Question(metric, maximize, epoch, batches, cost_limit), tuner)
        with self._bar(evaluations) as bar:
            while self._history.evaluated < evaluations and self._step(tuner, on_result):
                bar.n = self._history.evaluated
                bar.refresh()
        if self.history and self._history.best() is None:
            raise TrainingError(
                f"none of {len(self.history)} architectures has a value: they break a constraint "
                f"of the model space, cost more than cost_limit={cost_limit!r}, or "
                f"{metric or 'the metric'} was not finite"
            )
        self._trainer._record_final()
        return self.architecture()

    def evaluate(self, architecture: Architecture, batches: int | None) -> dict[str, float]:
        """Loss and metrics on the held-out data."""
        return self._measure(read_architecture(self._space, architecture), batches)

    def decision(self) -> dict[str, Selection]:
        return selections_of(self._space, self._result())

    def quality(self) -> dict[str, float]:
        """Validation of one random architecture, always the same: how the supernet comes along.

        To compare several after each epoch could take longer than the epoch.
        """
        decision = selections_of(self._space, self._random()[0])
        judged = self._trainer._evaluate(decision)
        return {f"random_{name}": value for name, value in judged.items()}

    def architecture(self) -> dict[str, Any]:
        """The best that was found; before a search, of a few random ones."""
        if self._history.best() is None:
            logger.info(
                "there was no search yet: this is the best of %d random architectures; call "
                "search() for a better one",
                self._candidates,
            )
        return to_architecture(self._space, self._result())

    def state_dict(self) -> dict[str, Any]:
        return self._history.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._history.load_state_dict(state)
        self._drawn = None

    # Details.

    def _step(self, tuner: SearchTuner, on_result: OnResult | None) -> bool:
        """Ask, judge and tell; False at the end."""
        if self._history.over_in_a_row() >= _OVER_IN_A_ROW:
            return False
        asked = distributed.gather(self._ask(tuner))[0]
        if asked is None:
            return False
        parameters, note = asked
        one = self._judged(to_vector(self._space, parameters), note)
        self._history.add(tuner, parameters, one)
        if on_result is not None:
            on_result(one.architecture, one.value)
        return True

    def _ask(self, tuner: SearchTuner) -> tuple[dict[str, Any], Any] | None:
        """Parameters and the note to keep with them; the first process asks for all."""
        if distributed.rank() > 0:
            return None
        number = len(self._history.entries)
        try:
            parameters = dict(tuner.generate_parameters(number))
        except SearchSpaceExhausted as end:
            logger.info("the search ends: %s", end)
            return None
        note = getattr(tuner, "proposal_note", None)
        return parameters, None if note is None else note(number)

    def _judged(self, vector: IndexVector, note: dict[str, Any] | None) -> Judged:
        question = self._history.question
        architecture = to_architecture(self._space, vector)
        is_refused = not self._space.fits(vector)
        if is_refused or self._is_too_costly(architecture, question.cost_limit):
            return Judged(architecture, None, was_evaluated=False, note=note)
        averages = self._measure(vector, question.batches)
        value = pick(averages, question.metric)
        if not math.isfinite(value):
            logger.warning("the value of %s is %s: it has failed", architecture, value)
        finite = value if math.isfinite(value) else None
        return Judged(architecture, finite, was_evaluated=True, note=note)

    def _is_too_costly(self, architecture: dict[str, Any], limit: float | None) -> bool:
        if limit is None:
            return False
        assert self._cost is not None, "run() refuses limits without costs"
        return architecture_cost(self._cost, self._space, architecture) > limit

    def _measure(self, vector: IndexVector, batches: int | None) -> dict[str, float]:
        trainer = self._trainer
        held_out = trainer._read(_in_order(trainer), batches)
        return trainer._judge(selections_of(self._space, vector), held_out)

    def _result(self) -> IndexVector:
        best = self._history.best()
        if best is not None:
            return to_vector(self._space, best.architecture)
        position = self._trainer._loop.position
        now = (position.epoch, position.phase, position.step)
        if self._drawn is None or self._drawn[0] != now:
            self._drawn = (now, self._best_of_random())
        return self._drawn[1]

    def _best_of_random(self) -> IndexVector:
        """By the loss, which is lower when better, whatever the metrics mean."""
        return min(self._random(), key=lambda vector: self._measure(vector, _GLANCE)["loss"])

    def _random(self) -> list[IndexVector]:
        rng = Random(seed_of(self._trainer.seed, "candidates", 0))
        drawn = (self._space.sample_fitting(rng) for _ in range(self._candidates))
        return list(dict.fromkeys(drawn))

    def _bar(self, evaluations: int) -> Any:
        return tqdm(
            total=evaluations,
            initial=self._history.evaluated,
            desc="search",
            disable=not self._trainer.settings.progress or distributed.rank() > 0,
            leave=False,
        )


def _in_order(trainer: BaseTrainer) -> Iterable[Any]:
    """The held-out batches, all samples and the same ones each time; or the user's own loader."""
    loader = trainer._loaders[SEARCH]
    if not isinstance(loader, SplitLoader):
        return loader
    pin = trainer.device.type == "cuda"
    return validation_loader(loader.dataset, trainer.settings, pin=pin)


def _check_tuner(tuner: object) -> None:
    if isinstance(tuner, SearchTuner) and not isinstance(tuner, type):
        return
    kind = tuner.__name__ if isinstance(tuner, type) else type(tuner).__name__
    raise ConfigError(
        f"must be a tuner, such as SPOSEvolutionTuner(), but got {kind}; a sampler of Optuna is "
        "made one by OptunaTuner(sampler)",
        "tuner",
    )


def _maximizes(tuner: SearchTuner, metric: str | None) -> bool:
    mode = getattr(tuner, "optimize_mode", "maximize")
    if mode not in ("maximize", "minimize"):
        raise ConfigError(
            f"a search has one objective, but the tuner's optimize_mode is {mode!r}; make it "
            "'maximize' or 'minimize', and give a bound on the cost as `cost_limit`",
            "tuner",
        )
    if metric == "loss" and mode == "maximize":
        raise ConfigError(
            "the loss is better when lower; make the tuner with optimize_mode='minimize', or "
            "choose one of the metrics",
            "tuner",
        )
    return bool(mode == "maximize")


def pick(averages: Mapping[str, float], metric: str | None) -> float:
    """A metric by name; without a name the first that is not the loss."""
    name = metric or next(name for name in averages if name != "loss")
    if name not in averages:
        known = ", ".join(map(repr, averages))
        raise ConfigError(
            f"there is no metric {name!r}{did_you_mean(name, averages)}; there are {known}",
            "metric",
        )
    return averages[name]
