"""Trials that are forked: what they get, what they share, and what kills them."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from nas_tuners.experiment.launcher import Exited, Reported
from nas_tuners.experiment.local.launcher import LocalLauncher
from nas_tuners.experiment.warm.family import parent
from nas_tuners.experiment.warm.preload import PRELOAD
from nas_tuners.experiment.warm.process import ServerProcess
from nas_tuners.experiment.warm.spawner import WarmSpawner
from tests.experiment.launcher_kit import Place, assignment, processes_with, until_exit
from tests.experiment_kit import eventually, is_alive

READY = "open(os.environ['NAS_TUNERS_TRIAL_DIR'] + '/ready', 'w').write(f'{os.getpid()}\\n')\n"
SLEEP = "import os, time\n" + READY + "time.sleep(600)\n"

# A process that leaves its parent, its group and its session, as daemons do it.
DAEMON = (
    "import os, time\n"
    "folder = os.environ['NAS_TUNERS_TRIAL_DIR']\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork():\n"
    "        os._exit(0)\n"
    "    open(folder + '/new', 'w').write(f'{os.getpid()}\\n')\n"
    "    os.rename(folder + '/new', folder + '/daemon')\n"
    "    time.sleep(600)\n"
    "os.wait()\n"
    "while not os.path.exists(folder + '/daemon'):\n"
    "    time.sleep(0.01)\n"
)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def server_of(launcher: LocalLauncher) -> ServerProcess:
    assert isinstance(launcher._spawner, WarmSpawner)
    return launcher._spawner._server


def children_of(pid: int) -> list[int]:
    """The living processes whose parent is another."""
    return [
        child
        for child in map(int, filter(str.isdecimal, os.listdir("/proc")))
        if parent(child) == pid
    ]


# ---- what a trial gets --------------------------------------------------------------------------


def test_imports_are_done_once_and_trials_share_nothing(place: Place) -> None:
    place.write("import os, time\nMADE = os.getpid(), time.time()\nSEEN = []", "shared.py")
    place.write("import shared\nprint(shared.MADE, shared.SEEN)\nshared.SEEN.append(1)\n")
    with place.launcher(warm=True) as launcher:
        for number in range(3):
            launcher.start(assignment(number), timeout=None)
        until_exit(launcher, 3)
        server = server_of(launcher)._process.pid
    said = {place.said("stdout.txt", number) for number in range(3)}
    assert len(said) == 1
    assert said.pop().startswith(f"({server}, ")


def test_modules_that_the_environment_names_are_imported_once_too(place: Place) -> None:
    place.write("import os\nMADE = os.getpid()", "shared.py")
    place.write("def late():\n    import shared\n    return shared.MADE\nprint(late())\n")
    with place.launcher(warm=True, environment={PRELOAD: "absent shared"}) as launcher:
        launcher.start(assignment(0), timeout=None)
        until_exit(launcher, 1)
        server = server_of(launcher)._process.pid
    assert place.said("stdout.txt", 0) == f"{server}\n"


def test_each_trial_has_its_parameters_reports_and_output(place: Place) -> None:
    place.write(
        "import trial_api\n"
        "print(trial_api.get_next_parameter(), trial_api.get_sequence_id())\n"
        "(trial_api.get_output_dir() / 'x').write_text('x')\n"
        "trial_api.report_intermediate_result(trial_api.get_sequence_id())\n"
        "trial_api.report_final_result(trial_api.get_next_parameter()['a'])\n"
    )
    with place.launcher(warm=True) as launcher:
        for number in range(3):
            launcher.start(assignment(number, parameters={"a": number * 10}), timeout=None)
        events = until_exit(launcher, 3)
    reports = [event for event in events if isinstance(event, Reported)]
    for number in range(3):
        values = [event.metric.value for event in reports if event.number == number]
        assert values == [number, number * 10]
        assert place.said("stdout.txt", number) == f"{{'a': {number * 10}}} {number}\n"
        assert (place.folder(number) / "output" / "x").exists()


def test_a_trial_known_before_the_fork_does_not_stick(place: Place) -> None:
    place.write("import trial_api\nALONE = trial_api.get_trial_id()", "early.py")
    place.write("import early, trial_api\nprint(early.ALONE, trial_api.get_trial_id())")
    assert place.run(warm=True).stdout == "STANDALONE e-0\n"


def test_each_trial_has_its_environment(place: Place) -> None:
    class OneGpuEach:
        def room(self, *, running: bool) -> bool:
            return True

        def take(self, number: int) -> dict[str, str]:
            return {"CUDA_VISIBLE_DEVICES": str(number)}

        def note_process(self, number: int, pid: int) -> None:
            noted[number] = pid

        def give_back(self, number: int) -> None:
            given_back.append(number)

        def close(self) -> None:
            given_back.append(-1)

    noted: dict[int, int] = {}
    given_back: list[int] = []
    place.write(
        "import os, subprocess\n"
        "print(os.environ['CUDA_VISIBLE_DEVICES'], os.environ['MODE'], flush=True)\n"
        "os.environ['MODE'] = 'changed'\n"
        "subprocess.run('echo $CUDA_VISIBLE_DEVICES $MODE', shell=True)\n"
    )
    options = {"environment": {"MODE": "fast"}, "gpus": OneGpuEach()}
    with place.launcher(warm=True, **options) as launcher:
        for number in (0, 1):
            launcher.start(assignment(number), timeout=None)
        until_exit(launcher, 2)
    for number in (0, 1):
        assert place.said("stdout.txt", number) == f"{number} fast\n{number} changed\n"
    assert sorted(noted) == [0, 1]
    assert sorted(given_back) == [-1, 0, 1]


def test_trials_do_not_share_what_they_draw(place: Place) -> None:
    place.write(
        "import random, numpy\nprint(random.random())\nprint(numpy.random.random())\n"
        "import sys\nprint(sys.modules['torch'].rand(1).item() if 'torch' in sys.modules else 0)"
    )
    with place.launcher(warm=True) as launcher:
        for number in range(2):
            launcher.start(assignment(number), timeout=None)
        until_exit(launcher, 2)
    first, second = [place.said("stdout.txt", number).split() for number in range(2)]
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_a_script_may_change_from_trial_to_trial(place: Place) -> None:
    place.write("print(1)")
    with place.launcher(warm=True) as launcher:
        for number in (0, 1):
            place.write(f"print({number})")
            launcher.start(assignment(number), timeout=None)
            until_exit(launcher)
    assert place.said("stdout.txt", 1) == "1\n"


# ---- functions ----------------------------------------------------------------------------------


FUNCTION = """
import os
import trial_api

