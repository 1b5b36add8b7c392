"""Pruners from the words of a configuration."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import ExperimentalWarning
from optuna.pruners import BasePruner

from nas_tuners.contract.errors import ConfigError
from nas_tuners.pruners import make_pruner
from nas_tuners.pruners.names import ALIASES, PRUNERS, accepted_names, plain

NEEDED: dict[str, dict[str, Any]] = {
    "curve_fitting": {"epoch_num": 20},
    "patient": {"wrapped_pruner": "median", "patience": 2},
    "percentile": {"percentile": 25.0},
    "threshold": {"upper": 1.0},
}


def _make(name: str, arguments: dict[str, Any] | None = None, **options: Any) -> BasePruner:
    return make_pruner(
        name, arguments or {}, **({"optimize_mode": "maximize", "seed": 3} | options)
    )


@pytest.mark.parametrize("name", PRUNERS)
def test_every_name_gives_its_class(name: str) -> None:
    """Quietly: a warning would be an error here."""
    made = _make(name, NEEDED.get(name))
    assert f":{type(made).__name__}" == PRUNERS[name][PRUNERS[name].index(":") :]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ASHA", "SuccessiveHalvingPruner"),
        ("SuccessiveHalving", "SuccessiveHalvingPruner"),
        ("MedianPruner", "MedianPruner"),
        ("Medianstop", "MedianStoppingPruner"),
        ("MedianstopAssessor", "MedianStoppingPruner"),
        ("median-stopping", "MedianStoppingPruner"),
    ],
)
def test_other_words_for_the_same(name: str, expected: str) -> None:
    assert type(_make(name)).__name__ == expected


def test_no_name_means_two_things() -> None:
    names = [*map(plain, PRUNERS), *ALIASES]
    assert len(set(names)) == len(names)
    assert set(ALIASES.values()) <= set(PRUNERS)
    assert accepted_names().keys() == set(names)


def test_the_arguments_of_nnis_assessors() -> None:
    median = _make("Medianstop", {"optimize_mode": "maximize", "start_step": 5})
    assert repr(median) == "MedianStoppingPruner(start_step=5)"
    arguments = {"epoch_num": 30, "start_step": 7, "threshold": 0.9, "gap": 2}
    curves = _make("Curvefitting", {"optimize_mode": "maximize", **arguments})
    assert repr(curves) == (
        "CurveFittingPruner(epoch_num=30, start_step=7, threshold=0.9, gap=2, delta=0.05)"
    )


def test_a_pruner_may_wrap_another() -> None:
    inner = {"name": "Medianstop", "args": {"start_step": 4}}
    made = _make("patient", {"wrapped_pruner": inner, "patience": 3})
    assert isinstance(made, optuna.pruners.PatientPruner)
    assert repr(made._wrapped_pruner) == "MedianStoppingPruner(start_step=4)"
    made = _make("patient", {"wrapped_pruner": None, "patience": 3})
    assert isinstance(made, optuna.pruners.PatientPruner)
    assert made._wrapped_pruner is None


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "mediam",
            {},
            r"^early_stopping.name: no pruner 'mediam'; did you mean 'median'\? \(known",
        ),
        ("ashaa", {}, "no pruner 'ashaa'; did you mean 'asha'"),
        ("zzz", {}, "known: curve_fitting, .*, wilcoxon, in any case; or the import path of a cl"),
        (
            "median",
            {"n_startup": 3, "warmup": 2},
            r"early_stopping.args.n_startup: MedianPruner takes no such argument; did you mean "
            r"'n_startup_trials'\? \(it takes: n_startup_trials, [\s\S]*stopping.args.warmup",
        ),
        ("Curvefitting", {}, "args: CurveFittingPruner: .* missing 1 required .*'epoch_num'"),
        ("Curvefitting", {"epoch_num": "x"}, r"^early_stopping.args: CurveFittingPruner: "),
        ("Medianstop", {"start_step": -1}, "`start_step` must not be negative, but got -1"),
        (
            "Medianstop",
            {"optimize_mode": "minimize"},
            "^early_stopping.args.optimize_mode: 'minimize' is not the experiment's, which is 'ma",
        ),
        ("hyperband", {"min_resource": 0}, "args: HyperbandPruner: .*min_resource.*0"),
        ("hyperband", {"reduction_factor": 1}, "args: HyperbandPruner: .*reduction_factor.* 1"),
        (
            "hyperband",
            {"min_resource": 9, "max_resource": 3},
            r"`min_resource <= max_resource` must hold, but got \(min_resource=9, max_resource=3",
        ),
        (
            "patient",
            {"wrapped_pruner": "mediam", "patience": 1},
            "^early_stopping.args.wrapped_pruner.name: no pruner 'mediam'; did you mean 'median'",
        ),
        (
            "patient",
            {"wrapped_pruner": {"name": "median", "args": {"x": 1}}, "patience": 1},
            "^early_stopping.args.wrapped_pruner.args.x: MedianPruner takes no such argument",
        ),
        (
            "patient",
            {"wrapped_pruner": {"name": "median", "arg": 1, "args": 3}, "patience": 1},
            r"wrapped_pruner.arg: unknown key; did you mean 'args'\?[\s\S]*args: expected keys",
        ),
        (
            "patient",
            {"wrapped_pruner": 3, "patience": 1},
            "^early_stopping.args.wrapped_pruner: expected the name of a pruner, .* got 3",
        ),
        ("no_such_module:Mine", {}, "^early_stopping.name: cannot import 'no_such_module'"),
        ("optuna.pruners:MedianPrunr", {}, "no class 'MedianPrunr'; did you mean 'MedianPruner'"),
        ("optuna.samplers:RandomSampler", {}, "RandomSampler is no optuna.pruners.BasePruner"),
    ],
)
def test_mistakes_say_what_to_do(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        _make(name, arguments)


MINE = """
from optuna.pruners import BasePruner

class Mine(BasePruner):
    def __init__(self, patience=1, optimize_mode="maximize", seed=0):
        self.options = (patience, optimize_mode, seed)

    def prune(self, study, trial):
        return False
"""


def test_a_class_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", sys.path[:])
    (tmp_path / "my_pruner_module.py").write_text(MINE)
    options = {"optimize_mode": "minimize", "code_directory": tmp_path}
    made: Any = _make("my_pruner_module:Mine", {"patience": 4}, **options)
    assert made.options == (4, "minimize", 3)


def test_who_names_an_experimental_class_is_warned() -> None:
    with pytest.warns(ExperimentalWarning, match="WilcoxonPruner is experimental"):
        _make("optuna.pruners:WilcoxonPruner")


def test_the_package_and_its_names_are_imported_without_optuna() -> None:
    code = "import sys, nas_tuners.pruners.names; print({'numpy', 'optuna'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
