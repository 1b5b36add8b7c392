"""Trials that put something else into the place of the files in their folders."""

from __future__ import annotations

import itertools

from tests.experiment_kit import SPACE, Project, kill

FILES = ("trial.json", "stdout.txt", "stderr.txt", "metrics.jsonl", "parameters.json")
WAYS = [
    *itertools.product(["output"], ["file", "loose link", "pipe"]),
    *itertools.product(FILES, ["folder", "link", "loose link", "pipe"]),
]
WIDE = {"c": {"_type": "randint", "_value": [0, 1_000_000]}} | SPACE

REPLACE = f"""
import shutil

name, kind = {WAYS!r}[number % {len(WAYS)}]

def replace(place):
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    place.unlink(missing_ok=True)
    if kind == "folder":
        place.mkdir()
        (place / "mine").write_text("mine")
    elif kind == "pipe":
        os.mkfifo(place)
    elif kind == "file":
        place.write_text("mine")
    else:
        place.symlink_to("../../../of-the-user" if kind == "link" else "nowhere")
"""
REPLACE_AND_REPORT = f"""
if number < {len(WAYS)}:
    report(value)
replace(folder / name)
"""
REPLACE_AND_HANG_ONCE = """
if not list(folder.glob("attempt-*")):
    replace(folder / name)
    signal_test()
    signal.pause()
report(value)
"""


def remark_on(number: int) -> str:
    name, kind = WAYS[number % len(WAYS)]
    words = "a symbolic link" if "link" in kind else f"a {kind}"
    return f"the trial has replaced {name} by {words}"


def test_no_more_than_the_trial_fails(project: Project) -> None:
    """Those of the first half report before; that counts wherever it can still be read."""
    (project.path / "of-the-user").write_text("{}")
    count = 2 * len(WAYS)
    project.write(
        REPLACE + REPLACE_AND_REPORT,
        max_trials=count,
        search_space=WIDE,
        max_consecutive_failures=count,
    )
    done = project.run()
    assert done.returncode == 0, done.stderr
    log, states = (project.experiment / "runner.log").read_text(), project.states()
    for number, (name, _kind) in enumerate(WAYS * 2):
        counts = number < len(WAYS) and name != "metrics.jsonl"
        assert states[number] == ("COMPLETE" if counts else "FAIL"), remark_on(number)
        assert project.trial_record(number)["remarks"] == [remark_on(number)]
        assert f"Trial {number}: {remark_on(number)}" in log
    for command in ("status", "top", "export"):
        assert project.command(command, project.experiment).returncode == 0
    assert project.resume("--max-trials", str(count + 1)).returncode == 0
    assert len(project.states()) == count + 1
    assert (project.path / "of-the-user").read_text() == "{}"


def test_they_run_again_after_the_runner_was_killed(project: Project) -> None:
    (project.path / "of-the-user").write_text("{}")
    count = len(WAYS)
    project.write(
        REPLACE + REPLACE_AND_HANG_ONCE, max_trials=count, concurrency=count, search_space=WIDE
    )
    project.open_signals()
    runner = project.start_run()
    for _ in range(count):
        project.wait_for_trial()
    kill(runner)
    done = project.resume()
    assert done.returncode == 0, done.stderr
    assert project.states() == ["COMPLETE"] * count
    assert all((project.trial_folder(number) / "output").is_dir() for number in range(count))
    assert (project.path / "of-the-user").read_text() == "{}"
