"""The choice of a depth."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Union, final

from torch import nn

from nas_tuners.contract.errors import Problem, SearchSpaceError

from ._arguments import check_key
from ._building import select
from ._input_choice import InputChoice

Block = Callable[[int], nn.Module]
Depth = Union[int, Sequence[int]]


@final
class Repeat(InputChoice):
    """Several blocks, one after the other, of which the first few are run: as many as chosen.

    It is the choice among the outputs after so many blocks, so that every mutator and trainer
    handles it; in the search-space JSON it is a ``choice`` of numbers. Block number i, and the
    choices in it, are there only for depths above i.

    An applied architecture leaves an ``nn.Sequential`` of the chosen blocks, which takes the other
    arguments where a block does; where the model is built under an architecture the others are
    never made.

    Args:
        blocks: A function that makes the block of a position (from 0), or a list of blocks; or
            one block, which is copied: choices in the copies are decided together then.
        depth: ``(low, high)``, both included, or a list of three or more depths; or one number.
            0 leaves the input as it is.
        key: As of ``InputChoice``.

    Raises:
        SearchSpaceError: if the depths are no ascending whole numbers, or there are too few
            blocks.

    Example::

        blocks = Repeat(lambda i: nn.Sequential(nn.Linear(8, 8), nn.ReLU()), (1, 4), key="depth")
    """

    def __init__(
        self,
        blocks: Block | Sequence[nn.Module] | nn.Module,
        depth: Depth,
        key: str | None = None,
    ) -> None:
        depths = list(_depths(depth))
        problems = [*_check(blocks, depth, depths), *check_key(key)]
        if problems:
            raise SearchSpaceError([Problem("", text) for text in problems], "Repeat")
        super().__init__(choose_from=[str(count) for count in depths], n_chosen=1, key=key)
        self.depths = depths
        self.decides_together = isinstance(blocks, nn.Module) and not _is_list(blocks)
        self._make(_maker(blocks))

    @property
    def is_choice(self) -> bool:
        """Whether there is more than one depth."""
        return len(self.depths) > 1

    @property
    def blocks(self) -> list[nn.Module]:
        return [block for block in self._modules.values() if block is not None]

    def forward(self, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        """Run the blocks, each on the output of the one before and the other arguments."""
        outputs = _Outputs(self.blocks, inputs, args, kwargs)
        if not self.is_choice:
            return outputs[str(self.depths[0])]
        return super().forward(outputs)

    def needed_for(self, position: int) -> tuple[int, ...]:
        """The candidates under which the block of a position runs."""
        return tuple(i for i, depth in enumerate(self.depths) if depth > position)

    def extra_repr(self) -> str:
        return f"depth={self.depths}, key={self.key!r}"

    def _make(self, make: Block) -> None:
        depths = self.depths
        if self.is_choice:
            selection = select(self, self.key, self.choose_from)
            if selection.indices is not None:
                depths = [depths[index] for index in selection.indices]
        for position in range(max(depths, default=0)):
            needed, build = self.needed_for(position), functools.partial(_made, make, position)
            is_always_there = len(needed) == len(self.depths)
            block = build() if is_always_there else selection.make(needed, build)
            self.add_module(str(position), block)


class _Outputs(Mapping[str, Any]):
    """The outputs after so many blocks, by name; computed when read, each block once."""

    def __init__(
        self, blocks: Sequence[nn.Module], x: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        self._blocks = blocks
        self._known = [x]
        self._args, self._kwargs = args, kwargs

    def __getitem__(self, name: str) -> Any:
        depth = int(name)
        while len(self._known) <= depth:
            block = self._blocks[len(self._known) - 1]
            self._known.append(block(self._known[-1], *self._args, **self._kwargs))
        return self._known[depth]

    def __contains__(self, name: object) -> bool:
        return name in list(self)

    def __iter__(self) -> Iterator[str]:
        return map(str, range(len(self)))

    def __len__(self) -> int:
        return len(self._blocks) + 1


def _depths(depth: Any) -> Sequence[Any]:
    if isinstance(depth, (list, tuple, range)) and len(depth) == 2:
        low, high = depth
        if _is_depth(low) and _is_depth(high):
            return range(low, high + 1)
    return depth if isinstance(depth, (list, tuple, range)) else [depth]


def _check(blocks: Any, depth: Any, depths: Sequence[Any]) -> Iterator[str]:
    ascending = all(map(_is_depth, depths)) and list(depths) == sorted(set(depths))
    if not depths or not ascending:
        yield (
            "`depth` must be (low, high), an ascending list of depths, or one number, "
            f"none below 0, but got {depth!r}"
        )
    elif _is_list(blocks) and len(blocks) < depths[-1]:
        yield f"a depth of {depths[-1]} needs as many blocks, but got {len(blocks)}"
    if not callable(blocks) and not _is_list(blocks):
        yield (
            "`blocks` must be a function of the position that makes a block, a list of blocks, or "
            f"a block, but got {blocks!r}"
        )


def _maker(blocks: Any) -> Block:
    if _is_list(blocks):
        return lambda position: blocks[position]
    if isinstance(blocks, nn.Module):
        return lambda position: copy.deepcopy(blocks) if position else blocks
    make: Block = blocks
    return make


def _made(make: Block, position: int) -> nn.Module:
    block = make(position)
    if not isinstance(block, nn.Module):
        raise SearchSpaceError(
            f"the block of position {position} must be an nn.Module, but got {block!r}", "Repeat"
        )
    return block


def _is_list(blocks: Any) -> bool:
    return isinstance(blocks, (list, tuple, nn.ModuleList))


def _is_depth(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0
