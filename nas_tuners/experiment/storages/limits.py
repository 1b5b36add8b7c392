"""How long a text the storage takes: MySQL and MariaDB cut Optuna's columns off at 64 KB."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from nas_tuners.contract.errors import ExperimentError

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

_logger = logging.getLogger(__name__)

_TABLES = (
    "study_user_attributes",
    "study_system_attributes",
    "trial_user_attributes",
    "trial_system_attributes",
)
_COLUMN = "value_json"


def text_limit(storage: BaseStorage) -> int | None:
    """How many bytes of JSON an attribute may have; None if that is not limited."""
    from sqlalchemy import bindparam, text

    engine = getattr(getattr(storage, "_backend", storage), "engine", None)
    if engine is None or engine.dialect.name not in ("mysql", "mariadb"):
        return None
    query = text(
        "SELECT MIN(character_octet_length) FROM information_schema.columns "
        "WHERE table_schema = DATABASE() AND table_name IN :tables AND column_name = :column"
    ).bindparams(bindparam("tables", expanding=True))
    with engine.connect() as connection:
        found = connection.execute(query, {"tables": _TABLES, "column": _COLUMN}).scalar()
    return None if found is None else int(found)


def refuse_too_long(storage: BaseStorage, attributes: Mapping[str, Any]) -> None:
    """Refuse what could not be recorded, before anything is.

    Args:
        storage: Any of Optuna's.
        attributes: What is to be recorded, by what people call it.

    Raises:
        ExperimentError: naming all that is too long, and what to do.
    """
    limit = text_limit(storage)
    if limit is None:
        return
    sizes = {name: _bytes_of(value) for name, value in attributes.items()}
    too_long = [f"{name} has {size:,} bytes" for name, size in sizes.items() if size > limit]
    if too_long:
        statements = "; ".join(f"ALTER TABLE {t} MODIFY {_COLUMN} MEDIUMTEXT" for t in _TABLES)
        raise ExperimentError(
            f"{', and '.join(too_long)} as JSON, and this database takes {limit:,} at most (a "
            "TEXT column of MySQL or MariaDB). Use PostgreSQL (postgresql://user@host/name) or a "
            "journal file (journal:////shared/study.log) as the storage, or let the columns hold "
            f"more: {statements}"
        )


def shortened(
    result: Mapping[str, Any], *, needed: Iterable[str], limit: int | None
) -> dict[str, Any]:
    """A result as it can be recorded: where it is too long, no more than what is needed of it.

    Args:
        result: What a trial reported.
        needed: The names that the search goes by.
        limit: As :func:`text_limit` gives it.
    """
    size = _bytes_of(result)
    if limit is None or size <= limit:
        return dict(result)
    _logger.warning(
        "a result of %d bytes is recorded without what the search does not go by: the database "
        "takes %d; all of it is in the trial's metrics.jsonl",
        size,
        limit,
    )
    return {name: result[name] for name in needed if name in result}


def _bytes_of(attribute: Any) -> int:
    return len(json.dumps(attribute))  # which escapes all that is not ASCII
