"""Functions that a configuration names are looked for without importing anything."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location, spec_from_loader
from pathlib import Path
from types import ModuleType

import pytest

from nas_tuners.experiment.configuration.functions import function_problem
from tests.experiment_kit import SPACE, Project

MARK = "open('imported', 'w').close()\n"
EVALUATE = f"""
{MARK}
from math import sqrt as root
import os.path
PATTERN = "\\d"

def evaluate(parameters):
    local = 1
    return 1.0

class Net:
    def method(self): ...

if os.sep:
    def conditional(parameters): ...

def register():
    global late
    late = evaluate
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path, "evaluate.py", EVALUATE)
    return tmp_path


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def write(folder: Path, name: str, text: str = "") -> None:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def found(folder: Path, path: str) -> str | None:
    return function_problem(path, [str(folder)])


@pytest.mark.parametrize("name", ["evaluate", "root", "Net", "conditional", "late", "os"])
def test_what_the_source_defines_is_there(folder: Path, name: str) -> None:
    assert found(folder, f"evaluate:{name}") is None


def test_what_it_does_not_define_is_not(folder: Path) -> None:
    place = f"module 'evaluate' ({folder}/evaluate.py)"
    assert found(folder, "evaluate:evalaute") == (
        f"{place} has no 'evalaute'; did you mean 'evaluate'?"
    )
    for name in ("local", "method", "sqrt"):
        assert found(folder, f"evaluate:{name}") == f"{place} has no {name!r}"


@pytest.mark.parametrize(
    "source",
    [
        "from os import *",
        "def __getattr__(name): ...",
        "__getattr__ = make()",
        "globals()['f'] = print",
        "import sys\nsetattr(sys.modules[__name__], 'f', print)",
        "exec(text)",
        "import sys\nsys.modules[__name__] = object()",
        "import sys as _sys\n_sys.modules[__name__] = object()",
        "from .f import other",
    ],
)
def test_what_only_an_import_can_tell_is_taken_for_right(folder: Path, source: str) -> None:
    write(folder, "pack/__init__.py", source)
    assert found(folder, "pack:f") is None


@pytest.mark.parametrize("path", ["math:nothing", "time:f", "_ssl:f", "os.path:join"])
def test_nothing_is_known_of_what_has_no_source(folder: Path, path: str) -> None:
    assert found(folder, path) is None


def test_a_module_that_is_not_there(folder: Path) -> None:
    assert found(folder, "evaluat:evaluate") == (
        f"no module 'evaluat' (looked in {folder} first); did you mean 'evaluate'?"
    )
    assert found(folder, "evaluate.py:evaluate") == (
        f"no module 'evaluate.py' (looked in {folder}/evaluate.py, which is no package); "
        "did you mean 'evaluate:evaluate'?"
    )


def test_a_module_without_a_package_around_it_imported(folder: Path) -> None:
    write(folder, "pack/__init__.py", "from .costs import cost\n")
    write(folder, "pack/costs.py", f"{MARK}def cost(parameters): ...")
    write(folder, "bare/deep/costs.py", f"{MARK}def cost(parameters): ...")
    assert found(folder, "pack.costs:cost") is None
    assert found(folder, "bare.deep.costs:cost") is None
    assert "has no 'coast'; did you mean 'cost'?" in str(found(folder, "bare.deep.costs:coast"))
    assert found(folder, "pack.cost:cost") == (
        f"no module 'pack.cost' (looked in {folder}/pack); did you mean 'pack.costs'?"
    )
    assert "'bare' is a folder without __init__.py" in str(found(folder, "bare:cost"))
    assert not {"evaluate", "pack", "bare"} & sys.modules.keys()
    assert not Path("imported").exists()


@pytest.mark.parametrize(
    "source", ["import sys\nsys.modules['pack.more'] = sys", "__path__ += ['x']", "install()"]
)
def test_a_package_may_make_modules_of_its_own(folder: Path, source: str) -> None:
    write(folder, "pack/__init__.py", source)
    assert found(folder, "pack.more:f") is None


def test_what_python_runs_first_may_know_further_folders(folder: Path) -> None:
    write(folder, "sitecustomize.py", MARK)
    assert found(folder, "elsewhere:f") is None
    assert not Path("imported").exists()


