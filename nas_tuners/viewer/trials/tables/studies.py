"""The studies in a database, and what each says of itself."""

from __future__ import annotations

from sqlalchemy import Connection, Engine, select

from ..reader import which_study
from ..rows import StudyFacts
from .schema import DIRECTION, DIRECTIONS, STUDIES, STUDY_SYSTEM, STUDY_USER, read_json


def study_names(engine: Engine) -> list[str]:
    """The studies in a database, the oldest first."""
    with engine.connect() as connection:
        return [name for _, name in _studies(connection)]


def find_study(connection: Connection, name: str | None) -> tuple[int, str]:
    """The id and the name of a study.

    Raises:
        ExperimentError: if there is no such study, or several where one was meant.
    """
    return which_study(_studies(connection), name)


def read_facts(connection: Connection, study_id: int, name: str) -> StudyFacts:
    """What a study says of itself."""
    directions = connection.execute(
        select(DIRECTION).where(DIRECTIONS.c.study_id == study_id).order_by(DIRECTIONS.c.objective)
    ).fetchall()
    user, system = (
        connection.execute(
            select(table.c.key, table.c.value_json).where(table.c.study_id == study_id)
        ).fetchall()
        for table in (STUDY_USER, STUDY_SYSTEM)
    )
    names = read_json(dict(map(tuple, system)).get("study:metric_names"))
    return StudyFacts(
        name,
        [str(direction).lower() for (direction,) in directions],
        names if isinstance(names, list) else None,
        {key: read_json(value) for key, value in user},
    )


def _studies(connection: Connection) -> list[tuple[int, str]]:
    c = STUDIES.c
    rows = connection.execute(select(c.study_id, c.study_name).order_by(c.study_id))
    return [(int(study_id), str(name)) for study_id, name in rows]
