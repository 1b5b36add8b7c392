"""Imports that are done beforehand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tqdm import tqdm

from nas_tuners.experiment.warm.preload import (
    UnsafeImportError,
    _is_fork_safe,
    module_file,
    preload,
    script_imports,
)


@pytest.fixture(autouse=True)
def _no_thread_of_other_tests() -> None:
    """A progress bar of an earlier test leaves one in this process."""
    if tqdm.monitor is not None:
        tqdm.monitor.exit()
        tqdm.monitor = None


def test_the_imports_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "from __future__ import annotations\n"
        "import os, sys as system\n"
        "from a.b import (\n    c,\n    d as e,\n)\n"
        "from . import near\n"
        "from far import *\n"
        "x = 1\n"
        "if x:\n    import conditional\n"
        "def f():\n    import late\n"
    )
    assert script_imports(script) == [
        "import os, sys as system",
        "from a.b import c, d as e",
        "from . import near",
        "from far import *",
    ]


@pytest.mark.parametrize("content", [None, b"x = = 1", b"\xff\xfe\x00"])
def test_a_script_that_cannot_be_read_imports_nothing(
    tmp_path: Path, content: bytes | None
) -> None:
    script = tmp_path / "train.py"
    if content is not None:
        script.write_bytes(content)
    assert script_imports(script) == []


def test_the_file_of_a_module() -> None:
    assert module_file("json.tool") == Path(sys.modules["json"].__file__ or "").with_name(
        "tool.py"
    )
    assert module_file("asyncio") is not None
    assert module_file("asyncio").name == "__main__.py"  # type: ignore[union-attr]
    for name in ("sys", "email", "no_such_module", "no.such", "json.tool.x"):
        assert module_file(name) is None


@pytest.mark.parametrize(
    ("statement", "safe"),
    [
        ("import numpy as np", True),
        ("import numpy, torch.nn as nn", True),
        ("from torch.utils import data", True),
        ("import numpy, pyarrow", False),
        ("from torchvision import models", False),
        ("from . import torch", False),
    ],
)
def test_whose_threads_do_no_harm(statement: str, safe: bool) -> None:
    assert _is_fork_safe(statement) == safe


def test_statements_run_in_order_and_failures_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "preload_fails.py").write_text("raise ValueError('no')")
    told: list[str] = []
    preload(
        ["import json", "import preload_fails", "from json import nothing", "import os"],
        package="",
        importing=told.append,
        failed=lambda statement, error: told.append(type(error).__name__),
    )
    assert told == [
        "import json",
        "import preload_fails",
        "ValueError",
        "from json import nothing",
        "ImportError",
        "import os",
    ]


def test_the_use_of_cuda_is_unsafe(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a GPU is not at hand, torch's answer is a stand-in's."""

    class Cuda:
        @staticmethod
        def is_initialized() -> bool:
            return True

    class Torch:
        cuda = Cuda

    monkeypatch.setitem(sys.modules, "torch", Torch)  # type: ignore[arg-type]
    with pytest.raises(UnsafeImportError, match="`import json` uses CUDA") as caught:
        preload(["import json"], package="", importing=lambda _: None, failed=lambda *_: None)
    assert caught.value.brought == []
