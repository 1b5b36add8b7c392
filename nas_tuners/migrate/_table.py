"""What a row of the table of names says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Arguments:
    """How the arguments of a call change.

    Attributes:
        order: NNI's parameters in order, separated by spaces.
        kept: How many of them may stay positional; the others are given by name.
        renamed: NNI's name -> ours.
        gone: NNI's name -> what to do, where there is nothing like it.
    """

    order: str = ""
    kept: int = 0
    renamed: Mapping[str, str] = field(default_factory=dict)
    gone: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        return self.order.split()


@dataclass(frozen=True)
class Name:
    """One name of NNI's.

    Attributes:
        nni: The name, without its module.
        ours: What it becomes, as ``"package:name"``; None where a person has to decide.
        note: What differs, or what to do.
        arguments: How its calls change; None where they stay as they are.
        decorator: What a class that inherits from it is decorated with.
        vanishes: Whether a call of it stands for its only argument.
    """

    nni: str
    ours: str | None
    note: str = ""
    arguments: Arguments | None = None
    decorator: str | None = None
    vanishes: bool = False

    @property
    def goes_by_use(self) -> bool:
        """Whether it is the uses that are rewritten, and no import can stand for them."""
        return self.decorator is not None or self.vanishes


@dataclass(frozen=True)
class Family:
    """Names that belong together.

    Attributes:
        title: For the page.
        modules: Where they live in NNI: anywhere below, since its versions moved them about.
        names: All of them.
        nested: Whether modules may stand between.
    """

    title: str
    modules: tuple[str, ...]
    names: tuple[Name, ...]
    nested: bool = True


def same(package: str, *names: str) -> tuple[Name, ...]:
    """Names that are ours, too."""
    return tuple(Name(name, f"{package}:{name}") for name in names)


def by_hand(note: str, *names: str) -> tuple[Name, ...]:
    """Names that nothing corresponds to, and what to do about them."""
    return tuple(Name(name, None, note) for name in names)
