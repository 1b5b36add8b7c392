"""Several workers on one study, as processes: PostgreSQL and a journal file."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import optuna
import pytest

from nas_tuners.cli import exit_codes
from nas_tuners.experiment.events.file import read_events
from nas_tuners.experiment.folder import ExperimentFolder
from nas_tuners.experiment.storages.lock import file_lock
from nas_tuners.experiment.storages.storage import open_storage
from tests.experiment_kit import Project, eventually, finish, is_alive, kill
from tests.integration.worker_kit import check_whole, noting, times_run, trials_of
from tests.servers import PASSWORD

HEARTBEAT = "0.5s"


def environment(url: str) -> dict[str, str]:
    return os.environ | {"NAS_TUNERS_STORAGE": url, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def journal(tmp_path: Path) -> str:
    (tmp_path / "shared").mkdir()
    return f"journal:///{tmp_path / 'shared' / 'study.log'}"


def wait_for_worker(project: Project, name: str) -> str:
    """Until a worker has begun; its id."""
    path = project.path / name
    assert eventually((path / "runner.log").exists, seconds=60)
    return ExperimentFolder(path).state().experiment_id


# ---- whole runs ---------------------------------------------------------------------------------


def test_four_workers_on_postgresql_of_which_one_is_killed(
    fresh_database: str, project: Project
) -> None:
    """They begin at the same moment, and each is told what the experiment is."""
    project.open_signals()
    runs = project.path / "runs.txt"
    project.write(
        noting(runs, "signal_test(); time.sleep(0.5)"), max_trials=11, heartbeat=HEARTBEAT
    )
    names = [f"worker{place}" for place in range(4)]
    workers = [
        project.start(
            "worker", "--config", "config.yml", "--folder", name, env=environment(fresh_database)
        )
        for name in names
    ]
    lost, pid = project.wait_for_trial()
    owner = os.getpgid(os.getpgid(pid))  # the trial leads its own group
    victim = next(w for w in workers if w.pid == _parent(owner))
    seen = [Path(f"/proc/{w.pid}/cmdline").read_bytes() for w in workers]
    kill(victim)
    done = [finish(worker) for worker in workers if worker is not victim]
    assert [worker.returncode for worker in done] == [0, 0, 0], done
    check_whole(trials_of(fresh_database), 11)
    assert times_run(runs) == {number: 1 + (number == lost) for number in range(11)}
    assert eventually(lambda: not is_alive(pid))
    logs = "".join((project.path / name / "runner.log").read_text() for name in names)
    assert f"process {victim.pid} on " in logs
    assert f"Trial {lost} is taken over from config-" in logs
    _check_password(project.path, [*seen, *(w.stdout + w.stderr for w in done)])


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def _check_password(folder: Path, texts: list[str | bytes]) -> None:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 40
    assert not [path for path in files if PASSWORD.encode() in path.read_bytes()]
    said = [text.encode() if isinstance(text, str) else text for text in texts]
    assert not [text for text in said if PASSWORD.encode() in text]


def test_workers_join_a_run_through_a_journal_file(project: Project, journal: str) -> None:
    """They know no configuration, and have the code in a folder of their own."""
    project.open_signals()
    elsewhere = project.path / "elsewhere"
    elsewhere.mkdir()
    runs, theirs = project.path / "runs.txt", elsewhere / "runs.txt"
    project.write(noting(theirs))
    shutil.copy(project.path / "trial.py", elsewhere)
    rest = "signal_test()\nwhile not Path('go').exists(): time.sleep(0.05)"
    project.write(noting(runs, rest), storage=journal, heartbeat=HEARTBEAT, max_trials=10)
    runner = project.start_run()
    assert project.wait_for_trial()[0] == 0
    words = ("worker", "--storage", journal, "--study", "config", "--folder")
    place = ("--code-directory", str(elsewhere))
    late = project.start(*words, "late", "--concurrency", "2", *place)
    hasty = finish(project.start(*words, "hasty", "--no-wait", *place))
    assert hasty.returncode == 0, hasty
    assert runner.poll() is None, "trial 0 still runs, which one that does not wait leaves to it"
    (project.path / "go").touch()
    done = [finish(runner), finish(late), hasty]
    assert [process.returncode for process in done] == [0, 0, 0], done
    check_whole(trials_of(journal), 10)
    assert times_run(runs) == {0: 1}
    assert times_run(theirs) == dict.fromkeys(range(1, 10), 1)
    assert "A new study created" not in "".join(process.stderr for process in done)


@pytest.mark.extended
def test_one_that_is_started_again_doubles_nothing(project: Project, journal: str) -> None:
    """The others have its trial meanwhile, or it goes on with it; nobody runs one of the rest."""
    project.open_signals()
    runs = project.path / "runs.txt"
    rest = "signal_test(); time.sleep(0.5)"
    project.write(noting(runs, rest), storage=journal, heartbeat=HEARTBEAT, max_trials=9)
    words = ("worker", "--config", "config.yml", "--folder")
    first = project.start(*words, "first")
    _, pid = project.wait_for_trial()
    other = project.start(*words, "other")
    wait_for_worker(project, "other")
    kill(first)
    done = [finish(project.start(*words, "first")), finish(other)]
    assert [process.returncode for process in done] == [0, 0], done
    assert not is_alive(pid)
    check_whole(trials_of(journal), 9)
    assert set(times_run(runs)) == set(range(9))
    assert times_run(runs).total() <= 9 + 2, "no more than was begun when it was killed"


@pytest.mark.extended
def test_one_that_is_frozen_gives_up_what_others_took(project: Project, journal: str) -> None:
    project.open_signals()
    runs = project.path / "runs.txt"
    rest = "signal_test(); time.sleep(2)"
    project.write(noting(runs, rest), storage=journal, heartbeat=HEARTBEAT, max_trials=3)
    words = ("worker", "--config", "config.yml", "--folder")
    frozen = project.start(*words, "frozen")
    number, _ = project.wait_for_trial()
    other = project.start(*words, "other")
    wait_for_worker(project, "other")
    frozen.send_signal(signal.SIGSTOP)
    log = project.path / "other" / "runner.log"
    assert eventually(lambda: f"Trial {number} is taken over" in log.read_text(), seconds=60)
    frozen.send_signal(signal.SIGCONT)
    done = [finish(frozen), finish(other)]
    assert [process.returncode for process in done] == [0, 0], done
    check_whole(trials_of(journal), 3)


@pytest.mark.extended
def test_one_that_ends_in_order_leaves_its_trial_to_the_others(
    project: Project, journal: str
) -> None:
    project.open_signals()
    runs = project.path / "runs.txt"
    rest = "signal_test(); time.sleep(1)"
    project.write(noting(runs, rest), storage=journal, heartbeat="2s", max_trials=4)
    words = ("worker", "--config", "config.yml", "--folder")
    leaver = project.start(*words, "leaver")
    number, _ = project.wait_for_trial()
    other = project.start(*words, "other")
    wait_for_worker(project, "other")
    leaver.send_signal(signal.SIGTERM)
    done = [finish(leaver), finish(other)]
    assert [process.returncode for process in done] == [exit_codes.INTERRUPTED, 0], done
    check_whole(trials_of(journal), 4)
    log = (project.path / "other" / "runner.log").read_text()
    assert f"process {leaver.pid} on {socket.gethostname()}) has left" in log
    assert f"Trial {number} is taken over" in log


def test_a_result_in_the_folder_of_a_dead_worker_is_recorded(
    project: Project, journal: str
) -> None:
    """Its trial kills it as soon as it has reported, before the worker can record that."""
    project.open_signals()
    runs = project.path / "runs.txt"
    rest = """
