from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from nas_tuners.contract.errors import ConfigError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.configuration.config import ExperimentConfig, load_config
from nas_tuners.experiment.configuration.nni.files import convert, is_nni
from nas_tuners.experiment.configuration.nni.keys import VERSION_1, VERSION_2
from nas_tuners.experiment.configuration.parts import (
    BudgetConfig,
    EarlyStoppingConfig,
    GpuConfig,
    TunerConfig,
)
from nas_tuners.experiment.configuration.yaml_file import read_yaml
from nas_tuners.experiment.folder import create_folder
from tests.experiment_kit import SPACE

PAGE = Path(__file__).parents[2] / "docs" / "nni.md"
OURS = ExperimentConfig.__dataclass_fields__

V1: dict[str, Any] = {
    "trainingServicePlatform": "local",
    "trial": {"command": "python3 train.py", "codeDir": "."},
    "tuner": {"builtinTunerName": "Random"},
}
V2: dict[str, Any] = {
    "trialCommand": "python3 train.py",
    "trialConcurrency": 1,
    "tuner": {"name": "Random"},
    "trainingService": {"platform": "local"},
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No experiment runs in the current folder."""
    monkeypatch.chdir(tmp_path)


def write(folder: Path, content: dict[str, Any] | str) -> Path:
    file = folder / "nni.yml"
    file.write_text(content if isinstance(content, str) else yaml.safe_dump(content))
    return file


def load(folder: Path, content: dict[str, Any] | str) -> ExperimentConfig:
    return load_config(write(folder, content))


def problems(folder: Path, content: dict[str, Any] | str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, content)
    return {problem.where: problem.message for problem in caught.value.problems}


def notes(folder: Path, content: dict[str, Any] | str) -> list[str]:
    return list(convert(read_yaml(write(folder, content)), base=folder).notes)


# ---- what becomes of each key -------------------------------------------------------------------


def test_version_1(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    config = load(
        tmp_path,
        """
authorName: me
experimentName: SPOS Search
description: nothing
trialConcurrency: 4
maxExecDuration: 7d
maxTrialNum: 99999
trainingServicePlatform: local
searchSpacePath: space.json
useAnnotation: false
multiPhase: false
multiThread: true
nniManagerIp: 10.0.0.1
logDir: runs
logLevel: debug
debug: true
versionCheck: false
logCollection: none
tuner:
  builtinTunerName: RegularizedEvolutionTuner
  classArgs: {optimize_mode: minimize, population_size: 8, sample_size: 2}
  gpuIndices: "0"
  includeIntermediateResults: true
assessor:
  builtinAssessorName: Medianstop
  classArgs: {optimize_mode: minimize, start_step: 3}
trial:
  command: python3 train.py
  codeDir: code
  gpuNum: 1
localConfig: {gpuIndices: "0,2", maxTrialNumPerGpu: 2, useActiveGpu: false}
""",
    )
    assert replace(config, seed=0) == ExperimentConfig(
        name="SPOS Search",
        command="python3 train.py",
        tuner=TunerConfig("RegularizedEvolutionTuner", {"population_size": 8, "sample_size": 2}),
        code_directory=tmp_path / "code",
        experiments_directory=tmp_path / "runs",
        search_space=tmp_path / "space.json",
        concurrency=4,
        max_trials=99999,
        max_duration=7 * 86400.0,
        optimize_mode="minimize",
        early_stopping=EarlyStoppingConfig("Medianstop", {"start_step": 3}, "latest"),
        gpus=GpuConfig(1, (0, 2), 2, use_occupied=False),
        seed=0,
    )


@pytest.mark.parametrize("style", ["camelCase", "snake_case"])
def test_version_2(tmp_path: Path, style: str) -> None:
    text = """
experimentName: digits
searchSpace: {a: {_type: layer_choice, _value: [x, y]}}
trialCommand: python3 train.py
trialCodeDirectory: .
trialConcurrency: 2
trialGpuNumber: 1
maxExperimentDuration: 0.5h
maxTrialNumber: 30
maxTrialDuration: 90
experimentWorkingDirectory: runs
tunerGpuIndices: [0]
tuner: {name: TPE, classArgs: {seed: 5, optimize_mode: maximize}}
assessor: {name: Curvefitting, classArgs: {epoch_num: 20}}
trainingService: {platform: local, gpuIndices: [1], maxTrialNumberPerGpu: 3, useActiveGpu: true}
"""
    if style == "snake_case":
        text = re.sub(r"(?<=[a-z])[A-Z]", lambda match: f"_{match[0].lower()}", text)
    config = load(tmp_path, text)
    assert config == ExperimentConfig(
        name="digits",
        command="python3 train.py",
        tuner=TunerConfig("TPE"),
        code_directory=tmp_path,
        experiments_directory=tmp_path / "runs",
        search_space=SearchSpace({"a": {"_type": "layer_choice", "_value": ["x", "y"]}}),
        concurrency=2,
        max_trials=30,
        max_duration=1800.0,
        max_trial_duration=90.0,
        early_stopping=EarlyStoppingConfig("Curvefitting", {"epoch_num": 20}, "ignore"),
        gpus=GpuConfig(1, (1,), 3, use_occupied=True),
        seed=5,
    )


def test_the_least(tmp_path: Path) -> None:
    for content in (V1, V2):
        config = load(tmp_path, content)
        assert config.command == "python3 train.py"
        assert config.gpus is None
        assert config.optimize_mode == "maximize"
        assert config.search_space is None


def test_the_placeholder_of_the_examples_is_generated(tmp_path: Path) -> None:
    content = V1 | {"searchSpacePath": "<the_generated_search_space_path>"}
    assert load(tmp_path, content).search_space is None
    assert any("the trial command generates it" in note for note in notes(tmp_path, content))


def test_an_experiment_s_name_becomes_that_of_a_folder(tmp_path: Path) -> None:
    content = V1 | {"experimentName": "CIFAR-10: NAS/1"}
    assert load(tmp_path, content).name == "CIFAR-10_ NAS_1"
    assert "experimentName (line 1): written as 'CIFAR-10_ NAS_1'" in notes(tmp_path, content)


def test_a_class_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "tuners" / "deep").mkdir(parents=True)
    code = "import nas_tuners\nclass Mine(nas_tuners.RandomTuner): pass\n"
    (tmp_path / "tuners" / "deep" / "mine_of_nni.py").write_text(code)
    words = {"codeDir": "tuners", "classFileName": "deep/mine_of_nni.py", "className": "Mine"}
    arguments = {"optimize_mode": "minimize", "dedup": False}
    config = load(tmp_path, V1 | {"tuner": {**words, "classArgs": arguments}})
    expected = TunerConfig("deep.mine_of_nni:Mine", arguments, tmp_path / "tuners")
    assert config.tuner == expected
    assert config.optimize_mode == "minimize"
    words = {"codeDirectory": "tuners", "className": "deep.mine_of_nni.Mine"}
    assert load(tmp_path, V2 | {"tuner": {**words, "classArgs": arguments}}).tuner == expected


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("TPE", {}, "minimize"),
        ("TPE", {"optimize_mode": "maximize"}, "maximize"),
        ("Random", {}, "maximize"),
        ("PPOTuner", {"optimize_mode": "minimize"}, "minimize"),
    ],
)
def test_each_tuner_optimizes_as_in_nni(
    tmp_path: Path, name: str, arguments: dict[str, str], expected: str
) -> None:
    config = load(tmp_path, V2 | {"tuner": {"name": name, "classArgs": arguments}})
    assert config.optimize_mode == expected
    assert config.tuner.args == {}


def test_the_arguments_of_tpe(tmp_path: Path) -> None:
    inner = {"n_startup_jobs": 5, "n_ei_candidates": 12, "gamma": 0.3}
    given = {"tpe_args": inner, "constant_liar_type": "min", "parallel_optimize": True}
    content = V2 | {"tuner": {"name": "TPE", "classArgs": given}}
    assert load(tmp_path, content).tuner.args == {"n_startup_trials": 5, "n_ei_candidates": 12}
    ignored = [note for note in notes(tmp_path, content) if "no such argument" in note]
    assert [note.partition(" (")[0].rpartition(".")[2] for note in ignored] == [
        "parallel_optimize",
        "constant_liar_type",
        "gamma",
    ]


def test_hyperband_and_bohb_are_a_tuner_and_a_budget(tmp_path: Path) -> None:
    del (v1 := {**V1})["tuner"]
    advisor = {"builtinAdvisorName": "Hyperband", "classArgs": {"R": 81, "exec_mode": "serial"}}
    config = load(tmp_path, v1 | {"advisor": advisor})
    assert config.tuner == TunerConfig("RandomTuner")
    assert config.budget == BudgetConfig(81)
    assert any("exec_mode" in note for note in notes(tmp_path, v1 | {"advisor": advisor}))
    arguments = {"optimize_mode": "minimize", "min_budget": 2, "max_budget": 18, "eta": 3}
    bohb = {"builtinAdvisorName": "BOHB"}
    config = load(tmp_path, v1 | {"advisor": {**bohb, "classArgs": arguments}})
    assert config.tuner == TunerConfig("tpe")
    assert config.budget == BudgetConfig(18, minimum=2)
    assert config.optimize_mode == "minimize"
    config = load(tmp_path, v1 | {"advisor": bohb})
    assert config.budget == BudgetConfig(3)
    assert config.optimize_mode == "maximize"


def test_gpus_that_are_not_counted_are_not_looked_after(tmp_path: Path) -> None:
    content = V1 | {"localConfig": {"gpuIndices": 0}}
    assert load(tmp_path, content).gpus is None
    assert "localConfig.gpuIndices (line 2): ignored: it needs trial.gpuNum" in notes(
        tmp_path, content
    )


def test_occupied_gpus_are_used_unless_another_experiment_runs(tmp_path: Path) -> None:
    content = V1 | {"trial": {**V1["trial"], "gpuNum": 1}, "logDir": "runs"}
    assert load(tmp_path, content).gpus == GpuConfig(1, use_occupied=True)
    space = SearchSpace(SPACE)
    other = create_folder(replace(load(tmp_path, content), search_space=space), space)
    assert load(tmp_path, content).gpus == GpuConfig(1, use_occupied=True)
    with other.locked():
        assert load(tmp_path, content).gpus == GpuConfig(1, use_occupied=False)
        note = "localConfig.useActiveGpu: not given, and another experiment runs: false"
        assert note in notes(tmp_path, content)


# ---- what is wrong ------------------------------------------------------------------------------


def test_all_mistakes_at_once_in_nnis_words_each_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
trialConcurency: 4
maxExecDuration: 7w
maxTrialNum: 0
trainingServicePlatform: pai
useAnnotation: true
multiPhase: true
tuner:
  builtinTunerName: PPOTuner
  classArgs: {optimize_mode: maximise, trials_per_updat: 3}
assessor:
  builtinAssessorName: Medianstp
trial:
  command:
  codeDir: nowhere
  gpuNum: -1
  gpunum: 1
localConfig:
  gpuIndices: 0;1
machineList: [{ip: 10.0.0.1}]
""",
    )
    assert found["trialConcurency (line 1)"] == "unknown key; did you mean 'trialConcurrency'?"
    assert "7w" in found["maxExecDuration (line 2)"]
    assert "at least 1" in found["maxTrialNum (line 3)"]
    assert "'pai' is not supported" in found["trainingServicePlatform (line 4)"]
    assert "nas-tuners worker" in found["trainingServicePlatform (line 4)"]
    assert "launcher: ray" in found["trainingServicePlatform (line 4)"]
    assert found["useAnnotation (line 5)"].startswith("not supported: a search space is a file")
    assert "not supported" in found["multiPhase (line 6)"]
    assert "did you mean 'maximize'" in found["tuner.classArgs.optimize_mode (line 9)"]
    assert "trials_per_update" in found["tuner.classArgs.trials_per_updat (line 9)"]
    assert "no pruner 'Medianstp'" in found["assessor.builtinAssessorName (line 11)"]
    assert found["trial.command (line 13)"].startswith("missing")
    assert "no such folder" in found["trial.codeDir (line 14)"]
    assert "at least 0" in found["trial.gpuNum (line 15)"]
    assert found["trial.gpunum (line 16)"] == "unknown key; did you mean 'gpuNum'?"
    assert "0;1" in found["localConfig.gpuIndices (line 18)"]
    assert "not supported" in found["machineList (line 19)"]
    assert len(found) == 15


