"""The table of names as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from ._table import Family, Name
from .names import ENVIRONMENT, FAMILIES, MODULES


def names_table() -> str:
    """Every name of the table, a section for each family."""
    lines = [line for family in FAMILIES for line in _section(family)]
    lines += ["### Modules", "", "| NNI | here |", "| --- | --- |"]
    lines += [f"| `{nni}` | `{ours}` |" for nni, ours in MODULES.items()]
    lines += ["", "### Variables of the environment", "", "| NNI | here |", "| --- | --- |"]
    lines += [f"| `{variable}` | call `{call}` |" for variable, call in ENVIRONMENT.items()]
    return "\n".join(lines) + "\n"


def _section(family: Family) -> Iterator[str]:
    modules = ", ".join(f"`{module}`" for module in family.modules)
    yield from (f"### {family.title}", "", f"From {modules}.", "")
    yield from ("| NNI | here | to know |", "| --- | --- | --- |")
    for (ours, notes), names in groupby(family.names, lambda name: (_ours(name), _notes(name))):
        listed = [f"`{name.nni}`" for name in names]
        if notes:
            yield f"| {', '.join(listed)} | {ours} | {notes} |"
        else:
            yield from (f"| {name} | {ours} | |" for name in listed)
    yield ""


def _ours(name: Name) -> str:
    ours = (name.ours or "").replace(":", ".").removeprefix("builtins.")
    return f"`{ours}`" if ours else ""


def _notes(name: Name) -> str:
    notes = [name.note] if name.note else []
    if name.arguments is not None:
        notes += [f"`{old}` is `{new}`" for old, new in name.arguments.renamed.items()]
        notes += [f"`{gone}`: {why}" for gone, why in name.arguments.gone.items()]
    return "; ".join(notes)