def good(parameters):
    print("called with", parameters)
    trial_api.report_intermediate_result(0.5)
    return {"accuracy": parameters["a"] * 2.0}

def silent(parameters):
    trial_api.report_final_result(7)

def wrong(parameters):
    return "no number"

def bad(parameters):
    raise ValueError("bad")
"""


@pytest.mark.parametrize("warm", [False, True])
def test_a_function_gives_the_result(place: Place, warm: bool) -> None:
    place.write(FUNCTION, "model.py")
    with place.launcher(function="model:good", warm=warm) as launcher:
        launcher.start(assignment(metric="accuracy"), timeout=None)
        ran = place.ran(until_exit(launcher))
    metrics = [event.metric for event in ran.events if isinstance(event, Reported)]
    assert [(metric.kind, metric.value) for metric in metrics] == [
        ("intermediate", 0.5),
        ("final", {"default": 2.0, "accuracy": 2.0}),
    ]
    assert ran.stdout == "called with {'a': 1}\n"
    assert ran.exited == Exited(0, 0)


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize(
    ("name", "code", "values", "words"),
    [
        ("silent", 0, [7.0], ""),
        ("wrong", 1, [], "the result must be a number, got 'no number' (str)"),
        ("bad", 1, [], "ValueError: bad"),
        ("god", 1, [], "module 'model' has no function 'god'; did you mean 'good'?"),
    ],
)
def test_other_functions(
    place: Place, warm: bool, name: str, code: int, values: list[float], words: str
) -> None:
    place.write(FUNCTION, "model.py")
    ran = place.run(function=f"model:{name}", warm=warm)
    assert ran.exited.exit_code == code
    assert [e.metric.value for e in ran.events if isinstance(e, Reported)] == values
    assert words in ran.exited.last_words


def test_the_traceback_of_a_function_is_that_of_the_user(place: Place) -> None:
    place.write(FUNCTION, "model.py")
    ran = place.run(function="model:bad", warm=True)
    files = [line.split('"')[1] for line in ran.stderr.splitlines() if "File" in line]
    assert files == [str(place.path / "model.py")]


# ---- imports that cannot be done beforehand -----------------------------------------------------


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(600,), daemon=True, name='beat').start()",
            "because it leaves a thread running (beat)",
        ),
        (
            "import os\nif os.environ.get('NAS_TUNERS_TRIAL_DIR') is None: os._exit(1)",
            "ends the process",
        ),
        ("import os, signal\nif not os.environ.get('NAS_TUNERS_TRIAL_DIR'): os.abort()", "ends"),
    ],
)
def test_an_unsafe_import_is_left_to_the_trials(
    place: Place, caplog: pytest.LogCaptureFixture, module: str, why: str
) -> None:
    place.write("MARK = 1", "harmless.py")
    place.write(module, "unsafe.py")
    place.write("import unsafe\nimport harmless\nimport os\nprint(harmless.__name__, os.getpid())")
    ran = place.run(warm=True)
    assert ran.exited.exit_code == 0, ran.stderr
    (warning,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert warning.getMessage().startswith(
        "`import unsafe` cannot be done before trials are forked"
    )
    assert why in warning.getMessage()


@pytest.mark.parametrize("error", ["raise ImportError('not now')", "raise SystemExit(3)", "1 / 0"])
def test_an_import_that_fails_is_left_to_the_trials(
    place: Place, caplog: pytest.LogCaptureFixture, error: str
) -> None:
    place.write(
        f"import os\nif 'NAS_TUNERS_TRIAL_DIR' not in os.environ:\n    {error}", "moody.py"
    )
    place.write("import moody\nprint('fine')")
    assert place.run(warm=True).stdout == "fine\n"
    assert "`import moody` failed beforehand" in caplog.text
    assert "each trial runs it anew" in caplog.text


def test_what_is_printed_while_importing_is_in_a_log(place: Place) -> None:
    place.write("print('imported')", "loud.py")
    place.write("import loud")
    assert place.run(warm=True).stdout == ""
    assert (place.path / "warm.log").read_text() == "imported\n"


def test_the_end_of_the_server_is_not_the_end_of_a_trial(place: Place) -> None:
    place.write("import atexit\natexit.register(print, 'end')", "ends.py")
    place.write("import ends")
    assert place.run(warm=True).stdout == "end\n"
    assert (place.path / "warm.log").read_text() == ""


@pytest.mark.extended  # three servers that import torch
def test_threads_of_numpy_and_torch_do_no_harm_those_of_others_do(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """Whose threads they are is told by importing numpy and torch first."""
    pytest.importorskip("torch")
    place.write(
        "import torch\ntorch.set_num_threads(2)\ntorch.ones(1000, 1000).sin().sum()", "computes.py"
    )
    place.write(
        "import torch, computes\ntorch.set_num_threads(2)\n"
        "print(int(torch.ones(1000, 1000).sum()))"
    )
    with place.launcher(warm=True) as launcher:
        launcher.start(assignment(), timeout=60)
        ran = place.ran(until_exit(launcher))
    assert (ran.stdout, ran.exited) == ("1000000\n", Exited(0, 0))
    assert "because it starts threads" in caplog.text


# ---- ends ---------------------------------------------------------------------------------------


def test_stop_asks_first_and_kills_after_the_grace(place: Place) -> None:
    place.write("import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SLEEP)
    with place.launcher(warm=True) as launcher:
        launcher.start(assignment(), timeout=None)
        place.said("ready")
        launcher.stop([0], grace=0.2)
        assert until_exit(launcher) == [Exited(0, None, signal.SIGKILL)]


def test_a_trial_whose_time_is_over_is_ended(place: Place) -> None:
    place.write(SLEEP)
    with place.launcher(warm=True) as launcher:
        launcher.start(assignment(), timeout=0.1)
        assert until_exit(launcher) == [Exited(0, None, signal.SIGTERM, timed_out=True)]


def test_a_killed_trial_does_not_take_others_along(place: Place) -> None:
    place.write(SLEEP)
    with place.launcher(warm=True) as launcher:
        for number in (0, 1):
            launcher.start(assignment(number), timeout=None)
        os.kill(int(place.said("ready", 0)), signal.SIGKILL)
        assert until_exit(launcher) == [Exited(0, None, signal.SIGKILL)]
        assert is_alive(int(place.said("ready", 1)))


@pytest.mark.parametrize("warm", [False, True])
def test_what_a_trial_left_behind_is_ended_with_it(place: Place, warm: bool) -> None:
    place.write(
        "import os, subprocess, time\n"
        "subprocess.Popen(['sleep', '600'])\n"
        "subprocess.Popen(['sleep', '600'], preexec_fn=lambda: os.setpgid(0, 0))\n"
        "subprocess.Popen(['sleep', '600'], start_new_session=True)\n"
        "if os.fork() == 0:\n    time.sleep(600)\n"
    )
    with place.launcher(warm=warm) as launcher:
        launcher.start(assignment(), timeout=None)
        assert until_exit(launcher) == [Exited(0, 0)]
        mark = f"NAS_TUNERS_TRIAL_DIR={place.folder()}"
        assert eventually(lambda: not processes_with(mark))
        assert not warm or eventually(lambda: not children_of(server_of(launcher)._process.pid))


@pytest.mark.parametrize("warm", [False, True])
def test_a_daemon_that_a_trial_left_is_ended_with_it(place: Place, warm: bool) -> None:
    place.write(DAEMON)
    with place.launcher(warm=warm) as launcher:
        launcher.start(assignment(), timeout=None)
        assert until_exit(launcher) == [Exited(0, 0)]
        assert eventually(lambda: not is_alive(int(place.said("daemon"))))


def test_a_daemon_of_a_trial_that_runs_is_left_alone(place: Place) -> None:
    place.write(DAEMON + "time.sleep(600) if folder.endswith('0000') else None\n")
    with place.launcher(warm=True) as launcher:
        launcher.start(assignment(0), timeout=None)
        daemon = int(place.said("daemon", 0))
        launcher.start(assignment(1), timeout=None)
        assert until_exit(launcher) == [Exited(1, 0)]
        assert eventually(lambda: not is_alive(int(place.said("daemon", 1))))
        assert is_alive(daemon)
    assert eventually(lambda: not is_alive(daemon))


def test_a_dead_server_takes_its_trials_along_and_is_replaced(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    place.write("import subprocess\nsubprocess.Popen(['sleep', '600'])\n" + SLEEP)
    with place.launcher(warm=True) as launcher:
        for number in (0, 1):
            launcher.start(assignment(number), timeout=None)
            place.said("ready", number)
        os.kill(server_of(launcher)._process.pid, signal.SIGKILL)
        events = until_exit(launcher, 2)
        assert {(e.number, e.lost) for e in events if isinstance(e, Exited)} == {
            (0, True),
            (1, True),
        }
        for number in (0, 1):
            mark = f"NAS_TUNERS_TRIAL_DIR={place.folder(number)}"
            assert eventually(lambda mark=mark: not processes_with(mark))  # type: ignore[misc]
            assert eventually(lambda n=number: not is_alive(int(place.said("ready", n))))  # type: ignore[misc]
        place.write("print('again')")
        launcher.start(assignment(0), timeout=None)
        assert until_exit(launcher) == [Exited(0, 0)]
    assert "the process that trials were forked from is gone" in caplog.text


def test_a_server_that_is_killed_while_it_imports_is_replaced(place: Place) -> None:
    place.write(
        "import os, time\nif not os.path.exists('second'):\n"
        "    open('second', 'w').close()\n    time.sleep(600)\n",
        "slow.py",
    )
    place.write("import os, sys\nimport slow\nprint(sys.modules['slow'].__file__)")
    with place.launcher(warm=True) as launcher:
        assert eventually((place.path / "second").exists)
        os.kill(server_of(launcher)._process.pid, signal.SIGKILL)
        launcher.start(assignment(), timeout=None)
        assert until_exit(launcher) == [Exited(0, 0)]
        assert server_of(launcher).importing == "import slow"


def test_a_server_that_is_still_importing_can_be_left(place: Place) -> None:
    place.write("import time\ntime.sleep(600)", "slow.py")
    place.write("import slow")
    with place.launcher(warm=True) as launcher:
        assert not launcher.has_room()
        assert eventually(lambda: server_of(launcher).importing == "import slow")
        server = server_of(launcher)._process.pid
    assert not is_alive(server)


RUNNER = """
import json, sys, time
from pathlib import Path
from tests.experiment.launcher_kit import Place, assignment
place = Place(Path(sys.argv[1]))
with place.launcher(warm=sys.argv[2] == "warm") as launcher:
    for number in (0, 1):
        launcher.start(assignment(number), timeout=None)
    for number in (0, 1):
        place.said("daemon", number)
    print("running", flush=True)
    time.sleep(600)
