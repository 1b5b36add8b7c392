"""The space of whole networks of ENAS (its "macro" space)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from typing import Any

from torch import Tensor, nn

from trial_api import InputChoice, LayerChoice, MutableScope, model_space
from trial_api.nn import decided

from ._arguments import require_probability, require_sizes
from ._cell_network import conv_stem
from ._inputs import LazyTensors, chosen_inputs
from ._operations import FactorizedReduce, Operation, average_pool, max_pool


def enas_macro(
    channels: int = 36,
    layers: int = 12,
    classes: int = 10,
    *,
    in_channels: int = 3,
    dropout: float = 0.1,
) -> EnasMacroNetwork:
    """The space of whole networks of ENAS.

    Pham, Guan, Zoph, Le, Dean: Efficient Neural Architecture Search via Parameter Sharing, ICML
    2018 (https://arxiv.org/abs/1802.03268), section 2.3.

    Layer ``i`` is one of six operations on the layer before, a :class:`LayerChoice` with the key
    ``"layer<i>_op"``, plus any of the outputs of all earlier layers, an :class:`InputChoice` with
    the key ``"layer<i>_skip"``. Before the layers at one and two thirds of the depth, the outputs
    so far are halved in resolution, each by its own factorized reduction. A reduction whose output
    is not taken is not run, and gone once an architecture is applied.

    Args:
        channels: Of all layers.
        layers: How many.
        classes: Of the classifier.
        in_channels: Of the images.
        dropout: Before the classifier.

    Shape:
        (n, in_channels, height, width) to (n, classes).

    Raises:
        SearchSpaceError: naming every size that is not a whole number above zero, or if
            ``dropout`` is no probability below one.

    Example::

        model = get_and_apply_next_architecture(enas_macro(layers=6))
    """
    require_sizes(
        "enas_macro", channels=channels, layers=layers, classes=classes, in_channels=in_channels
    )
    require_probability("dropout", dropout)
    return EnasMacroNetwork(channels, layers, classes, in_channels=in_channels, dropout=dropout)


@model_space
class EnasMacroNetwork(nn.Module):
    """Stem, layers with skip connections, classifier; see :func:`enas_macro`."""

    def __init__(
        self, channels: int, layers: int, classes: int, *, in_channels: int, dropout: float
    ) -> None:
        super().__init__()
        self.stem = conv_stem(in_channels, channels)
        self.layers = nn.ModuleList(EnasLayer(index, channels) for index in range(layers))
        taken = _taken_reductions(layers, _decided_skips)
        self.reductions = nn.ModuleDict(
            {str(place): _reductions(channels, taken[place]) for place in _places(layers)}
        )
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        last = self.stem(x)
        states = LazyTensors({})
        for index, layer in enumerate(self.layers):
            if str(index) in self.reductions:
                states = self._reduced(str(index), states)
                last = states[_name(index - 1)]
            last = layer(last, states)
            states.put(_name(index), last)
        logits: Tensor = self.classifier(self.dropout(last.mean(dim=(2, 3))))
        return logits

    def unused_submodules(self) -> Iterator[str]:
        """The reductions of outputs that no later layer takes."""
        taken = _taken_reductions(len(self.layers), self._skipped)
        for place, numbers in taken.items():
            unused = sorted(set(range(place)).difference(numbers))
            yield from (f"reductions.{place}.{_name(number)}" for number in unused)

    def _skipped(self, index: int) -> Collection[int]:
        """The numbers of the layers that one adds in the applied architecture."""
        layer: Any = self.layers[index]
        return chosen_inputs(layer.skip) if layer.skip is not None else ()

    def _reduced(self, place: str, states: LazyTensors) -> LazyTensors:
        return LazyTensors({name: partial(self._reduce, place, name, states) for name in states})

    def _reduce(self, place: str, name: str, states: LazyTensors) -> Tensor:
        reductions = self.reductions[place]
        assert isinstance(reductions, nn.ModuleDict)
        reduced: Tensor = reductions[name](states[name])
        return reduced


class EnasLayer(MutableScope):
    """One of six operations on the layer before, plus any of all earlier outputs."""

    def __init__(self, index: int, channels: int) -> None:
        name = _name(index)
        super().__init__(name)
        self.operation = LayerChoice(_operations(channels), key=f"{name}_op")
        earlier = [_name(number) for number in range(index)]
        self.skip = InputChoice(choose_from=earlier, key=_skip_key(index)) if earlier else None
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, last: Tensor, earlier: Mapping[str, Tensor]) -> Tensor:
        output = self.operation(last)
        skipped = self.skip(earlier) if self.skip is not None else None
        normalized: Tensor = self.norm(output if skipped is None else output + skipped)
        return normalized


def _name(index: int) -> str:
    return f"layer{index}"


def _places(layers: int) -> list[int]:
    """The layers before which the resolution is halved."""
    return sorted({layers // 3, 2 * layers // 3} - {0})


def _skip_key(index: int) -> str:
    return f"{_name(index)}_skip"


def _decided_skips(index: int) -> Collection[int]:
    """The numbers of the layers that one can add in what is under construction."""
    chosen = decided(_skip_key(index))
    return range(index) if chosen is None else chosen


def _taken_reductions(
    layers: int, skipped: Callable[[int], Collection[int]]
) -> dict[int, list[int]]:
    """Of each place where the resolution is halved, the layers before whose outputs go on."""
    found: dict[int, list[int]] = {}
    taken: set[int] = set()
    for index in reversed(range(1, layers)):
        taken.update(skipped(index))
        if index in _places(layers):
            taken.add(index - 1)
            found[index] = sorted(number for number in taken if number < index)
    return found


def _reductions(channels: int, numbers: Collection[int]) -> nn.ModuleDict:
    """One for the output of each layer that goes on."""
    return nn.ModuleDict(
        {_name(number): FactorizedReduce(channels, channels, affine=True) for number in numbers}
    )


def _operations(channels: int) -> dict[str, Operation]:
    """Each begins with a 1x1 convolution of its own."""
    return {
        "conv_3x3": partial(_branch, channels, partial(_conv, channels, 3)),
        "conv_5x5": partial(_branch, channels, partial(_conv, channels, 5)),
        "sep_conv_3x3": partial(_branch, channels, partial(_separable, channels, 3)),
        "sep_conv_5x5": partial(_branch, channels, partial(_separable, channels, 5)),
        "avg_pool_3x3": partial(_pooled, channels, average_pool),
        "max_pool_3x3": partial(_pooled, channels, max_pool),
    }


def _branch(channels: int, conv: Operation) -> nn.Sequential:
    inner = conv()
    return nn.Sequential(*_pointwise(channels), inner, nn.BatchNorm2d(channels), nn.ReLU())


def _pooled(channels: int, pool: Callable[[int], nn.Module]) -> nn.Sequential:
    return nn.Sequential(*_pointwise(channels), pool(1))


def _conv(channels: int, kernel: int) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, kernel, padding=kernel // 2, bias=False)


def _pointwise(channels: int) -> list[nn.Module]:
    conv = nn.Conv2d(channels, channels, 1, bias=False)
    return [conv, nn.BatchNorm2d(channels), nn.ReLU()]


def _separable(channels: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, channels, kernel, padding=kernel // 2, groups=channels, bias=False),
        nn.Conv2d(channels, channels, 1, bias=False),
    )
