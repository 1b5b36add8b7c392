"""What a search did as a whole."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ConfigError

from .lazy_matplotlib import MARK, STYLE, one_or_all, pyplot
from .recording import LOG, names_and_numbers, needed_log
from .settling import key_series, mean_entropy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from ..trials.reader import Reader
    from ..trials.rows import RawTrial

_BLUE, _GREY = "#0072b2", "#999999"


def plot_search(source: Any) -> Any:
    """Draw what a search did as a whole.

    Of a recorded one-shot search: the mean entropy of its choices over the steps (1: all
    candidates alike, 0: decided), and how many choices changed their strongest candidates since
    the last record. Of an experiment or a study: the results of its trials, and the best so far.

    Args:
        source: The folder of a recording or of an experiment, the URL of a storage with one study,
            an :class:`~nas_tuners.Experiment` or an Optuna study.

    Returns:
        A :class:`matplotlib.axes.Axes` object, or an array of them: two of a recording, one an
        objective of a study that has several.

    Raises:
        ConfigError: if there is nothing to draw, or matplotlib is missing.
        ExperimentError: if the study cannot be read.

    Example::

        from nas_tuners.viewer import plot_search

        plot_search("nas-experiments/latest")
    """
    plt = pyplot()
    if isinstance(source, (str, Path)) and "://" not in str(source):
        path = Path(source).expanduser()
        recorded = (path / LOG).exists() or any(path.glob(f"*/{LOG}")) or not path.is_dir()
        if recorded and not (path / "config.json").is_file():
            return _plot_recording(plt, path)
    with closing(_reader(source)) as reader:
        return _plot_study(plt, reader)


def _plot_recording(plt: Any, path: Path) -> Any:
    overview = needed_log(path).overview()
    known = names_and_numbers(path)
    values = overview["values"]
    series = [key_series(overview, key, *known.get(key, ())[1:]) for key in values]
    told = [one for one in series if one.tells]
    if not told:
        raise ConfigError("no choice of the log ever told its candidates apart", str(path))
    steps = overview["step"]
    changes = [0] * len(steps)
    for one in told:
        for place in one.changed:
            changes[place] += 1
    settled = sum(one.state == "settled" for one in told)
    with plt.style.context(STYLE):
        figure, (above, below) = plt.subplots(2, sharex=True, layout="constrained")
        del figure
        means = [math.nan if mean is None else mean for mean in mean_entropy(series)]
        above.plot(steps, means, color=_BLUE)
        above.set_ylabel("Mean entropy")
        few = sum(one.state == "few" for one in told)
        short = f", {few} with too few records" if few else ""
        above.set_title(f"Search: {settled} of {len(told)} choices settled{short}")
        below.vlines(steps, 0, changes, color=MARK, linewidth=1.2)
        below.set_ylim(bottom=0, top=max([*changes, 1]) * 1.05)
        below.set_ylabel("Choices that changed")
        below.set_xlabel("Step")
        _whole_numbers(below.yaxis)
    return one_or_all([above, below])


def _plot_study(plt: Any, reader: Reader) -> Any:
    from ..trials.rows import objective_names

    facts = reader.facts()
    trials: dict[int, RawTrial] = {}
    more = True
    while more:
        batch = reader.read()
        trials |= {trial.number: trial for trial in batch.trials}
        more = batch.more
    done = [trials[number] for number in sorted(trials) if trials[number].state == "complete"]
    if not done:
        raise ConfigError(f"no trial of the study {facts.name!r} is complete yet", "source")
    names = objective_names(facts)
    with plt.style.context(STYLE):
        figure, grid = plt.subplots(
            len(names), squeeze=False, figsize=(6.4, 1.2 + 3.4 * len(names)), layout="constrained"
        )
        del figure
        axes = list(grid[:, 0])
        for place, (ax, name, direction) in enumerate(
            zip(axes, names, facts.directions, strict=True)
        ):
            _draw_objective(ax, done, place, maximize=direction == "maximize")
            ax.set_ylabel("Objective value" if name == "default" else name.replace("$", r"\$"))
        axes[0].set_title("Best so far")
        axes[-1].set_xlabel("Trial")
    return one_or_all(axes)


def _draw_objective(ax: Axes, trials: Sequence[RawTrial], place: int, *, maximize: bool) -> None:
    feasible: list[tuple[int, float]] = []
    beyond: list[tuple[int, float]] = []
    best: list[tuple[int, float]] = []
    for trial in trials:
        value = trial.values[place] if place < len(trial.values) else None
        if value is None or not math.isfinite(value):
            continue
        if any(excess > 0 for excess in trial.excess.values()):
            beyond.append((trial.number, value))
            continue
        feasible.append((trial.number, value))
        known = best[-1][1] if best else value
        best.append((trial.number, max(known, value) if maximize else min(known, value)))
    if beyond:
        x, y = zip(*beyond, strict=True)
        ax.scatter(x, y, color=_GREY, marker="x", s=18, label="Infeasible")
    if feasible:
        x, y = zip(*feasible, strict=True)
        ax.scatter(x, y, color=_BLUE, s=14, label="Trials")
        ax.step(x, [value for _, value in best], where="post", color=MARK, label="Best so far")
    if feasible or beyond:
        ax.legend()
    _whole_numbers(ax.xaxis)


def _whole_numbers(axis: Any) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_major_locator(MaxNLocator(integer=True))


def _reader(source: Any) -> Reader:
    from ..trials.opening import open_reader

    if isinstance(source, str) and "://" in source:
        return open_reader(source)
    folder = getattr(source, "folder", None) if hasattr(source, "export_top_models") else source
    if isinstance(folder, (str, Path)):
        from nas_tuners.experiment.folder import ExperimentFolder
        from nas_tuners.experiment.study_setup import study_name

        experiment = ExperimentFolder(Path(folder).expanduser())
        return open_reader(experiment.storage_url, study_name(experiment.config()))
    if hasattr(source, "study_name") and hasattr(source, "trials"):
        from ..trials.objects import ObjectReader

        return ObjectReader(source._storage, source.study_name)
    raise ConfigError(
        "must be a folder, the URL of a storage, an Experiment that has run, or an Optuna study, "
        f"got {type(source).__name__}",
        "source",
    )
