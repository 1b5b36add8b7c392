"""Proximal policy optimization."""

from __future__ import annotations

import math
from random import Random
from typing import TYPE_CHECKING, final

from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Result, Tuner
from ._options import require_numbers, require_whole
from ._policy_feedback import Merit, RankReward, make_note, next_temperature, noted_log_prob
from ._policy_steps import make_step

if TYPE_CHECKING:
    from ._ppo_learning import PPOLearner


@final
class PPOTuner(Tuner):
    """A recurrent network decides key after key, and is rewarded for good architectures.

    Schulman, Wolski, Dhariwal, Radford, Klimov: Proximal Policy Optimization Algorithms, 2017
    (https://arxiv.org/abs/1707.06347), with generalized advantage estimation (Schulman, Moritz,
    Levine, Jordan, Abbeel, ICLR 2016). An LSTM reads the decisions taken and gives the next key's
    probabilities and the reward to expect. Alternatives are categories of their key, subsets are
    decided candidate by candidate, numbers of many values by bins; inactive keys are skipped.

    It never waits: it proposes from the policy there is, and learns when ``trials_per_update`` of
    its results have come, whichever they are. Results of older policies are weighted by how
    probable they are now (Hilton, Cobbe, Schulman, NeurIPS 2022). Failed trials are left out.
    Results that it did not propose only say what is good: rewards are ranks among all results.
    What it would propose twice is drawn again at a higher temperature.

    Asking costs O(decisions + candidates), about 20 microseconds a decision, several times that
    where the policy repeats itself; learning about 3 milliseconds a trial with 36 decisions.

    Args:
        trials_per_update: Results that make a batch.
        epochs_per_update: Passes over a batch.
        minibatch_size: Trials of one gradient step; need not divide ``trials_per_update``.
        ent_coef: c2 of equation 9, the reward for staying undecided. NNI has 0, which decides too
            early to profit from thousands of trials.
        lr: Learning rate of Adam. NNI has 3e-4, which learns little in 400 trials.
        vf_coef: c1 of equation 9, the weight of the value network's error.
        max_grad_norm: Gradients are scaled down to this norm; ``math.inf``: never.
        gamma: Discount a decision. NNI has 0.99, but the early decisions count as much.
        lam: lambda of generalized advantage estimation. NNI has 0.95.
        cliprange: epsilon of equation 7.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`.
        dedup: See :class:`Tuner`.

    Example::

        tuner = PPOTuner(trials_per_update=10, seed=0)
    """

    def __init__(
        self,
        *,
        trials_per_update: int = 20,
        epochs_per_update: int = 4,
        minibatch_size: int = 4,
        ent_coef: float = 0.02,
        lr: float = 1e-2,
        vf_coef: float = 0.5,
        max_grad_norm: float = 0.5,
        gamma: float = 1.0,
        lam: float = 1.0,
        cliprange: float = 0.2,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
        dedup: bool = True,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed, dedup=dedup)
        self.trials_per_update = _count("trials_per_update", trials_per_update)
        self.epochs_per_update = _count("epochs_per_update", epochs_per_update)
        self.minibatch_size = _count("minibatch_size", minibatch_size)
        self.ent_coef = _number("ent_coef", ent_coef)
        self.lr = _number("lr", lr)
        self.vf_coef = _number("vf_coef", vf_coef)
        self.max_grad_norm = _norm("max_grad_norm", max_grad_norm)
        self.gamma = _number("gamma", gamma, high=1.0)
        self.lam = _number("lam", lam, high=1.0)
        self.cliprange = _number("cliprange", cliprange, high=1.0)
        self._rewards = RankReward()
        self._waiting: list[tuple[IndexVector, Merit, float]] = []
        self._learner: PPOLearner | None = None

    def _prepare(self, space: SearchSpace) -> None:
        from ._ppo_learning import PPOLearner

        steps = [make_step(space.decisions[position].domain) for position in space.order]
        if not steps:
            return
        self._learner = PPOLearner(
            space,
            steps,
            seed=Random(f"{self.seed}:network").getrandbits(63),
            epochs=self.epochs_per_update,
            minibatch_size=self.minibatch_size,
            ent_coef=self.ent_coef,
            lr=self.lr,
            vf_coef=self.vf_coef,
            max_grad_norm=self.max_grad_norm,
            gamma=self.gamma,
            lam=self.lam,
            cliprange=self.cliprange,
        )

    def _propose(self, ask: Ask) -> IndexVector:
        if self._learner is None:
            return ()
        temperature = next_temperature(ask.note)
        vector, log_prob = self._learner.sampler.draw(ask.rng, temperature)
        ask.note = make_note(log_prob, temperature, self._learner.updates)
        return vector

    def _learn(self, result: Result) -> None:
        if self._learner is None or result.merit is None:
            return
        self._rewards.add(result.merit)
        log_prob = noted_log_prob(result.note)
        if log_prob is not None:
            self._waiting.append((result.vector, result.merit, log_prob))
        if len(self._waiting) >= self.trials_per_update:
            self._update(self._learner)

    def _update(self, learner: PPOLearner) -> None:
        from ._ppo_learning import Experience

        batch = [
            Experience(vector, self._rewards.reward(merit), log_prob)
            for vector, merit, log_prob in self._waiting
        ]
        learner.update(batch, Random(f"{self.seed}:learn:{learner.updates}"))
        self._waiting = []


def _count(name: str, value: int) -> int:
    require_whole(**{name: value})
    if value < 1:
        raise ValueError(f"`{name}` must be a whole number of at least 1, but got {value!r}.")
    return value


def _number(name: str, value: float, *, high: float = math.inf) -> float:
    require_numbers(**{name: value})
    if not 0.0 <= value <= high:
        rule = f"{name} >= 0" if high == math.inf else f"0 <= {name} <= {high:g}"
        raise ValueError(f"`{rule}` must hold, but got ({name}={value!r}).")
    return float(value)


def _norm(name: str, value: float) -> float:
    return value if value == math.inf else _number(name, value)
