"""One sampled path with the gradient of the relaxation, as in GDAS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

import torch
from torch import Tensor, nn

from ._gumbel import gumbel_softmax
from ._mutator import Mutator
from ._noise import GumbelNoise
from ._random import draw_seed
from ._relaxation import ArchitectureLogits, generator_from
from ._selection import Selection
from ._sources import ZERO_NAMES, chosen_by_strength

Drawn = tuple[int, "tuple[int, ...]", "list[Tensor]"]
"""Of a key: how many candidates it has, those drawn, and a straight-through one for each."""


@final
class HardGumbelMutator(Mutator):
    """Runs one sampled candidate of each layer choice, with a straight-through gradient.

    Dong, Yang: Searching for a Robust Neural Architecture in Four GPU Hours, CVPR 2019
    (https://arxiv.org/abs/1910.04465), section 3: the largest of logits plus Gumbel noise runs,
    which is a draw from their softmax; its weight is one, with the gradient of the softmax of the
    same sum over the temperature. The paper has log-probabilities for logits: softmax and argmax
    are the same.

    Unselected candidates are not run. So the gradient of a weight is known for the candidate that
    ran only, and reaches the logits of the others through its softmax.

    The parameters stay on the host, where the decision is needed: sampling then waits for no GPU.
    Without a graph (``torch.no_grad()``) the weights are left out altogether.

    Args:
        model: A model with choices.
        temperature: Of the gradient; the sampling does not depend on it.
        scale: Standard deviation of the initial parameters.
        seed: Of these and of the noise; None takes one from torch's generator.
        zero_names: As for :class:`SoftmaxMutator`.

    Attributes:
        temperature: May be set between steps, to anneal it.
    """

    stays_on_host = True

    def __init__(
        self,
        model: nn.Module,
        *,
        temperature: float = 10.0,
        scale: float = 1e-3,
        seed: int | None = None,
        zero_names: Sequence[str] = ZERO_NAMES,
    ) -> None:
        super().__init__(model)
        seed = draw_seed() if seed is None else seed
        self.temperature = temperature
        self.logits = ArchitectureLogits(
            self.mutables,
            self.search_space,
            scale=scale,
            generator=generator_from(seed),
            zero_names=zero_names,
        )
        self._noise = GumbelNoise(seed + 1)

    def sample_search(self) -> dict[str, Selection]:
        drawn = self._draw_one() | self._draw_gates()
        if torch.is_grad_enabled():
            drawn = _moved(drawn, _device_of(self.model))
            selections = {key: Selection(n, on, tuple(w)) for key, (n, on, w) in drawn.items()}
        else:
            selections = {key: Selection(n, on) for key, (n, on, _) in drawn.items()}
        for key, sources in self.logits.roles.derived.items():
            selections[key] = Selection(len(sources), tuple(range(len(sources))))
        return selections

    def sample_final(self) -> dict[str, Selection]:
        return self.logits.final()

    def preferences(self) -> dict[str, list[float]]:
        """The probabilities; of inputs that all run, 1 each."""
        return self.logits.numbers()

    def get_extra_state(self) -> dict[str, Any]:
        return {"temperature": self.temperature, "noise": self._noise.get_state()}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        self.temperature = state["temperature"]
        self._noise.set_state(state["noise"])

    def _draw_one(self) -> dict[str, Drawn]:
        """For all keys with equally many candidates at once."""
        logits = self.logits.one
        drawn: dict[str, Drawn] = {}
        for size, keys in logits.keys.items():
            soft = self._soften(logits.tables[str(size)])
            indices = soft.argmax(dim=1)
            ones = straight_through_one(soft.gather(1, indices[:, None]).squeeze(1)).unbind()
            for key, index, one in zip(keys, indices.tolist(), ones, strict=True):
                drawn[key] = (size, (index,), [one])
        return drawn

    def _draw_gates(self) -> dict[str, Drawn]:
        """Inputs above one half; as many as the choice allows, the likeliest first."""
        drawn: dict[str, Drawn] = {}
        for key, row in self.logits.gates.rows(self._soften_gates).items():
            domain: Any = self.search_space.decisions[self.search_space.first_decision[key]].domain
            on = chosen_by_strength(domain, row.tolist(), above=0.5).indices
            drawn[key] = (len(row), on, [straight_through_one(row[index]) for index in on])
        return drawn

    def _soften(self, table: Tensor) -> Tensor:
        return gumbel_softmax(table, self._noise.like(table), self.temperature)

    def _soften_gates(self, table: Tensor) -> Tensor:
        noise = self._noise.like(table) - self._noise.like(table)  # logistic
        return torch.sigmoid((table + noise) / self.temperature)


def straight_through_one(soft: Tensor) -> Tensor:
    """A one whose gradient is that of ``soft``."""
    return 1 + (soft - soft.detach())


def _device_of(model: nn.Module) -> torch.device:
    parameter = next(model.parameters(), None)
    return torch.device("cpu") if parameter is None else parameter.device


def _moved(drawn: dict[str, Drawn], device: torch.device) -> dict[str, Drawn]:
    """All weights on a device, in one transfer."""
    weights = [weight for _, _, given in drawn.values() for weight in given]
    if not weights or device.type == "cpu":
        return drawn
    moved = iter(torch.stack(weights).to(device, non_blocking=True).unbind())
    return {key: (n, on, [next(moved) for _ in given]) for key, (n, on, given) in drawn.items()}
