"""Trials that crash, hang, lie or fall silent: real processes, judged by what the study holds."""

from __future__ import annotations

import pytest

from tests.experiment_kit import Project, eventually, is_alive


def run_one(project: Project, trial: str, **config: object) -> str:
    """Run one good and one bad trial; the reason why the bad one failed."""
    body = "\n".join(["if number == 0:", "    report(1.0)", "    sys.exit()", trial])
    project.write(body, max_trials=2, **config)
    done = project.run()
    assert done.returncode == 0, done.stderr
    assert project.states() == ["COMPLETE", "FAIL"]
    reason = project.reasons()[1]
    assert project.trial_record(1)["reason"] == reason
    assert reason.splitlines()[0] in done.stdout
    return reason


def test_a_crash_is_told_with_its_last_words(project: Project) -> None:
    reason = run_one(project, "raise RuntimeError('no data here')")
    assert reason.startswith("exit code 1: ")
    assert reason.endswith("RuntimeError: no data here")


def test_an_exit_code_is_told(project: Project) -> None:
    assert run_one(project, "sys.exit(3)") == "exit code 3"


def test_a_killed_trial_names_the_signal(project: Project) -> None:
    reason = run_one(project, "os.kill(os.getpid(), signal.SIGKILL)")
    assert reason == "killed by SIGKILL (out of memory?)"


def test_a_hanging_trial_is_ended(project: Project) -> None:
    reason = run_one(project, "signal.pause()", max_trial_duration="1s")
    assert reason == "timed out after 1s"


def test_a_hanging_trial_that_ignores_sigterm_is_ended(project: Project) -> None:
    trial = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: signal.pause()"
    assert run_one(project, trial, max_trial_duration=0.5) == "timed out after 0.5s"


def test_silence_is_a_failure_that_says_what_to_do(project: Project) -> None:
    reason = run_one(project, "report(0.5, 'intermediate')")
    assert "reported no final result" in reason
    assert "trial_api.report_final_result" in reason


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ('{"kind": "final", "sequence": 0, "value": NaN}', "not a finite number"),
        ('{"kind": "final", "sequence": 0, "value": "high"}', "must be a number, got 'high'"),
        ('{"kind": "final", "sequence": 0, "value": {"loss": 1}}', "needs the key 'default'"),
        ('{"kind": "best", "sequence": 0, "value": 1}', "must be 'intermediate' or 'final'"),
    ],
)
def test_an_unusable_record_is_a_failure(project: Project, record: str, message: str) -> None:
    trial = f"(folder / 'metrics.jsonl').write_text({record!r} + chr(10))"
    reason = run_one(project, trial)
    assert "unusable record" in reason
    assert message in reason


def test_a_full_disk_fails_the_trial_at_the_line_that_reports(project: Project) -> None:
    trial = "(folder / 'metrics.jsonl').symlink_to('/dev/full')\nreport(0.5)"
    reason = run_one(project, trial)
    assert "exit code 1" in reason
    assert "No space left on device" in reason


def test_nan_is_refused_where_it_is_reported(project: Project) -> None:
    project.write("import trial_api\ntrial_api.report_final_result(float('nan'))", max_trials=1)
    done = project.run()
    assert done.returncode == 3
    assert "not a finite number" in project.reasons()[0]


def test_the_last_of_two_final_results_counts(project: Project) -> None:
    project.write("report(1.0)\nreport(2.0, sequence=1)", max_trials=1)
    done = project.run()
    assert done.returncode == 0
    assert [trial.value for trial in project.trials()] == [2.0]
    assert "reported 2 final results; the last one counts" in done.stdout


def test_a_crash_after_the_result_loses_nothing(project: Project) -> None:
    project.write("report(1.0)\nsys.exit(7)", max_trials=1)
    done = project.run()
    assert done.returncode == 0
    assert project.states() == ["COMPLETE"]
    assert "exit code 7, after it had reported its final result" in done.stdout


def test_a_torn_line_is_not_a_result(project: Project) -> None:
    reason = run_one(project, "(folder / 'metrics.jsonl').write_text('{\"kind\": \"fin')")
    assert "reported no final result" in reason


def test_all_numbers_of_a_result_are_kept(project: Project) -> None:
    trial = "report(0.25, 'intermediate', 0)\nreport(0.5, 'intermediate', 1)\n"
    project.write(trial + "report({'default': 0.75, 'latency': 12})", max_trials=1)
    assert project.run().returncode == 0
    (trial_,) = project.trials()
    assert trial_.value == 0.75
    assert trial_.user_attrs["result"] == {"default": 0.75, "latency": 12}
    assert trial_.intermediate_values == {0: 0.25, 1: 0.5}


def test_what_a_trial_leaves_behind_is_ended(project: Project) -> None:
    trial = """
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
(folder / "child").write_text(str(child.pid))
report(1.0)
os._exit(0)
"""
    project.write(trial, max_trials=1)
    assert project.run().returncode == 0
    child = int((project.trial_folder(0) / "child").read_text())
    assert eventually(lambda: not is_alive(child))


def test_the_run_ends_when_trials_keep_failing(project: Project) -> None:
    project.write("sys.exit('no such data set')", max_trials=100, max_consecutive_failures=3)
    done = project.run()
    assert done.returncode == 3
    assert project.states() == ["FAIL"] * 3
    assert "Too many trials in a row failed; trial 2: exit code 1: no such data set" in done.stderr
    assert f"nas-tuners resume {project.experiment}" in done.stderr


def test_one_success_starts_the_count_of_failures_anew(project: Project) -> None:
    trial = "report(1.0) if number == 2 else sys.exit(1)"
    project.write(trial, max_trials=5, max_consecutive_failures=3)
    assert project.run().returncode == 0
    assert project.states() == ["FAIL", "FAIL", "COMPLETE", "FAIL", "FAIL"]


def test_a_command_that_does_not_exist_is_a_failure(project: Project) -> None:
    project.write(command=["no-such-program"], max_trials=1)
    done = project.run()
    assert done.returncode == 3
    assert "no-such-program" in project.reasons()[0]
