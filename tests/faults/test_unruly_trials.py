"""Trials that leave processes behind, print without end, or report what is far too large."""

from __future__ import annotations

import pytest

from tests.faults.kit import Scene, assert_ends_well, check

KINDS = pytest.mark.parametrize("warm", [False, True], ids=["cold", "warm"])

LIMIT = 1_000_000  # bytes of a trial's output, and of a report

# A child in the trial's group, one that leads a session of its own, and a daemon.
FAMILY = """
def stay():
    note("child")
    while True:
        signal.pause()

def start(*, daemon=False, session=False):
    if os.fork() == 0:
        if session:
            os.setsid()
        if daemon and os.fork():
            os._exit(0)
        stay()

def start_family():
    start()
    start(session=True)
    start(session=True, daemon=True)
    log = Path("runs.log")
    while log.read_text().count(" child ") < 3:
        time.sleep(0.01)
"""

ONE_OF_EACH = """
import trial_api
if number == 1:
    start_family()
if number == 2:
    for _ in range(400):
        os.write(1, b"x" * 99_999 + b"\\n")
if number == 3:
    (folder / "metrics.jsonl").write_text('{"kind": "final", "sequence": 0, "value": "'
                                          + "x" * 10_000_000 + '"}\\n')
    sys.exit()
if number == 4:
    trial_api.report_final_result({"default": value, "weights": "x" * 10_000_000})
finish()
"""


@KINDS
def test_one_of_each(scene: Scene, warm: bool) -> None:
    scene.write(FAMILY + ONE_OF_EACH, warm=warm, max_log_size=LIMIT / 1e6)
    done = assert_ends_well(scene.start_run())
    assert scene.count("child") == 3
    check(scene, failed={3, 4})
    reasons = [trial.user_attrs.get("failure", "") for trial in scene.recorded()]
    assert f"has more than {LIMIT} bytes" in reasons[3]
    assert f"but at most {LIMIT} are taken" in reasons[4]
    assert [number for number, reason in enumerate(reasons) if reason] == [3, 4]
    assert max(map(len, reasons)) < 2000
    output = scene.trial_folder(2) / "stdout.txt"
    assert LIMIT / 2 < output.stat().st_size <= LIMIT
    assert "[nas-tuners left out " in output.read_text()
    assert len(done.stdout) + len(scene.said()) < 20_000


@pytest.mark.extended
@KINDS
def test_a_family_that_ignores_sigterm(scene: Scene, warm: bool) -> None:
    body = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nstart_family()\nstay()"
    trial = f"if number == 3:\n{_indented(body)}\nfinish()"
    scene.write(FAMILY + trial, warm=warm, max_trial_duration=10)
    assert_ends_well(scene.start_run())
    check(scene, failed={3})
    assert scene.recorded()[3].user_attrs["failure"] == "timed out after 10s"


def _indented(code: str) -> str:
    return "\n".join(f"    {line}" for line in code.splitlines())
