"""Every search space of the zoo: random architectures as code, equal bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from tests.search_spaces.zoo import ZOO, batch, builder, drawn
from tests.trial_api.export.code import class_of, loaded, outputs, randomized
from trial_api import apply_fixed_architecture
from trial_api.export import export_code

MORE: dict[str, dict[str, Any]] = {
    "darts": {"auxiliary": True, "drop_path": 0.2},
    "enas_macro": {"dropout": 0.2},
    "enas_micro": {"auxiliary": True, "drop_path": 0.2},
}
"""What makes networks behave otherwise in training."""

DEFAULT, ALL = 3, 20
CASES = [
    pytest.param(name, seed, marks=[] if seed < DEFAULT else pytest.mark.extended)
    for name in ZOO
    for seed in range(ALL)
]


def network(name: str, seed: int) -> nn.Module:
    """The small network of a random architecture."""
    torch.manual_seed(0)
    build = partial(builder(name), **MORE.get(name, {}))
    return apply_fixed_architecture(build, drawn(name, seed))


@cache
def exported(name: str, seed: int) -> str:
    """Its code."""
    build = partial(network, name, seed)
    return export_code(build, batch(name), architecture=drawn(name, seed))


@pytest.mark.parametrize(("name", "seed"), CASES)
def test_code_is_equal_bit_for_bit(name, seed):
    code = exported(name, seed)
    model, copy = randomized(network(name, seed)), loaded(code, class_of(code))
    for training in (True, False):
        for inputs in (batch(name), batch(name)[:3]):  # a size that was not traced, too
            copy.load_state_dict(model.state_dict())
            model.train(training)
            copy.train(training)
            output, expected = outputs(copy, inputs), outputs(model, inputs)
            assert type(output) is type(expected)
            torch.testing.assert_close(output, expected, rtol=0, atol=0)


def test_code_runs_where_this_project_is_not(tmp_path):
    for name in ZOO:
        code = exported(name, 0)
        model = randomized(network(name, 0)).eval()
        saved = {"inputs": batch(name), "outputs": model(batch(name))}
        saved |= {"weights": model.state_dict(), "class": class_of(code)}
        (tmp_path / f"{name}.py").write_text(code)
        torch.save(saved, tmp_path / f"{name}.pt")
    script = tmp_path / "script.py"
    script.write_text(
        """
import importlib, sys
import torch
sys.modules |= dict.fromkeys(["trial_api", "nas_tuners", "search_spaces"])
for name in sys.argv[1:]:
    saved = torch.load(f"{name}.pt")
    model = getattr(importlib.import_module(name), saved["class"])()
    model.load_state_dict(saved["weights"])
    assert torch.equal(model.eval()(saved["inputs"]), saved["outputs"]), name
"""
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), *ZOO]
    subprocess.run(command, check=True, cwd=tmp_path, env=environment)


@pytest.mark.parametrize("name", ["nas_bench_201", "shufflenet"])
def test_text_is_the_same_every_time_and_passes_ruff(name, tmp_path):
    code = exported(name, 0)
    assert exported.__wrapped__(name, 0) == code
    path = tmp_path / "net.py"
    path.write_text(code)
    ruff = Path(sys.executable).with_name("ruff")
    subprocess.run([ruff, "check", "--isolated", path], check=True, capture_output=True)


def test_the_file_tells_its_architecture_and_nothing_else_of_this_project():
    code = exported("darts", 0)
    lines = code.splitlines()
    comment = [line.removeprefix("#") for line in lines if line.startswith("#")]
    text = "\n".join(comment).split("Its architecture:")[1]
    assert json.loads(text) == drawn("darts", 0)
    rest = "\n".join(line for line in lines if not line.startswith("#"))
    for word in ("nas_tuners", "trial_api", "Chosen", "LayerChoice", "InputChoice", "key="):
        assert word not in rest
