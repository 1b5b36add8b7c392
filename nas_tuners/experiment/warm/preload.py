"""Imports beforehand, in the process that trials are forked from, what they import.

A fork copies one thread only, and no CUDA context. So what starts a thread, or uses CUDA, as it is
imported must not be imported here: :class:`UnsafeImportError` names it, and a process that goes
without takes over from this one.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import sys
import threading
from collections.abc import Callable, Collection
from pathlib import Path

PRELOAD = "NAS_TUNERS_PRELOAD"
"""An environment variable: modules to import beforehand beside those that the script imports."""

# Their own pools of threads are made for being forked, or start at first use.
_FORK_SAFE = ("numpy", "torch")


class UnsafeImportError(Exception):
    """After this import the process must not be forked.

    Attributes:
        statement: The import.
        why: What it does.
        brought: Of numpy and torch what it imported first; their threads do no harm, so that it
            cannot be told whose threads these are.
    """

    def __init__(self, statement: str, why: str, brought: list[str]) -> None:
        super().__init__(f"`{statement}` {why}")
        self.statement, self.why, self.brought = statement, why, brought


def preload(
    statements: Collection[str],
    *,
    package: str,
    importing: Callable[[str], None],
    failed: Callable[[str, BaseException], None],
) -> None:
    """Run import statements one by one.

    Args:
        statements: What to run.
        package: That from which relative imports count.
        importing: Is told of each before it runs.
        failed: Is told of each that raises; trials run it again, and see for themselves.

    Raises:
        UnsafeImportError: if one leaves the process unfit for forking.
    """
    for statement in statements:
        importing(statement)
        absent = [name for name in _FORK_SAFE if name not in sys.modules]
        threads = _native_threads()
        try:
            exec(statement, {"__name__": "__preload__", "__package__": package})
        except (Exception, SystemExit) as error:
            failed(statement, error)
        why = _why_unsafe()
        brought = [name for name in absent if name in sys.modules]
        if not why and not _is_fork_safe(statement) and _native_threads() > threads:
            why = "starts threads"
        elif why:
            brought = []
        if why:
            raise UnsafeImportError(statement, why, brought)


def script_imports(path: Path) -> list[str]:
    """The import statements at the top level of a script; none if it cannot be read."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    return [ast.unparse(node) for node in tree.body if _is_import(node)]


def module_file(name: str) -> Path | None:
    """The file that ``python -m name`` runs, if there is one."""
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError, AttributeError):
        return None
    return Path(spec.origin) if spec is not None and spec.has_location and spec.origin else None


def _is_import(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module != "__future__"
    return isinstance(node, ast.Import)


def _is_fork_safe(statement: str) -> bool:
    """Whether it imports from numpy and torch only."""
    node = ast.parse(statement).body[0]
    if isinstance(node, ast.ImportFrom):
        names = [node.module or ""]
    else:
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [""]
    return all(name.partition(".")[0] in _FORK_SAFE for name in names)


def _why_unsafe() -> str:
    others = [thread.name for thread in threading.enumerate()[1:]]
    if others:
        return f"leaves a thread running ({', '.join(others)})"
    torch = sys.modules.get("torch")
    cuda = getattr(torch, "cuda", None)
    if cuda is not None and cuda.is_initialized():
        return "uses CUDA"
    return ""


def _native_threads() -> int:
    """How many threads the system counts, where it tells."""
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return threading.active_count()