@pytest.mark.parametrize(
    ("content", "where", "message"),
    [
        ({"trainingService": {"platform": "dlc"}}, "trainingService.platform", "'dlc' is not"),
        ({"trainingService": [{"platform": "local"}]}, "trainingService", "not supported: run"),
        ({"trainingService": "remote"}, "trainingService", "'remote' is not supported"),
        ({"sharedStorage": {"storageType": "NFS"}}, "sharedStorage", "not supported"),
        ({"searchSpaceFile": "a.json", "searchSpace": SPACE}, "searchSpace", "give either"),
        ({"trial_command": "python"}, "trial_command", "stands twice, as trialCommand too"),
        ({"tuner": {"name": "Anneal"}}, "tuner.name", "the nearest here is 'LocalSearchTuner'"),
        ({"tuner": {"name": "SMAC"}}, "tuner.name", "the nearest here is"),
        ({"tuner": {"classArgs": {}}}, "tuner", "names no tuner: give name or className"),
        ({"tuner": {"className": "Mine"}}, "tuner.className", "must be module.Class"),
        ({"tuner": {"name": "PPO", "className": "a.B"}}, "tuner.className", "give either name or"),
        ({"tuner": {"name": "PPO", "classArgs": 3}}, "tuner.classArgs", "keys and values"),
        ({"tuner": "TPE"}, "tuner", "expected keys and values"),
        ({"assessor": {"className": "a.B"}}, "assessor.className", "name a built-in assessor"),
        ({"assessor": {"classArgs": {"a": 1}}}, "assessor", "names no assessor: give name"),
        ({"advisor": {"name": "Hyperband"}}, "advisor", "leave those out"),
        ({"experimentType": "nas"}, "experimentType", "Retiarii"),
        ({"machine_list": []}, "machine_list", "unknown key"),
    ],
)
def test_each_mistake(tmp_path: Path, content: dict[str, Any], where: str, message: str) -> None:
    found = problems(tmp_path, V2 | content)
    assert {key.partition(" (")[0] for key in found} >= {where}
    assert message in next(text for key, text in found.items() if key.startswith(where))


