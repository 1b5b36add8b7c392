"""Reading NNI's experiment files (1.x, and 2.x and 3.x) as ours."""

from __future__ import annotations

import logging
import shlex
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nas_tuners.contract.errors import Problem

from ..values import path as path_parser
from ..yaml_file import YamlFile
from .algorithms import settle_algorithms
from .draft import Draft, Given, read_draft
from .keys import VERSION_1, VERSION_2, Becomes, folded

_logger = logging.getLogger(__name__)

_PLACEHOLDER = "<the_generated_search_space_path>"
_PARTS = {"early_stopping": "assessor", "budget": "advisor"}  # ours -> NNI's
_SHARED = frozenset({"tuner"})  # keys of NNI's that are ours too


@dataclass(frozen=True)
class Converted:
    """An experiment file of NNI's as ours.

    Attributes:
        file: Our keys and values. Its lines are those of NNI's file, and so are the names by
            which it tells where something stands.
        version: The version of NNI's files that it is in, 1 or 2.
        notes: What was ignored, or chosen, each with its line.
    """

    file: YamlFile
    version: int
    notes: tuple[str, ...]


def is_nni(content: Any, ours: Iterable[str]) -> bool:
    """Whether a file is meant for NNI, complete or not.

    Args:
        content: What the file holds.
        ours: The keys of a file of ours.
    """
    if not isinstance(content, Mapping):
        return False
    keys = {str(key) for key in content}
    if "trainingServicePlatform" in keys or "trainingservice" in map(folded, keys):
        return True
    if keys & (set(ours) - _SHARED):
        return False
    return bool(keys & (_first_words(VERSION_1) | _first_words(VERSION_2)) - _SHARED)


def as_ours(file: YamlFile, path: Path, ours: Iterable[str]) -> YamlFile:
    """The same file; or what it stands for, if it is NNI's, with a word in the log.

    Args:
        file: What was read.
        path: Where.
        ours: The keys of a file of ours.
    """
    if not is_nni(file.content, ours):
        return file
    converted = convert(file, base=path.resolve().parent)
    _logger.info(
        "%s is read as an experiment file of NNI (version %d); `nas-tuners config convert %s` "
        "prints it as one of nas-tuners' own",
        *(path, converted.version, shlex.quote(str(path))),
    )
    for note in converted.notes:
        _logger.info("%s", note)
    return converted.file


def convert(file: YamlFile, *, base: Path) -> Converted:
    """Our keys and values for those of a file for which :func:`is_nni` holds.

    Nothing is raised: what is wrong stands in the ``problems`` of the new file.

    Args:
        file: What was read.
        base: The folder that it lies in.
    """
    version, because = _version(file.content)
    draft = read_draft(file, version, because=because)
    _settle_search_space(draft)
    settle_algorithms(draft)
    _settle_gpus(draft, base)
    return Converted(_as_file(draft), version, tuple(draft.notes))


def _version(content: Mapping[Any, Any]) -> tuple[int, str]:
    """That of the key that must be there, and this key; or the one that knows more of the keys."""
    if "trainingServicePlatform" in content:
        return 1, "trainingServicePlatform"
    for key in content:
        if folded(key) == "trainingservice":
            return 2, str(key)
    keys = set(map(str, content))
    known_1 = len(keys & _first_words(VERSION_1))
    known_2 = len(set(map(folded, keys)) & set(map(folded, _first_words(VERSION_2))))
    return (1 if known_1 > known_2 else 2), ""


def _first_words(table: Mapping[str, Any]) -> set[str]:
    return {key.partition(".")[0] for key in table}


def _settle_search_space(draft: Draft) -> None:
    inline = draft.given.pop("inline_search_space", None)
    given = draft.given.get("search_space")
    if inline is not None and given is not None:
        draft.wrong(inline.key, f"give either this or {given.key}, not both")
    elif inline is not None:
        draft.given["search_space"] = inline
    elif given is not None and given.value == _PLACEHOLDER:
        del draft.given["search_space"]
        draft.note(given.key, "the trial command generates it")


def _settle_gpus(draft: Draft, base: Path) -> None:
    """GPUs are looked after only if a number of them is given, as in NNI."""
    if "gpus.per_trial" not in draft.given:
        for name in draft.names("gpus"):
            key = draft.given.pop(name).key
            draft.note(key, f"ignored: it needs {draft.key_of('gpus.per_trial')}")
    elif draft.value("gpus.per_trial") and "gpus.use_occupied" not in draft.given:
        key, others = draft.key_of("gpus.use_occupied"), _others_run(draft, base)
        draft.given["gpus.use_occupied"] = Given(not others, key)
        why = "another experiment runs" if others else "no other experiment runs"
        draft.note(key, f"not given, and {why}: {'false' if others else 'true'}")


def _others_run(draft: Draft, base: Path) -> bool:
    """Whether an experiment runs in the folder where this one will have its own."""
    from ...folder import ExperimentFolder

    directory = Path.cwd() / "nas-experiments"
    with suppress(ValueError):  # a wrong one is found where it is read
        directory = path_parser(base)(draft.value("experiments_directory") or str(directory))
    with suppress(OSError):
        folders = [file.parent for file in directory.glob("*/config.json")]
        return any(ExperimentFolder(folder).runner() for folder in folders)
    return False


def _as_file(draft: Draft) -> YamlFile:
    content: dict[str, Any] = {}
    for name, given in draft.given.items():
        part, _, inner = name.partition(".")
        if inner:
            content.setdefault(part, {})[inner] = given.value
        else:
            content[part] = given.value
    problems: list[Problem] = [*draft.file.problems, *draft.problems]
    return YamlFile(content, draft.file.lines, problems, _origins(draft))


def _origins(draft: Draft) -> dict[str, str]:
    """Our key -> NNI's, also of what is not given, as that may be what is wrong."""
    names = [fate.name for fate in draft.table.values() if isinstance(fate, Becomes)]
    return _PARTS | {name: draft.key_of(name) for name in [*names, *draft.given]}
