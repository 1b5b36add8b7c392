"""The choice of one layer among several."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Union, overload

from torch import nn

from nas_tuners.contract.errors import Problem, SearchSpaceError, UndecidedError, did_you_mean

from ._arguments import check_key, check_reduction, set_plain
from ._binding import Bindable
from ._building import is_decided, note_choice, select

Candidate = Union[nn.Module, Callable[[], nn.Module]]
Candidates = Union[
    Sequence[Candidate], Mapping[str, Candidate], nn.ModuleList, nn.ModuleDict
]  # the last two are neither a Sequence nor a Mapping


class LayerChoice(Bindable):
    """One of several candidate layers.

    Candidates are submodules under their own names (``conv.conv3x3.weight`` in a state dict) and
    are reached like the items of a list: by position, name or slice. Those given as a list are
    named ``"0"``, ``"1"``, ...

    A choice does not run until it is decided: apply an architecture to the model, or bind a
    mutator to it.

    A candidate may be a function (or a class) without arguments that makes the layer. Where the
    model is built under an architecture, only the chosen one is called.

    Args:
        candidates: The layers, or functions that make them: a list, tuple or ``ModuleList``; or a
            dict or ``ModuleDict`` of named ones.
        reduction: How the outputs of several candidates become one, where a method runs several
            at once: ``"sum"``, ``"mean"``, ``"concat"`` (dim 1) or ``"none"`` (a list).
        return_mask: Return ``(output, mask)``, a boolean a candidate.
        key: Choices with equal keys are decided together. None stands for the choice's path in
            the model.

    Raises:
        SearchSpaceError: with everything that is wrong with the arguments.

    Example::

        conv = LayerChoice({"3x3": nn.Conv2d(8, 8, 3), "5x5": nn.Conv2d(8, 8, 5)}, key="conv")
        conv["5x5"]  # Conv2d(8, 8, ...)
        LayerChoice([nn.ReLU, lambda: nn.Conv2d(8, 8, 3)])
    """

    reduction: str
    return_mask: bool
    _numbered: bool

    def __init__(
        self,
        candidates: Candidates,
        reduction: str = "sum",
        return_mask: bool = False,
        key: str | None = None,
    ) -> None:
        super().__init__()
        named = isinstance(candidates, (Mapping, nn.ModuleDict))
        pairs = _pairs(candidates)
        if not is_decided():  # else they were checked as the space was read
            problems = [*_check_candidates(pairs), *check_reduction(reduction), *check_key(key)]
            if problems:
                raise SearchSpaceError([Problem("", text) for text in problems], "LayerChoice")
        set_plain(self, key=key, reduction=reduction, return_mask=return_mask, _numbered=not named)
        # add_module refuses names such as "type" and "half"; here nothing looks them up by name.
        self._modules.update(self._made(pairs))
        note_choice(self)

    @property
    def names(self) -> list[str]:
        return list(self._modules)

    @property
    def candidates(self) -> list[nn.Module]:
        return list(self)

    @property
    def choices(self) -> list[nn.Module]:
        """The same as ``candidates``."""
        return list(self)

    @property
    def length(self) -> int:
        return len(self)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Run as the bound mutator decides; an applied architecture replaces this module."""
        if self._run is not None:
            return self._run(self, *args, **kwargs)
        described = f"key {self.key!r}" if self.key else f"candidates {self.names}"
        raise UndecidedError(undecided(f"LayerChoice with {described}"))

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self._candidate(name) for name in self._modules)

    @overload
    def __getitem__(self, index: int | str) -> nn.Module: ...

    @overload
    def __getitem__(self, index: slice) -> list[nn.Module]: ...

    def __getitem__(self, index: int | str | slice) -> nn.Module | list[nn.Module]:
        found = [self._candidate(name) for name in self._names_at(index)]
        return found if isinstance(index, slice) else found[0]

    def __setitem__(self, index: int | str, module: Candidate) -> None:
        if isinstance(index, slice):
            raise TypeError("candidates are assigned one by one, not by slice")
        self._modules.update({name: _make(name, module) for name in self._names_at(index)})

    def __delitem__(self, index: int | str | slice) -> None:
        gone = self._names_at(index)
        left = [name for name in self._modules if name not in gone]
        if not left:
            raise SearchSpaceError("the last candidate cannot be deleted", "LayerChoice")
        modules = [self._candidate(name) for name in left]
        names = [str(number) for number in range(len(left))] if self._numbered else left
        self._modules.clear()
        self._modules.update(zip(names, modules, strict=True))

    def extra_repr(self) -> str:
        return f"key={self.key!r}, reduction={self.reduction!r}"

    def _candidate(self, name: str) -> nn.Module:
        module = self._modules[name]
        if module is None:
            raise UndecidedError(
                f"candidate {name!r} of this LayerChoice was not made, because the architecture "
                "under which the model is built does not choose it"
            )
        return module

    def _made(self, pairs: Sequence[tuple[str, Candidate]]) -> dict[str, nn.Module | None]:
        """The candidates by name; None for what the present architecture does not choose."""
        if all(isinstance(candidate, nn.Module) for _, candidate in pairs):
            return dict(pairs)  # type: ignore[arg-type]
        names = [name for name, _ in pairs]
        selection = select(self, self.key, names)
        made: dict[str, nn.Module | None] = dict.fromkeys(names)
        for index in selection.among(len(pairs)):
            name, candidate = pairs[index]
            made[name] = selection.make((index,), functools.partial(_make, name, candidate))
            selection.place(index, self, name)
        return made

    def _names_at(self, index: int | str | slice) -> list[str]:
        names = self.names
        if isinstance(index, slice):
            return names[index]
        if isinstance(index, str):
            if index not in names:
                known = ", ".join(map(repr, names))
                hint = did_you_mean(index, names)
                raise KeyError(f"no candidate {index!r}{hint} (known: {known})")
            return [index]
        try:
            return [names[index]]
        except IndexError:
            raise IndexError(f"no candidate {index}: there are {len(names)}") from None