@pytest.mark.parametrize(
    ("tuner", "where", "message"),
    [
        ({"className": "A", "codeDir": "."}, "tuner.classFileName", "below codeDir, got None"),
        ({"className": "A", "classFileName": "../a.py"}, "tuner.classFileName", "below codeDir"),
        ({"className": "A", "classFileName": "a"}, "tuner.classFileName", "the Python file"),
        ({"classFileName": "a.py"}, "tuner.className", "must be the name of a class"),
        ({"className": "A", "builtinTunerName": "TPE"}, "tuner.className", "give either"),
    ],
)
def test_each_mistake_about_a_class_of_version_1(
    tmp_path: Path, tuner: dict[str, str], where: str, message: str
) -> None:
    ((key, said),) = problems(tmp_path, V1 | {"tuner": tuner}).items()
    assert key.startswith(where)
    assert message in said


READ_AS_1 = "but this file is read as NNI's version 1 because of trainingServicePlatform (line "
READ_AS_2 = "but this file is read as NNI's versions 2 and 3 because of trainingService (line "


@pytest.mark.parametrize(
    ("content", "where", "beginning", "advice"),
    [
        (V1, {"function": "a:b"}, "nas-tuners' own files", "`nas-tuners config convert`"),
        (V2, {"launcher": "ray"}, "nas-tuners' own files", "`nas-tuners config convert`"),
        (V1, {"early_stopping": "median"}, "nas-tuners' own files", "write `assessor`"),
        (V2, {"max_trials": 3}, "nas-tuners' own files", "write `maxTrialNumber`"),
        (V1, {"maxTrialNumber": 3}, "NNI's versions 2 and 3", "write `maxTrialNum`"),
        (V2, {"maxTrialNum": 3}, "NNI's version 1", "write `maxTrialNumber`"),
        (V2, {"authorName": "me"}, "NNI's version 1", "it has none for this, leave it out"),
        (V1, {"tuner": {"name": "TPE"}}, "NNI's versions 2 and 3", "`tuner.builtinTunerName`"),
        (V2, {"tuner": {"builtinTunerName": "TPE"}}, "NNI's version 1", "write `tuner.name`"),
        (
            V2,
            {"localConfig": {"gpuIndices": 0, "useActiveGpu": True}},
            "NNI's version 1",
            "write `trainingService.gpuIndices`, `trainingService.maxTrialNumberPerGpu`, ",
        ),
    ],
)
def test_a_key_of_another_kind_of_file(
    tmp_path: Path, content: dict[str, Any], where: dict[str, Any], beginning: str, advice: str
) -> None:
    ((key, said),) = problems(tmp_path, content | where).items()
    assert key.partition(" (")[0].partition(".")[0] in where
    assert said.startswith(f"a key of {beginning}, {READ_AS_1 if content is V1 else READ_AS_2}")
    assert advice in said


