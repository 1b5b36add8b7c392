"""The arguments of a call, as ours takes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Union

import libcst as cst

from ._edits import Edit
from ._script import Script
from ._table import Arguments

Change = Union[Edit, str]
"""An edit, or a message about what is left to do."""

_PRIMARIES = (cst.Name, cst.Attribute, cst.Call, cst.Subscript)


def change_arguments(script: Script, call: cst.Call, arguments: Arguments) -> Iterator[Change]:
    """What has to become of the arguments of a call."""
    names = arguments.names
    is_open = False  # what *args holds may go on for any number of positions
    for index, argument in enumerate(call.args):
        if argument.star:
            is_open = True
            yield from _unseen(argument, arguments, index)
        elif argument.keyword is not None:
            yield from _change_keyword(script, argument.keyword, arguments)
        elif index < len(names) and not is_open:
            yield from _change_positional(script, argument, arguments, index)


def describe(arguments: Arguments) -> str:
    """How the arguments differ, for a call that is made elsewhere."""
    words = [f"`{old}` is `{new}`" for old, new in arguments.renamed.items()]
    words += [f"`{name}`: {what}" for name, what in arguments.gone.items()]
    if len(arguments.names) > arguments.kept:
        words.append(f"by name from argument {arguments.kept + 1} on")
    return ", ".join(words)


def unwrap(script: Script, call: cst.Call) -> Iterator[Edit]:
    """The only argument in the place of the call, in parentheses where others would split it."""
    start, stop = script.span(call)
    inner_start, inner_stop = script.span(call.args[0])
    binds_tightest = isinstance(call.args[0].value, _PRIMARIES)
    before, after = ("", "") if binds_tightest else ("(", ")")
    yield from (Edit(start, inner_start, before), Edit(inner_stop, stop, after))


def _unseen(argument: cst.Arg, arguments: Arguments, index: int) -> Iterator[str]:
    """What may hide behind a star."""
    if argument.star == "*" and index < len(arguments.names) > arguments.kept:
        yield f"cannot see what *... holds: {describe(arguments)}"
    if argument.star == "**" and (arguments.renamed or arguments.gone):
        yield f"cannot see what **... holds: {describe(arguments)}"


def _change_keyword(script: Script, keyword: cst.Name, arguments: Arguments) -> Iterator[Change]:
    name = keyword.value
    if name in arguments.gone:
        yield f"`{name}`: {arguments.gone[name]}"
    elif name in arguments.renamed:
        yield Edit(*script.span(keyword), arguments.renamed[name])


def _change_positional(
    script: Script, argument: cst.Arg, arguments: Arguments, index: int
) -> Iterator[Change]:
    name = arguments.names[index]
    ours = arguments.renamed.get(name, name)
    if name in arguments.gone:
        yield f"`{name}` (argument {index + 1}): {arguments.gone[name]}"
    if index >= arguments.kept:
        start, _ = script.span(argument)
        yield Edit(start, start, f"{ours}=")
