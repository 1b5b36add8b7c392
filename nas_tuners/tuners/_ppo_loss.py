"""The arithmetic of proximal policy optimization, on plain tensors [trial, step]."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_LEAST_SPREAD = 0.1


def gae(rewards: Tensor, values: Tensor, active: Tensor, *, gamma: float, lam: float) -> Tensor:
    """Generalized advantage estimates of episodes that are rewarded at their end.

    Schulman, Moritz, Levine, Jordan, Abbeel: High-dimensional continuous control using generalized
    advantage estimation, ICLR 2016, equation 16: with delta_t = r_t + gamma V_{t+1} - V_t,
    A_t = delta_t + gamma lam A_{t+1}. Steps that are not active do not exist: the step before one
    continues with the step after it.

    Args:
        rewards: [trial], paid at the last active step.
        values: [trial, step], V_t.
        active: [trial, step], 1 or 0.
        gamma: The discount.
        lam: The weight of longer-looking estimates.

    Returns:
        [trial, step]; 0 where not active.
    """
    advantages = torch.zeros_like(values)
    reward, following = rewards, torch.zeros_like(rewards)
    running = torch.zeros_like(rewards)
    for step in reversed(range(values.shape[1])):
        here = active[:, step] > 0
        delta = reward + gamma * following - values[:, step]
        running = torch.where(here, delta + gamma * lam * running, running)
        advantages[:, step] = torch.where(here, running, 0.0)
        following = torch.where(here, values[:, step], following)
        reward = torch.where(here, 0.0, reward)
    return advantages


def clipped_objective(
    log_probs: Tensor, old_log_probs: Tensor, advantages: Tensor, *, cliprange: float
) -> Tensor:
    """L^CLIP of each step, to be maximized.

    Schulman, Wolski, Dhariwal, Radford, Klimov: Proximal policy optimization algorithms, 2017
    (https://arxiv.org/abs/1707.06347), equation 7: min(r A, clip(r, 1 - eps, 1 + eps) A) with
    r = pi / pi_old.
    """
    ratios = (log_probs - old_log_probs).exp()
    clipped = ratios.clamp(1.0 - cliprange, 1.0 + cliprange)
    return torch.minimum(ratios * advantages, clipped * advantages)


def ppo_loss(
    objective: Tensor,
    values: Tensor,
    returns: Tensor,
    entropies: Tensor,
    weights: Tensor,
    *,
    vf_coef: float,
    ent_coef: float,
) -> Tensor:
    """The loss of a minibatch: the negative of equation 9 of Schulman et al. 2017.

    -(L^CLIP - c1 (V - V_target)^2 + c2 S), averaged with ``weights`` [trial, step], which are 0
    for inactive steps.
    """
    of_steps = -objective + vf_coef * (values - returns).square() - ent_coef * entropies
    return (weights * of_steps).sum() / weights.sum().clamp(min=1e-8)


def importance_weights(log_probs: Tensor, behaviour: Tensor, *, largest: float) -> Tensor:
    """How much each trial counts: pi_old / pi_behaviour, cut off at ``largest``.

    Hilton, Cobbe, Schulman: Batch size-invariance for policy optimization, NeurIPS 2022
    (https://arxiv.org/abs/2110.00641), the decoupled objective: the policy that steps are clipped
    to need not be the one that acted, if this ratio weighs the objective. 1 where it is the same.

    Args:
        log_probs: [trial], of the policy before the update.
        behaviour: [trial], of the policy that proposed.
        largest: The cut-off, which bounds the variance (Ionides 2008, truncated importance
            sampling).
    """
    return (log_probs - behaviour).clamp(max=math.log(largest)).exp()


def standardize(advantages: Tensor, active: Tensor) -> Tensor:
    """Advantages with mean 0 and standard deviation 1 over the active steps.

    Those that hardly differ stay small: noise is not made larger than a tenth of a reward's unit.
    """
    count = active.sum().clamp(min=1.0)
    centred = (advantages - (advantages * active).sum() / count) * active
    spread = (centred.square().sum() / count).sqrt()
    return centred / spread.clamp(min=_LEAST_SPREAD)
