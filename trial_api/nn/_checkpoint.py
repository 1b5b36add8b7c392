"""Weights of a supernet, loaded into it or into one of its networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nas_tuners.contract.errors import CheckpointError, did_you_mean

from ._slicing import cut, nests
from .applied import SUPERNET_PATHS, is_applied
from .space_record import record_of
from .wrappers import submodule, unwrap, without_compiled

Paths = Mapping[str, "str | None"]


def load_supernet_state_dict(
    model: nn.Module, state_dict: Mapping[str, Any], strict: bool = True
) -> None:
    """Load the weights of a supernet, before or after an architecture is applied.

    After application the network inherits the weights of what was chosen, of layers whose sizes
    are values its part of them, and entries of other candidates are ignored. A checkpoint of the
    plain network itself, with exactly its entries, is loaded as it is. It does not matter whether
    model or supernet are wrapped (``module.``) or compiled (``_orig_mod.``).

    Before application, a model space with value choices becomes a supernet first, see
    :func:`~trial_api.nn.make_supernet`.

    The correspondence of names is the dict that application leaves on the network; it survives
    copying and pickling the network.

    Args:
        model: The model, before or after application, wrapped or not.
        state_dict: What ``state_dict()`` of the supernet gave.
        strict: Whether every entry must be found on both sides, apart from other candidates.

    Raises:
        CheckpointError: with all missing, unexpected and misshapen entries; nothing is loaded.

    Example::

        model = apply_fixed_architecture(Net(), "best.json")
        load_supernet_state_dict(model, torch.load("supernet.pt"))
    """
    if not isinstance(state_dict, Mapping):
        raise CheckpointError(
            f"expected a state dict, but got {state_dict!r}; of a file, pass torch.load(file)"
        )
    from ._supernet import make_supernet  # which applies architectures, with their weights

    make_supernet(model)  # else its weights would be new ones as soon as it becomes one
    plain = unwrap(model)
    names = {without_compiled(name): name for name in plain.state_dict()}
    given = _without_wrappers(state_dict, names)
    paths: Paths = getattr(plain, SUPERNET_PATHS, {})
    if set(given) != set(names):
        given = _translated(given, paths)
    entries = {names[name]: value for name, value in given.items() if name in names}
    if is_applied(plain) and _has_values(plain):  # a supernet has the full shapes
        entries = {name: _part(plain, name, value) for name, value in entries.items()}
    problems = _misshapen(entries, plain.state_dict())
    if strict:
        problems += _mismatch(set(given), set(names))
    if problems:
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise CheckpointError(f"the checkpoint does not fit; nothing was loaded:{listed}")
    plain.load_state_dict(entries, strict=False)


def _translated(given: Mapping[str, Any], paths: Paths) -> dict[str, Any]:
    """The entries under their names in the plain network, without those of other candidates."""
    result = {}
    for name, value in given.items():
        translated = _translate(name, paths)
        if translated is not None:
            result[translated] = value
    return result


def _translate(name: str, paths: Paths) -> str | None:
    """Replace the longest prefix that is a known path; None where that path is gone."""
    prefix = name
    while prefix:
        prefix = prefix.rpartition(".")[0]
        if prefix in paths:
            new = paths[prefix]
            rest = name[len(prefix) :].removeprefix(".")
            return new if new is None else f"{new}.{rest}".removeprefix(".")
    return name


def _has_values(plain: nn.Module) -> bool:
    """Whether its layers may be smaller than those of its supernet."""
    records = map(record_of, plain.modules())
    return any(record.has_values for record in records if record is not None)


def _part(plain: nn.Module, name: str, value: Any) -> Any:
    """An entry, or the part of it that a smaller layer has."""
    path, _, last = name.rpartition(".")
    layer = submodule(plain, path)
    held: Any = layer._parameters if last in layer._parameters else layer._buffers
    own = held.get(last)
    if not isinstance(value, Tensor) or own is None or is_lazy(own):
        return value
    shape = tuple(own.shape)
    is_part = nests(type(layer), last, tuple(value.shape), shape)
    return cut(type(layer), last, value, shape) if is_part else value


def _without_wrappers(state_dict: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """The entries as those of a model that is neither compiled nor wrapped.

    ``module.`` may be a name of the model's own: it counts as a wrapper's where it leads all
    entries and none of the model.
    """
    given = {without_compiled(name): value for name, value in state_dict.items()}
    while given and all(name.startswith("module.") for name in given):
        if any(name.startswith("module.") for name in names):
            break
        given = {name.removeprefix("module."): value for name, value in given.items()}
    return given


def _mismatch(given: set[str], expected: set[str]) -> list[str]:
    missing = [f"missing: {name}" for name in sorted(expected - given)]
    spare = given - expected
    unexpected = [
        f"unexpected: {name}{did_you_mean(name, expected - given)}" for name in sorted(spare)
    ]
    return missing + unexpected


def _misshapen(entries: Mapping[str, Any], ours: Mapping[str, Any]) -> list[str]:
    return [
        f"shape of {name}: {_shape(ours[name])} here, {_shape(value)} in the checkpoint"
        for name, value in entries.items()
        if isinstance(value, Tensor) and isinstance(ours[name], Tensor)
        if not is_lazy(ours[name]) and _shape(value) != _shape(ours[name])
    ]


def _shape(tensor: Tensor) -> str:
    return "none yet" if is_lazy(tensor) else str(tuple(tensor.shape))
