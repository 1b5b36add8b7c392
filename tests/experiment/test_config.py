from __future__ import annotations

import json
from pathlib import Path

import pytest

from nas_tuners.contract.errors import ConfigError
from nas_tuners.contract.search_space import SearchSpace
from nas_tuners.experiment.configuration.config import ExperimentConfig, TunerConfig, load_config
from nas_tuners.experiment.study_setup import goals_of, make_tuner_of

MINIMAL = "command: python train.py\ntuner: random\n"


def load(folder: Path, text: str) -> ExperimentConfig:
    file = folder / "config.yml"
    file.write_text(text)
    return load_config(file)


def problems(folder: Path, text: str) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, text)
    assert caught.value.source.endswith("config.yml")
    return {problem.where: problem.message for problem in caught.value.problems}


def test_the_least(tmp_path: Path) -> None:
    config = load(tmp_path, MINIMAL)
    assert config.command == "python train.py"
    assert config.tuner == TunerConfig("random")
    assert config.name == "config"
    assert config.code_directory == tmp_path
    assert config.search_space is None
    assert config.optimize_mode == "maximize"
    assert config.concurrency == 1
    assert config.storage is None


def test_everything(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    config = load(
        tmp_path,
        """
name: digits
command: [python, train.py, --epochs, 3]
code_directory: code
search_space: {a: {_type: layer_choice, _value: [x, y]}}
tuner:
  name: RegularizedEvolution
  args: {population_size: 8, sample_size: 2}
concurrency: 2
max_trials: 30
max_duration: 2h
max_trial_duration: 10m
max_consecutive_failures: 4
optimize_mode: minimize
seed: 5
storage: sqlite:///studies/all.db
study_name: shared
experiments_directory: runs
environment: {OMP_NUM_THREADS: 1, MODE: fast}
""",
    )
    assert config.command == ("python", "train.py", "--epochs", "3")
    assert config.code_directory == tmp_path / "code"
    assert isinstance(config.search_space, SearchSpace)
    assert config.search_space.size == 2
    assert config.tuner == TunerConfig(
        "RegularizedEvolution", {"population_size": 8, "sample_size": 2}
    )
    assert (config.max_duration, config.max_trial_duration) == (7200, 600)
    assert config.storage == f"sqlite:///{tmp_path}/studies/all.db"
    assert config.experiments_directory == tmp_path / "runs"
    assert config.environment == {"OMP_NUM_THREADS": "1", "MODE": "fast"}
    again = ExperimentConfig.from_json(config.to_json())
    assert again.to_json() == config.to_json()
    assert again.tuner == config.tuner
    assert again.command == config.command


def test_a_seed_is_drawn_where_none_is_given(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL).seed != load(tmp_path, MINIMAL).seed


def test_paths_are_expanded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "code").mkdir()
    monkeypatch.setenv("CODE", str(tmp_path / "code"))
    monkeypatch.setenv("HOME", str(tmp_path))
    text = MINIMAL + "code_directory: $CODE\nexperiments_directory: ~/runs\n"
    config = load(tmp_path, text)
    assert config.code_directory == tmp_path / "code"
    assert config.experiments_directory == tmp_path / "runs"


def test_a_password_from_the_environment_is_not_written_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", "hunter2")
    config = load(tmp_path, MINIMAL + "storage: postgresql://me:$SECRET@host/db\n")
    assert "hunter2" not in config.to_json()


def test_all_mistakes_at_once_each_with_its_line(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        """\
name: a/b
comand: python train.py
code_directory: nowhere
search_space: nowhere/space.json
tuner: {name: random, arg: {}}
concurrency: 0
max_trials: many
max_duration: 10x
optimize_mode: maximise
seed: -1
storage: study.db
environment: {A: true}
experiments_directory: $NO_SUCH_VARIABLE/runs
""",
    )
    assert "letters, digits" in found["name (line 1)"]
    assert found["comand (line 2)"] == "unknown key; did you mean 'command'?"
    assert found["command"].startswith("missing")
    assert found["code_directory (line 3)"] == f"no such folder: {tmp_path}/nowhere"
    assert found["search_space (line 4)"] == f"no such folder: {tmp_path}/nowhere"
    assert found["tuner.arg (line 5)"] == "unknown key; did you mean 'args'?"
    assert found["concurrency (line 6)"] == "must be a whole number of at least 1, got 0"
    assert "got 'many'" in found["max_trials (line 7)"]
    assert "got '10x'" in found["max_duration (line 8)"]
    assert "did you mean 'maximize'?" in found["optimize_mode (line 9)"]
    assert "at least 0" in found["seed (line 10)"]
    assert "must be a URL like sqlite:///study.db" in found["storage (line 11)"]
    assert "quote true and false" in found["environment (line 12)"]
    assert "NO_SUCH_VARIABLE" in found["experiments_directory (line 13)"]
    assert len(found) == 14


