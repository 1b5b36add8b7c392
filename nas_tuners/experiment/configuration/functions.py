"""Whether a function is where a configuration says, as far as files tell.

Nothing of the user's is imported for this, no package around a module either. What only an import
can tell is taken for right, and told when it runs.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import symtable
import sys
import warnings
from collections.abc import Iterable, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import decode_source
from pathlib import Path

from nas_tuners._classes import hint_at_module
from nas_tuners.contract.errors import did_you_mean

_DYNAMIC = {"eval", "exec", "globals", "locals", "setattr", "vars", "__path__"}


def function_problem(path: str, places: Sequence[str]) -> str | None:
    """What is certainly wrong with an import path; None if nothing is, as far as can be known.

    Args:
        path: ``module:name``.
        places: Folders in which modules are looked up before Python's own, the first one first.
    """
    module, _, name = path.partition(":")
    importlib.invalidate_caches()
    if PathFinder.find_spec("sitecustomize", places) is not None:
        return None  # Python runs it before all else, and it may know further folders
    try:
        spec = _find(module, places)
        return _problem_within(spec, module, name) if spec is not None else None
    except _AbsentError as absent:
        return f"{absent}{hint_at_module(path) or did_you_mean(absent.name, absent.known)}"
    except SyntaxError as error:
        return f"{error.filename}, line {error.lineno}: this is no Python: {error.msg}"
    except Exception:  # of somebody's import hook, or of a source too large to parse
        return None


class _AbsentError(Exception):
    """There is no module of this name; these are there."""

    def __init__(self, name: str, where: str, known: Iterable[str]) -> None:
        super().__init__(f"no module {name!r} (looked in {where})")
        self.name, self.known = name, list(known)


def _find(module: str, places: Sequence[str]) -> ModuleSpec | None:
    """How it is imported; None if only its packages, once imported, know."""
    first, *rest = module.split(".")
    spec = _ask_finders(first, [*places, *sys.path])
    if spec is None:
        raise _AbsentError(first, f"{places[0]} first", _modules_in(places))
    found = first
    for part in rest:
        is_package = spec.submodule_search_locations is not None
        inside = list(dict.fromkeys(spec.submodule_search_locations or ()))
        inner = _ask_finders(f"{found}.{part}", inside, within=inside) if is_package else None
        is_file = part == "py" and not is_package  # as in evaluate.py:evaluate
        if inner is None and not (is_file or _is_plain(spec)):
            return None
        if inner is None:
            known = (f"{found}.{name}" for name in _modules_in(inside))
            where = ", ".join(inside) or f"{spec.origin}, which is no package"
            raise _AbsentError(f"{found}.{part}", where, known)
        spec, found = inner, f"{found}.{part}"
    return spec


def _ask_finders(
    module: str, places: Sequence[str], *, within: Sequence[str] | None = None
) -> ModuleSpec | None:
    """What Python's finders say, in their order; some are of editable installations.

    That of folders is asked by the last name alone: the whole one makes it look for the package
    among the modules that are imported.
    """
    last = module.rpartition(".")[2]
    for finder in sys.meta_path:
        if finder is PathFinder:
            spec = PathFinder.find_spec(last, places)
        else:
            spec = finder.find_spec(module, within)
        if spec is not None:
            return spec
    return None


def _modules_in(places: Sequence[str]) -> list[str]:
    return [module.name for module in pkgutil.iter_modules(places)]


def _is_plain(spec: ModuleSpec) -> bool:
    """Whether importing it makes no modules but those in its folder: it imports and defines."""
    source = _source(spec)
    if source is None:
        return _is_bare_folder(spec)
    nodes = list(ast.walk(_parse(source, spec)))
    calls = any(isinstance(node, ast.Call) for node in nodes)
    return not calls and not any(_is_dynamic(node) for node in nodes)


def _problem_within(spec: ModuleSpec, module: str, name: str) -> str | None:
    if _is_bare_folder(spec):
        return f"{module!r} is a folder without __init__.py, which holds no function"
    source = _source(spec)
    if source is None:
        return None
    tree = _parse(source, spec)
    names = _names(tree, source, str(spec.origin))
    if name in names or "__getattr__" in names or any(map(_is_dynamic, ast.walk(tree))):
        return None
    return f"module {module!r} ({spec.origin}) has no {name!r}{did_you_mean(name, names)}"


def _is_bare_folder(spec: ModuleSpec) -> bool:
    return spec.loader is None and spec.submodule_search_locations is not None


def _source(spec: ModuleSpec) -> str | None:
    """Of what is written in Python, lies in a file of its own, and is loaded as it is there."""
    if type(spec.loader) is SourceFileLoader and spec.origin:
        return decode_source(Path(spec.origin).read_bytes())
    return None


def _parse(source: str, spec: ModuleSpec) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the user's code: told when it is imported
        return ast.parse(source, str(spec.origin))


def _names(tree: ast.Module, source: str, file: str) -> set[str]:
    """What stands at the top level, by whatever statement, or is said to belong there."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        symbols = symtable.symtable(source, file, "exec").get_symbols()
    own = {s.get_name() for s in symbols if s.is_assigned() or s.is_imported() or s.is_namespace()}
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            own.update(node.names)
        elif isinstance(node, ast.ImportFrom) and node.level and node.module:
            own.add(node.module.partition(".")[0])  # a part of a package
    return own


def _is_dynamic(node: ast.AST) -> bool:
    """Whether it may make names, or modules, that do not stand in the source."""
    if isinstance(node, ast.ImportFrom):
        return any(alias.name == "*" for alias in node.names)
    if isinstance(node, ast.Name):
        return node.id in _DYNAMIC
    return isinstance(node, ast.Attribute) and ast.unparse(node).endswith("sys.modules")