def test_what_the_other_version_calls_otherwise_is_not_missing(tmp_path: Path) -> None:
    del (v1 := {**V1})["trial"]
    found = problems(tmp_path, v1 | {"trialCommand": "x", "trialConcurrency": 0})
    assert [key.partition(" (")[0] for key in found] == ["trialCommand", "trialConcurrency"]
    assert "write `trial.command`" in next(iter(found.values()))
    del (v2 := {**V2})["trialCommand"]
    found = problems(tmp_path, v2 | {"trial": {"command": "x", "gpuNum": "x"}})
    assert [key.partition(" (")[0] for key in found] == ["trial", "trial.gpuNum"]
    assert "write `trialCommand`, `trialCodeDirectory`, `trialGpuNumber`" in str(found)


def test_the_version_of_a_file_that_does_not_say_it(tmp_path: Path) -> None:
    found = problems(tmp_path, "maxTrialNum: 1\ntrialCommand: x\ntrialGpuNumber: 0\n")
    assert found["maxTrialNum (line 1)"] == (
        "a key of NNI's version 1, but this file is read as NNI's versions 2 and 3 because of "
        "most of its keys: write `maxTrialNumber`"
    )


def test_keys_of_nnis_in_a_file_of_ours(tmp_path: Path) -> None:
    found = problems(tmp_path, "command: x\ntrialConcurrency: 3\nmaxTrialNum: 4\n")
    assert found == {
        "trialConcurrency (line 2)": "unknown key; here it is called 'concurrency'",
        "maxTrialNum (line 3)": "unknown key; here it is called 'max_trials'",
    }


