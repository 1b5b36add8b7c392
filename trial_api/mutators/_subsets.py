"""Random subsets of candidates, with a logit for each candidate."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import final

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

Noise = Callable[[Tensor], Tensor]
"""Standard Gumbel noise of a tensor's shape."""

_NEVER = -1e30  # a logarithm of zero whose differences are numbers


@final
class RandomSubset:
    """Subsets of ``low`` to ``high`` candidates, each as likely as the product of its odds.

    That is ``p(S) = exp(sum of the logits in S) / Z``, the conditional Bernoulli distribution
    (Chen, Dempster, Liu: Weighted Finite Population Sampling to Maximize Entropy, Biometrika
    1994). With exactly one candidate it is the softmax; with any number, an independent Bernoulli
    variable each. In between, Z sums over all allowed subsets by dynamic programming.

    Args:
        logits: Of shape (samples, candidates): a distribution a row.
        low, high: Bounds of the subsets' sizes.
    """

    def __init__(self, logits: Tensor, low: int, high: int) -> None:
        self.logits = logits
        self.low = low
        self.high = high

    @cached_property
    def log_total(self) -> Tensor:
        """The logarithm of Z, of shape (samples,)."""
        return _log_total(self.logits, self.low, self.high)

    def log_probability(self, mask: Tensor) -> Tensor:
        """Of allowed subsets, given as ones and zeros: (samples, candidates) to (samples,)."""
        return (self.logits * mask).sum(-1) - self.log_total

    def marginals(self) -> Tensor:
        """The probability that a candidate is in the subset, which is the gradient of log Z."""
        with torch.enable_grad():
            keep = self.logits.requires_grad
            logits = self.logits if keep else self.logits.detach().requires_grad_()
            total = _log_total(logits, self.low, self.high).sum()
            (gradient,) = torch.autograd.grad(total, logits, create_graph=keep)
        return gradient

    def entropy(self) -> Tensor:
        """Of shape (samples,)."""
        return self.log_total - (self.marginals() * self.logits).sum(-1)

    def sample(self, noise: Noise) -> Tensor:
        """Ones and zeros, of shape (samples, candidates)."""
        logits = self.logits.detach()
        if self.low == self.high == 1:
            chosen = (logits + noise(logits)).argmax(-1)  # the Gumbel-max trick
            return F.one_hot(chosen, logits.shape[-1]).to(logits)
        if self._is_free:
            return _flip(logits, noise)
        return self._sample_in_turn(logits, noise)

    def mode(self) -> Tensor:
        """The likeliest subset: the best ``low`` candidates, and more where odds are above one."""
        logits = self.logits.detach()
        count = (logits > 0).sum(-1, keepdim=True).clamp(self.low, self.high)
        order = logits.argsort(stable=True, dim=-1, descending=True)
        chosen = torch.arange(logits.shape[-1], device=logits.device) < count
        return torch.zeros_like(logits).scatter(-1, order, chosen.to(logits))

    @property
    def _is_free(self) -> bool:
        return self.low == 0 and self.high == self.logits.shape[-1]

    def _sample_in_turn(self, logits: Tensor, noise: Noise) -> Tensor:
        """One candidate after the other, each given those before it."""
        tables = _suffix_tables(logits, self.low, self.high)
        count = logits.new_zeros(len(logits), 1, dtype=torch.long)
        flips = []
        for index in range(logits.shape[-1]):
            taken = tables[index + 1].gather(1, count + 1)
            left = tables[index + 1].gather(1, count)
            flips.append(_flip(logits[:, index : index + 1] + taken - left, noise))
            count = count + flips[-1].long()
        return torch.cat(flips, dim=1)


def _flip(log_odds: Tensor, noise: Noise) -> Tensor:
    """Independent Bernoulli variables; the difference of two Gumbel variables is logistic."""
    return (log_odds + noise(log_odds) - noise(log_odds) > 0).to(log_odds)


def _log_total(logits: Tensor, low: int, high: int) -> Tensor:
    if low == high == 1:
        return logits.logsumexp(-1)
    if low == 0 and high == logits.shape[-1]:
        return F.softplus(logits).sum(-1)
    return _suffix_tables(logits, low, high)[0][:, 0]


def _suffix_tables(logits: Tensor, low: int, high: int) -> list[Tensor]:
    """Log total weights of the ways to go on.

    Entry ``[i][s, c]`` is for sample ``s`` where ``c`` of the candidates before ``i`` are in the
    subset; ``c = high + 1`` is too many.
    """
    samples, candidates = logits.shape
    table = logits.new_full((samples, high + 2), _NEVER)
    table[:, low : high + 1] = 0.0
    tables = [table]
    for index in reversed(range(candidates)):
        taken = logits[:, index : index + 1] + table[:, 1:]
        either = torch.stack([table[:, :-1], taken]).logsumexp(0)  # twice differentiable
        table = torch.cat([either, table[:, -1:]], dim=1)
        tables.append(table)
    return tables[::-1]
