"""From NNI's names to ours: what becomes of each import."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from ._edits import Edit, apply_edits
from ._imports import Imports, Outcome
from ._lookup import find_whole
from ._marks import hidden, mark_at
from ._script import Binding, ImportStatement, Script
from ._uses import change_use, found_of, message_of
from .names import MODULES


def rewrite(text: str, source: str) -> str:
    """The script with our names, and marks where a person has to go on.

    Args:
        text: The script, without a byte order mark.
        source: Its name, for errors.

    Raises:
        ConfigError: if it is not Python.
    """
    script = Script(text, source)
    edits: list[Edit] = []
    outcomes: dict[ImportStatement, list[Outcome]] = {}
    for binding in script.bindings():
        outcome, changes = _settle(script, binding)
        outcomes.setdefault(binding.statement, []).append(outcome)
        edits += changes
    imports = Imports(script)
    for statement, known in outcomes.items():
        edits += imports.rewrite(statement, list(_with_others(statement, known)))
    edits += hidden(script)
    return apply_edits(script.content, edits).decode()


def _settle(script: Script, binding: Binding) -> tuple[Outcome, list[Edit]]:
    """What becomes of an imported name, and the changes where it is used."""
    own = find_whole(binding.nni)
    if not all(use.is_certain for use in binding.uses):
        message = f"`{binding.local}` may be something else, too: it was left as it is"
        return _kept(binding), [*mark_at(script, binding.statement, message)]
    if own is not None and own.ours is None and not own.goes_by_use:
        message = f"`{own.nni}`: {own.note}"
        return _kept(binding), [*mark_at(script, binding.statement, message)]
    if own is not None and own.ours is not None and not own.goes_by_use:
        return _settle_stable(script, binding, own.ours)
    if binding.nni in MODULES:
        package, _, name = MODULES[binding.nni].rpartition(".")
        return _settle_stable(script, binding, f"{package}:{name}")
    return _settle_by_use(script, binding)


def _settle_stable(script: Script, binding: Binding, ours: str) -> tuple[Outcome, list[Edit]]:
    """The local name stays and stands for what is ours."""
    edits: list[Edit] = []
    packages: list[str] = []
    for use in binding.uses:
        if use.is_quoted or (found_of(binding, use) is None and not use.attributes):
            continue  # the local name alone
        done = change_use(script, binding, use, ours)
        edits += done.edits if done else [*mark_at(script, use.chain[0], message_of(binding, use))]
        packages += done.packages if done else []
    return Outcome(binding.alias, ours, binding.local, packages=tuple(packages)), edits


def _settle_by_use(script: Script, binding: Binding) -> tuple[Outcome, list[Edit]]:
    """The uses are rewritten; the import goes if all of them are."""
    done = {use: change_use(script, binding, use, None) for use in binding.uses}
    if not done:
        message = f"`{binding.nni}` is not used: take it out"
        return _kept(binding), [*mark_at(script, binding.statement, message)]
    rewritten = [one for one in done.values() if one is not None]
    edits = [edit for one in rewritten for edit in one.edits]
    packages = tuple(package for one in rewritten for package in one.packages)
    left = [use for use, one in done.items() if one is None]
    for use in left:
        is_said_once = not use.attributes and found_of(binding, use) is None
        place = binding.statement if is_said_once else use.chain[0]
        edits += mark_at(script, place, message_of(binding, use))
    return Outcome(binding.alias, None, binding.local, bool(left), packages), edits


def _kept(binding: Binding) -> Outcome:
    return Outcome(binding.alias, local=binding.local, is_kept=True)


def _with_others(statement: ImportStatement, known: Sequence[Outcome]) -> Iterator[Outcome]:
    """One outcome for each name of a statement; what is not NNI's stays."""
    assert not isinstance(statement.names, cst.ImportStar)
    by_alias = {id(one.alias): one for one in known}
    for alias in statement.names:
        yield by_alias.get(id(alias), Outcome(alias, is_kept=True))