def test_values_that_ask_for_nothing_are_no_mistakes(tmp_path: Path) -> None:
    harmless = {"experimentType": "hpo", "sharedStorage": {}, "useAnnotation": False}
    service = {"platform": "Local", "machineList": [], "reuseMode": False}
    load(tmp_path, V2 | harmless | {"trainingService": service})


def test_an_unknown_advisor(tmp_path: Path) -> None:
    del (v1 := {**V1})["tuner"]
    found = problems(tmp_path, v1 | {"advisor": {"builtinAdvisorName": "Hyperbandd"}})
    message = "must be Hyperband or BOHB, got 'Hyperbandd'; did you mean 'Hyperband'?"
    assert found["advisor.builtinAdvisorName (line 2)"] == message


def test_two_directions(tmp_path: Path) -> None:
    assessor = {"builtinAssessorName": "Medianstop", "classArgs": {"optimize_mode": "minimize"}}
    found = problems(tmp_path, V1 | {"assessor": assessor})
    (where,) = found
    assert where.startswith("assessor.classArgs.optimize_mode (line")
    assert found[where] == "is 'minimize', but the tuner's is 'maximize': use one"


# ---- which files are NNI's ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"trainingServicePlatform": "local"}, True),
        ({"training_service": {}}, True),
        ({"trialConcurrency": 3}, True),
        ({"trial": {"command": "python"}, "tuner": {}}, True),
        ({"command": "python", "trainingService": {}}, True),
        ({"command": "python", "trialConcurrency": 3}, False),
        ({"tuner": "random"}, False),
        ({"max_trial_duration": 3}, False),
        (None, False),
        ([], False),
    ],
)
def test_nnis_files_are_known_by_their_keys(content: Any, expected: bool) -> None:
    assert is_nni(content, OURS) is expected


def test_an_incomplete_file_is_told_of_in_nnis_words(tmp_path: Path) -> None:
    found = problems(tmp_path, "trialConcurrency: 2\nmaxTrialNum: 5\n")
    assert [key.partition(" (")[0] for key in found] == ["trial.command"]
    found = problems(tmp_path, "trialConcurrency: 2\nmaxTrialNumber: 5\n")
    assert [key.partition(" (")[0] for key in found] == ["trialCommand"]


def test_the_page_names_every_key() -> None:
    page = PAGE.read_text()
    for key in (*VERSION_1, *VERSION_2):
        assert f"`{key}`" in page, key
