"""Drawing architectures from a policy network, one decision at a time, without torch."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

import numpy as np

from nas_tuners.contract.domains import Entry
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._policy_steps import Array, Step

if TYPE_CHECKING:
    from ._policy import PolicyNetwork


class PolicySampler:
    """The forward pass of a :class:`PolicyNetwork` for one architecture.

    Plain numpy: a step of the network is so small that calls into torch cost several times the
    arithmetic. Made anew when the network has changed.
    """

    def __init__(self, network: PolicyNetwork, space: SearchSpace, steps: Sequence[Step]) -> None:
        self._space, self._steps = space, steps
        lstm = network.lstm
        self._recurrent = _array(lstm.weight_hh_l0)
        bias = _array(lstm.bias_ih_l0) + _array(lstm.bias_hh_l0)
        inputs = _array(lstm.weight_ih_l0).T
        # The input's share of the gates is linear in the embeddings: once for all.
        self._of_step = _array(network.step_embedding) @ inputs + bias
        self._of_column = _array(network.column_embedding) @ inputs
        self._head = _array(network.column_head)
        self._bias = _array(network.column_bias)

    def draw(self, rng: Random, temperature: float = 1.0) -> tuple[IndexVector, float]:
        """An architecture and the logarithm of its probability.

        Args:
            rng: The randomness.
            temperature: What scores are divided by: above 1, nearer to the prior.
        """
        size = self._recurrent.shape[1]
        state, cell = np.zeros(size, np.float32), np.zeros(size, np.float32)
        vector: list[Entry | None] = [None] * len(self._steps)
        total, first = 0.0, 0
        taken: list[int] = []
        for place, (position, step) in enumerate(zip(self._space.order, self._steps, strict=True)):
            gates = self._of_step[place] + self._recurrent @ state
            for column in taken:
                gates += self._of_column[column]
            state, cell = _lstm(gates, cell)
            end = first + step.width
            taken = []
            if self._space.is_active(position, vector):
                scores = (self._head[first:end] @ state + self._bias[first:end]) / temperature
                entry, log_prob = step.draw(scores.tolist(), rng)
                vector[position] = entry
                total += log_prob
                taken = [first + column for column in step.columns(entry)]
            first = end
        return tuple(vector), total


def _lstm(gates: Array, cell: Array) -> tuple[Array, Array]:
    """State and cell from gates (Hochreiter & Schmidhuber 1997, with torch's order of gates)."""
    size = len(cell)
    squashed = 0.5 + 0.5 * np.tanh(0.5 * gates)  # sigmoid
    forget, output = squashed[size : 2 * size], squashed[3 * size :]
    cell = forget * cell + squashed[:size] * np.tanh(gates[2 * size : 3 * size])
    return output * np.tanh(cell), cell


def _array(parameter: object) -> Array:
    array: Array = parameter.detach().numpy()  # type: ignore[attr-defined]
    return array