if number == 0:
    report(1.0, "intermediate")
    signal_test()
    while not Path("go").exists(): time.sleep(0.05)
    report(value)
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)"""
    project.write(noting(runs, rest), storage=journal, heartbeat=HEARTBEAT, max_trials=3)
    words = ("worker", "--config", "config.yml", "--folder")
    killed = project.start(*words, "killed")
    assert project.wait_for_trial()[0] == 0
    other = project.start(*words, "other")
    wait_for_worker(project, "other")
    (project.path / "go").touch()
    assert finish(killed).returncode == -signal.SIGKILL
    done = finish(other)
    assert done.returncode == 0, done
    trials = trials_of(journal)
    check_whole(trials, 3)
    assert times_run(runs) == {0: 1, 1: 1, 2: 1}
    assert trials[0].intermediate_values == {0: 1.0}
    log = (project.path / "other" / "runner.log").read_text()
    assert "Trial 0 had its result before config-" in log
    assert not (project.path / "other" / "trials" / "0000").exists()
    events = read_events(project.path / "other" / "events.jsonl")
    ended = [event["trial"] for event in events if event["event"] == "trial_finished"]
    assert sorted(ended) == [0, 1, 2]


@pytest.mark.parametrize(
    ("kind", "asked"), [("journal", signal.SIGINT), ("sqlite", signal.SIGTERM)]
)
def test_one_that_waits_for_its_turn_ends_when_asked_to(
    project: Project, kind: str, asked: signal.Signals
) -> None:
    """Another runner, which was stopped, has the lock."""
    file = project.path / "study"
    rest = "while not Path('go').exists(): time.sleep(0.05)"
    project.open_signals()
    project.write("signal_test()\n" + rest + "\nreport(value)", storage=f"{kind}:///{file}")
    worker = project.start("worker", "--config", "config.yml", "--folder", "w")
    assert project.wait_for_trial()[0] == 0
    with file_lock(file):
        (project.path / "go").touch()
        assert eventually(lambda: "study.runners" in _open_files(worker.pid))
        worker.send_signal(asked)
        assert eventually(lambda: worker.poll() is not None, seconds=15)
    done = finish(worker)
    assert done.returncode == exit_codes.INTERRUPTED, done
    assert "Interrupted. Resume with: nas-tuners resume" in done.stderr
    assert "Best of 1 trials" in done.stdout
    assert [trial.state.name for trial in trials_of(f"{kind}:///{file}")] == ["COMPLETE"]


def _open_files(pid: int) -> set[str]:
    names = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it was closed just now
            names.add(Path(os.readlink(link)).name)
    return names


# ---- what is refused ----------------------------------------------------------------------------


def worker(project: Project, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return project.command("worker", "--storage", url, *arguments)


def test_a_study_that_nobody_has_begun(project: Project, journal: str) -> None:
    with open_storage(journal):
        pass
    refused = worker(project, journal, "--study", "digits")
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert "no study 'digits' in this storage" in refused.stderr
    assert "begin it with `nas-tuners run`, or --config" in refused.stderr


@pytest.mark.parametrize("kind", ["sqlite", "journal"])
@pytest.mark.parametrize("given_by", ["--storage", "environment"])
def test_a_file_that_nobody_has_begun(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str, given_by: str
) -> None:
    """Its path counts from the current folder, and no empty study is made there."""
    monkeypatch.chdir(project.path)
    if given_by == "environment":
        monkeypatch.setenv("NAS_TUNERS_STORAGE", f"{kind}:///study")
        refused = project.command("worker", "--study", "digits")
    else:
        refused = worker(project, f"{kind}:///study", "--study", "digits")
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert f"no study there: {project.path / 'study'} does not exist" in refused.stderr
    assert "a path counts from the current folder" in refused.stderr
    assert list(project.path.iterdir()) == []


def test_a_worker_whose_study_is_gone(project: Project, journal: str) -> None:
    project.write(storage=journal, max_trials=1)
    words = ("worker", "--folder", project.path / "w", "--study", "config", "--storage", journal)
    assert project.command(*words, "--config", project.path / "config.yml").returncode == 0
    study = Path(journal.removeprefix("journal:///"))
    study.unlink()
    shutil.rmtree(project.path / "w" / "trials" / "0000")
    refused = project.command(*words)
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert f"no study there: {study} does not exist" in refused.stderr
    assert not study.exists()


def test_a_relative_path_means_the_same_file_when_it_is_resumed_elsewhere(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.path)
    monkeypatch.setenv("NAS_TUNERS_STORAGE", "journal:///study.log")
    project.write(max_trials=1)
    done = project.command("worker", "--config", "config.yml", "--folder", "w")
    assert done.returncode == 0, done.stderr
    (project.path / "elsewhere").mkdir()
    monkeypatch.chdir(project.path / "elsewhere")
    done = project.command("resume", project.path / "w", "--max-trials", "2")
    assert done.returncode == 0, done.stderr
    check_whole(trials_of(f"journal:///{project.path / 'study.log'}"), 2)
    assert list(Path.cwd().iterdir()) == []


def test_a_url_that_names_no_file(project: Project) -> None:
    refused = worker(project, "sqlite:///", "--study", "x")
    assert refused.returncode == exit_codes.BAD_INPUT
    assert "must name a file, like sqlite:///study.db, got 'sqlite:///'" in refused.stderr


@pytest.mark.parametrize("again", [False, True], ids=["new", "started again"])
def test_a_machine_without_the_code(project: Project, journal: str, again: bool) -> None:
    """It spends no trial of the study's."""
    project.write(storage=journal, max_trials=4)
    given = ("--config", project.path / "config.yml")
    (project.path / "code").mkdir()
    place = ("--code-directory", project.path / "code")
    words = ("worker", "--folder", project.path / "w", "--study", "config", "--storage", journal)
    shutil.copy(project.path / "trial.py", project.path / "code")
    assert project.command(*words, *given, *place).returncode == 0
    (project.path / "code" / "trial.py").unlink()
    if not again:
        words = ("worker", "--study", "config", "--storage", journal)
    refused = project.command(*words, *place)
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert f"no file 'trial.py' in {project.path / 'code'}" in refused.stderr
    assert "--code-directory" in refused.stderr
    assert len(trials_of(journal)) == 4


