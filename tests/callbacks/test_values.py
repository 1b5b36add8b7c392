from __future__ import annotations

import subprocess
import sys

import pytest

from nas_tuners import callbacks
from nas_tuners.callbacks._values import flat, need, numbers_of
from nas_tuners.contract.errors import ConfigError
from tests.callbacks.story import finished, reported


def test_a_package_that_is_missing() -> None:
    need("json", "none")
    with pytest.raises(ConfigError) as caught:
        need("no_such_package", "mlflow")
    expected = "needs the package no_such_package: pip install 'nas-tuners[mlflow]'"
    assert str(caught.value) == expected


def test_only_numbers_are_numbers() -> None:
    event = reported(0, 0, 0.5, size=3, note="x", flag=True, gone=None, parts=[1])
    assert numbers_of(event) == {"value": 0.5, "size": 3.0}
    assert numbers_of(finished(0, "failed", None)) == {}


def test_an_architecture_in_plain_values() -> None:
    architecture = {"conv": "conv3x3", "skip": ["a", "b"], "rate": 0.5, "bias": None}
    assert flat(architecture) == {
        "conv": "conv3x3",
        "skip": '["a", "b"]',
        "rate": 0.5,
        "bias": "null",
    }


def test_the_package_lists_its_names_and_refuses_others() -> None:
    assert sorted(callbacks.__all__) == callbacks.__all__
    for name in callbacks.__all__:
        assert getattr(callbacks, name).__doc__
        assert name in dir(callbacks)
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        callbacks.Nothing  # noqa: B018 - reading it is the test


def test_naming_a_callback_imports_nothing_that_it_writes_with() -> None:
    code = f"""
import sys
from nas_tuners.callbacks import {", ".join(callbacks.__all__)}
heavy = {{"mlflow", "wandb", "tensorboard", "torch", "optuna", "numpy", "yaml"}}
print(sorted(heavy & sys.modules.keys()))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
