"""Strategies, which are tuners here: each says which one, with NNI's words for its options.

All of them end when the experiment's limits are reached or every architecture was tried.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from nas_tuners.contract.errors import ConfigError, Problem

_CONSTRAIN = "take it out: ModelSpace().constrain(fn) says which architectures may be tried"
_POLICY = "take it out: PPOTuner's own policy is trained"


@dataclass(frozen=True)
class Strategy:
    """A tuner, as an experiment names it.

    Attributes:
        tuner: Its name.
        args: Its arguments.
        optimize_mode: What the experiment is after; None for what the evaluator says, else to
            maximize.
        max_trials: After how many trials it ends by itself.
    """

    tuner: str
    args: dict[str, Any] = field(default_factory=dict)
    optimize_mode: str | None = None
    max_trials: int | None = None


def Random(  # noqa: N802
    variational: bool = False, dedup: bool = True, model_filter: None = None, *, seed: Any = None
) -> Strategy:
    """Draws at random: :class:`~nas_tuners.RandomTuner`."""
    _refuse(
        "Random",
        variational=("take it out: every choice is drawn on its own", variational or None),
        model_filter=(_CONSTRAIN, model_filter),
    )
    return Strategy("RandomTuner", {"dedup": dedup, **_seed(seed)})


def GridSearch(shuffle: bool = True, *, seed: Any = None) -> Strategy:  # noqa: N802
    """Goes through all: :class:`~nas_tuners.GridSearchTuner`; or, shuffled, draws each once."""
    return Strategy("RandomTuner" if shuffle else "GridSearchTuner", _seed(seed))


def RegularizedEvolution(  # noqa: N802
    optimize_mode: str | None = None,
    population_size: int = 100,
    sample_size: int = 25,
    cycles: int = 20000,
    mutation_prob: float | None = None,
    on_failure: str = "ignore",
    model_filter: None = None,
    *,
    dedup: bool = True,
    seed: Any = None,
) -> Strategy:
    """Evolves: :class:`~nas_tuners.RegularizedEvolutionTuner`; ends after ``cycles`` trials."""
    other = None if on_failure == "ignore" else on_failure
    _refuse(
        "RegularizedEvolution",
        mutation_prob=("take it out: a child differs in one choice, as published", mutation_prob),
        on_failure=("take it out: what fails is not learned from", other),
        model_filter=(_CONSTRAIN, model_filter),
    )
    args = {"population_size": population_size, "sample_size": sample_size, "dedup": dedup}
    return Strategy("RegularizedEvolutionTuner", args | _seed(seed), optimize_mode, cycles)


def TPE(*, seed: Any = None) -> Strategy:  # noqa: N802
    """The tree-structured Parzen estimator of Optuna."""
    return Strategy("tpe", _seed(seed))


def PolicyBasedRL(  # noqa: N802
    max_collect: int = 100,
    trial_per_collect: int = 20,
    policy_fn: None = None,
    *,
    seed: Any = None,
) -> Strategy:
    """Learns a policy: :class:`~nas_tuners.PPOTuner`; ends after ``max_collect`` updates."""
    _refuse("PolicyBasedRL", policy_fn=(_POLICY, policy_fn))
    args = {"trials_per_update": trial_per_collect, **_seed(seed)}
    return Strategy("PPOTuner", args, max_trials=max_collect * trial_per_collect)


_ONE_SHOT = {
    "DARTS": "DartsTrainer",
    "ENAS": "EnasTrainer",
    "FBNet": "FBNetTrainer",
    "GumbelDARTS": "GdasTrainer",
    "Proxyless": "ProxylessTrainer",
    "RandomOneShot": "SposTrainer",
    "SPOS": "SposTrainer",
}


def __getattr__(name: str) -> NoReturn:
    trainer = _ONE_SHOT.get(name)
    instead = f": searching in one network is trial_api.oneshot.{trainer}" if trainer else ""
    raise AttributeError(f"module {__name__!r} has no {name!r}{instead}")


def _seed(seed: Any) -> dict[str, Any]:
    return {} if seed is None else {"seed": seed}


def _refuse(strategy: str, **given: tuple[str, object]) -> None:
    problems = [Problem(name, why) for name, (why, value) in given.items() if value is not None]
    if problems:
        raise ConfigError(problems, f"strategy {strategy}")