def test_goals_for_several_metrics(tmp_path: Path) -> None:
    mode = "optimize_mode: {accuracy: maximize, size: minimize, ms: <= 5}\n"
    config = load(tmp_path, f"command: x\n{mode}")
    assert config.optimize_mode == {"accuracy": "maximize", "size": "minimize", "ms": "<= 5"}
    assert make_tuner_of(config).goals == goals_of(config)


@pytest.mark.parametrize(
    ("mode", "where", "message"),
    [
        ("{size: <= 5}", "", "at least one metric to 'maximize' or 'minimize'"),
        ("{a: maximise}", ".a", "bound like '<= 5' or '>= 0.5', got 'maximise'; did you mean"),
        ("{a: maximize, b: at most 5}", ".b", "must be maximize, minimize or a bound like"),
        ("{a: maximize, b: 5}", ".b", "got 5; write '<= 5' if it may not be more"),
        ("[a]", "", "or say it of each metric, like {accuracy: maximize, latency: '<= 5'}, got"),
    ],
)
def test_goals_that_are_none(tmp_path: Path, mode: str, where: str, message: str) -> None:
    ((found, said),) = problems(tmp_path, f"command: x\noptimize_mode: {mode}\n").items()
    assert found == f"optimize_mode{where} (line 2)"
    assert message in said


@pytest.mark.parametrize(
    ("line", "where", "message"),
    [
        ("gpus: [0, 1]", "gpus", "must be how many GPUs a trial gets, a number of at least 0"),
        ("gpus: all", "gpus", "got 'all'; which ones may be used, gpus.indices says"),
        (
            "early_stopping: {median: {interval_steps: 3}}",
            "early_stopping",
            "lacks a name; if 'median' is it: {name: median, args: {...}}",
        ),
        (
            "early_stopping: {name: median, interval: 3}",
            "early_stopping.interval",
            "unknown key (known: name, args, pruned_trials)",
        ),
        ("early_stopping: {nam: median}", "early_stopping.nam", "did you mean 'name'?"),
        ("budget: {max: 27}", "budget.max", "unknown key; did you mean 'maximum'?"),
        ("launcher: {ray: {address: auto}}", "launcher", "{name: ray, args: {...}}"),
        ("launcher: {name: local, args: {cpus: 2}}", "launcher.args", "leave out cpus"),
        ("constraint: os:nice", "constraint", "keys and values (known: measure, bounds, att"),
        (
            "constraint: {measure: 'os:nice', bounds: {flops: 6e8}}",
            "constraint.bounds.flops",
            "must be a bound like '<= 5' or '>= 0.5', got 600000000.0; write '<= 600000000.0'",
        ),
        (
            "constraint: {measure: 'os:nice', bounds: [flops]}",
            "constraint.bounds",
            "must name at least one metric with a bound, like {flops: '<= 600e6'}, got ['flops']",
        ),
        (
            "notify: echo done | mail me",
            "notify",
            "no shell runs it, which '|' is for; write [sh, -c, 'echo done | mail me']",
        ),
        ('notify: "echo \'x"', "notify", 'must be a command, got "echo \'x": No closing quota'),
        ("max_trials: 1e3", "max_trials", "got 1000.0; write 1000"),
        ("study_name: 3", "study_name", "must be a text, got 3; write '3', in quotes"),
        ("environment: [A=1]", "environment", "texts or numbers, like {A: 1} (quote true and"),
    ],
)
def test_a_message_says_what_to_write(tmp_path: Path, line: str, where: str, message: str) -> None:
    ((found, said),) = problems(tmp_path, f"command: x\n{line}\n").items()
    assert found == f"{where} (line 2)"
    assert message in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("cut -d ';' -f 1", ("cut", "-d", ";", "-f", "1")),
        (r"find . -exec rm {} \;", ("find", ".", "-exec", "rm", "{}", ";")),
        ("echo 'a | b'", ("echo", "a | b")),
    ],
)
def test_what_is_quoted_in_a_command_is_not_for_a_shell(
    tmp_path: Path, line: str, words: tuple[str, ...]
) -> None:
    notify = load(tmp_path, MINIMAL + f"notify: {json.dumps(line)}\n").notify
    assert notify is not None
    assert notify.command == words