class Finder:
    """One of an editable installation: it knows where modules are, by their whole names."""

    def __init__(self, files: dict[str, Path]) -> None:
        self._files = files

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        file = self._files.get(name)
        return spec_from_file_location(name, file) if file else None


class Maker:
    """Finds and loads a package that lies in no file."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        made = name in ("made", "made.inner")
        return spec_from_loader(name, self, is_package=name == "made") if made else None

    def create_module(self, spec: ModuleSpec) -> None: ...

    def exec_module(self, module: ModuleType) -> None: ...


def test_a_module_that_an_editable_installation_has_elsewhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "pack/__init__.py", "from .costs import cost\n")
    finder = Finder({"pack.train": folder / "evaluate.py"})
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, finder])
    assert found(folder, "pack.train:evaluate") is None
    assert "has no 'evalaute'" in str(found(folder, "pack.train:evalaute"))
    assert "no module 'pack.trian'" in str(found(folder, "pack.trian:evaluate"))


def test_an_editable_installation_comes_before_a_folder_of_its_name(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, "pack/README")
    write(folder, "pack/src/pack/__init__.py")
    write(folder, "pack/src/pack/train.py", EVALUATE)
    finder = Finder({"pack": folder / "pack" / "src" / "pack" / "__init__.py"})
    monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
    assert found(folder, "pack.train:evaluate") is None


@pytest.mark.parametrize("path", ["made:f", "made.inner:f", "made.other:f"])
def test_nothing_is_known_of_what_an_import_hook_makes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Maker()])
    assert found(folder, path) is None


def test_a_source_that_is_no_python(folder: Path) -> None:
    write(folder, "torn.py", "def f(p):\n    return (\n")
    assert (
        found(folder, "torn:f")
        == f"{folder}/torn.py, line 2: this is no Python: '(' was never closed"
    )


# ---- in a configuration -------------------------------------------------------------------------


def test_a_wrong_function_is_told_with_its_line(project: Project) -> None:
    write(project.path, "evaluate.py", EVALUATE)
    text = f"tuner: random\nfunction: evaluate:evalute\nsearch_space: {SPACE}\n"
    (project.path / "config.yml").write_text(text)
    done = project.command("config", "check", project.path / "config.yml")
    assert done.returncode == 2
    place = f"module 'evaluate' ({project.path}/evaluate.py)"
    problem = f"function (line 2): {place} has no 'evalute'; did you mean 'evaluate'?"
    assert done.stderr == f"nas-tuners: error: {project.path}/config.yml: {problem}\n"
    (project.path / "config.yml").write_text(text.replace("evalute", "evaluate"))
    assert project.command("config", "check", project.path / "config.yml").returncode == 0


def test_a_wrong_measure_is_told_before_anything_runs(project: Project) -> None:
    write(project.path, "costs.py", "def cost(parameters): ...\n")
    project.write(constraint={"measure": "coasts:cost", "bounds": {"flops": "<= 1"}})
    done = project.run()
    assert done.returncode == 2
    assert "constraint.measure (line " in done.stderr
    assert "no module 'coasts'" in done.stderr
    assert "did you mean 'costs'?" in done.stderr
    assert not project.experiment.exists()


def test_modules_on_the_path_of_the_trials_are_found(project: Project) -> None:
    write(project.path, "lib/costs.py", "def cost(parameters): ...\n")
    constraint = {"measure": "costs:cost", "bounds": {"flops": "<= 1"}}
    project.write(constraint=constraint, environment={"PYTHONPATH": "lib"})
    assert project.command("config", "check", project.path / "config.yml").returncode == 0


@pytest.mark.parametrize(
    "launcher",
    [
        {"name": "ray", "args": {"runtime_env": {"pip": ["only-there"]}}},
        {"name": "ray", "args": {"address": "ray://head:10001"}},
        {"name": "slurm", "args": {"timeout_min": 9, "slurm_setup": ["export PYTHONPATH=lib"]}},
    ],
)
def test_jobs_with_another_python_know_better(
    project: Project, launcher: dict[str, object]
) -> None:
    pytest.importorskip("ray" if launcher["name"] == "ray" else "submitit")
    project.write(command=None, function="only_there:cost", launcher=launcher)
    done = project.command("config", "check", project.path / "config.yml")
    assert done.returncode == 0, done.stderr
