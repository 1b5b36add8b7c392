from __future__ import annotations

import dataclasses

import pytest
import torch

from nas_tuners.contract.errors import ConfigError
from trial_api.oneshot import Callback, Options
from trial_api.oneshot._options import Settings, device_of, read_options


def test_the_keywords_are_the_settings():
    assert set(Options.__annotations__) == {field.name for field in dataclasses.fields(Settings)}


def test_defaults():
    settings = read_options({}, "Trainer")
    assert settings == Settings()
    assert (settings.batch_size, settings.workers, settings.accumulate) == (64, 0, 1)


def test_what_is_given_counts():
    settings = read_options({"batch_size": 3, "amp": "bf16", "grad_clip": 5, "seed": 0}, "Trainer")
    assert (settings.batch_size, settings.amp, settings.grad_clip) == (3, "bf16", 5)


def test_everything_wrong_is_told_at_once():
    with pytest.raises(ConfigError) as caught:
        read_options({"batchsize": 3, "batch_size": 0, "workers": -1, "amp": "int8"}, "MyTrainer")
    problems = {problem.where: problem.message for problem in caught.value.problems}
    assert problems == {
        "batchsize": "unknown option; did you mean 'batch_size'?",
        "batch_size": "must be a whole number >= 1, but got 0",
        "workers": "must be a whole number >= 0, but got -1",
        "amp": "must be 'bf16', 'fp16' or None, but got 'int8'",
    }
    assert str(caught.value).startswith("MyTrainer")


WRONG = [
    ("batch_size", 2.0),
    ("batch_size", True),
    ("accumulate", 0),
    ("accumulate", "2"),
    ("log_frequency", 0),
    ("log_frequency", 2.5),
    ("grad_clip", 0.0),
    ("grad_clip", -1),
    ("grad_clip", float("nan")),
    ("grad_clip", "5"),
    ("search_fraction", 0.0),
    ("search_fraction", 1.0),
    ("search_fraction", 2),
    ("seed", 1.5),
    ("seed", "1"),
    ("unpack", "x"),
    ("device", "gpu"),
]


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_wrong_values(name, value):
    with pytest.raises(ConfigError, match=f"{name}: .*but got {value!r}"):
        read_options({name: value}, "Trainer")


def test_devices():
    assert device_of(Settings(device="cpu")) == torch.device("cpu")
    assert device_of(Settings(device=torch.device("meta"))) == torch.device("meta")
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert device_of(Settings()).type == expected


def test_a_single_callback_is_no_list():
    with pytest.raises(ConfigError, match="callbacks: must be a list of callbacks, but got a Cal"):
        read_options({"callbacks": Callback()}, "Trainer")