@pytest.mark.parametrize(
    ("tuner", "where", "message"),
    [
        ("regularised_evolution", "tuner (line 2)|tuner.name (line 2)", "no tuner"),
        ("{name: random, args: {seeed: 3}}", "tuner.args.seeed (line 2)", "did you mean 'seed'?"),
        (
            "{name: random, args: {optimize_mode: minimize}}",
            "tuner.args.optimize_mode (line 2)",
            "is 'minimize' and the experiment's is 'maximize': leave it out here",
        ),
        ("{class: nowhere:Tuner}", "tuner.name (line 2)", "cannot import 'nowhere'"),
        ("{class: a:B, name: random}", "tuner (line 2)", "either name or class"),
        ("{args: {}}", "tuner.name (line 2)", "missing"),
        ("[random]", "tuner (line 2)", "expected a name, or keys and values, got a list"),
        ("3", "tuner (line 2)", "expected a name, or keys and values, got a int"),
    ],
)
def test_tuners_that_are_none(tmp_path: Path, tuner: str, where: str, message: str) -> None:
    ((found, said),) = problems(tmp_path, f"command: x\ntuner: {tuner}\n").items()
    assert found in where.split("|")
    assert message in said


def test_the_tuner_is_checked_together_with_the_rest(tmp_path: Path) -> None:
    found = problems(tmp_path, "tuner: ranodm\nconcurrency: 0\n")
    assert found.keys() == {"command", "tuner.name (line 1)", "concurrency (line 2)"}


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        ("50MB", "; write 50, without quotes and without a unit"),
        ("'2 GB'", "; write 2000, without quotes and without a unit"),
        ("500 kb", "; write 0.5, without quotes and without a unit"),
        ("'50'", "; write 50, without quotes and without a unit"),
        ("much", "; write 50 for 50 MB"),
        ("0", ""),
        (".inf", ""),
        ("true", ""),
    ],
)
def test_a_size_is_a_number_of_megabytes(tmp_path: Path, size: str, advice: str) -> None:
    said = problems(tmp_path, f"{MINIMAL}max_log_size: {size}\n")["max_log_size (line 3)"]
    assert said.startswith("must be a number above 0, of MB, got ")
    assert said.partition(";")[2] == advice.partition(";")[2]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("function: evaluate\nsearch_space: {a: {_type: choice, _value: [1]}}", "function"),
        ("command: []", "command"),
        ("function: os:nice\nsearch_space: {a: {_type: no, _value: [1]}}", "search_space.a"),
        ("command: x\ngpus: 0.5\nlauncher: rya", "launcher"),
        ("command: x\nwarm: true\nlauncher: rya", "launcher"),
        (
            "command: x\noptimize_mode: minimise\n"
            "tuner: {name: random, args: {optimize_mode: minimize}}",
            "optimize_mode",
        ),
        ("command: x\ncode_directory: nowhere\ntuner: mine:Tuner", "code_directory"),
        ("command: x\ncode_directory: nowhere\ncallbacks: mine:Callback", "code_directory"),
        (
            "command: x\ncode_directory: nowhere\n"
            "constraint: {measure: mine:cost, bounds: {ms: <= 1}}",
            "code_directory",
        ),
        ("command: x\ntuner: 3\noptimize_mode: {a: maximize, b: minimize}", "tuner"),
    ],
)
def test_one_mistake_is_one_problem(tmp_path: Path, text: str, wrong: str) -> None:
    assert [where.partition(" (")[0] for where in problems(tmp_path, text)] == [wrong]


