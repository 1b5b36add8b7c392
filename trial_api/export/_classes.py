"""The classes of the code: modules that are made and run alike have one together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from textwrap import indent

from torch import nn

from ._body import Body
from ._literals import RESERVED, TAKEN, literal
from ._numbers import filled, marked, numbers, template
from ._paths import is_leaf
from ._recording import constructor_call
from ._sharing import sharing
from ._structure import Structure, base_of, is_class, vanishes

_NO_CHANCE = 3
"""So many different numbers do not equal those of an argument by chance."""


@dataclass
class _Class:
    name: str
    members: list[tuple[nn.Module, str]] = field(default_factory=list)
    """Each with its text, in which numbers are marked."""


def classes(model: nn.Module, bodies: Mapping[int, Body], name: str, *, cast: bool) -> list[str]:
    """The classes for a model, those that others need before them.

    Args:
        model: The whole.
        bodies: Its forwards, by the identity of the module.
        name: Of the last class, which is that of the model.
        cast: Whether to say of which type parameters are, if not of the usual one.
    """
    return _Classes(model, bodies, name, cast=cast).written()


class _Classes:
    def __init__(
        self, model: nn.Module, bodies: Mapping[int, Body], name: str, *, cast: bool
    ) -> None:
        self._model = model
        self._bodies = bodies
        self._name = name
        self._taken = {name, *TAKEN}
        self._expressions: dict[int, str] = {}
        shared = sharing(model, is_class, lambda module: vanishes(module, bodies))
        self._structure = Structure(shared, self._expressions, cast=cast)

    def written(self) -> list[str]:
        """Level by level: the expressions for what is inside are needed first."""
        levels = _levels(self._model, self._bodies)
        texts = [text for level in sorted(levels) for text in self._level(levels[level])]
        text, _ = _settled(_Class(self._name, [(self._model, self._text(self._model, ""))]))
        return [*texts, text]

    def _level(self, modules: Mapping[str, nn.Module]) -> list[str]:
        found: dict[tuple[str, str], _Class] = {}
        for path, module in modules.items():
            text = self._text(module, path)
            key = (type(module).__name__, template(text))
            if key not in found:
                found[key] = _Class(self._free(type(module).__name__))
            found[key].members.append((module, text))
        texts = []
        for one in found.values():
            text, arguments = _settled(one)
            texts.append(text)
            for (module, _), given in zip(one.members, arguments, strict=True):
                self._expressions[id(module)] = f"{one.name}({given})"
        return texts

    def _text(self, module: nn.Module, path: str) -> str:
        """A class without its name."""
        statements = self._structure.statements(module, path)
        body = self._bodies.get(id(module))
        methods = []
        if statements != ["super().__init__()"] or body is None:
            methods.append(_method("__init__", "\x00", statements))
        if body is not None:
            parameters = "".join(f", {parameter}" for parameter in body.parameters)
            methods.append(_method("forward", parameters, body.lines))
        return f"({base_of(module)}):\n" + "\n".join(methods)

    def _free(self, name: str) -> str:
        number, name = 1, name if name.isidentifier() else "Module"
        free = name
        while free in self._taken:
            number += 1
            free = f"{name}{number}"
        self._taken.add(free)
        return free


def _settled(one: _Class) -> tuple[str, list[str]]:
    """The text of a class, and the arguments of each of its members.

    Numbers that differ between the members become parameters.
    """
    rows = [[number for _, number in numbers(text)] for _, text in one.members]
    hints = [hint for hint, _ in numbers(one.members[0][1])]
    columns = list(zip(*rows, strict=True))
    names: dict[tuple[str, ...], str] = {}
    for column, hint in zip(columns, hints, strict=True):
        if len(set(column)) > 1 and column not in names:
            taken = {*RESERVED, *names.values()}
            names[column] = _parameter(one, column, hint, taken)
    text = filled(one.members[0][1], lambda index, number: names.get(columns[index], number))
    parameters = "".join(f", {name}" for name in names.values())
    text = f"class {one.name}{text}".replace("(self\x00)", f"(self{parameters})")
    return text, [_arguments(names, index) for index in range(len(one.members))]


def _parameter(one: _Class, column: tuple[str, ...], hint: str, taken: set[str]) -> str:
    """The name that the user's own constructor has for the numbers; else one of a layer's."""
    own = [_own_numbers(module) for module, _ in one.members]
    names = [name for name in own[0] if tuple(values.get(name) for values in own) == column]
    if len(set(column)) < _NO_CHANCE:
        names = []
    names = [name for name in names if name not in taken] or [hint]
    name, number = names[0], 1
    while name in taken:
        number += 1
        name = f"{names[0]}_{number}"
    return name


def _own_numbers(module: nn.Module) -> dict[str, str]:
    call = constructor_call(module)
    arguments = call.arguments if call is not None else {}
    return {
        name: literal(value) for name, value in arguments.items() if type(value) in (int, float)
    }


def _arguments(names: Mapping[tuple[str, ...], str], index: int) -> str:
    given = [(name, marked(column[index], name)) for column, name in names.items()]
    if len(given) <= 2:
        return ", ".join(number for _, number in given)
    return ", ".join(f"{name}={number}" for name, number in given)


def _method(name: str, parameters: str, lines: Iterable[str]) -> str:
    inside = indent("\n".join(lines), " " * 8)
    return f"    def {name}(self{parameters}):\n{inside}\n"


def _levels(model: nn.Module, bodies: Mapping[int, Body]) -> dict[int, dict[str, nn.Module]]:
    """Modules with classes, but the whole, by how many are inside each other; with their paths."""
    levels: dict[int, dict[str, nn.Module]] = defaultdict(dict)
    heights: dict[int, int] = {}

    def height(module: nn.Module, path: str) -> int:
        if id(module) in heights:
            return heights[id(module)]
        children = {} if is_leaf(module) else module._modules
        inside = [
            height(child, f"{path}.{name}" if path else name)
            for name, child in children.items()
            if child is not None
        ]
        own = max(inside, default=0)
        if is_class(module) and module is not model and not vanishes(module, bodies):
            own += 1
            levels[own][path] = module
        heights[id(module)] = own
        return own

    height(model, "")
    return levels
