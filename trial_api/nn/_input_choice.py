"""The choice of some inputs among several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, Union

from nas_tuners.contract.errors import Problem, SearchSpaceError, UndecidedError

from ._arguments import check_key, check_reduction, set_plain
from ._binding import Bindable
from ._building import is_decided, note_choice
from ._layer_choice import undecided

NChosen = Union[int, None, tuple[int, int]]


class InputChoice(Bindable):
    """Some of several inputs, reduced to one.

    ``forward`` takes the candidates as a list, or as a dict with the names of ``choose_from``, of
    which it reads the chosen ones. It returns None where no input is chosen, and a single chosen
    input unchanged.

    A choice does not run until it is decided: apply an architecture to the model, or bind a
    mutator to it.

    Args:
        n_candidates: How many inputs there are; may be left out where ``choose_from`` is given.
        choose_from: A name for each input, usually the key or path of the layer that it comes
            from; ``InputChoice.NO_KEY`` for an input without one.
        n_chosen: How many are chosen: a number, None for any number (none too), or
            ``(low, high)``.
        reduction: How the chosen inputs become one: ``"sum"``, ``"mean"``, ``"concat"`` (dim 1)
            or ``"none"`` (a list).
        return_mask: Return ``(output, mask)``, a boolean a candidate.
        key: Choices with equal keys are decided together. None stands for the choice's path in
            the model.

    Raises:
        SearchSpaceError: with everything that is wrong with the arguments.

    Example::

        skip = InputChoice(n_candidates=2, n_chosen=1, key="skip")
        out = skip([x, y])  # once an architecture is applied
    """

    NO_KEY: ClassVar[str] = ""

    n_candidates: int
    choose_from: list[str]
    n_chosen: NChosen
    reduction: str
    return_mask: bool

    def __init__(
        self,
        n_candidates: int | None = None,
        choose_from: Sequence[str] | None = None,
        n_chosen: int | Sequence[int] | None = None,
        reduction: str = "sum",
        return_mask: bool = False,
        key: str | None = None,
    ) -> None:
        super().__init__()
        if not is_decided():  # else they were checked as the space was read
            problems = [
                *_check_candidates(n_candidates, choose_from, n_chosen),
                *check_reduction(reduction),
                *check_key(key),
            ]
            if problems:
                raise SearchSpaceError([Problem("", text) for text in problems], "InputChoice")
        names = list(choose_from or [self.NO_KEY] * (n_candidates or 0))
        set_plain(
            self,
            key=key,
            n_candidates=len(names),
            choose_from=names,
            n_chosen=_n_chosen(n_chosen),
            reduction=reduction,
            return_mask=return_mask,
        )
        note_choice(self)

    def forward(self, inputs: Any) -> Any:
        """Run as the bound mutator decides; an applied architecture replaces this module."""
        if self._run is not None:
            return self._run(self, inputs)
        described = f"key {self.key!r}" if self.key else f"{self.n_candidates} candidates"
        raise UndecidedError(undecided(f"{type(self).__name__} with {described}"))

    def extra_repr(self) -> str:
        return (
            f"n_candidates={self.n_candidates}, n_chosen={self.n_chosen}, "
            f"reduction={self.reduction!r}, key={self.key!r}"
        )


def inputs_in_order(inputs: Any, names: Sequence[str]) -> Sequence[Any]:
    """The candidate inputs by position: as given, or looked up in a dict by name when read.

    So a mapping may compute its entries when they are read: of the chosen inputs only.

    Raises:
        ValueError: if they are not the candidates that were announced.
    """
    if isinstance(inputs, Mapping):
        return _inputs_by_name(inputs, names)
    if not isinstance(inputs, (list, tuple)):
        kind = type(inputs).__name__
        raise ValueError(f"InputChoice takes a list or a dict of inputs, but got a {kind}")
    if len(inputs) != len(names):
        raise ValueError(f"InputChoice expects {len(names)} inputs, but got {len(inputs)}")
    return inputs


def _inputs_by_name(inputs: Mapping[str, Any], names: Sequence[str]) -> Sequence[Any]:
    if len(set(names)) < len(names):
        raise ValueError(f"names repeat in `choose_from` {list(names)}: pass the inputs as a list")
    missing = [name for name in names if name not in inputs]
    if missing:
        raise ValueError(
            f"InputChoice lacks the inputs {missing}; it chooses from {list(names)}, "
            f"but got {list(inputs)}"
        )
    return _Named(inputs, names)


class _Named(Sequence[Any]):
    """Entries of a mapping in the order of their names."""

    def __init__(self, inputs: Mapping[str, Any], names: Sequence[str]) -> None:
        self._inputs = inputs
        self._names = names

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self._inputs[name] for name in self._names[index]]
        return self._inputs[self._names[index]]

    def __len__(self) -> int:
        return len(self._names)


def _check_candidates(n_candidates: Any, choose_from: Any, n_chosen: Any) -> Iterator[str]:
    problems = [*_check_names(n_candidates, choose_from)]
    if not problems:
        count = n_candidates if choose_from is None else len(choose_from)
        problems = [*_check_n_chosen(n_chosen, count)]
    yield from problems


def _check_names(n_candidates: object, choose_from: object) -> Iterator[str]:
    if n_candidates is None and choose_from is None:
        yield "`n_candidates` or `choose_from` must be given"
    if n_candidates is not None and not (_is_whole(n_candidates) and n_candidates > 0):  # type: ignore[operator]
        yield f"`n_candidates` must be a whole number > 0, but got {n_candidates!r}"
    if choose_from is None:
        return
    is_list = isinstance(choose_from, (list, tuple))
    if not is_list or not choose_from or not all(isinstance(name, str) for name in choose_from):  # type: ignore[attr-defined]
        yield f"`choose_from` must be a non-empty list of names, but got {choose_from!r}"
    elif n_candidates is not None and len(choose_from) != n_candidates:  # type: ignore[arg-type]
        yield (
            "`n_candidates == len(choose_from)` must hold, "
            f"but got (n_candidates={n_candidates!r}, choose_from={choose_from!r})"
        )


def _check_n_chosen(n_chosen: Any, n: int) -> Iterator[str]:
    if n_chosen is None:
        return
    got = f"but got (n_chosen={n_chosen!r}, n_candidates={n})"
    if isinstance(n_chosen, (list, tuple)):
        whole = len(n_chosen) == 2 and all(map(_is_whole, n_chosen))
        if not (whole and 0 <= n_chosen[0] <= n_chosen[1] <= n):
            yield f"`0 <= low <= high <= n_candidates` must hold for `n_chosen`, {got}"
    elif not (_is_whole(n_chosen) and 0 <= n_chosen <= n):
        yield f"`0 <= n_chosen <= n_candidates` must hold, {got}"


def _n_chosen(n_chosen: int | Sequence[int] | None) -> NChosen:
    if n_chosen is None or isinstance(n_chosen, int):
        return n_chosen
    low, high = n_chosen
    return (low, high)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
