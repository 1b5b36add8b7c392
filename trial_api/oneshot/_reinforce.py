"""Policy gradients: Williams: Simple Statistical Gradient-Following Algorithms, 1992."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from nas_tuners.contract.errors import TrainingError


class MovingBaseline:
    """The average of the rewards so far, in which older ones count less.

    After t rewards it is ``sum_i decay^(t-i) R_i / sum_i decay^(t-i)``: an exponential moving
    average that is not drawn to its start, as one from zero would be for ``1 / (1 - decay)``
    rewards.

    Args:
        decay: What a reward's weight is multiplied by with each later one.
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._sum = 0.0
        self._weight = 0.0

    @property
    def value(self) -> float:
        """0 before the first reward."""
        return self._sum / self._weight if self._weight else 0.0

    def advantages(self, rewards: Sequence[float]) -> list[float]:
        """How much each reward exceeds the average of those before it; 0 for the very first.

        A baseline that contained the reward itself would depend on the sample.
        """
        return [self._advantage(reward) for reward in rewards]

    def state_dict(self) -> dict[str, float]:
        return {"sum": self._sum, "weight": self._weight}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        self._sum, self._weight = state["sum"], state["weight"]

    def _advantage(self, reward: float) -> float:
        advantage = reward - self.value if self._weight else 0.0
        self._sum = self.decay * self._sum + reward
        self._weight = self.decay * self._weight + 1.0
        return advantage


def reinforce_loss(
    log_probabilities: Tensor,
    advantages: Tensor,
    *,
    entropies: Tensor,
    penalties: Tensor,
    entropy_weight: float,
    skip_weight: float,
) -> Tensor:
    """A loss whose gradient is an estimate of that of the expected reward, negated.

    The advantages count the entropy as a reward, ``R + entropy_weight * H``. Its own dependence on
    the parameters is the last term; with it the gradient of the entropy is unbiased.

    Args:
        log_probabilities: Of the samples, each tensor of shape (samples,).
        advantages: Their rewards above a baseline.
        entropies: Of the distributions that they were drawn from.
        penalties: What is to be small besides.
        entropy_weight, skip_weight: Of the last two.

    Returns:
        A scalar, the mean over the samples.
    """
    policy = advantages.detach() * log_probabilities
    return (skip_weight * penalties - policy - entropy_weight * entropies).mean()


def read_reward(reward: Any) -> float | Tensor:
    """What a reward function returned: a number, or a tensor of one.

    Raises:
        TrainingError: if it is anything else.
    """
    if isinstance(reward, Tensor) and reward.numel() == 1:
        return reward.detach().reshape(()).float()
    if isinstance(reward, (int, float)) and not isinstance(reward, bool):
        return float(reward)
    raise TrainingError(
        f"reward_function must return a number, but got {reward!r}; return something like "
        "(output.argmax(1) == target).float().mean()"
    )
