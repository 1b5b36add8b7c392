"""What is said of a search that did not do what it was for."""

from __future__ import annotations

from pathlib import Path

import pytest

from nas_tuners import SearchSpace
from nas_tuners.cli._tables import introduction
from nas_tuners.contract.errors import ExperimentError, NasTunersError, TunerError
from nas_tuners.contract.trial_io import Assignment, Metric
from nas_tuners.experiment.folder import ExperimentFolder, create_folder
from nas_tuners.experiment.launcher import Exited
from nas_tuners.experiment.loop import Ended, Ending, Finished
from nas_tuners.experiment.outcome import Complete, Failed, Outcome
from nas_tuners.experiment.records import StudyTrial
from nas_tuners.experiment.results import Results, TrialResult
from nas_tuners.multi_trial.config import make_config
from nas_tuners.multi_trial.report import conclude, failure
from nas_tuners.tuners._goals import Goals

SPACE = SearchSpace({"a": {"_type": "choice", "_value": [1, 2]}})


@pytest.fixture
def folder(tmp_path: Path) -> ExperimentFolder:
    config = make_config({"tuner": "random"}, name="Net")
    return create_folder(config, SPACE, path=tmp_path / "it")


def failure_of(
    folder: ExperimentFolder, ended: Ended, *trials: TrialResult
) -> NasTunersError | None:
    return failure(folder, ended, Results(trials, True, Goals.of("maximize")))


def finished(outcome: Outcome) -> Finished:
    trial = StudyTrial(0, Assignment("e", "e-3", 3, {}), {})
    return Finished(trial, outcome, Exited(3, exit_code=1), 1.0)


def test_the_seed_of_the_tuner(tmp_path: Path) -> None:
    config = make_config({"tuner": {"name": "random", "args": {"seed": 7}}}, name="Net")
    text = introduction(create_folder(config, SPACE, path=tmp_path / "seeded"))
    assert text.splitlines()[-2:] == [
        "Search space: 1 key, 2 architectures",
        "Tuner: random, seed 7",
    ]


def test_no_trial_has_succeeded(folder: ExperimentFolder) -> None:
    error = failure_of(folder, Ended(Ending.MAX_TRIALS, None, finished(Failed("it broke"))))
    assert isinstance(error, ExperimentError)
    assert str(error) == (
        "no trial has succeeded: trial 3: it broke\n"
        f"Its output is in {folder.trials / '0003' / 'stderr.txt'}\n"
        f"(when mended, go on with Experiment.load('{folder.path}', model_space=..., "
        "evaluator=...).resume(max_trials=N))"
    )
    (folder.trials / "0003").mkdir()
    (folder.trials / "0003" / "stderr.txt").write_text("Traceback\nKeyError: 'x'\n")
    told = str(failure_of(folder, Ended(Ending.FAILURES, None, finished(Failed("it broke")))))
    assert "trial 3: it broke\n  Traceback\n  KeyError: 'x'\nIts output is in " in told
    ours = finished(Failed("exit code 1: nas_tuners.contract.errors.MetricError: it is nan"))
    assert "Traceback" not in str(failure_of(folder, Ended(Ending.FAILURES, None, ours)))
    untried = failure_of(folder, Ended(Ending.MAX_DURATION))
    assert str(untried).startswith("no trial has succeeded: max_duration reached\n")
    assert str(untried).endswith(".resume(max_duration=TIME))")


def test_constraints_that_nothing_satisfies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = make_config({"tuner": "random"}, name="Net")
    space = SPACE.constrain(lambda architecture: False, name="small")
    folder = create_folder(config, space, path=tmp_path / "constrained")
    ended = Ended(Ending.EXHAUSTED)
    text = "the tuner has nothing more to propose"
    told = str(failure_of(folder, ended))
    assert f"succeeded: {text}, constrained by 'small'\n" in told
    assert "when mended, start a new Experiment: nothing is left to try in this one" in told
    conclude(folder, ended, Results((), True, Goals.of("maximize")))
    assert (
        f"{text} (0 of 2 architectures were tried), constrained by 'small'."
        in capsys.readouterr().out
    )


def test_how_to_go_on_beyond_a_limit(
    folder: ExperimentFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    trial = TrialResult(0, "complete", 1.0, {"a": 1}, 1.0, None, {}, {"default": 1.0})
    results = Results((trial,), True, Goals.of("maximize"))
    conclude(folder, Ended(Ending.MAX_TRIALS), results)
    told = capsys.readouterr().out.splitlines()[-1]
    assert told == f"To go on: Experiment.load('{folder.path}').resume(max_trials=N)"


def test_too_many_in_a_row(folder: ExperimentFolder) -> None:
    useless = Complete(Metric("final", 0, 1.0), ("lacks 'size'",), usable=False)
    error = failure_of(folder, Ended(Ending.FAILURES, None, finished(useless)))
    assert str(error).startswith("too many trials in a row failed: trial 3: lacks 'size'\n")


def test_the_tuner_failed(folder: ExperimentFolder) -> None:
    error = failure_of(folder, Ended(Ending.TUNER_ERROR, TunerError("no idea")))
    assert isinstance(error, TunerError)
    assert str(error).startswith("tuner random: no idea\n(see ")


def test_nothing_is_wrong(folder: ExperimentFolder) -> None:
    trial = TrialResult(0, "complete", 1.0, {"a": 1}, 1.0, None, {}, {"default": 1.0})
    assert failure_of(folder, Ended(Ending.EXHAUSTED), trial) is None
