"""A recurrent policy and value network over the decisions of a search space, in torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._policy_steps import SomeOf, Step


class Judgement(NamedTuple):
    """What the network says of each step of given architectures, [architecture, step].

    Attributes:
        log_probs: Logarithm of the probability of the entry; 0 where the decision is inactive.
        entropies: Of the choice; of a subset, the sum of those of its inclusions on the way.
        values: The expected reward before the step.
    """

    log_probs: Tensor
    entropies: Tensor
    values: Tensor


@dataclass(frozen=True)
class Actions:
    """Architectures as the network reads them; columns of all steps side by side.

    Attributes:
        taken: 1 for each column taken, [architecture, column].
        log_odds: What is added to a column's score, [architecture, column].
        open: 1 for each column that was not forced nor inactive, [architecture, column].
        active: 1 for each active step, [architecture, step].
    """

    taken: Tensor
    log_odds: Tensor
    open: Tensor
    active: Tensor

    def rows(self, rows: Tensor) -> Actions:
        """Some of the architectures."""
        return Actions(self.taken[rows], self.log_odds[rows], self.open[rows], self.active[rows])


class PolicyNetwork(nn.Module):
    """An LSTM that reads the decisions one by one, with one head and one embedding a key.

    The input of a step is the sum of an embedding of the step and those of the columns that the
    step before took. The heads are zero at first: the first policy is the space's prior.

    Args:
        widths: The number of columns of each step.
        exclusive: See :class:`Step`, of each step.
        hidden: The size of the state.
        seed: Of the first weights; torch's global generator is left alone.
    """

    def __init__(
        self, widths: Sequence[int], exclusive: Sequence[bool], *, hidden: int, seed: int
    ) -> None:
        super().__init__()
        steps, columns = len(widths), sum(widths)
        step_of = torch.repeat_interleave(torch.arange(steps), torch.tensor(widths))
        self.step_of: Tensor
        self.is_exclusive: Tensor
        self.register_buffer("step_of", step_of)
        self.register_buffer("is_exclusive", torch.tensor(exclusive, dtype=torch.bool)[step_of])
        self.step_embedding = nn.Parameter(torch.empty(steps, hidden))
        self.column_embedding = nn.Parameter(torch.empty(columns, hidden))
        # Made without data first: the constructor would draw from the global generator.
        self.lstm = nn.LSTM(hidden, hidden, batch_first=True, device="meta").to_empty(device="cpu")
        self.column_head = nn.Parameter(torch.zeros(columns, hidden))
        self.column_bias = nn.Parameter(torch.zeros(columns))
        self.value_head = nn.Parameter(torch.zeros(hidden))
        self.value_bias = nn.Parameter(torch.zeros(()))
        generator = torch.Generator().manual_seed(seed)
        drawn = [self.step_embedding, self.column_embedding, *self.lstm.parameters()]
        with torch.no_grad():
            for parameter in drawn:
                parameter.uniform_(-(hidden**-0.5), hidden**-0.5, generator=generator)

    def forward(self, actions: Actions) -> Judgement:
        embedded = actions.taken[:, :, None] * self.column_embedding
        after = self._per_step(embedded)[:, :-1]
        before = functional.pad(after, (0, 0, 1, 0))
        states, _ = self.lstm(before + self.step_embedding)
        scores = (states[:, self.step_of] * self.column_head).sum(-1) + self.column_bias
        values = states @ self.value_head + self.value_bias
        log_probs, entropies = self._softmax(scores, actions)
        return Judgement(
            log_probs * actions.active,
            entropies * actions.active,
            values,
        )

    def _softmax(self, scores: Tensor, actions: Actions) -> tuple[Tensor, Tensor]:
        """Log-probabilities and entropies: softmax over exclusive columns, else sigmoids."""
        exclusive = self.is_exclusive
        log_p = scores - self._log_sum_exp(scores)[:, self.step_of]
        odds = scores + actions.log_odds
        include, leave = functional.logsigmoid(odds), functional.logsigmoid(-odds)
        one = actions.taken * log_p
        some = actions.open * (actions.taken * include + (1 - actions.taken) * leave)
        one_entropy = -log_p.exp() * log_p
        some_entropy = -actions.open * (include.exp() * include + leave.exp() * leave)
        return (
            self._per_step(torch.where(exclusive, one, some)),
            self._per_step(torch.where(exclusive, one_entropy, some_entropy)),
        )

    def _per_step(self, of_columns: Tensor) -> Tensor:
        """The sums over each step's columns."""
        size = (of_columns.shape[0], len(self.step_embedding), *of_columns.shape[2:])
        return of_columns.new_zeros(size).index_add(1, self.step_of, of_columns)

    def _log_sum_exp(self, scores: Tensor) -> Tensor:
        size = (len(scores), len(self.step_embedding))
        index = self.step_of.expand_as(scores)
        highest = scores.new_full(size, -torch.inf).scatter_reduce(
            1, index, scores.detach(), "amax"
        )
        shifted = (scores - highest[:, self.step_of]).exp()
        return highest + self._per_step(shifted).log()


def encode(space: SearchSpace, steps: Sequence[Step], vectors: Sequence[IndexVector]) -> Actions:
    """Architectures as :class:`Actions`; ``steps`` are in the order of ``space.order``."""
    columns = sum(step.width for step in steps)
    taken = np.zeros((len(vectors), columns), dtype=np.float32)
    log_odds, is_open = np.zeros_like(taken), np.zeros_like(taken)
    active = np.zeros((len(vectors), len(steps)), dtype=np.float32)
    first = 0
    for place, (position, step) in enumerate(zip(space.order, steps, strict=True)):
        here = slice(first, first + step.width)
        first += step.width
        for row, vector in enumerate(vectors):
            entry = vector[position]
            if entry is None:
                continue
            active[row, place] = 1.0
            taken[row, here][list(step.columns(entry))] = 1.0
            if isinstance(step, SomeOf):
                odds = step.log_odds(entry)
                is_open[row, here] = np.isfinite(odds)
                log_odds[row, here] = np.where(np.isfinite(odds), odds, 0.0)
    arrays = (taken, log_odds, is_open, active)
    return Actions(*(torch.from_numpy(array) for array in arrays))
