"""The statements of a forward: computations get names, or stand where they are used."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from ._literals import TAKEN
from ._text import Call, Text, binds

WIDTH = 80
"""Of a statement, without its indentation, into which others are put."""

_AMBIGUOUS = {"l", "I", "O"}


@dataclass(frozen=True)
class Body:
    """A ``forward``: its parameters after ``self``, and its statements."""

    parameters: tuple[str, ...]
    lines: tuple[str, ...]


def body(parameters: Iterable[str], calls: list[Call], output: Text) -> Body:
    """The forward that makes some calls and returns their outcome.

    A value that is used once, by the next statement, is computed there. That changes no order:
    operands are evaluated from left to right, as they were computed.
    """
    parameters = tuple(parameters)
    writer = _Writer(_uses(calls, output), {name.lstrip("*") for name in parameters})
    for call in calls:
        writer.write(call)
    last = f"return {writer.inlined(output)}"
    return Body(parameters, (*writer.lines, last))


def merged(train: Body, evaluate: Body) -> Body:
    """One forward for both modes. The parameters must be equal."""
    if train.lines == evaluate.lines:
        return train
    lines = _by_arguments("\n".join(train.lines), "\n".join(evaluate.lines))
    if lines is None:
        inside = [f"    {line}" for line in train.lines]
        lines = ["if self.training:", *inside, *evaluate.lines]
    return Body(train.parameters, tuple(lines))


def _by_arguments(train: str, evaluate: str) -> list[str] | None:
    """The text of both modes if they differ only where the mode itself is an argument."""
    ours, theirs = (re.split(r"\b(True|False)\b", text) for text in (train, evaluate))
    if ours[::2] != theirs[::2]:
        return None
    modes = {"TrueFalse": "self.training", "FalseTrue": "not self.training"}
    pairs = zip(ours, theirs, strict=True)
    return "".join(modes.get(a + b, a) if a != b else a for a, b in pairs).splitlines()


def _uses(calls: list[Call], output: Text) -> Counter[Call]:
    """How often each value is used by what is left; what nobody needs is not in it."""
    uses = Counter(output.calls())
    for call in reversed(calls):
        if call in uses or call.stays or call.in_place:
            uses[call] += 0
            uses.update(call.text.calls())
    return uses


class _Writer:
    """Turns calls into statements. Those at the end may still become part of the next one."""

    def __init__(self, uses: Counter[Call], taken: set[str]) -> None:
        self._uses = uses
        self._taken = taken
        self.lines: list[str] = []
        self._open: list[tuple[Call, str]] = []
        self._named: dict[Call, str] = {}
        self._views: dict[Call, str] = {}

    def write(self, call: Call) -> None:
        if call not in self._uses:
            return
        if call.is_view and self._uses[call] == 1 and not self._latest(call.text):
            self._views[call] = self.inlined(call.text)
            return
        text = self.inlined(call.text, nothing=call.in_place)
        if self._uses[call] == 1 and not call.in_place:
            self._open.append((call, text))
            return
        self._close(len(self._open))
        is_named = self._uses[call] and not call.in_place
        self.lines.append(f"{self._name(call)} = {text}" if is_named else text)

    def inlined(self, text: Text, *, nothing: bool = False) -> str:
        """The text, with the latest values in their places, all others given names."""
        latest = {} if nothing else self._latest(text)
        while latest and len(self._filled(text, latest)) > WIDTH:
            latest.pop(next(iter(latest)))  # the earliest
        if latest:
            del self._open[-len(latest) :]
        needed = [index for index, (call, _) in enumerate(self._open) if call in text.calls()]
        self._close(max(needed, default=-1) + 1)
        return self._filled(text, latest)

    def _latest(self, text: Text) -> dict[Call, str]:
        """The values at the end of the statements that can be computed in the text."""
        found: dict[Call, str] = {}
        for call in reversed(text.calls()):
            position = len(self._open) - 1 - len(found)
            if position >= 0 and self._open[position][0] is call:
                found[call] = self._open[position][1]
        return dict(reversed(found.items()))

    def _filled(self, text: Text, inside: dict[Call, str]) -> str:
        filled = ""
        for index, part in enumerate(text.parts):
            if isinstance(part, str):
                filled += part
            elif part not in inside:
                filled += self._views.get(part) or self._named.get(part, part.hint)
            elif part.text.symbol and not _is_enclosed(text, index):
                filled += f"({inside[part]})"
            else:
                filled += inside[part]
        return filled

    def _close(self, count: int) -> None:
        """Make statements of the earliest values that have no name yet."""
        for call, text in self._open[:count]:
            self.lines.append(f"{self._name(call)} = {text}")
        del self._open[:count]

    def _name(self, call: Call) -> str:
        hint = call.hint if call.hint.isidentifier() else "value"
        is_free = hint not in TAKEN | _AMBIGUOUS
        name, number = (hint, 1) if is_free else (f"{hint}_1", 1)
        while name in self._taken:
            number += 1
            name = f"{hint}_{number}"
        self._taken.add(name)
        self._named[call] = name
        return name


def _is_enclosed(text: Text, index: int) -> bool:
    """Whether an operation in the place of a part needs no parentheses."""
    part = text.parts[index]
    assert isinstance(part, Call)
    if index in (0, len(text.parts) - 1) and text.symbol:
        return binds(part.text.symbol, text.symbol, is_left=index == 0)
    before = text.parts[index - 1] if index else "("
    after = text.parts[index + 1] if index + 1 < len(text.parts) else ")"
    if not isinstance(before, str) or not isinstance(after, str):
        return False
    return before.endswith(("(", ", ", "=", "[")) and after.startswith((")", ",", "]"))
