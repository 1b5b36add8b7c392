"""Keys that stand in a file of NNI's by mistake: those of its other version, and those of ours."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import did_you_mean

from .keys import TABLES, VERSIONS, Becomes, Fate, folded

if TYPE_CHECKING:
    from .draft import Draft

_CONVERT = (
    "take it out, make the file one of nas-tuners' own (`nas-tuners config convert`), and add the "
    "key there"
)


def unknown_key(draft: Draft, key: str, known: Iterable[str]) -> str:
    """What is said of a key that the file's version does not have.

    Args:
        draft: What was read.
        key: The key, with the sections that it stands in.
        known: The keys that its section has.
    """
    ours, theirs = _is_ours(key), leaves(_other(draft), key)
    last = key.rpartition(".")[2]
    if not ours and not theirs:
        return f"unknown key{did_you_mean(last, known)}"
    whose = "nas-tuners' own files" if ours else f"NNI's {VERSIONS[_other(draft)]}"
    names = _names_here(draft, [key] if ours else _what_they_become(theirs.values()))
    advice = f"write {', '.join(names)}" if names else _without(ours)
    return f"a key of {whose}, but {draft.read_as}: {advice}"


def leaves(version: int, key: str) -> dict[str, Fate]:
    """The keys of a version that a key is, or that stand in it -> their fates."""
    wanted = _compared(version, key)
    found = {}
    for name, fate in TABLES[version].items():
        compared = _compared(version, name)
        if compared == wanted or compared.startswith(f"{wanted}."):
            found[name] = fate
    return found


def meant(draft: Draft, key: str, written: str, value: Any) -> dict[str, tuple[Any, str]]:
    """What the other version's key gives, where this version has such a key too.

    Args:
        draft: What was read.
        key: The key, as a table would have it.
        written: The key as the file has it.
        value: What stands there.

    Returns:
        Key of ours -> the value, and the key in the file at which it stands.
    """
    if isinstance(value, Mapping) and len(leaves(_other(draft), key)) > 1:
        inner = [meant(draft, f"{key}.{k}", f"{written}.{k}", v) for k, v in value.items()]
        return {name: given for found in inner for name, given in found.items()}
    fates = leaves(_other(draft), key).values()
    names = [name for name in _what_they_become(fates) if draft.keys_for(name)]
    return {name: (value, written) for name in names[:1] if value is not None}


def names_of_ours() -> dict[str, str]:
    """NNI's keys at the top of its files -> what they are called in ours, where ours have it."""
    found = {}
    for table in TABLES.values():
        for key, fate in table.items():
            if isinstance(fate, Becomes) and "." not in key and fate.name != key:
                found[key] = fate.name
    return found


def _is_ours(key: str) -> bool:
    from ..fields import fields_of

    return key in fields_of(Path())


def _names_here(draft: Draft, ours: Iterable[str]) -> list[str]:
    """This version's keys for keys of ours; for a part of ours, the section."""
    names = []
    for name in ours:
        inside = [k for k, fate in draft.table.items() if _gives(fate, f"{name}.")]
        sections = {key.rpartition(".")[0] or key for key in inside}
        names += draft.keys_for(name)[:1] or sorted(sections)[:1]
    return [f"`{name}`" for name in dict.fromkeys(names)]


def _gives(fate: Fate, start: str) -> bool:
    return isinstance(fate, Becomes) and fate.name.startswith(start)


def _what_they_become(fates: Iterable[Fate]) -> list[str]:
    return [fate.name for fate in fates if isinstance(fate, Becomes)]


def _without(ours: bool) -> str:
    return _CONVERT if ours else "it has none for this, leave it out"


def _other(draft: Draft) -> int:
    return 3 - draft.version


def _compared(version: int, key: str) -> str:
    return folded(key) if version == 2 else key
