"""Architectures are measured in a process apart, and refused where they cost too much."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from optuna.trial import FrozenTrial, create_trial

from nas_tuners.cli.exit_codes import BAD_INPUT, code_of
from nas_tuners.contract.errors import (
    ConfigError,
    ExperimentError,
    SearchSpaceExhausted,
    TunerError,
)
from nas_tuners.contract.flat_encoding import FlatEncoding
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.constraint import Constraint
from nas_tuners.experiment.local.spawners import trial_environment
from nas_tuners.experiment.measuring import Measurer
from nas_tuners.tuners._history import HistoryFollower
from nas_tuners.tuners._random import RandomTuner
from nas_tuners.tuners._study import distributions
from tests.experiment_kit import eventually, is_alive

COSTS = """
import os, signal, sys, time
print("imported")
CALLS = 0

def cost(parameters):
    global CALLS
    CALLS += 1
    print("noise on standard output", flush=True)
    os.write(1, b"and more\\n")
    assert sys.stdin.read() == ""
    a, b = parameters["a"]["_idx"], parameters["b"]["_idx"]
    return {"flops": 100 * a, "parameters": b, "calls": CALLS, "pid": os.getpid()}

def home(parameters):
    here = os.path.samefile(os.getcwd(), os.path.dirname(__file__))
    return {"here": int(here), "told": int(os.environ["TOLD"])}

def broken(parameters):
    raise LookupError("no such layer")

def a_number(parameters):
    return 5

def no_number(parameters):
    return {"flops": float("nan")}

def a_text(parameters):
    return {"flops": "many"}

def leaves(parameters):
    print("going", file=sys.stderr)
    sys.stderr.flush()
    os._exit(3)

def dies(parameters):
    os.kill(os.getpid(), signal.SIGKILL)

def hangs(parameters):
    with open("pid", "w") as file:
        file.write(str(os.getpid()))
    time.sleep(600)

def broken_once(parameters):
    if parameters["a"]["_idx"] == 0:
        raise LookupError("no such layer")
    return cost(parameters)