def test_a_function_is_looked_for_where_the_code_is(project: Project, journal: str) -> None:
    project.write(command=None, function="scoring:score", storage=journal, max_trials=1)
    (project.path / "code").mkdir()
    given = ("--config", project.path / "config.yml", "--code-directory", project.path / "code")
    refused = project.command("worker", *given)
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert f"no module 'scoring' (looked in {project.path / 'code'} first)" in refused.stderr
    (project.path / "code" / "scoring.py").write_text("def score(parameters): return 1.0\n")
    done = project.command("worker", *given, "--folder", project.path / "w")
    assert done.returncode == 0, done.stderr
    check_whole(trials_of(journal), 1)


def test_a_name_that_is_misspelt(project: Project, journal: str) -> None:
    with open_storage(journal) as storage:
        optuna.create_study(study_name="digits", storage=storage)
    refused = worker(project, journal, "--study", "digit")
    assert "or --config; did you mean 'digits'?" in refused.stderr


def test_a_study_of_somebody_elses(project: Project, journal: str) -> None:
    with open_storage(journal) as storage:
        optuna.create_study(study_name="theirs", storage=storage)
    refused = worker(project, journal, "--study", "theirs")
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert "the study 'theirs' does not say how its trials are run" in refused.stderr
    assert "give --config CONFIG" in refused.stderr