def test_a_wrong_search_space_names_its_keys(tmp_path: Path) -> None:
    (tmp_path / "space.json").write_text('{"a": {"_type": "layer_choise", "_value": ["x"]}}')
    found = problems(tmp_path, MINIMAL + "search_space: space.json\n")
    assert "did you mean 'layer_choice'?" in found["search_space (line 3)"]
    (tmp_path / "space.json").write_text('{"a": \n}')
    found = problems(tmp_path, MINIMAL + "search_space: space.json\n")
    assert "line 2, column 1: broken JSON" in found["search_space (line 3)"]
    keys = "search_space:\n  a: {_type: layer_choise, _value: [x]}\n  b: {_type: choice}\n"
    found = problems(tmp_path, MINIMAL + keys)
    assert found.keys() == {"search_space.a (line 4)", "search_space.b (line 5)"}


@pytest.mark.parametrize(
    "line",
    [
        'command: "a\\0b"',
        'command: [a, "\\0"]',
        'environment: {A: "\\0"}',
        'environment: {"A=B": 1}',
        'environment: {"": 1}',
    ],
)
def test_what_no_process_can_be_given_is_refused(tmp_path: Path, line: str) -> None:
    key = line.partition(":")[0]
    rest = "" if key == "command" else "command: x\n"
    assert problems(tmp_path, f"{line}\n{rest}tuner: random\n").keys() == {f"{key} (line 1)"}


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("command: [python, x\ntuner: random\n", "line 2, column 6", "broken YAML: "),
        ("command: 'x\n", "line 2, column 1", "broken YAML: "),
        ("a: b\n\tc: d\n", "line 2, column 1", "broken YAML: "),
        ("command: a\n" + MINIMAL, "command (line 2)", "this key stands twice"),
        ("- command\n", "", "expected keys and values, got a list"),
        ("command: \x01\n", "", "broken YAML: "),
        ("seed: 2024-13-01\n", "line 1, column 7", "month must be in 1..12"),
        ("2024-13-01: x\n", "line 1, column 1", "month must be in 1..12"),
        ("seed: !!int x\n", "line 1, column 7", "invalid literal for int"),
        ("command: !!python/object/apply:os.getcwd []\n", "line 1, column 10", "constructor for"),
    ],
)
def test_broken_files(tmp_path: Path, text: str, where: str, message: str) -> None:
    found = problems(tmp_path, text)
    assert where in found
    assert message in found[where]


def test_an_empty_file_lacks_what_is_required(tmp_path: Path) -> None:
    assert problems(tmp_path, "") == {"command": "missing (what a trial runs; or give a function)"}


def test_null_means_absent(tmp_path: Path) -> None:
    assert load(tmp_path, MINIMAL + "max_trials:\n").max_trials is None


def test_anchors_and_merges_are_ordinary_yaml(tmp_path: Path) -> None:
    text = "environment: &e {A: 1}\n" + MINIMAL
    assert load(tmp_path, text).environment == {"A": "1"}
    text = MINIMAL + "search_space:\n  a: &a {_type: layer_choice, _value: [x]}\n  b: *a\n"
    space = load(tmp_path, text).search_space
    assert isinstance(space, SearchSpace)
    assert list(space.specs) == ["a", "b"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_config(tmp_path / "config.yml")


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path / "config.yml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_config(tmp_path)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("journal://study.log", "must name a file"),
    ],
)
def test_storages_that_would_not_last(tmp_path: Path, url: str, message: str) -> None:
    assert message in problems(tmp_path, MINIMAL + f"storage: '{url}'\n")["storage (line 3)"]


def test_the_fields_of_the_file_are_those_of_the_dataclass(tmp_path: Path) -> None:
    from dataclasses import fields

    from nas_tuners.experiment.configuration.fields import fields_of

    assert set(fields_of(tmp_path)) == {field.name for field in fields(ExperimentConfig)}


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "+.01e-1", "1.e-3", "1.0e-3", "0.001"])
def test_numbers_with_an_exponent_are_numbers(tmp_path: Path, text: str) -> None:
    tuner = f"tuner: {{name: PPOTuner, args: {{lr: {text}}}}}\n"
    config = load(tmp_path, MINIMAL.replace("tuner: random\n", "") + tuner)
    assert config.tuner.args == {"lr": 0.001}