"""

RUNNER = """
import os
from pathlib import Path
from nas_tuners.experiment.measuring import Measurer
Measurer("costs:hangs", code_directory=Path(), environment=os.environ).measure({})
"""

SPACE = SearchSpace(
    {
        "a": {"_type": "layer_choice", "_value": ["x", "y", "z"]},
        "b": {"_type": "layer_choice", "_value": ["p", "q", "r", "s"]},
    }
)


def parameters(a: int, b: int) -> dict[str, Any]:
    return {"a": {"_value": "xyz"[a], "_idx": a}, "b": {"_value": "pqrs"[b], "_idx": b}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "costs.py").write_text(COSTS)
    return tmp_path


@pytest.fixture
def measurers() -> Iterator[list[Measurer]]:
    made: list[Measurer] = []
    yield made
    for measurer in made:
        measurer.close()


@pytest.fixture
def measurer_of(folder: Path, measurers: list[Measurer]) -> Any:
    def make(name: str, *, module: str = "costs", timeout: float = 60.0) -> Measurer:
        environment = trial_environment({"TOLD": "7"})
        measurers.append(
            Measurer(
                f"{module}:{name}", code_directory=folder, environment=environment, timeout=timeout
            )
        )
        return measurers[-1]

    return make


# ---- the measurer -------------------------------------------------------------------------------


def test_one_process_answers_all_and_what_it_prints_is_no_answer(measurer_of: Any) -> None:
    measurer = measurer_of("cost")
    first, second = measurer.measure(parameters(1, 2)), measurer.measure(parameters(2, 3))
    assert (first["flops"], first["parameters"], first["calls"]) == (100, 2, 1)
    assert (second["flops"], second["parameters"], second["calls"]) == (200, 3, 2)
    assert first["pid"] == second["pid"] != os.getpid()


def test_nothing_is_measured_twice(measurer_of: Any) -> None:
    measurer = measurer_of("cost")
    first = measurer.measure(parameters(1, 2))
    measurer.measure(parameters(0, 0))
    reordered = dict(reversed(parameters(1, 2).items()))
    assert measurer.measure(reordered) == first
    assert measurer.measure(parameters(0, 1))["calls"] == 3


def test_what_is_remembered_is_bounded(measurer_of: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nas_tuners.experiment.measuring._REMEMBERED", 2)
    measurer = measurer_of("cost")
    for b in (0, 1, 0, 2):  # the one used last stays
        measurer.measure(parameters(0, b))
    assert measurer.measure(parameters(0, 0))["calls"] == 1
    assert measurer.measure(parameters(0, 1))["calls"] == 4


def test_the_process_is_where_trials_are(measurer_of: Any) -> None:
    assert measurer_of("home").measure({}) == {"here": 1, "told": 7}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("broken", "LookupError: no such layer"),
        ("a_number", "must return a dict of metrics, but got a int"),
        ("no_number", "the metric 'flops': .*nan"),
        ("a_text", "the metric 'flops': .*'many'"),
        ("leaves", "its process ended with exit code 3\nimported\n.*going"),
        ("dies", "its process ended with signal 9"),
    ],
)
def test_a_failure_names_function_architecture_and_reason(
    measurer_of: Any, name: str, message: str
) -> None:
    kind = ExperimentError if "process" in message else ConfigError
    where = "" if "process" in message else "constraint.measure: "
    with pytest.raises(
        kind, match=f"(?s)^{where}costs:{name} gave no metrics of .*{message}"
    ) as caught:
        measurer_of(name).measure(parameters(1, 2))
    assert '"_value": "y"' in str(caught.value)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        ("prices", r"no module 'prices' \(looked in .* first\)"),
        ("costs", "module 'costs' has no function 'hang'; did you mean 'hangs'"),
    ],
)
def test_a_function_that_is_not_there(measurer_of: Any, module: str, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^constraint.measure: {message}") as caught:
        measurer_of("hang", module=module).measure(parameters(1, 2))
    assert "Traceback" not in str(caught.value)
    assert code_of(caught.value) == BAD_INPUT


def test_a_traceback_begins_in_the_function_of_the_user(measurer_of: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        measurer_of("broken").measure(parameters(1, 2))
    assert str(caught.value).count("  File ") == 1


def test_it_goes_on_after_a_failure(measurer_of: Any) -> None:
    measurer = measurer_of("broken_once")
    with pytest.raises(ConfigError, match="LookupError"):
        measurer.measure(parameters(0, 0))
    assert measurer.measure(parameters(1, 0))["flops"] == 100


def test_long_architectures_are_cut_in_messages(measurer_of: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        measurer_of("broken").measure({f"key {i}": i for i in range(1_000)})
    assert len(str(raised.value)) < 1_000


def test_a_function_that_hangs_is_ended(measurer_of: Any, folder: Path) -> None:
    with pytest.raises(ExperimentError, match=r"costs:hangs .*\nit did not answer within 2 sec"):
        measurer_of("hangs", timeout=2).measure({})
    assert not is_alive(int((folder / "pid").read_text()))


def test_the_end_of_the_context_ends_the_process(measurer_of: Any) -> None:
    with measurer_of("cost") as measurer:
        pid = int(measurer.measure(parameters(0, 0))["pid"])
        assert is_alive(pid)
    assert not is_alive(pid)


def test_it_does_not_outlive_a_runner_that_is_killed(folder: Path) -> None:
    runner = subprocess.Popen([sys.executable, "-c", RUNNER], cwd=folder)
    started = folder / "pid"
    assert eventually(lambda: started.exists() and started.read_text() != "")
    runner.kill()
    runner.wait()
    assert eventually(lambda: not is_alive(int(started.read_text())))


# ---- the constraint -----------------------------------------------------------------------------


def test_excess_and_objections(measurer_of: Any) -> None:
    bounds = {"flops": "<= 1e2", "parameters": ">= 2"}
    constraint = Constraint(measurer_of("cost"), bounds)
    assert constraint.excess(parameters(2, 3)) == {"flops": 100, "parameters": -1}
    assert constraint.objections(parameters(2, 3)) == ["flops <= 1e2"]
    assert constraint.objections(parameters(2, 0)) == ["flops <= 1e2", "parameters >= 2"]
    assert constraint.objections(parameters(1, 2)) == [], "at the bound"


def test_a_metric_that_the_function_does_not_give(measurer_of: Any) -> None:
    constraint = Constraint(measurer_of("cost"), {"flop": "<= 5"})
    message = "constraint.bounds.flop: costs:cost gives no such metric; .* did you mean 'flops'"
    with pytest.raises(ConfigError, match=message):
        constraint.excess(parameters(0, 0))


def test_every_wrong_bound_is_named(measurer_of: Any) -> None:
    with pytest.raises(ConfigError) as raised:
        Constraint(measurer_of("cost"), {"flops": "< 5", "size": "<= 5", "time": "<= inf"})
    assert [problem.where for problem in raised.value.problems] == [
        "constraint.bounds.flops",
        "constraint.bounds.time",
    ]
    assert "must be a bound such as '<= 5' or '>= 0.9', but got '< 5'" in str(raised.value)


def _finished(number: int, vector: Any) -> FrozenTrial:
    encoding = FlatEncoding(SPACE)
    trial = create_trial(
        value=Random(number).random(),
        params=encoding.encode(vector),
        distributions=distributions(encoding),
    )
    trial.number = number
    return trial


def test_only_what_fits_is_suggested(measurer_of: Any) -> None:
    constraint = Constraint(measurer_of("cost"), {"flops": "<= 100", "parameters": "<= 1"})
    follower = HistoryFollower(RandomTuner(seed=0), FlatEncoding(SPACE))
    trials: list[FrozenTrial] = []
    for number in range(4):
        vector = constraint.propose(follower, number, trials).vector
        trials.append(_finished(number, vector))
    tried = [tuple(trial.params.values()) for trial in trials]
    assert sorted(tried) == [("x", "p"), ("x", "q"), ("y", "p"), ("y", "q")]
    message = r"refused \(6 by parameters <= 1, 4 by flops <= 100\)"
    with pytest.raises(SearchSpaceExhausted, match=message):
        constraint.propose(follower, 4, trials)


def test_nothing_fits(measurer_of: Any) -> None:
    constraint = Constraint(measurer_of("cost"), {"flops": "<= -1"}, attempts=5)
    follower = HistoryFollower(RandomTuner(seed=0), FlatEncoding(SPACE))
    with pytest.raises(TunerError, match=r"5 proposals were refused \(5 by flops <= -1\)"):
        constraint.propose(follower, 0, [])
