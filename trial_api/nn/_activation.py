"""The choice of an activation function."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, final

from torch import nn

from nas_tuners.contract.errors import Problem, SearchSpaceError, did_you_mean

from ._layer_choice import LayerChoice

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "celu": nn.CELU,
    "elu": nn.ELU,
    "gelu": nn.GELU,
    "hardsigmoid": nn.Hardsigmoid,
    "hardswish": nn.Hardswish,
    "hardtanh": nn.Hardtanh,
    "identity": nn.Identity,
    "leaky_relu": nn.LeakyReLU,
    "mish": nn.Mish,
    "prelu": nn.PReLU,
    "relu": nn.ReLU,
    "relu6": nn.ReLU6,
    "selu": nn.SELU,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
    "softplus": nn.Softplus,
    "tanh": nn.Tanh,
}
"""Those that there are, by name, each with torch's default arguments."""


@final
class Activation(LayerChoice):
    """One of several activation functions: a layer choice of them by name.

    Args:
        candidates: Names: ``"celu"``, ``"elu"``, ``"gelu"``, ``"hardsigmoid"``, ``"hardswish"``,
            ``"hardtanh"``, ``"identity"``, ``"leaky_relu"``, ``"mish"``, ``"prelu"``, ``"relu"``,
            ``"relu6"``, ``"selu"``, ``"sigmoid"``, ``"silu"``, ``"softplus"``, ``"tanh"``.
        key: As of ``LayerChoice``.

    Raises:
        SearchSpaceError: naming every candidate that is unknown or stands twice.

    Example::

        nn.Sequential(nn.Linear(8, 8), Activation(["relu", "silu"], key="act"))
    """

    def __init__(
        self,
        candidates: Sequence[str] = (
            "relu",
            "gelu",
            "silu",
            "hardswish",
            "tanh",
            "leaky_relu",
            "elu",
        ),
        key: str | None = None,
    ) -> None:
        problems = [Problem("", text) for text in _check(candidates)]
        if problems:
            raise SearchSpaceError(problems, "Activation")
        super().__init__({name: ACTIVATIONS[name] for name in candidates}, key=key)


def _check(candidates: Any) -> Iterator[str]:
    if not isinstance(candidates, (list, tuple)) or not candidates:
        yield f"`candidates` must be a non-empty list of names, but got {candidates!r}"
        return
    for number, name in enumerate(candidates):
        if not isinstance(name, str) or name not in ACTIVATIONS:
            hint = did_you_mean(name, ACTIVATIONS)
            yield f"no activation {name!r}{hint} (known: {', '.join(ACTIVATIONS)})"
        elif name in candidates[:number]:
            yield f"{name!r} stands twice in `candidates`"
