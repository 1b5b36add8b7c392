"""How a loss and the cost of an architecture become one: the published forms."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nas_tuners.contract.errors import ConfigError, Problem
from nas_tuners.contract.search_space import SearchSpace

from ._cost_table import CostTable, check_costs, cost_tensors, expected_cost

Combine = Callable[[Tensor, Tensor], Tensor]
"""(loss, cost) -> what to descend on."""


@dataclass(frozen=True)
class CostTerm:
    """The cost of what a mutator decided, and what it does to the loss.

    Attributes:
        table: A cost a candidate, on the model's device.
        fixed: What every architecture costs besides.
        combine: One of the functions below.
    """

    table: Mapping[str, Tensor]
    fixed: float
    combine: Combine

    def of(self, probabilities: Mapping[str, Tensor]) -> Tensor:
        """The expected cost."""
        return expected_cost(self.table, probabilities, fixed=self.fixed)


def multiplied_log(
    loss: Tensor, cost: Tensor, *, scale: float, exponent: float, reference: float = math.e
) -> Tensor:
    """scale * loss * (log(cost) / log(reference)) ** exponent; both above 1.

    With the default reference it is equation 2 of FBNet (https://arxiv.org/abs/1812.03443); with
    another one ``"mul#log"`` of the code that the authors of ProxylessNAS published.
    """
    ratio = torch.log(cost) / math.log(reference)
    return scale * loss * torch.pow(ratio, exponent)


def added_linear(loss: Tensor, cost: Tensor, *, strength: float, reference: float) -> Tensor:
    """loss + strength * (cost - reference) / reference.

    ``"add#linear"`` of the code that the authors of ProxylessNAS published. Its gradient is that
    of loss + lambda * cost (https://arxiv.org/abs/1812.00332, section 3.3.1), with
    lambda = strength / reference.
    """
    return loss + strength * (cost - reference) / reference


def added_power(loss: Tensor, cost: Tensor, *, scale: float, exponent: float) -> Tensor:
    """loss + scale * cost ** exponent: FBNet's terms, added."""
    return loss + scale * torch.pow(cost, exponent)


def added_log(loss: Tensor, cost: Tensor, *, strength: float) -> Tensor:
    """loss + strength * log(cost), as Single-Path NAS has it (https://arxiv.org/abs/1904.02877).

    Its gradient is the same in every unit of the cost.
    """
    return loss + strength * torch.log(cost)


def discounted_reward(reward: Tensor, cost: float, *, reference: float, exponent: float) -> Tensor:
    """reward * (reference / cost) ** exponent, as ProxylessNAS has it with REINFORCE."""
    return reward * math.pow(reference / cost, exponent)


def cost_term(
    costs: CostTable,
    fixed: float,
    combine: Combine,
    *,
    space: SearchSpace,
    device: torch.device,
) -> CostTerm:
    """The term for a table.

    Raises:
        SpaceMismatchError: if the table is not one of the space.
    """
    check_costs(costs, space)
    return CostTerm(cost_tensors(costs, device=device), fixed, combine)


def mean_cost(costs: Mapping[str, Sequence[float]], fixed: float) -> float:
    """The expected cost where all candidates are equally probable."""
    return fixed + math.fsum(math.fsum(row) / len(row) for row in costs.values())


def cheapest_cost(costs: Mapping[str, Sequence[float]], fixed: float) -> float:
    return fixed + math.fsum(min(row) for row in costs.values())


def require_above(bound: float, *, why: str, **values: float) -> None:
    """Check costs by name.

    Raises:
        ConfigError: with every one that is not above the bound.
    """
    problems = [
        Problem(name, f"must be above {bound:g} {why}, but is {value:g}")
        for name, value in values.items()
        if not value > bound
    ]
    if problems:
        raise ConfigError(problems, "costs")


FOR_THE_LOGARITHM = (
    "where the logarithm of costs is taken (a smaller unit helps: microseconds, not milliseconds)"
)
