"""An experiment file of NNI's on its way to ours: what it gives, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nas_tuners.contract.errors import Problem

from ..yaml_file import YamlFile
from .keys import TABLES, VERSIONS, Becomes, Fate, Ignored, Refused, folded
from .strangers import meant, unknown_key


@dataclass(frozen=True)
class Given:
    """A value, and the key of NNI's file that it stands at."""

    value: Any
    key: str


@dataclass
class Draft:
    """What a file gives, by our keys; those of parts are written with a dot.

    Attributes:
        file: The file as it was read.
        version: The version of NNI's files that it is in, 1 or 2.
        because: The key that told the version; empty if most of its keys did.
        given: Our key, or a word that the conversion takes together -> what is given for it.
        notes: What people should know of the conversion, each with its line.
        problems: What is wrong, each with its line.
    """

    file: YamlFile
    version: int
    because: str
    given: dict[str, Given] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def table(self) -> Mapping[str, Fate]:
        """Its version's keys."""
        return TABLES[self.version]

    @property
    def fold(self) -> bool:
        """Whether case and underscores in keys do not matter."""
        return self.version == 2

    @property
    def read_as(self) -> str:
        """Which version the file is taken for, and why."""
        keys = self.file.where(self.because) if self.because else "most of its keys"
        return f"this file is read as NNI's {VERSIONS[self.version]} because of {keys}"

    def value(self, name: str) -> Any:
        """What is given for a key of ours, or None."""
        return self.given[name].value if name in self.given else None

    def names(self, section: str) -> list[str]:
        """What is given below a part of ours."""
        return [name for name in self.given if name.startswith(f"{section}.")]

    def key_of(self, name: str) -> str:
        """NNI's key for one of ours: as the file has it, or else as NNI writes it."""
        if name in self.given:
            return self.given[name].key
        return next(iter(self.keys_for(name)), name)

    def keys_for(self, name: str) -> list[str]:
        """The keys of NNI's that may give one of ours."""
        fates = self.table.items()
        return [key for key, fate in fates if isinstance(fate, Becomes) and fate.name == name]

    def note(self, key: str, message: str) -> None:
        """Tell something about a key of NNI's."""
        self.notes.append(f"{self.file.where(key)}: {message}")

    def wrong(self, key: str, message: str) -> None:
        """Something is wrong with a key of NNI's."""
        self.problems.append(Problem(self.file.where(key), message))


def read_draft(file: YamlFile, version: int, *, because: str) -> Draft:
    """Take up every key of a file; the arguments are those of :class:`Draft`."""
    draft = Draft(file, version, because)
    _read_section(draft, "", "", file.content)
    return draft


def _read_section(draft: Draft, section: str, written: str, content: Any) -> None:
    """``section`` as the table has it, ``written`` as the file has it."""
    known = _keys_of(draft, section)
    for key, value in content.items():
        place = _join(written, str(key))
        name = known.get(folded(key) if draft.fold else str(key))
        if name is None:
            inside = _join(section, str(key))
            draft.wrong(place, unknown_key(draft, inside, known.values()))
            _take_as_meant(draft, inside, place, value)
        elif value is not None:
            _read_key(draft, _join(section, name), place, value)


def _take_as_meant(draft: Draft, key: str, written: str, value: Any) -> None:
    """Nothing is called missing that stands under the name of the other version."""
    for name, given in meant(draft, key, written, value).items():
        draft.given.setdefault(name, Given(*given))


def _read_key(draft: Draft, key: str, written: str, value: Any) -> None:
    fate = draft.table.get(key)
    if isinstance(value, Mapping) and _keys_of(draft, key):
        _read_section(draft, key, written, value)
    elif isinstance(fate, Becomes):
        _give(draft, fate, written, value)
    elif isinstance(fate, Ignored):
        draft.note(written, f"ignored: {fate.reason}")
    elif isinstance(fate, Refused):
        _refuse(draft, fate, written, value)
    else:
        kind = type(value).__name__
        draft.wrong(written, f"expected keys and values, got a {kind}: {value!r}")


def _refuse(draft: Draft, fate: Refused, written: str, value: Any) -> None:
    word = value.lower() if isinstance(value, str) else None
    if value and (word is None or word != fate.harmless):
        what = f"{value!r} is " if word is not None else ""
        draft.wrong(written, f"{what}not supported: {fate.reason}")


def _give(draft: Draft, fate: Becomes, written: str, value: Any) -> None:
    if fate.name in draft.given:
        draft.wrong(written, f"stands twice, as {draft.key_of(fate.name)} too")
    converted = fate.convert(value)
    draft.given[fate.name] = Given(converted, written)
    if converted != value:
        draft.note(written, f"written as {converted!r}")


def _keys_of(draft: Draft, section: str) -> dict[str, str]:
    """The keys of a section, as they are compared -> as the table has them."""
    start = f"{section}." if section else ""
    inner = (key[len(start) :] for key in draft.table if key.startswith(start))
    names = dict.fromkeys(key.partition(".")[0] for key in inner)
    return {folded(name) if draft.fold else name: name for name in names}


def _join(section: str, key: str) -> str:
    return f"{section}.{key}" if section else key
