"""Scores of architectures from elsewhere."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from nas_tuners.contract.errors import ArchitectureError
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._other_version import read_usable_records
from ._records import Record, number_of

_logger = logging.getLogger(__name__)


def read_scores(space: SearchSpace, records: Sequence[Record]) -> list[tuple[IndexVector, float]]:
    """Records ``{"parameter": {...}, "value": number}``, without those that have no number.

    Raises:
        ArchitectureError: if something is no record, none fits, or no score is a number.
    """
    if not records:
        return []
    read = read_usable_records(space, records, "scores of a warm start")
    scored = [(vector, number_of(value)) for vector, value in read]
    usable = [(vector, score) for vector, score in scored if score is not None]
    if len(usable) < len(read):
        odd = next(value for _, value in read if number_of(value) is None)
        message = (
            f"{len(read) - len(usable)} of {len(read)} scores of a warm start are no finite "
            f"number, such as {odd!r}"
        )
        if not usable:
            raise ArchitectureError(message)
        _logger.warning("%s; they are left out.", message)
    return usable
