"""Several objectives: what is not dominated, and how much it dominates. Higher is better."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ._exchange import Result

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_Point = tuple[float, ...]


def non_dominated(scores: Sequence[Sequence[float]]) -> list[int]:
    """The indices of the points that no other point dominates, in ascending order.

    A point dominates another that is better in no objective and worse in one. Of equal points all
    are listed. Costs O(points x front x objectives).

    Args:
        scores: One score an objective for each point.

    Raises:
        ValueError: if a score is NaN, or points differ in length.
    """
    import numpy as np

    if not len(scores):
        return []
    points = _as_array(scores)
    front: list[int] = []
    # Best first by the first objective, ties by the next: no point dominates one before it.
    for index in np.lexsort(-points.T[::-1]).tolist():
        others = points[front]
        at_least = (others >= points[index]).all(axis=1)
        if not (at_least & (others > points[index]).any(axis=1)).any():
            front.append(index)
    return sorted(front)


def pareto_front(results: Iterable[Result]) -> list[Result]:
    """The results that keep all bounds and that no other such result dominates, in their order."""
    feasible = [result for result in results if result.scores and not result.violation]
    return [feasible[index] for index in non_dominated([r.scores for r in feasible])]


def hypervolume(points: Sequence[Sequence[float]], reference: Sequence[float]) -> float:
    """The volume that points dominate above a reference point; exact.

    While, Bradstreet, Barone: A Fast Way of Calculating Exact Hypervolumes, IEEE Transactions on
    Evolutionary Computation 16(1), 2012, algorithm WFG: the sum, point by point, of what no later
    point dominates. Two objectives cost O(n log n), more of them exponentially more in the worst
    case: some hundred points of three or four objectives are a matter of a second.

    Args:
        points: One score an objective for each; those not above the reference in every objective
            count for nothing.
        reference: The corner from which volume is measured.

    Raises:
        ValueError: if a number is not finite, or lengths differ.

    Example::

        hypervolume([(1.0, 2.0), (2.0, 1.0)], reference=(0.0, 0.0))  # 3.0
    """
    import numpy as np

    corner, *rows = _as_array([reference, *points])
    if not np.isfinite([corner, *rows]).all():
        raise ValueError("points and reference must be finite.")
    above = np.array([row - corner for row in rows if (row > corner).all()])
    return _volume(_maxima([tuple(row) for row in above.tolist()]))


def _volume(front: Sequence[_Point]) -> float:
    """Above the origin; of points in descending order that do not dominate each other."""
    if front and len(front[0]) <= 2:
        return _area(front)
    return math.fsum(_exclusive(front, place) for place in range(len(front)))


def _area(front: Sequence[_Point]) -> float:
    """One or two objectives: a staircase."""
    area = height = 0.0
    for point in front:
        width, top = point if len(point) == 2 else (1.0, point[0])
        area, height = area + width * (top - height), top
    return area


def _exclusive(front: Sequence[_Point], place: int) -> float:
    """What a point dominates and no later one does (figure 2 of the paper)."""
    point = front[place]
    limited = [tuple(map(min, point, other)) for other in front[place + 1 :]]
    return math.prod(point) - _volume(_maxima(limited))


def _maxima(points: Sequence[_Point]) -> list[_Point]:
    distinct = sorted(set(points), reverse=True)
    return [distinct[index] for index in non_dominated(distinct)]


def _as_array(rows: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    import numpy as np

    lengths = {len(row) for row in rows}
    if len(lengths) != 1 or 0 in lengths:
        raise ValueError(f"points (and reference) must be of one length, got {sorted(lengths)}.")
    array = np.asarray(rows, dtype=float)
    if np.isnan(array).any():
        raise ValueError("scores must be numbers, but one is NaN.")
    return array
