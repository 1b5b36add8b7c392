"""Tuners from the words of a configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.exceptions import ExperimentalWarning

from nas_tuners.contract.errors import ConfigError, SearchSpaceExhausted, TunerError
from nas_tuners.tuners._base import Tuner
from nas_tuners.tuners._contract_tuner import ContractTuner
from nas_tuners.tuners._names import ALIASES, ELSEWHERE, SAMPLERS, plain
from nas_tuners.tuners._optuna_tuner import OptunaTuner
from nas_tuners.tuners._random import RandomTuner
from nas_tuners.tuners._registry import TUNERS, make_tuner
from nas_tuners.tuners._regularized_evolution import RegularizedEvolutionTuner


def _make(name: str, arguments: dict[str, Any] | None = None, **options: Any) -> Tuner:
    return make_tuner(
        name, arguments or {}, **({"optimize_mode": "maximize", "seed": 3} | options)
    )


@pytest.mark.parametrize("name", ["random", "Random", "RandomTuner", "randomtuner"])
def test_names_are_forgiving(name: str) -> None:
    tuner = _make(name)
    assert isinstance(tuner, RandomTuner)
    assert tuner.seed == 3


@pytest.mark.parametrize("name", ["regularized_evolution", "RegularizedEvolution"])
def test_underscores_do_not_matter(name: str) -> None:
    tuner = _make(name, {"population_size": 7, "sample_size": 2}, optimize_mode="minimize")
    assert isinstance(tuner, RegularizedEvolutionTuner)
    assert (tuner.population_size, tuner.optimize_mode) == (7, "minimize")


@pytest.mark.parametrize(
    ("name", "sampler"),
    [
        ("tpe", "TPESampler"),
        ("TPE", "TPESampler"),
        ("gp", "GPSampler"),
        ("CMA-ES", "CmaEsSampler"),
        ("nsga2", "NSGAIISampler"),
        ("NSGA-II", "NSGAIISampler"),
        ("NSGAIIISampler", "NSGAIIISampler"),
        ("brute_force", "BruteForceSampler"),
    ],
)
def test_optunas_samplers_have_short_names(name: str, sampler: str) -> None:
    """Quietly: a warning would be an error here."""
    tuner = _make(name)
    assert tuner.name == f"OptunaTuner({sampler})"
    assert tuner.seed == 3


@pytest.mark.parametrize(
    ("name", "tuner"),
    [
        ("qmc", "QMCTuner"),
        ("QMCSampler", "QMCTuner"),
        ("random", "RandomTuner"),
        ("Random", "RandomTuner"),
        ("grid", "GridSearchTuner"),
        ("GridSearch", "GridSearchTuner"),
        ("RegularizedEvolution", "RegularizedEvolutionTuner"),
        ("BatchTuner", "BatchTuner"),
        ("SPOS", "SPOSEvolutionTuner"),
    ],
)
def test_other_words_for_the_same(name: str, tuner: str) -> None:
    assert type(_make(name)).__name__ == tuner


def test_arguments_reach_the_sampler_or_its_adapter() -> None:
    tuner = _make(
        "tpe", {"n_startup_trials": 4, "encoding": "booleans", "dedup": False, "seed": 8}
    )
    assert isinstance(tuner, OptunaTuner)
    assert (tuner._sampler._n_startup_trials, tuner._encoding_name) == (4, "booleans")  # type: ignore[attr-defined]
    assert (tuner.dedup, tuner.seed) == (False, 8)


@pytest.mark.parametrize("name", ["nsga2", "tpe", "gp", "random", "qmc", "grid"])
def test_several_objectives_are_handled(name: str) -> None:
    mode = {"acc": "maximize", "ms": "minimize"}
    assert len(_make(name, optimize_mode=mode).goals.objectives) == 2


def test_of_several_objectives_who_has_one_says_so() -> None:
    with pytest.raises(ConfigError, match=r"OptunaTuner\(CmaEsSampler\) does not handle"):
        _make("cmaes", optimize_mode={"acc": "maximize", "ms": "minimize"})


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("Evolution", "RegularizedEvolutionTuner"),
        ("EvolutionTuner", "RegularizedEvolutionTuner"),
        ("SMAC", "BayesianTuner"),
        ("Hyperband", "RandomTuner"),
        ("BOHB", "tpe"),
        ("GPTuner", "gp"),
        ("Anneal", "LocalSearchTuner"),
        ("PBTTuner", "RegularizedEvolutionTuner"),
    ],
)
def test_what_only_nni_has_leads_to_the_nearest(name: str, nearest: str) -> None:
    with pytest.raises(ConfigError, match=f"NNI's is .*; the nearest here is '{nearest}'"):
        _make(name)


def test_whoever_is_named_as_the_nearest_exists() -> None:
    assert {nearest for _, nearest in ELSEWHERE.values()} <= {*TUNERS, *SAMPLERS}


def test_no_name_means_two_things() -> None:
    names = [*map(plain, TUNERS), *map(plain, SAMPLERS), *ALIASES, *ELSEWHERE]
    assert len(set(names)) == len(names)


def test_every_registered_class_exists() -> None:
    for name in TUNERS:
        assert type(_make(name)).__name__ == name


def test_who_names_an_experimental_class_is_warned() -> None:
    with pytest.warns(ExperimentalWarning, match="BruteForceSampler is experimental"):
        _make("optuna.samplers:BruteForceSampler")


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("my_nni_tuner.py:Mine", "my_nni_tuner:Mine"),
        ("./my_nni_tuner.py:Mine", "my_nni_tuner:Mine"),
        ("my_nni_tuner.py::Mine", "my_nni_tuner:Mine"),
        ("my_nni_tuner.py", "my_nni_tuner:CLASS"),
        ("package/tuners.py:Mine", "package.tuners:Mine"),
        ("nowhere.py:Mine", "nowhere:Mine"),
    ],
)
def test_a_file_is_no_module(code: Path, name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=rf"did you mean '{meant}'\?"):
        _make(name, code_directory=code)


def test_a_file_elsewhere_is_named_with_its_folder(code: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'mine:Mine', found in its own folder"):
        _make("/some/where/mine.py:Mine", code_directory=code)


@pytest.mark.parametrize("path", ["optuna.samplers:TPESampler", "optuna.samplers.TPESampler"])
def test_optuna_samplers_are_adapted(path: str) -> None:
    tuner = _make(path, {"n_startup_trials": 4})
    assert isinstance(tuner, OptunaTuner)
    assert tuner.seed == 3


NNI_STYLE = '''
class Mine:
    """Written to the documented contract alone."""

    def __init__(self, width=2):
        self.width = width
        self.results = []

    def update_search_space(self, search_space):
        self.space = search_space

    def generate_parameters(self, parameter_id):
        chosen = (parameter_id * self.width + len(self.results)) % 4
        return {
            key: {"_value": body["_value"][chosen], "_idx": chosen}
            for key, body in self.space.items()
        }

    def receive_trial_result(self, parameter_id, parameters, value):
        self.results.append((parameter_id, parameters, value))

    def trial_end(self, parameter_id, success):
        self.results.append((parameter_id, success))


class Ends(Mine):
    def generate_parameters(self, parameter_id):
        class NoMoreTrialError(Exception):
            pass
        raise NoMoreTrialError("done")


class Raises(Mine):
    def generate_parameters(self, parameter_id):
        return 1 / 0


class Wrong(Mine):
    def generate_parameters(self, parameter_id):
        return {"edge_0": {"_value": "conv9x9", "_idx": 11}}


class Numpy(Mine):
    def generate_parameters(self, parameter_id):
        import numpy
        return {
            "op": {"_value": "b", "_idx": numpy.int64(1)},
            "in": {"_value": ("c", "a"), "_idex": numpy.array([2, 0])},
            "lr": numpy.float32(0.25),
        }


class Imports(Mine):
    def import_data(self, data):
        self.results.append(data)


class NotATuner:
    pass
'''

LAYERS = {f"edge_{i}": {"_type": "layer_choice", "_value": list("abcd")} for i in range(2)}


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my_nni_tuner.py").write_text(NNI_STYLE)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_class_written_to_the_nni_contract_runs(code: Path) -> None:
    tuner = _make("my_nni_tuner:Mine", {"width": 3}, code_directory=code)
    assert isinstance(tuner, ContractTuner)
    tuner.update_search_space(LAYERS)
    first = tuner.generate_parameters(0)
    assert first == {key: {"_value": "a", "_idx": 0} for key in LAYERS}
    tuner.receive_trial_result(0, first, {"default": 0.5})
    assert tuner._tuner.results == [(0, first, 0.5), (0, True)]
    tuner.generate_parameters(1)
    tuner.trial_end(1, success=False)
    assert tuner._tuner.results[-1] == (1, False)


def test_imported_data_go_where_the_class_takes_them(code: Path) -> None:
    parameters = {key: {"_value": "a", "_idx": 0} for key in LAYERS}
    record = {"parameter": parameters, "value": 0.5}
    imports, mine = (_make(f"my_nni_tuner:{name}") for name in ("Imports", "Mine"))
    for tuner in (imports, mine):
        assert isinstance(tuner, ContractTuner)
        tuner.update_search_space(LAYERS)
        tuner.import_data([record])
    assert imports._tuner.results == [[record]]
    assert mine._tuner.results == [(None, parameters, 0.5), (None, True)]


def test_numpy_numbers_are_read(code: Path) -> None:
    tuner = _make("my_nni_tuner:Numpy")
    tuner.update_search_space(
        {"op": LAYERS["edge_0"]}
        | {"in": {"_type": "input_choice", "_value": {"candidates": list("abc"), "n_chosen": 2}}}
        | {"lr": {"_type": "uniform", "_value": [0, 1]}}
    )
    assert tuner.generate_parameters(0) == {
        "op": {"_value": "b", "_idx": 1},
        "in": {"_value": ["a", "c"], "_idx": [0, 2]},
        "lr": 0.25,
    }


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Raises", r"Raises raised while proposing trial 0: ZeroDivisionError"),
        ("Wrong", r"Wrong.generate_parameters[\s\S]*edge_0[\s\S]*edge_1: missing"),
    ],
)
def test_its_mistakes_are_named(code: Path, name: str, message: str) -> None:
    tuner = _make(f"my_nni_tuner:{name}")
    tuner.update_search_space(LAYERS)
    with pytest.raises(TunerError, match=message):
        tuner.generate_parameters(0)


def test_it_may_end(code: Path) -> None:
    tuner = _make("my_nni_tuner:Ends")
    tuner.update_search_space(LAYERS)
    with pytest.raises(SearchSpaceExhausted, match="done"):
        tuner.generate_parameters(0)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("RegularisedEvolution", {}, "did you mean 'RegularizedEvolutionTuner'"),
        (
            "random",
            {"population": 3},
            "tuner.args.population: RandomTuner takes no such",
        ),
        ("tpe", {"n_startup": 3}, "TPESampler takes no such argument; did you mean 'n_startup_tr"),
        ("tpe", {"encoding": "slot"}, "tuner.args: TPESampler: `encoding` must be one of"),
        ("tpee", {}, "no tuner 'tpee'; did you mean 'tpe'"),
        ("SPOZ", {}, "no tuner 'SPOZ'; did you mean 'spos'"),
        ("Predictor", {}, "did you mean 'predictorevolution'"),
        ("zzz", {}, "known: BatchTuner, .*, tpe, in any case, also without 'Tuner'; or the imp"),
        ("RegularizedEvolution", {"population_sise": 3}, "did you mean 'population_size'"),
        ("RegularizedEvolution", {"sample_size": 300}, "`1 <= sample_size <= population_size`"),
        ("RegularizedEvolution", {"sample_size": "x"}, "tuner.args"),
        ("no_such_module:Tuner", {}, "cannot import 'no_such_module'"),
        ("my_nni_tuner:Mien", {}, "no class 'Mien'; did you mean 'Mine'"),
        ("my_nni_tuner:NotATuner", {}, "lacks the method update_search_space"),
        ("optuna.samplers:QMCSampler", {}, "counts its points in the study"),
    ],
)
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_mistakes_say_what_to_do(
    code: Path, name: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        _make(name, arguments)


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("Bayesian", {"n_startup_trials": "ten"}, "must be a whole number, but got 'ten'"),
        ("PredictorEvolution", {"n_startup_trials": 2.5}, "a whole number, but got 2.5"),
        ("RegularizedEvolution", {"population_size": None}, "a whole number, but got None"),
        ("RegularizedEvolution", {"crossover_probability": "0.5"}, "a number, but got '0.5'"),
        ("LocalSearch", {"num_starts": True}, "`num_starts` must be a whole number, but got True"),
        ("SPOSEvolution", {"top_k": "5"}, "`top_k` must be a whole number, but got '5'"),
        (
            "SPOSEvolution",
            {"mutation_probability": "x"},
            "`mutation_probability` must be a number",
        ),
        ("PPO", {"lr": "1e-3"}, "`lr` must be a number, but got '1e-3'"),
        ("Reinforce", {"lr": "1e-3"}, "`lr` must be a number, but got '1e-3'"),
    ],
)
def test_arguments_of_the_wrong_kind(name: str, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=rf"^tuner\.args: .*{message}"):
        _make(name, arguments)
