"""A script behaves in a forked trial as it does in a process of its own."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_tuners.experiment.local.launcher import LocalLauncher
from tests.experiment.launcher_kit import Place, assignment, until_exit

BUFFERED = {"PYTHONUNBUFFERED": ""}

Both = list[tuple[Place, LocalLauncher]]

SCRIPTS = {
    "exits with a code": "import sys; sys.exit(3)",
    "exits with a large code": "import sys; sys.exit(259)",
    "exits with a text": "import sys; sys.exit('enough')",
    "exits without a code": "import sys; print('x'); sys.exit()",
    "raises": "def f():\n    raise ValueError('no')\n\nf()",
    "raises from": "try:\n    1 / 0\nexcept ZeroDivisionError as e:\n    raise KeyError(1) from e",
    "has a wrong syntax": "x = = 1",
    "is interrupted": "raise KeyboardInterrupt",
    "aborts": "import os; print('x', flush=True); os.abort()",
    "is terminated": "import os, signal; os.kill(os.getpid(), signal.SIGTERM)",
    "leaves at once": "import os; print('lost'); os._exit(4)",
    "handles a signal": (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))\n"
        "os.kill(os.getpid(), signal.SIGTERM)"
    ),
    "registers an end": "import atexit; atexit.register(print, 'end'); print('begin')",
    "fails at its end": "import atexit; atexit.register(lambda: 1 / 0)",
    "raises and has an end": "import atexit; atexit.register(print, 'end'); raise OSError('no')",
    "prints without an end": (
        "import sys; sys.stdout.write('no line break'); print(file=sys.stderr)"
    ),
    "leaves a file open": "f = open('left.txt', 'w'); f.write('text')",
    "has a thread": (
        "import threading, time\n"
        "def late():\n    time.sleep(0.1)\n    print('late')\n"
        "threading.Thread(target=late).start()\n"
        "print('early')"
    ),
    "has a daemon": (
        "import threading, time\n"
        "threading.Thread(target=time.sleep, args=(600,), daemon=True).start()"
    ),
    "deletes at the end": "class A:\n    def __del__(self): print('deleted')\na = A()",
    "has its own hook": (
        "import sys\nsys.excepthook = lambda kind, *_: print('hooked', kind)\nraise OSError"
    ),
    "knows where it is": (
        "import os, sys\n"
        "print(__name__, __file__, __spec__, __package__, sys.argv, sys.path[0], os.getcwd())"
    ),
    "imports its neighbour": "import neighbour\nprint(neighbour.VALUE)",
    "imports what is missing": "import missing_module\nprint('never')",
    "reads its input": "import sys; print(repr(sys.stdin.read()))",
    "pickles its own classes": (
        "import pickle\nclass A: pass\nprint(type(pickle.loads(pickle.dumps(A()))).__module__)"
    ),
    "leads its group": (
        "import os; print(os.getpgid(0) == os.getpid(), os.getsid(0) == os.getpid())"
    ),
    "starts a program": (
        "import subprocess, sys\n"
        "print(subprocess.run([sys.executable, '-c', 'print(5)'], capture_output=True).stdout)"
    ),
    "has handlers of its own only": (
        "import signal\n"
        "numbers = sorted(signal.valid_signals() - {9, 19})\n"
        "print([(int(n), str(signal.getsignal(n))[:30]) for n in numbers])\n"
        "print(signal.pthread_sigmask(signal.SIG_BLOCK, []))"
    ),
    "has a few open files": "import os; print(sorted(os.listdir('/proc/self/fd'))[:3])",
    "waits for children": (
        "import os\n"
        "if os.fork() == 0:\n    os._exit(5)\n"
        "print(os.waitstatus_to_exitcode(os.wait()[1]))"
    ),
    "prints from a fork": "import os\nprint('x')\nif os.fork():\n    os.wait()\n",
}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    """A cold and a warm launcher, for scripts that are written after they were made."""
    places = [Place(tmp_path_factory.mktemp(name) / "code") for name in ("cold", "warm")]
    for place in places:
        place.path.mkdir()
        place.write("VALUE = 3", "neighbour.py")
    options = {"environment": BUFFERED}
    with (
        places[0].launcher("an", "argument", **options) as cold,
        places[1].launcher("an", "argument", **options, warm=True) as warm,
    ):
        yield list(zip(places, (cold, warm), strict=True))


@pytest.mark.parametrize("number", range(len(SCRIPTS)), ids=list(SCRIPTS))
def test_the_same_script(both: Both, number: int) -> None:
    shown = []
    for place, launcher in both:
        place.write(list(SCRIPTS.values())[number])
        launcher.start(assignment(number), timeout=None)
        ran = place.ran(until_exit(launcher))
        texts = [text.replace(str(place.path), "CODE") for text in (ran.stdout, ran.stderr)]
        texts = [re.sub("0x[0-9a-f]+", "ADDRESS", text) for text in texts]
        shown.append((ran.exited.exit_code, ran.exited.signal, *texts))
    cold, warm = shown
    assert warm == cold


@pytest.mark.parametrize("script", ["imports its neighbour", "imports what is missing"])
def test_imports_beforehand_change_nothing(place: Place, script: str) -> None:
    place.write(SCRIPTS[script])
    place.write("VALUE = 3", "neighbour.py")
    cold, warm = [place.run(warm=warm) for warm in (False, True)]
    assert (warm.stdout, warm.stderr) == (cold.stdout, cold.stderr)
    assert warm.exited == cold.exited


def test_a_file_left_open_is_complete(place: Place) -> None:
    place.write(SCRIPTS["leaves a file open"])
    place.run(warm=True)
    assert (place.path / "left.txt").read_text() == "text"


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_script_that_uses_multiprocessing(place: Place, method: str) -> None:
    place.write(
        "import multiprocessing\n"
        "def square(x):\n    return x * x\n"
        "if __name__ == '__main__':\n"
        f"    with multiprocessing.get_context('{method}').Pool(2) as pool:\n"
        "        print(pool.map(square, range(4)))\n"
    )
    ran = place.run(warm=True)
    assert (ran.stdout, ran.stderr, ran.exited.exit_code) == ("[0, 1, 4, 9]\n", "", 0)


def test_a_module_is_run_as_the_command_says(place: Place) -> None:
    (place.path / "pack").mkdir()
    place.write("", "pack/__init__.py")
    place.write("NAME = 'b'", "pack/b.py")
    place.write(
        "import sys\nfrom .b import NAME\n"
        "print(NAME, __name__, __package__, __spec__.name, sys.argv, sys.path[0])",
        "pack/train.py",
    )
    place.write("from .b import NAME\nprint(NAME, __spec__.name)", "pack/__main__.py")
    for module in ("pack.train", "pack", "pack.none"):
        command = ("python", "-m", module, "--lr", "1")
        cold, warm = [place.run(command=command, warm=warm) for warm in (False, True)]
        assert warm.stdout == cold.stdout
        assert warm.exited.exit_code == cold.exited.exit_code


def test_a_script_that_is_missing(place: Place) -> None:
    cold, warm = [place.run(warm=warm) for warm in (False, True)]
    assert warm.exited.exit_code == cold.exited.exit_code == 2
    assert "can't open file" in cold.stderr
    assert "can't open file" in warm.stderr


def test_a_signal_reaches_the_handler_of_a_script(place: Place) -> None:
    place.write(
        "import os, signal, sys, time\n"
        "def save(*_):\n    print('saved')\n    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, save)\n"
        "open(os.environ['NAS_TUNERS_TRIAL_DIR'] + '/ready', 'w').write('\\n')\n"
        "time.sleep(600)\n"
    )
    with place.launcher(warm=True) as launcher:
        launcher.start(assignment(), timeout=None)
        place.said("ready")
        launcher.stop([0], grace=60)
        ran = place.ran(until_exit(launcher))
    assert (ran.exited.exit_code, ran.stdout) == (0, "saved\n")


def test_a_loader_with_workers_and_what_an_optimizer_imports(place: Place) -> None:
    pytest.importorskip("torch")
    place.write(
        "import sys, torch\n"
        "from torch.utils.data import DataLoader, TensorDataset\n"
        "if __name__ == '__main__':\n"
        "    data = TensorDataset(torch.arange(8.0))\n"
        "    loader = DataLoader(data, batch_size=2, num_workers=2)\n"
        "    print(sum(batch.sum().item() for (batch,) in loader))\n"
        "    print('torch._dynamo' in sys.modules)\n"
    )
    ran = place.run(warm=True)
    assert (ran.stdout, ran.stderr, ran.exited.exit_code) == ("28.0\nTrue\n", "", 0)


def test_an_abort_is_a_signal(place: Place) -> None:
    place.write("import os; os.abort()")
    assert place.run(warm=True).exited.signal == signal.SIGABRT
