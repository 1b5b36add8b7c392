"""A given list of architectures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, final

from nas_tuners.contract.architecture import to_vector
from nas_tuners.contract.errors import (
    ArchitectureError,
    Problem,
    SearchSpaceError,
    SearchSpaceExhausted,
)
from nas_tuners.contract.json_files import parse_json, read_text
from nas_tuners.contract.search_space import IndexVector, SearchSpace

from ._base import Ask, OptimizeMode, Tuner


@final
class BatchTuner(Tuner):
    """Proposes the given architectures in their order, each once, and ends.

    Asking and telling cost O(1), amortized.

    Args:
        batch: Architectures in any accepted form, or a JSON file with a list of them. None: every
            architecture of a space that consists of one finite key, as in NNI's batch tuner.
        optimize_mode: See :class:`Tuner`.
        seed: See :class:`Tuner`; nothing here is random.

    Example::

        tuner = BatchTuner([{"conv": "3x3"}, {"conv": "5x5"}])
    """

    multi_objective = True
    enumerates = True
    _attempts = 1  # what it proposes is new

    def __init__(
        self,
        batch: Sequence[Mapping[str, Any]] | str | Path | None = None,
        *,
        optimize_mode: OptimizeMode = "maximize",
        seed: int | None = None,
    ) -> None:
        super().__init__(optimize_mode=optimize_mode, seed=seed)
        if batch is not None and not isinstance(batch, (Sequence, Path)):
            raise ValueError(
                "`batch` must be a list of architectures, a JSON file with one, or None, "
                f"but got (batch={batch!r})."
            )
        self._batch = _load(batch) if isinstance(batch, (str, Path)) else batch
        self._vectors: list[IndexVector] = []
        self._next = 0

    def _prepare(self, space: SearchSpace) -> None:
        if self._batch is None:
            if len(space.specs) != 1 or isinstance(space.size, float):
                raise SearchSpaceError(
                    f"BatchTuner without `batch` needs a space of one finite key, got {space}; "
                    "give the architectures: BatchTuner(batch=[...])"
                )
            self._vectors = list(space.enumerate())
        else:
            self._vectors = _to_vectors(space, self._batch)

    def _propose(self, ask: Ask) -> IndexVector:
        pending = set(ask.pending.values())
        while self._next < len(self._vectors) and self._vectors[self._next] in self._evaluated:
            self._next += 1
        for place in range(self._next, len(self._vectors)):
            vector = self._vectors[place]
            if vector not in self._evaluated and vector not in pending:
                return vector
        raise SearchSpaceExhausted(f"all {len(self._vectors)} given architectures were proposed")


def _to_vectors(space: SearchSpace, batch: Sequence[Mapping[str, Any]]) -> list[IndexVector]:
    problems: list[Problem] = []
    vectors: list[IndexVector] = []
    for index, architecture in enumerate(batch):
        try:
            vectors.append(to_vector(space, architecture))
        except ArchitectureError as error:
            problems += [Problem(f"[{index}] {p.where}", p.message) for p in error.problems]
    if problems:
        raise ArchitectureError(problems, "batch")
    return vectors


def _load(path: str | Path) -> list[dict[str, Any]]:
    content = parse_json(read_text(Path(path)), str(path))
    if not isinstance(content, list):
        kind = type(content).__name__
        raise SearchSpaceError(f"expected a JSON list of architectures, got a {kind}", str(path))
    return content
