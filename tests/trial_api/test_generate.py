from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.contract.trial_io import GEN_SEARCH_SPACE
from trial_api._generate import main

MODELS = """
from torch import nn
from trial_api import LayerChoice

class Net(nn.Module):
    def __init__(self, layers=("relu", "tanh")):
        super().__init__()
        self.act = LayerChoice({"relu": nn.ReLU(), "tanh": nn.Tanh()})

class Needy(Net):
    def __init__(self, channels, *, depth):
        super().__init__()

class Broken(Net):
    def __init__(self):
        raise ValueError("no data")

class Plain(nn.Module):
    pass

def build():
    return Net()

def number():
    return 3

net = Net()
four = 4
"""


@pytest.fixture
def models(tmp_path: Path) -> Path:
    (tmp_path / "mynet.py").write_text(MODELS)
    (tmp_path / "sloppy.py").write_text("import mising_package")
    (tmp_path / "failing.py").write_text("1 / 0")
    return tmp_path


def test_a_class_in_the_current_folder(models):
    file = models / "space.json"
    done = subprocess.run(
        [sys.executable, "-m", "trial_api._generate", "mynet:Net"],
        cwd=models,
        env=os.environ | {GEN_SEARCH_SPACE: str(file)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(SearchSpace.load(file).specs) == ["act"]


def test_a_mistake_in_a_process(models):
    done = subprocess.run(
        [sys.executable, "-m", "trial_api._generate", "mynet:Nett"],
        cwd=models,
        env=os.environ | {GEN_SEARCH_SPACE: str(models / "space.json")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "module 'mynet' has no attribute 'Nett'; did you mean 'Net'?\n"


def generate(models: Path, target: str, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.chdir(models)
    monkeypatch.syspath_prepend(str(models))
    for name in ("mynet", "sloppy", "failing"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return main([target], {GEN_SEARCH_SPACE: str(models / "space.json")})


@pytest.mark.parametrize("target", ["mynet:Net", "mynet:build", "mynet:net"])
def test_classes_functions_and_models(models, monkeypatch, target):
    assert generate(models, target, monkeypatch) == 0
    assert list(SearchSpace.load(models / "space.json").specs) == ["act"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("mynet", "expected module:Class, got 'mynet'"),
        ("mynett:Net", "no module named 'mynett' (looked in"),
        ("mynet.sub:Net", "mynet.sub"),
        ("sloppy:Net", "module 'sloppy' imports what is missing: No module named 'mising_pack"),
        ("failing:Net", "importing 'failing' raised ZeroDivisionError: division by zero"),
        ("mynet:Nett", "module 'mynet' has no attribute 'Nett'; did you mean 'Net'?"),
        ("mynet:Needy", "mynet:Needy needs arguments (channels, depth); give them defaults"),
        ("mynet:Broken", "mynet:Broken() raised ValueError: no data"),
        ("mynet:number", "number() must give an nn.Module, but it gives 3"),
        ("mynet:four", "mynet:four is neither a class nor a function: 4"),
        ("mynet:Plain", "mynet:Plain: the model holds no choice"),
    ],
)
def test_mistakes(models, monkeypatch, capsys, target, message):
    assert generate(models, target, monkeypatch) == 2
    assert message in capsys.readouterr().err
    assert not (models / "space.json").exists()


def test_usage(capsys):
    assert main([], {}) == 2
    assert "usage: python -m trial_api._generate module:Class" in capsys.readouterr().err
    assert main(["mynet:Net"], {}) == 2
    assert "NAS_TUNERS_GEN_SEARCH_SPACE must name the file" in capsys.readouterr().err
