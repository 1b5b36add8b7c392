"""Experiments in Python."""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path
from typing import Any, final

from nas_tuners.cli._progress import Progress
from nas_tuners.cli._tables import introduction
from nas_tuners.contract.errors import ConfigError, ExperimentError
from nas_tuners.contract.search_space import SearchSpace, check_same_space
from nas_tuners.experiment.folder import ExperimentFolder, create_folder
from nas_tuners.experiment.loop import Ended, Ending
from nas_tuners.experiment.results import read_results
from nas_tuners.experiment.runner import run_experiment
from nas_tuners.experiment.signals import STOPPING, StopSignals
from nas_tuners.experiment.study_setup import goals_of
from nas_tuners.experiment.warm.preload import PRELOAD

from . import payload, report
from .choices import joined
from .config import for_trials, make_config
from .evaluator import Evaluator
from .payload import Payload
from .source import ModelSpace, Source, source_of
from .top_models import Formatter, top_models


@final
class Experiment:
    """A search for the best model of a model space.

    It runs on the engine of ``nas-tuners run``: in a folder of its own, with trials in processes
    of their own, and all the commands that look at experiments look at this one too. Model space
    and evaluator travel to the trials: what can be imported by its name, what a script or notebook
    defines by value (which takes ``pip install 'nas-tuners[notebook]'``). Trials are forked from a
    process that has imported torch and what they need.

    It ends when ``max_trials`` or ``max_duration`` is reached or every architecture was tried.

    Args:
        model_space: A class, an instance of a class that is decorated with ``@model_space``, or a
            function without arguments that makes a model.
        evaluator: Trains and judges a model; its arguments that are choices are searched, too.
        tuner: What proposes architectures: a tuner that has had no trials, whose constructor
            took plain values; its class; or as in a configuration file a name, or a dict of
            ``name`` and ``args``. :class:`~nas_tuners.BayesianTuner` if not given.
        config: The other keys of a configuration file: ``max_trials``, ``concurrency``,
            ``max_duration``, ``optimize_mode``, ``early_stopping``, ``gpus``, ``seed``,
            ``storage``, ``experiments_directory``, ...

    Raises:
        ConfigError: with everything that is wrong with the configuration.
        SearchSpaceError: if the model space cannot be read, or made anew by others.

    Example::

        def train(model_cls, lr):
            model = model_cls()
            ...
            return accuracy

        evaluator = FunctionalEvaluator(train, lr=loguniform(1e-4, 1e-1))
        experiment = Experiment(Net, evaluator, "random", max_trials=20, concurrency=2)
        experiment.run()
        print(experiment.export_top_models(top_k=3))
    """

    def __init__(
        self,
        model_space: ModelSpace,
        evaluator: Evaluator,
        tuner: Any = None,
        **config: Any,
    ) -> None:
        self._payload = _payload(source_of(model_space), evaluator)
        self._config = make_config(
            {"tuner": tuner, **config},
            name=self._payload.source.name,
            optimize_mode=evaluator.optimize_mode,
        )
        self._folder: ExperimentFolder | None = None
        self._given: tuple[ModelSpace | None, Evaluator | None] = (None, None)
        _ = self.space  # in which keys of the model and the evaluator may clash

    @classmethod
    def load(
        cls,
        folder: str | Path,
        *,
        model_space: ModelSpace | None = None,
        evaluator: Evaluator | None = None,
    ) -> Experiment:
        """An experiment that has run, in this process or another, or is running.

        Args:
            folder: Its folder; of your own only, as it may hold any program.
            model_space: The model space as it is now, if its code has changed. Its search space
                must be the same.
            evaluator: The same for the evaluator.

        Raises:
            ExperimentError: if there is none.
        """
        loaded = cls.__new__(cls)
        loaded._folder, loaded._given = ExperimentFolder(folder), (model_space, evaluator)
        return loaded

    @functools.cached_property
    def space(self) -> SearchSpace:
        """What is searched: the model space's keys, and the evaluator's arguments."""
        return joined(self._payload.blueprint.space, self._payload.evaluator.choices)

    @property
    def folder(self) -> Path | None:
        """Where everything is; None before it has run."""
        return self._folder.path if self._folder else None

    def run(self, *, folder: str | Path | None = None) -> None:
        """Search until the end.

        Ctrl-C stops the running trials and says how to go on.

        Args:
            folder: The experiment's folder to make; a new one in ``experiments_directory`` if not
                given.

        Raises:
            ConfigError: naming each argument that cannot travel to trials.
            ExperimentError: if the folder cannot be made, or no trial succeeds.
            TunerError: if the tuner failed.
        """
        _refuse_in_trial()
        if self._folder is not None:
            raise ExperimentError(
                f"this experiment has run, in {self._folder.path}: resume() goes on with it, and "
                "a new Experiment starts anew"
            )
        data = payload.dump(self._payload)
        config = for_trials(self._config, payload.modules_of(data))
        path = Path(folder) if folder is not None else None
        self._folder = create_folder(config, self.space, path=path, files={payload.FILE: data})
        self._go(self._folder)

    def resume(self, *, max_trials: int | None = None, max_duration: Any = None) -> None:
        """Go on with an experiment that was interrupted, crashed, or reached its limits.

        Args:
            max_trials: A new limit.
            max_duration: The same, in seconds or as in ``"2h"``.

        Raises:
            ConfigError: if a limit is wrong.
            ExperimentError: as :meth:`run`; or if it has not run yet, or not from Python.
            SpaceMismatchError: with each difference, if the model space is another now.
            TunerError: if the tuner failed.
        """
        _refuse_in_trial()
        if self._folder is None:
            raise ExperimentError("this experiment has not run yet: call run()")
        check_same_space(
            self.space,
            self._folder.space(),
            ours_is="the model space with its evaluator",
            theirs_is="the experiment",
            where=str(self._folder.path),
        )
        given = {"max_trials": max_trials, "max_duration": max_duration}
        read = make_config(given, name="")
        limits = {key: getattr(read, key) for key, value in given.items() if value is not None}
        data = payload.dump(self._payload)
        with self._folder.locked():
            config = for_trials(self._folder.config(), payload.modules_of(data))
            payload.save(self._folder.path, data)
            self._folder.save_config(replace(config, **limits))
        self._go(self._folder)

    def export_top_models(
        self, top_k: int = 1, formatter: Formatter = "dict", *, inputs: Any = None
    ) -> list[Any]:
        """The best models that were found, the best first by ``optimize_mode``.

        Args:
            top_k: How many; fewer if there are no more.
            formatter: ``"dict"``: what was chosen, key -> name or value. ``"instance"``: a plain
                ``nn.Module``, with the weights that the trial kept
                (:func:`~nas_tuners.multi_trial.save_weights`) if it did. ``"code"``: the source of
                a module that needs torch only, which tells in a comment what was chosen. The lists
                of all three have the same order.
            inputs: For code: an example batch, or a list of all that the model takes.

        Raises:
            ExperimentError: if no trial has succeeded, or an argument is wrong.
            CheckpointError: if the weights that a trial kept do not fit its model.
            ExportError: if a network cannot be written as code.
        """
        if self._folder is None:
            raise ExperimentError("this experiment has not run yet: call run()")
        known = self._payload if self._given != (None, None) else None
        return list(
            top_models(self._folder, top_k, formatter=formatter, inputs=inputs, known=known)
        )

    @functools.cached_property
    def _payload(self) -> Payload:
        """Of an experiment that was loaded: what its folder has, unless it was given anew."""
        assert self._folder is not None, "a new experiment has it from the start"
        model_space, evaluator = self._given
        if model_space is not None and evaluator is not None:  # the folder's may be unreadable
            return _payload(source_of(model_space), evaluator)
        known = payload.load(self._folder.path)
        source = known.source if model_space is None else source_of(model_space)
        return _payload(source, known.evaluator if evaluator is None else evaluator)

    def _go(self, folder: ExperimentFolder) -> None:
        print(introduction(folder), flush=True)
        try:
            ended = self._run(folder)
        except KeyboardInterrupt:
            raise _interrupted(folder) from None
        if ended.ending is Ending.INTERRUPTED:
            raise _interrupted(folder)
        results = read_results(folder)
        report.conclude(folder, ended, results)
        error = report.failure(folder, ended, results)
        if error is not None:
            raise error

    def _run(self, folder: ExperimentFolder) -> Ended:
        config = folder.config()
        with (
            StopSignals(STOPPING) as signals,
            Progress(goals_of(config), max_trials=config.max_trials) as progress,
        ):
            return run_experiment(
                folder,
                signals=signals,
                observers=[progress],
                begun=progress.begun,
                space=self.space,
            )


def _payload(source: Source, evaluator: Evaluator) -> Payload:
    if not isinstance(evaluator, Evaluator):
        raise ConfigError(
            f"expected an evaluator, such as FunctionalEvaluator(train), got {evaluator!r}",
            "Experiment",
        )
    return Payload(source, source.blueprint(), evaluator)


def _refuse_in_trial() -> None:
    """A trial that imports a script which searches would start a search of its own."""
    if PRELOAD in os.environ:
        raise ExperimentError(
            "a trial has imported the module that starts the experiment: put what starts it under "
            "`if __name__ == '__main__':`"
        )


def _interrupted(folder: ExperimentFolder) -> KeyboardInterrupt:
    return KeyboardInterrupt(f"interrupted; go on with {report.how_to_go_on(folder)}")
