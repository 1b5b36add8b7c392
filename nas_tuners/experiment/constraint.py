"""Which architectures are refused before they are trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ConfigError, Problem, did_you_mean

from .configuration.config import ExperimentConfig
from .local.spawners import trial_environment
from .measuring import Measurer

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

    from nas_tuners.tuners._history import HistoryFollower, Proposal


class Constraint:
    """Bounds on what an architecture costs.

    Args:
        measurer: Gives the metrics.
        bounds: Metric -> bound, such as ``"<= 600e6"``.
        attempts: How many proposals in a row may be refused.

    Raises:
        ConfigError: naming the bounds that cannot be read.
    """

    def __init__(
        self, measurer: Measurer, bounds: Mapping[str, str], *, attempts: int = 1000
    ) -> None:
        self._measurer = measurer
        self._bounds = _read(bounds)
        self._words = {metric: f"{metric} {bound}" for metric, bound in bounds.items()}
        self._attempts = attempts

    def propose(
        self, follower: HistoryFollower, number: int, trials: Sequence[FrozenTrial]
    ) -> Proposal:
        """The follower's next suggestion that fits.

        Raises:
            ConfigError: if the function that measures is wrong.
            ExperimentError: if its process is.
            SearchSpaceExhausted: when nothing that fits is left.
            TunerError: if too many suggestions in a row do not fit, or the tuner fails.
        """
        from nas_tuners.tuners._acceptance import Acceptance

        return follower.propose(number, trials, Acceptance(self.objections, self._attempts))

    def excess(self, parameters: Mapping[str, Any]) -> dict[str, float]:
        """Bounded metric -> by how much it is beyond its bound; all are 0 or less where it fits.

        Raises:
            ConfigError: if the function fails, or leaves out a bounded metric.
            ExperimentError: if its process ends, or does not answer.
        """
        metrics = self._measurer.measure(parameters)
        for name in self._bounds:
            if name not in metrics:
                message = (
                    f"{self._measurer.target} gives no such metric; it gives "
                    f"{', '.join(map(repr, metrics)) or 'none'}{did_you_mean(name, metrics)}"
                )
                raise ConfigError([Problem(f"constraint.bounds.{name}", message)])
        return {
            name: sign * (metrics[name] - bound) for name, (sign, bound) in self._bounds.items()
        }

    def objections(self, parameters: Mapping[str, Any]) -> list[str]:
        """The bounds that an architecture is beyond.

        Raises:
            ConfigError: as :meth:`excess`.
            ExperimentError: likewise.
        """
        return [self._words[name] for name, by in self.excess(parameters).items() if by > 0]


@contextmanager
def open_constraint(config: ExperimentConfig) -> Iterator[Constraint | None]:
    """The constraint of a configuration, if it has one; what measures for it ends with this."""
    if config.constraint is None:
        yield None
        return
    with Measurer(
        config.constraint.measure,
        code_directory=config.code_directory,
        environment=trial_environment(config.environment),
    ) as measurer:
        yield Constraint(measurer, config.constraint.bounds, attempts=config.constraint.attempts)


def _read(bounds: Mapping[str, str]) -> dict[str, tuple[float, float]]:
    from nas_tuners.tuners._goals import read_bound

    read, problems = {}, []
    for metric, text in bounds.items():
        try:
            read[metric] = read_bound(text.strip())
        except ValueError as error:
            problems.append(Problem(f"constraint.bounds.{metric}", str(error)))
    if problems:
        raise ConfigError(problems)
    return read
