from __future__ import annotations

import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nas_tuners.experiment.configuration.config import load_config
from nas_tuners.experiment.configuration.schema import config_schema
from tests.experiment_kit import SPACE, Project

NNI = """\
authorName: me
experimentName: digits
trialConcurrency: 2
trainingServicePlatform: local
tuner:
  builtinTunerName: TPE
trial:
  command: python3 train.py
  codeDir: .
"""


def test_an_experiment_file_of_nnis_is_printed_as_ours(project: Project) -> None:
    (project.path / "nni.yml").write_text(NNI)
    done = project.command("config", "convert", project.path / "nni.yml")
    assert done.returncode == 0, done.stderr
    assert (
        done.stdout
        == f"""\
# From nni.yml, an experiment file of NNI (version 1).
# Relative paths start at the folder of this file: keep it in {project.path}
# authorName (line 1): ignored: a label
# tuner.builtinTunerName (line 6): minimizes, as in NNI, where optimize_mode does not say otherwise
name: digits
command: python3 train.py
code_directory: .
tuner: TPE
concurrency: 2
optimize_mode: minimize
"""
    )


def test_a_file_of_ours_is_not_converted(project: Project) -> None:
    project.write()
    done = project.command("config", "convert", project.path / "config.yml")
    assert done.returncode == 2
    assert "no experiment file of NNI's, which has trainingServicePlatform" in done.stderr


def test_a_wrong_file_of_nnis_is_not_converted(project: Project) -> None:
    (project.path / "nni.yml").write_text(NNI.replace("TPE", "SMAC"))
    done = project.command("config", "convert", project.path / "nni.yml")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "tuner.builtinTunerName (line 6): no tuner 'SMAC'" in done.stderr


def test_a_configuration_is_checked(project: Project) -> None:
    project.write()
    file = project.path / "config.yml"
    assert project.command("config", "check", file).stdout == f"{file}: OK\n"
    file.write_text("comand: python\nconcurrency: 0\n")
    done = project.command("config", "check", file)
    assert done.returncode == 2
    assert done.stdout == ""
    for problem in ("comand (line 1): unknown key", "command: missing", "concurrency (line 2): "):
        assert problem in done.stderr


def test_a_check_of_nnis_file_tells_the_notes(project: Project) -> None:
    file = project.path / "nni.yml"
    file.write_text(NNI)
    lines = project.command("config", "check", file).stdout.splitlines()
    assert lines[0] == (
        f"{file} is read as an experiment file of NNI (version 1); "
        f"`nas-tuners config convert {file}` prints it as one of nas-tuners' own"
    )
    assert lines[1] == "authorName (line 1): ignored: a label"
    assert lines[-1] == f"{file}: OK"


def test_the_schema_is_printed(project: Project) -> None:
    assert json.loads(project.command("config", "schema").stdout) == config_schema()


def test_an_action_must_be_named(project: Project) -> None:
    done = project.command("config")
    assert done.returncode == 2
    assert "ACTION" in done.stderr


# ---- what is printed means the same -------------------------------------------------------------

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("e1+-.:#'\" "), min_size=1
)
WORDS = TEXTS.filter(str.strip)
TUNERS = st.sampled_from(
    [
        {"builtinTunerName": "TPE", "classArgs": {"seed": 3, "tpe_args": {"n_startup_jobs": 4}}},
        {"builtinTunerName": "PPOTuner", "classArgs": {"optimize_mode": "minimize", "lr": 1e-5}},
        {"builtinTunerName": "Random"},
        {"className": "Mine", "classFileName": "tuner_of_nni.py", "codeDir": "."},
    ]
)
OPTIONAL: dict[Any, st.SearchStrategy[Any]] = {
    "experimentName": WORDS,
    "trialConcurrency": st.integers(1, 9),
    "maxExecDuration": st.sampled_from(["7d", "30m", "1h"]),
    "maxTrialNum": st.integers(1, 99999),
    "searchSpacePath": st.sampled_from(["space.json", "<the_generated_search_space_path>"]),
    "logDir": st.just("runs"),
    "description": TEXTS,
    "assessor": st.sampled_from([{"builtinAssessorName": "Medianstop"}]),
    "localConfig": st.fixed_dictionaries(
        {}, optional={"gpuIndices": st.sampled_from([1, "0,1"]), "useActiveGpu": st.booleans()}
    ),
}
FILES = st.fixed_dictionaries(
    {
        "trainingServicePlatform": st.just("local"),
        "tuner": TUNERS,
        "trial": st.fixed_dictionaries(
            {"command": WORDS}, optional={"codeDir": st.just("."), "gpuNum": st.integers(0, 1)}
        ),
    },
    optional=OPTIONAL,
)


@settings(max_examples=60, deadline=None)
@given(FILES)
def test_what_is_printed_means_the_same(content: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder))
        mine = "import nas_tuners\nclass Mine(nas_tuners.RandomTuner): pass\n"
        (project.path / "tuner_of_nni.py").write_text(mine)
        (project.path / "nni.yml").write_text(yaml.safe_dump(content, allow_unicode=True))
        done = project.command("config", "convert", project.path / "nni.yml")
        assert done.returncode == 0, done.stderr
        (project.path / "ours.yml").write_text(done.stdout)
        expected = load_config(project.path / "nni.yml")
        converted = load_config(project.path / "ours.yml")
        assert replace(converted, seed=0) == replace(expected, seed=0)
        if "seed" in content["tuner"].get("classArgs", {}):
            assert converted.seed == 3


def test_a_search_space_within_the_file_is_printed_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    content = {"trialCommand": "python", "searchSpace": SPACE, "trainingService": {}}
    (project.path / "nni.json").write_text(json.dumps(content))
    done = project.command("config", "convert", "nni.json")
    (project.path / "ours.yml").write_text(done.stdout)
    expected = load_config("nni.json")
    assert replace(load_config("ours.yml"), seed=0) == replace(expected, seed=0)
    assert expected.name == "nni"
