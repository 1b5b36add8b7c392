from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from nas_tuners.experiment.configuration.fields import fields_of
from nas_tuners.experiment.configuration.schema import config_schema, config_schema_text

ROOT = Path(__file__).parents[2]
SCHEMA = config_schema()
VALIDATOR = Draft202012Validator(SCHEMA)


def wrong(**content: Any) -> list[str]:
    """Where a configuration breaks the schema; the command is added."""
    errors = VALIDATOR.iter_errors({"command": "python train.py"} | content)
    return [".".join(map(str, error.absolute_path)) or error.message for error in errors]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_the_file_in_the_documentation_is_the_present_one() -> None:
    text = (ROOT / "docs" / "config.schema.json").read_text()
    assert text == config_schema_text(), "nas-tuners config schema > docs/config.schema.json"


def test_every_key_is_explained() -> None:
    assert list(SCHEMA["properties"]) == list(fields_of(Path()))
    for part in [SCHEMA, *_parts(SCHEMA)]:
        assert part["additionalProperties"] is False
        assert all(value["description"] for value in part["properties"].values())


def _parts(schema: Any) -> list[dict[str, Any]]:
    """The schemas of the parts that have keys of their own."""
    inner = schema.values() if isinstance(schema, dict) else schema
    found = [part for item in inner if isinstance(item, (dict, list)) for part in _parts(item)]
    own = isinstance(schema, dict) and "properties" in schema and "$schema" not in schema
    return [schema, *found] if own else found


def _examples() -> list[Any]:
    """Every configuration file of the repository, and those that its pages show."""
    files = [path.read_text() for path in (ROOT / "examples").rglob("*.yml")]
    shown = re.findall(r"```yaml\n(.*?)```", "\n".join(_pages()), re.DOTALL)
    documents = [yaml.safe_load(text) for text in files + shown if _is_whole(text)]
    return [document for document in documents if "command" in document]


def _pages() -> list[str]:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    return [page.read_text() for page in pages]


def _is_whole(text: str) -> bool:
    """Whether it is a configuration of ours: some blocks show one key in several ways."""
    return re.search(r"^(command|function):", text, re.MULTILINE) is not None


def test_every_example_is_valid() -> None:
    examples = _examples()
    assert len(examples) >= 2
    for example in examples:
        assert [error.message for error in VALIDATOR.iter_errors(example)] == []


@pytest.mark.parametrize(
    "content",
    [
        {"command": ["python", "train.py", "--epochs", 3]},
        {"tuner": "random"},
        {"tuner": {"class": "my_tuner:Mine", "args": {"a": 1}, "code_directory": "."}},
        {"search_space": {"a": {"_type": "layer_choice", "_value": ["x"]}}},
        {"search_space": "space.json", "max_duration": 90, "max_trial_duration": "1.5h"},
        {"optimize_mode": {"default": "maximize", "latency": "<= 5"}},
        {"early_stopping": "median", "gpus": 0.5, "launcher": "ray"},
        {"gpus": {"per_trial": 1, "indices": "0,1"}, "budget": 27},
        {"gpus": {"indices": [0, 2]}, "budget": {"maximum": 27, "eta": 2}},
        {"constraint": {"measure": "m:f", "bounds": {"flops": "<= 6e8"}}},
        {"callbacks": ["mlflow", {"name": "m:C", "args": {}}], "notify": "mail me"},
        {"callbacks": "tensorboard", "notify": {"command": ["mail", "me"], "events": "run_ended"}},
        {"storage": "journal:///study.log", "environment": {"A": 1, "B": "x"}, "warm": True},
    ],
)
def test_what_the_reader_takes_is_valid(content: dict[str, Any]) -> None:
    assert wrong(**content) == []


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"comand": "x"}, "Additional properties are not allowed ('comand' was unexpected)"),
        ({"command": []}, "command"),
        ({"concurrency": 0}, "concurrency"),
        ({"max_trials": "many"}, "max_trials"),
        ({"max_duration": "10x"}, "max_duration"),
        ({"optimize_mode": "maximise"}, "optimize_mode"),
        ({"warm": "yes"}, "warm"),
        ({"tuner": {"args": {}}}, "tuner"),
        ({"tuner": {"name": "random", "arg": {}}}, "tuner"),
        ({"tuner": {"name": "random", "class": "m:C"}}, "tuner"),
        ({"early_stopping": {"name": "median", "pruned_trials": "keep"}}, "early_stopping"),
        ({"budget": {"minimum": 1}}, "budget"),
        ({"gpus": {"indices": "a"}}, "gpus"),
        ({"gpus": -1}, "gpus"),
        ({"launcher": "pai"}, "launcher"),
        ({"constraint": {"measure": "m.f", "bounds": {"flops": "<= 1"}}}, "constraint.measure"),
        ({"environment": {"A": True}}, "environment.A"),
        ({"storage": "study.db"}, "storage"),
        ({"name": "a/b"}, "name"),
    ],
)
def test_what_the_reader_refuses_is_not(content: dict[str, Any], where: str) -> None:
    assert wrong(**content) == [where]


def test_a_command_or_a_function() -> None:
    assert not VALIDATOR.is_valid({})
    assert not VALIDATOR.is_valid({"command": "x", "function": "m:f"})
    assert VALIDATOR.is_valid({"function": "m:f"})
