"""Draws of binary gates, and what a step on two of them leaves as it was.

Cai, Zhu, Han: ProxylessNAS, ICLR 2019 (https://arxiv.org/abs/1812.00332), section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ._logits import softmax


@dataclass(frozen=True)
class Draw:
    """Gates of several keys with equally many candidates.

    Attributes:
        active: (keys,), the candidates that run.
        among: (keys, gates), the candidates with gates.
        gates: (keys, gates), their probabilities among each other.
        probabilities: (keys, candidates).
    """

    active: Tensor
    among: Tensor
    gates: Tensor
    probabilities: Tensor


def draw_of_all(logits: Tensor, noise: Tensor) -> Draw:
    """A gate for each candidate; Gumbel noise makes the largest a draw from the softmax."""
    probabilities = softmax(logits)
    among = torch.arange(logits.shape[1]).expand_as(logits)
    active = (logits.detach() + noise).argmax(1)
    return Draw(active, among, probabilities, probabilities)


def draw_of_two(logits: Tensor, noise: Tensor, more_noise: Tensor) -> Draw:
    """Gates for two candidates, drawn by their probabilities without replacement.

    The two share what they had together: as functions of the logits, the probabilities move
    between them only, which is what a step followed by :func:`rescaled` does.
    """
    among = (logits.detach() + noise).topk(min(2, logits.shape[1])).indices
    pair = logits.gather(1, among)
    gates = softmax(pair)
    position = (pair.detach() + more_noise.gather(1, among)).argmax(1, keepdim=True)
    fixed = softmax(logits.detach())
    together = fixed.gather(1, among).sum(1, keepdim=True)
    probabilities = fixed.scatter(1, among, together * gates)
    return Draw(among.gather(1, position).squeeze(1), among, gates, probabilities)


def rescaled(after: Tensor, before: Tensor, sampled: Tensor) -> Tensor:
    """Logits that give unsampled candidates the probabilities of before.

    These stay as they were, and the sampled ones are shifted so that the sum of the exponentials
    is that of before (section 3.2.1 of the paper).

    Shape:
        All (keys, candidates).
    """
    old, new = (torch.where(sampled, t, -torch.inf).logsumexp(1, True) for t in (before, after))
    return torch.where(sampled, after + (old - new), before)
