"""Policy, optimizer and update of proximal policy optimization, in torch."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor, nn

from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._policy import Actions, Judgement, PolicyNetwork, encode
from ._policy_feedback import MAX_WEIGHT
from ._policy_sampling import PolicySampler
from ._policy_steps import Step
from ._ppo_loss import clipped_objective, gae, importance_weights, ppo_loss, standardize

_HIDDEN = 32


class Experience(NamedTuple):
    """A trial to learn from; ``log_prob`` is that of the policy that proposed it."""

    vector: IndexVector
    reward: float
    log_prob: float


class _Batch(NamedTuple):
    """What stays fixed during the epochs of an update; the first axis is the trial."""

    actions: Actions
    old_log_probs: Tensor
    advantages: Tensor
    returns: Tensor
    weights: Tensor


class PPOLearner:
    """The arguments are those of :class:`~nas_tuners.PPOTuner`.

    Attributes:
        sampler: Draws from the current policy.
        updates: How often the policy has been updated.
    """

    def __init__(
        self,
        space: SearchSpace,
        steps: Sequence[Step],
        *,
        seed: int,
        epochs: int,
        minibatch_size: int,
        ent_coef: float,
        lr: float,
        vf_coef: float,
        max_grad_norm: float,
        gamma: float,
        lam: float,
        cliprange: float,
    ) -> None:
        self._space, self._steps = space, steps
        self._epochs, self._minibatch_size = epochs, minibatch_size
        self._ent_coef, self._vf_coef, self._cliprange = ent_coef, vf_coef, cliprange
        self._gamma, self._lam, self._max_grad_norm = gamma, lam, max_grad_norm
        widths = [step.width for step in steps]
        exclusive = [step.exclusive for step in steps]
        self._network = PolicyNetwork(widths, exclusive, hidden=_HIDDEN, seed=seed)
        self._optimizer = torch.optim.Adam(self._network.parameters(), lr=lr, eps=1e-5)
        self.sampler = PolicySampler(self._network, space, steps)
        self.updates = 0

    def update(self, experiences: Sequence[Experience], rng: Random) -> None:
        """Several epochs of minibatches: algorithm 1 of Schulman et al. 2017."""
        batch = self._batch(experiences)
        order = list(range(len(experiences)))
        for _ in range(self._epochs):
            rng.shuffle(order)
            for first in range(0, len(order), self._minibatch_size):
                self._descend(batch, order[first : first + self._minibatch_size])
        self.sampler = PolicySampler(self._network, self._space, self._steps)
        self.updates += 1

    @torch.no_grad()
    def _batch(self, experiences: Sequence[Experience]) -> _Batch:
        actions = encode(self._space, self._steps, [trial.vector for trial in experiences])
        old: Judgement = self._network(actions)
        rewards = torch.tensor([trial.reward for trial in experiences])
        advantages = gae(rewards, old.values, actions.active, gamma=self._gamma, lam=self._lam)
        behaviour = torch.tensor([trial.log_prob for trial in experiences])
        weights = importance_weights(old.log_probs.sum(1), behaviour, largest=MAX_WEIGHT)
        return _Batch(
            actions,
            old.log_probs,
            standardize(advantages, actions.active),
            advantages + old.values,
            actions.active * weights[:, None],
        )

    def _descend(self, batch: _Batch, chosen: Sequence[int]) -> None:
        rows = torch.tensor(chosen)
        now: Judgement = self._network(batch.actions.rows(rows))
        objective = clipped_objective(
            now.log_probs,
            batch.old_log_probs[rows],
            batch.advantages[rows],
            cliprange=self._cliprange,
        )
        loss = ppo_loss(
            objective,
            now.values,
            batch.returns[rows],
            now.entropies,
            batch.weights[rows],
            vf_coef=self._vf_coef,
            ent_coef=self._ent_coef,
        )
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._network.parameters(), self._max_grad_norm)
        self._optimizer.step()