def test_another_configuration_than_the_one_it_was_begun_with(
    project: Project, journal: str
) -> None:
    project.write(storage=journal, max_trials=1)
    assert project.run().returncode == 0
    changed = {"optimize_mode": {"default": "maximize", "size": "<= 5"}}
    project.write(storage=journal, tuner="RegularizedEvolutionTuner", **changed)
    config = str(project.path / "config.yml")
    refused = project.command("worker", "--config", config, "--folder", project.path / "w")
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert "was begun with another optimize_mode and tuner; leave out --config" in refused.stderr
    assert not (project.path / "w").exists()


def test_the_folder_of_a_worker_on_another_study(project: Project, journal: str) -> None:
    project.write(storage=journal, study_name="one", max_trials=1)
    words = ("worker", "--config", project.path / "config.yml", "--folder", project.path / "w")
    assert project.command(*words).returncode == 0
    refused = project.command(*words, "--study", "two")
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert "is the folder of a worker on the study 'one', not 'two'" in refused.stderr


def test_what_is_missing_on_the_command_line(project: Project, journal: str) -> None:
    assert (
        "Give --storage URL, or set NAS_TUNERS_STORAGE"
        in project.command("worker", "--study", "x").stderr
    )
    refused = worker(project, journal)
    assert "which study? Give --study NAME, or --config CONFIG" in refused.stderr


def test_a_code_directory_that_is_not_there(project: Project, journal: str) -> None:
    missing = str(project.path / "missing")
    refused = worker(project, journal, "--study", "x", "--code-directory", missing)
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert f"--code-directory: no such folder: {missing}" in refused.stderr


def test_a_password_on_the_command_line_is_warned_of(project: Project) -> None:
    url = f"postgresql+psycopg://tuner:{PASSWORD}@no-such-host.invalid/none"
    refused = worker(project, url, "--study", "x")
    assert refused.returncode == exit_codes.EXPERIMENT_FAILED
    assert "everybody on this machine can read the password in --storage" in refused.stderr
    assert PASSWORD not in refused.stderr
