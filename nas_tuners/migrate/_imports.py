"""Import statements, as they become."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import libcst as cst

from ._edits import Edit
from ._script import ImportStatement, Script, walk


@dataclass(frozen=True)
class Outcome:
    """What becomes of one name that a statement imports.

    Attributes:
        alias: The part of the statement.
        target: What its local name shall stand for, as ``"package:name"``; None where nothing
            takes its place.
        local: The local name.
        is_kept: Whether it stays as it is.
        packages: What must be imported besides, for dotted names.
    """

    alias: cst.ImportAlias
    target: str | None = None
    local: str = ""
    is_kept: bool = False
    packages: tuple[str, ...] = ()


class Imports:
    """Rewrites the import statements of a script, in order, and imports nothing twice."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._present = self._packages_at_top()

    def rewrite(self, statement: ImportStatement, outcomes: Sequence[Outcome]) -> Iterator[Edit]:
        """The edits of one statement.

        Args:
            statement: The statement.
            outcomes: One for each name that it imports.
        """
        if all(one.is_kept and not one.packages for one in outcomes):
            return
        package = _common_package(statement, outcomes)
        if package is not None:
            yield from self._rename(statement, outcomes, package)
            return
        lines = [*self._kept(statement, outcomes), *_imported(outcomes)]
        lines += self._packages(statement, outcomes)
        yield from self._replace(statement, lines)

    def _rename(
        self, statement: ImportStatement, outcomes: Sequence[Outcome], package: str
    ) -> Iterator[Edit]:
        """Other names in the same statement, whose layout and comments stay."""
        assert isinstance(statement, cst.ImportFrom)
        assert statement.module is not None
        yield Edit(*self._script.span(statement.module), package)
        for one in outcomes:
            name = _name(one)
            if one.alias.asname is None and name != one.local:
                name = f"{name} as {one.local}"
            yield Edit(*self._script.span(one.alias.name), name)

    def _kept(self, statement: ImportStatement, outcomes: Sequence[Outcome]) -> Iterator[str]:
        kept = [self._script.code(one.alias).rstrip(", \t") for one in outcomes if one.is_kept]
        if kept and isinstance(statement, cst.ImportFrom):
            assert statement.module is not None
            yield f"from {self._script.code(statement.module)} import {', '.join(kept)}"
        elif kept:
            yield f"import {', '.join(kept)}"

    def _packages(self, statement: ImportStatement, outcomes: Sequence[Outcome]) -> Iterator[str]:
        start, _ = self._script.span(statement)
        for package in _without_parents([name for one in outcomes for name in one.packages]):
            if self._present.get(package, start) < start:
                continue
            if self._is_at_top(statement):
                self._present[package] = start
            yield f"import {package}"

    def _replace(self, statement: ImportStatement, lines: Sequence[str]) -> Iterator[Edit]:
        line = self._script.parent(statement)
        start, stop = self._script.span(statement)
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1:
            yield Edit(start, stop, "; ".join(lines) or "pass")
        elif lines or not self._is_at_top(statement) or line.trailing_whitespace.comment:
            lines = [*_comments(statement), *(lines or ["pass"])]
            yield Edit(start, stop, f"{self._script.newline}{self._indent(start)}".join(lines))
        else:
            content = self._script.content
            end = content.find(b"\n", stop)
            yield Edit(start, end + 1 if end >= 0 else len(content), "")

    def _packages_at_top(self) -> dict[str, int]:
        """The packages whose dotted names can be used, and from where on."""
        found: dict[str, int] = {}
        for line in self._script.module.body:
            for statement in line.body if isinstance(line, cst.SimpleStatementLine) else ():
                start, _ = self._script.span(statement)
                for package in _dotted_names(statement):
                    found.setdefault(package, start)
        return found

    def _indent(self, start: int) -> str:
        return self._script.content[:start].decode().rpartition("\n")[2]

    def _is_at_top(self, statement: ImportStatement) -> bool:
        line = self._script.parent(statement)
        return self._script.parent(line) is self._script.module


def _common_package(statement: ImportStatement, outcomes: Sequence[Outcome]) -> str | None:
    """The one package that everything in a statement comes from now, if that is all."""
    packages = {_package(one) for one in outcomes}
    is_whole = all(one.target is not None and not one.packages for one in outcomes)
    if isinstance(statement, cst.ImportFrom) and is_whole and len(packages) == 1:
        return packages.pop()
    return None


def _imported(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """One statement a package."""
    by_package: dict[str, list[str]] = {}
    for one in outcomes:
        if one.target is not None:
            name = _name(one)
            text = name if name == one.local else f"{name} as {one.local}"
            by_package.setdefault(_package(one), []).append(text)
    for package, names in by_package.items():
        yield f"from {package} import {', '.join(names)}"


def _package(outcome: Outcome) -> str:
    return (outcome.target or "").partition(":")[0]


def _name(outcome: Outcome) -> str:
    return (outcome.target or "").partition(":")[2]


def _dotted_names(statement: cst.BaseSmallStatement) -> Iterator[str]:
    """``a`` and ``a.b`` of ``import a.b``."""
    for alias in statement.names if isinstance(statement, cst.Import) else ():
        if alias.asname is None:
            yield from accumulate(alias.evaluated_name.split("."), "{}.{}".format)


def _comments(statement: ImportStatement) -> list[str]:
    return [node.value for node in walk(statement) if isinstance(node, cst.Comment)]


def _without_parents(packages: Sequence[str]) -> list[str]:
    """Each once, and none that the import of another brings along."""
    return [
        one
        for one in dict.fromkeys(packages)
        if not any(other.startswith(f"{one}.") for other in packages)
    ]