RECORD = '{"parameter": {"a": "x"}, "value": 0.5}'


def test_scores_and_results_lie_beside_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(f"[{RECORD}]")
    (tmp_path / "results.jsonl").write_text(f"{RECORD}\n\n{RECORD}\n")
    tuner = "{name: BayesianTuner, warm_start: scores.json, import_data: results.jsonl}"
    config = load(tmp_path, f"command: x\ntuner: {tuner}\n")
    assert config.tuner.warm_start == tmp_path / "scores.json"
    assert config.tuner.import_data == tmp_path / "results.jsonl"
    assert ExperimentConfig.from_json(config.to_json()).tuner == config.tuner


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.json", '[\n  {"parameter": }]', "line 2, column 17: broken JSON: Expecting value"),
        ("a.json", "", "line 1, column 1: broken JSON"),
        ("a.json", "[" * 100_000, "not usable as JSON"),
        ("a.json", f"[{'9' * 5000}]", "not usable as JSON"),
        ("a.json", RECORD, "expected a list of records, got a dict"),
        ("a.json", f"{RECORD}\n{RECORD}", "line 2, column 1: broken JSON: Extra data"),
        ("a.json", "[]", "holds no record"),
        ("a.json", f'[{RECORD}, {{"value": 1}}]', "record 1: expected {"),
        ("a.json", '[{"parameter": 3, "value": 1}]', "record 0: `parameter` must be an object"),
        ("a.json", '[{"parameter": {}, "value": NaN}]', "no value is a finite number, the first"),
        ("a.jsonl", "\n", "holds no record"),
        ("a.jsonl", f"{RECORD}\n{{", "line 2, column 2: broken JSON"),
        ("a.jsonl", f"{RECORD}\n\n[]", "line 3: expected {"),
        ("a.json", "\udcff", "cannot be read"),
    ],
)
def test_files_that_hold_no_scores(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text, errors="surrogateescape")
    tuner = f"{{name: BayesianTuner, warm_start: {name}}}"
    ((where, said),) = problems(tmp_path, f"command: x\ntuner: {tuner}\n").items()
    assert where == "tuner.warm_start (line 2)"
    assert said.startswith(f"{tmp_path / name}: {message}")


def test_what_is_wrong_with_a_tuner_and_its_files_is_told_at_once(tmp_path: Path) -> None:
    text = """\
command: x
concurrency: 0
tuner:
  name: random
  args: {seeed: 3}
  warm_start: nowhere.json
  import_data: $NO_SUCH_VARIABLE
"""
    found = problems(tmp_path, text)
    assert found.keys() == {"concurrency (line 2)", "tuner.import_data (line 7)"}
    (tmp_path / "lines.jsonl").write_text("x\n" * 30)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text.replace("$NO_SUCH_VARIABLE", "lines.jsonl"))
    listed = [str(problem) for problem in caught.value.problems]
    scores, *lines, more, args = listed[1:]
    assert scores == f"tuner.warm_start (line 6): {tmp_path}/nowhere.json: no such file"
    assert len(lines) == 20
    assert all(line.startswith("tuner.import_data (line 7): ") for line in lines)
    assert more.endswith("lines.jsonl: and 10 more")
    assert args.startswith("tuner.args.seeed (line 5): ")


def test_scores_are_refused_for_a_tuner_that_makes_no_use_of_them(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(f"[{RECORD}]")
    found = problems(tmp_path, "command: x\ntuner: {name: random, warm_start: scores.json}\n")
    assert "RandomTuner makes no use of scores" in found["tuner.warm_start (line 2)"]


def test_failed_trials_are_results_too(tmp_path: Path) -> None:
    (tmp_path / "known.json").write_text('[{"parameter": {"a": "x"}, "value": NaN}]')
    config = load(tmp_path, "command: x\ntuner: {name: random, import_data: known.json}\n")
    assert config.tuner.import_data is not None
