"""The parts of a configuration that have fields of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

PrunedTrials = Literal["ignore", "latest", "best"]


@dataclass(frozen=True)
class TunerConfig:
    """Which tuner, and what it knows before the first trial.

    Attributes:
        name: A registered name, or an import path.
        args: Its arguments.
        code_directory: Where to import it from.
        warm_start: A file of scores; once the experiment has its folder, one in there.
        import_data: A file of results that are not in the study, likewise.
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    code_directory: Path | None = None
    warm_start: Path | None = None
    import_data: Path | None = None


@dataclass(frozen=True)
class LauncherConfig:
    """Where trials run.

    Attributes:
        name: ``local``, ``ray`` or ``slurm``.
        args: What that launcher needs to know.
    """

    name: Literal["local", "ray", "slurm"] = "local"
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class GpuConfig:
    """The GPUs of a trial.

    Attributes:
        per_trial: How many a trial gets; 0 hides all of them. With ``launcher: ray`` it may be a
            fraction.
        indices: The GPUs that may be used, as ``nvidia-smi`` numbers them; all if not given.
        trials_per_gpu: How many trials may share a GPU.
        use_occupied: Whether a GPU may be used on which other programs run.
        patience: Seconds after which the run ends if no trial runs and none can be placed.
    """

    per_trial: float = 1
    indices: tuple[int, ...] | None = None
    trials_per_gpu: int = 1
    use_occupied: bool = False
    patience: float = 600.0


@dataclass(frozen=True)
class EarlyStoppingConfig:
    """When a trial is stopped before its end.

    Attributes:
        name: A pruner: a short name, an assessor's of NNI, or the import path of a class.
        args: Its arguments.
        pruned_trials: What the tuner learns from a trial that was stopped: nothing but that it
            was tried (``ignore``), its ``latest`` value, or its ``best``.
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)
    pruned_trials: PrunedTrials = "latest"


@dataclass(frozen=True)
class BudgetConfig:
    """Hyperband: many trials with a small budget, the best go on with a larger one.

    Attributes:
        maximum: The budget of a trial that is never stopped, in units of the trial script's own
            (epochs, as a rule); it finds its budget as the parameter ``TRIAL_BUDGET``.
        minimum: The smallest budget.
        eta: One in so many goes on, with so many times the budget.
        brackets: How many of Hyperband's brackets are used, the one that stops earliest first;
            all if not given, 1 is successive halving.
        pruned_trials: As in :class:`EarlyStoppingConfig`.
    """

    maximum: int
    minimum: int = 1
    eta: int = 3
    brackets: int | None = None
    pruned_trials: PrunedTrials = "latest"


@dataclass(frozen=True)
class ConstraintConfig:
    """Architectures that are refused before they are trained.

    Attributes:
        measure: The import path of a function of the parameters that gives metrics as a dict.
        bounds: Metric -> bound, such as ``"<= 600e6"``.
        attempts: How many proposals in a row may be refused before the run ends.
    """

    measure: str
    bounds: dict[str, str]
    attempts: int = 1000


@dataclass(frozen=True)
class CallbackConfig:
    """A class whose methods are called with the experiment's events.

    Attributes:
        name: A short name, or an import path.
        args: Its arguments.
    """

    name: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class NotifyConfig:
    """A command that is told of events.

    Attributes:
        command: What runs; the event stands in its standard input, as JSON.
        events: Which events; see ``docs/events.md``.
    """

    command: tuple[str, ...]
    events: tuple[str, ...] = ("run_ended",)