def undecided(choice: str) -> str:
    """What to tell those who run a choice too early."""
    return (
        f"this {choice} is not decided yet. Call get_and_apply_next_architecture(model) or "
        "apply_fixed_architecture(model, architecture) before the first forward, or search with a "
        "mutator or one-shot trainer. If you did: choices in plain lists or dicts, those of the "
        "class, and those made inside forward are not part of the model; make them in __init__ "
        "and use nn.ModuleList or nn.ModuleDict"
    )


def _pairs(candidates: Any) -> list[tuple[Any, Any]]:
    if isinstance(candidates, (Mapping, nn.ModuleDict)):
        return list(candidates.items())
    if isinstance(candidates, (list, tuple, nn.ModuleList)):
        return [(str(number), module) for number, module in enumerate(candidates)]
    kind = type(candidates).__name__
    raise SearchSpaceError(
        f"`candidates` must be a list or a dict of modules, but got a {kind}", "LayerChoice"
    )


def _check_candidates(pairs: Sequence[tuple[Any, Any]]) -> Iterator[str]:
    if not pairs:
        yield "`candidates` must hold at least one module, but got none"
    for name, module in pairs:
        if not isinstance(name, str) or not name or "." in name:
            yield f"a candidate's name must be a non-empty string without '.', but got {name!r}"
        elif name == "training":
            yield "a candidate cannot be named 'training': torch keeps each module's mode there"
        if not callable(module):  # modules are callable, too
            kind = type(module).__name__
            yield (
                f"candidate {name!r} must be an nn.Module, or a function without arguments that "
                f"makes one, but got {module!r} ({kind})"
            )


def _make(name: str, candidate: Candidate) -> nn.Module:
    if isinstance(candidate, nn.Module):
        return candidate
    rule = (
        f"candidate {name!r} must be an nn.Module, or a function without arguments that makes one"
    )
    if not callable(candidate):
        raise SearchSpaceError(f"{rule}, but got {candidate!r}", "LayerChoice")
    try:
        module = candidate()
    except TypeError as error:
        raise SearchSpaceError(
            f"{rule}, but calling {candidate!r} raised {type(error).__name__}: {error}",
            "LayerChoice",
        ) from error
    if not isinstance(module, nn.Module):
        raise SearchSpaceError(f"{rule}, but {candidate!r} gave {module!r}", "LayerChoice")
    return module