"""


@pytest.mark.parametrize("warm", ["cold", "warm"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_outlives_a_runner(place: Place, number: signal.Signals, warm: str) -> None:
    place.write(DAEMON + "time.sleep(600)\n")
    with subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(place.path), warm],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"running\n"
        records = [json.loads((place.folder(n) / "trial.json").read_text()) for n in (0, 1)]
        pids = [int(record["pid"]) for record in records]
        pids += [int(place.said("daemon", n)) for n in (0, 1)]
        assert all(is_alive(pid) for pid in pids)
        runner.send_signal(number)
    assert eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert eventually(lambda: not processes_with(str(place.path)))


def test_many_at_a_time(place: Place) -> None:
    place.write("import sys; sys.exit(3)")
    with place.launcher(warm=True) as launcher:
        for number in range(20):
            launcher.start(assignment(number), timeout=None)
        events = until_exit(launcher, 20)
    assert {event.number for event in events} == set(range(20))
    assert all(isinstance(event, Exited) and event.exit_code == 3 for event in events)


def test_nothing_is_left_open_by_many_trials(place: Place) -> None:
    place.write("pass")
    with place.launcher(warm=True) as launcher:

        def run(numbers: range) -> None:
            for number in numbers:
                launcher.start(assignment(number), timeout=None)
                until_exit(launcher)

        def open_files() -> int:
            processes = (os.getpid(), server_of(launcher)._process.pid)
            return sum(len(os.listdir(f"/proc/{process}/fd")) for process in processes)

        run(range(2))
        at_first = open_files()
        run(range(2, 20))
        assert eventually(lambda: open_files() <= at_first)


def test_a_family_of_daemons_is_ended_with_its_trial(place: Place) -> None:
    place.write(
        "import os, time\n"
        "for _ in range(4):\n"
        "    if os.fork() == 0:\n"
        "        os.setsid()\n"
        "time.sleep(0.1 if os.getpid() == os.getpgid(0) else 600)\n"
    )
    with place.launcher(warm=True) as launcher:
        launcher.start(assignment(), timeout=None)
        until_exit(launcher)
        server = server_of(launcher)._process.pid
        assert eventually(lambda: not children_of(server))


def test_every_trial_has_one_end_whatever_is_killed(place: Place) -> None:
    """Processes are killed at random moments: trials, and servers while they fork."""
    place.write("import os, time\ntime.sleep(0.03)\n")
    random = Random(5)
    ends: list[Exited] = []
    with place.launcher(warm=True) as launcher:
        for number in range(60):
            victims = [trial.process.pid for trial in launcher._running.values()]
            victims.append(server_of(launcher)._process.pid)
            victim = random.choice(victims) if random.random() < 0.3 else None
            killer = threading.Timer(random.random() * 0.03, kill_one, (victim,))
            killer.start()
            launcher.start(assignment(number), timeout=None)
            ends += [e for e in launcher.events(0.01) if isinstance(e, Exited)]
            killer.join()
        while len(ends) < 60:
            ends += [e for e in launcher.events(0.05) if isinstance(e, Exited)]
        assert sorted(end.number for end in ends) == list(range(60))
        assert {end.lost for end in ends} == {True, False}
    assert eventually(lambda: not processes_with(str(place.path)))


def kill_one(pid: int | None) -> None:
    if pid is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
