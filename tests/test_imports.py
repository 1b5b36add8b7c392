"""What a fresh interpreter loads: nothing heavy before it is needed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = {"torch", "optuna", "scipy", "numpy", "ray", "yaml"}
HEAVY |= {"starlette", "uvicorn", "matplotlib"}
SCRIPT = Path(sys.executable).with_name("nas-tuners")


def _loaded(*arguments: str | Path) -> set[str]:
    """The modules that ``python ARGUMENTS`` imports, by the interpreter's own log."""
    command = [sys.executable, "-X", "importtime", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip() for line in lines}


@pytest.mark.parametrize(
    "arguments",
    [
        ("-c", "import nas_tuners"),
        ("-c", "import trial_api"),
        ("-c", "import nas_tuners.viewer"),
        ("-c", "from nas_tuners import SearchSpace; SearchSpace({})"),
        ("-c", "from trial_api import report_intermediate_result"),
        ("-m", "nas_tuners.cli", "--help"),
        ("-m", "nas_tuners.cli", "run", "--help"),
        ("-m", "nas_tuners.cli", "view", "--help"),
        (SCRIPT, "--help"),
    ],
    ids=lambda arguments: " ".join(map(str, arguments)).removeprefix(f"{SCRIPT.parent}/"),
)
def test_nothing_heavy_is_loaded(arguments: tuple[str, ...]) -> None:
    loaded = _loaded(*arguments)
    assert loaded & {"nas_tuners.contract", "nas_tuners", "trial_api"}, "the log was read"
    assert {name for name in loaded if name.split(".")[0] in HEAVY} == set()


def test_the_log_of_imports_would_show_a_heavy_one() -> None:
    assert "yaml" in _loaded("-c", "import yaml")


def test_the_contract_alone_needs_the_standard_library_alone() -> None:
    """With no installed packages in sight (``-I -S``), only our own source folder."""
    root = Path(__file__).parents[1]
    modules = sorted(path.stem for path in (root / "nas_tuners" / "contract").glob("[!_]*.py"))
    imports = "; ".join(f"import nas_tuners.contract.{name}" for name in modules)
    code = f"import sys; sys.path.insert(0, {str(root)!r}); {imports}"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
