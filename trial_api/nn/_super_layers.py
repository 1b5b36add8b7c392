"""Layers that run as any of the layers which they may become."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MethodType
from typing import Any, Union, final

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from nas_tuners.contract.errors import SearchSpaceError

from ._slicing import Shape, Widths, cut, padded
from ._value_decision import ValueDecision

Decided = Union[int, Tensor]
"""Of a value: the candidate that runs, or a weight for each."""


@dataclass(frozen=True)
class Configuration:
    """A layer under some values; of what is always the same nothing is noted.

    Attributes:
        attributes: By name, with the path of the submodule that has them before it.
        shapes: Of parameters and buffers.
        widths: Of the layer; None where it takes any.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    widths: Widths | None = None


@final
class SuperForward:
    """The ``forward`` of a layer that stands for all that it may become.

    The layer has the largest tensors. Where every value is decided, it runs with its part of them,
    exactly as the small layer would. Where values are mixed, its output is the sum of the outputs
    of the small layers, each times the product of its values' weights and with zeros behind it up
    to the largest width; the inputs are cut to what each takes. Wan et al.: FBNetV2, CVPR 2020
    (https://arxiv.org/abs/2004.05565) pad and mix channels so.

    Args:
        layer: One of torch's; or a module of the user's, of which only parameters vary.
        path: Of the layer, for errors.
        decisions: Of the values that it depends on.
        configurations: A candidate of each -> what the layer is then.
        is_layer: Whether it is one of torch's.
    """

    def __init__(
        self,
        layer: nn.Module,
        *,
        path: str,
        decisions: Sequence[ValueDecision],
        configurations: Mapping[tuple[int, ...], Configuration],
        is_layer: bool,
    ) -> None:
        self._layer = layer
        self._path = path
        self._decisions = list(decisions)
        self._configurations = dict(configurations)
        self._is_layer = is_layer

    @property
    def __signature__(self) -> inspect.Signature:
        """As of the ``forward`` that it stands for."""
        return inspect.signature(MethodType(type(self._layer).forward, self._layer))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        decided = [decision.decided() for decision in self._decisions]
        if all(isinstance(one, int) for one in decided):
            return self._run(self._configurations[tuple(decided)], args, kwargs)  # type: ignore[arg-type]
        possible = self._possible(decided)
        terms = _weighted(possible, decided)
        if not self._is_layer:
            return self._run_on_mixed_parameters(possible, terms, args, kwargs)
        if isinstance(self._layer, _NormBase) and _differ_in_width_only(possible.values()):
            return self._run_masked(possible, terms, args, kwargs)
        with _replaced(self._layer, _out_of_place(self._layer), {}):
            outputs = [self._run(one, *_fitting(one, args, kwargs)) for one, _ in terms]
        return self._sum(possible, terms, outputs)

    def _possible(self, decided: Sequence[Decided]) -> dict[tuple[int, ...], Configuration]:
        """What the layer may be, given the values that are decided."""
        return {
            candidates: configuration
            for candidates, configuration in self._configurations.items()
            if all(
                index == one
                for index, one in zip(candidates, decided, strict=True)
                if isinstance(one, int)
            )
        }

    def _run(
        self, configuration: Configuration, args: Sequence[Any], kwargs: Mapping[str, Any]
    ) -> Any:
        layer = self._layer
        tensors = {name: _cut(layer, name, shape) for name, shape in configuration.shapes.items()}
        with _replaced(layer, configuration.attributes, tensors):
            return type(layer).forward(layer, *args, **kwargs)

    def _run_on_mixed_parameters(
        self,
        possible: Mapping[tuple[int, ...], Configuration],
        terms: Sequence[Term],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Any:
        tensors = {
            name: _total(
                [weight * padded(_cut(self._layer, name, one.shapes[name]), largest)
                 for one, weight in terms]
            )
            for name in terms[0][0].shapes
            for largest in [_largest([one.shapes[name] for one in possible.values()])]
        }  # fmt: skip
        with _replaced(self._layer, {}, tensors):
            return type(self._layer).forward(self._layer, *args, **kwargs)

    def _run_masked(
        self,
        possible: Mapping[tuple[int, ...], Configuration],
        terms: Sequence[Term],
        args: Sequence[Any],
        kwargs: Mapping[str, Any],
    ) -> Tensor:
        """Channels are independent: the widest layer runs, and statistics count once."""
        (size,) = _largest([_widths(one).output for one in possible.values()])
        widest = next(one for one in possible.values() if _widths(one).output == (size,))
        output: Tensor = self._run(widest, args, kwargs)
        masks = [
            weight * padded(output.new_ones(_widths(one).output), [size]) for one, weight in terms
        ]
        return output * _total(masks).view(-1, *[1] * (output.dim() - 2)).to(output.dtype)

    def _sum(
        self,
        possible: Mapping[tuple[int, ...], Configuration],
        terms: Sequence[Term],
        outputs: Sequence[Any],
    ) -> Any:
        """Of a tuple, such as attention returns, each tensor; only the first has the width."""
        if not isinstance(outputs[0], tuple):
            return self._sum_of_tensors(possible, terms, outputs)
        first, *others = zip(*outputs, strict=True)
        rest = [self._sum_of_tensors({}, terms, one) for one in others]
        return (self._sum_of_tensors(possible, terms, first), *rest)

    def _sum_of_tensors(
        self,
        possible: Mapping[tuple[int, ...], Configuration],
        terms: Sequence[Term],
        outputs: Sequence[Any],
    ) -> Any:
        if outputs[0] is None:
            return None
        if possible and terms[0][0].widths is not None:
            sizes = _largest([_widths(one).output for one in possible.values()])
            outputs = [
                _widths(one).padded(output, sizes)
                for (one, _), output in zip(terms, outputs, strict=True)
            ]
        shapes = {tuple(output.shape) for output in outputs}
        if len(shapes) > 1:
            raise SearchSpaceError(
                f"its output has another shape for other candidates of {self._keys()}: "
                f"{', '.join(map(str, sorted(shapes)))}; these cannot be mixed. Search with a "
                "trainer that runs one candidate at a time, such as SposTrainer",
                self._path,
            )
        return _total([w * output for (_, w), output in zip(terms, outputs, strict=True)])

    def _keys(self) -> str:
        return ", ".join(repr(decision.key) for decision in self._decisions)


Term = tuple[Configuration, Union[float, Tensor]]
"""A configuration and its weight."""


def _weighted(
    possible: Mapping[tuple[int, ...], Configuration], decided: Sequence[Decided]
) -> list[Term]:
    """The configurations that count, each once, with the sum of its candidates' weights."""
    vectors = {place: one for place, one in enumerate(decided) if isinstance(one, Tensor)}
    zeros = {place: _known_zeros(vector) for place, vector in vectors.items()}
    found: dict[int, Term] = {}
    for candidates, configuration in possible.items():
        if any(candidates[place] in of_place for place, of_place in zeros.items()):
            continue
        weight: Any = 1.0
        for place, vector in vectors.items():
            weight = weight * vector[candidates[place]]
        _, before = found.get(id(configuration), (configuration, 0.0))
        found[id(configuration)] = (configuration, before + weight)
    return list(found.values())


def _known_zeros(vector: Tensor) -> set[int]:
    """Candidates without weight, of which no gradient is wanted; not looked up on a device."""
    if vector.requires_grad or vector.device.type != "cpu":
        return set()
    return {index for index, weight in enumerate(vector.tolist()) if not weight}


def _fitting(
    configuration: Configuration, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The arguments, cut to what the layer takes."""
    widths = configuration.widths
    if widths is None:
        return list(args), dict(kwargs)
    given, named = list(args), dict(kwargs)
    for place, name in enumerate(widths.inputs):
        if place < len(given):
            given[place] = widths.fitting(name, given[place])
        elif name in named:
            named[name] = widths.fitting(name, named[name])
    return given, named


def _out_of_place(layer: nn.Module) -> dict[str, bool]:
    """What lets a layer run several times on one input."""
    return {"inplace": False} if "inplace" in vars(layer) else {}


def _cut(layer: nn.Module, name: str, shape: Shape) -> Tensor:
    owner, last = _owner(layer, name)
    held: Any = owner._parameters if last in owner._parameters else owner._buffers
    whole: Tensor = held[last]
    return cut(type(owner), last, whole, shape)


@contextmanager
def _replaced(
    layer: nn.Module, attributes: Mapping[str, Any], tensors: Mapping[str, Tensor]
) -> Iterator[None]:
    """The layer with other attributes and tensors."""
    places: list[tuple[dict[str, Any], str, Any]] = []
    for name, value in attributes.items():
        owner, last = _owner(layer, name)
        places.append((owner.__dict__, last, value))
    for name, tensor in tensors.items():
        owner, last = _owner(layer, name)
        held: Any = owner._parameters if last in owner._parameters else owner._buffers
        places.append((held, last, tensor))
    before = [held[name] for held, name, _ in places]
    for held, name, value in places:
        held[name] = value
    try:
        yield
    finally:
        for (held, name, _), value in zip(places, before, strict=True):
            held[name] = value


def _owner(layer: nn.Module, name: str) -> tuple[nn.Module, str]:
    path, _, last = name.rpartition(".")
    return (layer.get_submodule(path) if path else layer), last


def _widths(configuration: Configuration) -> Widths:
    assert configuration.widths is not None, "the layer has widths"
    return configuration.widths


def _differ_in_width_only(configurations: Any) -> bool:
    return all(set(one.attributes) <= {"num_features"} for one in configurations)


def _largest(shapes: Sequence[Shape]) -> Shape:
    return tuple(map(max, *shapes)) if len(shapes) > 1 else shapes[0]


def _total(tensors: Sequence[Tensor]) -> Tensor:
    total = tensors[0]
    for tensor in tensors[1:]:
        total = total + tensor
    return total
