"""Imports point one way: to the contract. Read from the source, whether or not it ever runs."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nas_tuners.contract.space_json import _TYPES

ROOT = Path(__file__).parents[1]
PACKAGES = ("nas_tuners", "trial_api", "search_spaces")
ON_TOP = ("nas_tuners.multi_trial", "nas_tuners.retiarii")
"""Packages that build on all others."""


def _modules() -> dict[str, Path]:
    """Dotted name -> file, of everything that is installed."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = _modules()


def _imports(module: str) -> Iterator[str]:
    """Every imported name as a dotted path, from functions and TYPE_CHECKING blocks too."""
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - max(node.level - 1, 0)]
            parts = [*(base if node.level else []), *([node.module] if node.module else [])]
            yield from (".".join([*parts, alias.name]) for alias in node.names)


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def _offending(importer: str, *, never: tuple[str, ...], but: tuple[str, ...] = ()) -> list[str]:
    return [
        f"{module} imports {name}"
        for module in MODULES
        if _within(module, (importer,)) and not _within(module, ON_TOP)
        for name in _imports(module)
        if _within(name, never) and not _within(name, but)
    ]


def test_the_walk_sees_relative_absolute_and_nested_imports() -> None:
    names = set(_imports("nas_tuners.contract.search_space"))
    assert {"nas_tuners.contract.domains.Entry", "hashlib", "pathlib.Path"} <= names
    assert "nas_tuners.contract.errors.SearchSpaceExhausted" in set(_imports("nas_tuners"))


def test_the_contract_imports_the_standard_library_and_itself() -> None:
    assert [
        f"{module} imports {name}"
        for module in MODULES
        if _within(module, ("nas_tuners.contract",))
        for name in _imports(module)
        if name.split(".")[0] not in sys.stdlib_module_names
        and not _within(name, ("nas_tuners.contract",))
    ] == []


@pytest.mark.parametrize(
    ("importer", "never", "but"),
    [
        ("nas_tuners", ("trial_api", "search_spaces"), ()),
        ("trial_api", ("nas_tuners",), ("nas_tuners.contract",)),
        ("trial_api", ("search_spaces",), ()),
        ("search_spaces", ("nas_tuners",), ("nas_tuners.contract",)),
        ("nas_tuners.tuners", ("nas_tuners.experiment", "nas_tuners.cli"), ()),
        ("nas_tuners.experiment", ("nas_tuners.cli",), ()),
        *[
            (package, ("nas_tuners.testing",), ())
            for package in ("nas_tuners.tuners", "nas_tuners.experiment", "nas_tuners.cli")
        ],
        *[(package, ("tests", "examples", "benchmarks"), ()) for package in PACKAGES],
    ],
)
def test_no_import_points_the_other_way(
    importer: str, never: tuple[str, ...], but: tuple[str, ...]
) -> None:
    assert _offending(importer, never=never, but=but) == []


def test_nobody_builds_on_what_stands_on_top() -> None:
    """The package's own names lead there, on first use."""
    assert [
        f"{module} imports {name}"
        for module in MODULES
        if module != "nas_tuners" and not _within(module, ON_TOP)
        for name in _imports(module)
        if _within(name, ON_TOP)
    ] == []


def test_what_stands_on_top_uses_public_modules_of_the_training_side() -> None:
    assert [
        f"{module} imports {name}"
        for module in MODULES
        if _within(module, ON_TOP)
        for name in _imports(module)
        if _within(name, ("trial_api", "search_spaces"))
        and any(part.startswith("_") for part in name.split("."))
    ] == []


def _strings(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    return {node.value for node in nodes if isinstance(node.value, str)}


def test_type_names_stand_in_one_file() -> None:
    """Test cases, networks and NNI's names may be the words; what runs searches has none.

    Nor has a drawing of a supernet, in which "choice" is a kind of node.
    """
    drawings = ("trial_api.graph", "nas_tuners.viewer")
    others = ("nas_tuners.testing", "search_spaces", "nas_tuners.migrate", *drawings)
    holders = [
        module
        for module, path in MODULES.items()
        if not _within(module, others) and not _strings(path).isdisjoint(_TYPES)
    ]
    assert holders == ["nas_tuners.contract.space_json"]
