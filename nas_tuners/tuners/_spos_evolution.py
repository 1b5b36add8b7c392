"""The evolution of single-path one-shot search."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Container, Mapping, Sequence
from operator import itemgetter
from random import Random
from typing import Any, final

from nas_tuners.contract.architecture import to_parameters
from nas_tuners.contract.errors import SearchSpaceExhausted
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Result, Tuner
from ._encoding import crossover
from ._options import require_numbers, require_whole

Constraint = Callable[[Mapping[str, Any]], bool]
Ranked = tuple[tuple[float, ...], IndexVector]

_CHILDREN = 100  # tries of mutation or crossover, before an architecture is drawn at random


@final
class SPOSEvolutionTuner(Tuner):
    """Mutation and crossover of the best that have ever been found.

    Guo, Zhang, Mu, Heng, Liu, Wei, Sun: Single Path One-Shot Neural Architecture Search with
    Uniform Sampling, ECCV 2020 (https://arxiv.org/abs/1904.00420), algorithm 1. The first
    ``population_size`` architectures are drawn at random (line 1). The ``top_k`` best of all
    results, from every iteration, are the parents (line 6). A child is the uniform crossover of
    two of them (line 7), or one of them in which each decision is drawn again with probability
    ``mutation_probability`` (line 8). It suits what is cheap to evaluate, such as the candidates
    of a trained supernet.

    It never waits for an iteration to end: the parents are the best of what has finished, whoever
    proposed it. Iterations only count: ``num_iterations`` times ``population_size`` trials, failed
    and pending ones included, then it ends with :class:`SearchSpaceExhausted`. Imported results
    do not count. Asking costs O(number of decisions + pending trials) a child, telling O(top_k).

    Args:
        population_size: P of the paper.
        top_k: How many of the best are parents.
        mutation_probability: prob of the paper.
        crossover_probability: How often a child is a crossover: n / (n + m) of the paper.
        num_iterations: T of the paper; None: no end.
        constraint: Takes the parameters of an architecture and says whether they may be proposed;
            for a model's size or operations, which are known before training. A function, or its
            import path ``"module:function"``.
        max_draws: After so many architectures drawn at random without a new one that satisfies
            the constraint, the search ends.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = SPOSEvolutionTuner(constraint=lambda parameters: flops(parameters) < 330e6)
    """

    _attempts = 1  # what is known or not allowed is dropped here

    def __init__(
        self,
        *,
        population_size: int = 50,
        top_k: int = 10,
        mutation_probability: float = 0.1,
        crossover_probability: float = 0.5,
        num_iterations: int | None = 20,
        constraint: Constraint | str | None = None,
        max_draws: int = 1_000,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        _check_counts(population_size=population_size, top_k=top_k, max_draws=max_draws)
        if num_iterations is not None:
            _check_counts(num_iterations=num_iterations)
        _check_probabilities(
            mutation_probability=mutation_probability, crossover_probability=crossover_probability
        )
        self.population_size = population_size
        self.top_k = top_k
        self.mutation_probability = mutation_probability
        self.crossover_probability = crossover_probability
        self.num_iterations = num_iterations
        self.max_draws = max_draws
        self._constraint = None if constraint is None else _load(constraint)
        self._best: list[Ranked] = []
        self._successes = 0
        self._trials = 0

    def _propose(self, ask: Ask) -> IndexVector:
        self._check_end(ask.running)
        pending = set(ask.pending.values())
        vector = None
        if self._best and self._successes + ask.running >= self.population_size:
            vector = self._first_allowed(self._child, _CHILDREN, pending, ask.rng)
        if vector is None:
            vector = self._first_allowed(self.space.sample, self.max_draws, pending, ask.rng)
        if vector is None and self._constraint is None:
            vector = self.space.sample(ask.rng)  # known: the base finds what is left
        if vector is None:
            raise SearchSpaceExhausted(
                f"{self.max_draws:,} draws from {self.space} gave nothing new that satisfies the "
                "constraint: relax it, or raise `max_draws`"
            )
        return vector

    def _learn(self, result: Result) -> None:
        self._trials += result.number is not None
        if result.merit is not None:
            self._successes += 1
            self._best = update_best(self._best, (result.merit, result.vector), self.top_k)

    def _check_end(self, running: int) -> None:
        if self.num_iterations is None:
            return
        if self._trials + running >= self.num_iterations * self.population_size:
            raise SearchSpaceExhausted(
                f"{self.num_iterations} iterations of {self.population_size} trials are done: "
                "raise `num_iterations`, or set it to None, to go on"
            )

    def _first_allowed(
        self,
        make: Callable[[Random], IndexVector],
        tries: int,
        pending: Container[IndexVector],
        rng: Random,
    ) -> IndexVector | None:
        for _ in range(tries):
            vector = make(rng)
            if self.dedup and (vector in self._evaluated or vector in pending):
                continue
            if self._constraint is None or self._constraint(to_parameters(self.space, vector)):
                return vector
        return None

    def _child(self, rng: Random) -> IndexVector:
        if rng.random() < self.crossover_probability and len(self._best) > 1:
            (_, first), (_, second) = rng.sample(self._best, 2)
            return crossover(self.space, first, second, rng)
        _, parent = rng.choice(self._best)
        return redraw(self.space, parent, self.mutation_probability, rng)


def update_best(best: Sequence[Ranked], new: Ranked, top_k: int) -> list[Ranked]:
    """Update_Topk of line 6: each architecture once, with its best result, best first.

    Equal ones keep the order in which they came.
    """
    known = next((merit for merit, vector in best if vector == new[1]), None)
    if known is not None and known >= new[0]:
        return [*best]
    others = [ranked for ranked in best if ranked[1] != new[1]]
    return sorted([*others, new], key=itemgetter(0), reverse=True)[:top_k]


def redraw(
    space: SearchSpace, vector: IndexVector, probability: float, rng: Random
) -> IndexVector:
    """Mutation of line 8: each decision is drawn again with a probability of its own."""
    kept = [None if rng.random() < probability else entry for entry in vector]
    return space.complete(kept, rng)


def _load(constraint: Constraint | str) -> Constraint:
    if isinstance(constraint, str):
        module_name, _, name = constraint.partition(":")
        try:
            constraint = getattr(importlib.import_module(module_name), name)
        except (ImportError, AttributeError, ValueError) as error:
            raise ValueError(
                "`constraint` must be the import path of a function, 'module:function', but got "
                f"{constraint!r}: {error}"
            ) from error
    if not callable(constraint):
        raise ValueError(f"`constraint` must be a function, but got (constraint={constraint!r}).")
    return constraint


def _check_counts(**counts: int) -> None:
    require_whole(**counts)
    for name, value in counts.items():
        if value < 1:
            raise ValueError(f"`{name} >= 1` must hold, but got ({name}={value}).")


def _check_probabilities(**probabilities: float) -> None:
    require_numbers(**probabilities)
    for name, value in probabilities.items():
        if not 0 <= value <= 1:
            raise ValueError(f"`0 <= {name} <= 1` must hold, but got ({name}={value}).")
