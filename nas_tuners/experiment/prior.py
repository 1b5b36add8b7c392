"""What is known before the first trial: scores and results, in files that the user names."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import (
    ArchitectureError,
    ConfigError,
    Problem,
    SearchSpaceError,
    first_of,
)
from nas_tuners.contract.json_files import read_text, write_text

if TYPE_CHECKING:
    from .configuration.parts import TunerConfig

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Prior:
    """Records ``{"parameter": {...}, "value": ...}``, named like the tuner's methods.

    Attributes:
        warm_start: Scores of architectures, on any scale.
        import_data: Results of trials that are not in the study.
    """

    warm_start: Sequence[Record] = ()
    import_data: Sequence[Record] = ()


def read_prior(tuner: TunerConfig, base: Path) -> Prior:
    """The files that a configuration names, relative to ``base``.

    Raises:
        ConfigError: if one cannot be read, or something in it is no record.
    """
    scores, results = tuner.warm_start, tuner.import_data
    return Prior(
        warm_start=_read_scores(base / scores) if scores else (),
        import_data=_read_records(base / results) if results else (),
    )


def save_prior(prior: Prior, tuner: TunerConfig, folder: Path) -> TunerConfig:
    """Write the records into an experiment's folder; the configuration that names these files."""
    return replace(
        tuner,
        warm_start=_save(prior.warm_start, folder, "warm_start.json"),
        import_data=_save(prior.import_data, folder, "import_data.json"),
    )


def prior_problems(tuner: TunerConfig) -> Iterator[Problem]:
    """What is wrong with the files, as far as it can be told without the search space."""
    for name, read in (("warm_start", _read_scores), ("import_data", _read_records)):
        path: Path | None = getattr(tuner, name)
        try:
            if path is not None:
                read(path)
        except ConfigError as error:
            for problem in error.problems:
                yield Problem(f"tuner.{name}", f"{error.source}: {problem}")


def _save(records: Sequence[Record], folder: Path, name: str) -> Path | None:
    if not records:
        return None
    lines = ",\n".join(json.dumps(record) for record in records)
    write_text(folder / name, f"[\n{lines}\n]\n")
    return Path(name)


def _read_scores(path: Path) -> list[Record]:
    """Records of which at least one has a number."""
    from nas_tuners.tuners._records import from_text, number_of

    records = _read_records(path)
    if all(number_of(from_text(record["value"])) is None for record in records):
        odd = records[0]["value"]
        raise ConfigError(f"no value is a finite number, the first is {odd!r}", str(path))
    return records


def _read_records(path: Path) -> list[Record]:
    """A JSON list, or JSON lines in a file ``.jsonl``."""
    try:
        text = read_text(path)
    except SearchSpaceError as error:
        raise ConfigError(error.problems, str(path)) from None
    items = _lines(text, path) if path.suffix == ".jsonl" else _list(text, path)
    if not items:
        raise ConfigError("holds no record", str(path))
    wrong = [Problem(where, mistake) for where, item in items if (mistake := _mistake(item))]
    _raise_if_any(wrong, path)
    return [item for _, item in items]


def _list(text: str, path: Path) -> list[tuple[str, Any]]:
    content = _parse(text, path, "")
    if not isinstance(content, list):
        kind = type(content).__name__
        raise ConfigError(
            f"expected a list of records, got a {kind} (one record a line goes in a file .jsonl)",
            str(path),
        )
    return [(f"record {index}", item) for index, item in enumerate(content)]


def _lines(text: str, path: Path) -> list[tuple[str, Any]]:
    items: list[tuple[str, Any]] = []
    problems: list[Problem] = []
    for number, line in enumerate(text.split("\n"), start=1):
        try:
            if line.strip():
                items.append((f"line {number}", _parse(line, path, f"line {number}")))
        except ConfigError as error:
            problems += error.problems
    _raise_if_any(problems, path)
    return items


def _parse(text: str, path: Path, where: str) -> Any:
    """JSON; NaN is let through, as programs write it for what has failed."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = where or f"line {error.lineno}"
        problem = Problem(f"{where}, column {error.colno}", f"broken JSON: {error.msg}")
    except (ValueError, RecursionError) as error:  # too many digits, too many brackets
        problem = Problem(where, f"not usable as JSON: {error}")
    raise ConfigError([problem], str(path))


def _mistake(item: Any) -> str:
    """Why something is no record; empty if it is one."""
    from nas_tuners.tuners._records import field_of, from_text

    try:
        parameters, _ = from_text(field_of(item, "parameter")), field_of(item, "value")
    except ArchitectureError as error:
        return str(error)
    if not isinstance(parameters, Mapping):
        return f"`parameter` must be an object of keys, got a {type(parameters).__name__}"
    return ""


def _raise_if_any(problems: Sequence[Problem], path: Path) -> None:
    if problems:
        raise ConfigError(first_of(problems), str(path))
